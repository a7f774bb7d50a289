/* evp.h: AES and HMAC-SHA1 of OpenSSL inside libsrtp. */
#ifndef MEDIA_EVP_H
#define MEDIA_EVP_H

#include <stddef.h>
#include <stdint.h>

/* Replaces AES-ICM-128, AES-GCM-128/256 and HMAC-SHA1 of libsrtp, which runs
 * its self tests on each before accepting it.  After srtp_init, before the
 * first session.  EPROTO when a test fails: then libsrtp's own stay. */
int evp_replace(void);

enum { EVP_SHA1_LEN = 20 };

/* A key of HMAC-SHA1: both states after the padded key, which fills a block. */
struct evp_hmac {
	uint32_t in[EVP_SHA1_LEN / 4], out[EVP_SHA1_LEN / 4];
};

/* The same that libsrtp gets, for who has a message in one piece. */
void evp_hmac_key(struct evp_hmac *h, const uint8_t *key, size_t len);
void evp_hmac(const struct evp_hmac *h, const uint8_t *p, size_t len,
	      uint8_t md[EVP_SHA1_LEN]);

#endif
