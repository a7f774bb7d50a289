/* stoxload.h: a load of calls on a gateway: the XMPP server with its users'
 * clients on one side, telephones on the other.
 *
 * One thread, and all of it as cheap as can be: the media of all calls passes
 * through a few sockets, many packets a system call.  A call is known by the
 * address at the gateway that it speaks with. */
#ifndef BENCH_STOXLOAD_H
#define BENCH_STOXLOAD_H

#include <netinet/in.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include "media/crypt.h"

enum {
	LOAD_CALLS_MAX = 20000,
	LOAD_FURTHER = 4000, /* of them, where capacity is sought */
	LOAD_NAME = 64,
	LOAD_JID = 160,
	LOAD_DATAGRAM = 2048,
	LOAD_CANDIDATES = 4,
	LOAD_SOCKETS = 1,	    /* of each side */
	LOAD_FIRST_NUMBER = 100000, /* that of call 0 */
	LOAD_HIST = 1024,
	LOAD_REASONS = 32,
};

/* ---- stoxload_loop.c ---- */

struct node { /* something that is due; at: us */
	uint64_t at;
	unsigned pos; /* in the heap, from 1; 0: not in it */
	void (*h)(struct node *n);
};

struct input { /* a descriptor in the epoll set */
	int fd;
	void (*h)(struct input *in);
};

/* Values in a histogram: exact to 3 %, 1 .. 2^32. */
struct hist {
	uint64_t n;
	uint32_t slot[LOAD_HIST];
};

uint64_t load_now(void);  /* us, monotonic */
uint64_t load_turn(void); /* the same, when this turn of the loop began */
uint64_t load_wall(void); /* ns; the clock of the kernel's time stamps */
int load_watch(struct input *in, int fd, void (*h)(struct input *in));
void load_due(struct node *n, uint64_t at);
void load_undue(struct node *n);
/* Until the time or until *stop: what is due, what is readable. */
void load_run(uint64_t until, const bool *stop);
double load_cpu(pid_t pid); /* s */
double load_own_cpu(void);
long load_rss(pid_t pid); /* kB */
void hist_add(struct hist *h, uint64_t v);
double hist_at(const struct hist *h, double part); /* 0..1 */

/* ---- calls ---- */

enum call_state {
	CALL_IDLE,
	CALL_SETUP,
	CALL_UP,
	CALL_LINGER, /* nothing is sent any more; what is on its way comes */
	CALL_ENDING,
};

struct peer { /* an address of the gateway that belongs to a call */
	struct sockaddr_in addr;
	struct call *call;
	bool at_x;
	struct peer *next;
};

struct stream { /* packets of one way */
	struct node node;
	struct call *call;
	bool from_x;
	bool on;
	struct sockaddr_in to;
	uint8_t pt;
	uint32_t ssrc, clock, number;
	uint32_t group;	 /* packets left of a frame */
	bool heard;	 /* at the other end */
	uint32_t last;	 /* number that came */
	int64_t transit; /* ns, of that */
};

struct call {
	unsigned index, turn; /* slot; which call in it */
	enum call_state state;
	bool s2x;
	struct node timer;
	uint64_t began, asked; /* us */
	char id[40];	       /* JMI id, Jingle sid */
	char jid[LOAD_JID];    /* the gateway's side of it */
	struct stream x, s;
	struct crypt *crypt;
	struct peer peers[LOAD_CANDIDATES + 1];
	unsigned peerc;
	bool held, lost; /* lost: it failed */

	/* stoxload_ice.c */
	char ufrag[16], pwd[32], remote_ufrag[LOAD_NAME],
	    remote_pwd[LOAD_NAME];
	struct sockaddr_in candidates[LOAD_CANDIDATES];
	unsigned candidatec, checks;
	bool controlling, nominated, client; /* of DTLS */
	struct node consent;
	SSL *ssl;
	char fingerprint[128]; /* the gateway's */

	/* stoxload_jingle.c */
	bool initiated, x_over;

	/* stoxload_sip.c */
	char call_id[LOAD_JID], *msg; /* to be repeated */
	char to[256];		      /* To and From of the dialog, as sent */
	char from[256], target[256];
	struct sockaddr_in sip_peer;
	unsigned cseq, tries;
	struct node repeat;
	bool answered, s_over;
	uint8_t key[2][64]; /* SDES: ours, the gateway's */
	unsigned crypto_tag;
	struct crypt *s_crypt;
};

enum load_direction { LOAD_X2S, LOAD_S2X, LOAD_BOTH };
enum load_cadence { LOAD_RANDOM, LOAD_BURST };
enum load_media { LOAD_PCMU, LOAD_OPUS, LOAD_VIDEO, LOAD_MIXED, LOAD_NONE };

struct options {
	unsigned calls;
	double rate;	 /* calls a second */
	double hold;	 /* s; 0: to the end */
	double duration; /* s of measuring */
	double settle;	 /* s after a round until memory is looked at */
	double pps;	 /* 0: as the codec has it */
	enum load_direction direction;
	enum load_cadence cadence;
	enum load_media media;
	enum crypto_suite suite, sdes; /* of the clients, of the phones */
	bool json, on_hold, progress;
	bool echo; /* be the echo, and nothing else */
	bool capacity;
	bool probe; /* of an echo: no calls, one message each way */
	unsigned rounds;
	unsigned mark;	  /* calls up, at which memory is looked at */
	unsigned at_once; /* calls in set-up */
	struct in_addr address;
	struct sockaddr_in xmpp, sip, gateway, ng;
	bool attach; /* to the server at xmpp instead of being it */
	const char *domain, *component, *secret;
	pid_t pid;
	char **command;
};

struct tally {
	uint64_t sent, received, wrong, disordered, unknown, late;
	struct hist delay, jitter; /* ns */
};

struct cause {
	char text[LOAD_NAME];
	unsigned n;
};

struct load {
	struct options opt;
	struct call *calls;
	unsigned attempted, answered, failed, ended, setting_up, up;
	unsigned slots;	 /* of calls; those from opt.calls on come and go */
	unsigned wanted; /* attempts, until all are up */
	struct cause causes[LOAD_REASONS];
	unsigned causec;
	bool counting; /* packets that are sent now count */
	bool silent;   /* nobody speaks */
	bool reached;  /* the gateway, through the server */
	struct tally tally;
	struct hist setup, invite, proceed; /* us */
	struct hist told;		    /* us from begin to refusal */
	uint64_t behind;       /* ns; the latest that a packet was read */
	char fingerprint[128]; /* of our certificate */
};

extern struct load load;

/* ---- stoxload_call.c ---- */
int call_init(void);
void call_start(struct call *c);
void call_fail(struct call *c, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void call_heard(struct call *c); /* a packet came at one end */
void call_keyed(struct call *c); /* DTLS and SIP are through */
void call_over(struct call *c);	 /* one side says that it has ended */
void call_stop(struct call *c);	 /* no more packets, then the end */
void call_probed(struct call *c);
void call_pace(void);	      /* starts them, one after the other */
void call_churn(double rate); /* further calls, that end after a second */
void call_unpace(void);
struct call *call_at(unsigned long index);

/* ---- stoxload_rtp.c ---- */
int load_rtp_init(void);
void load_rtp_start(struct stream *s, uint64_t at);
void load_rtp_stop(struct stream *s);
void load_rtp_flush(void);
void load_rtp_peer_add(struct call *c, const struct sockaddr_in *a, bool at_x);
void load_rtp_peers_clear(struct call *c);
struct sockaddr_in load_rtp_local(const struct call *c, bool at_x);
void load_rtp_send_raw(
    struct call *c, const void *p, size_t len,
    const struct sockaddr_in *to); /* from the client's side */
unsigned load_rtp_rate(
    void); /* packets a second that the load sends at most */

/* ---- stoxload_ice.c ---- */
int load_ice_init(void);
int load_ice_open(struct call *c);
void load_ice_close(struct call *c);
void load_ice_turn(struct call *c); /* what is to be repeated */
void load_ice_input(struct call *c, const uint8_t *p, size_t len,
		    const struct sockaddr_in *from);
struct call *load_ice_find(const uint8_t *p,
			   size_t len); /* by its user name */

/* ---- stoxload_xmpp.c ---- */
struct stanza;
int xmpp_open(void);
bool xmpp_is_open(void);
bool xmpp_is_up(void); /* and proved */
void xmpp_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void xmpp_flush(void);

/* ---- stoxload_jingle.c ---- */
void jingle_stanza(const struct stanza *st);
void jingle_ping(void); /* load.reached when it is answered */
void jingle_propose(struct call *c);
void jingle_hold(struct call *c);
void jingle_end(struct call *c);

/* ---- stoxload_sip.c ---- */
int phone_open(void);
void phone_call(struct call *c);
void phone_end(struct call *c);
void phone_close(struct call *c);

/* ---- stoxload_sdp.c ---- */
int load_sdp_take(struct call *c, const char *msg);
size_t load_sdp_give(const struct call *c, char *buf, size_t size,
		     bool answer);

/* ---- stoxload_ng.c ---- */
int ng_open(void);
bool ng_is_up(void);
void ng_call(struct call *c);
void ng_end(struct call *c);

/* ---- stoxload_echo.c ---- */
int echo_open(void);
void echo_stanza(const struct stanza *st);

/* ---- stoxload_options.c ---- */
int options_read(int argc, char **argv); /* 0, or an exit status */
void options_print_config(void);

/* ---- stoxload_capacity.c ---- */
void capacity_run(void);

/* ---- stoxload.c ---- */
struct result;
void load_phase(const char *name, double seconds,
		bool (*done)(struct result *r), struct result *r);
bool load_is_over(void); /* interrupted, or there is nobody to load */

/* ---- stoxload_report.c ---- */
struct json_t;
struct json_t *report_causes(void);
struct span {		       /* of one phase */
	double wall, cpu, own; /* s */
};

struct result {
	struct span setup, media, end;
	long rss_start, rss_mark, rss_all, rss_first, rss_end; /* kB */
	unsigned set_up;   /* calls in the phase of that name */
	uint64_t asked[2]; /* of count.c: the kernel, malloc */
	uint64_t silent;   /* of malloc, while nobody speaks */
	unsigned marked;   /* calls that were up at rss_mark */
};

double report_own_core(const struct result *r); /* percent */
void report_json(const struct result *r);
void report_table(const struct result *r);
void report_progress(const char *phase);
void report_progress_end(void);

#endif
