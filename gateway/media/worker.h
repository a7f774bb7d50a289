/* worker.h: one media thread: an epoll set, timers, commands.
 *
 * Everything here but worker_start, worker_stop and worker_command belongs to
 * that thread. */
#ifndef MEDIA_WORKER_H
#define MEDIA_WORKER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include "media/cmdq.h"
#include "media/crypt.h"
#include "media/txrun.h"
#include "media/wtimer.h"

enum { WORKER_TOTALS = 10 }; /* as in struct media_totals */

enum {
	WORKER_BATCH = TXRUN_MAX, /* datagrams that are handled together */
	WORKER_DATAGRAM = 2048,	  /* bytes; the configured limit is below it */
	WORKER_HEADROOM = 32,	  /* for a longer header */
};

struct watch;
typedef void(watch_h)(void *arg, uint32_t events);

struct receiver { /* of datagrams that the worker reads */
	void (*input)(struct watch *wt, uint8_t *p, size_t len,
		      const struct sockaddr_storage *src);
	/* input follows soon: prefetch, first what arg points at (step 0),
	 * then what is behind that (1). */
	void (*warm)(const struct watch *wt, unsigned step);
};

struct watch {	    /* one or more descriptors in the epoll set */
	watch_h *h; /* this and rx NULL: gone, its events mean nothing */
	const struct receiver *rx; /* NULL: h reads by itself */
	void *arg;
	uint64_t read_at; /* us; the last datagram */
	int fd;		  /* with rx; not owned */
};

/* First member of what is freed only when no event of this round can point
 * to it any more. */
struct grave {
	struct grave *next;
};

struct rxbuf { /* aligned, with room before and behind the datagram */
	uint32_t head[WORKER_HEADROOM / 4];
	uint32_t data[(WORKER_DATAGRAM + CRYPT_TRAILER) / 4];
};

struct rx { /* a datagram that was read */
	struct watch *wt;
	size_t len;
};

struct worker {
	struct cmdq commands;
	struct wtimers timers;
	uint64_t now; /* us, CLOCK_MONOTONIC, of this round */
	int ep;
	unsigned agents; /* that are not closed yet */
	struct rxbuf rx[WORKER_BATCH];
	struct sockaddr_storage src[WORKER_BATCH];
	struct mmsghdr msgs[WORKER_BATCH]; /* for recvmmsg, into rx, src */
	struct iovec iov[WORKER_BATCH];
	struct rx in[WORKER_BATCH];
	struct tx out[WORKER_BATCH];
	unsigned inc, outc;
	bool batching; /* what is sent from rx[] may wait */
	struct grave *graves;
	struct cmdq *told; /* whose reader is to be woken */
	struct watch cmd_watch;
	void (*command)(struct worker *w, struct cmdq_item *item);
	void *slots; /* of the relays that live here; engine.c */
	size_t slotc;
	void *engine;		/* not owned */
	uint64_t worked, since; /* us; of the time since then */
	atomic_uint busy;	/* per mille, lately; for everyone */
	atomic_uint behind;	/* us at worst, since someone took it */
	/* of all flows, also of those that are gone; [1]: ICE.  Written by
	 * this thread alone, once a second for each flow. */
	_Atomic uint64_t totals[2][WORKER_TOTALS];
	atomic_bool copies; /* of RTCP are wanted */
	atomic_uint rounds; /* that it has done */
	unsigned asked;	    /* rounds, when worker_answers() last looked */
	atomic_bool stop;
	pthread_t thread;
};

int worker_start(struct worker **wp, void *engine,
		 void (*command)(struct worker *w, struct cmdq_item *item));
/* Has the thread done anything since the last time?  It is asked to, for the
 * next time; the first time it has. */
bool worker_answers(struct worker *w);
/* Waits until the thread has closed its agents and ended. */
void worker_stop(struct worker *w);

int worker_watch(struct worker *w, struct watch *wt, int fd, uint32_t events,
		 watch_h *h, void *arg);
void worker_unwatch(struct worker *w, int fd);
/* The reader of that queue (NULL: none) is woken when the round ends. */
void worker_told(struct worker *w, struct cmdq *q);
void worker_bury(struct worker *w, struct grave *g); /* free()d later */
void worker_timer(struct worker *w, struct wtimer *t, uint64_t us, wtimer_h *h,
		  void *arg);
/* Later by up to 40 ms, at a time that others have chosen, too: what many
 * calls do now and then shall not wake the thread for each of them. */
void worker_timer_loose(struct worker *w, struct wtimer *t, uint64_t us,
			wtimer_h *h, void *arg);

/* Datagrams of fd go to rx->input, those of a round in batches: they are read,
 * then handled, then what is to be sent is sent, so that the kernel's code and
 * ours do not drive each other out of the cache for each packet. */
int worker_receive(struct worker *w, struct watch *wt, int fd,
		   const struct receiver *rx, void *arg);
/* Sends now, or with the batch.  Until then what t points to must stay. */
void worker_send(struct worker *w, const struct tx *t);
/* Sends what waits. */
void worker_flush(struct worker *w);

#endif
