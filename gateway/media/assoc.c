/* assoc.c: one DTLS association that gives the keys of SRTP. */
#include "media/assoc.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include "media/keydec.h"

enum {
	FIRST_TIMEOUT =
	    50 * 1000, /* us; RFC 6347 4.2.4.1: less than 1 s for media */
	LAST_TIMEOUT = 1600 * 1000,
	MTU = 1200, /* bytes; fits every path that carries media */
	CERT_DAYS = 30,
	CERT_LIST_MAX = 16384, /* bytes that a peer's chain may take */
	KEY_MAX = 32,
	SALT_MAX = 14,
	FLIGHT_MAX = 256,   /* bytes; ChangeCipherSpec and Finished take 75 */
	REPEATS_MAX = 16,   /* of a last flight */
	RECORD_HEADER = 13, /* RFC 6347 4.1 */
	RECORD_CHANGE_CIPHER = 20,
	RECORD_HANDSHAKE = 22,
};

/* RFC 5764 4.1.2, RFC 7714 14.2; in our order of preference */
#define PROFILES                                                              \
	"SRTP_AEAD_AES_128_GCM:SRTP_AEAD_AES_256_GCM:SRTP_AES128_CM_SHA1_80"

static const struct {
	unsigned long id;
	enum crypto_suite suite;
	unsigned key, salt;
} profiles[] = {
    {SRTP_AEAD_AES_128_GCM, SUITE_AEAD_AES_128_GCM, 16, 12},
    {SRTP_AEAD_AES_256_GCM, SUITE_AEAD_AES_256_GCM, 32, 12},
    {SRTP_AES128_CM_SHA1_80, SUITE_CM128_SHA1_80, 16, 14},
};

struct identity {
	atomic_uint refs;
	SSL_CTX *ctx;
	BIO_METHOD *bio;
	struct fingerprint fp;
};

struct assoc {
	SSL *ssl;
	assoc_send_h *h;
	void *arg;
	const uint8_t *in; /* the datagram that is being read; not owned */
	size_t inlen;
	bool client, done;
	char error[96];
	/* What we sent since the last datagram came: lengths and bytes. */
	uint8_t flight[FLIGHT_MAX];
	size_t flightlen;
	bool flight_cut; /* there was more */
	unsigned repeats;
};

/* ---- a BIO that keeps datagrams apart ---- */

static void keep_flight(struct assoc *a, const uint8_t *p, size_t len)
{
	uint8_t *to;

	/* A server's last flight begins here; what it sent before, when the
	 * timer ran out in the same call, was the flight before. */
	if (len && p[0] == RECORD_CHANGE_CIPHER) {
		a->flightlen = 0;
		a->flight_cut = false;
	}
	to = a->flight + a->flightlen;
	if (a->flight_cut || a->flightlen + 2 + len > FLIGHT_MAX) {
		a->flight_cut = true;
		return;
	}
	to[0] = (uint8_t)(len >> 8);
	to[1] = (uint8_t)len;
	memcpy(to + 2, p, len);
	a->flightlen += 2 + len;
}

static int bio_write(BIO *b, const char *p, int len)
{
	struct assoc *a = BIO_get_data(b);

	if (len <= 0)
		return len;
	if (!a->done)
		keep_flight(a, (const uint8_t *)p, (size_t)len);
	a->h(a->arg, (const uint8_t *)p, (size_t)len);

	return len;
}

static int bio_read(BIO *b, char *p, int len)
{
	struct assoc *a = BIO_get_data(b);
	size_t n = a->inlen;

	BIO_clear_retry_flags(b);
	if (!a->in) {
		BIO_set_retry_read(b);
		return -1;
	}
	if (n > (size_t)len)
		n = (size_t)len;
	memcpy(p, a->in, n);
	a->in = NULL;

	return (int)n;
}

static long bio_ctrl(BIO *b, int cmd, long num, void *ptr)
{
	(void)b;
	(void)num;
	(void)ptr;
	switch (cmd) {
	case BIO_CTRL_FLUSH:
		return 1;
	case BIO_CTRL_DGRAM_QUERY_MTU:
	case BIO_CTRL_DGRAM_GET_FALLBACK_MTU:
		return MTU;
	default:
		return 0;
	}
}

static int bio_create(BIO *b)
{
	BIO_set_init(b, 1);

	return 1;
}

static int bio_init(BIO_METHOD **mp)
{
	BIO_METHOD *m = BIO_meth_new(
	    BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "datagram");

	if (!m)
		return ENOMEM;
	*mp = m;
	if (!BIO_meth_set_write(m, bio_write) ||
	    !BIO_meth_set_read(m, bio_read) ||
	    !BIO_meth_set_ctrl(m, bio_ctrl) ||
	    !BIO_meth_set_create(m, bio_create))
		return ENOMEM;

	return 0;
}

/* ---- the certificate ---- */

static int make_cert(X509 **xp, EVP_PKEY **kp)
{
	static const unsigned char name[] = "stoxd";
	EVP_PKEY *key = EVP_PKEY_Q_keygen(keydec_lib(), NULL, "EC", "P-256");
	X509 *x = X509_new_ex(keydec_lib(), NULL);
	X509_NAME *n;
	uint64_t serial;

	*kp = key;
	*xp = x;
	if (!key || !x || RAND_bytes((unsigned char *)&serial, 8) != 1)
		return ENOMEM;
	n = X509_get_subject_name(x);
	if (!X509_set_version(x, 2) ||
	    !ASN1_INTEGER_set_uint64(X509_get_serialNumber(x), serial >> 1) ||
	    !X509_gmtime_adj(X509_getm_notBefore(x), -86400) ||
	    !X509_gmtime_adj(X509_getm_notAfter(x), CERT_DAYS * 86400) ||
	    !X509_NAME_add_entry_by_txt(n, "CN", MBSTRING_ASC, name, -1, -1,
					0) ||
	    !X509_set_issuer_name(x, n) || !X509_set_pubkey(x, key) ||
	    !X509_sign(x, key, EVP_sha256()))
		return EPROTO;

	return 0;
}

/* Any certificate passes here, and no chain is looked for: who it belongs to is
 * what the fingerprint says, which assoc_verify compares before a key is used.
 */
static int permit(X509_STORE_CTX *store, void *arg)
{
	(void)store;
	(void)arg;

	return 1;
}

static int init_ctx(SSL_CTX *ctx, X509 *x, EVP_PKEY *key)
{
	SSL_CTX_set_verify(
	    ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	SSL_CTX_set_cert_verify_callback(ctx, permit, NULL);
	(void)SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_NO_QUERY_MTU |
					   SSL_OP_NO_RENEGOTIATION |
					   SSL_OP_SINGLE_ECDH_USE);
	(void)SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_max_cert_list(ctx, CERT_LIST_MAX);
	SSL_CTX_set_read_ahead(ctx, 1);
	/* RFC 8827 6.5: forward secrecy, authenticated encryption; SHA for
	 * stacks that know nothing newer. */
	if (!SSL_CTX_set_min_proto_version(ctx, DTLS1_2_VERSION) ||
	    !SSL_CTX_set_cipher_list(
		ctx, "ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AES:!aNULL:!eNULL") ||
	    SSL_CTX_set_tlsext_use_srtp(ctx, PROFILES) ||
	    SSL_CTX_use_certificate(ctx, x) != 1 ||
	    SSL_CTX_use_PrivateKey(ctx, key) != 1)
		return EPROTO;

	return 0;
}

int identity_alloc(struct identity **ip)
{
	struct identity *id = calloc(1, sizeof(*id));
	EVP_PKEY *key = NULL;
	X509 *x = NULL;
	unsigned n = 0;
	int err;

	if (!id)
		return ENOMEM;
	atomic_init(&id->refs, 1);
	err = make_cert(&x, &key);
	if (err)
		goto out;
	id->ctx = SSL_CTX_new_ex(keydec_lib(), NULL, DTLS_method());
	if (!id->ctx) {
		err = ENOMEM;
		goto out;
	}
	err = init_ctx(id->ctx, x, key);
	if (err)
		goto out;
	err = bio_init(&id->bio);
	if (err)
		goto out;
	id->fp.hash = HASH_SHA256;
	if (!X509_digest(x, EVP_sha256(), id->fp.md, &n))
		err = EPROTO;
	id->fp.len = (uint8_t)n;

out:
	X509_free(x);
	EVP_PKEY_free(key);
	if (err)
		identity_free(id);
	else
		*ip = id;
	return err;
}

struct identity *identity_ref(struct identity *id)
{
	atomic_fetch_add(&id->refs, 1);

	return id;
}

void identity_free(struct identity *id)
{
	if (!id || atomic_fetch_sub(&id->refs, 1) > 1)
		return;
	SSL_CTX_free(id->ctx);
	BIO_meth_free(id->bio);
	free(id);
}

const struct fingerprint *identity_fingerprint(const struct identity *id)
{
	return &id->fp;
}

/* ---- associations ---- */

static unsigned next_timeout(SSL *ssl, unsigned us)
{
	(void)ssl;
	if (!us)
		return FIRST_TIMEOUT;

	return us * 2 > LAST_TIMEOUT ? LAST_TIMEOUT : us * 2;
}

int assoc_alloc(struct assoc **ap, struct identity *id, bool client,
		assoc_send_h *h, void *arg)
{
	struct assoc *a = calloc(1, sizeof(*a));
	BIO *b;

	if (!a)
		return ENOMEM;
	a->h = h;
	a->arg = arg;
	a->client = client;
	a->ssl = SSL_new(id->ctx);
	b = a->ssl ? BIO_new(id->bio) : NULL;
	if (!b) {
		assoc_free(a);
		ERR_clear_error();
		return ENOMEM;
	}
	BIO_set_data(b, a);
	SSL_set_bio(a->ssl, b, b);
	(void)DTLS_set_link_mtu(a->ssl, MTU);
	DTLS_set_timer_cb(a->ssl, next_timeout);
	if (client)
		SSL_set_connect_state(a->ssl);
	else
		SSL_set_accept_state(a->ssl);
	*ap = a;

	return 0;
}

void assoc_free(struct assoc *a)
{
	if (!a)
		return;
	SSL_free(a->ssl);
	free(a);
}

static enum assoc_result judge(struct assoc *a, int ret)
{
	unsigned long code;

	switch (SSL_get_error(a->ssl, ret)) {
	case SSL_ERROR_NONE:
	case SSL_ERROR_WANT_READ:
	case SSL_ERROR_WANT_WRITE:
		ERR_clear_error();
		return a->done ? ASSOC_DONE : ASSOC_AGAIN;
	default:
		break;
	}
	code = ERR_peek_last_error();
	ERR_error_string_n(code, a->error, sizeof(a->error));
	ERR_clear_error();

	return ASSOC_BROKEN;
}

bool assoc_settle(struct assoc *a)
{
	if (a->client || !a->done || a->flight_cut || !a->flightlen)
		return false;
	SSL_free(a->ssl);
	a->ssl = NULL;

	return true;
}

/* A Finished: an encrypted handshake record (RFC 6347 4.1). */
static bool has_finished(const uint8_t *p, size_t len)
{
	size_t n;

	while (len >= RECORD_HEADER) {
		n = RECORD_HEADER + ((size_t)p[11] << 8 | p[12]);
		if (n > len)
			return false;
		if (p[0] == RECORD_HANDSHAKE && p[3] == 0 && p[4] == 1)
			return true;
		p += n;
		len -= n;
	}

	return false;
}

/* The same records once more: a peer that has them drops them as replayed. */
static void repeat(struct assoc *a)
{
	const uint8_t *p = a->flight, *end = p + a->flightlen;
	size_t len;

	if (a->repeats++ >= REPEATS_MAX)
		return;
	while (p < end) {
		len = (size_t)p[0] << 8 | p[1];
		a->h(a->arg, p + 2, len);
		p += 2 + len;
	}
}

enum assoc_result assoc_input(struct assoc *a, const uint8_t *p, size_t len)
{
	char none[16];
	int ret;

	if (!a->ssl) {
		if (has_finished(p, len))
			repeat(a);
		return ASSOC_DONE;
	}
	ERR_clear_error();
	a->in = len ? p : NULL;
	a->inlen = len;
	if (!a->done) {
		a->flightlen = 0;
		a->flight_cut = false;
	} else {
		/* A repeated Finished makes OpenSSL repeat our last flight. */
		(void)SSL_read(a->ssl, none, sizeof(none));
		ERR_clear_error();
		a->in = NULL;
		return ASSOC_DONE;
	}
	ret = SSL_do_handshake(a->ssl);
	a->in = NULL;
	if (ret == 1)
		a->done = true;

	return judge(a, ret);
}

uint64_t assoc_wait(struct assoc *a)
{
	struct timeval tv;

	if (!a->ssl || !DTLSv1_get_timeout(a->ssl, &tv))
		return UINT64_MAX;

	return (uint64_t)tv.tv_sec * 1000000 + (uint64_t)tv.tv_usec;
}

enum assoc_result assoc_timeout(struct assoc *a)
{
	long ret;

	if (!a->ssl)
		return ASSOC_DONE;
	ERR_clear_error();
	ret = DTLSv1_handle_timeout(a->ssl);
	if (ret >= 0)
		return a->done ? ASSOC_DONE : ASSOC_AGAIN;

	return judge(a, (int)ret);
}

const char *assoc_error(const struct assoc *a)
{
	return a->error;
}

bool assoc_is_client(const struct assoc *a)
{
	return a->client;
}

int assoc_verify(const struct assoc *a, const struct fingerprint *fp)
{
	unsigned char md[EVP_MAX_MD_SIZE];
	const EVP_MD *type;
	unsigned n = 0;
	X509 *x;
	int ok;

	switch (fp->hash) { /* RFC 8122 5: never md5, and sha-1 no more */
	case HASH_SHA256:
		type = EVP_sha256();
		break;
	case HASH_SHA384:
		type = EVP_sha384();
		break;
	case HASH_SHA512:
		type = EVP_sha512();
		break;
	default:
		return EACCES;
	}
	x = SSL_get1_peer_certificate(a->ssl);
	if (!x)
		return EACCES;
	ok = X509_digest(x, type, md, &n);
	X509_free(x);
	if (!ok || n != fp->len || CRYPTO_memcmp(md, fp->md, n))
		return EACCES;

	return 0;
}

int assoc_keys(const struct assoc *a, struct crypt **cp)
{
	static const char label[] = "EXTRACTOR-dtls_srtp"; /* RFC 5764 4.2 */
	const SRTP_PROTECTION_PROFILE *prof;
	uint8_t out[2 * (KEY_MAX + SALT_MAX)], c[64], s[64];
	size_t i, n = sizeof(profiles) / sizeof(profiles[0]), k, l;
	int err;

	prof = SSL_get_selected_srtp_profile(a->ssl);
	for (i = 0; prof && i < n && profiles[i].id != prof->id; i++)
		;
	if (!prof || i == n)
		return ENOTSUP;
	k = profiles[i].key;
	l = profiles[i].salt;
	if (SSL_export_keying_material(a->ssl, out, 2 * (k + l), label,
				       sizeof(label) - 1, NULL, 0, 0) != 1)
		return EPROTO;
	/* client key, server key, client salt, server salt */
	memcpy(c, out, k);
	memcpy(c + k, out + 2 * k, l);
	memcpy(s, out + k, k);
	memcpy(s + k, out + 2 * k + l, l);
	err = crypt_alloc(cp, profiles[i].suite, a->client ? c : s,
			  profiles[i].suite, a->client ? s : c);
	OPENSSL_cleanse(out, sizeof(out));
	OPENSSL_cleanse(c, sizeof(c));
	OPENSSL_cleanse(s, sizeof(s));

	return err;
}
