/*-------------------------------------------------------------------------
 *
 * size.h
 *		How many bytes a jsonb has as text, without making the text.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVWIZ_SIZE_H
#define CVWIZ_SIZE_H

#include "postgres.h"

#include "utils/jsonb.h"

/* octet_length(snapshot::text), exactly. */
extern uint64 snapshot_text_size(Jsonb *snapshot);

/* The same for one entry of an object or array, as JsonbIteratorNext gives it. */
extern uint64 json_value_text_size(const JsonbValue *value);

#endif							/* CVWIZ_SIZE_H */
