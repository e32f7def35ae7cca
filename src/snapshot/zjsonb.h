/*-------------------------------------------------------------------------
 *
 * zjsonb.h
 *		cvwiz.zjsonb: the text of a jsonb, deflated.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVWIZ_ZJSONB_H
#define CVWIZ_ZJSONB_H

#include "postgres.h"

#include "utils/jsonb.h"

/*
 * What is stored, after the varlena header; doc/snapshots.md tells of it.
 * Integers are in the byte order of the machine, as in every other type.
 */
typedef struct ZJsonbHeader
{
	uint8		version;		/* ZJSONB_VERSION */
	uint8		codec;			/* ZJSONB_PLAIN, ZJSONB_DEFLATED */
	uint8		dictionary;		/* of the codec; 0 when plain */
	uint8		reserved;		/* 0 */
	uint32		raw_length;		/* bytes of text */
	uint32		checksum;		/* crc32c; of what, see checksum() */
} ZJsonbHeader;

#define ZJSONB_VERSION	1
#define ZJSONB_PLAIN	0
#define ZJSONB_DEFLATED	1

#define ZJSONB_HEADER_SIZE (VARHDRSZ + sizeof(ZJsonbHeader))

typedef struct varlena ZJsonb;

extern ZJsonb *zjsonb_from_jsonb(Jsonb *jsonb);

/* ERROR XX001 for a value that is not as it was written. */
extern Jsonb *zjsonb_to_jsonb(ZJsonb *value);

/* Bytes of its text, from a possibly toasted datum, by its header alone. */
extern uint32 zjsonb_raw_length(Datum value);

#endif							/* CVWIZ_ZJSONB_H */
