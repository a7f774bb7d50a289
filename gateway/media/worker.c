/* worker.c: one media thread: an epoll set, timers, commands. */
#include "media/worker.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>
#include "media/media.h"
#include "media/nicepool.h"

enum { READABLE = (int)(EPOLLIN | EPOLLET) };

enum {
	EVENTS = 128,		 /* a round */
	STOP_WAIT = 1000 * 1000, /* us that agents get to close */
	LOOSE = 40 * 1000,	 /* us; by which no one is bothered */
	BURST = 2000,		 /* us between datagrams of a picture */
	AHEAD = 3,		 /* events, prefetched */
	TURNS = 8,		 /* reads of one socket in one round */
	BURST_MIN = 4,		 /* datagrams that there must be room for */
	BUSY_SPAN = 500 * 1000,	 /* us over which busy is told */
};

void worker_timer(struct worker *w, struct wtimer *t, uint64_t us, wtimer_h *h,
		  void *arg)
{
	wtimer_start(&w->timers, t, w->now + us, h, arg);
}

void worker_timer_loose(struct worker *w, struct wtimer *t, uint64_t us,
			wtimer_h *h, void *arg)
{
	uint64_t due = w->now + us + LOOSE - 1;

	wtimer_start(&w->timers, t, due - due % LOOSE, h, arg);
}

int worker_watch(struct worker *w, struct watch *wt, int fd, uint32_t events,
		 watch_h *h, void *arg)
{
	struct epoll_event ev = {.events = events, .data.ptr = wt};

	wt->h = h;
	wt->arg = arg;
	if (!epoll_ctl(w->ep, EPOLL_CTL_ADD, fd, &ev))
		return 0;
	if (errno == EEXIST && !epoll_ctl(w->ep, EPOLL_CTL_MOD, fd, &ev))
		return 0;

	return errno;
}

void worker_unwatch(struct worker *w, int fd)
{
	struct epoll_event none = {0};

	(void)epoll_ctl(w->ep, EPOLL_CTL_DEL, fd, &none);
}

void worker_told(struct worker *w, struct cmdq *q)
{
	if (q)
		w->told = q;
}

static void wake_told(struct worker *w)
{
	if (w->told)
		cmdq_wake(w->told);
	w->told = NULL;
}

void worker_bury(struct worker *w, struct grave *g)
{
	g->next = w->graves;
	w->graves = g;
}

static void free_graves(struct worker *w)
{
	struct grave *g, *next;

	for (g = w->graves; g; g = next) {
		next = g->next;
		free(g);
	}
	w->graves = NULL;
}

/* So long had something to wait that was due. */
static void behind(struct worker *w, uint64_t us)
{
	if (us > atomic_load_explicit(&w->behind, memory_order_relaxed))
		atomic_store_explicit(&w->behind,
				      us < UINT_MAX ? (unsigned)us : UINT_MAX,
				      memory_order_relaxed);
}

static void read_commands(void *arg, uint32_t events)
{
	struct worker *w = arg;
	struct cmdq_item *item, *next;
	uint64_t waited;

	(void)events;
	item = cmdq_take(&w->commands, &waited);
	behind(w, waited);
	for (; item; item = next) {
		next = item->next;
		w->command(w, item);
	}
}

/* One more than is expected, so that the kernel says that no more is there:
 * asking twice in one call costs less than being told twice by epoll. */
static int read_some(struct worker *w, int fd, unsigned want)
{
	struct mmsghdr *msgs = &w->msgs[w->inc];
	int i, n;

	n = recvmmsg(fd, msgs, want, MSG_DONTWAIT, NULL);
	for (i = 0; i < n; i++) {
		w->in[w->inc + (unsigned)i].len = msgs[i].msg_len;
		msgs[i].msg_hdr.msg_namelen = sizeof(w->src[0]);
	}

	return n;
}

void worker_flush(struct worker *w)
{
	unsigned i, n;

	for (i = 0; i < w->outc; i += n) {
		for (n = 1; i + n < w->outc; n++) {
			if (w->out[i + n].fd != w->out[i].fd)
				break;
		}
		if (n == 1)
			txrun_one(&w->out[i]);
		else
			txrun_send(&w->out[i], n);
	}
	w->outc = 0;
}

void worker_send(struct worker *w, const struct tx *t)
{
	uintptr_t at = (uintptr_t)t->p;

	/* What is built elsewhere will not stay. */
	if (w->batching && w->outc < WORKER_BATCH && at >= (uintptr_t)w->rx &&
	    at < (uintptr_t)&w->rx[WORKER_BATCH]) {
		w->out[w->outc++] = *t;
		return;
	}
	worker_flush(w);
	txrun_one(t);
}

/* What was read, in order. */
static void handle(struct worker *w)
{
	struct watch *wt;
	unsigned i;

	w->batching = true;
	if (w->inc)
		w->in[0].wt->rx->warm(w->in[0].wt, 1);
	for (i = 0; i < w->inc; i++) {
		if (i + 1 < w->inc)
			w->in[i + 1].wt->rx->warm(w->in[i + 1].wt, 1);
		wt = w->in[i].wt;
		wt->rx->input(wt, (uint8_t *)w->rx[i].data, w->in[i].len,
			      &w->src[i]);
	}
	w->inc = 0;
	worker_flush(w);
	w->batching = false;
}

static void again(struct worker *w, struct watch *wt)
{
	struct epoll_event ev = {.events = READABLE, .data.ptr = wt};

	(void)epoll_ctl(w->ep, EPOLL_CTL_MOD, wt->fd, &ev);
}

/* Until nothing is left, because only what comes is told, not what is there;
 * who floods has to wait for the others in between.  Sound comes one by one,
 * pictures in bursts. */
static void receive(struct worker *w, struct watch *wt)
{
	bool burst = w->now - wt->read_at < BURST;
	unsigned want, turns;
	int n;

	wt->read_at = w->now;
	for (turns = 0; turns < TURNS; turns++) {
		if (w->inc + (burst ? BURST_MIN : 2) > WORKER_BATCH)
			handle(w);
		want = burst ? WORKER_BATCH - w->inc : 2;
		n = read_some(w, wt->fd, want);
		/* An error of an earlier send is no datagram. */
		if (n < 0 && errno != EAGAIN)
			continue;
		if (n > 0)
			wt->rx->warm(wt, 0);
		for (; n > 0; n--, want--)
			w->in[w->inc++].wt = wt;
		if (want)
			return;
		burst = true;
	}
	again(w, wt);
}

int worker_receive(struct worker *w, struct watch *wt, int fd,
		   const struct receiver *rx, void *arg)
{
	wt->rx = rx;
	wt->fd = fd;

	return worker_watch(w, wt, fd, READABLE, NULL, arg);
}

static void serve(struct worker *w, const struct epoll_event *ev, int n)
{
	struct watch *wt;
	int i;

	/* Calls are too many for the cache. */
	for (i = 0; i < n && i < AHEAD; i++)
		__builtin_prefetch(ev[i].data.ptr);
	for (i = 0; i < n; i++) {
		wt = ev[i].data.ptr;
		if (i + AHEAD < n)
			__builtin_prefetch(ev[i + AHEAD].data.ptr);
		if (wt->rx) {
			__builtin_prefetch(wt->arg);
			__builtin_prefetch((const char *)wt->arg + 64);
			receive(w, wt);
		} else if (wt->h) {
			/* It may close what was read from. */
			handle(w);
			wt->h(wt->arg, ev[i].events);
		}
	}
	handle(w);
}

/* The round ends now. */
static void account(struct worker *w, uint64_t now)
{
	w->worked += now - w->now;
	behind(w, now - w->now);
	if (now - w->since < BUSY_SPAN)
		return;
	atomic_store(&w->busy,
		     (unsigned)(w->worked * 1000 / (now - w->since)));
	w->worked = 0;
	w->since = now;
}

static int wait_ms(struct worker *w, uint64_t due)
{
	uint64_t now = wtimer_now(), ms;

	account(w, now);

	if (atomic_load(&w->stop))
		return 20;
	if (due == UINT64_MAX)
		return -1;
	if (due <= now)
		return 0;
	ms = (due - now + 999) / 1000;

	return ms > 60000 ? 60000 : (int)ms;
}

static void *run(void *arg)
{
	struct worker *w = arg;
	struct epoll_event ev[EVENTS];
	uint64_t due = UINT64_MAX, until = 0;
	int n;

	w->now = w->since = wtimer_now();
	for (;;) {
		n = epoll_wait(w->ep, ev, EVENTS, wait_ms(w, due));
		w->now = wtimer_now();
		if (w->now > due)
			behind(w, w->now - due);
		serve(w, ev, n);
		due = wtimer_run(&w->timers, w->now);
		free_graves(w);
		wake_told(w);
		(void)atomic_fetch_add(&w->rounds, 1);
		if (!atomic_load(&w->stop))
			continue;
		/* What was pushed before the flag was set comes first. */
		read_commands(w, 0);
		free_graves(w);
		until = until ? until : w->now + STOP_WAIT;
		if (!w->agents || w->now > until)
			break;
	}
	/* The last agent does so, where all of them closed in time: a relay
	 * may answer later. */
	nicepool_clear();

	return NULL;
}

static void point(struct worker *w)
{
	struct msghdr *h;
	unsigned i;

	for (i = 0; i < WORKER_BATCH; i++) {
		w->iov[i].iov_base = w->rx[i].data;
		w->iov[i].iov_len = WORKER_DATAGRAM;
		h = &w->msgs[i].msg_hdr;
		h->msg_iov = &w->iov[i];
		h->msg_iovlen = 1;
		h->msg_name = &w->src[i];
		h->msg_namelen = sizeof(w->src[i]);
	}
}

static void worker_free(struct worker *w)
{
	if (w->ep >= 0)
		(void)close(w->ep);
	if (w->commands.fd >= 0)
		cmdq_close(&w->commands);
	free(w->slots);
	free(w);
}

int worker_start(struct worker **wp, void *engine,
		 void (*command)(struct worker *w, struct cmdq_item *item))
{
	struct worker *w = calloc(1, sizeof(*w));
	sigset_t all, old;
	int err;

	if (!w)
		return ENOMEM;
	w->engine = engine;
	w->command = command;
	w->commands.fd = -1;
	w->asked = UINT_MAX;
	point(w);
	w->ep = epoll_create1(EPOLL_CLOEXEC);
	if (w->ep < 0) {
		err = errno;
		goto out;
	}
	err = cmdq_init(&w->commands);
	if (err)
		goto out;
	err = worker_watch(w, &w->cmd_watch, w->commands.fd, EPOLLIN,
			   read_commands, w);
	if (err)
		goto out;
	/* Signals are the main thread's. */
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	err = pthread_create(&w->thread, NULL, run, w);
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);

out:
	if (err)
		worker_free(w);
	else
		*wp = w;
	return err;
}

bool worker_answers(struct worker *w)
{
	const unsigned rounds = atomic_load(&w->rounds);
	const bool yes = rounds != w->asked;
	uint64_t one = 1;

	w->asked = rounds;

	return write(w->commands.fd, &one, sizeof(one)) == sizeof(one) && yes;
}

void worker_stop(struct worker *w)
{
	uint64_t one = 1;

	if (!w)
		return;
	atomic_store(&w->stop, true);
	if (write(w->commands.fd, &one, sizeof(one)) < 0)
		return; /* cannot happen: an eventfd takes a 1 */
	(void)pthread_join(w->thread, NULL);
	worker_free(w);
}
