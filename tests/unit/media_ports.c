/* media_ports.c: port pairs, addresses, timers: the small tools. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>
#include "media/cmdq.h"
#include "media/demux.h"
#include "media/ports.h"
#include "media/ss.h"
#include "media/wtimer.h"
#include "suite.h"

static struct sockaddr_storage loopback(void)
{
	struct sockaddr_storage ss;
	struct sockaddr_in *sin = (struct sockaddr_in *)&ss;

	memset(&ss, 0, sizeof(ss));
	sin->sin_family = AF_INET;
	sin->sin_addr.s_addr = htonl(INADDR_LOOPBACK);

	return ss;
}

START_TEST(test_pairs)
{
	struct sockaddr_storage lo = loopback(), at;
	int fds[10][2], extra[2];
	uint16_t port, seen[10];
	socklen_t len = sizeof(at);
	unsigned i, k;

	ck_assert_uint_eq(ports_count(41001, 41020), 9);
	ck_assert_uint_eq(ports_count(41000, 41019), 10);
	ck_assert_uint_eq(ports_count(41000, 41000), 0);
	for (i = 0; i < 10; i++) {
		ck_assert_int_eq(
		    ports_open(fds[i], &port, &lo, 41000, 41019, 46), 0);
		ck_assert_uint_eq(port % 2, 0);
		ck_assert(port >= 41000 && port < 41019);
		for (k = 0; k < i; k++)
			ck_assert_uint_ne(seen[k], port);
		seen[i] = port;
		ck_assert_int_eq(
		    getsockname(fds[i][1], (struct sockaddr *)&at, &len), 0);
		ck_assert_uint_eq(ss_port(&at), port + 1u);
	}
	ck_assert_int_eq(ports_open(extra, &port, &lo, 41000, 41019, 46),
			 ENFILE);
	/* one given back is found again */
	(void)close(fds[4][0]);
	(void)close(fds[4][1]);
	ck_assert_int_eq(ports_open(extra, &port, &lo, 41000, 41019, 46), 0);
	ck_assert_uint_eq(port, seen[4]);
	((struct sockaddr_in *)&lo)->sin_addr.s_addr = htonl(0xc0000201);
	ck_assert_int_eq(ports_open(extra, &port, &lo, 41000, 41019, 46),
			 EADDRNOTAVAIL);
}
END_TEST

static const struct {
	const char *ip;
	bool loopback, private, unicast;
} addrs[] = {
    {"127.0.1.1", true, false, true},	 {"10.1.2.3", false, true, true},
    {"172.16.0.1", false, true, true},	 {"172.32.0.1", false, false, true},
    {"192.168.9.9", false, true, true},	 {"0.0.0.0", false, false, false},
    {"224.0.0.1", false, false, false},	 {"255.255.255.255", 0, 0, false},
    {"::1", true, false, true},		 {"fd00::1", false, true, true},
    {"2001:db8::1", false, false, true}, {"ff02::1", false, false, false},
    {"::", false, false, false},	 {"::ffff:127.0.0.1", 0, 0, false},
};

START_TEST(test_addresses)
{
	const char *ip = addrs[_i].ip;
	struct sockaddr_storage ss, back;
	struct desc_addr d = {0};
	char buf[SS_TEXT_SIZE];

	d.family = strchr(ip, ':') ? 6 : 4;
	d.port = 5004;
	ck_assert_int_eq(
	    inet_pton(d.family == 6 ? AF_INET6 : AF_INET, ip, d.ip), 1);
	ck_assert(ss_from_desc(&ss, &d));
	ck_assert_int_eq(ss_is_loopback(&ss), addrs[_i].loopback);
	ck_assert_int_eq(ss_is_private(&ss), addrs[_i].private);
	ck_assert_int_eq(ss_is_unicast(&ss), addrs[_i].unicast);
	ck_assert_str_eq(ss_print_ip(buf, &ss), ip);
	memset(&d, 0xff, sizeof(d));
	ss_to_desc(&d, &ss);
	ck_assert(ss_from_desc(&back, &d) && ss_equal(&ss, &back));
	ss_set_port(&back, 0);
	ck_assert(ss_ip_equal(&ss, &back) && !ss_equal(&ss, &back));
	ck_assert(!ss_is_unicast(&back));
	ck_assert_ptr_nonnull(strstr(ss_print(buf, &ss), "5004"));
}
END_TEST

static uint64_t last;
static unsigned fired;

static void fire(void *arg)
{
	struct wtimer *t = arg;

	ck_assert(t->due >= last);
	last = t->due;
	fired++;
}

START_TEST(test_timers)
{
	static struct wtimer t[1000];
	struct wtimers ts = {0};
	unsigned i, running = 0;

	srand(7);
	for (i = 0; i < 5000; i++) {
		unsigned k = (unsigned)rand() % 1000;

		if (rand() % 4)
			wtimer_start(&ts, &t[k], (uint64_t)rand() % 100000,
				     fire, &t[k]);
		else
			wtimer_cancel(&ts, &t[k]);
	}
	for (i = 0; i < 1000; i++)
		running += t[i].running;
	ck_assert_uint_lt(wtimer_run(&ts, 50000), UINT64_MAX);
	ck_assert(last <= 50000 && fired > 0);
	ck_assert(wtimer_run(&ts, 100000) == UINT64_MAX);
	ck_assert_uint_eq(fired, running);
}
END_TEST

START_TEST(test_queue)
{
	struct cmdq_item items[4], *list;
	struct pollfd p = {.events = POLLIN};
	uint64_t waited;
	struct cmdq q;
	unsigned i;

	ck_assert_int_eq(cmdq_init(&q), 0);
	p.fd = q.fd;
	ck_assert_ptr_null(cmdq_take(&q, &waited));
	ck_assert_uint_eq(waited, 0);
	ck_assert_uint_eq(cmdq_age(&q), 0);
	ck_assert_int_eq(poll(&p, 1, 0), 0);
	for (i = 0; i < 3; i++) {
		cmdq_push(&q, &items[i]);
		ck_assert_int_eq(poll(&p, 1, 0), 1); /* the first wakes */
	}
	(void)usleep(2000);
	ck_assert_uint_ge(cmdq_age(&q), 2000);
	cmdq_push(&q, &items[3]);
	list = cmdq_take(&q, &waited);
	ck_assert_uint_ge(waited, 2000); /* the oldest's */
	ck_assert_uint_eq(cmdq_age(&q), 0);
	for (i = 0; i < 4; i++, list = list->next)
		ck_assert_ptr_eq(list, &items[i]);
	ck_assert_ptr_null(list);
	ck_assert_int_eq(poll(&p, 1, 0), 0);
	ck_assert_ptr_null(cmdq_take(&q, NULL));
	cmdq_close(&q);
}
END_TEST

/* ---- consent: the peer's checks, and answers to ours ---- */

enum { ID = 0x01020304 };

static int udp(int family, struct sockaddr_storage *ss)
{
	int fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ss;
	socklen_t len = sizeof(*ss);

	if (family == AF_INET6) {
		memset(ss, 0, sizeof(*ss));
		in6->sin6_family = AF_INET6;
		in6->sin6_addr = in6addr_loopback;
	} else {
		*ss = loopback();
	}
	ck_assert_int_eq(bind(fd, (struct sockaddr *)ss, ss_len(ss)), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)ss, &len), 0);

	return fd;
}

/* What the kernel's program does with each first byte, on real sockets. */
static void sort_bytes(int family)
{
	struct sockaddr_storage at, from;
	int nice = udp(family, &at), out = udp(family, &from), ours;
	unsigned char b[2];
	unsigned i;
	ssize_t n;

	ck_assert_int_eq(demux_open(&ours, nice, 46), 0);
	for (i = 0; i < 256; i++) {
		b[0] = (unsigned char)i;
		b[1] = 7;
		ck_assert_int_eq(
		    sendto(out, b, 2, 0, (struct sockaddr *)&at, ss_len(&at)),
		    2);
		/* RFC 7983 7: STUN, and TURN channels */
		n = recv(i <= 3 || (i >= 64 && i <= 79) ? nice : ours, b, 2,
			 0);
		ck_assert_msg(n == 2 && b[0] == i, "byte %u", i);
		ck_assert_int_eq(demux_choose((unsigned char)i),
				 !(i <= 3 || (i >= 64 && i <= 79)));
	}
}

START_TEST(test_demux)
{
	sort_bytes(AF_INET);
}
END_TEST

START_TEST(test_demux_v6)
{
	sort_bytes(AF_INET6);
}
END_TEST

/* Whoever of the two gets it has it at once. */
static void sorted(int from, const struct sockaddr_storage *to, int want,
		   unsigned type, uint32_t id, size_t len)
{
	uint8_t p[32] = {(uint8_t)(type >> 8), (uint8_t)type};
	unsigned i;

	for (i = 0; i < 4; i++)
		p[8 + i] = (uint8_t)(id >> (24 - 8 * i));
	ck_assert_int_eq(
	    sendto(from, p, len, 0, (const struct sockaddr *)to, ss_len(to)),
	    (ssize_t)len);
	ck_assert_msg(recv(want, p, sizeof(p), 0) == (ssize_t)len,
		      "type %x, number %x, %zu bytes", type, id, len);
}

static void sort_all(int family)
{
	struct sockaddr_storage at, peer, other;
	int nice = udp(family, &at), ours, p = udp(family, &peer), o;

	o = udp(family, &other);
	ck_assert_int_eq(demux_open(&ours, nice, 46), 0);
	sorted(p, &at, nice, 0x0001, ID, 20);
	ck_assert_int_eq(demux_consent(ours, ID, &peer), 0);
	sorted(p, &at, ours, 0x0001, 7, 20);	  /* a check of the peer's */
	sorted(o, &at, nice, 0x0001, 7, 20);	  /* of another path */
	sorted(p, &at, ours, 0x0101, ID, 20);	  /* answers to ours */
	sorted(o, &at, ours, 0x0111, ID, 20);	  /* (judged later) */
	sorted(p, &at, nice, 0x0101, ID + 1, 20); /* and to libnice's */
	sorted(p, &at, nice, 0x0011, ID, 20);	  /* an indication */
	sorted(p, &at, nice, 0x0003, ID, 20);	  /* of TURN */
	sorted(p, &at, nice, 0x0101, ID, 9);	  /* too short */
	sorted(p, &at, nice, 0x0001, ID, 1);
	sorted(p, &at, nice, 0x4000, ID, 20); /* a channel */
	sorted(o, &at, ours, 0x8000, ID, 20); /* RTP */
	sorted(p, &at, ours, 0x1600, ID, 20); /* DTLS */
	ck_assert_int_eq(demux_consent(ours, 0, NULL), 0);
	sorted(p, &at, nice, 0x0001, 7, 20);
	sorted(p, &at, nice, 0x0101, ID, 20);
	sorted(o, &at, ours, 0x8000, ID, 20);
}

START_TEST(test_consent_v4)
{
	sort_all(AF_INET);
}
END_TEST

START_TEST(test_consent_v6)
{
	sort_all(AF_INET6);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("all");

	tcase_add_test(tc, test_pairs);
	tcase_add_loop_test(tc, test_addresses, 0,
			    sizeof(addrs) / sizeof(addrs[0]));
	tcase_add_test(tc, test_timers);
	tcase_add_test(tc, test_queue);
	tcase_add_test(tc, test_demux);
	tcase_add_test(tc, test_demux_v6);
	tcase_add_test(tc, test_consent_v4);
	tcase_add_test(tc, test_consent_v6);

	return suite_run("media_ports", tc);
}
