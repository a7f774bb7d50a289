/* sip_nomem.c: calls both ways with memory refused at each allocation in
 * turn: the call fails or goes on, nothing crashes. */
#include <dlfcn.h>
#include "sippeer.h"
#include "sip/sipleg_priv.h"
#include "suite.h"

static const char theirs[] = "v=0\r\no=- 7 1 IN IP4 127.0.0.1\r\ns=-\r\n"
			     "c=IN IP4 127.0.0.1\r\nt=0 0\r\n"
			     "m=audio 4000 RTP/AVP 0\r\n";

static struct sipcalls *calls;
static struct leg *leg;
static struct desc *mine;
static long left = -1; /* allocations until one fails; < 0: none does */
static bool over;
static const unsigned over_ms = 40;

__attribute__((visibility("default"))) void *mem_alloc(size_t size,
						       mem_destroy_h *dh)
{
	static void *(*real)(size_t, mem_destroy_h *);

	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "mem_alloc");
	if (left >= 0 && left-- == 0)
		return NULL;
	return real(size, dh);
}

__attribute__((visibility("default"))) void *mem_zalloc(size_t size,
							mem_destroy_h *dh)
{
	void *p = mem_alloc(size, dh);

	if (p)
		memset(p, 0, size);
	return p;
}

bool call_admits(const char *from, const char *to, struct ending *why)
{
	(void)from;
	(void)to;
	(void)why;

	return true;
}

int call_incoming(const struct call_request *rq, struct ending *why)
{
	(void)why;
	leg = mem_ref(rq->leg);
	leg->call = (struct call *)&mine;
	(void)leg->ops->ring(leg);
	if (leg->ops->answer(leg, mine)) {
		leg = mem_deref(leg);
		why->reason = REASON_GENERAL_ERROR;
		return ENOMEM;
	}
	return 0;
}

void call_ringing(struct leg *l)
{
	(void)l;
}

void call_progress(struct leg *l, const struct desc *answer)
{
	(void)l;
	(void)answer;
}

void call_answered(struct leg *l, unsigned branch, const struct desc *answer)
{
	static const struct ending why = {.reason = REASON_SUCCESS};
	(void)branch;
	(void)answer;
	l->ops->end(l, &why);
	leg = mem_deref(leg);
}

void call_refused(struct leg *l, const struct ending *why)
{
	(void)l;
	(void)why;
}

void call_offered(struct leg *l, const struct desc *offer)
{
	(void)offer;
	(void)l->ops->answer(l, mine);
}

void call_dtmf(struct leg *l, char digit, unsigned ms)
{
	(void)l;
	(void)digit;
	(void)ms;
}

void call_ended(struct leg *l, const struct ending *why)
{
	(void)l;
	(void)why;
	leg = mem_deref(leg);
}

/* A phone that answers at once; its own memory is never refused. */
static void robot(const struct sa *src, struct mbuf *mb, void *arg)
{
	struct peer_sock *p = arg;
	const long keep = left;
	char *text = NULL;
	(void)src;

	left = -1;
	ck_assert_int_eq(mbuf_strdup(mb, &text, mbuf_get_left(mb)), 0);
	if (!strncmp(text, "INVITE ", 7)) {
		peer_reply(p, text, "180 Ringing", "p1",
			   "Require: 100rel\r\nRSeq: 1\r\n", NULL);
		peer_reply(p, text, "200 OK", "p1",
			   "Session-Expires: 1800;refresher=uac\r\n", theirs);
	} else if (!strncmp(text, "BYE ", 4)) {
		peer_reply(p, text, "200 OK", NULL, NULL, NULL);
		over = true;
		re_cancel();
	} else if (strncmp(text, "SIP/2.0", 7) && strncmp(text, "ACK", 3)) {
		peer_reply(p, text, "200 OK", NULL, NULL, NULL);
	}
	mem_deref(text);
	left = keep;
}

static void make_mine(void)
{
	struct desc_media *m;
	struct codec *c;

	ck_assert_int_eq(desc_alloc(&mine), 0);
	ck_assert_int_eq(desc_media_add(&m, mine, DESC_AUDIO, ""), 0);
	m->dir = DESC_SENDRECV;
	ck_assert_int_eq(desc_addr_decode(&m->transport.addr, "192.0.2.1", 9),
			 0);
	m->transport.addr.port = 40000;
	ck_assert_int_eq(desc_codec_add(&c, mine, m, 0, "PCMU", 8000, 1), 0);
}

static void phone_calls(struct peer_sock *phone)
{
	struct peer_dialog d;

	memset(&d, 0, sizeof(d));
	snprintf(d.callid, sizeof(d.callid), "in%08x", rand_u32());
	snprintf(d.us, sizeof(d.us), "\"B\" <sip:b@p>;tag=b1");
	snprintf(d.them, sizeof(d.them), "<sip:a@g>");
	peer_request(phone, &d, "INVITE", 1,
		     "Require: 100rel\r\nSupported: timer\r\n"
		     "Record-Route: <sip:127.0.0.1;lr>\r\n",
		     "application/sdp", theirs);
}

static void gateway_calls(void)
{
	struct sipleg_conf conf = {
	    .trunk = &trunk,
	    .to_uri = "sip:600@pbx.test",
	    .from_uri = "sip:alice@gw.test",
	    .from_name = "Alice",
	    .token = "tok",
	    .max_forwards = 70,
	};

	if (sipleg_alloc(&leg, calls, (struct call *)&mine, &conf))
		return;
	if (leg->ops->offer(leg, mine))
		leg = mem_deref(leg);
}

/* One call with the n-th allocation refused; true: none was. */
static bool round_trip(long n, bool out)
{
	struct config_limits limits;
	struct peer_sock phone;
	bool spared;

	memset(&limits, 0, sizeof(limits));
	limits.sdp_bytes = 4096;
	sippeer_open(&phone);
	udp_handler_set(phone.us, robot, &phone);
	trunk.conf.trusted = true;
	make_mine();
	ck_assert_int_eq(sipcalls_alloc(&calls, &stack, &limits), 0);

	over = false;
	if (!out)
		phone_calls(&phone);
	left = n;
	if (out)
		gateway_calls();
	(void)loop_for(over_ms);
	/* not refused, only late: else the sweep would end here */
	for (unsigned i = 0; out && left >= 0 && !over && i < 100; i++)
		(void)loop_for(over_ms);
	spared = left >= 0;
	left = -1;

	mem_deref(leg);
	leg = NULL;
	calls = mem_deref(calls);
	desc_free(mine);
	sippeer_close(&phone);
	return spared;
}

START_TEST(out)
{
	long n = 0;

	while (!round_trip(n, true))
		ck_assert_int_lt(++n, 2000);
	ck_assert_int_gt(n, 50);
	ck_assert(over);
}
END_TEST

START_TEST(in)
{
	long n = 0;

	while (!round_trip(n, false))
		ck_assert_int_lt(++n, 2000);
	ck_assert_int_gt(n, 50);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("all");

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, out);
	tcase_add_test(tc, in);

	return suite_run("sip_nomem", tc);
}
