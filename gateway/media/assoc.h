/* assoc.h: one DTLS association that gives the keys of SRTP (RFC 5764), and
 * the certificate that it shows (one a process). */
#ifndef MEDIA_ASSOC_H
#define MEDIA_ASSOC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "media/crypt.h"
#include "sdp/desc.h"

struct identity;
struct assoc;

/* Self-signed ECDSA P-256 (RFC 8827 6.5), 30 days. ENOMEM, EPROTO. */
int identity_alloc(struct identity **ip);
struct identity *identity_ref(struct identity *id); /* any thread */
void identity_free(struct identity *id); /* gives one reference back */
const struct fingerprint *identity_fingerprint(const struct identity *id);

/* A datagram to the peer. */
typedef void(assoc_send_h)(void *arg, const uint8_t *p, size_t len);

enum assoc_result {
	ASSOC_AGAIN,  /* goes on */
	ASSOC_DONE,   /* established: verify, then take the keys */
	ASSOC_BROKEN, /* this association only; assoc_error says why */
};

int assoc_alloc(struct assoc **ap, struct identity *id, bool client,
		assoc_send_h *h, void *arg);
void assoc_free(struct assoc *a);
/* A datagram from the peer; NULL starts a client. */
enum assoc_result assoc_input(struct assoc *a, const uint8_t *p, size_t len);
/* us until assoc_timeout wants to be called; UINT64_MAX: never. */
uint64_t assoc_wait(struct assoc *a);
enum assoc_result assoc_timeout(struct assoc *a);
/* The keys are taken: lets go of all that is not needed to repeat our last
 * flight, which assoc_input goes on doing.  False: it needs all that it has. */
bool assoc_settle(struct assoc *a);
const char *assoc_error(const struct assoc *a);
bool assoc_is_client(const struct assoc *a);

/* Is the peer's certificate the one that was signalled (RFC 8122 6.2)?
 * EACCES: no, or a hash that is not accepted. Compared in constant time. */
int assoc_verify(const struct assoc *a, const struct fingerprint *fp);
/* Exports the keys (RFC 5764 4.2); call assoc_verify first.  ENOTSUP when no
 * SRTP profile was agreed. */
int assoc_keys(const struct assoc *a, struct crypt **cp);

#endif
