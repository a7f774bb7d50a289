/* now.h: what time it is, by a clock of the kernel. */
#ifndef BASE_NOW_H
#define BASE_NOW_H

#include <stdint.h>
#include <time.h>

/* us since that clock began: CLOCK_MONOTONIC, which nobody sets, or
 * CLOCK_REALTIME. */
static inline uint64_t now_us(clockid_t clock)
{
	struct timespec ts;

	(void)clock_gettime(clock, &ts);

	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static inline uint64_t now_wall_ms(void)
{
	return now_us(CLOCK_REALTIME) / 1000;
}

/* In ms, by CLOCK_MONOTONIC: until when to wait. */
static inline struct timespec now_after(unsigned ms)
{
	const uint64_t until = now_us(CLOCK_MONOTONIC) + ms * 1000ull;

	return (struct timespec){.tv_sec = (time_t)(until / 1000000),
				 .tv_nsec = (long)(until % 1000000) * 1000};
}

#endif
