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

/*
 * Two who take samples at the same time would take each twice.  False: somebody
 * else is at it.  Until the end of the transaction.
 */
extern bool size_sample_lock(void);

/*
 * In one of the tables: of relations that are gone, all samples; of others,
 * those older than 400 days.  Needs SPI.
 */
extern void size_sample_prune(const char *table, TimestampTz now);

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
