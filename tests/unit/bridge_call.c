/* bridge_call.c: the state machine between two scripted legs and a scripted
 * media engine.  What the call does is a line of words, compared whole. */
#include <check.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include "bridge/callpriv.h"

static char said[4096];

static void say(const char *fmt, ...)
{
	size_t n = strlen(said);
	va_list ap;

	va_start(ap, fmt);
	(void)re_vsnprintf(said + n, sizeof(said) - n, fmt, ap);
	va_end(ap);
}

static void said_is(const char *want)
{
	ck_assert_msg(!strcmp(said, want), "\ngot  %s\nwant %s", said, want);
	said[0] = '\0';
}

/* ---- scripted media ---- */

static media_event_h *event_h;
static void *event_arg;
static struct media_stream_conf stream;
static unsigned flows, open_media;
static int media_room = 0;

int media_open(struct media **mp, struct engine *e, const char *name,
	       media_event_h *h, void *arg)
{
	(void)e;
	(void)name;
	if (media_room)
		return media_room;
	event_h = h;
	event_arg = arg;
	flows = 0;
	++open_media;
	*mp = (struct media *)&open_media;

	return 0;
}

static struct media_net allowed[MEDIA_NET_MAX];
static unsigned allowedc;

int media_allow(struct media *m, const struct media_net *nets, unsigned n)
{
	(void)m;
	memcpy(allowed, nets, n * sizeof(*nets));
	allowedc = n;

	return 0;
}

void media_close(struct media *m)
{
	(void)m;
	--open_media;
}

int media_flow_ice(struct media *m, unsigned *flow, bool controlling)
{
	(void)m;
	(void)controlling;
	*flow = ++flows;

	return 0;
}

int media_flow_rtp(struct media *m, unsigned *flow,
		   const struct media_rtp_conf *conf, struct transport *local)
{
	(void)m;
	(void)conf;
	*flow = 0;
	memset(local, 0, sizeof(*local));
	local->addr.family = 4;
	local->addr.port = 10000;

	return 0;
}

int media_flow_address(const struct media *m, unsigned flow,
		       struct transport *local)
{
	(void)m;
	ck_assert_uint_eq(flow, 0);
	local->addr.port = 20000;

	return 0;
}

void media_flow_end(struct media *m, unsigned flow)
{
	(void)m;
	say("flow-end%u ", flow);
}

int media_remote_ice(struct media *m, unsigned flow, const struct transport *t)
{
	(void)m;
	(void)t;
	say("ice%u ", flow);

	return 0;
}

int media_remote_rtp(struct media *m, unsigned flow, const struct transport *t,
		     const struct crypto *tx, const struct crypto *rx,
		     const struct desc_addr *signalling)
{
	(void)m;
	(void)flow;
	(void)t;
	(void)signalling;
	say("rtp%s%s ", tx ? "+tx" : "", rx ? "+rx" : "");

	return 0;
}

int media_restart(struct media *m, unsigned flow)
{
	(void)m;
	say("restart%u ", flow);

	return 0;
}

int media_stream(struct media *m, unsigned n,
		 const struct media_stream_conf *conf)
{
	(void)m;
	(void)n;
	stream = *conf;
	say("stream%s%s%s ", conf->x_to_s ? ">" : "", conf->s_to_x ? "<" : "",
	    conf->s_keepalive ? "~" : "");

	return 0;
}

int media_dtmf(struct media *m, unsigned n, enum media_side to, char digit,
	       unsigned ms)
{
	(void)m;
	(void)n;
	say("digit%s%c/%u ", to == MEDIA_TO_X ? "-x" : "", digit, ms);

	return 0;
}

int media_stats(struct media *m)
{
	(void)m;

	return 0;
}

static void local_ready(unsigned flow)
{
	struct transport t = {.ufrag = "u", .pwd = "p"};
	struct media_event ev = {.type = MEDIA_LOCAL, .flow = flow};

	ev.transport = &t;
	event_h(&ev, event_arg);
}

/* ---- scripted legs ---- */

struct toy {
	struct leg leg;
	int update_err;
};

static const char *tag(const struct leg *leg)
{
	return leg->ops->name[0] == 'x' ? "x" : "s";
}

static const char *const dirs[] = {"-", ">", "<", ""};

static void say_desc(const struct leg *leg, const char *what,
		     const struct desc *d)
{
	int i = join_audio(d);

	say("%s.%s(", tag(leg), what);
	for (const struct codec *c = i < 0 ? NULL : d->media[i]->codecs; c;
	     c = c->next)
		say("%s%u", c == d->media[i]->codecs ? "" : ",", c->pt);
	say("%s) ", i < 0 ? "none" : dirs[d->media[i]->dir]);
}

static int toy_offer(struct leg *leg, const struct desc *d)
{
	say_desc(leg, "offer", d);

	return 0;
}

static int toy_branch(struct leg *leg, unsigned branch, const struct desc *d)
{
	(void)d;
	say("%s.branch%u ", tag(leg), branch);

	return 0;
}

static int toy_ring(struct leg *leg)
{
	say("%s.ring ", tag(leg));

	return 0;
}

static int toy_proceed(struct leg *leg)
{
	say("%s.proceed ", tag(leg));

	return 0;
}

static unsigned told_candidates;

static int toy_answer(struct leg *leg, const struct desc *d)
{
	told_candidates = d->media[0]->transport.candidatec;
	say_desc(leg, "answer", d);

	return 0;
}

static int toy_refuse(struct leg *leg, const struct ending *why)
{
	say("%s.refuse-%s ", tag(leg), reason_name(why->reason));

	return 0;
}

static int toy_update(struct leg *leg, const struct desc *d)
{
	say_desc(leg, "update", d);

	return ((struct toy *)leg)->update_err;
}

static int toy_transport(struct leg *leg, unsigned b, unsigned m,
			 const struct transport *t)
{
	(void)t;
	say("%s.transport%u.%u ", tag(leg), b, m);

	return 0;
}

static int toy_dtmf(struct leg *leg, char digit, unsigned ms)
{
	say("%s.info%c/%u ", tag(leg), digit, ms);

	return 0;
}

static void toy_end(struct leg *leg, const struct ending *why)
{
	say("%s.end-%s/%u/%u%s%s ", tag(leg), reason_name(why->reason),
	    why->sip_code, why->decline_code, why->migrated ? "->" : "",
	    why->migrated ? why->migrated : "");
}

static int toy_print(struct re_printf *pf, const struct leg *leg)
{
	return re_hprintf(pf, "toy %s", leg->ops->name);
}

#define TOY(n)                                                                \
	{                                                                     \
		.name = n, .offer = toy_offer, .branch = toy_branch,          \
		.ring = toy_ring, .proceed = toy_proceed,                     \
		.answer = toy_answer, .refuse = toy_refuse,                   \
		.update = toy_update, .transport = toy_transport,             \
		.dtmf = toy_dtmf, .end = toy_end, .print = toy_print,         \
	}
static const struct leg_ops xmpp_ops = TOY("xmpp"), sip_ops = TOY("sip");

static struct leg *x_leg, *s_leg;
static unsigned legs;

static void toy_destructor(void *arg)
{
	(void)arg;
	--legs;
}

static struct leg *toy(const struct leg_ops *ops, struct call *call)
{
	struct toy *t = mem_zalloc(sizeof(*t), toy_destructor);

	ck_assert(t != NULL);
	t->leg.ops = ops;
	t->leg.call = call;
	++legs;

	return &t->leg;
}

int sipleg_alloc(struct leg **lp, struct sipcalls *s, struct call *call,
		 const struct sipleg_conf *conf)
{
	(void)s;
	say("s:%s:%s ", conf->to_uri, conf->from_uri);
	s_leg = *lp = toy(&sip_ops, call);

	return 0;
}

const struct sa *sipleg_signalling(const struct leg *leg)
{
	(void)leg;

	return NULL;
}

struct siptrunk *sipstack_trunk(const struct sipstack *s, const char *name)
{
	(void)s;
	(void)name;

	return (struct siptrunk *)&legs;
}

int siptrunk_target(struct siptarget *t, struct siptrunk *tr, unsigned n,
		    siptarget_h *h, void *arg)
{
	(void)t;
	(void)tr;
	(void)n;
	(void)h;
	(void)arg;

	return ENOENT;
}

int jingleleg_alloc(struct leg **lp, struct jingle *j, struct call *call,
		    const char *contact, const char *name, const char *user,
		    unsigned ring_timeout)
{
	(void)j;
	(void)name;
	(void)ring_timeout;
	say("x:%s:%s ", contact, user);
	x_leg = *lp = toy(&xmpp_ops, call);

	return 0;
}

/* ---- fixture ---- */

static char domain[] = "example.com";
static char *domains[] = {domain};
static char *codecs[] = {(char[]){"opus"}, (char[]){"pcmu"}, (char[]){"pcma"}};
static struct config_xmpp xmpp = {
    .component = (char[]){"gw.example.com"}, .domains = domains, .domainc = 1};
static struct config_trunk trunk = {.name = (char[]){"pbx"},
				    .uri = (char[]){"sip:pbx.example.net"},
				    .codecs = codecs,
				    .codecc = 3,
				    .decline_code = 603,
				    .addressing = CONFIG_ADDR_TRUNK};
static struct config conf = {.file = (char[]){"t"},
			     .xmpp = &xmpp,
			     .xmppc = 1,
			     .trunk = &trunk,
			     .trunkc = 1,
			     .limits = {.call_max = 60}};
static struct route *route;
static struct policy *policy;

static int discard(const char *p, size_t size, void *arg)
{
	(void)p;
	(void)size;
	(void)arg;

	return 0;
}

static void setup(void)
{
	struct re_printf pf = {discard, NULL};
	struct calls_conf cc = {.config = &conf};
	struct jingle *j;

	ck_assert_int_eq(libre_init(), 0);
	ck_assert_int_eq(route_alloc(&route, &conf, &pf), 0);
	ck_assert_int_eq(policy_alloc(&policy, &conf.limits, 100), 0);
	cc.route = route;
	cc.policy = policy;
	ck_assert_int_eq(calls_start(&cc), 0);
	j = mem_zalloc(1, NULL);
	ck_assert_int_eq(calls_component("gw.example.com", j), 0);
	mem_deref(j);
	said[0] = '\0';
}

static void teardown(void)
{
	struct ending why = {.reason = REASON_GONE};

	calls_stop(&why);
	ck_assert_uint_eq(policy_calls(policy), 0);
	ck_assert_uint_eq(open_media, 0);
	mem_deref(policy);
	mem_deref(route);
	libre_close();
}

static struct desc *parse(const char *text)
{
	struct desc *d;
	unsigned line;

	ck_assert_int_eq(desc_decode(&d, text, strlen(text), &line), 0);

	return d;
}

#define SDP_HEAD                                                              \
	"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\n"                          \
	"c=IN IP4 192.0.2.1\r\nt=0 0\r\n"

static const char s_pcmu[] = SDP_HEAD "m=audio 4000 RTP/AVP 0 101\r\n"
				      "a=rtpmap:101 telephone-event/8000\r\n";
static const char s_pcmu_only[] = SDP_HEAD "m=audio 4000 RTP/AVP 0\r\n";
static const char s_g729[] = SDP_HEAD "m=audio 4000 RTP/AVP 18\r\n";
static const char s_hold[] = SDP_HEAD "m=audio 4000 RTP/AVP 0 101\r\n"
				      "a=rtpmap:101 telephone-event/8000\r\n"
				      "a=sendonly\r\n";
static const char x_webrtc[] =
    SDP_HEAD "m=audio 9 UDP/TLS/RTP/SAVPF 111 0 110 126\r\n"
	     "a=rtpmap:111 opus/48000/2\r\na=rtpmap:0 PCMU/8000\r\n"
	     "a=rtpmap:110 telephone-event/48000\r\n"
	     "a=rtpmap:126 telephone-event/8000\r\n"
	     "a=ice-ufrag:aaaa\r\na=ice-pwd:bbbbbbbbbbbbbbbbbbbbbb\r\n"
	     "a=setup:actpass\r\na=mid:0\r\n";
static const char x_opus[] =
    SDP_HEAD "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n"
	     "a=rtpmap:111 opus/48000/2\r\n"
	     "a=ice-ufrag:aaaa\r\na=ice-pwd:bbbbbbbbbbbbbbbbbbbbbb\r\n"
	     "a=setup:actpass\r\na=mid:0\r\n";
static const char s_opus[] = SDP_HEAD "m=audio 4000 RTP/AVP 96\r\n"
				      "a=rtpmap:96 opus/48000/2\r\n";

static int from_xmpp(const char *offer, struct ending *why)
{
	struct call_request rq = {.audio = true, .max_forwards = 70};
	struct desc *d = offer ? parse(offer) : NULL;
	int err;

	x_leg = rq.leg = toy(&xmpp_ops, NULL);
	str_dup(&rq.from.jid, "alice@example.com");
	str_dup(&rq.to.jid, "600@gw.example.com");
	rq.offer = d;
	err = call_incoming(&rq, why);
	peer_clear(&rq.from);
	peer_clear(&rq.to);
	desc_free(d);
	mem_deref(rq.leg);

	return err;
}

static int from_sip(const char *offer, struct ending *why)
{
	struct call_request rq = {.trunk = "pbx", .max_forwards = 70};
	struct desc *d = offer ? parse(offer) : NULL;
	int err;

	s_leg = rq.leg = toy(&sip_ops, NULL);
	str_dup(&rq.from.uri, "sip:600@pbx.example.net");
	str_dup(&rq.to.uri, "sip:alice@192.0.2.9");
	rq.offer = d;
	err = call_incoming(&rq, why);
	peer_clear(&rq.from);
	peer_clear(&rq.to);
	desc_free(d);
	mem_deref(rq.leg);

	return err;
}

static void answered(struct leg *leg, const char *text)
{
	struct desc *d = parse(text);

	call_answered(leg, 0, d);
	desc_free(d);
}

static void offered(struct leg *leg, const char *text)
{
	struct desc *d = parse(text);

	call_offered(leg, d);
	desc_free(d);
}

static void ended(struct leg *leg, enum reason reason, unsigned code)
{
	struct ending why = {.reason = reason, .sip_code = code};

	call_ended(leg, &why);
}

static void x2s_active(void)
{
	struct ending why;

	ck_assert_int_eq(from_xmpp(NULL, &why), 0);
	said_is("s:sip:600@pbx.example.net:sip:alice@pbx.example.net "
		"s.offer(96,0,8,100,101) ");
	call_ringing(s_leg);
	said_is("x.ring ");
	answered(s_leg, s_pcmu);
	said_is("rtp stream~ x.proceed ");
	offered(x_leg, x_webrtc);
	said_is("");
	local_ready(1);
	said_is("ice1 x.answer(0,126) stream>< ");
}

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
	said_is("s.update(96,100) ");
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

static void s2x_active(void)
{
	struct ending why;

	ck_assert_int_eq(from_sip(s_pcmu, &why), 0);
	said_is("rtp x:600@gw.example.com:alice@example.com ");
	local_ready(1);
	said_is("x.offer(0,126) ");
	call_ringing(x_leg);
	said_is("s.ring ");
	answered(x_leg, x_webrtc);
	said_is("rtp ice1 s.answer(0,101) stream>< ");
}

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
		"x.offer(111,0,8,110,126) ");
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

START_TEST(sip_holds)
{
	s2x_active();
	offered(s_leg, s_hold);
	said_is("x.update(0,126>) ");
	answered(x_leg, x_webrtc);
	said_is("rtp stream< s.answer(0,101<) ");
	offered(s_leg, s_pcmu);
	said_is("x.update(0,126) ");
	answered(x_leg, x_webrtc);
	said_is("rtp stream>< s.answer(0,101) ");
}
END_TEST

START_TEST(xmpp_holds)
{
	char hold[1024];

	x2s_active();
	snprintf(hold, sizeof(hold), "%sa=sendonly\r\n", x_webrtc);
	offered(x_leg, hold);
	said_is("s.update(0,101>) ");
	answered(s_leg, s_pcmu);
	said_is("rtp stream> x.answer(0,126) ");
	offered(x_leg, x_webrtc);
	said_is("s.update(0,101) ");
	answered(s_leg, s_pcmu);
	said_is("rtp stream>< x.answer(0,126) ");
}
END_TEST

static int from_other_device(struct ending *why)
{
	struct call_request rq = {.audio = true, .max_forwards = 70};
	int err;

	rq.old = x_leg;
	rq.sid = "new";
	rq.leg = toy(&xmpp_ops, NULL);
	str_dup(&rq.from.jid, "alice@example.com");
	str_dup(&rq.to.jid, "600@gw.example.com");
	err = call_incoming(&rq, why);
	if (!err)
		x_leg = rq.leg;
	peer_clear(&rq.from);
	peer_clear(&rq.to);
	mem_deref(rq.leg);

	return err;
}

static void suspend(unsigned flow)
{
	struct media_event ev = {.type = MEDIA_SUSPENDED, .flow = flow};

	event_h(&ev, event_arg);
}

START_TEST(other_device_goes_on)
{
	struct ending why;

	s2x_active();
	ck_assert_int_eq(from_other_device(&why), EBUSY);
	ck_assert_int_eq(why.reason, REASON_BUSY);
	said_is("");

	suspend(1);
	ck_assert_int_eq(from_other_device(&why), 0);
	said_is("flow-end1 x.end-expired/0/603->new stream~ x.proceed ");
	ck_assert_uint_eq(legs, 2);
	ck_assert_uint_eq(calls_count(), 1);
	local_ready(2);
	said_is("");
	offered(x_leg, x_webrtc); /* no word to S: the codec stays */
	said_is("ice2 x.answer(0,126) stream>< ");
	ended(s_leg, REASON_SUCCESS, 0);
	said_is("x.end-success/0/603 ");
	ck_assert_uint_eq(legs, 0);
}
END_TEST

START_TEST(other_device_has_other_codecs)
{
	struct ending why;

	s2x_active();
	suspend(1);
	ck_assert_int_eq(from_other_device(&why), 0);
	local_ready(2);
	said[0] = '\0';
	offered(x_leg, x_opus);
	said_is("s.update(96,100) ");
	answered(s_leg, s_opus);
	said_is("rtp ice2 x.answer(111) stream>< ");
}
END_TEST

START_TEST(other_device_and_holds)
{
	char hold[1024];
	struct ending why;

	s2x_active();
	snprintf(hold, sizeof(hold), "%sa=sendonly\r\n", x_webrtc);
	offered(x_leg, hold);
	answered(s_leg, s_pcmu);
	said[0] = '\0';
	suspend(1);
	ck_assert_int_eq(from_other_device(&why), 0);
	local_ready(2);
	said[0] = '\0';
	offered(x_leg, x_webrtc); /* S was held and must hear that it is not */
	said_is("ice2 x.answer(0,126) stream> s.update(0,101) ");
	answered(s_leg, s_pcmu);
	said_is("rtp stream>< x.answer(0,126) ");
	offered(s_leg, s_hold);
	answered(x_leg, x_webrtc);
	said[0] = '\0';
	suspend(2);
	ck_assert_int_eq(from_other_device(&why), 0);
	local_ready(3);
	said[0] = '\0';
	offered(x_leg, x_webrtc); /* and this device that S holds it */
	said_is("ice3 x.answer(0,126) stream< x.update(0,126>) ");
}
END_TEST

START_TEST(other_device_while_changing)
{
	struct ending why;

	s2x_active();
	suspend(1);
	offered(s_leg, s_hold); /* waits for X's word */
	said[0] = '\0';
	ck_assert_int_eq(from_other_device(&why), EBUSY);
	said_is("");
}
END_TEST

START_TEST(both_offer)
{
	char hold[1024];

	s2x_active();
	snprintf(hold, sizeof(hold), "%sa=sendonly\r\n", x_webrtc);
	offered(s_leg, s_hold);
	said_is("x.update(0,126>) ");
	offered(x_leg, hold); /* waits for its turn */
	said_is("");
	answered(x_leg, x_webrtc);
	said_is("rtp stream< s.answer(0,101<) s.update(0,101>) ");
	call_refused(s_leg, &(struct ending){.sip_code = 488});
	said_is("x.refuse- ");
}
END_TEST

/* What X changes before the call is active is not lost. */
START_TEST(hold_before_active)
{
	char hold[1024];
	struct ending why;

	ck_assert_int_eq(from_sip(NULL, &why), 0);
	local_ready(1);
	answered(x_leg, x_webrtc);
	said[0] = '\0';
	snprintf(hold, sizeof(hold), "%sa=sendonly\r\n", x_webrtc);
	offered(x_leg, hold); /* the ACK with S's answer is due */
	said_is("");
	answered(s_leg, s_pcmu);
	said_is("rtp stream>< s.update(0,101>) ");
}
END_TEST

/* 491: S's offer goes before ours, and its answer tells X's hold. */
START_TEST(offer_pushes_ours_aside)
{
	char hold[1024];

	x2s_active();
	snprintf(hold, sizeof(hold), "%sa=sendonly\r\n", x_webrtc);
	offered(x_leg, hold);
	offered(x_leg, x_webrtc); /* and resumes at once */
	said[0] = '\0';
	((struct toy *)s_leg)->update_err = EBUSY;
	call_refused(s_leg, &(struct ending){.sip_code = 491});
	said_is("x.refuse- s.update(0,101) x.refuse-general-error ");
	((struct toy *)s_leg)->update_err = 0;
	offered(s_leg, s_hold);
	said_is("x.update(0,126>) ");
	answered(x_leg, x_webrtc);
	said_is("rtp stream< s.answer(0,101<) ");
}
END_TEST

/* The same while S is asked for another codec. */
START_TEST(offer_while_asked_again)
{
	struct ending why;

	ck_assert_int_eq(from_xmpp(NULL, &why), 0);
	answered(s_leg, s_pcmu);
	local_ready(1);
	offered(x_leg, x_opus);
	said[0] = '\0';
	call_refused(s_leg, &(struct ending){.sip_code = 491});
	said_is("");
	offered(s_leg, s_pcmu); /* nothing for X: ours once more */
	said_is("s.refuse-incompatible-parameters s.update(96,100) ");
	call_refused(s_leg, &(struct ending){.sip_code = 491});
	offered(s_leg, s_opus);
	said_is("rtp s.answer(96) ice1 x.answer(111) stream>< ");
}
END_TEST

/* T.38 and the like: what was refused leaves no trace. */
START_TEST(refused_offer_changes_nothing)
{
	static const char fax[] = SDP_HEAD "m=audio 0 RTP/AVP 0\r\n"
					   "m=image 4002 udptl t38\r\n";
	char hold[1024];

	x2s_active();
	offered(s_leg, fax);
	said_is("s.refuse-incompatible-parameters ");
	snprintf(hold, sizeof(hold), "%sa=sendonly\r\n", x_webrtc);
	offered(x_leg, hold);
	said_is("s.update(0,101>) ");
	answered(s_leg, s_pcmu);
	said_is("rtp stream> x.answer(0,126) ");
}
END_TEST

/* X cannot be asked twice at a time; its refusal is no answer to S. */
START_TEST(refusal_of_nothing)
{
	x2s_active();
	offered(x_leg, x_webrtc);
	said[0] = '\0';
	call_refused(x_leg, &(struct ending){.reason = REASON_GENERAL_ERROR});
	said_is("");
	offered(x_leg, x_opus);
	said[0] = '\0';
}
END_TEST

START_TEST(queue_is_bounded)
{
	s2x_active();
	offered(s_leg, s_hold);
	said[0] = '\0';
	for (int i = 0; i < 4; i++)
		offered(x_leg, x_webrtc);
	said_is("");
	offered(x_leg, x_webrtc);
	said_is("x.refuse-general-error ");
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

/* The flow of another device or content is lost: the call goes on. */
START_TEST(suspended_elsewhere)
{
	struct ending why;

	s2x_active();
	suspend(7);
	ck_assert_int_eq(from_other_device(&why), EBUSY);
	suspend(1);
	ck_assert_int_eq(from_other_device(&why), 0);
	said[0] = '\0';
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

/* Not while S has an offer of its own open, nor before the call is active:
 * afterwards. */
START_TEST(readdress_later)
{
	struct ending why;

	x2s_active();
	((struct toy *)s_leg)->update_err = EBUSY;
	calls_readdress();
	said_is("restart1 s.update(0,101) ");
	((struct toy *)s_leg)->update_err = 0;
	offered(s_leg, s_pcmu);
	said_is("rtp stream>< s.answer(0,101) s.update(0,101) ");
	ended(s_leg, REASON_NONE, 0);

	ck_assert_int_eq(from_xmpp(NULL, &why), 0);
	calls_readdress();
	answered(s_leg, s_pcmu);
	offered(x_leg, x_webrtc);
	said[0] = '\0';
	local_ready(1);
	said_is("ice1 x.answer(0,126) stream>< s.update(0,101) ");
}
END_TEST

/* Our public address changed: ICE restart, re-INVITE; X is asked nothing. */
START_TEST(readdress)
{
	x2s_active();
	calls_readdress();
	said_is("restart1 s.update(0,101) ");
	answered(s_leg, s_pcmu);
	said_is("rtp stream>< ");

	/* in the middle of another change it waits for its turn */
	offered(s_leg, s_hold);
	said_is("x.update(0,126>) ");
	calls_readdress();
	said_is("restart1 ");
	answered(x_leg, x_webrtc);
	said_is("rtp stream< s.answer(0,101<) s.update(0,101) ");
	call_refused(s_leg, &(struct ending){.sip_code = 488});
	said_is("");
	ck_assert_uint_eq(calls_count(), 1);
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
	Suite *s = suite_create("bridge_call");
	TCase *tc = tcase_create("call");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, xmpp_calls);
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
	tcase_add_test(tc, sip_holds);
	tcase_add_test(tc, xmpp_holds);
	tcase_add_test(tc, other_device_goes_on);
	tcase_add_test(tc, other_device_has_other_codecs);
	tcase_add_test(tc, other_device_and_holds);
	tcase_add_test(tc, other_device_while_changing);
	tcase_add_test(tc, both_offer);
	tcase_add_test(tc, hold_before_active);
	tcase_add_test(tc, offer_pushes_ours_aside);
	tcase_add_test(tc, offer_while_asked_again);
	tcase_add_test(tc, refused_offer_changes_nothing);
	tcase_add_test(tc, refusal_of_nothing);
	tcase_add_test(tc, suspended_elsewhere);
	tcase_add_test(tc, answer_after_early_media);
	tcase_add_test(tc, readdress_later);
	tcase_add_test(tc, queue_is_bounded);
	tcase_add_test(tc, media_fails);
	tcase_add_test(tc, rtp_timeout);
	tcase_add_test(tc, trickle_and_restart);
	tcase_add_test(tc, digits);
	tcase_add_test(tc, digits_as_info);
	tcase_add_test(tc, digits_without_events);
	tcase_add_test(tc, late_candidate);
	tcase_add_test(tc, networks_of_phones);
	tcase_add_test(tc, early_media);
	tcase_add_test(tc, refused_at_the_door);
	tcase_add_test(tc, readdress);
	tcase_add_test(tc, hangup);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);

	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
