/*-------------------------------------------------------------------------
 *
 * convert_step.h
 *		Doing one step of a conversion or of its undo.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVWIZ_CONVERT_STEP_H
#define CVWIZ_CONVERT_STEP_H

#include "postgres.h"

#include "portability/instr_time.h"
#include "retention/convert.h"

typedef struct Converter
{
	Conversion	conversion;
	const char *time_column;	/* NULL for an undo */
	int			steps;			/* done */

	/* of the step at work */
	ConvertStep *step;
	int			attempts;
	Oid			converted;		/* the table's new OID, once that is committed */
	instr_time	locked_at;
	instr_time	done_at;		/* but for the commit */
	bool		is_locked;
} Converter;

/*
 * Does the step in a transaction of its own, or in another process, and
 * commits; the table's OID may be another afterwards.  An error says in which
 * step it was, and how one goes on.  Needs SPI without atomicity.
 */
extern void convert_do_step(Converter *converter, ConvertStep *step);

#endif							/* CVWIZ_CONVERT_STEP_H */
