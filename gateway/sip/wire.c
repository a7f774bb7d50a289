/* wire.c: one struct sip of libre, its transport and the gate in front. */
#include <errno.h>
#include <string.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <sys/socket.h>
#include <time.h>
#include "base/id.h"
#include "base/log.h"
#include "base/trace.h"
#include "sip/guard.h"
#include "sip/refuse.h"
#include "sip/sipcount.h"
#include "sip/stack_priv.h"

enum {
	HASH_SIZE = 8192,    /* transactions; power of 2 */
	CONN_HASH_SIZE = 64, /* connections; power of 2 */
	PROBE_WAIT = 500,    /* ms between datagrams to ourselves */
	ASKED_MAX = 64,
	ASKED_FOR = 64 * SIP_T1, /* ms; RFC 3261 17.1.2.2, Timer F */
	LAYER = 0,
	SOCKET_BUFFER = 4 << 20, /* bytes; the system grants what it likes */
};

/* Every wire, for sipstack_send(): its caller's argument is not ours. */
static struct list wires;

/* Where requests of ours went lately: answers may come from there. */
static struct {
	struct sa addr;
	uint64_t until; /* ms */
} asked[ASKED_MAX];

void wire_asks(const struct sa *dst)
{
	const uint64_t now = tmr_jiffies();
	size_t oldest = 0;

	for (size_t i = 0; i < ASKED_MAX; i++) {
		if (asked[i].until && sa_cmp(&asked[i].addr, dst, SA_ADDR)) {
			oldest = i;
			break;
		}
		if (asked[i].until < asked[oldest].until)
			oldest = i;
	}

	asked[oldest].addr = *dst;
	asked[oldest].until = now + ASKED_FOR;
}

/* Did we send a request there within the last transaction's time? */
static bool is_asked(const struct sa *addr)
{
	const uint64_t now = tmr_jiffies();

	for (size_t i = 0; i < ASKED_MAX; i++) {
		if (asked[i].until >= now &&
		    sa_cmp(&asked[i].addr, addr, SA_ADDR))
			return true;
	}

	return false;
}

const struct sa *wire_public(const struct wire *w)
{
	/* a private way out is not for calling back: name the listener */
	for (struct le *le = w->stack->wires.head; le && !w->conf;
	     le = le->next) {
		const struct wire *l = le->data;

		if (l->conf && l->tp == w->tp &&
		    sa_af(&l->laddr) == sa_af(&w->laddr))
			return wire_public(l);
	}

	return sa_isset(&w->public, SA_ADDR) ? &w->public : &w->laddr;
}

static struct wire *wire_by_laddr(enum sip_transp tp, const struct sa *laddr)
{
	for (struct le *le = wires.head; le; le = le->next) {
		struct wire *w = le->data;

		if (w->tp == tp && sa_cmp(&w->laddr, laddr, SA_ALL))
			return w;
	}

	return NULL;
}

struct wire *wire_of_stream(const struct sa *laddr)
{
	struct wire *w = wire_by_laddr(SIP_TRANSP_TCP, laddr);

	return w ? w : wire_by_laddr(SIP_TRANSP_TLS, laddr);
}

const struct wire *wire_by_sip(const struct sip *sip)
{
	for (struct le *le = wires.head; le; le = le->next) {
		const struct wire *w = le->data;

		if (w->sip == sip)
			return w;
	}

	return NULL;
}

/* Mostly it is the same few peers: what inet_ntop() said is kept. */
const char *wire_addr(const struct sa *sa, bool port)
{
	static struct {
		struct sa sa;
		char text[80];
	} last[2];

	if (!last[port].text[0] || !sa_cmp(&last[port].sa, sa, SA_ALL)) {
		last[port].sa = *sa;
		(void)re_snprintf(last[port].text, sizeof(last[port].text),
				  port ? "%J" : "%j", sa);
	}

	return last[port].text;
}

struct wire *wire_any(void)
{
	return list_ledata(wires.head);
}

struct wire *wire_find(const struct sipstack *s, const struct sip *sip)
{
	for (struct le *le = s->wires.head; le; le = le->next) {
		struct wire *w = le->data;

		if (w->sip == sip)
			return w;
	}

	return NULL;
}

/* libre has just written "METHOD URI SIP/2.0\r\nVia: SIP/2.0/UDP addr:port;.."
 * into mb and appends the rest after us. */
static int replace_sent_by(struct mbuf *mb, const struct sa *old,
			   const struct sa *new)
{
	char from[80], *tail = NULL, *at;
	const size_t end = mb->end;
	size_t rest;
	int n, err;

	n = re_snprintf(from, sizeof(from), " %J;branch=", old);
	if (n <= 0)
		return ENOMEM;

	at = memmem(mb->buf, end, from, (size_t)n);
	if (!at)
		return 0;

	rest = end - (size_t)((uint8_t *)at - mb->buf) - (size_t)n;
	tail = mem_alloc(rest + 1, NULL);
	if (!tail)
		return ENOMEM;
	memcpy(tail, at + n, rest);

	mb->pos = mb->end = (size_t)((uint8_t *)at - mb->buf);
	err = mbuf_printf(mb, " %J;branch=", new);
	err |= mbuf_write_mem(mb, (uint8_t *)tail, rest);

	mem_deref(tail);
	return err;
}

int sipstack_send(enum sip_transp tp, const struct sa *src,
		  const struct sa *dst, struct mbuf *mb, void *arg)
{
	const struct wire *w;
	(void)arg;

	wire_asks(dst);
	w = wire_by_laddr(tp, src);
	if (!w)
		return 0;

	return replace_sent_by(mb, src, wire_public(w));
}

/* The Call-ID links a message to the others of its dialog. */
static void trace_packet(bool tx, enum sip_transp tp, const struct sa *local,
			 const struct sa *remote, const char *p, size_t len)
{
	struct trace_message m = {
	    .kind = TRACE_SIP,
	    .tx = tx,
	    .way = tp == SIP_TRANSP_TLS	  ? TRACE_TLS
		   : tp == SIP_TRANSP_TCP ? TRACE_TCP
					  : TRACE_UDP,
	    .local = local,
	    .remote = remote,
	    .text = p,
	    .len = len,
	};

	m.key = sipscan_call_id(p, len);
	sipcount_message(tx, p, len);
	trace_message(&m);
}

static void on_trace(bool tx, enum sip_transp tp, const struct sa *src,
		     const struct sa *dst, const uint8_t *pkt, size_t len,
		     void *arg)
{
	(void)arg;

	if (len <= 4 || sa_cmp(src, dst, SA_ALL))
		return; /* keepalives; datagrams to ourselves */

	trace_packet(tx, tp, tx ? src : dst, tx ? dst : src, (const char *)pkt,
		     len);
}

int wire_send(const struct wire *w, const struct sa *dst, const uint8_t *p,
	      size_t len)
{
	const int fd = w->us ? udp_sock_fd(w->us, sa_af(dst)) : -1;

	if (fd < 0)
		return ENOTCONN;

	trace_packet(true, w->tp, &w->laddr, dst, (const char *)p, len);
	while (sendto(fd, p, len, 0, &dst->u.sa, dst->len) < 0) {
		if (errno != EINTR)
			return errno;
	}

	return 0;
}

/* A source is easily forged: what is malformed gets an answer that is at most
 * a tenth longer than it, or none. */
static void refuse_raw(struct wire *w, const struct sipscan *scan,
		       const struct guard_verdict *v, const struct sa *src,
		       size_t len)
{
	const struct config_sip *conf = &w->stack->conf->sip;
	struct mbuf *mb = mbuf_alloc(512);
	char tag[12];

	if (!mb)
		return;

	id_token(tag, sizeof(tag));
	if (!guard_reply_print(mb, scan, v, src, tag, conf->user_agent) &&
	    (v->code != 400 || mb->end <= len + len / 10)) {
		mb->pos = 0;
		(void)sip_send(w->sip, w->us, SIP_TRANSP_UDP, src, mb);
	}

	mem_deref(mb);
}

/* Whose message is it?  NULL: a stranger's. */
static struct siptrunk *owner(struct wire *w, const struct sipscan *scan,
			      const struct sa *src)
{
	struct siptrunk *t = trunk_by_source(w->stack, w, src, false);
	struct pl tag;

	if (t || !scan)
		return t;

	/* phones behind a trunk speak to us directly within a dialog */
	if (scan->req && sipscan_param(&tag, &scan->first[SCAN_TO], "tag"))
		return trunk_by_source(w->stack, w, src, true);

	return NULL;
}

static void tell_refused(const struct sa *src, const struct pl *method,
			 unsigned code, enum refuse_why why,
			 const struct siptrunk *t)
{
	const struct refusal r = {src, SIP_TRANSP_UDP, method, code, why, t};

	refuse_log(&r);
}

/* Rules before libre parses; true: the message was dealt with. */
static bool refuse_by_rules(struct wire *w, const struct sa *src,
			    struct mbuf *mb, const struct sipscan *scan)
{
	const char *p = (const char *)mbuf_buf(mb);
	const size_t len = mbuf_get_left(mb);
	struct guard_verdict v;
	uint64_t clen;

	guard_judge(&v, scan, &w->stack->conf->limits, false);
	if (!v.code && !v.drop) {
		/* RFC 3261 18.3: what follows the body is discarded */
		if (sipscan_number(&scan->first[SCAN_CONTENT_LENGTH],
				   scan->body.l, &clen))
			mb->end = mb->pos + (size_t)(scan->body.p - p) +
				  (size_t)clen;
		if (hook_decodes(mb))
			return false;
		v.why = GUARD_HEADER;
		v.code = 400;
		v.phrase = "Bad Request";
		v.drop = !scan->req;
	}

	++sip_counts.gate[GATE_RULES];
	trace_packet(false, w->tp, &w->laddr, src, p, mbuf_get_left(mb));
	log_info("sip: guard: %s from %J: %s%s\n",
		 scan->req ? "request" : "response", src,
		 guard_why_name(v.why), v.drop ? ", dropped" : "");
	if (scan->req)
		tell_refused(src, &scan->method, v.drop ? 0 : v.code,
			     REFUSE_RULES, owner(w, scan, src));
	if (!v.drop)
		refuse_raw(w, scan, &v, src, len);

	return true;
}

static void tell_gated(const struct sa *src, enum gate_verdict v,
		       const struct siptrunk *t)
{
	static const enum refuse_why whys[] = {
	    [GATE_SIZE] = REFUSE_SIZE,
	    [GATE_JUNK] = REFUSE_JUNK,
	    [GATE_RATE] = REFUSE_FLOOD,
	};

	if (v == GATE_SIZE || v == GATE_JUNK || v == GATE_RATE)
		tell_refused(src, NULL, 0, whys[v], t);
}

/* True: the datagram was dealt with. */
bool wire_judge(struct wire *w, const struct sa *src, struct mbuf *mb)
{
	const struct siptrunk *t = owner(w, NULL, src);
	struct sipscan scan;
	enum gate_verdict v;

	v = gate_judge(w->stack->gate, src, mbuf_buf(mb), mbuf_get_left(mb),
		       t != NULL, tmr_jiffies());
	tell_gated(src, v, t);
	if (v != GATE_PASS)
		return true;

	if (sipscan_decode(&scan, (const char *)mbuf_buf(mb),
			   mbuf_get_left(mb))) {
		++sip_counts.gate[GATE_JUNK];
		tell_gated(src, GATE_JUNK, t);
		return true;
	}
	if (!owner(w, &scan, src) && (scan.req || !is_asked(src))) {
		++sip_counts.gate[GATE_STRANGER];
		if (scan.req)
			tell_refused(src, &scan.method, 0, REFUSE_STRANGER,
				     NULL);
		return true;
	}

	return refuse_by_rules(w, src, mb, &scan);
}

static int set_dscp(struct wire *w)
{
	const int tos = (int)(w->stack->conf->media.dscp_sip << 2);

	if (sa_af(&w->laddr) == AF_INET6)
		return udp_setsockopt(w->us, IPPROTO_IPV6, IPV6_TCLASS, &tos,
				      sizeof(tos));
	return udp_setsockopt(w->us, IPPROTO_IP, IP_TOS, &tos, sizeof(tos));
}

bool wire_is_probe(struct wire *w, const struct sip_msg *msg)
{
	int err;

	if (w->us || msg->tp != SIP_TRANSP_UDP ||
	    pl_strcmp(&msg->callid, w->probe) ||
	    !sa_cmp(&msg->src, &w->laddr, SA_ALL))
		return false;

	w->us = mem_ref(msg->sock);
	tmr_cancel(&w->tmr);
	/* one more than the limit, so that the gate sees what is too large */
	udp_rxsz_set(w->us, w->stack->conf->limits.sip_udp_bytes + 1);
	err = udp_register_helper(&w->uh, w->us, LAYER, NULL, datagram_h, w);
	err |= set_dscp(w);
	(void)udp_sockbuf_set(w->us, SOCKET_BUFFER);
	if (err)
		log_warning("sip: %J: gate: %m\n", &w->laddr, err);

	return true;
}

/* The socket of libre's UDP transport is known by a message alone: we send
 * one to ourselves. */
static void probe_send(void *arg)
{
	struct wire *w = arg;
	struct mbuf *mb = mbuf_alloc(512);
	int err;

	tmr_start(&w->tmr, PROBE_WAIT, probe_send, w);
	if (!mb)
		return;

	err = mbuf_printf(mb,
			  "OPTIONS sip:%J SIP/2.0\r\n"
			  "Via: SIP/2.0/UDP %J;branch=z9hG4bK%s\r\n"
			  "From: <sip:%J>;tag=%s\r\nTo: <sip:%J>\r\n"
			  "Call-ID: %s\r\nCSeq: 1 OPTIONS\r\n"
			  "Content-Length: 0\r\n\r\n",
			  &w->laddr, &w->laddr, w->probe, &w->laddr, w->probe,
			  &w->laddr, w->probe);
	if (!err) {
		mb->pos = 0;
		err = sip_send(w->sip, NULL, SIP_TRANSP_UDP, &w->laddr, mb);
	}
	if (err)
		log_warning("sip: %J: %m\n", &w->laddr, err);

	mem_deref(mb);
}

static bool request_h(const struct sip_msg *msg, void *arg)
{
	return stack_request(arg, msg);
}

static bool response_h(const struct sip_msg *msg, void *arg)
{
	return stack_response(arg, msg);
}

static void destructor(void *arg)
{
	struct wire *w = arg;

	list_unlink(&w->le);
	list_unlink(&w->le_all);
	tmr_cancel(&w->tmr);
	list_flush(&w->streams);
	mem_deref(w->uh);
	mem_deref(w->requests);
	mem_deref(w->responses);
	mem_deref(w->us);
	if (w->sip)
		sip_close(w->sip, true);
	mem_deref(w->sip);
	mem_deref(w->tls);
}

void wires_limits(struct sipstack *s)
{
	struct le *le;

	LIST_FOREACH (&s->wires, le) {
		struct wire *w = le->data;

		if (w->us)
			udp_rxsz_set(w->us, s->conf->limits.sip_udp_bytes + 1);
	}
}

static void set_public(struct wire *w)
{
	const struct config_sip *conf = &w->stack->conf->sip;
	const struct sa *pub =
	    sa_af(&w->laddr) == AF_INET6 ? &conf->public6 : &conf->public4;

	sa_init(&w->public, AF_UNSPEC);
	if (!sa_isset(pub, SA_ADDR))
		return;

	w->public = *pub;
	if (!sa_port(pub))
		sa_set_port(&w->public, sa_port(&w->laddr));
}

int wire_alloc(struct wire **wp, struct sipstack *s, enum sip_transp tp,
	       const struct sa *laddr, struct tls *tls)
{
	struct wire *w;
	int err;

	w = mem_zalloc(sizeof(*w), destructor);
	if (!w)
		return ENOMEM;

	w->stack = s;
	w->tp = tp;
	w->tls = mem_ref(tls);
	id_token(w->probe, sizeof(w->probe));
	err = sip_alloc(&w->sip, s->dnsc, HASH_SIZE, HASH_SIZE, CONN_HASH_SIZE,
			s->conf->sip.user_agent, NULL, w);
	if (err)
		goto out;

	/* first of all listeners but libre's transactions */
	err = sip_listen(&w->requests, w->sip, true, request_h, w);
	err |= sip_listen(&w->responses, w->sip, false, response_h, w);
	if (err)
		goto out;

	err = sip_transp_add(w->sip, tp, laddr, tls);
	if (err)
		goto out;
	err = sip_transp_laddr(w->sip, &w->laddr, tp, laddr);
	if (err)
		goto out;

	sip_set_trace_handler(w->sip, on_trace);
	set_public(w);
	list_append(&s->wires, &w->le, w);
	list_append(&wires, &w->le_all, w);
	if (tp == SIP_TRANSP_UDP) {
		w->recv = hook_listened();
		if (!w->recv.h) { /* libre did not call ours */
			err = ENOSYS;
			goto out;
		}
		probe_send(w);
	}

out:
	if (err)
		mem_deref(w);
	else
		*wp = w;

	return err;
}
