/* bridge_toys.h: two scripted legs and a scripted media engine around a call.
 * What the call does is a line of words, compared whole. */
#ifndef BRIDGE_TOYS_H
#define BRIDGE_TOYS_H

#include <check.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include "bridge/callpriv.h"

static char said[4096];

static inline void say(const char *fmt, ...)
{
	size_t n = strlen(said);
	va_list ap;

	va_start(ap, fmt);
	(void)re_vsnprintf(said + n, sizeof(said) - n, fmt, ap);
	va_end(ap);
}

static inline void said_is(const char *want)
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

unsigned engine_room(const struct engine *e)
{
	(void)e;

	return 1;
}

void engine_used(const struct engine *e, struct engine_use *use)
{
	(void)e;
	memset(use, 0, sizeof(*use));
}

void engine_on_soon(struct engine *e, void (*h)(void *arg), void *arg)
{
	(void)e;
	(void)h;
	(void)arg;
}

void engine_flush(struct engine *e)
{
	(void)e;
}

uint64_t engine_lag(struct engine *e)
{
	(void)e;

	return 0;
}

uint64_t engine_told_lag(struct engine *e)
{
	(void)e;

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

int media_tap(struct media *m, unsigned ms)
{
	(void)m;
	(void)ms;

	return 0;
}

int media_stats(struct media *m)
{
	(void)m;

	return 0;
}

static inline void local_ready(unsigned flow)
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

static inline void say_desc(const struct leg *leg, const char *what,
			    const struct desc *d)
{
	int i = join_audio(d);

	say("%s.%s(", tag(leg), what);
	for (const struct codec *c = i < 0 ? NULL : d->media[i]->codecs; c;
	     c = c->next)
		say("%s%u", c == d->media[i]->codecs ? "" : ",", c->pt);
	say("%s) ", i < 0 ? "none" : dirs[d->media[i]->dir]);
}

static inline int toy_offer(struct leg *leg, const struct desc *d)
{
	say_desc(leg, "offer", d);

	return 0;
}

static inline int toy_branch(struct leg *leg, unsigned branch,
			     const struct desc *d)
{
	(void)d;
	say("%s.branch%u ", tag(leg), branch);

	return 0;
}

static inline int toy_ring(struct leg *leg)
{
	say("%s.ring ", tag(leg));

	return 0;
}

static inline int toy_proceed(struct leg *leg)
{
	say("%s.proceed ", tag(leg));

	return 0;
}

static unsigned told_candidates;

static inline int toy_answer(struct leg *leg, const struct desc *d)
{
	told_candidates = d->media[0]->transport.candidatec;
	say_desc(leg, "answer", d);

	return 0;
}

static inline int toy_refuse(struct leg *leg, const struct ending *why)
{
	say("%s.refuse-%s ", tag(leg), reason_name(why->reason));

	return 0;
}

static inline int toy_update(struct leg *leg, const struct desc *d)
{
	say_desc(leg, "update", d);

	return ((struct toy *)leg)->update_err;
}

static inline int toy_transport(struct leg *leg, unsigned b, unsigned m,
				const struct transport *t)
{
	(void)t;
	say("%s.transport%u.%u ", tag(leg), b, m);

	return 0;
}

static inline int toy_dtmf(struct leg *leg, char digit, unsigned ms)
{
	say("%s.info%c/%u ", tag(leg), digit, ms);

	return 0;
}

static bool echo_end; /* a leg that is ended says that it has ended */

static inline void toy_end(struct leg *leg, const struct ending *why)
{
	say("%s.end-%s/%u/%u%s%s%s ", tag(leg), reason_name(why->reason),
	    why->sip_code, why->decline_code, why->away ? "/away" : "",
	    why->migrated ? "->" : "", why->migrated ? why->migrated : "");
	if (echo_end)
		call_ended(leg, why);
}

static bool toy_is_off; /* X's device is known to be off */

static inline bool toy_away(const struct leg *leg)
{
	(void)leg;

	return toy_is_off;
}

static inline int toy_print(struct re_printf *pf, const struct leg *leg)
{
	return re_hprintf(pf, "toy %s", leg->ops->name);
}

#define TOY(n)                                                                \
	{                                                                     \
		.name = n, .offer = toy_offer, .branch = toy_branch,          \
		.ring = toy_ring, .proceed = toy_proceed,                     \
		.answer = toy_answer, .refuse = toy_refuse,                   \
		.update = toy_update, .transport = toy_transport,             \
		.dtmf = toy_dtmf, .end = toy_end, .away = toy_away,           \
		.print = toy_print,                                           \
	}
static const struct leg_ops xmpp_ops = TOY("xmpp"), sip_ops = TOY("sip");

static struct leg *x_leg, *s_leg;
static unsigned legs;

static inline void toy_destructor(void *arg)
{
	(void)arg;
	--legs;
}

static inline struct leg *toy(const struct leg_ops *ops, struct call *call)
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

int sipleg_farewell(struct sipcalls *s, struct siptrunk *t,
		    const struct ending *why, leg_noted_h *h, const void *arg)
{
	(void)s;
	(void)t;
	(void)why;
	(void)h;
	(void)arg;

	return ENOENT;
}

int jingleleg_farewell(struct jingle *j, const struct ending *why,
		       leg_noted_h *h, const void *arg)
{
	(void)j;
	(void)why;
	(void)h;
	(void)arg;

	return ENOENT;
}

int sipleg_aim(struct leg *leg, const char *uri)
{
	(void)leg;
	say("aim:%s ", uri);

	return 0;
}

struct dnsc *sipstack_dns(const struct sipstack *s)
{
	(void)s;

	return NULL;
}

const struct sa *sipleg_signalling(const struct leg *leg)
{
	(void)leg;

	return NULL;
}

const struct config_trunk *siptrunk_conf(const struct siptrunk *t)
{
	(void)t;

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

static inline int discard(const char *p, size_t size, void *arg)
{
	(void)p;
	(void)size;
	(void)arg;

	return 0;
}

static inline void setup(void)
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

static inline void teardown(void)
{
	struct ending why = {.reason = REASON_GONE};

	calls_stop(&why);
	ck_assert_uint_eq(policy_calls(policy), 0);
	ck_assert_uint_eq(open_media, 0);
	mem_deref(policy);
	mem_deref(route);
	libre_close();
}

static inline struct desc *parse(const char *text)
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

static inline int from_xmpp(const char *offer, struct ending *why)
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

static inline int from_sip(const char *offer, struct ending *why)
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

static inline void answered(struct leg *leg, const char *text)
{
	struct desc *d = parse(text);

	call_answered(leg, 0, d);
	desc_free(d);
}

static inline void offered(struct leg *leg, const char *text)
{
	struct desc *d = parse(text);

	call_offered(leg, d);
	desc_free(d);
}

static inline void ended(struct leg *leg, enum reason reason, unsigned code)
{
	struct ending why = {.reason = reason, .sip_code = code};

	call_ended(leg, &why);
}

static inline void x2s_active(void)
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

static inline void s2x_active(void)
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

static inline int from_other_device(struct ending *why)
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

static inline void suspend(unsigned flow)
{
	struct media_event ev = {.type = MEDIA_SUSPENDED, .flow = flow};

	event_h(&ev, event_arg);
}

#endif
