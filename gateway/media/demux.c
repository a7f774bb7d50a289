/* demux.c: a second socket on the port of libnice's. */
#include "media/demux.h"

#include <errno.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "media/binding.h"
#include "media/ports.h"
#include "media/ss.h"

#ifndef PLANT
#define PLANT 0 /* 1, 2: a bug on purpose, for the fuzzer to find */
#endif

enum { /* RFC 7983 7 */
       STUN_LAST = 3,
       CHANNEL_FIRST = 64,
       CHANNEL_LAST = 79,
};

enum { LOOKS = 16 }; /* of two equal ways one is missed once in 65 536 times */

int demux_choose(unsigned char first)
{
#if PLANT == 1 /* forgets that TURN has channels */
	return first > STUN_LAST;
#elif PLANT == 2 /* one too few */
	return !(first <= STUN_LAST ||
		 (first >= CHANNEL_FIRST && first < CHANNEL_LAST));
#else
	return !(first <= STUN_LAST ||
		 (first >= CHANNEL_FIRST && first <= CHANNEL_LAST));
#endif
}

enum { CODE_MAX = 32, NEXT = 0, NICE = 254, OURS = 255 };

struct code { /* where a jump of it goes to NICE or OURS is set at the end */
	struct sock_filter f[CODE_MAX];
	unsigned short n;
};

/* Offset 0 is the first byte of the UDP payload here. */
static void load(struct code *c, unsigned size, unsigned at)
{
	c->f[c->n++] =
	    (struct sock_filter)BPF_STMT(BPF_LD | size | BPF_ABS, at);
}

static void jump(struct code *c, unsigned op, unsigned k, uint8_t yes,
		 uint8_t no)
{
	c->f[c->n++] =
	    (struct sock_filter)BPF_JUMP(BPF_JMP | op | BPF_K, k, yes, no);
}

/* Or it is for libnice. */
static void expect(struct code *c, unsigned size, unsigned at, uint32_t value)
{
	load(c, size, at);
	jump(c, BPF_JEQ, value, NEXT, NICE);
}

/* The IP header without options or extensions, and the port behind it. */
static void expect_source(struct code *c, const struct sockaddr_storage *ss)
{
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)ss;
	const struct sockaddr_in *in = (const struct sockaddr_in *)ss;
	const unsigned net = (unsigned)SKF_NET_OFF;
	uint32_t word;
	unsigned i;

	if (ss->ss_family == AF_INET) {
		expect(c, BPF_B, net, 0x45); /* RFC 791 3.1 */
		expect(c, BPF_W, net + 12, ntohl(in->sin_addr.s_addr));
		expect(c, BPF_H, net + 20, ntohs(in->sin_port));
		return;
	}
	expect(c, BPF_B, net + 6, IPPROTO_UDP); /* RFC 8200 3 */
	for (i = 0; i < 4; i++) {
		memcpy(&word, &in6->sin6_addr.s6_addr[4 * i], sizeof(word));
		expect(c, BPF_W, net + 8 + 4 * i, ntohl(word));
	}
	expect(c, BPF_H, net + 40, ntohs(in6->sin6_port));
}

/* The result is the number of the socket in the group, in order of bind(). */
static int attach(int fd, struct code *c)
{
	struct sock_fprog prog = {(unsigned short)(c->n + 2), c->f};
	unsigned short i;
	struct sock_filter *f;

	for (i = 0; i < c->n; i++) {
		f = &c->f[i];
		if (BPF_CLASS(f->code) != BPF_JMP)
			continue;
		if (f->jt >= NICE)
			f->jt = (uint8_t)(c->n - i - 1 + (f->jt == OURS));
		if (f->jf >= NICE)
			f->jf = (uint8_t)(c->n - i - 1 + (f->jf == OURS));
	}
	c->f[c->n] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, 0);
	c->f[c->n + 1] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, 1);
	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &prog,
		       sizeof(prog)))
		return errno;

	return 0;
}

int demux_consent(int fd, uint32_t id, const struct sockaddr_storage *remote)
{
	struct code c = {.n = 0};

	load(&c, BPF_B, 0);
	jump(&c, BPF_JGE, CHANNEL_FIRST, NEXT, 1);
	jump(&c, BPF_JGT, CHANNEL_LAST, OURS, NICE);
	jump(&c, BPF_JGT, STUN_LAST, OURS, remote ? NEXT : NICE);
	if (remote) {
		load(&c, BPF_H, 0);
		jump(&c, BPF_JEQ, BINDING_REQUEST, 4, NEXT);
		jump(&c, BPF_JEQ, BINDING_SUCCESS, 1, NEXT);
		jump(&c, BPF_JEQ, BINDING_ERROR, NEXT, NICE);
		load(&c, BPF_W, 8);
		jump(&c, BPF_JEQ, id, OURS, NICE);
		expect_source(&c, remote);
		jump(&c, BPF_JEQ, 0, OURS, OURS);
	}

	return attach(fd, &c);
}

/* libnice ties its socket to the interface that has the address.  Which one a
 * peer is behind is for the routing table to say. */
static void unpin(int fd, sa_family_t family)
{
	int any = 0;

	if (family == AF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_UNICAST_IF, &any,
				 sizeof(any));
	else
		(void)setsockopt(fd, IPPROTO_IP, IP_UNICAST_IF, &any,
				 sizeof(any));
}

int demux_open(int *newp, int fd, unsigned dscp)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	int err = 0, on = 1, mine = -1;

	if (getsockname(fd, (struct sockaddr *)&ss, &len))
		return errno;
	unpin(fd, ss.ss_family);
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)))
		return errno;
	mine =
	    socket(ss.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (mine < 0)
		return errno;
	if (ss.ss_family == AF_INET6)
		(void)setsockopt(mine, IPPROTO_IPV6, IPV6_V6ONLY, &on,
				 sizeof(on));
	ports_mark(mine, ss.ss_family, dscp);
	if (setsockopt(mine, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) ||
	    bind(mine, (struct sockaddr *)&ss, len))
		err = errno;
	if (!err)
		err = demux_consent(mine, 0, NULL);
	if (err)
		(void)close(mine);
	else
		*newp = mine;

	return err;
}

/* Would the kernel send from base?  Where several ways lead to the peer it may
 * choose by the ports, so that one look from one port says nothing about ours:
 * connect() takes another port each time.  fd is as it was afterwards. */
static int check_source(int fd, const struct sockaddr_storage *base,
			const struct sockaddr_storage *remote)
{
	const struct sockaddr none = {.sa_family = AF_UNSPEC};
	struct sockaddr_storage ss;
	socklen_t len;
	unsigned i;

	for (i = 0; i < LOOKS; i++) {
		len = sizeof(ss);
		if (connect(fd, (const struct sockaddr *)remote,
			    ss_len(remote)) ||
		    getsockname(fd, (struct sockaddr *)&ss, &len) ||
		    connect(fd, &none, sizeof(none)))
			return errno;
		if (!ss_ip_equal(&ss, base))
			return EADDRNOTAVAIL;
	}

	return 0;
}

/* A socket that is bound to a broadcast address receives what is sent there
 * and nothing else, but sends from the address that the route has: broadcast
 * is no source.  So it can be connected, and have our port, while what remote
 * sends goes on to the group of demux_open. */
int demux_sender(int *fdp, const struct sockaddr_storage *base,
		 const struct sockaddr_storage *remote, unsigned dscp)
{
	struct sock_filter drop = BPF_STMT(BPF_RET | BPF_K, 0);
	struct sock_fprog prog = {1, &drop};
	struct sockaddr_in any = {.sin_family = AF_INET};
	int err, fd;

	if (base->ss_family != AF_INET || remote->ss_family != AF_INET)
		return EAFNOSUPPORT;
	any.sin_port = htons(ss_port(base));
	any.sin_addr.s_addr = htonl(INADDR_BROADCAST);
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return errno;
	ports_mark(fd, AF_INET, dscp);
	err = check_source(fd, base, remote);
	if (!err &&
	    (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog,
			sizeof(prog)) ||
	     bind(fd, (struct sockaddr *)&any, sizeof(any)) ||
	     connect(fd, (const struct sockaddr *)remote, ss_len(remote))))
		err = errno;
	if (err)
		(void)close(fd);
	else
		*fdp = fd;

	return err;
}
