/* nicepool.c: what the agents of one thread can do with once.
 *
 * libnice asks the kernel for all addresses of the machine (getifaddrs: a
 * socket and four messages) for the priority of each candidate.  Between two
 * changes of addresses the answer is the same: a thread that has agents keeps
 * it for a second.  libnice calls the functions here in place of the C
 * library's (they are exported for that); threads without agents get its own.
 *
 * libnice ties its socket to the interface of its address, whose number it asks
 * the kernel for by three more calls; demux.c unties it.  Here no interface has
 * a number.
 *
 * GLib has all contexts in one list, which each new one is put at the end of
 * by going through all others: those of agents that are closed are used again,
 * and new ones are made several at a time, of which the first fetches the list
 * into the cache for the rest.  Each component of libnice makes one more for
 * those who read without a callback, which nobody here does: all of a thread
 * get the same.
 *
 * GLib takes a source's descriptors out of its context while it is dispatched,
 * and says so to whom may be polling, twice.  A source that may be dispatched
 * within itself is left alone, and no callback of ours dispatches. */
#include "media/nicepool.h"

#include <dlfcn.h>
#include <errno.h>
#include <gio/gio.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include "media/wtimer.h"

#define EXPORT __attribute__((visibility("default")))

enum {
	FRESH = 1000 * 1000, /* us that addresses are taken to stay */
	SPARE = 16,	     /* contexts, each with a descriptor */
	MADE = 8,	     /* at a time */
};

static _Thread_local struct {
	bool on;
	struct ifaddrs *addrs; /* NULL: not asked for */
	bool lent;	       /* libnice looks at them */
	uint64_t asked;
	GMainContext *spare[SPARE];
	unsigned sparec;
	GMainContext *common; /* of all components */
	bool in_component;    /* one is being made */
} pool;

static void *next(const char *name)
{
	return dlsym(RTLD_NEXT, name);
}

static int libc_get(struct ifaddrs **ap)
{
	static _Atomic uintptr_t at;

	if (!at)
		at = (uintptr_t)next("getifaddrs");

	return ((int (*)(struct ifaddrs **))at)(ap);
}

static void libc_free(struct ifaddrs *a)
{
	static _Atomic uintptr_t at;

	if (!at)
		at = (uintptr_t)next("freeifaddrs");
	((void (*)(struct ifaddrs *))at)(a);
}

static void forget(void)
{
	if (pool.addrs)
		libc_free(pool.addrs);
	pool.addrs = NULL;
}

/* Of what is no candidate libnice would ask the kernel for the name of its
 * interface, each time.  The first is what the list is freed by. */
static void leave_out_link_local(struct ifaddrs *a)
{
	const struct sockaddr_in6 *sin6;

	for (; a; a = a->ifa_next) {
		while (a->ifa_next) {
			sin6 = (const void *)a->ifa_next->ifa_addr;
			if (!sin6 || sin6->sin6_family != AF_INET6 ||
			    !IN6_IS_ADDR_LINKLOCAL(&sin6->sin6_addr))
				break;
			a->ifa_next = a->ifa_next->ifa_next;
		}
	}
}

EXPORT int getifaddrs(struct ifaddrs **ap)
{
	uint64_t now;

	if (!pool.on || pool.lent)
		return libc_get(ap);
	now = wtimer_now();
	if (!pool.addrs || now - pool.asked > FRESH) {
		forget();
		if (libc_get(&pool.addrs)) {
			pool.addrs = NULL;
			return -1;
		}
		pool.asked = now;
		leave_out_link_local(pool.addrs);
	}
	pool.lent = true;
	*ap = pool.addrs;

	return 0;
}

EXPORT void freeifaddrs(struct ifaddrs *a)
{
	if (a && a == pool.addrs)
		pool.lent = false;
	else
		libc_free(a);
}

static unsigned libc_index(const char *name)
{
	static _Atomic uintptr_t at;

	if (!at)
		at = (uintptr_t)next("if_nametoindex");

	return ((unsigned (*)(const char *))at)(name);
}

/* 0: none has that name */
EXPORT unsigned if_nametoindex(const char *name)
{
	return pool.on ? 0 : libc_index(name);
}

static GMainContext *glib_context_new(void)
{
	static _Atomic uintptr_t at;

	if (!at)
		at = (uintptr_t)next("g_main_context_new");

	return ((GMainContext * (*)(void)) at)();
}

EXPORT GMainContext *g_main_context_new(void)
{
	if (!pool.in_component)
		return glib_context_new();
	if (!pool.common)
		pool.common = glib_context_new();

	return g_main_context_ref(pool.common);
}

void nicepool_component(bool begins)
{
	pool.in_component = begins;
}

EXPORT GSource *g_socket_create_source(GSocket *s, GIOCondition events,
				       GCancellable *cancel)
{
	static _Atomic uintptr_t at;
	GSource *src;

	if (!at)
		at = (uintptr_t)next("g_socket_create_source");
	src = ((GSource * (*)(GSocket *, GIOCondition, GCancellable *))
		   at)(s, events, cancel);
	if (pool.on)
		g_source_set_can_recurse(src, TRUE);

	return src;
}

/* What an agent left behind would come up in another's turn. */
static bool is_empty(GMainContext *ctx)
{
	GPollFD fds[2];
	gint ms = -1, prio;

	(void)g_main_context_prepare(ctx, &prio);

	/* one is GLib's own, to be woken by */
	return g_main_context_query(ctx, G_MAXINT, &ms, fds, 2) <= 1 && ms < 0;
}

static void drop(GMainContext *ctx)
{
	g_main_context_release(ctx);
	g_main_context_unref(ctx);
}

GMainContext *nicepool_take(void)
{
	GMainContext *ctx;

	pool.on = true;
	if (!pool.sparec) {
		while (pool.sparec < MADE) {
			ctx = glib_context_new();
			(void)g_main_context_acquire(ctx);
			pool.spare[pool.sparec++] = ctx;
		}
	}

	return pool.spare[--pool.sparec];
}

gint nicepool_wake(GMainContext *empty)
{
	GPollFD fd = {.fd = -1};
	gint ms;

	(void)g_main_context_query(empty, G_MAXINT, &ms, &fd, 1);

	return fd.fd;
}

gint nicepool_query(GMainContext *ctx, gint wake, gint prio, gint *ms,
		    GPollFD *fds, gint max)
{
	gint i, k, n = g_main_context_query(ctx, prio, ms, fds, max);

	for (i = k = 0; i < n && i < max; i++) {
		if (fds[i].fd != wake)
			fds[k++] = fds[i];
	}

	return k;
}

void nicepool_leave(GMainContext *ctx)
{
	if (pool.sparec < SPARE && is_empty(ctx))
		pool.spare[pool.sparec++] = ctx;
	else
		drop(ctx);
}

void nicepool_clear(void)
{
	while (pool.sparec)
		drop(pool.spare[--pool.sparec]);
	if (pool.common)
		g_main_context_unref(pool.common);
	pool.common = NULL;
	forget();
	pool.on = false;
}
