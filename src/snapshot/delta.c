/*-------------------------------------------------------------------------
 *
 * delta.c
 *		A text as its difference from another, by zstd: the other is the prefix.
 *
 * zstd's contexts are malloc'd and kept from one call to the next; nothing
 * here raises an error while one is half used that the next call's reset does
 * not mend.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <zstd.h>
#include <zstd_errors.h>

#include "miscadmin.h"
#include "port/pg_bitutils.h"

#include "compat.h"
#include "snapshot/delta.h"
#include "snapshot/dictionary.h"

/* Pieces between which a cancel is looked for; zstd's own blocks. */
#define CHUNK_SIZE (128 * 1024)

/*
 * The fast levels have no room for all of a long base, but with long distance
 * matching.
 */
#define LONG_BASE (64 * 1024)

/*
 * A base is taken in at once, and no cancel is heard meanwhile: the slow
 * levels take a second for a megabyte.
 */
#define LARGE_BASE (512 * 1024)
#define LEVEL_OF_LARGE_BASE 12

/* A context that has grown larger is not kept. */
#define MAX_KEPT_CONTEXT ((size_t) 16 * 1024 * 1024)

#define MIN_WINDOW_LOG 10

/* Part of the format, as of cvwiz.zjsonb's: never another one. */
#define DELTA_DICTIONARY 1

/* Where no level was asked for. */
#define SMALL_TEXT (32 * 1024)
#define LEVEL_OF_SMALL_TEXT 6
#define LEVEL_OF_OTHERS 3

static ZSTD_CCtx *compressor = NULL;
static ZSTD_DCtx *decompressor = NULL;

static void
check_memory(bool got_some)
{
	if (!got_some)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("out of memory"),
				 errdetail("zstd got none.")));
}

static void
check_zstd(size_t result)
{
	if (!ZSTD_isError(result))
		return;
	check_memory(ZSTD_getErrorCode(result) != ZSTD_error_memory_allocation);
	elog(ERROR, "zstd failed: %s", ZSTD_getErrorName(result));
}

/* The window has to reach from the end of the text to the base's beginning. */
static int
window_log(size_t length)
{
	int			needed = length > 1 ? pg_leftmost_one_pos64(length - 1) + 1 : 0;
	ZSTD_bounds bounds = ZSTD_cParam_getBounds(ZSTD_c_windowLog);

	return Max(MIN_WINDOW_LOG, Min(needed, bounds.upperBound));
}

static Text
prefix_of(const Text *base)
{
	Text		prefix;
	uint32		length;

	if (base != NULL)
		return *base;
	prefix.data = dictionary_text(DELTA_DICTIONARY, &length);
	prefix.length = length;
	return prefix;
}

static int
choose_level(const Text *text, const Text *prefix, int level)
{
	if (level == 0)
		level = text->length <= SMALL_TEXT ? LEVEL_OF_SMALL_TEXT : LEVEL_OF_OTHERS;
	return prefix->length > LARGE_BASE ? Min(level, LEVEL_OF_LARGE_BASE) : level;
}

static void
prepare_compressor(const Text *text, const Text *prefix, int level)
{
	if (compressor == NULL)
		compressor = ZSTD_createCCtx();
	check_memory(compressor != NULL);
	check_zstd(ZSTD_CCtx_reset(compressor, ZSTD_reset_session_and_parameters));
	check_zstd(ZSTD_CCtx_setParameter(compressor, ZSTD_c_compressionLevel,
									  choose_level(text, prefix, level)));
	check_zstd(ZSTD_CCtx_setParameter(compressor, ZSTD_c_enableLongDistanceMatching,
									  prefix->length > LONG_BASE));
	check_zstd(ZSTD_CCtx_setParameter(compressor, ZSTD_c_windowLog,
									  window_log(text->length + prefix->length)));
	check_zstd(ZSTD_CCtx_setPledgedSrcSize(compressor, text->length));
	check_zstd(ZSTD_CCtx_refPrefix(compressor, prefix->data, prefix->length));
}

bytea *
delta_encode(const Text *text, const Text *base, int level)
{
	size_t		room = ZSTD_compressBound(text->length);
	bytea	   *delta = (bytea *) palloc_extended(VARHDRSZ + room, MCXT_ALLOC_HUGE);
	ZSTD_outBuffer output = {VARDATA(delta), room, 0};
	Text		prefix = prefix_of(base);
	size_t		done = 0;
	bool		finished = false;

	prepare_compressor(text, &prefix, level);
	while (!finished)
	{
		size_t		piece = Min(text->length - done, CHUNK_SIZE);
		bool		last = done + piece == text->length;
		ZSTD_inBuffer input = {text->data + done, piece, 0};
		size_t		left;

		CHECK_FOR_INTERRUPTS();
		left = ZSTD_compressStream2(compressor, &output, &input,
									last ? ZSTD_e_end : ZSTD_e_continue);
		check_zstd(left);
		done += input.pos;
		finished = last && left == 0;
	}

	if (ZSTD_sizeof_CCtx(compressor) > MAX_KEPT_CONTEXT)
	{
		(void) ZSTD_freeCCtx(compressor);
		compressor = NULL;
	}
	SET_VARSIZE(delta, VARHDRSZ + output.pos);
	return delta;
}

int64
delta_text_length(const bytea *delta)
{
	unsigned long long length = ZSTD_getFrameContentSize(VARDATA_ANY(delta),
														 VARSIZE_ANY_EXHDR(delta));

	if (length == ZSTD_CONTENTSIZE_UNKNOWN || length == ZSTD_CONTENTSIZE_ERROR ||
		length > PG_INT32_MAX)
		return -1;
	return (int64) length;
}

/*
 * With the simplest of zstd's functions, which makes no object of the prefix:
 * a version may be the last of sixteen.  It would take a prefix that begins
 * with the number of zstd's own dictionaries for one; no JSON does.
 */
bool
delta_decode(const bytea *delta, const Text *base, char *text, size_t length)
{
	Text		prefix = prefix_of(base);
	size_t		result;

	if (decompressor == NULL)
		decompressor = ZSTD_createDCtx();
	check_memory(decompressor != NULL);
	result = ZSTD_decompress_usingDict(decompressor, text, length,
									   VARDATA_ANY(delta), VARSIZE_ANY_EXHDR(delta),
									   prefix.data, prefix.length);
	return !ZSTD_isError(result) && result == length;
}
