/* route.h: addresses seen from both sides, and who may call whom how
 * (protocol B.1, B.2; D4..D10). */
#ifndef BRIDGE_ROUTE_H
#define BRIDGE_ROUTE_H

#include "base/config.h"
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

/* What a bare or full JID at one of our components means on SIP, and which
 * trunk takes it.  from: the user's bare JID, or NULL for "could anyone?".
 * COND_NONE: allowed, and *to (uri, jid filled), *trunk, *as (URI of the
 * caller's AOR on that trunk). Otherwise how to refuse. */
enum stanza_cond route_out(const struct route *r, const char *from,
			   const char *to_jid, struct peer *to,
			   const struct config_trunk **trunk, char **as);

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

/* Which policy holds: for --check. */
int route_print(struct re_printf *pf, const struct route *r);

#endif
