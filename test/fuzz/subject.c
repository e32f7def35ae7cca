/*-------------------------------------------------------------------------
 *
 * subject.c
 *		zjsonb.c with its static functions opened.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "port/pg_crc32c.h"

#include "subject.h"

/* PostgreSQL's is in the server, which a fuzz target has not. */
#undef COMP_CRC32C
#define COMP_CRC32C(crc, data, len) ((crc) = ~crc32c(~(crc), (data), (len)))

#include "../../src/snapshot/zjsonb.c"

ZJsonb *
subject_value_from_text(const char *text, uint32 length)
{
	return value_from_text(text, length);
}

char *
subject_text_from_value(ZJsonb *value, uint32 *length)
{
	return text_from_value(value, length);
}

uint32
crc32c(uint32 crc, const void *data, Size length)
{
	static uint32 table[256];
	const unsigned char *byte = data;

	if (table[1] == 0)
	{
		for (uint32 i = 0; i < 256; i++)
		{
			table[i] = i;
			for (int bit = 0; bit < 8; bit++)
				table[i] = (table[i] >> 1) ^ (table[i] & 1 ? 0x82F63B78 : 0);
		}
	}

	crc = ~crc;
	while (length-- > 0)
		crc = table[(crc ^ *byte++) & 0xFF] ^ (crc >> 8);
	return ~crc;
}

uint32
value_checksum(const ZJsonbHeader *header, const char *text,
			   const char *payload, Size payload_length)
{
	uint32		crc = crc32c(0, header, 8);

	crc = crc32c(crc, text, header->raw_length);
	return header->codec == 1 ? crc32c(crc, payload, payload_length) : crc;
}
