/* publish.c: publications of ours: PUBLISH and its timers (RFC 3903 4). */
#include "sip/publish.h"
#include <string.h>
#include "base/id.h"
#include "base/log.h"
#include "base/text.h"
#include "sip/nameaddr.h"
#include "sip/scan.h"
#include "sip/stack_priv.h"

enum {
	SILENCE = 8 * 1000,	    /* ms without an answer: the next target */
	EXPIRES_MIN = 10,	    /* s, that we take from an answer */
	EXPIRES_MAX = 86400,	    /* s, that Min-Expires may demand */
	RETRY = 60 * 1000,	    /* ms, first; as for SUBSCRIBE (C.1) */
	RETRY_MAX = 3600 * 1000,    /* ms */
	REFUSED_FOR = 86400 * 1000, /* ms */
	NOT_YET = 10 * 1000, /* ms between two looks at the registration */
	TRIES_MAX = 4,	     /* 401, 407, 412, 423 in a row */
	ETAG_MAX = 255,	     /* bytes; RFC 3903 11.1 sets none */
	UDP_MAX = 1300,	     /* bytes; RFC 3261 18.1.1 */
};

struct publication {
	struct siptrunk *trunk; /* not referenced: as long as the stack */
	const struct publish_handlers *h; /* NULL: nobody owns it */
	void *arg;
	struct sip_request *req;
	struct siptarget target;
	struct tmr tmr, tmr_silence;
	char *uri, *etag;
	const char *event, *type;
	char callid[25], tag[13];
	uint32_t cseq;
	uint32_t asked; /* the digest's serial of the last PUBLISH */
	unsigned expires, spacing; /* s */
	unsigned nth, tries, failures;
	uint64_t sent;	/* ms; when a document went out */
	uint64_t until; /* ms; what was granted ends, and the ETag with it */
	enum publish_state state;
	bool wanted;  /* there is something to show */
	bool changed; /* it is not what was published */
	bool leaving; /* what is under way takes it back */
};

static const char *const state_names[] = {
    [PUBLISH_IDLE] = "nothing",	   [PUBLISH_DUE] = "due",
    [PUBLISH_ASKING] = "asking",   [PUBLISH_UP] = "accepted",
    [PUBLISH_WAITING] = "waiting", [PUBLISH_REFUSED] = "refused",
};

static void due_h(void *arg);
static void answer_h(int err, const struct sip_msg *msg, void *arg);

enum publish_state publication_state(const struct publication *p)
{
	return p ? p->state : PUBLISH_IDLE;
}

static void destructor(void *arg)
{
	struct publication *p = arg;

	tmr_cancel(&p->tmr);
	tmr_cancel(&p->tmr_silence);
	siptrunk_target_cancel(p->trunk, p);
	mem_deref(p->req);
	mem_deref(p->uri);
	mem_deref(p->etag);
}

/* The only function that writes p->state. */
static void enter(struct publication *p, enum publish_state st, uint64_t wait)
{
	if (st != p->state)
		log_debug("sip: publish %s: %s -> %s\n", p->uri,
			  state_names[p->state], state_names[st]);
	p->state = st;
	tmr_cancel(&p->tmr_silence);

	if (st == PUBLISH_IDLE)
		tmr_cancel(&p->tmr);
	else if (st != PUBLISH_ASKING)
		tmr_start(&p->tmr, wait, due_h, p);
}

static void etag_set(struct publication *p, const struct pl *etag, unsigned s)
{
	p->etag = mem_deref(p->etag);
	p->until = 0;
	if (etag && !pl_strdup(&p->etag, etag))
		p->until = tmr_jiffies() + (uint64_t)s * 1000;
	if (p->h && p->h->kept)
		p->h->kept(p->etag, s, p->arg);
}

static bool is_known(const struct publication *p)
{
	return p->etag && (!p->until || tmr_jiffies() < p->until);
}

/* ---- when ---- */

static uint64_t turn_after(struct publication *p, uint64_t at)
{
	const uint64_t now = tmr_jiffies();
	const uint64_t wait = at > now ? at - now : 0;

	return MAX(wait, line_turn(p->trunk->stack));
}

/* What has changed goes out, not sooner than it may. */
static void soon(struct publication *p)
{
	const uint64_t space = (uint64_t)p->spacing * 1000;

	enter(p, PUBLISH_DUE, turn_after(p, p->sent ? p->sent + space : 0));
}

/* Before it ends; what came up together shall not stay together. */
static void renew(struct publication *p, unsigned s)
{
	const uint64_t after = binding_refresh_after(s);

	enter(p, PUBLISH_UP, after - id_random() % (after / 10 + 1));
}

static void refuse(struct publication *p, unsigned code)
{
	log_info("sip: publish %s: not taken (%u), asked again in a day\n",
		 p->uri, code);
	etag_set(p, NULL, 0);
	enter(p, PUBLISH_REFUSED, REFUSED_FOR);
}

static void later(struct publication *p, unsigned code, uint64_t wait)
{
	const unsigned n = MIN(p->failures, 10u);
	const uint64_t ms = MIN((uint64_t)RETRY << n, RETRY_MAX);

	++p->failures;
	if (!wait)
		wait = ms * 4 / 5 + id_random() % (ms * 2 / 5);
	log_debug("sip: publish %s: %u, again in %llu s\n", p->uri, code,
		  (unsigned long long)wait / 1000);
	enter(p, PUBLISH_WAITING, wait);
}

/* ---- out ---- */

static int headers_print(struct mbuf *mb, const struct publication *p,
			 size_t len)
{
	const struct sipstack *s = p->trunk->stack;
	const struct digest_request rq = {p->trunk->digest, "PUBLISH", p->uri};
	const bool known = is_known(p);

	return mbuf_printf(
	    mb,
	    "Max-Forwards: 70\r\nTo: <%s>\r\nFrom: <%s>;tag=%s\r\n"
	    "Call-ID: %s\r\nCSeq: %u PUBLISH\r\nEvent: %s\r\n"
	    "Expires: %u\r\n%s%s%s%H%s%s%s%s%s%s"
	    "Content-Length: %zu\r\n\r\n",
	    p->uri, p->uri, p->tag, p->callid, p->cseq, p->event,
	    p->wanted ? p->expires : 0, known ? "SIP-If-Match: " : "",
	    known ? p->etag : "", known ? "\r\n" : "", digest_print, &rq,
	    sipstack_allow(s), sipstack_supported(s), sipstack_agent(s),
	    len ? "Content-Type: " : "", len ? p->type : "", len ? "\r\n" : "",
	    len);
}

/* RFC 3903 4.1: a body to begin with, and with each change. */
static int request_print(struct mbuf *mb, struct publication *p)
{
	struct mbuf *body = mbuf_alloc(512);
	int err = body ? 0 : ENOMEM;

	if (!err && p->wanted && p->h && (p->changed || !is_known(p)))
		err = p->h->print(body, p->arg);
	p->asked = digest_serial(p->trunk->digest);
	if (!err)
		err = headers_print(mb, p, body->end);
	if (!err && body->end)
		err = mbuf_write_mem(mb, body->buf, body->end);
	if (!err && body->end) {
		p->changed = false;
		p->sent = tmr_jiffies();
	}
	mem_deref(body);

	return err;
}

static void silence_h(void *arg);

static int request(struct publication *p)
{
	struct mbuf *mb = mbuf_alloc(1024);
	int err;

	if (!mb)
		return ENOMEM;

	++p->cseq;
	p->leaving = !p->wanted;
	err = request_print(mb, p);
	if (!err) {
		if (mb->end > UDP_MAX && p->target.tp == SIP_TRANSP_UDP)
			(void)siptrunk_target_tcp(&p->target, p->trunk);
		mb->pos = 0;
		p->req = mem_deref(p->req);
		err = sip_request(&p->req, p->target.sip, true, "PUBLISH", -1,
				  p->uri, -1, &p->target.route, mb, 0,
				  sipstack_send, answer_h, p);
	}
	mem_deref(mb);
	if (!err) {
		enter(p, PUBLISH_ASKING, 0);
		tmr_start(&p->tmr_silence, SILENCE, silence_h, p);
	}

	return err;
}

static void resolved_h(int err, void *arg);

static void attempt(struct publication *p)
{
	const size_t n = targets_count(p->trunk->targets);
	int err;

	err = siptrunk_target(&p->target, p->trunk,
			      n ? p->nth % (unsigned)n : 0, resolved_h, p);
	if (err == EAGAIN) {
		enter(p, PUBLISH_ASKING, 0);
		return;
	}
	if (!err)
		err = request(p);
	if (err) {
		p->changed = true;
		later(p, 503, 0);
	}
}

static void resolved_h(int err, void *arg)
{
	struct publication *p = arg;

	if (err)
		later(p, 503, 0);
	else
		attempt(p);
}

/* Nobody knows a user who is not registered. */
static bool is_registered(const struct publication *p)
{
	struct sipline_event ev;

	if (!siptrunk_is_line(p->trunk))
		return true;

	sipline_event(p->trunk, &ev);

	return ev.state == SIPLINE_UP;
}

static void due(struct publication *p)
{
	if (!p->wanted && !is_known(p)) {
		enter(p, PUBLISH_IDLE, 0);
		return;
	}
	if (!is_registered(p)) {
		enter(p, PUBLISH_DUE, turn_after(p, tmr_jiffies() + NOT_YET));
		return;
	}

	p->tries = 0;
	digest_reset(p->trunk->digest);
	attempt(p);
}

static void due_h(void *arg)
{
	struct publication *p = arg;

	/* what is renewed takes its turn, as what has changed did before */
	if (p->state == PUBLISH_UP)
		enter(p, PUBLISH_DUE, line_turn(p->trunk->stack));
	else
		due(p);
}

/* ---- in ---- */

/* Elsewhere at once, where there is elsewhere. */
static void fail_over(struct publication *p)
{
	p->changed = p->wanted;
	siptrunk_target_failed(p->trunk, &p->target.addr);
	if (p->nth + 1 < targets_count(p->trunk->targets)) {
		++p->nth;
		attempt(p);
		return;
	}

	p->nth = 0;
	later(p, 408, 0);
}

static void silence_h(void *arg)
{
	struct publication *p = arg;

	p->req = mem_deref(p->req);
	fail_over(p);
}

/* RFC 3903 11.3: a token, which goes out again as it came. */
static bool etag_of(const struct sip_msg *msg, struct pl *etag)
{
	const struct sip_hdr *hdr = sip_msg_xhdr(msg, "SIP-ETag");

	if (!hdr || !hdr->val.l || hdr->val.l > ETAG_MAX)
		return false;

	*etag = hdr->val;
	for (size_t i = 0; i < etag->l; i++) {
		const unsigned char c = (unsigned char)etag->p[i];

		if (c <= ' ' || c >= 127)
			return false;
	}

	return true;
}

static void accepted(struct publication *p, const struct sip_msg *msg)
{
	uint64_t s = p->expires;
	struct pl etag;

	p->failures = 0;
	if (p->leaving) {
		etag_set(p, NULL, 0);
		if (p->wanted) /* again, meanwhile */
			soon(p);
		else
			enter(p, PUBLISH_IDLE, 0);
		return;
	}

	(void)sipscan_seconds(&msg->expires, EXPIRES_MAX, &s);
	s = MAX(s, EXPIRES_MIN);
	if (!etag_of(msg,
		     &etag)) { /* it ends by itself, then it is made anew */
		etag_set(p, NULL, 0);
		p->changed = true;
		enter(p, PUBLISH_WAITING, s * 1000);
		return;
	}

	etag_set(p, &etag, (unsigned)s);
	if (p->changed || !p->wanted)
		soon(p);
	else
		renew(p, (unsigned)s);
}

static bool again_digest(struct publication *p, const struct sip_msg *msg)
{
	return p->trunk->digest &&
	       !digest_challenge(p->trunk->digest, msg, p->asked);
}

/* RFC 3903 4: the state that we spoke of is gone; there is a new one. */
static bool again_anew(struct publication *p)
{
	etag_set(p, NULL, 0);
	p->changed = p->wanted;

	return p->wanted;
}

static bool again_longer(struct publication *p, const struct sip_msg *msg)
{
	const struct sip_hdr *hdr = sip_msg_xhdr(msg, "Min-Expires");
	uint64_t n;

	if (!p->wanted || !hdr ||
	    !sipscan_seconds(&hdr->val, EXPIRES_MAX, &n) || n <= p->expires)
		return false;

	p->expires = (unsigned)n;

	return true;
}

/* Must it be asked once more, now? */
static bool is_again(struct publication *p, const struct sip_msg *msg)
{
	switch (msg->scode) {
	case 401:
	case 407:
		return again_digest(p, msg);
	case 412:
		return again_anew(p);
	case 423:
		return again_longer(p, msg);
	default:
		return false;
	}
}

static void failed(struct publication *p, const struct sip_msg *msg)
{
	const uint64_t retry =
	    sipscan_retry_after(msg, RETRY_MAX / 1000) * 1000ULL;

	p->changed = p->wanted;
	if (++p->tries <= TRIES_MAX && is_again(p, msg)) {
		if (request(p))
			later(p, 500, 0);
		return;
	}

	switch (msg->scode) {
	case 412:
		if (p->wanted)
			later(p, 412, 0);
		else
			enter(p, PUBLISH_IDLE, 0);
		break;

	case 408:
	case 423:
	case 480:
	case 481:
		later(p, msg->scode, retry);
		break;

	case 503:
		if (retry)
			later(p, 503, retry);
		else
			fail_over(p);
		break;

	default: /* 489 Bad Event, 405, 501, 403, 404 ..: nothing to hope for */
		if ((msg->scode >= 500 && msg->scode < 600 &&
		     msg->scode != 501) ||
		    msg->scode == 491)
			later(p, msg->scode, retry);
		else
			refuse(p, msg->scode);
		break;
	}
}

static void answer_h(int err, const struct sip_msg *msg, void *arg)
{
	struct publication *p = arg;

	if (!err && msg->scode < 200)
		return;

	tmr_cancel(&p->tmr_silence);
	if (err)
		fail_over(p);
	else if (msg->scode < 300)
		accepted(p, msg);
	else
		failed(p, msg);
}

/* ---- its owner's ---- */

int publication_alloc(struct publication **pp, const struct publish_conf *conf,
		      const struct publish_handlers *h, void *arg)
{
	struct publication *p;
	int err;

	if (!pp || !conf || !conf->trunk || !h)
		return EINVAL;
	if (!nameaddr_uri_safe(conf->uri))
		return EBADMSG;

	p = mem_zalloc(sizeof(*p), destructor);
	if (!p)
		return ENOMEM;

	p->trunk = conf->trunk;
	p->h = h;
	p->arg = arg;
	p->event = conf->event;
	p->type = conf->type;
	p->expires = conf->expires;
	p->spacing = conf->spacing;
	p->cseq = rand_u16();
	id_token(p->callid, sizeof(p->callid));
	id_token(p->tag, sizeof(p->tag));
	err = str_dup(&p->uri, conf->uri);
	if (!err && conf->etag)
		err = str_dup(&p->etag, conf->etag);
	if (err)
		mem_deref(p);
	else
		*pp = p;

	return err;
}

void publication_show(struct publication *p)
{
	if (!p)
		return;

	p->wanted = p->changed = true;
	if (p->state == PUBLISH_IDLE || p->state == PUBLISH_UP)
		soon(p);
}

void publication_hide(struct publication *p)
{
	if (!p)
		return;

	p->wanted = p->changed = false;
	if (p->state == PUBLISH_UP || (p->state == PUBLISH_IDLE && p->etag))
		soon(p);
}

/* As with a registration, nobody waits for the answer. */
static void goodbye(struct publication *p)
{
	struct mbuf *mb = mbuf_alloc(1024);

	++p->cseq;
	if (mb && !headers_print(mb, p, 0) &&
	    !siptrunk_target(&p->target, p->trunk, p->nth, NULL, NULL)) {
		mb->pos = 0;
		(void)sip_request(NULL, p->target.sip, true, "PUBLISH", -1,
				  p->uri, -1, &p->target.route, mb, 0,
				  sipstack_send, NULL, NULL);
	}
	mem_deref(mb);
}

void publication_drop(struct publication *p)
{
	if (!p)
		return;

	p->h = NULL;
	p->wanted = p->changed = false;
	p->req = mem_deref(p->req);
	if (is_known(p) && is_registered(p))
		goodbye(p);
	mem_deref(p);
}
