/* stoxload_sdp.c: session descriptions of telephones (RFC 8866), with keys in
 * them when asked for (RFC 4568). */
#include <arpa/inet.h>
#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "stoxload.h"

enum { OPUS = 107, PCMU = 0 };

static const char *suite_name(enum crypto_suite s)
{
	return s == SUITE_AEAD_AES_128_GCM ? "AEAD_AES_128_GCM"
					   : "AES_CM_128_HMAC_SHA1_80";
}

/* The payload type that has the codec; -1: none. */
static int find_codec(const char *sdp)
{
	const char *p = sdp, *name;

	if (load.opt.media == LOAD_PCMU)
		return PCMU;
	while ((p = strstr(p, "\r\na=rtpmap:"))) {
		p += 11;
		name = strchr(p, ' ');
		if (name && !strncasecmp(name, " opus/48000", 11))
			return atoi(p);
	}

	return -1;
}

/* The suite's line, from its tag on. */
static const char *find_crypto(const char *sdp, const char *suite)
{
	const char *p = sdp, *name;
	size_t n = strlen(suite);

	while ((p = strstr(p, "\r\na=crypto:"))) {
		p += 11;
		name = p + strcspn(p, " \r");
		if (*name == ' ' && !strncmp(name + 1, suite, n) &&
		    name[1 + n] == ' ')
			return p;
	}

	return NULL;
}

static int take_keys(struct call *c, const char *sdp)
{
	const char *p = find_crypto(sdp, suite_name(load.opt.sdes));
	size_t n = crypt_keylen(load.opt.sdes), text = (n + 2) / 3 * 4;

	c->crypto_tag = p ? (unsigned)atoi(p) : 0;
	p = p ? strstr(p, "inline:") : NULL;
	if (!p || strlen(p + 7) < text ||
	    EVP_DecodeBlock(c->key[1], (const uint8_t *)p + 7, (int)text) <
		(int)n)
		return EPROTO;
	if (c->s_crypt)
		return 0; /* the same call, described again */

	return crypt_alloc(&c->s_crypt, load.opt.sdes, c->key[0],
			   load.opt.sdes, c->key[1]);
}

int load_sdp_take(struct call *c, const char *msg)
{
	const char *sdp = strstr(msg, "\r\n\r\n");
	const char *m = sdp ? strstr(sdp, "\r\nm=audio ") : NULL,
		   *a = sdp ? strstr(sdp, "\r\nc=IN IP4 ") : NULL;
	char ip[INET_ADDRSTRLEN];
	int pt;

	if (!m || !a)
		return EPROTO;
	(void)snprintf(ip, sizeof(ip), "%.*s", (int)strcspn(a + 11, "\r\n "),
		       a + 11);
	c->s.to.sin_family = AF_INET;
	c->s.to.sin_port = htons((uint16_t)atoi(m + 10));
	pt = find_codec(sdp);
	if (inet_pton(AF_INET, ip, &c->s.to.sin_addr) != 1 || pt < 0)
		return EPROTO;
	c->s.pt = (uint8_t)pt;
	c->held =
	    strstr(sdp, "\r\na=sendonly") || strstr(sdp, "\r\na=inactive");
	load_rtp_peer_add(c, &c->s.to, false);

	return load.opt.sdes ? take_keys(c, sdp) : 0;
}

size_t load_sdp_give(const struct call *c, char *buf, size_t size, bool answer)
{
	struct sockaddr_in a = load_rtp_local(c, false);
	bool opus = load.opt.media != LOAD_PCMU;
	char ip[INET_ADDRSTRLEN], crypto[160] = "", text[96];
	unsigned pt = opus ? OPUS : PCMU;

	if (answer)
		pt = c->s.pt;
	if (load.opt.sdes) {
		(void)EVP_EncodeBlock((uint8_t *)text, c->key[0],
				      (int)crypt_keylen(load.opt.sdes));
		(void)snprintf(crypto, sizeof(crypto),
			       "a=crypto:%u %s inline:%s\r\n",
			       answer ? c->crypto_tag : 1,
			       suite_name(load.opt.sdes), text);
	}
	(void)inet_ntop(AF_INET, &a.sin_addr, ip, sizeof(ip));

	return (size_t)snprintf(
	    buf, size,
	    "v=0\r\no=- %u 1 IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\n"
	    "m=audio %u %s %u\r\na=rtpmap:%u %s\r\n%sa=%s\r\n",
	    c->turn + 1, ip, ip, ntohs(a.sin_port),
	    load.opt.sdes ? "RTP/SAVP" : "RTP/AVP", pt, pt,
	    opus ? "opus/48000/2" : "PCMU/8000", crypto,
	    c->held ? "recvonly" : "sendrecv");
}
