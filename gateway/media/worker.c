/* worker.c: one media thread: an epoll set, timers, commands. */
#include "media/worker.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum {
	EVENTS = 128,		 /* a round */
	STOP_WAIT = 1000 * 1000, /* us that agents get to close */
	BURST = 2000,		 /* us between datagrams of a picture */
	BUSY_SPAN = 500 * 1000,	 /* us over which busy is told */
};

void worker_timer(struct worker *w, struct wtimer *t, uint64_t us, wtimer_h *h,
		  void *arg)
{
	wtimer_start(&w->timers, t, w->now + us, h, arg);
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

static void read_commands(void *arg, uint32_t events)
{
	struct worker *w = arg;
	struct cmdq_item *item, *next;

	(void)events;
	for (item = cmdq_take(&w->commands); item; item = next) {
		next = item->next;
		w->command(w, item);
	}
}

static int receive_batch(struct worker *w, int fd, size_t *len)
{
	struct mmsghdr msgs[WORKER_BATCH];
	struct iovec iov[WORKER_BATCH];
	int i, n;

	memset(msgs, 0, sizeof(msgs));
	for (i = 0; i < WORKER_BATCH; i++) {
		iov[i].iov_base = w->rx[i].data;
		iov[i].iov_len = WORKER_DATAGRAM;
		msgs[i].msg_hdr.msg_iov = &iov[i];
		msgs[i].msg_hdr.msg_iovlen = 1;
		msgs[i].msg_hdr.msg_name = &w->src[i];
		msgs[i].msg_hdr.msg_namelen = sizeof(w->src[i]);
	}
	n = recvmmsg(fd, msgs, WORKER_BATCH, MSG_DONTWAIT, NULL);
	for (i = 0; i < n; i++)
		len[i] = msgs[i].msg_len;

	return n;
}

static int receive_one(struct worker *w, int fd, size_t *len)
{
	socklen_t srclen = sizeof(w->src[0]);
	ssize_t n = recvfrom(fd, w->rx[0].data, WORKER_DATAGRAM, MSG_DONTWAIT,
			     (struct sockaddr *)&w->src[0], &srclen);

	*len = n > 0 ? (size_t)n : 0;

	return n < 0 ? -1 : 1;
}

/* Sound comes one by one, and looking for a second datagram costs, too;
 * pictures come in bursts. */
void worker_receive(struct worker *w, struct watch *wt, int fd, size_t max,
		    uint64_t *big, rx_h *h, void *arg, const bool *gone)
{
	bool burst = w->now - wt->read_at < BURST;
	size_t len[WORKER_BATCH];
	int i, n;

	wt->read_at = w->now;
	n = burst ? receive_batch(w, fd, len) : receive_one(w, fd, len);
	for (i = 0; i < n && !*gone; i++) {
		if (len[i] > max)
			(*big)++;
		else
			h(arg, (uint8_t *)w->rx[i].data, len[i], &w->src[i]);
	}
}

/* The round ends now. */
static void account(struct worker *w, uint64_t now)
{
	w->worked += now - w->now;
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
	struct watch *wt;
	uint64_t due = UINT64_MAX, until = 0;
	int i, n;

	w->now = w->since = wtimer_now();
	for (;;) {
		n = epoll_wait(w->ep, ev, EVENTS, wait_ms(w, due));
		w->now = wtimer_now();
		for (i = 0; i < n; i++) {
			wt = ev[i].data.ptr;
			/* Calls are too many for the cache. */
			if (i + 1 < n)
				__builtin_prefetch(ev[i + 1].data.ptr);
			if (wt->h)
				wt->h(wt->arg, ev[i].events);
		}
		due = wtimer_run(&w->timers, w->now);
		free_graves(w);
		if (!atomic_load(&w->stop))
			continue;
		/* What was pushed before the flag was set comes first. */
		read_commands(w, 0);
		free_graves(w);
		until = until ? until : w->now + STOP_WAIT;
		if (!w->agents || w->now > until)
			break;
	}

	return NULL;
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
