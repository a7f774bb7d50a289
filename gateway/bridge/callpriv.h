/* callpriv.h: a call from within bridge/. */
#ifndef BRIDGE_CALLPRIV_H
#define BRIDGE_CALLPRIV_H

#include "bridge/call.h"
#include "bridge/enum.h"
#include "bridge/join.h"

enum { CALL_QUEUE_MAX = 4, CALL_KEYS = 2 };

enum call_state {
	CALL_NEW,
	CALL_OPENING,	 /* our ICE side gathers, nothing was told to X */
	CALL_TRYING,	 /* the called side was asked */
	CALL_RINGING,	 /* it rings */
	CALL_PROCEEDING, /* S answered, X was asked for its offer */
	CALL_JOINING,	 /* X's offer is here, its answer is not out yet */
	CALL_LATE,	 /* X answered, our late offer to S is not answered */
	CALL_ACTIVE,
	CALL_ENDED,
};

struct flow { /* one ICE flow of the call */
	bool used, local;
	unsigned id;
	struct desc *box; /* owns t */
	struct transport *t;
};

struct branch {				   /* one device of X */
	struct flow flows[DESC_MEDIA_MAX]; /* by m-line */
	bool wanted; /* call_branch waits for its transport */
};

struct queued {
	struct leg *leg; /* not referenced: one of ours */
	struct desc *offer;
};

struct call {
	struct le le;
	struct le le_open; /* among those without an answer */
	char name[9];
	enum call_state state;
	bool by_user;	/* who started it: X's user, not S */
	bool from_xmpp; /* X's client came to us, not we to it */
	bool dialled;	/* by_user, but we called its devices first */
	bool jmi;	/* X proposed first: its offer comes after proceed */
	bool late;	/* S's INVITE had no offer */
	bool reinvited; /* codecs were renegotiated once, E.2 */
	bool admitted;
	bool starting;	/* shed.h counts it: nobody rings yet */
	bool emergency; /* no limit holds for it */
	bool metered;	/* its time is the user's, who started it */
	bool suspended; /* X's consent is lost, its media stopped */
	bool taken;	/* X is another device, not told of holds yet */
	bool x_muted;	/* it may be silent */
	bool told;	/* of its end */
	struct leg *x, *s;
	call_packet_h *tap; /* who looks on at its media, or NULL */
	void *tap_arg;
	char before[80]; /* id of X's leg at the device before, or "" */
	struct peer xp, sp;
	char *diverted; /* who sent it on (RFC 5806, 7044), or NULL */
	char *as;	/* what SIP calls the user, a URI, or NULL */
	char *rule;	/* of [route], that it came by, or NULL */
	const struct config_trunk *trunk; /* not referenced, but for */
	void *held; /* the configuration that the call began with */
	struct enum_query *lookup; /* what S is called is asked for */
	struct media *media;
	struct branch branch[LEG_BRANCH_MAX];
	unsigned winner; /* branch */
	unsigned s_flow;
	struct transport s_addr;       /* addr, rtcp of our RTP ports */
	struct crypto keys[CALL_KEYS]; /* ours, offered or answered */
	unsigned keyc;
	struct desc *x_local, *x_remote, *s_local, *s_remote;
	bool x_agreed_local, s_agreed_local; /* whose desc was the answer */
	enum desc_dir x_dir, s_dir; /* what each side wants of its audio */
	enum desc_dir x_was, s_was; /* before the offer that is passed on */
	uint32_t ssrc_x, ssrc_s;
	char cname[17];
	bool own_update; /* of ours alone: our address, not an offer of X */
	bool readdress;	 /* it waits for another change to end */
	struct leg *updating; /* whose offer is being passed on, or NULL */
	struct desc *update;  /* that offer */
	struct queued queue[CALL_QUEUE_MAX];
	unsigned queuec;
	struct media_stat *stats;
	unsigned statc;
	uint64_t started, rang, answered; /* ms */
	uint64_t begun;			  /* the start, ms of CLOCK_REALTIME */
	struct tmr timer, limit, restart;
	int slot; /* of orphan.c; JOURNAL_NONE: not noted */
};

/* calls.c */
extern struct calls_conf calls_conf;
struct jingle *calls_jingle(const char *domain);
void calls_add(struct call *call);
void calls_remove(struct call *call);
struct call *calls_find(const char *name);
/* The newest first; stops at the first true. */
bool calls_each(bool (*h)(const struct call *call, void *arg), void *arg);
/* Of an answered call nobody is a rival. */
void calls_answered(struct call *call);
bool calls_rival(const struct call *call, uint64_t *age);
const char *call_state_name(enum call_state st);
/* Each call that is not active yet. */
void calls_unsettled(void (*h)(struct call *call));

/* call.c */
void call_close(struct call *call, const struct leg *skip,
		const struct ending *why);
void call_fail(struct call *call, enum reason reason, const char *fmt, ...);
void call_fail_err(struct call *call, int err);
void call_enter(struct call *call, enum call_state st);
/* Whose last desc is the one that holds, on each side. */
void call_agree(struct call *call, bool x_local, bool s_local);
/* Both halves are here: answer the side that called. */
void call_answer_xmpp(struct call *call);
void call_answer_sip(struct call *call);
void call_activate(struct call *call);
void call_destructor(void *arg);
void call_leg_drop(struct leg **lp);
void call_leg_end(struct call *call, struct leg **lp,
		  const struct ending *why);
int call_desc_keep(struct desc **dp, const struct desc *d);
void call_desc_move(struct desc **dp, struct desc *d);
void ending_set(struct ending *end, enum reason reason, unsigned code,
		const char *text);
/* calltrace.c: its legs are about to go, the trace is asked for after the
 * call. */
void calltrace_remember(const struct call *call);
void calltrace_media(const struct call *call, const struct media_event *ev);
/* Who looks on is told that there is no more. */
void calltrace_end(struct call *call);
/* "opus/48000"; "" until the call is answered. */
void call_codec(const struct call *call, char *text, size_t size);
/* The local transports that were missing are here. */
void call_local_ready(struct call *call, unsigned branch);

void call_restart_ice(struct call *call); /* calltake.c */

/* callend.c: call->by_user is set before. */
void callend_begin(struct call *call);
void callend_rings(struct call *call);
void callend_answered(const struct call *call);
/* by NULL: the gateway.  Before the legs are gone. */
void callend_tell(struct call *call, const struct leg *by, bool refused,
		  const struct ending *why);
void callend_refused(const struct call_request *rq, const struct ending *why);

/* callupdate.c */
void callupdate_offered(struct call *call, struct leg *leg,
			const struct desc *offer);
/* What came before the call was active, or waits for a turn of its own. */
void callupdate_next(struct call *call);
/* S changes its mind before X's offer is here: answered from our own state;
 * false: refused. */
bool callupdate_early(struct call *call, struct leg *leg,
		      const struct desc *offer);
/* Our public address changed: ICE restart, and a re-INVITE that says so. */
void callupdate_readdress(struct call *call);
void callupdate_answered(struct call *call, struct leg *leg,
			 const struct desc *answer);
void callupdate_refused(struct call *call, const struct leg *leg,
			const struct ending *why);

/* calltake.c: X's consent is lost, and is there again. */
void call_suspended(struct call *call);
void call_resumed(struct call *call);
/* E.4, propose while ACTIVE.  EBUSY: the old device has it. */
int call_take(const struct call_request *rq, struct ending *why);
/* The new device's session stands. */
void callupdate_taken(struct call *call);

/* callevent.c; arg: the call */
void callevent_handler(const struct media_event *ev, void *arg);

/* callmedia.c */
int callmedia_open(struct call *call);
/* Have all flows of a branch gathered? */
bool callmedia_branch_ready(const struct branch *b);
void callmedia_close(struct call *call);
int callmedia_flow(struct call *call, unsigned branch, unsigned media,
		   bool controlling);
/* Flows for all contents of X's offer; true in *ready if all have gathered.*/
int callmedia_flows_for(struct call *call, const struct desc *x, bool *ready);
/* Fills transports and sources of a desc that goes to X or to S. */
int callmedia_fill_x(struct call *call, unsigned branch, struct desc *d,
		     bool answer);
int callmedia_fill_s(struct call *call, struct desc *d,
		     const struct desc *offer);
/* What the peers said: EACCES when the media address is not allowed, ENOTSUP
 * when the keys are not as the trunk wants. */
int callmedia_remote_x(struct call *call, const struct desc *x);
int callmedia_remote_s(struct call *call, const struct desc *s, bool answer);
/* Sets what passes between the legs now. */
int callmedia_stream(struct call *call);
void callmedia_end_branches(struct call *call, unsigned keep);
const struct desc_media *callmedia_x_agreed(const struct call *call);
const struct desc_media *callmedia_s_agreed(const struct call *call);

/* callkeys.c */
int callkeys_offer(struct call *call, struct desc_media *m);
/* Keys and profile of our answer to S's offer; ENOTSUP: cannot be answered. */
int callkeys_answer(struct call *call, struct desc_media *m,
		    const struct desc_media *offer);
const struct crypto *callkeys_find(const struct call *call, unsigned tag,
				   enum crypto_suite suite);
bool callkeys_is_savp(enum desc_proto p);

#endif
