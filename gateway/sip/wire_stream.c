/* wire_stream.c: the gate of TCP and TLS connections.
 *
 * libre shows a connection first with its first message, and would keep any
 * number of silent ones for 32 s; so its tcp_accept() is replaced: strangers,
 * and sources that have as many as they may, are hung up on at once.  With the
 * first message it is known whose a connection is.  tcp_connect() is replaced
 * as well, for what holds of connections both ways. */
#include <dlfcn.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <sys/socket.h>
#include "base/log.h"
#include "sip/refuse.h"
#include "sip/sipcount.h"
#include "sip/stack_priv.h"

typedef int accept_h(struct tcp_conn **tcp, struct tcp_sock *ts,
		     tcp_estab_h *eh, tcp_recv_h *rh, tcp_close_h *ch,
		     void *arg);

typedef int connect_h(struct tcp_conn **tcp, const struct sa *peer,
		      tcp_estab_h *eh, tcp_recv_h *rh, tcp_close_h *ch,
		      void *arg);

struct caller { /* an accepted connection, said something or not */
	struct le le;
	int fd;
	struct sa src;
};

static struct list callers;

struct stream {
	struct le le;
	void *sock; /* libre's connection, referenced */
	struct sa src;
};

static void destructor(void *arg)
{
	struct stream *st = arg;

	list_unlink(&st->le);
	mem_deref(st->sock);
}

/* A connection that only we still hold has been closed by libre. */
static void sweep(struct wire *w)
{
	struct le *le = w->streams.head;

	while (le) {
		struct stream *st = le->data;

		le = le->next;
		if (mem_nrefs(st->sock) == 1)
			mem_deref(st);
	}
}

static bool is_counted(const struct wire *w, const struct sip_msg *msg,
		       unsigned *n)
{
	*n = 0;
	for (struct le *le = w->streams.head; le; le = le->next) {
		const struct stream *st = le->data;

		if (st->sock == msg->sock)
			return true;
		if (sa_cmp(&st->src, &msg->src, SA_ADDR))
			++*n;
	}

	return false;
}

static void hang_up(const struct sip_msg *msg)
{
	const int fd = tcp_conn_fd(sip_msg_tcpconn(msg));

	if (fd >= 0)
		(void)shutdown(fd, SHUT_RDWR); /* libre reads the end */
}

static void set_dscp(const struct wire *w, int fd, int af)
{
	const int tos = (int)(w->stack->conf->media.dscp_sip << 2);

	if (fd < 0)
		return;
	if (af == AF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_TCLASS, &tos,
				 sizeof(tos));
	else
		(void)setsockopt(fd, IPPROTO_IP, IP_TOS, &tos, sizeof(tos));
}

static bool admit(struct wire *w, const struct sip_msg *msg)
{
	const unsigned max = w->stack->conf->limits.tcp_per_source;
	struct stream *st;
	unsigned n;

	sweep(w);
	if (is_counted(w, msg, &n))
		return true;
	if (max && n >= max)
		return false;

	st = mem_zalloc(sizeof(*st), destructor);
	if (!st)
		return false;

	st->sock = mem_ref(msg->sock);
	st->src = msg->src;
	list_append(&w->streams, &st->le, st);
	return true;
}

static void tell_refused(const struct wire *w, const struct sip_msg *msg,
			 bool known, enum refuse_why why)
{
	const struct siptrunk *t = NULL;

	if (known)
		t = trunk_by_source(w->stack, w, &msg->src, false);
	if (known && !t)
		t = trunk_by_source(w->stack, w, &msg->src, true);
	if (msg->req)
		refuse_msg(msg, t, why, 0);
}

bool wire_stream_judge(struct wire *w, const struct sip_msg *msg, bool known)
{
	struct gate *gate = w->stack->gate;
	const char *start = msg->req ? msg->met.p : msg->ver.p;
	const size_t len =
	    (size_t)((const char *)msg->mb->buf + msg->mb->end - start);
	const enum gate_verdict v =
	    gate_judge_stream(gate, &msg->src, (const uint8_t *)start, len,
			      known, tmr_jiffies());

	if (v == GATE_SIZE) {
		log_info("sip: gate: %J hung up on: a message of %zu bytes\n",
			 &msg->src, len);
		tell_refused(w, msg, known, REFUSE_SIZE);
		hang_up(msg);
	}
	if (v == GATE_RATE)
		tell_refused(w, msg, known, REFUSE_FLOOD);
	if (v != GATE_PASS)
		return false;

	if (!known) {
		++sip_counts.gate[GATE_STRANGER];
		tell_refused(w, msg, known, REFUSE_STRANGER);
		hang_up(msg);
		return false;
	}
	if (!admit(w, msg)) {
		++sip_counts.gate[GATE_CONNS];
		tell_refused(w, msg, known, REFUSE_CONNECTIONS);
		hang_up(msg);
		return false;
	}

	return true;
}

static void caller_destructor(void *arg)
{
	struct caller *c = arg;

	list_unlink(&c->le);
}

/* Does the descriptor still belong to that connection? */
static bool is_open(const struct caller *c)
{
	struct sa peer;

	sa_init(&peer, AF_UNSPEC);
	peer.len = sizeof(peer.u);
	return !getpeername(c->fd, &peer.u.sa, &peer.len) &&
	       sa_cmp(&peer, &c->src, SA_ALL);
}

/* Connections of src, with those forgotten that have been closed. */
static unsigned callers_of(const struct sa *src)
{
	struct le *le = callers.head;
	unsigned n = 0;

	while (le) {
		struct caller *c = le->data;

		le = le->next;
		if (!is_open(c))
			mem_deref(c);
		else if (sa_cmp(&c->src, src, SA_ADDR))
			++n;
	}

	return n;
}

static int caller_add(const struct tcp_conn *tc, const struct sa *src)
{
	struct caller *c = mem_zalloc(sizeof(*c), caller_destructor);

	if (!c)
		return ENOMEM;

	c->fd = tcp_conn_fd(tc);
	c->src = *src;
	list_append(&callers, &c->le, c);

	return 0;
}

static int caller_judge(const struct wire *w, const struct tcp_conn *tc)
{
	const struct sipstack *s = w->stack;
	const unsigned max = s->conf->limits.tcp_per_source;
	struct sa src;
	int err;

	err = tcp_conn_peer_get(tc, &src);
	if (err)
		return err;
	if (!trunk_by_source(s, w, &src, false) &&
	    !trunk_by_source(s, w, &src, true)) {
		++sip_counts.gate[GATE_STRANGER];
		refuse_log(&(struct refusal){
		    .src = &src, .tp = w->tp, .why = REFUSE_STRANGER});
		return EACCES;
	}
	if (max && callers_of(&src) >= max) {
		++sip_counts.gate[GATE_CONNS];
		refuse_log(&(struct refusal){
		    .src = &src,
		    .tp = w->tp,
		    .why = REFUSE_CONNECTIONS,
		    .trunk = trunk_by_source(s, w, &src, false)});
		return EMFILE;
	}

	return caller_add(tc, &src);
}

/* What waits for a peer that does not read has an end: libre then refuses to
 * send. */
static void tune(struct tcp_conn *tc, const struct wire *w, int af)
{
	const unsigned max = w ? w->stack->conf->limits.tcp_queue_bytes : 0;

	if (max)
		tcp_conn_txqsz_set(tc, max);
	if (w)
		set_dscp(w, tcp_conn_fd(tc), af);
}

/* libre calls these two in place of its own (they are exported for that). */
__attribute__((visibility("default"))) int tcp_accept(
    struct tcp_conn **tcp, struct tcp_sock *ts, tcp_estab_h *eh,
    tcp_recv_h *rh, tcp_close_h *ch, void *arg)
{
	static accept_h *next;
	const struct wire *w;
	struct sa laddr;
	int err;

	if (!next)
		*(void **)&next = dlsym(RTLD_NEXT, "tcp_accept");
	if (!next)
		return ENOSYS;

	err = next(tcp, ts, eh, rh, ch, arg);
	if (err)
		return err;
	if (tcp_sock_local_get(ts, &laddr))
		return 0;

	w = wire_of_stream(&laddr);
	err = w ? caller_judge(w, *tcp) : 0;
	if (err)
		*tcp = mem_deref(*tcp);
	else
		tune(*tcp, w, sa_af(&laddr));

	return err;
}

__attribute__((visibility("default"))) int tcp_connect(
    struct tcp_conn **tcp, const struct sa *peer, tcp_estab_h *eh,
    tcp_recv_h *rh, tcp_close_h *ch, void *arg)
{
	static connect_h *next;
	int err;

	if (!next)
		*(void **)&next = dlsym(RTLD_NEXT, "tcp_connect");
	if (!next)
		return ENOSYS;

	err = next(tcp, peer, eh, rh, ch, arg);
	if (!err)
		tune(*tcp, wire_any(), sa_af(peer));

	return err;
}
