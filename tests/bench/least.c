/* least.c: the least that a relay in user space can do: epoll, recv, SRTP,
 * send.  No check of sources, no headers of its own, no clocks.  It speaks
 * enough of the ng protocol to be loaded as rtpengine is. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include "media/crypt.h"

enum { NG_PORT = 2223, EVENTS = 128, KEY = 30, DATAGRAM = 2048 };

struct side {
	int fd;
	uint16_t port; /* ours */
	bool secure;
	struct crypt *crypt;
	struct side *other;
};

static int ep = -1;
static struct side *last; /* the secure side of the call that is set up */
static enum crypto_suite suite;

static struct sockaddr_in loopback(unsigned port)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_port = htons((uint16_t)port)};

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);

	return a;
}

static struct side *side_alloc(void)
{
	struct side *s = calloc(1, sizeof(*s));
	struct sockaddr_in a = loopback(0);
	struct epoll_event ev = {.events = EPOLLIN, .data.ptr = s};
	socklen_t len = sizeof(a);

	if (!s)
		exit(1);
	/* The tool's address: the whole of 127/8 is here. */
	a.sin_addr.s_addr = htonl(INADDR_ANY);
	s->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	if (s->fd < 0 || bind(s->fd, (struct sockaddr *)&a, len) ||
	    getsockname(s->fd, (struct sockaddr *)&a, &len) ||
	    epoll_ctl(ep, EPOLL_CTL_ADD, s->fd, &ev)) {
		perror("least: socket");
		exit(1);
	}
	s->port = ntohs(a.sin_port);

	return s;
}

static void aim(struct side *s, const char *sdp)
{
	const char *m = strstr(sdp, "m=audio "), *c = strstr(sdp, "c=IN IP4 ");
	struct sockaddr_in to = loopback(m ? (unsigned)atoi(m + 8) : 9);
	char ip[INET_ADDRSTRLEN] = "";

	if (c) {
		(void)snprintf(ip, sizeof(ip), "%.*s",
			       (int)strcspn(c + 9, "\r\n"), c + 9);
		(void)inet_pton(AF_INET, ip, &to.sin_addr);
	}
	if (connect(s->fd, (struct sockaddr *)&to, sizeof(to)))
		perror("least: connect");
}

static void offer(const char *sdp)
{
	struct side *plain = side_alloc();
	const char *key = strstr(sdp, "inline:");
	uint8_t in[64], out[KEY] = {1, 2, 3};

	suite = strstr(sdp, "AEAD_AES_128_GCM") ? SUITE_AEAD_AES_128_GCM
						: SUITE_CM128_SHA1_80;
	last = side_alloc();
	last->secure = true;
	last->other = plain;
	plain->other = last;
	aim(last, sdp);
	if (!key || EVP_DecodeBlock(in, (const uint8_t *)key + 7, 40) != KEY ||
	    crypt_alloc(&last->crypt, suite, out, suite, in)) {
		(void)fprintf(stderr, "least: no keys\n");
		exit(1);
	}
}

static void command(int ng)
{
	char buf[8192], answer[512], key[64] = "", *dict;
	uint8_t out[KEY] = {1, 2, 3};
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	unsigned port = 0;
	ssize_t n;

	n = recvfrom(ng, buf, sizeof(buf) - 1, 0, (struct sockaddr *)&from,
		     &len);
	if (n <= 0)
		return;
	buf[n] = '\0';
	dict = strchr(buf, ' ');
	if (!dict)
		return;
	*dict++ = '\0';
	if (strstr(dict, "5:offer")) {
		offer(dict);
		port = last->other->port;
	} else if (strstr(dict, "6:answer") && last) {
		aim(last->other, dict);
		port = last->port;
	}
	(void)EVP_EncodeBlock((uint8_t *)key, out, (int)crypt_keylen(suite));
	n = snprintf(answer, sizeof(answer),
		     "%s d6:result4:pong3:sdp0:m=audio %u RTP\r\n"
		     "a=crypto:1 %s inline:%s\r\ne",
		     buf, port, crypto_suite_name(suite), key);
	(void)sendto(ng, answer, (size_t)n, 0, (struct sockaddr *)&from, len);
}

static void relay(struct side *s)
{
	uint32_t buf[(DATAGRAM + CRYPT_TRAILER) / 4];
	uint8_t *p = (uint8_t *)buf;
	ssize_t n = recv(s->fd, p, DATAGRAM, MSG_DONTWAIT);
	size_t len = (size_t)n;

	if (n <= 0)
		return;
	if (s->secure ? crypt_unprotect(s->crypt, p, &len, false)
		      : crypt_protect(s->other->crypt, p, &len, false))
		return;
	(void)send(s->other->fd, p, len, MSG_DONTWAIT);
}

int main(void)
{
	struct epoll_event ev[EVENTS], ctl = {.events = EPOLLIN};
	struct sockaddr_in a = loopback(NG_PORT);
	int i, n, ng;

	ep = epoll_create1(0);
	ng = socket(AF_INET, SOCK_DGRAM, 0);
	if (bind(ng, (struct sockaddr *)&a, sizeof(a)) ||
	    epoll_ctl(ep, EPOLL_CTL_ADD, ng, &ctl)) {
		perror("least: the ng port");
		return 1;
	}
	for (;;) {
		n = epoll_wait(ep, ev, EVENTS, -1);
		for (i = 0; i < n; i++) {
			if (ev[i].data.ptr)
				relay(ev[i].data.ptr);
			else
				command(ng);
		}
	}
}
