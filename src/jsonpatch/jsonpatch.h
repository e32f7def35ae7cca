/*-------------------------------------------------------------------------
 *
 * jsonpatch.h
 *		JSON patches (RFC 6902) and merge patches (RFC 7396) of jsonb: what the
 *		other wings may call.
 *
 * Results are in the caller's memory context.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVWIZ_JSONPATCH_H
#define CVWIZ_JSONPATCH_H

#include "postgres.h"

#include "utils/jsonb.h"

/*
 * A patch that makes new_document of old_document, to the byte of its text; at
 * most as long as the one that replaces the whole.
 */
extern Jsonb *jsonpatch_diff(Jsonb *old_document, Jsonb *new_document);

/* SQLSTATEs of jsonpatch_apply(), beside 22023 for a patch that is malformed. */
#define JSONPATCH_PATH_NOT_FOUND	ERRCODE_SQL_JSON_MEMBER_NOT_FOUND	/* 2203A */
#define JSONPATCH_TEST_FAILED		ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE	/* 55000 */
#define JSONPATCH_TOO_LARGE			ERRCODE_PROGRAM_LIMIT_EXCEEDED	/* 54000 */

/* All of the patch, or an error that names the operation. */
extern Jsonb *jsonpatch_apply(Jsonb *document, Jsonb *patch);

extern Jsonb *jsonpatch_merge(Jsonb *document, Jsonb *patch);

#endif							/* CVWIZ_JSONPATCH_H */
