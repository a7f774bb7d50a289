/* crypt.h: SRTP and SRTCP of one flow, both ways (RFC 3711, 7714). */
#ifndef MEDIA_CRYPT_H
#define MEDIA_CRYPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "sdp/desc.h"

enum {
	CRYPT_TRAILER = 160,   /* bytes that protecting may add at most */
	CRYPT_WINDOW = 1024,   /* packets; replay (RFC 3711 3.3.2) */
	CRYPT_SOURCE_MAX = 16, /* SSRCs that one peer may use at once */
};

struct crypt;

/* libsrtp and its replacement primitives; once a process, thread-safe. */
int crypt_init(void);

/* key: master key then salt, crypt_keylen(suite) bytes.  EINVAL, ENOMEM. */
int crypt_alloc(struct crypt **cp, enum crypto_suite tx_suite,
		const uint8_t *tx_key, enum crypto_suite rx_suite,
		const uint8_t *rx_key);
void crypt_free(struct crypt *c);
/* A packet follows soon: prefetch.  c may be NULL. */
void crypt_warm(const struct crypt *c, bool rx);
unsigned crypt_keylen(enum crypto_suite suite);	      /* 0: unknown suite */
enum crypto_suite crypt_suite(const struct crypt *c); /* ours, tx */

/* In place; *len is changed.  The buffer holds CRYPT_TRAILER bytes more and
 * is aligned to 4.  0, EACCES (authentication), EALREADY (replay, too old),
 * ENOSPC (more sources than CRYPT_SOURCE_MAX), EPROTO. */
int crypt_protect(struct crypt *c, uint8_t *p, size_t *len, bool rtcp);
int crypt_unprotect(struct crypt *c, uint8_t *p, size_t *len, bool rtcp);

#endif
