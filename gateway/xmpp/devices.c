/* devices.c: which users are online with what, as far as their presence
 * reaches us, and which contacts they watch.  Nothing is kept on disk: after
 * each connection to the server the known users are asked again. */
#include "xmpp/service_int.h"

#include <stdlib.h>
#include <string.h>

#include <errno.h>

#include "base/keyed.h"
#include "base/log.h"
#include "base/table.h"

static void online_destructor(void *arg)
{
	struct online *o = arg;

	list_unlink(&o->le);
	mem_deref(o->iq);
	mem_deref(o->resource);
	mem_deref(o->caps);
}

static void watch_destructor(void *arg)
{
	struct watch *w = arg;

	if (w->le.list)
		w->s->watchc--;
	list_unlink(&w->le);
}

static void user_destructor(void *arg)
{
	struct user *u = arg;
	struct le *le;

	while ((le = u->watches.head))
		mem_deref(le->data);
	while ((le = u->devices.head))
		mem_deref(le->data);
	if (u->le.list)
		u->s->userc--;
	hash_unlink(&u->he);
	list_unlink(&u->le);
	mem_deref(u->via);
}

static bool bare_equal(struct le *le, void *arg)
{
	const struct user *u = le->data;
	const struct pl *bare = arg;

	return !pl_strcmp(bare, u->bare);
}

struct user *service_user_find(const struct service *s, const char *bare)
{
	struct pl pl;

	pl_set_str(&pl, bare);

	return list_ledata(
	    hash_lookup(s->users, keyed_str(bare), bare_equal, &pl));
}

static uint32_t by_bare(const void *data)
{
	return keyed_str(((const struct user *)data)->bare);
}

int service_user_get(struct user **up, struct service *s, const char *bare)
{
	struct user *u = service_user_find(s, bare);

	*up = u;
	if (u)
		return 0;
	if (s->userc >= SERVICE_USERS_MAX)
		return ENOSPC;

	u = mem_zalloc(sizeof(*u) + strlen(bare) + 1, user_destructor);
	if (!u)
		return ENOMEM;

	u->s = s;
	u->generation = s->generation;
	memcpy(u->bare, bare, strlen(bare) + 1);
	table_grow(&s->users, s->userc, by_bare);
	hash_append(s->users, keyed_str(bare), &u->he, u);
	list_append(&s->userlist, &u->le, u);
	s->userc++;
	*up = u;

	return 0;
}

void service_user_drop(struct user *u)
{
	struct le *le;

	if (!u)
		return;

	/* without presence only what survives a log-out still counts */
	for (le = u->watches.head; le && !u->devicec;) {
		struct watch *w = le->data;

		le = le->next;
		if (w->subscribed)
			continue;
		u->watchc--;
		mem_deref(w);
	}
	if (!u->devicec && !u->watchc)
		mem_deref(u);
}

static struct online *online_find(const struct user *u, const char *resource)
{
	struct le *le;

	LIST_FOREACH (&u->devices, le) {
		struct online *o = le->data;

		if (!strcmp(o->resource, resource))
			return o;
	}

	return NULL;
}

/* Highest priority first. */
static void online_place(struct user *u, struct online *o)
{
	struct le *le = u->devices.head;

	while (le && ((struct online *)le->data)->priority >= o->priority)
		le = le->next;
	if (le)
		list_insert_before(&u->devices, le, &o->le, o);
	else
		list_append(&u->devices, &o->le, o);
}

static struct online *online_new(struct user *u, const char *resource)
{
	struct online *o;

	if (u->devicec >= SERVICE_RESOURCES_MAX)
		return NULL;

	o = mem_zalloc(sizeof(*o), online_destructor);
	if (!o)
		return NULL;
	if (str_dup(&o->resource, resource)) {
		mem_deref(o);
		return NULL;
	}
	o->user = u;
	u->devicec++;

	return o;
}

/* RFC 6121 4.7.2.3 */
static int priority_read(const struct stanza *presence)
{
	const struct stanza *e =
	    stanza_child(presence, "priority", presence->ns);
	char *text = NULL;
	long n = 0;

	if (!e || stanza_text(&text, e))
		return 0;

	n = strtol(text, NULL, 10);
	mem_deref(text);

	return n < -128 || n > 127 ? 0 : (int)n;
}

static void via_set(struct user *u, const char *contact)
{
	char *via = NULL;

	if (u->via && !strcmp(u->via, contact))
		return;
	if (str_dup(&via, contact))
		return;

	mem_deref(u->via);
	u->via = via;
}

/* In the name of whom the user showed itself to: its server lets that pass. */
static void ask(struct caps *caps, const struct address *a,
		const struct stanza *presence)
{
	char *from = NULL, *full = NULL;
	int err;

	err = re_sdprintf(&from, "%s%s", a->contact,
			  *a->to.local ? "/" SERVICE_RESOURCE : "");
	if (!err)
		err = re_sdprintf(&full, "%H", jid_print, &a->from);
	if (!err)
		service_caps_ask(caps, presence, from, full);
	mem_deref(from);
	mem_deref(full);
}

/* The same presence comes once for each contact that it is for: what has not
 * changed costs nothing. */
void service_device_update(struct user *u, const struct address *a,
			   const struct stanza *presence)
{
	struct online *o = online_find(u, a->from.resource);
	struct caps *caps = NULL;

	if (!*a->from.resource)
		return;
	if (!o)
		o = online_new(u, a->from.resource);
	if (!o)
		return;

	u->seen = tmr_jiffies();
	o->priority = priority_read(presence);
	o->generation = u->s->generation;
	list_unlink(&o->le);
	online_place(u, o);
	/* what the server pushes is no leave to ask the user */
	if (a->target == TARGET_GATEWAY &&
	    service_granted(u->s, u->bare) & SERVICE_GRANT_PRESENCE)
		o->pushed = true;
	else
		via_set(u, a->contact);

	if (service_caps_read(&caps, u->s, presence))
		caps = NULL;
	/* what a device said for itself counts until it says another ver */
	if (caps && o->caps && o->caps->single &&
	    !strcmp(o->caps->ver, caps->ver)) {
		mem_deref(caps);
	} else {
		mem_deref(o->caps);
		o->caps = caps;
	}
	if (o->caps)
		ask(o->caps, a, presence);
}

void service_device_gone(struct online *o)
{
	struct user *u = o->user;

	mem_deref(o);
	if (!--u->devicec)
		(void)service_upcall(u->s, SERVICE_OFFLINE, u->bare, NULL,
				     NULL);
}

void service_device_remove(struct user *u, const char *resource)
{
	struct le *le = u->devices.head;

	while (le) {
		struct online *o = le->data;

		le = le->next;
		if (!*resource || !strcmp(o->resource, resource))
			service_device_gone(o);
	}
}

bool service_device_doubt(struct user *u, const char *resource,
			  const char *contact)
{
	struct online *o = online_find(u, resource);

	if (!o || !service_device_is_pushed(o))
		return false;

	o->doubted = true;

	return service_device_verify(o, contact);
}

static struct online *online_of(const struct service *s, const char *full)
{
	struct online *o = NULL;
	struct user *u;
	struct jid j;
	char *bare;

	if (!s || jid_decode(&j, full, strlen(full)))
		return NULL;

	if (!re_sdprintf(&bare, "%H", jid_print_bare, &j)) {
		u = service_user_find(s, bare);
		o = u ? online_find(u, j.resource) : NULL;
		mem_deref(bare);
	}
	jid_clear(&j);

	return o;
}

bool service_device_online(const struct service *s, const char *full)
{
	return online_of(s, full) != NULL;
}

void service_device_own(struct service *s, const char *full, unsigned bits)
{
	struct online *o = online_of(s, full);
	struct caps *caps;

	if (!o || !o->caps)
		return;

	if (service_caps_single(&caps, s, o->caps->ver, bits))
		return;

	mem_deref(o->caps);
	o->caps = caps;
}

struct watch *service_watch_find(const struct user *u, const char *contact)
{
	struct le *le;

	LIST_FOREACH (&u->watches, le) {
		struct watch *w = le->data;

		if (!strcmp(w->contact, contact))
			return w;
	}

	return NULL;
}

int service_watch_get(struct watch **wp, struct user *u, const char *contact)
{
	struct watch *w = service_watch_find(u, contact);

	*wp = w;
	if (w)
		return 0;
	if (u->watchc >= component_limits(u->s->c)->subscriptions_per_jid ||
	    u->s->watchc >= SERVICE_WATCHES_MAX)
		return ENOSPC;

	w = mem_zalloc(sizeof(*w) + strlen(contact) + 1, watch_destructor);
	if (!w)
		return ENOMEM;

	w->s = u->s;
	memcpy(w->contact, contact, strlen(contact) + 1);
	list_append(&u->watches, &w->le, w);
	u->watchc++;
	u->s->watchc++;
	*wp = w;

	return 0;
}

/* ---- after a reconnect ---- */

static void stale_timeout(void *arg)
{
	struct service *s = arg;
	struct le *le = s->userlist.head;

	while (le) {
		struct user *u = le->data;
		struct le *d = u->devices.head;

		le = le->next;
		while (d) {
			struct online *o = d->data;

			d = d->next;
			if (o->generation != s->generation)
				service_device_gone(o);
		}
		service_user_drop(u);
	}
}

/* The user learns again that its contacts are there, and we what it has. */
static unsigned user_sync(struct service *s, struct user *u)
{
	const char *via = u->via;
	unsigned sent = 0;
	struct le *le;

	LIST_FOREACH (&u->watches, le) {
		struct watch *w = le->data;

		if (!w->subscribed)
			continue;
		if (!via) /* remembered since an earlier life */
			via = w->contact;
		w->greeted = tmr_jiffies();
		if (!service_upcall(s, SERVICE_SYNC, u->bare, w->contact,
				    NULL))
			service_greet(s, w->contact, u->bare);
		sent++;
	}
	if (via) {
		service_presence_send(s, via, u->bare, "probe");
		sent++;
	}

	return sent;
}

static void sync_timeout(void *arg)
{
	struct service *s = arg;
	unsigned sent = 0;

	while (sent < SERVICE_SYNC_BURST) {
		struct user *u = list_ledata(s->userlist.head);

		if (!u || u->generation == s->generation) {
			tmr_start(&s->tmr_stale, SERVICE_STALE_WAIT,
				  stale_timeout, s);
			return;
		}
		u->generation = s->generation;
		list_unlink(&u->le);
		list_append(&s->userlist, &u->le, u);
		sent += 1 + user_sync(s, u);
	}
	tmr_start(&s->tmr_sync, SERVICE_SYNC_TICK, sync_timeout, s);
}

void service_sync(struct service *s, bool up)
{
	tmr_cancel(&s->tmr_sync);
	tmr_cancel(&s->tmr_stale);
	if (!up)
		return;

	s->generation++;
	if (s->userc)
		log_info("xmpp: %s: asking %u users whether they are there\n",
			 component_domain(s->c), s->userc);
	tmr_start(&s->tmr_sync, SERVICE_SYNC_TICK, sync_timeout, s);
}

size_t service_devices(const struct service *s, const char *bare,
		       struct device *v, size_t max)
{
	const struct user *u = NULL;
	char *key = NULL;
	struct le *le;
	size_t n = 0;

	if (!s || !bare || !v || jid_bare(&key, bare))
		return 0;

	u = service_user_find(s, key);
	mem_deref(key);
	if (!u)
		return 0;

	for (le = u->devices.head; le && n < max; le = le->next, n++) {
		const struct online *o = le->data;
		const struct caps *caps = o->caps;
		unsigned bits = caps && caps->known ? caps->bits : 0;

		v[n].resource = o->resource;
		v[n].priority = o->priority;
		v[n].known = caps && caps->known;
		v[n].jmi = bits & FEATURE_JMI;
		v[n].call = (bits & FEATURE_CALL) == FEATURE_CALL;
	}

	return n;
}

bool service_online(const struct service *s, const char *user)
{
	const struct user *u = service_user_find(s, user);

	return u && u->devicec;
}

bool service_knows(const struct service *s, const char *user)
{
	const struct user *u = service_user_find(s, user);
	struct le *le;

	LIST_FOREACH (u ? &u->devices : NULL, le) {
		const struct online *o = le->data;

		if (service_device_is_pushed(o))
			return true;
	}

	return false;
}

uint64_t service_seen(const struct service *s, const char *user)
{
	const struct user *u = service_user_find(s, user);

	return u && u->seen ? tmr_jiffies() - u->seen : UINT64_MAX;
}

void service_ask(struct service *s, const char *contact, const char *user)
{
	struct user *u = service_user_find(s, user);
	const uint64_t now = tmr_jiffies();
	bool asked = false;
	struct le *le;

	LIST_FOREACH (u ? &u->devices : NULL, le) {
		struct online *o = le->data;

		if (service_device_is_pushed(o))
			asked |= service_device_verify(o, contact);
	}
	/* one answer is good for all contacts of the user */
	if (asked || (u && u->asked && now < u->asked + SERVICE_ASK_WAIT))
		return;
	if (u)
		u->asked = now;
	service_presence_send(s, u && u->via ? u->via : contact, user,
			      "probe");
}

void service_remember(struct service *s, const char *contact, const char *user)
{
	struct watch *w;
	struct user *u;

	if (!service_user_get(&u, s, user) &&
	    !service_watch_get(&w, u, contact))
		w->subscribed = true;
}

bool service_up(const struct service *s)
{
	return component_up(s->c);
}
