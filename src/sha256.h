/*-------------------------------------------------------------------------
 *
 * sha256.h
 *		The SHA-256 of a stream, as text.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVWIZ_SHA256_H
#define CVWIZ_SHA256_H

#include "postgres.h"

#include "common/cryptohash.h"
#include "common/sha2.h"

/* with its end */
#define SHA256_TEXT_SIZE (2 * PG_SHA256_DIGEST_LENGTH + 1)

typedef struct Sha256
{
	pg_cryptohash_ctx *context;
} Sha256;

/* An error in between frees what it has. */
extern void sha256_begin(Sha256 *sha);
extern void sha256_add(Sha256 *sha, const char *data, size_t length);

/* Lower-case hexadecimal digits, as sha256sum prints. */
extern void sha256_end(Sha256 *sha, char *text);

#endif							/* CVWIZ_SHA256_H */
