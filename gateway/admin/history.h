/* history.h: the last hour: what became of calls in each minute, and the calls
 * that failed, grouped by reason.  Fixed memory. */
#ifndef ADMIN_HISTORY_H
#define ADMIN_HISTORY_H

#include <jansson.h>
#include "bridge/call.h"

enum {
	HISTORY_MINUTES = 60,
	HISTORY_FAILURES = 256, /* remembered; older ones are only counted */
	HISTORY_GROUPS = 24,	/* shown, the most frequent first */
};

struct history; /* mem_ref object */

int history_alloc(struct history **hp);
/* Once a second or so: now: ms of CLOCK_REALTIME; counts, calls: of now;
 * messages: both ways, of all time. */
void history_sample(struct history *h, uint64_t now,
		    const struct call_counts *counts, unsigned calls,
		    uint64_t messages);
void history_call_ended(struct history *h, uint64_t now,
			const struct call_end *end);
/* {"minutes": [[at, answered, missed, failed, peak, messages], ..],
 *  "failures": [{..}], "failures_more": n}; at: s of CLOCK_REALTIME */
json_t *history_json(const struct history *h, uint64_t now);

#endif
