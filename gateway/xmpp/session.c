/* session.c: the states of a component's connection, and what arrives on it
 * (XEP-0114 3, XEP-0199, D1). */
#include "xmpp/component_int.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "base/id.h"
#include "base/log.h"
#include "base/trace.h"
#include "xmpp/dispatch.h"
#include "xmpp/handshake.h"
#include "xmpp/iq.h"
#include "xmpp/link.h"
#include "xmpp/stanzacount.h"
#include "xmpp/xmlstream.h"

#define NS_STREAM	 "http://etherx.jabber.org/streams"
#define NS_STREAM_ERRORS "urn:ietf:params:xml:ns:xmpp-streams" /* 6120 4.9.3 */
#define NS_PING		 "urn:xmpp:ping"		       /* XEP-0199 */

enum {
	STREAM_WAIT = 15 * 1000, /* ms; for the stream header, the handshake */
	SPACE_EVERY = 60 * 1000, /* ms; D1: white space keeps NATs open */
	OPERATOR_WAIT = 60,	 /* s; protocol A, reconnect */
	STABLE = 30 * 1000,	 /* ms up, after which backoff starts anew */
	LOG_EVERY = 10,		 /* failures of one kind a log line */
};

static const struct {
	const char *name;
	unsigned wait; /* ms until the state has taken too long */
} states[] = {
    [DOWN] = {.name = "down"},	      /* the next try has a time of its own */
    [CONNECTING] = {"connecting", 0}, /* the link times itself */
    [OPENING] = {"opening", STREAM_WAIT},
    [PROVING] = {"proving", STREAM_WAIT},
    [UP] = {"up", 0},
};

static void state_timeout(void *arg);

static void stream_drop(struct component *c)
{
	if (c->feeding)
		return;

	xmlstream_free(c->stream);
	c->stream = NULL;
}

void component_link_drop(struct component *c, const char *last)
{
	xmpplink_end(c->link, last);
	c->link = mem_deref(c->link);
	tmr_cancel(&c->tmr_space);
	tmr_cancel(&c->tmr_ping);
	stream_drop(c);
}

/* Handlers may listen and unlisten, and drop the component. */
static void state_tell(struct component *c, bool up)
{
	struct le *le;

	mem_ref(c);

	le = c->state_listeners.head;
	while (le && mem_nrefs(c) > 1) {
		struct state_listener *l = le->data;

		mem_ref(l);
		if (l->h)
			l->h(c, up, l->arg);
		le = le->next;
		mem_deref(l);
	}

	mem_deref(c);
}

/* The only function that writes c->state. */
static void component_enter(struct component *c, enum component_state st)
{
	log_debug("xmpp: %s: %s -> %s\n", c->domain, states[c->state].name,
		  states[st].name);

	c->state = st;

	if (states[st].wait)
		tmr_start(&c->tmr, states[st].wait, state_timeout, c);
	else
		tmr_cancel(&c->tmr);
}

/* ms, with +-20 % so that many gateways do not come back at once */
static unsigned backoff(const struct component *c)
{
	unsigned s = c->limits.reconnect_min, max = c->limits.reconnect_max;
	unsigned i;

	for (i = 0; i < c->tries && s < max; i++)
		s *= 2;

	s = s > max ? max : s;
	s = s ? s : 1;

	return s * (800 + (unsigned)(id_random() % 401));
}

static unsigned wait_of(const struct component *c, enum handshake_wait wait)
{
	switch (wait) {
	case WAIT_CONFLICT:
		return c->limits.reconnect_conflict * 1000;
	case WAIT_OPERATOR:
		return OPERATOR_WAIT * 1000;
	default:
		return backoff(c);
	}
}

static void try_again(void *arg)
{
	component_connect(arg);
}

/* A server may be away for days: the first line says all, then every tenth. */
static void failure_log(struct component *c, const char *what,
			const char *hint, unsigned ms)
{
	if (strcmp(what, c->status) != 0) {
		c->failures = 0;
		(void)re_snprintf(c->status, sizeof(c->status), "%s", what);
	}

	if (c->failures++ % LOG_EVERY)
		return;

	log_warning("xmpp: %s: %s%s%s; trying again in %u s%s\n", c->domain,
		    what, *hint ? ": " : "", hint, (ms + 500) / 1000,
		    c->failures > 1 ? " (and so on)" : "");
}

static void component_drop(struct component *c, enum handshake_wait wait,
			   const char *hint, const char *fmt, ...)
{
	bool was_up = c->state == UP;
	bool open = c->state >= OPENING;
	char what[sizeof(c->status)];
	unsigned ms;
	va_list ap;

	if (c->state == DOWN)
		return;

	stanza_counts.losses += was_up;
	va_start(ap, fmt);
	if (re_vsnprintf(what, sizeof(what), fmt, ap) < 0)
		str_ncpy(what, "connection lost", sizeof(what));
	va_end(ap);

	if (was_up && tmr_jiffies() - c->up_since >= STABLE)
		c->tries = 0;

	ms = wait_of(c, wait);
	c->tries++;
	failure_log(c, what, hint, ms);

	component_enter(c, DOWN);
	component_link_drop(c, open ? "</stream:stream>" : NULL);
	tmr_start(&c->tmr, ms, try_again, c);

	if (!was_up)
		return;

	mem_ref(c);
	iqtable_fail(c->iqs, ENOTCONN);
	state_tell(c, false);
	mem_deref(c);
}

static void state_timeout(void *arg)
{
	struct component *c = arg;

	component_drop(c, WAIT_BACKOFF,
		       "is the port of server = its component port, and is "
		       "the other side an XMPP server without TLS there?",
		       "the server does not go on with the stream");
}

static void text_send(struct component *c, const char *text)
{
	(void)xmpplink_send(c->link, text, strlen(text));
}

static void stream_open(const struct stanza *header, void *arg)
{
	struct component *c = arg;
	const char *id = stanza_attr(header, "id");
	char hash[HANDSHAKE_SIZE], text[HANDSHAKE_SIZE + 32];
	int err;

	if (c->state != OPENING)
		return;

	if (!stanza_is(header, "stream", NS_STREAM) || !id) {
		component_drop(c, WAIT_OPERATOR, "check the port in server =",
			       "what answers is no component port");
		return;
	}

	err = handshake_hash(hash, id, c->conf->secret ? c->conf->secret : "");
	if (err) {
		component_drop(c, WAIT_BACKOFF, "", "SHA-1: %m", err);
		return;
	}

	component_enter(c, PROVING);

	(void)re_snprintf(text, sizeof(text), "<handshake>%s</handshake>",
			  hash);
	text_send(c, text);
	trace_add(TRACE_XMPP, true, c->server, "<handshake/>", 12);
}

static void stream_close(void *arg)
{
	component_drop(arg, WAIT_BACKOFF, "", "the server ended the stream");
}

static void stream_error(struct component *c, const struct stanza *st)
{
	const struct handshake_remedy *r;
	const struct stanza *e;
	char *text = NULL;

	e = stanza_child(st, NULL, NS_STREAM_ERRORS);
	while (stanza_is(e, "text", NULL))
		e = stanza_next(e, NULL, NS_STREAM_ERRORS);

	r = handshake_remedy(e ? e->name : "");
	(void)stanza_text(&text, stanza_child(st, "text", NS_STREAM_ERRORS));

	component_drop(c, r->wait, r->hint, "the server says %s%s%s%s",
		       e ? e->name : "error", text && *text ? " (" : "",
		       text ? text : "", text && *text ? ")" : "");

	mem_deref(text);
}

static void space_send(void *arg)
{
	struct component *c = arg;

	tmr_start(&c->tmr_space, SPACE_EVERY, space_send, c);
	text_send(c, " ");
}

/* An error is an answer, too.  A server that sends other things meanwhile is
 * alive, whatever became of the ping. */
static void ping_answer(int err, const struct stanza *reply, void *arg)
{
	struct component *c = arg;

	(void)reply;

	if (err == ETIMEDOUT && !c->heard)
		component_drop(c, WAIT_BACKOFF, "",
			       "the server did not answer a ping in %u s",
			       c->limits.xmpp_ping_timeout);
}

static void ping_send(void *arg)
{
	struct component *c = arg;
	struct stanza *iq;

	tmr_start(&c->tmr_ping, c->limits.xmpp_ping * 1000, ping_send, c);

	iq = stanza_new("iq", NS_COMPONENT);
	(void)stanza_attr_set(iq, "type", "get");
	(void)stanza_attr_set(iq, "to", c->server);
	(void)stanza_add(iq, "ping", NS_PING);

	c->heard = false;
	if (stanza_ok(iq))
		(void)component_iq_ask(NULL, c, iq,
				       c->limits.xmpp_ping_timeout * 1000,
				       ping_answer, c);

	stanza_free(iq);
}

static void handshake_done(struct component *c)
{
	log_info("xmpp: %s: connected to %s:%u%s\n", c->domain,
		 c->conf->server, c->conf->port,
		 c->conf->tls ? " with TLS" : "");

	++stanza_counts.connects;
	component_enter(c, UP);

	/* not for a server that lets us in only to throw us out */
	if (!c->up_since || tmr_jiffies() - c->up_since >= STABLE)
		c->tries = 0;
	c->up_since = tmr_jiffies();
	c->failures = 0;
	(void)re_snprintf(c->status, sizeof(c->status), "connected");

	tmr_start(&c->tmr_space, SPACE_EVERY, space_send, c);
	if (c->limits.xmpp_ping)
		tmr_start(&c->tmr_ping, c->limits.xmpp_ping * 1000, ping_send,
			  c);

	state_tell(c, true);
}

static void stanza_recv(struct component *c, const struct stanza *st)
{
	const char *type = stanza_attr(st, "type");

	if (stanza_is(st, "error", NS_STREAM))
		stream_error(c, st);
	else if (c->state == PROVING &&
		 stanza_is(st, "handshake", NS_COMPONENT))
		handshake_done(c);
	else if (c->state != UP || strcmp(st->ns, NS_COMPONENT) != 0)
		log_debug("xmpp: %s: ignored <%s/>\n", c->domain, st->name);
	else if (stanza_is(st, "iq", NULL) && type &&
		 (!strcmp(type, "result") || !strcmp(type, "error")))
		iqtable_answer(c->iqs, st);
	else
		dispatch_stanza(c->dispatch, st);
}

static void stanza_trace(struct component *c, bool tx, const struct stanza *st)
{
	mbuf_rewind(c->mb);
	if (!mbuf_printf(c->mb, "%H", stanza_print, st))
		component_trace(c, tx, st);
}

static void stream_stanza(struct stanza *st, void *arg)
{
	struct component *c = arg;

	/* more may come of what was read before a handler ended the link, or
	 * dropped the last reference but that of link_recv() */
	if (c->link && mem_nrefs(c) > 1) {
		stanza_trace(c, false, st);
		stanza_recv(c, st);
	}

	stanza_free(st);
}

static void link_recv(const char *buf, size_t len, void *arg)
{
	struct component *c = arg;
	const char *why = NULL;
	int err;

	c->heard = true;

	mem_ref(c);
	c->feeding = true;
	err = xmlstream_feed(c->stream, buf, len, &why);
	c->feeding = false;

	if (!c->link)
		stream_drop(c);
	else if (err)
		component_drop(c, WAIT_BACKOFF,
			       err == E2BIG ? "see stanza_bytes and the other "
					      "stanza_ keys of [limits]"
					    : "",
			       "bad XML from the server: %s", why ? why : "?");

	mem_deref(c);
}

static void link_open(void *arg)
{
	const struct xmlstream_limits l = {
	    .bytes = ((struct component *)arg)->limits.stanza_bytes,
	    .depth = ((struct component *)arg)->limits.stanza_depth,
	    .attrs = ((struct component *)arg)->limits.stanza_attrs,
	    .children = ((struct component *)arg)->limits.stanza_children};
	const struct xmlstream_handlers h = {stream_open, stream_stanza,
					     stream_close, arg};
	struct component *c = arg;
	int err;

	err = xmlstream_alloc(&c->stream, &l, &h);
	if (err) {
		component_drop(c, WAIT_BACKOFF, "", "XML parser: %m", err);
		return;
	}

	component_enter(c, OPENING);
	component_trace_link(c);

	/* XEP-0114 3: without version, else servers speak features */
	mbuf_rewind(c->mb);
	err = mbuf_printf(c->mb,
			  "<stream:stream xmlns='" NS_COMPONENT "' "
			  "xmlns:stream='" NS_STREAM "' to='%s'>",
			  c->domain);
	if (!err)
		err = xmpplink_send(c->link, c->mb->buf, c->mb->end);
	if (err)
		component_drop(c, WAIT_BACKOFF, "", "stream: %m", err);
}

static void link_close(const char *what, const char *hint, void *arg)
{
	struct component *c = arg;

	component_drop(c, WAIT_BACKOFF, hint, "%s", what);
}

void component_connect(struct component *c)
{
	const struct xmpplink_handlers h = {link_open, link_recv, link_close,
					    c};
	int err;

	component_enter(c, CONNECTING);

	err = xmpplink_open(&c->link, c->conf, c->limits.xmpp_tcp_timeout, &h);
	if (err)
		component_drop(c, WAIT_BACKOFF, "", "connect: %m", err);
}
