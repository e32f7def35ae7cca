-- 1,000 daily partitions, of which none has expired and none is missing, with a
-- row in each up to today's. Variable: partitions, at least 500.
SET ROLE app;

CREATE TABLE audit_logs (
	id          text NOT NULL,
	"userId"    text,
	action      text NOT NULL,
	"newValues" jsonb,
	"createdAt" timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
	PRIMARY KEY (id, "createdAt")
) PARTITION BY RANGE ("createdAt");
CREATE INDEX ON audit_logs ("userId");
CREATE INDEX ON audit_logs (action);
CREATE INDEX ON audit_logs ("createdAt");

-- ending with pg_partman's four partitions ahead
CREATE PROCEDURE add_partitions(count int)
LANGUAGE plpgsql AS $$
DECLARE
	day timestamp := date_trunc('day', LOCALTIMESTAMP) + interval '1 day' * (5 - count);
BEGIN
	FOR n IN 1 .. count LOOP
		EXECUTE format('CREATE TABLE audit_logs_p%s PARTITION OF audit_logs FOR VALUES FROM (%L) TO (%L)',
			to_char(day, 'YYYY_MM_DD'), day, day + interval '1 day');
		IF day < LOCALTIMESTAMP THEN
			INSERT INTO audit_logs VALUES ('e' || n, 'u' || n, 'UPDATE', '{}', least(day + interval '20 hours', LOCALTIMESTAMP));
		END IF;
		COMMIT;
		day := day + interval '1 day';
	END LOOP;
END $$;
CALL add_partitions(:partitions);
VACUUM ANALYZE audit_logs;
RESET ROLE;

-- cvwiz keeps at most a year, so its clock stands in the second one: the cutoff
-- is at noon of the first day, before its row, and the months to come are there.
SELECT format('ALTER DATABASE %I SET cvwiz.now = %L', current_database(), first_day + interval '365 days 12 hours' || '+00')
FROM (SELECT date_trunc('day', min("createdAt")) AS first_day FROM audit_logs) first
\gexec

CREATE EXTENSION cvwiz;
SELECT cvwiz.add_retention_policy('audit_logs', retention_days => 365);

CREATE SCHEMA partman;
CREATE EXTENSION pg_partman SCHEMA partman;
SELECT partman.create_parent('public.audit_logs', 'createdAt', 'native', 'daily');
UPDATE partman.part_config SET retention = '1000 years', retention_keep_table = false;
