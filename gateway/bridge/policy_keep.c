/* policy_keep.c: what a restart must not forget: the calls and minutes of the
 * last hour and day. */
#include <errno.h>
#include <string.h>
#include "base/log.h"
#include "bridge/policy_priv.h"

enum {
	TALK_KEPT = 30 * 1000, /* ms; a crash forgets at most this */
	PARTS_KEPT = 26 * 12,  /* of 5 minutes: a day and what is open */
};

/* Parts of hours and days are numbered alike in every life of the gateway,
 * and yet no step of the wall's clock makes one last. */
uint64_t policy_now(const struct policy *p)
{
	return tmr_jiffies() + p->wall;
}

static void part_save(const struct account *a, uint32_t part)
{
	struct store_value v[] = {store_text(a->name), store_int(part),
				  store_int(0), store_int(0)};
	uint32_t calls;
	uint64_t ms;

	quota_part_get(a->quota, part, &calls, &ms);
	if (!calls && !ms)
		return;

	v[2].n = calls;
	v[3].n = (int64_t)ms;
	if (store_put(a->policy->store, STORE_USAGE_PUT, v, ARRAY_SIZE(v),
		      NULL, NULL))
		log_debug("policy: what %s called is not kept\n", a->name);
}

/* What has changed since from. */
void policy_save(const struct account *a, uint64_t from, uint64_t now)
{
	const uint32_t last = quota_part(now);
	uint32_t part = quota_part(from);

	if (!a->policy->store || !a->quota)
		return;
	if (last - part >= QUOTA_HOUR_SLOTS)
		part = last - QUOTA_HOUR_SLOTS + 1;
	for (; part <= last; part++)
		part_save(a, part);
}

/* What is older than a day counts no more. */
void policy_trim(struct policy *p)
{
	const uint32_t last = quota_part(policy_now(p));
	const struct store_value v[] = {
	    store_int(last > PARTS_KEPT ? last - PARTS_KEPT : 0),
	    store_int(last)};

	if (p->store)
		(void)store_put(p->store, STORE_USAGE_TRIM, v, ARRAY_SIZE(v),
				NULL, NULL);
}

static bool keep_talk(struct le *le, void *arg)
{
	struct account *a = le->data;
	(void)arg;

	if (a->talking)
		policy_count_talk(a);

	return false;
}

static void keep_h(void *arg)
{
	struct policy *p = arg;

	tmr_start(&p->keep, TALK_KEPT, keep_h, p);
	(void)hash_apply(p->accounts, keep_talk, NULL);
}

static void usage_row(const struct store_value *v, size_t n, void *arg)
{
	struct policy *p = arg;
	struct account *a;

	if (n < 4 || v[0].kind != STORE_TEXT || v[1].n < 0 ||
	    v[1].n > UINT32_MAX || v[2].n < 0 || v[2].n > UINT32_MAX ||
	    v[3].n < 0)
		return;

	a = policy_account(p, v[0].p);
	if (a && !a->quota)
		a->quota = mem_zalloc(sizeof(*a->quota), NULL);
	if (!a || !a->quota)
		return;

	a->counted = policy_now(p);
	quota_part_add(a->quota, a->counted, (uint32_t)v[1].n,
		       (uint32_t)v[2].n, (uint64_t)v[3].n);
}

int policy_keep(struct policy *p, struct store *store)
{
	int err;

	if (!p || !store)
		return EINVAL;

	err = store_load(store, STORE_USAGE, usage_row, p);
	if (err)
		return err;

	p->store = store;
	tmr_start(&p->keep, TALK_KEPT, keep_h, p);

	return 0;
}
