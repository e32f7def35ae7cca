/*-------------------------------------------------------------------------
 *
 * zjsonb.c
 *		Fuzz target: any bytes as a stored value of cvwiz.zjsonb.
 *
 * The input is what follows the varlena header.  It is an error, or a document
 * whose length and checksum are those that the header has.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <zlib.h>

#include "backend.h"
#include "snapshot/codec.h"
#include "snapshot/dictionary.h"
#include "subject.h"

/* What deflate can make of a byte at most, by its format. */
#define MOST_INFLATION 1032

/* Longer documents are not looked at twice, and not sealed. */
#define MOST_TEXT (1024 * 1024)

typedef struct Decoding
{
	const uint8_t *data;
	Size		size;
	bool		short_header;	/* of one byte, so that nothing is aligned */
} Decoding;

static char text_in_one_go[MOST_TEXT];

/* Whether the payload is one whole stream. */
static bool
inflate_in_one_go(const uint8_t *payload, Size payload_length, uint32 *length)
{
	z_stream	stream = {0};
	uint32		dictionary_length;
	const char *dictionary = dictionary_text(CODEC_DICTIONARY, &dictionary_length);
	int			status;

	(void) inflateInit2(&stream, -MAX_WBITS);
	(void) inflateSetDictionary(&stream, (const Bytef *) dictionary, dictionary_length);
	stream.next_in = (Bytef *) payload;
	stream.avail_in = payload_length;
	stream.next_out = (Bytef *) text_in_one_go;
	stream.avail_out = MOST_TEXT;
	status = inflate(&stream, Z_FINISH);
	*length = stream.total_out;
	(void) inflateEnd(&stream);
	return status == Z_STREAM_END && stream.avail_in == 0;
}

static void
check_deflated(const Decoding *decoding, const char *text, uint32 text_length)
{
	uint32		length;

	if (!inflate_in_one_go(decoding->data + sizeof(ZJsonbHeader),
						   decoding->size - sizeof(ZJsonbHeader), &length))
		finding("no whole stream, but a text");
	if (length != text_length || memcmp(text, text_in_one_go, length) != 0)
		finding("not the text of the stream");
}

static ZJsonb *
make_value(const Decoding *decoding)
{
	ZJsonb	   *value;

	if (decoding->short_header)
	{
		value = palloc(VARHDRSZ_SHORT + decoding->size);
		SET_VARSIZE_SHORT(value, VARHDRSZ_SHORT + decoding->size);
	}
	else
	{
		value = palloc(VARHDRSZ + decoding->size);
		SET_VARSIZE(value, VARHDRSZ + decoding->size);
	}
	memcpy(VARDATA_ANY(value), decoding->data, decoding->size);
	return value;
}

static void
decode(void *arg)
{
	const Decoding *decoding = arg;
	ZJsonbHeader header;
	uint32		length;
	char	   *text = subject_text_from_value(make_value(decoding), &length);

	memcpy(&header, decoding->data, sizeof(header));
	if (length != header.raw_length)
		finding("%u bytes of text, the header says %u", length, header.raw_length);
	if (text[length] != '\0')
		finding("the text is not ended by a zero byte");
	if (value_checksum(&header, text, (const char *) decoding->data + sizeof(header),
					   decoding->size - sizeof(header)) != header.checksum)
		finding("a text that does not have its checksum");
	if (header.codec == ZJSONB_DEFLATED && length < MOST_TEXT)
		check_deflated(decoding, text, length);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	Decoding	decoding = {data, size, false};
	Size		payload = size > sizeof(ZJsonbHeader) ? size - sizeof(ZJsonbHeader) : 0;
	Size		most_memory = VARHDRSZ + size + payload * MOST_INFLATION + 2 + INFLATE_MEMORY;
	int			error = backend_run(decode, &decoding, most_memory);

	if (error != 0 && error != ERRCODE_DATA_CORRUPTED)
		finding("SQLSTATE %s", unpack_sql_state(error));
	if (VARHDRSZ_SHORT + size <= VARATT_SHORT_MAX)
	{
		decoding.short_header = true;
		if (backend_run(decode, &decoding, most_memory) != error)
			finding("it depends on the varlena header");
	}
	return 0;
}

/* ---- the mutator ---- */

/*
 * A value whose payload is what it is, but whose length and checksum are right:
 * else none would ever come as far as that.
 */
static void
seal(uint8_t *data, size_t size)
{
	const uint8_t *payload = data + sizeof(ZJsonbHeader);
	Size		payload_length = size - sizeof(ZJsonbHeader);
	ZJsonbHeader header;

	memcpy(&header, data, sizeof(header));
	header.version = ZJSONB_VERSION;
	if (header.codec % 8 == 0)
	{
		header.codec = ZJSONB_PLAIN;
		header.raw_length = payload_length;
		memcpy(text_in_one_go, payload, payload_length);
	}
	else
	{
		header.codec = ZJSONB_DEFLATED;
		header.dictionary = CODEC_DICTIONARY;
		(void) inflate_in_one_go(payload, payload_length, &header.raw_length);
	}
	header.checksum = value_checksum(&header, text_in_one_go, (const char *) payload, payload_length);
	memcpy(data, &header, sizeof(header));
}

extern size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);

size_t
LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
	size = LLVMFuzzerMutate(data, size, max_size);
	if (seed % 2 == 0 && size > sizeof(ZJsonbHeader) && size < MOST_TEXT)
		seal(data, size);
	return size;
}
