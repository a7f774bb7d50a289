/* media_nicepool.c: addresses and contexts that a thread's agents share. */
#include <check.h>
#include <string.h>
#include "media/nicepool.c"

START_TEST(test_contexts)
{
	GMainContext *a = nicepool_take(), *b = nicepool_take(), *c;
	GSource *left = g_timeout_source_new(1000);

	ck_assert_ptr_ne(a, b);
	nicepool_leave(a);
	ck_assert_uint_eq(pool.sparec, 1);
	ck_assert_ptr_eq(nicepool_take(), a);

	/* with a source in it, it would be another agent's */
	(void)g_source_attach(left, a);
	g_source_unref(left);
	nicepool_leave(a);
	ck_assert_uint_eq(pool.sparec, 0);

	left = g_idle_source_new();
	(void)g_source_attach(left, b);
	nicepool_leave(b);
	ck_assert_uint_eq(pool.sparec, 0);
	ck_assert(g_source_is_destroyed(left));
	g_source_unref(left);

	c = nicepool_take();
	nicepool_leave(c);
	nicepool_clear();
	ck_assert_uint_eq(pool.sparec, 0);
}
END_TEST

START_TEST(test_as_many)
{
	GMainContext *ctx[SPARE + 3];
	unsigned i;

	for (i = 0; i < SPARE + 3; i++)
		ctx[i] = nicepool_take();
	for (i = 0; i < SPARE + 3; i++)
		nicepool_leave(ctx[i]);
	ck_assert_uint_eq(pool.sparec, SPARE);
	nicepool_clear();
}
END_TEST

static unsigned count(const struct ifaddrs *a)
{
	unsigned n = 0;

	for (; a; a = a->ifa_next)
		n++;

	return n;
}

static unsigned link_locals(const struct ifaddrs *a)
{
	const struct sockaddr_in6 *sin6;
	unsigned n = 0;

	for (; a; a = a->ifa_next) {
		sin6 = (const void *)a->ifa_addr;
		n += sin6 && sin6->sin6_family == AF_INET6 &&
		     IN6_IS_ADDR_LINKLOCAL(&sin6->sin6_addr);
	}

	return n;
}

START_TEST(test_leaves_out)
{
	struct sockaddr_in6 local = {.sin6_family = AF_INET6},
			    global = {.sin6_family = AF_INET6};
	struct ifaddrs a[6];
	unsigned i;

	local.sin6_addr.s6_addr[0] = 0xfe;
	local.sin6_addr.s6_addr[1] = 0x80;
	memset(a, 0, sizeof(a));
	for (i = 0; i < 6; i++) {
		a[i].ifa_next = i < 5 ? &a[i + 1] : NULL;
		/* the third has no address, the first is left whatever */
		a[i].ifa_addr = i == 2	 ? NULL
				: i == 4 ? (struct sockaddr *)&global
					 : (struct sockaddr *)&local;
	}
	leave_out_link_local(a);
	ck_assert_ptr_eq(a[0].ifa_next, &a[2]);
	ck_assert_ptr_eq(a[2].ifa_next, &a[4]);
	ck_assert_ptr_null(a[4].ifa_next);
	leave_out_link_local(NULL);
}
END_TEST

START_TEST(test_addresses)
{
	struct ifaddrs *first, *again, *within;

	/* A thread without agents has its own each time. */
	ck_assert_int_eq(getifaddrs(&first), 0);
	ck_assert_int_eq(getifaddrs(&again), 0);
	ck_assert_ptr_ne(first, again);
	freeifaddrs(again);
	ck_assert_ptr_null(pool.addrs);

	nicepool_leave(nicepool_take());
	ck_assert_int_eq(getifaddrs(&again), 0);
	ck_assert_ptr_eq(pool.addrs, again);
	ck_assert_uint_eq(count(again), count(first) - link_locals(first));
	ck_assert_uint_eq(link_locals(again), 0);
	freeifaddrs(first);

	/* Whoever asks while it is looked at cannot take it away. */
	pool.asked -= 2 * FRESH;
	ck_assert_int_eq(getifaddrs(&within), 0);
	ck_assert_ptr_ne(within, again);
	freeifaddrs(within);
	freeifaddrs(again);

	pool.asked = wtimer_now();
	ck_assert_int_eq(getifaddrs(&first), 0);
	ck_assert_ptr_eq(first, again);
	freeifaddrs(first);

	/* After a second it is asked for anew. */
	pool.asked -= 2 * FRESH;
	ck_assert_int_eq(getifaddrs(&first), 0);
	ck_assert(wtimer_now() - pool.asked < FRESH);
	freeifaddrs(first);
	nicepool_clear();
	ck_assert_ptr_null(pool.addrs);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("media_nicepool");
	TCase *tc = tcase_create("all");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_test(tc, test_contexts);
	tcase_add_test(tc, test_as_many);
	tcase_add_test(tc, test_leaves_out);
	tcase_add_test(tc, test_addresses);
	suite_add_tcase(s, tc);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);

	return failed ? 1 : 0;
}
