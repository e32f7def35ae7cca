/*-------------------------------------------------------------------------
 *
 * time_column.h
 *		Which tables can have a policy, and by which column it goes.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVWIZ_TIME_COLUMN_H
#define CVWIZ_TIME_COLUMN_H

#include "postgres.h"

#include "access/attnum.h"

typedef struct TimeColumn
{
	bool		partitioned;	/* it is the table's partition key */
	AttrNumber	attnum;
	Oid			type;
	NameData	name;
} TimeColumn;

/*
 * The partition key of a table partitioned by range on one column of a time
 * type; ERROR 42809 or 0A000 where it is anything else.
 */
extern void time_column_of_key(Oid relid, TimeColumn *column);

/* ERROR 42703 for no such column, 42804 for one of another type. */
extern void time_column_by_name(Oid relid, const char *name, TimeColumn *column);

/*
 * The column that a new policy would go by; name is NULL for the partition
 * key.  The relation is locked.  ERROR where it can't have a policy: see the
 * SQL comment of cvwiz.add_retention_policy().
 */
extern void time_column_for_policy(Oid relid, const char *name, TimeColumn *column);

/*
 * ERROR 0A000 if a foreign key refers to the table or one of its partitions: a
 * row that others refer to cannot go, or takes theirs with it (ON DELETE
 * CASCADE).  Needs SPI.
 */
extern void check_incoming_foreign_keys(Oid relid);

#endif							/* CVWIZ_TIME_COLUMN_H */
