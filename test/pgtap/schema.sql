-- The contract: what the extension installs, under which names and signatures,
-- for whom, with a comment on everything.
BEGIN;
SELECT no_plan();

CREATE TEMP VIEW member AS
SELECT d.classid, d.objid FROM pg_depend d JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
WHERE e.extname = 'cvwiz' AND d.deptype = 'e';

-- ---- the extension ----

SELECT has_extension('cvwiz');
SELECT is(extnamespace::regnamespace::text, 'cvwiz', 'the extension is in its own schema') FROM pg_extension WHERE extname = 'cvwiz';
SELECT is(extrelocatable, false, 'the extension is not relocatable') FROM pg_extension WHERE extname = 'cvwiz';
SELECT set_eq($$SELECT DISTINCT superuser, trusted, relocatable, schema::text FROM pg_available_extension_versions WHERE name = 'cvwiz'$$,
	$$VALUES (true, false, false, 'cvwiz')$$, 'it takes a superuser to install it');
SELECT is(installed_version, default_version, 'the default version is installed') FROM pg_available_extensions WHERE name = 'cvwiz';
SELECT isnt(obj_description('cvwiz'::regnamespace, 'pg_namespace'), NULL, 'the schema has a comment');
SELECT ok(has_schema_privilege('public', 'cvwiz', 'USAGE'), 'everybody may use the schema');
SELECT ok(NOT has_schema_privilege('public', 'cvwiz', 'CREATE'), 'nobody may create in it');

-- ---- functions ----

CREATE TEMP TABLE contract (name text, arguments text, result text, volatility "char", strict boolean, parallel "char", open_to_all boolean, returns_rows real);
INSERT INTO contract VALUES
	-- policies
	('add_retention_policy', 'relation regclass, time_column name DEFAULT NULL::name, retention_days integer DEFAULT 90, premake_months integer DEFAULT 3, granularity text DEFAULT ''row''::text, archive_to text DEFAULT NULL::text, drop_after interval DEFAULT ''00:00:00''::interval', 'void', 'v', false, 'u', false),
	('alter_retention_policy', 'relation regclass, retention_days integer DEFAULT NULL::integer, premake_months integer DEFAULT NULL::integer, enabled boolean DEFAULT NULL::boolean, hold boolean DEFAULT NULL::boolean, granularity text DEFAULT NULL::text, archive_to text DEFAULT NULL::text, drop_after interval DEFAULT NULL::interval', 'void', 'v', false, 'u', false),
	('remove_retention_policy', 'relation regclass', 'void', 'v', false, 'u', false),
	-- plan, runs
	('retention_plan', 'relation regclass DEFAULT NULL::regclass', 'TABLE(relation regclass, step integer, action text, target text, range_start timestamp with time zone, range_end timestamp with time zone, rows_estimate bigint, lock_mode text, statement text, reason text)', 'v', false, 'u', true),
	('cleanup_old_logs', 'relation regclass DEFAULT NULL::regclass', 'TABLE(relation regclass, success boolean, deleted_count bigint, partitions_created integer, partitions_detached integer, partitions_dropped integer, cutoff_date timestamp with time zone, retention_days integer, residue bigint, duration interval, error text)', 'v', false, 'u', false),
	('run_retention', 'IN relation regclass DEFAULT NULL::regclass', NULL, 'v', false, 'u', false),
	('log_statistics', 'relation regclass DEFAULT NULL::regclass', 'TABLE(relation regclass, total_logs bigint, logs_eligible_for_cleanup bigint, oldest_record timestamp with time zone, newest_record timestamp with time zone, total_bytes bigint, partitions integer, retention_days integer, cutoff_date timestamp with time zone, rows_per_day numeric)', 'v', false, 'u', true),
	('run_progress', 'progress_handle bigint, pid integer, run_id bigint', 'TABLE(action text, target text, rows_done bigint, rows_total bigint, bytes_done bigint, started_at timestamp with time zone)', 'v', true, 'r', true),
	-- partitions
	('create_partition', 'relation regclass, month date', 'regclass', 'v', false, 'u', false),
	('detach_partition', 'partition regclass', 'void', 'v', false, 'u', false),
	('reattach_partition', 'partition regclass', 'void', 'v', false, 'u', false),
	('partition_ranges', 'relation regclass', 'TABLE(partition regclass, range_start timestamp with time zone, range_end timestamp with time zone, is_default boolean)', 's', true, 's', true),
	-- archives
	('restore_archive', 'relation regclass, range_start timestamp with time zone', 'regclass', 'v', false, 'u', false),
	-- conversion
	('partition_by_month', 'IN relation regclass, IN time_column name, IN retention_days integer DEFAULT NULL::integer, IN keep_unique boolean DEFAULT false', NULL, 'v', false, 'u', false),
	('partition_by_month_plan', 'relation regclass, time_column name, keep_unique boolean DEFAULT false', 'TABLE(step integer, action text, statement text, lock_mode text, blocks text)', 'v', false, 'u', false),
	('undo_partition_by_month', 'IN relation regclass', NULL, 'v', false, 'u', false),
	-- JSON patches
	('jsonb_diff', 'old jsonb, new jsonb', 'jsonb', 'i', true, 's', true),
	('jsonb_patch', 'document jsonb, patch jsonb', 'jsonb', 'i', true, 's', true),
	('jsonb_merge_patch', 'document jsonb, patch jsonb', 'jsonb', 'i', true, 's', true),
	-- operation
	('report', 'since interval DEFAULT ''30 days''::interval', 'text', 'v', false, 'u', false),
	('health', '', 'TABLE(check_name text, status text, detail text, hint text)', 'v', false, 'u', true),
	('openmetrics', '', 'text', 'v', true, 'u', false),
	('schedule_retention', 'schedule text DEFAULT ''0 3 * * *''::text', 'bigint', 'v', false, 'u', false),
	('unschedule_retention', '', 'boolean', 'v', false, 'u', false),
	('worker_status', 'OUT preloaded boolean, OUT launcher_pid integer, OUT starved boolean', 'record', 'v', true, 's', true),
	('next_run', 'added_at timestamp with time zone, last_success timestamp with time zone, last_attempt timestamp with time zone, failures integer', 'timestamp with time zone', 'v', false, 's', true),
	('count_null_times', 'relation regclass', 'bigint', 'v', true, 'u', true),
	('detach_obstacle', 'relation regclass', 'text', 'v', true, 'u', true),
	('drop_due', 'detached_at timestamp with time zone, drop_after interval', 'timestamp with time zone', 'i', true, 's', true),
	-- alerts
	('set_alert', 'name text, metric text DEFAULT NULL::text, comparison text DEFAULT NULL::text, threshold double precision DEFAULT NULL::double precision, labels jsonb DEFAULT NULL::jsonb, severity text DEFAULT NULL::text, for_interval interval DEFAULT NULL::interval, hysteresis double precision DEFAULT NULL::double precision, enabled boolean DEFAULT NULL::boolean, action text DEFAULT NULL::text', 'void', 'v', false, 'u', false),
	('remove_alert', 'name text', 'void', 'v', false, 'u', false),
	('evaluate_alerts', '', 'integer', 'v', false, 'u', false),
	('alert_series', '', 'TABLE(alert text, severity text, metric text, labels jsonb, value double precision, comparison text, threshold double precision, for_interval interval, crossed boolean, holds boolean, action text)', 'v', false, 'u', false),
	('check', '', 'text', 'v', false, 'u', false),
	('clock', '', 'timestamp with time zone', 'v', true, 's', true),
	-- counters
	('snapshot_size_bounds', '', 'bigint[]', 'i', false, 's', true),
	('snapshot_counters', 'relation oid, attnum smallint, OUT checked bigint, OUT within bigint, OUT truncated bigint, OUT metadata_only bigint, OUT rejected bigint, OUT bytes_sum bigint, OUT bytes_max bigint, OUT histogram bigint[], OUT recent_bytes_max bigint, OUT recent_oversized bigint, OUT stats_reset timestamp with time zone', 'record', 'v', true, 's', true),
	('version_counters', 'OUT stored bigint, OUT stored_raw_bytes bigint, OUT read_errors bigint, OUT recent_read_errors bigint, OUT stats_reset timestamp with time zone', 'record', 'v', true, 's', true),
	('worker_counters', 'OUT rounds bigint, OUT failed_rounds bigint, OUT runs bigint, OUT alert_evaluations bigint, OUT stats_reset timestamp with time zone, OUT uncounted bigint', 'record', 'v', true, 's', true),
	('stat_reset', 'name text DEFAULT NULL::text', 'void', 'v', false, 'u', false),
	-- samples
	('sample_sizes', '', 'integer', 'v', false, 'u', false),
	('sample_policies', '', 'integer', 'v', false, 'u', false),
	('sample_snapshots', '', 'integer', 'v', false, 'u', false),
	('sample_versions', '', 'integer', 'v', false, 'u', false),
	('audit_figures', 'relation regclass, OUT total_bytes bigint, OUT rows_estimate bigint, OUT rows_purged bigint, OUT partitions integer, OUT covered_until timestamp with time zone, OUT oldest_record timestamp with time zone, OUT newest_record timestamp with time zone, OUT expires_from timestamp with time zone', 'record', 'v', true, 'u', true),
	-- versions
	('add_version_store', 'relation regclass, snapshot_column name, chain_columns name[], keep text DEFAULT ''metadata''::text', 'void', 'v', false, 'u', false),
	('remove_version_store', 'relation regclass, snapshot_column name, restore boolean DEFAULT true', 'void', 'v', false, 'u', false),
	('trigger_version_store', 'trigger oid, OUT snapshot_column name, OUT chain_columns name[], OUT keep text', 'record', 's', true, 'u', true),
	('version_text', 'stub jsonb', 'json', 's', true, 's', true),
	('version', 'stub jsonb', 'jsonb', 's', true, 's', true),
	('version_diff', 'older jsonb, newer jsonb', 'jsonb', 's', true, 's', true),
	('version_stats', 'relation regclass DEFAULT NULL::regclass', 'TABLE(relation regclass, snapshot_column name, chains bigint, versions bigint, keyframes bigint, raw_bytes bigint, stored_bytes bigint, ratio double precision, depth integer, dead_versions bigint, dead_bytes bigint)', 'v', false, 'u', true),
	('repack_versions', 'IN relation regclass DEFAULT NULL::regclass', NULL, 'v', false, 'u', false),
	('verify_versions', 'relation regclass DEFAULT NULL::regclass', 'TABLE(relation regclass, version_id bigint, problem text)', 'v', false, 'u', false),
	('version_problem', 'stub jsonb', 'text', 's', true, 's', true),
	('stub_version', 'document jsonb', 'bigint', 'i', true, 's', true),
	('store_version', '', 'trigger', 'v', false, 'u', true),
	('follow_version', '', 'trigger', 'v', false, 'u', true),
	('forget_versions', '', 'trigger', 'v', false, 'u', true),
	-- views of whole documents
	('create_version_view', 'relation regclass, view_name text', 'void', 'v', false, 'u', false),
	('write_version_view', '', 'trigger', 'v', false, 'u', true),
	-- event triggers
	('forget_dropped', '', 'event_trigger', 'v', false, 'u', false),
	('follow_altered', '', 'event_trigger', 'v', false, 'u', false);

SELECT is_empty($$SELECT name FROM contract EXCEPT SELECT proname FROM pg_proc JOIN member ON classid = 'pg_proc'::regclass AND objid = oid$$, 'these functions are there');
SELECT is_empty($$SELECT proname FROM pg_proc WHERE pronamespace = 'cvwiz'::regnamespace AND proname IN (SELECT name FROM contract) GROUP BY 1 HAVING count(*) > 1$$, 'none of them has another signature beside it');
SELECT is(pg_get_function_arguments(p.oid), c.arguments, format('arguments of %s()', c.name)) FROM contract c LEFT JOIN pg_proc p ON proname = name AND pronamespace = 'cvwiz'::regnamespace;
SELECT is(pg_get_function_result(p.oid), c.result, format('result of %s()', c.name)) FROM contract c LEFT JOIN pg_proc p ON proname = name AND pronamespace = 'cvwiz'::regnamespace;
SELECT is(p.provolatile, c.volatility, format('volatility of %s()', c.name)) FROM contract c LEFT JOIN pg_proc p ON proname = name AND pronamespace = 'cvwiz'::regnamespace;
SELECT is(p.proisstrict, c.strict, format('strictness of %s()', c.name)) FROM contract c LEFT JOIN pg_proc p ON proname = name AND pronamespace = 'cvwiz'::regnamespace;
SELECT is(p.proparallel, c.parallel, format('parallel safety of %s()', c.name)) FROM contract c LEFT JOIN pg_proc p ON proname = name AND pronamespace = 'cvwiz'::regnamespace;
SELECT is(p.prokind, CASE WHEN c.name IN ('run_retention', 'partition_by_month', 'undo_partition_by_month', 'repack_versions') THEN 'p' ELSE 'f' END::"char", format('%s is a function or a procedure', c.name)) FROM contract c LEFT JOIN pg_proc p ON proname = name AND pronamespace = 'cvwiz'::regnamespace;
SELECT is(has_function_privilege('public', p.oid, 'EXECUTE'), c.open_to_all, format('whether PUBLIC may execute %s()', c.name)) FROM contract c LEFT JOIN pg_proc p ON proname = name AND pronamespace = 'cvwiz'::regnamespace;

-- and of all others that the extension has
SELECT is_empty($$SELECT p.oid::regprocedure FROM pg_proc p JOIN member ON classid = 'pg_proc'::regclass AND objid = p.oid WHERE coalesce(obj_description(p.oid, 'pg_proc'), '') = ''$$,
	'every function has a comment');
SELECT is_empty($$SELECT p.oid::regprocedure FROM pg_proc p JOIN member ON classid = 'pg_proc'::regclass AND objid = p.oid WHERE p.prosecdef OR p.proleakproof$$,
	'none runs with the rights of its owner, none claims to be leakproof');
-- what is not C says where names are looked up
SELECT is_empty($$SELECT p.oid::regprocedure FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
	WHERE p.pronamespace = 'cvwiz'::regnamespace AND l.lanname <> 'c' AND p.prosqlbody IS NULL AND (p.proconfig @> '{"search_path=pg_catalog, pg_temp"}') IS NOT TRUE$$,
	'what is not C, and looks names up when it runs, has a search_path of its own');
SELECT ok(has_function_privilege('pg_monitor', 'cvwiz.report(interval)', 'EXECUTE'), 'pg_monitor may execute report()');
SELECT ok(proconfig @> '{jit=off}', 'report() is not compiled') FROM pg_proc WHERE oid = 'cvwiz.report'::regproc;
SELECT ok(proconfig @> '{"search_path=pg_catalog, pg_temp"}', 'health() has a search_path of its own') FROM pg_proc WHERE oid = 'cvwiz.health'::regproc;

-- ---- tables ----

SELECT has_table('cvwiz'::name, name) FROM unnest('{retention_policy,detached_partition,retention_run,retention_total,archive,conversion,size_sample,version_sample}'::name[]) name;
SELECT columns_are('cvwiz', 'retention_policy', '{relation,time_column,retention_days,premake_months,enabled,hold,added_at,granularity,archive_to,drop_after}'::name[]);
SELECT columns_are('cvwiz', 'detached_partition', '{relation,parent,range_start,range_end,started_at,pending,detached_at,rows,archived,emptied}'::name[]);
SELECT columns_are('cvwiz', 'archive', '{relation,relation_name,range_start,range_end,path,rows,bytes,raw_bytes,sha256,written_at}'::name[]);
SELECT columns_are('cvwiz', 'retention_total', '{relation,runs_succeeded,runs_failed,runs_on_hold,rows_purged}'::name[]);
SELECT col_is_pk('cvwiz', 'retention_total', 'relation', 'one total a table');
SELECT columns_are('cvwiz', 'size_sample', '{relation,snapshot_column,sampled_at,total_bytes,rows_estimate,rows_purged,partitions,covered_until,oldest_record,newest_record,expires_from,documents,raw_bytes,stored_bytes,sample_id}'::name[]);
SELECT columns_are('cvwiz', 'version_sample', '{relation,snapshot_column,sampled_at,store_bytes,counted,chains,versions,keyframes,raw_bytes,stored_bytes,depth,dead_versions,dead_bytes,sample_id}'::name[]);
SELECT has_index('cvwiz', 'version_sample', 'version_sample_relation_sampled_at', '{relation,sampled_at}'::name[]);
SELECT has_index('cvwiz', 'size_sample', 'size_sample_relation_sampled_at', '{relation,sampled_at}'::name[]);
SELECT is_empty($$SELECT c.relname FROM pg_class c JOIN member ON classid = 'pg_class'::regclass AND objid = c.oid WHERE c.relkind = 'r'
	AND c.relreplident <> 'f'
	AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary)$$, 'every table has a primary key, or its whole row as identity: a publication of all tables lets its rows be deleted');
SELECT is_empty($$SELECT r, t FROM unnest(ARRAY['public', 'pg_monitor']) r, unnest(ARRAY['snapshot_version', 'dead_version', 'version_source']) t
	WHERE has_table_privilege(r, 'cvwiz.' || t, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE')$$, 'the tables of the version store are granted to nobody');
SELECT col_is_pk('cvwiz', 'archive', '{path,sha256}'::name[], 'an archive is a file with a content');
SELECT col_type_is('cvwiz', 'archive', 'relation', 'pg_catalog', 'regclass', 'it is a relation');
SELECT throws_ok($$INSERT INTO cvwiz.archive VALUES (NULL, 'x', now(), now(), '/x', 1, 1, 1, 'ABC', now())$$, '23514', NULL, 'not even by hand: no SHA-256');
SELECT col_is_pk('cvwiz', 'retention_policy', 'relation', 'one policy a table');
SELECT columns_are('cvwiz', 'conversion', '{relation,legacy,key_extended,time_not_null,converted_at}'::name[]);
SELECT col_is_pk('cvwiz', 'conversion', 'relation', 'a table is converted once');
SELECT col_is_pk('cvwiz', 'detached_partition', 'relation', 'a partition is detached once');
SELECT col_is_pk('cvwiz', 'retention_run', 'run_id', 'runs have a number');
-- a dump names relations, not their numbers
SELECT col_type_is('cvwiz', 'retention_policy', 'relation', 'pg_catalog', 'regclass', 'it is a relation');
SELECT col_type_is('cvwiz', 'conversion', 'relation', 'pg_catalog', 'regclass', 'it is a relation');
SELECT col_type_is('cvwiz', 'conversion', 'legacy', 'pg_catalog', 'regclass', 'it is a relation');
SELECT col_type_is('cvwiz', 'detached_partition', 'relation', 'pg_catalog', 'regclass', 'it is a relation');
SELECT col_type_is('cvwiz', 'detached_partition', 'parent', 'pg_catalog', 'regclass', 'it is a relation');
SELECT has_table('cvwiz'::name, name) FROM unnest('{alert_rule,alert_state,alert_history}'::name[]) name;
SELECT columns_are('cvwiz', 'alert_rule', '{name,removed,severity,metric,labels,comparison,threshold,for_interval,hysteresis,enabled,action}'::name[]);
SELECT columns_are('cvwiz', 'alert_state', '{alert,severity,metric,labels,value,comparison,threshold,pending_since,firing_since}'::name[]);
SELECT columns_are('cvwiz', 'alert_history', '{event_id,at,alert,event,severity,metric,labels,value,comparison,threshold}'::name[]);
SELECT col_is_pk('cvwiz', 'alert_rule', 'name', 'one rule a name');
SELECT col_is_pk('cvwiz', 'alert_state', '{alert,severity,metric,labels}'::name[], 'an alert is a series of a rule');
SELECT col_is_pk('cvwiz', 'alert_history', 'event_id', 'events have a number');
SELECT throws_ok(format('INSERT INTO cvwiz.alert_rule (name, %I) VALUES (%L, %L)', col, 'x', value), '23514', NULL, format('not even by hand: %s %s', col, value))
FROM (VALUES ('comparison', '=='), ('severity', 'error'), ('threshold', 'NaN'), ('threshold', 'Infinity'), ('labels', '[]'), ('for_interval', '-1 second'), ('for_interval', '101 years'),
	('hysteresis', '-0.1'), ('hysteresis', '1.1'), ('hysteresis', 'NaN'), ('action', repeat('x', 501))) v(col, value);
SELECT throws_ok(format('INSERT INTO cvwiz.alert_rule (name) VALUES (%L)', name), '23514', NULL, format('not even by hand: the name %s', name)) FROM (VALUES (''), ('a b'), ('1'), (repeat('a', 64)), (E'a\n')) v(name);
SELECT throws_ok($$INSERT INTO cvwiz.alert_history (at, alert, event, severity, metric, labels, comparison, threshold) VALUES (now(), 'x', 'else', 'warning', 'm', '{}', '>', 1)$$, '23514', NULL, 'an event is one of two');
SELECT throws_ok($$INSERT INTO cvwiz.retention_policy VALUES ('pg_class', 'x', 29, 3, true, false, now())$$, '23514', NULL, 'not even by hand: 29 days');
SELECT throws_ok($$INSERT INTO cvwiz.retention_policy VALUES ('pg_class', 'x', 366, 3, true, false, now())$$, '23514', NULL, 'not even by hand: 366 days');
SELECT throws_ok($$INSERT INTO cvwiz.retention_policy VALUES ('pg_class', 'x', 90, 0, true, false, now())$$, '23514', NULL, 'not even by hand: 0 months');
SELECT throws_ok($$INSERT INTO cvwiz.retention_policy VALUES ('pg_class', 'x', 90, 25, true, false, now())$$, '23514', NULL, 'not even by hand: 25 months');
SELECT throws_ok($$INSERT INTO cvwiz.retention_policy VALUES ('pg_class', 'x', 90, 3, true, false, now(), 'rows')$$, '23514', NULL, 'not even by hand: another granularity');
SELECT throws_ok($$INSERT INTO cvwiz.retention_policy VALUES ('pg_class', 'x', 90, 3, true, false, now(), 'row', '/tmp')$$, '23514', NULL, 'not even by hand: an archive of rows');
SELECT throws_ok($$INSERT INTO cvwiz.retention_policy VALUES ('pg_class', 'x', 90, 3, true, false, now(), 'row', NULL, '-1 day')$$, '23514', NULL, 'not even by hand: a drop before the detach');
SELECT throws_ok($$INSERT INTO cvwiz.retention_run (relation, relation_name, origin, pid, started_at, success, residue) VALUES (0, 'x', 'call', 1, now(), true, 1)$$, '23514', NULL, 'a success has no residue');
SELECT throws_ok($$INSERT INTO cvwiz.retention_run (relation, relation_name, origin, pid, started_at, success) VALUES (0, 'x', 'call', 1, now(), true)$$, '23514', NULL, 'a success is measured');
SELECT throws_ok($$INSERT INTO cvwiz.retention_run (relation, relation_name, origin, pid, started_at) VALUES (0, 'x', 'else', 1, now())$$, '23514', NULL, 'a run has one of three origins');

-- the version store's
SELECT has_table('cvwiz'::name, name) FROM unnest('{version_source,snapshot_version,dead_version,version_repack,version_corruption}'::name[]) name;
SELECT columns_are('cvwiz', 'version_source', '{source_id,relation,snapshot_column}'::name[]);
SELECT columns_are('cvwiz', 'snapshot_version', '{version_id,base_id,chain_key,access_key,created_at,source_id,raw_length,checksum,stub_checksum,depth,codec,content}'::name[]);
SELECT columns_are('cvwiz', 'dead_version', '{version_id}'::name[]);
SELECT columns_are('cvwiz', 'version_repack', '{run_id,origin,pid,started_at,finished_at,success,chains,freed_versions,freed_bytes,rebased_versions,orphaned_versions,failed,error}'::name[]);
SELECT columns_are('cvwiz', 'version_corruption', '{relation,version_id,problem,found_at}'::name[]);
SELECT col_is_pk('cvwiz', 'version_source', 'source_id', 'tables with versions have a number');
SELECT col_is_pk('cvwiz', 'snapshot_version', 'version_id', 'versions have a number');
SELECT col_is_pk('cvwiz', 'version_repack', 'run_id', 'runs of the housekeeping have a number');
SELECT col_is_pk('cvwiz', 'version_corruption', '{relation,version_id}'::name[], 'a version is found corrupted once');
SELECT col_type_is('cvwiz', 'version_source', 'relation', 'pg_catalog', 'regclass', 'it is a relation');
SELECT has_index('cvwiz', 'snapshot_version', 'snapshot_version_chain', '{chain_key,version_id}'::name[]);
SELECT has_index('cvwiz', 'dead_version', 'dead_version_version_id', 'version_id'::name);
SELECT is_empty($$SELECT indexrelid::regclass FROM pg_index WHERE indrelid IN ('cvwiz.dead_version'::regclass, 'cvwiz.version_source'::regclass, 'cvwiz.snapshot_version'::regclass) AND indisunique AND NOT indisprimary$$, 'nobody waits for another who writes the same key');
SELECT is(attstorage, 'e', 'what zstd has compressed is not compressed again') FROM pg_attribute WHERE attrelid = 'cvwiz.snapshot_version'::regclass AND attname = 'content';
SELECT throws_ok($$INSERT INTO cvwiz.version_repack (origin, pid, started_at) VALUES ('else', 1, now())$$, '23514', NULL, 'housekeeping has one of two origins');
SELECT has_view('cvwiz'::name, 'version_stores'::name);
SELECT set_eq($$SELECT attnum::int, attname::text, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'cvwiz.version_stores'::regclass AND attnum > 0$$,
	$$VALUES (1, 'relation', 'regclass'), (2, 'snapshot_column', 'name'), (3, 'chain_columns', 'name[]'), (4, 'keep', 'text'), (5, 'trigger_name', 'name'), (6, 'enabled', 'boolean')$$, 'columns of version_stores');
SELECT ok(extconfig @> '{cvwiz.version_source,cvwiz.snapshot_version,cvwiz.dead_version,cvwiz.snapshot_version_id}'::regclass[]::oid[], 'versions are dumped, and their numbers') FROM pg_extension WHERE extname = 'cvwiz';
SELECT ok(NOT extconfig && '{cvwiz.version_repack,cvwiz.version_corruption}'::regclass[]::oid[], 'what housekeeping did and what was found corrupted is not') FROM pg_extension WHERE extname = 'cvwiz';
SELECT isnt(condition, '', format('rows of dropped tables are not dumped with %s', relation::regclass))
FROM pg_extension, unnest(extconfig, extcondition) AS config(relation, condition) WHERE extname = 'cvwiz' AND relation = 'cvwiz.version_source'::regclass;

-- dumped with their rows: these, and not the log
SELECT ok(extconfig @> '{cvwiz.retention_policy,cvwiz.detached_partition,cvwiz.archive,cvwiz.conversion}'::regclass[]::oid[], 'policies, detached partitions, archives and conversions are dumped') FROM pg_extension WHERE extname = 'cvwiz';
SELECT ok(NOT extconfig && '{cvwiz.retention_run,cvwiz.retention_total,cvwiz.size_sample,cvwiz.version_sample}'::regclass[]::oid[], 'the log of runs, its totals and samples are not') FROM pg_extension WHERE extname = 'cvwiz';
SELECT isnt(condition, '', format('rows of dropped tables are not dumped with %s', relation::regclass))
FROM pg_extension, unnest(extconfig, extcondition) AS config(relation, condition) WHERE extname = 'cvwiz' AND relation IN ('cvwiz.retention_policy'::regclass, 'cvwiz.detached_partition'::regclass, 'cvwiz.archive'::regclass, 'cvwiz.conversion'::regclass);

SELECT ok(extconfig @> '{cvwiz.alert_rule}'::regclass[]::oid[], 'changes of alert rules are dumped') FROM pg_extension WHERE extname = 'cvwiz';
SELECT ok(NOT extconfig && '{cvwiz.alert_state,cvwiz.alert_history}'::regclass[]::oid[], 'alerts are not') FROM pg_extension WHERE extname = 'cvwiz';

-- ---- views ----

SELECT has_view('cvwiz'::name, name) FROM unnest('{retention_policies,retention_runs,retention_progress,archives,detached_partitions,stat_audit}'::name[]) name;
SELECT set_eq($$SELECT attnum::int, attname::text, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'cvwiz.retention_policies'::regclass AND attnum > 0$$,
	$$VALUES (1, 'relation', 'regclass'), (2, 'time_column', 'name'), (3, 'retention_days', 'integer'), (4, 'premake_months', 'integer'), (5, 'enabled', 'boolean'), (6, 'hold', 'boolean'),
		(7, 'granularity', 'text'), (8, 'archive_to', 'text'), (9, 'drop_after', 'interval'),
		(10, 'last_success', 'timestamp with time zone'), (11, 'next_run', 'timestamp with time zone')$$, 'columns of retention_policies');
SELECT set_eq($$SELECT attnum::int, attname::text, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'cvwiz.retention_runs'::regclass AND attnum > 0$$,
	$$VALUES (1, 'run_id', 'bigint'), (2, 'relation', 'regclass'), (3, 'relation_name', 'text'), (4, 'origin', 'text'), (5, 'pid', 'integer'), (6, 'started_at', 'timestamp with time zone'),
		(7, 'finished_at', 'timestamp with time zone'), (8, 'duration', 'interval'), (9, 'success', 'boolean'), (10, 'deleted_count', 'bigint'), (11, 'partitions_created', 'integer'),
		(12, 'partitions_detached', 'integer'), (13, 'partitions_dropped', 'integer'), (14, 'cutoff_date', 'timestamp with time zone'), (15, 'retention_days', 'integer'),
		(16, 'residue', 'bigint'), (17, 'error', 'text'), (18, 'error_detail', 'text')$$, 'columns of retention_runs');
SELECT set_eq($$SELECT attnum::int, attname::text, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'cvwiz.retention_progress'::regclass AND attnum > 0$$,
	$$VALUES (1, 'pid', 'integer'), (2, 'relation', 'regclass'), (3, 'action', 'text'), (4, 'target', 'text'), (5, 'rows_done', 'bigint'), (6, 'rows_total', 'bigint'),
		(7, 'bytes_done', 'bigint'), (8, 'started_at', 'timestamp with time zone')$$, 'columns of retention_progress');
SELECT ok('security_barrier=true' = ANY (reloptions), 'retention_progress hides the rows of others for good') FROM pg_class WHERE oid = 'cvwiz.retention_progress'::regclass;
SELECT set_eq($$SELECT attnum::int, attname::text, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'cvwiz.archives'::regclass AND attnum > 0$$,
	$$VALUES (1, 'relation', 'regclass'), (2, 'relation_name', 'text'), (3, 'range_start', 'timestamp with time zone'), (4, 'range_end', 'timestamp with time zone'), (5, 'path', 'text'),
		(6, 'rows', 'bigint'), (7, 'bytes', 'bigint'), (8, 'raw_bytes', 'bigint'), (9, 'sha256', 'text'), (10, 'written_at', 'timestamp with time zone')$$, 'columns of archives');
SELECT ok('security_barrier=true' = ANY (reloptions), 'archives hides the rows of others for good') FROM pg_class WHERE oid = 'cvwiz.archives'::regclass;
SELECT set_eq($$SELECT attnum::int, attname::text, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'cvwiz.detached_partitions'::regclass AND attnum > 0$$,
	$$VALUES (1, 'relation', 'regclass'), (2, 'parent', 'regclass'), (3, 'range_start', 'timestamp with time zone'), (4, 'range_end', 'timestamp with time zone'), (5, 'rows', 'bigint'),
		(6, 'detached_at', 'timestamp with time zone'), (7, 'archive', 'text'), (8, 'drop_due', 'timestamp with time zone')$$, 'columns of detached_partitions');
SELECT ok('security_barrier=true' = ANY (reloptions), 'detached_partitions hides the rows of others for good') FROM pg_class WHERE oid = 'cvwiz.detached_partitions'::regclass;
SELECT has_view('cvwiz'::name, 'stat_snapshot'::name);
SELECT set_eq($$SELECT attnum::int, attname::text, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'cvwiz.stat_snapshot'::regclass AND attnum > 0$$,
	$$VALUES (1, 'relation', 'regclass'), (2, 'snapshot_column', 'name'), (3, 'max_size', 'integer'), (4, 'warning_size', 'integer'), (5, 'checked', 'bigint'), (6, 'within', 'bigint'),
		(7, 'truncated', 'bigint'), (8, 'metadata_only', 'bigint'), (9, 'rejected', 'bigint'), (10, 'bytes_sum', 'bigint'), (11, 'bytes_max', 'bigint'), (12, 'histogram', 'bigint[]'),
		(13, 'recent_bytes_max', 'bigint'), (14, 'recent_oversized', 'bigint'), (15, 'table_bytes', 'bigint'), (16, 'documents', 'integer'), (17, 'raw_bytes', 'bigint'),
		(18, 'stored_bytes', 'bigint'), (19, 'ratio', 'double precision'), (20, 'sampled_at', 'timestamp with time zone'), (21, 'stats_reset', 'timestamp with time zone')$$, 'columns of stat_snapshot');
SELECT is_empty($$SELECT attname FROM pg_attribute WHERE attrelid = 'cvwiz.stat_snapshot'::regclass AND attnum > 0 AND coalesce(col_description(attrelid, attnum), '') = ''$$,
	'every column of stat_snapshot has a comment');
SELECT ok('security_barrier=true' = ANY (reloptions), 'stat_snapshot hides the rows of others for good') FROM pg_class WHERE oid = 'cvwiz.stat_snapshot'::regclass;
SELECT ok(has_table_privilege('public', 'cvwiz.stat_snapshot', 'SELECT'), 'PUBLIC may read stat_snapshot');
SELECT ok(NOT has_table_privilege('public', 'cvwiz.stat_snapshot', 'INSERT, UPDATE, DELETE, TRUNCATE'), 'PUBLIC may not write stat_snapshot');
SELECT has_view('cvwiz'::name, 'stat_version'::name);
SELECT set_eq($$SELECT attnum::int, attname::text, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'cvwiz.stat_version'::regclass AND attnum > 0$$,
	$$VALUES (1, 'relation', 'regclass'), (2, 'snapshot_column', 'name'), (3, 'chains', 'bigint'), (4, 'versions', 'bigint'), (5, 'keyframes', 'bigint'), (6, 'raw_bytes', 'bigint'), (7, 'stored_bytes', 'bigint'),
		(8, 'ratio', 'double precision'), (9, 'depth', 'integer'), (10, 'dead_versions', 'bigint'), (11, 'dead_bytes', 'bigint'), (12, 'store_bytes', 'bigint'), (13, 'counted', 'boolean'), (14, 'sampled_at', 'timestamp with time zone'),
		(15, 'corrupted', 'bigint'), (16, 'last_repack', 'timestamp with time zone'), (17, 'last_repack_succeeded', 'boolean'), (18, 'last_repack_success', 'timestamp with time zone')$$, 'columns of stat_version');
SELECT is_empty($$SELECT attname FROM pg_attribute WHERE attrelid = 'cvwiz.stat_version'::regclass AND attnum > 0 AND coalesce(col_description(attrelid, attnum), '') = ''$$,
	'every column of stat_version has a comment');
SELECT ok('security_barrier=true' = ANY (reloptions), 'stat_version hides the rows of others for good') FROM pg_class WHERE oid = 'cvwiz.stat_version'::regclass;
SELECT ok(has_table_privilege('public', 'cvwiz.' || name, 'SELECT'), format('PUBLIC may read %s', name)) FROM unnest('{stat_version,stat_version_repack}'::text[]) name;
SELECT ok(NOT has_table_privilege('public', 'cvwiz.' || name, 'INSERT, UPDATE, DELETE, TRUNCATE'), format('PUBLIC may not write %s', name)) FROM unnest('{stat_version,stat_version_repack,versioned_columns}'::text[]) name;
SELECT is(cvwiz.snapshot_size_bounds(), ARRAY(SELECT DISTINCT b FROM unnest(cvwiz.snapshot_size_bounds()) b ORDER BY b), 'the bounds rise');
SELECT set_eq($$SELECT attnum::int, attname::text, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'cvwiz.stat_audit'::regclass AND attnum > 0$$,
	$$VALUES (1, 'relation', 'regclass'), (2, 'total_bytes', 'bigint'), (3, 'rows_estimate', 'bigint'), (4, 'rows_per_day_7d', 'double precision'), (5, 'rows_per_day_30d', 'double precision'),
		(6, 'oldest_record', 'timestamp with time zone'), (7, 'newest_record', 'timestamp with time zone'), (8, 'overdue', 'interval'), (9, 'partitions', 'integer'), (10, 'days_ahead', 'double precision'),
		(11, 'retention_days', 'integer'), (12, 'enabled', 'boolean'), (13, 'hold', 'boolean'), (14, 'added_at', 'timestamp with time zone'), (15, 'last_success', 'timestamp with time zone'),
		(16, 'last_run_succeeded', 'boolean'), (17, 'residue', 'bigint'), (18, 'runs_succeeded', 'bigint'), (19, 'runs_failed', 'bigint'), (20, 'runs_on_hold', 'bigint'),
		(21, 'rows_purged', 'bigint'), (22, 'sampled_at', 'timestamp with time zone')$$, 'columns of stat_audit');
SELECT ok('security_barrier=true' = ANY (reloptions), 'stat_audit hides the rows of others for good') FROM pg_class WHERE oid = 'cvwiz.stat_audit'::regclass;
SELECT ok('security_barrier=true' = ANY (reloptions), 'retention_runs hides the rows of others for good') FROM pg_class WHERE oid = 'cvwiz.retention_runs'::regclass;
SELECT has_view('cvwiz'::name, name) FROM unnest('{built_in_alert_rules,alert_rules,alerts}'::name[]) name;
SELECT set_eq($$SELECT attnum::int, attname::text, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'cvwiz.alert_rules'::regclass AND attnum > 0$$,
	$$VALUES (1, 'name', 'text'), (2, 'severity', 'text'), (3, 'metric', 'text'), (4, 'labels', 'jsonb'), (5, 'comparison', 'text'), (6, 'threshold', 'double precision'),
		(7, 'for_interval', 'interval'), (8, 'hysteresis', 'double precision'), (9, 'enabled', 'boolean'), (10, 'built_in', 'boolean'), (11, 'action', 'text')$$, 'columns of alert_rules');
SELECT set_eq($$SELECT attnum::int, attname::text, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'cvwiz.alerts'::regclass AND attnum > 0$$,
	$$VALUES (1, 'alert', 'text'), (2, 'severity', 'text'), (3, 'metric', 'text'), (4, 'labels', 'jsonb'), (5, 'value', 'double precision'), (6, 'comparison', 'text'),
		(7, 'threshold', 'double precision'), (8, 'since', 'timestamp with time zone'), (9, 'action', 'text')$$, 'columns of alerts');
-- what the rules say is true of them, and has room in a notification
SELECT is_empty($$SELECT r.name FROM cvwiz.alert_rules r LEFT JOIN cvwiz.metric_definitions d ON d.name = r.metric WHERE d.name IS NULL$$, 'built-in rules are about metrics that there are');
SELECT is_empty($$SELECT name FROM cvwiz.built_in_alert_rules WHERE name !~ '^[a-z_]{1,63}$' OR length(action) NOT BETWEEN 1 AND 500 OR severity NOT IN ('warning', 'critical')$$, 'built-in rules keep to what users may set');

SELECT has_view('cvwiz'::name, name) FROM unnest('{metric_definitions,metrics}'::name[]) name;
SELECT set_eq($$SELECT attnum::int, attname::text, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'cvwiz.metric_definitions'::regclass AND attnum > 0$$,
	$$VALUES (1, 'name', 'text'), (2, 'type', 'text'), (3, 'help', 'text'), (4, 'labels', 'text[]')$$, 'columns of metric_definitions');
SELECT set_eq($$SELECT attnum::int, attname::text, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'cvwiz.metrics'::regclass AND attnum > 0$$,
	$$VALUES (1, 'name', 'text'), (2, 'type', 'text'), (3, 'help', 'text'), (4, 'labels', 'jsonb'), (5, 'value', 'double precision')$$, 'columns of metrics');

-- ---- who may read and write them ----

SELECT ok(has_table_privilege('public', 'cvwiz.version_stores', 'SELECT'), 'PUBLIC may read version_stores');
SELECT is_empty($$SELECT c.relname, a.grantee::regrole FROM pg_class c, aclexplode(c.relacl) a WHERE c.oid IN ('cvwiz.version_source'::regclass, 'cvwiz.snapshot_version'::regclass, 'cvwiz.dead_version'::regclass, 'cvwiz.snapshot_version_id'::regclass) AND a.grantee <> c.relowner$$,
	'the stored documents are granted to nobody at all');
SELECT ok(has_table_privilege('pg_monitor', relation, 'SELECT') AND NOT has_table_privilege('pg_monitor', relation, 'INSERT, UPDATE, DELETE, TRUNCATE') AND NOT has_table_privilege('public', relation, 'SELECT'), format('pg_monitor may read %s, PUBLIC may not', relation))
FROM unnest('{cvwiz.version_repack,cvwiz.version_corruption}'::regclass[]) relation;

SELECT ok(has_table_privilege('public', relation, 'SELECT'), format('PUBLIC may read %s', relation)) FROM unnest('{cvwiz.retention_policy,cvwiz.retention_policies,cvwiz.retention_runs,cvwiz.retention_progress,cvwiz.archives,cvwiz.detached_partitions,cvwiz.stat_audit}'::regclass[]) relation;
SELECT ok(NOT has_table_privilege('public', relation, 'SELECT'), format('PUBLIC may not read %s', relation)) FROM unnest('{cvwiz.retention_run,cvwiz.retention_total,cvwiz.detached_partition,cvwiz.archive,cvwiz.conversion,cvwiz.size_sample,cvwiz.version_sample}'::regclass[]) relation;
SELECT ok(has_table_privilege('public', relation, 'SELECT'), format('PUBLIC may read %s', relation)) FROM unnest('{cvwiz.retention_policy,cvwiz.retention_policies,cvwiz.retention_runs,cvwiz.retention_progress,cvwiz.archives,cvwiz.detached_partitions}'::regclass[]) relation;
SELECT ok(NOT has_table_privilege('public', relation, 'SELECT'), format('PUBLIC may not read %s', relation)) FROM unnest('{cvwiz.retention_run,cvwiz.detached_partition,cvwiz.archive,cvwiz.conversion}'::regclass[]) relation;
SELECT ok(NOT has_table_privilege('public', relation, 'SELECT'), format('PUBLIC may not read %s', relation)) FROM unnest('{cvwiz.alert_rule,cvwiz.alert_state,cvwiz.alert_history,cvwiz.alerts,cvwiz.alert_rules,cvwiz.built_in_alert_rules}'::regclass[]) relation;
SELECT ok(has_table_privilege('pg_monitor', relation, 'SELECT'), format('pg_monitor may read %s', relation)) FROM unnest('{cvwiz.alert_history,cvwiz.alerts,cvwiz.alert_rules,cvwiz.built_in_alert_rules}'::regclass[]) relation;
SELECT ok(NOT has_table_privilege('pg_monitor', c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE'), format('pg_monitor may not change %s', c.relname)) FROM pg_class c WHERE c.relnamespace = 'cvwiz'::regnamespace AND c.relname LIKE '%alert%' AND c.relkind IN ('r', 'v');
SELECT ok(has_function_privilege('pg_monitor', f, 'EXECUTE'), format('pg_monitor may execute %s', f)) FROM unnest('{cvwiz.check,cvwiz.alert_series}'::regproc[]) f;
SELECT ok(NOT has_function_privilege('pg_monitor', f, 'EXECUTE'), format('pg_monitor may not execute %s', f)) FROM unnest('{cvwiz.set_alert,cvwiz.remove_alert,cvwiz.evaluate_alerts}'::regproc[]) f;
SELECT ok(has_table_privilege('pg_monitor', relation, 'SELECT') AND NOT has_table_privilege('public', relation, 'SELECT'), format('pg_monitor may read %s, PUBLIC may not', relation))
FROM unnest('{cvwiz.metric_definitions,cvwiz.metrics}'::regclass[]) relation;
SELECT ok(has_function_privilege('pg_monitor', 'cvwiz.openmetrics()', 'EXECUTE'), 'pg_monitor may execute openmetrics()');
SELECT ok(NOT has_table_privilege('public', c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER'), format('PUBLIC may not change %s', c.relname))
FROM pg_class c WHERE c.relnamespace = 'cvwiz'::regnamespace AND c.relkind IN ('r', 'v') ORDER BY c.relname;
SELECT ok(NOT has_any_column_privilege('public', c.oid, 'INSERT, UPDATE, REFERENCES'), format('nor a column of %s', c.relname))
FROM pg_class c WHERE c.relnamespace = 'cvwiz'::regnamespace AND c.relkind IN ('r', 'v') ORDER BY c.relname;
SELECT ok(NOT has_sequence_privilege('public', c.oid, 'USAGE, SELECT, UPDATE'), format('PUBLIC has nothing of sequence %s', c.relname))
FROM pg_class c WHERE c.relnamespace = 'cvwiz'::regnamespace AND c.relkind = 'S';

-- ---- event triggers ----

SELECT set_eq($$SELECT evtname::text, evtevent::text, evtfoid::regproc::text, evtenabled FROM pg_event_trigger JOIN member ON classid = 'pg_event_trigger'::regclass AND objid = oid$$,
	$$VALUES ('cvwiz_follow_altered', 'ddl_command_end', 'cvwiz.follow_altered', 'A'::"char"), ('cvwiz_forget_dropped', 'sql_drop', 'cvwiz.forget_dropped', 'A')$$, 'the event triggers fire always');
SELECT ok(obj_description(oid, 'pg_event_trigger') <> '', format('event trigger %s has a comment', evtname)) FROM pg_event_trigger WHERE evtname LIKE 'cvwiz%' ORDER BY evtname;

-- ---- everything in one place, everything explained ----

SELECT is_empty($$SELECT pg_describe_object(m.classid, m.objid, 0) FROM member m, pg_identify_object(m.classid, m.objid, 0) o
	WHERE o.schema IS DISTINCT FROM 'cvwiz' AND m.classid NOT IN ('pg_event_trigger'::regclass, 'pg_cast'::regclass)$$, 'every object is in schema cvwiz');
SELECT is_empty($$SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'cvwiz'::regnamespace AND c.relkind NOT IN ('i', 't')
	AND NOT EXISTS (SELECT FROM member WHERE classid = 'pg_class'::regclass AND objid = c.oid)
	AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype IN ('i', 'a'))$$, 'every relation there is the extension''s');
SELECT is_empty($$SELECT oid::regprocedure FROM pg_proc WHERE pronamespace = 'cvwiz'::regnamespace
	AND NOT EXISTS (SELECT FROM member WHERE classid = 'pg_proc'::regclass AND objid = oid)$$, 'every function there is the extension''s');
SELECT is_empty($$SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'cvwiz'::regnamespace AND c.relkind IN ('r', 'v') AND coalesce(obj_description(c.oid, 'pg_class'), '') = ''$$,
	'every table and view has a comment');
SELECT is_empty($$SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
	WHERE c.relnamespace = 'cvwiz'::regnamespace AND c.relkind = 'r' AND coalesce(col_description(c.oid, a.attnum), '') = ''$$, 'every column of a table has a comment');

-- ---- settings ----

SELECT set_has($$SELECT name, context FROM pg_settings WHERE name LIKE 'cvwiz.%'$$,
	$$VALUES ('cvwiz.alert_interval', 'sighup'), ('cvwiz.databases', 'sighup'), ('cvwiz.lock_timeout', 'user'), ('cvwiz.max_original_size', 'superuser'), ('cvwiz.version_compression_level', 'user'), ('cvwiz.naptime', 'sighup'), ('cvwiz.now', 'superuser'), ('cvwiz.purge_batch_size', 'user'),
		('cvwiz.purge_pause', 'user'), ('cvwiz.purge_time', 'sighup'), ('cvwiz.step_timeout', 'sighup'), ('cvwiz.worker', 'sighup')$$, 'these settings are there');

SELECT * FROM finish();
ROLLBACK;
