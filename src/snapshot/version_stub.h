/*-------------------------------------------------------------------------
 *
 * version_stub.h
 *		What a row has instead of its document: metadata of it, and
 *		"$cvwiz": {"version": 42, "key": "<32 hex digits>", "size": 20480}.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVWIZ_VERSION_STUB_H
#define CVWIZ_VERSION_STUB_H

#include "postgres.h"

#include "snapshot/limits.h"
#include "snapshot/reduce.h"
#include "utils/jsonb.h"
#include "utils/uuid.h"

#define STUB_KEY "$cvwiz"

typedef struct StubId
{
	int64		version;
	pg_uuid_t	key;			/* 128 random bits */
	int64		size;			/* bytes of the document's text */
} StubId;

/* False for any document that does not look like a stub. */
extern bool stub_parse(Jsonb *document, StubId *id);

/*
 * The document's metadata, where it is wanted and fits the limits, and the
 * stub's key.
 */
extern Jsonb *stub_build(Jsonb *document, const StubId *id, bool with_metadata,
						 const SnapshotLimits *limits, const ReduceOptions *options);

/* CRC-32C of its text: no two PostgreSQLs print it otherwise. */
extern uint32 stub_checksum(Jsonb *stub);

#endif							/* CVWIZ_VERSION_STUB_H */
