/*-------------------------------------------------------------------------
 *
 * report_audit.h
 *		A table with a policy, as cvwiz.stat_audit has it, and its pictures.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVWIZ_MONITOR_REPORT_AUDIT_H
#define CVWIZ_MONITOR_REPORT_AUDIT_H

#include "postgres.h"

#include "monitor/report.h"

/* What isn't known is NO_FIGURE, NaN or NO_TIME. */
typedef struct AuditTable
{
	Oid			relid;
	char	   *name;			/* as SQL has it: quoted where need be */
	bool		partitioned;
	int64		bytes;
	int64		rows;
	double		rows_per_day_7d;
	double		rows_per_day_30d;
	TimestampTz oldest_record;
	TimestampTz newest_record;
	double		overdue;		/* seconds */
	TimestampTz added_at;
	int64		partitions;
	double		days_ahead;
	int			retention_days;
	bool		enabled;
	bool		hold;
	TimestampTz last_success;
	bool		last_run_failed;
	int64		residue;
	int64		runs_succeeded;
	int64		runs_failed;
	int64		runs_on_hold;
	int64		rows_purged;
	TimestampTz sampled_at;
	TimestampTz cutoff;
} AuditTable;

/* Its pictures: each is a figure, or a note that says why there is none. */
extern void put_growth(Report *report, const AuditTable *table);
extern void put_partitions(Report *report, const AuditTable *table);
extern void put_runs(Report *report, const AuditTable *table);

#endif							/* CVWIZ_MONITOR_REPORT_AUDIT_H */
