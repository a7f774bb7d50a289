/* base_clock.c: libre's timers run on our wheel, by a clock that is never
 * set. */
#include <pthread.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
#include "base/compat.h"
#include "suite.h"

enum { YEAR = 365 * 86400, MANY = 30000 };

/* ---- the wall clock, which an administrator sets ---- */

static time_t step; /* s */

int clock_gettime(clockid_t id, struct timespec *now)
{
	long err = syscall(SYS_clock_gettime, id, now);

	if (id == CLOCK_REALTIME)
		now->tv_sec += step;

	return (int)err;
}

int gettimeofday(struct timeval *restrict tv, void *restrict tz)
{
	struct timespec now;

	(void)tz;
	(void)clock_gettime(CLOCK_REALTIME, &now);
	tv->tv_sec = now.tv_sec;
	tv->tv_usec = now.tv_nsec / 1000;

	return 0;
}

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

static void set_clock(void *arg)
{
	step = *(time_t *)arg;
}

/* The time at which a timer of libre's is due is ours, and a step of the wall
 * clock while it runs neither fires nor stalls it. */
START_TEST(timers_are_monotonic)
{
	time_t year = _i ? -YEAR : YEAR;
	uint64_t before, fired = 0;
	struct tmr tmr, setter;

	ck_assert_int_eq(libre_init(), 0);
	tmr_init(&tmr);
	tmr_init(&setter);
	before = monotonic();
	ck_assert_uint_ge(tmr_jiffies(), before);
	ck_assert_uint_le(tmr_jiffies(), before + 1000);
	tmr_start(&setter, 20, set_clock, &year);
	tmr_start(&tmr, 120, stop, &fired);
	ck_assert_uint_ge(tmr.jfs, before + 120);
	ck_assert_uint_le(tmr.jfs, before + 1120);
	ck_assert_uint_gt(tmr_get_expire(&tmr), 0);
	ck_assert_uint_le(tmr_get_expire(&tmr), 120);
	ck_assert_int_eq(re_main(NULL), 0);
	ck_assert_int_eq(step, year);
	ck_assert_uint_ge(fired, before + 119);
	ck_assert_uint_le(fired, before + 1120);
	ck_assert(!tmr_isrunning(&tmr));
	ck_assert_uint_eq(tmr_get_expire(&tmr), 0);
	libre_close();
}
END_TEST

/* ---- what handlers do to timers ---- */

struct owner {
	struct tmr tmr, other;
	struct owner **ref; /* forgotten with it */
	unsigned fired;
};

static char order[16];

static void note(char c)
{
	size_t n = strlen(order);

	ck_assert_uint_lt(n + 1, sizeof(order));
	order[n] = c;
}

static void owner_destructor(void *arg)
{
	struct owner *o = arg;

	tmr_cancel(&o->tmr);
	tmr_cancel(&o->other);
	*o->ref = NULL;
}

static void never(void *arg)
{
	(void)arg;
	ck_abort_msg("this timer was stopped");
}

static void free_owner(void *arg)
{
	note('f');
	mem_deref(arg);
}

static void again(void *arg)
{
	struct owner *o = arg;

	note('a');
	ck_assert(!tmr_isrunning(&o->tmr));
	if (++o->fired < 3)
		tmr_start(&o->tmr, o->fired, again, o);
	/* Due in the same round, and freed with the owner. */
	tmr_start(&o->other, 0, o->fired < 3 ? never : free_owner, o);
	if (o->fired < 3)
		tmr_cancel(&o->other);
}

static void cancel_other(void *arg)
{
	struct owner *o = arg;

	note('c');
	tmr_cancel(&o->other);
	tmr_start(&o->tmr, 5, again, o);
}

static void end_loop(void *arg)
{
	(void)arg;
	note('e');
	re_cancel();
}

START_TEST(handlers_may_do_anything)
{
	struct owner *o;
	struct tmr end;

	ck_assert_int_eq(libre_init(), 0);
	tmr_init(&end);
	o = mem_zalloc(sizeof(*o), owner_destructor);
	ck_assert_ptr_nonnull(o);
	o->ref = &o;
	tmr_start(&o->tmr, 10, cancel_other, o);
	tmr_start(&o->other, 10, never, NULL);
	tmr_start(&end, 60, never, NULL);
	tmr_start(&end, 100, end_loop, NULL);
	ck_assert_int_eq(re_main(NULL), 0);
	ck_assert_str_eq(order, "caaafe");
	ck_assert_ptr_null(o);
	libre_close();
}
END_TEST

static void note_arg(void *arg)
{
	note(*(const char *)arg);
}

/* As in libre's list: by time, those of one time as they were started. */
START_TEST(timers_fire_in_order)
{
	static const unsigned delays[] = {30, 10, 20, 10, 0, 30};
	static char names[] = "fbdcaf";
	struct tmr tmrs[6], end;
	uint64_t at;
	unsigned i;

	ck_assert_int_eq(libre_init(), 0);
	tmr_init(&end);
	/* In one tick of the clock. */
	for (at = tmr_jiffies(); tmr_jiffies() == at;)
		;
	for (i = 0; i < 6; i++) {
		tmr_init(&tmrs[i]);
		tmr_start(&tmrs[i], delays[i], note_arg, &names[i]);
	}
	tmr_start(&end, 50, end_loop, NULL);
	ck_assert_int_eq(re_main(NULL), 0);
	ck_assert_str_eq(order, "abcdffe");
	libre_close();
}
END_TEST

static void *loop_of_its_own(void *arg)
{
	uint64_t fired = 0;
	struct tmr tmr;

	ck_assert_int_eq(re_thread_init(), 0);
	tmr_init(&tmr);
	tmr_start(&tmr, 20, stop, &fired);
	ck_assert_int_eq(re_main(NULL), 0);
	ck_assert_uint_ne(fired, 0);
	re_thread_close();
	*(bool *)arg = true;

	return NULL;
}

/* A timer fires in the loop of the thread that started it. */
START_TEST(threads_have_timers_of_their_own)
{
	uint64_t fired = 0;
	bool done = false;
	struct tmr mine;
	pthread_t t;

	ck_assert_int_eq(libre_init(), 0);
	tmr_init(&mine);
	tmr_start(&mine, 1, stop, &fired);
	ck_assert_int_eq(pthread_create(&t, NULL, loop_of_its_own, &done), 0);
	ck_assert_int_eq(pthread_join(t, NULL), 0);
	ck_assert(done);
	ck_assert_uint_eq(fired, 0);
	ck_assert(tmr_isrunning(&mine));
	ck_assert_int_eq(re_main(NULL), 0);
	ck_assert_uint_ne(fired, 0);
	libre_close();
}
END_TEST

/* us to move one of n, least of some tries */
static double move_us(struct tmr *tmrs, unsigned n)
{
	struct timespec a, b;
	double us, least = 1e9;
	unsigned try, i, k = 1;

	for (i = 0; i < n; i++)
		tmr_start(&tmrs[i], 1000 + i % 31000, never, NULL);
	for (try = 0; try < 7; try++) {
		(void)clock_gettime(CLOCK_MONOTONIC, &a);
		for (i = 0; i < MANY; i++) {
			k = k * 1103515245 + 12345;
			tmr_start(&tmrs[(k >> 8) % n], 500 + (k >> 8) % 31500,
				  never, NULL);
		}
		(void)clock_gettime(CLOCK_MONOTONIC, &b);
		us = (double)(b.tv_sec - a.tv_sec) * 1e6 +
		     (double)(b.tv_nsec - a.tv_nsec) / 1e3;
		least = us / MANY < least ? us / MANY : least;
	}
	for (i = 0; i < n; i++)
		tmr_cancel(&tmrs[i]);

	return least;
}

/* A sorted list takes 250 us for one of so many. */
START_TEST(many_timers_cost_little)
{
	struct tmr *tmrs = calloc(MANY, sizeof(*tmrs));
	double few, many;

	ck_assert_ptr_nonnull(tmrs);
	ck_assert_int_eq(libre_init(), 0);
	few = move_us(tmrs, 100);
	many = move_us(tmrs, MANY);
	(void)re_printf("one of 100: %f us, of %d: %f us\n", few, MANY, many);
	ck_assert(many < 10 * few);
	libre_close();
	free(tmrs);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("all");

	tcase_set_timeout(tc, 30);
	tcase_add_loop_test(tc, timers_are_monotonic, 0, 2);
	tcase_add_test(tc, handlers_may_do_anything);
	tcase_add_test(tc, timers_fire_in_order);
	tcase_add_test(tc, threads_have_timers_of_their_own);
	tcase_add_test(tc, many_timers_cost_little);

	return suite_run("base_clock", tc);
}
