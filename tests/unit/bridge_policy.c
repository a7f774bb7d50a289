/* bridge_policy.c: how much one user, one trunk or all may do. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/compat.h"
#include "bridge/policy.h"

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

START_TEST(full_house)
{
	struct config_limits l = {.calls = 0};
	struct policy *p = make(&l, 2);
	struct ending why;

	ck_assert_uint_eq(policy_room(p), 2);
	ck_assert_int_eq(policy_admit(p, "a@x", "t", false, &why), 0);
	ck_assert_int_eq(policy_admit(p, "b@x", "t", false, &why), 0);
	ck_assert_int_eq(policy_admit(p, "c@x", "t", false, &why), ENOSPC);
	ck_assert_uint_eq(why.sip_code, 503);
	ck_assert_uint_gt(why.retry_after, 0);
	policy_release(p, "a@x", "t");
	ck_assert_int_eq(policy_admit(p, "c@x", "t", false, &why), 0);
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

	ck_assert_int_eq(policy_admit(p, "a@x", "t", false, &why), 0);
	ck_assert_int_eq(policy_admit(p, "a@x", "u", false, &why), 0);
	ck_assert_int_eq(policy_admit(p, "a@x", "t", false, &why), EBUSY);
	ck_assert_int_eq(why.reason, REASON_BUSY);
	ck_assert(why.text[0]);
	ck_assert_int_eq(policy_admit(p, "b@x", "t", false, &why), 0);
	done(p);
}
END_TEST

START_TEST(one_trunk)
{
	struct config_limits l = {.calls_per_trunk = 1};
	struct policy *p = make(&l, 100);
	struct ending why;

	ck_assert_int_eq(policy_admit(p, "a@x", "t", false, &why), 0);
	ck_assert_int_eq(policy_admit(p, "b@x", "t", false, &why), EBUSY);
	ck_assert_int_eq(policy_admit(p, "b@x", "u", false, &why), 0);
	/* a user of the trunk's name is somebody else */
	ck_assert_int_eq(policy_admit(p, "t", "v", false, &why), 0);
	done(p);
}
END_TEST

START_TEST(bucket)
{
	struct config_limits l = {.setup_burst = 3, .setup_refill_ms = 60000};
	struct policy *p = make(&l, 100);
	struct ending why;

	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(policy_admit(p, "a@x", "t", true, &why), 0);
		policy_release(p, "a@x", "t");
	}
	ck_assert_int_eq(policy_admit(p, "a@x", "t", true, &why), EAGAIN);
	ck_assert_int_eq(policy_admit(p, "b@x", "t", true, &why), 0);
	/* being called is not paced */
	ck_assert_int_eq(policy_admit(p, "a@x", "t", false, &why), 0);
	done(p);
}
END_TEST

START_TEST(bucket_refills)
{
	struct config_limits l = {.setup_burst = 1, .setup_refill_ms = 30};
	struct policy *p = make(&l, 100);
	struct ending why;

	ck_assert_int_eq(policy_admit(p, "a@x", "t", true, &why), 0);
	ck_assert_int_eq(policy_admit(p, "a@x", "t", true, &why), EAGAIN);
	sys_usleep(60000);
	ck_assert_int_eq(policy_admit(p, "a@x", "t", true, &why), 0);
	ck_assert_int_eq(policy_admit(p, "a@x", "t", true, &why), EAGAIN);
	done(p);
}
END_TEST

START_TEST(minute)
{
	struct config_limits l = {.setup_per_minute = 2};
	struct policy *p = make(&l, 100);
	struct ending why;

	ck_assert_int_eq(policy_admit(p, "a@x", "t", true, &why), 0);
	ck_assert_int_eq(policy_admit(p, "a@x", "t", true, &why), 0);
	ck_assert_int_eq(policy_admit(p, "a@x", "t", true, &why), EAGAIN);
	done(p);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("bridge_policy");
	TCase *tc = tcase_create("policy");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_test(tc, full_house);
	tcase_add_test(tc, one_user);
	tcase_add_test(tc, one_trunk);
	tcase_add_test(tc, bucket);
	tcase_add_test(tc, bucket_refills);
	tcase_add_test(tc, minute);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);

	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
