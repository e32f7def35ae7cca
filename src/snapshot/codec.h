/*-------------------------------------------------------------------------
 *
 * codec.h
 *		Bytes to fewer bytes and back, by zlib.
 *
 * All memory is palloc'd: an error leaks nothing.  Whatever the input is, the
 * result is what went in, or an ERROR; doc/snapshots.md has the format.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVWIZ_CODEC_H
#define CVWIZ_CODEC_H

#include "postgres.h"

/* The preset dictionary that new values are written with; 0 stands for none. */
#define CODEC_DICTIONARY 1

/*
 * Deflates without zlib's header.  Returns false where the result would not be
 * smaller than the input; the output has room for that much.
 */
extern bool codec_deflate(const char *input, uint32 input_length, int level,
						  char *output, uint32 *output_length);

/*
 * Inflates to exactly output_length bytes; false for anything else, a stream
 * that does not end with the input included.
 */
extern bool codec_inflate(const char *input, uint32 input_length, int dictionary,
						  char *output, uint32 output_length);

/* The most that so many deflated bytes can inflate to. */
extern uint64 codec_inflate_bound(uint32 input_length);

/* One member in the gzip format, with its mtime 0. */
extern bytea *codec_gzip(const char *input, size_t input_length, int level);

/*
 * The text of one gzip member, ended by a zero byte; ERROR 22P02 for what is
 * none, and 54000 for more than the limit of bytes.
 */
extern char *codec_gunzip(const char *input, size_t input_length, size_t limit,
						  size_t *output_length);

#endif							/* CVWIZ_CODEC_H */
