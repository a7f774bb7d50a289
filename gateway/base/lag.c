/* lag.c: how far a thread is behind with its work. */
#include "base/lag.h"

#include <stddef.h>
#include "base/now.h"

enum { SHARE = 4 }; /* of what is smoothed, one is the last tick's */

struct lag lag_signalling;

void lag_note(struct lag *l, uint64_t us)
{
	if (us > l->worst)
		l->worst = us;
}

uint64_t lag_tick(struct lag *l)
{
	l->smooth = (l->smooth * (SHARE - 1) + l->worst) / SHARE;
	l->worst = 0;

	return l->smooth;
}

bool lag_gate_tick(struct lag_gate *g, uint64_t lag)
{
	if (!g->limit)
		return false;
	if (lag >= g->limit) {
		g->shut = true;
		g->calm = 0;
	} else if (lag >= g->limit / 2) {
		g->calm = 0;
	} else if (g->shut && ++g->calm >= LAG_CALM) {
		g->shut = false;
	}

	return g->shut;
}

void lag_input(uint64_t *since, bool more)
{
	if (!more)
		*since = 0;
	else if (*since)
		lag_note(&lag_signalling, now_us(CLOCK_MONOTONIC) - *since);
	else
		*since = now_us(CLOCK_MONOTONIC);
}
