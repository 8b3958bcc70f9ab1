-- The tables of this file. There are no triggers of ours here.
-- Params: none
-- Returns: kind, name
SELECT type AS kind, name FROM sqlite_master WHERE type = 'table'
