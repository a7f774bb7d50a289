/* sipleg.h: one side of a call in SIP, on the INVITE session of invite.h. */
#ifndef SIP_SIPLEG_H
#define SIP_SIPLEG_H

#include "bridge/leg.h"
#include "sip/stack.h"

struct sipcalls;

/* Takes INVITE from the stack; incoming calls become legs and go to
 * call_incoming(). mem_ref object. */
int sipcalls_alloc(struct sipcalls **sp, struct sipstack *stack,
		   const struct config_limits *limits);

/* They have changed; for calls from now on. */
void sipcalls_limits(struct sipcalls *s, const struct config_limits *limits);

/* The goodbye of a process that died: BYE in the dialog, CANCEL of the INVITE
 * or an answer to theirs.  EBADMSG: the notes make no sense; other errors of
 * the way there. */
int sipleg_farewell(struct sipcalls *s, struct siptrunk *trunk,
		    const struct ending *why, leg_noted_h *h, const void *arg);

struct sipleg_conf {
	struct siptrunk *trunk;
	const char *to_uri;    /* "sip:600@pbx.example.net" */
	const char *from_uri;  /* AOR of the XMPP user on this trunk */
	const char *from_name; /* display name, or NULL */
	const char *token;     /* user part of Contact */
	bool privacy;	       /* Privacy: id */
	unsigned max_forwards;
};
/* Nothing is sent before ops->offer. */
int sipleg_alloc(struct leg **lp, struct sipcalls *s, struct call *call,
		 const struct sipleg_conf *conf);
/* Another address than in its conf, before ops->offer. EPROTO, EBADMSG. */
int sipleg_aim(struct leg *leg, const char *uri);
/* Addresses that media may come from: of SIP signalling. */
const struct sa *sipleg_signalling(const struct leg *leg);

#endif
