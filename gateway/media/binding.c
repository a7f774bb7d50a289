/* binding.c: Binding requests of STUN and their answers. */
#include "media/binding.h"

#include <errno.h>
#include <netinet/in.h>
#include <openssl/crypto.h>
#include <string.h>
#include "media/packet.h"
#include "media/ss.h"
#include "sdp/desc.h"

#ifndef PLANT
#define PLANT 0 /* 1..3: a bug on purpose, for the fuzzer to find */
#endif

enum { /* RFC 8489 5, 14, 18.3; RFC 8445 16.1 */
       HEAD = 20,
       COOKIE = 0x2112a442,
       ATTR_HEAD = 4,
       USERNAME = 0x0006,
       INTEGRITY = 0x0008,
       ERROR_CODE = 0x0009,
       XOR_MAPPED = 0x0020,
       PRIORITY = 0x0024,
       USE_CANDIDATE = 0x0025,
       OPTIONAL = 0x8000, /* from here on */
       FINGERPRINT = 0x8028,
       CONTROLLED = 0x8029,
       CONTROLLING = 0x802a,
       FINGERPRINT_XOR = 0x5354554e,
       PROOF_LEN = 20,
       /* What a peer-reflexive candidate that this check showed would have;
	* RFC 8445 7.1.1, 5.1.2.1. */
       PRFLX_PRIORITY = (110 << 24) + (65535 << 8) + 255,
};

/* ---- in ---- */

struct attr {
	unsigned type;
	const uint8_t *v;
	size_t len;
};

static void take_error(struct binding *b, const struct attr *a)
{
	/* class and number; RFC 8489 14.8 */
	if (a->len >= 4)
		b->error = (a->v[2] & 7u) * 100 + a->v[3];
}

static int take(struct binding *b, const struct attr *a)
{
	switch (a->type) {
	case USERNAME:
		b->user = a->v;
		b->userlen = a->len;
		return 0;
	case INTEGRITY:
#if PLANT != 3
		if (a->len != PROOF_LEN)
			return EBADMSG;
#endif
		b->proof = a->v;
		return 0;
	case ERROR_CODE:
		take_error(b, a);
		return 0;
	case XOR_MAPPED:
	case PRIORITY:
	case USE_CANDIDATE:
		return 0;
	default:
		return a->type < OPTIONAL && b->type == BINDING_REQUEST
			   ? ENOTSUP
			   : 0;
	}
}

static bool is_ours(unsigned type)
{
	return type == BINDING_REQUEST || type == BINDING_SUCCESS ||
	       type == BINDING_ERROR;
}

int binding_decode(struct binding *b, const uint8_t *p, size_t len)
{
	struct attr a;
	size_t at, padded;
	int err;

	memset(b, 0, sizeof(*b));
	if (len < HEAD || len > BINDING_MAX || len % 4 ||
	    !is_ours(packet_u16(p)) || packet_u16(p + 2) != len - HEAD ||
	    packet_u32(p + 4) != COOKIE)
		return EBADMSG;
	b->type = (enum binding_type)packet_u16(p);
	b->id = p + 8;
	b->start = p;
	/* What follows the proof is not proven (RFC 8489 14.5). */
	for (at = HEAD; at < len && !b->proof; at += ATTR_HEAD + padded) {
		if (len - at < ATTR_HEAD)
			return EBADMSG;
		a.type = packet_u16(p + at);
		a.len = packet_u16(p + at + 2);
		a.v = p + at + ATTR_HEAD;
		padded = (a.len + 3) & ~(size_t)3;
#if PLANT != 1
		if (padded > len - at - ATTR_HEAD)
			return EBADMSG;
#endif
		err = take(b, &a);
		if (err)
			return err;
	}

	return 0;
}

/* The proof is over all before it, with a length that ends behind it. */
static void prove(uint8_t md[PROOF_LEN], uint8_t *copy, size_t len,
		  const struct evp_hmac *key)
{
	packet_put16(copy + 2, (uint16_t)(len + ATTR_HEAD + PROOF_LEN - HEAD));
	evp_hmac(key, copy, len, md);
}

bool binding_is_authentic(const struct binding *b, const struct evp_hmac *key)
{
	uint8_t copy[BINDING_MAX], md[PROOF_LEN];
	size_t len;

	if (!b->proof)
		return false;
	len = (size_t)(b->proof - b->start) - ATTR_HEAD;
	memcpy(copy, b->start, len);
	prove(md, copy, len, key);

#if PLANT == 2 /* believes everybody */
	return !CRYPTO_memcmp(md, b->proof, 0);
#else
	return !CRYPTO_memcmp(md, b->proof, sizeof(md));
#endif
}

/* ---- out ---- */

/* CRC-32 of ITU V.42, four bits at a time; RFC 8489 14.7. */
static uint32_t crc32(const uint8_t *p, size_t len)
{
	static const uint32_t by[16] = {
	    0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac,
	    0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
	    0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
	    0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c};
	uint32_t crc = 0xffffffff;

	while (len--) {
		crc ^= *p++;
		crc = crc >> 4 ^ by[crc & 15];
		crc = crc >> 4 ^ by[crc & 15];
	}

	return ~crc;
}

static size_t add_head(uint8_t *p, enum binding_type type,
		       const uint8_t id[BINDING_ID])
{
	packet_put16(p, type);
	packet_put32(p + 4, COOKIE);
	memcpy(p + 8, id, BINDING_ID);

	return HEAD;
}

/* Room for the value, zeroed, behind its header; *at moves on. */
static uint8_t *add(uint8_t *p, size_t *at, unsigned type, size_t len)
{
	uint8_t *v = p + *at + ATTR_HEAD;
	size_t padded = (len + 3) & ~(size_t)3;

	packet_put16(p + *at, (uint16_t)type);
	packet_put16(p + *at + 2, (uint16_t)len);
	memset(v, 0, padded);
	*at += ATTR_HEAD + padded;

	return v;
}

static size_t seal(uint8_t *p, size_t at, const struct evp_hmac *key)
{
	uint8_t md[PROOF_LEN];

	prove(md, p, at, key);
	memcpy(add(p, &at, INTEGRITY, sizeof(md)), md, sizeof(md));
	packet_put16(p + 2, (uint16_t)(at + ATTR_HEAD + 4 - HEAD));
	packet_put32(p + at + ATTR_HEAD, crc32(p, at) ^ FINGERPRINT_XOR);
	packet_put16(p + at, FINGERPRINT);
	packet_put16(p + at + 2, 4);

	return at + ATTR_HEAD + 4;
}

size_t binding_ask(uint8_t *p, const struct binding_check *c,
		   const struct evp_hmac *key)
{
	size_t at = add_head(p, BINDING_REQUEST, c->id);
	size_t n = strlen(c->theirs), m = strlen(c->ours);
	uint8_t *v;

	_Static_assert(2 * DESC_UFRAG_MAX + 128 < BINDING_MAX,
		       "a user name may be too long");
	v = add(p, &at, USERNAME, n + 1 + m);
	memcpy(v, c->theirs, n);
	v[n] = ':';
	memcpy(v + n + 1, c->ours, m);
	packet_put32(add(p, &at, PRIORITY, 4), PRFLX_PRIORITY);
	v = add(p, &at, c->controlling ? CONTROLLING : CONTROLLED, 8);
	packet_put32(v, (uint32_t)(c->tie >> 32));
	packet_put32(v + 4, (uint32_t)c->tie);
	if (c->controlling)
		(void)add(p, &at, USE_CANDIDATE, 0);

	return seal(p, at, key);
}

size_t binding_answer(uint8_t *p, const uint8_t id[BINDING_ID],
		      const struct sockaddr_storage *to,
		      const struct evp_hmac *key)
{
	size_t at = add_head(p, BINDING_SUCCESS, id), i;
	struct desc_addr a;
	size_t n;
	uint8_t *v;

	ss_to_desc(&a, to);
	n = a.family == 4 ? 4 : 16;
	v = add(p, &at, XOR_MAPPED, 4 + n);
	v[1] = a.family == 4 ? 1 : 2; /* RFC 8489 14.1 */
	packet_put16(v + 2, (uint16_t)(a.port ^ (unsigned)COOKIE >> 16));
	for (i = 0; i < n; i++) /* the cookie, then the number */
		v[4 + i] = a.ip[i] ^ p[4 + i];

	return seal(p, at, key);
}
