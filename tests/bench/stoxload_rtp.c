/* stoxload_rtp.c: the packets of all calls, through a few sockets. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "stoxload.h"

enum {
	BATCH = 32,	   /* packets a system call */
	BATCHES = 4,	   /* of a socket, before others are looked at */
	HEADER = 12,	   /* RFC 3550 5.1 */
	MARKS = 24,	   /* bytes of the payload that say which it is */
	BUFFER = 64 << 20, /* bytes in the kernel, a socket */
	CONTROL = 64,
	BURST = 20,    /* packets that leave together */
	FRAME = 33333, /* us; 30 a second */
	FRAME_MIN = 3, /* packets */
	FRAME_MAX = 12,
	VIDEO = 1100,	  /* bytes of a packet but a frame's last */
	VIDEO_LAST = 100, /* at least */
	MIXED_MIN = 300,  /* bytes of a packet of mixed video */
	MIXED_MAX = 1200,
	HASH = 65536,
	LATE = 5000, /* us behind its time: the load was too slow */
};

struct packet {
	uint32_t data[LOAD_DATAGRAM / 4];
};

struct door { /* a socket of ours */
	struct input in;
	bool at_x, rtcp;
	struct sockaddr_in local;
	unsigned n; /* waiting to leave */
	struct mmsghdr msg[BATCH];
	struct iovec iov[BATCH];
	struct sockaddr_in to[BATCH];
	struct packet buf[BATCH];
};

/* The media of a phone have a second port for RTCP. */
static struct door *xdoor[LOAD_SOCKETS], *sdoor[LOAD_SOCKETS],
    *rtcp[LOAD_SOCKETS];
static struct peer *peers[HASH];
static unsigned streams;

static void put32(uint8_t *p, uint32_t v)
{
	v = htonl(v);
	memcpy(p, &v, sizeof(v));
}

static uint32_t get32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));

	return ntohl(v);
}

/* ---- whose address it is ---- */

static bool same_addr(const struct sockaddr_in *a, const struct sockaddr_in *b)
{
	return a->sin_port == b->sin_port &&
	       a->sin_addr.s_addr == b->sin_addr.s_addr;
}

static struct peer *find_peer(const struct sockaddr_in *a, bool at_x)
{
	struct peer *p = peers[a->sin_port];

	while (p && !(p->at_x == at_x && same_addr(&p->addr, a)))
		p = p->next;

	return p;
}

void load_rtp_peer_add(struct call *c, const struct sockaddr_in *a, bool at_x)
{
	struct peer *p;

	if (find_peer(a, at_x) || c->peerc == LOAD_CANDIDATES + 1)
		return;
	p = &c->peers[c->peerc++];
	p->addr = *a;
	p->call = c;
	p->at_x = at_x;
	p->next = peers[a->sin_port];
	peers[a->sin_port] = p;
}

void load_rtp_peers_clear(struct call *c)
{
	struct peer **at;
	unsigned i;

	for (i = 0; i < c->peerc; i++) {
		at = &peers[c->peers[i].addr.sin_port];
		while (*at && *at != &c->peers[i])
			at = &(*at)->next;
		if (*at)
			*at = c->peers[i].next;
	}
	c->peerc = 0;
}

/* ---- out ---- */

static void flush(struct door *d)
{
	unsigned done = 0;
	int n;

	while (done < d->n) {
		n = sendmmsg(d->in.fd, d->msg + done, d->n - done, 0);
		if (n <= 0) {
			/* An unreachable port of before is told here. */
			if (errno != ECONNREFUSED && errno != EAGAIN)
				done++;
			continue;
		}
		done += (unsigned)n;
	}
	d->n = 0;
}

void load_rtp_flush(void)
{
	unsigned i;

	for (i = 0; i < LOAD_SOCKETS; i++) {
		if (xdoor[i] && xdoor[i]->n)
			flush(xdoor[i]);
		if (sdoor[i] && sdoor[i]->n)
			flush(sdoor[i]);
	}
}

static struct door *door_of(const struct call *c, bool at_x)
{
	return (at_x ? xdoor : sdoor)[c->index % LOAD_SOCKETS];
}

struct sockaddr_in load_rtp_local(const struct call *c, bool at_x)
{
	return door_of(c, at_x)->local;
}

void load_rtp_send_raw(struct call *c, const void *p, size_t len,
		       const struct sockaddr_in *to)
{
	(void)sendto(door_of(c, true)->in.fd, p, len, MSG_DONTWAIT,
		     (const struct sockaddr *)to, sizeof(*to));
}

/* What follows the marks depends on them alone: byte i is 7 * i + seed, which
 * is a part of one pattern that repeats every 256 bytes. */
static const uint8_t *pattern(unsigned seed)
{
	static uint8_t all[256 + LOAD_DATAGRAM];
	unsigned i;

	if (!all[1]) {
		for (i = 0; i < sizeof(all); i++)
			all[i] = (uint8_t)(i * 7);
	}

	/* 183 is 1 / 7 modulo 256. */
	return all + (seed * 183 + MARKS) % 256;
}

static size_t payload_size(const struct stream *s)
{
	switch (load.opt.media) {
	case LOAD_OPUS: /* 20 ms at some 32 kbit/s, variable */
		return 60 + s->number * 13 % 50;
	case LOAD_MIXED: /* 571: spread over the whole range */
		return MIXED_MIN - HEADER +
		       s->number * 571 % (MIXED_MAX - MIXED_MIN + 1);
	case LOAD_VIDEO:
		return s->group > 1 ? VIDEO - HEADER
				    : VIDEO_LAST + s->number * 97 % 1000;
	default:
		return 160; /* 20 ms of PCMU */
	}
}

static void send_one(struct stream *s)
{
	struct call *c = s->call;
	struct door *d = door_of(c, s->from_x);
	uint8_t *p = (uint8_t *)d->buf[d->n].data;
	struct crypt *crypt = s->from_x ? c->crypt : c->s_crypt;
	size_t size = payload_size(s), len = HEADER + size;
	bool counted =
	    load.counting && c->state == CALL_UP && c->index < load.opt.calls;
	uint64_t wall = load_wall();

	put32(p, 0x80000000u | (uint32_t)s->pt << 16 | (s->number & 0xffff));
	put32(p + 4, s->clock);
	put32(p + 8, s->ssrc);
	put32(p + 12, c->index << 1 | s->from_x);
	put32(p + 16, s->number);
	memcpy(p + 20, &wall, sizeof(wall));
	put32(p + 28, counted);
	put32(p + 32, c->turn);
	memcpy(p + HEADER + MARKS, pattern(c->index + s->number),
	       size - MARKS);
	s->number++;
	if (crypt && crypt_protect(crypt, p, &len, false))
		return;
	d->iov[d->n].iov_len = len;
	d->to[d->n] = s->to;
	load.tally.sent += counted;
	if (++d->n == BATCH)
		flush(d);
}

static bool is_video(void)
{
	return load.opt.media == LOAD_VIDEO || load.opt.media == LOAD_MIXED;
}

/* Microseconds from one packet to the next; moves the stream's clock. */
static unsigned step(struct stream *s)
{
	double pps = load.opt.pps > 0 ? load.opt.pps : 50;

	if (is_video()) {
		s->clock += 3000; /* 90 000 a second */
		return FRAME;
	}
	s->clock += load.opt.media == LOAD_OPUS ? 960 : 160;

	return (unsigned)(1e6 / pps);
}

static void stream_due(struct node *n)
{
	struct stream *s = (struct stream *)(void *)n;
	uint64_t now = load_turn();

	if (load.silent)
		s->group = 0;
	else if (is_video())
		s->group =
		    FRAME_MIN + s->number * 31 % (FRAME_MAX - FRAME_MIN + 1);
	else
		s->group = 1;
	if (now > n->at + LATE)
		load.tally.late += s->group;
	for (; s->group; s->group--)
		send_one(s);
	load_due(n, n->at + step(s));
}

/* The time in its period at which a stream sends. */
static uint64_t phase(const struct stream *s, unsigned period)
{
	unsigned all = 2 * load.opt.calls, groups = (all + BURST - 1) / BURST;
	unsigned i = 2 * s->call->index + s->from_x;

	if (load.opt.cadence == LOAD_RANDOM)
		return (uint64_t)random() % period;

	return (uint64_t)(i / BURST) * period / groups;
}

void load_rtp_start(struct stream *s, uint64_t at)
{
	unsigned period;

	if (s->on || load.opt.media == LOAD_NONE)
		return;
	s->on = true;
	s->node.h = stream_due;
	period = step(s);
	/* The first packet at once, the others in their place. */
	send_one(s);
	at = at - at % period + phase(s, period);
	while (at < load_now())
		at += period;
	load_due(&s->node, at);
	streams++;
}

void load_rtp_stop(struct stream *s)
{
	load_undue(&s->node);
	streams -= s->on;
	s->on = false;
}

unsigned load_rtp_rate(void)
{
	double pps = load.opt.pps > 0 ? load.opt.pps : 50;

	if (is_video())
		pps = 30.0 * (FRAME_MIN + FRAME_MAX) / 2;

	return (unsigned)(streams * pps);
}

/* ---- in ---- */

static void take_payload(struct call *c, struct stream *s, const uint8_t *p,
			 size_t len, uint64_t came)
{
	struct tally *t = &load.tally;
	uint32_t number;
	uint64_t sent;
	int64_t transit;

	if (len < MARKS + 4 || get32(p) != (c->index << 1 | s->from_x)) {
		t->wrong++;
		return;
	}
	number = get32(p + 4);
	if (get32(p + 20) != c->turn)
		return; /* of the call before */
	memcpy(&sent, p + 8, sizeof(sent));
	if (memcmp(p + MARKS, pattern(c->index + number), len - MARKS) ||
	    number >= s->number) {
		t->wrong++;
		return;
	}
	if (s->heard && number <= s->last) {
		t->disordered++;
		return;
	}
	transit = (int64_t)(came - sent);
	if (get32(p + 16)) {
		t->received++;
		hist_add(&t->delay, transit > 0 ? (uint64_t)transit : 0);
		if (number == s->last + 1)
			hist_add(&t->jitter,
				 (uint64_t)llabs(transit - s->transit));
	}
	s->last = number;
	s->transit = transit;
	if (!s->heard) {
		s->heard = true;
		call_heard(c);
	}
}

static void take_rtp(struct call *c, bool at_x, uint8_t *p, size_t len,
		     uint64_t came)
{
	struct crypt *crypt = at_x ? c->crypt : c->s_crypt;
	struct stream *s = at_x ? &c->s : &c->x;
	size_t head;

	if (len < HEADER || (p[1] >= 192 && p[1] <= 223)) /* RFC 5761 4 */
		return;
	if (at_x && !crypt)
		return; /* media may overtake the end of the handshake */
	if (crypt && crypt_unprotect(crypt, p, &len, false)) {
		load.tally.wrong++;
		return;
	}
	head = HEADER + (p[0] & 15) * 4u;
	if (p[0] & 16 && len >= head + 4)
		head += 4 + 4u * (get32(p + head) & 0xffff);
	if (len <= head)
		return; /* the empty packets that keep a latch open */
	if ((p[1] & 127) != (at_x ? c->x.pt : c->s.pt))
		load.tally.wrong++;
	else
		take_payload(c, s, p + head, len - head, came);
}

static uint64_t stamp(struct msghdr *m, uint64_t now)
{
	struct cmsghdr *h = CMSG_FIRSTHDR(m);
	struct timespec t;

	if (!h || h->cmsg_level != SOL_SOCKET ||
	    h->cmsg_type != SCM_TIMESTAMPNS)
		return now;
	memcpy(&t, CMSG_DATA(h), sizeof(t));

	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void take(struct door *d, uint8_t *p, size_t len,
		 const struct sockaddr_in *from, uint64_t came)
{
	struct peer *peer = find_peer(from, d->at_x);
	struct call *c = peer ? peer->call : NULL;

	if (d->rtcp || !len)
		return;
	if (d->at_x && p[0] < 64) { /* RFC 7983 7 */
		if (!c && p[0] < 4)
			c = load_ice_find(p, len);
		if (c)
			load_ice_input(c, p, len, from);
	} else if (c) {
		take_rtp(c, d->at_x, p, len, came);
	} else {
		load.tally.unknown++;
	}
}

static struct packet in_buf[BATCH];
static char in_control[BATCH][CONTROL];
static struct sockaddr_in in_from[BATCH];
static struct iovec in_iov[BATCH];
static struct mmsghdr in_msg[BATCH];

static void prepare_input(void)
{
	struct msghdr *h;
	int i;

	for (i = 0; i < BATCH; i++) {
		in_iov[i].iov_base = in_buf[i].data;
		in_iov[i].iov_len = sizeof(in_buf[i].data);
		h = &in_msg[i].msg_hdr;
		h->msg_iov = &in_iov[i];
		h->msg_iovlen = 1;
		h->msg_name = &in_from[i];
		h->msg_namelen = sizeof(in_from[i]);
		h->msg_control = in_control[i];
		h->msg_controllen = CONTROL;
	}
}

/* False: no more is there. */
static bool read_batch(struct door *d)
{
	int i, n = recvmmsg(d->in.fd, in_msg, BATCH, MSG_DONTWAIT, NULL);
	uint64_t now = load_wall(), came;

	for (i = 0; i < n; i++) {
		came = stamp(&in_msg[i].msg_hdr, now);
		if (now > came && now - came > load.behind)
			load.behind = now - came;
		take(d, (uint8_t *)in_buf[i].data, in_msg[i].msg_len,
		     &in_from[i], came);
		in_msg[i].msg_hdr.msg_namelen = sizeof(in_from[i]);
		in_msg[i].msg_hdr.msg_controllen = CONTROL;
	}

	return n == BATCH;
}

/* Others get their turn, too. */
static void door_ready(struct input *in)
{
	unsigned i;

	for (i = 0; i < BATCHES; i++) {
		if (!read_batch((struct door *)(void *)in))
			break;
	}
}

/* ---- sockets ---- */

static int bind_door(struct door *d, struct sockaddr_in *a)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int size = BUFFER, on = 1;
	socklen_t len = sizeof(*a);

	d->in.fd = fd;
	if (fd < 0)
		return errno;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size,
				 sizeof(size));
	(void)setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)a, len) ||
	    getsockname(fd, (struct sockaddr *)&d->local, &len))
		return errno;

	return load_watch(&d->in, fd, door_ready);
}

static int open_door(struct door **dp, bool at_x, unsigned port)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_port = htons((uint16_t)port)};
	struct door *d = calloc(1, sizeof(*d));
	unsigned i;
	int err;

	if (!d)
		return ENOMEM;
	a.sin_addr = load.opt.address;
	d->at_x = at_x;
	for (i = 0; i < BATCH; i++) {
		d->iov[i].iov_base = d->buf[i].data;
		d->msg[i].msg_hdr.msg_iov = &d->iov[i];
		d->msg[i].msg_hdr.msg_iovlen = 1;
		d->msg[i].msg_hdr.msg_name = &d->to[i];
		d->msg[i].msg_hdr.msg_namelen = sizeof(d->to[i]);
	}
	err = bind_door(d, &a);
	if (err) {
		if (d->in.fd >= 0)
			(void)close(d->in.fd);
		free(d);
		d = NULL;
	}
	*dp = d;

	return err;
}

int load_rtp_init(void)
{
	unsigned i, port;
	int err = 0;

	prepare_input();
	for (i = 0; i < LOAD_SOCKETS && !err; i++) {
		err = open_door(&xdoor[i], true, 0);
		if (err)
			break;
		/* A pair: even and the next (RFC 3550 11). */
		for (port = 30000 + 2 * i; port < 32000; port += 2) {
			err = open_door(&sdoor[i], false, port);
			if (!err)
				err = open_door(&rtcp[i], false, port + 1);
			if (err != EADDRINUSE)
				break;
		}
		if (!err)
			rtcp[i]->rtcp = true;
	}

	return err;
}
