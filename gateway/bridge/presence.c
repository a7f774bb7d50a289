/* presence.c: the pairs of users and contacts, and who asks for what. */
#include "bridge/presence_priv.h"
#include <string.h>
#include "base/keyed.h"
#include "base/log.h"
#include "base/table.h"
#include "base/text.h"

static void pair_destructor(void *arg)
{
	struct pair *pair = arg;

	watch_close(pair);
	serve_close(pair);
	if (pair->he.list)
		--pair->p->pairc;
	hash_unlink(&pair->he);
	hash_unlink(&pair->ce);
	mem_deref(pair->service);
	mem_deref(pair->di);
	pidf_status_clear(&pair->status);
}

struct key {
	const char *user, *contact;
};

static bool is_pair(struct le *le, void *arg)
{
	const struct pair *pair = le->data;
	const struct key *key = arg;

	return !strcmp(pair->user, key->user) &&
	       !strcmp(pair->contact, key->contact);
}

/* By user: all pairs of one are in one bucket. */
static struct pair *pair_find(const struct presence *p, const char *user,
			      const char *contact)
{
	struct key key = {user, contact};

	return list_ledata(
	    hash_lookup(p->pairs, keyed_str(user), is_pair, &key));
}

static struct service *face_of(const struct presence *p, const char *contact)
{
	const char *domain = strchr(contact, '@');
	struct le *le;

	LIST_FOREACH (&p->faces, le) {
		struct face *f = le->data;

		if (domain && !strcmp(f->domain, domain + 1))
			return f->service;
	}

	return NULL;
}

static uint32_t by_user(const void *data)
{
	return keyed_str(((const struct pair *)data)->user);
}

static uint32_t by_contact(const void *data)
{
	return keyed_str(((const struct pair *)data)->contact);
}

int pair_get(struct pair **pp, struct presence *p, const char *user,
	     const char *contact)
{
	struct service *service = face_of(p, contact);
	struct pair *pair = pair_find(p, user, contact);
	char *at;

	*pp = pair;
	if (pair)
		return 0;
	if (!service)
		return ENOENT;
	if (p->pairc >= PAIRS_MAX)
		return ENOSPC;

	pair = mem_zalloc(sizeof(*pair) + strlen(user) + strlen(contact) + 2,
			  pair_destructor);
	if (!pair)
		return ENOMEM;

	pair->p = p;
	pair->service = mem_ref(service);
	watch_init(pair);
	at = pair->text;
	pair->user = text_put(&at, user);
	pair->contact = text_put(&at, contact);
	table_grow(&p->pairs, p->pairc, by_user);
	table_grow(&p->contacts, p->pairc, by_contact);
	hash_append(p->pairs, keyed_str(user), &pair->he, pair);
	hash_append(p->contacts, keyed_str(contact), &pair->ce, pair);
	++p->pairc;
	*pp = pair;

	return 0;
}

void pair_drop(struct pair *pair)
{
	if (pair->from || pair->asked || pair->to || pair->wanted ||
	    pair->base.sub || pair->blf.sub || pair->base.le.list ||
	    !list_isempty(&pair->onlookers) ||
	    tmr_isrunning(&pair->tmr_grace) || tmr_isrunning(&pair->base.tmr))
		return;

	mem_deref(pair);
}

void pair_save(const struct pair *pair)
{
	const struct presence_store *s = pair->p->conf.store;

	if (s)
		s->save(pair->user, pair->contact,
			(pair->from ? PRESENCE_FROM : 0) |
			    (pair->to ? PRESENCE_TO : 0),
			s->arg);
}

const struct config_presence *presence_limits(const struct pair *pair)
{
	return &pair->p->conf.config->presence;
}

static void bucket_apply(const struct list *l, const char *user,
			 const char *contact, pair_h *h)
{
	struct le *le = list_head(l);

	while (le) {
		struct pair *pair = le->data;

		le = le->next;
		if ((!user || !strcmp(pair->user, user)) &&
		    (!contact || !strcmp(pair->contact, contact)))
			h(pair);
	}
}

void pairs_apply(const struct presence *p, const char *user,
		 const char *contact, pair_h *h)
{
	if (user) {
		bucket_apply(hash_list(p->pairs, keyed_str(user)), user,
			     contact, h);
		return;
	}
	if (contact) {
		bucket_apply(hash_list(p->contacts, keyed_str(contact)), NULL,
			     contact, h);
		return;
	}
	for (uint32_t i = 0; i < hash_bsize(p->pairs); i++)
		bucket_apply(hash_list(p->pairs, i), NULL, NULL, h);
}

/* ---- what users do ---- */

static bool is_watched_here(enum service_event ev)
{
	return ev == SERVICE_SUBSCRIBE || ev == SERVICE_PROBE;
}

/* Does the contact's trunk have presence that we ask for? */
static bool is_asked(const struct presence *p, const char *user,
		     const char *contact)
{
	const struct config_trunk *trunk = NULL;
	enum stanza_cond cond;
	struct peer to;
	char *as = NULL;

	cond = route_out(p->conf.route, user, contact, &to, &trunk, &as);
	peer_clear(&to);
	mem_deref(as);

	return cond == COND_NONE && trunk->presence == CONFIG_PRESENCE_YES;
}

static void count_watched(struct pair *pair)
{
	if (pair->from || pair->asked)
		++pair->p->counted;
}

/* Hardening 3: so many contacts may a user watch.  One who asks for more is
 * told; at a log-in the rest is shown as without presence. */
static bool is_too_many(struct presence *p, enum service_event ev,
			const char *user, const char *contact)
{
	struct service *service = face_of(p, contact);

	p->counted = 0;
	pairs_apply(p, user, NULL, count_watched);
	if (p->counted < p->conf.config->limits.subscriptions_per_jid)
		return false;

	log_info("presence: %s watches %u contacts, not also %s\n", user,
		 p->counted, contact);
	if (service && ev == SERVICE_SUBSCRIBE)
		service_presence_type(service, contact, user, "unsubscribed");

	return true;
}

bool presence_event(struct presence *p, enum service_event ev,
		    const char *user, const char *contact,
		    const struct stanza *st)
{
	struct pair *pair;
	bool mine = false, asked;

	if (!p || p->stopping)
		return false;
	if (ev == SERVICE_OFFLINE) {
		pairs_apply(p, user, NULL, watch_offline);
		return true;
	}

	if (!strchr(contact, '@')) { /* shown to the gateway itself */
		if (ev == SERVICE_AVAILABLE)
			pairs_apply(p, user, NULL, watch_online);
		return false;
	}

	pair = pair_find(p, user, contact);
	asked = is_watched_here(ev) &&
		(!pair || (!pair->from && !pair->asked)) &&
		is_asked(p, user, contact);
	if (!pair && !asked)
		return false;
	if (!pair && is_too_many(p, ev, user, contact))
		return ev == SERVICE_SUBSCRIBE;
	if (!pair && pair_get(&pair, p, user, contact))
		return false;

	mem_ref(pair);
	if (st)
		serve_event(pair, ev, st);
	if (pair->from || pair->asked || asked)
		mine = watch_event(pair, ev);
	if (mem_nrefs(pair) > 1)
		pair_drop(pair);
	mem_deref(pair);

	return mine;
}

/* ---- calls ---- */

static void busy_destructor(void *arg)
{
	struct busy *b = arg;

	hash_unlink(&b->he);
	mem_deref(b->jid);
}

static bool is_jid(struct le *le, void *arg)
{
	const struct busy *b = le->data;
	const char *const *jid = arg;

	return !strcmp(b->jid, *jid);
}

static struct busy *busy_find(const struct presence *p, const char *jid)
{
	return list_ledata(hash_lookup(p->busy, keyed_str(jid), is_jid, &jid));
}

bool presence_busy(const struct presence *p, const char *jid)
{
	return busy_find(p, jid) != NULL;
}

static void busy_set(struct presence *p, const char *jid, bool busy)
{
	struct busy *b = busy_find(p, jid);

	if (!busy) {
		if (b && !--b->calls)
			mem_deref(b);
		return;
	}
	if (b) {
		++b->calls;
		return;
	}

	b = mem_zalloc(sizeof(*b), busy_destructor);
	if (!b)
		return;
	if (str_dup(&b->jid, jid)) {
		mem_deref(b);
		return;
	}
	b->calls = 1;
	hash_append(p->busy, keyed_str(jid), &b->he, b);
}

void presence_call(struct presence *p, const char *user, const char *contact,
		   bool busy)
{
	if (!p || p->stopping || !user || !contact)
		return;

	busy_set(p, user, busy);
	busy_set(p, contact, busy);
	pairs_apply(p, NULL, contact, watch_show);
	pairs_apply(p, user, NULL, serve_show);
}

/* ---- beginning and end ---- */

static void face_destructor(void *arg)
{
	struct face *f = arg;

	list_unlink(&f->le);
	mem_deref(f->domain);
	mem_deref(f->service);
}

static void destructor(void *arg)
{
	struct presence *p = arg;

	p->stopping = true;
	tmr_cancel(&p->tmr_pace);
	tmr_cancel(&p->tmr_trunks);
	hash_flush(p->pairs);
	hash_flush(p->busy);
	subscribers_close(p->subscribers);
	notifier_close(p->notifier);
	list_flush(&p->faces);
	mem_deref(p->pairs);
	mem_deref(p->contacts);
	mem_deref(p->busy);
	mem_deref(p->subscribers);
	mem_deref(p->notifier);
}

int presence_alloc(struct presence **pp, const struct presence_conf *conf)
{
	struct presence *p;
	int err;

	if (!pp || !conf)
		return EINVAL;

	p = mem_zalloc(sizeof(*p), destructor);
	if (!p)
		return ENOMEM;

	p->conf = *conf;
	err = hash_alloc(&p->pairs, PAIR_BUCKETS);
	if (!err)
		err = hash_alloc(&p->contacts, PAIR_BUCKETS);
	if (!err)
		err = hash_alloc(&p->busy, 256);
	if (!err)
		err = subscribers_alloc(&p->subscribers, conf->stack);
	if (!err)
		err = serve_listen(p);
	if (err) {
		mem_deref(p);
		return err;
	}

	p->trunks_up = UINT64_MAX;
	tmr_start(&p->tmr_trunks, TRUNKS_TICK, watch_trunks, p);
	*pp = p;

	return 0;
}

int presence_component(struct presence *p, const char *domain,
		       struct service *service)
{
	struct face *f = mem_zalloc(sizeof(*f), face_destructor);

	if (!f)
		return ENOMEM;
	if (str_dup(&f->domain, domain)) {
		mem_deref(f);
		return ENOMEM;
	}
	f->service = mem_ref(service);
	list_append(&p->faces, &f->le, f);

	return 0;
}

static void row(const char *user, const char *contact, unsigned flags,
		void *arg)
{
	struct pair *pair;

	if (pair_get(&pair, arg, user, contact))
		return;

	pair->from = flags & PRESENCE_FROM;
	pair->to = flags & PRESENCE_TO;
	if (pair->from)
		service_remember(pair->service, contact, user);
}

int presence_load(struct presence *p)
{
	const struct presence_store *s = p->conf.store;

	return s ? s->load(row, p, s->arg) : 0;
}

void presence_stop(struct presence *p)
{
	if (!p || p->stopping)
		return;

	p->stopping = true;
	tmr_cancel(&p->tmr_pace);
	tmr_cancel(&p->tmr_trunks);
	pairs_apply(p, NULL, NULL, watch_stop);
}

static bool count(struct le *le, void *arg)
{
	const struct pair *pair = le->data;
	struct presence_stats *s = arg;

	s->subscribed += pair->base.state == ASK_ACTIVE;
	s->synthetic += pair->base.state == ASK_SYNTHETIC;
	s->watchers += list_count(&pair->onlookers);

	return false;
}

void presence_stats(struct presence_stats *out, const struct presence *p)
{
	memset(out, 0, sizeof(*out));
	if (!p)
		return;

	out->pairs = p->pairc;
	out->waiting = list_count(&p->queue);
	(void)hash_apply(p->pairs, count, out);
}

int presence_print(struct re_printf *pf, const struct presence *p)
{
	struct presence_stats s;

	presence_stats(&s, p);

	return re_hprintf(pf,
			  "presence: %u pairs, %u subscribed at phones, "
			  "%u without presence, %u watchers, %u waiting\n",
			  s.pairs, s.subscribed, s.synthetic, s.watchers,
			  s.waiting);
}
