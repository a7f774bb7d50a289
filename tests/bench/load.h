/* load.h: the load tool: calls, the two ends of each, what sets them up.
 *
 * One thread.  The far ends are as cheap as they can be: they say what a
 * gateway needs to hear and no more. */
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include <netinet/in.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include "media/crypt.h"

enum {
	LOAD_CALLS_MAX = 10000,
	LOAD_NAME = 64,
	LOAD_DATAGRAM = 2048,
	LOAD_PAYLOAD = 160, /* bytes; 20 ms of PCMU */
	LOAD_HEADER = 12,
	LOAD_CANDIDATES = 4,
};

struct input { /* a descriptor in the epoll set */
	void (*h)(void *arg);
	void *arg;
};

struct count {
	uint64_t sent, received, wrong, rtcp;
};

struct end { /* where RTP of one side comes from and goes to */
	int fd;
	struct input source;
	struct call *call;
	struct sockaddr_in local, remote;
	uint32_t packets; /* sent */
	struct count count;
};

enum call_state {
	CALL_IDLE,
	CALL_SETUP,
	CALL_UP,
	CALL_ENDING,
	CALL_ENDED,
	CALL_FAILED,
};

struct call {
	unsigned index;
	enum call_state state;
	struct end x, s; /* SRTP, RTP */
	struct crypt *crypt;

	/* Jingle and ICE; we are controlling */
	char ufrag[16], pwd[32], remote_ufrag[LOAD_NAME],
	    remote_pwd[LOAD_NAME];
	struct sockaddr_in candidates[LOAD_CANDIDATES];
	unsigned candidatec, checks;
	bool nominated;
	uint64_t check_at; /* us */
	SSL *ssl;

	bool accepted, told; /* session-accept came; our terminate arrived */

	/* SIP */
	bool invited, acked, bye;
	char answer[2048];
	struct sockaddr_in answer_to;
	uint64_t answer_at; /* us; 0: acknowledged */
};

struct load {
	struct call *calls;
	unsigned callc;
	unsigned rate; /* packets a second, each way */
	double seconds;
	enum crypto_suite suite;
	struct in_addr media; /* where the ends are */
	pid_t pid;	      /* who is measured */
	char **command;	      /* that starts it */
	const char *failed;   /* the first reason of a failed call */
};

/* How calls are set up through what is measured. */
struct way {
	const char *name, *help;
	int (*open)(struct load *l);  /* before the command is started */
	int (*ready)(struct load *l); /* after; waits */
	void (*start)(struct load *l, struct call *c);
	void (*turn)(struct load *l, struct call *c); /* often, in set-up */
	void (*stop)(struct load *l, struct call *c);
};

extern const struct way way_gateway, way_ng;

/* ---- load_loop.c ---- */
uint64_t load_now(void); /* us */
int load_watch(struct input *s, int fd, void (*h)(void *arg), void *arg);
void load_turn(int ms);
int load_socket(struct end *e, struct call *c, struct in_addr addr,
		void (*h)(void *arg));
/* Seconds of CPU that a process has used; kB that it has resident. */
double load_cpu(pid_t pid);
long load_rss(pid_t pid);

/* ---- load_rtp.c ---- */
void load_rtp_input(struct end *e, uint8_t *p, size_t len);
void load_rtp_run(struct load *l, double seconds);
void load_rtp_forget(struct load *l); /* counts from 0 */

/* ---- load_ice.c ---- */
int load_ice_init(const struct load *l, char fingerprint[128]);
int load_ice_open(struct load *l, struct call *c);
void load_ice_turn(struct call *c);

/* ---- load_sip.c ---- */
int load_sip_open(struct load *l);
void load_sip_turn(struct call *c);
unsigned load_sip_number(const struct call *c); /* that its caller dials */

/* ---- load.c ---- */
void load_fail(struct call *c, const char *why);

#endif
