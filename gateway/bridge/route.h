/* route.h: addresses seen from both sides, and who may call whom how
 * (protocol B.1, B.2; D4..D10). */
#ifndef BRIDGE_ROUTE_H
#define BRIDGE_ROUTE_H

#include "base/config.h"
#include "bridge/enum.h"
#include "bridge/leg.h"

struct route; /* compiled from the configuration; mem_ref object */

/* Rules of [route], in order, the first match counts:
 *   NAME = from PATTERN to PATTERN via TRUNK [as USER]     XMPP -> SIP
 *   NAME = from trunk:TRUNK to PATTERN via xmpp:JID        SIP -> XMPP
 *   NAME = from PATTERN to PATTERN deny
 * PATTERN: a JID, a domain, a SIP user or number; '*' matches any run of
 * characters, in "via xmpp:*@example.com" it stands for what '*' matched.
 * EBADMSG; problems are printed with pf, as config.h does. */
int route_alloc(struct route **rp, const struct config *conf,
		struct re_printf *pf);

/* r becomes next, whose reference is taken, but for its accounts.  Before the
 * configuration that r was made from goes. */
void route_replace(struct route *r, struct route *next);

/* The problems alone, of a configuration that may be wrong in other ways. */
int route_check(const struct config *conf, struct re_printf *pf);

/* A step of a decision, in words. */
typedef void(route_step_h)(const char *text, void *arg);

struct route_ask {
	const char *from;   /* the user's JID; NULL: could anyone? */
	const char *to;	    /* bare or full JID at one of our components */
	route_step_h *step; /* told of each step, or NULL */
	void *arg;
};

struct route_choice {
	struct peer to;			  /* uri, jid */
	const struct config_trunk *trunk; /* not referenced, as the next two */
	const struct config_plan *plan;	  /* of the user; NULL: none */
	const char *rule;		  /* of [route]; NULL: none */
	const char *name;		  /* NULL: the caller's own */
	char *as;			  /* URI of the caller on that trunk */
	bool privacy;	 /* the called side shall not learn it */
	bool emergency;	 /* no limit holds for it */
	char lookup[64]; /* number to ask ENUM for first; "": none */
	char why[128];	 /* refused: in words for the caller */
};

/* Whom a user calls, through which trunk, and as whom.  COND_NONE: allowed;
 * otherwise how to refuse, with *c but for why empty. */
enum stanza_cond route_choose(const struct route *r,
			      const struct route_ask *ask,
			      struct route_choice *c);
void route_choice_clear(struct route_choice *c);
/* Asks for c->lookup; what h is told takes the place of c->to.uri, on the same
 * trunk.  As enum_ask(). */
int route_lookup(struct enum_query **qp, const struct route_choice *c,
		 struct dnsc *dnsc, enum_found_h *h, void *arg);

/* The same, without the steps: what a bare or full JID at one of our components means on SIP, and which
 * trunk takes it.  from: the user's bare JID, or NULL for "could anyone?".
 * COND_NONE: allowed, and *to (uri, jid filled), *trunk, *as (URI of the
 * caller's AOR on that trunk). Otherwise how to refuse. */
enum stanza_cond route_out(const struct route *r, const char *from,
			   const char *to_jid, struct peer *to,
			   const struct config_trunk **trunk, char **as);

/* Accounts of users: what goes out through them, and whose they are. */
struct route_line {
	const struct config_trunk *trunk; /* as long as the process lives */
	const char *name;		  /* not referenced */
	char *uri, *as;			  /* mem_ref'd: called, caller */
	bool privacy;
};
struct route_owner { /* not referenced; user NULL: of nobody any more */
	const char *user, *gateway, *domain;
};
struct route_accounts {
	/* False: the user has none at this component. */
	bool (*out)(const char *user, const char *gateway, const char *dialled,
		    struct route_line *line, void *arg);
	/* False: the trunk is no account. */
	bool (*in)(const struct config_trunk *trunk, struct route_owner *owner,
		   void *arg);
	bool (*dnd)(const char *user, void *arg);
};
/* h NULL: no more.  They go before rules, but not before emergency numbers. */
void route_accounts_set(struct route *r, const struct route_accounts *h,
			void *arg);
/* Does a user (bare JID) not want to be disturbed by calls? */
bool route_dnd(const struct route *r, const char *user);

/* The line of [route] that an address of such an INVITE is about, as it would
 * be judged now; NULL: none, or it is for an account. */
const char *route_in_rule(const struct route *r,
			  const struct config_trunk *trunk, const char *ruri);
/* Whom an INVITE rings.  uri: of the request; from: From or trusted PAI.
 * 0: *to (jid bare), *from (jid at our component, name); else a SIP code. */
unsigned route_in(const struct route *r, const struct config_trunk *trunk,
		  const char *ruri, const struct peer *caller,
		  struct peer *from, struct peer *to,
		  const struct config_xmpp **component);

/* Text of jabber:iq:gateway -> JID of a contact of component. */
int route_prompt(const struct route *r, const struct config_xmpp *component,
		 char **jidp, const char *text);

/* Conversions alone, for tests. domain: of our component.
 * sip: -> "local@domain" in a mode; EBADMSG malformed, EACCES sips: (D4). */
int route_uri_to_jid(char **jidp, const char *uri, enum config_addressing mode,
		     const char *domain);
int route_jid_to_uri(char **urip, const char *jid, enum config_addressing mode,
		     const char *trunk_host);

void peer_clear(struct peer *p);
int peer_copy(struct peer *to, const struct peer *from);

/* Tells which domains, plan and trunks are a user's. */
void route_access(const struct route *r, const char *jid, route_step_h *h,
		  void *arg);

/* Which policy holds: for --check. */
int route_print(struct re_printf *pf, const struct route *r);

#endif
