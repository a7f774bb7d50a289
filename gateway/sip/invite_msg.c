/* invite_msg.c: what sessions read from and write into messages. */
#include "sip/invite_priv.h"
#include <string.h>
#include "base/text.h"
#include "sip/nameaddr.h"
#include "sip/scan.h"

enum { RETRY_AFTER_MAX = 86400 }; /* s */

int invite_set_sdp(char **dst, const char *sdp, size_t len)
{
	struct pl pl = {sdp, len};
	char *s;
	int err;

	if (!sdp || !len)
		return EINVAL;

	err = pl_strdup(&s, &pl);
	if (err)
		return err;

	mem_deref(*dst);
	*dst = s;

	return 0;
}

static bool origin_line(struct pl *line, const struct pl *sdp)
{
	const char *p = sdp->p, *end = sdp->p + sdp->l, *nl;

	while (p < end) {
		nl = memchr(p, '\n', (size_t)(end - p));
		if (!nl)
			nl = end;
		if (nl - p > 2 && p[0] == 'o' && p[1] == '=') {
			line->p = p;
			line->l = (size_t)(nl - p);
			if (line->p[line->l - 1] == '\r')
				--line->l;
			return true;
		}
		p = nl + 1;
	}

	return false;
}

/* RFC 3264 8: nothing changed when the version of o= did not */
bool invite_same_origin(const char *a, const struct pl *b)
{
	struct pl pl, la, lb;

	if (!a || !b || !b->l)
		return false;

	pl_set_str(&pl, a);

	return origin_line(&la, &pl) && origin_line(&lb, b) &&
	       !pl_cmp(&la, &lb);
}

static bool allow_update(const struct sip_hdr *hdr, const struct sip_msg *msg,
			 void *arg)
{
	(void)msg;
	(void)arg;

	return !pl_strcmp(&hdr->val, "UPDATE");
}

/* What the peer's messages tell about it. */
void invite_note_peer(struct invite *inv, const struct sip_msg *msg)
{
	inv->peer = msg->src;
	if (sip_msg_hdr_apply(msg, true, SIP_HDR_ALLOW, allow_update, NULL))
		inv->peer_update = true;
	if (sip_msg_hdr_has_value(msg, SIP_HDR_SUPPORTED, "timer"))
		inv->peer_timer = true;
}

int invite_body(struct pl *body, const struct sip_msg *msg)
{
	size_t left = mbuf_get_left(msg->mb), n = left;

	if (pl_isset(&msg->clen)) {
		if (msg->clen.l > 6 || pl_u32(&msg->clen) > left)
			return EBADMSG;
		n = pl_u32(&msg->clen);
	}
	body->p = n ? (const char *)mbuf_buf(msg->mb) : NULL;
	body->l = n;

	return 0;
}

unsigned invite_sdp(struct pl *sdp, const struct sip_msg *msg)
{
	const struct sip_hdr *enc;

	*sdp = pl_null;
	if (invite_body(sdp, msg))
		return 400;
	if (!sdp->l)
		return 0;

	enc = sip_msg_hdr(msg, SIP_HDR_CONTENT_ENCODING);
	if (enc && pl_strcasecmp(&enc->val, "identity"))
		return 415;

	return msg_ctype_cmp(&msg->ctyp, "application", "sdp") ? 0 : 415;
}

struct early {
	bool said, found, heard;
};

static bool early_header(const struct sip_hdr *hdr, const struct sip_msg *msg,
			 void *arg)
{
	struct early *e = arg;
	(void)msg;

	e->said = true;
	e->found = !earlyhdr_decode(&e->heard, &hdr->val);

	return e->found;
}

bool invite_early_shut(const struct sip_msg *msg, bool was)
{
	struct early e = {0};

	(void)sip_msg_xhdr_apply(msg, true, "P-Early-Media", early_header, &e);

	return e.said ? !(e.found && e.heard) : was;
}

static bool reason_header(const struct sip_hdr *hdr, const struct sip_msg *msg,
			  void *arg)
{
	struct ending *end = arg;
	struct reasonhdr rh;
	char *text = NULL;
	(void)msg;

	if (reasonhdr_decode(&rh, &hdr->val))
		return false;

	if (!pl_strcasecmp(&rh.proto, "Q.850") && rh.cause <= 127)
		end->q850 = rh.cause;
	else if (!pl_strcasecmp(&rh.proto, "SIP") && !end->sip_code &&
		 rh.cause >= 200 && rh.cause <= 699)
		end->sip_code = rh.cause;

	if (rh.text.l && !text_clean(&text, &rh.text, sizeof(end->text) - 1) &&
	    text)
		str_ncpy(end->text, text, sizeof(end->text));
	mem_deref(text);

	return false;
}

void invite_ending(struct ending *end, const struct sip_msg *msg)
{
	char *text = NULL;
	struct pl line;

	memset(end, 0, sizeof(*end));

	if (!msg->req) {
		end->sip_code = msg->scode;
		line = msg->reason;
		if (!text_clean(&text, &line, sizeof(end->text) - 1) && text)
			str_ncpy(end->text, text, sizeof(end->text));
		mem_deref(text);
	}

	(void)sip_msg_hdr_apply(msg, true, SIP_HDR_REASON, reason_header, end);

	end->retry_after = sipscan_retry_after(msg, RETRY_AFTER_MAX);
}

/* Refusals by rules of ours: their phrase alone says too little. */
static bool wants_words(unsigned code)
{
	return code == 400 || code == 403 || code == 404 || code == 488;
}

int invite_ending_print(struct re_printf *pf, const struct ending_out *eo)
{
	const struct ending *end = eo->end;
	struct reason_sip rs;
	struct pl text;
	int err = 0;

	reason_to_sip(&rs, end, eo->phase);
	pl_set_str(&text, end->text);

	if (rs.q850)
		err |= re_hprintf(pf, "Reason: Q.850;cause=%u;text=\"%H\"\r\n",
				  rs.q850, text_print_sip_quoted, &text);
	if (eo->phase != REASON_UAS)
		return err;

	if (!rs.warning && text.l && wants_words(rs.code))
		rs.warning = 399;
	if (rs.warning) /* RFC 3261 20.43: warn-agent may be a pseudonym */
		err |= re_hprintf(pf, "Warning: %u stoxd \"%H\"\r\n",
				  rs.warning, text_print_sip_quoted, &text);
	if (end->retry_after)
		err |= re_hprintf(pf, "Retry-After: %u\r\n", end->retry_after);

	return err;
}

/* A final response >= 300 to a request; fmt prints further headers. */
int invite_refuse_msg(struct invite *inv, struct sip_strans **stp,
		      const struct sip_msg *msg, unsigned code,
		      const char *fmt, ...)
{
	char *lines = NULL;
	va_list ap;
	int err = 0;

	if (fmt) {
		va_start(ap, fmt);
		err = re_vsdprintf(&lines, fmt, ap);
		va_end(ap);
		if (err)
			return err;
	}

	err = sip_treplyf(stp, NULL, inv->sip, msg, false, (uint16_t)code,
			  code == 469 ? "Bad Info Package" /* RFC 6086 */
				      : reason_phrase(code),
			  "%sContent-Length: 0\r\n\r\n", lines ? lines : "");
	mem_deref(lines);

	return err;
}

void invite_resend_start(struct resend *r, struct sip *sip, struct mbuf *mb,
			 const struct sip_msg *msg, unsigned t1)
{
	struct pl rport;

	invite_resend_stop(r);
	r->sip = sip;
	r->mb = mem_ref(mb);
	r->msg = mem_ref((void *)(uintptr_t)msg);
	sip_reply_addr(&r->dst, msg,
		       !msg_param_exists(&msg->via.params, "rport", &rport));
	r->wait = t1;
	r->sum = 0;
}

bool invite_resend_again(struct resend *r, unsigned max, unsigned give_up)
{
	if (!r->mb)
		return false;

	r->sum += r->wait;
	if (r->sum >= give_up)
		return false;

	r->mb->pos = 0;
	(void)sip_send(r->sip, r->msg->sock, r->msg->tp, &r->dst, r->mb);

	r->wait *= 2;
	if (max && r->wait > max)
		r->wait = max;
	if (r->wait > give_up - r->sum)
		r->wait = give_up - r->sum;

	return true;
}

void invite_resend_stop(struct resend *r)
{
	tmr_cancel(&r->tmr);
	r->mb = mem_deref(r->mb);
	r->msg = mem_deref(r->msg);
}
