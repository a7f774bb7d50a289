/* base_lag.c: how far a thread is behind. */
#include <stdlib.h>
#include <unistd.h>
#include "base/lag.h"
#include "suite.h"

START_TEST(test_smooth)
{
	struct lag l = {0};
	unsigned i;

	/* one hiccup is not much */
	lag_note(&l, 400);
	lag_note(&l, 100);
	ck_assert_uint_eq(lag_tick(&l), 100);
	ck_assert_uint_eq(lag_tick(&l), 75);
	/* what goes on is told as it is */
	for (i = 0; i < 40; i++) {
		lag_note(&l, 1000);
		(void)lag_tick(&l);
	}
	ck_assert_uint_ge(l.smooth, 990);
	for (i = 0; i < 40; i++)
		(void)lag_tick(&l);
	ck_assert_uint_le(l.smooth, 3);
}
END_TEST

START_TEST(test_gate)
{
	struct lag_gate g = {.limit = 100}, none = {0};
	unsigned i;

	ck_assert(!lag_gate_tick(&g, 99));
	ck_assert(lag_gate_tick(&g, 100));
	/* between half of it and the limit nothing changes */
	for (i = 0; i < 10; i++)
		ck_assert(lag_gate_tick(&g, 50));
	for (i = 1; i < LAG_CALM; i++)
		ck_assert(lag_gate_tick(&g, 49));
	ck_assert(lag_gate_tick(&g, 50)); /* not in a row */
	for (i = 1; i < LAG_CALM; i++)
		ck_assert(lag_gate_tick(&g, 0));
	ck_assert(!lag_gate_tick(&g, 0));
	ck_assert(!lag_gate_tick(&g, 99));
	ck_assert(!lag_gate_tick(&none, 1000000));
}
END_TEST

START_TEST(test_input)
{
	uint64_t since = 0;

	lag_signalling.worst = 0;
	lag_input(&since, true);
	ck_assert_uint_eq(lag_signalling.worst, 0);
	(void)usleep(2000);
	lag_input(&since, true);
	ck_assert_uint_ge(lag_signalling.worst, 2000);
	lag_input(&since, false);
	ck_assert_uint_eq(since, 0);
	lag_signalling.worst = 0;
	lag_input(&since, true);
	ck_assert_uint_eq(lag_signalling.worst, 0);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("lag");

	tcase_add_test(tc, test_smooth);
	tcase_add_test(tc, test_gate);
	tcase_add_test(tc, test_input);

	return suite_run("base_lag", tc);
}
