/* media_relay.c: the packet path alone: no allocation, which header leaves,
 * what is dropped, how streams of a bundle are told apart. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>
#include "media/engine.h"
#include "media/packet.h"
#include "media/report.h"
#include "suite.h"

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

/* What was told, in place of the engine. */
static struct media_packet copy;
static uint8_t copied[2048];
static unsigned copies, told;
struct cmdq *engine_post(struct engine *e, struct event *ev)
{
	(void)e;
	told++;
	if (ev->ev.type == MEDIA_PACKET) {
		copies++;
		copy = *ev->ev.packet;
		memcpy(copied, copy.p, copy.len);
	}
	free(ev);

	return NULL;
}

void engine_agent_conf(struct engine *e, struct agent_conf *c)
{
	(void)e;
	memset(c, 0, sizeof(*c));
}

static struct worker w;
static struct engine_conf conf = {.datagram_in = 1600, .datagram_out = 1500};
static struct relay r = {
    .w = &w, .conf = &conf, .name = "test", .cname = "0123456789abcdef"};
static struct flow x = {
    .relay = &r, .index = 0, .ice = true, .state = FLOW_UP};
static struct flow s[2] = {{.relay = &r, .index = 1, .state = FLOW_UP},
			   {.relay = &r, .index = 2, .state = FLOW_UP}};
static int x_peer, s_peer[2];
static uint16_t s_seq[2];
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

/* Copies for who looks on: none by default; of the SIP side in clear, both
 * ways, for the time that was asked for; of RTCP where all of it is wanted. */
START_TEST(test_tap)
{
	uint8_t *p = (uint8_t *)w.rx[0].data;
	struct packet pk;
	size_t n = 8;

	setup();
	from_x(96, 1, 7);
	from_s(0, 8, 1);
	ck_assert_uint_eq(copies, 0);
	ck_assert_uint_ge(told, 2); /* the first packet of each flow */

	tap_set(&r, 5000);
	from_x(96, 2, 7);
	ck_assert_uint_eq(copies, 1);
	ck_assert(copy.tx && !copy.rtcp && copy.len == 172);
	ck_assert_int_eq(packet_decode(&pk, copied, copy.len), 0);
	ck_assert_uint_eq(pk.ssrc, 0x2000);
	ck_assert_uint_eq(copied[12], 2); /* in clear */
	ck_assert(ss_equal(&copy.remote, &s_addr[0]));
	from_s(0, 8, 2);
	ck_assert_uint_eq(copies, 2);
	ck_assert(!copy.tx && copy.len == 172);
	ck_assert_int_eq(packet_decode(&pk, copied, copy.len), 0);
	ck_assert_uint_eq(pk.ssrc, 77);
	ck_assert(ss_equal(&copy.remote, &s_addr[0]));
	ck_assert(ss_is_unicast(&copy.local));
	/* a flood of packets makes no flood of copies */
	for (uint16_t i = 3; i < 3003; i++)
		from_s(0, 8, i);
	ck_assert_uint_le(copies, 2002);

	/* the time is over */
	w.now += 5000001;
	copies = 0;
	from_s(0, 8, 4000);
	from_s(0, 8, 4001);
	ck_assert_uint_eq(copies, 0);
	ck_assert_uint_eq(s[0].tap, 0);

	atomic_store(&w.copies, true);
	tap_renew(&s[0]);
	from_s(0, 8, 4002);
	ck_assert_uint_eq(copies, 0);
	memcpy(p, "\x80\xc9\0\1\0\0\0\x4d", n); /* RR */
	forward_rtcp(&s[0], p, n, &s_addr[0]);
	ck_assert_uint_eq(copies, 1);
	ck_assert(copy.rtcp && copy.len == n);
	tap_set(&r, 5000);
	tap_set(&r, 0);
	from_s(0, 8, 4003);
	ck_assert_uint_eq(copies, 1);
	atomic_store(&w.copies, false);
}
END_TEST

/* One batch: nothing leaves before its end, then all in order. */
START_TEST(test_batch)
{
	struct packet pk;
	uint8_t *p;
	unsigned i;
	size_t n;

	setup();
	from_x(96, 1, 7); /* the way is known */
	ck_assert_int_eq(recv_s(0, &pk), 172);
	w.batching = true;
	for (i = 0; i < 8; i++) {
		p = (uint8_t *)w.rx[i].data;
		n = make(p, i & 1 ? 97 : 96, (uint16_t)(2 + i), 7 + (i & 1));
		ck_assert_int_eq(crypt_protect(peer, p, &n, false), 0);
		counting = i > 2;
		forward_rtp(&x, p, n, &x_addr);
		counting = false;
	}
	ck_assert_int_eq(recv_s(0, &pk), -1);
	ck_assert_uint_eq(w.outc, 8);
	n = allocations;
	counting = true;
	worker_flush(&w);
	counting = false;
	ck_assert_uint_eq(allocations, n);
	w.batching = false;
	for (i = 0; i < 8; i++) {
		ck_assert_int_eq(recv_s(i & 1, &pk), 172);
		ck_assert_uint_eq(pk.ssrc, 0x2000 + (i & 1));
		if (i > 1)
			ck_assert_uint_eq(pk.seq,
					  (uint16_t)(s_seq[i & 1] + 2));
		s_seq[i & 1] = pk.seq;
	}
	ck_assert_int_eq(recv_s(0, &pk), -1);
	ck_assert_uint_eq(s[0].count.tx_packets, 5);
	ck_assert_uint_eq(s[1].count.tx_packets, 4);
}
END_TEST

/* Leaves what was in a function that has returned. */
static __attribute__((noinline)) void spoil_stack(void)
{
	volatile uint8_t junk[8192];
	size_t i;

	for (i = 0; i < sizeof(junk); i++)
		junk[i] = 0xee;
}

/* RTCP that is made on the way stays only as long as its maker: it leaves at
 * once, and not before what was read ahead of it. */
START_TEST(test_batch_report)
{
	uint8_t *p = (uint8_t *)w.rx[1].data, out[512];
	struct packet pk;
	size_t n = 28, len;

	setup();
	from_s(0, 8, 1);
	ck_assert_ptr_nonnull(recv_x(&pk));
	w.batching = true;
	from_s(0, 8, 2);
	memset(p, 0, n);
	p[0] = 0x80;
	p[1] = 200;
	p[3] = 6;
	packet_put32(p + 4, 77);
	forward_rtcp(&s[0], p, n, &s_addr[0]);
	spoil_stack();
	worker_flush(&w);
	w.batching = false;
	ck_assert_ptr_nonnull(recv_x(&pk));
	ck_assert_uint_eq(pk.pt, 96);
	len = (size_t)recv(x_peer, out, sizeof(out), 0);
	ck_assert_uint_lt(len, sizeof(out));
	ck_assert_int_eq(crypt_unprotect(peer, out, &len, true), 0);
	ck_assert_int_eq(report_check(out, len), 0);
	ck_assert_uint_eq(x.count.tx_packets, 3);
}
END_TEST

/* A flow that goes takes what was read for it along, and nobody points at it
 * any more; events of its sockets that were fetched already mean nothing. */
START_TEST(test_closed)
{
	struct packet pk;
	unsigned i;

	setup();
	ck_assert_int_eq(rtpflow_start(&s[0]), 0);
	from_x(96, 1, 7);
	ck_assert_int_eq(recv_s(0, &pk), 172);
	w.batching = true;
	from_x(96, 2, 7);
	ck_assert_uint_eq(w.outc, 1);
	flow_close(&s[0]);
	ck_assert_uint_eq(w.outc, 0);
	ck_assert_int_eq(recv_s(0, &pk), 172);
	ck_assert_ptr_null(x.last);
	ck_assert_ptr_null(r.streams[0]->xs_way.to);
	for (i = 0; i < 2; i++) {
		ck_assert_ptr_null(s[0].r.watch[i].rx);
		ck_assert_ptr_null(s[0].r.watch[i].h);
	}
	from_x(96, 3, 7);
	ck_assert_uint_eq(w.outc, 0);
	w.batching = false;
}
END_TEST

/* The socket that only sends follows the pair: what was read before goes to the
 * old one, what comes after to the new one, and no descriptor is left. */
START_TEST(test_pair_changes)
{
	struct sockaddr_storage other, src;
	socklen_t len = sizeof(src);
	struct packet pk;
	int fd, old = -1;
	uint8_t buf[2048];

	setup();
	fd = udp(&other);
	ck_assert_int_eq(
	    getsockname(x.i.pair_fd, (struct sockaddr *)&x.i.pair.base, &len),
	    0);
	x.i.send_fd = -1;
	from_s(0, 8, 1);
	ck_assert(x.connected);
	old = x.i.send_fd;
	ck_assert_int_ge(old, 0);
	memset(&src, 0, sizeof(src));
	len = sizeof(src);
	ck_assert_int_gt(recvfrom(x_peer, buf, sizeof(buf), 0,
				  (struct sockaddr *)&src, &len),
			 0);
	ck_assert(ss_equal(&src, &x.i.pair.base));
	w.batching = true;
	from_s(0, 8, 2);
	iceflow_unpair(&x);
	ck_assert_int_eq(send(old, "x", 1, 0), -1);
	x.i.pair.remote = other;
	from_s(0, 8, 3);
	worker_flush(&w);
	w.batching = false;
	ck_assert_ptr_nonnull(recv_x(&pk));
	ck_assert_ptr_null(recv_x(&pk));
	ck_assert_int_gt(recv(fd, buf, sizeof(buf), 0), 0);
	ck_assert(flow_is_aim(&x, &other) && !flow_is_aim(&x, &x_addr));
	/* by a relay there is no socket of ours */
	iceflow_unpair(&x);
	x.i.pair_fd = -1;
	ck_assert(!flow_aim(&x) && !x.connected && x.i.send_fd == -1);
}
END_TEST

static void send_batch(void)
{
	uint8_t *p;
	unsigned i;
	size_t n;

	w.batching = true;
	for (i = 0; i < 9; i++) {
		p = (uint8_t *)w.rx[i].data;
		s_seq[i == 8]++;
		n = make(p, i < 8 ? 96 : 97, s_seq[i == 8], i < 8 ? 7 : 8);
		ck_assert_int_eq(crypt_protect(peer, p, &n, false), 0);
		forward_rtp(&x, p, n, &x_addr);
	}
	worker_flush(&w);
	w.batching = false;
	ck_assert_uint_eq(w.outc, 0);
}

/* What cannot be sent is counted and holds up nothing: a phone that is gone,
 * whose refusals come back as errors of later packets, and no socket. */
START_TEST(test_unsendable)
{
	struct packet pk;

	setup();
	from_x(96, 0, 7);
	from_x(97, 0, 8);
	while (recv_s(0, &pk) > 0 || recv_s(1, &pk) > 0)
		;
	ck_assert_int_eq(connect(s[0].r.fds[0], (struct sockaddr *)&s_addr[0],
				 sizeof(struct sockaddr_in)),
			 0);
	(void)close(s_peer[0]);
	send_batch();
	ck_assert_uint_eq(s[0].count.tx_packets + s[0].count.tx_drop, 9);
	ck_assert_int_eq(recv_s(1, &pk), 172);
	s[0].count.tx_packets = s[0].count.tx_drop = 0;
	(void)close(s[0].r.fds[0]);
	send_batch();
	ck_assert_uint_eq(s[0].count.tx_packets, 0);
	ck_assert_uint_eq(s[0].count.tx_drop, 8);
	ck_assert_int_eq(recv_s(1, &pk), 172);
}
END_TEST

/* Once the phone is known its socket is connected; a new address in SDP undoes
 * that, and packets go to the new one at once. */
START_TEST(test_moves)
{
	struct sockaddr_storage other;
	struct remote_rtp c = {.mux = true};
	struct packet pk;
	unsigned i;

	setup();
	for (i = 0; i < 2 * LATCH_PROBATION; i++)
		from_s(0, 8, (uint16_t)i);
	ck_assert(s[0].settled && s[0].connected);
	from_x(96, 1, 7);
	ck_assert_int_eq(recv_s(0, &pk), 172);
	ck_assert(flow_is_aim(&s[0], &s_addr[0]));
	(void)close(s_peer[0]);
	s_peer[0] = udp(&other);
	c.addr = other;
	rtpflow_remote(&s[0], &c);
	ck_assert(!s[0].settled && !s[0].connected);
	ck_assert(!flow_is_aim(&s[0], &s_addr[0]));
	from_x(96, 2, 7);
	ck_assert_int_eq(recv_s(0, &pk), 172);
	ck_assert(flow_is_aim(&s[0], &other));
	ck_assert(!flow_is_aim(&s[0], &s_addr[0]));
}
END_TEST

/* What was worked out for a stream is forgotten with what it came from. */
START_TEST(test_forgets)
{
	struct media_stream_conf c;
	struct packet pk;

	setup();
	from_x(96, 1, 7);
	from_x(96, 2, 7);
	ck_assert_int_eq(recv_s(0, &pk), 172);
	ck_assert_ptr_eq(x.last, r.streams[0]);
	c = stream_conf(0);
	c.pts[0].s = 0;
	start_stream(0, &c);
	ck_assert_ptr_null(x.last);
	from_x(96, 3, 7);
	ck_assert_int_eq(recv_s(0, &pk), 172);
	ck_assert_int_eq(recv_s(0, &pk), 172);
	ck_assert_uint_eq(pk.pt, 0);
	keypad_push(r.streams[0], MEDIA_TO_S, '5', 100);
	from_x(96, 4, 7); /* the digit has the line */
	ck_assert_int_eq(recv_s(0, &pk), -1);
	flow_enter(&s[0], FLOW_FAILED);
	ck_assert(!s[0].aim.len && !flow_aim(&s[0]));
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("all");

	tcase_set_timeout(tc, 20);
	tcase_add_test(tc, test_no_allocation);
	tcase_add_test(tc, test_tap);
	tcase_add_test(tc, test_header);
	tcase_add_test(tc, test_bundle);
	tcase_add_test(tc, test_direction);
	tcase_add_test(tc, test_counted);
	tcase_add_test(tc, test_rtcp);
	tcase_add_test(tc, test_batch);
	tcase_add_test(tc, test_batch_report);
	tcase_add_test(tc, test_closed);
	tcase_add_test(tc, test_pair_changes);
	tcase_add_test(tc, test_unsendable);
	tcase_add_test(tc, test_moves);
	tcase_add_test(tc, test_forgets);

	return suite_run("media_relay", tc);
}
