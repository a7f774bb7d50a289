/* latch.h: from whom RTP is taken and whither it goes on the SIP side:
 * latching (RFC 7362 4, 5) by rules that keep others' packets out. */
#ifndef MEDIA_LATCH_H
#define MEDIA_LATCH_H

#include <stdbool.h>
#include <sys/socket.h>
#include "media/media.h"

enum latch_mode { LATCH_RESTRICTED, LATCH_OFF, LATCH_ANY };

enum { LATCH_PROBATION = 5 }; /* packets in which SDP's address may win */

struct latch {
	enum latch_mode mode;
	struct media_net nets[MEDIA_NET_MAX]; /* where phones may be, too */
	unsigned netc;
	struct sockaddr_storage sdp;	/* c= and port; ss_family 0: none */
	struct sockaddr_storage signal; /* where SIP came from, ditto */
	struct sockaddr_storage peer;	/* who it is, once locked */
	bool locked;
	unsigned seen; /* packets since it was locked, up to the probation */
};

/* What SDP and signalling say.  The lock goes when SDP's address changed
 * (RFC 7362 5); returns whether it did. */
bool latch_set(struct latch *l, const struct sockaddr_storage *sdp,
	       const struct sockaddr_storage *signal);
/* May a packet from src be looked at?  Changes nothing. */
bool latch_allows(const struct latch *l, const struct sockaddr_storage *src);
/* An allowed packet proved to be authentic: locks. True when the destination
 * changed. */
bool latch_learn(struct latch *l, const struct sockaddr_storage *src);
/* Whither to send; NULL: nowhere yet. */
const struct sockaddr_storage *latch_dest(const struct latch *l);
/* Will nobody else be let in any more (the socket may be connected)? */
bool latch_is_final(const struct latch *l);

#endif
