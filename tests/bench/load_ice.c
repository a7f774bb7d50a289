/* load_ice.c: ICE and DTLS of one end, as short as loopback allows: one
 * candidate, always controlling, each check nominates (RFC 8445 8.1.1). */
#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>
#include "load.h"

enum { /* RFC 8489 5, 18.3; RFC 8445 16.1 */
       STUN_REQUEST = 0x0001,
       STUN_SUCCESS = 0x0101,
       STUN_HEAD = 20,
       STUN_COOKIE = 0x2112a442,
       ATTR_USERNAME = 0x0006,
       ATTR_INTEGRITY = 0x0008,
       ATTR_XOR_MAPPED = 0x0020,
       ATTR_PRIORITY = 0x0024,
       ATTR_USE_CANDIDATE = 0x0025,
       ATTR_FINGERPRINT = 0x8028,
       ATTR_CONTROLLING = 0x802a,
       FINGERPRINT_XOR = 0x5354554e,
       PRIORITY = 0x6effffff, /* peer reflexive, RFC 8445 5.1.2 */
};

enum {
	CHECK_EVERY = 50000, /* us */
	MTU = 1200,
	KEYS_MAX = 120,
	VALID = 30 * 24 * 3600, /* s */
};

static SSL_CTX *ctx;

static void put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v & 0xffff);
}

static size_t put_attr(uint8_t *p, size_t at, unsigned type, const void *v,
		       size_t len)
{
	put16(p + at, type);
	put16(p + at + 2, (unsigned)len);
	memset(p + at + 4, 0, (len + 3) & ~(size_t)3);
	memcpy(p + at + 4, v, len);

	return at + 4 + ((len + 3) & ~(size_t)3);
}

/* RFC 8489 14.7: CRC-32 of ITU V.42 */
static uint32_t crc32(const uint8_t *p, size_t len)
{
	uint32_t crc = 0xffffffff;
	int bit;

	while (len--) {
		crc ^= *p++;
		for (bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
	}

	return ~crc;
}

static size_t seal(uint8_t *p, size_t at, const char *pwd)
{
	uint8_t md[EVP_MAX_MD_SIZE], crc[4];
	unsigned len;

	put16(p + 2, (unsigned)(at + 24 - STUN_HEAD));
	(void)HMAC(EVP_sha1(), pwd, (int)strlen(pwd), p, at, md, &len);
	at = put_attr(p, at, ATTR_INTEGRITY, md, 20);
	put16(p + 2, (unsigned)(at + 8 - STUN_HEAD));
	put32(crc, crc32(p, at) ^ FINGERPRINT_XOR);

	return put_attr(p, at, ATTR_FINGERPRINT, crc, sizeof(crc));
}

static void send_to(struct end *e, const uint8_t *p, size_t len,
		    const struct sockaddr_in *to)
{
	(void)sendto(e->fd, p, len, MSG_DONTWAIT, (const struct sockaddr *)to,
		     sizeof(*to));
}

static void send_check(struct call *c, const struct sockaddr_in *to)
{
	uint8_t p[256], v[8] = {0};
	char user[2 * LOAD_NAME];
	size_t at = STUN_HEAD;

	put16(p, STUN_REQUEST);
	put32(p + 4, STUN_COOKIE);
	put32(p + 8, c->index);
	put32(p + 12, ++c->checks);
	put32(p + 16, ntohs(c->x.local.sin_port));
	(void)snprintf(user, sizeof(user), "%s:%s", c->remote_ufrag, c->ufrag);
	at = put_attr(p, at, ATTR_USERNAME, user, strlen(user));
	put32(v, PRIORITY);
	at = put_attr(p, at, ATTR_PRIORITY, v, 4);
	put32(v, c->index + 1); /* the tie breaker */
	at = put_attr(p, at, ATTR_CONTROLLING, v, 8);
	at = put_attr(p, at, ATTR_USE_CANDIDATE, v, 0);
	send_to(&c->x, p, seal(p, at, c->remote_pwd), to);
}

static void answer_check(struct call *c, const uint8_t *req,
			 const struct sockaddr_in *from)
{
	uint8_t p[128], v[8] = {0, 1};

	memcpy(p, req, STUN_HEAD);
	put16(p, STUN_SUCCESS);
	put16(v + 2, ntohs(from->sin_port) ^ (STUN_COOKIE >> 16));
	put32(v + 4, ntohl(from->sin_addr.s_addr) ^ STUN_COOKIE);
	send_to(&c->x, p,
		seal(p, put_attr(p, STUN_HEAD, ATTR_XOR_MAPPED, v, 8), c->pwd),
		from);
}

static void stun_input(struct call *c, const uint8_t *p, size_t len,
		       const struct sockaddr_in *from)
{
	unsigned type = (unsigned)p[0] << 8 | p[1];

	if (len < STUN_HEAD)
		return;
	if (type == STUN_REQUEST) {
		answer_check(c, p, from);
	} else if (type == STUN_SUCCESS && !c->nominated) {
		c->nominated = true;
		c->x.remote = *from;
	}
}

/* ---- DTLS ---- */

/* RFC 5764 4.2: client's key, server's, client's salt, server's. */
static void take_keys(struct call *c)
{
	static const char label[] = "EXTRACTOR-dtls_srtp";
	const SRTP_PROTECTION_PROFILE *pr =
	    SSL_get_selected_srtp_profile(c->ssl);
	enum crypto_suite suite = SUITE_CM128_SHA1_80;
	uint8_t out[KEYS_MAX], keys[2][KEYS_MAX / 2];
	size_t all, k = 16, salt;
	bool server = SSL_is_server(c->ssl);
	unsigned i;

	if (pr && pr->id == SRTP_AEAD_AES_128_GCM)
		suite = SUITE_AEAD_AES_128_GCM;
	all = crypt_keylen(suite);
	salt = all - k;
	if (!pr ||
	    SSL_export_keying_material(c->ssl, out, 2 * all, label,
				       strlen(label), NULL, 0, 0) != 1) {
		load_fail(c, "DTLS gave no keys");
		return;
	}
	for (i = 0; i < 2; i++) {
		memcpy(keys[i], out + i * k, k);
		memcpy(keys[i] + k, out + 2 * k + i * salt, salt);
	}
	if (crypt_alloc(&c->crypt, suite, keys[server], suite, keys[!server]))
		load_fail(c, "SRTP keys refused");
}

static void drain(struct call *c)
{
	BIO *b = SSL_get_wbio(c->ssl);
	uint8_t buf[LOAD_DATAGRAM];
	int n;

	while ((n = BIO_read(b, buf, sizeof(buf))) > 0)
		send_to(&c->x, buf, (size_t)n, &c->x.remote);
}

static void dtls_input(struct call *c, const uint8_t *p, size_t len,
		       const struct sockaddr_in *from)
{
	int n, e;

	if (!c->ssl)
		return;
	if (!c->nominated)
		c->x.remote = *from;
	ERR_clear_error();
	(void)BIO_write(SSL_get_rbio(c->ssl), p, (int)len);
	n = SSL_do_handshake(c->ssl);
	e = SSL_get_error(c->ssl, n);
	drain(c);
	if (n == 1 && !c->crypt)
		take_keys(c);
	else if (n != 1 && e != SSL_ERROR_WANT_READ)
		load_fail(c, "DTLS broke off");
}

static void ready(void *arg)
{
	uint32_t buf[LOAD_DATAGRAM / 4];
	uint8_t *p = (uint8_t *)buf;
	struct sockaddr_in from;
	struct end *e = arg;
	socklen_t len = sizeof(from);
	ssize_t n = recvfrom(e->fd, p, sizeof(buf), MSG_DONTWAIT,
			     (struct sockaddr *)&from, &len);

	if (n <= 0)
		return;
	if (p[0] < 4) /* RFC 7983 7 */
		stun_input(e->call, p, (size_t)n, &from);
	else if (p[0] >= 20 && p[0] < 64)
		dtls_input(e->call, p, (size_t)n, &from);
	else
		load_rtp_input(e, p, (size_t)n);
}

int load_ice_open(struct load *l, struct call *c)
{
	BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());

	(void)snprintf(c->ufrag, sizeof(c->ufrag), "b%05u", c->index);
	(void)snprintf(c->pwd, sizeof(c->pwd), "bench0load0pass0%06u",
		       c->index);
	c->ssl = SSL_new(ctx);
	if (!c->ssl || !in || !out)
		return ENOMEM;
	(void)BIO_set_mem_eof_return(in, -1);
	SSL_set_bio(c->ssl, in, out);
	(void)SSL_set_options(c->ssl, SSL_OP_NO_QUERY_MTU);
	(void)SSL_set_mtu(c->ssl, MTU);
	/* Our offer says actpass: the gateway is the client (RFC 8842 5.3). */
	SSL_set_accept_state(c->ssl);

	return load_socket(&c->x, c, l->media, ready);
}

void load_ice_turn(struct call *c)
{
	uint64_t now = load_now();
	unsigned i;

	if (c->ssl && !c->crypt && DTLSv1_handle_timeout(c->ssl) > 0)
		drain(c);
	if (c->nominated || now < c->check_at)
		return;
	c->check_at = now + CHECK_EVERY;
	for (i = 0; i < c->candidatec; i++)
		send_check(c, &c->candidates[i]);
}

/* ---- the certificate, one for all ---- */

/* It is asked for and not judged: another test does. */
static int any_certificate(int ok, X509_STORE_CTX *store)
{
	(void)ok;
	(void)store;

	return 1;
}

static X509 *make_certificate(EVP_PKEY *key)
{
	X509 *x = X509_new();

	if (!x)
		return NULL;
	(void)ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
	(void)X509_gmtime_adj(X509_getm_notBefore(x), -3600);
	(void)X509_gmtime_adj(X509_getm_notAfter(x), VALID);
	(void)X509_set_pubkey(x, key);
	if (!X509_sign(x, key, EVP_sha256())) {
		X509_free(x);
		return NULL;
	}

	return x;
}

int load_ice_init(const struct load *l, char fingerprint[128])
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *x = key ? make_certificate(key) : NULL;
	uint8_t md[EVP_MAX_MD_SIZE];
	unsigned i, n;

	ctx = SSL_CTX_new(DTLS_method());
	if (!ctx || !x || X509_digest(x, EVP_sha256(), md, &n) != 1 ||
	    SSL_CTX_use_certificate(ctx, x) != 1 ||
	    SSL_CTX_use_PrivateKey(ctx, key) != 1 ||
	    SSL_CTX_set_tlsext_use_srtp(ctx, l->suite == SUITE_CM128_SHA1_80
						 ? "SRTP_AES128_CM_SHA1_80"
						 : "SRTP_AEAD_AES_128_GCM"))
		return EPROTO;
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, any_certificate);
	for (i = 0; i < n; i++)
		(void)snprintf(fingerprint + 3 * i, 4, "%02X%s", md[i],
			       i + 1 < n ? ":" : "");
	X509_free(x);
	EVP_PKEY_free(key);

	return 0;
}
