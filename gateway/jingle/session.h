/* session.h: what the files of the Jingle leg share; for them alone.
 *
 * A leg has one sid and up to LEG_BRANCH_MAX branches, one for each full JID
 * that it talks to.  The list of a jingle holds a reference to each leg that
 * lives on the wire; the call holds another. */
#ifndef JINGLE_SESSION_H
#define JINGLE_SESSION_H

#include "base/compat.h"
#include "base/config.h"
#include "base/log.h"
#include "bridge/leg.h"
#include "jingle/jingle.h"
#include "jingle/jingleleg.h"
#include "xmpp/jid.h"

#define NS_HINTS    "urn:xmpp:hints"
#define NS_RECEIPTS "urn:xmpp:receipts"
#define NS_CARBONS  "urn:xmpp:carbons:2"

enum { /* ms; protocol I, D26, D28 */
       JLEG_NO_DEVICE = 45 * 1000,
       JLEG_ASSUME_RINGING = 3 * 1000,
       JLEG_WAIT_INITIATE = 20 * 1000,
       JLEG_WAIT_ACCEPT = 30 * 1000, /* after proceed: a person has said yes */
       JLEG_OFFER_LIFE = 190 * 1000, /* beyond SIP's Timer C of 180 s */
       JLEG_TOMBSTONE = 60 * 1000,   /* E.4 */
       JLEG_TRICKLE = 20,	     /* candidates of one gathering */
};

enum {
	JLEG_TOMBS_MAX = 1024,
	JLEG_SID_MAX = 256, /* bytes */
	JLEG_DEVICES_MAX = 16,
};

enum jleg_state {
	JLEG_IDLE,	 /* outgoing: nothing sent */
	JLEG_PROPOSING,	 /* our propose is out */
	JLEG_CALLING,	 /* our session-initiate is out */
	JLEG_PROPOSED,	 /* their propose is here */
	JLEG_PROCEEDING, /* we said proceed, session-initiate must come */
	JLEG_CALLED,	 /* their session-initiate is here */
	JLEG_ACTIVE,	 /* accepted */
	JLEG_ENDED,
};

enum branch_state {
	BRANCH_NONE,
	BRANCH_WAITING, /* for the call's offer */
	BRANCH_SENT,	/* has a session */
	BRANCH_DEAD,
};

struct jleg;

struct branch {
	struct jleg *leg; /* owner */
	enum branch_state st;
	char *peer;		 /* full JID, referenced */
	struct desc *local;	 /* ours as last said, owned */
	struct desc *trickle;	 /* transports to be told, owned */
	struct component_iq *iq; /* initiate or accept in flight, referenced */
	bool acked;
	uint32_t generation; /* of our credentials, XEP-0176 5.9 */
	struct tmr tmr_trickle;
};

struct jingle {
	struct component *c;			/* referenced */
	struct service *s;			/* referenced; NULL in tests */
	unsigned half_open, candidates, codecs; /* limits */
	struct list legs;    /* of struct jleg, each referenced */
	unsigned unsettled;  /* of them, not active */
	struct hash *sids;   /* the same by sid .. */
	struct hash *pairs;  /* .. and by user and contact */
	struct list tombs;   /* of struct tomb, oldest first */
	struct hash *graves; /* the same by sid */
	unsigned tombc;
};

struct jleg {
	struct leg leg; /* first */
	struct le le;
	struct le le_sid, le_pair; /* in the tables of j */
	struct jingle *j;	   /* not referenced */
	enum jleg_state st;
	bool incoming, jmi;
	char *sid;
	char *contact, *self; /* bare, and contact/sip */
	char *user;	      /* bare */
	char *name;	      /* of the contact; may be NULL */
	struct branch br[LEG_BRANCH_MAX];
	unsigned branchc, winner;
	struct desc *remote;		    /* the peer as it stands, owned */
	enum desc_dir dirs[DESC_MEDIA_MAX]; /* of remote, hold left out */
	bool peer_held, held;		    /* they hold us, we hold them */
	bool audio, video;		    /* proposed */
	bool rang;
	bool shown;	  /* service_show is due its service_hide */
	bool offered;	  /* a call_offered waits for answer or refuse */
	bool updating;	  /* an update of ours waits for call_answered */
	char *message_id; /* of their propose, for the receipt; or NULL */
	bool receipt;
	unsigned ring_timeout;	       /* ms */
	uint64_t started;	       /* ms, of tmr_jiffies() */
	struct tmr tmr;		       /* ends the state */
	struct tmr tmr_ring;	       /* JLEG_ASSUME_RINGING */
	struct tmr tmr_later;	       /* upward calls that must not nest */
	struct component_iq *iq_alive; /* referenced */
	struct component_iq *iq_path;  /* ditto: a transport-info */
	bool seen;    /* its device was online when the call began */
	bool bounced; /* its server said that nobody is there */
};

/* ---- state.c ---- */
int jleg_alloc(struct jleg **lp, struct jingle *j, bool incoming,
	       const char *sid, const char *contact, const char *user);
/* jleg_alloc with the operations (jingleleg.c) */
int jleg_new(struct jleg **lp, struct jingle *j, bool incoming,
	     const char *sid, const char *contact, const char *user);
void jleg_enter(struct jleg *l, enum jleg_state st);
/* Says goodbye on the wire as the state demands; state unchanged. */
void jleg_goodbye(struct jleg *l, enum reason reason,
		  const struct ending *end);
/* The leg is over: tombstone, timers, list. No call_* and no stanza. */
void jleg_gone(struct jleg *l);
/* The peer ended it, or goodbye was said: gone, then call_ended. */
void jleg_ended(struct jleg *l, const struct ending *why);
/* goodbye with why->reason, then jleg_ended. */
void jleg_fail(struct jleg *l, enum reason reason, const char *text);
void jleg_ringing(struct jleg *l);
struct branch *jleg_branch(struct jleg *l); /* the one that counts */
const char *jleg_state_name(enum jleg_state st);
/* The answer to a stanza for the peer's device: did that get there? */
void jleg_heard(struct jleg *l, int err, const struct stanza *reply);
bool jleg_away(const struct leg *leg);
/* What a stanza error means for a call. */
void jleg_error_ending(struct ending *end, const struct stanza *st);

/* farewell.c */
void jleg_farewell(const struct leg *leg, leg_note_h *h, void *arg);

/* ---- table.c: who is who ---- */
int jingle_tables_alloc(struct jingle *j);
void jingle_tables_free(struct jingle *j);
/* Puts the leg where stanzas can find it, and takes it out again. */
void jleg_link(struct jleg *l);
void jleg_unlink(struct jleg *l);
struct jleg *jingle_find(const struct jingle *j, const char *sid,
			 const char *peer, unsigned *branch);
struct jleg *jingle_find_id(const struct jingle *j, const char *id,
			    const char *user, const char *contact);
/* A leg between the two in a state of the mask (1 << state). */
struct jleg *jingle_find_pair(const struct jingle *j, const char *user,
			      const char *contact, unsigned states);
bool jingle_is_full(const struct jingle *j); /* half_open is reached */
void jingle_tomb_add(struct jingle *j, const char *sid, const char *user);
bool jingle_tomb_find(struct jingle *j, const char *sid, const char *user);

/* ---- wire.c: stanzas of ours ---- */
struct stanza *jleg_iq(const struct jleg *l, const char *peer,
		       enum jingle_action action, struct stanza **jingle);
/* Sends and frees iq; the answer does not matter. */
int jleg_iq_drop(struct jleg *l, struct stanza *iq);
/* Sends and frees iq. */
int jleg_iq_ask(struct component_iq **qp, struct jleg *l, struct stanza *iq,
		component_iq_h *h, void *arg);
struct stanza *jleg_message(const struct jleg *l, const char *to,
			    enum jmi_kind kind, struct stanza **element);
int jleg_message_send(struct jleg *l, struct stanza *message);
/* reject, retract, finish with a reason. */
void jleg_jmi_end(struct jleg *l, const char *to, enum jmi_kind kind,
		  enum reason reason, const struct ending *end,
		  bool tie_break);
void jleg_terminate(struct jleg *l, struct branch *b, enum reason reason,
		    const struct ending *end);
void jleg_info(struct jleg *l, const char *name); /* of NS_JINGLE_INFO */
void jingle_result(struct jingle *j, const struct stanza *iq);
/* app: condition of NS_JINGLE_ERRORS, or NULL. */
void jingle_refuse(struct jingle *j, const struct stanza *iq,
		   enum stanza_cond cond, const char *app);
/* jingle_decode() within the limits; E2BIG for what is over one. */
int jingle_read(const struct jingle *j, struct desc **dp,
		const struct stanza *jingle, bool sender_is_initiator);
/* The error that a failure of jingle_read deserves. */
void jingle_refuse_errno(struct jingle *j, const struct stanza *iq, int err);

/* ---- media.c: descs of the two sides ---- */
/* A copy of answer with the media of offer in its order; what answer lacks is
 * rejected, what it has beside is left out. */
int jleg_align(struct desc **out, const struct desc *offer,
	       const struct desc *answer);
/* REASON_NONE: a desc from outside can be used. Fills in what has a default:
 * the setup of an answer. */
enum reason jleg_check(struct desc *d, bool answer);
/* Removes candidates that are never used: TCP, and of other components. */
void jleg_prune(struct transport *t);
bool jleg_has(const struct desc *d, enum desc_kind kind);

/* ---- proposal.c: our JMI; proposed.c: theirs ---- */
int jleg_propose(struct jleg *l);
int jleg_propose_send(struct jleg *l);
int jleg_proceed_send(struct jleg *l);
int jleg_ringing_send(struct jleg *l);
bool jingle_message(struct component *c, const struct stanza *st, void *arg);
void jingle_proposed(struct jingle *j, const struct stanza *st,
		     const struct jmi *jmi, const char *from, const char *user,
		     const char *contact);

/* ---- devices.c: session-initiate of ours ---- */
/* True: proposals make no sense, ask the devices one by one. */
bool jleg_is_direct(const struct jleg *l);
int jleg_direct(struct jleg *l);
int jleg_initiate(struct branch *b);
int jleg_accept(struct branch *b);
int jleg_branch_offer(struct jleg *l, unsigned branch,
		      const struct desc *offer);

/* ---- incoming.c: session-initiate and session-accept of theirs ---- */
void jingle_initiated(struct jingle *j, const struct stanza *iq,
		      const struct stanza *jingle, const char *sid,
		      const char *from, const char *user, const char *contact);

/* One Jingle action of theirs within a session; answers the iq. */
typedef void(jleg_action_h)(struct jleg *l, unsigned branch,
			    const struct stanza *iq,
			    const struct stanza *jingle);
jleg_action_h jleg_accepted; /* incoming.c */
jleg_action_h jleg_info_in;  /* info.c */
jleg_action_h jleg_modified; /* content.c */
jleg_action_h jleg_content_added;
jleg_action_h jleg_content_removed;
jleg_action_h jleg_transport_replaced;
jleg_action_h jleg_transport_in; /* trickle.c */

bool jingle_iq(struct component *c, const struct stanza *st, void *arg);

/* ---- info.c ---- */
/* Tells the call how the peer's directions stand, if they changed. */
void jleg_redirect(struct jleg *l);
int jleg_update(struct jleg *l, const struct desc *offer);

/* ---- trickle.c ---- */
int jleg_transport(struct jleg *l, unsigned branch, unsigned media,
		   const struct transport *t);
void jleg_trickle_flush(struct branch *b);

/* ---- resume.c ---- */
void jingle_link_state(struct component *c, bool up, void *arg);

#endif
