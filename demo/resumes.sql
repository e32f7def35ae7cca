-- As Prisma makes it for the application: documents, each with a list that grows.
CREATE TABLE "ResumeVersion" (
	id text PRIMARY KEY,
	"resumeId" text NOT NULL,
	snapshot jsonb NOT NULL,
	"createdAt" timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP
);

-- A resume with so many experiences.
CREATE FUNCTION resume(experiences int) RETURNS jsonb LANGUAGE sql AS $$
SELECT jsonb_build_object('name', 'Ada Example', 'headline', 'Engineer', 'experiences', jsonb_agg(jsonb_build_object(
	'id', 'exp' || n, 'order', n, 'company', 'Company ' || n, 'title', 'Engineer of ' || md5(n::text),
	'description', 'Worked with ' || md5((n * 7)::text) || ' on ' || md5((n * 11)::text) || ', and wrote about it at length.')))
FROM generate_series(1, experiences) n
$$;

INSERT INTO "ResumeVersion" SELECT 'v' || n, 'r1', resume(n * 20) FROM generate_series(1, 20) n;
