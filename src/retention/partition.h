/*-------------------------------------------------------------------------
 *
 * partition.h
 *		Making a partition: its name, its statements, what it has from the
 *		parent.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVWIZ_PARTITION_H
#define CVWIZ_PARTITION_H

#include "postgres.h"

#include "nodes/pg_list.h"
#include "retention/bounds.h"
#include "retention/policy.h"

/*
 * A name such as audit_logs_2024_01: fits 63 bytes without cutting a
 * character, and is neither taken in the parent's schema nor in the list.
 */
extern char *partition_choose_name(Oid parent, TimestampTz lower, List *taken);

/* FOR VALUES FROM ... TO ... */
extern char *partition_values_clause(const TimeColumn *column, TimeRange range);

/* The statements that make and attach a partition, in their order.  Needs SPI. */
extern List *partition_statements(Oid parent, const TimeColumn *column,
								  const char *name, TimeRange range);

/*
 * Chooses a name and runs them, as the current user, who owns the parent; the
 * caller has locked the parent in SHARE UPDATE EXCLUSIVE mode.  Then gives the
 * partition what else the parent has (see inherit.h): above all its privileges,
 * and no more.  Needs SPI.
 */
extern Oid	partition_create(Oid parent, const TimeColumn *column, TimeRange range);

/*
 * A table like a partition of that range, with the parent's privileges, and no
 * more, that is not attached.  Otherwise as partition_create().
 */
extern Oid	partition_create_detached(Oid parent, TimeRange range);

#endif							/* CVWIZ_PARTITION_H */
