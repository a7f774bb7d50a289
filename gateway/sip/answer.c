/* answer.c: an answer without a transaction (RFC 3261 8.2.6, 8.2.7). */
#include "sip/answer.h"
#include <string.h>
#include "sip/scan.h"
#include "sip/stack_priv.h"

enum { ROOM = 2048 }; /* bytes; what is longer libre prints */

struct text {
	char p[ROOM];
	size_t len;
	bool over;
};

static void put(struct text *t, const char *s, size_t len)
{
	if (t->len + len > sizeof(t->p)) {
		t->over = true;
		return;
	}
	memcpy(t->p + t->len, s, len);
	t->len += len;
}

static void put_str(struct text *t, const char *s)
{
	put(t, s, strlen(s));
}

static void put_header(struct text *t, const struct sip_hdr *hdr)
{
	put(t, hdr->name.p, hdr->name.l);
	put(t, ": ", 2);
	put(t, hdr->val.p, hdr->val.l);
}

/* ";rport" without a value: where it stands in the parameters; RFC 3581 4. */
static bool rport_find(struct pl *rp, const struct pl *params)
{
	static const char word[] = ";rport";
	const size_t n = sizeof(word) - 1;

	for (size_t i = 0; i + n <= params->l; i++) {
		if (params->p[i] != ';' ||
		    strncasecmp(params->p + i, word, n) != 0)
			continue;
		if (i + n < params->l && params->p[i + n] != ';')
			return false;
		*rp = (struct pl){params->p + i, n};
		return true;
	}

	return false;
}

/* Is the top Via one of those that are answered to without more ado? */
static bool is_usual(const struct sip_msg *msg)
{
	struct pl rp, val;
	const struct pl *params = &msg->via.params;

	return msg->tp == SIP_TRANSP_UDP && msg->sock &&
	       !memchr(params->p, ' ', params->l) &&
	       !sipscan_param(&val, params, "maddr") &&
	       (rport_find(&rp, params) ||
		!sipscan_param(&val, params, "rport"));
}

static void put_via(struct text *t, const struct sip_msg *msg,
		    const struct sip_hdr *hdr, const struct pl *rp)
{
	char port[16];

	if (!rp->l) {
		put_header(t, hdr);
	} else {
		const char *end = hdr->val.p + hdr->val.l;

		put(t, hdr->name.p, hdr->name.l);
		put(t, ": ", 2);
		put(t, hdr->val.p, (size_t)(rp->p - hdr->val.p));
		put(t, rp->p + rp->l, (size_t)(end - rp->p) - rp->l);
		(void)re_snprintf(port, sizeof(port), ";rport=%u",
				  sa_port(&msg->src));
		put_str(t, port);
	}
	if (rp->l || !sa_cmp(&msg->src, &msg->via.addr, SA_ADDR)) {
		put_str(t, ";received=");
		put_str(t, wire_addr(&msg->src, false));
	}
	put(t, "\r\n", 2);
}

static void put_tag(struct text *t, uint64_t tag)
{
	static const char digits[] = "0123456789abcdef";
	char text[16];

	for (int i = 15; i >= 0; i--, tag >>= 4)
		text[i] = digits[tag & 15];
	put_str(t, ";tag=");
	put(t, text, sizeof(text));
}

static void put_headers(struct text *t, const struct sip_msg *msg,
			const struct pl *rp)
{
	bool first = true;
	struct le *le;

	LIST_FOREACH (&msg->hdrl, le) {
		const struct sip_hdr *hdr = le->data;

		switch (hdr->id) {
		case SIP_HDR_VIA:
			if (first) {
				put_via(t, msg, hdr, rp);
				first = false;
				break;
			}
			/* fall through */
		case SIP_HDR_FROM:
		case SIP_HDR_CALL_ID:
		case SIP_HDR_CSEQ:
			put_header(t, hdr);
			put(t, "\r\n", 2);
			break;

		case SIP_HDR_TO:
			put_header(t, hdr);
			if (!pl_isset(&msg->to.tag))
				put_tag(t, msg->tag);
			put(t, "\r\n", 2);
			break;

		default:
			break;
		}
	}
}

int answer_send(struct sip *sip, const struct sip_msg *msg, unsigned code,
		const char *phrase, const char *headers)
{
	const struct wire *w = wire_by_sip(sip);
	struct pl rp = PL_INIT;
	struct text t;
	struct sa dst;
	char start[32];

	if (!headers)
		headers = "";
	t.len = 0;
	t.over = !w || !is_usual(msg);
	if (!t.over) {
		(void)rport_find(&rp, &msg->via.params);
		(void)re_snprintf(start, sizeof(start), "SIP/2.0 %u ", code);
		put_str(&t, start);
		put_str(&t, phrase);
		put(&t, "\r\n", 2);
		put_headers(&t, msg, &rp);
		if (w->stack->conf->sip.user_agent) {
			put_str(&t, "Server: ");
			put_str(&t, w->stack->conf->sip.user_agent);
			put(&t, "\r\n", 2);
		}
		put_str(&t, headers);
		put_str(&t, "Content-Length: 0\r\n\r\n");
	}
	if (t.over)
		return sip_replyf(sip, msg, (uint16_t)code, phrase,
				  "%sContent-Length: 0\r\n\r\n", headers);

	/* RFC 3261 18.2.2, RFC 3581 4; there is no maddr */
	dst = msg->src;
	if (!rp.l)
		sa_set_port(&dst,
			    sip_transp_port(msg->tp, sa_port(&msg->via.addr)));

	return wire_send(w, &dst, (const uint8_t *)t.p, t.len);
}
