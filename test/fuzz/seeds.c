/*-------------------------------------------------------------------------
 *
 * seeds.c
 *		Writes what the fuzz targets begin with: seeds DIRECTORY, which has a
 *		directory for each target.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "backend.h"
#include "settings.h"
#include "snapshot/codec.h"
#include "snapshot/dictionary.h"
#include "subject.h"

#undef snprintf

typedef struct Document
{
	const char *text;
	Size		length;
	int			number;
} Document;

static const char *directory;

static void
write_seed(const char *target, int number, const void *prefix, Size prefix_length,
		   const void *bytes, Size length)
{
	char		path[MAXPGPATH];
	FILE	   *file;

	snprintf(path, sizeof(path), "%s/%s/seed%d", directory, target, number);
	file = fopen(path, "w");
	if (file == NULL ||
		fwrite(prefix, 1, prefix_length, file) != prefix_length ||
		fwrite(bytes, 1, length, file) != length ||
		fclose(file) != 0)
		finding("%s could not be written", path);
}

static void
write_seeds(void *arg)
{
	const Document *document = arg;
	ZJsonb	   *value = subject_value_from_text(document->text, document->length);
	bytea	   *member = codec_gzip(document->text, document->length, 6);
	static const uint8_t level = 5; /* of 0 to 8 */
	static const uint8_t limit[2] = {0xFF, 0x1F};

	write_seed("zjsonb", document->number, NULL, 0, VARDATA(value), VARSIZE(value) - VARHDRSZ);
	write_seed("gunzip", document->number, limit, sizeof(limit), VARDATA(member), VARSIZE(member) - VARHDRSZ);
	write_seed("zjsonb_corrupted", document->number, &level, 1, document->text, document->length);
	write_seed("gzip_corrupted", document->number, &level, 1, document->text, document->length);
}

static void
add_document(const char *text, Size length)
{
	static int	number = 0;
	Document	document = {text, length, ++number};

	if (backend_run(write_seeds, &document, SIZE_MAX) != 0)
		finding("document %d cannot be stored", number);
}

/* Seeds of the kind that storage is for. */
static Size
write_resume(char *text, Size room, int jobs)
{
	Size		length = snprintf(text, room, "{\"basics\": {\"name\": \"Zo\xC3\xAB \\\"Z\\\" \xE6\x9D\x8E\"}, \"experiences\": [");

	for (int i = 0; i < jobs; i++)
		length += snprintf(text + length, room - length,
						   "%s{\"id\": \"%08x\", \"order\": %d, \"company\": \"Company %d\", \"position\": \"Senior Software Engineer\", "
						   "\"startDate\": \"20%02d-%02d-01\", \"highlights\": [\"reduced the time of step %d by %d %%\", \"\\u0001\\n\"]}",
						   i == 0 ? "" : ", ", i * 2654435761u, i, i * i, i % 24, 1 + i % 12, i * 7, i % 100);
	return length + snprintf(text + length, room - length, "]}");
}

int
main(int argc, char **argv)
{
	static char text[128 * 1024];
	uint32		length;
	const char *dictionary = dictionary_text(CODEC_DICTIONARY, &length);

	if (argc != 2)
		finding("usage: seeds DIRECTORY");
	directory = argv[1];

	add_document("", 0);
	add_document("{}", 2);
	add_document("{\"a\": [1, 2.50, null, true, \"x\"]}", 34);
	add_document(dictionary, length);
	add_document(text, write_resume(text, sizeof(text), 1));
	add_document(text, write_resume(text, sizeof(text), 8));
	add_document(text, write_resume(text, sizeof(text), 60));

	/* as far as deflate goes, and not at all */
	memset(text, ' ', sizeof(text));
	add_document(text, sizeof(text));
	for (int i = 0; i < 300; i++)
		text[i] = crc32c(0, &i, sizeof(i));
	add_document(text, 300);
	return 0;
}
