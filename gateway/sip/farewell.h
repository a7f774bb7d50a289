/* farewell.h: what is noted of a session, for the goodbye of another process.
 *
 * Of a dialog: target, to, from, cseq, routes.  Of an INVITE of ours the same
 * without routes, and its Via.  Of one of theirs all its Via, and to and from
 * are those of requests of ours. */
#ifndef SIP_FAREWELL_H
#define SIP_FAREWELL_H

#include "sip/invite_priv.h"

/* kind */
#define FAREWELL_DIALOG "dialog"
#define FAREWELL_CANCEL "cancel"
#define FAREWELL_ANSWER "answer"

enum { FAREWELL_TRANSPORTS = SIP_TRANSP_TLS + 1 };
extern const char *const farewell_transports[FAREWELL_TRANSPORTS];

#endif
