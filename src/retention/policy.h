/*-------------------------------------------------------------------------
 *
 * policy.h
 *		What a table's owner asked for, and which tables can have it.
 *
 * Where a function says so, the caller is connected to SPI.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVWIZ_POLICY_H
#define CVWIZ_POLICY_H

#include "postgres.h"

#include "access/attnum.h"
#include "datatype/timestamp.h"
#include "fmgr.h"
#include "guard.h"
#include "nodes/execnodes.h"
#include "nodes/pg_list.h"

#define POLICY_MIN_RETENTION_DAYS	30
#define POLICY_MAX_RETENTION_DAYS	365
#define POLICY_MIN_PREMAKE_MONTHS	1
#define POLICY_MAX_PREMAKE_MONTHS	24

typedef struct TimeColumn
{
	bool		partitioned;	/* it is the table's partition key */
	AttrNumber	attnum;
	Oid			type;
	NameData	name;
} TimeColumn;

typedef struct RetentionPolicy
{
	Oid			relid;
	TimeColumn	column;
	int			retention_days;
	int			premake_months;
	bool		enabled;
	bool		hold;
} RetentionPolicy;

typedef enum PolicyLock
{
	POLICY_READ,
	POLICY_SHARE				/* nobody alters it before we commit */
} PolicyLock;

/*
 * The partition key of a table partitioned by range on one column of a time
 * type; ERROR 42809 or 0A000 where it is anything else.
 */
extern void time_column_of_key(Oid relid, TimeColumn *column);

/*
 * ERROR 0A000 if a foreign key refers to the table or one of its partitions: a
 * row that others refer to cannot go, or takes theirs with it (ON DELETE
 * CASCADE).  Needs SPI.
 */
extern void policy_check_foreign_keys(Oid relid);

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

/* The moment before which this policy's rows have expired. */
extern TimestampTz policy_cutoff(const RetentionPolicy *policy, TimestampTz now);

#endif							/* CVWIZ_POLICY_H */
