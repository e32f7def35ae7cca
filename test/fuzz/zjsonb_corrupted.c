/*-------------------------------------------------------------------------
 *
 * zjsonb_corrupted.c
 *		Fuzz target: a value of cvwiz.zjsonb comes back, and corrupted it is an
 *		error, never another document.
 *
 * The input is the level of zlib, then a text.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "backend.h"
#include "corrupt.h"
#include "settings.h"
#include "subject.h"

typedef struct Trip
{
	const char *text;			/* of the document */
	uint32		length;
	char	   *value;			/* its value, then the corrupted one, with room to grow */
	Size		size;
} Trip;

static void
store(void *arg)
{
	Trip	   *trip = arg;
	ZJsonb	   *value = subject_value_from_text(trip->text, trip->length);

	trip->size = VARSIZE(value) - VARHDRSZ;
	trip->value = malloc(trip->size + CORRUPT_GROWTH);
	memcpy(trip->value, VARDATA(value), trip->size);
}

static void
fetch(void *arg)
{
	Trip	   *trip = arg;
	ZJsonb	   *value = palloc(VARHDRSZ + trip->size);
	uint32		length;
	char	   *text;

	SET_VARSIZE(value, VARHDRSZ + trip->size);
	memcpy(VARDATA(value), trip->value, trip->size);
	text = subject_text_from_value(value, &length);
	if (length != trip->length || memcmp(text, trip->text, length) != 0)
		finding("another document");
}

/* A checksum of 32 bits: one in four thousand million gets by. */
static void
fetch_corrupted(const Trip *intact, uint64 *random)
{
	Trip		trip = *intact;
	bool		changed;
	int			error;

	trip.value = malloc(intact->size + CORRUPT_GROWTH);
	memcpy(trip.value, intact->value, intact->size);
	trip.size = corrupt(random, trip.value, trip.size);
	changed = trip.size != intact->size || memcmp(trip.value, intact->value, trip.size) != 0;

	error = backend_run(fetch, &trip, SIZE_MAX);
	if (changed && error != ERRCODE_DATA_CORRUPTED)
		finding("a corrupted value was not noticed: SQLSTATE %s", unpack_sql_state(error));
	if (!changed && error != 0)
		finding("an intact value is said to be corrupted");
	free(trip.value);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	Trip		trip = {0};
	uint64		random = random_seed(data, size);

	if (size == 0)
		return 0;
	setting_compression_level = 1 + data[0] % 9;
	trip.text = (const char *) data + 1;
	trip.length = size - 1;

	if (backend_run(store, &trip, VARHDRSZ + sizeof(ZJsonbHeader) + size + DEFLATE_MEMORY) != 0 ||
		backend_run(fetch, &trip, SIZE_MAX) != 0)
		finding("a document cannot be stored and fetched");
	for (int i = 0; i < CORRUPTIONS; i++)
		fetch_corrupted(&trip, &random);
	free(trip.value);
	return 0;
}
