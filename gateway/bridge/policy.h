/* policy.h: how much one user, one trunk or all together may do
 * (hardening.md section 3, B.5, D12). */
#ifndef BRIDGE_POLICY_H
#define BRIDGE_POLICY_H

#include <stdbool.h>
#include "base/config.h"
#include "bridge/reason.h"

struct policy;

/* mem_ref object; room: calls that ports and descriptors allow. */
int policy_alloc(struct policy **pp, const struct config_limits *limits,
		 unsigned room);

/* Takes a place for a call of user (bare JID) through trunk; every success is
 * given back with policy_release.  EBUSY: too many calls at once; EAGAIN: too
 * many attempts; ENOSPC: the gateway is full; *why is filled then.  paced:
 * the user started it, so that the set-up rate applies. */
int policy_admit(struct policy *p, const char *user, const char *trunk,
		 bool paced, struct ending *why);
void policy_release(struct policy *p, const char *user, const char *trunk);

unsigned policy_calls(const struct policy *p);
unsigned policy_room(const struct policy *p);

#endif
