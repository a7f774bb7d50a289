/* udptx.h: one request over UDP and its answer (RFC 3261 17.1.2). */
#ifndef SIP_UDPTX_H
#define SIP_UDPTX_H

#include "base/compat.h"

enum { UDPTX_BRANCH = 24 }; /* bytes, with the NUL */

struct udptx; /* a mem_ref object; mem_deref abandons it */

/* A branch that nobody can guess. */
void udptx_branch(char branch[UDPTX_BRANCH]);
/* Can it be done from there?  Not in its first moment. */
bool udptx_ready(const struct sip *sip);
/* Sends mb, whose Via has this branch, and again until an answer comes or 32 s
 * have passed; errno of sendto().  h: each response, or ETIMEDOUT or another
 * errno; nothing after one that is final, before which *tp is NULL again. */
int udptx_send(struct udptx **tp, struct sip *sip, const struct sa *dst,
	       const char *branch, struct mbuf *mb, sip_resp_h *h, void *arg);
/* Is it the answer to one of these? */
bool udptx_response(const struct sip_msg *msg);

#endif
