/* base_logrepeat.c: what is said of lines that came again and again, by a clock
 * of our own. */
#include <stdlib.h>
#include <string.h>
#include "suite.h"

#define log_seconds    own_seconds
#define log_repeat_may own_repeat_may
#include "base/log_repeat.c"

static uint64_t clock_now = 1;

uint64_t log_seconds(void)
{
	return clock_now;
}

static struct log_repeats more;

static bool may(const char *line)
{
	struct pl pl;

	pl_set_str(&pl, line);

	return log_repeat_may(&pl, &more);
}

START_TEST(counted_and_told)
{
	for (int i = 0; i < BURST; i++)
		ck_assert(may("sip: again"));
	for (int i = 0; i < 7; i++) {
		ck_assert(!may("sip: again"));
		ck_assert_uint_eq(more.n, 0);
	}
	/* told by whatever line comes after the time is over, once */
	clock_now += WINDOW;
	ck_assert(may("chat: another"));
	ck_assert_uint_eq(more.n, 7);
	ck_assert_str_eq(more.text, "sip: again");
	ck_assert(may("sip: again"));
	ck_assert_uint_eq(more.n, 0);
}
END_TEST

/* Slowly, for ever: always shown. */
START_TEST(slow_lines)
{
	for (int i = 0; i < 1000; i++) {
		ck_assert(may("xmpp: trying again"));
		ck_assert_uint_eq(more.n, 0);
		clock_now++;
	}
}
END_TEST

START_TEST(long_lines)
{
	char big[1000];

	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	for (int i = 0; i < 2 * BURST; i++)
		(void)may(big);
	clock_now += WINDOW;
	ck_assert(may("y"));
	ck_assert_uint_eq(more.n, BURST);
	ck_assert_uint_eq(strlen(more.text), sizeof(more.text) - 1);
	ck_assert(!strncmp(more.text, big, strlen(more.text)));
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("repeat");

	tcase_add_test(tc, counted_and_told);
	tcase_add_test(tc, slow_lines);
	tcase_add_test(tc, long_lines);

	return suite_run("base_logrepeat", tc);
}
