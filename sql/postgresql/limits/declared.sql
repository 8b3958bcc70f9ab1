-- Which of these functions have declared what their limits are.
-- Params: names
-- Returns: name
SELECT name FROM {limits} WHERE name = ANY (:names::text[])
