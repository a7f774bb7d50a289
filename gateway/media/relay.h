/* relay.h: the worker's half of a call: its flows, its streams, its clock.
 *
 * Everything here belongs to one worker thread.  Flows and relays are made by
 * the signalling thread, which gives them away with the command that starts
 * them, so that a lack of memory is an error of the call that asked. */
#ifndef MEDIA_RELAY_H
#define MEDIA_RELAY_H

#include <netinet/in.h>
#include "media/agent.h"
#include "media/assoc.h"
#include "media/crypt.h"
#include "media/dtmf.h"
#include "media/evp.h"
#include "media/latch.h"
#include "media/media.h"
#include "media/reach.h"
#include "media/ss.h"
#include "media/track.h"
#include "media/worker.h"

enum {
	FLOW_REMOTE_MAX = DESC_CANDIDATE_MAX,
	FLOW_EARLY_MAX = 1600, /* bytes of a DTLS flight that came too soon */
	RELAY_NAME_SIZE = 32,
	RELAY_CNAME_SIZE = 17,
};

enum { CONSENT_ASKED = 3, CONSENT_UFRAG = 32 };

/* Whether we may send goes on being asked (consent.c).  mine: by us. */
struct consent {
	struct wtimer timer;
	struct evp_hmac ours, theirs;  /* by whose password */
	uint64_t answered_at;	       /* us; 0: nothing was selected yet */
	uint64_t next_at;	       /* us; the next check */
	uint64_t asked[CONSENT_ASKED]; /* the rest of their numbers; 0: none */
	uint64_t tie;
	uint32_t id; /* begins the numbers of our checks */
	unsigned askedc;
	int fd;			   /* whose STUN we get; -1: of none */
	char ufrag[CONSENT_UFRAG]; /* ours; libnice's have four letters */
	bool mine, missed, paused, controlling;
};

enum flow_state {
	FLOW_NEW,
	FLOW_CHECKING,	/* ICE: both credentials known */
	FLOW_SHAKING,	/* ICE is up, DTLS goes on */
	FLOW_UP,	/* packets pass */
	FLOW_SUSPENDED, /* consent lost: nothing is sent */
	FLOW_FAILED,
};

struct ice_socket {
	struct watch watch;
	struct sockaddr_storage local;
};

struct ice_part {
	struct ice_socket sockets[AGENT_SOCKET_MAX]; /* ours */
	unsigned socketc;
	struct agent *agent;
	struct identity *identity; /* the engine's */
	struct media_net
	    nets[MEDIA_NET_MAX + 2]; /* links of ours at the end */
	unsigned netc;
	unsigned refused; /* candidates of the peer that are out of reach */
	bool heard;	  /* DTLS of the peer */
	bool controlling, told, have_remote, up, restarting, asked;
	char ufrag[DESC_UFRAG_MAX + 1], pwd[DESC_UFRAG_MAX + 1]; /* remote */
	struct desc_addr *remotes;				 /* owned */
	unsigned remotec, remote_room, localc;

	struct assoc *assoc;
	enum desc_setup setup; /* the remote's */
	struct fingerprint fingerprint;
	uint8_t *early; /* owned; a flight from before we were connected */
	size_t earlylen;
	struct sockaddr_storage early_src;
	int early_fd;
	struct sockaddr_storage flight; /* whence DTLS came last */
	int flight_fd;

	bool paired;
	struct agent_pair pair;
	int pair_fd; /* -1: by libnice */
	int send_fd; /* -1: by pair_fd; ours, connected to the pair */
	bool send_tried;
	struct consent consent;
	uint64_t suspended_at;
	struct wtimer deadline, retransmit, linger;
};

struct rtp_part {
	struct watch watch[2];
	int fds[2]; /* RTP, RTCP */
	bool mux, encrypted;
	struct latch latch[2];
	struct crypto tx, rx; /* as given, to see a change */
};

/* Whither media goes by a flow that is open, worked out once: the packet path
 * looks at nothing else.  len 0: not worked out, or not open. */
struct aim {
	int fd;
	socklen_t len;
	union {
		struct sockaddr sa;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	};
};

/* What a packet touches comes first, up to the bytes sent: with many calls
 * each cache line of theirs comes from far away. */
struct flow {
	struct grave grave; /* first */
	struct relay *relay;
	struct crypt *crypt; /* owned; NULL: plain, or no keys yet */
	struct stream *last; /* whose packet came last, NULL: ask */
	uint64_t in_at;	     /* us; last authentic packet, 0: none */
	uint64_t armed_at;   /* us; since the remote is known, 0: not yet */
	enum flow_state state;
	unsigned index;
	bool ice, gone, timed_out;
	uint8_t tap;	/* who looks on (tap.c), 0: nobody */
	bool settled;	/* RTP: its source will not change any more */
	bool connected; /* RTP: its socket is */
	bool singly;	/* to aim, as in txrun.h */
	struct aim aim;
	struct media_count count;
	uint64_t first_at; /* us; first authentic packet, 0: none */
	uint64_t totalled[WORKER_TOTALS]; /* of count: in the worker's */
	union {
		struct ice_part i;
		struct rtp_part r;
	};
};

struct keypad { /* digits of our own that go to one side */
	struct dtmf queue;
	enum media_side to;
	struct stream *stream;
	uint32_t ts;
	uint64_t at; /* us, when the next packet is due */
	struct wtimer timer;
};

/* What becomes of the packets of a payload type, worked out once, as long as
 * nothing but their numbers has to be changed. */
struct way {
	struct flow *to; /* NULL: not worked out, or not so simple */
	uint32_t in_clock, out_clock;
	uint8_t pt_in, pt_out;
	uint8_t extlen; /* bytes */
	uint8_t ext[PACKET_MID_MAX];
};

struct stream {
	struct way xs_way;
	struct track xs;
	struct way sx_way;
	struct track sx;
	struct relay *relay;
	unsigned index;
	struct media_stream_conf conf;
	uint8_t x_map[128], s_map[128]; /* index into conf.pts + 1; 0: none */
	struct keypad keypads[2];	/* by enum media_side */
	struct dtmf_rx dtmf_rx[2];
	uint64_t dtmf_rx_at[2]; /* us; its last packet */
	uint32_t dtmf_rx_clock[2];
	uint64_t set_at;
	bool x_silent, s_silent; /* was said */
};

struct relay {
	struct grave grave; /* first */
	struct worker *w;
	const struct engine_conf *conf; /* the engine's */
	uint64_t id;
	char name[RELAY_NAME_SIZE];
	char cname[RELAY_CNAME_SIZE];
	struct flow *flows[MEDIA_FLOW_MAX];
	struct stream *streams[MEDIA_STREAM_MAX];
	struct wtimer tick;
	bool gone;
	uint32_t seed;
	uint64_t tap_until, tap_since; /* us */
	unsigned tap_count;	       /* copies since */
};

/* ---- flow.c ---- */

/* Of its two parts it has memory for the one that it is; NULL: there is none.
 */
struct flow *flow_alloc(bool ice);
/* The only function that writes f->state: logs the step and tells. */
void flow_enter(struct flow *f, enum flow_state st);
/* MEDIA_FAILED with a sentence. */
void flow_fail(struct flow *f, bool connectivity, bool security,
	       const char *why);
/* May media leave by it, and is aim set? */
bool flow_aim(struct flow *f);
/* What aim was made from has changed. */
void flow_unaim(struct flow *f);
/* A packet came from where ours go to. */
bool flow_is_aim(const struct flow *f, const struct sockaddr_storage *src);
/* What a packet of the flow will touch is asked for ahead of time. */
void flow_warm(const struct watch *wt, unsigned step);
/* Sends bytes that are ready for the wire; len counts in tx. */
void flow_send(struct flow *f, const uint8_t *p, size_t len, bool rtcp);
/* A packet from src proved authentic. */
void flow_authentic(struct flow *f, const struct sockaddr_storage *src,
		    bool rtcp);
bool flow_is_open(const struct flow *f); /* may media leave by it? */
void flow_close(struct flow *f);	 /* forgets it; freed later */
struct flow *flow_find(const struct relay *r, unsigned index);
/* Where its packets come from, for people. */
const char *flow_peer(const struct flow *f, char buf[SS_TEXT_SIZE]);

/* ---- iceflow.c ---- */
struct remote_ice;
int iceflow_start(struct flow *f, const struct agent_conf *conf);
void iceflow_remote(struct flow *f, const struct remote_ice *cmd);
void iceflow_restart(struct flow *f);
void iceflow_close(struct flow *f);
/* Why there is no sound from there yet. */
void iceflow_explain(const struct flow *f, char *buf, size_t size);

/* Nothing may be sent; it may again, after all. */
void iceflow_lost(struct flow *f);
void iceflow_again(struct flow *f);

/* ---- consent.c ---- */
/* A pair is selected and up, just now. */
void consent_start(struct flow *f);
/* ICE begins anew: libnice gets all of STUN again, no check is sent; a peer
 * that does not come back is missed in its time. */
void consent_pause(struct flow *f);
void consent_close(struct flow *f);
void consent_input(struct flow *f, const uint8_t *p, size_t len,
		   const struct sockaddr_storage *src);
/* us from the peer's last answer to iceflow_lost. */
uint64_t consent_patience(void);

/* ---- icesend.c ---- */
bool iceflow_aim(struct flow *f);
/* The pair is another now, or gone: so is what was made for it. */
void iceflow_unpair(struct flow *f);
void iceflow_send(struct flow *f, const uint8_t *p, size_t len);

/* ---- shake.c ---- */
void shake_start(struct flow *f); /* when all it needs is known */
void shake_input(struct flow *f, const uint8_t *p, size_t len);
void shake_close(struct flow *f);

/* ---- rtpflow.c ---- */
struct remote_rtp;
int rtpflow_start(struct flow *f);
void rtpflow_remote(struct flow *f, const struct remote_rtp *cmd);
bool rtpflow_aim(struct flow *f);
void rtpflow_send(struct flow *f, const uint8_t *p, size_t len, bool rtcp);
void rtpflow_learn(struct flow *f, const struct sockaddr_storage *src,
		   bool rtcp);
void rtpflow_close(struct flow *f);

/* ---- forward.c: the packet path; no lock, no allocation ---- */
void forward_rtp(struct flow *f, uint8_t *p, size_t len,
		 const struct sockaddr_storage *src);
void forward_rtcp(struct flow *f, uint8_t *p, size_t len,
		  const struct sockaddr_storage *src);
/* Protects and sends what of ours goes by f; room of CRYPT_TRAILER behind. */
void forward_send(struct flow *f, uint8_t *p, size_t len, bool rtcp);

/* Writes our header right before the payload, where there is room; returns
 * where it begins. */
uint8_t *forward_header(const struct stream *s, const struct packet *pk,
			uint8_t *payload, bool to_x);

/* ---- keypad.c ---- */
void keypad_push(struct stream *s, enum media_side to, char digit,
		 unsigned ms);
/* An event on its way to that side ends here: told once it is over. */
void keypad_event(struct stream *s, enum media_side to,
		  const struct packet *pk, const uint8_t *payload,
		  uint32_t clock);
void keypad_tick(struct stream *s);
void keypad_close(struct stream *s);

/* ---- relay.c ---- */
void relay_start(struct relay *r, struct worker *w);
void relay_close(struct relay *r);
/* What packets were told by flows and streams no longer holds. */
void relay_forget(struct relay *r);
/* spare: memory for a new stream, taken or freed. */
void relay_stream(struct relay *r, unsigned index, struct stream *spare);
void relay_dtmf(struct relay *r, unsigned stream, enum media_side to,
		char digit, unsigned ms);
void relay_stats(struct relay *r);

/* ---- total.c ---- */
/* What a flow counted since the last time goes to the worker's totals. */
void total_flow(struct flow *f);

/* ---- tap.c ---- */
void tap_set(struct relay *r, unsigned ms);
/* What the flow's packets have to ask, from now on. */
void tap_renew(struct flow *f);
/* src: whence it came, NULL: ours. */
void tap_packet(struct flow *f, bool tx, bool rtcp, const uint8_t *p,
		size_t len, const struct sockaddr_storage *src);

/* ---- tick.c ---- */
void tick_start(struct relay *r);

/* ---- event.c ---- */
/* A copy of everything goes to the signalling thread. */
void relay_event(struct relay *r, const struct media_event *ev);
/* A step of the flow for the trace; the second one for the log, too. */
__attribute__((format(printf, 2, 3))) void flow_note(struct flow *f,
						     const char *fmt, ...);
__attribute__((format(printf, 2, 3))) void flow_say(struct flow *f,
						    const char *fmt, ...);

#endif
