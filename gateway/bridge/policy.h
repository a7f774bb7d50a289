/* policy.h: how much one user, one trunk or all together may do
 * (hardening.md section 3, B.5, D12). */
#ifndef BRIDGE_POLICY_H
#define BRIDGE_POLICY_H

#include <stdbool.h>
#include "base/config.h"
#include "base/store.h"
#include "bridge/reason.h"

struct policy;

/* mem_ref object; room: calls that ports and descriptors allow. */
int policy_alloc(struct policy **pp, const struct config_limits *limits,
		 unsigned room);

struct policy_ask {
	const char *user;		/* bare JID */
	const char *trunk;		/* its name */
	const struct config_plan *plan; /* of the user; NULL: none */
	bool paced;	/* the user started it: rates and quotas apply */
	bool emergency; /* counted, never refused */
};

/* Takes a place for a call; every success is given back with policy_release.
 * EBUSY: too many calls at once; EAGAIN: too many attempts; EDQUOT: too many,
 * or too long ones, in an hour or a day; ENOSPC: the gateway is full; *why is
 * filled then. */
int policy_ask(struct policy *p, const struct policy_ask *ask,
	       struct ending *why);

void policy_release(struct policy *p, const char *user, const char *trunk);

/* A call that the user started is answered, or over: its time counts.  When
 * the last minute is used up h(user) is called, which ends the calls. */
typedef void(policy_exhausted_h)(const char *user, void *arg);
void policy_talk(struct policy *p, const char *user, bool on);
void policy_watch(struct policy *p, policy_exhausted_h *h, void *arg);

/* Limits of hours and days hold over a restart: what was called is read from
 * the store, not referenced, and kept there from now on.  Of talk
 * a crash forgets half a minute. */
int policy_keep(struct policy *p, struct store *store);

/* What a user has used up, for people; nothing if that is unknown. */
struct policy_user {
	struct policy *p;
	const char *user;
};
int policy_print_user(struct re_printf *pf, const struct policy_user *u);

struct policy_info {
	const char *user, *plan; /* plan NULL: none */
	unsigned calls;		 /* now */
	bool counted;		 /* the rest is known: there are limits */
	unsigned calls_hour, calls_day;
	uint64_t talk_hour, talk_day; /* ms */
};
typedef bool(policy_info_h)(const struct policy_info *info, void *arg);
/* Users who have called lately.  Stops at the first true. */
void policy_apply(struct policy *p, policy_info_h *h, void *arg);
/* ENOENT: has not called lately. */
int policy_info(struct policy *p, const char *user, struct policy_info *info);

/* Limits and plans are others, of conf. */
void policy_renew(struct policy *p, const struct config *conf);

unsigned policy_calls(const struct policy *p);
unsigned policy_room(const struct policy *p);

#endif
