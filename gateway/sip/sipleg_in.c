/* sipleg_in.c: incoming INVITEs and what a session tells its leg. */
#include "sip/sipleg_priv.h"
#include <string.h>
#include "base/id.h"
#include "base/log.h"
#include "base/text.h"
#include "sip/nameaddr.h"

enum {
	TOKEN_SIZE = 13,
	RETRY_AFTER = 10,  /* s; with 503 when too many calls ring */
	MAX_FORWARDS = 70, /* RFC 3261 8.1.1.6 */
};

struct caller {
	struct peer peer; /* strings are mem_ref'd */
	bool verified;
};

static void caller_clear(struct caller *c)
{
	c->peer.uri = mem_deref(c->peer.uri);
	c->peer.name = mem_deref(c->peer.name);
	c->peer.jid = mem_deref(c->peer.jid);
}

static int caller_set(struct caller *c, const struct nameaddr *na)
{
	int err;

	caller_clear(c);
	err = pl_strdup(&c->peer.uri, &na->uri);
	if (err)
		return err;

	return nameaddr_name(&c->peer.name, na);
}

struct asserted {
	struct nameaddr na;
	bool found, sip;
};

/* RFC 3325 9.1: one sip, one tel; sip is preferred (protocol F.3) */
static bool asserted_handler(const struct sip_hdr *hdr,
			     const struct sip_msg *msg, void *arg)
{
	struct asserted *a = arg;
	struct nameaddr na;
	bool sip, tel;
	(void)msg;

	if (nameaddr_decode(&na, &hdr->val))
		return false;

	sip = na.uri.l > 4 && !strncasecmp(na.uri.p, "sip:", 4);
	tel = na.uri.l > 4 && !strncasecmp(na.uri.p, "tel:", 4);
	if (a->sip || !(sip || (tel && !a->found)))
		return false;

	a->na = na;
	a->found = true;
	a->sip = sip;

	return false;
}

static bool privacy_asked(const struct sip_msg *msg)
{
	static const char *const kinds[] = {"id", "user", "header"};
	const struct sip_hdr *hdr = sip_msg_hdr(msg, SIP_HDR_PRIVACY);
	struct pl rest, word;

	if (!hdr)
		return false;

	rest = hdr->val; /* RFC 3323 4.2: separated by ';' */
	while (rest.l) {
		const char *semi = pl_strchr(&rest, ';');

		word = rest;
		if (semi)
			word.l = (size_t)(semi - rest.p);
		pl_advance(&rest, (ssize_t)(word.l + (semi ? 1 : 0)));
		while (word.l && word.p[0] == ' ')
			pl_advance(&word, 1);
		while (word.l && word.p[word.l - 1] == ' ')
			--word.l;
		for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
			if (!pl_strcasecmp(&word, kinds[i]))
				return true;
	}

	return false;
}

static int caller_anonymous(struct caller *c)
{
	int err;

	caller_clear(c);
	c->verified = false;
	err = str_dup(&c->peer.uri, "sip:anonymous@anonymous.invalid");
	if (err)
		return err;

	return str_dup(&c->peer.name, "Anonymous");
}

static int caller_decode(struct caller *c, const struct sip_msg *msg,
			 bool trusted)
{
	struct asserted asserted;
	struct nameaddr na;
	int err;

	memset(c, 0, sizeof(*c));
	memset(&asserted, 0, sizeof(asserted));

	err = nameaddr_decode(&na, &msg->from.val);
	if (err)
		return err;
	if (trusted)
		(void)sip_msg_hdr_apply(msg, true, SIP_HDR_P_ASSERTED_IDENTITY,
					asserted_handler, &asserted);

	/* RFC 3325 7: nobody beyond the trunk learns a hidden identity */
	if (privacy_asked(msg) ||
	    (!asserted.found && na.uri.l >= 17 &&
	     !strncasecmp(na.uri.p + na.uri.l - 17, "anonymous.invalid", 17)))
		err = caller_anonymous(c);
	else
		err = caller_set(c, asserted.found ? &asserted.na : &na);

	if (!err && strcmp(c->peer.uri, "sip:anonymous@anonymous.invalid"))
		c->verified = trusted;
	if (err)
		caller_clear(c);

	return err;
}

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
	int err;

	memset(&rq, 0, sizeof(rq));
	err = caller_decode(&caller, msg, conf && conf->trusted);
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
	media_kinds(&rq, offer);
	err = call_incoming(&rq, why);

out:
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
	if (err && l->inv) {
		invite_end(l->inv, &why);
		sipleg_forget(l);
	}

	desc_free(offer);
}

void sipleg_incoming(struct siptrunk *trunk, struct sip *sip,
		     const struct sip_msg *msg, void *arg)
{
	struct sipcalls *calls = arg;
	char token[TOKEN_SIZE];
	struct sipleg *l = NULL;
	int err;

	if (calls->half_open_max && calls->half_open >= calls->half_open_max) {
		(void)sip_replyf(sip, msg, 503, "Service Unavailable",
				 "Retry-After: %u\r\n"
				 "Content-Length: 0\r\n\r\n",
				 RETRY_AFTER);
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
