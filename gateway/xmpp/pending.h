/* pending.h: a request of a client that is answered later. */
#ifndef XMPP_PENDING_H
#define XMPP_PENDING_H

#include "xmpp/component.h"

struct pending; /* mem_ref object; unanswered it says internal-server-error */

int pending_alloc(struct pending **pp, struct component *c,
		  const struct stanza *iq);
const struct stanza *pending_iq(const struct pending *p);
/* Sends and frees the answer; once. */
void pending_reply(struct pending *p, struct stanza *answer);
void pending_error(struct pending *p, enum stanza_cond cond, const char *app,
		   const char *app_ns, const char *text);

#endif
