/* quota.c: how much was called within an hour and a day. */
#include <string.h>
#include "bridge/quota.h"

enum {
	MINUTE = 60 * 1000, /* ms */
	HOUR_SLOT = 5 * MINUTE,
	DAY_SLOT = 60 * MINUTE,
};

struct sum {
	uint64_t ms, calls;
};

bool quota_limits(const struct config_quota *l)
{
	return l->calls_per_hour || l->calls_per_day || l->minutes_per_hour ||
	       l->minutes_per_day;
}

static struct quota_slot *slot_at(struct quota_slot *v, unsigned n,
				  uint64_t width, uint64_t now)
{
	const uint32_t at = (uint32_t)(now / width);
	struct quota_slot *s = &v[at % n];

	if (s->at != at) {
		memset(s, 0, sizeof(*s));
		s->at = at;
	}

	return s;
}

static struct sum sum_of(const struct quota_slot *v, unsigned n,
			 uint64_t width, uint64_t now)
{
	const uint32_t at = (uint32_t)(now / width);
	struct sum sum = {0, 0};

	for (unsigned i = 0; i < n; i++) {
		if (at - v[i].at >= n)
			continue;
		sum.ms += v[i].ms;
		sum.calls += v[i].calls;
	}

	return sum;
}

static struct sum hour_of(const struct quota *q, uint64_t now)
{
	return sum_of(q->hour, QUOTA_HOUR_SLOTS, HOUR_SLOT, now);
}

static struct sum day_of(const struct quota *q, uint64_t now)
{
	return sum_of(q->day, QUOTA_DAY_SLOTS, DAY_SLOT, now);
}

void quota_used(const struct quota *q, uint64_t now, struct quota_used *used)
{
	const struct sum hour = hour_of(q, now), day = day_of(q, now);

	used->calls_hour = (unsigned)hour.calls;
	used->calls_day = (unsigned)day.calls;
	used->ms_hour = hour.ms;
	used->ms_day = day.ms;
}

void quota_call(struct quota *q, uint64_t now)
{
	++slot_at(q->hour, QUOTA_HOUR_SLOTS, HOUR_SLOT, now)->calls;
	++slot_at(q->day, QUOTA_DAY_SLOTS, DAY_SLOT, now)->calls;
}

static void spread(struct quota_slot *v, unsigned n, uint64_t width,
		   uint64_t from, uint64_t now, unsigned calls)
{
	if (now - from > n * width) /* what is older has left the window */
		from = now - n * width;

	while (from < now) {
		const uint64_t next = (from / width + 1) * width;
		const uint64_t to = next < now ? next : now;

		slot_at(v, n, width, from)->ms += (to - from) * calls;
		from = to;
	}
}

void quota_talk(struct quota *q, uint64_t from, uint64_t now, unsigned calls)
{
	if (!calls || now <= from)
		return;

	spread(q->hour, QUOTA_HOUR_SLOTS, HOUR_SLOT, from, now, calls);
	spread(q->day, QUOTA_DAY_SLOTS, DAY_SLOT, from, now, calls);
}

static uint64_t left_of(unsigned minutes, uint64_t used)
{
	const uint64_t all = (uint64_t)minutes * MINUTE;

	if (!minutes)
		return UINT64_MAX;

	return all > used ? all - used : 0;
}

uint64_t quota_left(const struct quota *q, const struct config_quota *l,
		    uint64_t now)
{
	const uint64_t hour = left_of(l->minutes_per_hour, hour_of(q, now).ms);
	const uint64_t day = left_of(l->minutes_per_day, day_of(q, now).ms);

	return hour < day ? hour : day;
}

const char *quota_judge(const struct quota *q, const struct config_quota *l,
			uint64_t now)
{
	const struct sum hour = hour_of(q, now), day = day_of(q, now);

	if (l->calls_per_day && day.calls >= l->calls_per_day)
		return "as many calls in a day as one user may make";
	if (l->calls_per_hour && hour.calls >= l->calls_per_hour)
		return "as many calls in an hour as one user may make";
	if (!left_of(l->minutes_per_day, day.ms))
		return "your minutes of the day are used up";
	if (!left_of(l->minutes_per_hour, hour.ms))
		return "your minutes of the hour are used up";

	return NULL;
}

uint32_t quota_part(uint64_t now)
{
	return (uint32_t)(now / HOUR_SLOT);
}

void quota_part_get(const struct quota *q, uint32_t part, uint32_t *calls,
		    uint64_t *ms)
{
	const struct quota_slot *s = &q->hour[part % QUOTA_HOUR_SLOTS];
	const bool is = s->at == part;

	*calls = is ? s->calls : 0;
	*ms = is ? s->ms : 0;
}

static void slot_add(struct quota_slot *s, uint32_t calls, uint64_t ms)
{
	s->calls += calls;
	s->ms += ms;
}

void quota_part_add(struct quota *q, uint64_t now, uint32_t part,
		    uint32_t calls, uint64_t ms)
{
	const uint32_t last = quota_part(now);
	const uint64_t at = (uint64_t)part * HOUR_SLOT;

	if (part > last) { /* the clock was wrong then, or is now */
		quota_part_add(q, now, last, calls, ms);
		return;
	}
	if (last - part < QUOTA_HOUR_SLOTS)
		slot_add(slot_at(q->hour, QUOTA_HOUR_SLOTS, HOUR_SLOT, at),
			 calls, ms);
	if (now / DAY_SLOT - at / DAY_SLOT < QUOTA_DAY_SLOTS)
		slot_add(slot_at(q->day, QUOTA_DAY_SLOTS, DAY_SLOT, at), calls,
			 ms);
}

bool quota_is_empty(const struct quota *q, uint64_t now)
{
	const struct sum day = day_of(q, now);

	return !day.ms && !day.calls;
}
