-- The past months are made one by one; from here on cvwiz makes them ahead.
SELECT count(*) AS partitions_created
FROM (SELECT cvwiz.create_partition('audit_logs', month::date)
	FROM generate_series((SELECT date_trunc('month', min("createdAt")) FROM incoming),
		(SELECT max("createdAt") FROM incoming), interval '1 month') AS month) AS created;
INSERT INTO audit_logs SELECT * FROM incoming;
DROP TABLE incoming;
VACUUM (ANALYZE) audit_logs;
