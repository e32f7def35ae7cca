-- The tables of schema.prisma as "prisma migrate" writes them, but for the
-- partitions of audit_logs; owned by the application's role.
SET ROLE app;

CREATE TABLE "ResumeVersion" (
    "id" TEXT NOT NULL,
    "profileId" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "snapshot" JSONB NOT NULL,
    "createdAt" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updatedAt" TIMESTAMP(3) NOT NULL,

    CONSTRAINT "ResumeVersion_pkey" PRIMARY KEY ("id")
);
CREATE INDEX "ResumeVersion_profileId_idx" ON "ResumeVersion"("profileId");

CREATE TABLE "SharedResume" (
    "id" TEXT NOT NULL,
    "slug" TEXT NOT NULL,
    "versionId" TEXT,
    "views" INTEGER NOT NULL DEFAULT 0,
    "snapshot" JSONB,
    "createdAt" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "SharedResume_pkey" PRIMARY KEY ("id")
);
CREATE UNIQUE INDEX "SharedResume_slug_key" ON "SharedResume"("slug");
ALTER TABLE "SharedResume" ADD CONSTRAINT "SharedResume_versionId_fkey" FOREIGN KEY ("versionId") REFERENCES "ResumeVersion"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- under the view "ResumeHistory"
CREATE TABLE "ResumeHistoryStored" (
    "id" TEXT NOT NULL,
    "resumeId" TEXT NOT NULL,
    "number" SERIAL NOT NULL,
    "label" TEXT DEFAULT 'draft',
    "snapshot" JSONB NOT NULL,
    "notes" JSONB,
    "createdAt" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updatedAt" TIMESTAMP(3) NOT NULL DEFAULT now(),

    CONSTRAINT "ResumeHistory_pkey" PRIMARY KEY ("id")
);
CREATE INDEX "ResumeHistory_resumeId_idx" ON "ResumeHistoryStored"("resumeId");
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW."updatedAt" := clock_timestamp() AT TIME ZONE ''UTC''; RETURN NEW; END';
CREATE TRIGGER touch BEFORE UPDATE ON "ResumeHistoryStored" FOR EACH ROW EXECUTE FUNCTION touch();

CREATE TABLE "audit_logs" (
    "id" TEXT NOT NULL,
    "userId" TEXT,
    "action" TEXT NOT NULL,
    "entityType" TEXT NOT NULL,
    "entityId" TEXT,
    "oldValues" JSONB,
    "newValues" JSONB,
    "requestId" TEXT,
    "createdAt" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "audit_logs_pkey" PRIMARY KEY ("id", "createdAt")
) PARTITION BY RANGE ("createdAt");
CREATE INDEX "audit_logs_createdAt_idx" ON "audit_logs"("createdAt");
CREATE INDEX "audit_logs_userId_idx" ON "audit_logs"("userId");

RESET ROLE;

-- what the database's administrator adds
CREATE EXTENSION cvwiz;
GRANT EXECUTE ON ALL ROUTINES IN SCHEMA cvwiz TO app;
SELECT cvwiz.add_snapshot_limits('"ResumeVersion"', 'snapshot');
SELECT cvwiz.add_snapshot_limits('"SharedResume"', 'snapshot', on_oversize => 'reject');
SELECT cvwiz.add_version_store('"ResumeHistoryStored"', column_name, '{resumeId}') FROM unnest('{snapshot,notes}'::name[]) column_name;
SELECT cvwiz.create_version_view('"ResumeHistoryStored"', '"ResumeHistory"');
SELECT cvwiz.add_retention_policy('audit_logs', retention_days => 90);
SELECT cvwiz.create_partition('audit_logs', (date_trunc('month', now() AT TIME ZONE 'UTC') - make_interval(months => n))::date)
FROM generate_series(0, 8) AS n;
