/*-------------------------------------------------------------------------
 *
 * backend.c
 *		The little of PostgreSQL's backend that the decoder needs.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <sanitizer/asan_interface.h>
#include <setjmp.h>
#include <stdarg.h>

#include "lib/ilist.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "backend.h"
#include "settings.h"

/* port.h puts PostgreSQL's own in their place. */
#undef fprintf
#undef vfprintf

volatile sig_atomic_t InterruptPending = false;

int			setting_compression_level = 6;
int			setting_max_inflated_size = 0;

void
finding(const char *format,...)
{
	va_list		args;

	va_start(args, format);
	fprintf(stderr, "FINDING: ");
	vfprintf(stderr, format, args);
	fprintf(stderr, "\n");
	va_end(args);
	abort();
}

/* ---- memory ---- */

/*
 * Behind each chunk lies a guard.  ASan sees what our code does to it; zlib is
 * not instrumented, so its bytes are looked at too.
 */
#define GUARD_SIZE	64
#define GUARD_BYTE	0x5A

typedef struct Chunk
{
	dlist_node	node;
	Size		size;
	char		data[FLEXIBLE_ARRAY_MEMBER];
} Chunk;

static dlist_head chunks = DLIST_STATIC_INIT(chunks);
static Size memory_used = 0;
static Size memory_limit = SIZE_MAX;

static Chunk *
chunk_of(void *pointer)
{
	return (Chunk *) ((char *) pointer - offsetof(Chunk, data));
}

static void
free_chunk(Chunk *chunk)
{
	unsigned char *guard = (unsigned char *) chunk->data + chunk->size;

	ASAN_UNPOISON_MEMORY_REGION(guard, GUARD_SIZE);
	for (int i = 0; i < GUARD_SIZE; i++)
	{
		if (guard[i] != GUARD_BYTE)
			finding("byte %d after the end of a chunk of %zu was written", i, chunk->size);
	}
	memory_used -= chunk->size;
	dlist_delete(&chunk->node);
	free(chunk);
}

void *
palloc(Size size)
{
	Chunk	   *chunk;

	memory_used += size;
	if (memory_used > memory_limit)
		finding("%zu bytes of memory, %zu of them at once: the bound is %zu",
				memory_used, size, memory_limit);

	chunk = malloc(offsetof(Chunk, data) + size + GUARD_SIZE);
	if (chunk == NULL)
		finding("malloc(%zu) failed", size);
	chunk->size = size;
	memset(chunk->data + size, GUARD_BYTE, GUARD_SIZE);
	ASAN_POISON_MEMORY_REGION(chunk->data + size, GUARD_SIZE);
	dlist_push_head(&chunks, &chunk->node);
	return chunk->data;
}

void *
palloc_extended(Size size, int flags)
{
	return palloc(size);
}

void
pfree(void *pointer)
{
	free_chunk(chunk_of(pointer));
}

/* Always moves, as the worst case does. */
void *
repalloc(void *pointer, Size size)
{
	void	   *moved = palloc(size);

	memcpy(moved, pointer, Min(size, chunk_of(pointer)->size));
	pfree(pointer);
	return moved;
}

/* ---- errors ---- */

static jmp_buf statement_end;
static int	error_level;
static int	error_code;

bool
errstart(int elevel, const char *domain)
{
	error_level = elevel;
	error_code = ERRCODE_INTERNAL_ERROR;
	return true;
}

bool
errstart_cold(int elevel, const char *domain)
{
	return errstart(elevel, domain);
}

void
errfinish(const char *filename, int lineno, const char *funcname)
{
	if (error_level >= ERROR)
		longjmp(statement_end, 1);
}

int
errcode(int sqlerrcode)
{
	error_code = sqlerrcode;
	return 0;
}

int
errmsg(const char *fmt,...)
{
	return 0;
}

int
errmsg_internal(const char *fmt,...)
{
	return 0;
}

int
errdetail(const char *fmt,...)
{
	return 0;
}

int
errhint(const char *fmt,...)
{
	return 0;
}

char *
unpack_sql_state(int sql_state)
{
	static char letters[6];

	for (int i = 0; i < 5; i++)
		letters[i] = PGUNSIXBIT(sql_state >> (6 * i));
	return letters;
}

int
backend_run(void (*body) (void *), void *arg, Size most_memory)
{
	memory_limit = most_memory;
	error_code = 0;
	if (setjmp(statement_end) == 0)
		body(arg);
	while (!dlist_is_empty(&chunks))
		free_chunk(dlist_head_element(Chunk, node, &chunks));
	return error_code;
}
