/*-------------------------------------------------------------------------
 *
 * compat.h
 *		Every difference between PostgreSQL 15 and 19, and nowhere else.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVWIZ_COMPAT_H
#define CVWIZ_COMPAT_H

#include "postgres.h"

#include <limits.h>

#include "catalog/pg_class.h"
#include "catalog/pg_database.h"
#include "fmgr.h"
#include "postmaster/bgworker.h"
#include "tcop/dest.h"
#include "tcop/pquery.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/guc.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"
#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

#if PG_VERSION_NUM < 150000
#error "cvwiz needs PostgreSQL 15 or later"
#endif

/* 18 has the C11 word in front of a declaration. */
#if PG_VERSION_NUM >= 180000
#define COMPAT_NORETURN pg_noreturn
#else
#define COMPAT_NORETURN __attribute__((noreturn))
#endif

/* 16 folded the per-catalog ownership checks into one function. */
static inline bool
compat_owns_relation(Oid relid, Oid roleid)
{
#if PG_VERSION_NUM >= 160000
	return object_ownercheck(RelationRelationId, relid, roleid);
#else
	return pg_class_ownercheck(relid, roleid);
#endif
}

static inline bool
compat_may_connect(Oid database, Oid roleid)
{
#if PG_VERSION_NUM >= 160000
	return object_aclcheck(DatabaseRelationId, database, roleid, ACL_CONNECT) == ACLCHECK_OK;
#else
	return pg_database_aclcheck(database, roleid, ACL_CONNECT) == ACLCHECK_OK;
#endif
}

/* Up to 16 a background worker can't be connected as a role without LOGIN. */
#if PG_VERSION_NUM >= 170000
#define COMPAT_BYPASS_ROLELOGINCHECK BGWORKER_BYPASS_ROLELOGINCHECK
#else
#define COMPAT_BYPASS_ROLELOGINCHECK 0
#endif

/* To its end, at top level, without output; 18 dropped run_once. */
static inline void
compat_portal_run(Portal portal)
{
#if PG_VERSION_NUM >= 180000
	(void) PortalRun(portal, FETCH_ALL, true, None_Receiver, None_Receiver, NULL);
#else
	(void) PortalRun(portal, FETCH_ALL, true, true, None_Receiver, None_Receiver, NULL);
#endif
}

/* 18 has no unlogged partitioned table; before, the word did nothing but tell. */
#define COMPAT_UNLOGGED_PARENT (PG_VERSION_NUM < 180000)

/* 16 added an out parameter that details a failure. */
static inline int
compat_decode_datetime(char **field, int *ftype, int nf, int *dtype,
					   struct pg_tm *tm, fsec_t *fsec, int *tz)
{
#if PG_VERSION_NUM >= 160000
	DateTimeErrorExtra extra;

	return DecodeDateTime(field, ftype, nf, dtype, tm, fsec, tz, &extra);
#else
	return DecodeDateTime(field, ftype, nf, dtype, tm, fsec, tz);
#endif
}

/* Memory for a check hook's extra: 16 has a context of its own for it. */
static inline void *
compat_guc_malloc(size_t size)
{
#if PG_VERSION_NUM >= 160000
	return guc_malloc(LOG, size);
#else
	return malloc(size);
#endif
}

/* 19 keeps the result in the state. */
typedef struct JsonbBuilder
{
#if PG_VERSION_NUM >= 190000
	JsonbInState state;
#else
	JsonbParseState *state;
	JsonbValue *result;
#endif
} JsonbBuilder;

static inline void
compat_push_jsonb(JsonbBuilder *builder, JsonbIteratorToken token, JsonbValue *value)
{
#if PG_VERSION_NUM >= 190000
	pushJsonbValue(&builder->state, token, value);
#else
	builder->result = pushJsonbValue(&builder->state, token, value);
#endif
}

static inline Jsonb *
compat_built_jsonb(JsonbBuilder *builder)
{
#if PG_VERSION_NUM >= 190000
	return JsonbValueToJsonb(builder->state.result);
#else
	return JsonbValueToJsonb(builder->result);
#endif
}

/* 16 brought soft errors: false, then, and the context says why. */
static inline bool
compat_jsonb_in(char *text, Node *context, Datum *result)
{
#if PG_VERSION_NUM >= 160000
	return DirectInputFunctionCallSafe(jsonb_in, text, InvalidOid, -1, context, result);
#else
	*result = DirectFunctionCall1(jsonb_in, CStringGetDatum(text));
	return true;
#endif
}

/*
 * 19 lets DROP DATABASE and its kind end such a worker by themselves.  Before,
 * the launcher does it (see scheduler/launcher.c).
 */
#ifndef BGWORKER_INTERRUPTIBLE
#define BGWORKER_INTERRUPTIBLE 0
#endif

#endif							/* CVWIZ_COMPAT_H */
