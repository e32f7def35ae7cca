/*-------------------------------------------------------------------------
 *
 * version_read.c
 *		From a stub to its document.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "port/pg_crc32c.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "compat.h"
#include "settings.h"
#include "snapshot/version.h"
#include "stats/counters.h"

PG_FUNCTION_INFO_V1(cvwiz_version_text);
PG_FUNCTION_INFO_V1(cvwiz_version);
PG_FUNCTION_INFO_V1(cvwiz_stub_version);

/* Stubs that stand for stubs; nobody makes so many. */
#define MAX_STUBS 8

/* ---- the document that was read or written last ---- */

/* A larger one is not kept. */
#define MAX_KEPT_LENGTH ((size_t) 1024 * 1024)

/*
 * The next version of a chain is the difference from it, for a reader in their
 * order as for a writer.  The key tells it from a version of that number in
 * another life of the extension.
 */
static struct
{
	int64		id;				/* NO_VERSION: nothing is kept */
	pg_uuid_t	key;
	Text		text;
	size_t		room;
	char	   *buffer;
}			last;

void
version_keep_text(int64 id, const pg_uuid_t *key, const Text *text)
{
	last.id = NO_VERSION;
	if (text->length > MAX_KEPT_LENGTH)
		return;
	if (text->length > last.room)
	{
		if (last.buffer != NULL)
			pfree(last.buffer);
		last.buffer = NULL;
		last.room = 0;
		last.buffer = (char *) MemoryContextAlloc(TopMemoryContext, text->length);
		last.room = text->length;
	}
	memcpy(last.buffer, text->data, text->length);
	last.text.data = last.buffer;
	last.text.length = text->length;
	last.key = *key;
	last.id = id;
}

void
version_forget_text(void)
{
	last.id = NO_VERSION;
}

static bool
is_kept(const StoredVersion *version)
{
	return last.id == version->id && memcmp(&last.key, &version->key, UUID_LEN) == 0 &&
		last.text.length == (size_t) version->raw_length;
}

/* ---- one version ---- */

uint32
version_checksum(const Text *text)
{
	pg_crc32c	crc;

	INIT_CRC32C(crc);
	COMP_CRC32C(crc, text->data, text->length);
	FIN_CRC32C(crc);
	return crc;
}

/* Before it is allocated: the length of a damaged row may be anything. */
static bool
length_is_right(const StoredVersion *version)
{
	if (version->raw_length < 0 || version->raw_length > MAX_ORIGINAL_SIZE)
		return false;
	if (version->codec == VERSION_ZSTD)
		return delta_text_length(version->content) == version->raw_length;
	return VARSIZE_ANY_EXHDR(version->content) == (size_t) version->raw_length;
}

/* Room for a text between a varlena's header and a zero byte. */
static char *
allocate_text(size_t length)
{
	return (char *) palloc(VARHDRSZ + length + 1) + VARHDRSZ;
}

static void
free_text(char *text)
{
	pfree(text - VARHDRSZ);
}

static bool
decode_one(const StoredVersion *version, const Text *base, char *buffer)
{
	buffer[version->raw_length] = '\0';
	if (version->codec == VERSION_ZSTD)
		return delta_decode(version->content, base, buffer, version->raw_length);
	memcpy(buffer, VARDATA_ANY(version->content), version->raw_length);
	return true;
}

/* ---- a version and what it is the difference from ---- */

/* The way from a version down to its keyframe, or to the text that is kept. */
typedef struct VersionPath
{
	StoredVersion links[KEYFRAME_INTERVAL];
	int			count;
	Text		base;			/* of the last one; NULL: that is a keyframe */
} VersionPath;

/* The version's own content is at hand. */
static VersionStatus
find_path(const StoredVersion *version, VersionScan *scan, VersionPath *path)
{
	StoredVersion *link = path->links;

	path->base.data = NULL;
	path->count = 1;
	*link = *version;
	while (link->base_id != NO_VERSION)
	{
		int64		base_id = link->base_id;

		/* numbers only fall, so there is no circle */
		if (path->count == KEYFRAME_INTERVAL || base_id >= link->id)
			return VERSION_CORRUPTED;
		link = &path->links[path->count];
		if (base_id == last.id && version_scan_fetch(scan, base_id, false, link) && is_kept(link))
		{
			path->base = last.text;
			return VERSION_OK;
		}
		if (!version_scan_fetch(scan, base_id, true, link))
			return VERSION_BASE_MISSING;
		path->count++;
	}
	return VERSION_OK;
}

/*
 * Two buffers take turns: the memory for a large text comes from the kernel,
 * page by page, which takes longer than to decode it.
 */
static bool
follow_path(const VersionPath *path, Text *text)
{
	Text		base = path->base;
	size_t		room = 0;
	char	   *buffer;
	char	   *other = NULL;

	for (int i = 0; i < path->count; i++)
	{
		if (path->links[i].codec > VERSION_STUB || !length_is_right(&path->links[i]))
			return false;
		room = Max(room, (size_t) path->links[i].raw_length);
	}
	buffer = allocate_text(room);
	if (path->count > 1)
		other = allocate_text(room);

	for (int i = path->count - 1; i >= 0; i--)
	{
		char	   *decoded = buffer;

		CHECK_FOR_INTERRUPTS();
		if (!decode_one(&path->links[i], base.data != NULL ? &base : NULL, decoded))
			return false;
		base.data = decoded;
		base.length = path->links[i].raw_length;
		buffer = other;
		other = decoded;
	}
	if (buffer != NULL)
		free_text(buffer);
	*text = base;
	return true;
}

static void
copy_kept(Text *text)
{
	char	   *buffer = allocate_text(last.text.length);

	memcpy(buffer, last.text.data, last.text.length);
	buffer[last.text.length] = '\0';
	text->data = buffer;
	text->length = last.text.length;
}

static VersionStatus
read_row(const StoredVersion *version, VersionScan *scan, Text *text)
{
	if (is_kept(version))
		copy_kept(text);
	else
	{
		VersionPath path;
		VersionStatus status = find_path(version, scan, &path);

		if (status != VERSION_OK)
			return status;
		if (!follow_path(&path, text))
			return VERSION_CORRUPTED;
	}
	return version_checksum(text) == version->checksum ? VERSION_OK : VERSION_CORRUPTED;
}

VersionStatus
version_read_row(const StoredVersion *version, Snapshot snapshot, Text *text)
{
	VersionScan scan = {.snapshot = snapshot};
	VersionStatus status = read_row(version, &scan, text);

	version_scan_end(&scan);
	return status;
}

static VersionStatus
read_stub(const StubId *id, VersionScan *scan, Text *text, StoredVersion *version)
{
	VersionStatus status;

	if (!version_scan_fetch(scan, id->version, true, version))
		return VERSION_MISSING;
	if (memcmp(&version->key, &id->key, UUID_LEN) != 0)
		return VERSION_FORBIDDEN;

	status = read_row(version, scan, text);
	if (status == VERSION_OK)
		version_keep_text(version->id, &version->key, text);
	pfree(version->content);
	version->content = NULL;
	return status;
}

VersionStatus
version_read(const StubId *id, Snapshot snapshot, Text *text, StoredVersion *version)
{
	VersionScan scan = {.snapshot = snapshot};
	StoredVersion found;
	VersionStatus status = read_stub(id, &scan, text, version != NULL ? version : &found);

	version_scan_end(&scan);
	return status;
}

/*
 * As things are now; a row that has gone since the statement began is still
 * there for the statement's snapshot; and one that somebody is storing anew
 * can be missed by SnapshotSelf, and belong to a transaction later than the
 * statement's snapshot, but not be missed by one that is taken now.
 */
VersionStatus
version_read_now(const StubId *id, Text *text, StoredVersion *version)
{
	VersionStatus status = version_read(id, SnapshotSelf, text, version);

	if (status == VERSION_OK || status == VERSION_FORBIDDEN)
		return status;
	if (ActiveSnapshotSet())
		status = version_read(id, GetActiveSnapshot(), text, version);
	if (status == VERSION_OK || status == VERSION_FORBIDDEN)
		return status;

	/* unlike GetLatestSnapshot(), also in a parallel query */
	return version_read(id, NULL, text, version);
}

/* ---- the encoding ---- */

static bool
has_encoding_of_store(void)
{
	return GetDatabaseEncoding() == PG_UTF8 || GetDatabaseEncoding() == PG_SQL_ASCII;
}

static char *
character_in_hex(const char *character)
{
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfoString(&buf, "0x");
	for (int i = 0; i < pg_encoding_mblen(GetDatabaseEncoding(), character); i++)
		appendStringInfo(&buf, "%02x", (unsigned char) character[i]);
	return buf.data;
}

COMPAT_NORETURN static void
ambiguous_error(const char *original, const char *back)
{
	int			length;

	/* to the first character that is another one */
	while ((length = pg_encoding_mblen(GetDatabaseEncoding(), original)) ==
		   pg_encoding_mblen(GetDatabaseEncoding(), back) &&
		   *original != '\0' && memcmp(original, back, length) == 0)
	{
		original += length;
		back += length;
	}
	ereport(ERROR,
			(errcode(ERRCODE_UNTRANSLATABLE_CHARACTER),
			 errmsg("document has a character of encoding \"%s\" that UTF-8 cannot tell from another",
					GetDatabaseEncodingName()),
			 errdetail("The version store keeps UTF-8: %s would come back as %s.",
					   character_in_hex(original), character_in_hex(back)),
			 errhint("Write %s instead, or use a database of encoding UTF8.", character_in_hex(back))));
}

/* EUC_JP and EUC_TW have characters twice. */
static void
check_comes_back(const StringInfoData *original, const Text *stored)
{
	Text		back = version_text_from_store(stored);

	if (back.length != (size_t) original->len ||
		memcmp(back.data, original->data, back.length) != 0)
		ambiguous_error(original->data, back.data);
	pfree(unconstify(char *, back.data));
}

Text
version_text_of(Jsonb *document)
{
	StringInfoData buf;
	Text		text;

	initStringInfo(&buf);
	(void) JsonbToCString(&buf, &document->root, VARSIZE(document));
	text.data = buf.data;
	text.length = buf.len;
	if (has_encoding_of_store())
		return text;
	text.data = pg_server_to_any(buf.data, buf.len, PG_UTF8);
	text.length = strlen(text.data);
	check_comes_back(&buf, &text);
	return text;
}

Text
version_text_from_store(const Text *text)
{
	Text		converted = *text;

	if (has_encoding_of_store())
		return converted;
	converted.data = pg_any_to_server(text->data, text->length, PG_UTF8);
	converted.length = strlen(converted.data);
	return converted;
}

Jsonb *
version_jsonb_from_store(const Text *text)
{
	return DatumGetJsonbP(DirectFunctionCall1(jsonb_in,
											  CStringGetDatum(version_text_from_store(text).data)));
}

/* ---- errors ---- */

const char *
version_problem(VersionStatus status)
{
	switch (status)
	{
		case VERSION_OK:
			return NULL;
		case VERSION_MISSING:
			return "It is not in the version store.";
		case VERSION_FORBIDDEN:
			return "The stub's key is not that of the version.";
		case VERSION_BASE_MISSING:
			return "A version that it is stored as a difference from is not there.";
		case VERSION_CORRUPTED:
			return "Its content is not what was stored.";
	}
	return NULL;				/* not reached */
}

void
version_error(VersionStatus status, int64 id)
{
	if (status == VERSION_MISSING)
		ereport(ERROR,
				(errcode(ERRCODE_NO_DATA),
				 errmsg("version " INT64_FORMAT " is not in the version store", id),
				 errhint("The row that it belonged to is gone, or this is a stub from another database.")));
	if (status == VERSION_FORBIDDEN)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("the stub's key is not that of version " INT64_FORMAT, id),
				 errhint("Take the stub out of the row as it is.")));
	counters_version_corrupted();
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("version " INT64_FORMAT " of the version store is corrupted", id),
			 errdetail_internal("%s", version_problem(status)),
			 errhint("cvwiz.verify_versions() lists all such versions; restore them from a backup.")));
	pg_unreachable();
}

/* ---- the SQL functions ---- */

bool
version_can_be_read(Jsonb *document)
{
	StubId		id;
	StoredVersion version;

	return stub_parse(document, &id) && version_look(&id, &version) == VERSION_OK;
}

bool
version_text_behind(Jsonb *document, Text *text)
{
	StubId		id;
	StoredVersion version;
	VersionStatus status;

	if (!stub_parse(document, &id))
		return false;
	status = version_read_now(&id, text, &version);
	if (status != VERSION_OK)
		version_error(status, id.version);

	for (int i = 0; i < MAX_STUBS && version.codec == VERSION_STUB; i++)
	{
		Text		further;

		document = version_jsonb_from_store(text);
		if (!stub_parse(document, &id))
			break;
		status = version_read_now(&id, &further, &version);
		if (status == VERSION_MISSING || status == VERSION_FORBIDDEN)
			break;
		if (status != VERSION_OK)
			version_error(status, id.version);
		*text = further;
	}
	return true;
}

/*
 * SQL: cvwiz.version_text(stub jsonb) RETURNS json
 */
Datum
cvwiz_version_text(PG_FUNCTION_ARGS)
{
	Jsonb	   *document = PG_GETARG_JSONB_P(0);
	Text		text;
	Text		converted;
	struct varlena *result;
	StringInfoData buf;

	if (version_text_behind(document, &text))
	{
		converted = version_text_from_store(&text);
		if (converted.data != text.data)
			PG_RETURN_TEXT_P(cstring_to_text_with_len(converted.data, converted.length));
		result = (struct varlena *) (unconstify(char *, text.data) - VARHDRSZ);
		SET_VARSIZE(result, VARHDRSZ + text.length);
		PG_RETURN_TEXT_P(result);
	}

	initStringInfo(&buf);
	(void) JsonbToCString(&buf, &document->root, VARSIZE(document));
	PG_RETURN_TEXT_P(cstring_to_text_with_len(buf.data, buf.len));
}

/*
 * SQL: cvwiz.version(stub jsonb) RETURNS jsonb
 */
Datum
cvwiz_version(PG_FUNCTION_ARGS)
{
	Jsonb	   *document = PG_GETARG_JSONB_P(0);
	Text		text;

	if (!version_text_behind(document, &text))
		PG_RETURN_JSONB_P(document);
	PG_RETURN_JSONB_P(version_jsonb_from_store(&text));
}

/*
 * SQL: cvwiz.stub_version(document jsonb) RETURNS bigint
 */
Datum
cvwiz_stub_version(PG_FUNCTION_ARGS)
{
	StubId		id;

	if (!stub_parse(PG_GETARG_JSONB_P(0), &id))
		PG_RETURN_NULL();
	PG_RETURN_INT64(id.version);
}
