/* base_clock.c: libre's timers run by a clock that is never set. */
#include <check.h>
#include <stdlib.h>
#include <time.h>
#include "base/compat.h"

static uint64_t monotonic(void)
{
	struct timespec now;

	ck_assert_int_eq(clock_gettime(CLOCK_MONOTONIC, &now), 0);

	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void stop(void *arg)
{
	*(uint64_t *)arg = monotonic();
	re_cancel();
}

/* The time at which a timer of libre's list is due is ours. */
START_TEST(timers_are_monotonic)
{
	uint64_t before, fired = 0;
	struct tmr tmr;

	ck_assert_int_eq(libre_init(), 0);
	tmr_init(&tmr);
	before = monotonic();
	ck_assert_uint_ge(tmr_jiffies(), before);
	ck_assert_uint_le(tmr_jiffies(), before + 1000);
	tmr_start(&tmr, 120, stop, &fired);
	ck_assert_uint_ge(tmr.jfs, before + 120);
	ck_assert_uint_le(tmr.jfs, before + 1120);
	ck_assert_int_eq(re_main(NULL), 0);
	ck_assert_uint_ge(fired, before + 119);
	ck_assert_uint_le(fired, before + 1120);
	libre_close();
}
END_TEST

int main(void)
{
	Suite *s = suite_create("base_clock");
	TCase *tc = tcase_create("all");
	SRunner *sr;
	int failed;

	tcase_add_test(tc, timers_are_monotonic);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);

	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
