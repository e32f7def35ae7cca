/*-------------------------------------------------------------------------
 *
 * operation.c
 *		One operation of a JSON patch.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/jsonb.h"

#include "compat.h"
#include "jsonpatch/operation.h"
#include "jsonpatch/value.h"

/* Bytes of a pointer, or of a part of it, that a message has. */
#define MESSAGE_BYTES 200

static const struct
{
	OperationKind kind;
	const char *name;
	bool		has_value;
	bool		has_from;
}			operations[] =
{
	{OPERATION_ADD, "add", true, false},
	{OPERATION_REMOVE, "remove", false, false},
	{OPERATION_REPLACE, "replace", true, false},
	{OPERATION_MOVE, "move", false, true},
	{OPERATION_COPY, "copy", false, true},
	{OPERATION_TEST, "test", true, false}
};

const char *
operation_name(OperationKind kind)
{
	Assert(operations[kind].kind == kind);
	return operations[kind].name;
}

/* ---- messages ---- */

char *
operation_clip(const char *string, int length)
{
	int			clipped = pg_mbcliplen(string, length, MESSAGE_BYTES);

	return psprintf("%.*s%s", clipped, string, clipped < length ? "..." : "");
}

void
operation_error(const Operation *operation, int sqlstate, const char *reason,...)
{
	StringInfoData message;
	va_list		args;
	int			needed;

	initStringInfo(&message);
	appendStringInfo(&message, "operation %u", operation->index);
	if (operation->op_name != NULL)
		appendStringInfo(&message, ", %s", operation->op_name);
	if (operation->path_text != NULL)
		appendStringInfo(&message, " \"%s\"",
						 operation_clip(operation->path_text, operation->path_length));
	appendStringInfoString(&message, ": ");
	do
	{
		va_start(args, reason);
		needed = appendStringInfoVA(&message, reason, args);
		va_end(args);
		if (needed > 0)
			enlargeStringInfo(&message, needed);
	} while (needed > 0);

	ereport(ERROR,
			(errcode(sqlstate),
			 errmsg_internal("%s", message.data),
			 errdetail("Operations are counted from 0, as the items of the patch are.")));
}

/* ---- reading ---- */

static void
require_string(const Operation *operation, const JsonbValue *item, const char *key,
			   JsonbValue *value)
{
	if (!value_lookup(item, key, value))
		operation_error(operation, ERRCODE_INVALID_PARAMETER_VALUE, "it has no \"%s\"", key);
	if (value->type != jbvString)
		operation_error(operation, ERRCODE_INVALID_PARAMETER_VALUE,
						"its \"%s\" is of type %s, not a string", key, value_type_name(value));
}

static void
read_kind(const JsonbValue *item, Operation *operation)
{
	JsonbValue	op;

	require_string(operation, item, "op", &op);
	for (int i = 0; i < (int) lengthof(operations); i++)
	{
		if (op.val.string.len == (int) strlen(operations[i].name) &&
			memcmp(op.val.string.val, operations[i].name, op.val.string.len) == 0)
		{
			operation->kind = operations[i].kind;
			operation->op_name = operations[i].name;
			return;
		}
	}
	operation_error(operation, ERRCODE_INVALID_PARAMETER_VALUE,
					"its \"op\" is \"%s\", not one of add, remove, replace, move, copy, test",
					operation_clip(op.val.string.val, op.val.string.len));
}

static void
read_pointer(const JsonbValue *item, const char *key, Operation *operation, JsonPointer *pointer)
{
	JsonbValue	text;
	const char *problem;

	require_string(operation, item, key, &text);
	if (!pointer_parse(text.val.string.val, text.val.string.len, pointer, &problem))
		operation_error(operation, ERRCODE_INVALID_PARAMETER_VALUE,
						"its \"%s\" \"%s\" %s", key,
						operation_clip(text.val.string.val, text.val.string.len), problem);
	if (pointer == &operation->path)
	{
		operation->path_text = text.val.string.val;
		operation->path_length = text.val.string.len;
	}
}

void
operation_read(const JsonbValue *item, uint32 index, Operation *operation)
{
	memset(operation, 0, sizeof(Operation));
	operation->index = index;
	if (!value_is_object(item))
		operation_error(operation, ERRCODE_INVALID_PARAMETER_VALUE,
						"it is of type %s, not an object", value_type_name(item));

	read_kind(item, operation);
	read_pointer(item, "path", operation, &operation->path);
	if (operations[operation->kind].has_from)
		read_pointer(item, "from", operation, &operation->from);
	if (operations[operation->kind].has_value &&
		!value_lookup(item, "value", &operation->value))
		operation_error(operation, ERRCODE_INVALID_PARAMETER_VALUE, "it has no \"value\"");
}
