-- Asked when `finish` changed fewer rows than it was given: which of them already hold exactly this end, because an
-- earlier attempt did commit and only its reply was lost. Compared byte by byte: collations take much for equal.
-- `rows` is what `finish` was given.
-- Params: rows
-- Returns: id
SELECT t.id
  FROM JSON_TABLE(:rows, '$[*]' COLUMNS (
           id {id_type} PATH '$.id',
           status integer PATH '$.status',
           keep integer PATH '$.keep',
           output longtext CHARACTER SET utf8mb4 PATH '$.output' ERROR ON ERROR,
           error longtext CHARACTER SET utf8mb4 PATH '$.error' ERROR ON ERROR
       )) AS d
       STRAIGHT_JOIN {table} AS t FORCE INDEX (PRIMARY) ON t.id = d.id
 WHERE t.status = d.status
   AND (d.keep OR CAST(CONVERT(t.output USING utf8mb4) AS BINARY) <=> CAST(d.output AS BINARY)) -- [errors]
   AND CAST(CONVERT(t.error USING utf8mb4) AS BINARY) <=> CAST(d.error AS BINARY) -- [errors]
   AND IF(d.error IS NOT NULL, -- [not errors]
          CAST(CONVERT(RIGHT(t.output, CHAR_LENGTH(d.error)) USING utf8mb4) AS BINARY) = CAST(d.error AS BINARY), -- [not errors]
          d.keep OR CAST(CONVERT(t.output USING utf8mb4) AS BINARY) <=> CAST(d.output AS BINARY)) -- [not errors]
