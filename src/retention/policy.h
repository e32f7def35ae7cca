/*-------------------------------------------------------------------------
 *
 * policy.h
 *		What a table's owner asked for.
 *
 * Where a function says so, the caller is connected to SPI.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVWIZ_POLICY_H
#define CVWIZ_POLICY_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "fmgr.h"
#include "guard.h"
#include "nodes/execnodes.h"
#include "nodes/pg_list.h"
#include "retention/time_column.h"

#define POLICY_MIN_RETENTION_DAYS	30
#define POLICY_MAX_RETENTION_DAYS	365
#define POLICY_MIN_PREMAKE_MONTHS	1
#define POLICY_MAX_PREMAKE_MONTHS	24

typedef struct RetentionPolicy
{
	Oid			relid;
	TimeColumn	column;
	int			retention_days;
	int			premake_months;
	bool		enabled;
	bool		hold;
	bool		whole_partitions;	/* nothing less than a partition goes */
	char	   *archive_to;		/* a directory; NULL: none */
	Interval	drop_after;		/* of the detach; no field is negative */
} RetentionPolicy;

typedef enum PolicyLock
{
	POLICY_READ,
	POLICY_SHARE				/* nobody alters it before we commit */
} PolicyLock;

/*
 * The policy of a table, in the current memory context; NULL where it has
 * none, or is gone itself.  ERROR where the table has changed so that the
 * policy does not fit any more.  Needs SPI.
 */
extern RetentionPolicy *policy_read(Oid relid, PolicyLock lock);

/*
 * The relation of a SQL function's first argument, which can be left out:
 * InvalidOid for NULL, ERROR 42P01 for OID 0, which must not mean all.
 */
extern Oid	policy_argument(FunctionCallInfo fcinfo);

/* Like policy_read(), but no policy is an ERROR 42704. */
extern RetentionPolicy *policy_require(Oid relid);

/* ERROR 42704 for no policy, 55000 for a disabled one.  Needs SPI. */
extern void policy_check_enabled(Oid relid);

/*
 * Which policies a call is about: the one of relid, or, for InvalidOid, every
 * enabled one that the current user may handle, in the order of the names.
 * A list of OIDs.  Needs SPI.
 */
extern List *policy_relations(Oid relid, bool (*allowed) (Oid relid));

/*
 * A set-returning function over policies: the one of its argument, or all that
 * the caller may see, where one that fails is a WARNING.  put_rows is handed a
 * PolicyRows, and may use SPI.
 */
typedef struct PolicyRows
{
	ReturnSetInfo *rsinfo;
	Oid			relid;
} PolicyRows;

extern void policy_put_rows(FunctionCallInfo fcinfo, GuardedAction put_rows);

/* ERROR 22023 outside the range. */
extern void policy_check_retention_days(Oid relid, int days);

/* Whether detached partitions are dropped without any time between. */
extern bool policy_drops_at_once(const RetentionPolicy *policy);

/* The moment before which this policy's rows have expired. */
extern TimestampTz policy_cutoff(const RetentionPolicy *policy, TimestampTz now);

/*
 * The moment before which no row may be left: the cutoff, or, where only whole
 * partitions go, the start of the one that the cutoff lies in.
 */
extern TimestampTz policy_expiry_limit(const RetentionPolicy *policy, TimestampTz cutoff);

#endif							/* CVWIZ_POLICY_H */
