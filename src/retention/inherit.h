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

/*
 * A query for statements: the table named $2 has its columns looked at by
 * ANALYZE as table $1 has, which LIKE leaves out.
 */
#define INHERIT_COLUMN_STATISTICS \
	"SELECT pg_catalog.format('ALTER TABLE %s ALTER COLUMN %I SET STATISTICS %s', $2, attname, attstattarget)" \
	" FROM pg_catalog.pg_attribute" \
	" WHERE attrelid = $1 AND attnum > 0 AND NOT attisdropped AND attstattarget >= 0" \
	" UNION ALL" \
	" SELECT pg_catalog.format('ALTER TABLE %s ALTER COLUMN %I SET (%I = %L)', $2, a.attname, o.option_name, o.option_value)" \
	" FROM pg_catalog.pg_attribute a, pg_catalog.pg_options_to_table(a.attoptions) o" \
	" WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped" \
	" AND o.option_name IN ('n_distinct', 'n_distinct_inherited')"

#endif							/* CVWIZ_INHERIT_H */
