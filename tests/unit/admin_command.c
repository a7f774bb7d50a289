/* admin_command.c: what stoxctl asks of a gateway that has nothing. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/command.h"
#include "bridge/policy.h"
#include "bridge/route.h"

static char answer[4096];
static bool whole;

static void output(const char *text, size_t len, bool last, void *arg)
{
	size_t have = strlen(answer);

	(void)arg;
	ck_assert(!whole);
	ck_assert_uint_lt(have + len, sizeof(answer));
	memcpy(answer + have, text, len);
	answer[have + len] = '\0';
	whole = last;
}

static int discard(const char *p, size_t size, void *arg)
{
	(void)p;
	(void)size;
	(void)arg;

	return 0;
}

static struct config config = {.file = (char[]){"t"}};
static struct gateway gw = {.config = &config};

static void setup(void)
{
	struct re_printf pf = {discard, NULL};

	ck_assert_int_eq(libre_init(), 0);
	ck_assert_int_eq(route_alloc(&gw.route, &config, &pf), 0);
	ck_assert_int_eq(policy_alloc(&gw.policy, &config.limits, 100), 0);
}

static void teardown(void)
{
	gw.route = mem_deref(gw.route);
	gw.policy = mem_deref(gw.policy);
	libre_close();
}

static void stop(void *arg)
{
	(void)arg;
	re_cancel();
}

/* Some answers come a little later. */
static void ask(const char *line)
{
	struct command_run *run;
	struct tmr tmr;

	answer[0] = '\0';
	whole = false;
	ck_assert_int_eq(command_start(&run, &gw, line, output, NULL), 0);
	tmr_init(&tmr);
	for (unsigned i = 0; !whole && i < 100; i++) {
		tmr_start(&tmr, 20, stop, NULL);
		(void)re_main(NULL);
	}
	ck_assert_msg(whole, "%s: no answer", line);
	mem_deref(run);
}

/* Checks what was asked last. */
static void settle(const char *asked, char *want)
{
	ck_assert_msg(!strncmp(answer, want, strlen(want)),
		      "%s\n--- got\n%s\n--- wanted\n%s", asked, answer, want);
	want[0] = '\0';
}

START_TEST(commands)
{
	FILE *f = fopen("tests/data/admin_commands.txt", "r");
	char line[256], asked[256] = "", want[2048] = "";
	unsigned n = 0;

	ck_assert_ptr_nonnull(f);
	while (fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		if (line[0] == '!') {
			settle(asked, want);
			(void)snprintf(asked, sizeof(asked), "%s", line + 2);
			ask(asked);
			n++;
		} else if (line[0] == '>') {
			size_t at = strlen(want);

			(void)snprintf(want + at, sizeof(want) - at, "%s%s",
				       at ? "\n" : "", line + 2);
		}
	}
	settle(asked, want);
	ck_assert_uint_gt(n, 10);
	(void)fclose(f);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("admin command");
	TCase *tc = tcase_create("commands");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, commands);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);

	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
