/* farewell_send.c: the goodbye of a session whose process has died.
 *
 * The session is made anew from what was noted, as far as its end needs it, so
 * that credentials, repetitions and answers that cross are what they are for
 * every other session. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "sip/digest.h"
#include "sip/farewell.h"
#include "sip/scan.h"
#include "sip/sipleg_priv.h"
#include "sip/stack_priv.h"

enum {
	CSEQ_GAP = 1000,
	URI_MAX = 2000, /* bytes */
	SENDS_MAX = 6,	/* of a CANCEL by UDP */
};

struct noted { /* strings belong to the notes */
	const char *kind, *target, *to, *from, *callid;
	uint32_t cseq;
	struct hop hop;
	leg_noted_h *h;
	const void *arg;
};

/* ---- reading ---- */

static bool uri_is_sound(const char *text)
{
	struct uri uri;
	struct pl pl;

	if (!text || strlen(text) > URI_MAX || strpbrk(text, " <>\""))
		return false;

	pl_set_str(&pl, text);

	return !uri_decode(&uri, &pl) && (!pl_strcasecmp(&uri.scheme, "sip") ||
					  !pl_strcasecmp(&uri.scheme, "tel"));
}

static int hop_read(struct noted *n, struct siptrunk *trunk)
{
	const char *hop = n->h("hop", 0, n->arg);
	const char *tp = n->h("transport", 0, n->arg);
	struct siptarget t;
	struct target to;
	int err;

	memset(&to, 0, sizeof(to));
	if (!hop || !tp || sa_decode(&to.addr, hop, strlen(hop)) ||
	    !sa_port(&to.addr))
		return EBADMSG;

	for (unsigned i = 0; i < FAREWELL_TRANSPORTS; i++) {
		if (!farewell_transports[i] ||
		    strcmp(tp, farewell_transports[i]) != 0)
			continue;
		to.tp = (enum sip_transp)i;
		err = trunk_fill_target(&t, trunk, &to);
		n->hop.sip = t.sip;
		n->hop.addr = to.addr;
		n->hop.tp = to.tp;
		return err;
	}

	return EBADMSG;
}

static int noted_read(struct noted *n, struct siptrunk *trunk)
{
	const char *cseq = n->h("cseq", 0, n->arg);
	uint64_t seq;
	struct pl pl;

	n->kind = n->h("kind", 0, n->arg);
	n->target = n->h("target", 0, n->arg);
	n->to = n->h("to", 0, n->arg);
	n->from = n->h("from", 0, n->arg);
	n->callid = n->h("callid", 0, n->arg);
	if (!n->kind || !n->to || !n->from || !n->callid || !cseq ||
	    !uri_is_sound(n->target))
		return EBADMSG;
	pl_set_str(&pl, cseq);
	if (!sipscan_number(&pl, INT32_MAX - CSEQ_GAP, &seq))
		return EBADMSG;
	n->cseq = (uint32_t)seq;

	return hop_read(n, trunk);
}

/* ---- a session ---- */

static int session_restore(struct invite **ip, struct sipcalls *calls,
			   struct siptrunk *trunk, const struct noted *n)
{
	struct invite *inv;
	struct pl from, tag;
	int err;

	pl_set_str(&from, n->from);
	if (msg_param_decode(&from, "tag", &tag))
		return EBADMSG;
	err = invite_new(&inv, calls->invites, trunk, "", NULL, NULL);
	if (err)
		return err;

	inv->sip = n->hop.sip;
	inv->peer = n->hop.addr;
	err = str_dup(&inv->callid, n->callid);
	err |= str_dup(&inv->local, n->from);
	err |= pl_strdup(&inv->ltag, &tag);
	err |= str_dup(&inv->ruri, n->target);
	if (!err)
		err = invite_link(inv);
	if (err)
		mem_deref(inv);
	else
		*ip = inv;

	return err;
}

/* ---- BYE ---- */

static int routes_print(struct re_printf *pf, const struct noted *n)
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

static int leave(struct invite *inv, const struct noted *n,
		 const struct ending *why)
{
	char *routes;
	int err;

	err = re_sdprintf(&routes, "%H", routes_print, n);
	if (err)
		return err;
	err = sipdlg_restore(&inv->dlg, n->to, n->target, routes,
			     n->cseq + CSEQ_GAP, &n->hop);
	mem_deref(routes);
	if (err)
		return err;

	digest_restore(siptrunk_digest(inv->trunk), n->h("realm", 0, n->arg));
	invite_enter(inv, INVITE_ACTIVE);
	invite_end(inv, why);

	return 0;
}

/* ---- CANCEL ---- */

/* An INVITE whose transaction no library knows any more. */
struct cancel {
	struct le le;
	struct tmr tmr;
	struct hop hop;
	char *callid, *via, *target, *to, *from;
	uint32_t cseq;
	unsigned sends;
	unsigned wait, left; /* ms: to the next, of all */
	bool heard;
};

static void cancel_destructor(void *arg)
{
	struct cancel *c = arg;

	list_unlink(&c->le);
	tmr_cancel(&c->tmr);
	mem_deref(c->callid);
	mem_deref(c->via);
	mem_deref(c->target);
	mem_deref(c->to);
	mem_deref(c->from);
}

/* With the Via of the INVITE (RFC 3261 9.1, 17.1.1.3). */
static void cancel_say(const struct cancel *c, const char *method,
		       const char *to)
{
	struct mbuf *mb = mbuf_alloc(512);
	int err = mb ? 0 : ENOMEM;

	if (!err)
		err = mbuf_printf(mb,
				  "%s %s SIP/2.0\r\nVia: %s\r\n"
				  "Max-Forwards: 70\r\nTo: %s\r\n"
				  "From: %s\r\nCall-ID: %s\r\n"
				  "CSeq: %u %s\r\n"
				  "Content-Length: 0\r\n\r\n",
				  method, c->target, c->via, to, c->from,
				  c->callid, c->cseq, method);
	if (!err) {
		mb->pos = 0;
		err = sip_send(c->hop.sip, NULL, c->hop.tp, &c->hop.addr, mb);
	}
	if (err)
		log_info("sip: %s: no %s sent (%m)\n", c->callid, method, err);
	mem_deref(mb);
}

/* It is kept for answers that cross. */
static void cancel_timeout(void *arg)
{
	struct cancel *c = arg;

	if (!c->left) {
		mem_deref(c);
		return;
	}
	if (!c->heard && c->sends < SENDS_MAX &&
	    (!c->sends || c->hop.tp == SIP_TRANSP_UDP)) {
		cancel_say(c, "CANCEL", c->to);
		c->sends++;
	}
	c->wait = MIN(2 * c->wait, c->left);
	c->left -= c->wait;
	tmr_start(&c->tmr, c->wait, cancel_timeout, c);
}

static int cancel(struct sipcalls *calls, struct invite *inv,
		  const struct noted *n)
{
	const struct invite_times *times = &calls->invites->times;
	const char *via = n->h("via", 0, n->arg);
	struct cancel *c;
	int err;

	if (!via)
		return EBADMSG;
	c = mem_zalloc(sizeof(*c), cancel_destructor);
	if (!c)
		return ENOMEM;

	c->hop = n->hop;
	c->cseq = n->cseq;
	c->wait = times->t1 / 2;
	c->left = times->give_up;
	err = str_dup(&c->callid, n->callid);
	err |= str_dup(&c->via, via);
	err |= str_dup(&c->target, n->target);
	err |= str_dup(&c->to, n->to);
	err |= str_dup(&c->from, n->from);
	if (err) {
		mem_deref(c);
		return ENOMEM;
	}

	/* a 2xx that crosses finds a session, which says ACK and BYE */
	inv->uac = true;
	invite_enter(inv, INVITE_ENDED);
	list_append(&calls->cancels, &c->le, c);
	cancel_timeout(c);

	return 0;
}

static bool is_of(const struct cancel *c, const struct sip_msg *msg)
{
	struct pl from, tag;

	pl_set_str(&from, c->from);

	return msg->cseq.num == c->cseq &&
	       !pl_strcmp(&msg->callid, c->callid) &&
	       !msg_param_decode(&from, "tag", &tag) &&
	       !pl_cmp(&msg->from.tag, &tag);
}

static void cancel_answered(struct cancel *c, const struct sip_msg *msg)
{
	char *to = NULL;

	c->heard |= !pl_strcmp(&msg->cseq.met, "CANCEL") || msg->scode >= 200;
	if (pl_strcmp(&msg->cseq.met, "INVITE") != 0 || msg->scode < 300)
		return;

	if (!pl_strdup(&to, &msg->to.val))
		cancel_say(c, "ACK", to);
	mem_deref(to);
}

bool farewell_response(const struct sip_msg *msg, void *arg)
{
	const struct sipcalls *calls = arg;
	struct le *le;

	LIST_FOREACH (&calls->cancels, le) {
		if (!is_of(le->data, msg))
			continue;
		cancel_answered(le->data, msg);
		return true;
	}

	return false;
}

/* ---- an answer ---- */

static int vias_print(struct re_printf *pf, const struct noted *n)
{
	const char *via;
	int err = 0;

	for (unsigned i = 0; !err; i++) {
		via = n->h("via", i, n->arg);
		if (!via)
			break;
		err = re_hprintf(pf, "Via: %s\r\n", via);
	}

	return err;
}

static int request_restore(struct sip_msg **mp, const struct noted *n,
			   const struct invite *inv)
{
	struct mbuf *mb = mbuf_alloc(1024);
	struct pl to = {n->from, 0};
	int err;

	/* ours is the last */
	for (const char *p = n->from; (p = strstr(p, ";tag=")); p++)
		to.l = (size_t)(p - n->from);

	if (!mb)
		return ENOMEM;

	err = mbuf_printf(mb,
			  "INVITE %s SIP/2.0\r\n%HFrom: %s\r\nTo: %r\r\n"
			  "Call-ID: %s\r\nCSeq: %u INVITE\r\n"
			  "Content-Length: 0\r\n\r\n",
			  n->target, vias_print, n, n->to, &to, n->callid,
			  n->cseq);
	mb->pos = 0;
	if (!err)
		err = sip_msg_decode(mp, mb);
	mem_deref(mb);
	if (err)
		return err == ENOMEM ? err : EBADMSG;

	(*mp)->tag = strtoull(inv->ltag, NULL, 16);
	(*mp)->src = n->hop.addr;
	(*mp)->tp = n->hop.tp;

	return 0;
}

static int answer(struct invite *inv, const struct noted *n,
		  const struct ending *why)
{
	int err;

	err = request_restore(&inv->msg, n, inv);
	if (err)
		return err;

	invite_enter(inv, INVITE_INCOMING);
	invite_end(inv, why);

	return 0;
}

int sipleg_farewell(struct sipcalls *calls, struct siptrunk *trunk,
		    const struct ending *why, leg_noted_h *h, const void *arg)
{
	struct noted n = {.h = h, .arg = arg};
	struct invite *inv;
	int err;

	err = noted_read(&n, trunk);
	if (err)
		return err;
	err = session_restore(&inv, calls, trunk, &n);
	if (err)
		return err;

	if (!strcmp(n.kind, FAREWELL_DIALOG))
		err = leave(inv, &n, why);
	else if (!strcmp(n.kind, FAREWELL_CANCEL))
		err = cancel(calls, inv, &n);
	else if (!strcmp(n.kind, FAREWELL_ANSWER))
		err = answer(inv, &n, why);
	else
		err = EBADMSG;
	if (err)
		invite_unlink(inv);
	mem_deref(inv);

	return err;
}
