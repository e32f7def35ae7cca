/*-------------------------------------------------------------------------
 *
 * version.h
 *		The version store: the whole documents that stubs stand for.
 *
 * Its tables are read and written here past all privileges: who has a stub
 * may read what it stands for.  Versions are numbered as they come, so a
 * version's base has a smaller number.  What a number stands for never
 * changes; how it is stored can.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVWIZ_VERSION_H
#define CVWIZ_VERSION_H

#include "postgres.h"

#include "access/attnum.h"
#include "access/genam.h"
#include "compat.h"
#include "nodes/pg_list.h"
#include "snapshot/delta.h"
#include "snapshot/version_stub.h"
#include "storage/itemptr.h"
#include "utils/relcache.h"
#include "utils/snapshot.h"
#include "utils/typcache.h"

/* Every so many versions at least, one is stored whole. */
#define KEYFRAME_INTERVAL 16
#define MAX_DEPTH (KEYFRAME_INTERVAL - 1)

typedef enum VersionCodec
{
	VERSION_PLAIN,				/* the text */
	VERSION_ZSTD,				/* a delta, from the base where there is one */
	VERSION_STUB				/* the text, a stub that stood for nothing then */
} VersionCodec;

#define NO_VERSION INT64CONST(0)
#define NO_SOURCE 0

/* A row of cvwiz.snapshot_version */
typedef struct StoredVersion
{
	int64		id;
	int64		base_id;		/* NO_VERSION: a keyframe */
	int64		chain_key;
	pg_uuid_t	key;
	int32		source_id;
	int32		raw_length;
	uint32		checksum;
	uint32		stub_checksum;
	int			depth;
	VersionCodec codec;
	bytea	   *content;		/* NULL: not fetched */
	ItemPointerData tid;
} StoredVersion;

typedef enum VersionStatus
{
	VERSION_OK,
	VERSION_MISSING,			/* no such version */
	VERSION_FORBIDDEN,			/* the key is another one */
	VERSION_BASE_MISSING,
	VERSION_CORRUPTED
} VersionStatus;

/* ---- version_table.c: rows ---- */

/*
 * To look one version up after the other, with the table open in between.
 * Begins as {.snapshot = …}.
 */
typedef struct VersionScan
{
	Snapshot	snapshot;
	Relation	rel;			/* NULL: not open */
	SysScanDesc scan;
} VersionScan;

extern bool version_scan_fetch(VersionScan *scan, int64 id, bool with_content,
							   StoredVersion *version);
extern void version_scan_end(VersionScan *scan);

extern bool version_fetch(int64 id, Snapshot snapshot, bool with_content, StoredVersion *version);

/*
 * The row of a stub's version, its content aside, as it is now or as the
 * current statement sees it: VERSION_OK, _MISSING or _FORBIDDEN.
 */
extern VersionStatus version_look(const StubId *id, StoredVersion *version);

/*
 * The newest of a chain that can be locked FOR KEY SHARE without waiting, so
 * that it stays until our transaction ends.
 */
extern bool version_fetch_base(int64 chain_key, StoredVersion *version);

/* A number that no version has, greater than the given one. */
extern int64 version_next_id(int64 after);
extern void version_insert(const StoredVersion *version);
extern void version_insert_dead(int64 id);
extern bool version_is_dead(int64 id);

/*
 * The number of a table and its column; a new one where it has none.  What it
 * was the last time, or NO_SOURCE, is looked at first.
 */
extern void version_source(Oid relid, const char *column, int32 *source_id);
extern bool version_source_is(int32 source_id, Oid relid);

/* ---- version_read.c: documents ---- */

/*
 * The text of a version, ended by a zero byte, behind room for a varlena's
 * header, in the current context.  The row of the version is given back where
 * wanted, its content aside.
 */
extern VersionStatus version_read(const StubId *id, Snapshot snapshot, Text *text,
								  StoredVersion *version);

/* For a version that is known to be there: its key is not asked for. */
extern VersionStatus version_read_row(const StoredVersion *version, Snapshot snapshot, Text *text);

/* The same as the current statement sees it, or else as things are now. */
extern VersionStatus version_read_now(const StubId *id, Text *text, StoredVersion *version);

/*
 * The store's texts are UTF-8 whatever the server's encoding is, or else a dump
 * could not be restored into another one; but for SQL_ASCII, of which nobody
 * knows what it is.  ERROR 22P05 for what one of the two does not have, or has twice.
 * Ended by a zero byte.
 */
extern Text version_text_of(Jsonb *document);
extern Text version_text_from_store(const Text *text);
extern Jsonb *version_jsonb_from_store(const Text *text);

/*
 * The text that a stub stands for; false where the document is no stub.  A
 * version that is a stub itself stands for that one's document, if there is
 * one by now.  ERROR for a stub that cannot be read.
 */
extern bool version_text_behind(Jsonb *document, Text *text);

/* Whether it is a stub whose version is there, and has its key. */
extern bool version_can_be_read(Jsonb *document);

/* The next version of the chain is likely to be a difference from this one. */
extern void version_keep_text(int64 id, const pg_uuid_t *key, const Text *text);

/* What is read from now on comes from the store. */
extern void version_forget_text(void);

/* The error for what is not VERSION_OK. */
COMPAT_NORETURN extern void version_error(VersionStatus status, int64 id);

/* What a status means, as a sentence. */
extern const char *version_problem(VersionStatus status);

extern uint32 version_checksum(const Text *text);

/* ---- version_write.c: storing documents ---- */

/* What the rows of a column have in common. */
typedef struct VersionTarget
{
	Oid			relid;
	const char *column;
	int32	   *source_id;		/* what version_source() gave the last time */
	int64		chain_key;
	bool		with_metadata;
	const SnapshotLimits *limits;	/* of the stub */
	const ReduceOptions *options;
} VersionTarget;

/* Stores it, and returns the stub. */
extern Jsonb *version_store(const VersionTarget *target, Jsonb *document, const Text *text,
							VersionCodec codec, StubId *id);

/* Whether a number that no version has is that of one that was here; takes a number. */
extern bool version_was_given_out(int64 id);

/* Fills in base_id, depth, codec and content; base NULL: a keyframe. */
extern void version_encode(StoredVersion *version, const Text *text,
						   const StoredVersion *base, const Text *base_text);

/* ---- version_free.c: what is dead ---- */

/* SQL: whether a row of cvwiz.snapshot_version is. */
#define VERSION_IS_DEAD(v) \
	"(EXISTS (SELECT FROM cvwiz.dead_version dead WHERE dead.version_id = " v ".version_id)" \
	" OR EXISTS (SELECT FROM cvwiz.version_source gone WHERE gone.source_id = " v ".source_id AND gone.relation IS NULL))"

typedef struct FreedVersions
{
	int64		versions;
	int64		bytes;			/* of content */
} FreedVersions;

/*
 * Frees what is dead in a chain and no other version needs, without waiting
 * for anybody.  The caller is connected to SPI, in READ COMMITTED, with the
 * extension owner's rights.
 */
extern FreedVersions version_free_chain(int64 chain_key);

/* The same at the end of any transaction, where it can be done. */
extern void version_free_chain_at_end(int64 chain_key);

/* ---- version_arguments.c ---- */

/* After the table's other BEFORE triggers, the limits' too, by its name's bytes. */
#define STORE_NAME_PREFIX "~cvwiz_versions_"

typedef struct StoreArguments
{
	char	   *column;
	List	   *chain_columns;	/* char * */
	bool		with_metadata;
} StoreArguments;

/* Reads 'column', 'chain={...}', 'keep=...' into the current memory context.  ERROR 22023 */
extern void version_parse_arguments(int nargs, char **args, StoreArguments *parsed);

/* ERROR 42883 for a type that cannot be hashed, and so makes no chains. */
extern TypeCacheEntry *version_chain_type(Oid relid, AttrNumber attnum);

/* ERROR 42703, 42804 or 0A000 for a column that cannot have a store. */
extern void version_check_column(Oid relid, const char *column, AttrNumber *attnum, Oid *type);

/* ---- version_restore.c ---- */

/*
 * Puts each document of a table and its partitions back into its row, as the
 * owner.  The caller is connected to SPI.  ERROR where one cannot be read
 */
extern void version_restore_documents(Oid relid, const char *column);

#endif							/* CVWIZ_VERSION_H */
