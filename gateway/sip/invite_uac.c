/* invite_uac.c: INVITE as caller: targets, attempts, CANCEL. */
#include "sip/invite_priv.h"
#include <string.h>
#include "base/log.h"
#include "sip/digest.h"
#include "sip/nameaddr.h"

static void attempt_destructor(void *arg)
{
	struct attempt *at = arg;

	list_unlink(&at->le);
	tmr_cancel(&at->tmr);
	/* libre cancels a transaction that loses its owner, and lives on */
	mem_deref(at->req);
	mem_deref(at->via);
}

void invite_drop_attempts(struct invite *inv)
{
	list_flush(&inv->attempts);
}

static int ltag_alloc(struct invite *inv, const struct invite_conf *conf)
{
	struct nameaddr_out na = {conf->from_name, conf->from_uri};
	int err;

	err = re_sdprintf(&inv->ltag, "%016llx", rand_u64());
	if (err)
		return err;

	return re_sdprintf(&inv->local, "%H;tag=%s", nameaddr_print, &na,
			   inv->ltag);
}

static int conf_copy(struct invite *inv, const struct invite_conf *conf)
{
	int err;

	err = ltag_alloc(inv, conf);
	if (err)
		return err;
	err = re_sdprintf(&inv->callid, "%016llx%016llx", rand_u64(),
			  rand_u64());
	if (err)
		return err;
	err = str_dup(&inv->uri, conf->uri);
	if (err)
		return err;
	err = str_dup(&inv->ruri, conf->uri);
	if (err)
		return err;

	inv->max_forwards = conf->max_forwards;

	return str_dup(&inv->headers, conf->headers ? conf->headers : "");
}

static void go_timeout(void *arg);

int invite_connect(struct invite **ip, struct invites *all,
		   const struct invite_conf *conf, const char *sdp, size_t len,
		   const struct invite_handlers *h, void *arg)
{
	struct invite *inv;
	int err;

	if (!ip || !all || !conf || !conf->trunk || !sdp || !len || !h)
		return EINVAL;
	if (!nameaddr_uri_safe(conf->uri) ||
	    !nameaddr_uri_safe(conf->from_uri))
		return EBADMSG;

	err = invite_new(&inv, all, conf->trunk, conf->token, h, arg);
	if (err)
		return err;

	inv->uac = true;
	inv->lseq = (uint32_t)rand_u16() + 1;
	err = conf_copy(inv, conf);
	if (err)
		goto out;
	err = invite_set_sdp(&inv->lsdp, sdp, len);
	if (err)
		goto out;
	err = invite_link(inv);
	if (err)
		goto out;

	if (siptrunk_digest(conf->trunk))
		digest_reset(siptrunk_digest(conf->trunk));
	invite_enter(inv, INVITE_CALLING);
	*ip = inv;
	/* the owner must know its session before it hears of its end */
	tmr_start(&inv->tmr_go, 0, go_timeout, inv);

out:
	if (err)
		mem_deref(inv);

	return err;
}

/* ---- one attempt ---- */

static int attempt_print(struct mbuf *mb, const struct attempt *at)
{
	const struct invite *inv = at->inv;
	struct sipstack *stack = inv->all->stack;
	struct digest_request rq = {siptrunk_digest(inv->trunk), "INVITE",
				    inv->ruri};

	return mbuf_printf(mb,
			   "Max-Forwards: %u\r\nTo: <%s>\r\nFrom: %s\r\n"
			   "Call-ID: %s\r\nCSeq: %u INVITE\r\n"
			   "Contact: <%s>\r\n%H%s%s%s%H%s"
			   "Content-Type: application/sdp\r\n"
			   "Content-Length: %zu\r\n\r\n%s",
			   inv->max_forwards, inv->uri, inv->local,
			   inv->callid, at->cseq, inv->contact, digest_print,
			   &rq, sipstack_agent(stack), sipstack_allow(stack),
			   sipstack_supported(stack), invite_timer_print, inv,
			   inv->headers, strlen(inv->lsdp), inv->lsdp);
}

/* RFC 3261 18.1.1 wants TCP for requests over 1300 bytes. */
static bool attempt_is_large(const struct attempt *at, size_t len)
{
	static const char around[] =
	    "INVITE  SIP/2.0\r\n"
	    "Via: SIP/2.0/UDP 255.255.255.255:65535;"
	    "branch=z9hG4bK0123456789abcdef;rport\r\n";

	return at->hop.tp == SIP_TRANSP_UDP &&
	       len + strlen(at->inv->ruri) + sizeof(around) > UDP_REQUEST_MAX;
}

/* The target into at and inv, and what goes there into mb. */
static int attempt_aim(struct attempt *at, struct mbuf *mb,
		       const struct siptarget *target)
{
	struct invite *inv = at->inv;
	char *contact;
	int err;

	err = siptrunk_contact(&contact, inv->trunk, target, inv->token);
	if (err)
		return err;

	mem_deref(inv->contact);
	inv->contact = contact;
	inv->sip = target->sip;
	at->hop.sip = target->sip;
	at->hop.addr = target->addr;
	at->hop.tp = target->tp;
	mb->pos = mb->end = 0;
	inv->asked = digest_serial(siptrunk_digest(inv->trunk));

	return attempt_print(mb, at);
}

static void attempt_silent(void *arg);

/* libre chooses the branch, and says it nowhere else. */
static int attempt_send(enum sip_transp tp, const struct sa *src,
			const struct sa *dst, struct mbuf *mb, void *arg)
{
	struct attempt *at = arg;
	struct pl via;
	int err;

	err = sipstack_send(tp, src, dst, mb, arg);
	if (!err && !re_regex((const char *)mb->buf, mb->end,
			      "\r\nVia: [^\r]+", &via)) {
		at->via = mem_deref(at->via);
		err = pl_strdup(&at->via, &via);
	}

	return err;
}

static int attempt_request(struct attempt *at, struct mbuf *mb)
{
	char *route = NULL;
	struct uri uri;
	struct pl pl;
	int err;

	err = re_sdprintf(&route, "%H", invite_hop_print, &at->hop);
	if (err)
		return err;

	pl_set_str(&pl, route);
	err = uri_decode(&uri, &pl);
	if (!err) {
		mb->pos = 0;
		err = sip_request(&at->req, at->hop.sip, true, "INVITE", -1,
				  at->inv->ruri, -1, &uri, mb, 0, attempt_send,
				  invite_attempt_response, at);
	}
	mem_deref(route);

	return err;
}

static int attempt_start(struct invite *inv)
{
	struct attempt *at;
	struct siptarget tcp;
	struct mbuf *mb;
	int err;

	at = mem_zalloc(sizeof(*at), attempt_destructor);
	mb = mbuf_alloc(2048);
	if (!at || !mb) {
		err = ENOMEM;
		goto out;
	}

	at->inv = inv;
	at->cseq = ++inv->lseq;
	list_append(&inv->attempts, &at->le, at);

	err = attempt_aim(at, mb, &inv->target);
	if (err)
		goto out;
	if (attempt_is_large(at, mb->end)) {
		tcp = inv->target;
		if (!siptrunk_target_tcp(&tcp, inv->trunk))
			err = attempt_aim(at, mb, &tcp);
	}
	if (!err)
		err = attempt_request(at, mb);
	if (!err)
		tmr_start(&at->tmr, inv->all->times.silence, attempt_silent,
			  at);

out:
	if (err)
		mem_deref(at);
	mem_deref(mb);

	return err;
}

static bool target_is_tried(const struct invite *inv, const struct sa *addr)
{
	for (unsigned i = 0; i < inv->triedc; i++)
		if (sa_cmp(&inv->tried[i], addr, SA_ALL))
			return true;

	return false;
}

/* The first target that was not asked yet: their order changes with health.
 * ENOENT: none is left. */
static int target_find(struct siptarget *t, struct invite *inv, siptarget_h *h)
{
	int err;

	if (inv->triedc >= INVITE_TARGET_MAX)
		return ENOENT;

	for (unsigned n = 0;; n++) {
		memset(t, 0, sizeof(*t));
		err = siptrunk_target(t, inv->trunk, n, h, inv);
		if (err || !target_is_tried(inv, &t->addr))
			return err;
	}
}

static void target_handler(int err, void *arg)
{
	struct invite *inv = arg;

	inv->resolving = false;
	if (inv->state != INVITE_CALLING)
		return;

	mem_ref(inv);
	if (err)
		invite_fail(inv, 503, REASON_NONE, "no address of the trunk");
	else
		invite_attempt_next(inv);
	mem_deref(inv);
}

static bool attempts_open(const struct invite *inv)
{
	struct le *le;

	LIST_FOREACH (&inv->attempts, le) {
		const struct attempt *at = le->data;

		if (!at->abandoned)
			return true;
	}

	return false;
}

static void attempts_fail(struct invite *inv, int err)
{
	if (!err || attempts_open(inv))
		return;

	mem_ref(inv);
	invite_enter(inv, INVITE_ENDED);
	if (inv->last.sip_code)
		invite_close(inv, &inv->last);
	else
		invite_close_code(inv, err == ENOMEM ? 500 : 503, REASON_NONE,
				  "no target of the trunk answers");
	mem_deref(inv);
}

/* The INVITE to the next target.  Where there is none and nobody is asked
 * any more, the call has failed as the last one said. */
void invite_attempt_next(struct invite *inv)
{
	struct siptarget t;
	int err;

	if (inv->state != INVITE_CALLING || inv->resolving)
		return;

	for (;;) {
		err = target_find(&t, inv, target_handler);
		if (err == EAGAIN) {
			inv->resolving = true;
			return;
		}
		if (err)
			break;

		inv->tried[inv->triedc++] = t.addr;
		inv->target = t;
		err = attempt_start(inv);
		if (!err || err == ENOMEM)
			break;

		log_info("sip: %s: %J: %m\n", inv->callid, &t.addr, err);
		siptrunk_target_failed(inv->trunk, &t.addr);
	}

	attempts_fail(inv, err);
}

void invite_attempt_again(struct invite *inv)
{
	attempts_fail(inv, attempt_start(inv));
}

/* Nobody was there for so long that the caller shall know. */
static void attempt_deaf(void *arg)
{
	struct attempt *at = arg;
	struct invite *inv = at->inv;

	if (inv->state == INVITE_CALLING && !at->heard && !at->abandoned)
		invite_fail(inv, 408, REASON_TIMEOUT,
			    "no target of the trunk answers");
}

/* The last target, over a new connection, once. */
static void attempt_afresh(struct attempt *at)
{
	const struct invite_times *times = &at->inv->all->times;
	struct invite *inv = at->inv;

	if (inv->reconnected ||
	    !siptrunk_reconnect(inv->trunk, &inv->target)) {
		if (times->deaf > times->silence)
			tmr_start(&at->tmr, times->deaf - times->silence,
				  attempt_deaf, at);
		return;
	}

	log_info("sip: %s: %J is silent, connecting anew\n", inv->callid,
		 &at->hop.addr);
	inv->reconnected = true;
	at->abandoned = true;
	sip_request_cancel(at->req);
	invite_attempt_again(inv);
}

/* The next target, while this one may still speak up: then it gets CANCEL,
 * or ACK and BYE.  Not where there is no other. */
static void attempt_silent(void *arg)
{
	struct attempt *at = arg;
	struct invite *inv = at->inv;
	struct siptarget t;

	if (inv->state != INVITE_CALLING || at->heard || at->abandoned)
		return;

	siptrunk_target_failed(inv->trunk, &at->hop.addr);
	if (target_find(&t, inv, NULL)) {
		attempt_afresh(at);
		return;
	}

	log_info("sip: %s: %J is silent, trying the next target\n",
		 inv->callid, &at->hop.addr);
	at->abandoned = true;
	sip_request_cancel(at->req);
	invite_attempt_next(inv);
}

static void go_timeout(void *arg)
{
	invite_attempt_next(arg);
}

void invite_cancel(struct invite *inv)
{
	struct le *le;

	tmr_cancel(&inv->tmr_go);
	invite_enter(inv, list_isempty(&inv->attempts) ? INVITE_ENDED
						       : INVITE_CANCELLED);
	/* libre holds the CANCEL back until a 1xx (RFC 3261 9.1) */
	LIST_FOREACH (&inv->attempts, le) {
		struct attempt *at = le->data;

		tmr_cancel(&at->tmr);
		sip_request_cancel(at->req);
	}
}
