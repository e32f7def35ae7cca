-- The first :chains chains of a size, :kb, in tables that differ in how they keep them, and what
-- they take on the disk.
SET search_path = bench;
SET client_min_messages = warning;

-- A new extension has an empty store.
DROP EXTENSION IF EXISTS cvwiz CASCADE;
CREATE EXTENSION cvwiz;
DROP TABLE IF EXISTS pglz, lz4, zjsonb, metadata, nothing;
CREATE TABLE pglz (id bigint PRIMARY KEY, doc jsonb COMPRESSION pglz);
CREATE TABLE lz4 (id bigint PRIMARY KEY, doc jsonb COMPRESSION lz4);
CREATE TABLE zjsonb (id bigint PRIMARY KEY, doc cvwiz.zjsonb);
CREATE TABLE metadata (id bigint PRIMARY KEY, chain int, doc jsonb);
CREATE TABLE nothing (id bigint PRIMARY KEY, chain int, doc jsonb);
SELECT cvwiz.add_version_store('metadata', 'doc', '{chain}', keep => 'metadata');
SELECT cvwiz.add_version_store('nothing', 'doc', '{chain}', keep => 'nothing');

INSERT INTO pglz SELECT id, doc::jsonb FROM document WHERE kb = :kb AND chain <= :chains ORDER BY id;
INSERT INTO lz4 SELECT id, doc::jsonb FROM document WHERE kb = :kb AND chain <= :chains ORDER BY id;
INSERT INTO zjsonb SELECT id, doc::cvwiz.zjsonb FROM document WHERE kb = :kb AND chain <= :chains ORDER BY id;
INSERT INTO metadata SELECT id, chain, doc::jsonb FROM document WHERE kb = :kb AND chain <= :chains ORDER BY id;
VACUUM ANALYZE pglz, lz4, zjsonb, metadata, cvwiz.snapshot_version, cvwiz.version_source, cvwiz.dead_version;

-- all of it, byte for byte
DO $$
BEGIN
	ASSERT (SELECT bool_and(cvwiz.version_text(doc)::text = (SELECT d.doc FROM bench.document d WHERE d.kb = current_setting('bench.kb')::int AND d.id = m.id)) FROM bench.metadata m);
END $$;

INSERT INTO size
SELECT :kb, :chains, 'text', sum(octet_length(doc)) FROM document WHERE kb = :kb AND chain <= :chains
UNION ALL SELECT :kb, :chains, 'documents', count(*) FROM document WHERE kb = :kb AND chain <= :chains
-- gzip's frame has 18 bytes
UNION ALL SELECT :kb, :chains, 'zlib', sum(octet_length(cvwiz.gzip(doc::jsonb)) - 18) FROM document WHERE kb = :kb AND chain <= :chains
UNION ALL SELECT :kb, :chains, 'pglz alone', sum(pg_column_size(doc)) FROM pglz
UNION ALL SELECT :kb, :chains, what, disk(what::regclass) FROM unnest(ARRAY['pglz', 'lz4', 'zjsonb', 'metadata']) what
UNION ALL SELECT :kb, :chains, 'metadata alone', sum(pg_column_size(doc)) FROM metadata
UNION ALL SELECT :kb, :chains, 'content', sum(octet_length(content)) FROM cvwiz.snapshot_version
UNION ALL SELECT :kb, :chains, 'keyframes', count(*) FROM cvwiz.snapshot_version WHERE base_id IS NULL
UNION ALL SELECT :kb, :chains, 'store with maps', sum(pg_total_relation_size(c)) FROM unnest(ARRAY['cvwiz.snapshot_version', 'cvwiz.version_source', 'cvwiz.dead_version']::regclass[]) c
UNION ALL SELECT :kb, :chains, 'store', sum(disk(c)) FROM unnest(ARRAY['cvwiz.snapshot_version', 'cvwiz.version_source', 'cvwiz.dead_version']::regclass[]) c
UNION ALL SELECT :kb, :chains, 'store''s indexes', sum(pg_indexes_size(c)) FROM unnest(ARRAY['cvwiz.snapshot_version', 'cvwiz.version_source', 'cvwiz.dead_version']::regclass[]) c
UNION ALL SELECT :kb, :chains, 'store''s TOAST', disk(reltoastrelid) FROM pg_class WHERE oid = 'cvwiz.snapshot_version'::regclass;
