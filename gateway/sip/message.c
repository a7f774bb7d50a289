/* message.c: MESSAGE of ours: targets, challenges, one result (RFC 3428). */
#include "sip/message.h"
#include <string.h>
#include "base/log.h"
#include "base/text.h"
#include "sip/digest.h"
#include "sip/nameaddr.h"
#include "sip/scan.h"
#include "sip/stack_priv.h"
#include "sip/udptx.h"

enum {
	SILENCE = 2 * 1000, /* ms; then the next target, design.md 6 */
	TRIES_MAX = 2,	    /* challenges: the first, and a stale nonce */
	TARGETS_TRIED = 16,
	RETRY_AFTER_MAX = 3600, /* s */
	AUTH_ROOM = 400,	/* bytes that an Authorization may add */
};

struct message {
	struct siptrunk *trunk;	 /* not referenced: as long as the stack */
	struct udptx *tx;	 /* by UDP .. */
	struct sip_request *req; /* .. or by a stream */
	struct siptarget target;
	struct sa tried[TARGETS_TRIED];
	unsigned triedc, tries;
	uint32_t asked; /* the digest's serial when it was printed */
	struct tmr tmr;
	char *text; /* what follows, one behind the other */
	const char *uri, *callid, *body;
	struct pl head, tail; /* lines before CSeq, and after it */
	size_t len;
	uint32_t cseq;
	bool large;
	message_h *h;
	void *arg;
};

static void request_end(struct message *m)
{
	m->tx = mem_deref(m->tx);
	m->req = mem_deref(m->req);
}

static void destructor(void *arg)
{
	struct message *m = arg;

	tmr_cancel(&m->tmr);
	siptrunk_target_cancel(m->trunk, m);
	request_end(m);
	mem_deref(m->text);
}

static void finish(struct message *m, struct message_result *r)
{
	message_h *h = m->h;

	tmr_cancel(&m->tmr);
	request_end(m);
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

static int write_pl(struct mbuf *mb, const struct pl *pl)
{
	return mbuf_write_mem(mb, (const uint8_t *)pl->p, pl->l);
}

/* The request line and Via, which libre prints for a stream. */
static int print_start(struct mbuf *mb, const struct message *m,
		       const char *branch)
{
	int err;

	err = mbuf_write_str(mb, "MESSAGE ");
	err |= mbuf_write_str(mb, m->uri);
	err |= mbuf_write_str(mb, " SIP/2.0\r\nVia: SIP/2.0/UDP ");
	err |= mbuf_write_str(mb, wire_addr(&m->target.laddr, true));
	err |= mbuf_write_str(mb, ";branch=");
	err |= mbuf_write_str(mb, branch);

	return err | mbuf_write_str(mb, ";rport\r\n");
}

static int print(struct mbuf *mb, const struct message *m)
{
	const struct digest_request rq = {siptrunk_digest(m->trunk), "MESSAGE",
					  m->uri};
	char text[48];
	int err;

	err = write_pl(mb, &m->head);
	(void)re_snprintf(text, sizeof(text), "CSeq: %u MESSAGE\r\n", m->cseq);
	err |= mbuf_write_str(mb, text);
	if (rq.digest)
		err |= mbuf_printf(mb, "%H", digest_print, &rq);
	err |= write_pl(mb, &m->tail);
	(void)re_snprintf(text, sizeof(text), "Content-Length: %zu\r\n\r\n",
			  m->len);
	err |= mbuf_write_str(mb, text);

	return err | mbuf_write_mem(mb, (const uint8_t *)m->body, m->len);
}

/* The whole request, with what stands before; len: what follows that. */
static size_t size_of(const struct message *m, size_t len)
{
	static const char around[] =
	    "MESSAGE  SIP/2.0\r\n"
	    "Via: SIP/2.0/UDP 255.255.255.255:65535;"
	    "branch=z9hG4bK0123456789abcdef;rport\r\n";
	const size_t v6 = sa_af(&m->target.laddr) == AF_INET6 ? 32 : 0;

	return len + strlen(m->uri) + sizeof(around) - 1 + v6;
}

/* May it go to this target?  Turns a UDP target into TCP where that helps. */
static bool fits(struct message *m, size_t len)
{
	const size_t size = size_of(m, len);
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

/* It goes on being sent to the end where there is nobody else. */
static void silence_h(void *arg)
{
	struct message *m = arg;

	siptrunk_target_failed(m->trunk, &m->target.addr);
	if (!is_other(m))
		return;

	log_info("sip: %s: %J is silent, trying the next target\n", m->callid,
		 &m->target.addr);
	request_end(m);
	next_target(m, ETIMEDOUT);
}

static int request_udp(struct message *m, const char *branch, struct mbuf *mb)
{
	mb->pos = 0;
	wire_asks(&m->target.addr);

	return udptx_send(&m->tx, m->target.sip, &m->target.addr, branch, mb,
			  answer_h, m);
}

/* rest: where in mb all begins that libre does not print. */
static int request_stream(struct message *m, struct mbuf *mb, size_t rest)
{
	mb->pos = rest;

	return sip_request(&m->req, m->target.sip, true, "MESSAGE", -1, m->uri,
			   -1, &m->target.route, mb, 0, sipstack_send,
			   answer_h, m);
}

/* True: it is dealt with; else err says why this target will not do. */
static bool request(struct message *m, int *errp)
{
	struct mbuf *mb = mbuf_alloc(768 + m->head.l + m->tail.l + m->len);
	char branch[UDPTX_BRANCH];
	size_t rest;
	int err;

	request_end(m);
	if (!mb) {
		*errp = ENOMEM;
		return false;
	}

	udptx_branch(branch);
	err = print_start(mb, m, branch);
	rest = mb->end;
	m->asked = digest_serial(siptrunk_digest(m->trunk));
	if (!err)
		err = print(mb, m);
	if (!err && !fits(m, mb->end - rest)) {
		mem_deref(mb);
		return true;
	}
	if (!err)
		err = m->target.tp == SIP_TRANSP_UDP &&
			      udptx_ready(m->target.sip)
			  ? request_udp(m, branch, mb)
			  : request_stream(m, mb, rest);
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

	err = digest_challenge(d, msg, m->asked);
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

/* What was printed up to here; a NUL ends it. */
static int cut(size_t *at, struct mbuf *mb)
{
	*at = mb->end + 1;

	return mbuf_write_u8(mb, 0);
}

static int print_parts(struct mbuf *mb, const struct message_conf *conf,
		       size_t at[4])
{
	struct nameaddr_out na = {conf->from_name, conf->from_uri};
	struct pl pl;
	int err;

	err = mbuf_write_str(mb, conf->uri);
	err |= cut(&at[0], mb);
	err |= mbuf_write_str(mb, conf->callid);
	err |= cut(&at[1], mb);
	err |= mbuf_write_str(mb, "Max-Forwards: 70\r\nTo: <");
	err |= mbuf_write_str(mb, conf->uri);
	err |= mbuf_write_str(mb, ">\r\nFrom: ");
	err |= mbuf_printf(mb, "%H", nameaddr_print, &na);
	err |= mbuf_write_str(mb, ";tag=");
	err |= mbuf_write_str(mb, conf->tag);
	err |= mbuf_write_str(mb, "\r\nCall-ID: ");
	err |= mbuf_write_str(mb, conf->callid);
	err |= mbuf_write_str(mb, "\r\n");
	err |= cut(&at[2], mb);
	err |= mbuf_write_str(mb, sipstack_agent(conf->stack));
	if (conf->subject) {
		pl_set_str(&pl, conf->subject);
		err |= mbuf_printf(mb, "Subject: %H\r\n", text_print_sip, &pl);
	}
	if (conf->lang) {
		pl_set_str(&pl, conf->lang);
		err |= mbuf_printf(mb, "Content-Language: %H\r\n",
				   text_print_sip, &pl);
	}
	err |= mbuf_write_str(mb, "Content-Type: ");
	err |= mbuf_write_str(mb, conf->type);
	err |= mbuf_write_str(mb, "\r\n");
	err |= cut(&at[3], mb);
	err |= mbuf_write_mem(mb, (const uint8_t *)conf->body, conf->len);

	return err | mbuf_write_u8(mb, 0);
}

static int copy(struct message *m, const struct message_conf *conf)
{
	struct mbuf *mb = mbuf_alloc(512 + conf->len);
	size_t at[4];
	int err;

	if (!mb)
		return ENOMEM;

	err = print_parts(mb, conf, at);
	if (!err) {
		m->text = mem_ref(mb->buf);
		m->uri = m->text;
		m->callid = m->text + at[0];
		m->head = (struct pl){m->text + at[1], at[2] - at[1] - 1};
		m->tail = (struct pl){m->text + at[2], at[3] - at[2] - 1};
		m->body = m->text + at[3];
		m->len = conf->len;
	}
	mem_deref(mb);

	return err ? ENOMEM : 0;
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
