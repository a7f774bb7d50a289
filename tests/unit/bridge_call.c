/* bridge_call.c: calls from either side, from the first word to the last. */
#include "bridge_toys.h"
#include "suite.h"

START_TEST(xmpp_calls)
{
	x2s_active();
	ck_assert_uint_eq(stream.ptc, 2);
	ck_assert_uint_eq(stream.pts[0].x, 0);
	ck_assert_uint_eq(stream.pts[1].x, 126);
	ck_assert_uint_eq(stream.pts[1].s, 101);
	ended(s_leg, REASON_NONE, 0);
	said_is("x.end-/0/603 ");
	ck_assert_uint_eq(calls_count(), 0);
	ck_assert_uint_eq(legs, 0);
}
END_TEST

/* What ends while it is ended ends once. */
START_TEST(ended_within_its_end)
{
	x2s_active();
	echo_end = true;
	ended(s_leg, REASON_NONE, 0);
	said_is("x.end-/0/603 ");
	ck_assert_uint_eq(calls_count(), 0);
	ck_assert_uint_eq(legs, 0);
	ck_assert_uint_eq(open_media, 0);
}
END_TEST

START_TEST(xmpp_calls_busy)
{
	struct ending why;

	ck_assert_int_eq(from_xmpp(NULL, &why), 0);
	said[0] = '\0';
	ended(s_leg, REASON_NONE, 486);
	said_is("x.end-/486/603 ");
	ck_assert_uint_eq(legs, 0);
}
END_TEST

START_TEST(xmpp_retracts)
{
	struct ending why;

	ck_assert_int_eq(from_xmpp(NULL, &why), 0);
	call_ringing(s_leg);
	said[0] = '\0';
	ended(x_leg, REASON_CANCEL, 0);
	said_is("s.end-cancel/0/603 ");
	ck_assert_uint_eq(legs, 0);
}
END_TEST

START_TEST(xmpp_direct)
{
	struct ending why;

	ck_assert_int_eq(from_xmpp(x_webrtc, &why), 0);
	said_is("s:sip:600@pbx.example.net:sip:alice@pbx.example.net "
		"s.offer(96,0,100,101) ");
	answered(s_leg, s_pcmu);
	said_is("rtp ");
	local_ready(1);
	said_is("ice1 x.answer(0,126) stream>< ");
}
END_TEST

START_TEST(no_common_codec_asks_again)
{
	struct ending why;

	ck_assert_int_eq(from_xmpp(NULL, &why), 0);
	answered(s_leg, s_pcmu);
	local_ready(1);
	said[0] = '\0';
	offered(x_leg, x_opus);
	said_is("s.update(96,100,101) ");
	answered(s_leg, s_opus);
	said_is("rtp ice1 x.answer(111) stream>< ");
}
END_TEST

START_TEST(no_common_codec_ends)
{
	struct ending why;

	ck_assert_int_eq(from_xmpp(NULL, &why), 0);
	answered(s_leg, s_pcmu);
	local_ready(1);
	offered(x_leg, x_opus);
	said[0] = '\0';
	call_refused(s_leg, &(struct ending){.sip_code = 488});
	said_is("x.end-incompatible-parameters/0/603 "
		"s.end-incompatible-parameters/0/603 ");
	ck_assert_uint_eq(legs, 0);
}
END_TEST

START_TEST(sip_calls)
{
	s2x_active();
	ended(x_leg, REASON_SUCCESS, 0);
	said_is("s.end-success/0/603 ");
	ck_assert_uint_eq(legs, 0);
}
END_TEST

START_TEST(sip_cancels)
{
	struct ending why;

	ck_assert_int_eq(from_sip(s_pcmu, &why), 0);
	local_ready(1);
	said[0] = '\0';
	ended(s_leg, REASON_CANCEL, 0);
	said_is("x.end-cancel/0/603 ");
}
END_TEST

START_TEST(sip_without_offer)
{
	struct ending why;

	ck_assert_int_eq(from_sip(NULL, &why), 0);
	local_ready(1);
	said_is("x:600@gw.example.com:alice@example.com "
		"x.offer(111,0,8,110) ");
	answered(x_leg, x_webrtc);
	said_is("ice1 s.offer(96,0,100,101) ");
	answered(s_leg, s_pcmu);
	said_is("rtp stream>< ");
}
END_TEST

START_TEST(sip_codec_unknown)
{
	struct ending why;

	ck_assert_int_eq(from_sip(s_g729, &why), ENOTSUP);
	ck_assert_int_eq(why.reason, REASON_INCOMPATIBLE_PARAMETERS);
	ck_assert_uint_eq(legs, 0);
	ck_assert_uint_eq(calls_count(), 0);
}
END_TEST

START_TEST(devices)
{
	struct ending why;

	ck_assert_int_eq(from_sip(s_pcmu, &why), 0);
	local_ready(1);
	said[0] = '\0';
	call_branch(x_leg, 1);
	local_ready(2);
	said_is("x.branch1 ");

	struct desc *d = parse(x_webrtc);

	call_answered(x_leg, 1, d);
	desc_free(d);
	said_is("flow-end1 rtp ice2 s.answer(0,101) stream>< ");
}
END_TEST

START_TEST(media_fails)
{
	struct media_event ev = {.type = MEDIA_FAILED, .flow = 1};

	x2s_active();
	ev.connectivity = true;
	ev.why = "no candidate pair";
	event_h(&ev, event_arg);
	said_is("x.end-connectivity-error/0/603 "
		"s.end-connectivity-error/0/603 ");
	ck_assert_uint_eq(legs, 0);

	s2x_active();
	ev.security = true;
	event_h(&ev, event_arg);
	said_is("x.end-security-error/0/603 s.end-security-error/0/603 ");
}
END_TEST

/* E.5, last row; it is the path that must be lost, and nothing else. */
START_TEST(device_is_off)
{
	struct media_event ev = {.type = MEDIA_FAILED, .flow = 1};

	toy_is_off = true;
	x2s_active();
	ev.connectivity = true;
	event_h(&ev, event_arg);
	said_is("x.end-connectivity-error/0/603/away "
		"s.end-connectivity-error/0/603/away ");

	s2x_active();
	ev.connectivity = false;
	event_h(&ev, event_arg);
	said_is("x.end-failed-transport/0/603 s.end-failed-transport/0/603 ");
}
END_TEST

START_TEST(rtp_timeout)
{
	struct media_event ev = {.type = MEDIA_TIMEOUT};

	s2x_active();
	offered(s_leg, s_hold);
	answered(x_leg, x_webrtc);
	said[0] = '\0';
	event_h(&ev, event_arg); /* held: silence is no fault */
	said_is("");
	offered(s_leg, s_pcmu);
	answered(x_leg, x_webrtc);
	said[0] = '\0';
	event_h(&ev, event_arg);
	said_is("x.end-media-error/0/603 s.end-media-error/0/603 ");
}
END_TEST

static void time_over(void *arg)
{
	(void)arg;
	re_cancel();
}

static void pass_time(unsigned ms)
{
	struct tmr tmr;

	tmr_init(&tmr);
	tmr_start(&tmr, ms, time_over, NULL);
	ck_assert_int_eq(re_main(NULL), 0);
}

/* call_max: both sides are told why, and not before. */
START_TEST(lasts_no_longer)
{
	conf.limits.call_max = 1;
	x2s_active();
	said[0] = '\0';
	pass_time(700);
	said_is("");
	pass_time(600);
	said_is("x.end-expired/0/603 s.end-expired/0/603 ");
	ck_assert_uint_eq(calls_count(), 0);
}
END_TEST

START_TEST(trickle_and_restart)
{
	struct transport t = {.ufrag = "n", .pwd = "m"};
	struct media_event ev = {.type = MEDIA_LOCAL, .flow = 1};

	x2s_active();
	call_transport(x_leg, 0, 0, &t);
	said_is("ice1 ");
	ev.transport = &t;
	ev.restart = true;
	event_h(&ev, event_arg);
	said_is("x.transport0.0 ");
}
END_TEST

START_TEST(digits)
{
	x2s_active();
	call_dtmf(x_leg, '5', 120);
	said_is("digit5/120 ");
	trunk.dtmf = CONFIG_INFO;
	call_dtmf(x_leg, '#', 100);
	said_is("s.info#/100 ");
	trunk.dtmf = CONFIG_RFC4733;
	call_dtmf(s_leg, '1', 100); /* INFO of a phone */
	said_is("digit-x1/100 ");
}
END_TEST

/* RFC 4733 of the client becomes INFO where the trunk wants that. */
START_TEST(digits_as_info)
{
	struct media_event ev = {.type = MEDIA_EVENT_DTMF, .from_x = true};

	trunk.dtmf = CONFIG_INFO;
	x2s_active();
	ck_assert(stream.dtmf_events && stream.x_events);
	ev.digit = '7';
	ev.ms = 160;
	event_h(&ev, event_arg);
	said_is("s.info7/160 ");
	ev.from_x = false; /* the client takes none: no way */
	event_h(&ev, event_arg);
	said_is("");
	ended(s_leg, REASON_NONE, 0);
	said[0] = '\0';
	trunk.dtmf = CONFIG_RFC4733;
	x2s_active();
	ck_assert(stream.dtmf_events && !stream.x_events);
}
END_TEST

/* The phone has no telephone-event, the trunk takes INFO: the client's events
 * are agreed on all the same, and told. */
START_TEST(digits_without_events)
{
	struct ending why;

	trunk.dtmf = CONFIG_INFO;
	ck_assert_int_eq(from_sip(s_pcmu_only, &why), 0);
	said[0] = '\0';
	local_ready(1);
	said_is("x.offer(0,126) ");
	answered(x_leg, x_webrtc);
	said_is("rtp ice1 s.answer(0) stream>< ");
	trunk.dtmf = CONFIG_RFC4733;
	ck_assert_uint_eq(stream.ptc, 3);
	ck_assert(stream.pts[1].event && stream.pts[2].event);
	ck_assert_uint_eq(stream.pts[1].x, 110);
	ck_assert_uint_eq(stream.pts[1].s, MEDIA_PT_NONE);
	ck_assert_uint_eq(stream.pts[2].x, 126);
	ck_assert_uint_eq(stream.pts[2].x_clock, 8000);
}
END_TEST

/* A candidate of a STUN server that comes before there is a session is in the
 * answer. */
START_TEST(late_candidate)
{
	struct candidate c = {.component = 1, .type = CANDIDATE_SRFLX};
	struct transport t = {.ufrag = "u", .pwd = "p", .candidates = &c};
	struct media_event ev = {.type = MEDIA_LOCAL, .flow = 1};
	struct ending why;

	ck_assert_int_eq(from_xmpp(NULL, &why), 0);
	answered(s_leg, s_pcmu);
	local_ready(1);
	said[0] = '\0';
	c.addr.family = 4;
	c.addr.port = 5;
	t.candidatec = 1;
	ev.transport = &t;
	event_h(&ev, event_arg);
	said_is("x.transport0.0 ");
	offered(x_leg, x_webrtc);
	said_is("ice1 x.answer(0,126) stream>< ");
	ck_assert_uint_eq(told_candidates, 1);
}
END_TEST

START_TEST(networks_of_phones)
{
	struct config_net net = {.prefix = 24};
	struct ending why;

	ck_assert_int_eq(sa_set_str(&net.addr, "10.1.2.0", 0), 0);
	trunk.media_from = &net;
	trunk.media_fromc = 1;
	ck_assert_int_eq(from_xmpp(NULL, &why), 0);
	ck_assert_uint_eq(allowedc, 1);
	ck_assert_uint_eq(allowed[0].prefix, 24);
	ck_assert_uint_eq(allowed[0].addr.ip[0], 10);
	trunk.media_from = NULL;
	trunk.media_fromc = 0;
}
END_TEST

START_TEST(early_media)
{
	struct ending why;
	struct desc *d = parse(s_pcmu);

	ck_assert_int_eq(from_xmpp(NULL, &why), 0);
	said[0] = '\0';
	call_progress(s_leg, d);
	said_is("");
	ended(s_leg, REASON_NONE, 480);
	said[0] = '\0';

	trunk.early_media = CONFIG_EARLY_CONNECT;
	ck_assert_int_eq(from_xmpp(NULL, &why), 0);
	said[0] = '\0';
	call_progress(s_leg, d);
	said_is("rtp stream~ x.proceed ");
	trunk.early_media = CONFIG_EARLY_OFF;
	desc_free(d);
}
END_TEST

START_TEST(refused_at_the_door)
{
	struct ending why;

	media_room = ENFILE;
	ck_assert_int_ne(from_xmpp(NULL, &why), 0);
	ck_assert_uint_eq(why.sip_code, 503);
	media_room = 0;

	/* these two are calling each other already */
	ck_assert_int_eq(from_xmpp(NULL, &why), 0);
	ck_assert_int_eq(from_sip(s_pcmu, &why), EBUSY);
	ck_assert_uint_eq(why.sip_code, 482);

	conf.limits.calls_per_jid = 1;
	ck_assert_int_eq(from_xmpp(NULL, &why), EBUSY);
	ck_assert_int_eq(why.reason, REASON_BUSY);
	conf.limits.calls_per_jid = 0;
	ck_assert_uint_eq(calls_count(), 1);
}
END_TEST

/* The 200 after early media that was connected: another fork's address. */
START_TEST(answer_after_early_media)
{
	struct ending why;
	struct desc *d = parse(s_pcmu);

	trunk.early_media = CONFIG_EARLY_CONNECT;
	ck_assert_int_eq(from_xmpp(NULL, &why), 0);
	call_progress(s_leg, d);
	said[0] = '\0';
	answered(s_leg, s_pcmu);
	said_is("rtp ");
	offered(x_leg, x_webrtc);
	local_ready(1);
	said_is("ice1 x.answer(0,126) stream>< ");
	answered(s_leg, s_pcmu);
	said_is("rtp stream>< ");
	trunk.early_media = CONFIG_EARLY_OFF;
	desc_free(d);
}
END_TEST

START_TEST(hangup)
{
	char name[16];

	x2s_active();
	ck_assert_int_eq(calls_hangup("nonesuch"), ENOENT);
	str_ncpy(name, call_name(x_leg), sizeof(name));
	ck_assert_int_eq(calls_hangup(name), 0);
	said_is("x.end-success/0/603 s.end-success/0/603 ");
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("call");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, xmpp_calls);
	tcase_add_test(tc, ended_within_its_end);
	tcase_add_test(tc, xmpp_calls_busy);
	tcase_add_test(tc, xmpp_retracts);
	tcase_add_test(tc, xmpp_direct);
	tcase_add_test(tc, no_common_codec_asks_again);
	tcase_add_test(tc, no_common_codec_ends);
	tcase_add_test(tc, sip_calls);
	tcase_add_test(tc, sip_cancels);
	tcase_add_test(tc, sip_without_offer);
	tcase_add_test(tc, sip_codec_unknown);
	tcase_add_test(tc, devices);
	tcase_add_test(tc, answer_after_early_media);
	tcase_add_test(tc, media_fails);
	tcase_add_test(tc, device_is_off);
	tcase_add_test(tc, rtp_timeout);
	tcase_add_test(tc, lasts_no_longer);
	tcase_add_test(tc, trickle_and_restart);
	tcase_add_test(tc, digits);
	tcase_add_test(tc, digits_as_info);
	tcase_add_test(tc, digits_without_events);
	tcase_add_test(tc, late_candidate);
	tcase_add_test(tc, networks_of_phones);
	tcase_add_test(tc, early_media);
	tcase_add_test(tc, refused_at_the_door);
	tcase_add_test(tc, hangup);

	return suite_run("bridge_call", tc);
}
