/* nicecand.c: candidates of libnice's to and from ours. */
#include "media/nicecand.h"

#include <nice/nice.h>
#include <string.h>
#include "media/ss.h"

enum candidate_type nicecand_type(const NiceCandidate *c)
{
	switch (c->type) {
	case NICE_CANDIDATE_TYPE_SERVER_REFLEXIVE:
		return CANDIDATE_SRFLX;
	case NICE_CANDIDATE_TYPE_PEER_REFLEXIVE:
		return CANDIDATE_PRFLX;
	case NICE_CANDIDATE_TYPE_RELAYED:
		return CANDIDATE_RELAY;
	default:
		return CANDIDATE_HOST;
	}
}

void nicecand_address(struct desc_addr *addr, const NiceAddress *na)
{
	struct sockaddr_storage ss = {0};

	nice_address_copy_to_sockaddr(na, (struct sockaddr *)&ss);
	ss_to_desc(addr, &ss);
}

void nicecand_read(struct candidate *c, const NiceCandidate *nc)
{
	memset(c, 0, sizeof(*c));
	memcpy(c->foundation, nc->foundation, sizeof(c->foundation) - 1);
	c->component = 1;
	c->priority = nc->priority;
	c->type = nicecand_type(nc);
	nicecand_address(&c->addr, &nc->addr);
	if (c->type != CANDIDATE_HOST)
		nicecand_address(&c->rel, &nc->base_addr);
}

NiceCandidate *nicecand_make(const struct candidate *c, guint stream)
{
	static const NiceCandidateType types[] = {
	    [CANDIDATE_HOST] = NICE_CANDIDATE_TYPE_HOST,
	    [CANDIDATE_SRFLX] = NICE_CANDIDATE_TYPE_SERVER_REFLEXIVE,
	    [CANDIDATE_PRFLX] = NICE_CANDIDATE_TYPE_PEER_REFLEXIVE,
	    [CANDIDATE_RELAY] = NICE_CANDIDATE_TYPE_RELAYED,
	};
	struct sockaddr_storage ss;
	NiceCandidate *nc;

	/* Component 2 would be RTCP without mux, which the peer has (D38). */
	if (!ss_from_desc(&ss, &c->addr) || c->tcp || c->component != 1 ||
	    !ss_is_unicast(&ss))
		return NULL;
	/* Built from its attributes: libnice's own parser has crashed. */
	nc = nice_candidate_new(types[c->type]);
	nc->transport = NICE_CANDIDATE_TRANSPORT_UDP;
	nc->component_id = 1;
	nc->stream_id = stream;
	nc->priority = c->priority;
	(void)g_strlcpy(nc->foundation, c->foundation, sizeof(nc->foundation));
	nice_address_set_from_sockaddr(&nc->addr,
				       (const struct sockaddr *)&ss);
	nc->base_addr = nc->addr;

	return nc;
}
