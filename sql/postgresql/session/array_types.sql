-- Has the driver look up the types of arrays that parameters may have, all at once. asyncpg looks up the others, text[] among
-- them, by itself.
-- Params: none
-- Returns: one row of NULLs
SELECT NULL::uuid[], NULL::timestamptz[], NULL::int[], NULL::bigint[], NULL::float8[], NULL::bool[]
