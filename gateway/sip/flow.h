/* flow.h: the way to a registrar, kept open for what comes in by it (RFC 5626
 * 3.5, 4.4): one for all lines of a registrar, one for each trunk. */
#ifndef SIP_FLOW_H
#define SIP_FLOW_H

#include "sip/stack.h"

struct regflow; /* mem_ref object */

/* The way has failed: it must be opened again, by REGISTER. */
typedef void(regflow_h)(void *arg);

/* May it be kept open: by UDP always, by TCP and TLS where the registrar says
 * that it answers (RFC 5626 6: Require: outbound, or Flow-Timer)? */
bool regflow_wanted(const struct siptarget *target, const struct sip_msg *msg);
/* Keeps open the way that this 2xx to a REGISTER came by: CRLF by UDP, CRLF
 * and its answer within 10 s by TCP and TLS.  Replaces *fp. */
int regflow_start(struct regflow **fp, const struct siptarget *target,
		  const struct sip_msg *msg, regflow_h *h, void *arg);

/* ms until the next CRLF by UDP: 80 to 100 % of Flow-Timer in s (RFC 5626
 * 4.4.1), 25 s where that is 0.  Pure. */
uint64_t regflow_interval(unsigned flow_timer, uint64_t random);

enum { REGFLOW_URN = 46 }; /* "urn:uuid:" and 36 characters, and a NUL */
/* The same for these texts in every life of the gateway (RFC 5626 4.1). */
void regflow_instance(char urn[REGFLOW_URN], const char *aor,
		      const char *token);

#endif
