/* sipleg.c: a call's leg in SIP: leg.h on one side, invite.h on the other. */
#include "sip/sipleg_priv.h"
#include <stdlib.h>
#include <string.h>
#include "base/id.h"
#include "base/log.h"
#include "sip/nameaddr.h"

static void leg_destructor(void *arg)
{
	static const struct ending why = {.reason = REASON_GENERAL_ERROR};
	struct sipleg *l = arg;

	sipleg_settled(l);
	if (l->inv)
		invite_end(l->inv, &why);
	mem_deref(l->inv);
	mem_deref(l->calls);
	mem_deref(l->to_uri);
	mem_deref(l->from_uri);
	mem_deref(l->from_name);
	mem_deref(l->token);
	mem_deref(l->text);
	desc_free(l->local);
}

static const struct leg_ops ops;

int sipleg_new(struct sipleg **lp, struct sipcalls *calls,
	       struct siptrunk *trunk, bool outgoing)
{
	struct sipleg *l = mem_zalloc(sizeof(*l), leg_destructor);

	if (!l)
		return ENOMEM;

	l->leg.ops = &ops;
	l->calls = mem_ref(calls);
	l->trunk = trunk;
	l->outgoing = outgoing;
	l->origin_id = id_random() >> 1; /* 63 bits: RFC 8866 5.2 readers */
	l->origin_version = 1;
	for (unsigned i = 0; i < DESC_MEDIA_MAX; i++)
		l->wish[i] = DESC_SENDRECV;
	*lp = l;

	return 0;
}

void sipleg_settled(struct sipleg *l)
{
	if (l->half_open)
		--l->calls->half_open;
	l->half_open = false;
}

void sipleg_forget(struct sipleg *l)
{
	sipleg_settled(l);
	l->leg.call = NULL;
	l->inv = mem_deref(l->inv);
}

/* ---- SDP ---- */

static int text_of(char **textp, struct desc *d, uint64_t id, uint64_t version)
{
	char *raw = NULL;
	size_t len;
	int err;

	d->origin_id = id;
	d->origin_version = version;
	err = desc_encode(&raw, &len, d);
	if (!err)
		err = str_dup(textp, raw);
	free(raw);

	return err;
}

int sipleg_encode(struct sipleg *l, const struct desc *d, const char **textp)
{
	struct desc *copy = NULL;
	char *text = NULL;
	int err;

	err = desc_copy(&copy, d);
	if (err)
		return err;

	err = text_of(&text, copy, l->origin_id, l->origin_version);
	if (!err && l->text && strcmp(text, l->text)) {
		text = mem_deref(text);
		err = text_of(&text, copy, l->origin_id, ++l->origin_version);
	}
	if (err) {
		desc_free(copy);
		return err;
	}

	mem_deref(l->text);
	desc_free(l->local);
	l->text = text;
	l->local = copy;
	*textp = text;

	return 0;
}

int sipleg_decode(const struct sipleg *l, struct desc **dp,
		  const struct pl *sdp, struct ending *why)
{
	unsigned line = 0;
	int err;

	memset(why, 0, sizeof(*why));
	err = sdp->l > l->calls->sdp_bytes
		  ? E2BIG
		  : desc_decode(dp, sdp->p, sdp->l, &line);
	if (!err && !desc_is_within(*dp, l->calls->candidates_max,
				    l->calls->codecs_max)) {
		desc_free(*dp);
		*dp = NULL;
		err = E2BIG;
	}
	switch (err) {
	case 0:
		return 0;

	case ENOMEM:
		why->reason = REASON_GENERAL_ERROR;
		why->sip_code = 500;
		break;

	case E2BIG:
		why->reason = REASON_INCOMPATIBLE_PARAMETERS;
		why->sip_code = 488;
		(void)re_snprintf(why->text, sizeof(why->text),
				  "SDP over its limits");
		break;

	default:
		why->reason = REASON_INCOMPATIBLE_PARAMETERS;
		why->sip_code = 400;
		(void)re_snprintf(why->text, sizeof(why->text),
				  "SDP line %u is malformed", line);
		break;
	}
	log_info("sip: %s: %s\n", l->leg.id, why->text);

	return err;
}

static void wish_set(struct sipleg *l, const struct desc *offer)
{
	for (unsigned i = 0; i < offer->mediac; i++)
		l->wish[i] = offer->media[i]->dir;
}

/* ---- down: leg_ops ---- */

static struct sipleg *leg_of(struct leg *leg)
{
	return (struct sipleg *)leg;
}

static int headers_of(char **lines, const struct sipleg *l)
{
	const struct config_trunk *conf = siptrunk_conf(l->trunk);
	struct nameaddr_out na = {l->from_name, l->from_uri};
	const char *privacy = l->privacy ? "Privacy: id\r\n" : "";
	/* RFC 5009 4: else nobody says what may be heard */
	const char *early = conf && conf->early_media == CONFIG_EARLY_CONNECT
				? "P-Early-Media: supported\r\n"
				: "";
	bool assert = conf && conf->pai == CONFIG_PAI_YES;

	/* RFC 3323 4.2, 3325 9.3: who is hidden is asserted only to a trunk
	 * that was named as one that wants to know */
	if (conf && conf->pai == CONFIG_PAI_AUTO)
		assert = conf->trusted && !l->privacy;
	if (!assert)
		return re_sdprintf(lines, "%s%s", privacy, early);

	return re_sdprintf(lines, "P-Asserted-Identity: %H\r\n%s%s",
			   nameaddr_print, &na, privacy, early);
}

static int connect_out(struct sipleg *l, const char *sdp)
{
	struct invite_conf conf = {
	    .trunk = l->trunk,
	    .uri = l->to_uri,
	    .from_name = l->privacy ? "Anonymous" : l->from_name,
	    .from_uri =
		l->privacy ? "sip:anonymous@anonymous.invalid" : l->from_uri,
	    .token = l->privacy ? "anonymous" : l->token,
	    .max_forwards = l->max_forwards,
	};
	char *lines = NULL;
	int err;

	err = headers_of(&lines, l);
	if (err)
		return err;

	conf.headers = lines;
	err = invite_connect(&l->inv, l->calls->invites, &conf, sdp,
			     strlen(sdp), &sipleg_handlers, l);
	if (!err)
		str_ncpy(l->leg.id, invite_callid(l->inv), sizeof(l->leg.id));
	mem_deref(lines);

	return err;
}

static int leg_offer(struct leg *leg, const struct desc *offer)
{
	struct sipleg *l = leg_of(leg);
	bool out = l->outgoing && !l->inv;
	const char *sdp;
	int err;

	if (!offer)
		return EINVAL;
	if (!out &&
	    (l->outgoing || !l->inv || l->answered || invite_offer(l->inv)->l))
		return EPROTO;

	err = sipleg_encode(l, offer, &sdp);
	if (err)
		return err;
	wish_set(l, offer);

	return out ? connect_out(l, sdp)
		   : invite_answer(l->inv, sdp, strlen(sdp));
}

static int leg_branch(struct leg *leg, unsigned branch,
		      const struct desc *offer)
{
	(void)leg;
	(void)branch;
	(void)offer;

	return EPROTO;
}

static int leg_ring(struct leg *leg)
{
	struct sipleg *l = leg_of(leg);

	return l->inv && !l->outgoing ? invite_ring(l->inv, 180) : EPROTO;
}

static int leg_proceed(struct leg *leg)
{
	return leg_of(leg)->inv ? EALREADY : EPROTO;
}

static int leg_answer(struct leg *leg, const struct desc *answer)
{
	struct sipleg *l = leg_of(leg);
	const char *sdp;
	int err;

	if (!l->inv || !answer)
		return EPROTO;
	if (l->absorb) { /* it went out as our delayed offer */
		l->absorb = false;
		return 0;
	}

	err = sipleg_encode(l, answer, &sdp);
	if (err)
		return err;
	err = invite_answer(l->inv, sdp, strlen(sdp));
	if (!err) {
		sipleg_settled(l);
		l->answered = true;
	}

	return err;
}

static int leg_refuse(struct leg *leg, const struct ending *why)
{
	struct sipleg *l = leg_of(leg);

	if (!l->inv)
		return EPROTO;
	if (l->absorb) {
		l->absorb = false;
		return 0;
	}

	return invite_refuse(l->inv, why);
}

static int leg_update(struct leg *leg, const struct desc *offer)
{
	struct sipleg *l = leg_of(leg);
	const char *sdp;
	int err;

	if (!l->inv || !l->answered || !offer)
		return EPROTO;
	if (l->asked)
		return EBUSY;
	if (!invite_is_free(l->inv))
		return EBUSY;

	err = sipleg_encode(l, offer, &sdp);
	if (err)
		return err;
	wish_set(l, offer);

	return invite_update(l->inv, sdp, strlen(sdp));
}

static int leg_transport(struct leg *leg, unsigned branch, unsigned media,
			 const struct transport *t)
{
	(void)leg;
	(void)branch;
	(void)media;
	(void)t;

	return EPROTO;
}

static int leg_dtmf(struct leg *leg, char digit, unsigned ms)
{
	struct sipleg *l = leg_of(leg);
	const struct config_trunk *conf = siptrunk_conf(l->trunk);

	if (!l->inv)
		return EPROTO;
	if (!conf || conf->dtmf != CONFIG_INFO)
		return ENOTSUP;

	return invite_info_dtmf(l->inv, digit, ms);
}

static void leg_end(struct leg *leg, const struct ending *why)
{
	struct sipleg *l = leg_of(leg);

	if (l->inv)
		invite_end(l->inv, why);
	sipleg_forget(l);
}

static int leg_print(struct re_printf *pf, const struct leg *leg)
{
	const struct sipleg *l = (const struct sipleg *)leg;
	const struct config_trunk *conf = siptrunk_conf(l->trunk);

	return re_hprintf(pf, "sip %s, trunk %s, %s",
			  l->to_uri ? l->to_uri : "in",
			  conf && conf->name ? conf->name : "-", leg->id);
}

static const struct leg_ops ops = {
    .name = "sip",
    .offer = leg_offer,
    .branch = leg_branch,
    .ring = leg_ring,
    .proceed = leg_proceed,
    .answer = leg_answer,
    .refuse = leg_refuse,
    .update = leg_update,
    .transport = leg_transport,
    .dtmf = leg_dtmf,
    .end = leg_end,
    .farewell = sipleg_farewell_note,
    .print = leg_print,
};

int sipleg_alloc(struct leg **lp, struct sipcalls *calls, struct call *call,
		 const struct sipleg_conf *conf)
{
	struct sipleg *l;
	int err;

	if (!lp || !calls || !conf || !conf->trunk)
		return EINVAL;
	if (!nameaddr_uri_safe(conf->to_uri) ||
	    !nameaddr_uri_safe(conf->from_uri) || !conf->token)
		return EBADMSG;

	err = sipleg_new(&l, calls, conf->trunk, true);
	if (err)
		return err;

	l->leg.call = call;
	l->privacy = conf->privacy;
	l->max_forwards = conf->max_forwards;
	err = str_dup(&l->to_uri, conf->to_uri);
	if (!err)
		err = str_dup(&l->from_uri, conf->from_uri);
	if (!err)
		err = str_dup(&l->token, conf->token);
	if (!err && conf->from_name)
		err = str_dup(&l->from_name, conf->from_name);

	if (err)
		mem_deref(l);
	else
		*lp = &l->leg;

	return err;
}

int sipleg_aim(struct leg *leg, const char *uri)
{
	struct sipleg *l = leg_of(leg);
	char *copy;
	int err;

	if (!l->outgoing || l->inv)
		return EPROTO;
	if (!nameaddr_uri_safe(uri))
		return EBADMSG;
	err = str_dup(&copy, uri);
	if (err)
		return err;

	mem_deref(l->to_uri);
	l->to_uri = copy;

	return 0;
}

const struct sa *sipleg_signalling(const struct leg *leg)
{
	const struct sipleg *l = (const struct sipleg *)leg;

	return l && l->inv ? invite_peer(l->inv) : NULL;
}

/* ---- all legs ---- */

static void calls_destructor(void *arg)
{
	struct sipcalls *calls = arg;

	list_flush(&calls->cancels);
	invites_close(calls->invites);
	mem_deref(calls->invites);
}

void sipcalls_limits(struct sipcalls *calls,
		     const struct config_limits *limits)
{
	calls->sdp_bytes = limits->sdp_bytes;
	calls->half_open_max = limits->half_open;
	calls->candidates_max = limits->candidates;
	calls->codecs_max = limits->codecs;
}

int sipcalls_alloc(struct sipcalls **sp, struct sipstack *stack,
		   const struct config_limits *limits)
{
	struct sipcalls *calls;
	int err;

	if (!sp || !stack || !limits)
		return EINVAL;

	calls = mem_zalloc(sizeof(*calls), calls_destructor);
	if (!calls)
		return ENOMEM;

	calls->stack = stack;
	sipcalls_limits(calls, limits);
	err = invites_alloc(&calls->invites, stack);
	if (err)
		goto out;
	err = sipstack_listen_dialog(stack, false, farewell_response, calls);
	if (err)
		goto out;
	err = sipstack_listen(stack, "INVITE", sipleg_incoming, calls);

out:
	if (err)
		mem_deref(calls);
	else
		*sp = calls;

	return err;
}
