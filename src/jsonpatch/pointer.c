/*-------------------------------------------------------------------------
 *
 * pointer.c
 *		JSON pointers (RFC 6901).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/stringinfo.h"

#include "jsonpatch/pointer.h"

/*
 * Unescapes one token, from text up to the next slash or the end, into *out,
 * and moves *out past it.  Returns where it ended, or NULL for a stray tilde.
 */
static const char *
parse_token(const char *text, const char *end, char **out, PointerToken *token)
{
	token->string = *out;
	for (; text < end && *text != '/'; text++)
	{
		char		c = *text;

		if (c == '~')
		{
			if (++text == end || (*text != '0' && *text != '1'))
				return NULL;
			c = *text == '0' ? '~' : '/';
		}
		*(*out)++ = c;
	}
	token->length = *out - token->string;
	return text;
}

bool
pointer_parse(const char *text, int length, JsonPointer *pointer, const char **problem)
{
	const char *end = text + length;
	char	   *buffer;
	int			count = 0;

	pointer->count = 0;
	pointer->tokens = NULL;
	if (length == 0)
		return true;
	if (*text != '/')
	{
		*problem = "does not begin with a slash";
		return false;
	}

	for (const char *c = text; c < end; c++)
		count += *c == '/';
	pointer->tokens = (PointerToken *) palloc_extended(sizeof(PointerToken) * count, MCXT_ALLOC_HUGE);
	buffer = (char *) palloc(length);

	while (text < end)
	{
		text = parse_token(text + 1, end, &buffer, &pointer->tokens[pointer->count++]);
		if (text == NULL)
		{
			*problem = "has a tilde that is followed by neither 0 nor 1";
			return false;
		}
	}
	return true;
}

bool
pointer_token_index(const PointerToken *token, uint32 *index)
{
	uint64		value = 0;

	if (token->length == 0 || (token->length > 1 && token->string[0] == '0'))
		return false;
	for (int i = 0; i < token->length; i++)
	{
		char		c = token->string[i];

		if (c < '0' || c > '9')
			return false;
		value = Min(value * 10 + (c - '0'), PG_UINT32_MAX);
	}
	*index = (uint32) value;
	return true;
}

bool
pointer_token_is_end(const PointerToken *token)
{
	return token->length == 1 && token->string[0] == '-';
}

bool
pointer_begins_with(const JsonPointer *pointer, const JsonPointer *prefix)
{
	if (pointer->count < prefix->count)
		return false;
	for (int i = 0; i < prefix->count; i++)
	{
		const PointerToken *a = &pointer->tokens[i];
		const PointerToken *b = &prefix->tokens[i];

		if (a->length != b->length || memcmp(a->string, b->string, a->length) != 0)
			return false;
	}
	return true;
}

void
pointer_append_token(StringInfo out, const char *string, int length)
{
	appendStringInfoChar(out, '/');
	for (int i = 0; i < length; i++)
	{
		if (string[i] == '~')
			appendStringInfoString(out, "~0");
		else if (string[i] == '/')
			appendStringInfoString(out, "~1");
		else
			appendStringInfoChar(out, string[i]);
	}
}

char *
pointer_format(const JsonPointer *pointer, int count)
{
	StringInfoData out;

	initStringInfo(&out);
	for (int i = 0; i < count; i++)
		pointer_append_token(&out, pointer->tokens[i].string, pointer->tokens[i].length);
	return out.data;
}
