/* wtimer.h: timers of one worker: an intrusive pairing heap.
 *
 * Nothing here allocates or fails, so that the packet path may arm a timer.
 * Times are microseconds of CLOCK_MONOTONIC. */
#ifndef MEDIA_WTIMER_H
#define MEDIA_WTIMER_H

#include <stdbool.h>
#include <stdint.h>

typedef void(wtimer_h)(void *arg);

struct wtimer { /* zeroed: not running */
	uint64_t due;
	wtimer_h *h;
	void *arg;
	struct wtimer *child, *next, *prev; /* prev: parent of a first child */
	bool running;
};

struct wtimers {
	struct wtimer *root;
};

uint64_t wtimer_now(void);
/* Starts or moves t. */
void wtimer_start(struct wtimers *ts, struct wtimer *t, uint64_t due,
		  wtimer_h *h, void *arg);
void wtimer_cancel(struct wtimers *ts, struct wtimer *t);
/* Runs what is due; returns when to call again, UINT64_MAX: never. */
uint64_t wtimer_run(struct wtimers *ts, uint64_t now);

#endif
