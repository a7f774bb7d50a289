/* policy.c: counters and buckets for each user and trunk. */
#include <string.h>
#include "base/compat.h"
#include "bridge/policy.h"

enum {
	ACCOUNTS = 1024,	    /* buckets of the table, a power of two */
	ACCOUNTS_MAX = 20000,	    /* users remembered at once */
	MINUTE = 60 * 1000,	    /* ms */
	IDLE_SWEEP = 5 * 60 * 1000, /* ms */
};

struct account { /* a user, or a trunk */
	struct le le;
	char *name;
	unsigned calls;
	unsigned tokens;
	uint64_t refilled;    /* ms */
	uint64_t minute;      /* start of the running minute, ms */
	unsigned this_minute; /* attempts in it */
};

struct policy {
	struct hash *accounts;
	const struct config_limits *limits; /* not referenced */
	unsigned accountc, calls, room;
	struct tmr sweep;
};

static void account_destructor(void *arg)
{
	struct account *a = arg;

	hash_unlink(&a->le);
	mem_deref(a->name);
}

static void policy_destructor(void *arg)
{
	struct policy *p = arg;

	tmr_cancel(&p->sweep);
	hash_flush(p->accounts);
	mem_deref(p->accounts);
}

static bool is_idle(struct le *le, void *arg)
{
	struct policy *p = arg;
	struct account *a = le->data;

	if (!a->calls && tmr_jiffies() > a->refilled + IDLE_SWEEP) {
		mem_deref(a);
		--p->accountc;
	}

	return false;
}

static void sweep(void *arg)
{
	struct policy *p = arg;

	(void)hash_apply(p->accounts, is_idle, p);
	tmr_start(&p->sweep, IDLE_SWEEP, sweep, p);
}

int policy_alloc(struct policy **pp, const struct config_limits *limits,
		 unsigned room)
{
	struct policy *p;
	int err;

	p = mem_zalloc(sizeof(*p), policy_destructor);
	if (!p)
		return ENOMEM;

	p->limits = limits;
	p->room = limits->calls && limits->calls < room ? limits->calls : room;
	err = hash_alloc(&p->accounts, ACCOUNTS);
	if (err)
		mem_deref(p);
	else {
		tmr_start(&p->sweep, IDLE_SWEEP, sweep, p);
		*pp = p;
	}

	return err;
}

static bool is_name(struct le *le, void *arg)
{
	const struct account *a = le->data;

	return !strcmp(a->name, arg);
}

static struct account *account_find(struct policy *p, const char *name)
{
	void *arg;

	memcpy(&arg, &name, sizeof(arg));

	return list_ledata(
	    hash_lookup(p->accounts, hash_joaat_str(name), is_name, arg));
}

static struct account *account_get(struct policy *p, const char *name)
{
	struct account *a = account_find(p, name);

	if (a)
		return a;
	if (p->accountc >= ACCOUNTS_MAX)
		return NULL;

	a = mem_zalloc(sizeof(*a), account_destructor);
	if (!a)
		return NULL;
	if (str_dup(&a->name, name))
		return mem_deref(a);

	a->tokens = p->limits->setup_burst;
	a->refilled = tmr_jiffies();
	hash_append(p->accounts, hash_joaat_str(name), &a->le, a);
	++p->accountc;

	return a;
}

/* One attempt: a bucket and a count a minute. */
static bool pace(const struct policy *p, struct account *a)
{
	const struct config_limits *l = p->limits;
	uint64_t now = tmr_jiffies();

	if (l->setup_refill_ms) {
		uint64_t add = (now - a->refilled) / l->setup_refill_ms;

		a->refilled += add * l->setup_refill_ms;
		a->tokens = add + a->tokens > l->setup_burst
				? l->setup_burst
				: a->tokens + (unsigned)add;
	}

	if (now - a->minute >= MINUTE) {
		a->minute = now;
		a->this_minute = 0;
	}

	if (l->setup_burst && !a->tokens)
		return false;
	if (l->setup_per_minute && a->this_minute >= l->setup_per_minute)
		return false;

	if (a->tokens)
		--a->tokens;
	++a->this_minute;

	return true;
}

static int refuse(struct ending *why, int err, enum reason reason,
		  unsigned code, unsigned retry, const char *text)
{
	memset(why, 0, sizeof(*why));
	why->reason = reason;
	why->sip_code = code;
	why->retry_after = retry;
	str_ncpy(why->text, text, sizeof(why->text));

	return err;
}

int policy_admit(struct policy *p, const char *user, const char *trunk,
		 bool paced, struct ending *why)
{
	char key[128];
	struct account *u, *t;

	if (p->calls >= p->room)
		return refuse(why, ENOSPC, REASON_GENERAL_ERROR, 503, 10,
			      "the gateway carries as many calls as it can");

	re_snprintf(key, sizeof(key), "trunk:%s", trunk);
	u = account_get(p, user);
	t = account_get(p, key);
	if (!u || !t)
		return refuse(why, ENOSPC, REASON_GENERAL_ERROR, 503, 10,
			      "the gateway knows as many users as it can");

	if (paced && !pace(p, u))
		return refuse(why, EAGAIN, REASON_BUSY, 0, 0,
			      "too many calls in a short time, wait a moment");
	if (p->limits->calls_per_jid && u->calls >= p->limits->calls_per_jid)
		return refuse(why, EBUSY, REASON_BUSY, 0, 0,
			      "as many calls at once as one user may have");
	if (p->limits->calls_per_trunk &&
	    t->calls >= p->limits->calls_per_trunk)
		return refuse(why, EBUSY, REASON_BUSY, 486, 0,
			      "the trunk carries as many calls as it may");

	++u->calls;
	++t->calls;
	++p->calls;

	return 0;
}

void policy_release(struct policy *p, const char *user, const char *trunk)
{
	char key[128];
	struct account *u = account_find(p, user), *t;

	re_snprintf(key, sizeof(key), "trunk:%s", trunk);
	t = account_find(p, key);
	if (u && u->calls)
		--u->calls;
	if (t && t->calls)
		--t->calls;
	if (p->calls)
		--p->calls;
}

unsigned policy_calls(const struct policy *p)
{
	return p->calls;
}

unsigned policy_room(const struct policy *p)
{
	return p->room;
}
