-- What add_version_store() refuses, what triggers that were made by hand say, and
-- where the session's settings must not matter.
\pset format unaligned
\pset footer off
\pset null -
CREATE EXTENSION cvwiz;
CREATE SCHEMA app;
SET search_path = app;

CREATE FUNCTION app.error_of(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	detail text;
	hint text;
BEGIN
	EXECUTE statement;
	RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN concat_ws(E'\n', sqlstate || ': ' || sqlerrm, '  detail: ' || nullif(detail, ''), '  hint: ' || nullif(hint, ''));
END $$;

-- ---- arguments ----

CREATE DOMAIN jsonb_object AS jsonb CONSTRAINT is_object CHECK (jsonb_typeof(VALUE) = 'object');
CREATE TABLE docs (id int, j json, z cvwiz.zjsonb, b jsonb, d jsonb_object, t text, a jsonb[], g jsonb GENERATED ALWAYS AS (b -> 'x') STORED, p point, gi int GENERATED ALWAYS AS (id + 1) STORED, x xml, js json, "Mixed Case" int);
CREATE VIEW docs_view AS SELECT * FROM docs;
CREATE MATERIALIZED VIEW docs_materialized AS SELECT id, b FROM docs;
CREATE FOREIGN DATA WRAPPER nowhere;
CREATE SERVER nowhere FOREIGN DATA WRAPPER nowhere;
CREATE FOREIGN TABLE docs_foreign (id int, b jsonb) SERVER nowhere;
CREATE INDEX docs_index ON docs (id);
SELECT c AS "column", error_of(format('SELECT cvwiz.add_version_store(%L, %L, %L)', 'docs', c, '{id}')) FROM unnest('{j,z,t,a,g,ctid,nope,"",B}'::text[]) c;
SELECT c AS "table", error_of(format('SELECT cvwiz.add_version_store(%L, %L, %L)', c, 'b', '{id}')) FROM unnest('{docs_view,docs_materialized,docs_foreign,docs_index}'::text[]) c;
SELECT c AS chain, error_of(format('SELECT cvwiz.add_version_store(%L, %L, %L)', 'docs', 'b', c)) FROM unnest('{"{}","{nope}","{b}","{id,NULL}","{NULL}","{p}","{id,x}","{js}","{gi}","{ctid}","{tableoid}","{\"mixed case\"}"}'::text[]) c;
SELECT error_of($$SELECT cvwiz.add_version_store(NULL, 'b', '{id}')$$), error_of($$SELECT cvwiz.add_version_store('docs', NULL, '{id}')$$), error_of($$SELECT cvwiz.add_version_store('docs', 'b', NULL)$$), error_of($$SELECT cvwiz.add_version_store('docs', 'b', '{id}', NULL)$$);
SELECT c AS keep, error_of(format('SELECT cvwiz.add_version_store(%L, %L, %L, %L)', 'docs', 'b', '{id}', c)) FROM unnest('{"",Metadata,all,m,"nothing "}'::text[]) c;
SELECT error_of('SELECT cvwiz.add_version_store(123456789, ''b'', ''{id}'')'), error_of('SELECT cvwiz.add_version_store(''pg_class'', ''relname'', ''{oid}'')') ~ '^(42501|42804)';
-- none of them has left anything
SELECT count(*) FROM pg_trigger WHERE tgrelid IN ('docs'::regclass, 'docs_foreign'::regclass);
-- a chain that names a column twice, many columns, awkward names; two stores of a table
SELECT cvwiz.add_version_store('docs', 'b', '{id,id}'), cvwiz.add_version_store('docs', 'd', '{id,t,"Mixed Case"}', 'nothing');
SELECT error_of($$SELECT cvwiz.add_version_store('docs', 'b', '{t}')$$);
CREATE TABLE "A ""quoted"" table" ("the {1,2}" int, "a,b" int, "c\d" int, "it's" jsonb, "NULL" int);
SELECT cvwiz.add_version_store('"A ""quoted"" table"', 'it''s', ARRAY['the {1,2}', 'a,b', 'c\d', 'NULL']);
SELECT relation, snapshot_column, chain_columns, keep, trigger_name, enabled FROM cvwiz.version_stores ORDER BY trigger_name COLLATE "C";
INSERT INTO "A ""quoted"" table" VALUES (1, 2, 3, '{"a": 1}', 4), (1, 2, 3, '{"a": 2}', 5);
SELECT cvwiz.version("it's") FROM "A ""quoted"" table" ORDER BY "NULL";
SELECT count(DISTINCT chain_key) FROM cvwiz.snapshot_version;
CREATE TABLE long (a123456789a123456789a123456789a123456789a123456789a12345678 jsonb, a123456789a123456789a123456789a123456789a123456789a12345679 jsonb, id int);
SELECT cvwiz.add_version_store('long', attname, '{id}') FROM pg_attribute WHERE attrelid = 'long'::regclass AND atttypid = 'jsonb'::regtype ORDER BY attnum;
SELECT tgname FROM pg_trigger WHERE tgrelid = 'long'::regclass ORDER BY 1;
INSERT INTO long VALUES ('1', '2', 3);
SELECT cvwiz.version(l.a123456789a123456789a123456789a123456789a123456789a12345678), cvwiz.version(l.a123456789a123456789a123456789a123456789a123456789a12345679) FROM long l;
SELECT cvwiz.remove_version_store('long', attname) FROM pg_attribute WHERE attrelid = 'long'::regclass AND atttypid = 'jsonb'::regtype ORDER BY attnum;
SELECT l::text, (SELECT count(*) FROM pg_trigger WHERE tgrelid = 'long'::regclass) AS triggers FROM long l;
-- not the owner's
CREATE ROLE version_owner;
CREATE ROLE version_other;
GRANT ALL ON SCHEMA app TO PUBLIC;
GRANT EXECUTE ON FUNCTION cvwiz.add_version_store(regclass, name, name[], text) TO PUBLIC;
SET ROLE version_owner;
CREATE TABLE app.owned (id int, b jsonb);
GRANT ALL ON app.owned TO version_other;
SET ROLE version_other;
SELECT error_of($$SELECT cvwiz.add_version_store('app.owned', 'b', '{id}')$$);
SET ROLE version_owner;
SELECT cvwiz.add_version_store('app.owned', 'b', '{id}');
RESET ROLE;
-- an archive of the rows would have the stubs only
CREATE TABLE logs (at timestamptz NOT NULL, id int, b jsonb) PARTITION BY RANGE (at);
SELECT cvwiz.add_retention_policy('logs', 'at', granularity => 'partition');
UPDATE cvwiz.retention_policy SET archive_to = '/nowhere' WHERE relation = 'logs'::regclass;
SELECT error_of($$SELECT cvwiz.add_version_store('logs', 'b', '{id}')$$);

-- ---- triggers made by hand ----

CREATE TABLE hand (id int, b jsonb);
CREATE FUNCTION app.fired(arguments text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	EXECUTE format('CREATE TRIGGER t BEFORE INSERT ON app.hand FOR EACH ROW EXECUTE FUNCTION cvwiz.store_version(%s)', arguments);
	result := app.error_of('INSERT INTO app.hand VALUES (1, ''{"a": 1}'')') || E'\n  view: ' || (SELECT s::text FROM cvwiz.version_stores s WHERE trigger_name = 't');
	DROP TRIGGER t ON app.hand;
	RETURN result;
END $$;
SELECT a, fired(a) FROM unnest(ARRAY['', $$'b'$$, $$'b', 'chain={id}'$$, $$'b', 'keep=metadata'$$, $$'b', 'chain={id}', 'keep=all'$$, $$'b', 'chain={id}', 'keep=nothing', 'more=1'$$, $$'b', 'chain={id}', 'chain={id}', 'keep=nothing'$$,
	$$'b', 'chain={id', 'keep=nothing'$$, $$'b', 'chain=id', 'keep=nothing'$$, $$'b', 'chain={{id}}', 'keep=nothing'$$, $$'b', 'chain={nope}', 'keep=nothing'$$, $$'nope', 'chain={id}', 'keep=nothing'$$, $$'id', 'chain={id}', 'keep=nothing'$$,
	$$'chain={id}', 'b', 'keep=nothing'$$, $$'b', 'CHAIN={id}', 'keep=nothing'$$]) a;
-- well formed, in another order
CREATE TRIGGER t BEFORE INSERT ON hand FOR EACH ROW EXECUTE FUNCTION cvwiz.store_version('b', 'keep=nothing', 'chain={id}');
INSERT INTO hand VALUES (1, '{"a": 1}');
SELECT cvwiz.version(b), (SELECT s::text FROM cvwiz.version_stores s WHERE trigger_name = 't') FROM hand;
ALTER TABLE hand DISABLE TRIGGER t;
SELECT enabled FROM cvwiz.version_stores WHERE trigger_name = 't';
DROP TRIGGER t ON hand;
-- fired by something else
CREATE FUNCTION app.misfired(timing text, level text, function text, statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	EXECUTE format('CREATE TRIGGER t %s ON app.hand FOR EACH %s EXECUTE FUNCTION cvwiz.%s', timing, level, function);
	result := app.error_of(statement);
	DROP TRIGGER t ON app.hand;
	RETURN result;
END $$;
SELECT t, l, f, misfired(t, l, f, s) FROM (VALUES ('AFTER INSERT', 'ROW', $$store_version('b', 'chain={id}', 'keep=nothing')$$, 'INSERT INTO app.hand VALUES (2)'), ('BEFORE DELETE', 'ROW', $$store_version('b', 'chain={id}', 'keep=nothing')$$, 'DELETE FROM app.hand'),
	('BEFORE INSERT', 'STATEMENT', $$store_version('b', 'chain={id}', 'keep=nothing')$$, 'INSERT INTO app.hand VALUES (2)'), ('BEFORE DELETE', 'ROW', $$follow_version('b')$$, 'DELETE FROM app.hand'), ('AFTER DELETE', 'STATEMENT', $$follow_version('b')$$, 'DELETE FROM app.hand'),
	('AFTER INSERT', 'ROW', 'follow_version()', 'INSERT INTO app.hand VALUES (2)'), ('AFTER INSERT', 'ROW', $$follow_version('b', 'c')$$, 'INSERT INTO app.hand VALUES (2)'), ('AFTER INSERT', 'ROW', $$follow_version('nope')$$, 'INSERT INTO app.hand VALUES (2)'),
	('BEFORE TRUNCATE', 'STATEMENT', $$forget_versions('b')$$, 'TRUNCATE app.hand'), ('AFTER INSERT', 'STATEMENT', $$forget_versions('b')$$, 'INSERT INTO app.hand VALUES (2)'), ('AFTER TRUNCATE', 'STATEMENT', 'forget_versions()', 'TRUNCATE app.hand')) v(t, l, f, s);
SELECT error_of('SELECT cvwiz.store_version()'), error_of('SELECT cvwiz.follow_version()'), error_of('SELECT cvwiz.forget_versions()');
SELECT * FROM cvwiz.trigger_version_store(0), cvwiz.trigger_version_store((SELECT oid FROM pg_trigger WHERE tgname = '~cvwiz_versions_after_b' AND tgrelid = 'docs'::regclass)) other;

-- ---- domains ----

INSERT INTO docs (id, d) VALUES (1, '{"a": {"b": 1}}');
UPDATE docs SET d = d WHERE id = 1;
UPDATE docs SET d = '{"a": 2}' WHERE id = 1;
SELECT cvwiz.version(d), pg_typeof(d) FROM docs WHERE id = 1;
SELECT error_of($$INSERT INTO app.docs (id, d) VALUES (2, '[]')$$);
-- it holds for the stub as well
CREATE DOMAIN named AS jsonb CONSTRAINT has_name CHECK (VALUE ? 'name') NOT NULL;
CREATE DOMAIN over_named AS named CHECK (octet_length(VALUE::text) < 500);
CREATE TABLE domains (id int, n named, o over_named);
SELECT cvwiz.add_version_store('domains', 'n', '{id}'), cvwiz.add_version_store('domains', 'o', '{id}');
INSERT INTO domains VALUES (1, '{"name": "Ann", "x": {}}', '{"name": "Ann", "x": {}}');
SELECT n ->> 'name' AS name, cvwiz.version(n), cvwiz.version(o) FROM domains;
SELECT error_of($$INSERT INTO app.domains VALUES (2, '{"name": "Ann"}', NULL)$$), error_of($$INSERT INTO app.domains VALUES (2, '{}', '{"name": "Ann"}')$$), error_of($$INSERT INTO app.domains VALUES (2, '{"name": {"in": "an object"}}', '{"name": "Ann"}')$$);
SELECT cvwiz.remove_version_store('domains', 'n'), cvwiz.add_version_store('domains', 'n', '{id}', 'nothing');
SELECT error_of($$UPDATE app.domains SET n = '{"name": "Bob"}'$$);
SELECT n, cvwiz.version(o) FROM domains;

-- ---- hostile names in front, and none at all ----

CREATE SCHEMA evil;
CREATE FUNCTION evil.hit() RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE WARNING 'evil'; RETURN NULL; END $$;
CREATE FUNCTION evil.eq(bigint, bigint) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN PERFORM evil.hit(); RETURN true; END $$;
CREATE FUNCTION evil.eq(int, int) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN PERFORM evil.hit(); RETURN true; END $$;
CREATE FUNCTION evil.eq(oid, oid) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN PERFORM evil.hit(); RETURN true; END $$;
CREATE FUNCTION evil.eq(name, name) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN PERFORM evil.hit(); RETURN true; END $$;
CREATE FUNCTION evil.has(jsonb, text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN PERFORM evil.hit(); RETURN false; END $$;
CREATE OPERATOR evil.= (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = evil.eq);
CREATE OPERATOR evil.= (LEFTARG = int, RIGHTARG = int, FUNCTION = evil.eq);
CREATE OPERATOR evil.= (LEFTARG = oid, RIGHTARG = oid, FUNCTION = evil.eq);
CREATE OPERATOR evil.= (LEFTARG = name, RIGHTARG = name, FUNCTION = evil.eq);
CREATE OPERATOR evil.? (LEFTARG = jsonb, RIGHTARG = text, FUNCTION = evil.has);
CREATE FUNCTION evil.count(bigint) RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN PERFORM evil.hit(); RETURN 0; END $$;
CREATE FUNCTION evil.octet_length(bytea) RETURNS int LANGUAGE plpgsql AS $$ BEGIN PERFORM evil.hit(); RETURN 0; END $$;
CREATE FUNCTION evil.unnest(bigint[]) RETURNS SETOF bigint LANGUAGE plpgsql AS $$ BEGIN PERFORM evil.hit(); END $$;
CREATE TABLE evil.snapshot_version (version_id bigint);
CREATE TABLE evil.pg_class (oid oid);
CREATE TABLE evil.pg_trigger (oid oid);
CREATE DOMAIN evil.regclass AS oid;
CREATE TABLE evil.docs (id int, edit int, b jsonb);
CREATE FUNCTION app.do_all() RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM cvwiz.add_version_store('evil.docs'::pg_catalog.regclass, 'b', '{id}');
	INSERT INTO evil.docs SELECT 1, n, pg_catalog.jsonb_build_object('edit', n, 'text', pg_catalog.repeat(pg_catalog.md5(n::text), 20)) FROM pg_catalog.generate_series(1, 40) n;
	DELETE FROM evil.docs WHERE edit OPERATOR(pg_catalog.<) 20;
	UPDATE evil.docs SET b = pg_catalog.jsonb_build_object('edit', edit) WHERE edit OPERATOR(pg_catalog.=) 30;
	RETURN (SELECT pg_catalog.concat_ws(' ', s.versions, (SELECT pg_catalog.max(problem) FROM cvwiz.verify_versions('evil.docs'::pg_catalog.regclass)), (SELECT pg_catalog.sum((cvwiz.version(b) OPERATOR(pg_catalog.->) 'edit')::int) FROM evil.docs)) FROM cvwiz.version_stats('evil.docs'::pg_catalog.regclass) s);
END $$;
SET search_path = evil, pg_catalog;
SELECT app.do_all();
CALL cvwiz.repack_versions('evil.docs'::pg_catalog.regclass);
SELECT snapshot_column, chain_columns FROM cvwiz.version_stores WHERE relation OPERATOR(pg_catalog.=) 'evil.docs'::pg_catalog.regclass::oid;
SELECT cvwiz.remove_version_store('evil.docs'::pg_catalog.regclass, 'b');
SELECT pg_catalog.sum((b OPERATOR(pg_catalog.->) 'edit')::int) FROM evil.docs;
TRUNCATE evil.docs;
SET search_path = '';
SELECT app.do_all();
CALL cvwiz.repack_versions('evil.docs');
SELECT cvwiz.remove_version_store('evil.docs', 'b');
SELECT sum((b -> 'edit')::int) FROM evil.docs;
CALL cvwiz.repack_versions();
SET search_path = app;

SET client_min_messages = warning;
DROP SCHEMA app, evil CASCADE;
DROP SERVER nowhere CASCADE;
DROP FOREIGN DATA WRAPPER nowhere;
DROP EXTENSION cvwiz;
DROP SCHEMA cvwiz;
DROP ROLE version_owner, version_other;
