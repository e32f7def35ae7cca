/*-------------------------------------------------------------------------
 *
 * trigger.h
 *		The trigger's arguments: the only place where a table's limits are kept.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVWIZ_TRIGGER_H
#define CVWIZ_TRIGGER_H

#include "postgres.h"

#include "snapshot/limits.h"
#include "snapshot/reduce.h"

typedef enum OversizeAction
{
	OVERSIZE_REDUCE,			/* truncate, then metadata only */
	OVERSIZE_TRUNCATE,			/* never metadata only */
	OVERSIZE_REJECT				/* change nothing */
} OversizeAction;

typedef struct TriggerArguments
{
	char	   *column;
	OversizeAction on_oversize;
	GivenLimits given;
	ReduceOptions options;
} TriggerArguments;

/*
 * Reads 'column', 'max_size=512000', ... into the current memory context.
 * ERROR 22023 that names the argument that is unknown, malformed or there
 * twice.
 */
extern void trigger_parse_arguments(int nargs, char **args, TriggerArguments *parsed);

#endif							/* CVWIZ_TRIGGER_H */
