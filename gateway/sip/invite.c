/* invite.c: INVITE sessions: their table, states, ends and common tools. */
#include "sip/invite_priv.h"
#include <string.h>
#include "base/keyed.h"
#include "base/log.h"
#include "sip/digest.h"

enum { RING = 180, RING_MORE = 10 }; /* s; Timer C */

static const char *const state_names[] = {
    "idle",	"calling", "cancelled", "incoming",
    "accepted", "active",  "leaving",	"ended",
};

static void invite_destructor(void *arg)
{
	struct invite *inv = arg;
	struct le *le;

	if (inv->linked) {
		hash_unlink(&inv->he);
		--inv->all->n;
	}
	for (le = inv->txs.head; le;) {
		struct invite_tx *tx = le->data;

		le = le->next;
		tx->inv = NULL; /* frees itself with its answer */
		list_unlink(&tx->le);
	}

	if (inv->resolving)
		siptrunk_target_cancel(inv->trunk, inv);
	tmr_cancel(&inv->tmr);
	tmr_cancel(&inv->tmr_go);
	tmr_cancel(&inv->tmr_se);
	invite_change_stop(inv);
	invite_resend_stop(&inv->prov);
	invite_resend_stop(&inv->final);
	list_flush(&inv->attempts);
	list_flush(&inv->earlies);
	list_flush(&inv->redirects);
	mem_deref(inv->dlg);
	mem_deref(inv->st);
	mem_deref(inv->msg);
	invite_pending_clear(inv);
	mem_deref(inv->callid);
	mem_deref(inv->ltag);
	mem_deref(inv->local);
	mem_deref(inv->contact);
	mem_deref(inv->token);
	mem_deref(inv->uri);
	mem_deref(inv->ruri);
	mem_deref(inv->headers);
	mem_deref(inv->lsdp);
	mem_deref(inv->rsdp);
	mem_deref(inv->all);
}

int invite_new(struct invite **ip, struct invites *all, struct siptrunk *trunk,
	       const char *token, const struct invite_handlers *h, void *arg)
{
	struct invite *inv;
	int err;

	inv = mem_zalloc(sizeof(*inv), invite_destructor);
	if (!inv)
		return ENOMEM;

	inv->all = mem_ref(all);
	inv->trunk = trunk;
	inv->h = h;
	inv->arg = arg;
	inv->se = SESSION_EXPIRES;
	inv->min_se = MIN_SE;

	err = str_dup(&inv->token, token);
	if (err)
		mem_deref(inv);
	else
		*ip = inv;

	return err;
}

/* From now on the table holds a reference: the session says its goodbyes
 * when its owner is gone. */
int invite_link(struct invite *inv)
{
	if (!inv->callid || inv->linked)
		return EINVAL;

	hash_append(inv->all->ht, keyed_str(inv->callid), &inv->he,
		    mem_ref(inv));
	inv->linked = true;
	++inv->all->n;

	return 0;
}

void invite_unlink(struct invite *inv)
{
	if (!inv->linked)
		return;

	hash_unlink(&inv->he);
	inv->linked = false;
	--inv->all->n;
	mem_deref(inv);
}

static void unlink_timeout(void *arg)
{
	invite_unlink(arg);
}

static void leave_timeout(void *arg)
{
	invite_enter(arg, INVITE_ENDED);
}

static void ring_timeout(void *arg)
{
	invite_fail(arg, 408, REASON_TIMEOUT, "no answer");
}

/* ms.  Who is called by us rings for as long as the trunk says; who calls us is
 * told in time by whom it calls, and this is the last resort. */
static uint64_t ring_time(const struct invite *inv)
{
	const struct config_trunk *conf = siptrunk_conf(inv->trunk);
	uint64_t s = conf && conf->ring_timeout ? conf->ring_timeout : RING;

	if (inv->all->times.ring)
		return inv->all->times.ring;

	return (inv->uac ? s : MAX(s, RING) + RING_MORE) * 1000;
}

/* The only function that writes the state; each state has a timer that ends
 * it, but ACTIVE, whose end is RFC 4028's and the call's. */
void invite_enter(struct invite *inv, enum invite_state st)
{
	const struct invite_times *t = &inv->all->times;

	log_debug("sip: %s: %s -> %s\n", inv->callid, state_names[inv->state],
		  state_names[st]);

	inv->state = st;
	tmr_cancel(&inv->tmr);

	switch (st) {
	case INVITE_IDLE:
	case INVITE_ACCEPTED: /* resend gives up by itself */
	case INVITE_ACTIVE:
		break;

	case INVITE_CALLING:
	case INVITE_INCOMING:
		tmr_start(&inv->tmr, ring_time(inv), ring_timeout, inv);
		break;

	case INVITE_CANCELLED:
	case INVITE_LEAVING: /* Timer B and then 64*T1 for the 487 */
		tmr_start(&inv->tmr, 2ULL * t->give_up + t->t2, leave_timeout,
			  inv);
		break;

	case INVITE_ENDED:
		tmr_cancel(&inv->tmr_go);
		invite_timer_stop(inv);
		invite_change_stop(inv);
		invite_pending_clear(inv);
		invite_resend_stop(&inv->prov);
		invite_resend_stop(&inv->final);
		invite_drop_attempts(inv);
		/* RFC 3261 13.2.2.4: 2xx of forks come for 64*T1 */
		tmr_start(&inv->tmr, inv->uac ? t->give_up : 0, unlink_timeout,
			  inv);
		break;
	}
}

void invite_close(struct invite *inv, const struct ending *why)
{
	const struct invite_handlers *h = inv->h;

	inv->h = NULL;
	if (h && h->closed)
		h->closed(inv, why, inv->arg);
}

void invite_close_code(struct invite *inv, unsigned code, enum reason reason,
		       const char *text)
{
	struct ending end;

	memset(&end, 0, sizeof(end));
	end.sip_code = code;
	end.reason = reason;
	str_ncpy(end.text, text, sizeof(end.text));
	invite_close(inv, &end);
}

/* A timer or the peer's silence ended it: goodbye both ways. */
void invite_fail(struct invite *inv, unsigned code, enum reason reason,
		 const char *text)
{
	struct ending end;

	memset(&end, 0, sizeof(end));
	end.sip_code = inv->uac && inv->state == INVITE_CALLING ? code : 0;
	end.reason = reason;
	str_ncpy(end.text, text, sizeof(end.text));

	mem_ref(inv);
	invite_leave(inv, &end);
	invite_close(inv, &end);
	mem_deref(inv);
}

/* Once more with credentials.  Only the trunk itself gets them, and for the
 * realm that it is known by: who it speaks for may challenge, too
 * (CVE-2021-41158). */
static bool bye_again(struct invite *inv, const struct sip_msg *msg)
{
	struct digest *digest;
	struct hop hop;

	if (msg->scode != 401 && msg->scode != 407)
		return false;
	if (inv->state != INVITE_LEAVING || inv->bye_authed)
		return false;

	sipdlg_hop(&hop, inv->trunk, inv->dlg);
	digest = siptrunk_digest_for(inv->trunk, &hop.addr);
	if (!digest_realm(digest))
		return false;
	digest_reset(digest);
	if (digest_challenge(digest, msg, 0)) /* it had no credentials */
		return false;

	inv->bye_authed = true;
	invite_bye(inv, inv->dlg, &inv->why);

	return true;
}

static void bye_response(struct invite *inv, int err,
			 const struct sip_msg *msg)
{
	if (!err && msg && bye_again(inv, msg))
		return;

	if (inv->state == INVITE_LEAVING)
		invite_enter(inv, INVITE_ENDED);
}

static void fork_bye_response(struct invite *inv, int err,
			      const struct sip_msg *msg)
{
	(void)inv;
	(void)err;
	(void)msg;
}

void invite_bye(struct invite *inv, struct sipdlg *dlg,
		const struct ending *why)
{
	struct ending_out eo = {why, REASON_ACTIVE};
	struct digest_request rq = {NULL, "BYE", dlg->target};
	bool ours = dlg == inv->dlg;
	struct hop hop;
	int err;

	if (ours)
		inv->why = *why;
	if (ours && inv->bye_authed) {
		sipdlg_hop(&hop, inv->trunk, dlg);
		rq.digest = siptrunk_digest_for(inv->trunk, &hop.addr);
	}
	err = sipdlg_request(inv, dlg, "BYE", 0,
			     ours ? bye_response : fork_bye_response,
			     "%H%HContent-Length: 0\r\n\r\n", digest_print,
			     &rq, invite_ending_print, &eo);
	if (err) {
		log_warning("sip: %s: no BYE sent (%m)\n", inv->callid, err);
		if (ours)
			invite_enter(inv, INVITE_ENDED);
	}
}

void invite_pending_clear(struct invite *inv)
{
	tmr_cancel(&inv->in.tmr);
	inv->in.st = mem_deref(inv->in.st);
	inv->in.msg = mem_deref(inv->in.msg);
}

void invite_pending_refuse(struct invite *inv)
{
	if (inv->in.st)
		(void)invite_refuse_msg(inv, &inv->in.st, inv->in.msg, 487,
					NULL);
	invite_pending_clear(inv);
}

void invite_leave(struct invite *inv, const struct ending *why)
{
	invite_timer_stop(inv);
	invite_change_stop(inv);

	switch (inv->state) {
	case INVITE_CALLING:
		invite_cancel(inv);
		break;

	case INVITE_INCOMING:
		invite_uas_final(inv, why);
		break;

	case INVITE_ACCEPTED:
		/* RFC 3261 15: no BYE before the ACK */
		inv->why = *why;
		inv->leave = true;
		break;

	case INVITE_ACTIVE:
		invite_pending_refuse(inv);
		invite_enter(inv, INVITE_LEAVING);
		invite_bye(inv, inv->dlg, why);
		break;

	case INVITE_IDLE:
	case INVITE_CANCELLED:
	case INVITE_LEAVING:
	case INVITE_ENDED:
		break;
	}
}

void invite_end(struct invite *inv, const struct ending *why)
{
	if (!inv || !why)
		return;

	mem_ref(inv);
	inv->h = NULL;
	invite_leave(inv, why);
	mem_deref(inv);
}

const char *invite_callid(const struct invite *inv)
{
	return inv ? inv->callid : NULL;
}

bool invite_is_active(const struct invite *inv)
{
	return inv && (inv->state == INVITE_ACTIVE ||
		       (inv->state == INVITE_ACCEPTED && !inv->leave));
}

const struct sa *invite_peer(const struct invite *inv)
{
	return inv ? &inv->peer : NULL;
}

const struct pl *invite_offer(const struct invite *inv)
{
	return inv ? &inv->offer : &pl_null;
}
