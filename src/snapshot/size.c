/*-------------------------------------------------------------------------
 *
 * size.c
 *		The size of a snapshot, which its limits are about.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/jsonb.h"

#include "json_size.h"
#include "snapshot/size.h"

PG_FUNCTION_INFO_V1(cvwiz_snapshot_size);

uint64
snapshot_text_size(Jsonb *snapshot)
{
	return json_text_size(snapshot);
}

/*
 * SQL: cvwiz.snapshot_size(snapshot jsonb) RETURNS bigint
 */
Datum
cvwiz_snapshot_size(PG_FUNCTION_ARGS)
{
	Jsonb	   *snapshot = PG_GETARG_JSONB_P(0);
	uint64		size = snapshot_text_size(snapshot);

	PG_FREE_IF_COPY(snapshot, 0);
	PG_RETURN_INT64((int64) size);
}
