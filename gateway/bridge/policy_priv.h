/* policy_priv.h: what the halves of the policy share: policy.c judges,
 * policy_keep.c remembers. */
#ifndef BRIDGE_POLICY_PRIV_H
#define BRIDGE_POLICY_PRIV_H

#include "base/compat.h"
#include "bridge/policy.h"
#include "bridge/quota.h"

struct account { /* a user, or a trunk */
	struct le le;
	char *name;
	unsigned calls;
	unsigned tokens;
	uint64_t refilled;    /* ms */
	uint64_t minute;      /* start of the running minute, ms */
	unsigned this_minute; /* attempts in it */
	struct policy *policy;
	const struct config_plan *plan; /* of the last call; NULL: none */
	struct quota *quota;		/* NULL: without limits, or unused */
	unsigned talking;		/* calls whose time counts */
	uint64_t counted;		/* ms; their time is in quota until */
	struct tmr last;		/* the minutes will be used up */
};

struct policy {
	struct hash *accounts;
	const struct config_limits *limits; /* not referenced */
	unsigned accountc, calls, room;
	unsigned places; /* of ports and descriptors */
	uint64_t wall;	 /* ms; makes the clock of quotas that of the wall, as
			* it was when we began */
	struct store *store; /* not referenced; NULL: nothing is kept */
	struct tmr sweep, keep;
	policy_exhausted_h *exhausted;
	void *arg;
};

/* policy.c: by name; NULL: it has not called lately */
struct account *policy_find(const struct policy *p, const char *name);
/* By name, made if need be; NULL: there are as many as may be. */
struct account *policy_account(struct policy *p, const char *name);
/* The time of what is talked counts until now. */
void policy_count_talk(struct account *a);

/* policy_keep.c */
/* ms; of quotas */
uint64_t policy_now(const struct policy *p);
/* Keeps what has changed since from. */
void policy_save(const struct account *a, uint64_t from, uint64_t now);
void policy_trim(struct policy *p);

#endif
