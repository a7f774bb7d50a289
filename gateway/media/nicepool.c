/* nicepool.c: what the agents of one thread can do with once.
 *
 * libnice asks the kernel for all addresses of the machine (getifaddrs: a
 * socket and four messages) for the priority of each candidate.  Between two
 * changes of addresses the answer is the same: a thread that has agents keeps
 * it for a second.  libnice calls the functions here in place of the C
 * library's (they are exported for that); threads without agents get its own.
 *
 * GLib has all contexts in one list, which each new one is put at the end of
 * by going through all others: those of agents that are closed are used again.
 */
#include "media/nicepool.h"

#include <dlfcn.h>
#include <errno.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include "media/wtimer.h"

#define EXPORT __attribute__((visibility("default")))

enum {
	FRESH = 1000 * 1000, /* us that addresses are taken to stay */
	SPARE = 16,	     /* contexts, each with a descriptor */
};

static _Thread_local struct {
	bool on;
	struct ifaddrs *addrs; /* NULL: not asked for */
	bool lent;	       /* libnice looks at them */
	uint64_t asked;
	GMainContext *spare[SPARE];
	unsigned sparec;
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
	if (pool.sparec)
		return pool.spare[--pool.sparec];
	ctx = g_main_context_new();
	(void)g_main_context_acquire(ctx);

	return ctx;
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
	forget();
	pool.on = false;
}
