-- The audit log, as Prisma makes it for the application, but partitioned by
-- month, and what fills it. Runs as its owner. Variables: rows, months, users.

CREATE TABLE audit_logs (
	id           text NOT NULL,
	"userId"     text,
	action       text NOT NULL,
	"entityType" text NOT NULL,
	"entityId"   text,
	"oldValues"  jsonb,
	"newValues"  jsonb,
	"requestId"  text,
	"createdAt"  timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
	PRIMARY KEY (id, "createdAt")
) PARTITION BY RANGE ("createdAt");
CREATE INDEX ON audit_logs ("userId");
CREATE INDEX ON audit_logs (action);
CREATE INDEX ON audit_logs ("createdAt");

CREATE SCHEMA bench;
SET search_path = bench, public;

-- The first month is the one that expires; the clients insert after loaded_until.
CREATE TABLE scene AS
SELECT :rows / :months AS rows_per_month, :users AS users, first_month, first_month + interval '1 month' AS cutoff,
	-- the names that pg_partman needs
	'audit_logs_p' || to_char(first_month, 'YYYY_MM') AS expiring, 'audit_logs_p' || to_char(loaded_until, 'YYYY_MM') AS growing,
	loaded_until
FROM (SELECT loaded_until, date_trunc('month', loaded_until) - interval '1 month' * (:months - 1) AS first_month
	FROM (SELECT date_trunc('second', LOCALTIMESTAMP) AS loaded_until) now) first;

-- One transaction, so that nothing of it need be logged under wal_level = minimal.
CREATE PROCEDURE add_partition(month timestamp, query text)
LANGUAGE plpgsql AS $$
DECLARE
	name text := 'audit_logs_p' || to_char(month, 'YYYY_MM');
	-- ATTACH need not scan the table then.
	within text := format('"createdAt" >= %L AND "createdAt" < %L', month, month + interval '1 month');
BEGIN
	EXECUTE format('CREATE TABLE public.%I (LIKE public.audit_logs INCLUDING DEFAULTS, CONSTRAINT within CHECK (%s))', name, within);
	EXECUTE format('INSERT INTO public.%I %s', name, query);
	EXECUTE format('ALTER TABLE public.%1$I ADD PRIMARY KEY (id, "createdAt");
		CREATE INDEX ON public.%1$I ("userId");
		CREATE INDEX ON public.%1$I (action);
		CREATE INDEX ON public.%1$I ("createdAt");
		ALTER TABLE public.audit_logs ATTACH PARTITION public.%1$I FOR VALUES FROM (%2$L) TO (%3$L);
		ALTER TABLE public.%1$I DROP CONSTRAINT within', name, month, month + interval '1 month');
END $$;

-- A month's events in the order of their time; those of the current month are up to now.
CREATE PROCEDURE load_month(n int)
LANGUAGE plpgsql AS $$
DECLARE
	scene bench.scene;
	month timestamp;
	span interval;
BEGIN
	SELECT * INTO scene FROM bench.scene;
	month := scene.first_month + interval '1 month' * n;
	span := least(month + interval '1 month', scene.loaded_until) - month;
	CALL bench.add_partition(month, format($query$
		SELECT 'c' || left(md5(%1$L || n), 24), 'u' || lpad((1 + (n * 7919 + %2$s) %% %3$s)::text, 20, '0'),
			(ARRAY['CREATE', 'UPDATE', 'UPDATE', 'UPDATE', 'DELETE'])[1 + n %% 5],
			(ARRAY['Resume', 'Profile', 'SharedResume', 'ResumeVersion'])[1 + (n * 31) %% 4], left(md5('entity' || n / 7), 20),
			CASE WHEN n %% 5 > 0 THEN jsonb_build_object('title', 'Draft ' || n %% 50, 'sections', n %% 9, 'summary', md5('before' || n) || repeat(' led a team of engineers', 5)) END,
			CASE WHEN n %% 5 < 4 THEN jsonb_build_object('title', 'Draft ' || n %% 51, 'sections', n %% 8, 'summary', md5('after' || n) || repeat(' led a team of engineers', 5)) END,
			left(md5('request' || n / 3), 12),
			%1$L::timestamp + %4$L::interval * (n::float8 / %5$s)
		FROM generate_series(0::bigint, %5$s - 1) n $query$,
		month, extract(month FROM month) * 104729, scene.users, span, scene.rows_per_month));
END $$;

-- The table as it was loaded.
CREATE PROCEDURE restore()
LANGUAGE plpgsql AS $$
DECLARE
	scene bench.scene;
BEGIN
	SELECT * INTO scene FROM bench.scene;
	EXECUTE format('DROP TABLE IF EXISTS public.%I', scene.expiring);
	CALL bench.add_partition(scene.first_month, 'SELECT * FROM bench.first_month');
	DELETE FROM public.audit_logs WHERE "createdAt" >= scene.loaded_until;
END $$;

-- Those of the first month that are still there, detached or not.
CREATE FUNCTION expired_rows() RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
	scene bench.scene;
	rows bigint;
BEGIN
	SELECT * INTO scene FROM bench.scene;
	SELECT count(*) INTO rows FROM public.audit_logs WHERE "createdAt" < scene.cutoff;
	IF rows = 0 AND to_regclass('public.' || scene.expiring) IS NOT NULL THEN
		EXECUTE format('SELECT count(*) FROM public.%I', scene.expiring) INTO rows;
	END IF;
	RETURN rows;
END $$;

-- The months to come, as cvwiz (3) and pg_partman (4) make them ahead.
SELECT format('CALL bench.add_partition(%L, ''SELECT * FROM public.audit_logs LIMIT 0'')', date_trunc('month', loaded_until) + interval '1 month' * n)
FROM scene, generate_series(1, 4) n
\gexec
