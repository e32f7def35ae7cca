/*-------------------------------------------------------------------------
 *
 * merge.c
 *		Applying a JSON merge patch (RFC 7396).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/jsonb.h"

#include "compat.h"
#include "jsonpatch/jsonpatch.h"
#include "jsonpatch/value.h"

PG_FUNCTION_INFO_V1(cvwiz_jsonb_merge_patch);

static void push_merged_object(JsonbBuilder *out, const JsonbValue *target,
							   const JsonbValue *patch);

/* A member that the patch has; target is NULL where the document has none. */
static void
push_patched_member(JsonbBuilder *out, const JsonbValue *target, const ValueMember *patch)
{
	if (patch->value.type == jbvNull)
		return;
	value_push(out, WJB_KEY, &patch->key);
	if (value_is_object(&patch->value))
		push_merged_object(out, target, &patch->value);
	else
		value_push(out, WJB_VALUE, &patch->value);
}

/*
 * Merges an object of the patch into the target, which counts as empty where
 * it is no object; what the patch adds is gone through as well, as it loses
 * its nulls.
 */
static void
push_merged_object(JsonbBuilder *out, const JsonbValue *target, const JsonbValue *patch)
{
	ValueMember *olds = NULL;
	ValueMember *news;
	uint32		old_count = 0;
	uint32		new_count;
	uint32		i = 0;
	uint32		j = 0;

	check_stack_depth();

	news = value_members(patch, &new_count);
	if (target != NULL && value_is_object(target))
		olds = value_members(target, &old_count);

	compat_push_jsonb(out, WJB_BEGIN_OBJECT, NULL);
	while (i < old_count || j < new_count)
	{
		int			order = i == old_count ? 1 : j == new_count ? -1 :
			value_compare_members(&olds[i], &news[j]);

		CHECK_FOR_INTERRUPTS();
		if (order < 0)
		{
			value_push(out, WJB_KEY, &olds[i].key);
			value_push(out, WJB_VALUE, &olds[i].value);
			i++;
			continue;
		}
		push_patched_member(out, order == 0 ? &olds[i].value : NULL, &news[j]);
		if (order == 0)
			i++;
		j++;
	}
	compat_push_jsonb(out, WJB_END_OBJECT, NULL);

	pfree(news);
	if (olds != NULL)
		pfree(olds);
}

Jsonb *
jsonpatch_merge(Jsonb *document, Jsonb *patch)
{
	JsonbBuilder out = {0};
	JsonbValue	target = value_of_root(document);
	JsonbValue	change = value_of_root(patch);

	if (!value_is_object(&change))
		return patch;
	push_merged_object(&out, &target, &change);
	return compat_built_jsonb(&out);
}

/*
 * SQL: cvwiz.jsonb_merge_patch(document jsonb, patch jsonb) RETURNS jsonb
 */
Datum
cvwiz_jsonb_merge_patch(PG_FUNCTION_ARGS)
{
	PG_RETURN_JSONB_P(jsonpatch_merge(PG_GETARG_JSONB_P(0), PG_GETARG_JSONB_P(1)));
}
