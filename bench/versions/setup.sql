-- The documents, and where the figures go.

CREATE SCHEMA bench;
SET search_path = bench;

-- as text, neither compressed nor parsed already; id: in the order in which they are stored
CREATE TABLE document (kb int, chain int, version int, id bigint, doc text, PRIMARY KEY (kb, id));
ALTER TABLE document ALTER doc SET STORAGE EXTERNAL;
CREATE TEMP TABLE read (kb int, chain int, version int, doc json);
\copy read FROM pstdin

-- All chains grow together.
INSERT INTO document
SELECT kb, chain, version, row_number() OVER (PARTITION BY kb ORDER BY version, hashint4(chain * 100 + version)), doc::jsonb::text
FROM read;
DROP TABLE read;
ANALYZE document;

-- Bytes of a table with its TOAST table and their indexes, without the maps of free space and
-- visibility, which take 32 kB for each of them, however little there is.
CREATE FUNCTION disk(relation regclass) RETURNS numeric LANGUAGE sql AS $$
SELECT sum(pg_relation_size(r)) FROM (
	SELECT t.oid FROM pg_class c, unnest(ARRAY[c.oid, NULLIF(c.reltoastrelid, 0)]) t (oid) WHERE c.oid = relation AND t.oid IS NOT NULL
	UNION ALL
	SELECT i.indexrelid FROM pg_class c JOIN pg_index i ON i.indrelid IN (c.oid, c.reltoastrelid) WHERE c.oid = relation) all_of_it (r)
$$;

CREATE TABLE size (kb int, chains int, what text, bytes numeric);
-- us: microseconds for one document, in one round
CREATE TABLE timing (measured text, kb int, variant text, round int, us double precision);
-- every transaction of pgbench's logs; the script by its place in the command
CREATE TABLE transaction (measured text, run int, script int, us double precision);
CREATE TABLE throughput (measured text, variant text, run int, tps double precision);
CREATE TABLE wal (measured text, variant text, bytes numeric);
