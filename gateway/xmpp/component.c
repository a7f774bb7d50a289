/* component.c: one XEP-0114 connection: the object, and what is sent. */
#include "xmpp/component_int.h"

#include <errno.h>
#include <string.h>

#include "base/id.h"
#include "base/log.h"
#include "xmpp/dispatch.h"
#include "xmpp/iq.h"
#include "xmpp/jid.h"
#include "xmpp/link.h"
#include "xmpp/stanzacount.h"

static void component_destructor(void *arg)
{
	struct component *c = arg;

	component_link_drop(c,
			    c->state >= OPENING ? "</stream:stream>" : NULL);
	tmr_cancel(&c->tmr);

	mem_deref(c->iqs);
	mem_deref(c->dispatch);
	list_flush(&c->state_listeners);
	mem_deref(c->mb);
	mem_deref(c->domain);
	mem_deref(c->server);
}

static void state_listener_destructor(void *arg)
{
	struct state_listener *l = arg;

	list_unlink(&l->le);
}

/* Does the sender carry our domain?  Mostly it is spelled as we spell it. */
static bool from_is_ours(const struct component *c, const char *from)
{
	const char *at, *d = from;
	size_t len = strlen(c->domain);
	struct jid j;
	bool ours;

	if (!from)
		return false;

	at = strchr(from, '@');
	if (at)
		d = at + 1;
	if (!strncmp(d, c->domain, len) && (!d[len] || d[len] == '/'))
		return true;

	if (jid_decode(&j, from, strlen(from)))
		return false;

	ours = !strcmp(j.domain, c->domain);
	jid_clear(&j);

	return ours;
}

/* hardening.md section 3: above the mark presence goes first, then messages;
 * what ends calls is kept until the link is hopeless. */
static bool is_shed(const struct component *c, size_t len,
		    enum component_priority prio)
{
	size_t queued = xmpplink_queued(c->link) + len;
	size_t mark = c->limits.xmpp_queue_bytes;

	switch (prio) {
	case COMPONENT_SHED_FIRST:
		return queued > mark;
	case COMPONENT_NORMAL:
		return queued > mark + mark / 4;
	default:
		return queued > 2 * mark;
	}
}

int component_send(struct component *c, const struct stanza *st,
		   enum component_priority prio)
{
	int err;

	if (!c || !st)
		return EINVAL;
	if (c->state != UP) {
		++stanza_counts.unsent;
		return ENOTCONN;
	}

	if (!stanza_attr(st, "to") ||
	    !from_is_ours(c, stanza_attr(st, "from"))) {
		log_warning("xmpp: %s: not sent, bad from or to: %H\n",
			    c->domain, stanza_print, st);
		return EINVAL;
	}

	mbuf_rewind(c->mb);
	err = mbuf_printf(c->mb, "%H", stanza_print, st);
	if (err)
		return err;

	if (is_shed(c, c->mb->end, prio)) {
		++stanza_counts.unsent;
		return ENOBUFS;
	}

	stanzacount(true, st);

	component_trace(c, true, st);

	return xmpplink_send(c->link, c->mb->buf, c->mb->end);
}

void component_reply(struct component *c, struct stanza *st)
{
	if (stanza_ok(st))
		(void)component_send(c, st, COMPONENT_NORMAL);

	stanza_free(st);
}

int component_iq_ask(struct component_iq **qp, struct component *c,
		     struct stanza *iq, unsigned wait, component_iq_h *h,
		     void *arg)
{
	char id[IQ_ID_SIZE];
	int err;

	if (c->state != UP)
		return ENOTCONN;

	id_token(id, sizeof(id));

	err = stanza_attr_set(iq, "id", id);
	if (!err && !stanza_attr(iq, "from"))
		err = stanza_attr_set(iq, "from", c->domain);
	if (err)
		return err;

	err = iqtable_add(qp, c->iqs, id, stanza_attr(iq, "to"), c->server,
			  wait, h, arg);
	if (err)
		return err;

	err = component_send(c, iq, COMPONENT_NEVER_SHED);
	if (err)
		iqtable_remove(c->iqs, id);

	return err;
}

int component_iq_send(struct component_iq **qp, struct component *c,
		      struct stanza *iq, component_iq_h *h, void *arg)
{
	if (!c || !iq || !h)
		return EINVAL;

	return component_iq_ask(qp, c, iq, c->limits.iq_timeout * 1000, h,
				arg);
}

const struct config_xmpp *component_conf(const struct component *c)
{
	return c ? c->conf : NULL;
}

const struct config_limits *component_limits(const struct component *c)
{
	return c ? &c->limits : NULL;
}

const char *component_domain(const struct component *c)
{
	return c ? c->domain : NULL;
}

bool component_is_addressee(const struct component *c, const struct stanza *st)
{
	const char *to = stanza_attr(st, "to");

	return to && !str_casecmp(to, component_domain(c));
}

bool component_serves(const struct component *c, const char *jid)
{
	const char *at = jid ? strchr(jid, '@') : NULL;

	return at && config_serves(component_conf(c), at + 1);
}

size_t component_queued(const struct component *c)
{
	return c ? xmpplink_queued(c->link) : 0;
}

bool component_up(const struct component *c)
{
	return c && c->state == UP;
}

const char *component_status(const struct component *c)
{
	return c ? c->status : "";
}

int component_listen(struct component *c, enum component_kind kind,
		     const char *ns, component_stanza_h *h, void *arg)
{
	return c ? dispatch_listen(c->dispatch, kind, ns, h, arg) : EINVAL;
}

int component_listen_state(struct component *c, component_state_h *h,
			   void *arg)
{
	struct state_listener *l;

	if (!c || !h)
		return EINVAL;

	l = mem_zalloc(sizeof(*l), state_listener_destructor);
	if (!l)
		return ENOMEM;

	l->h = h;
	l->arg = arg;
	list_append(&c->state_listeners, &l->le, l);

	return 0;
}

void component_unlisten(struct component *c, const void *arg)
{
	struct le *le;

	if (!c)
		return;

	dispatch_unlisten(c->dispatch, arg);

	LIST_FOREACH (&c->state_listeners, le) {
		struct state_listener *l = le->data;

		if (l->arg == arg)
			l->h = NULL;
	}
}

/* Whom pings go to: a domain of the users, else what the component's own name
 * stands under. */
static int server_name(struct component *c)
{
	const char *dot = strchr(c->domain, '.');

	if (c->conf->domainc)
		return jid_domain(&c->server, c->conf->domains[0]);

	return str_dup(&c->server, dot && dot[1] ? dot + 1 : c->domain);
}

static int parts_alloc(struct component *c)
{
	int err;

	err = jid_domain(&c->domain, c->conf->component);
	if (err)
		return err;

	err = server_name(c);
	if (err)
		return err;

	err = iqtable_alloc(&c->iqs);
	if (err)
		return err;

	err = dispatch_alloc(&c->dispatch, c);
	if (err)
		return err;

	c->mb = mbuf_alloc(4096);

	return c->mb ? 0 : ENOMEM;
}

void component_renew(struct component *c, const struct config_xmpp *conf,
		     const struct config_limits *limits)
{
	char *server = c->server;

	c->conf = conf;
	c->limits = *limits;
	c->server = NULL;
	if (server_name(c)) /* no memory: pings go where they went */
		c->server = server;
	else
		mem_deref(server);
	xmpplink_conf(c->link, conf);
	dispatch_limits(c->dispatch, limits);
}

int component_alloc(struct component **cp, const struct config_xmpp *conf,
		    const struct config_limits *limits)
{
	struct component *c;
	int err;

	if (!cp || !conf || !conf->component || !conf->server || !limits)
		return EINVAL;

	c = mem_zalloc(sizeof(*c), component_destructor);
	if (!c)
		return ENOMEM;

	c->conf = conf;
	c->limits = *limits;
	tmr_init(&c->tmr);
	tmr_init(&c->tmr_space);
	tmr_init(&c->tmr_ping);
	(void)re_snprintf(c->status, sizeof(c->status), "connecting");

	err = parts_alloc(c);
	if (err) {
		mem_deref(c);
		return err;
	}

	component_connect(c);
	*cp = c;

	return 0;
}
