/*-------------------------------------------------------------------------
 *
 * html.c
 *		A page of HTML that grows, in ASCII, up to a limit.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <limits.h>

#include "mb/pg_wchar.h"

#include "monitor/html.h"

#define REPLACEMENT_CHARACTER 0xFFFD

void
html_init(Html *html)
{
	initStringInfo(&html->text);
	html->limit = INT_MAX;
	html->pictures = 0;
}

void
html_raw(Html *html, const char *markup)
{
	appendStringInfoString(&html->text, markup);
}

static void append_formatted(StringInfo into, const char *format, va_list args) pg_attribute_printf(2, 0);

static void
append_formatted(StringInfo into, const char *format, va_list args)
{
	for (;;)
	{
		va_list		again;
		int			needed;

		va_copy(again, args);
		needed = appendStringInfoVA(into, format, again);
		va_end(again);
		if (needed == 0)
			return;
		enlargeStringInfo(into, needed);
	}
}

void
html_rawf(Html *html, const char *format,...)
{
	va_list		args;

	va_start(args, format);
	append_formatted(&html->text, format, args);
	va_end(args);
}

void
html_textf(Html *html, const char *format,...)
{
	StringInfoData text;
	va_list		args;

	initStringInfo(&text);
	va_start(args, format);
	append_formatted(&text, format, args);
	va_end(args);
	html_text(html, text.data);
	pfree(text.data);
}

/* The controls of Unicode's bidirectional algorithm, and what has no width. */
static bool
is_invisible(pg_wchar c)
{
	return c < 0x20 || (c >= 0x7F && c <= 0x9F) ||
		c == 0xAD || c == 0x61C || c == 0x180E ||
		(c >= 0x200B && c <= 0x200F && c != 0x200D) ||	/* emoji are joined by it */
		(c >= 0x2028 && c <= 0x202E) ||
		(c >= 0x2060 && c <= 0x206F) ||
		c == 0xFEFF ||
		(c >= 0xFFF9 && c <= 0xFFFB) ||
		(c >= 0xE0000 && c <= 0xE007F);
}

static void
append_character(StringInfo into, pg_wchar c)
{
	switch (c)
	{
		case '&':
			appendStringInfoString(into, "&amp;");
			return;
		case '<':
			appendStringInfoString(into, "&lt;");
			return;
		case '>':
			appendStringInfoString(into, "&gt;");
			return;
		case '"':
			appendStringInfoString(into, "&quot;");
			return;
		case '\'':
			appendStringInfoString(into, "&#39;");
			return;
		case '\n':
			appendStringInfoString(into, "\\n");
			return;
		case '\t':
			appendStringInfoString(into, "\\t");
			return;
	}

	if (is_invisible(c))
		appendStringInfo(into, "\\u%04x", c);
	else if (c < 0x80)
		appendStringInfoChar(into, (char) c);
	else
		appendStringInfo(into, "&#x%x;", c);
}

/*
 * The next character of what should be UTF-8, and how many bytes it has.  In
 * a database of SQL_ASCII it can be anything.
 */
static pg_wchar
next_character(const unsigned char *bytes, int left, int *length)
{
	*length = pg_utf_mblen(bytes);
	if (*length > left || !pg_utf8_islegal(bytes, *length))
	{
		*length = 1;
		return REPLACEMENT_CHARACTER;
	}
	return utf8_to_unicode(bytes);
}

/* SQL_ASCII says nothing of what the bytes are, and MULE_INTERNAL can't be converted. */
static char *
to_utf8(const char *text)
{
	int			encoding = GetDatabaseEncoding();

	if (encoding == PG_UTF8 || encoding == PG_SQL_ASCII || encoding == PG_MULE_INTERNAL)
		return unconstify(char *, text);
	return (char *) pg_do_encoding_conversion((unsigned char *) unconstify(char *, text),
											  strlen(text), encoding, PG_UTF8);
}

static void
append_text(Html *html, const char *text, int characters, const char *breaks_after)
{
	char	   *converted = to_utf8(text);
	const unsigned char *at = (const unsigned char *) converted;
	int			left = strlen(converted);

	for (int i = 0; left > 0; i++)
	{
		int			length;
		pg_wchar	c;

		if (i >= characters)
		{
			html_raw(html, "&hellip;");
			break;
		}
		c = next_character(at, left, &length);
		append_character(&html->text, c);
		if (length == 1 && c != 0 && c < 0x80 && strchr(breaks_after, (int) c) != NULL)
			html_raw(html, "<wbr>");
		at += length;
		left -= length;
	}
	if (converted != text)
		pfree(converted);
}

void
html_text_cut(Html *html, const char *text, int characters)
{
	append_text(html, text, characters, "");
}

void
html_name_cut(Html *html, const char *name, int characters)
{
	append_text(html, name, characters, "._");
}

void
html_text(Html *html, const char *text)
{
	html_text_cut(html, text, INT_MAX);
}

int
html_mark(const Html *html)
{
	return html->text.len;
}

void
html_back(Html *html, int mark)
{
	html->text.len = mark;
	html->text.data[mark] = '\0';
}

bool
html_keep(Html *html, int mark)
{
	if (html->text.len <= html->limit)
		return true;
	html_back(html, mark);
	return false;
}
