/* sip_calls.h: an INVITE session between its owner, which counts what it is
 * told, and a scripted phone. */
#ifndef SIP_CALLS_H
#define SIP_CALLS_H

#include "sippeer.h"
#include "sip/invite.h"

static const char sdp1[] = "v=0\r\no=- 11 1 IN IP4 127.0.0.1\r\ns=-\r\n";
static const char sdp2[] = "v=0\r\no=- 11 2 IN IP4 127.0.0.1\r\ns=-\r\n";
static const char theirs1[] = "v=0\r\no=- 7 1 IN IP4 127.0.0.1\r\ns=-\r\n";
static const char theirs2[] = "v=0\r\no=- 7 2 IN IP4 127.0.0.1\r\ns=-\r\n";

/* the same machine, faster: libre's own T1 stays */
static const struct invite_times fast = {
    .t1 = 40,
    .t2 = 80,
    .give_up = 400,
    .ring = 600,
    .silence = 100,
    .second = 1,
    .glare_min = 60,
    .glare_max = 80,
    .glare_other = 20,
};

static struct invites *all;
static struct invite *inv;
static struct peer_sock phone, other;
static struct ending last;
static unsigned ringingc, progressc, answeredc, refusedc, offeredc, closedc;
static bool ask_null; /* the last offered() had no SDP */
static char digits[16];
static unsigned digit_ms;

static inline void on_ringing(struct invite *i, unsigned code, void *arg)
{
	(void)i;
	(void)arg;
	ck_assert_uint_ge(code, 180);
	ringingc++;
	re_cancel();
}

static inline void on_progress(struct invite *i, const struct pl *sdp,
			       void *arg)
{
	(void)i;
	(void)arg;
	ck_assert_uint_gt(sdp->l, 0);
	progressc++;
	re_cancel();
}

static inline void on_answered(struct invite *i, const struct pl *sdp,
			       void *arg)
{
	(void)i;
	(void)arg;
	ck_assert_uint_gt(sdp->l, 0);
	answeredc++;
	re_cancel();
}

static inline void on_refused(struct invite *i, const struct ending *why,
			      void *arg)
{
	(void)i;
	(void)arg;
	last = *why;
	refusedc++;
	re_cancel();
}

static inline void on_offered(struct invite *i, const struct pl *sdp,
			      void *arg)
{
	(void)i;
	(void)arg;
	ask_null = !sdp;
	offeredc++;
	re_cancel();
}

static inline void on_dtmf(struct invite *i, char digit, unsigned ms,
			   void *arg)
{
	size_t n = strlen(digits);
	(void)i;
	(void)arg;
	digits[n] = digit;
	digits[n + 1] = '\0';
	digit_ms = ms;
	re_cancel();
}

static inline void on_closed(struct invite *i, const struct ending *why,
			     void *arg)
{
	(void)i;
	(void)arg;
	last = *why;
	closedc++;
	re_cancel();
}

static const struct invite_handlers handlers = {
    .ringing = on_ringing,
    .progress = on_progress,
    .answered = on_answered,
    .refused = on_refused,
    .offered = on_offered,
    .dtmf = on_dtmf,
    .closed = on_closed,
};

static inline void wait_for(const unsigned *count, unsigned want)
{
	for (unsigned i = 0; *count < want && i < 100; i++)
		(void)loop_for(50);
	ck_assert_uint_eq(*count, want);
}

static inline void incoming(struct siptrunk *t, struct sip *sip,
			    const struct sip_msg *msg, void *arg)
{
	(void)arg;
	(void)invite_accept(&inv, all, t, sip, msg, "gw", &handlers, NULL);
	re_cancel();
}

static inline void setup(void)
{
	sippeer_open(&phone);
	peer_open(&other, &stack);
	ck_assert_int_eq(invites_alloc(&all, &stack), 0);
	invites_set_times(all, &fast);
	stack.inviteh = incoming;
}

static inline void teardown(void)
{
	mem_deref(inv);
	invites_close(all);
	mem_deref(all);
	peer_close(&other);
	sippeer_close(&phone);
}

static inline void slow(void)
{
	struct invite_times t = *invites_times(all);

	t.silence = 5000;
	t.ring = 10000;
	t.give_up = 5000;
	t.second = 1000;
	invites_set_times(all, &t);
}

static inline const char *call_out(void)
{
	struct invite_conf conf = {
	    .trunk = &trunk,
	    .uri = "sip:600@pbx.test",
	    .from_uri = "sip:alice@gw.test",
	    .token = "tok",
	    .max_forwards = 33,
	};

	ck_assert_int_eq(invite_connect(&inv, all, &conf, sdp1, strlen(sdp1),
					&handlers, NULL),
			 0);
	return peer_expect(&phone, "INVITE sip:600@pbx.test SIP/2.0");
}

/* Who is who for requests of the phone in a call that we began. */
static inline struct peer_dialog dialog_out(const char *rq, const char *tag)
{
	struct peer_dialog d;

	memset(&d, 0, sizeof(d));
	snprintf(d.callid, sizeof(d.callid), "%s", hdr(rq, "Call-ID"));
	snprintf(d.us, sizeof(d.us), "%s;tag=%s", hdr(rq, "To"), tag);
	snprintf(d.them, sizeof(d.them), "%s", hdr(rq, "From"));
	d.cseq = 1;
	return d;
}

static inline struct peer_dialog call_up(const char *lines)
{
	const char *rq = call_out();
	struct peer_dialog d = dialog_out(rq, "p1");

	peer_reply(&phone, rq, "200 OK", "p1", lines, theirs1);
	wait_for(&answeredc, 1);
	(void)peer_expect(&phone, "ACK sip:phone@");
	return d;
}

static inline void hang_up(void)
{
	static const struct ending why = {.reason = REASON_SUCCESS};

	invite_end(inv, &why);
}

#endif
