/* media_dtls.c: associations back to back in memory, with loss. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "media/assoc.c"
#include "media/packet.h"
#include "suite.h"

enum { QUEUE = 64, SIZE = 1600 };

struct end { /* what this end has sent, for the other */
	struct assoc *a;
	uint8_t p[QUEUE][SIZE];
	size_t len[QUEUE];
	unsigned n, read, sent;
	unsigned drop; /* a bit mask of datagrams that get lost */
};

static struct identity *id_a, *id_b;
static struct end a, b;

static void on_send(void *arg, const uint8_t *p, size_t len)
{
	struct end *e = arg;

	ck_assert_uint_le(len, 1200);
	ck_assert_int_eq(packet_kind(p, len), PACKET_DTLS);
	if (e->sent < 32 && e->drop >> e->sent++ & 1)
		return;
	ck_assert_uint_lt(e->n, QUEUE);
	memcpy(e->p[e->n], p, len);
	e->len[e->n++] = len;
}

static void start(void)
{
	memset(&a, 0, sizeof(a));
	memset(&b, 0, sizeof(b));
	ck_assert_int_eq(identity_alloc(&id_a), 0);
	ck_assert_int_eq(identity_alloc(&id_b), 0);
	ck_assert_int_eq(assoc_alloc(&a.a, id_a, true, on_send, &a), 0);
	ck_assert_int_eq(assoc_alloc(&b.a, id_b, false, on_send, &b), 0);
}

static void stop(void)
{
	assoc_free(a.a);
	assoc_free(b.a);
	identity_free(id_a);
	identity_free(id_b);
}

static enum assoc_result deliver(struct end *from, struct end *to,
				 enum assoc_result old)
{
	for (; from->read < from->n; from->read++)
		old = assoc_input(to->a, from->p[from->read],
				  from->len[from->read]);

	return old;
}

static void shake(void)
{
	enum assoc_result ra, rb = ASSOC_AGAIN;
	unsigned i;

	ra = assoc_input(a.a, NULL, 0);
	if (a.sent == 1) /* else that took longer, and it was sent again */
		ck_assert_uint_le(assoc_wait(a.a), 50000);
	for (i = 0; i < 400 && (ra != ASSOC_DONE || rb != ASSOC_DONE); i++) {
		rb = deliver(&a, &b, rb);
		ra = deliver(&b, &a, ra);
		if (ra == ASSOC_DONE && rb == ASSOC_DONE)
			break;
		(void)usleep(10000);
		if (!assoc_wait(a.a))
			(void)assoc_timeout(a.a);
		if (!assoc_wait(b.a))
			(void)assoc_timeout(b.a);
	}
	ck_assert_int_eq(ra, ASSOC_DONE);
	ck_assert_int_eq(rb, ASSOC_DONE);
}

static enum crypto_suite suite_is = SUITE_AEAD_AES_128_GCM;

static void check_keys(void)
{
	uint32_t buf[256] = {0};
	uint8_t *p = (uint8_t *)buf;
	struct crypt *ca, *cb;
	size_t len = 100;

	ck_assert_int_eq(assoc_keys(a.a, &ca), 0);
	ck_assert_int_eq(assoc_keys(b.a, &cb), 0);
	ck_assert_int_eq(crypt_suite(ca), suite_is);
	p[0] = 0x80;
	ck_assert_int_eq(crypt_protect(ca, p, &len, false), 0);
	ck_assert_int_eq(crypt_unprotect(cb, p, &len, false), 0);
	ck_assert_int_eq(crypt_protect(cb, p, &len, false), 0);
	ck_assert_int_eq(crypt_unprotect(ca, p, &len, false), 0);
	ck_assert_uint_eq(len, 100);
	crypt_free(ca);
	crypt_free(cb);
}

START_TEST(test_shake)
{
	start();
	shake();
	check_keys();
	stop();
}
END_TEST

/* Each datagram of the first ten lost once, on either side; the last flight
 * of the server among them. */
START_TEST(test_loss)
{
	start();
	a.drop = _i < 5 ? 1u << _i : 0;
	b.drop = _i < 5 ? 0 : 1u << (_i - 5);
	shake();
	check_keys();
	stop();
}
END_TEST

/* The server lets go of nearly all when it is done.  Its last flight is lost
 * three times: the client repeats its own, and the third repetition arrives. */
START_TEST(test_settled)
{
	uint8_t junk[64] = {22, 0xfe, 0xfd, 0, 0, [12] = 51};
	enum assoc_result ra = ASSOC_AGAIN, rb = ASSOC_AGAIN;
	struct crypt *ca, *cb = NULL;
	unsigned i, n;

	start();
	ra = assoc_input(a.a, NULL, 0);
	for (i = 0; i < 400 && ra != ASSOC_DONE; i++) {
		rb = deliver(&a, &b, rb);
		if (rb == ASSOC_DONE && !cb) {
			ck_assert_int_eq(assoc_keys(b.a, &cb), 0);
			ck_assert(assoc_settle(b.a));
			ck_assert_ptr_null(b.a->ssl);
			ck_assert_uint_eq(assoc_wait(b.a), UINT64_MAX);
			ck_assert_int_eq(assoc_timeout(b.a), ASSOC_DONE);
		}
		if (cb && b.a->repeats < 3)
			b.read = b.n;
		ra = deliver(&b, &a, ra);
		(void)usleep(10000);
		if (!assoc_wait(a.a))
			(void)assoc_timeout(a.a);
	}
	ck_assert_int_eq(ra, ASSOC_DONE);
	ck_assert_uint_eq(b.a->repeats, 3);
	ck_assert(!assoc_settle(a.a));
	ck_assert_int_eq(assoc_keys(a.a, &ca), 0);
	crypt_free(ca);
	crypt_free(cb);

	/* Neither junk nor a flood of the right kind is answered for ever. */
	n = b.n = b.read = 0;
	(void)assoc_input(b.a, junk, sizeof(junk));
	(void)assoc_input(b.a, junk, 5);
	(void)assoc_input(b.a, NULL, 0);
	junk[4] = 1;
	(void)assoc_input(b.a, junk, sizeof(junk) - 1);
	ck_assert_uint_eq(b.n, 0);
	for (i = 0; i < 100; i++) {
		(void)assoc_input(b.a, junk, sizeof(junk));
		n += b.n;
		b.n = 0;
	}
	ck_assert_uint_ge(n, 13);
	ck_assert_uint_le(n, 32);
	stop();
}
END_TEST

static unsigned patient(SSL *ssl, unsigned us)
{
	(void)ssl;
	(void)us;

	return 10 * 1000 * 1000;
}

/* The client answers when the server is just about to repeat its flight, which
 * OpenSSL then does before it reads the answer. */
START_TEST(test_settled_late)
{
	enum assoc_result ra, rb;

	start();
	DTLS_set_timer_cb(a.a->ssl, patient);
	ra = assoc_input(a.a, NULL, 0);
	rb = deliver(&a, &b, ASSOC_AGAIN);
	ra = deliver(&b, &a, ra);
	ck_assert_uint_eq(a.n - a.read, 1); /* all of it in one datagram */
	(void)usleep(60000);		    /* the first timeout is 50 ms */
	rb = deliver(&a, &b, rb);
	ck_assert_int_eq(rb, ASSOC_DONE);
	ck_assert(b.n - b.read > 1); /* it did repeat it */
	ck_assert(assoc_settle(b.a));
	ck_assert_uint_le(b.a->flightlen, 100);
	/* what was kept is enough for a client that lost all of that */
	b.read = b.n;
	a.read = a.n - 1;
	(void)deliver(&a, &b, rb);
	ck_assert_uint_gt(b.a->repeats, 0);
	ck_assert_int_eq(deliver(&b, &a, ra), ASSOC_DONE);
	stop();
}
END_TEST

/* RFC 5764 4.2: how the keys lie in what is exported, and how long they are:
 * RFC 5764 4.1.2, RFC 7714 14.2.  Someone else who reads it so understands. */
START_TEST(test_exported)
{
	static const struct {
		const char *name;
		enum crypto_suite suite;
		size_t key, salt;
	} v[] = {
	    {"SRTP_AEAD_AES_128_GCM", SUITE_AEAD_AES_128_GCM, 16, 12},
	    {"SRTP_AEAD_AES_256_GCM", SUITE_AEAD_AES_256_GCM, 32, 12},
	    {"SRTP_AES128_CM_SHA1_80", SUITE_CM128_SHA1_80, 16, 14},
	};
	static const char label[] = "EXTRACTOR-dtls_srtp";
	const size_t k = v[_i].key, l = v[_i].salt;
	uint8_t all[128], client[64], server[64];
	uint32_t buf[256] = {0};
	uint8_t *p = (uint8_t *)buf;
	struct crypt *ours, *theirs;
	size_t len = 100;

	p[0] = 0x80;
	start();
	ck_assert_int_eq(SSL_set_tlsext_use_srtp(a.a->ssl, v[_i].name), 0);
	shake();
	ck_assert_int_eq(SSL_export_keying_material(b.a->ssl, all, 2 * (k + l),
						    label, sizeof(label) - 1,
						    NULL, 0, 0),
			 1);
	memcpy(client, all, k);
	memcpy(client + k, all + 2 * k, l);
	memcpy(server, all + k, k);
	memcpy(server + k, all + 2 * k + l, l);
	ck_assert_int_eq(
	    crypt_alloc(&theirs, v[_i].suite, server, v[_i].suite, client), 0);
	ck_assert_int_eq(assoc_keys(a.a, &ours), 0);
	ck_assert_int_eq(crypt_suite(ours), v[_i].suite);
	ck_assert_int_eq(crypt_protect(ours, p, &len, false), 0);
	ck_assert_int_eq(crypt_unprotect(theirs, p, &len, false), 0);
	ck_assert_uint_eq(len, 100);
	ck_assert_int_eq(crypt_protect(theirs, p, &len, false), 0);
	ck_assert_int_eq(crypt_unprotect(ours, p, &len, false), 0);
	ck_assert_uint_eq(len, 100);
	crypt_free(ours);
	crypt_free(theirs);
	stop();
}
END_TEST

/* A client that knows no other profile (Dino). */
START_TEST(test_cm80_only)
{
	start();
	ck_assert_int_eq(SSL_set_tlsext_use_srtp(_i ? a.a->ssl : b.a->ssl,
						 "SRTP_AES128_CM_SHA1_80"),
			 0);
	shake();
	suite_is = SUITE_CM128_SHA1_80;
	check_keys();
	stop();
}
END_TEST

START_TEST(test_fingerprint)
{
	struct fingerprint fp;
	unsigned i;

	start();
	shake();
	fp = *identity_fingerprint(id_b);
	ck_assert_int_eq(fp.hash, HASH_SHA256);
	ck_assert_uint_eq(fp.len, 32);
	ck_assert_int_eq(assoc_verify(a.a, &fp), 0);
	ck_assert_int_eq(assoc_verify(b.a, identity_fingerprint(id_a)), 0);
	ck_assert_int_eq(assoc_verify(a.a, identity_fingerprint(id_a)),
			 EACCES);
	for (i = 0; i < 32; i++) {
		fp.md[i] ^= 0x80;
		ck_assert_int_eq(assoc_verify(a.a, &fp), EACCES);
		fp.md[i] ^= 0x80;
	}
	fp.len = 31;
	ck_assert_int_eq(assoc_verify(a.a, &fp), EACCES);
	fp.len = 0;
	ck_assert_int_eq(assoc_verify(a.a, &fp), EACCES);
	fp.len = 20;
	fp.hash = HASH_SHA1;
	ck_assert_int_eq(assoc_verify(a.a, &fp), EACCES);
	fp.hash = HASH_OTHER;
	ck_assert_int_eq(assoc_verify(a.a, &fp), EACCES);
	stop();
}
END_TEST

/* Garbage breaks at most the association; nothing is leaked, no crash. */
START_TEST(test_garbage)
{
	uint8_t p[256];
	unsigned i, k;

	start();
	srand(1);
	for (i = 0; i < 2000; i++) {
		for (k = 0; k < sizeof(p); k++)
			p[k] = (uint8_t)rand();
		p[0] = (uint8_t)(20 + i % 5);
		p[1] = 0xfe;
		p[2] = 0xfd;
		p[11] = 0;
		(void)assoc_input(b.a, p, 13 + i % (sizeof(p) - 13));
	}
	stop();
	start();
	shake();
	(void)assoc_input(a.a, p, sizeof(p));
	(void)assoc_input(b.a, p, sizeof(p));
	check_keys();
	stop();
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("all");

	tcase_set_timeout(tc, 20);
	tcase_add_test(tc, test_shake);
	tcase_add_loop_test(tc, test_loss, 0, 10);
	tcase_add_test(tc, test_settled);
	tcase_add_test(tc, test_settled_late);
	tcase_add_loop_test(tc, test_exported, 0, 3);
	tcase_add_loop_test(tc, test_cm80_only, 0, 2);
	tcase_add_test(tc, test_fingerprint);
	tcase_add_test(tc, test_garbage);

	return suite_run("media_dtls", tc);
}
