/* pace.h: how fast one sender may go on, by bare JID. */
#ifndef XMPP_PACE_H
#define XMPP_PACE_H

#include <stdbool.h>
#include <stdint.h>

struct pace; /* mem_ref object */

/* rate: a second; burst: at once.  0: no limit. */
int pace_alloc(struct pace **pp, unsigned rate, unsigned burst);
/* The same for those who have a bucket already. */
void pace_set(struct pace *p, unsigned rate, unsigned burst);
/* Takes one from the bucket of from, whose resource does not count; false:
 * it is empty.  now: ms of a clock that never goes back. */
bool pace_take(struct pace *p, const char *from, uint64_t now);

#endif
