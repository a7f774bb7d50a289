/* component.h: one XEP-0114 connection: handshake, keepalive, reconnect (D1),
 * IQs with answers, and the dispatch of stanzas to handlers. */
#ifndef XMPP_COMPONENT_H
#define XMPP_COMPONENT_H

#include <stdbool.h>
#include "base/config.h"
#include "xmpp/stanza.h"

struct component;
struct component_iq;

enum component_kind {
	COMPONENT_IQ_GET,
	COMPONENT_IQ_SET,
	COMPONENT_MESSAGE,
	COMPONENT_PRESENCE
};

/* What is shed first when the queue to the server is full. */
enum component_priority {
	COMPONENT_SHED_FIRST,
	COMPONENT_NORMAL,
	COMPONENT_NEVER_SHED
};

/* True: mine. The stanza is the component's; copy what must stay. */
typedef bool(component_stanza_h)(struct component *c, const struct stanza *st,
				 void *arg);
typedef void(component_state_h)(struct component *c, bool up, void *arg);
/* err 0: result; EPROTO: type error, reply holds it; ETIMEDOUT: no answer in
 * iq_timeout; ENOTCONN: the link is down or went down.  reply is NULL but for
 * the first two. */
typedef void(component_iq_h)(int err, const struct stanza *reply, void *arg);

/* Starts connecting at once and for ever; a server that is down is no error.
 * conf must outlive it, limits are copied.  mem_ref object; its destructor
 * closes the stream politely and calls no handler. */
int component_alloc(struct component **cp, const struct config_xmpp *conf,
		    const struct config_limits *limits);
/* conf is at another place, limits are others; the secret is for the next
 * connection. */
void component_renew(struct component *c, const struct config_xmpp *conf,
		     const struct config_limits *limits);
const struct config_xmpp *component_conf(const struct component *c);
const struct config_limits *component_limits(const struct component *c);
const char *component_domain(const struct component *c);
/* Is the stanza for the component itself, rather than a contact? */
bool component_is_addressee(const struct component *c,
			    const struct stanza *st);
/* Is it a user of the domains that the component serves? jid: bare. */
bool component_serves(const struct component *c, const char *jid);
bool component_up(const struct component *c);
size_t component_queued(const struct component *c); /* bytes */
/* What is wrong, or "connected": for stoxctl status. */
const char *component_status(const struct component *c);

/* Handlers are asked in the order of registration.  ns: the namespace of the
 * first child element that matches, NULL: any.  An IQ that nobody takes is
 * answered service-unavailable (RFC 6120 8.2.3); IQs whose from is malformed
 * are answered jid-malformed before.  component_state may have several. */
int component_listen(struct component *c, enum component_kind kind,
		     const char *ns, component_stanza_h *h, void *arg);
int component_listen_state(struct component *c, component_state_h *h,
			   void *arg);
/* Takes back every registration with this arg. */
void component_unlisten(struct component *c, const void *arg);

/* Sends st, which stays the caller's.  ENOTCONN while down, ENOBUFS shed,
 * EINVAL without to or with a from that is not ours: servers end the stream
 * for that (XEP-0114 3). */
int component_send(struct component *c, const struct stanza *st,
		   enum component_priority prio);
/* Sends and frees st; for replies whose failure does not matter. */
void component_reply(struct component *c, struct stanza *st);
/* Sends iq, which stays the caller's, with an id of ours; without from it is
 * from the component's domain.  The answer must come from its to.  qp may be
 * NULL; mem_deref of *qp cancels (no call of h); *qp becomes NULL just before
 * h is called, so it must live as long as the request.
 * ENOTCONN, ENOBUFS, EINVAL, EBADMSG (to), ENOMEM: h is not called. */
int component_iq_send(struct component_iq **qp, struct component *c,
		      struct stanza *iq, component_iq_h *h, void *arg);

#endif
