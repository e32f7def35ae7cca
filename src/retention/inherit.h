/*-------------------------------------------------------------------------
 *
 * inherit.h
 *		What a new partition has from its parent, beyond CREATE TABLE (LIKE ...)
 *		and ATTACH.
 *
 * All need SPI, and run as the current user, who owns the parent.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVWIZ_INHERIT_H
#define CVWIZ_INHERIT_H

#include "postgres.h"

/*
 * The partition that has what a partitioned table itself cannot have (storage
 * parameters, a CLUSTER mark): the last one that is a table, InvalidOid where
 * there is none.
 */
extern Oid	inherit_model(Oid parent);

/* The end of CREATE TABLE: access method, storage parameters, tablespace. */
extern char *inherit_storage_clauses(Oid parent, Oid model);

/*
 * Everything that takes a statement of its own.  The child is attached, and
 * the only use of it so far.
 */
extern void inherit_properties(Oid parent, Oid child, Oid model);

#endif							/* CVWIZ_INHERIT_H */
