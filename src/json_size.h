/*-------------------------------------------------------------------------
 *
 * json_size.h
 *		How many bytes a jsonb has as text, without making the text.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVWIZ_JSON_SIZE_H
#define CVWIZ_JSON_SIZE_H

#include "postgres.h"

#include "utils/jsonb.h"

/* octet_length(document::text), exactly. */
extern uint64 json_text_size(Jsonb *document);

/* The same for one entry of an object or array, as JsonbIteratorNext gives it. */
extern uint64 json_value_text_size(const JsonbValue *value);

/* The same for a string, its quotes included. */
extern uint64 json_string_text_size(const char *string, uint32 length);

#endif							/* CVWIZ_JSON_SIZE_H */
