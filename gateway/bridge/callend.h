/* callend.h: how calls end: what is said of each, and how many they were. */
#ifndef BRIDGE_CALLEND_H
#define BRIDGE_CALLEND_H

#include "base/histogram.h"
#include "bridge/leg.h"

/* What became of a call, for those who count. */
enum call_outcome {
	OUTCOME_ANSWERED, /* and one of the two hung up */
	OUTCOME_BUSY,
	OUTCOME_DECLINED,
	OUTCOME_CANCELLED, /* by who called */
	OUTCOME_NO_ANSWER,
	OUTCOME_UNREACHABLE,  /* no such address, or nobody is there */
	OUTCOME_REFUSED,      /* the gateway's rules */
	OUTCOME_LIMITED,      /* the gateway's limits */
	OUTCOME_INCOMPATIBLE, /* no codec or encryption in common */
	OUTCOME_MEDIA,	      /* no way for the sound, or lost */
	OUTCOME_STOPPED,      /* by the gateway: operator, time, its end */
	OUTCOME_FAILED,
	OUTCOME_CRASH, /* the gateway died during it */
	OUTCOME_MAX
};
const char *call_outcome_name(enum call_outcome o);

enum call_by { CALL_BY_GATEWAY, CALL_BY_XMPP, CALL_BY_SIP };

enum { CALL_ID_SIZE = 32 };

struct call_end { /* of a call, for who tells users of it, and for records */
	const char *name;      /* "7f3a0c11" */
	char id[CALL_ID_SIZE]; /* of all times */
	const struct peer *x, *s;
	const char *as; /* what SIP calls the user, a URI; NULL: unknown */
	const char *trunk, *rule, *codec; /* "": none */
	const char *diverted;		  /* who sent it on, or NULL */
	bool from_xmpp, answered;
	bool by_xmpp; /* the user ended it */
	bool refused; /* before anybody was asked */
	enum call_by by;
	const struct ending *why;
	enum call_outcome outcome;
	/* What each side was told or told us: the last response to the
	 * INVITE, the cause on the wire, the reason in XMPP. */
	unsigned sip_code, q850;
	enum reason reason;
	uint64_t at;		   /* ms, CLOCK_REALTIME: it began */
	uint64_t begun;		   /* ms, CLOCK_MONOTONIC: the same */
	uint64_t ringing, talking; /* ms after that; 0: never */
	uint64_t lasted;	   /* ms, all of it */
	bool media;		   /* counters of its media follow */
};

/* Of all calls since the start; [0]: SIP called, [1]: XMPP called. */
struct call_counts {
	uint64_t started[2], ended[2][OUTCOME_MAX];
	uint64_t shed; /* refused before they counted as calls */
	uint64_t digits[2], holds;
	uint64_t one_way[2]; /* silence; [0]: nothing from SIP */
	uint64_t ice_failed, dtls_failed, rtp_timeouts;
	uint64_t suspended, migrated;
	struct histogram ringing[2], answer[2]; /* ms after it began */
	struct histogram duration;		/* s of answered calls */
};
extern struct call_counts call_counts;

/* Why, for people. */
const char *ending_words(const struct ending *why);
void call_id_print(char id[CALL_ID_SIZE], uint64_t at, const char *name);
/* Why it ended, for people. */
const char *call_end_words(const struct call_end *end);
/* Fills outcome, sip_code, q850 and reason from the rest. */
void call_end_judge(struct call_end *end);

#endif
