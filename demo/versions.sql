-- One resume, saved after each of twenty edits: a title here, a paragraph there,
-- an experience more, one less.
CREATE TABLE "SavedResume" (
	id text PRIMARY KEY,
	"resumeId" text NOT NULL,
	snapshot jsonb NOT NULL
);

CREATE FUNCTION edited_resume(edits int) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
	doc jsonb := resume(30);
BEGIN
	FOR n IN 1 .. edits LOOP
		doc := CASE n % 4
			WHEN 1 THEN jsonb_set(doc, ARRAY['experiences', (n % 7)::text, 'title'], to_jsonb('Senior engineer, ' || n))
			WHEN 2 THEN jsonb_set(doc, ARRAY['experiences', (n % 11)::text, 'description'],
				to_jsonb('Rewritten in edit ' || n || ': led the work on ' || md5(n::text) || '.'))
			WHEN 3 THEN jsonb_set(doc, '{experiences}', doc -> 'experiences' ||
				jsonb_build_object('id', 'new' || n, 'order', 100 + n, 'company', 'Company ' || md5(n::text), 'title', 'Engineer'))
			ELSE doc #- ARRAY['experiences', (n % 5)::text]
		END;
	END LOOP;
	RETURN doc;
END
$$;
