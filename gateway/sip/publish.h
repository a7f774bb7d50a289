/* publish.h: event state of ours at a compositor (RFC 3903): PUBLISH, its
 * refreshes and changes, until it is taken back.  Signalling thread only. */
#ifndef SIP_PUBLISH_H
#define SIP_PUBLISH_H

#include "sip/stack.h"

struct publication; /* a mem_ref object, held by its owner */

struct publish_handlers {
	/* The document as it is now. */
	int (*print)(struct mbuf *mb, void *arg);
	/* What the compositor knows it by, for s seconds; NULL: it knows none
	 * any more.  For who keeps it over a restart. */
	void (*kept)(const char *etag, unsigned s, void *arg);
};

struct publish_conf { /* strings are read in the call only */
	struct siptrunk *trunk;
	const char *uri; /* whose state it is: Request-URI, To and From */
	const char *event, *type; /* static: "presence", its media type */
	const char *etag;	  /* of an earlier life; NULL: none */
	unsigned expires;	  /* s */
	unsigned spacing;	  /* s between two changes */
};

/* Sends nothing yet.  EBADMSG: a URI that could break out of its brackets. */
int publication_alloc(struct publication **pp, const struct publish_conf *conf,
		      const struct publish_handlers *h, void *arg);
/* The state is there, or has changed: published when its turn comes. */
void publication_show(struct publication *p);
/* There is no state any more. */
void publication_hide(struct publication *p);
/* The same at once, without waiting for the answer: gives the reference back.
 * NULL is fine. */
void publication_drop(struct publication *p);

enum publish_state {
	PUBLISH_IDLE,	 /* nothing is published, nothing is to be */
	PUBLISH_DUE,	 /* waits for its turn */
	PUBLISH_ASKING,	 /* no answer yet */
	PUBLISH_UP,	 /* accepted; a timer renews it */
	PUBLISH_WAITING, /* failed, tries again by itself */
	PUBLISH_REFUSED, /* the other side takes none: a day of silence */
};
enum publish_state publication_state(const struct publication *p);

#endif
