/*-------------------------------------------------------------------------
 *
 * value.h
 *		Values inside a jsonb, where they stand: scalars, and containers as
 *		jbvBinary.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVWIZ_JSONPATCH_VALUE_H
#define CVWIZ_JSONPATCH_VALUE_H

#include "postgres.h"

#include "utils/jsonb.h"

#include "compat.h"

typedef struct ValueMember
{
	JsonbValue	key;
	JsonbValue	value;
} ValueMember;

static inline bool
value_is_object(const JsonbValue *value)
{
	return value->type == jbvBinary && JsonContainerIsObject(value->val.binary.data);
}

static inline bool
value_is_array(const JsonbValue *value)
{
	return value->type == jbvBinary && JsonContainerIsArray(value->val.binary.data);
}

extern JsonbValue value_of_root(Jsonb *document);
extern JsonbValue value_of_string(const char *string);

/* The items of an array, the members of an object in the order of their keys. */
extern JsonbValue *value_items(const JsonbValue *array, uint32 *count);
extern ValueMember *value_members(const JsonbValue *object, uint32 *count);

/* The value of an object's key; false if it has none. */
extern bool value_lookup(const JsonbValue *object, const char *key, JsonbValue *value);

/* jsonb's order of keys: the shorter first, then by their bytes. */
extern int	value_compare_keys(const char *a, int length_a, const char *b, int length_b);
extern int	value_compare_members(const ValueMember *a, const ValueMember *b);

/*
 * Whether two values have the same text, 1 and 1.0 being different; of
 * containers, whether they are the same bytes, which jsonb has for the same
 * text: false costs a larger patch, never a wrong one.
 */
extern bool value_is_identical(const JsonbValue *a, const JsonbValue *b);

/* Whether two values are equal as jsonb is, and RFC 6902: 1 = 1.0. */
extern bool value_is_equal(const JsonbValue *a, const JsonbValue *b);

/* "object", "string" …, for messages. */
extern const char *value_type_name(const JsonbValue *value);

extern void value_push(JsonbBuilder *builder, JsonbIteratorToken token, const JsonbValue *value);
extern void value_push_member(JsonbBuilder *builder, const char *key, const JsonbValue *value);

/* Makes a jsonb of a value alone. */
extern Jsonb *value_to_jsonb(const JsonbValue *value);

extern Jsonb *value_copy_jsonb(const Jsonb *document);

#endif							/* CVWIZ_JSONPATCH_VALUE_H */
