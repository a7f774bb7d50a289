/* sdp_value.c: candidates, keys, fingerprints, addresses, codecs; each with
 * its table of tests/data. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "sdp/desc.h"
#include "suite.h"

#define KEY30 "inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj"

static int candidate(struct candidate *c, const char *s)
{
	return candidate_decode(c, s, strlen(s));
}

static void candidate_same(const char *s, const char *want)
{
	struct candidate c;
	char buf[256];

	ck_assert_int_eq(candidate(&c, s), 0);
	ck_assert_int_eq(candidate_encode(buf, sizeof(buf), &c), 0);
	ck_assert_str_eq(buf, want ? want : s);
	ck_assert_int_eq(candidate_encode(buf, strlen(buf), &c), E2BIG);
}

START_TEST(candidates)
{
	struct candidate c;

	candidate_same("1 1 UDP 2130706431 203.0.113.7 41000 typ host", NULL);
	candidate_same("candidate:1 1 udp 1 203.0.113.7 41000 typ HOST foo x",
		       "1 1 UDP 1 203.0.113.7 41000 typ host");
	candidate_same("a+/ 2 UDP 4294967295 2001:db8::1 5 typ srflx raddr "
		       "10.0.0.1 rport 6 generation 3",
		       NULL);
	candidate_same("1 1 UDP 1 192.0.2.1 5 typ relay raddr 0.0.0.0 rport 9",
		       NULL);
	candidate_same("1 1 UDP 1 192.0.2.1 5 typ prflx raddr x.local rport 4",
		       "1 1 UDP 1 192.0.2.1 5 typ prflx raddr 0.0.0.0 rport "
		       "9");
	ck_assert_int_eq(
	    candidate(&c, "1 1 TCP 1 192.0.2.1 9 typ host tcptype active"), 0);
	ck_assert(c.tcp);
	ck_assert_int_eq(
	    candidate(&c, "1 1 UDP 99999999999 192.0.2.1 9 typ host"), 0);
	ck_assert_uint_eq(c.priority, UINT32_MAX);
	ck_assert_str_eq(c.id, "");
}
END_TEST

START_TEST(candidates_unsupported)
{
	static const char *const v[] = {
	    "1 1 UDP 1 0a1b-2c.local 5 typ host",
	    "1 1 SCTP 1 192.0.2.1 5 typ host",
	    "1 256 UDP 1 192.0.2.1 5 typ host",
	    "1 1 UDP 1 192.0.2.1 5 typ magic",
	};
	struct candidate c;

	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++)
		ck_assert_int_eq(candidate(&c, v[i]), ENOTSUP);
}
END_TEST

START_TEST(candidates_malformed)
{
	static const char *const v[] = {
	    "",
	    "1",
	    "candidate:",
	    "\xff 1 UDP 1 192.0.2.1 5 typ host",
	    "12345678901234567890123456789012x 1 UDP 1 1.2.3.4 5 typ host",
	    "1 0 UDP 1 192.0.2.1 5 typ host",
	    "1 257 UDP 1 192.0.2.1 5 typ host",
	    "1 x UDP 1 192.0.2.1 5 typ host",
	    "1 1 UDP -1 192.0.2.1 5 typ host",
	    "1 1 UDP 1 192.0.2.1 65536 typ host",
	    "1 1 UDP 1 192.0.2.1 5 tip host",
	    "1 1 UDP 1 192.0.2.1 5 typ",
	    "1 1 UDP 1 192.0.2.1 5 typ host generation",
	    "1 1 UDP 1 192.0.2.1 5 typ host generation x",
	};
	struct candidate c;

	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++)
		ck_assert_msg(candidate(&c, v[i]) == EBADMSG, "%s", v[i]);
	ck_assert_int_eq(candidate_decode(&c, NULL, 0), EINVAL);
	memset(&c, 0, sizeof(c));
	ck_assert_int_eq(candidate_encode((char[8]){0}, 8, &c), EINVAL);
}
END_TEST

static int crypto(struct crypto *c, const char *s)
{
	return crypto_decode(c, s, strlen(s));
}

START_TEST(cryptos)
{
	struct crypto c, again;
	char buf[128];

	/* RFC 4568 9.1 writes keys so; first and last byte of this one */
	ck_assert_int_eq(
	    crypto(&c, "1 AES_CM_128_HMAC_SHA1_80 " KEY30 "|2^20 WSH=64 -X"),
	    0);
	ck_assert_uint_eq(c.tag, 1);
	ck_assert_int_eq(c.suite, SUITE_CM128_SHA1_80);
	ck_assert_uint_eq(c.keylen, 30);
	ck_assert_uint_eq(c.key[0], 'w');
	ck_assert_uint_eq(c.key[29], '#');
	ck_assert_int_eq(crypto_encode(buf, sizeof(buf), &c), 0);
	ck_assert_str_eq(buf, "1 AES_CM_128_HMAC_SHA1_80 " KEY30);
	ck_assert_int_eq(crypto_encode(buf, 20, &c), E2BIG);
	/* 28 and 44 bytes need padding, which may be left out */
	for (unsigned suite = 1; suite <= SUITE_CM128_SHA1_32; suite++) {
		memset(&c, 0xa5, sizeof(c));
		c.tag = 999999999;
		c.suite = (enum crypto_suite)suite;
		c.keylen = (uint8_t)crypto_suite_keylen(c.suite);
		ck_assert_int_eq(crypto_encode(buf, sizeof(buf), &c), 0);
		ck_assert_int_eq(crypto(&again, buf), 0);
		ck_assert_int_eq(again.suite, c.suite);
		ck_assert_mem_eq(again.key, c.key, c.keylen);
		while (buf[strlen(buf) - 1] == '=')
			buf[strlen(buf) - 1] = '\0';
		ck_assert_int_eq(crypto(&again, buf), 0);
		ck_assert_mem_eq(again.key, c.key, c.keylen);
	}
}
END_TEST

START_TEST(cryptos_refused)
{
	static const struct {
		const char *text;
		int err;
	} v[] = {
	    {"1 F8_128_HMAC_SHA1_80 " KEY30, ENOTSUP},
	    {"1 AES_CM_128_HMAC_SHA1_80 " KEY30 "|2^20|1:4", ENOTSUP},
	    {"1 AES_CM_128_HMAC_SHA1_80 " KEY30 "|1:4", ENOTSUP},
	    {"1 AES_CM_128_HMAC_SHA1_80 " KEY30 ";" KEY30, ENOTSUP},
	    {"1 AES_CM_128_HMAC_SHA1_80 " KEY30 " UNENCRYPTED_SRTP", ENOTSUP},
	    {"1 AES_CM_128_HMAC_SHA1_80 " KEY30 " KDR=1", ENOTSUP},
	    {"1 AES_CM_128_HMAC_SHA1_80 " KEY30 "|3^4", EBADMSG},
	    {"1 AES_CM_128_HMAC_SHA1_80 " KEY30 "AAAA", EBADMSG},
	    {"1 AES_CM_128_HMAC_SHA1_80 inline:d0Rm", EBADMSG},
	    {"1 AES_CM_128_HMAC_SHA1_80 inline:", EBADMSG},
	    {"1 AES_CM_128_HMAC_SHA1_80 inline:%%%%", EBADMSG},
	    {"1 AES_CM_128_HMAC_SHA1_80 uri:x", EBADMSG},
	    {"1 AES_CM_128_HMAC_SHA1_80", EBADMSG},
	    {"x AES_CM_128_HMAC_SHA1_80 " KEY30, EBADMSG},
	    {"1", EBADMSG},
	    {"", EBADMSG},
	};
	struct crypto c = {0};
	char buf[128];

	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++)
		ck_assert_msg(crypto(&c, v[i].text) == v[i].err, "%s",
			      v[i].text);
	ck_assert_int_eq(crypto_encode(buf, sizeof(buf), &c), EINVAL);
}
END_TEST

static FILE *data_open(const char *name)
{
	FILE *f = fopen(name, "r");

	ck_assert_msg(f != NULL, "run from the top of the tree: %s", name);
	return f;
}

START_TEST(suites_table)
{
	FILE *f = data_open("tests/data/sdp_suites.txt");
	unsigned keylen, rows = 0;
	char line[256], name[64];

	while (fgets(line, sizeof(line), f)) {
		enum crypto_suite suite;

		if (line[0] == '#')
			continue;
		ck_assert_int_eq(sscanf(line, "%63s %u", name, &keylen), 2);
		suite = crypto_suite_find(name, strlen(name));
		ck_assert_int_ne(suite, SUITE_NONE);
		ck_assert_str_eq(crypto_suite_name(suite), name);
		ck_assert_uint_eq(crypto_suite_keylen(suite), keylen);
		rows++;
	}
	ck_assert_uint_eq(rows, SUITE_CM128_SHA1_32);
	ck_assert_str_eq(crypto_suite_name(SUITE_NONE), "");
	ck_assert_uint_eq(crypto_suite_keylen((enum crypto_suite)99), 0);
	(void)fclose(f);
}
END_TEST

START_TEST(static_table)
{
	FILE *f = data_open("tests/data/sdp_static.txt");
	bool seen[256] = {false};
	char line[256], name[64];
	unsigned pt, want_clock, want_ch;

	while (fgets(line, sizeof(line), f)) {
		const char *n;
		uint32_t clock;
		unsigned ch;

		if (line[0] == '#')
			continue;
		ck_assert_int_eq(sscanf(line, "%u %63s %u %u", &pt, name,
					&want_clock, &want_ch),
				 4);
		ck_assert(codec_static(pt, &n, &clock, &ch));
		ck_assert_str_eq(n, name);
		ck_assert_uint_eq(clock, want_clock);
		ck_assert_uint_eq(ch, want_ch);
		seen[pt] = true;
	}
	for (pt = 0; pt < 256; pt++)
		ck_assert(codec_static(pt, NULL, NULL, NULL) == seen[pt]);
	(void)fclose(f);
}
END_TEST

static int fingerprint(struct fingerprint *fp, const char *hash,
		       const char *value)
{
	return fingerprint_decode(fp, hash, strlen(hash), value,
				  strlen(value));
}

START_TEST(fingerprints)
{
	static const char sha1[] =
	    "4A:AD:B9:B1:3F:82:18:3B:54:02:12:DF:3E:5D:49:6B:19:E5:7C:AB";
	struct fingerprint fp;
	char buf[256];

	ck_assert_int_eq(fingerprint(&fp, "SHA-1", sha1), 0);
	ck_assert_int_eq(fp.hash, HASH_SHA1);
	ck_assert_uint_eq(fp.md[19], 0xab);
	ck_assert_int_eq(fingerprint_encode(buf, sizeof(buf), &fp), 0);
	ck_assert_str_eq(buf, sha1);
	ck_assert_int_eq(fingerprint_encode(buf, strlen(sha1), &fp), E2BIG);
	ck_assert_int_eq(fingerprint(&fp, " sha-1 ",
				     " 4a:ad:b9:b1:3f:82:18:3b"
				     ":54:02:12:df:3e:5d:49:6b"
				     ":19:e5:7c:ab "),
			 0);
	ck_assert_int_eq(fingerprint(&fp, "sha-256", sha1), EBADMSG);
	ck_assert_int_eq(fingerprint(&fp, "sha-1", "4A:AD"), EBADMSG);
	ck_assert_int_eq(fingerprint(&fp, "sha-1", "4AADB9"), EBADMSG);
	ck_assert_int_eq(fingerprint(&fp, "sha-1", "4G:AD"), EBADMSG);
	ck_assert_int_eq(fingerprint(&fp, "sha-1", ""), EBADMSG);
	ck_assert_int_eq(fingerprint(&fp, "", sha1), EBADMSG);
	ck_assert_int_eq(fingerprint(&fp, "md5", "00"), 0);
	ck_assert_int_eq(fp.hash, HASH_OTHER);
	ck_assert_int_eq(fingerprint_encode(buf, sizeof(buf), &fp), EINVAL);
	ck_assert_str_eq(fingerprint_hash_name(HASH_SHA256), "sha-256");
	ck_assert_str_eq(fingerprint_hash_name(HASH_SHA384), "sha-384");
	ck_assert_str_eq(fingerprint_hash_name(HASH_SHA512), "sha-512");
	ck_assert_str_eq(fingerprint_hash_name(HASH_OTHER), "");
}
END_TEST

/* RFC 8122 5: as many bytes as the hash has, not one more or less. */
START_TEST(fingerprint_lengths)
{
	static const struct {
		const char *name;
		size_t len;
	} v[] = {
	    {"sha-1", 20}, {"sha-256", 32}, {"sha-384", 48}, {"sha-512", 64}};
	struct fingerprint fp;
	char text[256] = "", buf[256];

	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		while ((strlen(text) + 1) / 3 < v[i].len - 1)
			(void)strcat(text, text[0] ? ":5A" : "5A");
		ck_assert_int_eq(fingerprint(&fp, v[i].name, text), EBADMSG);
		(void)strcat(text, ":A5");
		ck_assert_int_eq(fingerprint(&fp, v[i].name, text), 0);
		ck_assert_uint_eq(fp.len, v[i].len);
		ck_assert_int_eq(fingerprint_encode(buf, sizeof(buf), &fp), 0);
		ck_assert_str_eq(buf, text);
		(void)strcat(text, ":A5");
		ck_assert_int_eq(fingerprint(&fp, v[i].name, text), EBADMSG);
	}
}
END_TEST

START_TEST(addresses)
{
	struct desc_addr a = {.port = 7}, b = {0};
	char buf[64];

	ck_assert_int_eq(desc_addr_decode(&a, "192.0.2.1", 9), 0);
	ck_assert_uint_eq(a.family, 4);
	ck_assert_uint_eq(a.port, 7);
	ck_assert_int_eq(desc_addr_decode(&b, "192.0.2.1", 9), 0);
	ck_assert(!desc_addr_equal(&a, &b));
	b.port = 7;
	ck_assert(desc_addr_equal(&a, &b));
	ck_assert_int_eq(desc_addr_encode(buf, sizeof(buf), &a), 0);
	ck_assert_str_eq(buf, "192.0.2.1");
	ck_assert_int_eq(desc_addr_encode(buf, 4, &a), E2BIG);
	ck_assert_int_eq(desc_addr_decode(&a, "2001:db8::1", 11), 0);
	ck_assert_uint_eq(a.family, 6);
	ck_assert_int_eq(desc_addr_encode(buf, sizeof(buf), &a), 0);
	ck_assert_str_eq(buf, "2001:db8::1");
	ck_assert_int_eq(desc_addr_decode(&a, "x.local", 7), EBADMSG);
	ck_assert_int_eq(desc_addr_decode(&a, "", 0), EBADMSG);
	ck_assert_int_eq(desc_addr_decode(&a, "1.2.3.4\0x", 9), EBADMSG);
	ck_assert_int_eq(desc_addr_decode(&a, "fe80::1%eth0", 12), EBADMSG);
	a.family = 0;
	ck_assert_int_eq(desc_addr_encode(buf, sizeof(buf), &a), EINVAL);
}
END_TEST

static void fmtp_same(const char *text, const char *want)
{
	struct param *list = NULL;
	struct desc *d;
	char buf[256];

	ck_assert_int_eq(desc_alloc(&d), 0);
	ck_assert_int_eq(fmtp_decode(d, &list, text, strlen(text)), 0);
	ck_assert_int_eq(fmtp_encode(buf, sizeof(buf), list), 0);
	ck_assert_str_eq(buf, want);
	if (buf[0])
		ck_assert_int_eq(fmtp_encode(buf, strlen(want), list), E2BIG);
	desc_free(d);
}

START_TEST(fmtps)
{
	fmtp_same("minptime=10;useinbandfec=1", "minptime=10; useinbandfec=1");
	fmtp_same(" a = 1 ;; b= ; =x; c", "a=1; b=; c");
	fmtp_same("0-15,66", "0-15,66");
	fmtp_same("0/103", "0/103");
	fmtp_same("sprop-parameter-sets=Z0I=,aM4=",
		  "sprop-parameter-sets=Z0I=,aM4=");
	fmtp_same("", "");
}
END_TEST

static struct codec *codec(struct desc *d, struct desc_media *m, unsigned pt,
			   const char *name, uint32_t clock, const char *fmtp)
{
	struct codec *c;

	ck_assert_int_eq(desc_codec_add(&c, d, m, pt, name, clock, 1), 0);
	ck_assert_int_eq(fmtp_decode(d, &c->params, fmtp, strlen(fmtp)), 0);
	return c;
}

START_TEST(matching)
{
	struct codec *a, *b, *c, *e, *ev;
	struct desc_media *m;
	struct desc *d;

	ck_assert_int_eq(desc_alloc(&d), 0);
	ck_assert_int_eq(desc_media_add(&m, d, DESC_VIDEO, "0"), 0);
	a = codec(d, m, 96, "H264", 90000,
		  "profile-level-id=42e01f;packetization-mode=1");
	b = codec(d, m, 97, "h264", 90000,
		  "Packetization-Mode=1;profile-level-id=42E034");
	c = codec(d, m, 98, "H264", 90000, "profile-level-id=42e01f");
	e = codec(d, m, 99, "H264", 90000, "profile-level-id=42000A");
	ev = codec(d, m, 100, "Telephone-Event", 8000, "0-15");
	ck_assert(codec_match(a, b));
	ck_assert(!codec_match(a, c));
	ck_assert(!codec_match(c, e));
	e->params = NULL;
	ck_assert(codec_match(e, e));
	ck_assert_ptr_eq(codec_find(m->codecs, b), a);
	ck_assert_ptr_eq(codec_find_pt(m->codecs, 98), c);
	ck_assert_ptr_null(codec_find_pt(m->codecs, 1));
	ck_assert_ptr_eq(codec_find_name(m->codecs, "telephone-event", 8000),
			 ev);
	ck_assert_ptr_null(
	    codec_find_name(m->codecs, "telephone-event", 48000));
	ck_assert(codec_is_event(ev) && !codec_is_primary(ev));
	ck_assert(codec_is_primary(a) && !codec_is_event(a));
	ck_assert(!codec_is_primary(codec(d, m, 13, "cn", 8000, "")));
	ck_assert(!codec_is_primary(codec(d, m, 14, "RTX", 90000, "apt=96")));
	ck_assert_int_eq(desc_codec_add(NULL, d, m, 128, "x", 1, 1), EINVAL);
	ck_assert_int_eq(desc_codec_copy(&c, d, m, a, 101), 0);
	ck_assert_str_eq(param_find(c->params, "PROFILE-level-id"), "42e01f");
	desc_free(d);
}
END_TEST

START_TEST(arena)
{
	struct desc *d;
	char *p;

	ck_assert_int_eq(desc_alloc(&d), 0);
	ck_assert_ptr_null(desc_mem(d, (1 << 20) + 1));
	ck_assert_ptr_null(desc_mem(d, SIZE_MAX));
	for (unsigned i = 0; i < 16; i++) {
		p = desc_mem(d, 1 << 16);
		ck_assert_ptr_nonnull(p);
		ck_assert(p[0] == 0 && p[(1 << 16) - 1] == 0);
	}
	ck_assert_ptr_null(desc_mem(d, 1));
	ck_assert_ptr_null(desc_str(d, "x"));
	ck_assert_ptr_null(desc_str(d, NULL));
	desc_free(d);
	desc_free(NULL);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("values");

	tcase_add_test(tc, candidates);
	tcase_add_test(tc, candidates_unsupported);
	tcase_add_test(tc, candidates_malformed);
	tcase_add_test(tc, cryptos);
	tcase_add_test(tc, cryptos_refused);
	tcase_add_test(tc, suites_table);
	tcase_add_test(tc, static_table);
	tcase_add_test(tc, fingerprints);
	tcase_add_test(tc, fingerprint_lengths);
	tcase_add_test(tc, addresses);
	tcase_add_test(tc, fmtps);
	tcase_add_test(tc, matching);
	tcase_add_test(tc, arena);

	return suite_run("sdp values", tc);
}
