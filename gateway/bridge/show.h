/* show.h: what an XMPP user shows, resource by resource, as a document for SIP
 * (protocol C.3, D7, D15). */
#ifndef BRIDGE_SHOW_H
#define BRIDGE_SHOW_H

#include "bridge/pidf.h"
#include "xmpp/stanza.h"

enum { SHOW_MAX = 16 }; /* resources of a user that are kept */

/* A list of resources, the first of which speaks for the user; list_flush()
 * empties it.  Takes a presence of resource name into it.  One that is gone is
 * kept as closed until the next change. */
void show_set(struct list *resources, const char *name,
	      const struct stanza *st, bool open);
bool show_is_open(const struct list *resources); /* is any there? */

struct show {
	const char *user;	      /* bare JID */
	const char *entity;	      /* "alice@example.com" */
	const struct list *resources; /* NULL: none */
	unsigned max;		      /* tuples; 0: all */
	bool phone;		      /* in a call */
};
int show_encode(struct mbuf *mb, const struct show *show);

#endif
