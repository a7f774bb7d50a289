/* subscribe.h: subscriptions of ours (RFC 6665 4.1): a SUBSCRIBE, its
 * refreshes and the NOTIFYs that it brings, until it ends.  What an end means,
 * and whether to try again, is said elsewhere.  Signalling thread only. */
#ifndef SIP_SUBSCRIBE_H
#define SIP_SUBSCRIBE_H

#include "sip/stack.h"

struct subscribers;  /* all subscriptions of a stack; a mem_ref object */
struct subscription; /* a mem_ref object, held by its owner */

struct subscribe_package {  /* static data */
	const char *event;  /* "presence" */
	const char *accept; /* media type of its documents */
};
extern const struct subscribe_package subscribe_presence; /* RFC 3856 */
extern const struct subscribe_package subscribe_dialog;	  /* RFC 4235 */

struct subscribe_end {
	unsigned code;	      /* final response; 408: none came; 0: NOTIFY */
	const char *reason;   /* of a NOTIFY: "rejected"; static; NULL: none */
	unsigned retry_after; /* s; 0: none was named */
	bool heard;	      /* anything at all came back */
};

struct subscribe_handlers {
	/* A NOTIFY; pending: nobody has decided yet.  body l 0: none. */
	void (*notify)(struct subscription *sub, bool pending,
		       const struct pl *body, void *arg);
	/* 2 s without any answer; it goes on being asked. */
	void (*silent)(struct subscription *sub, void *arg);
	/* Time for subscription_refresh(), or to leave. */
	void (*due)(struct subscription *sub, void *arg);
	/* Over; nothing is called after. */
	void (*ended)(struct subscription *sub,
		      const struct subscribe_end *end, void *arg);
};

struct subscribe_conf {
	struct siptrunk *trunk;
	const char *uri;      /* Request-URI and To */
	const char *from_uri; /* who watches */
	const struct subscribe_package *package;
	unsigned expires; /* s; 0: the state once (RFC 6665 4.4.3) */
	unsigned answer;  /* s; Timer N */
};

int subscribers_alloc(struct subscribers **sp, struct sipstack *stack);
/* Forgets what is being left: before the last reference goes. */
void subscribers_close(struct subscribers *all);
unsigned subscribers_count(const struct subscribers *all);

/* Sends SUBSCRIBE.  EBADMSG: a URI; ENOMEM; everything else by ended(). */
int subscription_start(struct subscription **sp, struct subscribers *all,
		       const struct subscribe_conf *conf,
		       const struct subscribe_handlers *h, void *arg);
/* In the dialog, after due(). */
void subscription_refresh(struct subscription *sub);
/* ms until what was granted ends. */
uint64_t subscription_left(const struct subscription *sub);
/* SUBSCRIBE with Expires 0; ended() with the code of its answer. */
void subscription_leave(struct subscription *sub);
/* The same without an owner: gives its reference back.  NULL is fine. */
void subscription_drop(struct subscription *sub);

/* ms until a refresh: max(Expires - 60 s, 0.8 Expires). Pure. */
uint64_t subscribe_refresh_after(unsigned expires);
/* The same with some way off it, by chance: those that began together are
 * spread by their first refresh.  Pure. */
uint64_t subscribe_due_after(unsigned expires, bool first, uint64_t chance);
/* Reasons of Subscription-State (RFC 6665 4.1.3): static text, or NULL. */
const char *subscribe_reason(const struct pl *name);

#endif
