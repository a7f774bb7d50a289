/* media_worker.c: datagrams that a worker reads: all of them, in order, whoever
 * floods; the socket that only sends. */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "media/demux.h"
#include "media/ss.h"
#include "media/worker.h"
#include "suite.h"

enum { MANY = 200 }; /* datagrams; more than one round reads of a socket */

static struct worker *w;
static struct inbox {
	struct watch watch;
	atomic_uint n;
	unsigned wrong;
} inbox[2];

static int udp(struct sockaddr_storage *ss, const char *ip)
{
	struct sockaddr_in *sin = (struct sockaddr_in *)ss;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	socklen_t len = sizeof(*ss);

	memset(ss, 0, sizeof(*ss));
	sin->sin_family = AF_INET;
	ck_assert_int_eq(inet_pton(AF_INET, ip, &sin->sin_addr), 1);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)ss, sizeof(*sin)), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)ss, &len), 0);

	return fd;
}

static void put(int fd, unsigned n, const struct sockaddr_storage *to)
{
	ck_assert_int_eq(sendto(fd, &n, sizeof(n), 0,
				(const struct sockaddr *)to, ss_len(to)),
			 sizeof(n));
}

static void input(struct watch *wt, uint8_t *p, size_t len,
		  const struct sockaddr_storage *src)
{
	struct inbox *b = wt->arg;
	unsigned n = 0;

	(void)src;
	if (len == sizeof(n))
		memcpy(&n, p, sizeof(n));
	b->wrong += n != b->n;
	b->n++;
}

static void warm(const struct watch *wt, unsigned step)
{
	(void)wt;
	(void)step;
}

static const struct receiver receiver = {input, warm};

static void command(struct worker *worker, struct cmdq_item *item)
{
	(void)worker;
	(void)item;
}

static void wait_for(struct inbox *b, unsigned n)
{
	unsigned i;

	for (i = 0; i < 500 && b->n < n; i++)
		(void)usleep(10000);
	ck_assert_uint_eq(b->n, n);
	ck_assert_uint_eq(b->wrong, 0);
}

/* Told once that there is something, the worker reads all of it; what another
 * gets in between is not forgotten. */
START_TEST(test_flood)
{
	struct sockaddr_storage at[2], from;
	int i, fds[2], fd = udp(&from, "127.0.0.1");

	for (i = 0; i < 2; i++)
		fds[i] = udp(&at[i], "127.0.0.1");
	for (i = 0; i < MANY; i++)
		put(fd, (unsigned)i, &at[0]);
	put(fd, 0, &at[1]);
	ck_assert_int_eq(worker_start(&w, NULL, command), 0);
	for (i = 0; i < 2; i++)
		ck_assert_int_eq(worker_receive(w, &inbox[i].watch, fds[i],
						&receiver, &inbox[i]),
				 0);
	wait_for(&inbox[0], MANY);
	wait_for(&inbox[1], 1);
	for (i = 0; i < MANY; i++) {
		put(fd, (unsigned)(MANY + i), &at[0]);
		put(fd, (unsigned)(1 + i), &at[1]);
	}
	wait_for(&inbox[0], 2 * MANY);
	wait_for(&inbox[1], 1 + MANY);
	worker_stop(w);
}
END_TEST

static atomic_uint commands;

static void slow_command(struct worker *worker, struct cmdq_item *item)
{
	(void)worker;
	(void)item;
	(void)usleep(20000);
	commands++;
}

/* Whoever pays for it by waiting is told of, until somebody has asked. */
START_TEST(test_behind)
{
	struct cmdq_item items[2];
	unsigned i, us;

	ck_assert_int_eq(worker_start(&w, NULL, slow_command), 0);
	cmdq_push(&w->commands, &items[0]);
	(void)usleep(5000);
	cmdq_push(&w->commands, &items[1]);
	for (i = 0; i < 500 && commands < 2; i++)
		(void)usleep(10000);
	(void)usleep(10000);
	us = atomic_exchange(&w->behind, 0);
	ck_assert_uint_ge(us, 20000);
	ck_assert_uint_lt(atomic_exchange(&w->behind, 0), us);
	worker_stop(w);
}
END_TEST

/* The refusal of what was sent is reported in place of what arrived. */
static atomic_bool stuck;

static void stuck_command(struct worker *worker, struct cmdq_item *item)
{
	(void)worker;
	(void)item;
	while (atomic_load(&stuck))
		(void)usleep(1000);
}

static bool answers_soon(struct worker *worker)
{
	for (unsigned i = 0; i < 500; i++) {
		if (worker_answers(worker))
			return true;
		(void)usleep(10000);
	}

	return false;
}

/* A thread that hangs in its work is found out, and found to be back. */
START_TEST(test_answers)
{
	static struct cmdq_item item;

	ck_assert_int_eq(worker_start(&w, NULL, stuck_command), 0);
	ck_assert(worker_answers(w));
	for (unsigned i = 0; i < 5; i++)
		ck_assert(answers_soon(w));
	atomic_store(&stuck, true);
	cmdq_push(&w->commands, &item);
	for (unsigned i = 0; i < 100 && worker_answers(w); i++)
		(void)usleep(10000);
	for (unsigned i = 0; i < 5; i++) {
		ck_assert(!worker_answers(w));
		(void)usleep(10000);
	}
	atomic_store(&stuck, false);
	ck_assert(answers_soon(w));
	worker_stop(w);
}
END_TEST

START_TEST(test_refused)
{
	struct sockaddr_storage at, from;
	int fd = udp(&from, "127.0.0.1"), s = udp(&at, "127.0.0.1"), i;

	ck_assert_int_eq(worker_start(&w, NULL, command), 0);
	ck_assert_int_eq(connect(s, (struct sockaddr *)&from, ss_len(&from)),
			 0);
	(void)close(fd);
	(void)send(s, "x", 1, 0); /* comes back as an ICMP error */
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&from, ss_len(&from)), 0);
	for (i = 0; i < 3; i++)
		put(fd, (unsigned)i, &at);
	ck_assert_int_eq(
	    worker_receive(w, &inbox[0].watch, s, &receiver, &inbox[0]), 0);
	wait_for(&inbox[0], 3);
	worker_stop(w);
}
END_TEST

static ssize_t got(int fd)
{
	char buf[8];
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, 200) == 1 ? recv(fd, buf, sizeof(buf), 0) : -1;
}

/* Why the socket on the ICE port is not connected, much as that would cost
 * less: the kernel takes one that is before all of the group, and STUN of the
 * peer, its consent, never comes to the one that libnice reads. */
START_TEST(test_connected_breaks)
{
	struct sockaddr_storage base, remote;
	int ours, nice = udp(&base, "127.0.0.1"),
		  r = udp(&remote, "127.0.0.1");
	static const char stun[1] = {0}, dtls[1] = {22};

	ck_assert_int_eq(demux_open(&ours, nice, 46), 0);
	ck_assert_int_eq(connect(r, (struct sockaddr *)&base, ss_len(&base)),
			 0);
	ck_assert_int_eq(send(r, stun, 1, 0), 1);
	ck_assert_int_eq(got(nice), 1);
	ck_assert_int_eq(send(r, dtls, 1, 0), 1);
	ck_assert_int_eq(got(ours), 1);

	ck_assert_int_eq(
	    connect(ours, (struct sockaddr *)&remote, ss_len(&remote)), 0);
	ck_assert_int_eq(send(r, stun, 1, 0), 1);
	ck_assert_int_eq(got(ours), 1);
	ck_assert_int_eq(got(nice), -1);
	(void)close(ours);
	(void)close(nice);
	(void)close(r);
}
END_TEST

START_TEST(test_sender)
{
	struct sockaddr_storage base, remote, src, other = {0};
	int fd, b = udp(&base, "127.0.0.1"), r = udp(&remote, "127.0.0.1");
	socklen_t len = sizeof(src);
	char buf[8];

	ck_assert_int_eq(demux_sender(&fd, &base, &remote, 46), 0);
	ck_assert_int_eq(send(fd, "a", 1, 0), 1);
	memset(&src, 0, sizeof(src));
	ck_assert_int_eq(
	    recvfrom(r, buf, sizeof(buf), 0, (struct sockaddr *)&src, &len),
	    1);
	ck_assert(ss_equal(&src, &base));
	/* what the peer sends is the other socket's, connected or not */
	put(r, 1, &base);
	ck_assert_int_eq(recv(b, buf, sizeof(buf), 0), sizeof(unsigned));
	ck_assert_int_eq(recv(fd, buf, sizeof(buf), 0), -1);
	(void)close(fd);
	(void)close(b);
	/* the route has another source */
	b = udp(&base, "127.0.0.9");
	ck_assert_int_eq(demux_sender(&fd, &base, &remote, 46), EADDRNOTAVAIL);
	other.ss_family = AF_INET6;
	ck_assert_int_eq(demux_sender(&fd, &other, &remote, 46), EAFNOSUPPORT);
	ck_assert_int_eq(demux_sender(&fd, &base, &other, 46), EAFNOSUPPORT);
}
END_TEST

/* Two ways to the peer, each with an address of its own, and the kernel chooses
 * by the ports: no socket may send from the other address. */
START_TEST(test_sender_paths)
{
	static const char two_ways[] =
	    "exec 2>/dev/null; ip link set lo up && "
	    "ip link add d1 type veth peer name e1 && "
	    "ip link add d2 type veth peer name e2 && "
	    "for i in d1 d2 e1 e2; do ip link set $i up; done && "
	    "ip addr add 10.1.0.1/24 dev d1 && "
	    "ip addr add 10.2.0.1/24 dev d2 && "
	    "ip route add 198.51.100.0/24 nexthop via 10.1.0.9 dev d1 "
	    "nexthop via 10.2.0.9 dev d2 && "
	    "echo 1 >/proc/sys/net/ipv4/fib_multipath_hash_policy";
	struct sockaddr_storage base, remote = {0};
	struct sockaddr_in *sin = (struct sockaddr_in *)&remote;
	int i, fd;

	if (unshare(CLONE_NEWNET) || system(two_ways))
		return; /* not root, or no such routes here */
	sin->sin_family = AF_INET;
	sin->sin_port = htons(4000);
	ck_assert_int_eq(inet_pton(AF_INET, "198.51.100.7", &sin->sin_addr),
			 1);
	for (i = 0; i < 20; i++) {
		fd = udp(&base, "10.1.0.1");
		ck_assert_int_eq(demux_sender(&fd, &base, &remote, 46),
				 EADDRNOTAVAIL);
	}
}
END_TEST

static int udp6(struct sockaddr_storage *ss)
{
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ss;
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	socklen_t len = sizeof(*in6);

	memset(ss, 0, sizeof(*ss));
	in6->sin6_family = AF_INET6;
	in6->sin6_addr = in6addr_loopback;
	if (bind(fd, (struct sockaddr *)in6, len) ||
	    getsockname(fd, (struct sockaddr *)in6, &len))
		return -1;

	return fd;
}

static struct sockaddr_storage seen;
static atomic_uint came;

static void note_source(struct watch *wt, uint8_t *p, size_t len,
			const struct sockaddr_storage *src)
{
	(void)wt;
	(void)p;
	(void)len;
	seen = *src;
	came++;
}

static void wait_source(unsigned n, const struct sockaddr_storage *from)
{
	unsigned i;

	for (i = 0; i < 500 && came < n; i++)
		(void)usleep(10000);
	ck_assert_uint_eq(came, n);
	ck_assert_mem_eq(&seen, from, ss_len(from));
}

/* Sources of both families come by the same buffers: the room that a short one
 * took is not all that the next one has. */
START_TEST(test_families)
{
	static const struct receiver sources = {note_source, warm};
	struct sockaddr_storage at[2], from[2];
	int i, fds[2], fd[2];

	fds[0] = udp(&at[0], "127.0.0.1");
	fd[0] = udp(&from[0], "127.0.0.1");
	fds[1] = udp6(&at[1]);
	fd[1] = udp6(&from[1]);
	if (fds[1] < 0 || fd[1] < 0)
		return; /* no IPv6 here */
	ck_assert_int_eq(worker_start(&w, NULL, command), 0);
	for (i = 0; i < 2; i++)
		ck_assert_int_eq(worker_receive(w, &inbox[i].watch, fds[i],
						&sources, &inbox[i]),
				 0);
	for (i = 0; i < 4; i++) {
		put(fd[i & 1], 0, &at[i & 1]);
		wait_source((unsigned)i + 1, &from[i & 1]);
	}
	worker_stop(w);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("all");

	tcase_set_timeout(tc, 20);
	tcase_add_test(tc, test_flood);
	tcase_add_test(tc, test_behind);
	tcase_add_test(tc, test_answers);
	tcase_add_test(tc, test_refused);
	tcase_add_test(tc, test_families);
	tcase_add_test(tc, test_connected_breaks);
	tcase_add_test(tc, test_sender);
	tcase_add_test(tc, test_sender_paths);

	return suite_run("media_worker", tc);
}
