/*-------------------------------------------------------------------------
 *
 * corrupt.h
 *		What befalls stored bytes: flipped bits, lost ends, foreign bytes.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FUZZ_CORRUPT_H
#define FUZZ_CORRUPT_H

#include "postgres.h"

/* The corruptions of a value that one input is made to undergo. */
#define CORRUPTIONS 32

/* At most so many bytes more than before. */
#define CORRUPT_GROWTH 64

/* Where the random numbers of an input begin. */
extern uint64 random_seed(const void *data, Size size);

/*
 * Changes size bytes in place, in a way that the random numbers choose, and
 * returns how many they are now.  Now and then they are the same as before.
 */
extern Size corrupt(uint64 *random, char *bytes, Size size);

#endif							/* FUZZ_CORRUPT_H */
