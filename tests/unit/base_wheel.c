/* base_wheel.c: the wheel of timers, beside a list that is sorted by hand. */
#include <stdlib.h>
#include <string.h>
#include "base/wheel.h"
#include "suite.h"

enum { NODES = 200, STEPS = 20000 };

struct timer { /* as the model knows it */
	struct wheel_node node;
	uint64_t due, seq;
	bool runs;
};

static uint64_t seed;

static uint64_t draw(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;

	return seed;
}

/* Of every magnitude, often equal. */
static uint64_t draw_span(void)
{
	static const uint64_t some[] = {0, 1, 63, 64, 65, 4095, 4096, 1 << 18};

	if (draw() % 4 == 0)
		return some[draw() % (sizeof(some) / sizeof(some[0]))];

	return draw() % ((uint64_t)1 << draw() % 36);
}

static struct timer *model_first(struct timer *t)
{
	struct timer *first = NULL;
	unsigned i;

	for (i = 0; i < NODES; i++) {
		if (t[i].runs &&
		    (!first || t[i].due < first->due ||
		     (t[i].due == first->due && t[i].seq < first->seq)))
			first = &t[i];
	}

	return first;
}

static void start(struct wheel *w, struct timer *t, uint64_t due)
{
	static uint64_t seq;

	if (draw() % 4 == 0)
		wheel_remove(&t->node);
	if (!wheel_move(w, &t->node, due))
		t->seq = ++seq;
	t->due = due;
	t->runs = true;
}

static void stop(struct timer *t)
{
	wheel_remove(&t->node);
	t->runs = false;
}

/* What is due comes in order; between two, others come and go, as they do in
 * a handler. */
static void take_all(struct wheel *w, struct timer *t, uint64_t now)
{
	struct wheel_node *n;
	struct timer *first, *any;
	unsigned more = 50;

	while ((n = wheel_take(w, now)) != NULL) {
		first = model_first(t);
		ck_assert_ptr_eq(n, &first->node);
		ck_assert_uint_le(n->due, now);
		ck_assert(!wheel_has(n));
		first->runs = false;
		any = &t[draw() % NODES];
		if (more && draw() % 4 == 0) {
			--more;
			start(w, first, now + draw_span());
		} else if (more && draw() % 4 == 0) {
			--more;
			start(w, any, now + draw_span());
		} else if (draw() % 4 == 0) {
			stop(any);
		}
	}
	first = model_first(t);
	ck_assert(!first || first->due > now);
}

/* Never late; early only where there are many, and then not for long. */
static uint64_t check_next(struct wheel *w, struct timer *t, uint64_t now)
{
	struct timer *first = model_first(t);
	uint64_t next = wheel_next(w);
	unsigned i, n = 0;

	if (!first) {
		ck_assert_uint_eq(next, UINT64_MAX);
		return now;
	}
	ck_assert_uint_le(next, first->due);
	for (i = 0; i < NODES; i++)
		n += t[i].runs;
	if (n <= 8)
		ck_assert_uint_eq(next, first->due);

	return next;
}

START_TEST(wheel_is_a_sorted_list)
{
	static struct timer t[NODES];
	static struct wheel w;
	uint64_t now = 0;
	unsigned i;

	seed = 88172645463325252u + (unsigned)_i;
	if (_i % 2)
		now = draw() >> _i % 12;
	memset(t, 0, sizeof(t));
	memset(&w, 0, sizeof(w));
	for (i = 0; i < STEPS; i++) {
		struct timer *any = &t[draw() % (_i % 4 ? NODES : 6)];

		switch (draw() % 8) {
		case 0:
			stop(any);
			break;
		case 1:
			now += draw_span();
			take_all(&w, t, now);
			break;
		case 2: /* to where the wheel says, as loops do */
			if (check_next(&w, t, now) > now)
				now = check_next(&w, t, now);
			take_all(&w, t, now);
			break;
		default:
			start(&w, any, now + draw_span());
			break;
		}
	}
	while (wheel_next(&w) != UINT64_MAX) {
		if (wheel_next(&w) > now)
			now = wheel_next(&w);
		take_all(&w, t, now);
	}
	ck_assert_ptr_null(model_first(t));
}
END_TEST

/* Whoever is late comes first, in the order of adding. */
START_TEST(overdue_is_taken_at_once)
{
	static struct wheel w;
	struct wheel_node n[3] = {0};

	ck_assert_ptr_null(wheel_take(&w, 1000));
	wheel_add(&w, &n[0], 1001);
	wheel_add(&w, &n[1], 999);
	wheel_add(&w, &n[2], 5);
	ck_assert_uint_le(wheel_next(&w), 1000);
	ck_assert_ptr_eq(wheel_take(&w, 1000), &n[1]);
	ck_assert_ptr_eq(wheel_take(&w, 1000), &n[2]);
	ck_assert_ptr_null(wheel_take(&w, 1000));
	ck_assert_uint_eq(wheel_next(&w), 1001);
	ck_assert_ptr_eq(wheel_take(&w, UINT64_MAX), &n[0]);
}
END_TEST

START_TEST(the_end_of_time)
{
	static struct wheel w;
	struct wheel_node n[2] = {0};

	wheel_add(&w, &n[0], UINT64_MAX - 1);
	wheel_add(&w, &n[1], UINT64_C(1) << 63);
	ck_assert_uint_eq(wheel_next(&w), UINT64_C(1) << 63);
	ck_assert_ptr_null(wheel_take(&w, (UINT64_C(1) << 63) - 1));
	ck_assert_ptr_eq(wheel_take(&w, UINT64_C(1) << 63), &n[1]);
	ck_assert_ptr_null(wheel_take(&w, UINT64_MAX - 2));
	ck_assert_uint_eq(wheel_next(&w), UINT64_MAX - 1);
	ck_assert_ptr_eq(wheel_take(&w, UINT64_MAX - 1), &n[0]);
	wheel_remove(&n[0]);
	ck_assert_uint_eq(wheel_next(&w), UINT64_MAX);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("all");

	tcase_set_timeout(tc, 30);
	tcase_add_loop_test(tc, wheel_is_a_sorted_list, 0, 16);
	tcase_add_test(tc, overdue_is_taken_at_once);
	tcase_add_test(tc, the_end_of_time);

	return suite_run("base_wheel", tc);
}
