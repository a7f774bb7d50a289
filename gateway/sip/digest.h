/* digest.h: HTTP digest as a client (RFC 3261 22, 7616, 8760): MD5, SHA-256,
 * SHA-512-256, qop=auth, bound to one trunk. */
#ifndef SIP_DIGEST_H
#define SIP_DIGEST_H

#include "base/compat.h"

struct digest; /* credentials and nonces of one trunk; mem_ref object */

/* realm NULL: the first realm that the trunk's own answers name. */
int digest_alloc(struct digest **dp, const char *user, const char *password,
		 const char *realm);

/* How many challenges were taken so far; kept with each request when it is
 * printed.  Requests share their digest: of two that are under way at once a
 * server may challenge both with one nonce. */
uint32_t digest_serial(const struct digest *d);
/* Takes the challenges of a 401 or 407 to our own request, of which asked was
 * the serial.  EACCES: wrong password (challenged again with the nonce that it
 * answered, not stale) or a realm that is not ours; ENOTSUP: no algorithm or
 * qop that we speak. */
int digest_challenge(struct digest *d, const struct sip_msg *msg,
		     uint32_t asked);
/* Header lines ("Authorization: ..\r\n", "Proxy-Authorization: ..\r\n") for a
 * request; nothing when never challenged. Printer for %H, argument: */
struct digest_request {
	struct digest *digest; /* NULL prints nothing */
	const char *method, *uri;
};
int digest_print(struct re_printf *pf, const struct digest_request *rq);
/* Before the next independent request: forget that the last was challenged. */
void digest_reset(struct digest *d);
/* The one that is answered to; NULL: none yet. */
const char *digest_realm(const struct digest *d);
/* The same that another process answered to, unless there is one. */
void digest_restore(struct digest *d, const char *realm);
struct siptrunk;
/* NULL when the trunk has no credentials; not referenced. */
struct digest *siptrunk_digest(struct siptrunk *t);
/* Does the trunk speak from there, or (phones) one of its telephones? */
bool siptrunk_is_peer(struct siptrunk *t, const struct sa *sa, bool phones);
/* For requests of a dialog, which go where a Contact says: NULL unless that is
 * the trunk itself (hardening 1, "Digest leak"). */
struct digest *siptrunk_digest_for(struct siptrunk *t, const struct sa *sa);

/* The sum alone (RFC 7616 3.4.1, qop=auth), lower-case hexadecimal. */
enum digest_alg { DIGEST_MD5, DIGEST_SHA256, DIGEST_SHA512_256 };
enum { DIGEST_HEX = 65 }; /* with the NUL */
struct digest_input {
	enum digest_alg alg;
	const char *user, *realm, *password;
	const char *method, *uri;
	const char *nonce, *cnonce;
	uint32_t nc;
};
int digest_compute(char out[DIGEST_HEX], const struct digest_input *in);

#endif
