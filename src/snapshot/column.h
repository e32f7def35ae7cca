/*-------------------------------------------------------------------------
 *
 * column.h
 *		Columns that can hold a snapshot: jsonb, json, cvwiz.zjsonb, and
 *		domains over them.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVWIZ_COLUMN_H
#define CVWIZ_COLUMN_H

#include "postgres.h"

#include "access/attnum.h"
#include "utils/jsonb.h"
#include "utils/rel.h"
#include "utils/reltrigger.h"

typedef enum SnapshotKind
{
	SNAPSHOT_JSONB,
	SNAPSHOT_JSON,
	SNAPSHOT_ZJSONB
} SnapshotKind;

/*
 * ERROR 42703 for no such column, 42804 for another type.  Gives the column's
 * number and its type, a domain maybe, where wanted.
 */
extern SnapshotKind snapshot_column_kind(Oid relid, const char *column,
										 AttrNumber *attnum, Oid *type);

/* ERROR 0A000: a generated column is computed after BEFORE triggers. */
extern void snapshot_check_not_generated(Oid relid, AttrNumber attnum);

/* Bytes of the document's text: for json as it was written. */
extern uint64 snapshot_datum_size(SnapshotKind kind, Datum value);

extern Jsonb *snapshot_datum_to_jsonb(SnapshotKind kind, Datum value);
extern Datum snapshot_datum_from_jsonb(SnapshotKind kind, Jsonb *jsonb);

/* That of a trigger function cvwiz.name(). */
extern Oid	trigger_function_oid(const char *name);

#define LIMITS_FUNCTION "enforce_snapshot_limits"
#define STORE_FUNCTION "store_version"
#define FOLLOW_FUNCTION "follow_version"
#define FORGET_FUNCTION "forget_versions"

/*
 * The trigger of that function that fires for the column in this session;
 * NULL: there is none.
 */
extern const Trigger *active_trigger(Relation rel, const char *function, const char *column);

#endif							/* CVWIZ_COLUMN_H */
