/* evp.c: AES and HMAC-SHA1 of OpenSSL inside libsrtp.
 *
 * Debian builds libsrtp on NSS, which allocates and locks for each packet and
 * takes 3.2 us where this takes 0.55. */

/* The one-shot SHA1 functions are deprecated, but EVP_MAC would cost three
 * times as much per packet, in calls and in copies of its context. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "media/evp.h"

#include <endian.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <srtp2/auth.h>
#include <srtp2/cipher.h>
#include <srtp2/crypto_types.h>
#include <srtp2/srtp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum {
	ICM_KEY = 30,	 /* 16 key, 14 salt; RFC 3711 4.1.1 */
	GCM_SALT = 12,	 /* RFC 7714 8.1 */
	GCM128_KEY = 28, /* 16 key, 12 salt */
	GCM256_KEY = 44,
	GCM_TAG_MAX = 16,
	AES_BLOCK = 16,
	STREAM_MAX = 32 * AES_BLOCK, /* key stream at a time */
	SHA1_BLOCK = 64,
	SHA1_LEN = EVP_SHA1_LEN,
};

struct aes {
	EVP_CIPHER_CTX *ctx;
	const EVP_CIPHER *cipher;
	uint8_t salt[16];
	uint64_t counter[2]; /* the next, without GCM; its upper half first */
	int tag_len;
	bool decrypt;
};

static const srtp_cipher_type_t icm128, gcm128, gcm256;

static srtp_err_status_t aes_alloc(srtp_cipher_pointer_t *cp,
				   const srtp_cipher_type_t *type, int key_len,
				   int tag_len, const EVP_CIPHER *cipher)
{
	srtp_cipher_t *c = calloc(1, sizeof(*c));
	struct aes *a = calloc(1, sizeof(*a));

	if (!c || !a)
		goto fail;
	a->ctx = EVP_CIPHER_CTX_new();
	if (!a->ctx)
		goto fail;
	a->cipher = cipher;
	a->tag_len = tag_len;
	c->state = a;
	c->type = type;
	c->key_len = key_len;
	c->algorithm = (int)type->id;
	*cp = c;

	return srtp_err_status_ok;

fail:
	free(c);
	free(a);
	return srtp_err_status_alloc_fail;
}

static srtp_err_status_t aes_dealloc(srtp_cipher_pointer_t c)
{
	struct aes *a = c->state;

	EVP_CIPHER_CTX_free(a->ctx);
	OPENSSL_cleanse(a, sizeof(*a));
	free(a);
	free(c);

	return srtp_err_status_ok;
}

static srtp_err_status_t icm_alloc(srtp_cipher_pointer_t *cp, int key_len,
				   int tag_len)
{
	(void)tag_len;
	if (key_len != ICM_KEY)
		return srtp_err_status_bad_param;

	return aes_alloc(cp, &icm128, key_len, 0, EVP_aes_128_ecb());
}

static srtp_err_status_t icm_init(void *state, const uint8_t *key)
{
	struct aes *a = state;

	memset(a->salt, 0, sizeof(a->salt));
	memcpy(a->salt, key + 16, 14);

	return EVP_EncryptInit_ex(a->ctx, a->cipher, NULL, key, NULL) &&
		       EVP_CIPHER_CTX_set_padding(a->ctx, 0)
		   ? srtp_err_status_ok
		   : srtp_err_status_fail;
}

static srtp_err_status_t icm_set_iv(void *state, uint8_t *iv,
				    srtp_cipher_direction_t dir)
{
	struct aes *a = state;
	uint64_t v[2], salt[2];
	unsigned i;

	(void)dir;
	memcpy(v, iv, sizeof(v));
	memcpy(salt, a->salt, sizeof(salt));
	for (i = 0; i < 2; i++)
		a->counter[i] = be64toh(v[i] ^ salt[i]);

	return srtp_err_status_ok;
}

/* Counters of the next n blocks. */
static void count_up(struct aes *a, uint8_t *to, unsigned n)
{
	uint64_t c[2];
	unsigned i;

	for (i = 0; i < n; i++, to += AES_BLOCK) {
		c[0] = htobe64(a->counter[0]);
		c[1] = htobe64(a->counter[1]);
		memcpy(to, c, sizeof(c));
		if (!++a->counter[1])
			a->counter[0]++;
	}
}

static void add(uint8_t *p, const uint8_t *stream, unsigned n)
{
	uint64_t a, b;

	for (; n >= sizeof(a); n -= 8, p += 8, stream += 8) {
		memcpy(&a, p, sizeof(a));
		memcpy(&b, stream, sizeof(b));
		a ^= b;
		memcpy(p, &a, sizeof(a));
	}
	while (n--)
		*p++ ^= *stream++;
}

/* RFC 3711 4.1.1.  A new start of OpenSSL's own counter mode for each packet
 * takes longer than all of this.  What is left of a last block is not used:
 * libsrtp encrypts once for each set_iv. */
static srtp_err_status_t icm_crypt(void *state, uint8_t *buf, unsigned *len)
{
	uint8_t stream[STREAM_MAX];
	struct aes *a = state;
	unsigned at, n, blocks;
	int out, want;

	for (at = 0; at < *len; at += n) {
		n = *len - at < STREAM_MAX ? *len - at : STREAM_MAX;
		blocks = (n + AES_BLOCK - 1) / AES_BLOCK;
		count_up(a, stream, blocks);
		want = (int)(blocks * AES_BLOCK);
		if (!EVP_EncryptUpdate(a->ctx, stream, &out, stream, want) ||
		    out != want)
			return srtp_err_status_cipher_fail;
		add(buf + at, stream, n);
	}

	return srtp_err_status_ok;
}

static srtp_err_status_t gcm128_alloc(srtp_cipher_pointer_t *cp, int key_len,
				      int tag_len)
{
	if (key_len != GCM128_KEY || (tag_len != 8 && tag_len != 16))
		return srtp_err_status_bad_param;

	return aes_alloc(cp, &gcm128, key_len, tag_len, EVP_aes_128_gcm());
}

static srtp_err_status_t gcm256_alloc(srtp_cipher_pointer_t *cp, int key_len,
				      int tag_len)
{
	if (key_len != GCM256_KEY || (tag_len != 8 && tag_len != 16))
		return srtp_err_status_bad_param;

	return aes_alloc(cp, &gcm256, key_len, tag_len, EVP_aes_256_gcm());
}

static srtp_err_status_t gcm_init(void *state, const uint8_t *key)
{
	struct aes *a = state;

	return EVP_CipherInit_ex(a->ctx, a->cipher, NULL, key, NULL, 1)
		   ? srtp_err_status_ok
		   : srtp_err_status_init_fail;
}

static srtp_err_status_t gcm_set_iv(void *state, uint8_t *iv,
				    srtp_cipher_direction_t dir)
{
	struct aes *a = state;

	a->decrypt = dir == srtp_direction_decrypt;

	return EVP_CipherInit_ex(a->ctx, NULL, NULL, NULL, iv, !a->decrypt)
		   ? srtp_err_status_ok
		   : srtp_err_status_init_fail;
}

static srtp_err_status_t gcm_set_aad(void *state, const uint8_t *aad,
				     uint32_t len)
{
	struct aes *a = state;
	int out;

	return EVP_CipherUpdate(a->ctx, NULL, &out, aad, (int)len)
		   ? srtp_err_status_ok
		   : srtp_err_status_algo_fail;
}

static srtp_err_status_t gcm_encrypt(void *state, uint8_t *buf, unsigned *len)
{
	struct aes *a = state;
	int out = 0;

	if (*len && !EVP_CipherUpdate(a->ctx, buf, &out, buf, (int)*len))
		return srtp_err_status_cipher_fail;
	*len = (unsigned)out;

	return srtp_err_status_ok;
}

static srtp_err_status_t gcm_get_tag(void *state, uint8_t *tag, uint32_t *len)
{
	struct aes *a = state;
	uint8_t none[GCM_TAG_MAX];
	int out;

	if (!EVP_CipherFinal_ex(a->ctx, none, &out) ||
	    !EVP_CIPHER_CTX_ctrl(a->ctx, EVP_CTRL_AEAD_GET_TAG, a->tag_len,
				 tag))
		return srtp_err_status_algo_fail;
	*len = (uint32_t)a->tag_len;

	return srtp_err_status_ok;
}

static srtp_err_status_t gcm_decrypt(void *state, uint8_t *buf, unsigned *len)
{
	struct aes *a = state;
	uint8_t none[GCM_TAG_MAX];
	int out = 0, n;

	if (*len < (unsigned)a->tag_len)
		return srtp_err_status_bad_param;
	n = (int)*len - a->tag_len;
	if (!EVP_CIPHER_CTX_ctrl(a->ctx, EVP_CTRL_AEAD_SET_TAG, a->tag_len,
				 buf + n))
		return srtp_err_status_algo_fail;
	if (n && !EVP_CipherUpdate(a->ctx, buf, &out, buf, n))
		return srtp_err_status_algo_fail;
	if (!EVP_CipherFinal_ex(a->ctx, none, &out))
		return srtp_err_status_auth_fail;
	*len = (unsigned)n;

	return srtp_err_status_ok;
}

/* libsrtp starts, feeds and ends one hash at a time.  What each call needs
 * fits into one cache line this way. */
static _Thread_local SHA_CTX hashing;

static const srtp_auth_type_t hmac_sha1;

static void save(uint32_t to[SHA1_LEN / 4], const SHA_CTX *c)
{
	to[0] = c->h0;
	to[1] = c->h1;
	to[2] = c->h2;
	to[3] = c->h3;
	to[4] = c->h4;
}

static void resume(SHA_CTX *c, const uint32_t from[SHA1_LEN / 4])
{
	c->h0 = from[0];
	c->h1 = from[1];
	c->h2 = from[2];
	c->h3 = from[3];
	c->h4 = from[4];
	c->Nl = SHA1_BLOCK * 8; /* bits */
	c->Nh = 0;
	c->num = 0;
}

static srtp_err_status_t hmac_alloc(srtp_auth_pointer_t *ap, int key_len,
				    int out_len)
{
	srtp_auth_t *a = calloc(1, sizeof(*a));
	struct evp_hmac *h = calloc(1, sizeof(*h));

	if (!a || !h || key_len > SHA1_BLOCK || out_len > SHA1_LEN) {
		free(a);
		free(h);
		return srtp_err_status_alloc_fail;
	}
	a->state = h;
	a->type = &hmac_sha1;
	a->key_len = key_len;
	a->out_len = out_len;
	*ap = a;

	return srtp_err_status_ok;
}

static srtp_err_status_t hmac_dealloc(srtp_auth_pointer_t a)
{
	OPENSSL_cleanse(a->state, sizeof(struct evp_hmac));
	free(a->state);
	free(a);

	return srtp_err_status_ok;
}

/* RFC 2104 2: both padded keys are hashed once, not once a packet. */
void evp_hmac_key(struct evp_hmac *h, const uint8_t *key, size_t len)
{
	uint8_t in[SHA1_BLOCK], out[SHA1_BLOCK], md[SHA1_LEN];
	SHA_CTX c;
	size_t i;

	if (len > SHA1_BLOCK) {
		key = SHA1(key, len, md);
		len = sizeof(md);
	}
	memset(in, 0x36, sizeof(in));
	memset(out, 0x5c, sizeof(out));
	for (i = 0; i < len; i++) {
		in[i] ^= key[i];
		out[i] ^= key[i];
	}
	SHA1_Init(&c);
	SHA1_Update(&c, in, sizeof(in));
	save(h->in, &c);
	SHA1_Init(&c);
	SHA1_Update(&c, out, sizeof(out));
	save(h->out, &c);
	OPENSSL_cleanse(&c, sizeof(c));
	OPENSSL_cleanse(in, sizeof(in));
	OPENSSL_cleanse(out, sizeof(out));
	OPENSSL_cleanse(md, sizeof(md));
}

static srtp_err_status_t hmac_init(void *state, const uint8_t *key,
				   int key_len)
{
	if (key_len > SHA1_BLOCK)
		return srtp_err_status_bad_param;
	evp_hmac_key(state, key, (size_t)key_len);

	return srtp_err_status_ok;
}

static srtp_err_status_t hmac_start(void *state)
{
	struct evp_hmac *h = state;

	resume(&hashing, h->in);

	return srtp_err_status_ok;
}

static srtp_err_status_t hmac_update(void *state, const uint8_t *buf, int len)
{
	(void)state;
	SHA1_Update(&hashing, buf, (size_t)len);

	return srtp_err_status_ok;
}

/* What is left of the message, then the outer hash. */
static void finish(const struct evp_hmac *h, const uint8_t *p, size_t len,
		   uint8_t md[SHA1_LEN])
{
	SHA1_Update(&hashing, p, len);
	SHA1_Final(md, &hashing);
	resume(&hashing, h->out);
	SHA1_Update(&hashing, md, SHA1_LEN);
	SHA1_Final(md, &hashing);
}

void evp_hmac(const struct evp_hmac *h, const uint8_t *p, size_t len,
	      uint8_t md[EVP_SHA1_LEN])
{
	resume(&hashing, h->in);
	finish(h, p, len, md);
}

static srtp_err_status_t hmac_compute(void *state, const uint8_t *buf, int len,
				      int tag_len, uint8_t *tag)
{
	uint8_t md[SHA1_LEN];

	if (tag_len > SHA1_LEN)
		return srtp_err_status_bad_param;
	finish(state, buf, (size_t)len, md);
	memcpy(tag, md, (size_t)tag_len);

	return srtp_err_status_ok;
}

/* RFC 3711 B.2, with the counter in the salt. */
static const uint8_t icm_key[ICM_KEY] = {
    0x2b, 0x7e, 0x15, 0x16, 0x28, 0xae, 0xd2, 0xa6, 0xab, 0xf7,
    0x15, 0x88, 0x09, 0xcf, 0x4f, 0x3c, 0xf0, 0xf1, 0xf2, 0xf3,
    0xf4, 0xf5, 0xf6, 0xf7, 0xf8, 0xf9, 0xfa, 0xfb, 0xfc, 0xfd};
static uint8_t zero[60];
static const uint8_t icm_stream[32] = {
    0xe0, 0x3e, 0xad, 0x09, 0x35, 0xc9, 0x5e, 0x80, 0xe1, 0x66, 0xb1,
    0x6d, 0xd9, 0x2b, 0x4e, 0xb4, 0xd2, 0x35, 0x13, 0x16, 0x2b, 0x02,
    0xd0, 0xf7, 0x2a, 0x43, 0xa2, 0xfe, 0x4a, 0x5f, 0x97, 0xab};
static const srtp_cipher_test_case_t icm_test = {
    ICM_KEY, icm_key, zero, 32, zero, 32, icm_stream, 0, NULL, 0, NULL};

/* AES-GCM with a zero key, a zero nonce and one zero block: test cases 2 and
 * 14 of the algorithm's specification.  libsrtp wants the salt after the key
 * here; it is not part of the nonce that the cipher is given. */
static const uint8_t gcm128_text[32] = {
    0x03, 0x88, 0xda, 0xce, 0x60, 0xb6, 0xa3, 0x92, 0xf3, 0x28, 0xc2,
    0xb9, 0x71, 0xb2, 0xfe, 0x78, 0xab, 0x6e, 0x47, 0xd4, 0x2c, 0xec,
    0x13, 0xbd, 0xf5, 0x3a, 0x67, 0xb2, 0x12, 0x57, 0xbd, 0xdf};
static const uint8_t gcm256_text[32] = {
    0xce, 0xa7, 0x40, 0x3d, 0x4d, 0x60, 0x6b, 0x6e, 0x07, 0x4e, 0xc5,
    0xd3, 0xba, 0xf3, 0x9d, 0x18, 0xd0, 0xd1, 0xc8, 0xa7, 0x99, 0x99,
    0x6b, 0xf0, 0x26, 0x5b, 0x98, 0xb5, 0xd4, 0x8a, 0xb9, 0x19};
static const srtp_cipher_test_case_t gcm128_test = {
    GCM128_KEY, zero, zero, 16, zero, 32, gcm128_text, 0, zero, 16, NULL};
static const srtp_cipher_test_case_t gcm256_test = {
    GCM256_KEY, zero, zero, 16, zero, 32, gcm256_text, 0, zero, 16, NULL};

/* RFC 2202 3, test case 1. */
static const uint8_t hmac_key[20] = {0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b,
				     0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b,
				     0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b};
static const uint8_t hmac_data[8] = {'H', 'i', ' ', 'T', 'h', 'e', 'r', 'e'};
static const uint8_t hmac_tag[SHA1_LEN] = {
    0xb6, 0x17, 0x31, 0x86, 0x55, 0x05, 0x72, 0x64, 0xe2, 0x8b,
    0xc0, 0xb6, 0xfb, 0x37, 0x8c, 0x8e, 0xf1, 0x46, 0xbe, 0x00};
static const srtp_auth_test_case_t hmac_test = {
    20, hmac_key, sizeof(hmac_data), hmac_data, SHA1_LEN, hmac_tag, NULL};

static const srtp_cipher_type_t icm128 = {
    icm_alloc,
    aes_dealloc,
    icm_init,
    NULL,
    icm_crypt,
    icm_crypt,
    icm_set_iv,
    NULL,
    "AES-128 counter mode of OpenSSL",
    &icm_test,
    SRTP_AES_ICM_128,
};
static const srtp_cipher_type_t gcm128 = {
    gcm128_alloc, aes_dealloc,	    gcm_init,
    gcm_set_aad,  gcm_encrypt,	    gcm_decrypt,
    gcm_set_iv,	  gcm_get_tag,	    "AES-128 GCM of OpenSSL",
    &gcm128_test, SRTP_AES_GCM_128,
};
static const srtp_cipher_type_t gcm256 = {
    gcm256_alloc, aes_dealloc,	    gcm_init,
    gcm_set_aad,  gcm_encrypt,	    gcm_decrypt,
    gcm_set_iv,	  gcm_get_tag,	    "AES-256 GCM of OpenSSL",
    &gcm256_test, SRTP_AES_GCM_256,
};
static const srtp_auth_type_t hmac_sha1 = {
    hmac_alloc,
    hmac_dealloc,
    hmac_init,
    hmac_compute,
    hmac_update,
    hmac_start,
    "HMAC-SHA1 of OpenSSL",
    &hmac_test,
    SRTP_HMAC_SHA1,
};

int evp_replace(void)
{
	if (srtp_replace_cipher_type(&icm128, icm128.id) ||
	    srtp_replace_cipher_type(&gcm128, gcm128.id) ||
	    srtp_replace_cipher_type(&gcm256, gcm256.id) ||
	    srtp_replace_auth_type(&hmac_sha1, hmac_sha1.id))
		return EPROTO;

	return 0;
}
