/* nicemem.c: memory of libnice's large buffers, apart from all other, and of
 * a table that it hardly uses.
 *
 * A component of libnice takes two buffers of 64 kB: one for what it receives,
 * of which STUN needs some hundred bytes, and one for TCP that nobody touches.
 * From malloc they stand between what a call keeps, and the pages at their ends
 * and under their headers are resident: 8 kB a call.  Here they begin with a
 * page, and what was touched is given back when they are freed.
 *
 * An agent for STUN has a table of 200 requests (12.8 kB) that wait for their
 * answers, of which the first few are ever in use; making it writes to each.
 * Its whole pages go back at once, and read as what was written: none waits.
 *
 * libnice calls the functions here in place of GLib's (they are exported for
 * that); GLib's others allocate by malloc, and what they gave is freed here. */
#include "media/nicemem.h"

#include <dlfcn.h>
#include <glib.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <stun/stunagent.h>
#include <sys/mman.h>

#undef g_malloc
#undef g_free

#define EXPORT __attribute__((visibility("default")))

enum {
	/* agent/component.c of libnice 0.1.21; another size is another's */
	FOR_UDP = 65535,
	FOR_TCP = 65537,
	BLOCK = 17 * 4096, /* bytes */
	BLOCKS = 24576,	   /* of more agents than descriptors allow */
	STEP = 64,	   /* blocks that may be used at a time */
	PAGE = 4096,
};

static struct {
	pthread_mutex_t lock;
	uint8_t *start;	       /* NULL: there are none */
	unsigned fresh, ready; /* never used; of which some may be */
	unsigned freec, held;
	uint16_t free[BLOCKS]; /* the last goes first */
} pool = {.lock = PTHREAD_MUTEX_INITIALIZER};

_Static_assert(BLOCKS <= UINT16_MAX, "a block's number is too large");
_Static_assert(BLOCKS % STEP == 0, "the last step would go too far");

static bool is_block(const void *p)
{
	return pool.start && (const uint8_t *)p >= pool.start &&
	       (const uint8_t *)p < pool.start + (size_t)BLOCK * BLOCKS;
}

/* Address space alone was taken at the start, which costs nothing. */
static bool make_ready(void)
{
	if (pool.ready == BLOCKS ||
	    mprotect(pool.start + (size_t)BLOCK * pool.ready,
		     (size_t)BLOCK * STEP, PROT_READ | PROT_WRITE))
		return false;
	pool.ready += STEP;

	return true;
}

static void *take_block(void)
{
	void *p = NULL;

	if (!pool.start)
		return NULL;
	(void)pthread_mutex_lock(&pool.lock);
	if (pool.freec)
		p = pool.start + (size_t)BLOCK * pool.free[--pool.freec];
	else if (pool.fresh < pool.ready || make_ready())
		p = pool.start + (size_t)BLOCK * pool.fresh++;
	pool.held += p != NULL;
	(void)pthread_mutex_unlock(&pool.lock);

	return p;
}

static void leave_block(uint8_t *p)
{
	size_t n = (size_t)(p - pool.start) / BLOCK;

	(void)madvise(p, BLOCK, MADV_DONTNEED);
	(void)pthread_mutex_lock(&pool.lock);
	pool.free[pool.freec++] = (uint16_t)n;
	pool.held--;
	(void)pthread_mutex_unlock(&pool.lock);
}

/* GLib's own, which ends the process where there is no memory. */
static void *glib_malloc(size_t size)
{
	static _Atomic uintptr_t next;
	uintptr_t at = next;

	if (!at)
		next = at = (uintptr_t)dlsym(RTLD_NEXT, "g_malloc");

	return ((void *(*)(gsize))at)(size);
}

EXPORT gpointer g_malloc(gsize size)
{
	void *p = NULL;

	if (size == FOR_UDP || size == FOR_TCP)
		p = take_block();
	if (!p)
		p = glib_malloc(size);

	return p;
}

EXPORT void g_free(gpointer p)
{
	if (is_block(p))
		leave_block(p);
	else
		free(p);
}

typedef void stun_init_h(StunAgent *a, const uint16_t *known,
			 StunCompatibility compat, StunAgentUsageFlags flags);

static void stun_init(StunAgent *a, const uint16_t *known,
		      StunCompatibility compat, StunAgentUsageFlags flags)
{
	static _Atomic uintptr_t at;

	if (!at)
		at = (uintptr_t)dlsym(RTLD_NEXT, "stun_agent_init");
	((stun_init_h *)at)(a, known, compat, flags);
}

/* Where it cannot be given back, for one because it is locked in memory, it
 * stays as it was written. */
EXPORT void stun_agent_init(StunAgent *a, const uint16_t *known,
			    StunCompatibility compat,
			    StunAgentUsageFlags flags)
{
	uintptr_t first = (uintptr_t)a->sent_ids;
	uintptr_t end = first + sizeof(a->sent_ids);

	stun_init(a, known, compat, flags);
	first = (first + PAGE - 1) & ~(uintptr_t)(PAGE - 1);
	end &= ~(uintptr_t)(PAGE - 1);
	if (pool.start)
		(void)madvise((void *)first, end - first, MADV_DONTNEED);
}

bool nicemem_start(void)
{
	void *p = MAP_FAILED;

	(void)pthread_mutex_lock(&pool.lock);
	if (!pool.start)
		p = mmap(NULL, (size_t)BLOCK * BLOCKS, PROT_NONE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p != MAP_FAILED)
		pool.start = p;
	(void)pthread_mutex_unlock(&pool.lock);

	return pool.start != NULL;
}

unsigned nicemem_held(void)
{
	unsigned n;

	(void)pthread_mutex_lock(&pool.lock);
	n = pool.held;
	(void)pthread_mutex_unlock(&pool.lock);

	return n;
}
