/*-------------------------------------------------------------------------
 *
 * json_size.c
 *		How many bytes a jsonb has as text, without making the text.
 *
 * Walks the entries with a running offset, where getJsonbOffset() would look
 * back over up to JB_OFFSET_STRIDE of them for each; the form of the text is
 * that of JsonbToCString() and escape_json() in PostgreSQL's jsonb.c and
 * json.c: "k": v, a space after each colon and comma.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/numeric.h"

#include "json_size.h"

static uint64 container_text_size(JsonbContainer *container);

/* ---- strings ---- */

#define EACH_BYTE(b) (UINT64CONST(0x0101010101010101) * (b))

/* Whether one of eight bytes is below 0x20, a quote or a backslash. */
static inline bool
has_escaped_byte(uint64 word)
{
	uint64		quote = word ^ EACH_BYTE('"');
	uint64		backslash = word ^ EACH_BYTE('\\');

	/* The high bit of a byte is set where the subtraction has borrowed. */
	return (((word - EACH_BYTE(0x20)) & ~word) |
			((quote - EACH_BYTE(0x01)) & ~quote) |
			((backslash - EACH_BYTE(0x01)) & ~backslash)) & EACH_BYTE(0x80);
}

/* What a byte takes beyond itself: \n, or \u001f. */
static const uint8 escape_size[256] = {
	5, 5, 5, 5, 5, 5, 5, 5, 1, 1, 1, 5, 1, 1, 5, 5,
	5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5,
	['"'] = 1,
	['\\'] = 1
};

uint64
json_string_text_size(const char *string, uint32 length)
{
	uint64		size = (uint64) length + 2;
	uint32		i = 0;

	for (; i + sizeof(uint64) <= length; i += sizeof(uint64))
	{
		uint64		word;

		memcpy(&word, string + i, sizeof(word));
		if (!has_escaped_byte(word))
			continue;
		for (uint32 j = 0; j < sizeof(uint64); j++)
			size += escape_size[(unsigned char) string[i + j]];
	}
	for (; i < length; i++)
		size += escape_size[(unsigned char) string[i]];
	return size;
}

/* ---- numbers ---- */

/*
 * A numeric is stored as a header, short or long, and base-10000 digits; its
 * text's length follows from these.  Making the text instead, of up to 131,072
 * digits, would take seconds for a document of many such numbers.  The layout
 * is that of NumericShort and NumericLong in PostgreSQL's numeric.c, on disk
 * the same since 9.1; what is neither is left to numeric_out().
 */
#define NUMERIC_KIND_MASK		0xC000
#define NUMERIC_KIND_NEGATIVE	0x4000
#define NUMERIC_KIND_SHORT		0x8000
#define NUMERIC_KIND_SPECIAL	0xC000

#define SHORT_NEGATIVE			0x2000
#define SHORT_DSCALE(header)	(((header) & 0x1F80) >> 7)
#define SHORT_WEIGHT(header) \
	(((header) & 0x0040) ? ((header) & 0x003F) - 0x0040 : ((header) & 0x003F))
#define LONG_DSCALE(header)		((header) & 0x3FFF)

#define DIGITS_PER_NUMERIC_DIGIT 4

static uint64
special_numeric_text_size(Numeric number)
{
	char	   *text = DatumGetCString(DirectFunctionCall1(numeric_out,
														   NumericGetDatum(number)));
	uint64		size = strlen(text);

	pfree(text);
	return size;
}

static uint64
numeric_text_size(Numeric number)
{
	const char *data = VARDATA_ANY(number);
	Size		length = VARSIZE_ANY_EXHDR(number);
	Size		header_length = sizeof(uint16);
	uint16		header;
	int16		first_digit = 0;
	int			weight;
	int			dscale;
	bool		negative;
	uint64		size;

	memcpy(&header, data, sizeof(header));
	if ((header & NUMERIC_KIND_MASK) == NUMERIC_KIND_SPECIAL)
		return special_numeric_text_size(number);

	if ((header & NUMERIC_KIND_MASK) == NUMERIC_KIND_SHORT)
	{
		negative = (header & SHORT_NEGATIVE) != 0;
		dscale = SHORT_DSCALE(header);
		weight = SHORT_WEIGHT(header);
	}
	else
	{
		int16		stored_weight;

		memcpy(&stored_weight, data + header_length, sizeof(stored_weight));
		header_length += sizeof(stored_weight);
		negative = (header & NUMERIC_KIND_MASK) == NUMERIC_KIND_NEGATIVE;
		dscale = LONG_DSCALE(header);
		weight = stored_weight;
	}
	if (length > header_length)
		memcpy(&first_digit, data + header_length, sizeof(first_digit));

	size = negative ? 1 : 0;
	if (weight < 0)
		size += 1;				/* the zero before the point */
	else
		size += (uint64) weight * DIGITS_PER_NUMERIC_DIGIT +
			(first_digit >= 1000 ? 4 : first_digit >= 100 ? 3 : first_digit >= 10 ? 2 : 1);
	if (dscale > 0)
		size += 1 + (uint64) dscale;
	return size;
}

/* ---- entries ---- */

/* The length of an entry that begins at offset; moves the offset past it. */
static inline uint32
advance(JEntry entry, uint32 *offset)
{
	uint32		start = *offset;

	JBE_ADVANCE_OFFSET(*offset, entry);
	return *offset - start;
}

static inline uint64
entry_text_size(JEntry entry, char *base, uint32 offset, uint32 length)
{
	switch (entry & JENTRY_TYPEMASK)
	{
		case JENTRY_ISSTRING:
			return json_string_text_size(base + offset, length);
		case JENTRY_ISCONTAINER:
			return container_text_size((JsonbContainer *) (base + INTALIGN(offset)));
		case JENTRY_ISNUMERIC:
			return numeric_text_size((Numeric) (base + INTALIGN(offset)));
		case JENTRY_ISBOOL_FALSE:
			return 5;
		default:
			Assert(JBE_ISBOOL_TRUE(entry) || JBE_ISNULL(entry));
			return 4;
	}
}

static uint64
container_text_size(JsonbContainer *container)
{
	uint32		count = JsonContainerSize(container);
	bool		is_object = JsonContainerIsObject(container);
	uint32		entries = is_object ? count * 2 : count;
	char	   *base = (char *) &container->children[entries];
	uint32		offset = 0;
	uint64		size = 0;

	check_stack_depth();
	CHECK_FOR_INTERRUPTS();

	/* An object has its keys first, then their values. */
	for (uint32 i = 0; i < entries; i++)
	{
		JEntry		entry = container->children[i];
		uint32		start = offset;
		uint32		length = advance(entry, &offset);

		size += entry_text_size(entry, base, start, length);
	}

	if (JsonContainerIsScalar(container))
		return size;
	if (is_object)
		size += (uint64) count * 2; /* ": " */
	if (count > 1)
		size += ((uint64) count - 1) * 2;	/* ", " */
	return size + 2;
}

uint64
json_text_size(Jsonb *document)
{
	return container_text_size(&document->root);
}

uint64
json_value_text_size(const JsonbValue *value)
{
	switch (value->type)
	{
		case jbvNull:
			return 4;
		case jbvBool:
			return value->val.boolean ? 4 : 5;
		case jbvString:
			return json_string_text_size(value->val.string.val, value->val.string.len);
		case jbvNumeric:
			return numeric_text_size(value->val.numeric);
		case jbvBinary:
			return container_text_size(value->val.binary.data);
		default:
			elog(ERROR, "unexpected jsonb value type: %d", (int) value->type);
			return 0;
	}
}
