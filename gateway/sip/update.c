/* update.c: re-INVITE and UPDATE, both ways: one offer at a time (RFC 3261
 * 14, 3311), glare, and answers that come later. */
#include "sip/invite_priv.h"
#include <string.h>
#include "base/log.h"

/* ---- theirs ---- */

static void refuse_later(struct invite *inv, const struct sip_msg *msg)
{
	(void)invite_refuse_msg(inv, NULL, msg, 500, "Retry-After: %u\r\n",
				rand_u32() % 10); /* RFC 3261 14.2 */
}

/* Not before the call is up: 0 when that is so. */
static unsigned state_check(const struct invite *inv, bool offer)
{
	switch (inv->state) {
	case INVITE_CALLING:
	case INVITE_CANCELLED: /* ours is the open INVITE */
		return offer ? 491 : 0;

	case INVITE_INCOMING:
		return offer ? 500 : 0;

	default: /* an answer of theirs is still due, in the ACK */
		return inv->final.mb && inv->late ? 491 : 0;
	}
}

static void reply_now(struct invite *inv, const struct sip_msg *msg)
{
	if (invite_uas_send_2xx(inv, NULL, msg))
		log_warning("sip: %s: no 200 sent\n", inv->callid);
}

static void pending_timeout(void *arg)
{
	struct invite *inv = arg;

	if (inv->in.st)
		(void)invite_refuse_msg(inv, &inv->in.st, inv->in.msg, 500,
					NULL);
	invite_pending_clear(inv);
	invite_change_flush(inv);
}

static void pending_cancelled(void *arg)
{
	struct invite *inv = arg;

	if (inv->in.st)
		(void)invite_refuse_msg(inv, &inv->in.st, inv->in.msg, 487,
					NULL);
	invite_pending_clear(inv);
	invite_change_flush(inv);
}

static void change_done(struct invite *inv)
{
	struct change *ch = &inv->change;

	tmr_cancel(&ch->tmr);
	ch->sdp = mem_deref(ch->sdp);
	ch->open = ch->waiting = ch->refresh = false;
}

/* A change of ours that is not out, while theirs is: each would wait for the
 * other.  What the owner answers to theirs says what ours would have said. */
static void change_withdraw(struct invite *inv)
{
	static const struct ending why = {.sip_code = 491};
	struct change *ch = &inv->change;
	bool waits = ch->open && ch->waiting && !ch->refresh;

	if (!waits && !ch->queued)
		return;

	ch->queued = mem_deref(ch->queued);
	if (waits)
		change_done(inv);
	if (inv->h)
		inv->h->refused(inv, &why, inv->arg);
}

static void pending_start(struct invite *inv, const struct sip_msg *msg,
			  const struct pl *sdp)
{
	int err;

	err = sip_strans_alloc(&inv->in.st, inv->sip, msg, pending_cancelled,
			       inv);
	if (err) {
		(void)invite_refuse_msg(inv, NULL, msg, 500, NULL);
		return;
	}
	inv->in.msg = mem_ref((void *)(uintptr_t)msg);
	tmr_start(&inv->in.tmr, inv->all->times.give_up, pending_timeout, inv);

	if (!pl_strcmp(&msg->met, "INVITE"))
		(void)sip_treply(&inv->in.st, inv->sip, msg, 100, "Trying");
	change_withdraw(inv);
	if (inv->h)
		inv->h->offered(inv, sdp->l ? sdp : NULL, inv->arg);
}

static unsigned glare_check(const struct invite *inv, bool offer)
{
	if (inv->in.st)
		return offer ? 500 : 0;

	return inv->change.open && !inv->change.waiting && offer ? 491 : 0;
}

static void refuse_change(struct invite *inv, const struct sip_msg *msg,
			  unsigned code)
{
	switch (code) {
	case 415:
		(void)invite_refuse_msg(inv, NULL, msg, code,
					"Accept: application/sdp\r\n"
					"Accept-Encoding: identity\r\n");
		break;

	case 422:
		(void)invite_refuse_msg(inv, NULL, msg, code, "Min-SE: %u\r\n",
					inv->min_se);
		break;

	case 500:
		refuse_later(inv, msg);
		break;

	default:
		(void)invite_refuse_msg(inv, NULL, msg, code, NULL);
		break;
	}
}

void invite_update_recv(struct invite *inv, const struct sip_msg *msg)
{
	bool invite = !pl_strcmp(&msg->met, "INVITE");
	struct pl sdp;
	unsigned code;
	bool offer;

	code = invite_sdp(&sdp, msg);
	offer = invite || sdp.l;
	if (!code)
		code = state_check(inv, offer);
	if (!code)
		code = glare_check(inv, offer);
	if (!code)
		code = invite_timer_request(inv, msg);
	if (code) {
		refuse_change(inv, msg, code);
		return;
	}

	/* RFC 5407 3.1.4: a change before the ACK says that the 2xx came */
	if (inv->final.mb)
		invite_uas_acked(inv);
	invite_note_peer(inv, msg);
	sipdlg_retarget(inv->dlg, msg);

	/* RFC 3261 14.2 and RFC 4028: nothing new, or a mere refresh */
	if (!offer || invite_same_origin(inv->rsdp, &sdp)) {
		inv->late = false;
		reply_now(inv, msg);
		return;
	}

	pending_start(inv, msg, &sdp);
}

int invite_refuse(struct invite *inv, const struct ending *why)
{
	struct ending_out eo = {why, REASON_UAS};
	int err;

	if (!inv || !why)
		return EINVAL;
	if (!inv->in.st)
		return EPROTO;

	err = invite_refuse_msg(inv, &inv->in.st, inv->in.msg, 488, "%H",
				invite_ending_print, &eo);
	invite_pending_clear(inv);
	invite_change_flush(inv);

	return err;
}

/* ---- ours ---- */

void invite_change_stop(struct invite *inv)
{
	struct change *ch = &inv->change;

	tmr_cancel(&ch->tmr);
	ch->sdp = mem_deref(ch->sdp);
	ch->queued = mem_deref(ch->queued);
	ch->open = ch->waiting = ch->refresh = false;
}

/* What waited for the open one may go now. */
void invite_change_flush(struct invite *inv)
{
	struct change *ch = &inv->change;
	struct ending why = {.reason = REASON_GENERAL_ERROR};

	if (!ch->queued || ch->open || inv->in.st || inv->final.mb ||
	    inv->state != INVITE_ACTIVE)
		return;

	mem_deref(ch->sdp);
	ch->sdp = ch->queued;
	ch->queued = NULL;
	ch->refresh = false;
	ch->tries = 0;
	if (invite_change_send(inv)) {
		invite_change_stop(inv);
		if (inv->h)
			inv->h->refused(inv, &why, inv->arg);
	}
}

static void change_refused(struct invite *inv, const struct sip_msg *msg)
{
	bool refresh = inv->change.refresh;
	struct ending why;

	invite_ending(&why, msg);
	change_done(inv);
	if (!refresh && inv->h)
		inv->h->refused(inv, &why, inv->arg);
}

static void change_again(void *arg)
{
	struct invite *inv = arg;
	struct ending why = {.reason = REASON_GENERAL_ERROR};

	if (inv->in.st || inv->final.mb) { /* theirs first */
		tmr_start(&inv->change.tmr, inv->all->times.t1, change_again,
			  inv);
		return;
	}
	if (!invite_change_send(inv))
		return;

	change_done(inv);
	if (inv->h)
		inv->h->refused(inv, &why, inv->arg);
}

/* RFC 3261 14.1 */
static void change_glare(struct invite *inv)
{
	const struct invite_times *t = &inv->all->times;
	unsigned wait;

	wait = inv->uac ? t->glare_min +
			      rand_u32() % (t->glare_max - t->glare_min + 1)
			: rand_u32() % (t->glare_other + 1);
	inv->change.waiting = true;
	tmr_start(&inv->change.tmr, wait, change_again, inv);
}

static void change_timeout(void *arg)
{
	invite_fail(arg, 408, REASON_TIMEOUT, "no answer to our change");
}

static void change_accepted(struct invite *inv, const struct sip_msg *msg)
{
	struct change *ch = &inv->change;
	bool refresh = ch->refresh;
	struct pl sdp;
	int err = 0;

	sipdlg_retarget(inv->dlg, msg);
	invite_timer_response(inv, msg);

	if (invite_sdp(&sdp, msg) || (ch->sdp && !sdp.l)) {
		invite_fail(inv, 488, REASON_INCOMPATIBLE_PARAMETERS,
			    "the answer had no SDP");
		return;
	}
	if (ch->sdp)
		err = invite_set_sdp(&inv->lsdp, ch->sdp, strlen(ch->sdp));
	if (!err && sdp.l)
		err = invite_set_sdp(&inv->rsdp, sdp.p, sdp.l);
	if (err) {
		invite_fail(inv, 500, REASON_GENERAL_ERROR, "out of memory");
		return;
	}

	change_done(inv);
	if (!refresh && inv->h)
		inv->h->answered(inv, &sdp, inv->arg);
}

static void change_response(struct invite *inv, int err,
			    const struct sip_msg *msg)
{
	unsigned code = err ? 408 : msg->scode;

	if (!err && code < 300 && !pl_strcmp(&msg->cseq.met, "INVITE")) {
		inv->dlg->inviteseq = msg->cseq.num;
		(void)sipdlg_ack(inv, inv->dlg);
	}
	if (inv->state != INVITE_ACTIVE || !inv->change.open)
		return;

	tmr_cancel(&inv->change.tmr);
	if (code < 300) {
		change_accepted(inv, msg);
	} else if (code == 408 || code == 481) { /* protocol E.4 */
		invite_fail(inv, code,
			    code == 481 ? REASON_GONE : REASON_TIMEOUT,
			    "the call is gone");
	} else if (code == 491 && inv->change.tries++ < INVITE_RETRY_MAX) {
		change_glare(inv);
		return;
	} else if (code == 422 && invite_timer_raise(inv, msg) &&
		   inv->change.tries++ < INVITE_RETRY_MAX) {
		change_again(inv);
		return;
	} else {
		change_refused(inv, msg);
	}
	invite_change_flush(inv);
}

/* A refresh is an UPDATE without SDP where the peer takes UPDATE (RFC 4028
 * 7.4), else a re-INVITE with what was agreed on, its o= unchanged. */
int invite_change_send(struct invite *inv)
{
	struct change *ch = &inv->change;
	bool update = !ch->sdp && inv->peer_update;
	const char *sdp = ch->sdp ? ch->sdp : inv->lsdp;
	struct sipstack *stack = inv->all->stack;
	int err;

	(void)sipstack_contact_renew(&inv->contact, stack, inv->sip);
	err = sipdlg_request(
	    inv, inv->dlg, update ? "UPDATE" : "INVITE", 0, change_response,
	    "Contact: <%s>\r\n%s%s%H%s"
	    "Content-Length: %zu\r\n\r\n%s",
	    inv->contact, sipstack_allow(stack), sipstack_supported(stack),
	    invite_timer_print, inv,
	    update ? "" : "Content-Type: application/sdp\r\n",
	    update ? 0 : strlen(sdp), update ? "" : sdp);
	if (err)
		return err;

	ch->open = true;
	ch->waiting = false;
	/* libre has no timer once a 1xx came */
	tmr_start(&ch->tmr, 2ULL * inv->all->times.give_up, change_timeout,
		  inv);

	return 0;
}

bool invite_is_free(const struct invite *inv)
{
	return invite_is_active(inv) && !inv->in.st && !inv->change.queued &&
	       (!inv->change.open || inv->change.refresh);
}

int invite_update(struct invite *inv, const char *sdp, size_t len)
{
	struct change *ch;
	int err;

	if (!inv || !sdp || !len)
		return EINVAL;
	if (!invite_is_active(inv))
		return EPROTO;

	ch = &inv->change;
	if (!invite_is_free(inv))
		return EBUSY;

	err = invite_set_sdp(&ch->queued, sdp, len);
	if (err)
		return err;

	/* a refresh, or an ACK that is due, goes first */
	if (ch->open || inv->final.mb || inv->state != INVITE_ACTIVE)
		return 0;

	ch->sdp = ch->queued;
	ch->queued = NULL;
	ch->refresh = false;
	ch->tries = 0;
	err = invite_change_send(inv);
	if (err)
		change_done(inv);

	return err;
}
