/* clock.c: the clock and the timers of the signalling thread.
 *
 * libre's timers follow the wall, a step of which would fire all at once or
 * stall them, and stand in a sorted list, which a new one has to walk.  libre
 * calls the functions here in place of its own (they are exported for that),
 * and so do we: they follow a clock that nobody sets and turn on a wheel. */
#include <limits.h>
#include <stddef.h>
#include <time.h>
#include "base/compat.h"
#include "base/wheel.h"

#define EXPORT __attribute__((visibility("default")))

/* A timer's place in libre's list is its place on the wheel. */
_Static_assert(offsetof(struct tmr, le) == 0 &&
		   sizeof(struct wheel_node) <= sizeof(struct le),
	       "no room in a timer");

struct list *tmrl_get(void); /* libre's, of this thread; in no header */

/* A thread has a list of its own or, where it never asked for one, libre's
 * first: each stands for a wheel. */
static struct wheel main_wheel;
static _Thread_local struct wheel thread_wheel;
static const struct list *main_list;

/* Before any thread can have asked for its own. */
__attribute__((constructor)) static void find_main_list(void)
{
	main_list = tmrl_get();
}

static struct wheel *wheel_of(const struct list *tmrl)
{
	return tmrl == main_list ? &main_wheel : &thread_wheel;
}

static struct wheel_node *node(struct tmr *tmr)
{
	return (struct wheel_node *)(void *)&tmr->le;
}

/* ms, of a clock that nobody sets */
EXPORT uint64_t tmr_jiffies(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);

	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* th NULL: only stops it.  With many timers this one has left the cache, and
 * reading the clock waits for all reads that began before it: so it comes
 * first, while the lines of the timer, two as a rule, are on their way. */
EXPORT void tmr_start(struct tmr *tmr, uint64_t delay, tmr_h *th, void *arg)
{
	uint64_t now;

	if (!tmr)
		return;
	__builtin_prefetch(tmr, 1);
	__builtin_prefetch((const char *)(tmr + 1) - 1, 1);
	now = th ? tmr_jiffies() : 0;
	if (tmr->th && !th)
		wheel_remove(node(tmr));
	else if (!tmr->th && th)
		*node(tmr) = (struct wheel_node){.due = 0};
	tmr->th = th;
	tmr->arg = arg;
	if (!th)
		return;
	tmr->jfs = now + delay;
	(void)wheel_move(wheel_of(tmrl_get()), node(tmr), tmr->jfs);
}

EXPORT void tmr_cancel(struct tmr *tmr)
{
	tmr_start(tmr, 0, NULL, NULL);
}

/* ms; 0 when it is not running */
EXPORT uint64_t tmr_get_expire(const struct tmr *tmr)
{
	uint64_t now;

	if (!tmr || !tmr->th)
		return 0;
	now = tmr_jiffies();

	return tmr->jfs > now ? tmr->jfs - now : 0;
}

static void fire(struct wheel *w, uint64_t now)
{
	struct wheel_node *n;
	struct tmr *tmr;
	tmr_h *th;

	while ((n = wheel_take(w, now)) != NULL) {
		tmr = (struct tmr *)(void *)n;
		th = tmr->th;
		tmr->th = NULL;
		th(tmr->arg);
	}
}

/* A handler may start, stop and free any timer, its own too: none is held
 * on to while one runs.  What it starts without a delay is due in the next
 * millisecond when this one has ended meanwhile: a second look spares it a
 * turn of the loop, which sleeps a whole one. */
EXPORT void tmr_poll(struct list *tmrl)
{
	struct wheel *w = wheel_of(tmrl);
	const uint64_t now = tmr_jiffies();

	fire(w, now);
	if (tmr_jiffies() != now)
		fire(w, tmr_jiffies());
}

/* ms for the loop to sleep; 0: there is no timer */
EXPORT uint64_t tmr_next_timeout(struct list *tmrl)
{
	uint64_t due = wheel_next(wheel_of(tmrl)), now;

	if (due == UINT64_MAX)
		return 0;
	now = tmr_jiffies();
	if (due <= now)
		return 1;

	return due - now < INT_MAX ? due - now : INT_MAX;
}
