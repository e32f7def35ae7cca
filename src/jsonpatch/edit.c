/*-------------------------------------------------------------------------
 *
 * edit.c
 *		The operations that a diff has found, with the size of their text.
 *
 * Paths stay chains until the patch is written, so that what is dropped for a
 * shorter replacement never had a text.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"

#include "compat.h"
#include "json_size.h"
#include "jsonpatch/edit.h"
#include "jsonpatch/pointer.h"
#include "jsonpatch/value.h"

/* Bytes of a text constant. */
#define TEXT_SIZE(text) (sizeof(text) - 1)

#define SEPARATOR_SIZE TEXT_SIZE(", ")

/* ---- paths ---- */

static EditPath *
make_path(const EditPath *parent)
{
	EditPath   *path = (EditPath *) palloc0(sizeof(EditPath));

	path->parent = parent;
	return path;
}

EditPath *
edit_path_root(void)
{
	return make_path(NULL);
}

EditPath *
edit_path_key(const EditPath *parent, const JsonbValue *key)
{
	EditPath   *path = make_path(parent);
	const char *string = key->val.string.val;
	uint32		length = key->val.string.len;

	path->key = string;
	path->length = length;
	path->text_size = parent->text_size + 1 + json_string_text_size(string, length) - 2;
	for (uint32 i = 0; i < length; i++)
		path->text_size += string[i] == '~' || string[i] == '/';
	return path;
}

EditPath *
edit_path_item(const EditPath *parent, uint32 index)
{
	EditPath   *path = make_path(parent);

	path->index = index;
	path->text_size = parent->text_size + TEXT_SIZE("/0");
	while (index >= 10)
	{
		path->text_size++;
		index /= 10;
	}
	return path;
}

static void
append_path(StringInfo out, const EditPath *path)
{
	check_stack_depth();

	if (path->parent == NULL)
		return;
	append_path(out, path->parent);
	if (path->key != NULL)
		pointer_append_token(out, path->key, path->length);
	else
		appendStringInfo(out, "/%u", path->index);
}

/* ---- edits ---- */

void
edit_list_init(EditList *list)
{
	list->count = 0;
	list->capacity = 16;
	list->edits = (Edit *) palloc(sizeof(Edit) * list->capacity);
	list->text_size = 0;
}

static Edit *
append_edit(EditList *list, OperationKind kind, const EditPath *path, uint64 text_size)
{
	Edit	   *edit;

	if (list->count == list->capacity)
	{
		list->capacity *= 2;
		list->edits = (Edit *) repalloc_huge(list->edits, sizeof(Edit) * list->capacity);
	}
	edit = &list->edits[list->count++];
	edit->kind = kind;
	edit->path = path;
	list->text_size += text_size;
	return edit;
}

void
edit_add(EditList *list, const EditPath *path, const JsonbValue *value, uint64 value_size)
{
	append_edit(list, OPERATION_ADD, path,
				TEXT_SIZE("{\"op\": \"add\", \"path\": \"\", \"value\": }") + SEPARATOR_SIZE +
				path->text_size + value_size)->value = *value;
}

uint64
edit_replace_size(const EditPath *path, uint64 value_size)
{
	return TEXT_SIZE("{\"op\": \"replace\", \"path\": \"\", \"value\": }") + SEPARATOR_SIZE +
		path->text_size + value_size;
}

void
edit_replace(EditList *list, const EditPath *path, const JsonbValue *value, uint64 value_size)
{
	append_edit(list, OPERATION_REPLACE, path, edit_replace_size(path, value_size))->value = *value;
}

void
edit_remove(EditList *list, const EditPath *path)
{
	(void) append_edit(list, OPERATION_REMOVE, path,
					   TEXT_SIZE("{\"op\": \"remove\", \"path\": \"\"}") + SEPARATOR_SIZE +
					   path->text_size);
}

void
edit_move(EditList *list, const EditPath *from, const EditPath *path)
{
	append_edit(list, OPERATION_MOVE, path,
				TEXT_SIZE("{\"op\": \"move\", \"from\": \"\", \"path\": \"\"}") + SEPARATOR_SIZE +
				from->text_size + path->text_size)->from = from;
}

void
edit_list_truncate(EditList *list, uint64 count, uint64 text_size)
{
	list->count = count;
	list->text_size = text_size;
}

/* ---- the patch ---- */

static void
push_path(JsonbBuilder *out, const char *key, const EditPath *path)
{
	StringInfoData text;
	JsonbValue	value;

	initStringInfo(&text);
	append_path(&text, path);
	value = value_of_string(text.data);
	value_push_member(out, key, &value);
}

Jsonb *
edit_list_to_jsonb(const EditList *list)
{
	JsonbBuilder out = {0};

	compat_push_jsonb(&out, WJB_BEGIN_ARRAY, NULL);
	for (uint64 i = 0; i < list->count; i++)
	{
		const Edit *edit = &list->edits[i];
		JsonbValue	name = value_of_string(operation_name(edit->kind));

		CHECK_FOR_INTERRUPTS();
		compat_push_jsonb(&out, WJB_BEGIN_OBJECT, NULL);
		value_push_member(&out, "op", &name);
		if (edit->kind == OPERATION_MOVE)
			push_path(&out, "from", edit->from);
		push_path(&out, "path", edit->path);
		if (edit->kind == OPERATION_ADD || edit->kind == OPERATION_REPLACE)
			value_push_member(&out, "value", &edit->value);
		compat_push_jsonb(&out, WJB_END_OBJECT, NULL);
	}
	compat_push_jsonb(&out, WJB_END_ARRAY, NULL);
	return compat_built_jsonb(&out);
}
