/* crypto.c: a=crypto (RFC 4568; suites of RFC 4568 6.2 and RFC 7714 14.2). */
#include "sdp/desc.h"
#include "sdp/scan.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static const struct {
	const char *name;
	uint8_t keylen; /* key and salt, bytes */
} suites[] = {
    [SUITE_AEAD_AES_128_GCM] = {"AEAD_AES_128_GCM", 28},
    [SUITE_AEAD_AES_256_GCM] = {"AEAD_AES_256_GCM", 44},
    [SUITE_CM128_SHA1_80] = {"AES_CM_128_HMAC_SHA1_80", 30},
    [SUITE_CM128_SHA1_32] = {"AES_CM_128_HMAC_SHA1_32", 30},
};

enum {
	SUITE_COUNT = sizeof(suites) / sizeof(suites[0]),
	TAG_MAX = 999999999, /* 1*9DIGIT; RFC 4568 9.1 */
};

static const char base64[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

unsigned crypto_suite_keylen(enum crypto_suite suite)
{
	return (unsigned)suite < SUITE_COUNT ? suites[suite].keylen : 0;
}

const char *crypto_suite_name(enum crypto_suite suite)
{
	if ((unsigned)suite >= SUITE_COUNT || !suites[suite].name)
		return "";
	return suites[suite].name;
}

enum crypto_suite crypto_suite_find(const char *name, size_t len)
{
	struct scan s = {name, len};

	for (unsigned i = SUITE_NONE + 1; i < SUITE_COUNT; i++) {
		if (scan_is_nocase(s, suites[i].name))
			return (enum crypto_suite)i;
	}
	return SUITE_NONE;
}

/* Exactly len bytes; padding may be left out. */
static bool key_decode(uint8_t *key, size_t len, struct scan s)
{
	uint32_t bits = 0;
	unsigned have = 0;
	size_t n = 0;

	while (s.len && s.p[s.len - 1] == '=')
		s.len--;
	for (size_t i = 0; i < s.len; i++) {
		const char *at = s.p[i] ? strchr(base64, s.p[i]) : NULL;

		if (!at)
			return false;
		bits = (bits << 6 | (uint32_t)(at - base64)) & 0xffff;
		have += 6;
		if (have < 8)
			continue;
		if (n >= len)
			return false;
		have -= 8;
		key[n++] = (uint8_t)(bits >> have);
	}
	return n == len && have < 6;
}

/* "2^20" or "1048576": we rekey far below any limit, so only its form
 * counts. */
static bool is_lifetime(struct scan s)
{
	struct scan base = scan_until(&s, '^');
	uint32_t n;

	if (s.len)
		return scan_is(base, "2") && scan_u32(&n, s);
	return scan_u32(&n, base);
}

/* RFC 4568 6.1: inline:KEY[|LIFETIME][|MKI:LENGTH], several with ';'. */
static int params_decode(struct crypto *c, struct scan s)
{
	static const char prefix[] = "inline:";
	struct scan key, field;

	if (s.len < strlen(prefix) ||
	    strncasecmp(s.p, prefix, strlen(prefix)) != 0)
		return EBADMSG;
	s.p += strlen(prefix);
	s.len -= strlen(prefix);
	if (s.len && memchr(s.p, ';', s.len))
		return ENOTSUP; /* several keys need an MKI */
	key = scan_until(&s, '|');
	while (s.len) {
		field = scan_until(&s, '|');
		if (field.len && memchr(field.p, ':', field.len))
			return ENOTSUP; /* MKI */
		if (!is_lifetime(field))
			return EBADMSG;
	}
	return key_decode(c->key, c->keylen, key) ? 0 : EBADMSG;
}

/* RFC 4568 6.3: WSH is a hint, what begins with '-' may be ignored, the rest
 * changes what is on the wire. */
static int session_params_decode(struct scan s)
{
	struct scan w;

	for (w = scan_word(&s); w.len; w = scan_word(&s)) {
		if (w.p[0] != '-' &&
		    (w.len < 4 || strncasecmp(w.p, "WSH=", 4) != 0))
			return ENOTSUP;
	}
	return 0;
}

int crypto_decode(struct crypto *c, const char *s, size_t len)
{
	struct scan rest = {s, len}, name;
	struct crypto out = {0};
	uint64_t tag;
	int err;

	if (!c || !s)
		return EINVAL;
	if (!scan_number(&tag, scan_word(&rest), TAG_MAX))
		return EBADMSG;
	name = scan_word(&rest);
	if (!scan_is_token(name))
		return EBADMSG;
	out.tag = (unsigned)tag;
	out.suite = crypto_suite_find(name.p, name.len);
	if (out.suite == SUITE_NONE)
		return ENOTSUP;
	out.keylen = suites[out.suite].keylen;
	err = params_decode(&out, scan_word(&rest));
	if (!err)
		err = session_params_decode(rest);
	if (!err)
		*c = out;
	return err;
}

int crypto_encode(char *buf, size_t size, const struct crypto *c)
{
	char key[4 * ((sizeof(c->key) + 2) / 3) + 1];
	size_t n = 0;
	int len;

	if (!buf || !c || !c->keylen ||
	    c->keylen != crypto_suite_keylen(c->suite))
		return EINVAL;
	for (size_t i = 0; i < c->keylen; i += 3) {
		size_t left = c->keylen - i;
		uint32_t bits = (uint32_t)c->key[i] << 16;

		if (left > 1)
			bits |= (uint32_t)c->key[i + 1] << 8;
		if (left > 2)
			bits |= c->key[i + 2];
		key[n++] = base64[bits >> 18];
		key[n++] = base64[bits >> 12 & 63];
		key[n++] = left > 1 ? base64[bits >> 6 & 63] : '=';
		key[n++] = left > 2 ? base64[bits & 63] : '=';
	}
	key[n] = '\0';
	len = snprintf(buf, size, "%u %s inline:%s", c->tag,
		       suites[c->suite].name, key);
	return len < 0 || (size_t)len >= size ? E2BIG : 0;
}
