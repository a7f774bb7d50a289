/* contact.c: subscriptions to contacts and to the gateway, and their presence
 * (RFC 6121 3, 4; C.1; D14, D52).
 *
 * A contact is there for whoever may call it: SIP phones rarely have presence,
 * and clients show the call button only beside a full JID with caps. */
#include "xmpp/service_int.h"

#include <string.h>
#include "base/keyed.h"
#include "base/text.h"

struct shown { /* a contact that a user sees for the sake of a call */
	struct le le, le_ht;
	struct service *s; /* not referenced */
	char *contact, *user;
	unsigned calls;
	struct tmr tmr; /* runs when there is none */
};

static enum target kind_of(const char *contact)
{
	return strchr(contact, '@') ? TARGET_PHONE : TARGET_GATEWAY;
}

static struct stanza *presence_new(const char *from, const char *to,
				   const char *type)
{
	struct stanza *p = stanza_new("presence", NS_COMPONENT);

	if (!p)
		return NULL;
	(void)stanza_attr_set(p, "from", from);
	(void)stanza_attr_set(p, "to", to);
	(void)stanza_attr_set(p, "type", type);

	return p;
}

void service_presence_send(struct service *s, const char *from, const char *to,
			   const char *type)
{
	component_reply(s->c, presence_new(from, to, type));
}

/* Presence is what is shed first: the next probe brings it again. */
static void phone_presence(struct service *s, const char *contact,
			   const char *user, const char *type)
{
	enum target kind = kind_of(contact);
	struct stanza *p;
	char *from = NULL;

	if (text_join(&from, contact,
		      kind == TARGET_PHONE ? "/" SERVICE_RESOURCE : "", NULL))
		return;

	p = presence_new(from, user, type);
	if (!type && s->busy && kind == TARGET_GATEWAY) {
		(void)stanza_text_add(stanza_add(p, "show", NULL), "dnd");
		(void)stanza_text_add(stanza_add(p, "status", NULL), s->busy);
	}
	if (!type)
		service_caps_put(s, p, kind);
	if (stanza_ok(p))
		(void)component_send(s->c, p, COMPONENT_SHED_FIRST);
	stanza_free(p);
	mem_deref(from);
}

void service_greet(struct service *s, const char *contact, const char *user)
{
	phone_presence(s, contact, user, NULL);
}

bool service_upcall(struct service *s, enum service_event ev, const char *user,
		    const char *contact, const struct stanza *st)
{
	return s->h.presence && s->h.presence(ev, user, contact, st, s->h.arg);
}

static bool upcall(struct service *s, enum service_event ev,
		   const struct address *a, const struct stanza *st)
{
	/* of the gateway itself only how users show themselves to it */
	return (*a->to.local || ev == SERVICE_AVAILABLE ||
		ev == SERVICE_UNAVAILABLE || ev == SERVICE_SUBSCRIBED ||
		ev == SERVICE_UNSUBSCRIBED) &&
	       service_upcall(s, ev, a->user, a->contact, st);
}

void service_contact_show(struct service *s, const char *contact,
			  const char *user, const struct service_status *st)
{
	const enum target kind = kind_of(contact);
	struct stanza *p, *e;
	char *from = NULL;

	if (text_join(&from, contact,
		      kind == TARGET_PHONE ? "/" SERVICE_RESOURCE : "", NULL))
		return;

	p = presence_new(from, user, st->open ? NULL : "unavailable");
	if (st->open && *st->show)
		(void)stanza_text_add(stanza_add(p, "show", NULL), st->show);
	if (st->text) {
		e = stanza_add(p, "status", NULL);
		(void)stanza_text_add(e, st->text);
		if (st->lang)
			(void)stanza_attr_set(e, "xml:lang", st->lang);
	}
	if (st->open && st->priority > 0) {
		char text[8];

		(void)re_snprintf(text, sizeof(text), "%d", st->priority);
		(void)stanza_text_add(stanza_add(p, "priority", NULL), text);
	}
	if (st->open)
		service_caps_put(s, p, kind);
	if (stanza_ok(p))
		(void)component_send(s->c, p, COMPONENT_SHED_FIRST);
	stanza_free(p);
	mem_deref(from);
}

static struct watch *watch_of(struct service *s, const struct address *a)
{
	struct watch *w = NULL;
	struct user *u;

	if (!service_user_get(&u, s, a->user))
		(void)service_watch_get(&w, u, a->contact);

	return w;
}

static void greet(struct service *s, const struct address *a, struct watch *w)
{
	if (w)
		w->greeted = tmr_jiffies();
	service_greet(s, a->contact, a->user);
}

/* ---- what users send ---- */

typedef void(presence_h)(struct service *s, const struct address *a,
			 const struct stanza *st);

/* D52: else clients treat our calls as a stranger's.  Once, or two gateways
 * would ask each other for ever. */
static void subscribe_back(struct service *s, const char *contact,
			   const char *user, struct watch *w)
{
	if (!w || w->asked)
		return;

	w->asked = true;
	service_presence_send(s, contact, user, "subscribe");
}

static void on_subscribe(struct service *s, const struct address *a,
			 const struct stanza *st)
{
	enum stanza_cond cond = service_permits(s, a, NULL);
	struct watch *w;

	if (cond != COND_NONE) {
		component_reply(s->c,
				stanza_error(st, cond, NULL, NULL, NULL));
		service_presence_send(s, a->contact, a->user, "unsubscribed");
		return;
	}

	if (upcall(s, SERVICE_SUBSCRIBE, a, st))
		return;

	w = watch_of(s, a);
	if (w)
		w->subscribed = true;
	service_presence_send(s, a->contact, a->user, "subscribed");
	greet(s, a, w);
	if (*a->to.local)
		subscribe_back(s, a->contact, a->user, w);
}

void service_accept(struct service *s, const char *contact, const char *user,
		    const struct service_status *st)
{
	struct watch *w = NULL;
	struct user *u;

	if (!service_user_get(&u, s, user) &&
	    !service_watch_get(&w, u, contact)) {
		w->subscribed = true;
		w->greeted = tmr_jiffies();
	}
	service_presence_send(s, contact, user, "subscribed");
	service_contact_show(s, contact, user, st);
	subscribe_back(s, contact, user, w);
}

void service_revoke(struct service *s, const char *contact, const char *user,
		    bool and_theirs)
{
	struct user *u = service_user_find(s, user);
	struct watch *w = u ? service_watch_find(u, contact) : NULL;
	/* only once, or two gateways would thank each other for ever */
	bool mirror = and_theirs && w && w->subscribed && strchr(contact, '@');

	phone_presence(s, contact, user, "unavailable");
	service_presence_send(s, contact, user, "unsubscribed");
	if (mirror)
		service_presence_send(s, contact, user, "unsubscribe");
	if (!w)
		return;

	u->watchc--;
	mem_deref(w);
	service_user_drop(u);
}

void service_reject(struct service *s, const char *contact, const char *user)
{
	struct stanza *p = presence_new(user, contact, "subscribe");
	struct stanza *e =
	    stanza_error(p, COND_ITEM_NOT_FOUND, NULL, NULL, NULL);

	component_reply(s->c, e);
	stanza_free(p);
}

void service_presence_type(struct service *s, const char *contact,
			   const char *user, const char *type)
{
	struct user *u = service_user_find(s, user);
	struct watch *w = u ? service_watch_find(u, contact) : NULL;

	if (w && !strcmp(type, "subscribe"))
		w->asked = true;
	service_presence_send(s, contact, user, type);
}

static void on_unsubscribe(struct service *s, const struct address *a,
			   const struct stanza *st)
{
	if (!upcall(s, SERVICE_UNSUBSCRIBE, a, st))
		service_revoke(s, a->contact, a->user, true);
}

/* RFC 6121 4.3.2 */
static void on_probe(struct service *s, const struct address *a,
		     const struct stanza *st)
{
	struct watch *w;

	if (service_permits(s, a, NULL) != COND_NONE) {
		service_presence_send(s, a->contact, a->user, "unsubscribed");
		return;
	}

	w = watch_of(s, a);
	if (w)
		w->subscribed = true;
	if (!upcall(s, SERVICE_PROBE, a, st))
		greet(s, a, w);
}

/* A subscriber sees the contact anyway. */
static bool is_subscribed(const struct service *s, const char *contact,
			  const char *user)
{
	const struct user *u = service_user_find(s, user);
	const struct watch *w = u ? service_watch_find(u, contact) : NULL;

	return w && w->subscribed;
}

/* Not the user but its server shows it to the gateway: no reason to show the
 * gateway to the user. */
static bool is_pushed(const struct service *s, const struct address *a)
{
	return a->target == TARGET_GATEWAY &&
	       service_granted(s, a->user) & SERVICE_GRANT_PRESENCE &&
	       !is_subscribed(s, a->contact, a->user);
}

static void on_available(struct service *s, const struct address *a,
			 const struct stanza *st)
{
	struct watch *w;
	struct user *u;

	if (stanza_child(st, "x", NS_MUC)) { /* a contact is no room */
		component_reply(s->c,
				stanza_error(st, COND_SERVICE_UNAVAILABLE,
					     NULL, NULL, NULL));
		return;
	}
	if (is_pushed(s, a) && s->userc >= SERVICE_PUSHED_MAX &&
	    !service_user_find(s, a->user))
		return;
	/* what has no resource is no device, but a gateway like us */
	if (!*a->from.resource || service_permits(s, a, NULL) != COND_NONE ||
	    service_user_get(&u, s, a->user))
		return;

	service_device_update(u, a, st);
	if (!upcall(s, SERVICE_AVAILABLE, a, st) && !is_pushed(s, a) &&
	    !service_watch_get(&w, u, a->contact) &&
	    (!w->greeted || tmr_jiffies() >= w->greeted + SERVICE_GREET_WAIT))
		greet(s, a, w);
	service_user_drop(u);
}

static void on_unavailable(struct service *s, const struct address *a,
			   const struct stanza *st)
{
	struct user *u = service_user_find(s, a->user);

	(void)upcall(s, SERVICE_UNAVAILABLE, a, st);
	if (!u)
		return;

	if (a->target == TARGET_GATEWAY || !*a->from.resource ||
	    !service_device_doubt(u, a->from.resource, a->contact))
		service_device_remove(u, a->from.resource);
	service_user_drop(u);
}

/* The user took back what it had granted: next time we ask again. */
static void on_unsubscribed(struct service *s, const struct address *a,
			    const struct stanza *st)
{
	struct user *u = service_user_find(s, a->user);
	struct watch *w = u ? service_watch_find(u, a->contact) : NULL;

	if (w)
		w->asked = false;
	(void)upcall(s, SERVICE_UNSUBSCRIBED, a, st);
}

static void on_subscribed(struct service *s, const struct address *a,
			  const struct stanza *st)
{
	(void)upcall(s, SERVICE_SUBSCRIBED, a, st);
}

/* A stanza of ours that came back: there is nothing to say. */
static void on_error(struct service *s, const struct address *a,
		     const struct stanza *st)
{
	(void)upcall(s, SERVICE_ERROR, a, st);
}

static const struct {
	const char *type; /* RFC 6121 4.7.1 */
	presence_h *h;
} types[] = {
    {"", on_available},
    {"unavailable", on_unavailable},
    {"subscribe", on_subscribe},
    {"subscribed", on_subscribed},
    {"unsubscribe", on_unsubscribe},
    {"unsubscribed", on_unsubscribed},
    {"probe", on_probe},
    {"error", on_error},
};

bool service_presence(struct component *c, const struct stanza *st, void *arg)
{
	const char *type = stanza_attr(st, "type");
	struct service *s = arg;
	struct address a;

	(void)c;
	if (service_address_decode(&a, st))
		return false;

	for (size_t i = 0; i < SERVICE_COUNT(types); i++) {
		if (!strcmp(type ? type : "", types[i].type))
			types[i].h(s, &a, st);
	}
	service_address_clear(&a);

	return true;
}

/* ---- for the sake of a call ---- */

static void shown_destructor(void *arg)
{
	struct shown *x = arg;

	tmr_cancel(&x->tmr);
	if (x->le.list)
		x->s->shownc--;
	list_unlink(&x->le);
	hash_unlink(&x->le_ht);
	mem_deref(x->contact);
	mem_deref(x->user);
}

static uint32_t shown_hash(const char *contact, const char *user)
{
	return keyed_str(contact) * 31 ^ keyed_str(user);
}

static struct shown *shown_find(const struct service *s, const char *contact,
				const char *user)
{
	struct le *le;

	LIST_FOREACH (hash_list(s->shown_ht, shown_hash(contact, user)), le) {
		struct shown *x = le->data;

		if (!strcmp(x->contact, contact) && !strcmp(x->user, user))
			return x;
	}

	return NULL;
}

static struct shown *shown_new(struct service *s, const char *contact,
			       const char *user)
{
	struct shown *x;

	if (s->shownc >= SERVICE_SHOWN_MAX)
		return NULL;

	x = mem_zalloc(sizeof(*x), shown_destructor);
	if (!x)
		return NULL;

	tmr_init(&x->tmr);
	x->s = s;
	if (str_dup(&x->contact, contact) || str_dup(&x->user, user))
		return mem_deref(x);
	list_append(&s->shown, &x->le, x);
	hash_append(s->shown_ht, shown_hash(contact, user), &x->le_ht, x);
	s->shownc++;

	return x;
}

static void hide_timeout(void *arg)
{
	struct shown *x = arg;

	if (!is_subscribed(x->s, x->contact, x->user))
		phone_presence(x->s, x->contact, x->user, "unavailable");
	else /* what it shows may be less than that */
		(void)service_upcall(x->s, SERVICE_SYNC, x->user, x->contact,
				     NULL);
	mem_deref(x);
}

static void shown_change(struct service *s, const char *contact,
			 const char *user, bool show)
{
	char *c = NULL, *u = NULL;
	struct shown *x = NULL;

	if (!s || !contact || !user || jid_bare(&c, contact) ||
	    jid_bare(&u, user))
		goto out;

	x = shown_find(s, c, u);
	if (!x && show)
		x = shown_new(s, c, u);
	if (!x)
		goto out;

	if (show) {
		x->calls++;
		tmr_cancel(&x->tmr);
		if (!service_upcall(s, SERVICE_SHOWN, u, c, NULL))
			service_greet(s, c, u);
	} else if (x->calls && !--x->calls) {
		tmr_start(&x->tmr, SERVICE_HIDE_WAIT, hide_timeout, x);
	}
out:
	mem_deref(c);
	mem_deref(u);
}

void service_show(struct service *s, const char *contact, const char *user)
{
	shown_change(s, contact, user, true);
}

void service_hide(struct service *s, const char *contact, const char *user)
{
	shown_change(s, contact, user, false);
}

void service_busy(struct service *s, const char *why)
{
	struct le *le, *lw;

	if (!s || s->busy == why)
		return;

	s->busy = why;
	LIST_FOREACH (&s->userlist, le) {
		const struct user *u = le->data;

		LIST_FOREACH (&u->watches, lw) {
			const struct watch *w = lw->data;

			if (kind_of(w->contact) == TARGET_GATEWAY &&
			    (w->subscribed || w->greeted))
				service_greet(s, w->contact, u->bare);
		}
	}
}

void service_goodbye(struct service *s)
{
	struct le *le, *lw;

	if (!s)
		return;

	LIST_FOREACH (&s->userlist, le) {
		const struct user *u = le->data;

		LIST_FOREACH (&u->watches, lw) {
			struct watch *w = lw->data;

			if (w->subscribed || w->greeted)
				phone_presence(s, w->contact, u->bare,
					       "unavailable");
			w->greeted = 0;
		}
	}
	LIST_FOREACH (&s->shown, le) {
		const struct shown *x = le->data;

		if (!is_subscribed(s, x->contact, x->user))
			phone_presence(s, x->contact, x->user, "unavailable");
	}
	service_shown_close(s);
}

void service_shown_close(struct service *s)
{
	list_flush(&s->shown);
}
