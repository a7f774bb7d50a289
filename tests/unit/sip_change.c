/* sip_change.c: what happens inside a call of SIP: BYE, re-INVITE, UPDATE, INFO,
 * glare, session timers. */
#include "sip_calls.h"
#include "suite.h"

START_TEST(in_bye)
{
	slow();
	struct peer_dialog d = call_up(NULL);

	peer_request(&phone, &d, "BYE", 2,
		     "Reason: SIP;cause=200;text=\"Call completed "
		     "elsewhere\"\r\n",
		     NULL, NULL);
	wait_for(&closedc, 1);
	(void)peer_expect(&phone, "SIP/2.0 200");
	ck_assert_uint_eq(last.sip_code, 200);
	ck_assert_str_eq(last.text, "Call completed elsewhere");

	/* strictly over */
	peer_request(&phone, &d, "INFO", 3, NULL, NULL, NULL);
	(void)peer_expect(&phone, "SIP/2.0 481");
}
END_TEST

START_TEST(in_bye_crosses_bye)
{
	slow();
	struct peer_dialog d = call_up(NULL);

	hang_up();
	const char *bye = peer_expect(&phone, "BYE ");
	peer_request(&phone, &d, "BYE", 2, NULL, NULL, NULL);
	(void)peer_expect(&phone, "SIP/2.0 200");
	peer_reply(&phone, bye, "481 Gone", NULL, NULL, NULL);
	peer_quiet(&phone, 30);
	ck_assert_uint_eq(closedc, 0);
	peer_golden(&phone, "sip_bye_crosses_bye");
}
END_TEST

START_TEST(in_reinvite)
{
	slow();
	struct peer_dialog d = call_up(NULL);

	/* the same o=: answered by itself */
	peer_request(&phone, &d, "INVITE", 2, NULL, "application/sdp",
		     theirs1);
	const char *ok = peer_expect(&phone, "SIP/2.0 200");
	ck_assert_str_eq(body_of(ok), sdp1);
	ck_assert_uint_eq(offeredc, 0);
	peer_request(&phone, &d, "ACK", 2, NULL, NULL, NULL);

	/* a new one: deferred */
	peer_request(&phone, &d, "INVITE", 3, NULL, "application/sdp",
		     theirs2);
	wait_for(&offeredc, 1);
	(void)peer_expect(&phone, "SIP/2.0 100");
	ck_assert_int_eq(invite_update(inv, sdp2, strlen(sdp2)), EBUSY);

	/* overlapping */
	peer_request(&phone, &d, "INVITE", 4, NULL, "application/sdp",
		     theirs2);
	ok = peer_expect(&phone, "SIP/2.0 500");
	ck_assert_str_ne(hdr(ok, "Retry-After"), "");

	/* old CSeq */
	peer_request(&phone, &d, "INFO", 3, NULL, NULL, NULL);
	(void)peer_expect(&phone, "SIP/2.0 500");

	ck_assert_int_eq(invite_answer(inv, sdp2, strlen(sdp2)), 0);
	ok = peer_expect(&phone, "SIP/2.0 200");
	ck_assert_str_eq(body_of(ok), sdp2);

	/* the ACK is lost: the 200 comes again */
	peer_forget(&phone);
	(void)peer_expect(&phone, "SIP/2.0 200");
	peer_request(&phone, &d, "ACK", 3, NULL, NULL, NULL);
	peer_forget(&phone);
	peer_quiet(&phone, 150);

	/* refused */
	peer_request(&phone, &d, "INVITE", 5, NULL, "application/sdp",
		     "v=0\r\no=- 7 3 IN IP4 127.0.0.1\r\ns=-\r\n");
	wait_for(&offeredc, 2);
	(void)peer_expect(&phone, "SIP/2.0 100");
	struct ending why = {.reason = REASON_UNSUPPORTED_APPLICATIONS,
			     .text = "no \"such\"\r\nmedia"};
	ck_assert_int_eq(invite_refuse(inv, &why), 0);
	ok = peer_expect(&phone, "SIP/2.0 488");
	ck_assert_str_eq(hdr(ok, "Warning"),
			 "304 stoxd \"no \\\"such\\\"  media\"");
	ck_assert(invite_is_active(inv));
}
END_TEST

START_TEST(in_reinvite_delayed_offer)
{
	slow();
	struct peer_dialog d = call_up(NULL);

	peer_request(&phone, &d, "INVITE", 2, NULL, NULL, NULL);
	wait_for(&offeredc, 1);
	ck_assert(ask_null);
	(void)peer_expect(&phone, "SIP/2.0 100");
	ck_assert_int_eq(invite_answer(inv, sdp2, strlen(sdp2)), 0);
	(void)peer_expect(&phone, "SIP/2.0 200");

	/* a change before their answer: 491 */
	peer_request(&phone, &d, "INVITE", 3, NULL, "application/sdp",
		     theirs2);
	(void)peer_expect(&phone, "SIP/2.0 491");
	peer_request(&phone, &d, "ACK", 2, NULL, "application/sdp", theirs2);
	wait_for(&answeredc, 2);
}
END_TEST

START_TEST(in_update)
{
	slow();
	struct peer_dialog d =
	    call_up("Session-Expires: 1800;refresher=uas\r\n"
		    "Require: timer\r\n");

	/* a refresh */
	peer_request(&phone, &d, "UPDATE", 2,
		     "Supported: timer\r\n"
		     "Session-Expires: 1800;refresher=uac\r\n",
		     NULL, NULL);
	const char *ok = peer_expect(&phone, "SIP/2.0 200");
	ck_assert_str_eq(hdr(ok, "Session-Expires"), "1800;refresher=uac");
	ck_assert_str_eq(hdr(ok, "Require"), "timer");
	ck_assert_str_eq(body_of(ok), "");

	/* too short */
	peer_request(&phone, &d, "UPDATE", 3, "Session-Expires: 60\r\n", NULL,
		     NULL);
	ok = peer_expect(&phone, "SIP/2.0 422");
	ck_assert_str_eq(hdr(ok, "Min-SE"), "90");

	/* an offer, answered later */
	peer_request(&phone, &d, "UPDATE", 4, NULL, "application/sdp",
		     theirs2);
	wait_for(&offeredc, 1);
	ck_assert_int_eq(invite_answer(inv, sdp2, strlen(sdp2)), 0);
	ok = peer_expect(&phone, "SIP/2.0 200");
	ck_assert_str_eq(body_of(ok), sdp2);

	/* nonsense */
	peer_request(&phone, &d, "UPDATE", 5, NULL, "text/plain", "hello");
	ok = peer_expect(&phone, "SIP/2.0 415");
	ck_assert_str_eq(hdr(ok, "Accept"), "application/sdp");
}
END_TEST

START_TEST(in_change_ours)
{
	slow();
	(void)call_up(NULL);

	ck_assert_int_eq(invite_update(inv, sdp2, strlen(sdp2)), 0);
	ck_assert_int_eq(invite_update(inv, sdp2, strlen(sdp2)), EBUSY);
	const char *rq = peer_expect(&phone, "INVITE sip:phone@");
	ck_assert_str_eq(body_of(rq), sdp2);
	peer_reply(&phone, rq, "200 OK", NULL, NULL, theirs2);
	wait_for(&answeredc, 2);
	const char *ack = peer_expect(&phone, "ACK ");
	ck_assert_int_eq(atoi(hdr(ack, "CSeq")), atoi(hdr(rq, "CSeq")));

	ck_assert_int_eq(invite_update(inv, sdp1, strlen(sdp1)), 0);
	rq = peer_expect(&phone, "INVITE ");
	peer_reply(&phone, rq, "488 Not Acceptable Here", NULL, NULL, NULL);
	wait_for(&refusedc, 1);
	(void)peer_expect(&phone, "ACK ");
	ck_assert_uint_eq(last.sip_code, 488);
	ck_assert(invite_is_active(inv));

	/* gone: the call is over */
	ck_assert_int_eq(invite_update(inv, sdp1, strlen(sdp1)), 0);
	rq = peer_expect(&phone, "INVITE ");
	peer_reply(&phone, rq, "481 Gone", NULL, NULL, NULL);
	wait_for(&closedc, 1);
	(void)peer_expect(&phone, "ACK ");
	(void)peer_expect(&phone, "BYE ");
}
END_TEST

START_TEST(in_glare)
{
	slow();
	struct peer_dialog d = call_up(NULL);

	ck_assert_int_eq(invite_update(inv, sdp2, strlen(sdp2)), 0);
	const char *rq = peer_expect(&phone, "INVITE ");
	peer_request(&phone, &d, "INVITE", 2, NULL, "application/sdp",
		     theirs2);
	(void)peer_expect(&phone, "SIP/2.0 491");
	peer_reply(&phone, rq, "491 Request Pending", NULL, NULL, NULL);
	(void)peer_expect(&phone, "ACK ");
	/* our turn after glare_min..glare_max */
	rq = peer_expect(&phone, "INVITE ");
	ck_assert_str_eq(body_of(rq), sdp2);
	peer_reply(&phone, rq, "200 OK", NULL, NULL, theirs2);
	wait_for(&answeredc, 2);
	ck_assert_uint_eq(refusedc, 0);
	peer_golden(&phone, "sip_glare");
}
END_TEST

/* Digits that nobody acknowledges do not pile up. */
START_TEST(in_info_flood)
{
	unsigned n = 0;

	slow();
	(void)call_up(NULL);
	while (n < 100 && !invite_info_dtmf(inv, '1', 100))
		++n;
	ck_assert_uint_eq(n, 32);
	ck_assert_int_eq(invite_info_dtmf(inv, '1', 100), EBUSY);
}
END_TEST

/* While ours waits for its second try, theirs may pass: then ours is over, or
 * their answer would wait for it. */
START_TEST(in_glare_lost)
{
	slow();
	struct peer_dialog d = call_up(NULL);

	ck_assert_int_eq(invite_update(inv, sdp2, strlen(sdp2)), 0);
	const char *rq = peer_expect(&phone, "INVITE ");
	peer_reply(&phone, rq, "491 Request Pending", NULL, NULL, NULL);
	(void)peer_expect(&phone, "ACK ");
	peer_request(&phone, &d, "INVITE", 3, NULL, "application/sdp",
		     theirs2);
	wait_for(&offeredc, 1);
	ck_assert_uint_eq(refusedc, 1);
	(void)peer_expect(&phone, "SIP/2.0 100");
	ck_assert(!invite_is_free(inv));
	ck_assert_int_eq(invite_answer(inv, sdp1, strlen(sdp1)), 0);
	(void)peer_expect(&phone, "SIP/2.0 200");
	ck_assert_int_eq(invite_update(inv, sdp2, strlen(sdp2)), 0);
	peer_request(&phone, &d, "ACK", 3, NULL, NULL, NULL);
	rq = peer_expect(&phone, "INVITE ");
	ck_assert_str_eq(body_of(rq), sdp2);
	peer_reply(&phone, rq, "200 OK", NULL, NULL, theirs2);
	wait_for(&answeredc, 2);
	ck_assert_uint_eq(refusedc, 1);
}
END_TEST

START_TEST(in_refresh_ours)
{
	struct invite_times t = fast; /* a second is 1 ms: refresh at 100 */

	t.give_up = t.ring = t.silence = 5000;
	invites_set_times(all, &t);
	(void)call_up("Allow: INVITE, ACK, BYE, UPDATE\r\n"
		      "Session-Expires: 200;refresher=uac\r\n");
	const char *rq = peer_expect(&phone, "UPDATE ");
	ck_assert_str_eq(body_of(rq), "");
	ck_assert_str_eq(hdr(rq, "Session-Expires"), "200;refresher=uac");
	peer_reply(&phone, rq, "200 OK", NULL,
		   "Session-Expires: 200;refresher=uac\r\n", NULL);
	rq = peer_expect(&phone, "UPDATE ");
	/* no answer: expiry, BYE */
	wait_for(&closedc, 1);
	ck_assert_int_eq(last.reason, REASON_EXPIRED);
	(void)peer_expect(&phone, "BYE ");
	ck_assert_uint_eq(refusedc, 0);
}
END_TEST

START_TEST(in_refresh_reinvite)
{
	struct invite_times t = fast;

	t.give_up = t.ring = t.silence = 5000;
	invites_set_times(all, &t);
	(void)call_up("Session-Expires: 200\r\n");
	const char *rq = peer_expect(&phone, "INVITE ");
	ck_assert_str_eq(body_of(rq), sdp1);
	/* an update waits until the refresh is through */
	ck_assert_int_eq(invite_update(inv, sdp2, strlen(sdp2)), 0);
	peer_reply(&phone, rq, "200 OK", NULL, NULL, theirs1);
	(void)peer_expect(&phone, "ACK ");
	rq = peer_expect(&phone, "INVITE ");
	ck_assert_str_eq(body_of(rq), sdp2);
	ck_assert_uint_eq(answeredc, 1);
	peer_reply(&phone, rq, "200 OK", NULL, NULL, theirs2);
	wait_for(&answeredc, 2);
}
END_TEST

START_TEST(in_refresh_theirs)
{
	struct invite_times t = fast;

	t.give_up = t.ring = t.silence = 5000;
	invites_set_times(all, &t);
	(void)call_up("Session-Expires: 120;refresher=uas\r\n");
	wait_for(&closedc, 1); /* at 120 - 32 */
	ck_assert_int_eq(last.reason, REASON_EXPIRED);
	(void)peer_expect(&phone, "BYE ");
}
END_TEST

START_TEST(in_info)
{
	slow();
	struct peer_dialog d = call_up(NULL);

	peer_request(&phone, &d, "INFO", 2, NULL, "application/dtmf-relay",
		     "Signal=5\r\nDuration=160\r\n");
	(void)peer_expect(&phone, "SIP/2.0 200");
	ck_assert_str_eq(digits, "5");
	ck_assert_uint_eq(digit_ms, 160);
	peer_request(&phone, &d, "INFO", 3, NULL, "application/dtmf", "#\r\n");
	(void)peer_expect(&phone, "SIP/2.0 200");
	peer_request(&phone, &d, "INFO", 4, NULL, "application/dtmf", "10");
	(void)peer_expect(&phone, "SIP/2.0 200");
	ck_assert_str_eq(digits, "5#*");
	ck_assert_uint_eq(digit_ms, 100);
	peer_request(&phone, &d, "INFO", 5, NULL, NULL, NULL);
	(void)peer_expect(&phone, "SIP/2.0 200");
	peer_request(&phone, &d, "INFO", 6, NULL, "text/plain", "x");
	(void)peer_expect(&phone, "SIP/2.0 415");
	peer_request(&phone, &d, "INFO", 7, "Info-Package: trickle-ice\r\n",
		     NULL, NULL);
	(void)peer_expect(&phone, "SIP/2.0 469");
	peer_request(&phone, &d, "FLY", 8, NULL, NULL, NULL);
	(void)peer_expect(&phone, "SIP/2.0 405");
	peer_request(&phone, &d, "OPTIONS", 9, NULL, NULL, NULL);
	(void)peer_expect(&phone, "SIP/2.0 200");

	ck_assert_int_eq(invite_info_dtmf(inv, '*', 20), 0);
	const char *rq = peer_expect(&phone, "INFO ");
	ck_assert_str_eq(body_of(rq), "Signal=*\r\nDuration=40\r\n");
	peer_reply(&phone, rq, "481 Gone", NULL, NULL, NULL);
	wait_for(&closedc, 1);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("all");

	tcase_set_timeout(tc, 20);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, in_bye);
	tcase_add_test(tc, in_bye_crosses_bye);
	tcase_add_test(tc, in_reinvite);
	tcase_add_test(tc, in_reinvite_delayed_offer);
	tcase_add_test(tc, in_update);
	tcase_add_test(tc, in_change_ours);
	tcase_add_test(tc, in_glare);
	tcase_add_test(tc, in_glare_lost);
	tcase_add_test(tc, in_info_flood);
	tcase_add_test(tc, in_refresh_ours);
	tcase_add_test(tc, in_refresh_reinvite);
	tcase_add_test(tc, in_refresh_theirs);
	tcase_add_test(tc, in_info);

	return suite_run("sip_change", tc);
}
