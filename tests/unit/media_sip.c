/* media_sip.c: the SIP side of the engine: keepalive, RTCP with and without
 * mux, SDES, digits both ways; and what a call says when there is no sound. */
#include "media_pair.h"

#include <stdio.h>

#include "media/crypt.h"
#include "suite.h"

/* ---- keepalive ---- */

/* An empty packet a second, numbered on, until the XMPP side is there. */
START_TEST(test_keepalive)
{
	struct media_rtp_conf rc = {.family = AF_INET};
	struct media_stream_conf c = {.used = true, .s_keepalive = true};
	struct side a = {.hold_back = true};
	struct transport local, t;
	struct packet pk, last = {0};
	uint64_t at = 0;
	unsigned i;

	start_engine(10, 60);
	a.phone = open_socket(&a.port);
	ck_assert_int_eq(media_open(&a.m, engine, "keep", handle, &a), 0);
	ck_assert_int_eq(media_flow_rtp(a.m, &a.s, &rc, &local), 0);
	a.x = 9;
	c.x_flow = a.x;
	c.s_flow = a.s;
	c.pts[0] = (struct media_pt){8, 8, 8000, 8000, false};
	c.ptc = 1;
	c.ssrc_s = 0x2222;
	ck_assert_int_eq(media_stream(a.m, 0, &c), 0);
	phone_transport(&t, &a);
	ck_assert_int_eq(media_remote_rtp(a.m, a.s, &t, NULL, NULL, NULL), 0);
	for (i = 0; i < 3; i++) {
		ck_assert_ptr_nonnull(phone_recv(&a, &pk, 1500));
		ck_assert_uint_eq(pk.payload, 0);
		ck_assert_uint_eq(pk.pt, 8);
		ck_assert_uint_eq(pk.ssrc, 0x2222);
		if (i) {
			ck_assert_uint_eq(pk.seq, (uint16_t)(last.seq + 1));
			ck_assert_uint_ge(now_ms() - at, 900);
			/* the time of the clock, more or less */
			ck_assert_uint_ge(pk.ts - last.ts, 7000);
			ck_assert_uint_le(pk.ts - last.ts, 9000);
		}
		at = now_ms();
		last = pk;
	}
	c.s_keepalive = false;
	ck_assert_int_eq(media_stream(a.m, 0, &c), 0);
	wait_for(NULL, 100);
	ck_assert_ptr_null(phone_recv(&a, &pk, 1300));
	media_close(a.m);
	(void)close(a.phone);
	engine_stop(engine);
}
END_TEST

/* ---- RTCP ---- */

static size_t make_sr(uint8_t *p, uint32_t ssrc)
{
	static const uint8_t sdes[] = {0x81, 202, 0,   3,   0,	 0,   0, 0,
				       1,    4,	  'n', 'a', 'm', 'e', 0, 0};

	memset(p, 0, 28);
	p[0] = 0x80;
	p[1] = 200; /* SR */
	p[3] = 6;
	packet_put32(p + 4, ssrc);
	packet_put32(p + 8, 0x11112222);
	packet_put32(p + 12, 0x33334444);
	packet_put32(p + 20, 7);
	packet_put32(p + 24, 700);
	memcpy(p + 28, sdes, sizeof(sdes));
	packet_put32(p + 32, ssrc);

	return 28 + sizeof(sdes);
}

static ssize_t recv_rtcp(int fd, uint8_t *buf, size_t size, unsigned ms)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	uint64_t until = now_ms() + ms;
	ssize_t n;

	while (now_ms() < until) {
		if (poll(&p, 1, 10) <= 0)
			continue;
		n = recv(fd, buf, size, 0);
		if (n > 0 && packet_kind(buf, (size_t)n) == PACKET_RTCP)
			return n;
	}

	return 0;
}

/* a's phone has RTCP on a port of its own, b's has it on that of RTP. */
START_TEST(test_rtcp)
{
	struct side a = {0}, b = {0};
	struct sockaddr_in to = {.sin_family = AF_INET};
	uint8_t sr[64], got[1600];
	size_t len;

	start_engine(10, 60);
	a.phone_rtcp = open_socket(&a.rtcp_port);
	connect_pair(&a, &b);
	exchange(&a, &b, 3);
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	to.sin_port = htons(a.gw_rtcp);
	len = make_sr(sr, 0xabc00 + a.ssrc);
	ck_assert_int_gt(sendto(a.phone_rtcp, sr, len, 0,
				(struct sockaddr *)&to, sizeof(to)),
			 0);
	ck_assert_int_ge(recv_rtcp(b.phone, got, sizeof(got), 1000), 28);
	ck_assert_uint_eq(got[1], 200);
	ck_assert_uint_eq(packet_u32(got + 4), 0x22220000 + b.ssrc);
	ck_assert_uint_eq(packet_u32(got + 8), 0x11112222);
	/* back, by one port, to the other's second */
	len = make_sr(sr, 0xabc00 + b.ssrc);
	send_to_gw(&b, sr, len);
	ck_assert_int_eq(recv_rtcp(a.phone, got, sizeof(got), 100), 0);
	ck_assert_int_ge(recv_rtcp(a.phone_rtcp, got, sizeof(got), 1000), 28);
	ck_assert_uint_eq(packet_u32(got + 4), 0x22220000 + a.ssrc);
	/* RTP has no business on the RTCP port. */
	ck_assert_int_eq(media_stats(a.m), 0);
	wait_for(NULL, 200);
	(void)close(a.phone_rtcp);
	close_pair(&a, &b);
}
END_TEST

/* ---- SDES ---- */

static void fill(struct crypto *c, enum crypto_suite suite, uint8_t seed)
{
	memset(c, 0, sizeof(*c));
	c->suite = suite;
	c->keylen = (uint8_t)crypt_keylen(suite);
	memset(c->key, seed, c->keylen);
}

/* Phones that encrypt for themselves, both ways. */
START_TEST(test_sdes_both_ways)
{
	static const enum crypto_suite suites[] = {SUITE_CM128_SHA1_80,
						   SUITE_AEAD_AES_128_GCM,
						   SUITE_AEAD_AES_256_GCM};
	uint32_t buf[256];
	uint8_t *p = (uint8_t *)buf, wire[512];
	struct side a = {0}, b = {0};
	struct crypto tx, rx;
	struct crypt *phone;
	struct transport t;
	struct packet pk = {0};
	struct pollfd pfd;
	const uint8_t *got;
	unsigned i, k;
	size_t len;

	start_engine(10, 60);
	connect_pair(&a, &b);
	for (i = 0; i < 3; i++) {
		fill(&tx, suites[i], (uint8_t)(0x20 + i));
		fill(&rx, suites[i], (uint8_t)(0x60 + i));
		ck_assert_int_eq(
		    crypt_alloc(&phone, rx.suite, rx.key, tx.suite, tx.key),
		    0);
		phone_transport(&t, &a);
		ck_assert_int_eq(
		    media_remote_rtp(a.m, a.s, &t, &tx, &rx, NULL), 0);
		wait_for(NULL, 50);
		for (k = 0; k < 5; k++) {
			pk.pt = PT_S;
			pk.seq = (uint16_t)(100 + 10 * i + k);
			pk.ts += 960;
			pk.ssrc = 0xabc00;
			packet_write(p, &pk, false);
			memset(p + PACKET_RTP_HEADER, 'a' + (int)k, 40);
			len = PACKET_RTP_HEADER + 40;
			ck_assert_int_eq(crypt_protect(phone, p, &len, false),
					 0);
			send_to_gw(&a, p, len);
			got = phone_recv(&b, &pk, 1000);
			ck_assert_msg(got, "suite %u packet %u", i, k);
			ck_assert_uint_eq(got[39], 'a' + k);
			phone_send(&b, PT_S, got, 40);
			pfd.fd = a.phone;
			pfd.events = POLLIN;
			ck_assert_int_eq(poll(&pfd, 1, 1000), 1);
			len = (size_t)recv(a.phone, wire, sizeof(wire), 0);
			memcpy(p, wire, len);
			ck_assert_int_eq(
			    crypt_unprotect(phone, p, &len, false), 0);
			ck_assert_uint_eq(len, PACKET_RTP_HEADER + 40);
			ck_assert_uint_eq(p[len - 1], 'a' + k);
		}
		crypt_free(phone);
	}
	close_pair(&a, &b);
}
END_TEST

/* ---- digits ---- */

/* A digit towards XMPP arrives at the other call as an event. */
START_TEST(test_digit_to_x)
{
	struct side a = {0}, b = {0};
	struct packet pk;
	const uint8_t *p;
	unsigned n = 0, ends = 0;

	start_engine(10, 60);
	connect_pair(&a, &b);
	exchange(&a, &b, 3);
	ck_assert_int_eq(media_dtmf(a.m, 0, MEDIA_TO_X, '9', 100), 0);
	while ((p = phone_recv(&b, &pk, 300))) {
		ck_assert_uint_eq(pk.pt, EV_S);
		ck_assert_uint_eq(p[0], 9);
		n++;
		ends += p[1] >> 7;
		if (p[1] >> 7)
			ck_assert_uint_eq(packet_u16(p + 2), 800);
	}
	ck_assert_uint_eq(n, 7);
	ck_assert_uint_eq(ends, 3);
	exchange(&a, &b, 3);
	set_stream(&a, false); /* the client has no number for it */
	ck_assert_int_eq(media_dtmf(a.m, 0, MEDIA_TO_X, '9', 100), ENOTSUP);
	close_pair(&a, &b);
}
END_TEST

static void x_events(struct side *s, bool s_has, bool told)
{
	struct media_stream_conf c = {
	    .used = true, .x_to_s = true, .s_to_x = true};

	c.dtmf_events = true;
	c.x_events = told;
	c.x_flow = s->x;
	c.s_flow = s->s;
	c.pts[0] = (struct media_pt){PT_X, PT_S, CLOCK, CLOCK, false};
	c.pts[1] = (struct media_pt){EV_X, s_has ? EV_S : MEDIA_PT_NONE, CLOCK,
				     8000, true};
	c.ptc = 2;
	c.ssrc_x = 0x11110000 + s->ssrc;
	c.ssrc_s = 0x22220000 + s->ssrc;
	ck_assert_int_eq(media_stream(s->m, 0, &c), 0);
	wait_for(NULL, 50);
}

/* Events of the client: told once each with their length, and not relayed,
 * where the phone has no number or the trunk wants INFO. */
START_TEST(test_digit_from_x)
{
	struct side a = {0}, b = {0};
	struct packet pk;
	unsigned i;

	start_engine(10, 60);
	connect_pair(&a, &b);
	exchange(&a, &b, 3);
	for (i = 0; i < 2; i++) {
		x_events(&b, i == 0, i == 0);
		b.digits = 0;
		ck_assert_int_eq(media_dtmf(a.m, 0, MEDIA_TO_X, '4', 120), 0);
		ck_assert_int_eq(media_dtmf(a.m, 0, MEDIA_TO_X, '#', 200), 0);
		wait_for(NULL, 700);
		ck_assert_uint_eq(b.digits, 2);
		ck_assert_int_eq(b.digit, '#');
		ck_assert_uint_eq(b.ms, 200);
		ck_assert(b.from_x);
		ck_assert_ptr_null(phone_recv(&b, &pk, 50));
	}
	exchange(&a, &b, 3);
	close_pair(&a, &b);
}
END_TEST

/* ---- why there is no sound ---- */

START_TEST(test_dtls_not_started)
{
	struct side a = {.no_print = true}, b = {0};

	start_engine(1, 60);
	open_pair(&a, &b); /* b would begin, and lacks a's fingerprint */
	ck_assert(wait_for(&a.x_silent, 6000));
	ck_assert_msg(strstr(a.x_why, "DTLS not started"), "%s", a.x_why);
	ck_assert(wait_for(&b.x_silent, 6000));
	ck_assert_msg(strstr(b.x_why, "no fingerprint"), "%s", b.x_why);
	close_pair(&a, &b);
}
END_TEST

START_TEST(test_nothing_received)
{
	struct side a = {0}, b = {0};
	char want[64];
	unsigned i;

	start_engine(2, 60);
	connect_pair(&a, &b);
	/* a's phone sends, b's is silent: a's client is, too */
	for (i = 0; i < 10 && !a.x_silent; i++) {
		phone_send(&a, PT_S, "abcd", 4);
		wait_for(&a.x_silent, 500);
	}
	ck_assert(a.x_silent);
	(void)snprintf(want, sizeof(want),
		       "nothing received from 127.0.0.1:%u",
		       b.cands[0].addr.port);
	ck_assert_msg(strstr(a.x_why, want), "%s", a.x_why);
	close_pair(&a, &b);
}
END_TEST

/* ---- a fingerprint that changes ---- */

START_TEST(test_fingerprint_swapped)
{
	struct side a = {0}, b = {0};
	struct transport t = {.mux = true};

	start_engine(10, 60);
	connect_pair(&a, &b);
	exchange(&a, &b, 3);
	t.fingerprint = b.print; /* the same again harms nothing */
	ck_assert_int_eq(media_remote_ice(a.m, a.x, &t), 0);
	wait_for(NULL, 100);
	exchange(&a, &b, 3);
	t.fingerprint.md[0] ^= 1;
	ck_assert_int_eq(media_remote_ice(a.m, a.x, &t), 0);
	ck_assert(wait_for(&a.failed, 1000));
	ck_assert(a.security);
	ck_assert_ptr_nonnull(strstr(a.why, "fingerprint changed"));
	close_pair(&a, &b);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("sip");

	tcase_set_timeout(tc, 30);
	tcase_add_test(tc, test_keepalive);
	tcase_add_test(tc, test_rtcp);
	tcase_add_test(tc, test_sdes_both_ways);
	tcase_add_test(tc, test_digit_to_x);
	tcase_add_test(tc, test_digit_from_x);
	tcase_add_test(tc, test_dtls_not_started);
	tcase_add_test(tc, test_nothing_received);
	tcase_add_test(tc, test_fingerprint_swapped);

	return suite_run("media_sip", tc);
}
