/* wire_stream.c: the gate of TCP and TLS connections.
 *
 * libre shows a connection first with its first message; it ends those that
 * send none within 32 s by itself.  From the first message on a connection is
 * counted for its source, and closed where it may not be. */
#include <netinet/in.h>
#include <netinet/ip.h>
#include <sys/socket.h>
#include "base/log.h"
#include "sip/stack_priv.h"

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

static void set_dscp(const struct wire *w, const struct sip_msg *msg)
{
	const int fd = tcp_conn_fd(sip_msg_tcpconn(msg));
	const int tos = (int)(w->stack->conf->media.dscp_sip << 2);

	if (fd < 0)
		return;
	if (sa_af(&msg->src) == AF_INET6)
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
	set_dscp(w, msg);
	return true;
}

bool wire_stream_judge(struct wire *w, const struct sip_msg *msg, bool known)
{
	struct gate *gate = w->stack->gate;
	const char *start = msg->req ? msg->met.p : msg->ver.p;
	const size_t len =
	    (size_t)((const char *)msg->mb->buf + msg->mb->end - start);

	if (gate_judge_stream(gate, &msg->src, (const uint8_t *)start, len,
			      known, stack_now()) != GATE_PASS)
		return false;

	if (!known) {
		gate_count(gate, GATE_STRANGER);
		log_debug("sip: gate: stranger %J hung up on\n", &msg->src);
		hang_up(msg);
		return false;
	}
	if (!admit(w, msg)) {
		gate_count(gate, GATE_CONNS);
		log_info("sip: gate: too many connections from %j\n",
			 &msg->src);
		hang_up(msg);
		return false;
	}

	return true;
}
