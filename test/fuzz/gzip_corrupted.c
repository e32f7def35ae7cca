/*-------------------------------------------------------------------------
 *
 * gzip_corrupted.c
 *		Fuzz target: what cvwiz.gzip() makes comes back, and corrupted it is an
 *		error or the same document.
 *
 * The input is the level of zlib, then a text.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "backend.h"
#include "compat.h"
#include "corrupt.h"
#include "snapshot/codec.h"

/* more than any text here */
#define LIMIT (1024 * 1024)

typedef struct Trip
{
	const char *text;
	Size		length;
	int			level;
	char	   *member;			/* then the corrupted one, with room to grow */
	Size		size;
} Trip;

static void
pack(void *arg)
{
	Trip	   *trip = arg;
	bytea	   *member = codec_gzip(trip->text, trip->length, trip->level);

	trip->size = VARSIZE(member) - VARHDRSZ;
	trip->member = malloc(trip->size + CORRUPT_GROWTH);
	memcpy(trip->member, VARDATA(member), trip->size);
}

/* A member has bytes that mean nothing: its time, the bits after its last. */
static void
unpack(void *arg)
{
	Trip	   *trip = arg;
	char	   *member = palloc(trip->size);
	char	   *text;
	size_t		length;

	memcpy(member, trip->member, trip->size);
	text = codec_gunzip(member, trip->size, LIMIT, &length);
	if (length != trip->length || memcmp(text, trip->text, length) != 0)
		finding("another document");
}

static void
unpack_corrupted(const Trip *intact, uint64 *random)
{
	Trip		trip = *intact;
	int			error;

	trip.member = malloc(intact->size + CORRUPT_GROWTH);
	memcpy(trip.member, intact->member, intact->size);
	trip.size = corrupt(random, trip.member, trip.size);

	error = backend_run(unpack, &trip, SIZE_MAX);
	if (error != 0 && error != ERRCODE_INVALID_TEXT_REPRESENTATION &&
		error != ERRCODE_PROGRAM_LIMIT_EXCEEDED)
		finding("SQLSTATE %s", unpack_sql_state(error));
	free(trip.member);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	Trip		trip = {0};
	uint64		random = random_seed(data, size);

	if (size == 0)
		return 0;
	trip.level = 1 + data[0] % 9;
	trip.text = (const char *) data + 1;
	trip.length = size - 1;

	if (backend_run(pack, &trip, VARHDRSZ + 2 * size + DEFLATE_MEMORY) != 0 ||
		backend_run(unpack, &trip, SIZE_MAX) != 0)
		finding("a document cannot be packed and unpacked");
	for (int i = 0; i < CORRUPTIONS; i++)
		unpack_corrupted(&trip, &random);
	free(trip.member);
	return 0;
}
