/* engine.h: what passes between the signalling thread and the workers. */
#ifndef MEDIA_ENGINE_H
#define MEDIA_ENGINE_H

#include "media/relay.h"

enum command_type {
	COMMAND_OPEN,
	COMMAND_CLOSE,
	COMMAND_FLOW,
	COMMAND_FLOW_END,
	COMMAND_REMOTE_ICE,
	COMMAND_REMOTE_RTP,
	COMMAND_RESTART,
	COMMAND_STREAM,
	COMMAND_DTMF,
	COMMAND_STATS,
	COMMAND_TAP,
};

struct remote_ice { /* a copy of struct transport */
	char ufrag[DESC_UFRAG_MAX + 1], pwd[DESC_UFRAG_MAX + 1];
	bool credentials;
	struct fingerprint fingerprint;
	enum desc_setup setup;
	unsigned candidatec;
	struct candidate candidates[]; /* next means nothing */
};

struct remote_rtp {
	struct sockaddr_storage addr, rtcp, signal;
	bool mux, encrypted;
	struct crypto tx, rx;
};

struct command {
	struct cmdq_item item; /* first */
	enum command_type type;
	uint64_t id;	/* of the relay */
	unsigned index; /* flow or stream, or ms of a tap */
	union {		/* owned until the worker takes it */
		struct relay *relay;
		struct flow *flow;
		struct stream *stream;
		struct remote_ice *ice;
		struct remote_rtp *rtp;
		struct {
			enum media_side to;
			char digit;
			unsigned ms;
		} dtmf;
	};
};

struct event {		       /* one allocation */
	struct cmdq_item item; /* first */
	uint64_t id;
	struct media_event ev;
	struct media_packet packet; /* its bytes are behind this structure */
	struct transport transport;
	struct fingerprint fingerprint;
	char why[256];
	char ufrag[DESC_UFRAG_MAX + 1], pwd[DESC_UFRAG_MAX + 1];
	struct candidate *candidates; /* behind this structure */
	struct media_stat *stats;     /* ditto */
};

struct engine;
/* Any thread.  A queue whose reader is to be woken soon, or NULL. */
struct cmdq *engine_post(struct engine *e, struct event *ev);
void engine_agent_conf(struct engine *e, struct agent_conf *conf);

/* command.c: in the worker's thread */
void command_run(struct worker *w, struct cmdq_item *item);

#endif
