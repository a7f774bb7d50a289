/* crypt.c: SRTP and SRTCP of one flow, both ways. */
#include "media/crypt.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <pthread.h>
#include <srtp2/srtp.h>
#include <stdlib.h>
#include <string.h>
#include "media/evp.h"

struct crypt {
	srtp_t tx, rx;
	enum crypto_suite suite;
	/* libsrtp makes state for every SSRC that authenticates and never
	 * forgets one: a peer with the key could fill our memory. */
	uint32_t source[CRYPT_SOURCE_MAX];
	unsigned sourcec;
};

static const struct {
	unsigned keylen;
	void (*rtp)(srtp_crypto_policy_t *p);
	void (*rtcp)(srtp_crypto_policy_t *p);
} suites[] = {
    /* RFC 7714 12: 12 bytes of salt */
    [SUITE_AEAD_AES_128_GCM] = {28, srtp_crypto_policy_set_aes_gcm_128_16_auth,
				srtp_crypto_policy_set_aes_gcm_128_16_auth},
    [SUITE_AEAD_AES_256_GCM] = {44, srtp_crypto_policy_set_aes_gcm_256_16_auth,
				srtp_crypto_policy_set_aes_gcm_256_16_auth},
    /* RFC 4568 6.2: the short tag is for RTP only */
    [SUITE_CM128_SHA1_80] = {30, srtp_crypto_policy_set_rtp_default,
			     srtp_crypto_policy_set_rtcp_default},
    [SUITE_CM128_SHA1_32] = {30,
			     srtp_crypto_policy_set_aes_cm_128_hmac_sha1_32,
			     srtp_crypto_policy_set_rtcp_default},
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int init_err;

static void init(void)
{
	if (srtp_init())
		init_err = EPROTO;
	else
		init_err = evp_replace();
}

int crypt_init(void)
{
	(void)pthread_once(&once, init);

	return init_err;
}

unsigned crypt_keylen(enum crypto_suite suite)
{
	if ((size_t)suite >= sizeof(suites) / sizeof(suites[0]))
		return 0;

	return suites[suite].keylen;
}

enum crypto_suite crypt_suite(const struct crypt *c)
{
	return c ? c->suite : SUITE_NONE;
}

void crypt_free(struct crypt *c)
{
	if (!c)
		return;
	if (c->tx)
		(void)srtp_dealloc(c->tx);
	if (c->rx)
		(void)srtp_dealloc(c->rx);
	free(c);
}

void crypt_warm(const struct crypt *c, bool rx)
{
	if (!c)
		return;
	__builtin_prefetch(rx ? c->rx : c->tx);
	if (rx)
		__builtin_prefetch(&c->sourcec);
}

static int create(srtp_t *sp, enum crypto_suite suite, const uint8_t *key,
		  srtp_ssrc_type_t dir)
{
	uint8_t copy[64] = {0};
	srtp_policy_t po;
	srtp_err_status_t st;

	if (!crypt_keylen(suite))
		return EINVAL;
	memset(&po, 0, sizeof(po));
	suites[suite].rtp(&po.rtp);
	suites[suite].rtcp(&po.rtcp);
	memcpy(copy, key, suites[suite].keylen);
	po.key = copy;
	po.ssrc.type = dir;
	po.window_size = CRYPT_WINDOW;
	/* Sending the same index twice with another payload would give GCM's
	 * key away; what a phone repeats is dropped. */
	po.allow_repeat_tx = 0;
	st = srtp_create(sp, &po);
	OPENSSL_cleanse(copy, sizeof(copy));
	if (st == srtp_err_status_alloc_fail)
		return ENOMEM;

	return st ? EPROTO : 0;
}

int crypt_alloc(struct crypt **cp, enum crypto_suite tx_suite,
		const uint8_t *tx_key, enum crypto_suite rx_suite,
		const uint8_t *rx_key)
{
	struct crypt *c;
	int err;

	err = crypt_init();
	if (err)
		return err;
	c = calloc(1, sizeof(*c));
	if (!c)
		return ENOMEM;
	c->suite = tx_suite;
	err = create(&c->tx, tx_suite, tx_key, ssrc_any_outbound);
	if (err)
		goto out;
	err = create(&c->rx, rx_suite, rx_key, ssrc_any_inbound);

out:
	if (err)
		crypt_free(c);
	else
		*cp = c;
	return err;
}

static int result(srtp_err_status_t st)
{
	switch (st) {
	case srtp_err_status_ok:
		return 0;
	case srtp_err_status_auth_fail:
	case srtp_err_status_algo_fail:
	case srtp_err_status_cipher_fail:
		return EACCES;
	case srtp_err_status_replay_fail:
	case srtp_err_status_replay_old:
		return EALREADY;
	default:
		return EPROTO;
	}
}

int crypt_protect(struct crypt *c, uint8_t *p, size_t *len, bool rtcp)
{
	int n = (int)*len;
	srtp_err_status_t st;

	st = rtcp ? srtp_protect_rtcp(c->tx, p, &n)
		  : srtp_protect(c->tx, p, &n);
	*len = (size_t)n;

	return result(st);
}

static bool is_known(const struct crypt *c, uint32_t ssrc)
{
	unsigned i;

	for (i = 0; i < c->sourcec; i++) {
		if (c->source[i] == ssrc)
			return true;
	}

	return false;
}

int crypt_unprotect(struct crypt *c, uint8_t *p, size_t *len, bool rtcp)
{
	size_t at = rtcp ? 4 : 8;
	int n = (int)*len;
	srtp_err_status_t st;
	uint32_t ssrc;
	bool known;

	if (*len < at + 4)
		return EPROTO;
	ssrc = (uint32_t)p[at] << 24 | (uint32_t)p[at + 1] << 16 |
	       (uint32_t)p[at + 2] << 8 | p[at + 3];
	known = is_known(c, ssrc);
	if (!known && c->sourcec == CRYPT_SOURCE_MAX)
		return ENOSPC;
	st = rtcp ? srtp_unprotect_rtcp(c->rx, p, &n)
		  : srtp_unprotect(c->rx, p, &n);
	if (st)
		return result(st);
	if (!known)
		c->source[c->sourcec++] = ssrc;
	*len = (size_t)n;

	return 0;
}
