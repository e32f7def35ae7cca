-- A long transaction that has read the table, as a report or pg_dump is.
BEGIN;
SELECT count(*) FROM audit_logs WHERE "userId" = 'u' || lpad('1', 20, '0');
SELECT pg_sleep(:seconds);
COMMIT;
