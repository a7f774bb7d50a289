/* jingleleg.h: one side of a call in Jingle: sessions, proposals, devices
 * (protocol E.1..E.6). */
#ifndef JINGLE_JINGLELEG_H
#define JINGLE_JINGLELEG_H

#include "bridge/leg.h"
#include "xmpp/component.h"
#include "xmpp/service.h"

struct jingle;

/* Registers with the component for NS_JINGLE and JMI.  mem_ref object.
 * Incoming sessions and proposals become legs and go to call_incoming(). */
int jingle_alloc(struct jingle **jp, struct component *c, struct service *s,
		 const struct config_limits *limits);

/* They have changed; for calls from now on. */
void jingle_limits(struct jingle *j, const struct config_limits *limits);

/* Says what a leg of a process that died would have said.  ENOTCONN: the
 * server is away; EBADMSG: the notes make no sense. */
int jingleleg_farewell(struct jingle *j, const struct ending *why,
		       leg_noted_h *h, const void *arg);

/* A leg towards user (bare JID, prepared) from contact (bare JID of the SIP
 * user at our component; the leg speaks as contact/sip).  Nothing is sent
 * before ops->offer.  audio, video: what a propose says. ring_timeout: s. */
int jingleleg_alloc(struct leg **lp, struct jingle *j, struct call *call,
		    const char *contact, const char *name, const char *user,
		    unsigned ring_timeout);

#endif
