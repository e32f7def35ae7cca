/*-------------------------------------------------------------------------
 *
 * edit.h
 *		The operations that a diff has found, with the size of their text.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVWIZ_JSONPATCH_EDIT_H
#define CVWIZ_JSONPATCH_EDIT_H

#include "postgres.h"

#include "utils/jsonb.h"

#include "jsonpatch/operation.h"

/* A place in a document, by its way up; the root's parent is NULL. */
typedef struct EditPath
{
	const struct EditPath *parent;
	const char *key;			/* NULL for an item of an array */
	uint32		length;			/* of the key */
	uint32		index;
	uint64		text_size;		/* of the pointer inside JSON's quotes */
} EditPath;

extern EditPath *edit_path_root(void);
extern EditPath *edit_path_key(const EditPath *parent, const JsonbValue *key);
extern EditPath *edit_path_item(const EditPath *parent, uint32 index);

typedef struct Edit
{
	OperationKind kind;
	const EditPath *path;
	const EditPath *from;		/* of a move */
	JsonbValue	value;			/* of add and replace */
} Edit;

typedef struct EditList
{
	Edit	   *edits;
	uint64		count;
	uint64		capacity;
	uint64		text_size;		/* of them, with a separator each */
} EditList;

extern void edit_list_init(EditList *list);

/* value_size is the size of the value's text. */
extern void edit_add(EditList *list, const EditPath *path, const JsonbValue *value,
					 uint64 value_size);
extern void edit_replace(EditList *list, const EditPath *path, const JsonbValue *value,
						 uint64 value_size);
extern void edit_remove(EditList *list, const EditPath *path);
extern void edit_move(EditList *list, const EditPath *from, const EditPath *path);

/* What edit_replace() would add to text_size. */
extern uint64 edit_replace_size(const EditPath *path, uint64 value_size);

/* Forgets the edits from the one with this number on. */
extern void edit_list_truncate(EditList *list, uint64 count, uint64 text_size);

extern Jsonb *edit_list_to_jsonb(const EditList *list);

#endif							/* CVWIZ_JSONPATCH_EDIT_H */
