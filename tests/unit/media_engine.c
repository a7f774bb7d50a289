/* media_engine.c: two calls back to back: RTP -> SRTP -> RTP through real ICE
 * and DTLS on loopback, and what goes wrong in between. */
#include "media/agent.h"
#include "media_pair.h"
#include "suite.h"

START_TEST(test_call)
{
	struct side a = {0}, b = {0};

	start_engine(10, 60);
	connect_pair(&a, &b);
	exchange(&a, &b, 50);
	ck_assert(wait_for(&a.rtp_up, 1000) && wait_for(&b.rtp_up, 1000));
	ck_assert_int_eq(media_stats(a.m), 0);
	wait_for(NULL, 300);
	ck_assert_uint_eq(a.statc, 2);
	ck_assert(a.stats[0].ice && a.stats[0].up);
	ck_assert_int_eq(a.stats[0].suite, SUITE_AEAD_AES_128_GCM);
	ck_assert_uint_ge(a.stats[0].count.rx_packets, 50);
	ck_assert_uint_eq(a.stats[0].count.rx_lost, 0);
	ck_assert_uint_eq(a.stats[0].count.rx_auth_fail, 0);
	ck_assert_ptr_nonnull(strstr(a.stats[0].pair, "host"));
	close_pair(&a, &b);
}
END_TEST

/* Both may be the client. */
START_TEST(test_roles)
{
	struct side a = {.setup = DESC_SETUP_ACTIVE};
	struct side b = {.setup = DESC_SETUP_PASSIVE};

	start_engine(10, 60);
	connect_pair(&a, &b);
	exchange(&a, &b, 5);
	close_pair(&a, &b);
}
END_TEST

START_TEST(test_wrong_fingerprint)
{
	struct side a = {0}, b = {.wrong_print = true};

	start_engine(10, 60);
	open_pair(&a, &b);
	ck_assert(wait_for(&a.failed, 8000));
	ck_assert(a.security && !a.connectivity);
	ck_assert_ptr_nonnull(strstr(a.why, "fingerprint"));
	ck_assert(!a.connected);
	close_pair(&a, &b);
}
END_TEST

START_TEST(test_restart)
{
	struct side a = {0}, b = {0};
	unsigned i;

	start_engine(10, 60);
	connect_pair(&a, &b);
	exchange(&a, &b, 3);
	for (i = 1; i <= 2; i++) {
		ck_assert_int_eq(
		    media_restart(i & 1 ? a.m : b.m, i & 1 ? a.x : b.x), 0);
		wait_for(NULL, 1500);
		ck_assert_uint_eq(a.restarts, i);
		ck_assert_uint_eq(b.restarts, i);
		exchange(&a, &b, 10);
	}
	ck_assert(!a.failed && !b.failed);
	close_pair(&a, &b);
}
END_TEST

/* Each asks every 5 s and would miss the other after 15, also by what a
 * restart has changed. */
START_TEST(test_consent_stays)
{
	struct side a = {0}, b = {0};
	unsigned i;

	start_engine(60, 60);
	connect_pair(&a, &b);
	for (i = 0; i < 18; i++) {
		exchange(&a, &b, 2);
		wait_for(NULL, 1000);
		if (i == 1)
			ck_assert_int_eq(media_restart(a.m, a.x), 0);
	}
	ck_assert_uint_eq(b.restarts, 1);
	ck_assert(!a.suspended && !b.suspended && !a.failed && !b.failed);
	close_pair(&a, &b);
}
END_TEST

/* The peer is gone: sending stops, and in time the call is told. */
START_TEST(test_consent_lost)
{
	struct side a = {0}, b = {0};
	const uint64_t patience = agent_patience() / 1000; /* ms */
	uint64_t took;

	start_engine(60, 120);
	connect_pair(&a, &b);
	media_close(b.m);
	took = now_ms();
	ck_assert(wait_for(&a.suspended, 45000));
	/* of the last answer, at most one of the checks of 5 s ago */
	took = now_ms() - took;
	ck_assert_uint_ge(took + 5500, patience);
	ck_assert_uint_le(took, patience + 5500);
	ck_assert(!a.failed);
	ck_assert(wait_for(&a.failed, 35000));
	ck_assert(a.connectivity && !a.security);
	media_close(a.m);
	engine_stop(engine);
}
END_TEST

START_TEST(test_no_pair)
{
	struct side a = {0}, b = {.hold_back = true};
	struct transport t = {.ufrag = "abcd",
			      .pwd = "abcdefghijklmnopqrstuv",
			      .setup = DESC_SETUP_ACTIVE};
	uint64_t t0 = now_ms();

	start_engine(10, 60);
	open_pair(&a, &b);
	t.fingerprint = *engine_fingerprint(engine);
	ck_assert_int_eq(media_remote_ice(a.m, a.x, &t), 0);
	ck_assert(wait_for(&a.failed, 17000));
	ck_assert_uint_ge(now_ms() - t0, 14000);
	ck_assert(a.connectivity);
	ck_assert_ptr_nonnull(strstr(a.why, "no candidate pair"));
	ck_assert(a.silent); /* said before */
	close_pair(&a, &b);
}
END_TEST

/* media_dtmf of a goes through both calls and arrives as events. */
START_TEST(test_dtmf)
{
	struct side a = {0}, b = {0};
	struct packet pk;
	unsigned n = 0, ends = 0, marks = 0;
	uint32_t ts = 0;
	const uint8_t *p;

	start_engine(10, 60);
	connect_pair(&a, &b);
	exchange(&a, &b, 3);
	ck_assert_int_eq(media_dtmf(b.m, 0, MEDIA_TO_S, '5', 100), 0);
	ck_assert_int_eq(media_dtmf(b.m, 0, MEDIA_TO_S, 'X', 100), EINVAL);
	ck_assert_int_eq(media_dtmf(b.m, 1, MEDIA_TO_S, '5', 100), ENOTSUP);
	while ((p = phone_recv(&b, &pk, 300))) {
		ck_assert_uint_eq(pk.pt, EV_S);
		ck_assert_uint_eq(p[0], 5);
		ck_assert(!n || pk.ts == ts);
		ts = pk.ts;
		n++;
		marks += pk.marker;
		ends += p[1] >> 7;
		if (p[1] >> 7)
			ck_assert_uint_eq(packet_u16(p + 2), 800);
	}
	ck_assert_uint_eq(marks, 1);
	ck_assert_uint_eq(ends, 3);
	ck_assert_uint_eq(n, 7); /* 20 .. 100 ms, and two more ends */
	exchange(&a, &b, 3);
	close_pair(&a, &b);
}
END_TEST

/* Events of the phone are relayed with the other clock, or told. */
START_TEST(test_dtmf_relay)
{
	struct side a = {0}, b = {0};
	uint8_t ev[4] = {9, 0x8a, 0x03, 0x20}; /* 800 at 8 kHz */
	struct packet pk;
	const uint8_t *p;

	start_engine(10, 60);
	connect_pair(&a, &b);
	exchange(&a, &b, 3);
	phone_send(&a, EV_S, ev, 4); /* 8000 -> 48000 -> 8000 */
	p = phone_recv(&b, &pk, 1000);
	ck_assert_ptr_nonnull(p);
	ck_assert_uint_eq(pk.pt, EV_S);
	ck_assert(!memcmp(p, ev, 4));
	set_stream(&a, false);
	wait_for(NULL, 100);
	phone_send(&a, EV_S, ev, 4);
	ck_assert_ptr_null(phone_recv(&b, &pk, 200));
	wait_for(NULL, 200);
	ck_assert_int_eq(a.digit, '9');
	close_pair(&a, &b);
}
END_TEST

/* RTP flow to RTP flow would need no ICE: here SDES on both ends of one call
 * pair, the phones' packets being encrypted by the flows themselves. */
START_TEST(test_sdes)
{
	struct crypto k1 = {.suite = SUITE_CM128_SHA1_80, .keylen = 30};
	struct crypto k2 = {.suite = SUITE_AEAD_AES_128_GCM, .keylen = 28};
	struct side a = {0}, b = {0};
	uint8_t plain[32] = {1};
	struct transport t;
	struct packet pk;
	struct pollfd p;
	uint8_t wire[512];
	ssize_t n;

	memset(k1.key, 0x31, 30);
	memset(k2.key, 0x32, 28);
	start_engine(10, 60);
	connect_pair(&a, &b);
	phone_transport(&t, &a);
	ck_assert_int_eq(media_remote_rtp(a.m, a.s, &t, &k1, NULL, NULL),
			 EINVAL);
	ck_assert_int_eq(media_remote_rtp(a.m, a.s, &t, &k1, &k2, NULL), 0);
	wait_for(NULL, 50);
	/* plain from b arrives at a's phone encrypted, 10 bytes longer */
	phone_send(&b, PT_S, plain, sizeof(plain));
	p.fd = a.phone;
	p.events = POLLIN;
	ck_assert_int_eq(poll(&p, 1, 1000), 1);
	n = recv(a.phone, wire, sizeof(wire), 0);
	ck_assert_int_eq(n, PACKET_RTP_HEADER + sizeof(plain) + 10);
	ck_assert(memcmp(wire + PACKET_RTP_HEADER, plain, sizeof(plain)));
	/* plain from a's phone is not let in */
	phone_send(&a, PT_S, plain, sizeof(plain));
	ck_assert_ptr_null(phone_recv(&b, &pk, 200));
	ck_assert(!a.rtp_up);
	close_pair(&a, &b);
}
END_TEST

START_TEST(test_silence_and_timeout)
{
	struct side a = {0}, b = {0};

	start_engine(1, 2);
	connect_pair(&a, &b);
	ck_assert(wait_for(&a.silent, 4000));
	ck_assert(wait_for(&a.timeout, 4000));
	ck_assert_ptr_nonnull(strstr(a.why, "127.0.0.1"));
	close_pair(&a, &b);
}
END_TEST

/* Losers of several, closing in any state, and no descriptor left behind. */
START_TEST(test_churn)
{
	struct media_rtp_conf rc = {.family = AF_INET};
	struct transport local;
	struct side s = {.hold_back = true};
	unsigned i, f, k, room;
	int before, after;

	start_engine(10, 60);
	room = engine_room(engine);
	before = dup(0);
	(void)close(before);
	for (i = 0; i < 30; i++) {
		ck_assert_int_eq(media_open(&s.m, engine, "cccc", handle, &s),
				 0);
		for (k = 0; k < 3; k++) {
			ck_assert_int_eq(media_flow_ice(s.m, &f, true), 0);
			ck_assert_int_eq(media_flow_rtp(s.m, &f, &rc, &local),
					 0);
		}
		ck_assert_uint_lt(engine_room(engine), room);
		media_flow_end(s.m, 0);
		if (i % 2)
			wait_for(NULL, 20);
		media_close(s.m);
	}
	wait_for(NULL, 500);
	ck_assert_uint_eq(engine_room(engine), room);
	after = dup(0);
	(void)close(after);
	ck_assert_int_eq(before, after);
	engine_stop(engine);
}
END_TEST

static struct side closing;

static void close_in_handler(const struct media_event *ev, void *arg)
{
	(void)ev;
	(void)arg;
	media_close(closing.m);
	closing.m = NULL;
	closing.failed = true;
}

START_TEST(test_close_in_handler)
{
	unsigned f;

	start_engine(10, 60);
	ck_assert_int_eq(
	    media_open(&closing.m, engine, "dddd", close_in_handler, NULL), 0);
	ck_assert_int_eq(media_flow_ice(closing.m, &f, true), 0);
	ck_assert_int_eq(media_flow_ice(closing.m, &f, true), 0);
	ck_assert(wait_for(&closing.failed, 2000));
	wait_for(NULL, 100);
	engine_stop(engine);
}
END_TEST

/* The range runs out: refused, and what runs goes on. */
START_TEST(test_ports_out)
{
	struct engine_conf conf = {.workers = 1,
				   .port_min = 32000,
				   .port_max = 32007,
				   .datagram_in = 1600,
				   .datagram_out = 1500};
	struct sockaddr_in *sin = (struct sockaddr_in *)&conf.addr4;
	struct media_rtp_conf rc = {.family = AF_INET};
	struct transport local;
	struct side s = {0};
	unsigned i, f;

	sin->sin_family = AF_INET;
	sin->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_int_eq(engine_start(&engine, &conf), 0);
	ck_assert_uint_eq(engine_room(engine), 2);
	ck_assert_int_eq(media_open(&s.m, engine, "eeee", handle, &s), 0);
	for (i = 0; i < 4; i++)
		ck_assert_int_eq(media_flow_rtp(s.m, &f, &rc, &local), 0);
	ck_assert_int_eq(media_flow_rtp(s.m, &f, &rc, &local), ENFILE);
	ck_assert_uint_eq(engine_room(engine), 0);
	media_close(s.m);
	rc.family = AF_INET6;
	engine_stop(engine);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("fast"), *slow = tcase_create("slow");

	tcase_set_timeout(tc, 30);
	tcase_set_timeout(slow, 80);
	tcase_add_test(tc, test_call);
	tcase_add_test(tc, test_roles);
	tcase_add_test(tc, test_wrong_fingerprint);
	tcase_add_test(tc, test_restart);
	tcase_add_test(tc, test_dtmf);
	tcase_add_test(tc, test_dtmf_relay);
	tcase_add_test(tc, test_sdes);
	tcase_add_test(tc, test_silence_and_timeout);
	tcase_add_test(tc, test_churn);
	tcase_add_test(tc, test_close_in_handler);
	tcase_add_test(tc, test_ports_out);
	tcase_add_test(slow, test_no_pair);
	tcase_add_test(slow, test_consent_stays);
	/* Two thirds of a minute of waiting: only when asked for. */
	if (getenv("SLOW"))
		tcase_add_test(slow, test_consent_lost);

	return suite_run("media_engine", tc, slow);
}
