/*-------------------------------------------------------------------------
 *
 * version_write.c
 *		From a document to a version and its stub.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/snapmgr.h"

#include "settings.h"
#include "snapshot/version.h"
#include "stats/counters.h"

/*
 * A delta of less than this share of the text is not compared with the whole
 * document's compressed size, which takes as long as the delta itself.
 */
#define SMALL_DELTA_SHARE 32

/* More than there are versions in a store. */
#define NUMBERS_OF_A_DUMP (INT64CONST(1) << 32)

/* Nobody can forge a stub that drives numbers past what a double holds. */
#define MAX_MISSING_NUMBER (INT64CONST(1) << 52)

/* ---- encoding ---- */

static bool
decodes(const bytea *content, const Text *base, const Text *text)
{
	char	   *buffer = (char *) palloc(text->length + 1);
	bool		result = delta_text_length(content) == (int64) text->length &&
		delta_decode(content, base, buffer, text->length) &&
		memcmp(buffer, text->data, text->length) == 0;

	pfree(buffer);
	return result;
}

static bytea *
plain(const Text *text)
{
	bytea	   *content = (bytea *) palloc(VARHDRSZ + text->length);

	memcpy(VARDATA(content), text->data, text->length);
	SET_VARSIZE(content, VARHDRSZ + text->length);
	return content;
}

static void
encode_whole(StoredVersion *version, const Text *text, bytea *content)
{
	version->base_id = NO_VERSION;
	version->depth = 0;
	version->codec = VERSION_ZSTD;
	version->content = content;
	if (VARSIZE_ANY_EXHDR(content) < text->length && decodes(content, NULL, text))
		return;

	version->codec = VERSION_PLAIN;
	version->content = plain(text);
}

/* NULL where the whole document, which then is set, is not much larger. */
static bytea *
encode_difference(const Text *text, const Text *base_text, bytea **whole)
{
	bytea	   *delta = delta_encode(text, base_text, setting_version_compression_level);

	*whole = NULL;
	if (VARSIZE_ANY_EXHDR(delta) > text->length / SMALL_DELTA_SHARE)
	{
		*whole = delta_encode(text, NULL, setting_version_compression_level);
		if (VARSIZE_ANY_EXHDR(delta) > VARSIZE_ANY_EXHDR(*whole) / 2)
			return NULL;
	}
	return decodes(delta, base_text, text) ? delta : NULL;
}

void
version_encode(StoredVersion *version, const Text *text,
			   const StoredVersion *base, const Text *base_text)
{
	bytea	   *whole = NULL;

	if (base != NULL)
	{
		bytea	   *delta = encode_difference(text, base_text, &whole);

		if (delta != NULL)
		{
			version->base_id = base->id;
			version->depth = base->depth + 1;
			version->codec = VERSION_ZSTD;
			version->content = delta;
			return;
		}
	}
	if (whole == NULL)
		whole = delta_encode(text, NULL, setting_version_compression_level);
	encode_whole(version, text, whole);
}

/* ---- storing ---- */

/* A base that cannot be read must not keep anybody from writing. */
static void
encode_in_chain(StoredVersion *version, const Text *text)
{
	StoredVersion base;
	Text		base_text;
	VersionStatus status;

	if (!version_fetch_base(version->chain_key, &base))
	{
		version_encode(version, text, NULL, NULL);
		return;
	}
	status = version_read_row(&base, SnapshotSelf, &base_text);
	if (status == VERSION_CORRUPTED)
	{
		counters_version_corrupted();
		ereport(LOG,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("version " INT64_FORMAT " of the version store is corrupted", base.id),
				 errhint("cvwiz.verify_versions() lists all such versions.")));
	}
	version_encode(version, text, status == VERSION_OK ? &base : NULL, &base_text);
}

/*
 * A version's number is greater than its base's.  What a stub stands for may
 * come yet, out of a dump, with all of its neighbours.
 */
static int64
least_id(const StoredVersion *version, Jsonb *document)
{
	StubId		missing;

	if (version->codec != VERSION_STUB || !stub_parse(document, &missing))
		return version->base_id;
	return Min(missing.version, MAX_MISSING_NUMBER) + NUMBERS_OF_A_DUMP;
}

/*
 * A dump that is being restored comes with numbers that are half of
 * NUMBERS_OF_A_DUMP away at least, once its first stub has been stored.
 */
bool
version_was_given_out(int64 id)
{
	int64		next = version_next_id(NO_VERSION);

	return id < next && next - id < NUMBERS_OF_A_DUMP / 2;
}

Jsonb *
version_store(const VersionTarget *target, Jsonb *document, const Text *text,
			  VersionCodec codec, StubId *id)
{
	StoredVersion version = {0};
	Jsonb	   *stub;

	version.chain_key = target->chain_key;
	version.raw_length = (int32) text->length;
	version.checksum = version_checksum(text);
	if (codec == VERSION_STUB)
	{
		version.codec = codec;
		version.content = plain(text);
	}
	else
		encode_in_chain(&version, text);

	if (!pg_strong_random(version.key.data, UUID_LEN))
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not generate a key for a version")));

	id->version = version.id = version_next_id(least_id(&version, document));
	id->key = version.key;
	id->size = text->length;
	stub = stub_build(document, id, target->with_metadata, target->limits, target->options);
	version.stub_checksum = stub_checksum(stub);
	version_source(target->relid, target->column, target->source_id);
	version.source_id = *target->source_id;

	version_insert(&version);
	CommandCounterIncrement();
	counters_version_stored(text->length);
	version_keep_text(version.id, &version.key, text);
	return stub;
}
