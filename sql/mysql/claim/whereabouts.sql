-- Which server of a cluster this connection leads to.
-- Params: none
-- Returns: host, port, server_id
SELECT @@hostname AS host, @@port AS port, @@server_id AS server_id
