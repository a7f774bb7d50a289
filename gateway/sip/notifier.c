/* notifier.c: SUBSCRIBEs of others (RFC 6665 4.2.1, RFC 3856 6). */
#include "sip/notifier_priv.h"
#include <string.h>
#include "base/id.h"
#include "base/keyed.h"
#include "base/log.h"
#include "base/text.h"
#include "sip/caller.h"
#include "sip/refuse.h"
#include "sip/scan.h"

enum {
	BUCKETS = 4096, /* power of two */
	WATCHERS_MAX = 100000,
	EXPIRES_MAX = 0x7fffffff, /* s; RFC 3261 20.19 has 2^32 - 1 */
	STATE_MAX = 4096,	  /* bytes of a SUBSCRIBE that are kept */
};

#define EVENTS "Allow-Events: presence\r\n"

unsigned notifier_expires(uint64_t asked, const struct config_presence *conf)
{
	return (unsigned)MIN(asked, conf->expires);
}

static void destructor(void *arg)
{
	struct watcher *w = arg;

	hash_unlink(&w->he);
	if (w->n)
		--w->n->count;
	tmr_cancel(&w->tmr_end);
	tmr_cancel(&w->tmr_next);
	mem_deref(w->req);
	mem_deref(w->dlg);
	mem_deref(w->callid);
	mem_deref(w->local);
	mem_deref(w->contact);
	mem_deref(w->event);
}

void notifier_unlink(struct watcher *w)
{
	if (!w->n)
		return;

	--w->n->count;
	w->n = NULL;
	tmr_cancel(&w->tmr_end);
	tmr_cancel(&w->tmr_next);
	w->req = mem_deref(w->req);
	hash_unlink(&w->he);
	mem_deref(w);
}

void notifier_lose(struct watcher *w, enum watcher_gone why)
{
	const struct notifier_handlers *h = w->n->h;

	if (!w->ended) {
		w->ended = true;
		h->gone(w, why, w->warg);
	}
	if (why == WATCHER_LOST)
		notifier_unlink(w);
}

/* What it knew is taken back with the last NOTIFY (C.2). */
static void finish(struct watcher *w, enum watcher_gone why)
{
	mem_ref(w);
	w->final = "timeout";
	w->body = true;
	tmr_cancel(&w->tmr_end);
	notifier_notify(w);
	notifier_lose(w, why);
	mem_deref(w);
}

static void end_timeout(void *arg)
{
	finish(arg, WATCHER_EXPIRED);
}

static void reply(struct sip *sip, const struct sip_msg *msg, unsigned code,
		  const char *phrase, const char *headers)
{
	(void)sip_treplyf(NULL, NULL, sip, msg, code < 300, (uint16_t)code,
			  phrase, "%sContent-Length: 0\r\n\r\n", headers);
}

static void refuse(const struct siptrunk *trunk, struct sip *sip,
		   const struct sip_msg *msg, unsigned code,
		   const char *phrase, const char *headers)
{
	refuse_msg(msg, trunk, REFUSE_WATCHER, code);
	reply(sip, msg, code, phrase, headers);
}

/* ---- what a SUBSCRIBE says ---- */

static bool event_is_ours(const struct sip_msg *msg)
{
	const struct sip_hdr *hdr = sip_msg_hdr(msg, SIP_HDR_EVENT);
	struct pl name;

	return hdr && !re_regex(hdr->val.p, hdr->val.l, "[^; \t]+", &name) &&
	       !pl_strcasecmp(&name, "presence");
}

static bool type_fits(const struct sip_hdr *hdr, const struct sip_msg *msg,
		      void *arg)
{
	static const char *const types[] = {"application/pidf+xml",
					    "application/*", "*/*"};
	struct pl type;
	(void)msg;
	(void)arg;

	if (re_regex(hdr->val.p, hdr->val.l, "[^; \t]+", &type))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		if (!pl_strcasecmp(&type, types[i]))
			return true;
	}

	return false;
}

/* Without Accept it is application/pidf+xml (RFC 3856 6.7). */
static bool takes_pidf(const struct sip_msg *msg)
{
	return !sip_msg_hdr(msg, SIP_HDR_ACCEPT) ||
	       sip_msg_hdr_apply(msg, true, SIP_HDR_ACCEPT, type_fits, NULL);
}

/* s that are asked for; without a header RFC 3856 6.4 says an hour. */
static int expires_read(uint64_t *n, const struct sip_msg *msg)
{
	*n = 3600;
	if (!pl_isset(&msg->expires))
		return 0;

	return sipscan_number(&msg->expires, EXPIRES_MAX, n) ? 0 : EBADMSG;
}

/* What others can make us keep is their choice, so it has a limit. */
static bool is_bulky(const struct watcher *w)
{
	const char *const kept[] = {
	    w->callid,	  w->local,	  w->event,	  w->contact,
	    w->dlg->rtag, w->dlg->remote, w->dlg->target, w->dlg->routes};
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
		n += kept[i] ? strlen(kept[i]) : 0;

	return n > STATE_MAX;
}

static int identity_copy(struct watcher *w, const struct sip_msg *msg,
			 struct sip *sip)
{
	const struct sip_hdr *event = sip_msg_hdr(msg, SIP_HDR_EVENT);
	struct hop hop;
	char token[9];
	int err;

	memset(&hop, 0, sizeof(hop));
	hop.sip = sip;
	hop.addr = msg->src;
	hop.tp = msg->tp;
	err = sipdlg_alloc(&w->dlg, NULL, msg, &hop);
	if (err)
		return err;

	/* libre puts this tag into the response */
	(void)re_snprintf(w->ltag, sizeof(w->ltag), "%016llx", msg->tag);
	id_token(token, sizeof(token));
	err = pl_strdup(&w->callid, &msg->callid);
	if (!err)
		err = re_sdprintf(&w->local, "%H;tag=%s", text_print_sip,
				  &msg->to.val, w->ltag);
	if (!err)
		err =
		    re_sdprintf(&w->event, "%H", text_print_sip, &event->val);
	if (!err)
		err = sipstack_contact(&w->contact, w->n->stack, sip, msg,
				       token);
	if (!err && is_bulky(w))
		err = E2BIG;

	return err;
}

static void accept_it(struct watcher *w, struct sip *sip,
		      const struct sip_msg *msg, unsigned expires)
{
	char *headers = NULL;

	w->until = tmr_jiffies() + (uint64_t)expires * 1000;
	if (expires)
		tmr_start(&w->tmr_end, (uint64_t)expires * 1000, end_timeout,
			  w);
	if (re_sdprintf(&headers, "Contact: <%s>\r\nExpires: %u\r\n" EVENTS,
			w->contact, expires))
		return; /* it asks again */

	reply(sip, msg, 200, "OK", headers);
	mem_deref(headers);
}

/* RFC 6665 4.2.1.1: less than was asked for may be granted, never more. */
static bool is_brief(const struct notifier *n, struct sip *sip,
		     const struct sip_msg *msg, uint64_t asked)
{
	char header[32];

	if (!asked || asked >= n->conf->expires_min)
		return false;

	(void)re_snprintf(header, sizeof(header), "Min-Expires: %u\r\n",
			  n->conf->expires_min);
	reply(sip, msg, 423, "Interval Too Brief", header);

	return true;
}

/* ---- a new one ---- */

static unsigned admit(struct watcher *w, struct siptrunk *trunk,
		      const struct sip_msg *msg)
{
	const struct config_trunk *conf = siptrunk_conf(trunk);
	struct notifier_request rq;
	struct caller caller;
	char *uri = NULL;
	unsigned code;
	int err;

	err = caller_decode(&caller, msg, caller_is_trusted(conf));
	if (err)
		return err == ENOMEM ? 500 : 400;

	err = pl_strdup(&uri, &msg->ruri);
	memset(&rq, 0, sizeof(rq));
	rq.trunk = trunk;
	rq.caller = &caller.peer;
	rq.uri = uri;
	rq.fetch = w->fetch;
	code = err ? 500 : w->n->h->subscribe(w, &rq, &w->warg, w->n->arg);
	mem_deref(uri);
	caller_clear(&caller);

	return code;
}

static void begin(struct notifier *n, struct siptrunk *trunk, struct sip *sip,
		  const struct sip_msg *msg, uint64_t asked)
{
	struct watcher *w = mem_zalloc(sizeof(*w), destructor);
	unsigned code;
	int err;

	if (!w) {
		reply(sip, msg, 500, "Out of Memory", "");
		return;
	}

	w->n = n;
	++n->count;
	w->trunk = trunk;
	w->fetch = !asked;
	err = identity_copy(w, msg, sip);
	code = err == ENOMEM  ? 500
	       : err == E2BIG ? 513
	       : err	      ? 400
			      : admit(w, trunk, msg);
	if (code) {
		refuse(trunk, sip, msg, code,
		       code == 400 ? "Bad Request" : reason_phrase(code), "");
		mem_deref(w);
		return;
	}

	hash_append(n->ht, keyed_str(w->callid), &w->he, w);
	accept_it(w, sip, msg,
		  w->fetch ? 0 : notifier_expires(asked, n->conf));
	/* RFC 6665 4.2.2: at once; a fetch is answered when there is more */
	if (!w->fetch && !w->req && !w->final)
		notifier_notify(w);
}

static void subscribe_h(struct siptrunk *trunk, struct sip *sip,
			const struct sip_msg *msg, void *arg)
{
	struct notifier *n = arg;
	uint64_t asked;

	if (!event_is_ours(msg) ||
	    siptrunk_conf(trunk)->presence == CONFIG_PRESENCE_NO)
		refuse(trunk, sip, msg, 489, "Bad Event", EVENTS);
	else if (!takes_pidf(msg))
		refuse(trunk, sip, msg, 406, "Not Acceptable",
		       "Accept: application/pidf+xml\r\n");
	else if (expires_read(&asked, msg))
		refuse(trunk, sip, msg, 400, "Bad Expires", "");
	else if (is_brief(n, sip, msg, asked))
		return;
	else if (n->count >= WATCHERS_MAX)
		refuse(trunk, sip, msg, 503, "Too Many Watchers",
		       "Retry-After: 300\r\n");
	else
		begin(n, trunk, sip, msg, asked);
}

/* ---- in its dialog ---- */

static void renew(struct watcher *w, const struct sip_msg *msg)
{
	struct sip *sip = w->dlg->hop.sip;
	uint64_t asked;

	if (!event_is_ours(msg)) {
		reply(sip, msg, 489, "Bad Event", EVENTS);
		return;
	}
	if (sipdlg_order(w->dlg, msg)) {
		reply(sip, msg, 500, "Out of Order", "Retry-After: 1\r\n");
		return;
	}
	if (expires_read(&asked, msg)) {
		reply(sip, msg, 400, "Bad Expires", "");
		return;
	}
	if (is_brief(w->n, sip, msg, asked))
		return;

	sipdlg_retarget(w->dlg, msg);
	if (!asked) {
		accept_it(w, sip, msg, 0);
		finish(w, WATCHER_LEFT);
		return;
	}
	accept_it(w, sip, msg, notifier_expires(asked, w->n->conf));
	notifier_notify(w);
}

static bool is_ours(struct le *le, void *arg)
{
	const struct watcher *w = le->data;
	const struct sip_msg *const *msg = arg;

	return !pl_strcmp(&(*msg)->callid, w->callid) &&
	       !pl_strcmp(&(*msg)->to.tag, w->ltag) &&
	       !pl_strcmp(&(*msg)->from.tag, w->dlg->rtag);
}

static bool dialog_h(const struct sip_msg *msg, void *arg)
{
	struct notifier *n = arg;
	struct watcher *w;

	if (!pl_isset(&msg->to.tag) || pl_strcmp(&msg->met, "SUBSCRIBE"))
		return false;

	w = list_ledata(
	    hash_lookup(n->ht, keyed_pl(&msg->callid), is_ours, &msg));
	if (!w || w->final)
		return false;

	mem_ref(w);
	renew(w, msg);
	mem_deref(w);

	return true;
}

/* ---- all of them ---- */

static bool forget(struct le *le, void *arg)
{
	(void)arg;
	notifier_unlink(le->data);

	return false;
}

void notifier_close(struct notifier *n)
{
	if (n)
		(void)hash_apply(n->ht, forget, NULL);
}

static void notifier_destructor(void *arg)
{
	struct notifier *n = arg;

	notifier_close(n);
	mem_deref(n->ht);
}

unsigned notifier_count(const struct notifier *n)
{
	return n ? n->count : 0;
}

int notifier_alloc(struct notifier **np, struct sipstack *stack,
		   const struct config_presence *conf,
		   const struct notifier_handlers *h, void *arg)
{
	struct notifier *n;
	int err;

	if (!np || !stack || !conf || !h)
		return EINVAL;

	n = mem_zalloc(sizeof(*n), notifier_destructor);
	if (!n)
		return ENOMEM;

	n->stack = stack;
	n->conf = conf;
	n->h = h;
	n->arg = arg;
	err = hash_alloc(&n->ht, BUCKETS);
	if (!err)
		err = sipstack_listen(stack, "SUBSCRIBE", subscribe_h, n);
	if (!err)
		err = sipstack_listen_dialog(stack, true, dialog_h, n);
	if (err)
		mem_deref(n);
	else
		*np = n;

	return err;
}
