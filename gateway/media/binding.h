/* binding.h: Binding requests of STUN (RFC 8489) and their answers, as checks
 * of consent have them (RFC 7675): no state, no socket. */
#ifndef MEDIA_BINDING_H
#define MEDIA_BINDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include "media/evp.h"

enum binding_type { /* RFC 8489 5, 18.1 */
		    BINDING_REQUEST = 0x0001,
		    BINDING_SUCCESS = 0x0101,
		    BINDING_ERROR = 0x0111,
};

enum {
	BINDING_ID = 12,   /* bytes of a transaction's number */
	BINDING_MAX = 700, /* bytes that are read or made */
};

struct binding { /* a view of a buffer that the caller owns */
	enum binding_type type;
	const uint8_t *id;
	const uint8_t *user; /* NULL: none */
	size_t userlen;
	unsigned error;	      /* of ERROR-CODE, 0: none */
	const uint8_t *proof; /* MESSAGE-INTEGRITY, NULL: none */
	const uint8_t *start;
};

/* EBADMSG: it is no Binding request or answer, or longer than BINDING_MAX;
 * ENOTSUP: an attribute that must be understood is not. */
int binding_decode(struct binding *b, const uint8_t *p, size_t len);
/* Did somebody send it who knows the password? */
bool binding_is_authentic(const struct binding *b, const struct evp_hmac *key);

struct binding_check {		   /* a request */
	const char *theirs, *ours; /* fragments */
	uint8_t id[BINDING_ID];
	uint64_t tie;
	bool controlling;
};
/* Both write BINDING_MAX bytes at most and return how many. */
size_t binding_ask(uint8_t *p, const struct binding_check *c,
		   const struct evp_hmac *key);
size_t binding_answer(uint8_t *p, const uint8_t id[BINDING_ID],
		      const struct sockaddr_storage *to,
		      const struct evp_hmac *key);

#endif
