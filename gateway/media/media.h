/* media.h: the packets of one call (design.md section 5).
 *
 * The engine's functions are called by the signalling thread only.  Each call
 * lives in one worker thread; commands go down and events come up as values
 * through queues, so that neither waits for the other.  This folder includes
 * neither libre nor XMPP nor SIP. */
#ifndef MEDIA_MEDIA_H
#define MEDIA_MEDIA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include "sdp/desc.h"

enum {
	MEDIA_NET_MAX = 8,
	MEDIA_FLOW_MAX = 36,
	MEDIA_STREAM_MAX = 16,
	MEDIA_PT_MAX = 64,
};

struct engine;
struct media;
struct media_stat;
struct media_totals;

struct engine_conf {
	unsigned workers; /* 0: one per core */
	uint16_t port_min,
	    port_max; /* for RTP (even) and RTCP (odd), and ICE */
	struct sockaddr_storage addr4, addr6;	  /* ss_family 0: none */
	struct sockaddr_storage public4, public6; /* ditto; NAT (1:1) */
	const char *
	    stun_host; /* numeric or name, looked up in the background; NULL */
	uint16_t stun_port;
	const char *turn_host, *turn_user, *turn_pass; /* NULL: none */
	uint16_t turn_port;
	bool turn_tcp;
	unsigned dscp;			/* audio, 46 */
	unsigned rtp_timeout, rtp_warn; /* s, SIP side */
	unsigned datagram_in, datagram_out;
	/* For tests and trials: no pair but by TURN; packets by libnice's
	 * sockets alone, as on a kernel that refuses the second one. */
	bool relay_only, one_socket;
	unsigned cert_life; /* s until a new DTLS certificate; 0: 25 days */
	/* Told by engine_dispatch of what a call's media was in the end, once
	 * after its media_close; or NULL.  name as in media_open. */
	void (*final)(const char *name, const struct media_stat *stats,
		      unsigned n, void *arg);
	void *final_arg;
};

/* EADDRNOTAVAIL when an address cannot be bound, ENOMEM .. */
int engine_start(struct engine **ep, const struct engine_conf *conf);
void engine_stop(struct engine *e);
/* Our public address of pub's family is another now.  New flows tell it at
 * once, ICE flows from media_restart on, RTP flows by media_flow_address. */
void engine_set_public(struct engine *e, const struct sockaddr_storage *pub);
/* Readable when events wait; then call engine_dispatch. */
int engine_fd(const struct engine *e);
void engine_dispatch(struct engine *e);
/* From now on h is called when workers have something to do, and they hear of
 * it from engine_flush, which is to be called when all has been said that is
 * to be said now.  NULL: they are told each time, as at first. */
void engine_on_soon(struct engine *e, void (*h)(void *arg), void *arg);
void engine_flush(struct engine *e);
/* SHA-256 of the process's DTLS certificate. */
const struct fingerprint *engine_fingerprint(const struct engine *e);
/* Calls that fit into the ports and descriptors that are free now. */
unsigned engine_room(const struct engine *e);
struct engine_use { /* by calls, and how many they may have */
	unsigned ports, ports_max, fds, fds_max;
};
void engine_used(const struct engine *e, struct engine_use *use);
/* us that something had to wait in a worker at worst since this was last
 * asked, or waits there now; that an event of theirs waited for
 * engine_dispatch. */
uint64_t engine_lag(struct engine *e);
/* Has every worker done anything since the last time that this was asked? */
bool engine_answers(struct engine *e);
/* A MEDIA_PACKET for each RTCP packet of all calls, in a second from now. */
void engine_set_copies(struct engine *e, bool on);
unsigned engine_workers(const struct engine *e);
/* Of the XMPP side (ice), or the SIP side. */
void engine_totals(const struct engine *e, bool ice, struct media_totals *t);
uint64_t engine_told_lag(struct engine *e);

enum media_event_type {
	MEDIA_LOCAL,	 /* an ICE flow has gathered: transport is ours; again
			  * after a restart, and once more per late candidate
			  * (srflx, relay) with only the new ones in it */
	MEDIA_CONNECTED, /* flow: ICE and DTLS (or RTP latched) are up */
	MEDIA_SUSPENDED, /* consent lost; nothing is sent */
	MEDIA_RESUMED,
	MEDIA_FAILED,	  /* flow is lost for good; why says it in words */
	MEDIA_EVENT_DTMF, /* a digit came as RFC 4733 and is not relayed */
	MEDIA_SILENT,  /* one way silent for rtp_warn s; why: likely cause */
	MEDIA_TIMEOUT, /* SIP side: no RTP and RTCP for rtp_timeout s */
	MEDIA_STATS,   /* answer to media_stats */
	MEDIA_NOTE,    /* a step, for the trace; why says it in words */
	MEDIA_PACKET,  /* media_tap's, engine_set_copies' */
	MEDIA_FINAL,   /* engine_conf.final's */
};

struct media_count {
	uint64_t rx_packets, rx_bytes, tx_packets, tx_bytes;
	uint64_t rx_lost, rx_auth_fail, rx_replay, rx_unknown_source, rx_bad;
	uint64_t tx_drop;
	uint32_t jitter_us, rtt_us; /* last seen; rtt 0: unknown */
};

/* Of all flows of one kind since the start, some 1 s old; events as they
 * happened. */
struct media_totals {
	uint64_t rx_packets, rx_bytes, tx_packets, tx_bytes;
	uint64_t rx_lost, rx_auth_fail, rx_replay, rx_unknown_source, rx_bad;
	uint64_t tx_drop;
};

struct media_stat { /* one flow */
	unsigned flow;
	bool ice;
	bool up;
	enum crypto_suite suite; /* SUITE_NONE: plain */
	char pair[128];	   /* "127.0.1.1:40002 host - 10.0.0.2:5 prflx" */
	uint64_t first_us; /* CLOCK_MONOTONIC; 0: nothing authentic came */
	struct media_count count;
};

struct media_packet { /* a copy, in clear */
	uint64_t at;  /* us, CLOCK_REALTIME */
	bool tx;      /* sent by us */
	bool rtcp;
	struct sockaddr_storage local, remote;
	const uint8_t *p;
	size_t len;
};

struct media_event {
	enum media_event_type type;
	unsigned flow;			   /* where it makes sense */
	unsigned stream;		   /* ditto */
	const struct transport *transport; /* MEDIA_LOCAL; valid in handler */
	bool restart;			   /* MEDIA_LOCAL: new credentials */
	bool relay;			   /* MEDIA_CONNECTED by TURN */
	const char *why;		   /* a sentence, valid in handler */
	bool connectivity;		   /* MEDIA_FAILED: ICE, else DTLS */
	bool security; /* MEDIA_FAILED: fingerprint or no profile */
	char digit;
	unsigned ms;
	bool from_x; /* MEDIA_EVENT_DTMF: from the XMPP side, else SIP's */
	const struct media_stat *stats;
	unsigned statc;
	const struct media_packet *packet; /* MEDIA_PACKET; valid in handler */
};

typedef void(media_event_h)(const struct media_event *ev, void *arg);

/* name ("7f3a") begins the log lines of this call.  *mp is freed by
 * media_close only; h may call it.  ENFILE when no port or descriptor is
 * left, ENOMEM. */
int media_open(struct media **mp, struct engine *e, const char *name,
	       media_event_h *h, void *arg);
/* No event comes after this.  Final counters are logged. */
void media_close(struct media *m);

struct media_net {
	struct desc_addr addr; /* port unused */
	unsigned prefix;       /* bits */
};
/* Private, link-local and loopback candidates of the XMPP side are only used
 * when they are in one of these networks or on a link of the engine's own
 * addresses.  For the flows that are made afterwards; at most MEDIA_NET_MAX,
 * E2BIG. */
int media_allow(struct media *m, const struct media_net *nets, unsigned n);

/* An ICE + DTLS-SRTP flow towards XMPP. MEDIA_LOCAL follows (with fingerprint,
 * mux and setup = actpass in it).  controlling: Jingle initiator.  *flow is its
 * number within the call. */
int media_flow_ice(struct media *m, unsigned *flow, bool controlling);

struct media_rtp_conf {
	int family; /* AF_INET or AF_INET6 */
	/* networks of phones: as good a source as the address in SDP */
	struct media_net from[MEDIA_NET_MAX];
	unsigned fromc;
	enum {
		MEDIA_LATCH_RESTRICTED,
		MEDIA_LATCH_OFF,
		MEDIA_LATCH_ANY
	} latch;
};
/* An RTP + RTCP port pair towards SIP, bound before return; local->addr and
 * local->rtcp are what to write into SDP (public address if configured). */
int media_flow_rtp(struct media *m, unsigned *flow,
		   const struct media_rtp_conf *conf, struct transport *local);
/* The same for an open flow, after engine_set_public. EINVAL: not RTP. */
int media_flow_address(const struct media *m, unsigned flow,
		       struct transport *local);
/* Ends a flow (a loser of several). */
void media_flow_end(struct media *m, unsigned flow);

/* What the other end of a flow said.  ICE: credentials, candidates (may come
 * in pieces: t may hold only new candidates), fingerprint, setup as the
 * *remote* wrote it; ours is derived: remote active -> we are passive, remote
 * actpass or passive -> we are active (DTLS client).  New credentials on a
 * flow that had others are an ICE restart: MEDIA_LOCAL follows with ours.
 * RTP: addr, rtcp, mux; tx and rx keys, NULL for plain RTP.  signalling: the
 * address that SIP came from, for latching (family 0: unknown). */
int media_remote_ice(struct media *m, unsigned flow,
		     const struct transport *t);
int media_remote_rtp(struct media *m, unsigned flow, const struct transport *t,
		     const struct crypto *tx, const struct crypto *rx,
		     const struct desc_addr *signalling);
/* We restart ICE; MEDIA_LOCAL follows. */
int media_restart(struct media *m, unsigned flow);

enum { MEDIA_PT_NONE = 255 };
struct media_pt {
	uint8_t x, s;		   /* number on the XMPP side, on the SIP side;
		       * MEDIA_PT_NONE: that side has none */
	uint32_t x_clock, s_clock; /* Hz; differ only for events */
	bool event;		   /* RFC 4733 */
};

/* One m-line: joins flow x (ICE) with flow s (RTP).  May be called again to
 * change it; the packets go on.  Directions: may packets pass x->s, s->x. */
struct media_stream_conf {
	bool used; /* false: m-line kept, nothing passes */
	enum desc_kind kind;
	unsigned x_flow, s_flow;
	bool x_to_s, s_to_x;
	bool x_muted;	  /* its silence is no fault */
	bool s_keepalive; /* one empty RTP packet a second towards SIP until
			   * the XMPP side sends (proceed, E.2) */
	struct media_pt pts[MEDIA_PT_MAX];
	unsigned ptc;
	uint32_t ssrc_x, ssrc_s; /* ours, towards each side */
	char mid[33];		 /* RFC 9143 MID towards X; "" when none */
	uint8_t mid_ext;	 /* its extmap id, 0: not used */
	uint32_t x_ssrc[8];	 /* announced by the XMPP side, for demux */
	unsigned x_ssrcc;
	bool dtmf_events; /* MEDIA_EVENT_DTMF wanted for events of either side
			   * that the other has no number for, once a digit */
	bool x_events;	  /* and for all from XMPP, which are not relayed */
};
int media_stream(struct media *m, unsigned stream,
		 const struct media_stream_conf *conf);

enum media_side { MEDIA_TO_S, MEDIA_TO_X };
/* Sends a digit (0-9 * # A-D) as RFC 4733; clamped to 40..8000 ms, queued with
 * 50 ms gaps.  ENOTSUP when that side has no telephone-event number. */
int media_dtmf(struct media *m, unsigned stream, enum media_side to,
	       char digit, unsigned ms);

/* MEDIA_STATS follows. */
int media_stats(struct media *m);

/* A MEDIA_PACKET for each packet of the SIP side, in clear, for so many ms; 0:
 * no more. */
int media_tap(struct media *m, unsigned ms);

#endif
