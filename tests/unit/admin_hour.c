/* admin_hour.c: the last hour, and how calls sound. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "admin/history.h"
#include "admin/quality.h"
#include "suite.h"

enum {
	NOW = 1700000040,
	MINUTE = 60000
}; /* s, at the begin of a minute; ms */
#define AT(s) (1000ULL * (NOW + (s)))

static struct history *h;
static struct call_counts counts;

static void setup(void)
{
	memset(&counts, 0, sizeof(counts));
	counts.ended[0][OUTCOME_ANSWERED] = 7; /* before it looked */
	ck_assert_int_eq(history_alloc(&h), 0);
	history_sample(h, AT(0), &counts, 2, 10);
}

static void teardown(void)
{
	h = mem_deref(h);
}

/* The fields of a minute, which ends ago minutes before the last. */
static int minute(const json_t *j, size_t ago, size_t field)
{
	const json_t *v = json_object_get(j, "minutes");

	return (int)json_integer_value(json_array_get(
	    json_array_get(v, json_array_size(v) - 1 - ago), field));
}

START_TEST(test_minutes)
{
	json_t *j;

	counts.ended[0][OUTCOME_ANSWERED] += 2;
	counts.ended[1][OUTCOME_ANSWERED] += 1;
	counts.ended[1][OUTCOME_BUSY] += 4;
	counts.ended[0][OUTCOME_MEDIA] += 5;
	history_sample(h, AT(10), &counts, 9, 16);
	history_sample(h, AT(65), &counts, 3, 16);

	j = history_json(h, AT(70));
	ck_assert_uint_eq(json_array_size(json_object_get(j, "minutes")),
			  HISTORY_MINUTES);
	ck_assert_int_eq(minute(j, 0, 0), NOW + 60);
	ck_assert_int_eq(minute(j, 0, 1), 0);
	ck_assert_int_eq(minute(j, 0, 4), 3);
	ck_assert_int_eq(minute(j, 1, 1), 3);
	ck_assert_int_eq(minute(j, 1, 2), 4);
	ck_assert_int_eq(minute(j, 1, 3), 5);
	ck_assert_int_eq(minute(j, 1, 4), 9);
	ck_assert_int_eq(minute(j, 1, 5), 6);
	json_decref(j);

	j = history_json(h, AT(3600 + 59)); /* still to be seen */
	ck_assert_int_eq(minute(j, HISTORY_MINUTES - 1, 3), 0);
	ck_assert_int_eq(minute(j, HISTORY_MINUTES - 1, 4), 3);
	json_decref(j);
	j = history_json(h, AT(2 * 3600));
	for (size_t i = 0; i < HISTORY_MINUTES; i++)
		ck_assert_int_eq(minute(j, i, 1) + minute(j, i, 4), 0);
	json_decref(j);
}
END_TEST

static void fail_at(uint64_t at, enum call_outcome o, unsigned code,
		    const char *trunk, const char *text, const char *name)
{
	struct ending why = {.reason = REASON_NONE, .sip_code = code};
	const struct call_end end = {.name = name,
				     .trunk = trunk,
				     .why = &why,
				     .outcome = o,
				     .sip_code = code};

	str_ncpy(why.text, text, sizeof(why.text));
	history_call_ended(h, at, &end);
}

static const json_t *group(const json_t *j, size_t i)
{
	return json_array_get(json_object_get(j, "failures"), i);
}

static int number(const json_t *g, const char *key)
{
	return (int)json_integer_value(json_object_get(g, key));
}

static const char *text(const json_t *g, const char *key)
{
	return json_string_value(json_object_get(g, key));
}

START_TEST(test_failures)
{
	json_t *j;

	fail_at(AT(1), OUTCOME_UNREACHABLE, 404, "pbx", "", "a");
	fail_at(AT(2), OUTCOME_UNREACHABLE, 404, "pbx", "no such user", "b");
	fail_at(AT(3), OUTCOME_UNREACHABLE, 404, "other", "", "c");
	fail_at(AT(4), OUTCOME_BUSY, 486, "pbx", "", "d");
	fail_at(AT(5), OUTCOME_ANSWERED, 0, "pbx", "", "e");
	fail_at(AT(5), OUTCOME_CANCELLED, 487, "pbx", "", "f");

	j = history_json(h, AT(6));
	ck_assert_uint_eq(json_array_size(json_object_get(j, "failures")), 3);
	ck_assert_int_eq(number(group(j, 0), "count"), 2);
	ck_assert_int_eq(number(group(j, 0), "sip_code"), 404);
	ck_assert_str_eq(text(group(j, 0), "last_id"), "b");
	ck_assert_str_eq(text(group(j, 0), "text"), "no such user");
	ck_assert(json_is_false(json_object_get(group(j, 0), "missed")));
	ck_assert_str_eq(text(group(j, 1), "last_id"), "d"); /* the newer */
	ck_assert(json_is_true(json_object_get(group(j, 1), "missed")));
	ck_assert_str_eq(text(group(j, 1), "text"), reason_phrase(486));
	json_decref(j);

	j = history_json(h, AT(3602)); /* an hour after the second one */
	ck_assert_int_eq(number(group(j, 0), "count"), 1);
	json_decref(j);
	j = history_json(h, AT(4000));
	ck_assert_uint_eq(json_array_size(json_object_get(j, "failures")), 0);
	json_decref(j);
}
END_TEST

/* As many as there may be: what is kept does not grow, what is shown neither.
 */
START_TEST(test_many)
{
	json_t *j;
	char trunk[16];

	for (unsigned i = 0; i < 3 * HISTORY_FAILURES; i++) {
		(void)re_snprintf(trunk, sizeof(trunk), "t%u", i);
		fail_at(AT(1), OUTCOME_FAILED, 500, trunk, "", "x");
	}
	j = history_json(h, AT(2));
	ck_assert_uint_eq(json_array_size(json_object_get(j, "failures")),
			  HISTORY_GROUPS);
	ck_assert_int_eq(number(j, "failures_more"),
			 HISTORY_FAILURES - HISTORY_GROUPS);
	json_decref(j);
}
END_TEST

START_TEST(test_mos)
{
	unsigned worse, mos = quality_mos("opus/48000", 0, 0, 0);

	ck_assert_uint_ge(mos, 43);
	ck_assert_uint_le(mos, 45);
	for (unsigned loss = 10; loss <= 1000; loss *= 2) {
		worse = quality_mos("opus/48000", loss, 0, 0);
		ck_assert_uint_le(worse, mos);
		mos = worse;
	}
	ck_assert_uint_eq(quality_mos("PCMU/8000", 1000, 500, 2000), 10);
	ck_assert_uint_lt(quality_mos("PCMU/8000", 0, 0, 800),
			  quality_mos("PCMU/8000", 0, 0, 100));
	ck_assert_uint_lt(quality_mos("PCMU/8000", 0, 100, 100),
			  quality_mos("PCMU/8000", 0, 5, 100));
	ck_assert_uint_lt(quality_mos("G729/8000", 0, 0, 0),
			  quality_mos("pcmu/8000", 0, 0, 0));
}
END_TEST

/* tests/data/quality.txt */
START_TEST(mos_of_codecs)
{
	static const unsigned losses[] = {0, 10, 50, 200, 500};
	FILE *f = fopen("tests/data/quality.txt", "r");
	char line[128], codec[32];
	unsigned rows = 0;

	ck_assert_ptr_nonnull(f);
	while (fgets(line, sizeof(line), f)) {
		unsigned want[5], all, sum = 0;

		if (line[0] == '#')
			continue;
		ck_assert_int_eq(sscanf(line, "%31s %u %u %u %u %u %u", codec,
					&want[0], &want[1], &want[2], &want[3],
					&want[4], &all),
				 7);
		for (size_t i = 0; i < ARRAY_SIZE(losses); i++)
			ck_assert_msg(quality_mos(codec, losses[i], 10, 50) ==
					  want[i],
				      "%s at %u", codec, losses[i]);
		for (unsigned loss = 0; loss < 1000; loss++)
			sum += quality_mos(codec, loss, 10, 50);
		ck_assert_msg(sum == all, "%s: %u", codec, sum);
		rows++;
	}
	ck_assert_uint_eq(rows, 9);
	(void)fclose(f);
}
END_TEST

static struct quality_now seen;

static bool see(struct quality *q, const char *name, uint64_t rx,
		uint64_t lost, bool point)
{
	const struct media_stat st[] = {
	    {.ice = true,
	     .count = {.rx_packets = rx,
		       .rx_lost = lost,
		       .jitter_us = 4600,
		       .rtt_us = 20400}},
	    {.ice = false, .count = {.rx_packets = rx}},
	};
	const struct call_info info = {.name = name,
				       .codec = "opus/48000",
				       .active_ms = 1000,
				       .stats = st,
				       .statc = 2};

	return quality_add(q, &info, point, &seen);
}

static void last_point(const char *name, const struct quality_point *v,
		       unsigned n, void *arg)
{
	unsigned *count = arg;

	(void)name;
	*count += n;
	if (n) {
		ck_assert_uint_eq(v[n - 1].jitter, 5);
		ck_assert_uint_eq(v[n - 1].rtt, 20);
	}
}

START_TEST(test_quality)
{
	struct quality *q;
	unsigned n = 0;

	ck_assert_int_eq(quality_alloc(&q), 0);
	for (unsigned i = 1; i <= QUALITY_POINTS + 5; i++) {
		quality_begin(q);
		ck_assert(see(q, "a", 50 * i, 50 * i, true));
		quality_end(q);
	}
	ck_assert_uint_ge(seen.x.loss, 498); /* half of them are lost */
	ck_assert_uint_le(seen.x.loss, 500);
	ck_assert_uint_eq(seen.s.loss, 0);
	ck_assert_uint_le(seen.mos, 20);
	quality_walk(q, last_point, &n);
	ck_assert_uint_eq(n, QUALITY_POINTS);

	n = 0;
	quality_begin(q);
	quality_end(q); /* it is over */
	quality_walk(q, last_point, &n);
	ck_assert_uint_eq(n, 0);
	mem_deref(q);
}
END_TEST

START_TEST(test_quality_full)
{
	struct quality *q;
	char name[16];

	ck_assert_int_eq(quality_alloc(&q), 0);
	for (unsigned round = 0; round < 2; round++) {
		quality_begin(q);
		for (unsigned i = 0; i < QUALITY_CALLS; i++) {
			(void)re_snprintf(name, sizeof(name), "%u", i);
			ck_assert(see(q, name, 1, 0, false));
		}
		ck_assert(!see(q, "more", 1, 0, false));
		ck_assert_uint_eq(seen.mos, 0);
		quality_end(q);
	}
	mem_deref(q);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("hour");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, test_minutes);
	tcase_add_test(t, test_failures);
	tcase_add_test(t, test_many);
	tcase_add_test(t, test_mos);
	tcase_add_test(t, mos_of_codecs);
	tcase_add_test(t, test_quality);
	tcase_add_test(t, test_quality_full);

	return suite_run("admin_hour", t);
}
