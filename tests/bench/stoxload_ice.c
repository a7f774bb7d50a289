/* stoxload_ice.c: ICE and DTLS of a client, as short as can be: one candidate,
 * and each check of the controlling side nominates (RFC 8445 8.1.1). */
#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "stoxload.h"
#include "media/keydec.h"

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
       ATTR_CONTROLLED = 0x8029,
       ATTR_CONTROLLING = 0x802a,
       FINGERPRINT_XOR = 0x5354554e,
       PRIORITY = 0x6effffff, /* peer reflexive, RFC 8445 5.1.2 */
};

enum {
	CHECK_EVERY = 50000,	 /* us */
	CONSENT_EVERY = 4000000, /* us; RFC 7675 5.1: 5 s, 0.8 .. 1.2 of it */
	CONSENT_SPREAD = 2000000,
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

static void send_check(struct call *c, const struct sockaddr_in *to)
{
	uint8_t p[256], v[8] = {0};
	char user[2 * LOAD_NAME];
	size_t at = STUN_HEAD;

	put16(p, STUN_REQUEST);
	put32(p + 4, STUN_COOKIE);
	put32(p + 8, c->index);
	put32(p + 12, ++c->checks);
	put32(p + 16, c->turn);
	(void)snprintf(user, sizeof(user), "%s:%s", c->remote_ufrag, c->ufrag);
	at = put_attr(p, at, ATTR_USERNAME, user, strlen(user));
	put32(v, PRIORITY);
	at = put_attr(p, at, ATTR_PRIORITY, v, 4);
	put32(v, c->index + 1); /* the tie breaker */
	at = put_attr(
	    p, at, c->controlling ? ATTR_CONTROLLING : ATTR_CONTROLLED, v, 8);
	if (c->controlling && !c->nominated)
		at = put_attr(p, at, ATTR_USE_CANDIDATE, v, 0);
	load_rtp_send_raw(c, p, seal(p, at, c->remote_pwd), to);
}

static void shake(struct call *c);

/* RFC 7675: the gateway sends as long as we ask. */
static void consent_due(struct node *n)
{
	struct call *c =
	    (struct call *)(void *)((char *)n -
				    offsetof(struct call, consent));

	send_check(c, &c->x.to);
	load_due(n,
		 n->at + CONSENT_EVERY + (uint64_t)random() % CONSENT_SPREAD);
}

static void nominate(struct call *c, const struct sockaddr_in *to)
{
	c->nominated = true;
	c->x.to = *to;
	c->consent.h = consent_due;
	load_due(&c->consent, load_now() + CONSENT_EVERY +
				  (uint64_t)random() % CONSENT_SPREAD);
	if (c->client)
		shake(c);
}

static void answer_check(struct call *c, const uint8_t *req,
			 const struct sockaddr_in *from)
{
	uint8_t p[128], v[8] = {0, 1};

	memcpy(p, req, STUN_HEAD);
	put16(p, STUN_SUCCESS);
	put16(v + 2, ntohs(from->sin_port) ^ (STUN_COOKIE >> 16));
	put32(v + 4, ntohl(from->sin_addr.s_addr) ^ STUN_COOKIE);
	load_rtp_send_raw(
	    c, p,
	    seal(p, put_attr(p, STUN_HEAD, ATTR_XOR_MAPPED, v, 8), c->pwd),
	    from);
}

/* The value of an attribute, and its length. */
static const uint8_t *find_attr(const uint8_t *p, size_t len, unsigned type,
				size_t *n)
{
	size_t at = STUN_HEAD;

	while (at + 4 <= len) {
		*n = (size_t)p[at + 2] << 8 | p[at + 3];
		if (at + 4 + *n > len)
			break;
		if (((unsigned)p[at] << 8 | p[at + 1]) == type)
			return p + at + 4;
		at += 4 + ((*n + 3) & ~(size_t)3);
	}

	return NULL;
}

/* RFC 8445 7.2.2: the user name begins with the fragment of who is asked. */
struct call *load_ice_find(const uint8_t *p, size_t len)
{
	size_t n;
	const uint8_t *v = find_attr(p, len, ATTR_USERNAME, &n);
	struct call *c = NULL;
	char name[LOAD_NAME];

	if (!v || n < 2 || n >= sizeof(name))
		return NULL;
	(void)snprintf(name, sizeof(name), "%.*s", (int)n, (const char *)v);
	if (name[0] == 'b')
		c = call_at(strtoul(name + 1, NULL, 10));
	n = c ? strlen(c->ufrag) : 0;

	return n && !strncmp(name, c->ufrag, n) && name[n] == ':' ? c : NULL;
}

static void stun_input(struct call *c, const uint8_t *p, size_t len,
		       const struct sockaddr_in *from)
{
	unsigned type = (unsigned)p[0] << 8 | p[1];
	size_t n;

	if (len < STUN_HEAD)
		return;
	if (type == STUN_REQUEST) {
		load_rtp_peer_add(c, from, true);
		answer_check(c, p, from);
		if (!c->controlling && !c->nominated &&
		    find_attr(p, len, ATTR_USE_CANDIDATE, &n))
			nominate(c, from);
	} else if (type == STUN_SUCCESS && c->controlling && !c->nominated) {
		nominate(c, from);
	}
}

/* ---- DTLS ---- */

static void print_digest(char buf[128], X509 *x)
{
	uint8_t md[EVP_MAX_MD_SIZE];
	unsigned i, n = 0;

	buf[0] = '\0';
	if (x && X509_digest(x, EVP_sha256(), md, &n) == 1) {
		for (i = 0; i < n; i++)
			(void)snprintf(buf + 3 * i, 4, "%02X%s", md[i],
				       i + 1 < n ? ":" : "");
	}
}

/* RFC 8122 5: the certificate is the one that was signalled. */
static bool is_signalled(const struct call *c)
{
	X509 *x = SSL_get1_peer_certificate(c->ssl);
	char buf[128];

	print_digest(buf, x);
	X509_free(x);

	return buf[0] && !strcasecmp(buf, c->fingerprint);
}

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

	if (!is_signalled(c)) {
		call_fail(c, "another certificate than signalled");
		return;
	}
	if (pr && pr->id == SRTP_AEAD_AES_128_GCM)
		suite = SUITE_AEAD_AES_128_GCM;
	all = crypt_keylen(suite);
	salt = all - k;
	if (!pr ||
	    SSL_export_keying_material(c->ssl, out, 2 * all, label,
				       strlen(label), NULL, 0, 0) != 1) {
		call_fail(c, "DTLS gave no keys");
		return;
	}
	for (i = 0; i < 2; i++) {
		memcpy(keys[i], out + i * k, k);
		memcpy(keys[i] + k, out + 2 * k + i * salt, salt);
	}
	if (crypt_alloc(&c->crypt, suite, keys[server], suite, keys[!server]))
		call_fail(c, "SRTP keys refused");
	else
		call_keyed(c);
}

static void drain(struct call *c)
{
	BIO *b = SSL_get_wbio(c->ssl);
	uint8_t buf[LOAD_DATAGRAM];
	int n;

	while ((n = BIO_read(b, buf, sizeof(buf))) > 0)
		load_rtp_send_raw(c, buf, (size_t)n, &c->x.to);
}

static void shake(struct call *c)
{
	int n, e;

	if (!c->ssl)
		return;
	ERR_clear_error();
	n = SSL_do_handshake(c->ssl);
	e = SSL_get_error(c->ssl, n);
	drain(c);
	if (n == 1 && !c->crypt)
		take_keys(c);
	else if (n != 1 && e != SSL_ERROR_WANT_READ)
		call_fail(c, "DTLS broke off");
}

void load_ice_input(struct call *c, const uint8_t *p, size_t len,
		    const struct sockaddr_in *from)
{
	if (p[0] < 4) { /* RFC 7983 7 */
		stun_input(c, p, len, from);
		return;
	}
	if (p[0] < 20 || !c->ssl)
		return;
	if (!c->nominated)
		c->x.to = *from;
	(void)BIO_write(SSL_get_rbio(c->ssl), p, (int)len);
	shake(c);
}

int load_ice_open(struct call *c)
{
	BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());

	(void)snprintf(c->ufrag, sizeof(c->ufrag), "b%05uT%u", c->index,
		       c->turn % 1000);
	(void)snprintf(c->pwd, sizeof(c->pwd), "%016llx%08x",
		       (unsigned long long)random() << 16, c->index);
	c->ssl = SSL_new(ctx);
	if (!c->ssl || !in || !out) {
		BIO_free(in);
		BIO_free(out);
		return ENOMEM;
	}
	(void)BIO_set_mem_eof_return(in, -1);
	(void)BIO_set_mem_eof_return(out, -1);
	SSL_set_bio(c->ssl, in, out);
	(void)SSL_set_options(c->ssl, SSL_OP_NO_QUERY_MTU);
	(void)SSL_set_mtu(c->ssl, MTU);
	if (c->client)
		SSL_set_connect_state(c->ssl);
	else
		SSL_set_accept_state(c->ssl);

	return 0;
}

void load_ice_close(struct call *c)
{
	load_undue(&c->consent);
	SSL_free(c->ssl);
	c->ssl = NULL;
	crypt_free(c->crypt);
	c->crypt = NULL;
	c->nominated = false;
	c->candidatec = 0;
	c->remote_pwd[0] = '\0';
	c->ufrag[0] = '\0';
}

/* What was not answered, again. */
void load_ice_turn(struct call *c)
{
	unsigned i;

	if (c->ssl && !c->crypt && DTLSv1_handle_timeout(c->ssl) > 0)
		drain(c);
	if (c->nominated || !c->controlling || !c->remote_pwd[0])
		return;
	for (i = 0; i < c->candidatec; i++)
		send_check(c, &c->candidates[i]);
}

/* ---- the certificate, one for all ---- */

/* It is asked for and not judged: another test does. */
static int any_certificate(X509_STORE_CTX *store, void *arg)
{
	(void)store;
	(void)arg;

	return 1;
}

static X509 *make_certificate(EVP_PKEY *key)
{
	X509 *x = X509_new_ex(keydec_lib(), NULL);

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

int load_ice_init(void)
{
	EVP_PKEY *key;
	X509 *x;

	(void)keydec_start();
	key = EVP_PKEY_Q_keygen(keydec_lib(), NULL, "EC", "P-256");
	x = key ? make_certificate(key) : NULL;
	ctx = SSL_CTX_new_ex(keydec_lib(), NULL, DTLS_method());
	if (!ctx || !x || SSL_CTX_use_certificate(ctx, x) != 1 ||
	    SSL_CTX_use_PrivateKey(ctx, key) != 1 ||
	    SSL_CTX_set_tlsext_use_srtp(ctx,
					load.opt.suite == SUITE_CM128_SHA1_80
					    ? "SRTP_AES128_CM_SHA1_80"
					    : "SRTP_AEAD_AES_128_GCM"))
		return EPROTO;
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_cert_verify_callback(ctx, any_certificate, NULL);
	print_digest(load.fingerprint, x);
	X509_free(x);
	EVP_PKEY_free(key);

	return 0;
}
