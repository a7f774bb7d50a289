/* invite_uas.c: INVITE as called party: 1xx, 2xx until the ACK, finals. */
#include "sip/invite_priv.h"
#include <string.h>
#include "base/log.h"
#include "base/text.h"
#include "sip/nameaddr.h"

static bool has_control(const struct pl *pl)
{
	for (size_t i = 0; i < pl->l; i++) {
		unsigned char c = (unsigned char)pl->p[i];

		if (c < ' ' || c == 0x7f)
			return true;
	}

	return false;
}

static int identity_copy(struct invite *inv, const struct sip_msg *msg)
{
	int err;

	err = pl_strdup(&inv->callid, &msg->callid);
	if (err)
		return err;
	err = re_sdprintf(&inv->ltag, "%016llx", msg->tag);
	if (err)
		return err;
	err = re_sdprintf(&inv->local, "%H;tag=%s", text_print_sip,
			  &msg->to.val, inv->ltag);
	if (err)
		return err;

	return sipstack_contact(&inv->contact, inv->all->stack, inv->sip, msg,
				inv->token);
}

/* What an INVITE must be; else the code that says what it lacks. */
static unsigned request_check(struct invite *inv, const struct sip_msg *msg)
{
	unsigned code;

	if (!pl_isset(&msg->callid) || !pl_isset(&msg->from.tag) ||
	    has_control(&msg->callid))
		return 400;

	code = invite_sdp(&inv->offer, msg);
	if (code)
		return code;

	return invite_timer_request(inv, msg);
}

static void request_refuse(struct invite *inv, const struct sip_msg *msg,
			   unsigned code)
{
	switch (code) {
	case 415: /* RFC 3261 21.4.13 */
		(void)invite_refuse_msg(inv, NULL, msg, code,
					"Accept: application/sdp\r\n"
					"Accept-Encoding: identity\r\n");
		break;

	case 422: /* RFC 4028 6 */
		(void)invite_refuse_msg(inv, NULL, msg, code, "Min-SE: %u\r\n",
					inv->min_se);
		break;

	default:
		(void)invite_refuse_msg(inv, NULL, msg, code, NULL);
		break;
	}
}

/* libre has answered the CANCEL; its headers do not come this far. */
static void cancelled(void *arg)
{
	struct invite *inv = arg;

	if (inv->state != INVITE_INCOMING)
		return;

	mem_ref(inv);
	(void)invite_refuse_msg(inv, &inv->st, inv->msg, 487, NULL);
	invite_enter(inv, INVITE_ENDED);
	invite_close_code(inv, 487, REASON_CANCEL, "the caller gave up");
	mem_deref(inv);
}

int invite_accept(struct invite **ip, struct invites *all,
		  struct siptrunk *trunk, struct sip *sip,
		  const struct sip_msg *msg, const char *token,
		  const struct invite_handlers *h, void *arg)
{
	struct invite *inv;
	struct hop hop;
	unsigned code;
	int err;

	if (!ip || !all || !trunk || !sip || !msg || !h)
		return EINVAL;

	err = invite_new(&inv, all, trunk, token, h, arg);
	if (err)
		return err;

	inv->sip = sip;
	code = request_check(inv, msg);
	if (code) {
		request_refuse(inv, msg, code);
		err = EBADMSG;
		goto out;
	}

	err = identity_copy(inv, msg);
	if (err)
		goto out;

	memset(&hop, 0, sizeof(hop));
	hop.sip = sip;
	hop.addr = msg->src;
	hop.tp = msg->tp;
	err = sipdlg_alloc(&inv->dlg, NULL, msg, &hop);
	if (err) { /* no Contact that can be reached: RFC 3261 8.1.1.8 */
		request_refuse(inv, msg, err == ENOMEM ? 500 : 400);
		err = EBADMSG;
		goto out;
	}

	inv->msg = mem_ref((void *)(uintptr_t)msg);
	inv->rel = sip_msg_hdr_has_value(msg, SIP_HDR_REQUIRE, "100rel");
	inv->rseq = (rand_u32() >> 2) + 1; /* RFC 3262 3: below 2^31 */
	invite_note_peer(inv, msg);

	err = sip_strans_alloc(&inv->st, sip, msg, cancelled, inv);
	if (err)
		goto out;
	err = invite_link(inv);
	if (err)
		goto out;
	invite_enter(inv, INVITE_INCOMING);
	(void)sip_treply(&inv->st, sip, msg, 100, "Trying");
	*ip = inv;

out:
	if (err)
		mem_deref(inv);

	return err;
}

int invite_ring(struct invite *inv, unsigned code)
{
	if (!inv || inv->state != INVITE_INCOMING || !inv->st)
		return EPROTO;

	if (inv->rel)
		return invite_prack_ring(inv, code);

	return sip_treplyf(&inv->st, NULL, inv->sip, inv->msg, true,
			   (uint16_t)code, invite_ringing_phrase(code),
			   "Contact: <%s>\r\nContent-Length: 0\r\n\r\n",
			   inv->contact);
}

static void final_timeout(void *arg)
{
	struct invite *inv = arg;
	const struct invite_times *t = &inv->all->times;

	if (invite_resend_again(&inv->final, t->t2, t->give_up)) {
		tmr_start(&inv->final.tmr, inv->final.wait, final_timeout,
			  inv);
		return;
	}

	/* RFC 3261 13.3.1.4 */
	log_info("sip: %s: no ACK\n", inv->callid);
	mem_ref(inv);
	invite_resend_stop(&inv->final);
	if (inv->state == INVITE_ACCEPTED)
		invite_enter(inv, INVITE_ACTIVE);
	if (inv->leave)
		invite_leave(inv, &inv->why);
	else if (inv->state == INVITE_ACTIVE)
		invite_fail(inv, 408, REASON_TIMEOUT, "no ACK");
	mem_deref(inv);
}

int invite_uas_send_2xx(struct invite *inv, struct sip_strans **stp,
			const struct sip_msg *msg)
{
	bool invite = !pl_strcmp(&msg->met, "INVITE");
	struct timer_answer ta;
	struct mbuf *mb = NULL;
	struct pl sdp;
	bool body;
	int err;

	invite_timer_answer(inv, &ta, msg);
	body = invite || (!invite_sdp(&sdp, msg) && sdp.l);
	err = sip_treplyf(stp, &mb, inv->sip, msg, true, 200, "OK",
			  "Contact: <%s>\r\n%s%s%H%sContent-Length: %zu\r\n"
			  "\r\n%s",
			  inv->contact, sipstack_allow(inv->all->stack),
			  sipstack_supported(inv->all->stack),
			  invite_timer_answer_print, &ta,
			  body ? "Content-Type: application/sdp\r\n" : "",
			  body ? strlen(inv->lsdp) : 0, body ? inv->lsdp : "");
	if (err)
		return err;

	if (invite) {
		invite_resend_start(&inv->final, inv->sip, mb, msg,
				    inv->all->times.t1);
		tmr_start(&inv->final.tmr, inv->final.wait, final_timeout,
			  inv);
	}
	mem_deref(mb);

	return 0;
}

static int answer_first(struct invite *inv)
{
	int err;

	if (inv->offer.l) {
		err = invite_set_sdp(&inv->rsdp, inv->offer.p, inv->offer.l);
		if (err)
			return err;
	}
	inv->late = !inv->offer.l;
	invite_resend_stop(&inv->prov);

	err = invite_uas_send_2xx(inv, &inv->st, inv->msg);
	if (!err)
		invite_enter(inv, INVITE_ACCEPTED);

	return err;
}

static int answer_change(struct invite *inv)
{
	struct pl sdp;
	int err = 0;

	if (!invite_sdp(&sdp, inv->in.msg) && sdp.l)
		err = invite_set_sdp(&inv->rsdp, sdp.p, sdp.l);
	if (err)
		return err;

	inv->late = !sdp.l;
	err = invite_uas_send_2xx(inv, &inv->in.st, inv->in.msg);
	invite_pending_clear(inv);
	invite_change_flush(inv);

	return err;
}

int invite_answer(struct invite *inv, const char *sdp, size_t len)
{
	int err;

	if (!inv || !sdp || !len)
		return EINVAL;
	if (!(inv->state == INVITE_INCOMING && inv->st) && !inv->in.st)
		return EPROTO;

	err = invite_set_sdp(&inv->lsdp, sdp, len);
	if (err)
		return err;

	return inv->state == INVITE_INCOMING ? answer_first(inv)
					     : answer_change(inv);
}

/* "Contact: ..": the other user at our own address (protocol E.4). */
struct redirect {
	const struct invite *inv;
	const char *user;
};

static int redirect_print(struct re_printf *pf, const struct redirect *r)
{
	const char *host =
	    r->inv->contact ? strchr(r->inv->contact, '@') : NULL;

	if (!r->user[0] || !host)
		return 0;

	return re_hprintf(pf, "Contact: <sip:%H@%b>\r\n", text_print_sip_user,
			  r->user, host + 1, strcspn(host + 1, ";"));
}

void invite_uas_final(struct invite *inv, const struct ending *why)
{
	struct ending_out eo = {why, REASON_UAS};
	struct redirect redirect = {inv, why->redirect};
	struct reason_sip rs;

	reason_to_sip(&rs, why, REASON_UAS);
	invite_resend_stop(&inv->prov);
	(void)invite_refuse_msg(
	    inv, &inv->st, inv->msg, rs.code >= 300 ? rs.code : 480, "%H%H",
	    redirect_print, &redirect, invite_ending_print, &eo);
	invite_enter(inv, INVITE_ENDED);
}

/* The 2xx has arrived, whatever told us so. */
void invite_uas_acked(struct invite *inv)
{
	invite_resend_stop(&inv->final);
	if (inv->state == INVITE_ACCEPTED)
		invite_enter(inv, INVITE_ACTIVE);
}

static void late_answer(struct invite *inv, const struct sip_msg *msg)
{
	struct pl sdp;

	inv->late = false;
	if (invite_sdp(&sdp, msg) || !sdp.l) {
		invite_fail(inv, 488, REASON_INCOMPATIBLE_PARAMETERS,
			    "the ACK had no SDP");
		return;
	}
	if (invite_set_sdp(&inv->rsdp, sdp.p, sdp.l)) {
		invite_fail(inv, 500, REASON_GENERAL_ERROR, "out of memory");
		return;
	}
	if (inv->h)
		inv->h->answered(inv, &sdp, inv->arg);
}

void invite_uas_ack(struct invite *inv, const struct sip_msg *msg)
{
	if (!inv->final.msg || msg->cseq.num != inv->final.msg->cseq.num)
		return;

	invite_uas_acked(inv);
	if (inv->leave) {
		invite_leave(inv, &inv->why);
		return;
	}
	if (inv->late)
		late_answer(inv, msg);
	if (inv->state == INVITE_ACTIVE)
		invite_change_flush(inv);
}
