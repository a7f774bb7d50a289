/* callupdate.c: changes of an answered call: hold, resume, new addresses and
 * codecs; one offer at a time over both legs (D30). */
#include <errno.h>
#include <string.h>
#include "base/log.h"
#include "base/trace.h"
#include "bridge/callpriv.h"
#include "bridge/orphan.h"

static void update_done(struct call *call)
{
	desc_free(call->update);
	call->update = NULL;
	call->updating = NULL;
	call->own_update = false;
}

static void update_refuse(struct call *call, enum reason reason,
			  const char *text)
{
	struct ending why;

	ending_set(&why, reason, 0, text);
	if (!call->own_update)
		(void)call->updating->ops->refuse(call->updating, &why);
	update_done(call);
	callupdate_next(call);
}

/* The other leg went along (or nothing was to be told to it). */
static void update_answer_s(struct call *call)
{
	const struct desc_media *x = callmedia_x_agreed(call);
	struct desc one = {.media = {NULL}, .mediac = 1};
	struct desc *d = NULL;
	int err, si;

	if (!x) {
		call->s_dir = call->s_was;
		update_refuse(call, REASON_GENERAL_ERROR, "not answered yet");
		return;
	}

	memcpy(&one.media[0], &x, sizeof(x));
	err = join_answer_sip(&d, call->update, &one);
	if (!err)
		err = callmedia_fill_s(call, d, call->update);
	if (!err)
		err = callmedia_remote_s(call, call->update, false);
	if (err) {
		desc_free(d);
		call->s_dir = call->s_was;
		update_refuse(call, REASON_INCOMPATIBLE_PARAMETERS,
			      "no codec or encryption in common");
		return;
	}

	si = join_audio(d);
	d->media[si]->dir = call->x_dir & desc_dir_reverse(call->s_dir);
	call_desc_move(&call->s_local, d);
	call_desc_move(&call->s_remote, call->update);
	call->update = NULL;
	call->s_agreed_local = true;
	(void)callmedia_stream(call);
	err = call->s->ops->answer(call->s, call->s_local);
	update_done(call);
	if (err)
		log_warning("call %s: sip: answer to a re-INVITE: %m\n",
			    call->name, err);
	callupdate_next(call);
}

static void update_answer_x(struct call *call)
{
	struct leg *x = call->x;
	bool own = call->own_update;

	(void)callmedia_stream(call);
	update_done(call);
	if (!own)
		(void)x->ops->answer(x, call->x_local);
	callupdate_next(call);
}

/* Our last desc to a side, with another direction. */
static int with_dir(struct desc **dp, const struct desc *d, enum desc_dir dir)
{
	int err, i;

	err = desc_copy(dp, d);
	if (err)
		return err;

	i = join_audio(*dp);
	if (i >= 0)
		(*dp)->media[i]->dir = dir;

	return 0;
}

/* Only what the call speaks now: an answer with another codec of the first
 * offer would leave X behind. */
static void keep_agreed(struct desc_media *m, const struct desc_media *agreed)
{
	struct codec **c = &m->codecs;

	while (agreed && *c) {
		if (codec_find(agreed->codecs, *c)) {
			c = &(*c)->next;
			continue;
		}
		*c = (*c)->next;
		--m->codecc;
	}
}

static void update_from_s(struct call *call)
{
	int si = join_audio(call->update);
	struct desc *d;

	if (si < 0) {
		update_refuse(call, REASON_INCOMPATIBLE_PARAMETERS,
			      "the call needs its audio");
		return;
	}

	call->s_was = call->s_dir;
	call->s_dir = call->update->media[si]->dir;
	if (call->s_dir == call->s_was || !call->x_local ||
	    with_dir(&d, call->x_local, call->s_dir)) {
		update_answer_s(call);
		return;
	}

	call_counts.holds += call->s_dir != DESC_SENDRECV;
	trace_note(call->name, "SIP %s",
		   call->s_dir == DESC_SENDRECV ? "resumes" : "holds");
	log_info("call %s: sip %s\n", call->name,
		 call->s_dir == DESC_SENDRECV ? "resumes" : "holds");
	call_desc_move(&call->x_local, d);
	if (call->x->ops->update(call->x, call->x_local))
		update_answer_s(call); /* X need not know, D32 */
}

static void update_from_x(struct call *call)
{
	int xi = join_audio(call->update);
	struct desc *d;
	int err;

	call->x_was = call->x_dir;
	call->x_dir = xi < 0 ? DESC_INACTIVE : call->update->media[xi]->dir;
	if (call->x_dir == call->x_was || !call->s_local ||
	    with_dir(&d, call->s_local,
		     call->x_dir & desc_dir_reverse(call->s_dir))) {
		update_answer_x(call);
		return;
	}

	call_counts.holds += call->x_dir != DESC_SENDRECV;
	trace_note(call->name, "XMPP %s",
		   call->x_dir == DESC_SENDRECV ? "resumes" : "holds");
	log_info("call %s: xmpp %s\n", call->name,
		 call->x_dir == DESC_SENDRECV ? "resumes" : "holds");

	keep_agreed(d->media[join_audio(d)], callmedia_s_agreed(call));

	/* an offer says what X wants, not what is left of it after S's hold */
	d->media[join_audio(d)]->dir = call->x_dir;
	call_desc_move(&call->s_local, d);
	err = call->s->ops->update(call->s, call->s_local);
	if (err) {
		/* S is busy with an offer of its own: our answer says it */
		if (err != EBUSY)
			call->x_dir = call->x_was;
		update_refuse(call, REASON_GENERAL_ERROR, "");
	}
}

/* EBUSY: S has an offer of its own open, after which we try again. */
static int say_address(struct call *call)
{
	struct desc *d;
	int err, si;

	if (!call->s_local)
		return EPROTO;
	err = desc_copy(&d, call->s_local);
	if (err)
		return err;

	si = join_audio(d);
	if (si >= 0) {
		keep_agreed(d->media[si], callmedia_s_agreed(call));
		d->media[si]->transport.addr = call->s_addr.addr;
		d->media[si]->transport.rtcp = call->s_addr.rtcp;
		d->media[si]->dir = call->x_dir;
	}
	call_desc_move(&call->s_local, d);
	call->updating = call->x;
	call->own_update = true;
	err = call->s->ops->update(call->s, call->s_local);
	if (err)
		update_done(call);

	return err;
}

void callupdate_readdress(struct call *call)
{
	if (!call->media ||
	    media_flow_address(call->media, call->s_flow, &call->s_addr))
		return;
	call->readdress = call->s_local != NULL;
	if (call->state != CALL_ACTIVE)
		return;

	log_info("call %s: our address changed, telling both sides\n",
		 call->name);
	call_restart_ice(call);
	callupdate_next(call);
}

static void update_start(struct call *call, struct leg *leg,
			 struct desc *offer)
{
	call->updating = leg;
	call_desc_move(&call->update, offer);
	if (leg == call->s)
		update_from_s(call);
	else
		update_from_x(call);
}

void callupdate_next(struct call *call)
{
	struct queued q;
	int err;

	if (call->updating || call->state != CALL_ACTIVE)
		return;
	if (call->readdress) {
		err = say_address(call);
		call->readdress = err == EBUSY;
		if (!err)
			return;
	}
	if (!call->queuec)
		return;

	q = call->queue[0];
	--call->queuec;
	memmove(call->queue, call->queue + 1,
		call->queuec * sizeof(call->queue[0]));
	update_start(call, q.leg, q.offer);
}

bool callupdate_early(struct call *call, struct leg *leg,
		      const struct desc *offer)
{
	struct ending why;
	struct desc *d = NULL;
	int err;

	err = join_answer_sip(&d, offer, call->s_local);
	if (!err)
		err = callmedia_fill_s(call, d, offer);
	if (!err)
		err = callmedia_remote_s(call, offer, false);
	if (!err)
		err = call_desc_keep(&call->s_remote, offer);
	if (err) {
		desc_free(d);
		ending_set(&why, REASON_INCOMPATIBLE_PARAMETERS, 0, "");
		(void)leg->ops->refuse(leg, &why);
		return false;
	}

	call->s_dir = offer->media[join_audio(offer)]->dir;
	d->media[join_audio(d)]->dir = desc_dir_reverse(call->s_dir);
	call_desc_move(&call->s_local, d);
	call->s_agreed_local = true;
	(void)leg->ops->answer(leg, call->s_local);

	return true;
}

void callupdate_offered(struct call *call, struct leg *leg,
			const struct desc *offer)
{
	struct ending why;
	struct desc *d;

	if (call->queuec >= CALL_QUEUE_MAX || desc_copy(&d, offer)) {
		ending_set(&why, REASON_GENERAL_ERROR, 491,
			   "too many changes");
		(void)leg->ops->refuse(leg, &why);
		return;
	}

	if (!call->updating && call->state == CALL_ACTIVE) {
		update_start(call, leg, d);
		return;
	}

	call->queue[call->queuec].leg = leg;
	call->queue[call->queuec].offer = d;
	++call->queuec;
}

/* S may hold it, and may itself be held by the device before. */
void callupdate_taken(struct call *call)
{
	struct desc *d;

	if (call->state != CALL_ACTIVE)
		return;

	call->taken = false;
	if (call->s_dir != DESC_SENDRECV &&
	    !with_dir(&d, call->x_local, call->s_dir)) {
		call_desc_move(&call->x_local, d);
		(void)call->x->ops->update(call->x, call->x_local);
	}
	if (call->x_dir != DESC_SENDRECV)
		callupdate_offered(call, call->x, call->x_remote);
}

void callupdate_answered(struct call *call, struct leg *leg,
			 const struct desc *answer)
{
	if (leg == call->x) {
		update_answer_s(call);
		return;
	}

	if (call_desc_keep(&call->s_remote, answer) ||
	    callmedia_remote_s(call, answer, true)) {
		call_fail(call, REASON_GENERAL_ERROR,
			  "the answer of sip cannot be used");
		return;
	}

	orphan_note(call); /* its target may be another */
	call->s_agreed_local = false;
	update_answer_x(call);
}

void callupdate_refused(struct call *call, const struct leg *leg,
			const struct ending *why)
{
	if (!call->updating || leg == call->updating)
		return;

	if (leg == call->x) {
		update_answer_s(call);
		return;
	}

	/* 491: S's own offer goes first, and our answer to it says it */
	if (!call->own_update && why->sip_code != 491)
		call->x_dir = call->x_was;
	update_refuse(call, why->reason, why->text);
}
