/* bridge_policy.c: how much one user, one trunk or all may do. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/compat.h"
#include "bridge/policy.h"
#include "bridge/quota.h"
#include "suite.h"

static struct policy *make(const struct config_limits *l, unsigned room)
{
	struct policy *p;

	ck_assert_int_eq(libre_init(), 0);
	ck_assert_int_eq(policy_alloc(&p, l, room), 0);

	return p;
}

static void done(struct policy *p)
{
	mem_deref(p);
	libre_close();
}

/* Without a plan. */
static int admit(struct policy *p, const char *user, const char *trunk,
		 bool paced, struct ending *why)
{
	const struct policy_ask ask = {
	    .user = user, .trunk = trunk, .paced = paced};

	return policy_ask(p, &ask, why);
}

START_TEST(full_house)
{
	struct config_limits l = {.calls = 0};
	struct policy *p = make(&l, 2);
	struct ending why;

	ck_assert_uint_eq(policy_room(p), 2);
	ck_assert_int_eq(admit(p, "a@x", "t", false, &why), 0);
	ck_assert_int_eq(admit(p, "b@x", "t", false, &why), 0);
	ck_assert_int_eq(admit(p, "c@x", "t", false, &why), ENOSPC);
	ck_assert_uint_eq(why.sip_code, 503);
	ck_assert_uint_gt(why.retry_after, 0);
	policy_release(p, "a@x", "t");
	ck_assert_int_eq(admit(p, "c@x", "t", false, &why), 0);
	ck_assert_uint_eq(policy_calls(p), 2);
	done(p);

	l.calls = 1; /* configured below what there is room for */
	p = make(&l, 2);
	ck_assert_uint_eq(policy_room(p), 1);
	done(p);
}
END_TEST

START_TEST(one_user)
{
	struct config_limits l = {.calls_per_jid = 2};
	struct policy *p = make(&l, 100);
	struct ending why;

	ck_assert_int_eq(admit(p, "a@x", "t", false, &why), 0);
	ck_assert_int_eq(admit(p, "a@x", "u", false, &why), 0);
	ck_assert_int_eq(admit(p, "a@x", "t", false, &why), EBUSY);
	ck_assert_int_eq(why.reason, REASON_BUSY);
	ck_assert(why.text[0]);
	ck_assert_int_eq(admit(p, "b@x", "t", false, &why), 0);
	done(p);
}
END_TEST

START_TEST(one_trunk)
{
	struct config_limits l = {.calls_per_trunk = 1};
	struct policy *p = make(&l, 100);
	struct ending why;

	ck_assert_int_eq(admit(p, "a@x", "t", false, &why), 0);
	ck_assert_int_eq(admit(p, "b@x", "t", false, &why), EBUSY);
	ck_assert_int_eq(admit(p, "b@x", "u", false, &why), 0);
	/* a user of the trunk's name is somebody else */
	ck_assert_int_eq(admit(p, "t", "v", false, &why), 0);
	done(p);
}
END_TEST

START_TEST(bucket)
{
	struct config_limits l = {.setup_burst = 3, .setup_refill_ms = 60000};
	struct policy *p = make(&l, 100);
	struct ending why;

	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(admit(p, "a@x", "t", true, &why), 0);
		policy_release(p, "a@x", "t");
	}
	ck_assert_int_eq(admit(p, "a@x", "t", true, &why), EAGAIN);
	ck_assert_int_eq(admit(p, "b@x", "t", true, &why), 0);
	/* being called is not paced */
	ck_assert_int_eq(admit(p, "a@x", "t", false, &why), 0);
	done(p);
}
END_TEST

START_TEST(bucket_refills)
{
	struct config_limits l = {.setup_burst = 1, .setup_refill_ms = 30};
	struct policy *p = make(&l, 100);
	struct ending why;

	ck_assert_int_eq(admit(p, "a@x", "t", true, &why), 0);
	ck_assert_int_eq(admit(p, "a@x", "t", true, &why), EAGAIN);
	sys_usleep(60000);
	ck_assert_int_eq(admit(p, "a@x", "t", true, &why), 0);
	ck_assert_int_eq(admit(p, "a@x", "t", true, &why), EAGAIN);
	done(p);
}
END_TEST

START_TEST(minute)
{
	struct config_limits l = {.setup_per_minute = 2};
	struct policy *p = make(&l, 100);
	struct ending why;

	ck_assert_int_eq(admit(p, "a@x", "t", true, &why), 0);
	ck_assert_int_eq(admit(p, "a@x", "t", true, &why), 0);
	ck_assert_int_eq(admit(p, "a@x", "t", true, &why), EAGAIN);
	done(p);
}
END_TEST

/* ---- hours and days ---- */

enum { MINUTE = 60 * 1000, HOUR = 60 * MINUTE };

START_TEST(quota_counts_calls)
{
	const struct config_quota l = {.calls_per_hour = 3,
				       .calls_per_day = 5};
	const uint64_t t = 1000 * (uint64_t)HOUR + 4 * MINUTE;
	struct quota q;

	memset(&q, 0, sizeof(q));
	ck_assert(quota_is_empty(&q, t));
	for (unsigned i = 0; i < 3; i++) {
		ck_assert_ptr_null(quota_judge(&q, &l, t + i * MINUTE));
		quota_call(&q, t + i * MINUTE);
	}
	ck_assert_str_eq(quota_judge(&q, &l, t + 59 * MINUTE),
			 "as many calls in an hour as one user may make");
	ck_assert_ptr_null(quota_judge(&q, &l, t + 70 * MINUTE));
	quota_call(&q, t + 70 * MINUTE);
	quota_call(&q, t + 71 * MINUTE);
	ck_assert_str_eq(quota_judge(&q, &l, t + 23 * (uint64_t)HOUR),
			 "as many calls in a day as one user may make");
	ck_assert(!quota_is_empty(&q, t + 23 * (uint64_t)HOUR));
	ck_assert_ptr_null(quota_judge(&q, &l, t + 27 * (uint64_t)HOUR));
	ck_assert(quota_is_empty(&q, t + 27 * (uint64_t)HOUR));
}
END_TEST

START_TEST(quota_counts_time)
{
	const struct config_quota l = {.minutes_per_hour = 30,
				       .minutes_per_day = 40};
	const struct config_quota free_of = {.calls_per_day = 1};
	const uint64_t t = 5000 * (uint64_t)HOUR;
	struct quota q;

	memset(&q, 0, sizeof(q));
	ck_assert_uint_eq(quota_left(&q, &free_of, t), UINT64_MAX);
	ck_assert_uint_eq(quota_left(&q, &l, t), 30 * MINUTE);
	quota_talk(&q, t, t + 10 * MINUTE, 2); /* two calls at once */
	ck_assert_uint_eq(quota_left(&q, &l, t + 10 * MINUTE), 10 * MINUTE);
	quota_talk(&q, t + 10 * MINUTE, t + 20 * MINUTE, 1);
	ck_assert_uint_eq(quota_left(&q, &l, t + 20 * MINUTE), 0);
	ck_assert_str_eq(quota_judge(&q, &l, t + 20 * MINUTE),
			 "your minutes of the hour are used up");
	ck_assert_uint_eq(quota_left(&q, &l, t + 2 * HOUR), 10 * MINUTE);
	/* nobody took notice for two days */
	quota_talk(&q, t + 2 * HOUR, t + 50 * (uint64_t)HOUR, 1);
	ck_assert_str_eq(quota_judge(&q, &l, t + 50 * (uint64_t)HOUR),
			 "your minutes of the day are used up");
	ck_assert_uint_eq(quota_left(&q, &l, t + 76 * (uint64_t)HOUR),
			  30 * MINUTE);
}
END_TEST

/* Whenever an hour begins, it sees no more than the limit. */
START_TEST(quota_any_hour)
{
	const struct config_quota l = {.calls_per_hour = 10};
	const uint64_t t = 7000 * (uint64_t)HOUR + 12345;
	static uint64_t made[4000];
	unsigned n = 0, first = 0;
	struct quota q;

	memset(&q, 0, sizeof(q));
	for (uint64_t at = t; at < t + 48 * (uint64_t)HOUR; at += 7 * 1000) {
		if (quota_judge(&q, &l, at))
			continue;
		quota_call(&q, at);
		made[n++] = at;
		while (at - made[first] >= HOUR)
			++first;
		ck_assert_uint_le(n - first, 10);
	}
	ck_assert_uint_gt(n, 48 * 9);
}
END_TEST

/* What comes back after a restart is what was there, in any hour's part. */
START_TEST(quota_comes_back)
{
	const struct config_quota l = {.calls_per_hour = 10,
				       .minutes_per_day = 60};
	const uint64_t t = 7000 * (uint64_t)HOUR + 12345;
	struct quota q, r;
	uint32_t calls;
	uint64_t ms;

	memset(&q, 0, sizeof(q));
	memset(&r, 0, sizeof(r));
	for (unsigned i = 0; i < 9; i++)
		quota_call(&q, t + i * 3 * (uint64_t)MINUTE);
	quota_talk(&q, t, t + 30 * (uint64_t)MINUTE, 1);
	for (uint32_t part = quota_part(t - HOUR);
	     part <= quota_part(t + HOUR); part++) {
		quota_part_get(&q, part, &calls, &ms);
		quota_part_add(&r, t + 31 * (uint64_t)MINUTE, part, calls, ms);
	}
	for (uint64_t at = t + 31 * (uint64_t)MINUTE;
	     at < t + 26 * (uint64_t)HOUR; at += MINUTE) {
		ck_assert_ptr_eq(quota_judge(&q, &l, at),
				 quota_judge(&r, &l, at));
		ck_assert_uint_eq(quota_left(&q, &l, at),
				  quota_left(&r, &l, at));
	}

	/* a part of yesterday counts for the day, one of last week not */
	memset(&r, 0, sizeof(r));
	quota_part_add(&r, t, quota_part(t - 20 * (uint64_t)HOUR), 3, MINUTE);
	quota_part_add(&r, t, quota_part(t - 170 * (uint64_t)HOUR), 3, MINUTE);
	ck_assert_uint_eq(quota_left(&r, &l, t), 59 * MINUTE);
	/* one of the future, by a clock that was wrong, is of now */
	quota_part_add(&r, t, quota_part(t + 9000 * (uint64_t)HOUR), 10, 0);
	ck_assert_ptr_nonnull(quota_judge(&r, &l, t));
	ck_assert_ptr_null(quota_judge(&r, &l, t + 66 * (uint64_t)MINUTE));
}
END_TEST

/* A stolen account: a thousand attempts, all at once and one by one. */
START_TEST(drill)
{
	struct config_limits l = {
	    .calls_per_jid = 4,
	    .setup_burst = 10000,
	    .setup_per_minute = 10000,
	    .quota = {.calls_per_hour = 20, .minutes_per_day = 60},
	};
	struct policy *p = make(&l, 10000);
	unsigned parallel = 0, sequence = 0;
	struct ending why;

	for (int i = 0; i < 1000; i++)
		parallel += !admit(p, "thief@x", "t", true, &why);
	ck_assert_uint_eq(parallel, 4);
	for (unsigned i = 0; i < parallel; i++)
		policy_release(p, "thief@x", "t");
	ck_assert_uint_eq(policy_calls(p), 0);

	for (int i = 0; i < 1000; i++) {
		if (admit(p, "thief@x", "t", true, &why))
			continue;
		policy_release(p, "thief@x", "t");
		++sequence;
	}
	/* what was refused while four calls were up did not count */
	ck_assert_uint_eq(parallel + sequence, 20);
	ck_assert_int_eq(why.reason, REASON_DECLINE);
	/* nobody else pays for it, and the thief can be called */
	ck_assert_int_eq(admit(p, "alice@x", "t", true, &why), 0);
	ck_assert_int_eq(admit(p, "thief@x", "t", false, &why), 0);
	done(p);
}
END_TEST

START_TEST(plans)
{
	struct config_limits l = {.calls_per_jid = 9,
				  .quota = {.calls_per_day = 1}};
	const struct config_plan plan = {
	    .calls = 2, .per_minute = 4, .quota = {.calls_per_day = 3}};
	struct policy *p = make(&l, 100);
	struct policy_ask ask = {"a@x", "t", &plan, true, false};
	struct ending why;

	ck_assert_int_eq(policy_ask(p, &ask, &why), 0);
	ck_assert_int_eq(policy_ask(p, &ask, &why), 0);
	ck_assert_int_eq(policy_ask(p, &ask, &why), EBUSY);
	policy_release(p, "a@x", "t");
	ck_assert_int_eq(policy_ask(p, &ask, &why), 0);
	policy_release(p, "a@x", "t");
	ck_assert_int_eq(policy_ask(p, &ask, &why), EDQUOT);
	ck_assert_str_eq(why.text,
			 "as many calls in a day as one user may make");
	ask.emergency = true; /* never refused, never counted */
	for (unsigned i = 0; i < 200; i++)
		ck_assert_int_eq(policy_ask(p, &ask, &why), 0);
	ask.emergency = false;
	ask.plan = NULL;
	ask.user = "b@x";
	ck_assert_int_eq(policy_ask(p, &ask, &why), ENOSPC); /* 100 */
	for (unsigned i = 0; i < 200; i++)
		policy_release(p, "a@x", "t");
	ck_assert_int_eq(policy_ask(p, &ask, &why), 0);
	ck_assert_int_eq(policy_ask(p, &ask, &why), EDQUOT);
	done(p);
}
END_TEST

static unsigned exhausted;

static void on_exhausted(const char *user, void *arg)
{
	ck_assert_str_eq(user, "a@x");
	for (unsigned i = 0; i < 300; i++)
		policy_talk(arg, user, false);
	++exhausted;
	re_cancel();
}

static void too_late(void *arg)
{
	(void)arg;
	re_cancel();
}

/* Three hundred calls use a minute up in 200 ms. */
START_TEST(last_minute)
{
	struct config_limits l = {.quota = {.minutes_per_hour = 1}};
	struct policy *p = make(&l, 100);
	struct tmr tmr;
	struct ending why;
	uint64_t t = tmr_jiffies();

	exhausted = 0;
	policy_watch(p, on_exhausted, p);
	ck_assert_int_eq(admit(p, "a@x", "t", true, &why), 0);
	for (unsigned i = 0; i < 300; i++)
		policy_talk(p, "a@x", true);
	tmr_init(&tmr);
	tmr_start(&tmr, 5000, too_late, NULL);
	(void)re_main(NULL);
	tmr_cancel(&tmr);
	ck_assert_uint_eq(exhausted, 1);
	ck_assert_uint_ge(tmr_jiffies() - t, 195);
	ck_assert_int_eq(admit(p, "a@x", "t", true, &why), EDQUOT);
	ck_assert_str_eq(why.text, "your minutes of the hour are used up");
	done(p);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("policy");

	tcase_add_test(tc, full_house);
	tcase_add_test(tc, one_user);
	tcase_add_test(tc, one_trunk);
	tcase_add_test(tc, bucket);
	tcase_add_test(tc, bucket_refills);
	tcase_add_test(tc, minute);
	tcase_add_test(tc, quota_counts_calls);
	tcase_add_test(tc, quota_counts_time);
	tcase_add_test(tc, quota_any_hour);
	tcase_add_test(tc, quota_comes_back);
	tcase_add_test(tc, drill);
	tcase_add_test(tc, plans);
	tcase_add_test(tc, last_minute);

	return suite_run("bridge_policy", tc);
}
