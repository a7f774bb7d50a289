/* farewell.c: what is noted of a session, for the goodbye of another process.
 *
 * CSeq may leave gaps (RFC 3261 12.2.1.1), so that it need not be noted with
 * each request. */
#include "sip/farewell.h"
#include <string.h>
#include "sip/digest.h"
#include "sip/sipleg_priv.h"

const char *const farewell_transports[FAREWELL_TRANSPORTS] = {
    [SIP_TRANSP_UDP] = "udp",
    [SIP_TRANSP_TCP] = "tcp",
    [SIP_TRANSP_TLS] = "tls",
};

struct noting {
	leg_note_h *h;
	void *arg;
};

static void note(const struct noting *n, const char *key, const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;
	int err;

	va_start(ap, fmt);
	err = re_vsdprintf(&text, fmt, ap);
	va_end(ap);
	if (!err)
		n->h(key, text, n->arg);
	mem_deref(text);
}

static void note_common(const struct noting *n, const struct invite *inv,
			const char *kind, const struct sa *hop,
			enum sip_transp tp)
{
	n->h("kind", kind, n->arg);
	note(n, "hop", "%J", hop);
	n->h("transport", farewell_transports[tp], n->arg);
	n->h("from", inv->local, n->arg);
	n->h("callid", inv->callid, n->arg);
}

/* ---- a dialog: BYE (RFC 3261 15.1.1) ---- */

static void note_routes(const struct noting *n, const struct sipdlg *dlg)
{
	const char *p = dlg->routes;

	while (p && !strncmp(p, "Route: ", 7)) {
		const char *end = strstr(p, "\r\n");
		const size_t len = end ? (size_t)(end - p) : strlen(p);

		note(n, "route", "%b", p + 7, len - 7);
		p = end ? end + 2 : NULL;
	}
}

static void note_dialog(const struct noting *n, const struct invite *inv)
{
	const struct sipdlg *dlg = inv->dlg;
	struct hop hop;

	if (!dlg)
		return;

	sipdlg_hop(&hop, inv->trunk, dlg);
	note_common(n, inv, FAREWELL_DIALOG, &hop.addr, hop.tp);
	n->h("target", dlg->target, n->arg);
	n->h("to", dlg->remote, n->arg);
	note(n, "cseq", "%u", dlg->lseq);
	n->h("realm", digest_realm(siptrunk_digest(inv->trunk)), n->arg);
	note_routes(n, dlg);
}

/* ---- an INVITE of ours: CANCEL (RFC 3261 9.1) ---- */

static const struct attempt *attempt_of(const struct invite *inv)
{
	struct le *le;

	for (le = list_tail(&inv->attempts); le; le = le->prev) {
		const struct attempt *at = le->data;

		if (at->via && !at->abandoned)
			return at;
	}

	return NULL;
}

static void note_calling(const struct noting *n, const struct invite *inv)
{
	const struct attempt *at = attempt_of(inv);

	if (!at)
		return;

	note_common(n, inv, FAREWELL_CANCEL, &at->hop.addr, at->hop.tp);
	n->h("target", inv->ruri, n->arg);
	note(n, "to", "<%s>", inv->uri);
	note(n, "cseq", "%u", at->cseq);
	n->h("via", at->via, n->arg);
}

/* ---- one of theirs: its answer (RFC 3261 8.2.6) ---- */

static bool note_via(const struct sip_hdr *hdr, const struct sip_msg *msg,
		     void *arg)
{
	(void)msg;
	note(arg, "via", "%r", &hdr->val);

	return false;
}

static void note_asked(struct noting *n, const struct invite *inv)
{
	const struct sip_msg *msg = inv->msg;

	if (!msg)
		return;

	note_common(n, inv, FAREWELL_ANSWER, &msg->src, msg->tp);
	note(n, "target", "%r", &msg->ruri);
	note(n, "to", "%r", &msg->from.val);
	note(n, "cseq", "%u", msg->cseq.num);
	(void)sip_msg_hdr_apply(msg, true, SIP_HDR_VIA, note_via, n);
}

void sipleg_farewell_note(const struct leg *leg, leg_note_h *h, void *arg)
{
	const struct sipleg *l = (const struct sipleg *)leg;
	struct noting n = {h, arg};

	if (!l->inv)
		return;

	switch (l->inv->state) {
	case INVITE_CALLING:
	case INVITE_CANCELLED:
		note_calling(&n, l->inv);
		break;
	case INVITE_INCOMING:
		note_asked(&n, l->inv);
		break;
	case INVITE_ACCEPTED:
	case INVITE_ACTIVE:
		note_dialog(&n, l->inv);
		break;
	default:
		break;
	}
}
