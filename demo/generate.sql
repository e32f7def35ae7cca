-- 60,000 events of the last 18 months, up to now, more of them in working hours
INSERT INTO incoming
SELECT 'c' || left(md5('event' || n), 24),
	'u' || left(md5('user' || (n * 7919) % 83), 20),
	action,
	(ARRAY['Resume', 'Profile', 'SharedResume', 'ResumeVersion'])[1 + (n * 31) % 4],
	left(md5('entity' || (n * 104729) % 4000), 20),
	CASE WHEN action <> 'CREATE' THEN jsonb_build_object('title', 'Draft ' || n % 50, 'sections', n % 9) END,
	CASE WHEN action <> 'DELETE' THEN jsonb_build_object('title', 'Draft ' || (n + 1) % 50, 'sections', (n + 1) % 9) END,
	left(md5('request' || n / 3), 12),
	happened
FROM (SELECT n, (ARRAY['CREATE', 'UPDATE', 'UPDATE', 'UPDATE', 'DELETE'])[1 + (n * 17) % 5] AS action,
		date_trunc('day', latest - span * (n / 60000.0)) + interval '8 hours'
			+ interval '10 hours' * ((n * 7919) % 60000 / 60000.0) AS happened
	FROM generate_series(0::bigint, 59999) AS n,
		(SELECT now() AT TIME ZONE 'UTC' AS latest, interval '18 months' AS span) AS clock) AS event
WHERE happened <= now() AT TIME ZONE 'UTC';
