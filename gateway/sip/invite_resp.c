/* invite_resp.c: responses to an INVITE of ours: 1xx, forks, 2xx, finals. */
#include "sip/invite_priv.h"
#include <string.h>
#include "base/log.h"

static int early_get(struct sipdlg **dp, struct attempt *at,
		     const struct sip_msg *msg)
{
	struct invite *inv = at->inv;
	struct sipdlg *dlg = sipdlg_find(&inv->earlies, &msg->to.tag);
	int err;

	if (!dlg) {
		if (list_count(&inv->earlies) >= INVITE_EARLY_MAX)
			return E2BIG;
		err = sipdlg_alloc(&dlg, inv->ruri, msg, &at->hop);
		if (err)
			return err;
		list_append(&inv->earlies, &dlg->le, dlg);
	}
	*dp = dlg;

	return 0;
}

/* RFC 3261 13.2.1: the first answer counts, later ones are ignored.  It is
 * told when its early media may be heard, may be by a later response. */
static int early_answer(struct invite *inv, struct sipdlg *dlg,
			const struct sip_msg *msg)
{
	struct pl sdp;

	dlg->shut = invite_early_shut(msg, dlg->shut);
	if (!dlg->answer && !invite_sdp(&sdp, msg) && sdp.l) {
		if (invite_set_sdp(&dlg->answer, sdp.p, sdp.l))
			return ENOMEM;
		dlg->reliable = invite_prack_wanted(msg, NULL);
	}
	if (!dlg->answer || dlg->shut || dlg->told)
		return 0;

	dlg->told = true;
	pl_set_str(&sdp, dlg->answer);
	inv->h->progress(inv, &sdp, inv->arg);

	return 0;
}

static void progress(struct invite *inv, struct sipdlg *dlg,
		     const struct sip_msg *msg)
{
	const struct invite_handlers *h;

	if (dlg && early_answer(inv, dlg, msg))
		return;
	h = inv->h;
	if (h && msg->scode >= 180 && msg->scode <= 183)
		h->ringing(inv, msg->scode, inv->arg);
}

static void attempt_provisional(struct attempt *at, const struct sip_msg *msg)
{
	struct invite *inv = at->inv;
	struct sipdlg *dlg = NULL;

	if (inv->state != INVITE_CALLING || at->abandoned)
		return;
	if (msg->scode == 100 || !pl_isset(&msg->to.tag))
		return;

	if (msg->scode == 199) { /* RFC 6228 */
		mem_deref(sipdlg_find(&inv->earlies, &msg->to.tag));
		return;
	}

	invite_note_peer(inv, msg);
	if (early_get(&dlg, at, msg))
		dlg = NULL;
	if (invite_prack_wanted(msg, NULL) &&
	    (!dlg || !invite_prack_send(inv, dlg, msg)))
		return;

	progress(inv, dlg, msg);
}

/* A 2xx that is of no use: RFC 3261 13.2.2.4 */
static void refuse_2xx(struct invite *inv, struct sipdlg *dlg)
{
	static const struct ending why = {.reason = REASON_SUCCESS};

	dlg->bye = true;
	(void)sipdlg_ack(inv, dlg);
	invite_bye(inv, dlg, &why);
}

/* The dialog of a 2xx; an early one of the same tag becomes it. */
static struct sipdlg *dialog_2xx(struct invite *inv, const struct hop *hop,
				 const struct sip_msg *msg)
{
	struct sipdlg *dlg = sipdlg_find(&inv->earlies, &msg->to.tag);

	if (!dlg) {
		if (sipdlg_alloc(&dlg, inv->ruri, msg, hop))
			return NULL;
		list_append(&inv->earlies, &dlg->le, dlg);
	} else {
		sipdlg_retarget(dlg, msg);
	}
	dlg->inviteseq = msg->cseq.num;

	return dlg;
}

static void earlies_drop(struct invite *inv)
{
	struct le *le = inv->earlies.head;

	while (le) {
		struct sipdlg *dlg = le->data;

		le = le->next;
		if (!dlg->bye)
			mem_deref(dlg);
	}
}

static void win_2xx(struct invite *inv, struct sipdlg *dlg,
		    const struct sip_msg *msg)
{
	const struct invite_handlers *h;
	struct pl sdp;

	list_unlink(&dlg->le);
	inv->dlg = dlg;
	earlies_drop(inv);
	invite_note_peer(inv, msg);
	invite_enter(inv, INVITE_ACTIVE);
	(void)sipdlg_ack(inv, dlg);

	/* RFC 3262 5: the answer may have been in a reliable 1xx */
	if (invite_sdp(&sdp, msg) || (!sdp.l && !dlg->answer)) {
		invite_fail(inv, 488, REASON_INCOMPATIBLE_PARAMETERS,
			    "the answer had no SDP");
		return;
	}
	if (dlg->answer && (dlg->reliable || !sdp.l))
		pl_set_str(&sdp, dlg->answer);
	if (invite_set_sdp(&inv->rsdp, sdp.p, sdp.l)) {
		invite_fail(inv, 500, REASON_GENERAL_ERROR, "out of memory");
		return;
	}

	invite_timer_response(inv, msg);
	h = inv->h;
	if (h)
		h->answered(inv, &sdp, inv->arg);
}

static void attempt_2xx(struct attempt *at, const struct sip_msg *msg)
{
	struct invite *inv = at->inv;
	bool wanted = inv->state == INVITE_CALLING && !at->abandoned;
	struct sipdlg *dlg = dialog_2xx(inv, &at->hop, msg);
	struct le *le;

	mem_deref(at);
	if (inv->state == INVITE_CANCELLED && list_isempty(&inv->attempts))
		invite_enter(inv, INVITE_ENDED);
	if (!dlg) {
		log_warning("sip: %s: 2xx without a usable dialog\n",
			    inv->callid);
		if (wanted)
			invite_fail(inv, 500, REASON_GENERAL_ERROR,
				    "malformed answer");
		return;
	}
	if (!wanted) {
		refuse_2xx(inv, dlg);
		return;
	}

	/* the other targets, if any was silent */
	LIST_FOREACH (&inv->attempts, le) {
		struct attempt *other = le->data;

		other->abandoned = true;
		sip_request_cancel(other->req);
	}
	win_2xx(inv, dlg, msg);
}

static void attempt_failed(struct invite *inv, int err,
			   const struct sip_msg *msg)
{
	if (msg) {
		invite_ending(&inv->last, msg);
	} else {
		memset(&inv->last, 0, sizeof(inv->last));
		inv->last.sip_code = err == ETIMEDOUT ? 408 : 503;
		(void)re_snprintf(inv->last.text, sizeof(inv->last.text), "%m",
				  err);
	}
}

/* RFC 3261 8.1.3.1: a time-out is 408, a transport error 503. */
static void attempt_final(struct attempt *at, int err,
			  const struct sip_msg *msg)
{
	struct invite *inv = at->inv;
	bool wanted = inv->state == INVITE_CALLING && !at->abandoned;
	struct sa addr = at->hop.addr;

	mem_deref(at);
	if (inv->state == INVITE_CANCELLED && list_isempty(&inv->attempts))
		invite_enter(inv, INVITE_ENDED);
	if (!wanted)
		return;

	if (msg && invite_retry_final(inv, msg))
		return;

	attempt_failed(inv, err, msg);
	list_flush(&inv->earlies);

	if (!msg || msg->scode == 503) {
		siptrunk_target_failed(inv->trunk, &addr);
		invite_attempt_next(inv);
		return;
	}

	invite_enter(inv, INVITE_ENDED);
	invite_close(inv, &inv->last);
}

void invite_attempt_response(int err, const struct sip_msg *msg, void *arg)
{
	struct attempt *at = arg;
	struct invite *inv = at->inv;

	mem_ref(inv);

	at->heard = true;
	tmr_cancel(&at->tmr);
	if (msg)
		inv->peer = msg->src;

	if (err)
		attempt_final(at, err, NULL);
	else if (msg->scode < 200)
		attempt_provisional(at, msg);
	else if (msg->scode < 300)
		attempt_2xx(at, msg);
	else
		attempt_final(at, 0, msg);

	mem_deref(inv);
}

/* 2xx that no transaction took: retransmissions, other forks, and those to a
 * re-INVITE of ours. */
bool invite_late_2xx(struct invite *inv, const struct sip_msg *msg)
{
	struct sipdlg *dlg = inv->dlg;
	struct hop hop;

	if (dlg && !pl_strcmp(&msg->to.tag, dlg->rtag)) {
		if (msg->cseq.num == dlg->inviteseq)
			(void)sipdlg_ack(inv, dlg);
		return true;
	}

	dlg = sipdlg_find(&inv->earlies, &msg->to.tag);
	if (dlg && dlg->bye) {
		(void)sipdlg_ack(inv, dlg);
		return true;
	}
	if (!inv->uac || !inv->sip)
		return false;

	memset(&hop, 0, sizeof(hop));
	hop.sip = inv->sip;
	hop.addr = msg->src;
	hop.tp = msg->tp;

	if (list_count(&inv->earlies) >= INVITE_EARLY_MAX)
		return true;
	dlg = dialog_2xx(inv, &hop, msg);
	if (!dlg)
		return true;

	log_info("sip: %s: another fork answered, BYE\n", inv->callid);
	refuse_2xx(inv, dlg);

	return true;
}
