/*-------------------------------------------------------------------------
 *
 * published.h
 *		Files that stay only if the transaction commits that has made them.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVWIZ_PUBLISHED_H
#define CVWIZ_PUBLISHED_H

#include "postgres.h"

/*
 * The file is removed if this (sub)transaction, or one around it, is rolled
 * back.  A killed process leaves it, as does ROLLBACK PREPARED.
 */
extern void published_file(const char *path);

#endif							/* CVWIZ_PUBLISHED_H */
