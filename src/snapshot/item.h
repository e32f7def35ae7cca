/*-------------------------------------------------------------------------
 *
 * item.h
 *		Items of an array: their keys, their order.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVWIZ_ITEM_H
#define CVWIZ_ITEM_H

#include "postgres.h"

#include "utils/jsonb.h"

/*
 * A total order: by type (containers, null, booleans, numbers, strings),
 * numbers by value, strings by their bytes, which is the order of time for
 * times in ISO 8601.
 */
extern int	item_compare_scalars(const JsonbValue *a, const JsonbValue *b);

/* A key's value; false where the item is no object or has no such key. */
extern bool item_key_value(const JsonbValue *item, const char *key, JsonbValue *value);

extern bool item_key_is(const JsonbValue *key, const char *name);

#endif							/* CVWIZ_ITEM_H */
