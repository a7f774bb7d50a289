/* caller.h: who sends a request: From, or what a trusted trunk asserts
 * (RFC 3323, 3325). */
#ifndef SIP_CALLER_H
#define SIP_CALLER_H

#include "base/compat.h"
#include "base/config.h"
#include "bridge/leg.h"

struct caller {
	struct peer peer; /* uri and name; mem_ref'd */
	bool verified;
};

/* Does what the trunk asserts count (trusted, identity)? */
bool caller_is_trusted(const struct config_trunk *trunk);
/* Whoever asks for privacy, or says that he is anonymous, is
 * sip:anonymous@anonymous.invalid (D10).  EBADMSG, ENOMEM. */
int caller_decode(struct caller *c, const struct sip_msg *msg, bool trusted);
/* Who sent a request on, as the last Diversion (RFC 5806) or a History-Info
 * that names a cause (RFC 7044) says: the user part, clean text.  NULL: nobody.
 * Only of a trunk that is trusted, or of a line's own provider. */
int caller_diverted(char **dp, const struct sip_msg *msg);
void caller_clear(struct caller *c);

#endif
