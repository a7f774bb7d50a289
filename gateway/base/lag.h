/* lag.h: how far a thread is behind with its work, and from when on that is
 * too much.  Values; times are us. */
#ifndef BASE_LAG_H
#define BASE_LAG_H

#include <stdbool.h>
#include <stdint.h>

struct lag {
	uint64_t worst;	 /* since the last tick */
	uint64_t smooth; /* over some ticks */
};

void lag_note(struct lag *l, uint64_t us);
/* Once in a while: what is smoothed with the worst since then, which it also
 * returns. */
uint64_t lag_tick(struct lag *l);

/* Shut from the limit on, until LAG_CALM ticks in a row stayed below half of
 * it; limit 0: never. */
enum { LAG_CALM = 4 };
struct lag_gate {
	uint64_t limit;
	unsigned calm;
	bool shut;
};

bool lag_gate_tick(struct lag_gate *g, uint64_t lag); /* shut? */

/* Of the signalling thread alone.  Who reads from a socket says each time
 * whether more waits there; *since is 0 before the first time.  It counts how
 * long the socket was not empty: what comes now waits about as long. */
extern struct lag lag_signalling;
void lag_input(uint64_t *since, bool more);

#endif
