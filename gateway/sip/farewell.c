/* farewell.c: the goodbye of a dialog whose process has died.
 *
 * A BYE printed whole: its dialog exists in the peer alone (RFC 3261 15.1.1).
 * CSeq may leave gaps (12.2.1.1), so that it need not be noted with each
 * request. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "base/text.h"
#include "sip/invite_priv.h"
#include "sip/scan.h"
#include "sip/sipleg_priv.h"
#include "sip/stack_priv.h"

enum { CSEQ_GAP = 1000 };

static const char *const transports[] = {
    [SIP_TRANSP_UDP] = "udp",
    [SIP_TRANSP_TCP] = "tcp",
    [SIP_TRANSP_TLS] = "tls",
};

/* Of the dialog that stands, or an early one: the caller may end that, too
 * (RFC 3261 15). */
static const struct sipdlg *dialog_of(const struct invite *inv)
{
	switch (inv->state) {
	case INVITE_CALLING:
		return list_ledata(list_head(&inv->earlies));
	case INVITE_ACCEPTED:
	case INVITE_ACTIVE:
		return inv->dlg;
	default:
		return NULL;
	}
}

static void note(leg_note_h *h, void *arg, const char *key, const char *fmt,
		 ...)
{
	char *text = NULL;
	va_list ap;
	int err;

	va_start(ap, fmt);
	err = re_vsdprintf(&text, fmt, ap);
	va_end(ap);
	if (!err)
		h(key, text, arg);
	mem_deref(text);
}

static void note_routes(const struct sipdlg *dlg, leg_note_h *h, void *arg)
{
	const char *p = dlg->routes;

	while (p && !strncmp(p, "Route: ", 7)) {
		const char *end = strstr(p, "\r\n");
		const size_t len = end ? (size_t)(end - p) : strlen(p);

		note(h, arg, "route", "%b", p + 7, len - 7);
		p = end ? end + 2 : NULL;
	}
}

void sipleg_farewell_note(const struct leg *leg, leg_note_h *h, void *arg)
{
	const struct sipleg *l = (const struct sipleg *)leg;
	const struct sipdlg *dlg = l->inv ? dialog_of(l->inv) : NULL;
	struct hop hop;

	if (!dlg)
		return;

	sipdlg_hop(&hop, l->inv->trunk, dlg);
	note(h, arg, "hop", "%J", &hop.addr);
	h("transport", transports[hop.tp], arg);
	h("target", dlg->target, arg);
	h("to", dlg->remote, arg);
	h("from", l->inv->local, arg);
	h("callid", l->inv->callid, arg);
	note(h, arg, "cseq", "%u", dlg->lseq);
	note_routes(dlg, h, arg);
}

static void answer_h(int err, const struct sip_msg *msg, void *arg)
{
	(void)arg;
	if (err)
		log_info("sip: a BYE after the crash: %m\n", err);
	else if (msg->scode >= 300)
		log_info("sip: a BYE after the crash: %u\n", msg->scode);
}

static int target_of(struct target *t, leg_noted_h *h, const void *arg)
{
	const char *hop = h("hop", 0, arg), *tp = h("transport", 0, arg);

	memset(t, 0, sizeof(*t));
	if (!hop || !tp || sa_decode(&t->addr, hop, strlen(hop)) ||
	    !sa_port(&t->addr))
		return EBADMSG;

	for (size_t i = 0; i < ARRAY_SIZE(transports); i++) {
		if (transports[i] && !strcmp(tp, transports[i])) {
			t->tp = (enum sip_transp)i;
			return 0;
		}
	}

	return EBADMSG;
}

static int routes_print(struct re_printf *pf, const struct leg_noted *n)
{
	const char *route;
	int err = 0;

	for (unsigned i = 0; i < ROUTE_MAX && !err; i++) {
		route = n->h("route", i, n->arg);
		if (!route)
			break;
		err = re_hprintf(pf, "Route: %s\r\n", route);
	}

	return err;
}

static bool uri_is_sound(const char *text)
{
	struct uri uri;
	struct pl pl;

	if (!text || strlen(text) > 2000 || strpbrk(text, " <>\""))
		return false;

	pl_set_str(&pl, text);

	return !uri_decode(&uri, &pl) && !pl_strcasecmp(&uri.scheme, "sip");
}

int sipleg_farewell(struct sipcalls *calls, struct siptrunk *trunk,
		    const struct ending *why, leg_noted_h *h, const void *arg)
{
	const char *to = h("to", 0, arg), *from = h("from", 0, arg);
	const char *callid = h("callid", 0, arg), *cseq = h("cseq", 0, arg);
	const char *uri = h("target", 0, arg);
	const struct leg_noted n = {h, arg};
	struct siptarget t;
	struct target hop;
	uint64_t seq;
	struct pl pl;
	int err;

	if (!to || !from || !callid || !cseq || !uri_is_sound(uri))
		return EBADMSG;
	pl_set_str(&pl, cseq);
	if (!sipscan_number(&pl, INT32_MAX - CSEQ_GAP, &seq))
		return EBADMSG;
	err = target_of(&hop, h, arg);
	if (!err)
		err = trunk_fill_target(&t, trunk, &hop);
	if (err)
		return err;

	return sip_requestf(NULL, t.sip, true, "BYE", uri, &t.route, NULL,
			    sipstack_send, answer_h, NULL,
			    "Max-Forwards: 70\r\n%HTo: %s\r\nFrom: %s\r\n"
			    "Call-ID: %s\r\nCSeq: %llu BYE\r\n"
			    "Reason: SIP;cause=503;text=\"%s\"\r\n%s"
			    "Content-Length: 0\r\n\r\n",
			    routes_print, &n, to, from, callid,
			    (unsigned long long)seq + CSEQ_GAP, why->text,
			    sipstack_agent(calls->stack));
}
