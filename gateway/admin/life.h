/* life.h: from ready to the end: signals, reload, drain, and what the service
 * manager hears of it. */
#ifndef ADMIN_LIFE_H
#define ADMIN_LIFE_H

#include "gateway.h"

struct life; /* mem_ref object */

/* Before any thread is made: SIGHUP is for life_alloc()'s descriptor alone. */
void life_signals(void);
/* Once all is made.  SIGHUP reloads from now on. */
int life_alloc(struct life **lp, struct gateway *gw);

enum life_state {
	LIFE_OPEN,
	LIFE_DRAINED, /* takes no calls, stays */
	LIFE_LEAVING, /* takes no calls, and exits after the last */
	LIFE_CLOSING, /* says goodbye */
};
enum life_state life_state(const struct life *l);
const char *life_state_name(enum life_state st);

/* SIGTERM, SIGINT: the first drains, the next ends all calls politely, the
 * third does not even wait for that. */
void life_signal(struct life *l, int sig);

#endif
