/*-------------------------------------------------------------------------
 *
 * pointer.h
 *		JSON pointers (RFC 6901).
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVWIZ_JSONPATCH_POINTER_H
#define CVWIZ_JSONPATCH_POINTER_H

#include "postgres.h"

#include "lib/stringinfo.h"

typedef struct PointerToken
{
	char	   *string;			/* unescaped, not terminated */
	int			length;
} PointerToken;

typedef struct JsonPointer
{
	int			count;
	PointerToken *tokens;
} JsonPointer;

/*
 * Takes a pointer apart.  False where it is none, and *problem says why, to be
 * put after the pointer's name: "does not begin with …".
 */
extern bool pointer_parse(const char *text, int length, JsonPointer *pointer, const char **problem);

/* An index of an array; one that no array can have is PG_UINT32_MAX. */
extern bool pointer_token_index(const PointerToken *token, uint32 *index);

/* "-", the item after the last one */
extern bool pointer_token_is_end(const PointerToken *token);

/* Whether a pointer leads into what another one points at, or is the same. */
extern bool pointer_begins_with(const JsonPointer *pointer, const JsonPointer *prefix);

/* Appends "/" and the token, escaped. */
extern void pointer_append_token(StringInfo out, const char *string, int length);

/* The text of a pointer's first tokens. */
extern char *pointer_format(const JsonPointer *pointer, int count);

#endif							/* CVWIZ_JSONPATCH_POINTER_H */
