/* stack_priv.h: what the files of the stack know of each other. */
#ifndef SIP_STACK_PRIV_H
#define SIP_STACK_PRIV_H

#include "sip/digest.h"
#include "sip/gate.h"
#include "sip/hook.h"
#include "sip/register.h"
#include "sip/stack.h"
#include "sip/target.h"

struct options; /* the health watcher of one trunk, options.c */

/* One struct sip: a listener, or a way out that no listener offers. */
struct wire {
	struct le le;		/* of stack->wires */
	struct le le_all;	/* of every stack's, for sipstack_send() */
	struct sipstack *stack; /* not referenced */
	struct siptrunk *trunk; /* not referenced; its private way out */
	const struct config_listen *conf; /* NULL: ephemeral */
	struct sip *sip;
	struct tls *tls; /* referenced; NULL: none */
	struct sip_lsnr *requests, *responses;
	enum sip_transp tp;
	struct sa laddr, public; /* public: unset where there is none */
	struct udp_sock *us;	 /* referenced, once known */
	struct udp_helper *uh;
	struct hook_receiver recv; /* libre's, of a datagram */
	uint64_t unread;	   /* for lag_input */
	struct tmr tmr;		   /* until us is known */
	char probe[24];		   /* Call-ID of the datagram to ourselves */
	struct list streams;	   /* struct stream, wire_stream.c */
};

struct handler { /* of sipstack_listen and sipstack_listen_dialog */
	struct le le;
	char *method;
	bool req;
	sipstack_request_h *requesth;
	sip_msg_h *msgh;
	void *arg;
};

struct waiter { /* of siptrunk_target */
	struct le le;
	siptarget_h *h;
	void *arg;
};

struct siptrunk { /* or a line, or the registrar that lines share */
	struct le le;
	struct le he, he_token;	    /* of a line: of stack->lines, ->tokens */
	struct siptrunk *hop;	    /* of a line: its registrar, referenced */
	struct config_trunk *owned; /* conf of a line or its registrar */
	char *token;		    /* of a line: user part of Contact */
	struct binding *keeper; /* of a registrar: whose binding keeps the way
				 * open; not referenced */
	unsigned linec;		/* of a registrar: lines that are started */
	bool registrar;
	struct sipstack *stack; /* not referenced */
	const struct config_trunk *conf;
	void *held; /* whose part conf is; NULL: the stack's first, or owned */
	struct list formers; /* where it was before */
	bool gone;	     /* not in the configuration any more */
	struct targets *targets;
	struct digest *digest;
	struct binding *binding;
	struct options *options;
	struct list waiters;
	struct siptarget *filled; /* the last that was asked for; or NULL */
	char *host;		  /* of the URI */
	char status[128];
	bool large_logged;
};

struct sipstack {
	const struct config *conf;
	struct dnsc *dnsc;
	struct gate *gate;
	struct list wires;
	struct list trunks;
	struct list handlers;
	struct hash *lines, *tokens; /* the same lines, by name, by token */
	unsigned linec;
	uint64_t slot;	 /* ms; when the next line may register */
	struct tls *tls; /* of tls: listeners */
	char allow[256], supported[64], agent[160];
	bool closing;
	unsigned retry_after; /* s; 0: new calls are taken */
};

/* wire.c */
int wire_alloc(struct wire **wp, struct sipstack *s, enum sip_transp tp,
	       const struct sa *laddr, struct tls *tls);
const struct sa *wire_public(const struct wire *w);
void wires_limits(struct sipstack *s); /* [limits] has changed */
struct wire *wire_find(const struct sipstack *s, const struct sip *sip);
/* The same, of any stack. */
const struct wire *wire_by_sip(const struct sip *sip);
/* One datagram, traced; errno of sendto(). */
int wire_send(const struct wire *w, const struct sa *dst, const uint8_t *p,
	      size_t len);
/* An address in print: "192.0.2.1" or "192.0.2.1:5060"; until the next call
 * for another one. */
const char *wire_addr(const struct sa *sa, bool port);
/* A request went there: its answer may come from there. */
void wire_asks(const struct sa *dst);
/* The TCP or TLS listener with this address; NULL. */
struct wire *wire_of_stream(const struct sa *laddr);
struct wire *wire_any(void); /* whichever; all have the same limits; NULL */
bool wire_is_probe(struct wire *w, const struct sip_msg *msg);
/* Gate and guard; true: the datagram was dealt with. */
bool wire_judge(struct wire *w, const struct sa *src, struct mbuf *mb);

/* datagram.c: what waits at the socket of a wire, several at once. */
bool datagram_h(struct sa *src, struct mbuf *mb, void *arg);

/* wire_stream.c: the gate of TCP and TLS connections. */
/* First message of a connection: caps, marks, gates what follows. */
bool wire_stream_judge(struct wire *w, const struct sip_msg *msg, bool known);

/* trunk.c */
int trunk_alloc(struct siptrunk **tp, struct sipstack *s,
		const struct config_trunk *conf);
/* Without a place in the list. */
int trunk_make(struct siptrunk **tp, struct sipstack *s,
	       const struct config_trunk *conf);
/* Begins what the configuration asks for and does not go on yet. */
void trunk_start(struct siptrunk *t);
/* Who waits for its targets tries again. */
void trunk_wake(struct siptrunk *t);
/* Whose address is it? media: also where its phones may be. */
struct siptrunk *trunk_by_source(const struct sipstack *s,
				 const struct wire *w, const struct sa *src,
				 bool media);
/* wayout.c: the way out for one target. */
int trunk_fill_target(struct siptarget *t, struct siptrunk *trunk,
		      const struct target *to);

/* Its place in the list of trunks is the caller's matter. */
int trunk_new(struct siptrunk **tp, struct sipstack *s,
	      const struct config_trunk *conf, targets_allow_h *allow);
int trunk_line(struct siptrunk **tp, struct siptrunk *hop,
	       struct config_trunk *conf);
bool trunk_address_allowed(const struct sa *addr, void *arg);
bool trunk_is_source(struct siptrunk *t, const struct sa *src, bool media);

/* line.c */
/* Whose ways out and targets it uses: its own, or its registrar's. */
static inline struct siptrunk *trunk_hop(struct siptrunk *t)
{
	return t->hop ? t->hop : t;
}
struct siptrunk *line_find(const struct sipstack *s, const char *name);
/* The line that a request from there is for; NULL: none. */
struct siptrunk *line_by_request(const struct sipstack *s,
				 const struct sip_msg *msg);
/* ms until a line may register, which takes a turn. */
uint64_t line_turn(struct sipstack *s);
void lines_close(struct sipstack *s);
void lines_refresh(struct sipstack *s);
/* Those of one registrar. */
void lines_renew(struct siptrunk *hop);

/* options.c */
int options_alloc(struct options **op, struct siptrunk *trunk);
void options_answer(struct sipstack *s, struct sip *sip,
		    const struct sip_msg *msg);

/* stack.c */
bool stack_request(struct wire *w, const struct sip_msg *msg);
bool stack_response(struct wire *w, const struct sip_msg *msg);

#endif
