/* fingerprint.c: a=fingerprint (RFC 8122 5). */
#include "sdp/desc.h"
#include "sdp/scan.h"
#include <errno.h>
#include <string.h>

static const struct {
	const char *name; /* RFC 8122 5, IANA hash function textual names */
	uint8_t len;	  /* bytes */
} hashes[] = {
    [HASH_SHA1] = {"sha-1", 20},
    [HASH_SHA256] = {"sha-256", 32},
    [HASH_SHA384] = {"sha-384", 48},
    [HASH_SHA512] = {"sha-512", 64},
};

enum { HASH_COUNT = sizeof(hashes) / sizeof(hashes[0]) };

const char *fingerprint_hash_name(enum fingerprint_hash hash)
{
	if ((unsigned)hash >= HASH_COUNT || !hashes[hash].name)
		return "";
	return hashes[hash].name;
}

static enum fingerprint_hash hash_find(struct scan name)
{
	for (unsigned i = HASH_SHA1; i < HASH_COUNT; i++) {
		if (scan_is_nocase(name, hashes[i].name))
			return (enum fingerprint_hash)i;
	}
	return HASH_OTHER;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

int fingerprint_decode(struct fingerprint *fp, const char *hash, size_t hl,
		       const char *value, size_t vl)
{
	struct scan name = scan_trim((struct scan){hash, hl});
	struct scan v = scan_trim((struct scan){value, vl});
	struct fingerprint out = {0};

	if (!fp || !hash || !value)
		return EINVAL;
	if (!name.len || !v.len)
		return EBADMSG;
	out.hash = hash_find(name);
	if (out.hash == HASH_OTHER) {
		*fp = out;
		return 0;
	}
	while (v.len) {
		struct scan byte = scan_until(&v, ':');
		int hi = byte.len == 2 ? hex_digit(byte.p[0]) : -1;
		int lo = byte.len == 2 ? hex_digit(byte.p[1]) : -1;

		if (hi < 0 || lo < 0 || out.len >= hashes[out.hash].len)
			return EBADMSG;
		out.md[out.len++] = (uint8_t)(hi << 4 | lo);
	}
	if (out.len != hashes[out.hash].len)
		return EBADMSG;
	*fp = out;
	return 0;
}

int fingerprint_encode(char *buf, size_t size, const struct fingerprint *fp)
{
	static const char hex[] = "0123456789ABCDEF";
	char *p = buf;

	if (!buf || !fp || !*fingerprint_hash_name(fp->hash) ||
	    fp->len != hashes[fp->hash].len)
		return EINVAL;
	if (size < 3u * fp->len)
		return E2BIG;
	for (unsigned i = 0; i < fp->len; i++) {
		*p++ = hex[fp->md[i] >> 4];
		*p++ = hex[fp->md[i] & 15];
		*p++ = ':';
	}
	p[-1] = '\0';
	return 0;
}
