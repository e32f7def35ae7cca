-- Reading zjsonb in parallel workers gives what one process gives.
SET client_min_messages = warning;
CREATE EXTENSION cvwiz;
CREATE TABLE parallel_documents (id int, document cvwiz.zjsonb);
INSERT INTO parallel_documents
SELECT n, jsonb_build_object('id', n, 'text', repeat(md5(n::text), 1 + n % 50), 'tags', jsonb_build_array(n % 7, 'x'))
FROM generate_series(1, 3000) n;
ANALYZE parallel_documents;

CREATE FUNCTION plan_of(query text) RETURNS SETOF text LANGUAGE plpgsql AS
'BEGIN RETURN QUERY EXECUTE ''EXPLAIN (COSTS OFF) '' || query; END';
CREATE FUNCTION digest() RETURNS text LANGUAGE sql AS $$
SELECT concat_ws('|', count(*), sum(cvwiz.snapshot_size(document)), sum((document ->> 'id')::int),
	count(*) FILTER (WHERE document @> '{"tags": [3]}'), count(DISTINCT document), max(document::text))
FROM parallel_documents
$$;

SET max_parallel_workers_per_gather = 0;
SELECT digest() AS serial \gset

SET max_parallel_workers_per_gather = 2;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET parallel_leader_participation = off;
SELECT count(*) > 0 AS is_parallel
FROM plan_of($$SELECT sum(cvwiz.snapshot_size(document)), count(*) FILTER (WHERE document @> '{"tags": [3]}'), max(document::text) FROM parallel_documents$$) AS line
WHERE line ~ 'Gather';
SELECT concat_ws('|', count(*), sum(cvwiz.snapshot_size(document)), sum((document ->> 'id')::int),
	count(*) FILTER (WHERE document @> '{"tags": [3]}'), (SELECT count(*) FROM (SELECT DISTINCT document FROM parallel_documents) d), max(document::text)) = :'serial' AS is_the_same
FROM parallel_documents;

DROP TABLE parallel_documents;
DROP FUNCTION plan_of(text), digest();
DROP EXTENSION cvwiz;
