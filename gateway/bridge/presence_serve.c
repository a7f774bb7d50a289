/* presence_serve.c: SIP users watch XMPP users (protocol C.2): who may, and
 * what they are shown. */
#include "bridge/presence_priv.h"
#include <string.h>
#include "base/keyed.h"
#include "base/log.h"
#include "bridge/show.h"

static void onlooker_destructor(void *arg)
{
	struct onlooker *o = arg;

	list_unlink(&o->le);
	tmr_cancel(&o->tmr);
	mem_deref(o->w);
	mem_deref(o->entity);
}

void serve_close(struct pair *pair)
{
	struct le *le;

	while ((le = pair->onlookers.head)) {
		struct onlooker *o = le->data;

		watcher_end(o->w, "deactivated", false);
		mem_deref(o);
	}
	list_flush(&pair->resources);
}

static void end_all(struct pair *pair, const char *reason)
{
	struct le *le;

	while ((le = pair->onlookers.head)) {
		struct onlooker *o = le->data;

		watcher_end(o->w, reason, false);
		mem_deref(o);
	}
	list_flush(&pair->resources);
	pair->told = false;
}

/* ---- what is shown ---- */

static int print_h(struct mbuf *mb, bool closed, void *warg)
{
	const struct onlooker *o = warg;
	const struct pair *pair = o->pair;
	struct show show = {
	    .user = pair->user,
	    .entity = o->entity,
	    .resources = closed ? NULL : &pair->resources,
	};

	if (!closed && !pair->told)
		return 0;

	show.phone = !closed && presence_busy(pair->p, pair->user);

	return show_encode(mb, &show);
}

void serve_show(struct pair *pair)
{
	struct le *le = pair->onlookers.head;

	while (le) {
		struct onlooker *o = le->data;

		le = le->next;
		if (!o->fetch)
			watcher_changed(o->w);
	}
}

static void fetch_done(struct onlooker *o)
{
	struct pair *pair = o->pair;

	watcher_accept(o->w);
	watcher_end(o->w, "timeout", true);
	mem_deref(o);
	if (list_isempty(&pair->onlookers)) {
		list_flush(&pair->resources);
		pair->told = false;
	}
}

static void fetch_timeout(void *arg)
{
	struct onlooker *o = arg;
	struct pair *pair = o->pair;

	fetch_done(o);
	pair_drop(pair);
}

/* The other resources of the user may still be on their way. */
static void fetches_soon(struct pair *pair)
{
	struct le *le;

	LIST_FOREACH (&pair->onlookers, le) {
		struct onlooker *o = le->data;

		if (o->fetch)
			tmr_start(&o->tmr, PACE_TICK, fetch_timeout, o);
	}
}

/* ---- what the user shows ---- */

static void on_presence(struct pair *pair, const struct stanza *st, bool open)
{
	const char *from = stanza_attr(st, "from");
	const char *slash = from ? strchr(from, '/') : NULL;

	if (list_isempty(&pair->onlookers))
		return;

	if (slash)
		show_set(&pair->resources, slash + 1, st, open);
	else if (!open)
		list_flush(&pair->resources);
	pair->told = true;
	fetches_soon(pair);
	serve_show(pair);
}

static void on_subscribed(struct pair *pair)
{
	struct le *le;

	pair->wanted = false;
	if (!pair->to) {
		pair->to = true;
		pair_save(pair);
	}
	LIST_FOREACH (&pair->onlookers, le) {
		struct onlooker *o = le->data;

		if (!o->fetch)
			watcher_accept(o->w);
	}
}

static void on_refused(struct pair *pair, const char *reason)
{
	pair->wanted = false;
	if (pair->to) {
		pair->to = false;
		pair_save(pair);
	}
	end_all(pair, reason);
}

/* Only what will not pass ends a subscription. */
static void on_error(struct pair *pair, const struct stanza *st)
{
	switch (stanza_error_cond(st)) {
	case COND_ITEM_NOT_FOUND:
	case COND_GONE:
	case COND_JID_MALFORMED:
		on_refused(pair, "noresource");
		break;

	case COND_FORBIDDEN:
	case COND_NOT_ALLOWED:
	case COND_NOT_AUTHORIZED:
	case COND_SERVICE_UNAVAILABLE:
		if (!pair->to)
			on_refused(pair, "rejected");
		break;

	default:
		break;
	}
}

void serve_event(struct pair *pair, enum service_event ev,
		 const struct stanza *st)
{
	switch (ev) {
	case SERVICE_SUBSCRIBED:
		on_subscribed(pair);
		break;
	case SERVICE_UNSUBSCRIBED:
		on_refused(pair, "rejected");
		break;
	case SERVICE_AVAILABLE:
		on_presence(pair, st, true);
		break;
	case SERVICE_UNAVAILABLE:
		on_presence(pair, st, false);
		break;
	case SERVICE_ERROR:
		on_error(pair, st);
		break;
	default:
		break;
	}
}

/* ---- who asks ---- */

static unsigned watched_by(const struct presence *p, const char *contact)
{
	const struct list *l = hash_list(p->contacts, keyed_str(contact));
	struct le *le;
	unsigned n = 0;

	LIST_FOREACH (l, le) {
		const struct pair *pair = le->data;

		if (!strcmp(pair->contact, contact))
			n += list_count(&pair->onlookers);
	}

	return n;
}

/* "alice@example.com" of "sip:alice@example.com;transport=tcp". */
static int entity_make(char **ep, const char *uri)
{
	struct uri u;
	struct pl pl;

	pl_set_str(&pl, uri);
	if (uri_decode(&u, &pl))
		return EBADMSG;

	return re_sdprintf(
	    ep, "%r%s%s%r%s", &u.user, pl_isset(&u.user) ? "@" : "",
	    u.af == AF_INET6 ? "[" : "", &u.host, u.af == AF_INET6 ? "]" : "");
}

static unsigned onlooker_add(struct pair *pair, struct watcher *w,
			     const struct notifier_request *rq, void **wargp)
{
	bool first = list_isempty(&pair->onlookers);
	struct onlooker *o = mem_zalloc(sizeof(*o), onlooker_destructor);

	if (!o)
		return 500;
	if (entity_make(&o->entity, rq->uri)) {
		mem_deref(o);
		return 400;
	}

	o->pair = pair;
	o->w = mem_ref(w);
	o->fetch = rq->fetch;
	list_append(&pair->onlookers, &o->le, o);
	*wargp = o;
	if (pair->to && !o->fetch)
		watcher_accept(w);
	if (o->fetch)
		tmr_start(&o->tmr, pair->told ? 0 : FETCH_WAIT, fetch_timeout,
			  o);
	if (pair->to || o->fetch) {
		if (!pair->told)
			service_presence_type(pair->service, pair->contact,
					      pair->user, "probe");
	} else if (first || !pair->wanted) {
		pair->wanted = true;
		service_presence_type(pair->service, pair->contact, pair->user,
				      "subscribe");
	}

	return 0;
}

/* A user is asked about so many strangers at a time: each of them stays in the
 * list of requests that its server keeps. */
static bool is_crowded(const struct presence *p, const char *user)
{
	const struct list *l = hash_list(p->pairs, keyed_str(user));
	unsigned n = 0;
	struct le *le;

	LIST_FOREACH (l, le) {
		const struct pair *pair = le->data;

		n += pair->wanted && !pair->to && !strcmp(pair->user, user);
	}

	return n >= UNDECIDED_MAX;
}

static unsigned admit(struct pair *pair, struct watcher *w,
		      const struct notifier_request *rq, void **wargp)
{
	if (!service_up(pair->service))
		return 480;
	if (!rq->fetch && !pair->to && !pair->wanted &&
	    is_crowded(pair->p, pair->user))
		return 480;

	return onlooker_add(pair, w, rq, wargp);
}

static unsigned subscribe_h(struct watcher *w,
			    const struct notifier_request *rq, void **wargp,
			    void *arg)
{
	struct presence *p = arg;
	const struct config_xmpp *component;
	const struct config_trunk *trunk = siptrunk_conf(rq->trunk);
	struct peer from, to;
	struct pair *pair;
	unsigned code;
	int err;

	if (p->stopping)
		return 480;

	code = route_in(p->conf.route, trunk, rq->uri, rq->caller, &from, &to,
			&component);
	if (code)
		return code;

	if (!strncmp(from.jid, "anonymous@", 10)) /* D10: who would decide? */
		code = 403;
	else if (watched_by(p, from.jid) >=
		 p->conf.config->limits.subscriptions_per_jid)
		code = 480;
	if (!code) {
		err = pair_get(&pair, p, to.jid, from.jid);
		code = err == ENOENT || err == ENOSPC ? 480 : err ? 500 : 0;
	}
	if (!code) {
		code = admit(pair, w, rq, wargp);
		if (code) /* it may have been made for this one */
			pair_drop(pair);
	}
	log_info("presence: sip %s watches %s%s: %u\n", from.jid, to.jid,
		 rq->fetch ? ", once" : "", code ? code : 200);
	peer_clear(&from);
	peer_clear(&to);

	return code;
}

static void gone_h(struct watcher *w, enum watcher_gone why, void *warg)
{
	struct onlooker *o = warg;
	struct pair *pair = o->pair;
	const struct service_status gone = {.open = false, .show = ""};
	(void)w;

	mem_deref(o);
	if (list_isempty(&pair->onlookers)) {
		list_flush(&pair->resources);
		pair->told = pair->wanted = false;
		/* not while the user sees the contact for its own sake */
		if (why == WATCHER_LEFT && !pair->from)
			service_contact_show(pair->service, pair->contact,
					     pair->user, &gone);
	}
	pair_drop(pair);
}

static const struct notifier_handlers handlers = {subscribe_h, print_h,
						  gone_h};

int serve_listen(struct presence *p)
{
	return notifier_alloc(&p->notifier, p->conf.stack,
			      &p->conf.config->presence, &handlers, p);
}
