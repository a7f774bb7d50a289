/* media_srtp.c: our primitives inside libsrtp against its own, bit by bit,
 * both ways; wrap of the sequence number, replay, too many sources. */
#include <errno.h>
#include <signal.h>
#include <srtp2/srtp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "media/crypt.h"
#include "media/packet.h"
#include "suite.h"

enum { LEN = 172, MAX = 2048 };

struct frame {
	uint8_t rtcp, protect;
	uint16_t len;
	uint8_t p[MAX];
};

static const struct {
	enum crypto_suite suite;
	void (*rtp)(srtp_crypto_policy_t *p);
	void (*rtcp)(srtp_crypto_policy_t *p);
} suites[] = {
    {SUITE_AEAD_AES_128_GCM, srtp_crypto_policy_set_aes_gcm_128_16_auth,
     srtp_crypto_policy_set_aes_gcm_128_16_auth},
    {SUITE_AEAD_AES_256_GCM, srtp_crypto_policy_set_aes_gcm_256_16_auth,
     srtp_crypto_policy_set_aes_gcm_256_16_auth},
    {SUITE_CM128_SHA1_80, srtp_crypto_policy_set_rtp_default,
     srtp_crypto_policy_set_rtcp_default},
    {SUITE_CM128_SHA1_32, srtp_crypto_policy_set_aes_cm_128_hmac_sha1_32,
     srtp_crypto_policy_set_rtcp_default},
};

static uint8_t key[64];

/* The child has libsrtp as it is installed: its primitives never change. */
static void stock(int fd, unsigned n)
{
	srtp_policy_t po;
	srtp_t tx, rx;
	struct frame f;
	int len, bad;

	memset(&po, 0, sizeof(po));
	suites[n].rtp(&po.rtp);
	suites[n].rtcp(&po.rtcp);
	po.key = key;
	po.window_size = 1024;
	bad = srtp_init();
	po.ssrc.type = ssrc_any_outbound;
	bad |= srtp_create(&tx, &po);
	po.ssrc.type = ssrc_any_inbound;
	bad |= srtp_create(&rx, &po);
	while (!bad && recv(fd, &f, sizeof(f), 0) == sizeof(f)) {
		len = f.len;
		if (f.protect)
			bad = f.rtcp ? srtp_protect_rtcp(tx, f.p, &len)
				     : srtp_protect(tx, f.p, &len);
		else
			bad = f.rtcp ? srtp_unprotect_rtcp(rx, f.p, &len)
				     : srtp_unprotect(rx, f.p, &len);
		f.len = bad ? 0 : (uint16_t)len;
		if (send(fd, &f, sizeof(f), 0) < 0)
			break;
	}
	_exit(0);
}

static void ask(int fd, struct frame *f)
{
	ck_assert_int_eq(send(fd, f, sizeof(*f), 0), sizeof(*f));
	ck_assert_int_eq(recv(fd, f, sizeof(*f), 0), sizeof(*f));
	ck_assert_uint_gt(f->len, 0);
}

static size_t make(uint8_t *p, bool rtcp, uint16_t seq)
{
	struct packet pk = {.pt = 0, .seq = seq, .ts = seq * 160u};
	size_t i, len = rtcp ? 28 : LEN + seq % 5;

	memset(p, 0, len);
	pk.ssrc = 0xcafe;
	packet_write(p, &pk, false);
	if (rtcp) {
		p[1] = 200;
		packet_put16(p + 2, 6);
		packet_put32(p + 4, 0xcafe);
	}
	for (i = rtcp ? 8 : 12; i < len; i++)
		p[i] = (uint8_t)(i * 31 + seq);

	return len;
}

/* Every third packet is as long as blocks, and pieces of a key stream, end. */
static size_t stretch(uint8_t *p, size_t len, unsigned i)
{
	static const uint16_t sizes[] = {1,   15,  16,	17,   511,
					 512, 513, 528, 1024, 1460};
	size_t n = 12u + sizes[i / 3 % (sizeof(sizes) / sizeof(sizes[0]))];

	if (i % 3)
		return len;
	for (; len < n; len++)
		p[len] = (uint8_t)(len * 31 + i);

	return n;
}

START_TEST(test_same_bits)
{
	static uint32_t buf[MAX / 4];
	uint8_t plain[MAX], *p = (uint8_t *)buf;
	struct crypt *c;
	struct frame f = {0};
	size_t len, n;
	int sv[2];
	unsigned i;
	pid_t pid;

	for (i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)(i * 5 + 1);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sv), 0);
	pid = fork();
	if (!pid)
		stock(sv[1], (unsigned)_i);
	ck_assert_int_eq(
	    crypt_alloc(&c, suites[_i].suite, key, suites[_i].suite, key), 0);
	for (i = 0; i < 200; i++) {
		f.rtcp = i % 10 == 9;
		n = make(p, f.rtcp, (uint16_t)(65500 + i));
		if (!f.rtcp)
			n = stretch(p, n, i);
		len = n;
		memcpy(plain, p, n);
		memcpy(f.p, p, n);
		/* ours, and theirs of the same packet */
		ck_assert_int_eq(crypt_protect(c, p, &len, f.rtcp), 0);
		f.protect = 1;
		f.len = (uint16_t)n;
		ask(sv[0], &f);
		ck_assert_uint_eq(f.len, len);
		ck_assert_msg(!memcmp(f.p, p, len), "packet %u differs", i);
		/* theirs opened by us, ours by them */
		ck_assert_int_eq(crypt_unprotect(c, p, &len, f.rtcp), 0);
		ck_assert_uint_eq(len, n);
		ck_assert(!memcmp(p, plain, n));
		f.protect = 0;
		ask(sv[0], &f);
		ck_assert_uint_eq(f.len, n);
		ck_assert(!memcmp(f.p, plain, n));
	}
	crypt_free(c);
	(void)close(sv[0]);
	(void)close(sv[1]);
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
}
END_TEST

static void pair(struct crypt **a, struct crypt **b)
{
	uint8_t k1[30] = {1}, k2[30] = {2};

	ck_assert_int_eq(
	    crypt_alloc(a, SUITE_CM128_SHA1_80, k1, SUITE_CM128_SHA1_80, k2),
	    0);
	ck_assert_int_eq(
	    crypt_alloc(b, SUITE_CM128_SHA1_80, k2, SUITE_CM128_SHA1_80, k1),
	    0);
}

/* Three wraps of 2^16, every 7th packet lost: the rollover counter keeps. */
START_TEST(test_rollover)
{
	static uint32_t buf[MAX / 4];
	struct crypt *a, *b;
	size_t len, n;
	uint32_t i;

	pair(&a, &b);
	for (i = 65000; i < 65000 + 3 * 65536; i += 13) {
		n = len = make((uint8_t *)buf, false, (uint16_t)i);
		ck_assert_int_eq(crypt_protect(a, (uint8_t *)buf, &len, false),
				 0);
		if (i % 7 == 0)
			continue;
		ck_assert_int_eq(
		    crypt_unprotect(b, (uint8_t *)buf, &len, false), 0);
		ck_assert_uint_eq(len, n);
	}
	crypt_free(a);
	crypt_free(b);
}
END_TEST

START_TEST(test_replay_and_forgery)
{
	static uint32_t one[MAX / 4], two[MAX / 4], buf[MAX / 4];
	uint8_t *p = (uint8_t *)buf;
	struct crypt *a, *b;
	size_t len, late, n;
	unsigned i;

	pair(&a, &b);
	n = make((uint8_t *)one, false, 1000);
	ck_assert_int_eq(crypt_protect(a, (uint8_t *)one, &n, false), 0);
	/* a forged one teaches nothing */
	for (i = 0; i < 100; i++) {
		memcpy(buf, one, n);
		p[i % n] ^= (uint8_t)(1 + i);
		len = n;
		ck_assert_int_ne(crypt_unprotect(b, p, &len, false), 0);
	}
	memcpy(buf, one, n);
	len = n;
	ck_assert_int_eq(crypt_unprotect(b, p, &len, false), 0);
	memcpy(buf, one, n);
	len = n;
	ck_assert_int_eq(crypt_unprotect(b, p, &len, false), EALREADY);
	/* CRYPT_WINDOW late is in time, more is not */
	late = make((uint8_t *)two, false, 1010);
	ck_assert_int_eq(crypt_protect(a, (uint8_t *)two, &late, false), 0);
	len = make(p, false, 1000 + CRYPT_WINDOW + 5);
	ck_assert_int_eq(crypt_protect(a, p, &len, false), 0);
	ck_assert_int_eq(crypt_unprotect(b, p, &len, false), 0);
	ck_assert_int_eq(crypt_unprotect(b, (uint8_t *)two, &late, false), 0);
	memcpy(buf, one, n);
	len = n;
	ck_assert_int_eq(crypt_unprotect(b, p, &len, false), EALREADY);
	/* the same index is never sent twice */
	len = make(p, false, 1000 + CRYPT_WINDOW + 5);
	ck_assert_int_eq(crypt_protect(a, p, &len, false), EALREADY);
	crypt_free(a);
	crypt_free(b);
}
END_TEST

START_TEST(test_sources)
{
	static uint32_t buf[MAX / 4];
	uint8_t *p = (uint8_t *)buf;
	struct crypt *a, *b;
	size_t len;
	unsigned i;

	pair(&a, &b);
	for (i = 0; i < CRYPT_SOURCE_MAX + 3; i++) {
		len = make(p, false, 5);
		packet_put32(p + 8, 100 + i);
		ck_assert_int_eq(crypt_protect(a, p, &len, false), 0);
		ck_assert_int_eq(crypt_unprotect(b, p, &len, false),
				 i < CRYPT_SOURCE_MAX ? 0 : ENOSPC);
	}
	len = 7;
	ck_assert_int_eq(crypt_unprotect(b, p, &len, false), EPROTO);
	ck_assert_int_eq(crypt_alloc(&a, SUITE_NONE, p, SUITE_NONE, p),
			 EINVAL);
	crypt_free(a);
	crypt_free(b);
}
END_TEST

/* RFC 3711 8.2, RFC 7714 12: the master key and its salt, bytes. */
START_TEST(test_keylen)
{
	static const struct {
		enum crypto_suite suite;
		unsigned len;
	} v[] = {
	    {SUITE_AEAD_AES_128_GCM, 16 + 12},
	    {SUITE_AEAD_AES_256_GCM, 32 + 12},
	    {SUITE_CM128_SHA1_80, 16 + 14},
	    {SUITE_CM128_SHA1_32, 16 + 14},
	    {SUITE_NONE, 0},
	    {(enum crypto_suite)99, 0},
	};

	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++)
		ck_assert_uint_eq(crypt_keylen(v[i].suite), v[i].len);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("all");

	tcase_set_timeout(tc, 30);
	tcase_add_loop_test(tc, test_same_bits, 0, 4);
	tcase_add_test(tc, test_rollover);
	tcase_add_test(tc, test_replay_and_forgery);
	tcase_add_test(tc, test_sources);
	tcase_add_test(tc, test_keylen);

	return suite_run("media_srtp", tc);
}
