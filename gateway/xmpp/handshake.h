/* handshake.h: XEP-0114 3: the proof of the secret, and what to do when the
 * server refuses. */
#ifndef XMPP_HANDSHAKE_H
#define XMPP_HANDSHAKE_H

enum { HANDSHAKE_SIZE = 41 };

/* Lower case hex of SHA-1 of id and secret.  ENOMEM, ENOTSUP. */
int handshake_hash(char hex[HANDSHAKE_SIZE], const char *id,
		   const char *secret);

enum handshake_wait {
	WAIT_BACKOFF,  /* reconnect_min .. reconnect_max */
	WAIT_CONFLICT, /* reconnect_conflict */
	WAIT_OPERATOR, /* nothing changes without somebody's doing */
};

struct handshake_remedy {
	const char *cond; /* stream error, RFC 6120 4.9.3 */
	enum handshake_wait wait;
	const char *hint; /* what the operator should do */
};

/* Never NULL. */
const struct handshake_remedy *handshake_remedy(const char *cond);

#endif
