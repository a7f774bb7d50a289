/* log_int.h: what the files of the log share among themselves. */
#ifndef BASE_LOG_INT_H
#define BASE_LOG_INT_H

#include <stdint.h>
#include "base/compat.h"
#include "base/log.h"

struct log_line {
	enum log_level level;
	const char *file; /* "gateway/sip/wire.c"; NULL: not known */
	struct pl text;	  /* without the line end */
};

/* What comes before the colon of a line: its area, and the call that it is of.
 * Empty where there is none. */
void log_line_parts(const struct pl *text, struct pl *area, struct pl *call);

/* log_rules.c: is the line wanted?  Every thread. */
bool log_rules_want(const struct log_line *line);

/* log_repeat.c: may it be printed once more?  *more: how often it was not, and
 * of which line, when that is to be said now.  Every thread. */
struct log_repeats {
	unsigned n;
	char text[160];
};
bool log_repeat_may(const struct pl *text, struct log_repeats *more);

uint64_t log_seconds(void); /* of a clock that nobody sets */

#endif
