/* leg.h: what a protocol gives a call, and what a call gives a protocol.
 *
 * A call has two legs.  jingle/ and sip/ implement leg_ops (downward) and call
 * the call_* functions (upward); they include nothing else of bridge/ but this
 * file and reason.h.  Signalling thread only.  All descs are the callee's to
 * read during the call and the caller's to free: copy what must stay.
 *
 * One model for both protocols: offers and answers of whole descs.  Either
 * side's desc is written from the view of the side that it speaks for: a desc
 * passed down speaks for the gateway, a desc passed up speaks for the peer. */
#ifndef BRIDGE_LEG_H
#define BRIDGE_LEG_H

#include <stdbool.h>
#include <stddef.h>
#include "base/compat.h"
#include "bridge/reason.h"
#include "sdp/desc.h"

enum { LEG_BRANCH_MAX = 4 };

struct call;
struct leg;

/* One address seen from both sides (B.1, B.2). Strings are mem_ref'd. */
struct peer {
	char *jid;  /* escaped, prepared; bare unless said otherwise */
	char *uri;  /* "sip:user@host", no angle brackets */
	char *name; /* display name, clean UTF-8; NULL: none */
};

/* What another process must know to say goodbye for a leg when this one has
 * died: keys of a word, values of text without controls; a key may come
 * several times. */
typedef void(leg_note_h)(const char *key, const char *value, void *arg);
/* The n-th value of a key, from 0; NULL: there is none. */
typedef const char *(leg_noted_h)(const char *key, unsigned n,
				  const void *arg);
struct leg_noted {
	leg_noted_h *h;
	const void *arg;
};

/* Every function may be called in every state; one that makes no sense there
 * returns EPROTO and changes nothing. */
struct leg_ops {
	const char *name; /* "xmpp", "sip" */

	/* Outgoing leg: start the call with this offer.  SIP: INVITE.  Jingle:
	 * JMI propose to the bare JID and, at proceed, session-initiate with
	 * this desc; or direct session-initiates.  SIP inbound leg whose INVITE
	 * had no offer: the 200 with this offer (call_answered follows). */
	int (*offer)(struct leg *leg, const struct desc *offer);

	/* Jingle only: another device needs a transport of its own (after
	 * call_branch); branch 1..LEG_BRANCH_MAX - 1. */
	int (*branch)(struct leg *leg, unsigned branch,
		      const struct desc *offer);

	/* Incoming leg: the far end rings.  SIP: 180.  Jingle: JMI ringing and
	 * receipt, or session-info ringing. */
	int (*ring)(struct leg *leg);

	/* Incoming leg by JMI: the far end answered, ask the peer for its
	 * session-initiate (JMI proceed); call_offered follows.  0 also where
	 * there is nothing to ask: then answer at once (EALREADY). */
	int (*proceed)(struct leg *leg);

	/* Answers the open offer: the INVITE / session-initiate, or the
	 * peer's call_offered. */
	int (*answer)(struct leg *leg, const struct desc *answer);

	/* Refuses the peer's call_offered of an answered call (488). */
	int (*refuse)(struct leg *leg, const struct ending *why);

	/* Answered call: a new offer of ours (re-INVITE or UPDATE; Jingle:
	 * whatever differs from the last desc: hold/unhold, content-modify).
	 * call_answered or call_refused follows, always.  EBUSY while another
	 * is open. */
	int (*update)(struct leg *leg, const struct desc *offer);

	/* Trickle and ICE restart: t holds our credentials and the candidates
	 * that are new.  Jingle only. */
	int (*transport)(struct leg *leg, unsigned branch, unsigned media,
			 const struct transport *t);

	/* SIP only, trunk dtmf=info: INFO.  ENOTSUP otherwise. */
	int (*dtmf)(struct leg *leg, char digit, unsigned ms);

	/* Ends the leg politely, whatever its state: terminate, reject,
	 * retract, BYE, CANCEL, final response; finish.  No call_* function is
	 * called for this leg afterwards; the leg object lives on by itself
	 * until its protocol is done.  The call drops its reference. */
	void (*end)(struct leg *leg, const struct ending *why);

	/* Is the peer's device known to be off: its presence said so, or its
	 * server sends back what is for it?  NULL: that is never known. */
	bool (*away)(const struct leg *leg);

	/* Notes what a goodbye needs; nothing where none is due.  NULL: there
	 * is never anything to note. */
	void (*farewell)(const struct leg *leg, leg_note_h *h, void *arg);

	/* One line for people: "xmpp alice@example.com/phone, sid 7f3a.." */
	int (*print)(struct re_printf *pf, const struct leg *leg);
};

/* First member of jingle's and sip's own structures; a mem_ref object whose
 * destructor is the protocol's. */
struct leg {
	const struct leg_ops *ops;
	struct call *call; /* not referenced; NULL once ended */
	char id[80];	   /* Call-ID or sid, for the trace */
};

/* ---- upward ---- */

struct call_request {
	struct leg *leg;  /* referenced by the call on success */
	struct peer from; /* who calls: one of jid, uri is set (the native) */
	struct peer to;	  /* who is called: ditto */
	const struct desc
	    *offer;	       /* NULL: JMI propose, or INVITE without SDP */
	bool audio, video;     /* what a propose asks for */
	const char *trunk;     /* SIP: whence it came */
	bool verified;	       /* identity believed (server-verified JID,
				   * trusted trunk) */
	unsigned max_forwards; /* SIP: as received; else 70 */
	struct leg *old;       /* JMI: answered leg of the same two, or NULL */
	const char *diverted;  /* SIP: who sent it on, clean text, or NULL */
	const char *sid;       /* JMI: for old's goodbye, when this goes on */
};

/* Is there time and place for one more call?  Asked before anything is made
 * for it; false: *why is what to refuse it with.  from, to: bare JIDs; from
 * NULL: it comes by SIP. */
bool call_admits(const char *from, const char *to, struct ending *why);

/* A new incoming call.  On error the leg answers: *why says how. */
int call_incoming(const struct call_request *rq, struct ending *why);

/* Outgoing leg: the peer's phone rings. May be called more than once. */
void call_ringing(struct leg *leg);
/* Outgoing SIP leg: the answer of a 183 or 180 whose sound may be heard; once
 * for each fork. */
void call_progress(struct leg *leg, const struct desc *answer);
/* Outgoing Jingle leg: device number branch wants an offer of its own. */
void call_branch(struct leg *leg, unsigned branch);
/* The peer answered our offer or update.  The first of a leg's branches wins:
 * the leg ends the others before it calls this. */
void call_answered(struct leg *leg, unsigned branch,
		   const struct desc *answer);
/* The peer refused our update; the call goes on as it was. */
void call_refused(struct leg *leg, const struct ending *why);
/* The peer offers: after proceed, or in an answered call.  The call answers
 * with ops->answer or ops->refuse, later. */
void call_offered(struct leg *leg, const struct desc *offer);
/* Candidates or new credentials from the peer. Jingle only. */
void call_transport(struct leg *leg, unsigned branch, unsigned media,
		    const struct transport *t);
void call_dtmf(struct leg *leg, char digit, unsigned ms);
/* The peer says that it is muted: it may send nothing. Jingle only. */
void call_muted(struct leg *leg, bool muted);
/* The peer ended the leg, or a timer of the leg did.  The leg has already said
 * goodbye on its own wire; the call drops its reference. */
void call_ended(struct leg *leg, const struct ending *why);
/* For log lines of a leg: "7f3a", "-" without a call. */
const char *call_name(const struct leg *leg);

#endif
