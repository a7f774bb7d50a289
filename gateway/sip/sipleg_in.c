/* sipleg_in.c: incoming INVITEs and what a session tells its leg. */
#include "sip/sipleg_priv.h"
#include <string.h>
#include "base/id.h"
#include "base/log.h"
#include "sip/caller.h"
#include "sip/refuse.h"

enum {
	TOKEN_SIZE = 13,
	RETRY_AFTER = 10,  /* s; with 503 when too many calls ring */
	MAX_FORWARDS = 70, /* RFC 3261 8.1.1.6 */
};

/* ---- an INVITE ---- */

static unsigned max_forwards(const struct sip_msg *msg)
{
	if (!pl_isset(&msg->maxfwd) || msg->maxfwd.l > 3)
		return MAX_FORWARDS;

	return MIN(pl_u32(&msg->maxfwd), 255);
}

static void media_kinds(struct call_request *rq, const struct desc *offer)
{
	rq->audio = !offer;
	for (unsigned i = 0; offer && i < offer->mediac; i++) {
		const struct desc_media *m = offer->media[i];

		if (m->rejected)
			continue;
		rq->audio |= m->kind == DESC_AUDIO;
		rq->video |= m->kind == DESC_VIDEO;
	}
}

static int request_raise(struct sipleg *l, const struct sip_msg *msg,
			 const struct desc *offer, struct ending *why)
{
	const struct config_trunk *conf = siptrunk_conf(l->trunk);
	struct call_request rq;
	struct caller caller;
	char *diverted = NULL;
	int err;

	memset(&rq, 0, sizeof(rq));
	err = caller_decode(&caller, msg, caller_is_trusted(conf));
	if (err) {
		why->sip_code = err == ENOMEM ? 500 : 400;
		str_ncpy(why->text, "malformed From", sizeof(why->text));
		return err;
	}

	err = pl_strdup(&rq.to.uri, &msg->ruri);
	if (err) {
		why->sip_code = 500;
		goto out;
	}

	rq.leg = &l->leg;
	rq.from = caller.peer;
	rq.offer = offer;
	rq.trunk = conf ? conf->name : NULL;
	rq.verified = caller.verified;
	rq.max_forwards = max_forwards(msg);
	if (conf && (conf->trusted || siptrunk_is_line(l->trunk)))
		(void)caller_diverted(&diverted, msg);
	rq.diverted = diverted;
	media_kinds(&rq, offer);
	err = call_incoming(&rq, why);

out:
	mem_deref(diverted);
	mem_deref(rq.to.uri);
	caller_clear(&caller);

	return err;
}

static void request_judge(struct sipleg *l, const struct sip_msg *msg)
{
	const struct pl *sdp = invite_offer(l->inv);
	struct desc *offer = NULL;
	struct ending why;
	int err = 0;

	memset(&why, 0, sizeof(why));
	if (sdp->l)
		err = sipleg_decode(l, &offer, sdp, &why);
	if (!err)
		err = request_raise(l, msg, offer, &why);
	if (err)
		refuse_msg(msg, l->trunk, REFUSE_CALL, why.sip_code);
	if (err && l->inv) {
		invite_end(l->inv, &why);
		sipleg_forget(l);
	}

	desc_free(offer);
}

/* RFC 3261 21.5.4; 20.43: 399 is for people. */
static void refuse_full(struct sip *sip, const struct sip_msg *msg,
			unsigned retry_after, const char *text)
{
	(void)sip_replyf(sip, msg, 503, "Service Unavailable",
			 "Retry-After: %u\r\n"
			 "Warning: 399 stoxd \"%s\"\r\n"
			 "Content-Length: 0\r\n\r\n",
			 retry_after, text);
}

void sipleg_incoming(struct siptrunk *trunk, struct sip *sip,
		     const struct sip_msg *msg, void *arg)
{
	struct sipcalls *calls = arg;
	char token[TOKEN_SIZE];
	struct sipleg *l = NULL;
	struct ending why;
	int err;

	if (calls->half_open_max && calls->half_open >= calls->half_open_max) {
		refuse_msg(msg, trunk, REFUSE_CALL, 503);
		refuse_full(sip, msg, RETRY_AFTER,
			    "too many calls are being set up");
		return;
	}
	/* No line of refuse.h: it is no fault of the source's. */
	if (!call_admits(NULL, NULL, &why)) {
		refuse_full(sip, msg, why.retry_after, why.text);
		return;
	}

	err = sipleg_new(&l, calls, trunk, false);
	if (err)
		goto out;

	id_token(token, sizeof(token));
	err = invite_accept(&l->inv, calls->invites, trunk, sip, msg, token,
			    &sipleg_handlers, l);
	if (err)
		goto out;

	str_ncpy(l->leg.id, invite_callid(l->inv), sizeof(l->leg.id));
	l->half_open = true;
	++calls->half_open;
	request_judge(l, msg);

out:
	if (err && err != EBADMSG) /* that one has its answer */
		(void)sip_reply(sip, msg, 500, "Server Internal Error");
	mem_deref(l);
}

/* ---- up: what the session tells ---- */

static void ringing(struct invite *inv, unsigned code, void *arg)
{
	struct sipleg *l = arg;
	(void)inv;
	(void)code;

	call_ringing(&l->leg);
}

static void progress(struct invite *inv, const struct pl *sdp, void *arg)
{
	struct sipleg *l = arg;
	struct desc *answer = NULL;
	struct ending why;
	(void)inv;

	if (sipleg_decode(l, &answer, sdp, &why))
		return; /* the 2xx will say it again, or well */

	call_progress(&l->leg, answer);
	desc_free(answer);
}

/* An answer that cannot be read leaves nothing to go on with. */
static void answer_broken(struct sipleg *l, struct ending *why)
{
	invite_end(l->inv, why);
	why->sip_code = 0;
	if (l->leg.call)
		call_ended(&l->leg, why);
	sipleg_forget(l);
}

static void answered(struct invite *inv, const struct pl *sdp, void *arg)
{
	struct sipleg *l = mem_ref(arg);
	struct desc *answer = NULL;
	struct ending why;
	(void)inv;

	if (sipleg_decode(l, &answer, sdp, &why)) {
		answer_broken(l, &why);
		goto out;
	}

	sipleg_settled(l);
	l->answered = true;
	if (l->asked) { /* they chose from what we can do: a new wish */
		l->asked = false;
		l->absorb = true;
		call_offered(&l->leg, answer);
	} else {
		call_answered(&l->leg, 0, answer);
	}

out:
	desc_free(answer);
	mem_deref(l);
}

static void refused(struct invite *inv, const struct ending *why, void *arg)
{
	struct sipleg *l = arg;
	(void)inv;

	call_refused(&l->leg, why);
}

/* Delayed offer inside a call (RFC 3261 14.2): what we can do now, not what
 * their last hold made of it. */
static void offer_capability(struct sipleg *l)
{
	struct desc *d = NULL;
	const char *sdp;
	int err;

	err = l->local ? desc_copy(&d, l->local) : EPROTO;
	if (err)
		goto out;
	for (unsigned i = 0; i < d->mediac; i++)
		if (!d->media[i]->rejected)
			d->media[i]->dir = l->wish[i];

	err = sipleg_encode(l, d, &sdp);
	if (err)
		goto out;
	err = invite_answer(l->inv, sdp, strlen(sdp));

out:
	if (err) {
		struct ending why = {.reason = REASON_GENERAL_ERROR};

		(void)invite_refuse(l->inv, &why);
	} else {
		l->asked = true;
	}
	desc_free(d);
}

static void offered(struct invite *inv, const struct pl *sdp, void *arg)
{
	struct sipleg *l = mem_ref(arg);
	struct desc *offer = NULL;
	struct ending why;

	if (!sdp)
		offer_capability(l);
	else if (sipleg_decode(l, &offer, sdp, &why))
		(void)invite_refuse(inv, &why);
	else
		call_offered(&l->leg, offer);

	desc_free(offer);
	mem_deref(l);
}

static void dtmf(struct invite *inv, char digit, unsigned ms, void *arg)
{
	struct sipleg *l = arg;
	(void)inv;

	call_dtmf(&l->leg, digit, ms);
}

static void closed(struct invite *inv, const struct ending *why, void *arg)
{
	struct sipleg *l = mem_ref(arg);
	(void)inv;

	if (l->leg.call)
		call_ended(&l->leg, why);
	sipleg_forget(l);
	mem_deref(l);
}

const struct invite_handlers sipleg_handlers = {
    .ringing = ringing,
    .progress = progress,
    .answered = answered,
    .refused = refused,
    .offered = offered,
    .dtmf = dtmf,
    .closed = closed,
};
