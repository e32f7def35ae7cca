/*-------------------------------------------------------------------------
 *
 * subject.h
 *		What is fuzzed: the values of cvwiz.zjsonb, which are static functions
 *		of zjsonb.c. (What is fuzzed of gzip is in snapshot/codec.h.)
 *
 *-------------------------------------------------------------------------
 */
#ifndef FUZZ_SUBJECT_H
#define FUZZ_SUBJECT_H

#include "postgres.h"

#include "snapshot/zjsonb.h"

extern ZJsonb *subject_value_from_text(const char *text, uint32 length);
extern char *subject_text_from_value(ZJsonb *value, uint32 *length);

/* CRC-32C, to be continued: begins and ends with 0. */
extern uint32 crc32c(uint32 crc, const void *data, Size length);

/* As doc/snapshots.md has it. */
extern uint32 value_checksum(const ZJsonbHeader *header, const char *text,
							 const char *payload, Size payload_length);

#endif							/* FUZZ_SUBJECT_H */
