/* policy.c: counters and buckets for each user and trunk. */
#include <errno.h>
#include <string.h>
#include <time.h>
#include "base/compat.h"
#include "base/keyed.h"
#include "bridge/policy_priv.h"

enum {
	ACCOUNTS = 1024,	    /* buckets of the table, a power of two */
	ACCOUNTS_MAX = 20000,	    /* users remembered at once */
	MINUTE = 60 * 1000,	    /* ms */
	IDLE_SWEEP = 5 * 60 * 1000, /* ms */
};

static void account_destructor(void *arg)
{
	struct account *a = arg;

	hash_unlink(&a->le);
	tmr_cancel(&a->last);
	mem_deref(a->name);
	mem_deref(a->quota);
}

static void policy_destructor(void *arg)
{
	struct policy *p = arg;

	tmr_cancel(&p->sweep);
	tmr_cancel(&p->keep);
	hash_flush(p->accounts);
	mem_deref(p->accounts);
}

static bool is_idle(struct le *le, void *arg)
{
	struct policy *p = arg;
	struct account *a = le->data;

	if (!a->calls && tmr_jiffies() > a->refilled + IDLE_SWEEP &&
	    (!a->quota || quota_is_empty(a->quota, policy_now(p)))) {
		mem_deref(a);
		--p->accountc;
	}

	return false;
}

static void sweep(void *arg)
{
	struct policy *p = arg;

	policy_trim(p);
	(void)hash_apply(p->accounts, is_idle, p);
	tmr_start(&p->sweep, IDLE_SWEEP, sweep, p);
}

static void room_set(struct policy *p)
{
	const unsigned calls = p->limits->calls;

	p->room = calls && calls < p->places ? calls : p->places;
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
	p->wall = (uint64_t)time(NULL) * 1000 - tmr_jiffies();
	p->places = room;
	room_set(p);
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

struct account *policy_find(const struct policy *p, const char *name)
{
	void *arg;

	memcpy(&arg, &name, sizeof(arg));

	return list_ledata(
	    hash_lookup(p->accounts, keyed_str(name), is_name, arg));
}

struct account *policy_account(struct policy *p, const char *name)
{
	struct account *a = policy_find(p, name);

	if (a)
		return a;
	if (p->accountc >= ACCOUNTS_MAX)
		return NULL;

	a = mem_zalloc(sizeof(*a), account_destructor);
	if (!a)
		return NULL;
	if (str_dup(&a->name, name))
		return mem_deref(a);

	a->policy = p;
	a->tokens = p->limits->setup_burst;
	a->refilled = tmr_jiffies();
	hash_append(p->accounts, keyed_str(name), &a->le, a);
	++p->accountc;

	return a;
}

/* One attempt: a bucket and a count a minute. */
static bool pace(const struct policy *p, struct account *a)
{
	const struct config_limits *l = p->limits;
	const unsigned per_minute = a->plan && a->plan->per_minute
					? a->plan->per_minute
					: l->setup_per_minute;
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
	if (per_minute && a->this_minute >= per_minute)
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
	why->full = code == 503;
	str_ncpy(why->text, text, sizeof(why->text));

	return err;
}

/* ---- hours and days ---- */

/* Each of a plan's limits that is set counts instead of [limits]'. */
static struct config_quota quota_of(const struct account *a)
{
	struct config_quota l = a->policy->limits->quota;
	const struct config_quota *own = a->plan ? &a->plan->quota : &l;

	if (own->calls_per_hour)
		l.calls_per_hour = own->calls_per_hour;
	if (own->calls_per_day)
		l.calls_per_day = own->calls_per_day;
	if (own->minutes_per_hour)
		l.minutes_per_hour = own->minutes_per_hour;
	if (own->minutes_per_day)
		l.minutes_per_day = own->minutes_per_day;

	return l;
}

void policy_count_talk(struct account *a)
{
	const uint64_t now = policy_now(a->policy), from = a->counted;

	a->counted = now;
	if (!a->quota || !a->talking)
		return;

	quota_talk(a->quota, from, now, a->talking);
	policy_save(a, from, now);
}

static void watch_last(struct account *a);

static void last_minute(void *arg)
{
	struct account *a = mem_ref(arg);
	struct policy *p = a->policy;
	const struct config_quota l = quota_of(a);

	policy_count_talk(a);
	if (quota_left(a->quota, &l, a->counted))
		watch_last(a);
	else if (p->exhausted)
		p->exhausted(a->name, p->arg);
	mem_deref(a);
}

static void watch_last(struct account *a)
{
	const struct config_quota l = quota_of(a);
	uint64_t left;

	tmr_cancel(&a->last);
	if (!a->talking || !a->quota)
		return;

	left = quota_left(a->quota, &l, a->counted);
	if (left != UINT64_MAX)
		tmr_start(&a->last, left / a->talking + 1, last_minute, a);
}

static int judge_quota(struct account *a, const struct config_plan *plan,
		       struct ending *why)
{
	const char *words;
	struct config_quota l;

	a->plan = plan;
	l = quota_of(a);
	if (!quota_limits(&l))
		return 0;

	if (!a->quota) {
		a->quota = mem_zalloc(sizeof(*a->quota), NULL);
		a->counted = policy_now(a->policy);
	}
	if (!a->quota)
		return refuse(why, ENOMEM, REASON_GENERAL_ERROR, 500, 0, "");

	policy_count_talk(a);
	words = quota_judge(a->quota, &l, a->counted);

	return words ? refuse(why, EDQUOT, REASON_DECLINE, 0, 0, words) : 0;
}

void policy_talk(struct policy *p, const char *user, bool on)
{
	struct account *a = policy_find(p, user);

	if (!a || (!on && !a->talking))
		return;

	policy_count_talk(a);
	a->talking += on ? 1 : -1;
	watch_last(a);
}

void policy_watch(struct policy *p, policy_exhausted_h *h, void *arg)
{
	p->exhausted = h;
	p->arg = arg;
}

/* ---- calls ---- */

/* Rates and quotas of the one who calls. */
static int judge_caller(struct policy *p, struct account *u,
			const struct config_plan *plan, struct ending *why)
{
	int err = judge_quota(u, plan, why);

	if (err)
		return err;
	if (!pace(p, u))
		return refuse(why, EAGAIN, REASON_BUSY, 0, 0,
			      "too many calls in a short time, wait a moment");

	return 0;
}

static int judge(struct policy *p, struct account *u, const struct account *t,
		 const struct policy_ask *ask, struct ending *why)
{
	unsigned calls = p->limits->calls_per_jid;
	int err = 0;

	if (ask->paced)
		err = judge_caller(p, u, ask->plan, why);
	if (err)
		return err;

	if (ask->plan && ask->plan->calls)
		calls = ask->plan->calls;
	if (calls && u->calls >= calls)
		return refuse(why, EBUSY, REASON_BUSY, 0, 0,
			      "as many calls at once as one user may have");
	if (p->limits->calls_per_trunk &&
	    t->calls >= p->limits->calls_per_trunk)
		return refuse(why, EBUSY, REASON_BUSY, 486, 0,
			      "the trunk carries as many calls as it may");
	if (ask->paced && u->quota) {
		const uint64_t now = policy_now(p);

		quota_call(u->quota, now);
		policy_save(u, now, now);
	}

	return 0;
}

int policy_ask(struct policy *p, const struct policy_ask *ask,
	       struct ending *why)
{
	char key[128];
	struct account *u, *t;
	int err;

	if (p->calls >= p->room && !ask->emergency)
		return refuse(why, ENOSPC, REASON_GENERAL_ERROR, 503, 10,
			      "the gateway carries as many calls as it can");

	re_snprintf(key, sizeof(key), "trunk:%s", ask->trunk);
	u = policy_account(p, ask->user);
	t = policy_account(p, key);
	if (!ask->emergency) {
		if (!u || !t)
			return refuse(
			    why, ENOSPC, REASON_GENERAL_ERROR, 503, 10,
			    "the gateway knows as many users as it can");
		err = judge(p, u, t, ask, why);
		if (err)
			return err;
	}

	if (u)
		++u->calls;
	if (t)
		++t->calls;
	++p->calls;

	return 0;
}

void policy_release(struct policy *p, const char *user, const char *trunk)
{
	char key[128];
	struct account *u = policy_find(p, user), *t;

	re_snprintf(key, sizeof(key), "trunk:%s", trunk);
	t = policy_find(p, key);
	if (u && u->calls)
		--u->calls;
	if (t && t->calls)
		--t->calls;
	if (p->calls)
		--p->calls;
}

/* Of what is limited, what is left. */
static int account_print(struct re_printf *pf, const struct account *a)
{
	const struct config_quota l = quota_of(a);
	const char *words;
	uint64_t left;

	if (!a->quota)
		return 0;

	words = quota_judge(a->quota, &l, policy_now(a->policy));
	left = quota_left(a->quota, &l, policy_now(a->policy));
	if (words)
		return re_hprintf(pf, "%s\n", words);
	if (left == UINT64_MAX)
		return 0;

	return re_hprintf(pf, "%llu minutes left\n",
			  (unsigned long long)(left / MINUTE));
}

int policy_print_user(struct re_printf *pf, const struct policy_user *pu)
{
	const struct account *a = policy_find(pu->p, pu->user);

	if (!a)
		return re_hprintf(pf, "has not called lately\n");

	return re_hprintf(pf, "%u calls now\n%H", a->calls, account_print, a);
}

struct renewing {
	const struct config *conf;
};

static bool account_renew(struct le *le, void *arg)
{
	const struct config *conf = ((struct renewing *)arg)->conf;
	struct account *a = le->data;
	const struct config_plan *plan = NULL;

	for (size_t i = 0; a->plan && i < conf->planc; i++) {
		if (!strcmp(conf->plan[i].name, a->plan->name))
			plan = &conf->plan[i];
	}
	a->plan = plan;
	if (a->quota) {
		policy_count_talk(a);
		watch_last(a);
	}

	return false;
}

void policy_renew(struct policy *p, const struct config *conf)
{
	struct renewing r = {conf};

	room_set(p);
	(void)hash_apply(p->accounts, account_renew, &r);
}

unsigned policy_calls(const struct policy *p)
{
	return p->calls;
}

unsigned policy_room(const struct policy *p)
{
	return p->room;
}
