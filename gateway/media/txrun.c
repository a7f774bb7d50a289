/* txrun.c: datagrams that leave by one socket, in one call. */
#include "media/txrun.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/uio.h>
#include "media/media.h"

enum {
	FLAGS = MSG_DONTWAIT | MSG_NOSIGNAL,
	ALIKE_MIN = 3, /* two cost as much apart as together */
};

struct run {
	const struct tx *t;
	unsigned msgc;
	unsigned sizes[TXRUN_MAX]; /* datagrams of each message */
	struct mmsghdr msgs[TXRUN_MAX];
	struct iovec iov[TXRUN_MAX];
	union {
		struct cmsghdr head; /* for its alignment */
		char room[CMSG_SPACE(sizeof(uint16_t))];
	} controls[TXRUN_MAX];
};

static void count(const struct tx *t, unsigned n)
{
	for (; n; n--, t++) {
		t->count->tx_packets++;
		t->count->tx_bytes += t->len;
	}
}

void txrun_one(const struct tx *t)
{
	if (sendto(t->fd, t->p, t->len, FLAGS, t->tolen ? t->to : NULL,
		   t->tolen) < 0)
		t->count->tx_drop++;
	else
		count(t, 1);
}

/* One that does not would send all of it as one long datagram. */
static bool kernel_cuts(int fd)
{
	static atomic_int known; /* 1: it does, -1: it does not */
	int size, is = atomic_load_explicit(&known, memory_order_relaxed);
	socklen_t len = sizeof(size);

	if (is)
		return is > 0;
	if (!getsockopt(fd, SOL_UDP, UDP_SEGMENT, &size, &len))
		is = 1;
	else if (errno == ENOPROTOOPT || errno == EOPNOTSUPP)
		is = -1;
	atomic_store_explicit(&known, is, memory_order_relaxed);

	return is > 0;
}

/* How many are one message: udp(7) cuts it into parts of one length, and what
 * is left over. */
static unsigned alike(const struct tx *t, unsigned n)
{
	unsigned i;

	for (i = 1; i < n && t[i].len == t->len; i++)
		;
	if (i < n && t[i].len < t->len)
		i++;

	return i < ALIKE_MIN || *t->singly || !kernel_cuts(t->fd) ? 1 : i;
}

static void set_segment(struct msghdr *h, char *room, size_t len)
{
	uint16_t size = (uint16_t)len;
	struct cmsghdr *c;

	h->msg_control = room;
	h->msg_controllen = CMSG_SPACE(sizeof(size));
	c = CMSG_FIRSTHDR(h);
	c->cmsg_level = SOL_UDP;
	c->cmsg_type = UDP_SEGMENT;
	c->cmsg_len = CMSG_LEN(sizeof(size));
	memcpy(CMSG_DATA(c), &size, sizeof(size));
}

static void make(struct run *r, const struct tx *t, unsigned n)
{
	struct msghdr *h;
	unsigned i, at;

	r->t = t;
	r->msgc = 0;
	for (i = 0; i < n; i++) {
		r->iov[i].iov_base = (void *)(uintptr_t)t[i].p;
		r->iov[i].iov_len = t[i].len;
	}
	for (at = 0; at < n; at += r->sizes[r->msgc++]) {
		h = &r->msgs[r->msgc].msg_hdr;
		memset(h, 0, sizeof(*h));
		r->sizes[r->msgc] = alike(&t[at], n - at);
		h->msg_iov = &r->iov[at];
		h->msg_iovlen = r->sizes[r->msgc];
		h->msg_name = (void *)(uintptr_t)t->to;
		h->msg_namelen = t->tolen;
		if (h->msg_iovlen > 1)
			set_segment(h, r->controls[r->msgc].room, t[at].len);
	}
}

/* A path that is too narrow for one segment, a device that cannot do
 * checksums: not again.  An error that an earlier
 * datagram left behind says nothing of these. */
static void failed(const struct tx *t, unsigned n, int err)
{
	if (n == 1) {
		t->count->tx_drop++;
		return;
	}
	if (err == EINVAL || err == EMSGSIZE || err == EIO)
		*t->singly = true;
	for (; n; n--, t++)
		txrun_one(t);
}

void txrun_send(const struct tx *t, unsigned n)
{
	struct run r;
	unsigned at = 0;
	int sent;

	make(&r, t, n);
	while (at < r.msgc) {
		sent = sendmmsg(t->fd, r.msgs + at, r.msgc - at, FLAGS);
		for (; sent > 0; sent--, at++) {
			count(r.t, r.sizes[at]);
			r.t += r.sizes[at];
		}
		if (sent < 0) {
			failed(r.t, r.sizes[at], errno);
			r.t += r.sizes[at++];
		}
	}
}
