/*-------------------------------------------------------------------------
 *
 * operation.h
 *		One operation of a JSON patch.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVWIZ_JSONPATCH_OPERATION_H
#define CVWIZ_JSONPATCH_OPERATION_H

#include "postgres.h"

#include "utils/jsonb.h"

#include "compat.h"
#include "jsonpatch/pointer.h"

typedef enum OperationKind
{
	OPERATION_ADD,
	OPERATION_REMOVE,
	OPERATION_REPLACE,
	OPERATION_MOVE,
	OPERATION_COPY,
	OPERATION_TEST
} OperationKind;

typedef struct Operation
{
	uint32		index;			/* in the patch, from 0 */
	OperationKind kind;
	JsonPointer		path;
	JsonPointer		from;			/* of move and copy */
	JsonbValue	value;			/* of add, replace and test */

	/* as the patch has them, for messages; NULL as long as they are not read */
	const char *op_name;
	const char *path_text;		/* not terminated */
	int			path_length;
} Operation;

/* "add", "remove" … */
extern const char *operation_name(OperationKind kind);

/* Reads an item of a patch.  Error: 22023 what no operation is like. */
extern void operation_read(const JsonbValue *item, uint32 index, Operation *operation);

/* "operation 3, add "/a/b": " and the reason, which is formatted. */
COMPAT_NORETURN extern void operation_error(const Operation *operation, int sqlstate,
											const char *reason,...) pg_attribute_printf(3, 4);

/* A string for a message, the long ones clipped. */
extern char *operation_clip(const char *string, int length);

#endif							/* CVWIZ_JSONPATCH_OPERATION_H */
