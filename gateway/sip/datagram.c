/* datagram.c: datagrams of SIP, several a turn of the loop.
 *
 * libre reads one a turn.  Here the first of a turn brings those behind it
 * along, which is a call of epoll less for each and lets what they cause leave
 * together. */
#include <string.h>
#include <sys/socket.h>
#include "base/lag.h"
#include "sip/hook.h"
#include "sip/stack_priv.h"

enum {
	TURN = 16,	      /* datagrams before others have their turn */
	DATAGRAM_MAX = 65536, /* bytes; RFC 768 has room for no more */
};

static void take(struct wire *w, const struct sa *src, struct mbuf *mb)
{
	if (!wire_judge(w, src, mb))
		w->recv.h(src, mb, w->recv.arg);
	hook_forget();
}

/* False: nothing is there, or no memory for it. */
static bool read_next(struct wire *w)
{
	static uint8_t buf[DATAGRAM_MAX];
	/* one more than the limit, so that the gate sees what is too large */
	const size_t most =
	    MIN((size_t)w->stack->conf->limits.sip_udp_bytes + 1, sizeof(buf));
	struct mbuf *mb;
	struct sa src;
	ssize_t n;

	src.len = sizeof(src.u);
	n = recvfrom(udp_sock_fd(w->us, sa_af(&w->laddr)), buf, most,
		     MSG_DONTWAIT, &src.u.sa, &src.len);
	if (n < 0)
		return false;

	mb = mbuf_alloc((size_t)n + 1);
	if (!mb)
		return false;
	memcpy(mb->buf, buf, (size_t)n);
	mb->end = (size_t)n;
	take(w, &src, mb);
	mem_deref(mb);

	return true;
}

bool datagram_h(struct sa *src, struct mbuf *mb, void *arg)
{
	struct wire *w = mem_ref(arg); /* what comes may be its end */
	unsigned n = 1;

	take(w, src, mb);
	while (n < TURN && mem_nrefs(w) > 1 && read_next(w))
		++n;
	if (mem_nrefs(w) > 1)
		lag_input(&w->unread, n == TURN);
	mem_deref(w);

	return true;
}
