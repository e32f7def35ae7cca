/*-------------------------------------------------------------------------
 *
 * sha256.c
 *		The SHA-256 of a stream, as text.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "sha256.h"

static void
check(bool failed, Sha256 *sha)
{
	if (failed)
		elog(ERROR, "could not compute SHA-256: %s",
			 sha->context ? pg_cryptohash_error(sha->context) : "out of memory");
}

void
sha256_begin(Sha256 *sha)
{
	sha->context = pg_cryptohash_create(PG_SHA256);
	check(sha->context == NULL || pg_cryptohash_init(sha->context) < 0, sha);
}

void
sha256_add(Sha256 *sha, const char *data, size_t length)
{
	check(pg_cryptohash_update(sha->context, (const uint8 *) data, length) < 0, sha);
}

void
sha256_end(Sha256 *sha, char *text)
{
	uint8		digest[PG_SHA256_DIGEST_LENGTH];

	check(pg_cryptohash_final(sha->context, digest, sizeof(digest)) < 0, sha);
	pg_cryptohash_free(sha->context);
	sha->context = NULL;

	(void) hex_encode((const char *) digest, sizeof(digest), text);
	text[2 * sizeof(digest)] = '\0';
}
