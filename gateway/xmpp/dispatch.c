/* dispatch.c: which handler gets a stanza, and the answers of those that
 * nobody takes (RFC 6120 8.2.3, 8.3, 10.3). */
#include "xmpp/dispatch.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "xmpp/jid.h"
#include "xmpp/pace.h"
#include "xmpp/stanzacount.h"

struct listener {
	struct le le;
	enum component_kind kind;
	char *ns;	       /* NULL: any */
	component_stanza_h *h; /* NULL: taken back */
	void *arg;
};

struct dispatch {
	struct component *c; /* not referenced: it owns us */
	struct list listeners;
	struct pace *texts; /* messages of a JID that are answered */
	unsigned depth;	    /* stanzas being dispatched */
	bool sweep;	    /* some listener was taken back meanwhile */
	unsigned strays;    /* stanzas for other domains */
};

static void dispatch_destructor(void *arg)
{
	struct dispatch *d = arg;

	list_flush(&d->listeners);
	mem_deref(d->texts);
}

int dispatch_alloc(struct dispatch **dp, struct component *c)
{
	const struct config_limits *limits = component_limits(c);
	struct dispatch *d;
	int err;

	d = mem_zalloc(sizeof(*d), dispatch_destructor);
	if (!d)
		return ENOMEM;

	d->c = c;
	err =
	    pace_alloc(&d->texts, limits->message_rate, limits->message_burst);
	if (err)
		mem_deref(d);
	else
		*dp = d;

	return err;
}

void dispatch_limits(struct dispatch *d, const struct config_limits *limits)
{
	pace_set(d->texts, limits->message_rate, limits->message_burst);
}

static void listener_destructor(void *arg)
{
	struct listener *l = arg;

	list_unlink(&l->le);
	mem_deref(l->ns);
}

int dispatch_listen(struct dispatch *d, enum component_kind kind,
		    const char *ns, component_stanza_h *h, void *arg)
{
	struct listener *l;
	int err = 0;

	if (!h)
		return EINVAL;

	l = mem_zalloc(sizeof(*l), listener_destructor);
	if (!l)
		return ENOMEM;

	if (ns)
		err = str_dup(&l->ns, ns);
	if (err) {
		mem_deref(l);
		return err;
	}

	l->kind = kind;
	l->h = h;
	l->arg = arg;
	list_append(&d->listeners, &l->le, l);

	return 0;
}

static void listeners_sweep(struct dispatch *d)
{
	struct le *le = d->listeners.head;

	if (d->depth || !d->sweep)
		return;

	d->sweep = false;

	while (le) {
		struct listener *l = le->data;

		le = le->next;
		if (!l->h)
			mem_deref(l);
	}
}

void dispatch_unlisten(struct dispatch *d, const void *arg)
{
	struct le *le;

	LIST_FOREACH (&d->listeners, le) {
		struct listener *l = le->data;

		if (l->arg != arg)
			continue;
		l->h = NULL;
		d->sweep = true;
	}

	listeners_sweep(d);
}

static bool listener_matches(const struct listener *l,
			     enum component_kind kind, const struct stanza *st)
{
	return l->h && l->kind == kind &&
	       (!l->ns || stanza_child(st, NULL, l->ns));
}

/* Is it taken?  A handler may take listeners back, or drop the component,
 * which then lives until the stanza is done. */
static bool offer(struct dispatch *d, enum component_kind kind,
		  const struct stanza *st)
{
	bool taken = false;
	struct le *le;

	d->depth++;

	for (le = d->listeners.head; le && !taken; le = le->next) {
		struct listener *l = le->data;

		if (listener_matches(l, kind, st))
			taken = l->h(d->c, st, l->arg);
	}

	d->depth--;
	listeners_sweep(d);

	return taken;
}

static void refuse(struct dispatch *d, const struct stanza *st,
		   enum stanza_cond cond)
{
	component_reply(d->c, stanza_error(st, cond, NULL, NULL, NULL));
}

static bool is_malformed(const char *jid)
{
	struct pl bare, domain;
	struct jid j;

	if (jid && jid_is_usual(&bare, &domain, jid))
		return false;
	if (!jid || jid_decode(&j, jid, strlen(jid)))
		return true;

	jid_clear(&j);

	return false;
}

static void iq_dispatch(struct dispatch *d, const struct stanza *iq,
			const char *type)
{
	enum component_kind kind =
	    strcmp(type, "set") ? COMPONENT_IQ_GET : COMPONENT_IQ_SET;
	const struct stanza *child = stanza_child(iq, NULL, NULL);

	/* RFC 6120 8.2.3: a request has an id and exactly one child */
	if ((strcmp(type, "get") && strcmp(type, "set")) ||
	    !stanza_attr(iq, "id") || !child || stanza_next(child, NULL, NULL))
		refuse(d, iq, COND_BAD_REQUEST);
	else if (is_malformed(stanza_attr(iq, "from")))
		refuse(d, iq, COND_JID_MALFORMED);
	else if (!offer(d, kind, iq))
		refuse(d, iq, COND_SERVICE_UNAVAILABLE);
}

/* A text that nobody takes must not vanish (RFC 6121 8.5): its sender is told,
 * but only for the types that expect an answer, and at a pace that is no
 * flood of ours. */
static void message_dispatch(struct dispatch *d, const struct stanza *m,
			     const char *type)
{
	if (offer(d, COMPONENT_MESSAGE, m) || !strcmp(type, "error"))
		return;

	if ((!*type || !strcmp(type, "chat") || !strcmp(type, "normal")) &&
	    stanza_child(m, "body", m->ns) &&
	    pace_take(d->texts, stanza_attr(m, "from"), tmr_jiffies()))
		refuse(d, m, COND_SERVICE_UNAVAILABLE);
}

/* Is it for us?  The server routes by domain, so anything else is a mistake in
 * its configuration; an answer would need a sender that is not ours. */
static bool is_ours(struct dispatch *d, const struct stanza *st)
{
	const char *to = stanza_attr(st, "to");
	struct pl bare, domain;
	struct jid j;
	bool ours;
	int err;

	if (to && jid_is_usual(&bare, &domain, to) &&
	    !pl_strcmp(&domain, component_domain(d->c)))
		return true;
	err = to ? jid_decode(&j, to, strlen(to)) : EBADMSG;
	if (err)
		return false;

	ours = !strcmp(j.domain, component_domain(d->c));
	jid_clear(&j);

	if (!ours && d->strays++ % 100 == 0)
		log_warning("xmpp: %s: dropped a stanza to %s, which is not "
			    "ours (%u so far)\n",
			    component_domain(d->c), to, d->strays);

	return ours;
}

void dispatch_stanza(struct dispatch *d, const struct stanza *st)
{
	const char *type = stanza_attr(st, "type");

	stanzacount(false, st);
	if (!is_ours(d, st) || !stanza_attr(st, "from"))
		return;

	type = type ? type : "";

	if (!strcmp(st->name, "iq"))
		iq_dispatch(d, st, type);
	else if (is_malformed(stanza_attr(st, "from")))
		return;
	else if (!strcmp(st->name, "message"))
		message_dispatch(d, st, type);
	else if (!strcmp(st->name, "presence"))
		(void)offer(d, COMPONENT_PRESENCE, st);
}
