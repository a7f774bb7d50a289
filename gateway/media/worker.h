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
#include "media/wtimer.h"

enum {
	WORKER_BATCH = 16,	/* datagrams a recvmmsg */
	WORKER_DATAGRAM = 2048, /* bytes; the configured limit is below it */
	WORKER_HEADROOM = 32,	/* for a longer header */
};

typedef void(watch_h)(void *arg, uint32_t events);

struct watch {	    /* one or more descriptors in the epoll set */
	watch_h *h; /* NULL: gone, its events mean nothing */
	void *arg;
	uint64_t read_at; /* us; by worker_receive */
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

struct worker {
	struct cmdq commands;
	struct wtimers timers;
	uint64_t now; /* us, CLOCK_MONOTONIC, of this round */
	int ep;
	unsigned agents; /* that are not closed yet */
	struct rxbuf rx[WORKER_BATCH];
	struct sockaddr_storage src[WORKER_BATCH];
	struct grave *graves;
	struct watch cmd_watch;
	void (*command)(struct worker *w, struct cmdq_item *item);
	void *slots; /* of the relays that live here; engine.c */
	size_t slotc;
	void *engine;		/* not owned */
	uint64_t worked, since; /* us; of the time since then */
	atomic_uint busy;	/* per mille, lately; for everyone */
	atomic_bool stop;
	pthread_t thread;
};

int worker_start(struct worker **wp, void *engine,
		 void (*command)(struct worker *w, struct cmdq_item *item));
/* Waits until the thread has closed its agents and ended. */
void worker_stop(struct worker *w);

int worker_watch(struct worker *w, struct watch *wt, int fd, uint32_t events,
		 watch_h *h, void *arg);
void worker_unwatch(struct worker *w, int fd);
void worker_bury(struct worker *w, struct grave *g); /* free()d later */
void worker_timer(struct worker *w, struct wtimer *t, uint64_t us, wtimer_h *h,
		  void *arg);

typedef void(rx_h)(void *arg, uint8_t *p, size_t len,
		   const struct sockaddr_storage *src);
/* Reads what waits, one batch at most; stops when *gone says that h closed
 * the socket.  What is longer than max counts in *big. */
void worker_receive(struct worker *w, struct watch *wt, int fd, size_t max,
		    uint64_t *big, rx_h *h, void *arg, const bool *gone);

#endif
