/* callup.c: what the legs tell their call (leg.h, upward). */
#include <errno.h>
#include <string.h>
#include "base/log.h"
#include "bridge/callpriv.h"
#include "bridge/orphan.h"

static struct call *enter(struct leg *leg)
{
	return leg->call ? mem_ref(leg->call) : NULL;
}

void call_ringing(struct leg *leg)
{
	struct call *call = enter(leg);
	struct leg *other;

	if (!call)
		return;

	other = leg == call->x ? call->s : call->x;
	if (call->state == CALL_TRYING) {
		log_info("call %s: ringing\n", call->name);
		call_enter(call, CALL_RINGING);
		if (other)
			(void)other->ops->ring(other);
	}

	mem_deref(call);
}

static void answered_by_sip(struct call *call, const struct desc *answer)
{
	int err;

	err = call_desc_keep(&call->s_remote, answer);
	if (!err)
		err = callmedia_remote_s(call, answer, true);
	if (!err && call->jmi)
		err = callmedia_flow(call, 0, 0, false);
	if (err) {
		call_fail_err(call, err);
		return;
	}

	log_info("call %s: sip answered\n", call->name);
	if (!call->jmi) {
		call_answer_xmpp(call);
		return;
	}

	call_agree(call, true, false);
	call_enter(call, CALL_PROCEEDING);
	(void)callmedia_stream(call);
	err = call->x->ops->proceed(call->x);
	if (err == EALREADY)
		call_answer_xmpp(call);
	else if (err)
		call_fail_err(call, err);
}

static void answered_by_xmpp(struct call *call, unsigned branch,
			     const struct desc *answer)
{
	if (branch >= LEG_BRANCH_MAX) {
		call_fail_err(call, EINVAL);
		return;
	}

	log_info("call %s: xmpp answered\n", call->name);
	call->winner = branch;
	callmedia_end_branches(call, branch);
	if (call_desc_keep(&call->x_remote, answer))
		call_fail_err(call, ENOMEM);
	else
		call_answer_sip(call);
}

/* The answer to our offer in a 200, or to the re-INVITE of E.2. */
static void answered_late(struct call *call, const struct desc *answer)
{
	struct desc *d = NULL;
	int err;

	err = call_desc_keep(&call->s_remote, answer);
	if (!err)
		err = callmedia_remote_s(call, answer, true);
	if (err) {
		call_fail_err(call, err);
		return;
	}

	if (call->from_xmpp) {
		call->s_agreed_local = false;
		call_answer_xmpp(call);
		return;
	}

	/* what X answered stays; S must have taken something of it */
	err = join_answer_sip(&d, call->s_remote, call->x_remote);
	desc_free(d);
	if (err)
		call_fail_err(call, err);
	else
		call_activate(call);
}

/* X was connected at a 183 (early_media); the 200 may be of another fork, with
 * other addresses. */
static void answered_again(struct call *call, const struct desc *answer)
{
	int err;

	err = callmedia_remote_s(call, answer, true);
	if (!err && !call->s_agreed_local)
		err = call_desc_keep(&call->s_remote, answer);
	if (!err && call->state == CALL_ACTIVE)
		err = callmedia_stream(call);
	if (err)
		call_fail_err(call, err);
}

void call_answered(struct leg *leg, unsigned branch, const struct desc *answer)
{
	struct call *call = enter(leg);

	if (!call)
		return;

	switch (call->state) {
	case CALL_TRYING:
	case CALL_RINGING:
		if (leg == call->s && call->from_xmpp)
			answered_by_sip(call, answer);
		else if (leg == call->x && !call->from_xmpp)
			answered_by_xmpp(call, branch, answer);
		break;

	case CALL_LATE:
		if (leg == call->s)
			answered_late(call, answer);
		break;

	case CALL_PROCEEDING:
	case CALL_JOINING:
		if (leg == call->s)
			answered_again(call, answer);
		break;

	case CALL_ACTIVE:
		if (call->updating && leg != call->updating)
			callupdate_answered(call, leg, answer);
		else if (leg == call->s && !call->updating)
			answered_again(call, answer);
		break;

	default:
		log_warning("call %s: answer in state %s ignored\n",
			    call->name, call_state_name(call->state));
		break;
	}
	if (call->state < CALL_ACTIVE) /* one side is up already */
		orphan_note(call);

	mem_deref(call);
}

/* X has answered and hears what S plays while it rings. */
static void sound_early(struct call *call, const struct desc *answer)
{
	int err;

	err = call_desc_keep(&call->s_remote, answer);
	if (!err)
		err = callmedia_remote_s(call, answer, true);
	if (!err)
		(void)callmedia_stream(call);
}

void call_progress(struct leg *leg, const struct desc *answer)
{
	struct call *call = enter(leg);

	if (!call)
		return;

	if (call->trunk->early_media == CONFIG_EARLY_CONNECT &&
	    call->from_xmpp && leg == call->s &&
	    (call->state == CALL_TRYING || call->state == CALL_RINGING))
		answered_by_sip(call, answer);

	else if (call->trunk->early_media == CONFIG_EARLY_CONNECT &&
		 call->dialled && leg == call->s && call->state == CALL_LATE)
		sound_early(call, answer);

	mem_deref(call);
}

void call_refused(struct leg *leg, const struct ending *why)
{
	struct call *call = enter(leg);

	if (!call)
		return;

	log_info("call %s: change refused: %s\n", call->name,
		 ending_words(why));
	if (call->state != CALL_LATE)
		callupdate_refused(call, leg, why);
	else if (why->sip_code != 491) /* else an offer of S goes first */
		call_fail_err(call, ENOTSUP);

	mem_deref(call);
}

void call_branch(struct leg *leg, unsigned branch)
{
	struct call *call = enter(leg);

	if (!call)
		return;

	if (branch && branch < LEG_BRANCH_MAX &&
	    (call->state == CALL_TRYING || call->state == CALL_RINGING)) {
		call->branch[branch].wanted = true;
		if (callmedia_flow(call, branch, 0, true))
			log_warning("call %s: no room for another device\n",
				    call->name);
	}

	mem_deref(call);
}

/* S's offer crossed our re-INVITE of E.2, which it pushed aside: may be that
 * it has a codec of X; else we ask again.  LATE's timer ends this. */
static void offered_late(struct call *call, const struct desc *offer)
{
	int err;

	if (callupdate_early(call, call->s, offer)) {
		call_answer_xmpp(call);
		return;
	}

	err = call->s->ops->update(call->s, call->s_local);
	if (err)
		call_fail_err(call, err);
}

void call_offered(struct leg *leg, const struct desc *offer)
{
	struct call *call = enter(leg);

	if (!call)
		return;

	if (call->state == CALL_PROCEEDING && leg == call->x) {
		if (call_desc_keep(&call->x_remote, offer))
			call_fail_err(call, ENOMEM);
		else
			call_answer_xmpp(call);
	} else if (call->state == CALL_PROCEEDING ||
		   call->state == CALL_JOINING) {
		(void)callupdate_early(call, leg, offer);
	} else if (call->state == CALL_LATE && call->from_xmpp &&
		   leg == call->s) {
		offered_late(call, offer);
	} else {
		callupdate_offered(call, leg, offer);
	}

	mem_deref(call);
}

void call_transport(struct leg *leg, unsigned branch, unsigned media,
		    const struct transport *t)
{
	struct call *call = enter(leg);
	const struct flow *f;
	unsigned first;

	if (!call)
		return;

	if (branch < LEG_BRANCH_MAX && media < DESC_MEDIA_MAX && call->media) {
		first = call->x_remote
			    ? desc_group_first(call->x_remote, media)
			    : media;
		f = &call->branch[branch].flows[first];
		if (f->used)
			(void)media_remote_ice(call->media, f->id, t);
	}

	mem_deref(call);
}

void call_dtmf(struct leg *leg, char digit, unsigned ms)
{
	struct call *call = enter(leg);
	int err = ENOTSUP;

	if (!call)
		return;

	if (call->state == CALL_ACTIVE && call->media) {
		if (leg == call->s)
			err =
			    media_dtmf(call->media, 0, MEDIA_TO_X, digit, ms);
		else if (call->trunk->dtmf == CONFIG_INFO)
			err = call->s->ops->dtmf(call->s, digit, ms);
		else
			err =
			    media_dtmf(call->media, 0, MEDIA_TO_S, digit, ms);
	}

	++call_counts.digits[leg == call->x];
	log_info("call %s: digit from %s%s\n", call->name,
		 leg == call->x ? "xmpp" : "sip",
		 err ? ": dropped, the other side takes none" : "");
	mem_deref(call);
}

void call_muted(struct leg *leg, bool muted)
{
	struct call *call = leg->call;

	if (!call || call->x_muted == muted)
		return;

	log_info("call %s: xmpp is %s\n", call->name,
		 muted ? "muted" : "no longer muted");
	call->x_muted = muted;
	if (call->state == CALL_ACTIVE)
		(void)callmedia_stream(call);
}

void call_ended(struct leg *leg, const struct ending *why)
{
	if (leg->call)
		call_close(leg->call, leg, why);
}

const char *call_name(const struct leg *leg)
{
	return leg->call ? leg->call->name : "-";
}
