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

CREATE TABLE size (kb int, chains int, what text, bytes numeric);
-- us: microseconds for one document, in one round
CREATE TABLE timing (measured text, kb int, variant text, round int, us double precision);
-- every transaction of pgbench's logs; the script by its place in the command
CREATE TABLE transaction (measured text, run int, script int, us double precision);
CREATE TABLE throughput (measured text, variant text, run int, tps double precision);
CREATE TABLE wal (measured text, variant text, bytes numeric);
