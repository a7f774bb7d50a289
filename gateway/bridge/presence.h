/* presence.h: who sees whom how (protocol C, RFC 8048): roster subscriptions
 * of XMPP users to SIP contacts and SUBSCRIBEs of SIP users to XMPP users. */
#ifndef BRIDGE_PRESENCE_H
#define BRIDGE_PRESENCE_H

#include "bridge/route.h"
#include "sip/notifier.h"
#include "sip/subscribe.h"
#include "xmpp/service.h"

struct presence; /* mem_ref object */

/* What is remembered over a restart: a row for each (user, contact). */
enum {
	PRESENCE_FROM = 1, /* the user is subscribed to the contact */
	PRESENCE_TO = 2,   /* the contact is subscribed to the user */
};
typedef void(presence_row_h)(const char *user, const char *contact,
			     unsigned flags, void *arg);
struct presence_store {
	/* Calls h for each row. */
	int (*load)(presence_row_h *h, void *harg, void *arg);
	/* flags 0: forget it.  What fails is tried again with the next change.
	 */
	void (*save)(const char *user, const char *contact, unsigned flags,
		     void *arg);
	void *arg;
};

struct presence_conf { /* none of these is referenced; all outlive it */
	const struct config *config;
	struct route *route;
	struct sipstack *stack;
	const struct presence_store *store; /* NULL: nothing is remembered */
};

int presence_alloc(struct presence **pp, const struct presence_conf *conf);
/* A component's face; its handlers' presence() calls presence_event(). */
int presence_component(struct presence *p, const char *domain,
		       struct service *service);
bool presence_event(struct presence *p, enum service_event ev,
		    const char *user, const char *contact,
		    const struct stanza *st);
/* Rows of the store; once all components are known. */
int presence_load(struct presence *p);

/* A call between the two was answered, or is over. */
void presence_call(struct presence *p, const char *user, const char *contact,
		   bool busy);
/* The configuration is another: while the one before is still there. */
void presence_renew(struct presence *p);
/* Ends all subscriptions politely. */
void presence_stop(struct presence *p);

struct presence_stats {
	unsigned pairs;	     /* of a user and a contact */
	unsigned subscribed; /* at phones */
	unsigned synthetic;  /* phones without presence */
	unsigned watchers;   /* SIP users */
	unsigned waiting;    /* SUBSCRIBEs that wait for their turn */
};
void presence_stats(struct presence_stats *out, const struct presence *p);
/* One line of it. */
int presence_print(struct re_printf *pf, const struct presence *p);

struct presence_info {
	const char *user, *contact;
	bool from, to;	      /* the user, the contact is subscribed */
	const char *at_phone; /* how the SUBSCRIBE for the user is */
	const char *trunk;    /* NULL: never asked */
	bool shown;	      /* as available, to the user */
	unsigned watchers;    /* SUBSCRIBEs of the contact */
};
typedef bool(presence_info_h)(const struct presence_info *info, void *arg);
/* Stops at the first true.  user NULL: all. */
void presence_apply(const struct presence *p, const char *user,
		    presence_info_h *h, void *arg);

/* ---- the tables of C.1, for tests ---- */

enum presence_action {
	PRESENCE_REFUSE,    /* "unsubscribed" */
	PRESENCE_NONE,	    /* ditto, and the contact does not exist */
	PRESENCE_SYNTHETIC, /* no presence: shown as available */
	PRESENCE_AGAIN,	    /* a new SUBSCRIBE at once */
	PRESENCE_LATER,	    /* after a while, longer each time */
	PRESENCE_PAUSE,	    /* after retry-after or a fixed time */
	PRESENCE_FREEZE,    /* what is known stays, for ever */
	PRESENCE_ACTIONS,
};
const char *presence_action_name(enum presence_action a);
enum presence_action presence_on_code(unsigned code,
				      const struct config_trunk *trunk);
/* reason NULL: none, or one that nobody knows. */
enum presence_action presence_on_reason(const char *reason);

#endif
