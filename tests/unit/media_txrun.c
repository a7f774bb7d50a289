/* media_txrun.c: what leaves by one socket in one call arrives as it was, in
 * order, whether the kernel takes it as one or not. */
#include <arpa/inet.h>
#include <check.h>
#include <netinet/udp.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "media/media.h"
#include "media/ss.h"

static int ask_kernel(int s, int level, int name, void *value, socklen_t *len);
#define getsockopt ask_kernel
#include "media/txrun.c"
#undef getsockopt

enum { SIZE = 1400 };

static bool old_kernel;

static int ask_kernel(int s, int level, int name, void *value, socklen_t *len)
{
	if (!old_kernel)
		return getsockopt(s, level, name, value, len);
	errno = ENOPROTOOPT;

	return -1;
}

static struct sockaddr_storage there;
static int fd, peer;
static struct media_count counter;
static bool singly;
static uint8_t bytes[TXRUN_MAX][SIZE];
static struct tx run[TXRUN_MAX];

static int udp(struct sockaddr_storage *ss)
{
	struct sockaddr_in *sin = (struct sockaddr_in *)ss;
	int s = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	socklen_t len = sizeof(*ss);

	memset(ss, 0, sizeof(*ss));
	sin->sin_family = AF_INET;
	sin->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_int_eq(bind(s, (struct sockaddr *)ss, sizeof(*sin)), 0);
	ck_assert_int_eq(getsockname(s, (struct sockaddr *)ss, &len), 0);

	return s;
}

static void setup(void)
{
	struct sockaddr_storage here;

	fd = udp(&here);
	peer = udp(&there);
}

static void teardown(void)
{
	(void)close(fd);
	(void)close(peer);
}

static void prepare(const size_t *lens, unsigned n, bool connected)
{
	unsigned i;

	for (i = 0; i < n; i++) {
		memset(bytes[i], (int)i + 1, SIZE);
		run[i] = (struct tx){
		    .fd = fd,
		    .tolen = connected ? 0 : ss_len(&there),
		    .to = (const struct sockaddr *)&there,
		    .p = bytes[i],
		    .len = lens[i],
		    .count = &counter,
		    .singly = &singly,
		};
	}
}

static void check_arrived(const size_t *lens, unsigned n)
{
	uint8_t buf[2 * SIZE];
	uint64_t sum = 0;
	unsigned i;

	for (i = 0; i < n; i++) {
		ck_assert_int_eq(recv(peer, buf, sizeof(buf), 0), lens[i]);
		ck_assert_mem_eq(buf, bytes[i], lens[i]);
		sum += lens[i];
	}
	ck_assert_int_eq(recv(peer, buf, sizeof(buf), 0), -1);
	ck_assert_uint_eq(counter.tx_packets, n);
	ck_assert_uint_eq(counter.tx_bytes, sum);
	ck_assert_uint_eq(counter.tx_drop, 0);
}

static const size_t mixes[][5] = {
    {1100, 1100, 1100, 1100, 1100}, {1100, 1100, 1100, 1100, 60},
    {1100, 60, 1100, 1100, 60},	    {60, 60, 1100, 1100, 1100},
    {500, 400, 300, 200, 100},	    {100, 200, 300, 400, 500},
    {300, 300, 200, 300, 300},
};

/* By a socket that is connected and by one that is not. */
START_TEST(test_lengths)
{
	bool connected = _i & 1;

	if (connected)
		ck_assert_int_eq(
		    connect(fd, (struct sockaddr *)&there, ss_len(&there)), 0);
	prepare(mixes[_i / 2], 5, connected);
	txrun_send(run, 5);
	check_arrived(mixes[_i / 2], 5);
	ck_assert(!singly);
}
END_TEST

/* Whoever can take it as one sees what was sent as one: not two. */
START_TEST(test_as_one)
{
	uint8_t buf[5 * SIZE];
	int on = 1;

	ck_assert_int_eq(setsockopt(peer, SOL_UDP, UDP_GRO, &on, sizeof(on)),
			 0);
	prepare(mixes[1], 5, false);
	txrun_send(run, 5);
	ck_assert_int_eq(recv(peer, buf, sizeof(buf), 0), 4 * 1100 + 60);
	ck_assert_int_eq(recv(peer, buf, sizeof(buf), 0), -1);
	memset(&counter, 0, sizeof(counter));
	prepare(mixes[4], 5, false);
	txrun_send(run, 5);
	check_arrived(mixes[4], 5);
}
END_TEST

/* The kernel cuts nothing for a socket without checksums: the same arrives,
 * and it is not asked again. */
START_TEST(test_refused)
{
	int on = 1;

	ck_assert_int_eq(
	    setsockopt(fd, SOL_SOCKET, SO_NO_CHECK, &on, sizeof(on)), 0);
	prepare(mixes[_i], 5, false);
	txrun_send(run, 5);
	check_arrived(mixes[_i], 5);
	ck_assert(singly);
	memset(&counter, 0, sizeof(counter));
	txrun_send(run, 5);
	check_arrived(mixes[_i], 5);
}
END_TEST

/* One that cuts nothing is not told to. */
START_TEST(test_old_kernel)
{
	old_kernel = true;
	prepare(mixes[_i], 5, false);
	txrun_send(run, 5);
	check_arrived(mixes[_i], 5);
	ck_assert(!singly);
	ck_assert(!kernel_cuts(fd));
}
END_TEST

/* One part would not fit: then each goes in fragments. */
START_TEST(test_narrow)
{
	static const size_t lens[] = {SIZE, SIZE, SIZE, 50};

	if (unshare(CLONE_NEWNET) ||
	    system("exec 2>/dev/null; ip link set lo mtu 1280 up"))
		return; /* not root */
	setup();
	prepare(lens, 4, false);
	txrun_send(run, 4);
	check_arrived(lens, 4);
	ck_assert(singly);
	teardown();
}
END_TEST

/* The refusal of an earlier datagram costs none of these, and says nothing
 * about segments. */
START_TEST(test_error)
{
	const size_t *lens = mixes[0];

	ck_assert_int_eq(
	    connect(fd, (struct sockaddr *)&there, ss_len(&there)), 0);
	(void)close(peer);
	ck_assert_int_eq(send(fd, "x", 1, 0), 1); /* refused by ICMP */
	peer = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	ck_assert_int_eq(bind(peer, (struct sockaddr *)&there, ss_len(&there)),
			 0);
	prepare(lens, 5, true);
	txrun_send(run, 5);
	check_arrived(lens, 5);
	ck_assert(!singly);
}
END_TEST

/* What cannot leave at all is counted, each for itself. */
START_TEST(test_dead)
{
	prepare(mixes[_i], 5, false);
	(void)close(fd);
	txrun_send(run, 5);
	ck_assert_uint_eq(counter.tx_packets, 0);
	ck_assert_uint_eq(counter.tx_bytes, 0);
	ck_assert_uint_eq(counter.tx_drop, 5);
}
END_TEST

int main(void)
{
	const int n = sizeof(mixes) / sizeof(mixes[0]);
	Suite *suite = suite_create("media_txrun");
	TCase *tc = tcase_create("all"), *own = tcase_create("own network");
	SRunner *sr = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, test_lengths, 0, 2 * n);
	tcase_add_loop_test(tc, test_refused, 0, 4);
	tcase_add_test(tc, test_as_one);
	tcase_add_loop_test(tc, test_old_kernel, 0, n);
	tcase_add_test(tc, test_error);
	tcase_add_loop_test(tc, test_dead, 0, n);
	tcase_add_test(own, test_narrow);
	suite_add_tcase(suite, tc);
	suite_add_tcase(suite, own);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);

	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
