/* invite_priv.h: what the files of the INVITE session share. */
#ifndef SIP_INVITE_PRIV_H
#define SIP_INVITE_PRIV_H

#include "sip/invite.h"

enum {
	INVITE_EARLY_MAX = 8,	 /* early dialogs a session; E.4 forks */
	INVITE_REDIRECT_MAX = 5, /* Contacts of 3xx; protocol E.4 */
	INVITE_TARGET_MAX = 8,	 /* targets that a call tries */
	INVITE_TX_MAX = 32,	 /* requests without an answer, with INFO */
	INVITE_RETRY_MAX = 5,	 /* 422, and glare, in a row */
	INVITE_BUCKETS = 1024,
	SESSION_EXPIRES = 1800, /* s; RFC 4028 4 */
	MIN_SE = 90,		/* s; RFC 4028 5 */
	SESSION_MAX = 86400,	/* s; what a peer may ask */
	ROUTE_MAX = 16,		/* Record-Route lines that are kept */
	UDP_REQUEST_MAX = 1300, /* bytes; RFC 3261 18.1.1 */
};

enum invite_state {
	INVITE_IDLE,
	INVITE_CALLING,	  /* UAC: no final response yet */
	INVITE_CANCELLED, /* UAC: ours ended it, finals awaited */
	INVITE_INCOMING,  /* UAS: no final response yet */
	INVITE_ACCEPTED,  /* UAS: 200 sent, no ACK yet */
	INVITE_ACTIVE,
	INVITE_LEAVING, /* BYE sent, or held back until the ACK */
	INVITE_ENDED,	/* late 2xx are still ACKed and BYEd */
};

/* How a dialog's requests travel. */
struct hop {
	struct sip *sip; /* not referenced: lives as long as the stack */
	struct sa addr;	 /* the peer */
	enum sip_transp tp;
};

/* A dialog (RFC 3261 12). */
struct sipdlg {
	struct le le;	  /* of invite->earlies */
	const char *rtag; /* in the memory of remote */
	char *remote;	  /* To value of our requests, with tag */
	char *target;	  /* remote target, a URI */
	char *routes;	  /* "Route: ..\r\n" lines */
	char *next;	  /* URI of the first route; NULL: the target */
	char *answer;	  /* SDP of an 18x; NULL: none */
	struct hop hop;
	uint32_t inviteseq; /* CSeq of the INVITE that is to be ACKed */
	uint32_t lseq;	    /* last CSeq of ours */
	uint32_t rseq;	    /* last CSeq of theirs */
	uint32_t rack;	    /* last RSeq that we PRACKed */
	bool rseq_set;
	bool reliable; /* answer came reliably: later ones do not count */
	bool shut;     /* its early media is not to be heard, RFC 5009 */
	bool told;     /* the answer was passed on as progress */
	bool bye;      /* a fork that lost: BYE is on its way */
};

/* One INVITE to one target, UAC. */
struct attempt {
	struct le le;
	struct invite *inv; /* not referenced: the list is the session's */
	struct sip_request *req;
	struct tmr tmr;
	struct hop hop;
	uint32_t cseq;
	char *via;	/* what a CANCEL is known by; NULL: not sent yet */
	bool heard;	/* any response */
	bool abandoned; /* another one took over */
};

/* A request of ours inside a dialog. */
typedef void(invite_tx_h)(struct invite *inv, int err,
			  const struct sip_msg *msg);
struct invite_tx {
	struct le le;
	struct invite *inv; /* NULL: the session is gone */
	struct sip_request *req;
	invite_tx_h *h;
};

/* The change of ours that is open: re-INVITE or UPDATE. */
struct change {
	struct tmr tmr; /* glare */
	char *sdp;	/* mem_ref'd; NULL: none is wanted */
	uint32_t cseq;	/* of the open re-INVITE, for the ACK */
	unsigned tries;
	bool open;    /* a request is out, or waits for its second try */
	bool waiting; /* open, for its second try */
	bool refresh; /* ours alone: nobody is told */
	char *queued; /* an offer that waits for what is open now */
};

/* The request of theirs that waits for an answer. */
struct pending {
	struct sip_strans *st;
	struct sip_msg *msg; /* referenced */
	struct tmr tmr;
};

/* Our response that waits for ACK or PRACK. */
struct resend {
	struct tmr tmr;
	struct sip *sip;
	struct mbuf *mb;
	struct sip_msg *msg; /* what it answers; referenced */
	struct sa dst;
	unsigned wait, sum; /* ms: until the next, since the first */
};

struct invite {
	struct le he; /* of invites->ht */
	struct invites *all;
	enum invite_state state;
	bool linked; /* the hash holds a reference */
	bool uac;
	const struct invite_handlers *h; /* NULL: nobody listens */
	void *arg;
	struct siptrunk *trunk;
	struct sip *sip;
	struct sa peer;

	char *callid, *ltag;
	char *local;   /* From value of our requests, with tag */
	char *contact; /* URI */
	char *token;
	struct tmr tmr; /* of the state */

	/* UAC */
	char *uri, *ruri, *headers; /* To, Request-URI */
	struct list attempts, earlies;
	struct list redirects; /* struct redirect */
	struct tmr tmr_go;
	uint32_t lseq;		 /* CSeq of the last INVITE */
	struct siptarget target; /* of the newest attempt */
	struct sa tried[INVITE_TARGET_MAX];
	unsigned triedc, redirectc, retries, max_forwards;
	bool authed, resolving;
	uint32_t asked;	    /* the digest's serial of the last INVITE */
	bool reconnected;   /* the last target got a second connection */
	struct ending last; /* of the attempts that failed */

	/* UAS */
	struct sip_strans *st;
	struct sip_msg *msg; /* the INVITE; referenced */
	struct pl offer;     /* into msg */
	bool rel;	     /* Require: 100rel */
	uint32_t rseq;	     /* of our reliable 1xx */
	struct resend prov;

	/* both */
	struct resend final; /* the 2xx that waits for its ACK */
	bool late; /* our offer is in it: their answer is in the ACK */
	struct sipdlg *dlg;
	struct list txs; /* struct invite_tx */
	struct change change;
	struct pending in;
	struct ending why; /* of the BYE, also one that waits for the ACK */
	bool leave;
	bool bye_authed;   /* the BYE has been challenged once */
	char *lsdp, *rsdp; /* the last that were agreed on, or offered */
	bool peer_update, peer_timer;

	/* RFC 4028 */
	struct tmr tmr_se;
	unsigned se, min_se;
	bool refresher; /* it is us */
};

struct invites {
	struct hash *ht;
	struct sipstack *stack; /* not referenced */
	struct invite_times times;
	unsigned n;
};

/* invite.c */
void invite_enter(struct invite *inv, enum invite_state st);
void invite_unlink(struct invite *inv);
int invite_new(struct invite **ip, struct invites *all, struct siptrunk *trunk,
	       const char *token, const struct invite_handlers *h, void *arg);
int invite_link(struct invite *inv);
/* Tells the owner once, then nobody. */
void invite_close(struct invite *inv, const struct ending *why);
void invite_close_code(struct invite *inv, unsigned code, enum reason reason,
		       const char *text);
/* Goodbye on the wire whatever the state. */
void invite_leave(struct invite *inv, const struct ending *why);
void invite_fail(struct invite *inv, unsigned code, enum reason reason,
		 const char *text);
void invite_bye(struct invite *inv, struct sipdlg *dlg,
		const struct ending *why);
void invite_pending_clear(struct invite *inv);
/* 487 to what of theirs is open. */
void invite_pending_refuse(struct invite *inv);

/* invite_msg.c */
int invite_set_sdp(char **dst, const char *sdp, size_t len);
bool invite_same_origin(const char *a, const struct pl *b);
void invite_note_peer(struct invite *inv, const struct sip_msg *msg);
/* Is the early media of the dialog not to be heard, by this response? */
bool invite_early_shut(const struct sip_msg *msg, bool was);
/* Keeps mb to send it again to where msg came from, first after t1. */
void invite_resend_start(struct resend *r, struct sip *sip, struct mbuf *mb,
			 const struct sip_msg *msg, unsigned t1);
/* Once more; false: it was enough (64*T1). max: longest wait, 0: none. */
bool invite_resend_again(struct resend *r, unsigned max, unsigned give_up);
void invite_resend_stop(struct resend *r);
/* End printer of headers: Reason, Warning, Retry-After. */
struct ending_out {
	const struct ending *end;
	enum reason_phase phase;
};
int invite_ending_print(struct re_printf *pf, const struct ending_out *eo);
/* A final response >= 300; fmt prints further header lines, may be NULL. */
int invite_refuse_msg(struct invite *inv, struct sip_strans **stp,
		      const struct sip_msg *msg, unsigned code,
		      const char *fmt, ...);

/* dialog.c */
/* ruri: target where a response to a request of ours has no Contact. */
int sipdlg_alloc(struct sipdlg **dp, const char *ruri,
		 const struct sip_msg *msg, const struct hop *hop);
/* One that another process had.  remote: with tag; routes: "Route: ..\r\n"
 * lines; hop: where its requests went. */
int sipdlg_restore(struct sipdlg **dp, const char *remote, const char *target,
		   const char *routes, uint32_t lseq, const struct hop *hop);
/* Where requests of the dialog go. */
void sipdlg_hop(struct hop *to, const struct siptrunk *trunk,
		const struct sipdlg *dlg);
/* The same, but to addresses only that requests of the trunk may come from:
 * nobody else has subscribed, or asks for what comes again and again. */
void sipdlg_hop_near(struct hop *to, struct siptrunk *trunk,
		     const struct sipdlg *dlg);
void sipdlg_retarget(struct sipdlg *dlg, const struct sip_msg *msg);
struct sipdlg *sipdlg_find(const struct list *l, const struct pl *rtag);
/* New CSeq unless given; fmt prints headers and body. */
int sipdlg_request(struct invite *inv, struct sipdlg *dlg, const char *met,
		   uint32_t cseq, invite_tx_h *h, const char *fmt, ...);
int sipdlg_ack(struct invite *inv, struct sipdlg *dlg);
/* "sip:1.2.3.4:5060;transport=tcp" */
int invite_hop_print(struct re_printf *pf, const struct hop *hop);
/* 0: in order; else the code to refuse with. */
unsigned sipdlg_order(struct sipdlg *dlg, const struct sip_msg *msg);

/* invite_uac.c */
void invite_attempt_next(struct invite *inv);
/* Once more to the same target; the call ends where that fails. */
void invite_attempt_again(struct invite *inv);
void invite_cancel(struct invite *inv);
void invite_drop_attempts(struct invite *inv);

/* invite_resp.c */
void invite_attempt_response(int err, const struct sip_msg *msg, void *arg);
/* A 2xx that no transaction took; false: none of ours. */
bool invite_late_2xx(struct invite *inv, const struct sip_msg *msg);

/* invite_retry.c: what a final response makes us try next. false: nothing */
bool invite_retry_final(struct invite *inv, const struct sip_msg *msg);

/* invite_uas.c */
void invite_uas_final(struct invite *inv, const struct ending *why);
/* 200 to msg with lsdp, repeated until its ACK comes. */
int invite_uas_send_2xx(struct invite *inv, struct sip_strans **stp,
			const struct sip_msg *msg);
void invite_uas_acked(struct invite *inv);
void invite_uas_ack(struct invite *inv, const struct sip_msg *msg);

/* prack.c */
const char *invite_ringing_phrase(unsigned code); /* of 180 and 183 */
bool invite_prack_wanted(const struct sip_msg *msg, uint32_t *rseq);
/* true: in order, go on with it */
bool invite_prack_send(struct invite *inv, struct sipdlg *dlg,
		       const struct sip_msg *msg);
void invite_prack_recv(struct invite *inv, const struct sip_msg *msg);
int invite_prack_ring(struct invite *inv, unsigned code);

/* update.c */
void invite_update_recv(struct invite *inv, const struct sip_msg *msg);
int invite_change_send(struct invite *inv);
void invite_change_flush(struct invite *inv);
void invite_change_stop(struct invite *inv);

/* timer4028.c */
int invite_timer_print(struct re_printf *pf, const struct invite *inv);
/* Lines of our 2xx to msg. */
struct timer_answer {
	unsigned se;
	bool uac, require;
};
int invite_timer_answer_print(struct re_printf *pf,
			      const struct timer_answer *ta);
/* 0, or 422 where the peer's interval is too short. */
unsigned invite_timer_request(const struct invite *inv,
			      const struct sip_msg *msg);
/* Our 2xx to msg: what it says; starts the clock. */
void invite_timer_answer(struct invite *inv, struct timer_answer *ta,
			 const struct sip_msg *msg);
void invite_timer_response(struct invite *inv, const struct sip_msg *msg);
bool invite_timer_raise(struct invite *inv, const struct sip_msg *msg);
void invite_timer_stop(struct invite *inv);

/* info.c */
void invite_info_recv(struct invite *inv, const struct sip_msg *msg);

#endif
