/* bridge_presence.c: the tables of protocol C.1, and the times. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "bridge/presence_priv.h"
#include "suite.h"

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
	ck_assert_uint_eq(rows, 28);
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

/* A hundred thousand, asked for at one pace, and again after a restart: how
 * many SUBSCRIBEs leave in the busiest second?  all: the first ones, too. */
static unsigned busiest(unsigned rate, bool all)
{
	enum { N = 100000, HOURS = 3, END = HOURS * 3600, AGAIN = END / 2 };
	static unsigned sent[END + 1];
	unsigned most = 0;
	uint64_t x = 88172645463325252ULL;

	memset(sent, 0, sizeof(sent));
	for (unsigned i = 0; i < 2 * N; i++) {
		const uint64_t begin = i < N ? 0 : AGAIN * 1000;
		const uint64_t end = i < N ? AGAIN * 1000 : END * 1000;
		uint64_t t = begin + (uint64_t)(i % N) * 1000 / rate;

		for (bool first = true; t < end; first = false) {
			sent[t / 1000] += all || !first;
			x ^= x << 13;
			x ^= x >> 7;
			x ^= x << 17;
			t += subscribe_due_after(3600, first, x);
		}
	}
	for (unsigned s = 0; s < END; s++)
		most = MAX(most, sent[s]);

	return most;
}

START_TEST(no_storm)
{
	enum { MEAN = 100000 / 3600 };

	ck_assert_uint_le(busiest(50, true), 3 * MEAN);
	/* what began in two minutes does not come in two minutes again */
	ck_assert_uint_le(busiest(833, false), 3 * MEAN);
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

/* What is shown of a subscription. */
START_TEST(state_names)
{
	static const char *const v[] = {
	    [ASK_IDLE] = "idle",       [ASK_QUEUED] = "queued",
	    [ASK_TRYING] = "trying",   [ASK_PENDING] = "pending",
	    [ASK_ACTIVE] = "active",   [ASK_SYNTHETIC] = "synthetic",
	    [ASK_WAITING] = "waiting", [ASK_FROZEN] = "frozen",
	    [ASK_STOPPED] = "stopped", [ASK_LEAVING] = "leaving",
	};

	for (unsigned i = 0; i < ARRAY_SIZE(v); i++)
		ck_assert_str_eq(ask_state_name((enum ask_state)i), v[i]);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("presence");

	tcase_add_test(tc, state_names);
	tcase_add_test(tc, responses);
	tcase_add_test(tc, no_storm);
	tcase_add_test(tc, reasons);
	tcase_add_test(tc, refreshes);
	tcase_add_test(tc, granted);

	return suite_run("bridge_presence", tc);
}
