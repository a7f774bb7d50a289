/* subscribe.c: subscriptions of ours: SUBSCRIBE and its timers (RFC 6665 4.1,
 * RFC 3856 6). */
#include "sip/subscribe_priv.h"
#include <stdarg.h>
#include <string.h>
#include "base/id.h"
#include "base/keyed.h"
#include "base/log.h"
#include "base/table.h"
#include "base/text.h"
#include "sip/digest.h"
#include "sip/nameaddr.h"
#include "sip/refuse.h"
#include "sip/stack_priv.h"

enum {
	BUCKETS = 4096,	    /* power of two, at first */
	SILENCE = 2 * 1000, /* ms; design 6: then the next target */
	ROOM = 1000, /* bytes of most requests; see CHUNK_MIN of arena.c */
	EARLY = 60,  /* s before the end; protocol C.1 */
	SPREAD_FROM = 600, /* s; shorter ones were asked for to be so */
	SAME = 1000,	   /* ms; ends are told in seconds */
};

const struct subscribe_package subscribe_presence = {"presence",
						     "application/pidf+xml"};
const struct subscribe_package subscribe_dialog = {
    "dialog", "application/dialog-info+xml"};

static const char *const state_names[] = {
    [SUBSCRIBE_ASKING] = "asking",   [SUBSCRIBE_ACCEPTED] = "accepted",
    [SUBSCRIBE_PENDING] = "pending", [SUBSCRIBE_ACTIVE] = "active",
    [SUBSCRIBE_LEAVING] = "leaving", [SUBSCRIBE_ENDED] = "ended",
};

uint64_t subscribe_refresh_after(unsigned expires)
{
	const uint64_t ms = (uint64_t)expires * 1000;
	const uint64_t early = expires > EARLY ? ms - EARLY * 1000 : 0;

	return MAX(early, ms * 8 / 10);
}

uint64_t subscribe_due_after(unsigned expires, bool first, uint64_t chance)
{
	const uint64_t after = subscribe_refresh_after(expires);
	/* what was asked for in one minute, after a restart, shall not come
	 * in one minute of every hour */
	const uint64_t most =
	    first && expires >= SPREAD_FROM ? after * 3 / 5 : after / 50;

	return after - chance % (most + 1);
}

/* The only function that writes sub->state. */
void subscribe_enter(struct subscription *sub, enum subscribe_state st)
{
	if (sub->state == st)
		return;

	log_debug("sip: %s to %s: %s -> %s\n", sub->package->event, sub->uri,
		  state_names[sub->state], state_names[st]);
	sub->state = (uint8_t)st;

	switch (st) {
	case SUBSCRIBE_LEAVING:
		tmr_cancel(&sub->tmr);
		tmr_start(&sub->tmr_n, (uint64_t)sub->answer * 1000,
			  subscribe_n_timeout, sub);
		break;

	case SUBSCRIBE_ENDED:
		tmr_cancel(&sub->tmr);
		tmr_cancel(&sub->tmr_n);
		break;

	default:
		break;
	}
}

void subscribe_close(struct subscription *sub, const struct subscribe_end *end)
{
	const struct subscribe_handlers *h = sub->h;
	struct subscribe_end e = *end;
	bool orphan = sub->orphan;

	if (sub->state == SUBSCRIBE_ENDED)
		return;

	e.heard = sub->heard;
	subscribe_enter(sub, SUBSCRIBE_ENDED);
	siptrunk_target_cancel(sub->trunk, sub);
	sub->req.any = mem_deref(sub->req.any);
	sub->h = NULL;
	sub->orphan = false;
	if (h)
		h->ended(sub, &e, sub->arg);
	if (orphan)
		mem_deref(sub);
}

static void close_code(struct subscription *sub, unsigned code)
{
	const struct subscribe_end end = {.code = code};

	subscribe_close(sub, &end);
}

/* Nothing came: elsewhere, or the owner is told. */
static void silence(struct subscription *sub)
{
	struct siptarget t;

	tmr_start(&sub->tmr_n, (uint64_t)sub->answer * 1000,
		  subscribe_n_timeout, sub);
	if (!siptrunk_target(&t, sub->trunk, sub->nth + 1u, NULL, NULL)) {
		++sub->nth;
		sub->req.any = mem_deref(sub->req.any);
		if (!subscribe_send(sub))
			return;
	}
	if (sub->h)
		sub->h->silent(sub, sub->arg);
}

static void silence_timeout(void *arg)
{
	silence(arg);
}

void subscribe_listen(struct subscription *sub)
{
	tmr_start(&sub->tmr_n, SILENCE, silence_timeout, sub);
}

void subscribe_n_timeout(void *arg)
{
	close_code(arg, 408);
}

static void end_timeout(void *arg)
{
	close_code(arg, 408);
}

static void due_timeout(void *arg)
{
	struct subscription *sub = arg;
	const uint64_t now = tmr_jiffies();

	tmr_start(&sub->tmr, sub->until > now ? sub->until - now : 0,
		  end_timeout, sub);
	if (sub->h)
		sub->h->due(sub, sub->arg);
}

/* Does its timer run for that end already? */
static bool is_due_for(const struct subscription *sub, uint64_t until)
{
	return sub->tmr.th == due_timeout &&
	       MAX(until, sub->until) - MIN(until, sub->until) < SAME;
}

void subscribe_granted(struct subscription *sub, unsigned s)
{
	const uint64_t until = tmr_jiffies() + (uint64_t)s * 1000;

	if (sub->fetch || sub->state == SUBSCRIBE_LEAVING)
		return;

	/* a NOTIFY says what the answer said: its timer stands among others
	 * that have left the cache */
	if (s > EARLY && is_due_for(sub, until))
		return;

	sub->until = until;
	tmr_start(&sub->tmr,
		  subscribe_due_after(s, !sub->refreshed, id_random()),
		  due_timeout, sub);
}

/* Text after text, up to NULL: formats cost more than all else here. */
__attribute__((sentinel)) static int put(struct mbuf *mb, ...)
{
	const char *s;
	va_list ap;
	int err = 0;

	va_start(ap, mb);
	while ((s = va_arg(ap, const char *)) != NULL)
		err |= mbuf_write_str(mb, s);
	va_end(ap);

	return err;
}

static int headers_print(struct mbuf *mb, const struct subscription *sub,
			 const char *uri, struct digest *digest)
{
	const struct sipstack *s = sub->all->stack;
	const struct digest_request rq = {digest, "SUBSCRIBE", uri};
	char cseq[16], expires[16];
	int err;

	(void)re_snprintf(cseq, sizeof(cseq), "%u", sub->lseq);
	(void)re_snprintf(expires, sizeof(expires), "%u", sub->expires);
	err = put(mb, "Max-Forwards: 70\r\n", NULL);
	if (sub->dlg)
		err |= put(mb, sub->dlg->routes, "To: ", sub->dlg->remote,
			   "\r\n", NULL);
	else
		err |= put(mb, "To: <", sub->uri, ">\r\n", NULL);
	err |= put(mb, "From: ", sub->local, "\r\nCall-ID: ", sub->callid,
		   "\r\nCSeq: ", cseq, " SUBSCRIBE\r\nContact: <",
		   sub->contact, ">\r\nEvent: ", sub->package->event,
		   "\r\nAccept: ", sub->package->accept,
		   "\r\nExpires: ", expires, "\r\n", NULL);
	if (digest)
		err |= mbuf_printf(mb, "%H", digest_print, &rq);

	return err | put(mb, sipstack_allow(s), sipstack_supported(s),
			 sipstack_agent(s), "Content-Length: 0\r\n\r\n", NULL);
}

static int request_udp(struct subscription *sub, const char *uri,
		       const struct hop *hop, struct digest *digest)
{
	const struct wire *w = wire_by_sip(hop->sip);
	struct mbuf *mb = mbuf_alloc(ROOM);
	char branch[UDPTX_BRANCH];
	int err;

	if (!mb)
		return ENOMEM;

	udptx_branch(branch);
	err = put(mb, "SUBSCRIBE ", uri, " SIP/2.0\r\nVia: SIP/2.0/UDP ",
		  wire_addr(wire_public(w), true), ";branch=", branch,
		  ";rport\r\n", NULL);
	if (!err)
		err = headers_print(mb, sub, uri, digest);
	mb->pos = 0;
	wire_asks(&hop->addr);
	if (!err)
		err = udptx_send(&sub->req.udp, hop->sip, &hop->addr, branch,
				 mb, subscribe_response, sub);
	mem_deref(mb);

	return err;
}

static int request_stream(struct subscription *sub, const char *uri,
			  const struct hop *hop, struct digest *digest)
{
	struct mbuf *mb = mbuf_alloc(ROOM);
	struct uri route;
	char *text = NULL;
	struct pl pl;
	int err;

	if (!mb)
		return ENOMEM;

	err = headers_print(mb, sub, uri, digest);
	if (!err)
		err = re_sdprintf(&text, "%H", invite_hop_print, hop);
	if (err)
		goto out;

	pl_set_str(&pl, text);
	err = uri_decode(&route, &pl);
	if (err)
		goto out;

	mb->pos = 0;
	err = sip_request(&sub->req.stream, hop->sip, true, "SUBSCRIBE", -1,
			  uri, -1, &route, mb, 0, sipstack_send,
			  subscribe_response, sub);
out:
	mem_deref(text);
	mem_deref(mb);

	return err;
}

/* hop: where to; digest: what it may show there. */
static int request(struct subscription *sub, const char *uri,
		   const struct hop *hop, struct digest *digest)
{
	++sub->lseq;
	sub->asked = digest_serial(digest);
	if (hop->tp == SIP_TRANSP_UDP && udptx_ready(hop->sip))
		return request_udp(sub, uri, hop, digest);

	return request_stream(sub, uri, hop, digest);
}

static int request_dialog(struct subscription *sub)
{
	struct hop hop;

	sipdlg_hop_near(&hop, sub->trunk, sub->dlg);

	return request(sub, sub->dlg->target, &hop,
		       siptrunk_digest_for(sub->trunk, &hop.addr));
}

static void resolved(int err, void *arg)
{
	struct subscription *sub = arg;

	if (err || subscribe_send(sub))
		close_code(sub, 503);
}

/* The first request, to one of the trunk's targets. */
static int request_initial(struct subscription *sub)
{
	char token[9];
	struct siptarget t;
	int err;

	err = siptrunk_target(&t, sub->trunk, sub->nth, resolved, sub);
	if (err == EAGAIN)
		return 0;
	if (err)
		return err;

	sub->hop.sip = t.sip;
	sub->hop.addr = t.addr;
	sub->hop.tp = t.tp;
	if (!sub->contact || sub->nth) {
		id_token(token, sizeof(token));
		sub->contact = mem_deref(sub->contact);
		err = siptrunk_contact(&sub->contact, sub->trunk, &t, token);
		if (err)
			return err;
	}
	if (!tmr_isrunning(&sub->tmr_n))
		subscribe_listen(sub);

	return request(sub, sub->uri, &sub->hop, siptrunk_digest(sub->trunk));
}

int subscribe_send(struct subscription *sub)
{
	if (!sub->all)
		return ECONNABORTED;

	sub->req.any = mem_deref(sub->req.any);

	return sub->dlg ? request_dialog(sub) : request_initial(sub);
}

static void destructor(void *arg)
{
	struct subscription *sub = arg;

	if (sub->all) {
		siptrunk_target_cancel(sub->trunk, sub);
		--sub->all->n;
	}
	hash_unlink(&sub->he);
	tmr_cancel(&sub->tmr);
	tmr_cancel(&sub->tmr_n);
	mem_deref(sub->req.any);
	mem_deref(sub->dlg);
	mem_deref(sub->contact);
}

static void start_timeout(void *arg)
{
	struct subscription *sub = arg;

	if (subscribe_send(sub))
		close_code(sub, 503);
}

static uint32_t by_callid(const void *data)
{
	return keyed_str(((const struct subscription *)data)->callid);
}

int subscription_start(struct subscription **sp, struct subscribers *all,
		       const struct subscribe_conf *conf,
		       const struct subscribe_handlers *h, void *arg)
{
	struct subscription *sub;
	size_t uri, from;
	char *at;

	if (!sp || !all || !conf || !conf->trunk || !h)
		return EINVAL;
	if (!nameaddr_uri_safe(conf->uri) ||
	    !nameaddr_uri_safe(conf->from_uri))
		return EBADMSG;

	uri = strlen(conf->uri) + 1;
	from = strlen(conf->from_uri) + sizeof("<>;tag=") + sizeof(sub->ltag);
	sub = mem_zalloc(sizeof(*sub) + uri + from, destructor);
	if (!sub)
		return ENOMEM;

	sub->all = all;
	++all->n;
	sub->trunk = conf->trunk;
	sub->package = conf->package;
	sub->h = h;
	sub->arg = arg;
	sub->expires = conf->expires;
	sub->answer = conf->answer;
	sub->fetch = !conf->expires;
	sub->lseq = rand_u16();
	id_token(sub->callid, sizeof(sub->callid));
	id_token(sub->ltag, sizeof(sub->ltag));
	table_grow(&all->ht, all->n, by_callid);
	hash_append(all->ht, keyed_str(sub->callid), &sub->he, sub);
	at = sub->text;
	sub->uri = text_put(&at, conf->uri);
	sub->local = at;
	(void)re_snprintf(at, from, "<%s>;tag=%s", conf->from_uri, sub->ltag);

	/* the owner must know it before it hears of its end */
	tmr_start(&sub->tmr, 0, start_timeout, sub);
	*sp = sub;

	return 0;
}

void subscription_refresh(struct subscription *sub)
{
	if (!sub || !sub->dlg || sub->req.any ||
	    (sub->state != SUBSCRIBE_ACTIVE &&
	     sub->state != SUBSCRIBE_PENDING))
		return;

	sub->tries = 0;
	sub->refreshed = true;
	tmr_start(&sub->tmr_n, (uint64_t)sub->answer * 1000,
		  subscribe_n_timeout, sub);
	if (subscribe_send(sub))
		close_code(sub, 503);
}

uint64_t subscription_left(const struct subscription *sub)
{
	const uint64_t now = tmr_jiffies();

	return sub && sub->until > now ? sub->until - now : 0;
}

void subscription_leave(struct subscription *sub)
{
	if (!sub || sub->state >= SUBSCRIBE_LEAVING)
		return;

	sub->expires = 0;
	if (!sub->dlg &&
	    (!sub->req.any || sub->fetch)) { /* nothing to take back */
		close_code(sub, 200);
		return;
	}

	subscribe_enter(sub, SUBSCRIBE_LEAVING);
	sub->tries = 0;
	/* without a dialog the answer to the first SUBSCRIBE comes before */
	sub->left = sub->dlg != NULL;
	if (sub->left && subscribe_send(sub))
		close_code(sub, 503);
}

void subscription_drop(struct subscription *sub)
{
	if (!sub)
		return;

	sub->h = NULL;
	if (sub->state >= SUBSCRIBE_LEAVING) {
		if (sub->state == SUBSCRIBE_LEAVING && !sub->orphan)
			sub->orphan = true;
		else
			mem_deref(sub);
		return;
	}

	sub->orphan = true;
	subscription_leave(sub);
}

static void all_destructor(void *arg)
{
	struct subscribers *all = arg;

	subscribers_close(all);
	mem_deref(all->ht);
}

/* What is left may outlive the stack only without it. */
static bool forget(struct le *le, void *arg)
{
	struct subscription *sub = le->data;
	(void)arg;

	siptrunk_target_cancel(sub->trunk, sub);
	hash_unlink(&sub->he);
	sub->all = NULL;
	sub->h = NULL;
	sub->req.any = mem_deref(sub->req.any);
	sub->state = SUBSCRIBE_ENDED;
	tmr_cancel(&sub->tmr);
	tmr_cancel(&sub->tmr_n);
	if (sub->orphan) {
		sub->orphan = false;
		mem_deref(sub);
	}

	return false;
}

void subscribers_close(struct subscribers *all)
{
	if (!all || all->closing)
		return;

	all->closing = true;
	(void)hash_apply(all->ht, forget, NULL);
	all->n = 0;
}

unsigned subscribers_count(const struct subscribers *all)
{
	return all ? all->n : 0;
}

/* A NOTIFY outside of any dialog that we know (RFC 6665 4.1.3). */
static void stray_notify(struct siptrunk *trunk, struct sip *sip,
			 const struct sip_msg *msg, void *arg)
{
	(void)arg;
	refuse_msg(msg, trunk, REFUSE_DIALOG, 481);
	(void)sip_treply(NULL, sip, msg, 481, "Subscription Does Not Exist");
}

int subscribers_alloc(struct subscribers **sp, struct sipstack *stack)
{
	struct subscribers *all;
	int err;

	if (!sp || !stack)
		return EINVAL;

	all = mem_zalloc(sizeof(*all), all_destructor);
	if (!all)
		return ENOMEM;

	all->stack = stack;
	err = hash_alloc(&all->ht, BUCKETS);
	if (!err)
		err = sipstack_listen(stack, "NOTIFY", stray_notify, all);
	if (!err)
		err =
		    sipstack_listen_dialog(stack, true, subscribe_notify, all);
	if (err)
		mem_deref(all);
	else
		*sp = all;

	return err;
}
