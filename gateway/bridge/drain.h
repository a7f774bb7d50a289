/* drain.h: no new calls, those that run go on. */
#ifndef BRIDGE_DRAIN_H
#define BRIDGE_DRAIN_H

#include "bridge/reason.h"

enum { DRAIN_RETRY = 30 }; /* s; of Retry-After */

void drain_set(bool on);
bool drain_is_on(void);
/* Emergency numbers are for who asks to know. */
void drain_refuse(struct ending *why);

#endif
