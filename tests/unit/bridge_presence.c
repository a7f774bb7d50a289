/* bridge_presence.c: the tables of protocol C.1, and the times. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "bridge/presence.h"

struct row {
	char v[3][32];
};

static bool next_row(FILE *f, struct row *r)
{
	char line[256];

	while (fgets(line, sizeof(line), f)) {
		r->v[2][0] = '\0';
		if (line[0] != '#' && sscanf(line, "%31s %31s %31s", r->v[0],
					     r->v[1], r->v[2]) >= 2)
			return true;
	}
	return false;
}

START_TEST(responses)
{
	FILE *f = fopen("tests/data/presence_response.txt", "r");
	struct row r;
	unsigned rows = 0;

	ck_assert_ptr_nonnull(f);
	while (next_row(f, &r)) {
		struct config_trunk trunk = {.addressing = CONFIG_ADDR_TRUNK};
		const unsigned code = (unsigned)atoi(r.v[0]);

		char password[] = "secret";

		trunk.strict = !strcmp(r.v[1], "strict");
		if (strcmp(r.v[1], "open"))
			trunk.password = password;
		if (!strcmp(r.v[1], "escaped"))
			trunk.addressing = CONFIG_ADDR_ESCAPED;
		ck_assert_msg(
		    !strcmp(
			presence_action_name(presence_on_code(code, &trunk)),
			r.v[2]),
		    "%s %s: %s", r.v[0], r.v[1],
		    presence_action_name(presence_on_code(code, &trunk)));
		rows++;
	}
	(void)fclose(f);
	ck_assert_uint_eq(rows, 26);
}
END_TEST

START_TEST(reasons)
{
	FILE *f = fopen("tests/data/presence_reason.txt", "r");
	struct row r;
	struct pl pl;
	unsigned rows = 0;

	ck_assert_ptr_nonnull(f);
	while (next_row(f, &r)) {
		const char *reason = NULL;

		if (strcmp(r.v[0], "-")) {
			pl_set_str(&pl, r.v[0]);
			reason = subscribe_reason(&pl);
			ck_assert_str_eq(reason, r.v[0]);
		}
		ck_assert_str_eq(
		    presence_action_name(presence_on_reason(reason)), r.v[1]);
		rows++;
	}
	(void)fclose(f);
	ck_assert_uint_eq(rows, 8);
	pl_set_str(&pl, "nonsense");
	ck_assert_ptr_null(subscribe_reason(&pl));
}
END_TEST

/* max(Expires - 60 s, 0.8 Expires) */
START_TEST(refreshes)
{
	ck_assert_uint_eq(subscribe_refresh_after(3600), 3540000);
	ck_assert_uint_eq(subscribe_refresh_after(300), 240000);
	ck_assert_uint_eq(subscribe_refresh_after(299), 239200);
	ck_assert_uint_eq(subscribe_refresh_after(60), 48000);
	ck_assert_uint_eq(subscribe_refresh_after(10), 8000);
	ck_assert_uint_eq(subscribe_refresh_after(0), 0);
}
END_TEST

START_TEST(granted)
{
	const struct config_presence conf = {.expires = 3600,
					     .expires_min = 60};

	/* less than expires_min is refused, never made longer */
	ck_assert_uint_eq(notifier_expires(1, &conf), 1);
	ck_assert_uint_eq(notifier_expires(60, &conf), 60);
	ck_assert_uint_eq(notifier_expires(600, &conf), 600);
	ck_assert_uint_eq(notifier_expires(7200, &conf), 3600);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("bridge_presence");
	TCase *tc = tcase_create("presence");
	SRunner *sr;
	int failed;

	tcase_add_test(tc, responses);
	tcase_add_test(tc, reasons);
	tcase_add_test(tc, refreshes);
	tcase_add_test(tc, granted);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);

	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
