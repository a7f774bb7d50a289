/* sip_sipleg.c: the SIP leg between a scripted phone and a scripted call. */
#include "sippeer.h"
#include "sip/farewell.h"
#include "sip/nameaddr.h"
#include "sip/sipleg_priv.h"
#include "suite.h"

static const char theirs[] = "v=0\r\no=- 7 1 IN IP4 127.0.0.1\r\ns=-\r\n"
			     "c=IN IP4 127.0.0.1\r\nt=0 0\r\n"
			     "m=audio 4000 RTP/AVP 0 101\r\n"
			     "a=rtpmap:0 PCMU/8000\r\n"
			     "a=rtpmap:101 telephone-event/8000\r\n";
static const char theirs_hold[] = "v=0\r\no=- 7 2 IN IP4 127.0.0.1\r\ns=-\r\n"
				  "c=IN IP4 127.0.0.1\r\nt=0 0\r\n"
				  "m=audio 4000 RTP/AVP 0\r\n"
				  "a=rtpmap:0 PCMU/8000\r\na=sendonly\r\n";

static struct sipcalls *calls;
static struct peer_sock phone;
static struct leg *leg;
static struct ending last;
static char events[512], from_uri[256], from_name[256], to_uri[256];
static bool verified, audio, video, had_offer;
static unsigned max_forwards, refuse_with;
static struct desc *mine;

static void note(const char *what)
{
	size_t n = strlen(events);

	snprintf(events + n, sizeof(events) - n, "%s ", what);
	re_cancel();
}

/* ---- the call ---- */

static bool no_time;

bool call_admits(const char *from, const char *to, struct ending *why)
{
	(void)from;
	(void)to;
	memset(why, 0, sizeof(*why));
	if (no_time) {
		why->sip_code = 503;
		why->retry_after = 7;
		why->full = true;
		str_ncpy(why->text, "too busy", sizeof(why->text));
	}

	return !no_time;
}

int call_incoming(const struct call_request *rq, struct ending *why)
{
	snprintf(from_uri, sizeof(from_uri), "%s", rq->from.uri);
	snprintf(from_name, sizeof(from_name), "%s",
		 rq->from.name ? rq->from.name : "-");
	snprintf(to_uri, sizeof(to_uri), "%s", rq->to.uri);
	verified = rq->verified;
	audio = rq->audio;
	video = rq->video;
	had_offer = rq->offer != NULL;
	max_forwards = rq->max_forwards;
	ck_assert_str_eq(rq->trunk, "pbx");
	note("incoming");
	if (refuse_with) {
		why->sip_code = refuse_with;
		return EACCES;
	}
	leg = mem_ref(rq->leg);
	leg->call = (struct call *)&mine;
	return 0;
}

void call_ringing(struct leg *l)
{
	ck_assert_ptr_eq(l, leg);
	note("ringing");
}

void call_progress(struct leg *l, const struct desc *answer)
{
	(void)l;
	ck_assert_uint_eq(answer->mediac, 1);
	note("progress");
}

void call_answered(struct leg *l, unsigned branch, const struct desc *answer)
{
	(void)l;
	ck_assert_uint_eq(branch, 0);
	ck_assert_uint_eq(answer->mediac, 1);
	note("answered");
}

void call_refused(struct leg *l, const struct ending *why)
{
	(void)l;
	last = *why;
	note("refused");
}

void call_offered(struct leg *l, const struct desc *offer)
{
	(void)l;
	note(offer->media[0]->dir == DESC_SENDONLY ? "offered-hold"
						   : "offered");
}

void call_dtmf(struct leg *l, char digit, unsigned ms)
{
	char s[] = {digit, '\0'};
	(void)l;
	(void)ms;
	note(s);
}

void call_ended(struct leg *l, const struct ending *why)
{
	ck_assert_ptr_eq(l, leg);
	last = *why;
	leg = mem_deref(leg);
	note("ended");
}

static void wait_events(const char *want)
{
	for (unsigned i = 0; !strstr(events, want) && i < 100; i++)
		(void)loop_for(50);
	ck_assert_msg(strstr(events, want) != NULL, "wanted %s, have %s", want,
		      events);
}

static void setup(void)
{
	struct config_limits limits;
	struct desc_media *m;
	struct codec *c;

	memset(&limits, 0, sizeof(limits));
	limits.sdp_bytes = 4096;
	limits.half_open = 2;
	sippeer_open(&phone);
	ck_assert_int_eq(sipcalls_alloc(&calls, &stack, &limits), 0);
	ck_assert_int_eq(desc_alloc(&mine), 0);
	ck_assert_int_eq(desc_media_add(&m, mine, DESC_AUDIO, ""), 0);
	m->proto = DESC_RTP_AVP;
	m->dir = DESC_SENDRECV;
	ck_assert_int_eq(desc_addr_decode(&m->transport.addr, "192.0.2.1", 9),
			 0);
	m->transport.addr.port = 40000;
	ck_assert_int_eq(desc_codec_add(&c, mine, m, 0, "PCMU", 8000, 1), 0);
}

static void teardown(void)
{
	mem_deref(leg);
	mem_deref(calls);
	desc_free(mine);
	sippeer_close(&phone);
}

static struct sipleg_conf conf = {
    .trunk = &trunk,
    .to_uri = "sip:600@pbx.test",
    .from_uri = "sip:alice@gw.test",
    .token = "tok",
    .max_forwards = 70,
};

static const char *call_out(const struct sipleg_conf *c)
{
	ck_assert_int_eq(sipleg_alloc(&leg, calls, (struct call *)&mine, c),
			 0);
	ck_assert_int_eq(leg->ops->offer(leg, mine), 0);
	return peer_expect(&phone, "INVITE ");
}

static struct peer_dialog call_in(const char *from, const char *lines,
				  const char *type, const char *sdp)
{
	struct peer_dialog d;

	memset(&d, 0, sizeof(d));
	snprintf(d.callid, sizeof(d.callid), "in%08x", rand_u32());
	snprintf(d.us, sizeof(d.us), "%s;tag=b1", from);
	snprintf(d.them, sizeof(d.them), "<sip:alice@gw.test>");
	peer_request(&phone, &d, "INVITE", 1, lines, type, sdp);
	return d;
}

static void end_with(enum reason reason)
{
	struct ending why = {.reason = reason};

	leg->ops->end(leg, &why);
	leg = mem_deref(leg);
}

/* "c=..", the version of o= */
static unsigned version_of(const char *sdp, char id[32])
{
	unsigned v = 0;

	ck_assert_int_eq(sscanf(strstr(sdp, "o=- "), "o=- %31s %u", id, &v),
			 2);
	return v;
}

START_TEST(out_call)
{
	char id1[32], id2[32];
	const char *rq = call_out(&conf);

	ck_assert_str_eq(leg->id, hdr(rq, "Call-ID"));
	unsigned v = version_of(body_of(rq), id1);
	peer_reply(&phone, rq, "183 Progress", "p1", NULL, theirs);
	wait_events("progress ringing");
	peer_reply(&phone, rq, "200 OK", "p1", NULL, theirs);
	wait_events("answered");
	(void)peer_expect(&phone, "ACK ");
	ck_assert_int_eq(sa_cmp(sipleg_signalling(leg), &phone.addr, SA_ALL),
			 true);

	/* nothing changed, then hold */
	ck_assert_int_eq(leg->ops->update(leg, mine), 0);
	ck_assert_int_eq(leg->ops->update(leg, mine), EBUSY);
	rq = peer_expect(&phone, "INVITE ");
	ck_assert_uint_eq(version_of(body_of(rq), id2), v);
	ck_assert_str_eq(id1, id2);
	peer_reply(&phone, rq, "200 OK", NULL, NULL, theirs);
	(void)peer_expect(&phone, "ACK ");
	mine->media[0]->dir = DESC_SENDONLY;
	ck_assert_int_eq(leg->ops->update(leg, mine), 0);
	rq = peer_expect(&phone, "INVITE ");
	ck_assert_uint_eq(version_of(body_of(rq), id2), v + 1);
	ck_assert_ptr_nonnull(strstr(body_of(rq), "a=sendonly"));
	ck_assert_str_eq(id1, id2);
	peer_reply(&phone, rq, "488 No", NULL, NULL, NULL);
	wait_events("refused");
	(void)peer_expect(&phone, "ACK ");
	ck_assert_int_eq(leg->ops->dtmf(leg, '1', 100), ENOTSUP);
	trunk.conf.dtmf = CONFIG_INFO;
	ck_assert_int_eq(leg->ops->dtmf(leg, '1', 100), 0);
	(void)peer_expect(&phone, "INFO ");
	end_with(REASON_DECLINE);
	rq = peer_expect(&phone, "BYE ");
	ck_assert_int_eq(strncmp(hdr(rq, "Reason"), "Q.850;cause=21", 14), 0);
}
END_TEST

START_TEST(out_hostile_name)
{
	struct sipleg_conf c = conf;

	c.from_name = "Bob\" <sip:x@y>\r\nEvil: 1\r\n\\";
	trunk.conf.trusted = true;
	const char *rq = call_out(&c);
	ck_assert_str_eq(hdr(rq, "Evil"), "");
	const char *pai = hdr(rq, "P-Asserted-Identity");
	ck_assert_str_eq(
	    pai, "\"Bob\\\" <sip:x@y>  Evil: 1  \\\\\" <sip:alice@gw.test>");
	ck_assert_int_eq(strncmp(hdr(rq, "From"), pai, strlen(pai)), 0);
	end_with(REASON_CANCEL);

	c.to_uri = "sip:a@b>\r\nX: <sip:c";
	ck_assert_int_eq(sipleg_alloc(&leg, calls, NULL, &c), EBADMSG);
}
END_TEST

START_TEST(out_privacy)
{
	struct sipleg_conf c = conf;

	c.privacy = true;
	c.from_name = "Alice";
	trunk.conf.trusted = true;
	const char *rq = call_out(&c);
	ck_assert_str_eq(hdr(rq, "Privacy"), "id");
	ck_assert_str_eq(hdr(rq, "P-Asserted-Identity"), "");
	ck_assert_ptr_null(strstr(rq, "lice"));
	ck_assert_ptr_nonnull(
	    strstr(hdr(rq, "From"), "<sip:anonymous@anonymous.invalid>"));
	end_with(REASON_CANCEL);
}
END_TEST

/* RFC 5009 4: only where there is a use for the answer. */
START_TEST(out_early_media_is_understood)
{
	const char *rq = call_out(&conf);

	ck_assert_str_eq(hdr(rq, "P-Early-Media"), "");
	end_with(REASON_CANCEL);
	trunk.conf.early_media = CONFIG_EARLY_CONNECT;
	rq = call_out(&conf);
	ck_assert_str_eq(hdr(rq, "P-Early-Media"), "supported");
	end_with(REASON_CANCEL);
}
END_TEST

START_TEST(out_untrusted)
{
	const char *rq = call_out(&conf);

	ck_assert_str_eq(hdr(rq, "P-Asserted-Identity"), "");
	peer_reply(&phone, rq, "603 Decline", "p1", NULL, NULL);
	wait_events("ended");
	ck_assert_uint_eq(last.sip_code, 603);
	ck_assert_int_eq(last.reason, REASON_NONE);
}
END_TEST

START_TEST(out_broken_answer)
{
	const char *rq = call_out(&conf);

	peer_reply(&phone, rq, "200 OK", "p1", NULL, "v=0\r\nm=\r\n");
	wait_events("ended");
	(void)peer_expect(&phone, "ACK ");
	(void)peer_expect(&phone, "BYE ");
	ck_assert_int_eq(last.reason, REASON_INCOMPATIBLE_PARAMETERS);
}
END_TEST

START_TEST(in_call)
{
	struct peer_dialog d =
	    call_in("\"Bob \\\"B\\\" S\" <sip:600@pbx.test>", NULL,
		    "application/sdp", theirs);

	(void)peer_expect(&phone, "SIP/2.0 100");
	wait_events("incoming");
	ck_assert_str_eq(from_uri, "sip:600@pbx.test");
	ck_assert_str_eq(from_name, "Bob \"B\" S");
	ck_assert_int_eq(strncmp(to_uri, "sip:gw@", 7), 0);
	ck_assert(audio && !video && had_offer && !verified);
	ck_assert_uint_eq(max_forwards, 69);
	ck_assert_int_eq(leg->ops->proceed(leg), EALREADY);
	ck_assert_int_eq(leg->ops->offer(leg, mine), EPROTO);
	ck_assert_int_eq(leg->ops->update(leg, mine), EPROTO);
	ck_assert_int_eq(leg->ops->ring(leg), 0);
	(void)peer_expect(&phone, "SIP/2.0 180");
	ck_assert_int_eq(leg->ops->answer(leg, mine), 0);
	const char *ok = peer_expect(&phone, "SIP/2.0 200");
	snprintf(d.them, sizeof(d.them), "%s", hdr(ok, "To"));
	peer_request(&phone, &d, "ACK", 1, NULL, NULL, NULL);

	/* they hold */
	peer_request(&phone, &d, "INVITE", 2, NULL, "application/sdp",
		     theirs_hold);
	(void)peer_expect(&phone, "SIP/2.0 100");
	wait_events("offered-hold");
	mine->media[0]->dir = DESC_RECVONLY;
	ck_assert_int_eq(leg->ops->answer(leg, mine), 0);
	ok = peer_expect(&phone, "SIP/2.0 200");
	ck_assert_ptr_nonnull(strstr(body_of(ok), "a=recvonly"));
	peer_request(&phone, &d, "ACK", 2, NULL, NULL, NULL);

	/* and come back without an offer: we offer what we can */
	peer_request(&phone, &d, "INVITE", 3, NULL, NULL, NULL);
	(void)peer_expect(&phone, "SIP/2.0 100");
	ok = peer_expect(&phone, "SIP/2.0 200");
	ck_assert_ptr_null(strstr(body_of(ok), "a=recvonly"));
	events[0] = '\0';
	peer_request(&phone, &d, "ACK", 3, NULL, "application/sdp", theirs);
	wait_events("offered");
	ck_assert_int_eq(leg->ops->answer(leg, mine), 0); /* absorbed */

	peer_request(&phone, &d, "INVITE", 4, NULL, "application/sdp",
		     "v=1\r\n");
	(void)peer_expect(&phone, "SIP/2.0 100");
	ok = peer_expect(&phone, "SIP/2.0 488");
	peer_request(&phone, &d, "BYE", 5, NULL, NULL, NULL);
	(void)peer_expect(&phone, "SIP/2.0 200");
	wait_events("ended");
	ck_assert_int_eq(last.reason, REASON_SUCCESS);
}
END_TEST

START_TEST(in_identities)
{
	static const struct {
		const char *from, *lines;
		bool trusted;
		const char *uri, *name;
		bool verified;
	} cases[] = {
	    {"Bob Smith <sip:6@p>", NULL, false, "sip:6@p", "Bob Smith",
	     false},
	    {"<sip:a%40b@p;user=phone>", NULL, false, "sip:a%40b@p;user=phone",
	     "-", false},
	    {"sip:7@p", NULL, true, "sip:7@p", "-", true},
	    {"<sip:6@p>", "P-Asserted-Identity: <sip:ceo@p>\r\n", false,
	     "sip:6@p", "-", false},
	    {"<sip:6@p>",
	     "P-Asserted-Identity: <tel:+4930>, \"C, O\" <sip:ceo@p>\r\n",
	     true, "sip:ceo@p", "C, O", true},
	    {"<sip:6@p>", "P-Asserted-Identity: <tel:+4930>\r\n", true,
	     "tel:+4930", "-", true},
	    {"<sip:6@p>",
	     "P-Asserted-Identity: <sip:ceo@p>\r\nPrivacy: id;critical\r\n",
	     true, "sip:anonymous@anonymous.invalid", "Anonymous", false},
	    {"\"Anonymous\" <sip:anonymous@anonymous.invalid>", NULL, true,
	     "sip:anonymous@anonymous.invalid", "Anonymous", false},
	    {"\"\xff\xfe<b>\" <sip:6@p>", NULL, false, "sip:6@p", NULL, false},
	};

	refuse_with = 404;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		trunk.conf.trusted = cases[i].trusted;
		events[0] = '\0';
		(void)call_in(cases[i].from, cases[i].lines, "application/sdp",
			      theirs);
		(void)peer_expect(&phone, "SIP/2.0 100");
		(void)peer_expect(&phone, "SIP/2.0 404");
		ck_assert_str_eq(from_uri, cases[i].uri);
		if (cases[i].name)
			ck_assert_str_eq(from_name, cases[i].name);
		ck_assert_int_eq(verified, cases[i].verified);
	}
}
END_TEST

START_TEST(in_late_offer)
{
	struct peer_dialog d = call_in("<sip:6@p>", NULL, NULL, NULL);

	(void)peer_expect(&phone, "SIP/2.0 100");
	ck_assert(!had_offer && audio);
	ck_assert_int_eq(leg->ops->offer(leg, mine), 0);
	const char *ok = peer_expect(&phone, "SIP/2.0 200");
	snprintf(d.them, sizeof(d.them), "%s", hdr(ok, "To"));
	peer_request(&phone, &d, "ACK", 1, NULL, "application/sdp", theirs);
	wait_events("answered");
	peer_request(&phone, &d, "INFO", 2, NULL, "application/dtmf-relay",
		     "Signal=#\r\nDuration=160\r\n");
	(void)peer_expect(&phone, "SIP/2.0 200");
	wait_events("#");
}
END_TEST

START_TEST(in_bad_bodies)
{
	char *big = calloc(1, 6000);
	const char *no;

	(void)call_in("<sip:6@p>", NULL, "text/html", "<b>");
	no = peer_expect(&phone, "SIP/2.0 415");
	ck_assert_str_eq(hdr(no, "Accept"), "application/sdp");
	(void)call_in("<sip:6@p>", NULL, "application/sdp", "v=0\r\nm=x\r\n");
	(void)peer_expect(&phone, "SIP/2.0 100");
	no = peer_expect(&phone, "SIP/2.0 400");
	ck_assert_int_eq(strncmp(hdr(no, "Warning"), "399 stoxd \"SDP", 14),
			 0);
	memset(big, 'a', 5999);
	memcpy(big, "v=0\r\n", 5);
	(void)call_in("<sip:6@p>", NULL, "application/sdp", big);
	(void)peer_expect(&phone, "SIP/2.0 100");
	no = peer_expect(&phone, "SIP/2.0 488");
	free(big);
	ck_assert_str_eq(events, "");
}
END_TEST

START_TEST(in_no_time)
{
	const char *no;

	no_time = true;
	(void)call_in("<sip:1@p>", NULL, "application/sdp", theirs);
	no = peer_expect(&phone, "SIP/2.0 503");
	ck_assert_str_eq(hdr(no, "Retry-After"), "7");
	ck_assert_str_eq(hdr(no, "Warning"), "399 stoxd \"too busy\"");
	ck_assert_str_eq(events, "");
	no_time = false;
	(void)call_in("<sip:2@p>", NULL, "application/sdp", theirs);
	(void)peer_expect(&phone, "SIP/2.0 100");
	end_with(REASON_TIMEOUT);
	(void)peer_expect(&phone, "SIP/2.0 480");
}
END_TEST

START_TEST(in_half_open)
{
	struct leg *first;

	(void)call_in("<sip:1@p>", NULL, "application/sdp", theirs);
	(void)peer_expect(&phone, "SIP/2.0 100");
	first = leg;
	(void)call_in("<sip:2@p>", NULL, "application/sdp", theirs);
	(void)peer_expect(&phone, "SIP/2.0 100");
	(void)call_in("<sip:3@p>", NULL, "application/sdp", theirs);
	(void)peer_expect(&phone, "SIP/2.0 503");
	end_with(REASON_TIMEOUT);
	const char *no = peer_expect(&phone, "SIP/2.0 480");
	ck_assert_int_eq(strncmp(hdr(no, "Reason"), "Q.850;cause=19", 14), 0);
	(void)call_in("<sip:4@p>", NULL, "application/sdp", theirs);
	(void)peer_expect(&phone, "SIP/2.0 100");
	mem_deref(first); /* forgotten by its call: refused all the same */
	(void)peer_expect(&phone, "SIP/2.0 500");
}
END_TEST

/* ---- values ---- */

START_TEST(nameaddr_values)
{
	static const struct {
		const char *text;
		int err;
		const char *uri, *name;
	} cases[] = {
	    {"<sip:a@b>;tag=1", 0, "sip:a@b", NULL},
	    {"\"x\\\\y\\\"\"<sip:a@b>", 0, "sip:a@b", "x\\y\""},
	    {"sip:a@b;tag=1", 0, "sip:a@b", NULL},
	    {"  A B\t<sip:a@b> ; q=0.5", 0, "sip:a@b", "A B"},
	    {"\"no end <sip:a@b>", EBADMSG, NULL, NULL},
	    {"\"x\" sip:a@b", EBADMSG, NULL, NULL},
	    {"<sip:a@b", EBADMSG, NULL, NULL},
	    {"<sip:a@b> tag", EBADMSG, NULL, NULL},
	    {"<>", EBADMSG, NULL, NULL},
	    {"", EBADMSG, NULL, NULL},
	    {"<noscheme>", EBADMSG, NULL, NULL},
	    {"<sip:a b@c>", EBADMSG, NULL, NULL},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct nameaddr na;
		struct pl pl;
		char *name;

		pl_set_str(&pl, cases[i].text);
		ck_assert_msg(nameaddr_decode(&na, &pl) == cases[i].err, "%s",
			      cases[i].text);
		if (cases[i].err)
			continue;
		ck_assert_int_eq(pl_strcmp(&na.uri, cases[i].uri), 0);
		ck_assert_int_eq(nameaddr_name(&name, &na), 0);
		ck_assert(cases[i].name ? name && !strcmp(name, cases[i].name)
					: !name);
		mem_deref(name);
	}
}
END_TEST

/* Words of notes that a process of another version reads: they stay. */
START_TEST(farewell_words)
{
	ck_assert_str_eq(farewell_transports[SIP_TRANSP_UDP], "udp");
	ck_assert_str_eq(farewell_transports[SIP_TRANSP_TCP], "tcp");
	ck_assert_str_eq(farewell_transports[SIP_TRANSP_TLS], "tls");
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("all");

	tcase_set_timeout(tc, 20);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, farewell_words);
	tcase_add_test(tc, out_call);
	tcase_add_test(tc, out_hostile_name);
	tcase_add_test(tc, out_privacy);
	tcase_add_test(tc, out_early_media_is_understood);
	tcase_add_test(tc, out_untrusted);
	tcase_add_test(tc, out_broken_answer);
	tcase_add_test(tc, in_call);
	tcase_add_test(tc, in_identities);
	tcase_add_test(tc, in_late_offer);
	tcase_add_test(tc, in_bad_bodies);
	tcase_add_test(tc, in_no_time);
	tcase_add_test(tc, in_half_open);
	tcase_add_test(tc, nameaddr_values);

	return suite_run("sip_sipleg", tc);
}
