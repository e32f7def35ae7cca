/*-------------------------------------------------------------------------
 *
 * settings.h
 *		The settings cvwiz.*, as settings.c defines them.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVWIZ_SETTINGS_H
#define CVWIZ_SETTINGS_H

#include "postgres.h"

#define MAX_ORIGINAL_SIZE (256 * 1024 * 1024)

extern int	setting_purge_batch_size;	/* rows */
extern int	setting_purge_pause;	/* milliseconds */
extern int	setting_lock_timeout;	/* milliseconds */
extern int	setting_step_timeout;	/* milliseconds; 0: none */
extern bool setting_worker;
extern char *setting_databases; /* comma-separated; empty: all */
extern int	setting_naptime;	/* seconds */
extern int	setting_purge_time; /* seconds since midnight, UTC */
extern int	setting_alert_interval; /* seconds */
extern int	setting_max_snapshot_size;	/* bytes of text */
extern int	setting_warning_snapshot_size;	/* bytes of text */
extern int	setting_max_array_length;	/* items */
extern int	setting_snapshot_notice;	/* an elevel; 0: off */
extern int	setting_compression_level;	/* 1 to 9 */
extern int	setting_max_inflated_size;	/* bytes */
extern int	setting_max_original_size;	/* bytes of text, up to MAX_ORIGINAL_SIZE */
extern int	setting_version_compression_level;	/* 1 to 19; 0: by size */

extern void settings_define(void);

#endif							/* CVWIZ_SETTINGS_H */
