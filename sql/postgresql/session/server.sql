-- What answers here.
-- Params: none
-- Returns: version, number, encoding
SELECT current_setting('server_version') AS version,
       current_setting('server_version_num')::integer AS number,
       current_setting('server_encoding') AS encoding
