/* hep.h: copies of messages and RTCP reports for a collector, by HEPv3 (the
 * HEP/EEP specification of sipcapture.org, revision 3). */
#ifndef ADMIN_HEP_H
#define ADMIN_HEP_H

#include "base/config.h"
#include "base/trace.h"

/* One datagram.  correlation: what belongs together; "": nothing.  What does
 * not fit is cut.  ENOTSUP for a line that is no message, ENOMEM. */
int hep_encode(struct mbuf *mb, const struct trace_entry *e, uint32_t agent,
	       const char *correlation);

struct engine;
struct hep;
/* Sends what comes from now on to where c says, or nothing; *hp is a mem_ref
 * object, or NULL, and is used again.  Never waits: what the socket does not
 * take is lost. */
int hep_apply(struct hep **hp, const struct config *c, struct engine *e);

#endif
