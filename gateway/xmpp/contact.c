/* contact.c: subscriptions to contacts and to the gateway, and their presence
 * (RFC 6121 3, 4; C.1; D14, D52).
 *
 * A contact is there for whoever may call it: SIP phones rarely have presence,
 * and clients show the call button only beside a full JID with caps. */
#include "xmpp/service_int.h"

#include <string.h>

struct shown { /* a contact that a user sees for the sake of a call */
	struct le le;
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

	if (re_sdprintf(&from, "%s%s", contact,
			kind == TARGET_PHONE ? "/" SERVICE_RESOURCE : ""))
		return;

	p = presence_new(from, user, type);
	if (!type)
		service_caps_put(p, kind);
	if (stanza_ok(p))
		(void)component_send(s->c, p, COMPONENT_SHED_FIRST);
	stanza_free(p);
	mem_deref(from);
}

void service_greet(struct service *s, const char *contact, const char *user)
{
	phone_presence(s, contact, user, NULL);
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

	w = watch_of(s, a);
	if (w)
		w->subscribed = true;
	service_presence_send(s, a->contact, a->user, "subscribed");
	greet(s, a, w);
	/* D52: else clients treat our calls as a stranger's.  Once, or two
	 * gateways would ask each other for ever. */
	if (!w || w->asked || !*a->to.local)
		return;

	w->asked = true;
	service_presence_send(s, a->contact, a->user, "subscribe");
}

static void on_unsubscribe(struct service *s, const struct address *a,
			   const struct stanza *st)
{
	struct user *u = service_user_find(s, a->user);
	struct watch *w = u ? service_watch_find(u, a->contact) : NULL;
	bool mirror = w && w->subscribed && *a->to.local;

	(void)st;
	phone_presence(s, a->contact, a->user, "unavailable");
	service_presence_send(s, a->contact, a->user, "unsubscribed");
	/* only once, or two gateways would thank each other for ever */
	if (mirror)
		service_presence_send(s, a->contact, a->user, "unsubscribe");
	if (!w)
		return;

	u->watchc--;
	mem_deref(w);
	service_user_drop(u);
}

/* RFC 6121 4.3.2 */
static void on_probe(struct service *s, const struct address *a,
		     const struct stanza *st)
{
	struct watch *w;

	(void)st;
	if (service_permits(s, a, NULL) != COND_NONE) {
		service_presence_send(s, a->contact, a->user, "unsubscribed");
		return;
	}

	w = watch_of(s, a);
	if (w)
		w->subscribed = true;
	greet(s, a, w);
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
	/* what has no resource is no device, but a gateway like us */
	if (!*a->from.resource || service_permits(s, a, NULL) != COND_NONE ||
	    service_user_get(&u, s, a->user))
		return;

	service_device_update(u, a, st);
	if (!service_watch_get(&w, u, a->contact) &&
	    (!w->greeted || tmr_jiffies() >= w->greeted + SERVICE_GREET_WAIT))
		greet(s, a, w);
	service_user_drop(u);
}

static void on_unavailable(struct service *s, const struct address *a,
			   const struct stanza *st)
{
	struct user *u = service_user_find(s, a->user);

	(void)st;
	if (!u)
		return;

	service_device_remove(u, a->from.resource);
	service_user_drop(u);
}

/* The user took back what it had granted: next time we ask again. */
static void on_unsubscribed(struct service *s, const struct address *a,
			    const struct stanza *st)
{
	struct user *u = service_user_find(s, a->user);
	struct watch *w = u ? service_watch_find(u, a->contact) : NULL;

	(void)st;
	if (w)
		w->asked = false;
}

/* Of our own subscription, or of a stanza of ours that came back: there is
 * nothing to say. */
static void on_ignored(struct service *s, const struct address *a,
		       const struct stanza *st)
{
	(void)s;
	(void)a;
	(void)st;
}

static const struct {
	const char *type; /* RFC 6121 4.7.1 */
	presence_h *h;
} types[] = {
    {"", on_available},
    {"unavailable", on_unavailable},
    {"subscribe", on_subscribe},
    {"subscribed", on_ignored},
    {"unsubscribe", on_unsubscribe},
    {"unsubscribed", on_unsubscribed},
    {"probe", on_probe},
    {"error", on_ignored},
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
	mem_deref(x->contact);
	mem_deref(x->user);
}

static struct shown *shown_find(const struct service *s, const char *contact,
				const char *user)
{
	struct le *le;

	LIST_FOREACH (&s->shown, le) {
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
	s->shownc++;

	return x;
}

/* A subscriber sees the contact anyway. */
static bool is_subscribed(const struct service *s, const char *contact,
			  const char *user)
{
	const struct user *u = service_user_find(s, user);
	const struct watch *w = u ? service_watch_find(u, contact) : NULL;

	return w && w->subscribed;
}

static void hide_timeout(void *arg)
{
	struct shown *x = arg;

	if (!is_subscribed(x->s, x->contact, x->user))
		phone_presence(x->s, x->contact, x->user, "unavailable");
	mem_deref(x);
}

void service_show(struct service *s, const char *contact, const char *user)
{
	char *c = NULL, *u = NULL;
	struct shown *x = NULL;

	if (!s || !contact || !user || jid_bare(&c, contact) ||
	    jid_bare(&u, user))
		goto out;

	x = shown_find(s, c, u);
	if (!x)
		x = shown_new(s, c, u);
	if (!x)
		goto out;

	x->calls++;
	tmr_cancel(&x->tmr);
	service_greet(s, c, u);
out:
	mem_deref(c);
	mem_deref(u);
}

void service_hide(struct service *s, const char *contact, const char *user)
{
	char *c = NULL, *u = NULL;
	struct shown *x = NULL;

	if (!s || !contact || !user || jid_bare(&c, contact) ||
	    jid_bare(&u, user))
		goto out;

	x = shown_find(s, c, u);
	if (x && x->calls && !--x->calls)
		tmr_start(&x->tmr, SERVICE_HIDE_WAIT, hide_timeout, x);
out:
	mem_deref(c);
	mem_deref(u);
}

void service_shown_close(struct service *s)
{
	list_flush(&s->shown);
}
