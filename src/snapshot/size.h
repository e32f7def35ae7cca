/*-------------------------------------------------------------------------
 *
 * size.h
 *		The size of a snapshot, which its limits are about.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVWIZ_SIZE_H
#define CVWIZ_SIZE_H

#include "postgres.h"

#include "utils/jsonb.h"

/* octet_length(snapshot::text), exactly. */
extern uint64 snapshot_text_size(Jsonb *snapshot);

#endif							/* CVWIZ_SIZE_H */
