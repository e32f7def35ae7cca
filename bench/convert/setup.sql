-- The audit log as Prisma makes it, not partitioned. Runs as its owner.
-- Variables: name, rows.

CREATE TABLE :"name" (
	id           text NOT NULL,
	"userId"     text,
	action       text NOT NULL,
	"entityType" text NOT NULL,
	"newValues"  jsonb,
	"createdAt"  timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP
);
INSERT INTO :"name"
SELECT 'c' || md5(n::text), 'user' || n % 25000, (ARRAY['create', 'update', 'delete', 'login'])[n % 4 + 1], 'resume',
	jsonb_build_object('title', 'Resume ' || n, 'skills', n % 17), LOCALTIMESTAMP - interval '2 years' * (:rows - n) / :rows
FROM generate_series(1, :rows) n;
SELECT format('ALTER TABLE %I ADD CONSTRAINT %I PRIMARY KEY (id)', :'name', :'name' || '_pkey'),
	format('CREATE INDEX ON %I ("userId")', :'name'), format('CREATE INDEX ON %I (action)', :'name'), format('CREATE INDEX ON %I ("createdAt")', :'name') \gexec
VACUUM ANALYZE :"name";
