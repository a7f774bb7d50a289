/* id.c: identifiers that an outsider cannot guess. */
#include "base/id.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define EXPORT __attribute__((visibility("default")))

enum {
	POOL = 256
}; /* bytes; a call of the kernel costs more than its bytes */

static pthread_once_t tag_once = PTHREAD_ONCE_INIT;
static char tag[ID_TAG_SIZE];

/* Drawn ahead; what was given out is wiped.  A child process must not give
 * out what its parent will. */
static _Thread_local struct {
	uint8_t bytes[POOL];
	size_t left;
} pool;
static pthread_once_t fork_once = PTHREAD_ONCE_INIT;

uint32_t rand_u32(void); /* libre's, in a header that needs all of it */
uint64_t rand_u64(void);

/* The kernel's generator fails only where there is none; a gateway whose ids
 * can be guessed must not run. */
static void random_fill(uint8_t *buf, size_t len)
{
	while (len) {
		ssize_t n = getrandom(buf, len, 0);

		if (n < 0 && errno != EINTR)
			abort();
		if (n > 0) {
			buf += n;
			len -= (size_t)n;
		}
	}
}

static void pool_forget(void)
{
	memset(&pool, 0, sizeof(pool));
}

static void fork_watch(void)
{
	(void)pthread_atfork(NULL, NULL, pool_forget);
}

/* len: at most POOL */
static void draw(void *buf, size_t len)
{
	if (pool.left < len) {
		(void)pthread_once(&fork_once, fork_watch);
		random_fill(pool.bytes, sizeof(pool.bytes));
		pool.left = sizeof(pool.bytes);
	}
	pool.left -= len;
	memcpy(buf, pool.bytes + pool.left, len);
	memset(pool.bytes + pool.left, 0, len);
}

uint64_t id_random(void)
{
	uint64_t v;

	draw(&v, sizeof(v));

	return v;
}

/* libre draws its branches, tags and cookies by these, and would ask
 * libcrypto, whose generator costs much more.  It calls them in place of its
 * own (they are exported for that). */
EXPORT uint32_t rand_u32(void)
{
	return (uint32_t)id_random();
}

EXPORT uint64_t rand_u64(void)
{
	return id_random();
}

static void tag_draw(void)
{
	(void)snprintf(tag, sizeof(tag), "%08x", (uint32_t)id_random());
}

const char *id_tag(void)
{
	(void)pthread_once(&tag_once, tag_draw);

	return tag;
}

void id_uuid(char buf[ID_UUID_SIZE])
{
	uint64_t a = id_random(), b = id_random();

	/* RFC 9562 5.4: version 4, variant 10 */
	(void)snprintf(buf, ID_UUID_SIZE, "%s-%04x-4%03x-%04x-%012llx",
		       id_tag(), (unsigned)(a & 0xffff),
		       (unsigned)(a >> 16 & 0xfff),
		       (unsigned)(a >> 32 & 0x3fff) | 0x8000,
		       (unsigned long long)(b & 0xffffffffffffULL));
}

void id_token(char *buf, size_t len)
{
	static const char set[] = "abcdefghijklmnopqrstuvwxyz0123456789";
	uint8_t drawn[32];
	size_t i = 0, left = 0;

	if (!len)
		return;

	while (i < len - 1) {
		unsigned n = i ? 36 : 26;
		uint8_t c;

		if (!left) {
			left = len - 1 - i < sizeof(drawn) ? len - 1 - i
							   : sizeof(drawn);
			draw(drawn, left);
		}
		c = drawn[--left];
		if (c < 256 / n * n) /* each character equally likely */
			buf[i++] = set[c % n];
	}

	buf[i] = '\0';
}
