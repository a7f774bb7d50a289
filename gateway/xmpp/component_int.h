/* component_int.h: what component.c (the object, and what is sent) and
 * session.c (its states, and what arrives) share. */
#ifndef XMPP_COMPONENT_INT_H
#define XMPP_COMPONENT_INT_H

#include "xmpp/component.h"

enum component_state { DOWN, CONNECTING, OPENING, PROVING, UP };

struct state_listener {
	struct le le;
	component_state_h *h; /* NULL: taken back */
	void *arg;
};

struct component {
	const struct config_xmpp *conf; /* outlives us */
	struct config_limits limits;
	char *domain; /* prepared conf->component */
	char *server; /* who answers pings, and whom the trace names */

	enum component_state state;
	struct tmr tmr; /* of the state; in DOWN: when to try again */
	struct xmpplink *link;
	struct xmlstream *stream;
	bool feeding; /* the stream must not be freed now */

	struct dispatch *dispatch;
	struct list state_listeners;
	struct iqtable *iqs;
	struct mbuf *mb;	 /* a stanza as text */
	struct sa local, remote; /* of the link, once it is open */

	struct tmr tmr_space, tmr_ping;
	bool heard; /* since the last ping */

	unsigned tries;	   /* for the backoff */
	unsigned failures; /* of the same kind in a row, for the log */
	uint64_t up_since; /* ms */
	char status[200];
};

/* DOWN -> CONNECTING; from then on it goes by itself. */
void component_connect(struct component *c);
/* Closes link and stream; last: a last text, or NULL. */
void component_link_drop(struct component *c, const char *last);
/* component_iq_send() with a time limit of its own, ms. */
int component_iq_ask(struct component_iq **qp, struct component *c,
		     struct stanza *iq, unsigned wait, component_iq_h *h,
		     void *arg);

/* tracing.c: the stanza whose text is in c->mb. */
void component_trace(struct component *c, bool tx, const struct stanza *st);
/* The link is open: its addresses are known now. */
void component_trace_link(struct component *c);

#endif
