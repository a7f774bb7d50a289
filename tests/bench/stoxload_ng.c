/* stoxload_ng.c: calls by the ng protocol, through a relay alone: SRTP with
 * keys in SDP on one side, RTP on the other.  For comparison. */
#include <arpa/inet.h>
#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>
#include "stoxload.h"

enum { DICT = 4096, WAIT = 1 /* s */ };

static int ng = -1;
static unsigned cookie;

int ng_open(void)
{
	struct timeval wait = {WAIT, 0};

	ng = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (ng < 0 ||
	    connect(ng, (struct sockaddr *)&load.opt.ng,
		    sizeof(load.opt.ng)) ||
	    setsockopt(ng, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)))
		return errno;

	return 0;
}

/* One request and its answer, as a string; NULL: none. */
static const char *ask(const char *dict)
{
	static char answer[2 * DICT];
	char buf[DICT], mark[16];
	ssize_t n;

	(void)snprintf(mark, sizeof(mark), "l%u ", ++cookie);
	n = snprintf(buf, sizeof(buf), "%s%s", mark, dict);
	if (send(ng, buf, (size_t)n, 0) != n)
		return NULL;
	do { /* one that came late is another's */
		n = recv(ng, answer, sizeof(answer) - 1, 0);
		if (n < 0)
			return NULL;
		answer[n] = '\0';
	} while (strncmp(answer, mark, strlen(mark)));

	return answer;
}

bool ng_is_up(void)
{
	const char *r = ask("d7:command4:pinge");

	if (!r)
		(void)usleep(20000);

	return r && strstr(r, "pong");
}

static bool take_port(struct call *c, bool at_x, const char *sdp)
{
	struct sockaddr_in *to = at_x ? &c->x.to : &c->s.to;
	const char *m = sdp ? strstr(sdp, "m=audio ") : NULL;
	int port = m ? atoi(m + 8) : 0;

	*to = load.opt.ng;
	to->sin_port = htons((uint16_t)port);
	to->sin_addr = load.opt.address;
	load_rtp_peer_add(c, to, at_x);

	return port > 0;
}

static size_t write_sdp(const struct call *c, bool at_x, char *buf,
			size_t size)
{
	struct sockaddr_in a = load_rtp_local(c, at_x);
	bool gcm = load.opt.suite == SUITE_AEAD_AES_128_GCM;
	char ip[INET_ADDRSTRLEN], key[96], crypto[160] = "";

	(void)inet_ntop(AF_INET, &a.sin_addr, ip, sizeof(ip));
	(void)EVP_EncodeBlock((uint8_t *)key, c->key[0],
			      (int)crypt_keylen(load.opt.suite));
	if (at_x)
		(void)snprintf(
		    crypto, sizeof(crypto),
		    "a=rtcp-mux\r\na=crypto:1 %s inline:%s\r\n",
		    gcm ? "AEAD_AES_128_GCM" : "AES_CM_128_HMAC_SHA1_80", key);

	return (size_t)snprintf(buf, size,
				"v=0\r\no=- 1 1 IN IP4 %s\r\ns=-\r\n"
				"c=IN IP4 %s\r\nt=0 0\r\n"
				"m=audio %u %s 0\r\na=sendrecv\r\n%s",
				ip, ip, ntohs(a.sin_port),
				at_x ? "RTP/SAVP" : "RTP/AVP", crypto);
}

static bool take_keys(struct call *c, const char *sdp)
{
	const char *p = strstr(sdp, "inline:");
	size_t n = crypt_keylen(load.opt.suite), text = (n + 2) / 3 * 4;

	if (!p || strlen(p + 7) < text ||
	    EVP_DecodeBlock(c->key[1], (const uint8_t *)p + 7, (int)text) <
		(int)n)
		return false;

	return !crypt_alloc(&c->crypt, load.opt.suite, c->key[0],
			    load.opt.suite, c->key[1]);
}

void ng_call(struct call *c)
{
	char sdp[1024], dict[2048], id[32];
	const char *r;
	size_t n, len;

	(void)snprintf(id, sizeof(id), "load%06u-%06u", c->index,
		       c->turn % 1000000);
	len = strlen(id);
	n = write_sdp(c, true, sdp, sizeof(sdp));
	(void)snprintf(dict, sizeof(dict),
		       "d7:call-id%zu:%s7:command5:offer8:from-tag1:x"
		       "7:replacel6:origine3:sdp%zu:%s"
		       "18:transport-protocol7:RTP/AVPe",
		       len, id, n, sdp);
	r = ask(dict);
	if (!take_port(c, false, r)) {
		call_fail(c, "the offer was not answered");
		return;
	}
	n = write_sdp(c, false, sdp, sizeof(sdp));
	(void)snprintf(dict, sizeof(dict),
		       "d7:call-id%zu:%s7:command6:answer8:from-tag1:x"
		       "3:sdp%zu:%s6:to-tag1:se",
		       len, id, n, sdp);
	r = ask(dict);
	c->x.pt = 0;
	if (!take_port(c, true, r) || !take_keys(c, r))
		call_fail(c, "the answer was not answered");
	else
		call_keyed(c);
}

void ng_end(struct call *c)
{
	char dict[128], id[32];

	(void)snprintf(id, sizeof(id), "load%06u-%06u", c->index,
		       c->turn % 1000000);
	(void)snprintf(dict, sizeof(dict),
		       "d7:call-id%zu:%s7:command6:delete8:from-tag1:xe",
		       strlen(id), id);
	(void)ask(dict);
	c->x_over = c->s_over = true;
	call_over(c);
}
