-- A page to look at.

CREATE FUNCTION cvwiz.report(since interval DEFAULT '30 days')
RETURNS text LANGUAGE c VOLATILE PARALLEL UNSAFE
-- for a page that is looked at now and then, a compilation takes longer than it saves
SET jit = off
AS 'MODULE_PATHNAME', 'cvwiz_report';
COMMENT ON FUNCTION cvwiz.report(interval) IS
'One self-contained HTML page, under 200 kB, in ASCII: how things stand, each audit log with its size over time against its retention, its partitions by month and its runs by day, each snapshot column with the sizes of its documents, what the version store holds of each column, alerts, settings; what happened over the period before now, one day to 400 days (longer is cut to that, NULL is 30 days). Names and messages are escaped; times are UTC. Reads the catalogs and what cvwiz has recorded, no row of a user''s table. For pg_monitor. Error: 22023 a period of less than a day.';

REVOKE ALL ON FUNCTION cvwiz.report(interval) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION cvwiz.report(interval) TO pg_monitor;
