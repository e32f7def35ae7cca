-- The trigger: limits on a column, what it does with what exceeds them, and
-- every way by which a row comes into a table.
\pset format unaligned
\pset footer off
\pset null -
CREATE EXTENSION cvwiz;
CREATE SCHEMA app;
SET search_path = app;

-- The error of a statement, with its SQLSTATE.
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
CREATE FUNCTION app.state_of(statement text) RETURNS text LANGUAGE sql AS $$ SELECT substring(app.error_of(statement) FROM '^(?:[0-9A-Z]{5}|no error)') $$;
CREATE FUNCTION app.numbers(upto int, first int DEFAULT 1) RETURNS jsonb LANGUAGE sql IMMUTABLE AS
$$ SELECT coalesce(jsonb_agg(n ORDER BY n), '[]') FROM generate_series(first, upto) n $$;
-- Items that metadata only makes shorter.
CREATE FUNCTION app.items(upto int, width int DEFAULT 10) RETURNS jsonb LANGUAGE sql IMMUTABLE AS
$$ SELECT jsonb_build_object('items', jsonb_agg(jsonb_build_object('id', n, 'order', -n, 'text', repeat('x', width)) ORDER BY n)) FROM generate_series(1, upto) n $$;

-- ---- reduce ----

CREATE TABLE docs (id int PRIMARY KEY, snapshot jsonb);
SELECT cvwiz.add_snapshot_limits('docs', 'snapshot', max_size => 200, warning_size => 100, max_array_length => 4);
SELECT * FROM cvwiz.snapshot_limits;
SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE tgrelid = 'docs'::regclass;
-- up to the warning size as it is, with a long array too
INSERT INTO docs VALUES (1, '{"a": [1, 2, 3, 4, 5, 6]}'), (2, NULL), (3, to_jsonb(repeat('x', 98)));
-- above it truncated
INSERT INTO docs VALUES (4, jsonb_build_object('n', numbers(40)));
-- nothing to cut, and within the maximum: as it is, and not a word
INSERT INTO docs VALUES (5, to_jsonb(repeat('x', 198)));
-- truncated, and still above the maximum
INSERT INTO docs VALUES (6, items(10, 100));
SELECT id, cvwiz.snapshot_size(snapshot), left(snapshot::text, 70) FROM docs ORDER BY id;
-- all that can be done is not enough
SELECT error_of($$INSERT INTO docs VALUES (7, to_jsonb(repeat('x', 199)))$$);
SELECT error_of($$INSERT INTO docs VALUES (7, jsonb_build_object('a', repeat('x', 150), 'b', repeat('y', 80), '', true, 'c "q"', repeat('z', 1000), 'd', '{}'::jsonb, 'e', 1.5, 'f', numbers(20)))$$);
SELECT error_of($$INSERT INTO docs VALUES (7, items(9, 10) || jsonb_build_object('text', repeat('x', 612345)))$$);
SELECT error_of($$INSERT INTO docs SELECT 7, jsonb_agg(repeat('x', 100)) FROM generate_series(1, 5)$$);
-- long keys are cut between characters
SELECT split_part(error_of($$INSERT INTO docs SELECT 7, jsonb_object_agg('x' || repeat('é', 60) || n, repeat('y', 10 * n)) FROM generate_series(1, 9) n$$), E'\n', 2);
-- the error's fields, for the client
DO $$
DECLARE
	s text; t text; c text;
BEGIN
	INSERT INTO app.docs VALUES (7, to_jsonb(repeat('x', 199)));
EXCEPTION WHEN configuration_limit_exceeded THEN
	GET STACKED DIAGNOSTICS s = SCHEMA_NAME, t = TABLE_NAME, c = COLUMN_NAME;
	RAISE NOTICE '%, %, %', s, t, c;
END $$;
-- UPDATE
UPDATE docs SET snapshot = jsonb_build_object('n', numbers(50)) WHERE id = 1;
UPDATE docs SET snapshot = snapshot || '{"small": 1}' WHERE id = 1;
SELECT error_of($$UPDATE docs SET snapshot = to_jsonb(repeat('x', 300)) WHERE id = 1$$);
UPDATE docs SET snapshot = NULL WHERE id = 4;
SELECT id, snapshot FROM docs WHERE id IN (1, 4) ORDER BY id;

-- ---- truncate, reject ----

CREATE TABLE cut (snapshot jsonb);
SELECT cvwiz.add_snapshot_limits('cut', 'snapshot', 'truncate', 200, 100, 4);
INSERT INTO cut VALUES (jsonb_build_object('n', numbers(100)));
SELECT error_of($$INSERT INTO cut VALUES (items(10, 100))$$);
SELECT * FROM cut;
CREATE TABLE strict (snapshot jsonb);
SELECT cvwiz.add_snapshot_limits('strict', 'snapshot', 'reject', 200, 100, 4);
-- above the warning size nothing is changed, and nothing said
INSERT INTO strict VALUES (jsonb_build_object('n', numbers(30)));
SELECT error_of($$INSERT INTO strict VALUES (jsonb_build_object('n', numbers(100)))$$);
SELECT * FROM strict;

-- ---- recent_by, fields ----

CREATE TABLE resumes (snapshot jsonb);
SELECT cvwiz.add_snapshot_limits('resumes', 'snapshot', 'reduce', 250, 50, 3, 'updatedAt', '{company,title}');
INSERT INTO resumes SELECT jsonb_build_object('work', jsonb_agg(jsonb_build_object('id', n, 'updatedAt', to_char(date '2026-01-01' + n * 7 % 10, 'YYYY-MM-DD'), 'text', 'x') ORDER BY n)) FROM generate_series(1, 10) n;
INSERT INTO resumes SELECT jsonb_build_object('work', jsonb_agg(jsonb_build_object('id', n, 'updatedAt', n, 'company', 'C' || n, 'text', repeat('x', 100)) ORDER BY n)) FROM generate_series(1, 10) n;
SELECT * FROM resumes;

-- ---- how it is told ----

CREATE TABLE told (snapshot jsonb);
SELECT cvwiz.add_snapshot_limits('told', 'snapshot', max_size => 100, warning_size => 50, max_array_length => 2);
SET cvwiz.snapshot_notice = warning;
INSERT INTO told VALUES (numbers(30)), (items(2, 100));
SET cvwiz.snapshot_notice = notice;
INSERT INTO told VALUES (numbers(30));
SET cvwiz.snapshot_notice = log;
INSERT INTO told VALUES (numbers(30));
SET client_min_messages = log;
INSERT INTO told VALUES (numbers(30));
RESET client_min_messages;
SET cvwiz.snapshot_notice = off;
INSERT INTO told VALUES (numbers(30)), (items(2, 100));
SET client_min_messages = notice;
-- off is not off for errors
SELECT state_of($$INSERT INTO told VALUES (to_jsonb(repeat('x', 100)))$$);
SELECT count(*), max(cvwiz.snapshot_size(snapshot)) FROM told;

-- ---- types of columns ----

CREATE DOMAIN jsonb_object AS jsonb CONSTRAINT is_object CHECK (jsonb_typeof(VALUE) = 'object');
CREATE DOMAIN two_items AS jsonb CONSTRAINT has_items CHECK (jsonb_array_length(VALUE -> 'items') >= 2) NOT NULL;
CREATE DOMAIN over_domain AS jsonb_object;
CREATE DOMAIN json_domain AS json;
CREATE DOMAIN zjsonb_domain AS cvwiz.zjsonb;
CREATE TABLE types (j json, b jsonb, z cvwiz.zjsonb, db jsonb_object, ddb over_domain, dj json_domain, dz zjsonb_domain, t text, a jsonb[]);
SELECT c, error_of(format('SELECT cvwiz.add_snapshot_limits(%L, %L, max_size => 100, warning_size => 50, max_array_length => 2)', 'types', c)) FROM unnest('{j,b,z,db,ddb,dj,dz,t,a,ctid,nope,""}'::text[]) c;
INSERT INTO types SELECT d, d, d, d, d, d, d FROM jsonb_build_object('n', numbers(40)) d;
SELECT j, b, z, db, ddb, dj, dz FROM types;
SELECT c, error_of(format('INSERT INTO types (%I) SELECT jsonb_build_object(''a'', repeat(''x'', 100))', c)) FROM unnest('{j,b,z,db,ddb,dj,dz}'::text[]) c;
SET cvwiz.snapshot_notice = notice;
-- json keeps its text up to the limits; white space counts, and goes first
INSERT INTO types (j, dz) SELECT j::json, '1' FROM unnest(ARRAY['{"b" : 1,    "a":[1,2,3],"b":2}', '{"a": 1,' || repeat(' ', 60) || '"b": 2}', '{"a": 1,' || repeat(' ', 200) || '"b": 2,   "a": 3}']) j;
SELECT j FROM types WHERE b IS NULL;
-- what jsonb cannot have
INSERT INTO types (j) VALUES ('"\u0000"'), ('1e200000');
SELECT state_of($$INSERT INTO types (j) VALUES (('["\u0000",' || repeat(' ', 200) || '1]')::json)$$);
-- the domain holds for what is left
CREATE TABLE domains (snapshot two_items);
SELECT cvwiz.add_snapshot_limits('domains', 'snapshot', max_size => 100, warning_size => 50, max_array_length => 2);
INSERT INTO domains VALUES (items(5));
SELECT cvwiz.remove_snapshot_limits('domains', 'snapshot');
SELECT cvwiz.add_snapshot_limits('domains', 'snapshot', max_size => 100, warning_size => 50, max_array_length => 1);
SELECT error_of($$INSERT INTO domains VALUES (items(5))$$);
SELECT error_of($$INSERT INTO domains VALUES (NULL)$$);
SELECT * FROM domains;
-- a domain's function that writes to the table itself
CREATE FUNCTION app.check_nested(d jsonb) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	IF d ? 'nested' AND jsonb_array_length(d -> 'a') <= 2 THEN
		EXECUTE 'GRANT SELECT ON app.nested TO PUBLIC';
		INSERT INTO app.nested VALUES (2, '{"small": 1}');
	END IF;
	RETURN true;
END $$;
CREATE DOMAIN nested_domain AS jsonb CHECK (check_nested(VALUE));
CREATE TABLE nested (id int, snapshot nested_domain);
SELECT cvwiz.add_snapshot_limits('nested', 'snapshot', max_size => 100, warning_size => 50, max_array_length => 2, fields => '{a,b}');
INSERT INTO nested SELECT 1, jsonb_build_object('nested', 1, 'a', numbers(40)) FROM generate_series(1, 3);
SELECT id, snapshot, count(*) FROM nested GROUP BY 1, 2 ORDER BY 1;

-- ---- columns that are left as they are ----

CREATE TABLE old (id int PRIMARY KEY, n int DEFAULT 0, inline jsonb, compressed jsonb, external jsonb, z cvwiz.zjsonb, j json);
ALTER TABLE old ALTER inline SET STORAGE plain, ALTER external SET STORAGE external;
INSERT INTO old SELECT 1, 0, to_jsonb(repeat('x', 1000)), to_jsonb(repeat('y', 100000)), to_jsonb(repeat('z', 100000)), d, d
FROM (SELECT jsonb_build_object('text', string_agg(md5(n::text), '')) AS d FROM generate_series(1, 1000) n) x;
SELECT cvwiz.add_snapshot_limits('old', c::name, 'reject', 500, 100, 5) FROM unnest('{inline,compressed,external,z,j}'::text[]) c;
UPDATE old SET n = n + 1;
UPDATE old SET inline = inline, compressed = compressed, external = external, z = z, j = j;
UPDATE old SET id = 2, inline = '1';
-- one of them changes: that one is looked at, also where it gets smaller
SELECT c, state_of(format('UPDATE old SET %I = to_jsonb(repeat(''a'', 600))', c)) FROM unnest('{inline,compressed,external,z,j}'::text[]) c;
UPDATE old SET external = '1', compressed = '{}' RETURNING id, n, inline, compressed, external, cvwiz.snapshot_size(z) AS z, length(j::text) AS j;
-- a row from before the column, with the column's default
CREATE TABLE added (id int);
INSERT INTO added VALUES (1);
ALTER TABLE added ADD snapshot jsonb DEFAULT to_jsonb(repeat('x', 1000));
SELECT cvwiz.add_snapshot_limits('added', 'snapshot', 'reject', 500, 100);
UPDATE added SET id = 2 RETURNING id, length(snapshot::text);
SELECT state_of('INSERT INTO added VALUES (3)');

-- ---- several columns, several tables, other triggers ----

CREATE TABLE several (id int, first jsonb, second jsonb, third jsonb);
SELECT cvwiz.add_snapshot_limits('several', 'first', max_size => 100, warning_size => 50, max_array_length => 2);
SELECT cvwiz.add_snapshot_limits('several', 'second', 'reject', 1000);
INSERT INTO several VALUES (1, numbers(40), numbers(40), numbers(40));
SELECT id, first, length(second::text) AS second, length(third::text) AS third FROM several;
SELECT error_of('INSERT INTO several VALUES (2, numbers(40), numbers(400))');
-- another BEFORE trigger makes it larger, on an UPDATE of another column too
CREATE FUNCTION app.fill() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.first := app.numbers(NEW.id); RETURN NEW; END $$;
CREATE TRIGGER zzz_fill BEFORE INSERT OR UPDATE ON several FOR EACH ROW EXECUTE FUNCTION fill();
CREATE TRIGGER "~cvwiz_a" BEFORE INSERT OR UPDATE ON several FOR EACH ROW EXECUTE FUNCTION fill();
INSERT INTO several VALUES (50);
UPDATE several SET id = 60 WHERE id = 50;
SELECT id, first FROM several WHERE id = 60;
DROP TRIGGER zzz_fill ON several;
DROP TRIGGER "~cvwiz_a" ON several;
-- a trigger that takes the row away
CREATE FUNCTION app.skip() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
CREATE TRIGGER skip BEFORE INSERT ON several FOR EACH ROW EXECUTE FUNCTION skip();
INSERT INTO several VALUES (99, to_jsonb(repeat('x', 1000)));
DROP TRIGGER skip ON several;
-- constraints, generated columns and AFTER triggers see what is stored
CREATE TABLE seen (snapshot jsonb, size int GENERATED ALWAYS AS (jsonb_array_length(snapshot)) STORED, CHECK (jsonb_array_length(snapshot) <= 2));
CREATE FUNCTION app.show() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE 'after: %', NEW.snapshot; RETURN NULL; END $$;
CREATE TRIGGER show AFTER INSERT ON seen FOR EACH ROW EXECUTE FUNCTION show();
SELECT cvwiz.add_snapshot_limits('seen', 'snapshot', max_size => 100, warning_size => 50, max_array_length => 2);
INSERT INTO seen VALUES (numbers(40)) RETURNING *;

-- ---- the ways of a row ----

SET cvwiz.snapshot_notice = off;
CREATE TABLE ways (id int PRIMARY KEY, snapshot jsonb);
SELECT cvwiz.add_snapshot_limits('ways', 'snapshot', max_size => 100, warning_size => 20, max_array_length => 2);
COPY ways FROM stdin;
1	[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]
2	[1]
3	\N
\.
INSERT INTO ways VALUES (1, numbers(20)) ON CONFLICT (id) DO UPDATE SET snapshot = excluded.snapshot;
INSERT INTO ways VALUES (1, numbers(30)) ON CONFLICT (id) DO UPDATE SET snapshot = ways.snapshot || numbers(50);
INSERT INTO ways VALUES (2, numbers(30)) ON CONFLICT DO NOTHING;
MERGE INTO ways w USING (VALUES (2, numbers(60)), (5, numbers(70))) v(id, d) ON w.id = v.id
WHEN MATCHED THEN UPDATE SET snapshot = d WHEN NOT MATCHED THEN INSERT VALUES (v.id, d);
WITH i AS (INSERT INTO ways VALUES (6, numbers(80)) RETURNING *) UPDATE ways SET snapshot = numbers(90) FROM i WHERE ways.id = 3;
SELECT * FROM ways ORDER BY id;
SELECT state_of($$MERGE INTO app.ways w USING (VALUES (1)) v(id) ON w.id = v.id WHEN MATCHED THEN UPDATE SET snapshot = to_jsonb(repeat('x', 100))$$);
SELECT state_of($$INSERT INTO app.ways VALUES (1, to_jsonb(repeat('x', 100))) ON CONFLICT DO NOTHING$$);
-- an updatable view, with a check option
CREATE VIEW ways_view AS SELECT id AS key, snapshot AS document FROM ways WHERE jsonb_array_length(snapshot) <= 2 WITH CHECK OPTION;
INSERT INTO ways_view VALUES (7, numbers(40));
UPDATE ways_view SET document = numbers(50) WHERE key = 7;
SELECT * FROM ways_view WHERE key = 7;
-- LIKE makes a table without limits; TRUNCATE and DELETE do not care
CREATE TABLE ways_copy (LIKE ways INCLUDING ALL);
INSERT INTO ways_copy VALUES (1, numbers(40));
SELECT length(snapshot::text) FROM ways_copy;
DELETE FROM ways WHERE id = 7;
TRUNCATE ways;
-- a whole record
INSERT INTO ways SELECT (jsonb_populate_record(NULL::ways, jsonb_build_object('id', 8, 'snapshot', numbers(40)))).*;
SELECT * FROM ways;
-- disabled, and always
ALTER TABLE ways DISABLE TRIGGER "~cvwiz_limits_snapshot";
INSERT INTO ways VALUES (9, numbers(9));
SELECT relation, trigger_name, enabled FROM cvwiz.snapshot_limits WHERE relation = 'ways'::regclass;
ALTER TABLE ways ENABLE ALWAYS TRIGGER "~cvwiz_limits_snapshot";
SET session_replication_role = replica;
INSERT INTO ways VALUES (10, numbers(9));
INSERT INTO several VALUES (100, numbers(40));
RESET session_replication_role;
SELECT id, snapshot FROM ways WHERE id > 8 ORDER BY id;
SELECT length(first::text) FROM several WHERE id = 100;
-- WHEN, and UPDATE OF, in a trigger made by hand
CREATE TABLE by_hand (id int, snapshot jsonb);
CREATE TRIGGER limits BEFORE INSERT OR UPDATE OF snapshot ON by_hand FOR EACH ROW WHEN (NEW.id > 0) EXECUTE FUNCTION cvwiz.enforce_snapshot_limits('snapshot', 'max_size=100', 'warning_size=20', 'max_array_length=2');
INSERT INTO by_hand VALUES (0, numbers(10)), (1, numbers(10));
UPDATE by_hand SET id = 2 WHERE id = 0;
SELECT id, snapshot FROM by_hand ORDER BY snapshot;
SELECT snapshot_column, on_oversize, max_size, warning_size, max_array_length, recent_by, fields, trigger_name FROM cvwiz.snapshot_limits WHERE relation = 'by_hand'::regclass;
SELECT error_of($$SELECT cvwiz.add_snapshot_limits('by_hand', 'snapshot')$$);
SELECT cvwiz.remove_snapshot_limits('by_hand', 'snapshot');

-- ---- partitioned tables ----

CREATE TABLE parts (id int, snapshot jsonb, PRIMARY KEY (id)) PARTITION BY RANGE (id);
-- attached before, with columns in another order; created before
CREATE TABLE before (snapshot jsonb, gone int, id int NOT NULL);
ALTER TABLE before DROP gone;
ALTER TABLE parts ATTACH PARTITION before FOR VALUES FROM (0) TO (10);
CREATE TABLE created_before PARTITION OF parts FOR VALUES FROM (10) TO (20) PARTITION BY LIST (id);
CREATE TABLE below PARTITION OF created_before DEFAULT;
SELECT cvwiz.add_snapshot_limits('parts', 'snapshot', max_size => 100, warning_size => 20, max_array_length => 2);
-- created after, attached after
CREATE TABLE created_after PARTITION OF parts FOR VALUES FROM (20) TO (30);
CREATE TABLE after (gone int, id int NOT NULL, also_gone int, snapshot jsonb);
ALTER TABLE after DROP gone, DROP also_gone;
ALTER TABLE parts ATTACH PARTITION after FOR VALUES FROM (30) TO (40);
INSERT INTO parts SELECT n, numbers(10) FROM generate_series(1, 31, 10) n;
INSERT INTO after VALUES (32, numbers(20));
COPY parts FROM stdin;
12	[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]
\.
SELECT tableoid::regclass, id, snapshot FROM parts ORDER BY id;
SELECT relation FROM cvwiz.snapshot_limits WHERE relation IN (SELECT relid FROM pg_partition_tree('parts')) ORDER BY relation::text;
-- a row moves
UPDATE parts SET id = 33, snapshot = numbers(30) WHERE id = 1;
UPDATE parts SET id = 5 WHERE id = 33;
SELECT tableoid::regclass, id, snapshot FROM parts WHERE id = 5;
SELECT error_of($$UPDATE parts SET id = 25, snapshot = to_jsonb(repeat('x', 100)) WHERE id = 5$$);
-- the limits of a partition are its parent's
SELECT error_of($$SELECT cvwiz.remove_snapshot_limits('after', 'snapshot')$$);
SELECT error_of($$SELECT cvwiz.add_snapshot_limits('after', 'snapshot')$$);
ALTER TABLE parts DETACH PARTITION after;
INSERT INTO after VALUES (34, numbers(20));
SELECT length(snapshot::text) FROM after WHERE id = 34;
SELECT cvwiz.remove_snapshot_limits('parts', 'snapshot');
INSERT INTO parts VALUES (1, numbers(20));
SELECT count(*) FROM cvwiz.snapshot_limits WHERE relation IN (SELECT relid FROM pg_partition_tree('parts'));
-- a partition by itself
SELECT cvwiz.add_snapshot_limits('before', 'snapshot', 'reject', 100);
SELECT state_of('INSERT INTO app.parts VALUES (2, app.numbers(50))'), state_of('INSERT INTO app.parts VALUES (13, app.numbers(50))');
-- tables that inherit have limits of their own
CREATE TABLE child () INHERITS (docs);
INSERT INTO child VALUES (1, numbers(100));
SELECT length(snapshot::text) FROM child;

-- ---- changes to the table ----

CREATE TABLE changed (id int, snapshot jsonb, other jsonb);
SELECT cvwiz.add_snapshot_limits('changed', 'snapshot', max_size => 100, warning_size => 20, max_array_length => 2);
INSERT INTO changed VALUES (1, numbers(10));
-- the column gets another place
ALTER TABLE changed DROP id;
INSERT INTO changed VALUES (numbers(11));
-- another type
ALTER TABLE changed ALTER snapshot TYPE cvwiz.zjsonb;
INSERT INTO changed VALUES (numbers(12));
ALTER TABLE changed ALTER snapshot TYPE json;
INSERT INTO changed VALUES (numbers(13));
ALTER TABLE changed ALTER snapshot TYPE text;
SELECT error_of($$INSERT INTO changed VALUES ('x')$$);
ALTER TABLE changed ALTER snapshot TYPE jsonb USING snapshot::jsonb;
SELECT snapshot FROM changed;
-- another name: the trigger names none
ALTER TABLE changed RENAME snapshot TO document;
SELECT error_of($$INSERT INTO changed VALUES ('{}')$$);
SELECT relation, snapshot_column, trigger_name FROM cvwiz.snapshot_limits WHERE relation = 'changed'::regclass;
SELECT error_of($$SELECT cvwiz.remove_snapshot_limits('changed', 'document')$$);
SELECT cvwiz.remove_snapshot_limits('changed', 'snapshot');
SELECT cvwiz.add_snapshot_limits('changed', 'document', max_size => 100, warning_size => 20, max_array_length => 3);
INSERT INTO changed VALUES (numbers(14));
-- dropped, and there again
ALTER TABLE changed DROP document;
SELECT error_of($$INSERT INTO changed VALUES ('{}')$$);
ALTER TABLE changed ADD document jsonb;
INSERT INTO changed (document) VALUES (numbers(15));
SELECT document FROM changed WHERE document IS NOT NULL;
-- other limits: the trigger replaced, dropped and made again, within one session
CREATE OR REPLACE TRIGGER "~cvwiz_limits_document" BEFORE INSERT OR UPDATE ON changed FOR EACH ROW EXECUTE FUNCTION cvwiz.enforce_snapshot_limits('document', 'max_size=100', 'warning_size=20', 'max_array_length=1');
INSERT INTO changed (document) VALUES (numbers(16)) RETURNING document;
ALTER TRIGGER "~cvwiz_limits_document" ON changed RENAME TO limits;
SELECT cvwiz.remove_snapshot_limits('changed', 'document');
INSERT INTO changed (document) VALUES (numbers(17)) RETURNING length(document::text);
SELECT cvwiz.add_snapshot_limits('changed', 'document', max_size => 100, warning_size => 20, max_array_length => 5);
INSERT INTO changed (document) VALUES (numbers(18)) RETURNING document;
-- the settings, where the trigger names none, at once
CREATE TABLE by_settings (snapshot jsonb);
SELECT cvwiz.add_snapshot_limits('by_settings', 'snapshot');
INSERT INTO by_settings VALUES (numbers(200));
SET cvwiz.warning_snapshot_size = 100;
SET cvwiz.max_array_length = 1;
INSERT INTO by_settings VALUES (numbers(201));
SET cvwiz.max_snapshot_size = 50;
-- settings that do not fit one another
SELECT error_of('INSERT INTO app.by_settings VALUES (app.numbers(202))');
SELECT max_size, warning_size, max_array_length FROM cvwiz.snapshot_limits WHERE relation = 'by_settings'::regclass;
SET cvwiz.warning_snapshot_size = 50;
SELECT state_of('INSERT INTO app.by_settings VALUES (to_jsonb(repeat(''x'', 49)))');
SELECT max_size, warning_size, max_array_length FROM cvwiz.snapshot_limits WHERE relation = 'by_settings'::regclass;
RESET cvwiz.warning_snapshot_size;
RESET cvwiz.max_array_length;
RESET cvwiz.max_snapshot_size;
SELECT length(snapshot::text) FROM by_settings ORDER BY 1;

-- ---- adding and removing ----

CREATE TABLE plain (id int, snapshot jsonb, generated jsonb GENERATED ALWAYS AS (snapshot) STORED);
CREATE VIEW plain_view AS SELECT * FROM plain;
CREATE MATERIALIZED VIEW plain_matview AS SELECT * FROM plain;
SELECT call, error_of('SELECT cvwiz.' || call) FROM unnest(ARRAY[
	$$add_snapshot_limits('plain', 'snapshot', 'drop')$$, $$add_snapshot_limits('plain', 'snapshot', NULL)$$, $$add_snapshot_limits('plain', 'snapshot', '')$$,
	$$add_snapshot_limits('plain', 'snapshot', max_size => 0)$$, $$add_snapshot_limits('plain', 'snapshot', warning_size => -1)$$, $$add_snapshot_limits('plain', 'snapshot', max_array_length => 0)$$,
	$$add_snapshot_limits('plain', 'snapshot', max_size => 10, warning_size => 11)$$, $$add_snapshot_limits('plain', 'snapshot', warning_size => 600000)$$,
	$$add_snapshot_limits('plain', 'nope')$$, $$add_snapshot_limits('plain', NULL)$$, $$add_snapshot_limits(NULL, 'snapshot')$$, $$add_snapshot_limits('nope', 'snapshot')$$, $$add_snapshot_limits(0, 'snapshot')$$,
	$$add_snapshot_limits('plain', 'id')$$, $$add_snapshot_limits('plain_view', 'snapshot')$$, $$add_snapshot_limits('plain_matview', 'snapshot')$$,
	$$add_snapshot_limits('plain', 'generated')$$, $$remove_snapshot_limits('plain', 'snapshot')$$, $$remove_snapshot_limits('plain', 'nope')$$, $$remove_snapshot_limits(NULL, 'x')$$,
	$$enforce_snapshot_limits()$$]) call;
SELECT count(*) FROM pg_trigger WHERE tgrelid = 'plain'::regclass;
-- names and values that need quotes; two columns that begin alike
CREATE TABLE "T""x y%s" ("a'b\c" jsonb, "=x" jsonb, "Ünï=日本語日本語日本語日本語日本語日" jsonb, "Ünï=日本語日本語日本語日本語日本語本" jsonb);
SELECT cvwiz.add_snapshot_limits('"T""x y%s"', c::name, 'reduce', 200, 20, 2, E'we\\ird''=k', ARRAY['a"b', 'c,d', E'e\\f', 'NULL', NULL, '{}', ''])
FROM unnest(ARRAY['a''b\c', '=x', 'Ünï=日本語日本語日本語日本語日本語日', 'Ünï=日本語日本語日本語日本語日本語本']) c;
SELECT snapshot_column, recent_by, fields, trigger_name FROM cvwiz.snapshot_limits WHERE relation = '"T""x y%s"'::regclass ORDER BY trigger_name;
SELECT error_of(regexp_replace(pg_get_triggerdef(oid), 'TRIGGER .* BEFORE', 'TRIGGER again BEFORE')) FROM pg_trigger WHERE tgrelid = '"T""x y%s"'::regclass ORDER BY tgname LIMIT 1;
INSERT INTO "T""x y%s" ("=x") VALUES ('[{"we\\ird''=k": 3}, {"we\\ird''=k": 1}, {"we\\ird''=k": 2}]') RETURNING "=x";
-- for the owner, who was let to
CREATE ROLE regress_cvwiz_owner;
CREATE ROLE regress_cvwiz_member IN ROLE regress_cvwiz_owner;
CREATE ROLE regress_cvwiz_other;
GRANT USAGE ON SCHEMA app TO PUBLIC;
ALTER TABLE plain OWNER TO regress_cvwiz_owner;
SET ROLE regress_cvwiz_owner;
SELECT state_of($$SELECT cvwiz.add_snapshot_limits('app.plain', 'snapshot')$$);
RESET ROLE;
GRANT EXECUTE ON FUNCTION cvwiz.add_snapshot_limits, cvwiz.remove_snapshot_limits TO regress_cvwiz_owner, regress_cvwiz_other;
GRANT INSERT, SELECT ON plain TO regress_cvwiz_other;
SET ROLE regress_cvwiz_other;
SELECT error_of($$SELECT cvwiz.add_snapshot_limits('app.plain', 'snapshot')$$);
SET ROLE regress_cvwiz_owner;
SET search_path = '';
SELECT cvwiz.add_snapshot_limits('app.plain', 'snapshot', max_size => 100, warning_size => 20, max_array_length => 2);
SET ROLE regress_cvwiz_other;
SELECT app.error_of($$SELECT cvwiz.remove_snapshot_limits('app.plain', 'snapshot')$$);
INSERT INTO app.plain (snapshot) VALUES (app.numbers(10)) RETURNING snapshot;
SELECT relation, snapshot_column FROM cvwiz.snapshot_limits WHERE relation = 'app.plain'::regclass;
SET ROLE regress_cvwiz_member;
SELECT cvwiz.remove_snapshot_limits('app.plain', 'snapshot');
RESET ROLE;
SET search_path = app;

-- ---- by hand: malformed arguments are errors at the first row ----

CREATE TABLE hand (snapshot jsonb, "max_size=5" jsonb);
CREATE FUNCTION app.first_row(VARIADIC arguments text[]) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	EXECUTE format('CREATE TRIGGER hand BEFORE INSERT ON app.hand FOR EACH ROW EXECUTE FUNCTION cvwiz.enforce_snapshot_limits(%s)',
		(SELECT string_agg(quote_literal(a), ', ') FROM unnest(arguments) a));
	result := app.error_of($i$INSERT INTO app.hand VALUES ('{}')$i$);
	PERFORM count(*) FROM cvwiz.snapshot_limits;
	DROP TRIGGER hand ON app.hand;
	RETURN result;
END $$;
SELECT a, first_row(VARIADIC string_to_array(a, ' ')) AS result FROM unnest(ARRAY[
	'snapshot', 'max_size=5', 'snapshot max_size=100 warning_size=50 max_array_length=5 on_oversize=reject recent_by=x fields={a,b}', 'snapshot recent_by= fields={}', 'snapshot recent_by=a=b',
	'', 'nope', 'Snapshot', 'ctid', 'snapshot max_size', 'snapshot max_size=', 'snapshot max_size=0', 'snapshot max_size=-5', 'snapshot max_size=10x', 'snapshot max_size=1.5', 'snapshot max_size=500kB',
	'snapshot max_size=2147483648', 'snapshot max_size=99999999999999999999', 'snapshot warning_size=x', 'snapshot max_array_length=0', 'snapshot MAX_SIZE=5', 'snapshot max_sizes=5', 'snapshot =5', 'snapshot snapshot',
	'snapshot max_size=5 max_size=6', 'snapshot on_oversize=', 'snapshot on_oversize=Reduce', 'snapshot max_size=10 warning_size=20', 'snapshot warning_size=600000']) a;
-- where the words are of another function's, the context names the argument
CREATE FUNCTION app.context_of(argument text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	context text;
BEGIN
	EXECUTE format('CREATE TRIGGER hand BEFORE INSERT ON app.hand FOR EACH ROW EXECUTE FUNCTION cvwiz.enforce_snapshot_limits(''snapshot'', %L)', argument);
	INSERT INTO app.hand VALUES ('{}');
	RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS context = PG_EXCEPTION_CONTEXT;
	RETURN sqlstate || ': ' || split_part(context, E'\n', 1);
END $$;
SELECT context_of(a) FROM unnest(ARRAY['fields=', 'fields=a', 'fields={a', 'fields={a,b}}']) a;
SELECT first_row('snapshot', ''), first_row('snapshot', 'max_size= 5'), first_row('snapshot', 'max_size=5 ');
CREATE TRIGGER hand BEFORE INSERT ON hand FOR EACH ROW EXECUTE FUNCTION cvwiz.enforce_snapshot_limits();
SELECT error_of($$INSERT INTO hand VALUES ('{}')$$);
SELECT relation, snapshot_column, on_oversize FROM cvwiz.snapshot_limits WHERE relation = 'hand'::regclass;
-- one malformed trigger does not hide the others
DROP TRIGGER hand ON hand;
CREATE TRIGGER hand BEFORE INSERT ON hand FOR EACH ROW EXECUTE FUNCTION cvwiz.enforce_snapshot_limits('snapshot', 'max_size=10', 'warning_size=20');
SELECT relation, snapshot_column, on_oversize, max_size, warning_size FROM cvwiz.snapshot_limits WHERE relation IN ('hand'::regclass, 'docs'::regclass) ORDER BY relation::text;
DROP TRIGGER hand ON hand;
-- another kind of trigger
SELECT kind, error_of(format('CREATE TRIGGER hand %s EXECUTE FUNCTION cvwiz.enforce_snapshot_limits(''snapshot'')', kind)) AS creating, error_of(statement) AS firing, error_of('DROP TRIGGER hand ON hand') AS dropping
FROM (VALUES ('AFTER INSERT ON hand FOR EACH ROW', 'INSERT INTO hand VALUES (''{}'')'), ('BEFORE INSERT ON hand FOR EACH STATEMENT', 'INSERT INTO hand VALUES (''{}'')'),
	('BEFORE DELETE ON hand FOR EACH ROW', 'DELETE FROM hand'), ('BEFORE TRUNCATE ON hand FOR EACH STATEMENT', 'TRUNCATE hand')) k(kind, statement);
INSERT INTO hand VALUES ('{}');
SELECT error_of('CREATE TRIGGER hand BEFORE DELETE ON hand FOR EACH ROW EXECUTE FUNCTION cvwiz.enforce_snapshot_limits(''snapshot'')'), error_of('DELETE FROM hand');

-- ---- large documents ----

CREATE TABLE big (snapshot jsonb);
SELECT cvwiz.add_snapshot_limits('big', 'snapshot');
SET cvwiz.snapshot_notice = notice;
-- 400 kB with long arrays
INSERT INTO big SELECT jsonb_build_object('experiences', jsonb_agg(jsonb_build_object('id', n, 'text', repeat('x', 370)))) FROM generate_series(1, 1000) n;
-- 3 MB in few items: metadata only
INSERT INTO big SELECT jsonb_build_object('experiences', jsonb_agg(jsonb_build_object('id', n, 'text', repeat('x', 30000)))) FROM generate_series(1, 100) n;
SELECT cvwiz.snapshot_size(snapshot), jsonb_array_length(snapshot -> 'experiences') AS items, snapshot -> '$reduced' AS reduced, snapshot #> '{experiences,0,id}' AS first FROM big;
-- 32 kB that print as 262 MB
SELECT error_of($$INSERT INTO big SELECT jsonb_object_agg(n, '1e131000'::jsonb) FROM generate_series(1, 2000) n$$);
INSERT INTO big SELECT jsonb_agg('1e5000'::jsonb) FROM generate_series(1, 2000) n;

SET client_min_messages = warning;
DROP SCHEMA app CASCADE;
DROP EXTENSION cvwiz;
DROP SCHEMA cvwiz;
DROP ROLE regress_cvwiz_owner, regress_cvwiz_member, regress_cvwiz_other;
