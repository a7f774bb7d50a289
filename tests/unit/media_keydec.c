/* media_keydec.c: handshakes with few decoders, and every peer there is. */
#include <openssl/decoder.h>
#include <string.h>
#include "media/assoc.c"
#include "suite.h"

enum { QUEUE = 64, SIZE = 1600 };

struct end { /* what this end has sent, for the other */
	struct assoc *a;
	struct identity *id;
	uint8_t p[QUEUE][SIZE];
	size_t len[QUEUE];
	unsigned n, read;
	enum assoc_result res;
};

static struct end us, peer;

static void on_send(void *arg, const uint8_t *p, size_t len)
{
	struct end *e = arg;

	ck_assert_uint_lt(e->n, QUEUE);
	memcpy(e->p[e->n], p, len);
	e->len[e->n++] = len;
}

static void deliver(struct end *from, struct end *to)
{
	for (; from->read < from->n; from->read++)
		to->res = assoc_input(to->a, from->p[from->read],
				      from->len[from->read]);
}

/* With OpenSSL as it comes. */
static struct identity *other(EVP_PKEY *key, const EVP_MD *md)
{
	struct identity *id = calloc(1, sizeof(*id));
	X509 *x = X509_new();
	unsigned n;

	ck_assert_ptr_nonnull(key);
	ck_assert(id && x);
	atomic_init(&id->refs, 1);
	ck_assert(X509_gmtime_adj(X509_getm_notBefore(x), -3600));
	ck_assert(X509_gmtime_adj(X509_getm_notAfter(x), 3600));
	ck_assert(X509_set_pubkey(x, key));
	ck_assert(X509_sign(x, key, md));
	id->ctx = SSL_CTX_new(DTLS_method());
	ck_assert_int_eq(init_ctx(id->ctx, x, key), 0);
	ck_assert_int_eq(bio_init(&id->bio), 0);
	id->fp.hash = HASH_SHA256;
	ck_assert(X509_digest(x, EVP_sha256(), id->fp.md, &n));
	id->fp.len = (uint8_t)n;
	X509_free(x);
	EVP_PKEY_free(key);

	return id;
}

/* Both ways: its keys and ours are the same. */
static void check(bool client)
{
	struct crypt *c, *d;

	memset(&us, 0, offsetof(struct end, id));
	us.n = us.read = peer.n = peer.read = 0;
	us.res = peer.res = ASSOC_AGAIN;
	ck_assert_int_eq(assoc_alloc(&us.a, us.id, client, on_send, &us), 0);
	ck_assert_int_eq(
	    assoc_alloc(&peer.a, peer.id, !client, on_send, &peer), 0);
	if (client)
		us.res = assoc_input(us.a, NULL, 0);
	else
		peer.res = assoc_input(peer.a, NULL, 0);
	while (us.read < us.n || peer.read < peer.n) {
		deliver(&us, &peer);
		deliver(&peer, &us);
	}
	ck_assert_int_eq(us.res, ASSOC_DONE);
	ck_assert_int_eq(peer.res, ASSOC_DONE);
	ck_assert_int_eq(assoc_verify(us.a, &peer.id->fp), 0);
	ck_assert_int_eq(assoc_verify(peer.a, &us.id->fp), 0);
	ck_assert_int_eq(assoc_keys(us.a, &c), 0);
	ck_assert_int_eq(assoc_keys(peer.a, &d), 0);
	crypt_free(c);
	crypt_free(d);
	assoc_free(us.a);
	assoc_free(peer.a);
}

static void begin(EVP_PKEY *key, const EVP_MD *md)
{
	ck_assert(keydec_start());
	ck_assert(keydec_start());
	ck_assert_int_eq(identity_alloc(&us.id), 0);
	peer.id = other(key, md);
}

static void end(bool server)
{
	check(false);
	if (server)
		check(true);
	identity_free(us.id);
	identity_free(peer.id);
}

static EVP_PKEY *p256(void)
{
	return EVP_EC_gen("P-256");
}

START_TEST(test_certificates)
{
	static const char *const names[] = {
	    "EC", "EC", "EC", "RSA", "RSA-PSS", "ED25519", "ED448"};
	static const char *const curves[] = {"P-256", "P-384", "P-521"};
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, names[_i], NULL);
	EVP_PKEY *key = NULL;

	ck_assert_int_eq(EVP_PKEY_keygen_init(ctx), 1);
	if (_i < 3)
		ck_assert_int_eq(EVP_PKEY_CTX_set_group_name(ctx, curves[_i]),
				 1);
	ck_assert_int_eq(EVP_PKEY_generate(ctx, &key), 1);
	EVP_PKEY_CTX_free(ctx);
	begin(key, _i < 5 ? EVP_sha256() : NULL);
	/* the last are not for servers in DTLS 1.2 */
	end(_i < 4);
}
END_TEST

START_TEST(test_groups)
{
	/* P-256 is also that of certificates */
	static const char *const groups[] = {"P-256", "P-384:P-256",
					     "P-521:P-256", "X25519:P-256",
					     "X448:P-256"};

	begin(p256(), EVP_sha256());
	ck_assert_int_eq(SSL_CTX_set1_groups_list(peer.id->ctx, groups[_i]),
			 1);
	end(true);
}
END_TEST

/* Records of the second are not AEAD's. */
START_TEST(test_ciphers)
{
	static const char *const ciphers[] = {
	    "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-ECDSA-AES128-SHA",
	    "ECDHE-ECDSA-AES256-SHA384", "ECDHE-ECDSA-CHACHA20-POLY1305"};

	begin(p256(), EVP_sha256());
	ck_assert_int_eq(SSL_CTX_set_cipher_list(peer.id->ctx, ciphers[_i]),
			 1);
	end(true);
}
END_TEST

static void count_decoder(OSSL_DECODER *d, void *arg)
{
	(void)d;
	++*(unsigned *)arg;
}

static void count_keys(EVP_KEYMGMT *k, void *arg)
{
	(void)k;
	++*(unsigned *)arg;
}

START_TEST(test_few)
{
	unsigned decoders = 0, keys = 0;

	ck_assert_ptr_null(keydec_lib());
	ck_assert(keydec_start());
	OSSL_DECODER_do_all_provided(keydec_lib(), count_decoder, &decoders);
	EVP_KEYMGMT_do_all_provided(keydec_lib(), count_keys, &keys);
	ck_assert_uint_eq(decoders, 5);
	ck_assert_uint_eq(keys, 8);
}
END_TEST

/* Rules of a machine that are stricter than ours are not gone round. */
START_TEST(test_strict)
{
	ck_assert_int_eq(EVP_default_properties_enable_fips(NULL, 1), 1);
	ck_assert(!keydec_start());
	ck_assert_ptr_null(keydec_lib());
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("all");

	tcase_set_timeout(tc, 30);
	tcase_add_loop_test(tc, test_certificates, 0, 7);
	tcase_add_loop_test(tc, test_groups, 0, 5);
	tcase_add_loop_test(tc, test_ciphers, 0, 4);
	tcase_add_test(tc, test_few);
	tcase_add_test(tc, test_strict);

	return suite_run("media_keydec", tc);
}
