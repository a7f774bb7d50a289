/* told.h: the candidates of ours that a peer is told. */
#ifndef MEDIA_TOLD_H
#define MEDIA_TOLD_H

#include "media/agent.h"
#include "sdp/desc.h"

struct told {			/* zeroed: none */
	struct candidate *list; /* owned */
	unsigned n, room;
	unsigned generation;
	struct {
		struct desc_addr own, pub;
	} nat[2];
};

/* Behind a 1:1 NAT the private address is never told. */
void told_public(struct told *t, const struct agent_conf *conf);
/* With id and generation; one whose address was told is left out, as is what
 * comes when there are AGENT_LOCAL_MAX or no memory. */
void told_add(struct told *t, const struct candidate *c);
/* All are told anew. */
void told_restart(struct told *t);
void told_clear(struct told *t);

#endif
