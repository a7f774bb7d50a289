/* slack.c: memory that calls leave behind goes back to the system.
 *
 * What they free stays with malloc, for the next ones.  After a busy hour that
 * is much, and whoever looks at the process sees it grow with its busiest hour
 * and never shrink. */
#include "base/slack.h"

#include <malloc.h>
#include <stdbool.h>
#include "base/compat.h"
#include "base/log.h"

enum {
	LEAST = 16, /* calls fewer than there were, and at most half */
};

/* ms: when their media are closed, and when the last transactions are over
 * (RFC 3261 17.1.2.2: timer F, 32 s). */
static const unsigned waits[] = {5000, 35000};

static struct {
	unsigned calls, most; /* since it was looked at */
	unsigned step;	      /* of waits; all: none is due */
	unsigned count;
	struct tmr tmr;
} slack = {.step = ARRAY_SIZE(waits)};

static void give_back(void *arg)
{
	uint64_t began = tmr_jiffies();
	(void)arg;

	(void)malloc_trim(0);
	slack.count++;
	slack.most = slack.calls;
	log_debug("memory: freed memory given back in %llu ms, %u calls\n",
		  (unsigned long long)(tmr_jiffies() - began), slack.calls);

	if (++slack.step < ARRAY_SIZE(waits))
		tmr_start(&slack.tmr, waits[slack.step] - waits[0], give_back,
			  NULL);
}

void slack_add(void)
{
	if (++slack.calls > slack.most)
		slack.most = slack.calls;
}

static bool is_due(void)
{
	return slack.calls <= slack.most / 2 &&
	       slack.most - slack.calls >= LEAST;
}

void slack_drop(void)
{
	if (slack.calls)
		slack.calls--;
	if (!is_due() || (slack.step == 0 && tmr_isrunning(&slack.tmr)))
		return;
	slack.step = 0;
	tmr_start(&slack.tmr, waits[0], give_back, NULL);
}

unsigned slack_count(void)
{
	return slack.count;
}

void slack_close(void)
{
	tmr_cancel(&slack.tmr);
	slack.calls = slack.most = slack.count = 0;
	slack.step = ARRAY_SIZE(waits);
}
