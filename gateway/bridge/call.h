/* call.h: the calls of the gateway: two legs, one media, one state machine
 * each (protocol E.4). */
#ifndef BRIDGE_CALL_H
#define BRIDGE_CALL_H

#include "bridge/callend.h"
#include "bridge/leg.h"
#include "bridge/policy.h"
#include "bridge/route.h"
#include "bridge/shed.h"
#include "jingle/jingleleg.h"
#include "media/media.h"
#include "sip/sipleg.h"

struct calls_conf { /* none of these is referenced; all outlive the calls */
	const struct config *config;
	struct engine *engine;
	struct route *route;
	struct policy *policy;
	struct shed *shed; /* NULL: there is always time */
	struct sipstack *stack;
	struct sipcalls *sip;
	/* A call of the two (bare JIDs) was answered, or is over; or NULL. */
	void (*busy)(const char *user, const char *contact, bool busy,
		     void *arg);
	/* The call is over; or NULL. */
	void (*ended)(const struct call_end *end, void *arg);
	/* The same, also of those that were refused at once: each that was
	 * ever counted, once. */
	void (*record)(const struct call_end *end, void *arg);
	void *record_arg;
	void *busy_arg;
};

/* Rings the user's devices and then calls the contact, both bare JIDs (protocol
 * G.3, sip:dial).  On error *why has words for the user. */
int calls_dial(const char *user, const char *contact, struct ending *why);

/* One set of calls a process: legs find it without an argument. */
int calls_start(const struct calls_conf *conf);
/* Ends every call with why and forgets the set. */
void calls_stop(const struct ending *why);
/* A component that calls may use, by its domain. */
int calls_component(const char *domain, struct jingle *jingle);

/* For admin. */
struct call_info {
	const char *name;  /* "7f3a" */
	const char *state; /* "active" */
	bool from_xmpp;	   /* who started it */
	const struct peer *x, *s;
	const char *trunk;
	uint64_t age_ms, active_ms;	 /* active 0: not answered yet */
	const struct leg *x_leg, *s_leg; /* NULL: none yet or gone */
	const struct media_stat *stats;	 /* as last asked for */
	unsigned statc;
	const char *codec; /* "opus/48000", "" before media */
};
typedef bool(call_info_h)(const struct call_info *info, void *arg);
/* Stops at the first true. name NULL: all. */
bool calls_apply(const char *name, call_info_h *h, void *arg);
/* Asks the media of a call for fresh counters; they are in call_info a few ms
 * later.  ENOENT. */
int calls_refresh(const char *name);
/* After engine_set_public and sipstack_set_public: running calls follow. */
void calls_readdress(void);
/* ENOENT: no such call. */
int calls_hangup(const char *name);
unsigned calls_count(void);
/* Under which keys the trace has a call: its name, and the ids of its legs; ""
 * for a leg without one. */
enum { CALL_KEY_X, CALL_KEY_S, CALL_KEY_BEFORE /* X's last device */ };
enum { CALL_KEYS_MAX = CALL_KEY_BEFORE + 1 };
struct call_keys {
	char name[16];
	char ids[CALL_KEYS_MAX][80];
	uint64_t begun; /* ms, CLOCK_REALTIME */
};
/* Also of one of the last calls that have ended.  ENOENT: no such call. */
int calls_keys(const char *name, struct call_keys *k);
/* Copies of the packets of a live call's SIP side, in clear, for so many ms;
 * the last is NULL: the call has ended.  h NULL: no more. ENOENT, EBUSY when
 * another looks on already. */
typedef void(call_packet_h)(const struct media_packet *packet, void *arg);
int calls_tap(const char *name, unsigned ms, call_packet_h *h, void *arg);
/* The call that has this key. ENOENT. */
int calls_keys_of(const char *id, struct call_keys *k);

#endif
