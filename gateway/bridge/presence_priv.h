/* presence_priv.h: what the files of presence share. */
#ifndef BRIDGE_PRESENCE_PRIV_H
#define BRIDGE_PRESENCE_PRIV_H

#include "bridge/pidf.h"
#include "bridge/presence.h"

enum {
	PAIRS_MAX = 400000,
	PAIR_BUCKETS = 4096,	/* power of two, at first */
	UNDECIDED_MAX = 50,	/* strangers that a user is asked about */
	SHOW_BURST = 5,		/* changes of a contact that are shown */
	SHOW_EVERY = 1000,	/* ms; after these, one in this time */
	PROBE_WAIT = 500,	/* ms; does a log-in follow the probe? */
	PROOF_WAIT = 10 * 1000, /* ms; for an answer to our probe */
	PROOF_STEP = 200,	/* ms between two looks */
	PROOF_AGE = 60 * 1000,	/* ms; seen so lately: no need to ask */
	FETCH_WAIT = 4 * 1000,	/* ms; C.2 */
	LASTING = 5 * 1000,	/* ms; what ended earlier was no success */
	SYNTHETIC_FOR = 3600 * 1000, /* ms; then it is asked again */
	PACE_TICK = 100,	     /* ms */
	TRUNKS_TICK = 500,	     /* ms; is a PBX back? */
	LOST_WITHIN = 1800 * 1000,   /* ms; two that lost a dialog, and .. */
	LOST_PAUSE = 600 * 1000,     /* .. ms until that counts again */
	FAILURES_SHOWN = 2,	     /* C.1: then "unavailable" */
};

enum ask_state {
	ASK_IDLE,
	ASK_QUEUED,
	ASK_TRYING,
	ASK_PENDING,
	ASK_ACTIVE,
	ASK_SYNTHETIC, /* no such package there */
	ASK_WAITING,   /* a timer runs */
	ASK_FROZEN,    /* invariant */
	ASK_STOPPED,   /* refused */
	ASK_LEAVING,
};

struct pair;

struct ask {		   /* one package of one contact for one user */
	struct le le;	   /* of presence->queue */
	struct pair *pair; /* not referenced: it is a member */
	struct subscription *sub;
	struct tmr tmr;
	uint64_t since;	   /* ms; of the SUBSCRIBE, or our probe */
	uint32_t patience; /* ms; for an answer to the probe */
	uint8_t state, failures;
	bool fetch, proving, renew;
};

struct onlooker {	   /* a SUBSCRIBE of a SIP user to an XMPP user */
	struct le le;	   /* of pair->onlookers */
	struct pair *pair; /* not referenced */
	struct watcher *w; /* referenced */
	struct tmr tmr;	   /* of a fetch */
	char *entity;	   /* "alice@example.com" */
	bool fetch;
};

struct pair {			    /* an XMPP user and a SIP contact */
	struct le he, ce;	    /* of presence->pairs and ->contacts */
	struct presence *p;	    /* not referenced */
	struct service *service;    /* referenced */
	const char *user, *contact; /* in text */

	/* the user watches the contact */
	bool from;	/* is subscribed, and knows it */
	bool asked;	/* wants to be */
	bool known;	/* status is what the contact said */
	bool shown;	/* as available */
	bool synthetic; /* shown as available while nothing is known */
	const struct config_trunk *trunk; /* NULL: never asked */
	struct ask base, blf;
	struct tmr tmr_grace; /* after a log-out; a probe */
	struct tmr tmr_show;  /* what changes too often is shown then */
	uint64_t show_tat;    /* ms; RFC 3856 6.10 leaves it to the other */
	struct dialoginfo *di;
	struct pidf_status status;

	/* the contact watches the user */
	bool to;     /* is subscribed */
	bool wanted; /* has asked */
	bool told;   /* presence of the user came since */
	struct list resources, onlookers;
	char text[];
};

struct face { /* a component */
	struct le le;
	char *domain;
	struct service *service; /* referenced */
};

struct busy { /* who is in a call; user or contact */
	struct le he;
	char *jid;
	unsigned calls;
};

struct presence {
	struct presence_conf conf;
	struct subscribers *subscribers;
	struct notifier *notifier;
	struct hash *pairs, *contacts; /* the same pairs, by user, by contact*/
	struct hash *busy;
	struct list faces, queue;
	struct tmr tmr_pace, tmr_trunks;
	uint64_t trunks_up;	      /* a bit for each of the first 64 */
	uint64_t paced;		      /* ms; of the last tick */
	uint64_t tokens;	      /* thousandths of a SUBSCRIBE */
	uint64_t lost_at, lost_until; /* ms; see lost() */
	const struct config_trunk *lost_trunk;
	unsigned pairc;
	unsigned counted; /* of count_watched() */
	bool stopping;
};

/* presence.c */
int pair_get(struct pair **pp, struct presence *p, const char *user,
	     const char *contact);
/* Frees it when there is nothing left to know. */
void pair_drop(struct pair *pair);
void pair_save(const struct pair *pair);
/* Calls h for each pair that the user, or the contact, is in. */
typedef void(pair_h)(struct pair *pair);
void pairs_apply(const struct presence *p, const char *user,
		 const char *contact, pair_h *h);
bool presence_busy(const struct presence *p, const char *jid);
const struct config_presence *presence_limits(const struct pair *pair);

/* presence_ask.c */
const char *ask_state_name(enum ask_state st);
void ask_enter(struct ask *ask, enum ask_state st);
/* Back to idle; what is subscribed is left. */
void ask_reset(struct ask *ask);
/* SUBSCRIBE when its turn comes; fetch: for the state once. */
void ask_queue(struct ask *ask, bool fetch);
void watch_trunks(void *arg);

/* presence_watch.c */
/* The contact lets itself be seen; or it does not. */
void watch_settle(struct pair *pair);
void watch_refuse(struct pair *pair, enum presence_action a);
bool watch_is_talking(const struct pair *pair);
void watch_init(struct pair *pair);
void watch_close(struct pair *pair);
bool watch_event(struct pair *pair, enum service_event ev);
/* The user is there, whoever said so. */
void watch_online(struct pair *pair);
void watch_offline(struct pair *pair);
void watch_show(struct pair *pair);
/* Ends what is open at phones; XMPP is told nothing. */
void watch_stop(struct pair *pair);

/* presence_serve.c */
int serve_listen(struct presence *p);
void serve_event(struct pair *pair, enum service_event ev,
		 const struct stanza *st);
void serve_show(struct pair *pair);
void serve_close(struct pair *pair);

#endif
