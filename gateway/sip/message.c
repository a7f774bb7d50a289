/* message.c: MESSAGE of ours: targets, challenges, one result (RFC 3428). */
#include "sip/message.h"
#include <string.h>
#include "base/log.h"
#include "base/text.h"
#include "sip/digest.h"
#include "sip/nameaddr.h"
#include "sip/scan.h"

enum {
	SILENCE = 2 * 1000, /* ms; then the next target, design.md 6 */
	TRIES_MAX = 2,	    /* challenges: the first, and a stale nonce */
	TARGETS_TRIED = 16,
	RETRY_AFTER_MAX = 3600, /* s */
	AUTH_ROOM = 400,	/* bytes that an Authorization may add */
};

struct message {
	struct siptrunk *trunk; /* not referenced: as long as the stack */
	struct sip_request *req;
	struct siptarget target;
	struct sa tried[TARGETS_TRIED];
	unsigned triedc, tries;
	struct tmr tmr;
	char *uri, *from, *callid, *headers;
	char *body;
	size_t len;
	uint32_t cseq;
	bool large;
	message_h *h;
	void *arg;
};

static void destructor(void *arg)
{
	struct message *m = arg;

	tmr_cancel(&m->tmr);
	siptrunk_target_cancel(m->trunk, m);
	mem_deref(m->req);
	mem_deref(m->uri);
	mem_deref(m->from);
	mem_deref(m->callid);
	mem_deref(m->headers);
	mem_deref(m->body);
}

static void finish(struct message *m, struct message_result *r)
{
	message_h *h = m->h;

	tmr_cancel(&m->tmr);
	m->req = mem_deref(m->req);
	m->h = NULL;
	r->cseq = m->cseq;
	if (h)
		h(r, m->arg);
}

static void fail(struct message *m, int err)
{
	struct message_result r = {.err = err};

	finish(m, &r);
}

static int print(struct mbuf *mb, const struct message *m)
{
	const struct digest_request rq = {siptrunk_digest(m->trunk), "MESSAGE",
					  m->uri};
	int err;

	err = mbuf_printf(mb,
			  "Max-Forwards: 70\r\nTo: <%s>\r\nFrom: %s\r\n"
			  "Call-ID: %s\r\nCSeq: %u MESSAGE\r\n%H%s"
			  "Content-Length: %zu\r\n\r\n",
			  m->uri, m->from, m->callid, m->cseq, digest_print,
			  &rq, m->headers, m->len);

	return err ? err : mbuf_write_mem(mb, (uint8_t *)m->body, m->len);
}

/* The whole request, with what libre puts before. */
static size_t size_of(const struct message *m, const struct mbuf *mb)
{
	static const char around[] =
	    "MESSAGE  SIP/2.0\r\n"
	    "Via: SIP/2.0/UDP 255.255.255.255:65535;"
	    "branch=z9hG4bK0123456789abcdef;rport\r\n";
	const size_t v6 = sa_af(&m->target.laddr) == AF_INET6 ? 32 : 0;

	return mb->end + strlen(m->uri) + sizeof(around) - 1 + v6;
}

/* May it go to this target?  Turns a UDP target into TCP where that helps. */
static bool fits(struct message *m, const struct mbuf *mb)
{
	const size_t size = size_of(m, mb);
	struct message_result r = {.err = EMSGSIZE};
	size_t rest;

	if (size <= MESSAGE_UDP_MAX)
		return true;
	if (m->large && size <= MESSAGE_TCP_MAX &&
	    (m->target.tp != SIP_TRANSP_UDP ||
	     !siptrunk_target_tcp(&m->target, m->trunk)))
		return true;

	rest = size - m->len;
	if (siptrunk_digest(m->trunk) && !m->tries)
		rest += AUTH_ROOM;
	r.room = rest < MESSAGE_UDP_MAX ? MESSAGE_UDP_MAX - rest : 0;
	finish(m, &r);

	return false;
}

static void next_target(struct message *m, int last);
static void answer_h(int err, const struct sip_msg *msg, void *arg);

static bool is_tried(const struct message *m, const struct sa *addr)
{
	for (unsigned i = 0; i < m->triedc; i++) {
		if (sa_cmp(&m->tried[i], addr, SA_ALL))
			return true;
	}

	return false;
}

/* Is there a target that was not asked yet? */
static bool is_other(const struct message *m)
{
	struct siptarget t;

	for (unsigned n = 0; m->triedc < TARGETS_TRIED; n++) {
		if (siptrunk_target(&t, m->trunk, n, NULL, NULL))
			return false;
		if (!is_tried(m, &t.addr))
			return true;
	}

	return false;
}

/* libre goes on to the end of its timer where there is nobody else. */
static void silence_h(void *arg)
{
	struct message *m = arg;

	siptrunk_target_failed(m->trunk, &m->target.addr);
	if (!is_other(m))
		return;

	log_info("sip: %s: %J is silent, trying the next target\n", m->callid,
		 &m->target.addr);
	m->req = mem_deref(m->req);
	next_target(m, ETIMEDOUT);
}

/* True: it is dealt with; else err says why this target will not do. */
static bool request(struct message *m, int *errp)
{
	struct mbuf *mb = mbuf_alloc(1024 + m->len);
	int err;

	if (!mb) {
		*errp = ENOMEM;
		return false;
	}

	err = print(mb, m);
	if (!err && !fits(m, mb)) {
		mem_deref(mb);
		return true;
	}
	mb->pos = 0;
	if (!err)
		err = sip_request(&m->req, m->target.sip, true, "MESSAGE", -1,
				  m->uri, -1, &m->target.route, mb, 0,
				  sipstack_send, answer_h, m);
	if (!err)
		tmr_start(&m->tmr, SILENCE, silence_h, m);
	mem_deref(mb);
	*errp = err;

	return !err;
}

static void resolved_h(int err, void *arg)
{
	struct message *m = arg;

	if (err)
		fail(m, EHOSTUNREACH);
	else
		next_target(m, EHOSTUNREACH);
}

/* The order changes with health: the first that was not asked yet.  last: the
 * result when there is none left. */
static void next_target(struct message *m, int last)
{
	unsigned n = 0;
	int err;

	while (m->triedc < TARGETS_TRIED) {
		err = siptrunk_target(&m->target, m->trunk, n, resolved_h, m);
		if (err == EAGAIN)
			return;
		if (err)
			break;
		if (is_tried(m, &m->target.addr)) {
			++n;
			continue;
		}
		m->tried[m->triedc++] = m->target.addr;
		if (request(m, &err))
			return;
		if (err == ENOMEM) {
			last = err;
			break;
		}
		log_info("sip: %s: %J: %m\n", m->callid, &m->target.addr, err);
		siptrunk_target_failed(m->trunk, &m->target.addr);
		last = EHOSTUNREACH;
		n = 0;
	}

	fail(m, last);
}

static bool accepts(const struct sip_hdr *hdr, const struct sip_msg *msg,
		    void *arg)
{
	struct message_result *r = arg;
	struct pl type = hdr->val;
	const char *semi = pl_strchr(&type, ';');
	(void)msg;

	if (semi)
		type.l = (size_t)(semi - type.p);
	sipscan_trim(&type);
	r->accept = true;
	if (!pl_strcasecmp(&type, "message/cpim"))
		r->cpim = true;
	else if (!pl_strcasecmp(&type, "application/im-iscomposing+xml"))
		r->composing = true;

	return false;
}

static void answered(struct message *m, const struct sip_msg *msg)
{
	const struct sip_hdr *contact = sip_msg_hdr(msg, SIP_HDR_CONTACT);
	struct message_result r = {.code = msg->scode, .phrase = msg->reason};
	struct nameaddr na;

	(void)sip_msg_hdr_apply(msg, true, SIP_HDR_ACCEPT, accepts, &r);
	r.retry_after = sipscan_retry_after(msg, RETRY_AFTER_MAX);
	if (contact && !nameaddr_decode(&na, &contact->val))
		r.contact = na.uri;
	finish(m, &r);
}

/* Credentials go to the trunk that we asked, and once for each challenge. */
static bool challenged(struct message *m, const struct sip_msg *msg)
{
	struct digest *d = siptrunk_digest(m->trunk);
	int err;

	if ((msg->scode != 401 && msg->scode != 407) || !d ||
	    ++m->tries > TRIES_MAX)
		return false;

	err = digest_challenge(d, msg);
	if (err) {
		log_warning("sip: %s: cannot answer the challenge (%m)\n",
			    m->callid, err);
		return false;
	}
	++m->cseq; /* RFC 3261 22.2 */

	return request(m, &err);
}

static void answer_h(int err, const struct sip_msg *msg, void *arg)
{
	struct message *m = arg;

	tmr_cancel(&m->tmr);
	if (!err && msg->scode < 200)
		return;

	mem_ref(m);
	if (err) {
		siptrunk_target_failed(m->trunk, &m->target.addr);
		if (err == ETIMEDOUT)
			(void)siptrunk_reconnect(m->trunk, &m->target);
		next_target(m, err == ETIMEDOUT ? ETIMEDOUT : EHOSTUNREACH);
	} else if (msg->scode == 503) { /* RFC 3263 4.3 */
		siptrunk_target_failed(m->trunk, &m->target.addr);
		if (is_other(m))
			next_target(m, EHOSTUNREACH);
		else
			answered(m, msg);
	} else if (!challenged(m, msg) && m->h) {
		answered(m, msg);
	}
	mem_deref(m);
}

static void go_h(void *arg)
{
	next_target(arg, EHOSTUNREACH);
}

static int copy(struct message *m, const struct message_conf *conf)
{
	struct nameaddr_out na = {conf->from_name, conf->from_uri};
	struct pl subject, lang;
	int err;

	pl_set_str(&subject, conf->subject ? conf->subject : "");
	pl_set_str(&lang, conf->lang ? conf->lang : "");
	err = str_dup(&m->uri, conf->uri);
	err |=
	    re_sdprintf(&m->from, "%H;tag=%s", nameaddr_print, &na, conf->tag);
	err |= str_dup(&m->callid, conf->callid);
	err |= re_sdprintf(
	    &m->headers, "%s%s%H%s%s%H%sContent-Type: %s\r\n",
	    sipstack_agent(conf->stack), conf->subject ? "Subject: " : "",
	    text_print_sip, &subject, conf->subject ? "\r\n" : "",
	    conf->lang ? "Content-Language: " : "", text_print_sip, &lang,
	    conf->lang ? "\r\n" : "", conf->type);
	m->body = mem_alloc(conf->len + 1, NULL);
	if (err || !m->body)
		return ENOMEM;

	memcpy(m->body, conf->body, conf->len);
	m->len = conf->len;

	return 0;
}

int message_send(struct message **mp, const struct message_conf *conf,
		 message_h *h, void *arg)
{
	struct message *m;
	int err;

	if (!mp || !conf || !conf->trunk || !h)
		return EINVAL;
	if (!nameaddr_uri_safe(conf->uri) ||
	    !nameaddr_uri_safe(conf->from_uri))
		return EBADMSG;

	m = mem_zalloc(sizeof(*m), destructor);
	if (!m)
		return ENOMEM;

	m->trunk = conf->trunk;
	m->cseq = conf->cseq;
	m->large = conf->large;
	m->h = h;
	m->arg = arg;
	err = copy(m, conf);
	if (err) {
		mem_deref(m);
		return err;
	}

	digest_reset(siptrunk_digest(m->trunk));
	tmr_start(&m->tmr, 0, go_h, m);
	*mp = m;

	return 0;
}
