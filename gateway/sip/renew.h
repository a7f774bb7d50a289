/* renew.h: another configuration for a stack at work, in two steps.
 *
 * Listeners stay.  A trunk is known by its name: its object stays too, and what
 * it leads to, its credentials and its registration change in place.  Calls
 * that run keep their dialogs, which know where they go. */
#ifndef SIP_RENEW_H
#define SIP_RENEW_H

#include "sip/stack.h"

struct siprenewal; /* mem_ref object */

/* Makes all that can fail: addresses, credentials, certificates; nothing of
 * the stack changes.  Certificates are read again whatever their names.
 * EBADMSG with lines to pf; ENOMEM. */
int siprenewal_alloc(struct siprenewal **rp, struct sipstack *s,
		     const struct config *next, struct re_printf *pf);
/* Puts it in force, after config_replace() with that configuration. */
void siprenewal_apply(struct siprenewal *r);

#endif
