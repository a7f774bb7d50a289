/* media_nicepool.c: addresses and contexts that a thread's agents share. */
#include <check.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "media/nicepool.c"

START_TEST(test_contexts)
{
	GMainContext *a = nicepool_take(), *b = nicepool_take(), *c;
	GSource *left = g_timeout_source_new(1000);

	ck_assert_ptr_ne(a, b);
	ck_assert_uint_eq(pool.sparec, MADE - 2);
	nicepool_leave(a);
	ck_assert_uint_eq(pool.sparec, MADE - 1);
	ck_assert_ptr_eq(nicepool_take(), a);

	/* with a source in it, it would be another agent's */
	(void)g_source_attach(left, a);
	g_source_unref(left);
	nicepool_leave(a);
	ck_assert_uint_eq(pool.sparec, MADE - 2);

	left = g_idle_source_new();
	(void)g_source_attach(left, b);
	nicepool_leave(b);
	ck_assert_uint_eq(pool.sparec, MADE - 2);
	ck_assert(g_source_is_destroyed(left));
	g_source_unref(left);

	c = nicepool_take();
	nicepool_leave(c);
	nicepool_clear();
	ck_assert_uint_eq(pool.sparec, 0);
}
END_TEST

/* Agents of a thread have one context together for what nobody reads. */
START_TEST(test_common)
{
	GMainContext *mine = nicepool_take(), *own = g_main_context_new();
	GMainContext *a, *b;

	nicepool_component(true);
	a = g_main_context_new();
	b = g_main_context_new();
	nicepool_component(false);
	ck_assert_ptr_eq(a, b);
	ck_assert_ptr_eq(a, pool.common);
	ck_assert_ptr_ne(a, own);
	ck_assert_ptr_ne(a, mine);
	g_main_context_unref(own);
	own = g_main_context_new();
	ck_assert_ptr_ne(own, a);
	g_main_context_unref(own);

	/* components may outlive the last agent's end */
	nicepool_leave(mine);
	nicepool_clear();
	ck_assert_ptr_null(pool.common);
	g_main_context_unref(a);
	ck_assert(!g_main_context_pending(b));
	g_main_context_unref(b);
}
END_TEST

START_TEST(test_index)
{
	ck_assert_uint_eq(if_nametoindex("lo"), 1);
	nicepool_leave(nicepool_take());
	ck_assert_uint_eq(if_nametoindex("lo"), 0);
	nicepool_clear();
	ck_assert_uint_eq(if_nametoindex("lo"), 1);
}
END_TEST

static gboolean on_readable(GSocket *s, GIOCondition events, gpointer arg)
{
	char buf[16];

	(void)events;
	ck_assert_int_eq(g_socket_receive(s, buf, sizeof(buf), NULL, NULL), 1);
	++*(unsigned *)arg;

	return G_SOURCE_CONTINUE;
}

/* Is whoever polls a context told that something in it has changed? */
static bool is_woken(int wake)
{
	struct pollfd p = {.fd = wake, .events = POLLIN};

	return poll(&p, 1, 0) > 0;
}

/* A datagram is read without a word to whom polls. */
START_TEST(test_quiet)
{
	GMainContext *ctx = nicepool_take();
	unsigned n = 0;
	gint ms, wake = nicepool_wake(ctx);
	GPollFD fds[2];
	GSource *src;
	GSocket *s;
	int ends[2];

	ck_assert_int_ge(wake, 0);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends), 0);
	s = g_socket_new_from_fd(ends[0], NULL);
	ck_assert_ptr_nonnull(s);
	src = g_socket_create_source(s, G_IO_IN, NULL);
	g_source_set_callback(src, G_SOURCE_FUNC(on_readable), &n, NULL);
	(void)g_source_attach(src, ctx);
	(void)g_main_context_iteration(ctx, FALSE);
	ck_assert(!is_woken(wake));
	ck_assert_int_eq(write(ends[1], "x", 1), 1);
	ck_assert(g_main_context_iteration(ctx, FALSE));
	ck_assert_uint_eq(n, 1);
	ck_assert(!is_woken(wake));
	ck_assert_int_eq(nicepool_query(ctx, -1, G_MAXINT, &ms, fds, 2), 2);
	ck_assert_int_eq(nicepool_query(ctx, wake, G_MAXINT, &ms, fds, 2), 1);
	ck_assert_int_eq(fds[0].fd, ends[0]);
	g_source_destroy(src);
	g_source_unref(src);
	g_object_unref(s);
	(void)close(ends[1]);
	nicepool_leave(ctx);
	nicepool_clear();
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
	tcase_add_test(tc, test_common);
	tcase_add_test(tc, test_index);
	tcase_add_test(tc, test_quiet);
	tcase_add_test(tc, test_as_many);
	tcase_add_test(tc, test_leaves_out);
	tcase_add_test(tc, test_addresses);
	suite_add_tcase(s, tc);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);

	return failed ? 1 : 0;
}
