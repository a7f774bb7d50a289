/* media_relay.c: the packet path alone: no allocation, which header leaves,
 * what is dropped, how streams of a bundle are told apart. */
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>
#include "media/packet.h"
#include "media/relay.h"
#include "media/report.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define OTHER_MALLOC
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define OTHER_MALLOC
#endif

static unsigned allocations;
static bool counting; /* Check allocates, too */

#ifndef OTHER_MALLOC
/* The C library's own, behind counters. */
void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t m);
void *__libc_realloc(void *p, size_t n);

__attribute__((visibility("default"))) void *malloc(size_t n)
{
	allocations += counting;
	return __libc_malloc(n);
}

__attribute__((visibility("default"))) void *calloc(size_t n, size_t m)
{
	allocations += counting;
	return __libc_calloc(n, m);
}

__attribute__((visibility("default"))) void *realloc(void *p, size_t n)
{
	allocations += counting;
	return __libc_realloc(p, n);
}
#endif

static struct worker w;
static struct engine_conf conf = {.datagram_in = 1600, .datagram_out = 1500};
static struct relay r = {
    .w = &w, .conf = &conf, .name = "test", .cname = "0123456789abcdef"};
static struct flow x = {
    .relay = &r, .index = 0, .ice = true, .state = FLOW_UP};
static struct flow s[2] = {{.relay = &r, .index = 1, .state = FLOW_UP},
			   {.relay = &r, .index = 2, .state = FLOW_UP}};
static int x_peer, s_peer[2];
static struct sockaddr_storage s_addr[2], x_addr;
static struct crypt *peer; /* of the XMPP client */

static int udp(struct sockaddr_storage *ss)
{
	struct sockaddr_in *sin = (struct sockaddr_in *)ss;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	socklen_t len = sizeof(*ss);

	memset(ss, 0, sizeof(*ss));
	sin->sin_family = AF_INET;
	sin->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)ss, sizeof(*sin)), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)ss, &len), 0);

	return fd;
}

static void start_stream(unsigned i, const struct media_stream_conf *c)
{
	struct stream *st = calloc(1, sizeof(*st));

	st->conf = *c;
	relay_stream(&r, i, st);
}

static struct media_stream_conf stream_conf(unsigned i)
{
	struct media_stream_conf c = {
	    .used = true, .x_to_s = true, .s_to_x = true, .ptc = 2};

	c.s_flow = 1 + i;
	c.pts[0] = (struct media_pt){(uint8_t)(96 + i), 8, 8000, 8000, false};
	c.pts[1] = (struct media_pt){110, 101, 8000, 8000, true};
	c.ssrc_x = 0x1000 + i;
	c.ssrc_s = 0x2000 + i;
	memcpy(c.mid, i ? "b" : "a", 2);
	c.mid_ext = 4;

	return c;
}

static void setup(void)
{
	uint8_t k1[44] = {1}, k2[44] = {2};
	struct sockaddr_storage none = {0}, at;
	struct media_stream_conf c;
	unsigned i;

	w.now = 1000000;
	w.ep = epoll_create1(0);
	ck_assert_int_eq(crypt_alloc(&x.crypt, SUITE_AEAD_AES_128_GCM, k1,
				     SUITE_AEAD_AES_128_GCM, k2),
			 0);
	ck_assert_int_eq(crypt_alloc(&peer, SUITE_AEAD_AES_128_GCM, k2,
				     SUITE_AEAD_AES_128_GCM, k1),
			 0);
	x_peer = udp(&x_addr);
	x.i.up = x.i.paired = true;
	x.i.pair.remote = x_addr;
	x.i.pair_fd = udp(&at);
	r.flows[0] = &x;
	for (i = 0; i < 2; i++) {
		s_peer[i] = udp(&s_addr[i]);
		s[i].r.fds[0] = udp(&at);
		s[i].r.fds[1] = udp(&at);
		s[i].armed_at = 1;
		s[i].r.mux = true;
		(void)latch_set(&s[i].r.latch[0], &s_addr[i], &none);
		r.flows[1 + i] = &s[i];
		c = stream_conf(i);
		start_stream(i, &c);
	}
}

static size_t make(uint8_t *p, uint8_t pt, uint16_t seq, uint32_t ssrc)
{
	struct packet pk = {
	    .pt = pt, .seq = seq, .ts = seq * 160u, .ssrc = ssrc};

	packet_write(p, &pk, false);
	memset(p + 12, seq & 0xff, 160);

	return 172;
}

static void from_x(uint8_t pt, uint16_t seq, uint32_t ssrc)
{
	uint8_t *p = (uint8_t *)w.rx[0].data;
	size_t n = make(p, pt, seq, ssrc);

	ck_assert_int_eq(crypt_protect(peer, p, &n, false), 0);
	counting = true;
	forward_rtp(&x, p, n, &x_addr);
	counting = false;
}

static void from_s(unsigned i, uint8_t pt, uint16_t seq)
{
	uint8_t *p = (uint8_t *)w.rx[0].data;
	size_t n = make(p, pt, seq, 77);

	counting = true;
	forward_rtp(&s[i], p, n, &s_addr[i]);
	counting = false;
}

static ssize_t recv_s(unsigned i, struct packet *pk)
{
	static uint8_t buf[2048];
	ssize_t n = recv(s_peer[i], buf, sizeof(buf), 0);

	if (n > 0)
		ck_assert_int_eq(packet_decode(pk, buf, (size_t)n), 0);

	return n;
}

static const uint8_t *recv_x(struct packet *pk)
{
	static uint32_t buf[512];
	uint8_t *p = (uint8_t *)buf;
	ssize_t n = recv(x_peer, p, sizeof(buf), 0);
	size_t len;

	if (n <= 0)
		return NULL;
	len = (size_t)n;
	ck_assert_int_eq(crypt_unprotect(peer, p, &len, false), 0);
	ck_assert_int_eq(packet_decode(pk, p, len), 0);

	return p + pk->head;
}

START_TEST(test_no_allocation)
{
	struct packet pk;
	unsigned i, before;

	setup();
	/* the first packet of an SSRC makes state in libsrtp */
	for (i = 0; i < 10; i++) {
		from_x(96, (uint16_t)i, 7);
		from_s(0, 8, (uint16_t)i);
	}
	before = allocations;
	for (; i < 3000; i++) {
		from_x(96, (uint16_t)i, 7);
		from_s(0, 8, (uint16_t)i);
		while (recv_s(0, &pk) > 0 || recv_x(&pk))
			;
		w.now += 20000;
	}
	ck_assert_uint_eq(allocations, before);
	ck_assert_uint_eq(x.count.tx_packets, 3000);
	ck_assert_uint_eq(s[0].count.tx_packets, 3000);
	ck_assert_uint_eq(x.count.rx_bad + s[0].count.rx_bad, 0);
#ifndef OTHER_MALLOC
	ck_assert_uint_gt(before, 0); /* the counter counts */
#endif
}
END_TEST

START_TEST(test_header)
{
	struct packet pk;
	const uint8_t *p, *v;
	size_t n;

	setup();
	from_s(1, 8, 500);
	p = recv_x(&pk);
	ck_assert_ptr_nonnull(p);
	ck_assert_uint_eq(pk.pt, 97);
	ck_assert_uint_eq(pk.ssrc, 0x1001);
	ck_assert_uint_eq(pk.payload, 160);
	ck_assert_uint_eq(p[0], 500 & 0xff);
	ck_assert(packet_element(&pk, 4, &v, &n));
	ck_assert(n == 1 && *v == 'b');
	from_x(97, 3, 9);
	ck_assert_int_eq(recv_s(1, &pk), 172);
	ck_assert_uint_eq(pk.pt, 8);
	ck_assert_uint_eq(pk.ssrc, 0x2001);
	ck_assert_int_eq(recv_s(0, &pk), -1);
	/* a payload type that was not negotiated */
	from_x(50, 4, 9);
	ck_assert_int_eq(recv_s(1, &pk), -1);
	ck_assert_uint_eq(x.count.rx_bad, 1);
}
END_TEST

/* A shared number: the MID decides, then the SSRC that it taught. */
START_TEST(test_bundle)
{
	struct media_stream_conf c;
	uint8_t *p = (uint8_t *)w.rx[0].data, ext[24];
	struct packet pk = {.pt = 96, .seq = 1, .ssrc = 5};
	size_t n, e;

	setup();
	c = stream_conf(1);
	c.pts[0].x = 96;
	start_stream(1, &c);
	e = packet_write_mid(ext, 4, "b");
	packet_write(p, &pk, true);
	memcpy(p + 12, ext, e);
	memset(p + 12 + e, 1, 20);
	n = 12 + e + 20;
	ck_assert_int_eq(crypt_protect(peer, p, &n, false), 0);
	forward_rtp(&x, p, n, &x_addr);
	ck_assert_int_eq(recv_s(1, &pk), 32);
	from_x(96, 2, 5); /* without the extension */
	ck_assert_int_eq(recv_s(1, &pk), 172);
	ck_assert_int_eq(recv_s(0, &pk), -1);
	from_x(96, 2, 6); /* unknown: the first that has the number */
	ck_assert_int_eq(recv_s(0, &pk), 172);
}
END_TEST

START_TEST(test_direction)
{
	struct media_stream_conf c;
	struct packet pk;

	setup();
	c = stream_conf(0);
	c.x_to_s = false;
	start_stream(0, &c);
	from_x(96, 1, 7);
	ck_assert_int_eq(recv_s(0, &pk), -1);
	from_s(0, 8, 1);
	ck_assert_ptr_nonnull(recv_x(&pk));
	c.s_to_x = false;
	c.x_to_s = true;
	start_stream(0, &c);
	from_s(0, 8, 2);
	ck_assert_ptr_null(recv_x(&pk));
	from_x(96, 2, 7);
	ck_assert_int_eq(recv_s(0, &pk), 172);
	x.state = FLOW_SUSPENDED; /* consent lost: nothing leaves */
	c.s_to_x = true;
	start_stream(0, &c);
	from_s(0, 8, 3);
	ck_assert_ptr_null(recv_x(&pk));
}
END_TEST

/* Not authentic, repeated, lies about its length: counted, never an end. */
START_TEST(test_counted)
{
	uint8_t *p = (uint8_t *)w.rx[0].data;
	struct packet pk;
	size_t n;

	setup();
	n = make(p, 96, 1, 7);
	forward_rtp(&x, p, n, &x_addr);
	ck_assert_uint_eq(x.count.rx_auth_fail, 1);
	from_x(96, 1, 7);
	n = make(p, 96, 2, 7);
	ck_assert_int_eq(crypt_protect(peer, p, &n, false), 0);
	memcpy(w.rx[1].data, p, n);
	forward_rtp(&x, p, n, &x_addr);
	forward_rtp(&x, (uint8_t *)w.rx[1].data, n, &x_addr);
	ck_assert_uint_eq(x.count.rx_replay, 1);
	n = make(p, 8, 1, 7);
	p[0] |= 0x10; /* an extension longer than the packet */
	memset(p + 12, 0xff, 4);
	forward_rtp(&s[0], p, n, &s_addr[0]);
	ck_assert_uint_eq(s[0].count.rx_bad, 1);
	n = make(p, 8, 1, 7);
	p[0] |= 0x20;
	p[n - 1] = 200; /* more padding than payload */
	forward_rtp(&s[0], p, n, &s_addr[0]);
	ck_assert_uint_eq(s[0].count.rx_bad, 2);
	ck_assert(!s[0].in_at);
	while (recv_s(0, &pk) > 0)
		;
}
END_TEST

START_TEST(test_rtcp)
{
	uint8_t *p = (uint8_t *)w.rx[0].data, out[512];
	size_t n = 28;
	ssize_t got;

	setup();
	from_x(96, 1, 7);
	memset(p, 0, n);
	p[0] = 0x80;
	p[1] = 200;
	p[3] = 6;
	packet_put32(p + 4, 7);
	ck_assert_int_eq(crypt_protect(peer, p, &n, true), 0);
	forward_rtcp(&x, p, n, &x_addr);
	ck_assert_int_gt(recv(s_peer[0], out, sizeof(out), 0), 0); /* RTP */
	got = recv(s_peer[0], out, sizeof(out), 0);
	ck_assert_int_gt(got, 28);
	ck_assert_int_eq(report_check(out, (size_t)got), 0);
	ck_assert_uint_eq(packet_u32(out + 4), 0x2000);
	ck_assert_uint_eq(packet_u32(out + 20), 1); /* our counters */
	ck_assert_int_eq(recv(s_peer[1], out, sizeof(out), 0), -1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("media_relay");
	TCase *tc = tcase_create("all");
	SRunner *sr = srunner_create(suite);
	int failed;

	tcase_set_timeout(tc, 20);
	tcase_add_test(tc, test_no_allocation);
	tcase_add_test(tc, test_header);
	tcase_add_test(tc, test_bundle);
	tcase_add_test(tc, test_direction);
	tcase_add_test(tc, test_counted);
	tcase_add_test(tc, test_rtcp);
	suite_add_tcase(suite, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);

	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
