/* load_ng.c: calls by the ng protocol (rtpengine, and the least relay): SRTP
 * with keys in SDP on one side, RTP on the other. */
#include <arpa/inet.h>
#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>
#include "load.h"

enum { NG_PORT = 2223, READY = 10 * 1000000 /* us */, KEY = 30 };

static int ng = -1;
static unsigned cookie;

/* One request and its answer, which is a string here. */
static const char *ask(const char *dict)
{
	static char answer[8192];
	char buf[8192], mark[16];
	ssize_t n;

	(void)snprintf(mark, sizeof(mark), "b%u ", ++cookie);
	n = snprintf(buf, sizeof(buf), "%s%s", mark, dict);
	if (send(ng, buf, (size_t)n, 0) != n)
		return NULL;
	do { /* an answer that came late is another's */
		n = recv(ng, answer, sizeof(answer) - 1, 0);
		if (n < 0)
			return NULL;
		answer[n] = '\0';
	} while (strncmp(answer, mark, strlen(mark)));

	return answer;
}

static void rtp_ready(void *arg)
{
	uint32_t buf[LOAD_DATAGRAM / 4];
	struct end *e = arg;
	ssize_t n = recv(e->fd, buf, sizeof(buf), MSG_DONTWAIT);

	if (n > 0)
		load_rtp_input(e, (uint8_t *)buf, (size_t)n);
}

static int open_ng(struct load *l)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
				 .sin_port = htons(NG_PORT)};
	struct timeval second = {1, 0};
	unsigned i;
	int err = 0;

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ng = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (ng < 0 || connect(ng, (struct sockaddr *)&to, sizeof(to)) ||
	    setsockopt(ng, SOL_SOCKET, SO_RCVTIMEO, &second, sizeof(second)))
		return errno;
	for (i = 0; i < l->callc && !err; i++) {
		struct call *c = &l->calls[i];

		err = load_socket(&c->x, c, l->media, rtp_ready);
		err = err ? err : load_socket(&c->s, c, l->media, rtp_ready);
	}

	return err;
}

static int ready_ng(struct load *l)
{
	uint64_t end = load_now() + READY;

	(void)l;
	while (load_now() < end) {
		const char *r = ask("d7:command4:pinge");

		if (r && strstr(r, "pong"))
			return 0;
		(void)usleep(100000);
	}

	return ETIMEDOUT;
}

static bool take_port(struct end *e, const char *sdp)
{
	const char *m = sdp ? strstr(sdp, "m=audio ") : NULL;
	int port = m ? atoi(m + 8) : 0;

	e->remote = e->local;
	e->remote.sin_port = htons((uint16_t)port);

	return port > 0;
}

static size_t write_sdp(char *buf, size_t size, const struct end *e,
			const char *proto, const char *crypto)
{
	char ip[INET_ADDRSTRLEN];

	(void)inet_ntop(AF_INET, &e->local.sin_addr, ip, sizeof(ip));

	return (size_t)snprintf(buf, size,
				"v=0\r\no=- 1 1 IN IP4 %s\r\ns=-\r\n"
				"c=IN IP4 %s\r\nt=0 0\r\n"
				"m=audio %u %s 0\r\na=sendrecv\r\n%s",
				ip, ip, ntohs(e->local.sin_port), proto,
				crypto);
}

static bool take_keys(const struct load *l, struct call *c, const char *sdp,
		      const uint8_t *own)
{
	char mark[64];
	const char *p;
	uint8_t key[64];

	(void)snprintf(mark, sizeof(mark),
		       "%s inline:", crypto_suite_name(l->suite));
	p = strstr(sdp, mark);
	if (!p)
		return false;
	p += strlen(mark);
	/* 30 bytes are 40 characters, and so are GCM's 28 with padding */
	if (strlen(p) < 40 ||
	    EVP_DecodeBlock(key, (const uint8_t *)p, 40) != KEY)
		return false;

	return !crypt_alloc(&c->crypt, l->suite, own, l->suite, key);
}

static void start_ng(struct load *l, struct call *c)
{
	char sdp[1024], dict[2048], id[32], crypto[160], text[64];
	const char *r;
	uint8_t key[KEY];
	size_t n;
	int i;

	for (i = 0; i < KEY; i++)
		key[i] = (uint8_t)(i + 1 + (int)c->index);
	(void)EVP_EncodeBlock((uint8_t *)text, key,
			      (int)crypt_keylen(l->suite));
	(void)snprintf(crypto, sizeof(crypto),
		       "a=rtcp-mux\r\na=crypto:1 %s inline:%s\r\n",
		       crypto_suite_name(l->suite), text);
	(void)snprintf(id, sizeof(id), "bench%06u", c->index);
	n = write_sdp(sdp, sizeof(sdp), &c->x, "RTP/SAVP", crypto);
	(void)snprintf(dict, sizeof(dict),
		       "d7:call-id%zu:%s7:command5:offer8:from-tag1:x"
		       "7:replacel6:origine3:sdp%zu:%s"
		       "18:transport-protocol7:RTP/AVPe",
		       strlen(id), id, n, sdp);
	r = ask(dict);
	if (!take_port(&c->s, r)) {
		load_fail(c, "the offer was not answered");
		return;
	}
	n = write_sdp(sdp, sizeof(sdp), &c->s, "RTP/AVP", "");
	(void)snprintf(dict, sizeof(dict),
		       "d7:call-id%zu:%s7:command6:answer8:from-tag1:x"
		       "3:sdp%zu:%s6:to-tag1:se",
		       strlen(id), id, n, sdp);
	r = ask(dict);
	if (!take_port(&c->x, r) || !take_keys(l, c, r, key))
		load_fail(c, "the answer was not answered");
	else
		c->state = CALL_UP;
}

static void turn_ng(struct load *l, struct call *c)
{
	(void)l;
	(void)c;
}

static void stop_ng(struct load *l, struct call *c)
{
	char dict[128], id[32];

	(void)l;
	(void)snprintf(id, sizeof(id), "bench%06u", c->index);
	(void)snprintf(dict, sizeof(dict),
		       "d7:call-id%zu:%s7:command6:delete8:from-tag1:xe",
		       strlen(id), id);
	(void)ask(dict);
	c->state = CALL_ENDED;
}

const struct way way_ng = {
    "ng",     "a relay with the ng protocol on UDP 127.0.0.1:2223",
    open_ng,  ready_ng,
    start_ng, turn_ng,
    stop_ng};
