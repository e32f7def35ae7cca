/*-------------------------------------------------------------------------
 *
 * backend.h
 *		The little of PostgreSQL's backend that the decoder needs: memory,
 *		errors, settings.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FUZZ_BACKEND_H
#define FUZZ_BACKEND_H

#include "postgres.h"

/*
 * Runs body(arg) as the backend runs a statement: an ERROR ends it, and what
 * was palloc'd is freed.  Returns the SQLSTATE, or 0.  It is a finding when the
 * memory in use passes most_memory bytes, or something was written beyond its
 * end.
 */
extern int	backend_run(void (*body) (void *), void *arg, Size most_memory);

/* Ends the process, so that libFuzzer keeps the input. */
extern void finding(const char *format,...) __attribute__((noreturn, format(printf, 1, 2)));

/* The memory of zlib's states, more or less: a window of 32 kB and tables. */
#define INFLATE_MEMORY	(64 * 1024)
#define DEFLATE_MEMORY	(512 * 1024)

#endif							/* FUZZ_BACKEND_H */
