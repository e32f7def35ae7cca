/*-------------------------------------------------------------------------
 *
 * html.h
 *		A page of HTML that grows, in ASCII, up to a limit.
 *
 * Whatever comes from the database goes in through html_text(): markup is
 * escaped, and so is every character outside of ASCII, so that the page reads
 * the same in any encoding of the server, the client and the file.  Characters
 * that show nothing, or turn the direction of the line (a newline, a
 * right-to-left override), are written out, as \n or \u202e.
 *
 * The page has a limit in bytes.  What is written between html_mark() and
 * html_keep() is there whole or not at all.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVWIZ_MONITOR_HTML_H
#define CVWIZ_MONITOR_HTML_H

#include "postgres.h"

#include "lib/stringinfo.h"

typedef struct Html
{
	StringInfoData text;
	int			limit;			/* bytes, for html_keep() */
	int			pictures;		/* that have got an id so far */
} Html;

extern void html_init(Html *html);

/* Markup, as it is: never with anything out of the database in it. */
extern void html_raw(Html *html, const char *markup);
extern void html_rawf(Html *html, const char *format,...) pg_attribute_printf(2, 3);

/* Text in the database's encoding, escaped for content and attributes. */
extern void html_text(Html *html, const char *text);

/* The same, no more than so many characters of it, and then an ellipsis. */
extern void html_text_cut(Html *html, const char *text, int characters);

/* The same, and a line may break where a name has a full stop or an underscore. Not within SVG. */
extern void html_name_cut(Html *html, const char *name, int characters);

/* printf, and then escaped */
extern void html_textf(Html *html, const char *format,...) pg_attribute_printf(2, 3);

/* Where we are, and back to there. */
extern int	html_mark(const Html *html);
extern void html_back(Html *html, int mark);

/*
 * True where what was written since the mark lies within the limit; otherwise
 * it is taken back.
 */
extern bool html_keep(Html *html, int mark);

#endif							/* CVWIZ_MONITOR_HTML_H */
