/* notify.c: NOTIFYs of ours and their answers (RFC 6665 4.2.2). */
#include "sip/notifier_priv.h"
#include "base/log.h"
#include "sip/digest.h"

enum {
	BODY_SIZE = 1024,      /* bytes, at first */
	LAST_WAIT = 32 * 1000, /* ms; for the answer to the last one */
};

static void notify_send(struct watcher *w);

static int state_print(struct re_printf *pf, const struct watcher *w)
{
	const uint64_t now = tmr_jiffies();

	if (w->final)
		return re_hprintf(pf, "terminated;reason=%s", w->final);

	return re_hprintf(pf, "%s;expires=%llu",
			  w->active ? "active" : "pending",
			  w->until > now ? (w->until - now + 999) / 1000 : 0);
}

/* Nobody who waits for a decision may learn anything. */
static int body_print(struct mbuf *mb, const struct watcher *w)
{
	if (!w->active || w->ended || (w->final && !w->body))
		return 0;

	return w->n->h->print(mb, w->final && !w->fetch, w->warg);
}

static int message_print(struct mbuf *mb, const struct watcher *w,
			 uint32_t cseq, const struct hop *hop)
{
	const struct sipstack *s = w->n->stack;
	struct digest_request rq = {siptrunk_digest_for(w->trunk, &hop->addr),
				    "NOTIFY", w->dlg->target};
	struct mbuf *body = mbuf_alloc(BODY_SIZE);
	int err;

	if (!body)
		return ENOMEM;

	err = body_print(body, w);
	if (!err)
		err = mbuf_printf(
		    mb,
		    "Max-Forwards: 70\r\n%sTo: %s\r\nFrom: %s\r\n"
		    "Call-ID: %s\r\nCSeq: %u NOTIFY\r\nContact: <%s>\r\n"
		    "Event: %s\r\nSubscription-State: %H\r\n%H%s%s",
		    w->dlg->routes, w->dlg->remote, w->local, w->callid, cseq,
		    w->contact, w->event, state_print, w, digest_print, &rq,
		    sipstack_allow(s), sipstack_agent(s));
	if (!err && body->end)
		err = mbuf_write_str(mb,
				     "Content-Type: application/pidf+xml\r\n");
	if (!err)
		err =
		    mbuf_printf(mb, "Content-Length: %zu\r\n\r\n", body->end);
	if (!err)
		err = mbuf_write_mem(mb, body->buf, body->end);
	mem_deref(body);

	return err;
}

static void next_timeout(void *arg)
{
	notify_send(arg);
}

static void last_timeout(void *arg)
{
	notifier_unlink(arg);
}

static bool again(struct watcher *w, const struct sip_msg *msg)
{
	struct digest *digest = siptrunk_digest(w->trunk);

	if ((msg->scode != 401 && msg->scode != 407) || !digest ||
	    !siptrunk_is_peer(w->trunk, &msg->src, false) || w->tries++)
		return false;

	digest_reset(digest);
	if (digest_challenge(digest, msg, w->asked))
		return false;

	notify_send(w);

	return true;
}

static void answered(struct watcher *w, int err, const struct sip_msg *msg)
{
	if (!err && again(w, msg))
		return;

	if (w->final) {
		notifier_unlink(w);
		return;
	}
	if (err || msg->scode >= 300) {
		log_info("sip: watcher %s takes no NOTIFY (%m, %u)\n",
			 w->dlg->remote, err, err ? 0 : msg->scode);
		notifier_lose(w, WATCHER_LOST);
		return;
	}

	w->tries = 0;
	sipdlg_retarget(w->dlg, msg);
	if (w->dirty)
		watcher_changed(w);
}

static void response_h(int err, const struct sip_msg *msg, void *arg)
{
	struct watcher *w = arg;

	if ((!err && msg->scode < 200) || !w->n)
		return;

	mem_ref(w);
	answered(w, err, msg);
	mem_deref(w);
}

static int request(struct watcher *w)
{
	struct mbuf *mb = mbuf_alloc(BODY_SIZE);
	struct uri route;
	char *text = NULL;
	struct hop hop;
	struct pl pl;
	int err;

	if (!mb)
		return ENOMEM;

	sipdlg_hop_near(&hop, w->trunk, w->dlg);
	err = re_sdprintf(&text, "%H", invite_hop_print, &hop);
	if (err)
		goto out;

	pl_set_str(&pl, text);
	err = uri_decode(&route, &pl);
	w->asked = digest_serial(siptrunk_digest(w->trunk));
	if (!err)
		err = message_print(mb, w, ++w->dlg->lseq, &hop);
	if (err)
		goto out;

	mb->pos = 0;
	err = sip_request(&w->req, hop.sip, true, "NOTIFY", -1, w->dlg->target,
			  -1, &route, mb, 0, sipstack_send, response_h, w);

out:
	mem_deref(text);
	mem_deref(mb);

	return err;
}

static void notify_send(struct watcher *w)
{
	int err;

	tmr_cancel(&w->tmr_next);
	if (w->req) {
		w->dirty = true;
		return;
	}

	w->dirty = false;
	w->last = tmr_jiffies();
	err = request(w);
	if (w->final) {
		tmr_start(&w->tmr_next, err ? 0 : LAST_WAIT, last_timeout, w);
		return;
	}
	if (err) { /* memory, or the transport: with the next change */
		log_warning("sip: NOTIFY to %s: %m\n", w->dlg->remote, err);
		w->dirty = true;
	}
}

void notifier_notify(struct watcher *w)
{
	if (w->final) /* the last one does not wait for another's answer */
		w->req = mem_deref(w->req);
	notify_send(w);
}

void watcher_changed(struct watcher *w)
{
	const uint64_t now = tmr_jiffies();
	uint64_t next;

	if (!w || !w->n || w->final || !w->active || !w->he.list)
		return;

	w->dirty = true;
	if (w->req || tmr_isrunning(&w->tmr_next))
		return;

	/* RFC 3856 6.10 */
	next = w->last + (uint64_t)w->n->conf->spacing * 1000;
	tmr_start(&w->tmr_next, next > now ? next - now : 0, next_timeout, w);
}

void watcher_accept(struct watcher *w)
{
	if (!w || !w->n || w->final || w->active)
		return;

	w->active = true;
	if (w->he.list && !w->fetch) /* else the response is to come */
		notifier_notify(w);
}

void watcher_end(struct watcher *w, const char *reason, bool body)
{
	if (!w || !w->n || w->final)
		return;

	w->final = reason;
	w->body = body;
	tmr_cancel(&w->tmr_end);
	mem_ref(w);
	notifier_notify(w);
	w->ended = true;
	mem_deref(w);
}
