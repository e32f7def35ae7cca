/*-------------------------------------------------------------------------
 *
 * gunzip.c
 *		Fuzz target: any bytes as the argument of cvwiz.gunzip().
 *
 * The input is the limit, in two bytes, then the bytes.  They are an error, or
 * exactly what zlib makes of them in one go, within the limit.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <zlib.h>

#include "backend.h"
#include "snapshot/codec.h"

#define LIMIT_SIZE	2
#define LIMIT_UNIT	16			/* so up to 1 MB, both sides of gunzip's chunks */
#define MOST_TEXT	(LIMIT_UNIT * 65536)

/* gunzip's smallest buffer */
#define LEAST_ROOM	(64 * 1024)

#define GZIP_HEADER_SIZE	10	/* without the optional fields */
#define GZIP_TRAILER_SIZE	8

typedef struct Unpacking
{
	const char *input;
	Size		size;
	Size		limit;
	Size		length;			/* result */
} Unpacking;

static char text_in_one_go[MOST_TEXT];

/* windowBits as inflateInit2() has it; the bytes that the member takes, or 0 */
static Size
inflate_in_one_go(const char *input, Size size, int window_bits, Size *length)
{
	z_stream	stream = {0};
	int			status;

	(void) inflateInit2(&stream, window_bits);
	stream.next_in = (Bytef *) input;
	stream.avail_in = size;
	stream.next_out = (Bytef *) text_in_one_go;
	stream.avail_out = MOST_TEXT;
	status = inflate(&stream, Z_FINISH);
	*length = stream.total_out;
	(void) inflateEnd(&stream);
	return status == Z_STREAM_END ? size - stream.avail_in : 0;
}

static void
unpack(void *arg)
{
	Unpacking  *unpacking = arg;
	char	   *input = palloc(unpacking->size);
	char	   *text;
	Size		length;

	memcpy(input, unpacking->input, unpacking->size);
	text = codec_gunzip(input, unpacking->size, unpacking->limit, &unpacking->length);
	if (unpacking->length > unpacking->limit)
		finding("%zu bytes, the limit is %zu", unpacking->length, unpacking->limit);
	if (text[unpacking->length] != '\0')
		finding("the text is not ended by a zero byte");
	if (inflate_in_one_go(input, unpacking->size, MAX_WBITS + 16, &length) != unpacking->size)
		finding("no whole member, but a text");
	if (length != unpacking->length || memcmp(text, text_in_one_go, length) != 0)
		finding("not the text of the member");
}

/* It grows by doubling, and the old buffer is there while the new one is filled. */
static int
run_unpack(Unpacking *unpacking)
{
	Size		room = Max(unpacking->size * 4, LEAST_ROOM);
	Size		most_memory = unpacking->size + INFLATE_MEMORY;

	most_memory += unpacking->limit + 1;
	if (room < unpacking->limit)
		most_memory += unpacking->limit + 1;
	return backend_run(unpack, unpacking, most_memory);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	Unpacking	unpacking = {0};
	Size		whole;
	Size		length;
	int			error;

	if (size < LIMIT_SIZE)
		return 0;
	unpacking.input = (const char *) data + LIMIT_SIZE;
	unpacking.size = size - LIMIT_SIZE;
	unpacking.limit = LIMIT_UNIT * (1 + data[0] + 256 * data[1]);
	error = run_unpack(&unpacking);

	whole = inflate_in_one_go(unpacking.input, unpacking.size, MAX_WBITS + 16, &length);
	if (whole > 0 && whole == unpacking.size && length <= unpacking.limit && error != 0)
		finding("a whole member is refused: SQLSTATE %s", unpack_sql_state(error));
	if (error != 0)
	{
		if (error != ERRCODE_INVALID_TEXT_REPRESENTATION && error != ERRCODE_PROGRAM_LIMIT_EXCEEDED)
			finding("SQLSTATE %s", unpack_sql_state(error));
		return 0;
	}

	/* the limit to the byte */
	unpacking.limit = Max(length, 1);
	if (run_unpack(&unpacking) != 0)
		finding("the limit is %zu, and so many bytes are refused", unpacking.limit);
	if (length > 1)
	{
		unpacking.limit = length - 1;
		if (run_unpack(&unpacking) != ERRCODE_PROGRAM_LIMIT_EXCEEDED)
			finding("the limit is %zu, and one byte more is not refused", unpacking.limit);
	}
	return 0;
}

/* ---- the mutator ---- */

/* A member whose trailer is right, wherever its deflated bytes end. */
static size_t
seal(uint8_t *data, size_t size, size_t max_size)
{
	static const uint8_t header[GZIP_HEADER_SIZE] = {0x1F, 0x8B, 8};
	uint8_t    *member = data + LIMIT_SIZE;
	Size		deflated;
	Size		length;
	uint32		trailer[2];

	memcpy(member, header, GZIP_HEADER_SIZE);
	deflated = inflate_in_one_go((char *) member + GZIP_HEADER_SIZE,
								 size - LIMIT_SIZE - GZIP_HEADER_SIZE, -MAX_WBITS, &length);
	if (deflated == 0 || LIMIT_SIZE + GZIP_HEADER_SIZE + deflated + GZIP_TRAILER_SIZE > max_size)
		return size;
	trailer[0] = crc32(0, (const Bytef *) text_in_one_go, length);
	trailer[1] = length;
	for (int i = 0; i < GZIP_TRAILER_SIZE; i++)
		member[GZIP_HEADER_SIZE + deflated + i] = trailer[i / 4] >> (8 * (i % 4));
	return LIMIT_SIZE + GZIP_HEADER_SIZE + deflated + GZIP_TRAILER_SIZE;
}

extern size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);

size_t
LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
	size = LLVMFuzzerMutate(data, size, max_size);
	if (seed % 2 == 0 && size > LIMIT_SIZE + GZIP_HEADER_SIZE)
		size = seal(data, size, max_size);
	return size;
}
