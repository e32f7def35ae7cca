BEGIN;
SELECT plan(1);
SELECT has_schema('cvwiz');
SELECT * FROM finish();
ROLLBACK;
