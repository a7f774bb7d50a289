/* prack.c: reliable provisional responses, both ways (RFC 3262). */
#include "sip/invite_priv.h"
#include "base/log.h"

const char *invite_ringing_phrase(unsigned code)
{
	return code == 180 ? "Ringing" : "Session Progress";
}

bool invite_prack_wanted(const struct sip_msg *msg, uint32_t *rseq)
{
	const struct sip_hdr *hdr = sip_msg_hdr(msg, SIP_HDR_RSEQ);

	if (!hdr || msg->scode <= 100 || msg->scode >= 200 ||
	    !sip_msg_hdr_has_value(msg, SIP_HDR_REQUIRE, "100rel"))
		return false;
	if (rseq)
		*rseq = pl_u32(&hdr->val);

	return true;
}

static void prack_response(struct invite *inv, int err,
			   const struct sip_msg *msg)
{
	if (err || msg->scode >= 300)
		log_info("sip: %s: PRACK: %u %m\n", inv->callid,
			 msg ? msg->scode : 0, err);
}

/* RFC 3262 4: RSeq in steps of one; a gap waits for what is missing, what
 * was there already is a retransmission that our PRACK's own answers. */
bool invite_prack_send(struct invite *inv, struct sipdlg *dlg,
		       const struct sip_msg *msg)
{
	uint32_t rseq;
	int err;

	if (!invite_prack_wanted(msg, &rseq) || !rseq)
		return false;
	if (dlg->rack && rseq != dlg->rack + 1)
		return false;

	err = sipdlg_request(inv, dlg, "PRACK", 0, prack_response,
			     "RAck: %u %u INVITE\r\n"
			     "Content-Length: 0\r\n\r\n",
			     rseq, msg->cseq.num);
	if (err) {
		log_warning("sip: %s: no PRACK sent (%m)\n", inv->callid, err);
		return false;
	}
	dlg->rack = rseq;

	return true;
}

static void prov_timeout(void *arg)
{
	struct invite *inv = arg;
	struct ending end = {
	    .sip_code = 504, .reason = REASON_TIMEOUT, .text = "no PRACK"};

	if (invite_resend_again(&inv->prov, 0, inv->all->times.give_up)) {
		tmr_start(&inv->prov.tmr, inv->prov.wait, prov_timeout, inv);
		return;
	}
	if (inv->state != INVITE_INCOMING)
		return;

	/* RFC 3262 3: a 5xx after 64*T1 */
	mem_ref(inv);
	invite_resend_stop(&inv->prov);
	(void)invite_refuse_msg(inv, &inv->st, inv->msg, 504, NULL);
	invite_enter(inv, INVITE_ENDED);
	invite_close(inv, &end);
	mem_deref(inv);
}

/* One at a time, without SDP: so a 200 need not wait for PRACK (RFC 3262 3).
 * An INVITE without an offer would want ours in it: it gets no 18x. */
int invite_prack_ring(struct invite *inv, unsigned code)
{
	struct mbuf *mb = NULL;
	int err;

	if (inv->prov.mb || !inv->offer.l)
		return 0;

	err = sip_treplyf(&inv->st, &mb, inv->sip, inv->msg, true,
			  (uint16_t)code, invite_ringing_phrase(code),
			  "Contact: <%s>\r\nRequire: 100rel\r\nRSeq: %u\r\n"
			  "Content-Length: 0\r\n\r\n",
			  inv->contact, ++inv->rseq);
	if (err)
		return err;

	invite_resend_start(&inv->prov, inv->sip, mb, inv->msg,
			    inv->all->times.t1);
	tmr_start(&inv->prov.tmr, inv->prov.wait, prov_timeout, inv);
	mem_deref(mb);

	return 0;
}

static bool rack_matches(const struct invite *inv, const struct sip_msg *msg)
{
	const struct sip_hdr *hdr = sip_msg_hdr(msg, SIP_HDR_RACK);
	struct pl rseq, cseq, met;

	if (!hdr || inv->uac || !inv->msg)
		return false;
	if (re_regex(hdr->val.p, hdr->val.l, "[0-9]+[ \t]+[0-9]+[ \t]+[^ \t]+",
		     &rseq, NULL, &cseq, NULL, &met))
		return false;

	return pl_u32(&rseq) == inv->rseq &&
	       pl_u32(&cseq) == inv->msg->cseq.num &&
	       !pl_strcmp(&met, "INVITE");
}

void invite_prack_recv(struct invite *inv, const struct sip_msg *msg)
{
	struct pl sdp;

	if (!rack_matches(inv, msg)) {
		(void)invite_refuse_msg(inv, NULL, msg, 481, NULL);
		return;
	}

	invite_resend_stop(&inv->prov);
	if (invite_sdp(&sdp, msg) || sdp.l) /* we answered nothing yet */
		(void)invite_refuse_msg(inv, NULL, msg, 488, NULL);
	else
		(void)sip_treply(NULL, inv->sip, msg, 200, "OK");
}
