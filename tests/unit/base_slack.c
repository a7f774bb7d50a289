/* base_slack.c: freed memory goes back some seconds after most calls ended. */
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include "base/slack.c"
#include "suite.h"

struct list *tmrl_get(void);

/* Time passes when the test says so. */
static uint64_t passed; /* ms */

int clock_gettime(clockid_t id, struct timespec *now)
{
	long err = syscall(SYS_clock_gettime, id, now);

	if (id == CLOCK_MONOTONIC)
		now->tv_sec += (time_t)(passed / 1000);

	return (int)err;
}

static void later(unsigned s)
{
	passed += s * 1000;
	tmr_poll(tmrl_get());
}

static void change(int by)
{
	for (; by > 0; by--)
		slack_add();
	for (; by < 0; by++)
		slack_drop();
}

static void start(void)
{
	ck_assert_int_eq(libre_init(), 0);
}

static void stop(void)
{
	slack_close();
	libre_close();
}

START_TEST(after_many)
{
	change(100);
	change(-49);
	later(60);
	ck_assert_uint_eq(slack_count(), 0); /* more than half are left */
	change(-11);
	ck_assert_uint_eq(slack_count(), 0);
	later(3);
	ck_assert_uint_eq(slack_count(), 0);
	later(3);
	ck_assert_uint_eq(slack_count(), 1);
	later(31);
	ck_assert_uint_eq(slack_count(), 2); /* when all timers are over */
	later(600);
	ck_assert_uint_eq(slack_count(), 2);

	/* From 40 on: half of it. */
	change(-19);
	later(600);
	ck_assert_uint_eq(slack_count(), 2);
	change(-1);
	later(6);
	ck_assert_uint_eq(slack_count(), 3);

	/* The last ones end while the second time is awaited. */
	change(-20);
	later(6);
	ck_assert_uint_eq(slack_count(), 4);
	later(31);
	ck_assert_uint_eq(slack_count(), 5);
}
END_TEST

START_TEST(after_few)
{
	for (unsigned i = 0; i < 10; i++) {
		change(LEAST - 1);
		change(1 - LEAST);
		later(60);
	}
	ck_assert_uint_eq(slack_count(), 0);
	change(-1); /* harms nothing */
	change(LEAST);
	change(-LEAST);
	later(6);
	ck_assert_uint_eq(slack_count(), 1);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("all");

	tcase_add_checked_fixture(tc, start, stop);
	tcase_add_test(tc, after_many);
	tcase_add_test(tc, after_few);

	return suite_run("base_slack", tc);
}
