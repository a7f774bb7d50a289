/* sip_invite.c: the INVITE session against scripted peers. */
#include "sip_calls.h"
#include "sip/nameaddr.h"
#include "suite.h"

/* ---- as caller ---- */

START_TEST(out_plain)
{
	slow();
	const char *rq = call_out();

	ck_assert_str_eq(hdr(rq, "Max-Forwards"), "33");
	ck_assert_str_eq(hdr(rq, "Session-Expires"), "1800;refresher=uac");
	ck_assert_str_eq(hdr(rq, "Min-SE"), "90");
	ck_assert_ptr_nonnull(strstr(hdr(rq, "Supported"), "100rel"));
	ck_assert_str_eq(body_of(rq), sdp1);
	peer_reply(&phone, rq, "100 Trying", NULL, NULL, NULL);
	peer_reply(&phone, rq, "180 Ringing", "p1", NULL, NULL);
	wait_for(&ringingc, 1);
	peer_reply(&phone, rq, "200 OK", "p1", NULL, theirs1);
	wait_for(&answeredc, 1);

	const char *ack = peer_expect(&phone, "ACK sip:phone@");
	ck_assert_uint_eq(atoi(hdr(ack, "CSeq")), atoi(hdr(rq, "CSeq")));
	ck_assert_str_eq(tag_of(hdr(ack, "To")), "p1");

	/* the ACK was lost: the 200 comes again */
	peer_reply(&phone, rq, "200 OK", "p1", NULL, theirs1);
	(void)peer_expect(&phone, "ACK ");
	ck_assert_uint_eq(answeredc, 1);

	hang_up();
	const char *bye = peer_expect(&phone, "BYE sip:phone@");
	ck_assert_str_eq(hdr(bye, "Reason"), "Q.850;cause=16;text=\"\"");
	peer_reply(&phone, bye, "200 OK", NULL, NULL, NULL);
	peer_quiet(&phone, 50);
	ck_assert_uint_eq(closedc, 0);
	peer_golden(&phone, "sip_out_call");
}
END_TEST

START_TEST(out_refused)
{
	const char *rq = call_out();

	peer_reply(&phone, rq, "486 Busy Here", "p1",
		   "Reason: Q.850;cause=17;text=\"user busy\"\r\n"
		   "Retry-After: 7\r\n",
		   NULL);
	wait_for(&closedc, 1);
	ck_assert_uint_eq(last.sip_code, 486);
	ck_assert_uint_eq(last.q850, 17);
	ck_assert_uint_eq(last.retry_after, 7);
	ck_assert_str_eq(last.text, "user busy");
	(void)peer_expect(&phone, "ACK ");
}
END_TEST

START_TEST(out_cancel)
{
	slow();
	const char *rq = call_out();

	hang_up(); /* held back until a 1xx */
	peer_quiet(&phone, 50);
	peer_reply(&phone, rq, "180 Ringing", "p1", NULL, NULL);
	const char *cancel = peer_expect(&phone, "CANCEL sip:600@pbx.test");
	ck_assert_str_eq(hdr(cancel, "Via"), hdr(rq, "Via"));
	peer_reply(&phone, cancel, "200 OK", "p1", NULL, NULL);
	peer_reply(&phone, rq, "487 Request Terminated", "p1", NULL, NULL);
	(void)peer_expect(&phone, "ACK ");
	ck_assert_uint_eq(ringingc + closedc, 0);
	peer_golden(&phone, "sip_cancel_before_1xx");
}
END_TEST

START_TEST(out_cancel_crosses_200)
{
	slow();
	const char *rq = call_out();

	peer_reply(&phone, rq, "180 Ringing", "p1", NULL, NULL);
	wait_for(&ringingc, 1);
	hang_up();
	(void)peer_expect(&phone, "CANCEL ");
	peer_reply(&phone, rq, "200 OK", "p1", NULL, theirs1);
	(void)peer_expect(&phone, "ACK ");
	const char *bye = peer_expect(&phone, "BYE ");
	ck_assert_str_eq(tag_of(hdr(bye, "To")), "p1");
	ck_assert_uint_eq(answeredc + closedc, 0);
	peer_golden(&phone, "sip_cancel_crosses_200");
}
END_TEST

START_TEST(out_two_2xx)
{
	slow();
	const char *rq = call_out();

	peer_reply(&phone, rq, "180 Ringing", "p1", NULL, NULL);
	peer_reply(&phone, rq, "180 Ringing", "p2", NULL, NULL);
	wait_for(&ringingc, 2);
	peer_reply(&phone, rq, "200 OK", "p2", NULL, theirs1);
	wait_for(&answeredc, 1);
	const char *ack = peer_expect(&phone, "ACK ");
	ck_assert_str_eq(tag_of(hdr(ack, "To")), "p2");

	peer_reply(&phone, rq, "200 OK", "p1", NULL, theirs1);
	ack = peer_expect(&phone, "ACK ");
	ck_assert_str_eq(tag_of(hdr(ack, "To")), "p1");
	const char *bye = peer_expect(&phone, "BYE ");
	ck_assert_str_eq(tag_of(hdr(bye, "To")), "p1");
	peer_reply(&phone, bye, "200 OK", NULL, NULL, NULL);

	/* and once more: re-ACKed, not BYEd again */
	peer_reply(&phone, rq, "200 OK", "p1", NULL, theirs1);
	(void)peer_expect(&phone, "ACK ");
	peer_quiet(&phone, 50);
	ck_assert(invite_is_active(inv));
	peer_golden(&phone, "sip_two_2xx");
}
END_TEST

START_TEST(out_many_forks)
{
	char tag[16];

	slow();
	const char *rq = call_out();
	for (unsigned i = 0; i < 20; i++) {
		snprintf(tag, sizeof(tag), "f%u", i);
		peer_reply(&phone, rq, "180 Ringing", tag, NULL, NULL);
	}
	wait_for(&ringingc, 20);
	peer_reply(&phone, rq, "200 OK", "f19", NULL, theirs1);
	wait_for(&answeredc, 1);
}
END_TEST

/* RFC 6228: 199 frees the dialog of a fork; what was known of it is gone, and
 * the others ring on. */
START_TEST(out_199_frees_a_fork)
{
	slow();
	const char *rq = call_out();

	peer_reply(&phone, rq, "183 Session Progress", "p1", NULL, theirs1);
	wait_for(&progressc, 1);
	peer_reply(&phone, rq, "183 Session Progress", "p2", NULL, theirs1);
	wait_for(&progressc, 2);
	peer_reply(&phone, rq, "199 Early Dialog Terminated", "p1", NULL,
		   NULL);
	peer_reply(&phone, rq, "183 Session Progress", "p2", NULL, theirs1);
	wait_for(&ringingc, 3);
	ck_assert_uint_eq(progressc, 2); /* that one is known still */
	peer_reply(&phone, rq, "183 Session Progress", "p1", NULL, theirs1);
	wait_for(&progressc, 3);
	peer_reply(&phone, rq, "200 OK", "p2", NULL, NULL);
	wait_for(&answeredc, 1);
}
END_TEST

START_TEST(out_early_media)
{
	slow();
	const char *rq = call_out();

	peer_reply(&phone, rq, "183 Session Progress", "p1", NULL, theirs1);
	wait_for(&progressc, 1);
	peer_reply(&phone, rq, "183 Session Progress", "p1", NULL, theirs1);
	wait_for(&ringingc, 2);
	ck_assert_uint_eq(progressc, 1);
	peer_reply(&phone, rq, "200 OK", "p1", NULL,
		   NULL); /* SDP was in 183 */
	wait_for(&answeredc, 1);
}
END_TEST

/* RFC 5009 8 */
START_TEST(early_directions)
{
	static const struct {
		const char *value;
		int err;
		bool heard;
	} v[] = {
	    {"sendrecv", 0, true},
	    {"SendOnly", 0, true},
	    {"recvonly", 0, false},
	    {"inactive", 0, false},
	    {"gated", ENOENT, false},
	    {"supported", ENOENT, false},
	    {"", ENOENT, false},
	    {" , ,\t,", ENOENT, false},
	    {"gated , sendrecv", 0, true},
	    {"sendrecv,gated", 0, true},
	    {"inactive, sendrecv", 0, false},
	    {"sendonly, inactive", 0, true},
	    {"sendrec, sendrecvx", ENOENT, false},
	    {"\"sendrecv", ENOENT, false},
	    {"\"a, sendrecv\"", ENOENT, false},
	    {"<sendrecv>", ENOENT, false},
	    {"sendrecv;x=1", ENOENT, false},
	    {"\x80\xff\x01, sendrecv", 0, true},
	};

	for (size_t i = 0; i < ARRAY_SIZE(v); i++) {
		bool heard = false;
		struct pl pl;

		pl_set_str(&pl, v[i].value);
		ck_assert_msg(earlyhdr_decode(&heard, &pl) == v[i].err &&
				  heard == v[i].heard,
			      "%s: %d", v[i].value, heard);
	}
}
END_TEST

/* What is not to be heard is told when it is, by any later response. */
START_TEST(out_early_media_gated)
{
	static const char in[] = "P-Early-Media: inactive\r\n";
	static const char out[] = "P-Early-Media: sendrecv, gated\r\n";

	slow();
	const char *rq = call_out();

	peer_reply(&phone, rq, "183 Session Progress", "p1", in, theirs1);
	wait_for(&ringingc, 1);
	peer_reply(&phone, rq, "180 Ringing", "p1", NULL, NULL);
	wait_for(&ringingc, 2);
	peer_reply(&phone, rq, "183 Session Progress", "p1",
		   "P-Early-Media: gated\r\nP-Early-Media: recvonly\r\n",
		   NULL);
	wait_for(&ringingc, 3);
	ck_assert_uint_eq(progressc, 0);

	/* each fork for itself */
	peer_reply(&phone, rq, "183 Session Progress", "p2", NULL, theirs1);
	wait_for(&progressc, 1);

	peer_reply(&phone, rq, "180 Ringing", "p1", out, NULL);
	wait_for(&progressc, 2);
	peer_reply(&phone, rq, "183 Session Progress", "p1", in, theirs1);
	peer_reply(&phone, rq, "183 Session Progress", "p1", out, theirs1);
	wait_for(&ringingc, 7);
	ck_assert_uint_eq(progressc, 2);

	/* its answer counts, heard before or not */
	peer_reply(&phone, rq, "183 Session Progress", "p3", in, theirs1);
	wait_for(&ringingc, 8);
	ck_assert_uint_eq(progressc, 2);
	peer_reply(&phone, rq, "200 OK", "p3", NULL, NULL);
	wait_for(&answeredc, 1);
}
END_TEST

START_TEST(out_prack)
{
	slow();
	const char *rq = call_out();

	peer_reply(&phone, rq, "180 Ringing", "p1",
		   "Require: 100rel\r\nRSeq: 7\r\n", NULL);
	const char *prack = peer_expect(&phone, "PRACK sip:phone@");
	char rack[64];
	snprintf(rack, sizeof(rack), "7 %u INVITE", atoi(hdr(rq, "CSeq")));
	ck_assert_str_eq(hdr(prack, "RAck"), rack);
	peer_reply(&phone, prack, "200 OK", NULL, NULL, NULL);
	wait_for(&ringingc, 1);

	/* out of order: ignored; again: ignored; the next: answered */
	peer_reply(&phone, rq, "183 Progress", "p1",
		   "Require: 100rel\r\nRSeq: 9\r\n", theirs1);
	peer_reply(&phone, rq, "180 Ringing", "p1",
		   "Require: 100rel\r\nRSeq: 7\r\n", NULL);
	peer_quiet(&phone, 50);
	ck_assert_uint_eq(progressc, 0);
	peer_reply(&phone, rq, "183 Progress", "p1",
		   "Require: 100rel\r\nRSeq: 8\r\n", theirs1);
	prack = peer_expect(&phone, "PRACK ");
	ck_assert_int_eq(strncmp(hdr(prack, "RAck"), "8 ", 2), 0);
	wait_for(&progressc, 1);
}
END_TEST

START_TEST(out_422)
{
	slow();
	const char *rq = call_out();

	peer_reply(&phone, rq, "422 Session Interval Too Small", "p1",
		   "Min-SE: 2400\r\n", NULL);
	(void)peer_expect(&phone, "ACK ");
	const char *again = peer_expect(&phone, "INVITE ");
	ck_assert_str_eq(hdr(again, "Min-SE"), "2400");
	ck_assert_str_eq(hdr(again, "Session-Expires"), "2400;refresher=uac");
	ck_assert_str_eq(hdr(again, "Call-ID"), hdr(rq, "Call-ID"));
	ck_assert_int_eq(atoi(hdr(again, "CSeq")), atoi(hdr(rq, "CSeq")) + 1);
	/* a peer that never has enough */
	peer_reply(&phone, again, "422 No", "p1", "Min-SE: 2400\r\n", NULL);
	wait_for(&closedc, 1);
	ck_assert_uint_eq(last.sip_code, 422);
	peer_golden(&phone, "sip_422");
}
END_TEST

START_TEST(out_redirect)
{
	slow();
	const char *rq = call_out();

	peer_reply(&phone, rq, "302 Moved", "p1",
		   "Contact: <sip:evil@10.1.2.3>;q=1.0\r\n"
		   "Contact: \"b, c\" <sip:602@pbx.test>;q=0.2, "
		   "<sip:601@pbx.test?Subject=x>;q=0.7\r\n",
		   NULL);
	(void)peer_expect(&phone, "ACK ");
	rq = peer_expect(&phone, "INVITE ");
	/* the scripted Contact line of the peer itself comes first: q 1.0 */
	ck_assert_int_eq(strncmp(rq, "INVITE sip:phone@", 17), 0);
	ck_assert_str_eq(hdr(rq, "To"), "<sip:600@pbx.test>");
	peer_reply(&phone, rq, "404 Not Found", "p1", NULL, NULL);
	(void)peer_expect(&phone, "ACK ");
	rq = peer_expect(&phone, "INVITE sip:601@pbx.test SIP/2.0");
	peer_reply(&phone, rq, "480 Gone", "p1", NULL, NULL);
	(void)peer_expect(&phone, "ACK ");
	rq = peer_expect(&phone, "INVITE sip:602@pbx.test SIP/2.0");
	peer_reply(&phone, rq, "486 Busy Here", "p1", NULL, NULL);
	wait_for(&closedc, 1);
	ck_assert_uint_eq(last.sip_code, 486);
	peer_golden(&phone, "sip_redirect");
}
END_TEST

START_TEST(out_failover_silence)
{
	struct invite_times t = fast;

	t.ring = t.give_up = 5000;
	invites_set_times(all, &t);
	trunk.target[1] = other.addr;
	trunk.n = 2;

	const char *rq = call_out();
	const char *second = peer_expect(&other, "INVITE ");
	ck_assert_str_ne(hdr(rq, "Via"), hdr(second, "Via"));
	ck_assert_str_eq(hdr(rq, "Call-ID"), hdr(second, "Call-ID"));
	peer_reply(&other, second, "180 Ringing", "o1", NULL, NULL);
	wait_for(&ringingc, 1);

	/* the first wakes up: CANCEL; and answers all the same: ACK, BYE */
	peer_reply(&phone, rq, "180 Ringing", "p1", NULL, NULL);
	(void)peer_expect(&phone, "CANCEL ");
	peer_reply(&phone, rq, "200 OK", "p1", NULL, theirs1);
	(void)peer_expect(&phone, "ACK ");
	(void)peer_expect(&phone, "BYE ");
	peer_reply(&other, second, "200 OK", "o1", NULL, theirs1);
	wait_for(&answeredc, 1);
	(void)peer_expect(&other, "ACK ");
	ck_assert_uint_eq(ringingc, 1);
	ck_assert_uint_eq(closedc, 0);
}
END_TEST

/* The last one is silent, too: the caller is told before Timer B, and who
 * wakes up later is cancelled. */
START_TEST(out_all_silent)
{
	struct invite_times t = fast;

	t.ring = t.give_up = 5000;
	t.deaf = 400;
	invites_set_times(all, &t);

	const char *rq = call_out();
	wait_for(&closedc, 1);
	ck_assert_uint_eq(last.sip_code, 408);
	ck_assert_int_eq(last.reason, REASON_TIMEOUT);
	ck_assert_str_eq(last.text, "no target of the trunk answers");
	peer_reply(&phone, rq, "180 Ringing", "p1", NULL, NULL);
	(void)peer_expect(&phone, "CANCEL ");
}
END_TEST

START_TEST(out_failover_503)
{
	slow();
	trunk.target[1] = other.addr;
	trunk.n = 2;

	const char *rq = call_out();
	peer_reply(&phone, rq, "503 Service Unavailable", "p1", NULL, NULL);
	rq = peer_expect(&other, "INVITE ");
	ck_assert_uint_eq(trunk.failed, 1);
	peer_reply(&other, rq, "503 Service Unavailable", "p1", NULL, NULL);
	wait_for(&closedc, 1);
	ck_assert_uint_eq(last.sip_code, 503);
}
END_TEST

START_TEST(out_resolving)
{
	struct invite_conf conf = {
	    &trunk, "sip:600@pbx.test", NULL, "sip:a@gw.test", "tok", NULL,
	    70};

	trunk.resolving = true;
	ck_assert_int_eq(invite_connect(&inv, all, &conf, sdp1, strlen(sdp1),
					&handlers, NULL),
			 0);
	loop_wait(30);
	ck_assert_ptr_nonnull(trunk.h);
	trunk.resolving = false;
	trunk.h(0, trunk.arg);
	(void)peer_expect(&phone, "INVITE ");
	conf.uri = "sip:600@pbx.test>\r\nEvil: 1";
	struct invite *bad = NULL;
	ck_assert_int_eq(invite_connect(&bad, all, &conf, sdp1, strlen(sdp1),
					&handlers, NULL),
			 EBADMSG);
}
END_TEST

START_TEST(out_ring_timeout)
{
	const char *rq = call_out(); /* Timer C is 600 ms here */

	peer_reply(&phone, rq, "180 Ringing", "p1", NULL, NULL);
	wait_for(&closedc, 1);
	ck_assert_int_eq(last.reason, REASON_TIMEOUT);
	ck_assert_uint_eq(last.sip_code, 408);
	(void)peer_expect(&phone, "CANCEL ");
}
END_TEST

START_TEST(out_answer_without_sdp)
{
	slow();
	const char *rq = call_out();

	peer_reply(&phone, rq, "200 OK", "p1", NULL, NULL);
	wait_for(&closedc, 1);
	(void)peer_expect(&phone, "ACK ");
	(void)peer_expect(&phone, "BYE ");
	ck_assert_int_eq(last.reason, REASON_INCOMPATIBLE_PARAMETERS);
}
END_TEST

START_TEST(out_route_set)
{
	char lines[256];

	slow();
	const char *rq = call_out();
	snprintf(lines, sizeof(lines),
		 "Record-Route: <sip:a.test;lr>, <sip:127.0.0.1:%u;lr>\r\n",
		 sa_port(&other.addr));
	peer_reply(&phone, rq, "200 OK", "p1", lines, theirs1);
	/* reversed: the first hop is the other peer */
	const char *ack = peer_expect(&other, "ACK sip:phone@");
	char *r1 = strstr(ack, "Route: <sip:127.0.0.1:");
	char *r2 = strstr(ack, "Route: <sip:a.test;lr>");
	ck_assert(r1 && r2 && r1 < r2);
}
END_TEST

START_TEST(out_digest)
{
	slow();
	ck_assert_int_eq(digest_alloc(&trunk.digest, "gw", "gwpass", NULL), 0);
	const char *rq = call_out();
	static const char challenge[] =
	    "WWW-Authenticate: Digest realm=\"pbx\", nonce=\"abc\", "
	    "algorithm=MD5, qop=\"auth\"\r\n";

	ck_assert_str_eq(hdr(rq, "Authorization"), "");
	peer_reply(&phone, rq, "401 Unauthorized", "p1", challenge, NULL);
	(void)peer_expect(&phone, "ACK ");
	const char *again = peer_expect(&phone, "INVITE ");
	ck_assert_ptr_nonnull(
	    strstr(hdr(again, "Authorization"), "username=\"gw\""));
	ck_assert_int_eq(atoi(hdr(again, "CSeq")), atoi(hdr(rq, "CSeq")) + 1);
	/* only once */
	peer_reply(&phone, again, "401 Unauthorized", "p1", challenge, NULL);
	wait_for(&closedc, 1);
	ck_assert_uint_eq(last.sip_code, 401);
	trunk.digest = mem_deref(trunk.digest);
}
END_TEST

/* ---- as called ---- */

static struct peer_dialog call_in(const char *lines, const char *sdp)
{
	struct peer_dialog d;

	memset(&d, 0, sizeof(d));
	snprintf(d.callid, sizeof(d.callid), "in%08x", rand_u32());
	snprintf(d.us, sizeof(d.us), "<sip:bob@pbx.test>;tag=b1");
	snprintf(d.them, sizeof(d.them), "<sip:alice@gw.test>");
	peer_request(&phone, &d, "INVITE", 1, lines,
		     sdp ? "application/sdp" : NULL, sdp);
	return d;
}

static void take_tag(struct peer_dialog *d, const char *resp)
{
	snprintf(d->them, sizeof(d->them), "%s", hdr(resp, "To"));
}

START_TEST(uas_plain)
{
	slow();
	struct peer_dialog d = call_in("Supported: timer\r\n", theirs1);

	(void)peer_expect(&phone, "SIP/2.0 100");
	ck_assert_uint_eq(invite_offer(inv)->l, strlen(theirs1));
	ck_assert_int_eq(invite_ring(inv, 180), 0);
	const char *ringing = peer_expect(&phone, "SIP/2.0 180");
	take_tag(&d, ringing);
	ck_assert_str_ne(tag_of(d.them), "");
	ck_assert_int_eq(invite_answer(inv, sdp1, strlen(sdp1)), 0);
	const char *ok = peer_expect(&phone, "SIP/2.0 200");
	ck_assert_str_eq(hdr(ok, "Session-Expires"), "1800;refresher=uas");
	ck_assert_str_eq(tag_of(hdr(ok, "To")), tag_of(d.them));
	ck_assert_int_eq(invite_answer(inv, sdp1, strlen(sdp1)), EPROTO);
	peer_forget(&phone);
	(void)peer_expect(&phone, "SIP/2.0 200"); /* until the ACK */
	peer_request(&phone, &d, "ACK", 1, NULL, NULL, NULL);
	loop_wait(20);
	hang_up();
	const char *bye = peer_expect(&phone, "BYE sip:phone@");
	ck_assert_str_eq(hdr(bye, "To"), d.us);
	ck_assert_str_eq(hdr(bye, "From"), d.them);
	peer_reply(&phone, bye, "200 OK", NULL, NULL, NULL);
	loop_wait(30);
	ck_assert_uint_eq(invites_count(all), 0);
}
END_TEST

START_TEST(uas_cancel)
{
	static const char fmt[] =
	    "%s sip:gw@127.0.0.1 SIP/2.0\r\n"
	    "Via: SIP/2.0/UDP %J;branch=z9hG4bKsame;rport\r\n"
	    "Max-Forwards: 70\r\nFrom: <sip:b@p>;tag=b1\r\n"
	    "To: <sip:a@g>\r\nCall-ID: cc\r\nCSeq: 1 %s\r\n"
	    "Contact: <sip:phone@%J>\r\nContent-Length: 0\r\n\r\n";

	slow();
	peer_send(&phone, fmt, "INVITE", &phone.addr, "INVITE", &phone.addr);
	(void)peer_expect(&phone, "SIP/2.0 100");
	/* a duplicate makes no second session */
	peer_send(&phone, fmt, "INVITE", &phone.addr, "INVITE", &phone.addr);
	loop_wait(20);
	ck_assert_uint_eq(invites_count(all), 1);
	peer_send(&phone, fmt, "CANCEL", &phone.addr, "CANCEL", &phone.addr);
	(void)peer_expect(&phone, "SIP/2.0 200");
	(void)peer_expect(&phone, "SIP/2.0 487");
	wait_for(&closedc, 1);
	ck_assert_int_eq(last.reason, REASON_CANCEL);
	loop_wait(20);
	ck_assert_uint_eq(invites_count(all), 0);
}
END_TEST

START_TEST(uas_refuse)
{
	slow();
	(void)call_in(NULL, theirs1);
	(void)peer_expect(&phone, "SIP/2.0 100");
	struct ending why = {
	    .reason = REASON_BUSY, .retry_after = 9, .text = "in a call"};
	invite_end(inv, &why);
	const char *no = peer_expect(&phone, "SIP/2.0 486 Busy Here");
	ck_assert_str_eq(hdr(no, "Reason"),
			 "Q.850;cause=17;text=\"in a call\"");
	ck_assert_str_eq(hdr(no, "Retry-After"), "9");
	loop_wait(30);
	ck_assert_uint_eq(invites_count(all), 0);
}
END_TEST

START_TEST(uas_bad)
{
	slow();
	(void)call_in("Session-Expires: 10\r\nSupported: timer\r\n", theirs1);
	const char *no = peer_expect(&phone, "SIP/2.0 422");
	ck_assert_str_eq(hdr(no, "Min-SE"), "90");
	(void)call_in("Content-Encoding: gzip\r\n", theirs1);
	no = peer_expect(&phone, "SIP/2.0 415");
	ck_assert_str_eq(hdr(no, "Accept-Encoding"), "identity");
	peer_raw(&phone, "INVITE sip:gw@127.0.0.1 SIP/2.0\r\n"
			 "Via: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bKq;rport"
			 "\r\nFrom: <sip:b@p>;tag=b1\r\nTo: <sip:a@g>\r\n"
			 "Call-ID: nocontact\r\nCSeq: 1 INVITE\r\n"
			 "Content-Length: 0\r\n\r\n");
	(void)peer_expect(&phone, "SIP/2.0 400");
	peer_raw(&phone, "INVITE sip:gw@127.0.0.1 SIP/2.0\r\n"
			 "Via: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bKr;rport"
			 "\r\nFrom: <sip:b@p>;tag=b1\r\nTo: <sip:a@g>\r\n"
			 "Call-ID: short\r\nCSeq: 1 INVITE\r\n"
			 "Contact: <sip:b@127.0.0.1>\r\n"
			 "Content-Type: application/sdp\r\n"
			 "Content-Length: 900\r\n\r\nv=0\r\n");
	(void)peer_expect(&phone, "SIP/2.0 400");
	ck_assert_uint_eq(invites_count(all), 0);
	ck_assert_ptr_null(inv);
}
END_TEST

START_TEST(uas_lost_ack)
{
	(void)call_in(NULL, theirs1);
	(void)peer_expect(&phone, "SIP/2.0 100");
	ck_assert_int_eq(invite_answer(inv, sdp1, strlen(sdp1)), 0);
	(void)peer_expect(&phone, "SIP/2.0 200");
	wait_for(&closedc, 1); /* after give_up, 400 ms */
	ck_assert_int_eq(last.reason, REASON_TIMEOUT);
	(void)peer_expect(&phone, "BYE ");
	peer_golden(&phone, "sip_lost_ack");
}
END_TEST

START_TEST(uas_bye_waits_for_ack)
{
	slow();
	struct peer_dialog d = call_in(NULL, theirs1);

	(void)peer_expect(&phone, "SIP/2.0 100");
	ck_assert_int_eq(invite_answer(inv, sdp1, strlen(sdp1)), 0);
	take_tag(&d, peer_expect(&phone, "SIP/2.0 200"));
	hang_up();
	peer_quiet(&phone, 60);
	peer_request(&phone, &d, "INFO", 2, NULL, NULL, NULL);
	(void)peer_expect(&phone, "SIP/2.0 481");
	peer_request(&phone, &d, "ACK", 1, NULL, NULL, NULL);
	(void)peer_expect(&phone, "BYE ");
}
END_TEST

START_TEST(uas_late_offer)
{
	slow();
	struct peer_dialog d = call_in(NULL, NULL);

	(void)peer_expect(&phone, "SIP/2.0 100");
	ck_assert_uint_eq(invite_offer(inv)->l, 0);
	ck_assert_int_eq(invite_answer(inv, sdp1, strlen(sdp1)), 0);
	take_tag(&d, peer_expect(&phone, "SIP/2.0 200"));
	peer_request(&phone, &d, "ACK", 1, NULL, "application/sdp", theirs1);
	wait_for(&answeredc, 1);
	ck_assert(invite_is_active(inv));
	peer_golden(&phone, "sip_late_offer");
}
END_TEST

START_TEST(uas_late_offer_without_answer)
{
	slow();
	struct peer_dialog d = call_in(NULL, NULL);

	(void)peer_expect(&phone, "SIP/2.0 100");
	ck_assert_int_eq(invite_answer(inv, sdp1, strlen(sdp1)), 0);
	take_tag(&d, peer_expect(&phone, "SIP/2.0 200"));
	peer_request(&phone, &d, "ACK", 1, NULL, NULL, NULL);
	wait_for(&closedc, 1);
	(void)peer_expect(&phone, "BYE ");
}
END_TEST

START_TEST(uas_prack)
{
	char rack[64];

	slow();
	struct peer_dialog d =
	    call_in("Require: 100rel\r\nSupported: timer\r\n", theirs1);
	(void)peer_expect(&phone, "SIP/2.0 100");
	ck_assert_int_eq(invite_ring(inv, 180), 0);
	const char *r = peer_expect(&phone, "SIP/2.0 180");
	ck_assert_str_eq(hdr(r, "Require"), "100rel");
	take_tag(&d, r);
	snprintf(rack, sizeof(rack), "RAck: %s 1 INVITE\r\n", hdr(r, "RSeq"));
	peer_forget(&phone);
	(void)peer_expect(&phone, "SIP/2.0 180"); /* until PRACK */
	peer_request(&phone, &d, "PRACK", 2, "RAck: 1 1 INVITE\r\n", NULL,
		     NULL);
	(void)peer_expect(&phone, "SIP/2.0 481");
	peer_request(&phone, &d, "PRACK", 3, rack, NULL, NULL);
	(void)peer_expect(&phone, "SIP/2.0 200");
	peer_forget(&phone);
	peer_quiet(&phone, 120);
	ck_assert_int_eq(invite_answer(inv, sdp1, strlen(sdp1)), 0);
	(void)peer_expect(&phone, "SIP/2.0 200");
	peer_golden(&phone, "sip_prack_uas");
}
END_TEST

START_TEST(uas_no_prack)
{
	struct peer_dialog d = call_in("Require: 100rel\r\n", theirs1);
	(void)d;

	(void)peer_expect(&phone, "SIP/2.0 100");
	ck_assert_int_eq(invite_ring(inv, 180), 0);
	(void)peer_expect(&phone, "SIP/2.0 180");
	(void)peer_expect(&phone, "SIP/2.0 504");
	wait_for(&closedc, 1);
}
END_TEST

START_TEST(uas_second_invite)
{
	slow();
	struct peer_dialog d = call_in(NULL, theirs1);

	(void)peer_expect(&phone, "SIP/2.0 100");
	ck_assert_int_eq(invite_ring(inv, 180), 0);
	take_tag(&d, peer_expect(&phone, "SIP/2.0 180"));
	peer_request(&phone, &d, "INVITE", 2, NULL, "application/sdp",
		     theirs2);
	const char *no = peer_expect(&phone, "SIP/2.0 500");
	ck_assert_str_ne(hdr(no, "Retry-After"), "");
	peer_request(&phone, &d, "BYE", 3, NULL, NULL, NULL);
	(void)peer_expect(&phone, "SIP/2.0 200");
	(void)peer_expect(&phone, "SIP/2.0 487");
	wait_for(&closedc, 1);
}
END_TEST

START_TEST(uas_update_waits_for_ack)
{
	slow();
	struct peer_dialog d = call_in(NULL, theirs1);

	(void)peer_expect(&phone, "SIP/2.0 100");
	ck_assert_int_eq(invite_answer(inv, sdp1, strlen(sdp1)), 0);
	take_tag(&d, peer_expect(&phone, "SIP/2.0 200"));
	ck_assert_int_eq(invite_update(inv, sdp2, strlen(sdp2)), 0);
	peer_quiet(&phone, 60);
	peer_request(&phone, &d, "ACK", 1, NULL, NULL, NULL);
	const char *rq = peer_expect(&phone, "INVITE ");
	ck_assert_str_eq(body_of(rq), sdp2);
	/* not the owner of the Call-ID: glare is over sooner */
	peer_reply(&phone, rq, "491 Request Pending", NULL, NULL, NULL);
	(void)peer_expect(&phone, "ACK ");
	rq = peer_expect(&phone, "INVITE ");
	peer_reply(&phone, rq, "200 OK", NULL, NULL, theirs2);
	wait_for(&answeredc, 1);
}
END_TEST

/* ---- every end lets go of the session ---- */

/* Within that many ms, of which "fast" gives a caller's end 400. */
static void gone(unsigned ms)
{
	for (unsigned i = 0; invites_count(all) && i < ms; i += 50)
		(void)loop_for(50);
	ck_assert_uint_eq(invites_count(all), 0);
}

START_TEST(gone_refused)
{
	const char *rq = call_out();

	peer_reply(&phone, rq, "486 Busy Here", "p1", NULL, NULL);
	wait_for(&closedc, 1);
	gone(900);
}
END_TEST

START_TEST(gone_no_target)
{
	const char *rq = call_out();

	peer_reply(&phone, rq, "503 Service Unavailable", "p1", NULL, NULL);
	wait_for(&closedc, 1);
	gone(900);
}
END_TEST

/* A 487, or a 2xx that crosses the CANCEL. */
START_TEST(gone_cancelled)
{
	const char *rq = call_out();

	peer_reply(&phone, rq, "180 Ringing", "p1", NULL, NULL);
	wait_for(&ringingc, 1);
	hang_up();
	const char *cancel = peer_expect(&phone, "CANCEL ");
	peer_reply(&phone, cancel, "200 OK", "p1", NULL, NULL);
	if (_i) {
		peer_reply(&phone, rq, "200 OK", "p1", NULL, theirs1);
		(void)peer_expect(&phone, "ACK ");
		const char *bye = peer_expect(&phone, "BYE ");
		peer_reply(&phone, bye, "200 OK", "p1", NULL, NULL);
	} else {
		peer_reply(&phone, rq, "487 Request Terminated", "p1", NULL,
			   NULL);
	}
	gone(900);
}
END_TEST

START_TEST(gone_bye_unanswered)
{
	(void)call_up(NULL);
	hang_up();
	(void)peer_expect(&phone, "BYE ");
	gone(2500);
}
END_TEST

START_TEST(gone_bye_unsent)
{
	(void)call_up(NULL);
	sip_transp_flush(stack.sip);
	hang_up();
	gone(900);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("all");

	tcase_set_timeout(tc, 20);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, out_plain);
	tcase_add_test(tc, out_refused);
	tcase_add_test(tc, out_cancel);
	tcase_add_test(tc, out_cancel_crosses_200);
	tcase_add_test(tc, out_two_2xx);
	tcase_add_test(tc, out_many_forks);
	tcase_add_test(tc, out_199_frees_a_fork);
	tcase_add_test(tc, out_early_media);
	tcase_add_test(tc, early_directions);
	tcase_add_test(tc, out_early_media_gated);
	tcase_add_test(tc, out_prack);
	tcase_add_test(tc, out_422);
	tcase_add_test(tc, out_redirect);
	tcase_add_test(tc, out_failover_silence);
	tcase_add_test(tc, out_all_silent);
	tcase_add_test(tc, out_failover_503);
	tcase_add_test(tc, out_resolving);
	tcase_add_test(tc, out_ring_timeout);
	tcase_add_test(tc, out_answer_without_sdp);
	tcase_add_test(tc, out_route_set);
	tcase_add_test(tc, out_digest);
	tcase_add_test(tc, gone_refused);
	tcase_add_test(tc, gone_no_target);
	tcase_add_loop_test(tc, gone_cancelled, 0, 2);
	tcase_add_test(tc, gone_bye_unanswered);
	tcase_add_test(tc, gone_bye_unsent);
	tcase_add_test(tc, uas_plain);
	tcase_add_test(tc, uas_cancel);
	tcase_add_test(tc, uas_refuse);
	tcase_add_test(tc, uas_bad);
	tcase_add_test(tc, uas_lost_ack);
	tcase_add_test(tc, uas_bye_waits_for_ack);
	tcase_add_test(tc, uas_late_offer);
	tcase_add_test(tc, uas_late_offer_without_answer);
	tcase_add_test(tc, uas_prack);
	tcase_add_test(tc, uas_no_prack);
	tcase_add_test(tc, uas_second_invite);
	tcase_add_test(tc, uas_update_waits_for_ack);

	return suite_run("sip_invite", tc);
}
