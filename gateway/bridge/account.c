/* account.c: users and their SIP accounts, and what is kept of them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/id.h"
#include "base/keyed.h"
#include "base/log.h"
#include "base/text.h"
#include "bridge/account_priv.h"

/* ---- users ---- */

static void owner_destructor(void *arg)
{
	struct owner *o = arg;

	hash_unlink(&o->he);
	list_flush(&o->accounts);
	list_flush(&o->contacts);
	list_flush(&o->resources);
	list_flush(&o->slots);
	mem_deref(o->jid);
}

static bool is_owner(struct le *le, void *arg)
{
	const struct owner *o = le->data;

	return !strcmp(o->jid, arg);
}

struct owner *owner_find(const struct accounts *a, const char *jid)
{
	union {
		const char *in;
		char *out;
	} u = {.in = jid};

	return a && jid ? list_ledata(hash_lookup(a->owners, keyed_str(jid),
						  is_owner, u.out))
			: NULL;
}

int owner_get(struct owner **op, struct accounts *a, const char *jid)
{
	struct owner *o = owner_find(a, jid);

	if (!o && a->ownerc >= OWNERS_MAX)
		return ENOBUFS;
	if (!o) {
		o = mem_zalloc(sizeof(*o), owner_destructor);
		if (!o)
			return ENOMEM;
		o->a = a;
		if (str_dup(&o->jid, jid)) {
			mem_deref(o);
			return ENOMEM;
		}
		hash_append(a->owners, keyed_str(jid), &o->he, o);
		a->ownerc++;
	}
	*op = o;

	return 0;
}

bool accounts_on(const struct accounts *a)
{
	return a->conf.store && a->conf.secret &&
	       a->conf.config->account.providerc;
}

/* ---- an account ---- */

static void account_destructor(void *arg)
{
	struct account *acc = arg;

	account_mwi_stop(acc);
	tmr_cancel(&acc->tmr_publish);
	tmr_cancel(&acc->tmr_away);
	mem_deref(acc->pub); /* the next life goes on with it */
	if (acc->slot && acc->slot->account == acc)
		acc->slot->account = NULL;
	list_unlink(&acc->le);
	mem_deref(acc->gateway);
	mem_deref(acc->domain);
	mem_deref(acc->username);
	mem_deref(acc->auth);
	mem_deref(acc->proxy);
	mem_deref(acc->transport);
	mem_deref(acc->name);
	mem_deref(acc->password);
}

struct account *account_nth(const struct owner *o, const char *gateway,
			    unsigned n)
{
	struct le *le;

	LIST_FOREACH (&o->accounts, le) {
		struct account *acc = le->data;

		if ((!gateway || !strcmp(acc->gateway, gateway)) && !n--)
			return acc;
	}

	return NULL;
}

struct account *account_by_id(const struct owner *o, int64_t id)
{
	struct le *le;

	LIST_FOREACH (&o->accounts, le) {
		struct account *acc = le->data;

		if (acc->id == id)
			return acc;
	}

	return NULL;
}

int account_print(struct re_printf *pf, const struct account *acc)
{
	return re_hprintf(pf, "%s@%s", acc->username, acc->domain);
}

int account_print_state(struct re_printf *pf, const struct account *acc)
{
	struct sipline_event ev;

	if (acc->away)
		return re_hprintf(pf, "not registered: its user is offline");

	sipline_event(acc->slot ? acc->slot->line : NULL, &ev);
	switch (ev.state) {
	case SIPLINE_UP:
		return re_hprintf(pf, "registered");
	case SIPLINE_TRYING:
		return re_hprintf(pf, "registering");
	default:
		break;
	}
	if (ev.code)
		return re_hprintf(pf, "not registered: %s (%u)", ev.text,
				  ev.code);

	return re_hprintf(pf, "not registered: %s", ev.text);
}

/* A name or address that may stand in a URI: nothing else is sent out. */
static bool is_host(const char *s)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-";
	size_t n = strspn(s, plain);

	if (!n || *s == '.' || *s == '-')
		return false;
	if (s[n] == ':') { /* a port */
		const size_t digits = strspn(s + n + 1, "0123456789");

		return digits && digits <= 5 && !s[n + 1 + digits] &&
		       atoi(s + n + 1) > 0 && atoi(s + n + 1) < 65536;
	}

	return !s[n];
}

/* Host without its port. */
static void host_of(struct pl *pl, const char *s)
{
	pl->p = s;
	pl->l = strcspn(s, ":");
}

enum allowed { NOT_ALLOWED, ALLOWED, ALLOWED_BY_NAME };

static enum allowed may_be_at(const struct accounts *a, const char *host)
{
	const struct config_account *c = &a->conf.config->account;
	bool any = false;
	struct sa sa;
	struct pl pl;

	host_of(&pl, host);
	for (size_t i = 0; i < c->providerc; i++) {
		if (!pl_strcasecmp(&pl, c->providers[i]) ||
		    !str_casecmp(host, c->providers[i]))
			return ALLOWED_BY_NAME;
		any |= !strcmp(c->providers[i], "*");
	}

	/* "*" means the world, and neither this machine nor its network */
	if (!any || !sa_set(&sa, &pl, 0) || !pl_strchr(&pl, '.') ||
	    !pl_strcasecmp(&pl, "localhost"))
		return NOT_ALLOWED;

	return ALLOWED;
}

bool account_is_named(const struct accounts *a, const char *host)
{
	return may_be_at(a, host) == ALLOWED_BY_NAME;
}

/* "sip:user@host" and "user@host" are user names too. */
static int name_split(char **user, char **host, const char *text)
{
	const char *p = text, *at;
	struct pl pl;
	int err = 0;

	if (!strncmp(p, "sip:", 4))
		p += 4;
	at = strrchr(p, '@');
	pl.p = p;
	pl.l = at ? (size_t)(at - p) : strlen(p);
	err = pl_strdup(user, &pl);
	if (!err && at)
		err = str_dup(host, at + 1);

	return err;
}

static const char *values_check(struct account *acc, const char *host,
				const struct register_values *v)
{
	static const char *const transports[] = {"auto", "udp", "tcp", "tls"};
	const struct accounts *a = acc->owner->a;
	const struct config_account *c = &a->conf.config->account;
	bool known = false;

	if (!*acc->username || strlen(acc->username) > ACCOUNT_TEXT_MAX)
		return "the user name is missing";
	if (!host && c->providerc == 1 && strcmp(c->providers[0], "*"))
		host = c->providers[0];
	if (!host)
		return "the SIP domain is missing";
	if (strlen(host) > ACCOUNT_TEXT_MAX || !is_host(host))
		return "this is no SIP domain";
	if (!may_be_at(a, host))
		return "accounts of this SIP domain are not allowed here";
	if (v->proxy && (strlen(v->proxy) > ACCOUNT_TEXT_MAX ||
			 !is_host(v->proxy) || !may_be_at(a, v->proxy)))
		return "this outbound proxy is not allowed here";
	if (!v->password)
		return "the password is missing";
	for (size_t i = 0; i < ARRAY_SIZE(transports); i++)
		known |= !v->transport || !strcmp(v->transport, transports[i]);
	if (!known)
		return "there is no such transport";

	return str_dup(&acc->domain, host) ? "no memory is left" : NULL;
}

static int dup_if(char **dp, const char *s)
{
	return s ? str_dup(dp, s) : 0;
}

int account_alloc(struct account **ap, struct owner *o, const char *gateway,
		  const struct register_values *v, const char **why)
{
	struct account *acc;
	char *host = NULL;
	int err;

	*why = NULL;
	acc = mem_zalloc(sizeof(*acc), account_destructor);
	if (!acc)
		return ENOMEM;

	acc->owner = o;
	acc->privacy = v->privacy;
	err =
	    name_split(&acc->username, &host, v->username ? v->username : "");
	if (!err)
		*why = values_check(acc, v->domain ? v->domain : host, v);
	if (*why)
		err = EINVAL;
	if (!err)
		err = str_dup(&acc->gateway, gateway);
	if (!err)
		err = dup_if(&acc->auth, v->auth);
	if (!err)
		err = dup_if(&acc->proxy, v->proxy);
	if (!err)
		err = dup_if(&acc->name, v->name);
	if (!err)
		err = str_dup(&acc->transport,
			      v->transport ? v->transport : "auto");
	if (!err)
		err = secret_dup(&acc->password, v->password);
	mem_deref(host);

	if (err)
		mem_deref(acc);
	else
		*ap = acc;

	return err;
}

void account_add(struct account *acc)
{
	list_append(&acc->owner->accounts, &acc->le, acc);
	acc->slot->account = acc;
	acc->owner->a->accountc++;
}

void account_drop(struct account *acc)
{
	if (!acc->le.list)
		return;

	/* a trial may hold it for longer */
	list_unlink(&acc->le);
	if (acc->slot->account == acc)
		acc->slot->account = NULL;
	acc->owner->a->accountc--;
	mem_deref(acc);
}

/* ---- all of them ---- */

static void face_destructor(void *arg)
{
	struct portal_face *f = arg;

	list_unlink(&f->le);
	component_unlisten(f->c, f);
	mem_deref(f->registry);
	mem_deref(f->adhoc);
	mem_deref(f->service);
	mem_deref(f->c);
}

static void destructor(void *arg)
{
	struct accounts *a = arg;

	if (a->conf.route)
		route_accounts_set(a->conf.route, NULL, NULL);
	account_trials_close(a);
	list_flush(&a->faces);
	hash_flush(a->owners);
	mem_deref(a->owners);
	mem_deref(a->slots);
	subscribers_close(a->subscribers);
	mem_deref(a->subscribers);
}

int accounts_alloc(struct accounts **ap, const struct accounts_conf *conf)
{
	struct accounts *a;
	int err;

	if (!ap || !conf || !conf->config || !conf->stack)
		return EINVAL;

	a = mem_zalloc(sizeof(*a), destructor);
	if (!a)
		return ENOMEM;

	a->conf = *conf;
	err = hash_alloc(&a->owners, OWNER_BUCKETS);
	if (!err)
		err = hash_alloc(&a->slots, OWNER_BUCKETS);
	if (!err)
		err = account_mwi_listen(a);
	if (err) {
		mem_deref(a);
		return err;
	}

	if (conf->route)
		route_accounts_set(conf->route, &account_routes, a);
	*ap = a;

	return 0;
}

int accounts_component(struct accounts *a, struct component *c)
{
	struct portal_face *f;
	int err;

	f = mem_zalloc(sizeof(*f), face_destructor);
	if (!f)
		return ENOMEM;

	f->a = a;
	f->c = mem_ref(c);
	list_append(&a->faces, &f->le, f);
	err = account_registry(f);
	if (!err)
		err = account_adhoc(f);
	if (!err)
		err = account_search(f);

	return err;
}

int accounts_service(struct accounts *a, struct component *c,
		     struct service *service)
{
	struct portal_face *f = face_find(a, component_domain(c));

	if (!f)
		return ENOENT;

	f->service = mem_ref(service);

	return 0;
}

struct adhoc *accounts_commands(const struct accounts *a, const char *domain)
{
	const struct portal_face *f = face_find(a, domain);

	return f ? f->adhoc : NULL;
}

static bool count_up(struct le *le, void *arg)
{
	const struct owner *o = le->data;
	struct accounts_stat *st = arg;
	struct le *la;

	LIST_FOREACH (&o->accounts, la) {
		const struct account *acc = la->data;
		struct sipline_event ev;

		sipline_event(acc->slot->line, &ev);
		st->up += ev.state == SIPLINE_UP;
	}

	return false;
}

void accounts_stat(const struct accounts *a, struct accounts_stat *st)
{
	memset(st, 0, sizeof(*st));
	if (!a)
		return;

	st->accounts = a->accountc;
	st->users = a->ownerc;
	st->contacts = a->contactc;
	(void)hash_apply(a->owners, count_up, st);
}
