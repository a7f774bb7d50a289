/* evp.h: AES and HMAC-SHA1 of OpenSSL inside libsrtp. */
#ifndef MEDIA_EVP_H
#define MEDIA_EVP_H

/* Replaces AES-ICM-128, AES-GCM-128/256 and HMAC-SHA1 of libsrtp, which runs
 * its self tests on each before accepting it.  After srtp_init, before the
 * first session.  EPROTO when a test fails: then libsrtp's own stay. */
int evp_replace(void);

#endif
