/* quota.h: calls and time of the last hour and the last day, as values: times
 * are given in ms of any clock that never goes back. */
#ifndef BRIDGE_QUOTA_H
#define BRIDGE_QUOTA_H

#include "base/config.h"

enum {
	/* one more than the window holds, so that no hour and no day, begin
	 * where it may, sees more than the limit */
	QUOTA_HOUR_SLOTS = 13, /* of 5 minutes */
	QUOTA_DAY_SLOTS = 25,  /* of an hour */
};

struct quota_slot {
	uint64_t ms;
	uint32_t at; /* which slot of all time */
	uint32_t calls;
};

struct quota {
	struct quota_slot hour[QUOTA_HOUR_SLOTS], day[QUOTA_DAY_SLOTS];
};

bool quota_limits(const struct config_quota *l); /* is there any? */

/* A call begins. */
void quota_call(struct quota *q, uint64_t now);
/* So many calls talked from then to now. */
void quota_talk(struct quota *q, uint64_t from, uint64_t now, unsigned calls);

/* May one more begin?  NULL, or why not, in words. */
const char *quota_judge(const struct quota *q, const struct config_quota *l,
			uint64_t now);
/* ms of talk that are left; UINT64_MAX: no limit. */
uint64_t quota_left(const struct quota *q, const struct config_quota *l,
		    uint64_t now);
/* What is kept over a restart: calls and time by parts of 5 minutes, numbered
 * through all time.  A part that is older than an hour has none. */
uint32_t quota_part(uint64_t now);
void quota_part_get(const struct quota *q, uint32_t part, uint32_t *calls,
		    uint64_t *ms);
/* One of the last day comes back; another's time is that of now. */
void quota_part_add(struct quota *q, uint64_t now, uint32_t part,
		    uint32_t calls, uint64_t ms);

struct quota_used {
	unsigned calls_hour, calls_day;
	uint64_t ms_hour, ms_day;
};
void quota_used(const struct quota *q, uint64_t now, struct quota_used *used);

/* Nothing of the last day is left in it. */
bool quota_is_empty(const struct quota *q, uint64_t now);

#endif
