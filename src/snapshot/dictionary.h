/*-------------------------------------------------------------------------
 *
 * dictionary.h
 *		The preset dictionaries of the codec.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVWIZ_DICTIONARY_H
#define CVWIZ_DICTIONARY_H

#include "postgres.h"

/* NULL for a number that there is no dictionary of. */
extern const char *dictionary_text(int number, uint32 *length);

#endif							/* CVWIZ_DICTIONARY_H */
