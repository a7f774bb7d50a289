/* clock.c: the clock of all timers of the signalling thread.
 *
 * libre's follows the wall: a step of it would fire all timers at once or
 * stall them.  libre calls this one in place of its own (it is exported for
 * that), and so do we. */
#include <time.h>
#include "base/compat.h"

/* ms, of a clock that nobody sets */
__attribute__((visibility("default"))) uint64_t tmr_jiffies(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);

	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}
