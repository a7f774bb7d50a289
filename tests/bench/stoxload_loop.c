/* stoxload_loop.c: what is due and what is readable; clocks; what /proc says
 * of a process; histograms. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>
#include "stoxload.h"

enum {
	EVENTS = 64,
	HEAP = 4 * LOAD_CALLS_MAX + 64,
	NAP = 200, /* us between two looks under load */
	NAP_BURST = 500,
	READ_EVERY = 1000, /* us, while all calls are up and speak */
	BUSY = 2000,	   /* packets a second, from which it naps */
	EXACT = 32,	   /* values of a histogram that have a slot each */
	LONGEST = 100000,  /* us of sleep */
};

static int ep = -1;
static struct node *heap[HEAP + 1];
static unsigned heapc;
static uint64_t turn, read_at; /* us */

static uint64_t clock_ns(clockid_t id)
{
	struct timespec t;

	(void)clock_gettime(id, &t);

	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

uint64_t load_now(void)
{
	return clock_ns(CLOCK_MONOTONIC) / 1000;
}

uint64_t load_turn(void)
{
	return turn;
}

uint64_t load_wall(void)
{
	return clock_ns(CLOCK_REALTIME);
}

/* ---- the heap of what is due ---- */

static void put(unsigned pos, struct node *n)
{
	heap[pos] = n;
	n->pos = pos;
}

static void rise(unsigned pos)
{
	struct node *n = heap[pos];

	for (; pos > 1 && heap[pos / 2]->at > n->at; pos /= 2)
		put(pos, heap[pos / 2]);
	put(pos, n);
}

static void sink(unsigned pos)
{
	struct node *n = heap[pos];
	unsigned child;

	for (; (child = 2 * pos) <= heapc; pos = child) {
		if (child < heapc && heap[child + 1]->at < heap[child]->at)
			child++;
		if (heap[child]->at >= n->at)
			break;
		put(pos, heap[child]);
	}
	put(pos, n);
}

void load_undue(struct node *n)
{
	unsigned pos = n->pos;
	struct node *last;

	if (!pos)
		return;
	n->pos = 0;
	last = heap[heapc--];
	if (last == n)
		return;
	put(pos, last);
	rise(pos);
	sink(last->pos);
}

void load_due(struct node *n, uint64_t at)
{
	n->at = at;
	if (!n->pos) {
		if (heapc == HEAP)
			return;
		put(++heapc, n);
	}
	rise(n->pos);
	sink(n->pos);
}

static void run_due(uint64_t now)
{
	struct node *n;

	turn = now;
	while (heapc && heap[1]->at <= now) {
		n = heap[1];
		load_undue(n);
		n->h(n);
	}
}

/* ---- waiting ---- */

int load_watch(struct input *in, int fd, void (*h)(struct input *in))
{
	struct epoll_event ev = {.events = EPOLLIN, .data.ptr = in};

	if (ep < 0)
		ep = epoll_create1(EPOLL_CLOEXEC);
	in->fd = fd;
	in->h = h;

	return epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev) ? errno : 0;
}

static void wait_until(uint64_t at)
{
	struct epoll_event ev[EVENTS];
	uint64_t now = load_now();
	struct timespec t = {0, 0};
	struct input *in;
	int i, n;

	if (at > now)
		t.tv_nsec = (long)(at - now) * 1000;
	n = epoll_pwait2(ep, ev, EVENTS, &t, NULL);
	for (i = 0; i < n; i++) {
		in = ev[i].data.ptr;
		in->h(in);
	}
}

/* Many packets a second: looking every 100 us costs less than being woken by
 * each; when a packet came is known from the kernel. */
static void nap(uint64_t since)
{
	uint64_t end =
	    since + (load.opt.cadence == LOAD_BURST ? NAP_BURST : NAP);
	struct timespec t = {(time_t)(end / 1000000),
			     (long)(end % 1000000) * 1000};

	if (load_now() < end)
		(void)clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t,
				      NULL);
}

/* When each packet came is known from the kernel, too: where nothing but
 * packets is waited for, more of them are read by one call. */
static bool may_read_later(uint64_t now)
{
	if (load_rtp_rate() >= BUSY && !load.setting_up &&
	    now < read_at + READ_EVERY)
		return true;
	read_at = now;

	return false;
}

void load_run(uint64_t until, const bool *stop)
{
	uint64_t now = load_now(), next;

	while (now < until && !(stop && *stop)) {
		run_due(now);
		load_rtp_flush();
		xmpp_flush();
		if (load_rtp_rate() >= BUSY)
			nap(now);
		next = now + LONGEST;
		if (heapc && heap[1]->at < next)
			next = heap[1]->at;
		if (!may_read_later(now))
			wait_until(next < until ? next : until);
		now = load_now();
	}
}

/* ---- processes ---- */

static bool read_file(pid_t pid, const char *name, char *buf, size_t size)
{
	char path[64];
	size_t n;
	FILE *f;

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	f = fopen(path, "r");
	if (!f)
		return false;
	n = fread(buf, 1, size - 1, f);
	buf[n] = '\0';
	(void)fclose(f);

	return n > 0;
}

/* To the nanosecond, where /proc has hundredths of a second. */
double load_cpu(pid_t pid)
{
	clockid_t id;

	return clock_getcpuclockid(pid, &id) ? 0 : (double)clock_ns(id) / 1e9;
}

double load_own_cpu(void)
{
	return (double)clock_ns(CLOCK_PROCESS_CPUTIME_ID) / 1e9;
}

long load_rss(pid_t pid)
{
	char buf[4096], *p, *shared;

	if (!read_file(pid, "status", buf, sizeof(buf)))
		return 0;
	p = strstr(buf, "VmRSS:");
	/* the trace's ring fills up with messages, not with calls */
	shared = strstr(buf, "RssShmem:");

	return p ? strtol(p + 6, NULL, 10) -
		       (shared ? strtol(shared + 9, NULL, 10) : 0)
		 : 0;
}

/* ---- histograms: 32 slots to each doubling ---- */

void hist_add(struct hist *h, uint64_t v)
{
	/* the least by which it is below 2 * EXACT */
	unsigned shift =
	    v < 2 * EXACT ? 0 : 58u - (unsigned)__builtin_clzll(v);
	unsigned slot;

	slot = shift * EXACT + (unsigned)(v >> shift);
	h->n++;
	h->slot[slot < LOAD_HIST ? slot : LOAD_HIST - 1]++;
}

double hist_at(const struct hist *h, double part)
{
	double want = part * (double)h->n, seen = 0;
	unsigned i, shift;

	for (i = 0; i < LOAD_HIST; i++) {
		seen += h->slot[i];
		if (h->slot[i] && seen >= want) {
			shift = i < 2 * EXACT ? 0 : i / EXACT - 1;
			return (double)(i - shift * EXACT) *
			       (double)(1ull << shift);
		}
	}

	return 0;
}
