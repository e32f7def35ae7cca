/*-------------------------------------------------------------------------
 *
 * size_sample.h
 *		The tables cvwiz.size_sample and cvwiz.version_sample: what their
 *		writers share.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVWIZ_SIZE_SAMPLE_H
#define CVWIZ_SIZE_SAMPLE_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "portability/instr_time.h"

#include "guard.h"

/* SQL: whether sample s makes another one not due yet at $1. */
#define SIZE_SAMPLE_IS_FRESH \
	"s.sampled_at > $1 - interval '1 hour' AND s.sampled_at <= $1"

/* Connected to SPI; how many were taken. */
typedef int (*SampleTaker) (TimestampTz now);

/*
 * The body of a SQL function that takes the samples of one of the tables:
 * nothing where somebody else is at it, who would take each twice.  With the
 * first one the table is pruned: of relations that are gone, all samples go,
 * of others those older than 400 days.  ERROR 25006 on a standby.
 */
extern int	size_sample_take(SampleTaker take, const char *table);

/*
 * guard_and_undo() for ten seconds at most, or cvwiz.step_timeout, with the error
 * as a WARNING that begins with the given words, or, for NULL, in silence.
 * Whether it went well.
 */
extern bool size_sample_measure(GuardedAction action, void *arg, Oid relid,
								const char *warning);

/*
 * Whether who began then has taken so long, a minute, that the rest is left
 * for the next time.
 */
extern bool size_sample_is_late(instr_time started);

#endif							/* CVWIZ_SIZE_SAMPLE_H */
