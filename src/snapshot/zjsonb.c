/*-------------------------------------------------------------------------
 *
 * zjsonb.c
 *		cvwiz.zjsonb: the text of a jsonb, deflated.
 *
 * A value is self-contained: no function of the type reads a table, a setting
 * that the stored bytes depend on, or anything else outside of the value.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/detoast.h"
#include "fmgr.h"
#include "libpq/pqformat.h"
#include "mb/pg_wchar.h"
#include "port/pg_crc32c.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
#include "utils/numeric.h"

#include "compat.h"
#include "settings.h"
#include "snapshot/codec.h"
#include "snapshot/zjsonb.h"

PG_FUNCTION_INFO_V1(cvwiz_zjsonb_in);
PG_FUNCTION_INFO_V1(cvwiz_zjsonb_out);
PG_FUNCTION_INFO_V1(cvwiz_zjsonb_recv);
PG_FUNCTION_INFO_V1(cvwiz_zjsonb_send);
PG_FUNCTION_INFO_V1(cvwiz_zjsonb_from_jsonb);
PG_FUNCTION_INFO_V1(cvwiz_zjsonb_from_json);
PG_FUNCTION_INFO_V1(cvwiz_zjsonb_to_jsonb);
PG_FUNCTION_INFO_V1(cvwiz_zjsonb_to_text);
PG_FUNCTION_INFO_V1(cvwiz_zjsonb_snapshot_size);
PG_FUNCTION_INFO_V1(cvwiz_zjsonb_compression_ratio);
PG_FUNCTION_INFO_V1(cvwiz_zjsonb_cmp);
PG_FUNCTION_INFO_V1(cvwiz_zjsonb_eq);
PG_FUNCTION_INFO_V1(cvwiz_zjsonb_ne);
PG_FUNCTION_INFO_V1(cvwiz_zjsonb_lt);
PG_FUNCTION_INFO_V1(cvwiz_zjsonb_le);
PG_FUNCTION_INFO_V1(cvwiz_zjsonb_gt);
PG_FUNCTION_INFO_V1(cvwiz_zjsonb_ge);
PG_FUNCTION_INFO_V1(cvwiz_zjsonb_hash);
PG_FUNCTION_INFO_V1(cvwiz_zjsonb_hash_extended);
PG_FUNCTION_INFO_V1(cvwiz_gzip);
PG_FUNCTION_INFO_V1(cvwiz_gunzip);

/* ---- text to value ---- */

/*
 * Over the text, so that nothing but the text comes back; over the header, and
 * over the stored bytes too, because the last byte of a deflated stream may
 * have bits that mean nothing.
 */
static uint32
checksum(const ZJsonbHeader *header, const char *text, const char *payload,
		 uint32 payload_length)
{
	pg_crc32c	crc;

	INIT_CRC32C(crc);
	COMP_CRC32C(crc, header, offsetof(ZJsonbHeader, checksum));
	COMP_CRC32C(crc, text, header->raw_length);
	if (header->codec != ZJSONB_PLAIN)
		COMP_CRC32C(crc, payload, payload_length);
	FIN_CRC32C(crc);
	return crc;
}

static ZJsonb *
value_from_text(const char *text, uint32 length)
{
	ZJsonb	   *value = (ZJsonb *) palloc(ZJSONB_HEADER_SIZE + length);
	char	   *payload = (char *) value + ZJSONB_HEADER_SIZE;
	uint32		payload_length;
	ZJsonbHeader header = {ZJSONB_VERSION, ZJSONB_DEFLATED, CODEC_DICTIONARY, 0, length, 0};

	if (!codec_deflate(text, length, setting_compression_level, payload, &payload_length))
	{
		header.codec = ZJSONB_PLAIN;
		header.dictionary = 0;
		memcpy(payload, text, length);
		payload_length = length;
	}

	header.checksum = checksum(&header, text, payload, payload_length);
	memcpy(VARDATA(value), &header, sizeof(header));
	SET_VARSIZE(value, ZJSONB_HEADER_SIZE + payload_length);
	return value;
}

/* ---- value to text ---- */

static void
corrupted_error(const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("corrupted value of type cvwiz.zjsonb"),
			 errdetail("%s", detail),
			 errhint("Restore the row from a backup.")));
}

static void
read_header(const struct varlena *value, Size size, ZJsonbHeader *header)
{
	if (size < sizeof(ZJsonbHeader))
		corrupted_error("It is shorter than its header.");
	memcpy(header, VARDATA_ANY(value), sizeof(ZJsonbHeader));
	if (header->version != ZJSONB_VERSION)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("value of type cvwiz.zjsonb has format version %d, not %d",
						header->version, ZJSONB_VERSION),
				 errhint("It is corrupted, or was written by a later version of cvwiz.")));
}

/* Ended by a zero byte. */
static char *
text_from_value(ZJsonb *value, uint32 *length)
{
	Size		size = VARSIZE_ANY_EXHDR(value);
	ZJsonbHeader header;
	const char *payload;
	uint32		payload_length;
	char	   *text;

	read_header(value, size, &header);
	payload = VARDATA_ANY(value) + sizeof(ZJsonbHeader);
	payload_length = size - sizeof(ZJsonbHeader);

	/* Before it is allocated: the length may be anything. */
	if (header.raw_length >= MaxAllocSize ||
		header.raw_length > codec_inflate_bound(payload_length))
		corrupted_error("Its length cannot be right.");
	text = (char *) palloc((Size) header.raw_length + 1);
	text[header.raw_length] = '\0';

	if (header.codec == ZJSONB_PLAIN && header.raw_length == payload_length)
		memcpy(text, payload, payload_length);
	else if (header.codec != ZJSONB_DEFLATED ||
			 !codec_inflate(payload, payload_length, header.dictionary,
							text, header.raw_length))
		corrupted_error("It cannot be inflated.");

	if (checksum(&header, text, payload, payload_length) != header.checksum)
		corrupted_error("Its checksum does not match.");

	*length = header.raw_length;
	return text;
}

/* ---- jsonb ---- */

static Jsonb *
jsonb_from_text(char *text)
{
	return DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(text)));
}

ZJsonb *
zjsonb_from_jsonb(Jsonb *jsonb)
{
	StringInfoData text;

	initStringInfo(&text);
	(void) JsonbToCString(&text, &jsonb->root, VARSIZE(jsonb));
	return value_from_text(text.data, text.len);
}

Jsonb *
zjsonb_to_jsonb(ZJsonb *value)
{
	uint32		length;
	char	   *text = text_from_value(value, &length);
	Jsonb	   *jsonb = jsonb_from_text(text);

	pfree(text);
	return jsonb;
}

uint32
zjsonb_raw_length(Datum value)
{
	struct varlena *start = PG_DETOAST_DATUM_SLICE(value, 0, sizeof(ZJsonbHeader));
	ZJsonbHeader header;

	read_header(start, VARSIZE_ANY_EXHDR(start), &header);
	return header.raw_length;
}

#define PG_GETARG_ZJSONB(n) ((ZJsonb *) PG_DETOAST_DATUM_PACKED(PG_GETARG_DATUM(n)))

Datum
cvwiz_zjsonb_in(PG_FUNCTION_ARGS)
{
	Datum		jsonb;

	if (!compat_jsonb_in(PG_GETARG_CSTRING(0), fcinfo->context, &jsonb))
		PG_RETURN_NULL();
	PG_RETURN_POINTER(zjsonb_from_jsonb(DatumGetJsonbP(jsonb)));
}

Datum
cvwiz_zjsonb_out(PG_FUNCTION_ARGS)
{
	uint32		length;

	PG_RETURN_CSTRING(text_from_value(PG_GETARG_ZJSONB(0), &length));
}

/* The same format as jsonb's: a version, then the text. */
Datum
cvwiz_zjsonb_recv(PG_FUNCTION_ARGS)
{
	Datum		jsonb = DirectFunctionCall1(jsonb_recv, PG_GETARG_DATUM(0));

	PG_RETURN_POINTER(zjsonb_from_jsonb(DatumGetJsonbP(jsonb)));
}

Datum
cvwiz_zjsonb_send(PG_FUNCTION_ARGS)
{
	uint32		length;
	char	   *text = text_from_value(PG_GETARG_ZJSONB(0), &length);
	StringInfoData buf;

	pq_begintypsend(&buf);
	pq_sendint8(&buf, 1);
	pq_sendtext(&buf, text, length);
	PG_RETURN_BYTEA_P(pq_endtypsend(&buf));
}

Datum
cvwiz_zjsonb_from_jsonb(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(zjsonb_from_jsonb(PG_GETARG_JSONB_P(0)));
}

Datum
cvwiz_zjsonb_from_json(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(zjsonb_from_jsonb(jsonb_from_text(text_to_cstring(PG_GETARG_TEXT_PP(0)))));
}

Datum
cvwiz_zjsonb_to_jsonb(PG_FUNCTION_ARGS)
{
	PG_RETURN_JSONB_P(zjsonb_to_jsonb(PG_GETARG_ZJSONB(0)));
}

/* For json and text, which are their text. */
Datum
cvwiz_zjsonb_to_text(PG_FUNCTION_ARGS)
{
	uint32		length;
	char	   *text = text_from_value(PG_GETARG_ZJSONB(0), &length);

	PG_RETURN_TEXT_P(cstring_to_text_with_len(text, length));
}

/* ---- figures ---- */

Datum
cvwiz_zjsonb_snapshot_size(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64(zjsonb_raw_length(PG_GETARG_DATUM(0)));
}

/* Bytes of text by bytes stored, the headers included. */
Datum
cvwiz_zjsonb_compression_ratio(PG_FUNCTION_ARGS)
{
	Datum		value = PG_GETARG_DATUM(0);
	Datum		text_size = NumericGetDatum(int64_to_numeric(zjsonb_raw_length(value)));
	Datum		stored = NumericGetDatum(int64_to_numeric(toast_datum_size(value)));
	Datum		ratio = DirectFunctionCall2(numeric_div, text_size, stored);

	PG_RETURN_DATUM(DirectFunctionCall2(numeric_round, ratio, Int32GetDatum(2)));
}

/* ---- order and equality: jsonb's ---- */

static int
compare_values(FunctionCallInfo fcinfo)
{
	Jsonb	   *a = zjsonb_to_jsonb(PG_GETARG_ZJSONB(0));
	Jsonb	   *b = zjsonb_to_jsonb(PG_GETARG_ZJSONB(1));
	int			result = compareJsonbContainers(&a->root, &b->root);

	pfree(a);
	pfree(b);
	return result;
}

Datum
cvwiz_zjsonb_cmp(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(compare_values(fcinfo));
}

Datum
cvwiz_zjsonb_eq(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_values(fcinfo) == 0);
}

Datum
cvwiz_zjsonb_ne(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_values(fcinfo) != 0);
}

Datum
cvwiz_zjsonb_lt(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_values(fcinfo) < 0);
}

Datum
cvwiz_zjsonb_le(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_values(fcinfo) <= 0);
}

Datum
cvwiz_zjsonb_gt(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_values(fcinfo) > 0);
}

Datum
cvwiz_zjsonb_ge(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_values(fcinfo) >= 0);
}

Datum
cvwiz_zjsonb_hash(PG_FUNCTION_ARGS)
{
	Jsonb	   *jsonb = zjsonb_to_jsonb(PG_GETARG_ZJSONB(0));

	PG_RETURN_DATUM(DirectFunctionCall1(jsonb_hash, JsonbPGetDatum(jsonb)));
}

Datum
cvwiz_zjsonb_hash_extended(PG_FUNCTION_ARGS)
{
	Jsonb	   *jsonb = zjsonb_to_jsonb(PG_GETARG_ZJSONB(0));

	PG_RETURN_DATUM(DirectFunctionCall2(jsonb_hash_extended, JsonbPGetDatum(jsonb),
										PG_GETARG_DATUM(1)));
}

/* ---- gzip ---- */

/*
 * SQL: cvwiz.gzip(snapshot jsonb) RETURNS bytea, in UTF-8
 */
Datum
cvwiz_gzip(PG_FUNCTION_ARGS)
{
	Jsonb	   *jsonb = PG_GETARG_JSONB_P(0);
	StringInfoData text;
	char	   *utf8;

	initStringInfo(&text);
	(void) JsonbToCString(&text, &jsonb->root, VARSIZE(jsonb));
	utf8 = pg_server_to_any(text.data, text.len, PG_UTF8);
	PG_RETURN_BYTEA_P(codec_gzip(utf8, utf8 == text.data ? (size_t) text.len : strlen(utf8),
								 setting_compression_level));
}

/*
 * SQL: cvwiz.gunzip(compressed bytea) RETURNS jsonb
 */
Datum
cvwiz_gunzip(PG_FUNCTION_ARGS)
{
	bytea	   *input = PG_GETARG_BYTEA_PP(0);
	size_t		length;
	char	   *text = codec_gunzip(VARDATA_ANY(input), VARSIZE_ANY_EXHDR(input),
									setting_max_inflated_size, &length);

	if (strlen(text) != length)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("invalid JSON in gzip data"),
				 errdetail("It has a zero byte."),
				 errhint("cvwiz.gunzip() takes a JSON document.")));
	PG_RETURN_JSONB_P(jsonb_from_text(pg_any_to_server(text, (int) length, PG_UTF8)));
}
