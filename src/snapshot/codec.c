/*-------------------------------------------------------------------------
 *
 * codec.c
 *		Bytes to fewer bytes and back, by zlib.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <zlib.h>

#include "miscadmin.h"
#include "utils/memutils.h"

#include "compat.h"
#include "snapshot/codec.h"
#include "snapshot/dictionary.h"

/* deflate emits at least one bit for each 258 bytes, and some more: 1032 to 1 */
#define MAX_INFLATION 1032

#define RAW_DEFLATE		(-MAX_WBITS)
#define GZIP_FORMAT		(MAX_WBITS + 16)
#define MEMORY_LEVEL	8		/* zlib's default */

/* zlib is given, or gives, this much between two looks for a cancel */
#define CHUNK_SIZE		(1024 * 1024)
#define GUNZIP_CHUNK	(64 * 1024)

static voidpf
codec_alloc(voidpf opaque, uInt items, uInt size)
{
	return palloc_extended((Size) items * size, MCXT_ALLOC_NO_OOM);
}

static void
codec_free(voidpf opaque, voidpf address)
{
	pfree(address);
}

static void
init_stream(z_stream *stream, const char *input, uint32 input_length,
			char *output, uint32 output_length)
{
	memset(stream, 0, sizeof(z_stream));
	stream->zalloc = codec_alloc;
	stream->zfree = codec_free;
	stream->next_in = (Bytef *) unconstify(char *, input);
	stream->avail_in = input_length;
	stream->next_out = (Bytef *) output;
	stream->avail_out = output_length;
}

static void
check_zlib(int result, const z_stream *stream)
{
	if (result == Z_OK)
		return;
	if (result == Z_MEM_ERROR)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("out of memory"),
				 errdetail("zlib could not begin its work.")));
	elog(ERROR, "zlib: %s", stream->msg ? stream->msg : zError(result));
}

/*
 * Deflates all of the input, in pieces.  Z_STREAM_END, or Z_OK where the room
 * for output is full before the end.
 */
static int
deflate_interruptibly(z_stream *stream)
{
	uInt		left = stream->avail_in;
	int			result;

	do
	{
		uInt		piece = Min(left, CHUNK_SIZE);

		CHECK_FOR_INTERRUPTS();
		left -= piece;
		stream->avail_in = piece;
		result = deflate(stream, left > 0 ? Z_NO_FLUSH : Z_FINISH);
	} while (result == Z_OK && left > 0 && stream->avail_out > 0);
	return result;
}

/* Inflates into all of the output, in pieces. */
static int
inflate_interruptibly(z_stream *stream)
{
	uInt		left = stream->avail_out;
	int			result;

	do
	{
		uInt		piece = Min(left, CHUNK_SIZE);

		CHECK_FOR_INTERRUPTS();
		left -= piece;
		stream->avail_out = piece;
		result = inflate(stream, Z_NO_FLUSH);
	} while (result == Z_OK && left > 0 && stream->avail_out == 0);
	return result;
}

/* ---- values of cvwiz.zjsonb ---- */

bool
codec_deflate(const char *input, uint32 input_length, int level,
			  char *output, uint32 *output_length)
{
	z_stream	stream;
	const char *dictionary;
	uint32		dictionary_length;
	int			result;

	if (input_length == 0)
		return false;

	init_stream(&stream, input, input_length, output, input_length - 1);
	check_zlib(deflateInit2(&stream, level, Z_DEFLATED, RAW_DEFLATE, MEMORY_LEVEL,
							Z_DEFAULT_STRATEGY), &stream);
	dictionary = dictionary_text(CODEC_DICTIONARY, &dictionary_length);
	check_zlib(deflateSetDictionary(&stream, (const Bytef *) dictionary,
									dictionary_length), &stream);

	/* Z_OK: it has filled the room before it came to the end */
	result = deflate_interruptibly(&stream);
	*output_length = (uint32) stream.total_out;
	(void) deflateEnd(&stream);
	return result == Z_STREAM_END;
}

bool
codec_inflate(const char *input, uint32 input_length, int dictionary_number,
			  char *output, uint32 output_length)
{
	z_stream	stream;
	const char *dictionary;
	uint32		dictionary_length;
	bool		ok;

	dictionary = dictionary_text(dictionary_number, &dictionary_length);
	if (dictionary == NULL)
		return false;

	init_stream(&stream, input, input_length, output, output_length);
	check_zlib(inflateInit2(&stream, RAW_DEFLATE), &stream);
	check_zlib(inflateSetDictionary(&stream, (const Bytef *) dictionary,
									dictionary_length), &stream);
	ok = inflate_interruptibly(&stream) == Z_STREAM_END &&
		stream.avail_in == 0 && stream.total_out == output_length;
	(void) inflateEnd(&stream);
	return ok;
}

uint64
codec_inflate_bound(uint32 input_length)
{
	return (uint64) input_length * MAX_INFLATION + 1;
}

/* ---- gzip ---- */

bytea *
codec_gzip(const char *input, size_t input_length, int level)
{
	z_stream	stream;
	bytea	   *result;
	uLong		bound;
	int			status;

	/* deflateBound() needs the stream, so its output comes after it. */
	init_stream(&stream, input, (uint32) input_length, NULL, 0);
	check_zlib(deflateInit2(&stream, level, Z_DEFLATED, GZIP_FORMAT, MEMORY_LEVEL,
							Z_DEFAULT_STRATEGY), &stream);
	bound = deflateBound(&stream, (uLong) input_length);
	result = (bytea *) palloc(VARHDRSZ + bound);
	stream.next_out = (Bytef *) VARDATA(result);
	stream.avail_out = (uInt) bound;

	status = deflate_interruptibly(&stream);
	SET_VARSIZE(result, VARHDRSZ + stream.total_out);
	(void) deflateEnd(&stream);
	if (status != Z_STREAM_END)
		elog(ERROR, "zlib did not finish: %s", zError(status));
	return result;
}

static void
not_gzip_error(const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
			 errmsg("invalid gzip data"),
			 errdetail("%s", detail),
			 errhint("cvwiz.gunzip() takes one whole member as gzip and cvwiz.gzip() write it.")));
}

char *
codec_gunzip(const char *input, size_t input_length, size_t limit, size_t *output_length)
{
	z_stream	stream;
	size_t		room = Min(limit, Max(input_length * 4, GUNZIP_CHUNK));
	char	   *output = (char *) palloc(room + 1);
	size_t		used = 0;
	int			status;

	init_stream(&stream, input, (uint32) input_length, NULL, 0);
	check_zlib(inflateInit2(&stream, GZIP_FORMAT), &stream);
	for (;;)
	{
		size_t		chunk = Min(room - used, GUNZIP_CHUNK);

		CHECK_FOR_INTERRUPTS();
		stream.next_out = (Bytef *) output + used;
		stream.avail_out = (uInt) chunk;
		status = inflate(&stream, Z_NO_FLUSH);
		used += chunk - stream.avail_out;
		if (status != Z_OK || (stream.avail_out > 0 && stream.avail_in == 0))
			break;
		if (used < room)
			continue;
		if (room == limit)
		{
			/* Is there one byte more? */
			char		beyond;

			stream.next_out = (Bytef *) &beyond;
			stream.avail_out = 1;
			status = inflate(&stream, Z_NO_FLUSH);
			if (stream.avail_out == 0)
				ereport(ERROR,
						(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						 errmsg("gzip data inflates to more than %zu bytes", limit),
						 errhint("A superuser can raise cvwiz.max_inflated_size.")));
			break;
		}
		room = Min(limit, room * 2);
		output = (char *) repalloc(output, room + 1);
	}

	if (status != Z_STREAM_END)
		not_gzip_error(status == Z_OK || status == Z_BUF_ERROR ?
					   "It ends in the middle." :
					   stream.msg ? stream.msg : zError(status));
	if (stream.avail_in > 0)
		not_gzip_error("Something follows its end.");
	(void) inflateEnd(&stream);

	output[used] = '\0';
	*output_length = used;
	return output;
}
