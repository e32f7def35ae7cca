-- Two tables that differ in that one has a store, and what pgbench puts into them:
-- versions of chains that take turns at random, each the successor of the one before.
SET search_path = bench;
SET client_min_messages = warning;

DROP EXTENSION IF EXISTS cvwiz CASCADE;
CREATE EXTENSION cvwiz;
CREATE TABLE plain (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, chain int, doc jsonb);
CREATE TABLE stored (LIKE plain INCLUDING ALL);
SELECT cvwiz.add_version_store('stored', 'doc', '{chain}');

CREATE TABLE save (queue text, i int, chain int, doc text, PRIMARY KEY (queue, i));
ALTER TABLE save ALTER doc SET STORAGE EXTERNAL;
