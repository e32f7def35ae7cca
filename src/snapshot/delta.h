/*-------------------------------------------------------------------------
 *
 * delta.h
 *		A text as its difference from another, by zstd: the other is the prefix.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVWIZ_DELTA_H
#define CVWIZ_DELTA_H

#include "postgres.h"

/* A text that need not end with a zero byte. */
typedef struct Text
{
	const char *data;
	size_t		length;
} Text;

/*
 * base NULL: the whole of it, for which cvwiz.zjsonb's preset dictionary is the
 * prefix.  palloc'd; level from 1 to 19, or 0 for one that fits the size.
 */
extern bytea *delta_encode(const Text *text, const Text *base, int level);

/*
 * Into room for exactly as many bytes as the text has, which delta_text_length()
 * tells.  False for anything that is not what delta_encode() made of it.
 */
extern bool delta_decode(const bytea *delta, const Text *base, char *text, size_t length);

/* Bytes of the text, as the delta itself has it; -1: it is malformed. */
extern int64 delta_text_length(const bytea *delta);

#endif							/* CVWIZ_DELTA_H */
