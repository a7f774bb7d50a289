/* subscribe_recv.c: what comes back to a SUBSCRIBE of ours: responses and
 * NOTIFYs (RFC 6665 4.1.2, 4.1.3). */
#include "sip/subscribe_priv.h"
#include <string.h>
#include "base/keyed.h"
#include "base/log.h"
#include "sip/answer.h"
#include "sip/digest.h"
#include "sip/scan.h"

enum {
	EXPIRES_MAX = 86400, /* s, that Min-Expires may demand */
	EXPIRES_MIN = 5,     /* s, that we take from an answer */
	TRIES_MAX = 3,	     /* 401, 407, 423 in a row */
};

/* RFC 6665 4.1.3, 7.2.3; RFC 5839 for those that follow no registry */
static const char *const reasons[] = {
    "deactivated", "timeout",	 "probation", "giveup",
    "rejected",	   "noresource", "invariant",
};

const char *subscribe_reason(const struct pl *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(reasons); i++) {
		if (!pl_strcasecmp(name, reasons[i]))
			return reasons[i];
	}

	return NULL;
}

static void end(struct subscription *sub, const struct sip_msg *msg)
{
	const struct subscribe_end e = {
	    .code = msg->scode,
	    .retry_after = sipscan_retry_after(msg, EXPIRES_MAX)};

	subscribe_close(sub, &e);
}

static bool again_digest(struct subscription *sub, const struct sip_msg *msg)
{
	struct digest *digest = siptrunk_digest(sub->trunk);

	if (!digest || !siptrunk_is_peer(sub->trunk, &msg->src, false) ||
	    sub->tries++)
		return false;

	digest_reset(digest);

	return !digest_challenge(digest, msg, sub->asked) &&
	       !subscribe_send(sub);
}

/* RFC 6665 4.1.2.1: an interval that the notifier takes. */
static bool again_longer(struct subscription *sub, const struct sip_msg *msg)
{
	const struct sip_hdr *hdr = sip_msg_xhdr(msg, "Min-Expires");
	uint64_t n;

	if (!hdr || !sipscan_seconds(&hdr->val, EXPIRES_MAX, &n) ||
	    n <= sub->expires || sub->tries++ >= TRIES_MAX || sub->fetch)
		return false;

	sub->expires = (unsigned)n;

	return !subscribe_send(sub);
}

/* Left; the last NOTIFY is still to come (RFC 6665 4.1.2.3), Timer N runs. */
static void linger(struct subscription *sub, const struct sip_msg *msg)
{
	const struct subscribe_handlers *h = sub->h;
	const struct subscribe_end e = {.code = msg->scode, .heard = true};

	sub->h = NULL;
	if (!sub->orphan) {
		sub->orphan = true;
		mem_ref(sub);
	}
	if (h)
		h->ended(sub, &e, sub->arg);
}

/* There is no dialog usage until a NOTIFY comes (RFC 6665 4.1.2.4). */
static void on_accepted(struct subscription *sub, const struct sip_msg *msg)
{
	uint64_t n = sub->expires;

	if (!sub->dlg && sipdlg_alloc(&sub->dlg, sub->uri, msg, &sub->hop)) {
		end(sub, msg);
		return;
	}
	sub->dlg->lseq = sub->lseq;
	if (!pl_strcmp(&msg->to.tag, sub->dlg->rtag)) /* of no other fork */
		sipdlg_retarget(sub->dlg, msg);
	sub->tries = 0;
	if (sub->state == SUBSCRIBE_LEAVING) {
		if (sub->left) {
			linger(sub, msg);
			return;
		}
		/* the first one was still open when it was left */
		sub->left = true;
		if (subscribe_send(sub))
			end(sub, msg);
		return;
	}

	(void)sipscan_seconds(&msg->expires, EXPIRES_MAX, &n);
	subscribe_granted(sub, MAX((unsigned)n, EXPIRES_MIN));
	if (sub->state == SUBSCRIBE_ASKING)
		subscribe_enter(sub, SUBSCRIBE_ACCEPTED);
}

static void on_final(struct subscription *sub, const struct sip_msg *msg)
{
	switch (msg->scode) {
	case 401:
	case 407:
		if (!again_digest(sub, msg))
			end(sub, msg);
		break;

	case 423:
		if (!again_longer(sub, msg))
			end(sub, msg);
		break;

	default:
		if (msg->scode < 300)
			on_accepted(sub, msg);
		else
			end(sub, msg);
		break;
	}
}

static void response(struct subscription *sub, int err,
		     const struct sip_msg *msg)
{
	static const struct subscribe_end none = {.code = 408};
	static const struct subscribe_end broken = {.code = 503};

	if (!err)
		sub->heard = true;
	if (!err && msg->scode < 200)
		return;
	if (err) {
		subscribe_close(sub, err == ETIMEDOUT ? &none : &broken);
		return;
	}

	/* a NOTIFY must follow a 2xx within Timer N; what is asked again, as
	 * after a challenge, may be met by silence again */
	if (sub->state == SUBSCRIBE_ASKING && msg->scode < 300)
		tmr_start(&sub->tmr_n, (uint64_t)sub->answer * 1000,
			  subscribe_n_timeout, sub);
	else if (sub->state == SUBSCRIBE_ASKING)
		subscribe_listen(sub);
	on_final(sub, msg);
}

void subscribe_response(int err, const struct sip_msg *msg, void *arg)
{
	struct subscription *sub = mem_ref(arg);

	response(sub, err, msg);
	mem_deref(sub);
}

/* ---- NOTIFY ---- */

struct notify {
	struct pl state, reason;
	unsigned expires, retry_after; /* s; 0: none was named */
	struct pl body;
};

/* "[^; \t]+" */
static bool word_of(struct pl *word, const struct pl *val)
{
	static const char ends[] = "; \t";
	const char *p = val->p, *const end = p + val->l;

	while (p < end && memchr(ends, *p, 3))
		p++;
	word->p = p;
	while (p < end && !memchr(ends, *p, 3))
		p++;
	word->l = (size_t)(p - word->p);

	return word->l > 0;
}

static bool is_package(const struct subscription *sub,
		       const struct sip_msg *msg)
{
	const struct sip_hdr *hdr = sip_msg_hdr(msg, SIP_HDR_EVENT);
	struct pl name;

	return hdr && word_of(&name, &hdr->val) &&
	       !pl_strcasecmp(&name, sub->package->event);
}

static bool is_document(const struct subscription *sub,
			const struct sip_msg *msg)
{
	const struct sip_hdr *enc = sip_msg_hdr(msg, SIP_HDR_CONTENT_ENCODING);
	char type[64];

	if (enc && pl_strcasecmp(&enc->val, "identity"))
		return false;
	if (re_snprintf(type, sizeof(type), "%r/%r", &msg->ctyp.type,
			&msg->ctyp.subtype) < 0)
		return false;

	return !str_casecmp(type, sub->package->accept);
}

/* RFC 6665 8.4 */
static int notify_decode(struct notify *n, const struct sip_msg *msg)
{
	const struct sip_hdr *hdr =
	    sip_msg_hdr(msg, SIP_HDR_SUBSCRIPTION_STATE);
	struct pl params, pl;
	uint64_t num;

	memset(n, 0, sizeof(*n));
	if (!hdr || !word_of(&n->state, &hdr->val))
		return EBADMSG;

	params.p = n->state.p + n->state.l;
	params.l = (size_t)(hdr->val.p + hdr->val.l - params.p);
	if (sipscan_param(&pl, &params, "reason"))
		n->reason = pl;
	if (sipscan_param(&pl, &params, "expires") &&
	    sipscan_seconds(&pl, EXPIRES_MAX, &num))
		n->expires = MAX((unsigned)num, EXPIRES_MIN);
	if (sipscan_param(&pl, &params, "retry-after") &&
	    sipscan_seconds(&pl, EXPIRES_MAX, &num))
		n->retry_after = (unsigned)num;
	if (mbuf_get_left(msg->mb)) {
		n->body.p = (const char *)mbuf_buf(msg->mb);
		n->body.l = mbuf_get_left(msg->mb);
	}

	return 0;
}

static void refuse(const struct subscription *sub, const struct sip_msg *msg,
		   unsigned code, const char *phrase, const char *header)
{
	(void)sip_treplyf(NULL, NULL, sub->hop.sip, msg, false, (uint16_t)code,
			  phrase, "%sContent-Length: 0\r\n\r\n", header);
}

/* It may come before the 2xx, and then makes the dialog.  The packages that we
 * know allow one dialog a SUBSCRIBE: others are told to go (RFC 3856 6.9). */
static unsigned dialog_find(struct subscription *sub,
			    const struct sip_msg *msg)
{
	if (!sub->dlg) {
		if (sipdlg_alloc(&sub->dlg, NULL, msg, &sub->hop))
			return 400;
		sub->dlg->lseq = sub->lseq;
		return 0;
	}
	/* before the first NOTIFY any fork may still become the one */
	if (pl_strcmp(&msg->from.tag, sub->dlg->rtag)) {
		struct sipdlg *dlg;

		if (sub->state != SUBSCRIBE_ACCEPTED)
			return 481;
		if (sipdlg_alloc(&dlg, NULL, msg, &sub->hop))
			return 400;
		mem_deref(sub->dlg);
		sub->dlg = dlg;
		return 0;
	}

	return sipdlg_order(sub->dlg, msg);
}

/* Was it answered already?  Its answer may have been lost. */
static bool is_repeated(const struct subscription *sub,
			const struct sip_msg *msg)
{
	const struct sipdlg *dlg = sub->dlg;
	const uint32_t branch = keyed_pl(&msg->via.branch);

	return dlg && dlg->rseq_set && msg->cseq.num <= dlg->rseq &&
	       !pl_strcmp(&msg->from.tag, dlg->rtag) &&
	       (sub->again[0] == branch || sub->again[1] == branch);
}

/* Of what goes on no transaction is kept, which would hold the whole message
 * for 32 s: a repeated one is known by its CSeq and branch, and its answer is
 * made once more (RFC 3261 8.2.7). */
static void accept_notify(struct subscription *sub, const struct sip_msg *msg,
			  const struct notify *n)
{
	sub->again[1] = sub->again[0];
	sub->again[0] = keyed_pl(&msg->via.branch);
	if (pl_strcasecmp(&n->state, "terminated"))
		(void)answer_send(sub->hop.sip, msg, 200, "OK", NULL);
	else
		(void)sip_treply(NULL, sub->hop.sip, msg, 200, "OK");
}

static void on_notify(struct subscription *sub, const struct sip_msg *msg,
		      const struct notify *n)
{
	const bool pending = !pl_strcasecmp(&n->state, "pending");
	/* of a fetch the first answer is the last, whatever it is called */
	const bool over = !pl_strcasecmp(&n->state, "terminated") ||
			  (sub->fetch && !pending);
	struct subscribe_end e = {.retry_after = n->retry_after,
				  .reason = subscribe_reason(&n->reason)};

	if (sub->state == SUBSCRIBE_LEAVING) {
		if (over && sub->left) {
			e.code = 200;
			subscribe_close(sub, &e);
		}
		return;
	}

	if (!sub->fetch) /* what is fetched has no other timer */
		tmr_cancel(&sub->tmr_n);
	sipdlg_retarget(sub->dlg, msg);
	if (!over) {
		subscribe_enter(sub, pending ? SUBSCRIBE_PENDING
					     : SUBSCRIBE_ACTIVE);
		if (n->expires)
			subscribe_granted(sub, n->expires);
	}
	if (sub->h && (!over || n->body.l))
		sub->h->notify(sub, pending, &n->body, sub->arg);
	if (over)
		subscribe_close(sub, &e);
}

static void notify(struct subscription *sub, const struct sip_msg *msg)
{
	char accept[80];
	struct notify n;
	unsigned code;

	if (!is_package(sub, msg)) {
		refuse(sub, msg, 489, "Bad Event", "");
		return;
	}
	if (is_repeated(sub, msg)) {
		(void)answer_send(sub->hop.sip, msg, 200, "OK", NULL);
		return;
	}
	code = dialog_find(sub, msg);
	if (code) {
		refuse(sub, msg, code,
		       code == 481 ? "No Such Subscription" : "Out of Order",
		       code == 500 ? "Retry-After: 1\r\n" : "");
		return;
	}
	if (notify_decode(&n, msg)) {
		refuse(sub, msg, 400, "Subscription-State Is Missing", "");
		return;
	}
	if (n.body.l && !is_document(sub, msg)) {
		(void)re_snprintf(accept, sizeof(accept), "Accept: %s\r\n",
				  sub->package->accept);
		refuse(sub, msg, 415, "Unsupported Media Type", accept);
		return;
	}

	sub->heard = true;
	accept_notify(sub, msg, &n);
	on_notify(sub, msg, &n);
}

static bool is_ours(struct le *le, void *arg)
{
	const struct subscription *sub = le->data;
	const struct sip_msg *msg = arg;

	return !pl_strcmp(&msg->callid, sub->callid) &&
	       !pl_strcmp(&msg->to.tag, sub->ltag);
}

bool subscribe_notify(const struct sip_msg *msg, void *arg)
{
	struct subscribers *all = arg;
	struct subscription *sub;
	union {
		const struct sip_msg *in;
		void *out;
	} u = {.in = msg};

	if (pl_strcmp(&msg->met, "NOTIFY"))
		return false;

	sub = list_ledata(
	    hash_lookup(all->ht, keyed_pl(&msg->callid), is_ours, u.out));
	if (!sub || sub->state == SUBSCRIBE_ENDED || !sub->hop.sip)
		return false;

	mem_ref(sub);
	notify(sub, msg);
	mem_deref(sub);

	return true;
}
