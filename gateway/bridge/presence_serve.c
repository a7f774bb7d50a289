/* presence_serve.c: SIP users watch XMPP users (protocol C.2): who may, and
 * what they are shown. */
#include "bridge/presence_priv.h"
#include <stdlib.h>
#include <string.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include "base/id.h"
#include "base/log.h"
#include "base/text.h"

enum { TOKEN_LEN = 26, LANG_MAX = 35, STATUS_MAX = 1024 };

static void onlooker_destructor(void *arg)
{
	struct onlooker *o = arg;

	list_unlink(&o->le);
	tmr_cancel(&o->tmr);
	mem_deref(o->w);
	mem_deref(o->entity);
}

static void resource_destructor(void *arg)
{
	struct resource *r = arg;

	list_unlink(&r->le);
	mem_deref(r->name);
	pidf_status_clear(&r->status);
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

/* D7: the same resource has the same name, which tells nothing of it. */
static void token_make(char out[TOKEN_LEN + 1], const struct pair *pair,
		       const char *resource)
{
	static const char digits[] = "abcdefghijklmnopqrstuvwxyz234567";
	static uint64_t key[4];
	unsigned char md[EVP_MAX_MD_SIZE] = {0};
	char *jid = NULL;
	unsigned len = 0, bits = 0, n = 0;
	uint32_t acc = 0;

	while (!key[0]) {
		for (size_t i = 0; i < ARRAY_SIZE(key); i++)
			key[i] = id_random();
	}
	if (!re_sdprintf(&jid, "%s/%s", pair->user, resource))
		(void)HMAC(EVP_sha256(), key, (int)sizeof(key),
			   (const unsigned char *)jid, strlen(jid), md, &len);
	mem_deref(jid);

	for (size_t i = 0; n < TOKEN_LEN; i++) {
		acc = acc << 8 | md[i];
		for (bits += 8; bits >= 5 && n < TOKEN_LEN; bits -= 5)
			out[n++] = digits[acc >> (bits - 5) & 31];
	}
	out[n] = '\0';
}

static int print_h(struct mbuf *mb, bool closed, void *warg)
{
	const struct onlooker *o = warg;
	const struct pair *pair = o->pair;
	char ids[RESOURCES_MAX][TOKEN_LEN + 1];
	struct pidf_tuple tuples[RESOURCES_MAX];
	struct pidf_document doc;
	struct le *le;

	memset(&doc, 0, sizeof(doc));
	doc.entity = o->entity;
	doc.tuples = tuples;
	if (!closed && !pair->told)
		return 0;

	for (le = pair->resources.head; le && !closed; le = le->next) {
		const struct resource *r = le->data;

		if (doc.tuplec >= RESOURCES_MAX)
			break;
		token_make(ids[doc.tuplec], pair, r->name);
		tuples[doc.tuplec].id = ids[doc.tuplec];
		tuples[doc.tuplec++].status = &r->status;
	}
	doc.phone = !closed && presence_busy(pair->p, pair->user);

	return pidf_encode(mb, &doc);
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

static struct resource *resource_find(const struct pair *pair,
				      const char *name)
{
	struct le *le;

	LIST_FOREACH (&pair->resources, le) {
		struct resource *r = le->data;

		if (!strcmp(r->name, name))
			return r;
	}

	return NULL;
}

/* Those that are gone are shown as closed once, until something changes. */
static void resources_sweep(struct pair *pair, const char *but)
{
	struct le *le = pair->resources.head;

	while (le) {
		struct resource *r = le->data;

		le = le->next;
		if (!r->status.open && strcmp(r->name, but))
			mem_deref(r);
	}
}

static void resource_place(struct pair *pair, struct resource *r)
{
	struct le *le = pair->resources.head;

	while (le) {
		const struct resource *other = le->data;

		if (other->status.open < r->status.open ||
		    (other->status.open == r->status.open &&
		     other->status.priority < r->status.priority))
			break;
		le = le->next;
	}
	if (le)
		list_insert_before(&pair->resources, le, &r->le, r);
	else
		list_append(&pair->resources, &r->le, r);
}

static int child_text(char **tp, const struct stanza *st, const char *name)
{
	const struct stanza *e = stanza_child(st, name, st->ns);
	char *raw = NULL;
	struct pl pl;
	int err;

	if (!e)
		return 0;

	err = stanza_text(&raw, e);
	if (err)
		return err;
	pl_set_str(&pl, raw);
	err = *raw ? text_clean(tp, &pl, STATUS_MAX) : 0;
	mem_deref(raw);

	return err;
}

static const char *lang_of(const struct stanza *st)
{
	const struct stanza *e = stanza_child(st, "status", st->ns);
	const struct attr *a;

	for (; e; e = e->parent) {
		for (a = e->attrs; a; a = a->next) {
			if (*a->ns && !strcmp(a->name, "lang") &&
			    strlen(a->value) <= LANG_MAX)
				return a->value;
		}
	}

	return NULL;
}

static int status_read(struct pidf_status *out, const struct stanza *st,
		       bool open)
{
	char *show = NULL, *priority = NULL;
	const char *lang = lang_of(st);
	long n;
	int err;

	memset(out, 0, sizeof(*out));
	out->open = open;
	err = child_text(&out->text, st, "status");
	err |= child_text(&show, st, "show");
	err |= child_text(&priority, st, "priority");
	if (out->text && lang)
		err |= str_dup(&out->lang, lang);
	if (show)
		out->show = pidf_show_find(show);
	n = priority ? strtol(priority, NULL, 10) : 0;
	out->priority = n < -128 || n > 127 ? 0 : (int)n;
	mem_deref(show);
	mem_deref(priority);

	return err;
}

static void resource_set(struct pair *pair, const char *name,
			 const struct stanza *st, bool open)
{
	struct resource *r = resource_find(pair, name);
	struct pidf_status status;

	resources_sweep(pair, name);
	if (!r && (!open || list_count(&pair->resources) >= RESOURCES_MAX))
		return;
	if (status_read(&status, st, open)) {
		pidf_status_clear(&status);
		return;
	}
	if (!r) {
		r = mem_zalloc(sizeof(*r), resource_destructor);
		if (!r || str_dup(&r->name, name)) {
			mem_deref(r);
			pidf_status_clear(&status);
			return;
		}
	}
	pidf_status_clear(&r->status);
	r->status = status;
	list_unlink(&r->le);
	resource_place(pair, r);
}

static void on_presence(struct pair *pair, const struct stanza *st, bool open)
{
	const char *from = stanza_attr(st, "from");
	const char *slash = from ? strchr(from, '/') : NULL;

	if (list_isempty(&pair->onlookers))
		return;

	if (slash)
		resource_set(pair, slash + 1, st, open);
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
	const struct list *l = hash_list(p->contacts, hash_joaat_str(contact));
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
	const struct list *l = hash_list(p->pairs, hash_joaat_str(user));
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
