/* invite.h: an INVITE session of our own, on libre's transactions (RFC 3261,
 * 3262, 3311, 3326, 4028, 6026, 6086).  Protocol only: SDP is text here, and
 * what a call means is said elsewhere.
 *
 * Dialogs are ours too: the Call-ID and From tag stay the same over targets,
 * forks are cheap, Max-Forwards is what the caller says, and the private
 * address never appears in a Via.  Signalling thread only. */
#ifndef SIP_INVITE_H
#define SIP_INVITE_H

#include "bridge/reason.h"
#include "sip/stack.h"

struct invites; /* all sessions of a stack */
struct invite;	/* one session; a mem_ref object */

/* How long things take; the defaults are the standards'. ms */
struct invite_times {
	unsigned t1, t2;    /* RFC 3261 17.1.1.2 */
	unsigned give_up;   /* 64*T1: lost ACK, lost PRACK, CANCEL */
	unsigned ring;	    /* Timer C, RFC 3261 16.6; 0: the trunk's */
	unsigned silence;   /* no response at all: the next target */
	unsigned deaf;	    /* ditto, and no other target: over; 0: give_up */
	unsigned second;    /* of Session-Expires, RFC 4028 */
	unsigned glare_min; /* 491, owner of the Call-ID, RFC 3261 14.1 */
	unsigned glare_max;
	unsigned glare_other; /* 491, not the owner: 0 .. */
};

struct invite_handlers {
	/* The far end rings (18x); more than once. */
	void (*ringing)(struct invite *inv, unsigned code, void *arg);
	/* 18x with an SDP answer: the first of each early dialog, when its
	 * early media may be heard (RFC 5009). */
	void (*progress)(struct invite *inv, const struct pl *sdp, void *arg);
	/* The answer to what we offered last: the 2xx, or the ACK. */
	void (*answered)(struct invite *inv, const struct pl *sdp, void *arg);
	/* The change that we offered is refused; the session goes on. */
	void (*refused)(struct invite *inv, const struct ending *why,
			void *arg);
	/* re-INVITE or UPDATE; sdp NULL: they want an offer.  invite_answer()
	 * or invite_refuse(), now or later. */
	void (*offered)(struct invite *inv, const struct pl *sdp, void *arg);
	void (*dtmf)(struct invite *inv, char digit, unsigned ms, void *arg);
	/* The session is over, goodbyes are said; nothing is called after. */
	void (*closed)(struct invite *inv, const struct ending *why,
		       void *arg);
};

/* Registers with the stack for good: close the stack with it.  A mem_ref
 * object that its sessions hold too. */
int invites_alloc(struct invites **ip, struct sipstack *stack);
/* Forgets all sessions without a word: before the last reference goes. */
void invites_close(struct invites *all);
/* For tests: before the first session. */
void invites_set_times(struct invites *all, const struct invite_times *times);
const struct invite_times *invites_times(const struct invites *all);
/* Sessions that still hold state, lingering ones included. */
unsigned invites_count(const struct invites *all);

struct invite_conf {
	struct siptrunk *trunk;
	const char *uri;       /* Request-URI and To */
	const char *from_name; /* NULL: none */
	const char *from_uri;
	const char *token;   /* user part of Contact */
	const char *headers; /* further lines of the INVITE, or NULL */
	unsigned max_forwards;
};

/* Sends an INVITE with this offer.  Errors are told by closed() unless they
 * are ours at once: EINVAL, EBADMSG (a URI), ENOMEM. */
int invite_connect(struct invite **ip, struct invites *all,
		   const struct invite_conf *conf, const char *sdp, size_t len,
		   const struct invite_handlers *h, void *arg);

/* Takes an initial INVITE: 100.  What it lacks is answered here (400, 415,
 * 422) and told by EBADMSG. */
int invite_accept(struct invite **ip, struct invites *all,
		  struct siptrunk *trunk, struct sip *sip,
		  const struct sip_msg *msg, const char *token,
		  const struct invite_handlers *h, void *arg);
/* The SDP of the INVITE; .l 0: none, we are to offer. */
const struct pl *invite_offer(const struct invite *inv);

/* 180, or 183; reliable where the peer requires it (RFC 3262). */
int invite_ring(struct invite *inv, unsigned code);
/* Answers what is open: INVITE, re-INVITE, UPDATE; an offer where they sent
 * none (answered() follows).  EPROTO: nothing is open. */
int invite_answer(struct invite *inv, const char *sdp, size_t len);
/* Refuses an open re-INVITE or UPDATE. */
int invite_refuse(struct invite *inv, const struct ending *why);
/* re-INVITE with a new offer; answered() or refused() follows, also after
 * glare.  EBUSY: one is open already, either way. */
int invite_update(struct invite *inv, const char *sdp, size_t len);
/* Could invite_update() start, or queue, a change now? */
bool invite_is_free(const struct invite *inv);
int invite_info_dtmf(struct invite *inv, char digit, unsigned ms);
/* CANCEL, final response, or BYE.  No handler is called afterwards; the
 * session says goodbye by itself.  Drop your reference then. */
void invite_end(struct invite *inv, const struct ending *why);

const char *invite_callid(const struct invite *inv);
/* Answered and not yet ended. */
bool invite_is_active(const struct invite *inv);
/* Where the peer's signalling comes from; unset before its first word. */
const struct sa *invite_peer(const struct invite *inv);

/* ---- what sipleg.c shares ---- */

/* What a response, BYE or CANCEL says about the end: code, Q.850, text. */
void invite_ending(struct ending *end, const struct sip_msg *msg);
/* The body clipped to Content-Length.  EBADMSG: shorter than that says. */
int invite_body(struct pl *body, const struct sip_msg *msg);
/* SDP body or none: 0, else the code to answer with (400, 415). */
unsigned invite_sdp(struct pl *sdp, const struct sip_msg *msg);

#endif
