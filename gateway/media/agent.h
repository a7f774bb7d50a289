/* agent.h: full ICE (RFC 8445) with consent (RFC 7675) for one flow: a libnice
 * agent with a GMainContext of its own on the worker's epoll set.
 *
 * One stream, component 1 (rtcp-mux).  Callbacks come from the worker's loop,
 * never from inside the functions below; in them every function but
 * agent_close may be called, and that one too. */
#ifndef MEDIA_AGENT_H
#define MEDIA_AGENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include "media/worker.h"
#include "sdp/desc.h"

enum { AGENT_LOCAL_MAX = 16, AGENT_SOCKET_MAX = 4 };

struct agent;

struct agent_conf { /* strings are not owned; numeric addresses */
	struct sockaddr_storage addr4, addr6, public4, public6;
	uint16_t port_min, port_max;
	char stun_host[64], turn_host[64]; /* "": none */
	uint16_t stun_port, turn_port;
	const char *turn_user, *turn_pass;
	bool turn_tcp, relay_only;
	bool consent; /* asked for by libnice */
	unsigned dscp;
};

struct agent_pair {
	struct sockaddr_storage base; /* of ours */
	struct sockaddr_storage remote;
	enum candidate_type local_type, remote_type;
};

struct agent_ops {
	/* Our candidates, from first on, are new; the agent is gathered far
	 * enough for the host candidates.  n 0: it cannot gather. */
	void (*local)(void *arg, const struct candidate *cands, unsigned first,
		      unsigned n);
	void (*up)(void *arg);	 /* connected or ready, maybe again */
	void (*lost)(void *arg); /* was up, consent is gone */
	void (*pair)(void *arg, const struct agent_pair *pair);
	/* A peer-reflexive candidate of the peer. */
	void (*remote)(void *arg, const struct desc_addr *addr);
	/* What libnice received itself: TURN, or no second socket. */
	void (*data)(void *arg, uint8_t *p, size_t len);
};

int agent_alloc(struct agent **ap, struct worker *w,
		const struct agent_conf *conf, bool controlling,
		const struct agent_ops *ops, void *arg);
/* No callback comes any more; the agent ends in its own time. */
void agent_close(struct agent *a);

/* Sockets of the host candidates, owned by libnice. */
unsigned agent_sockets(struct agent *a, int fds[AGENT_SOCKET_MAX]);
/* ufrag and pwd of ours, g_free'd by agent_free_text. */
int agent_credentials(struct agent *a, char **ufrag, char **pwd);
void agent_free_text(char *s);
int agent_set_remote(struct agent *a, const char *ufrag, const char *pwd);
/* EINVAL: it is none that can be used (TCP, component 2, no host ..). */
int agent_add_remote(struct agent *a, const struct candidate *c);
/* New credentials of ours, the public addresses of conf; ops->local comes with
 * all candidates. */
int agent_restart(struct agent *a, const struct agent_conf *conf);
/* Who asks for consent in libnice's place needs none of its keepalives while
 * nothing else goes on. */
void agent_rest(struct agent *a, bool rest);
/* It asks after all, but gives up only after 50 s. */
void agent_ask(struct agent *a);
bool agent_is_controlling(struct agent *a);
int agent_send(struct agent *a, const uint8_t *p, size_t len);
/* us from the peer's last answer to ops->lost. */
uint64_t agent_patience(void);

#endif
