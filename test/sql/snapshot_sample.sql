-- sample_sizes(): columns with snapshot limits.
\pset format unaligned
\pset footer off
\pset null -
\set SHOW_CONTEXT never
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';
CREATE EXTENSION cvwiz;
SET cvwiz.now = '2026-08-31 12:00';
SET cvwiz.snapshot_notice = off;
CREATE ROLE regress_cvwiz_owner;
CREATE SCHEMA app;
GRANT USAGE, CREATE ON SCHEMA app TO PUBLIC;
SET search_path = app;

-- the newest samples, and whether they say what counting does
CREATE VIEW public.samples AS
SELECT s.relation::regclass AS relation, s.snapshot_column, s.rows_estimate AS rows, s.documents, s.raw_bytes, s.stored_bytes,
	s.total_bytes = (SELECT sum(pg_total_relation_size(t)) FROM (SELECT relid FROM pg_partition_tree(s.relation) UNION SELECT s.relation) u(t)) AS size_ok,
	coalesce(s.rows_purged::text, s.partitions::text, s.covered_until::text, s.oldest_record::text, s.newest_record::text, s.expires_from::text) AS of_policies
FROM cvwiz.size_sample s WHERE s.snapshot_column IS NOT NULL AND s.sampled_at = cvwiz.clock()
ORDER BY s.relation::regclass::text COLLATE "C", s.snapshot_column::text COLLATE "C";

-- ---- every type, up to 100 documents: all of them ----

CREATE DOMAIN profile AS jsonb CHECK (jsonb_typeof(value) = 'object');
CREATE DOMAIN short AS cvwiz.zjsonb;
CREATE TABLE docs (id int, plain jsonb, text json, packed cvwiz.zjsonb, dom profile, zdom short);
SELECT count(cvwiz.add_snapshot_limits('docs', c)) FROM unnest('{plain,text,packed,dom,zdom}'::name[]) c;
INSERT INTO docs SELECT n, d, d::json, d, d, d FROM (
	SELECT n, jsonb_build_object('n', n, 'text', repeat(md5(n::text), n)) FROM generate_series(1, 90) n) s(n, d);
-- NULL is no document
INSERT INTO docs SELECT 0 FROM generate_series(1, 10);
-- reading a table must not make it grow: its visibility map is there
VACUUM ANALYZE docs;
SELECT cvwiz.sample_sizes();
SELECT relation, snapshot_column, rows, documents, raw_bytes, size_ok, of_policies FROM public.samples;
SELECT sum(octet_length(plain::text)) AS plain, sum(octet_length(text::text)) AS text, sum(cvwiz.snapshot_size(packed)) AS packed, sum(octet_length(dom::text)) AS dom FROM docs;
SELECT s.stored_bytes = CASE s.snapshot_column WHEN 'plain' THEN plain WHEN 'text' THEN text WHEN 'packed' THEN packed WHEN 'dom' THEN dom ELSE zdom END AS as_counted
FROM public.samples s, (SELECT sum(pg_column_size(plain)) AS plain, sum(pg_column_size(text)) AS text, sum(pg_column_size(packed)) AS packed, sum(pg_column_size(dom)) AS dom, sum(pg_column_size(zdom)) AS zdom FROM docs) c;
-- an hour later again, not before
SET cvwiz.now = '2026-08-31 12:59:59';
SELECT cvwiz.sample_sizes();
SET cvwiz.now = '2026-08-31 13:00';
SELECT cvwiz.sample_sizes();
SELECT count(*) FROM cvwiz.size_sample;

-- ---- more than 100: some of them, from everywhere ----

CREATE TABLE many (n int, doc jsonb);
SELECT cvwiz.add_snapshot_limits('many', 'doc');
ALTER TABLE many ALTER COLUMN doc SET STORAGE EXTERNAL;
INSERT INTO many SELECT n, jsonb_build_object('x', repeat('x', 200)) FROM generate_series(1, 20000) n;
VACUUM ANALYZE many;
SET cvwiz.now = '2026-08-31 15:00';
SELECT cvwiz.sample_sizes() > 0 AS taken;
SELECT rows, documents, raw_bytes = documents * octet_length((SELECT doc::text FROM many LIMIT 1)) AS raw_ok, stored_bytes = documents * (SELECT pg_column_size(doc) FROM many LIMIT 1) AS stored_ok FROM public.samples WHERE relation = 'many'::regclass;
-- mostly NULL: fewer, and not for the price of reading it all
UPDATE many SET doc = NULL WHERE n % 100 <> 0;
VACUUM ANALYZE many;
SET cvwiz.now = '2026-08-31 16:00';
SELECT cvwiz.sample_sizes() > 0 AS taken;
SELECT documents < 100 AS fewer FROM public.samples WHERE relation = 'many'::regclass;
DROP TABLE many;

-- ---- partitions: each has its share; one sample for all of them ----

CREATE TABLE parts (k int, doc jsonb) PARTITION BY RANGE (k);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (1) TO (2);
CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM (2) TO (4) PARTITION BY LIST (k);
CREATE TABLE parts_2_2 PARTITION OF parts_2 FOR VALUES IN (2);
CREATE TABLE parts_2_3 PARTITION OF parts_2 FOR VALUES IN (3);
CREATE TABLE parts_4 PARTITION OF parts FOR VALUES FROM (4) TO (5);
SELECT cvwiz.add_snapshot_limits('parts', 'doc');
-- 2000 documents each, of a size by their partition; the last one has none
INSERT INTO parts SELECT k, jsonb_build_object('x', repeat('x', 700 + k)) FROM generate_series(1, 3) k, generate_series(1, 2000);
VACUUM ANALYZE parts;
SET cvwiz.now = '2026-08-31 17:00';
SELECT cvwiz.sample_sizes() > 0 AS taken;
SELECT relation, snapshot_column, rows, documents, raw_bytes BETWEEN 100 * 711 AND 100 * 713 AS from_all, size_ok FROM public.samples WHERE relation::text LIKE 'parts%';
-- a foreign partition is not read
CREATE FOREIGN DATA WRAPPER regress_cvwiz_wrapper;
CREATE SERVER regress_cvwiz_server FOREIGN DATA WRAPPER regress_cvwiz_wrapper;
CREATE FOREIGN TABLE parts_5 PARTITION OF parts FOR VALUES FROM (5) TO (6) SERVER regress_cvwiz_server;
SET cvwiz.now = '2026-08-31 18:00';
SELECT cvwiz.sample_sizes() > 0 AS taken;
SELECT relation, documents FROM public.samples WHERE relation::text LIKE 'parts%';
DROP TABLE parts;

-- ---- empty, foreign, temporary ----

CREATE TABLE empty (doc jsonb);
CREATE FOREIGN TABLE far (doc jsonb) SERVER regress_cvwiz_server;
CREATE TEMP TABLE brief (doc jsonb);
SELECT cvwiz.add_snapshot_limits('empty', 'doc');
CREATE TRIGGER limits BEFORE INSERT ON far FOR EACH ROW EXECUTE FUNCTION cvwiz.enforce_snapshot_limits('doc');
CREATE TRIGGER limits BEFORE INSERT ON brief FOR EACH ROW EXECUTE FUNCTION cvwiz.enforce_snapshot_limits('doc');
SET cvwiz.now = '2026-08-31 19:00';
SELECT cvwiz.sample_sizes() > 0 AS taken;
SELECT relation, rows, documents, raw_bytes, stored_bytes, size_ok FROM public.samples WHERE relation <> 'docs'::regclass;
DROP TABLE brief;
DROP FOREIGN TABLE far;

-- ---- huge ones: what would take reading much more than 32 MB is left out ----

CREATE TABLE huge (doc jsonb, text json, packed cvwiz.zjsonb);
INSERT INTO huge SELECT d, d::json, d FROM (SELECT jsonb_build_object('x', repeat('x', 20000000))) s(d), generate_series(1, 3);
INSERT INTO huge VALUES ('{}', '{}', '{}');
VACUUM huge;
SELECT count(cvwiz.add_snapshot_limits('huge', c, max_size => 50000000)) FROM unnest('{doc,text,packed}'::name[]) c;
SET cvwiz.now = '2026-08-31 20:00';
SELECT cvwiz.sample_sizes() > 0 AS taken;
SELECT snapshot_column, documents, raw_bytes, size_ok FROM public.samples WHERE relation = 'huge'::regclass;
DROP TABLE huge;

-- ---- what cannot be read stops nothing else, and is warned of once an hour ----

CREATE TABLE forced (doc jsonb);
CREATE TABLE hidden (doc jsonb);
INSERT INTO forced VALUES ('{"a": 1}');
INSERT INTO hidden VALUES ('{"a": 1}');
SELECT cvwiz.add_snapshot_limits('forced', 'doc'), cvwiz.add_snapshot_limits('hidden', 'doc');
ALTER TABLE forced OWNER TO regress_cvwiz_owner;
ALTER TABLE hidden OWNER TO regress_cvwiz_owner;
CREATE POLICY nothing ON hidden USING (false);
ALTER TABLE forced ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE hidden ENABLE ROW LEVEL SECURITY;
CREATE TABLE mixed (k int, doc jsonb) PARTITION BY LIST (k);
CREATE TABLE mixed_1 PARTITION OF mixed FOR VALUES IN (1);
SELECT cvwiz.add_snapshot_limits('mixed', 'doc');
ALTER TABLE mixed OWNER TO regress_cvwiz_owner;
GRANT regress_cvwiz_owner TO CURRENT_USER;
CREATE ROLE regress_cvwiz_other;
ALTER TABLE mixed_1 OWNER TO regress_cvwiz_other;
-- triggers made by hand: a column that is gone, another type, twice the same
CREATE TABLE odd (doc jsonb, num int);
INSERT INTO odd VALUES ('{}', 1);
CREATE TRIGGER gone BEFORE INSERT ON odd FOR EACH ROW EXECUTE FUNCTION cvwiz.enforce_snapshot_limits('nodoc');
CREATE TRIGGER type BEFORE INSERT ON odd FOR EACH ROW EXECUTE FUNCTION cvwiz.enforce_snapshot_limits('num');
CREATE TRIGGER one BEFORE INSERT ON odd FOR EACH ROW EXECUTE FUNCTION cvwiz.enforce_snapshot_limits('doc');
CREATE TRIGGER two BEFORE UPDATE ON odd FOR EACH ROW EXECUTE FUNCTION cvwiz.enforce_snapshot_limits('doc', 'max_size=x');
CREATE TRIGGER none BEFORE UPDATE ON odd FOR EACH ROW EXECUTE FUNCTION cvwiz.enforce_snapshot_limits();
CREATE TABLE "ta""b'le; %s" ("do""c'; --" jsonb);
INSERT INTO "ta""b'le; %s" VALUES ('{"a": 1}');
SELECT cvwiz.add_snapshot_limits('"ta""b''le; %s"', 'do"c''; --');
VACUUM forced, hidden, odd, "ta""b'le; %s";
SET cvwiz.now = '2026-08-31 21:00';
SELECT cvwiz.sample_sizes();
SELECT relation, snapshot_column, documents, raw_bytes, stored_bytes, size_ok FROM public.samples WHERE relation <> 'docs'::regclass;
SELECT cvwiz.sample_sizes();
-- for an owner, her own
GRANT EXECUTE ON FUNCTION cvwiz.sample_sizes(), cvwiz.sample_policies(), cvwiz.sample_snapshots(), cvwiz.sample_versions() TO regress_cvwiz_owner;
SET cvwiz.now = '2026-08-31 22:00';
ALTER TABLE forced NO FORCE ROW LEVEL SECURITY;
SET client_min_messages = error;
SET ROLE regress_cvwiz_owner;
SELECT cvwiz.sample_sizes();
RESET ROLE;
RESET client_min_messages;
SELECT relation, documents FROM public.samples;

-- ---- samples of a dropped column go with it ----

SELECT count(*) > 0 AS there FROM cvwiz.size_sample WHERE relation = 'docs'::regclass AND snapshot_column = 'plain';
SELECT cvwiz.remove_snapshot_limits('docs', 'plain');
ALTER TABLE docs DROP COLUMN plain, DROP COLUMN id;
SELECT snapshot_column, count(*) > 0 AS there FROM cvwiz.size_sample WHERE relation = 'docs'::regclass GROUP BY 1 ORDER BY 1;

SET client_min_messages = warning;
DROP VIEW public.samples;
DROP SCHEMA app CASCADE;
DROP EXTENSION cvwiz;
DROP SCHEMA cvwiz;
DROP FOREIGN DATA WRAPPER regress_cvwiz_wrapper CASCADE;
DROP ROLE regress_cvwiz_owner, regress_cvwiz_other;
