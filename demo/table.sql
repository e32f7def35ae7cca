-- audit_logs as Prisma makes it for the application, but partitioned by month:
-- the model keeps "@id" on id, the database's key has "createdAt" as well.
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
CREATE INDEX ON audit_logs ("createdAt");
CREATE INDEX ON audit_logs ("userId");

-- where the events come in, before they are sorted into months
CREATE UNLOGGED TABLE incoming (LIKE audit_logs);
