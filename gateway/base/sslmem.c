/* sslmem.c: memory of OpenSSL's buffers, apart from all other.
 *
 * A handshake takes three buffers of 17 to 22 kB and gives them back after a
 * few round trips.  From malloc they would be dirty holes between what a call
 * keeps, or be handed to libnice, which never touches most of what it asks
 * for: 16 kB of resident memory a call.  Here they are a few blocks that one
 * handshake leaves to the next. */
#include "base/sslmem.h"

#include <openssl/crypto.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum {
	BLOCK = 6 * 4096,   /* bytes */
	BLOCK_LEAST = 8192, /* smaller ones are malloc's */
	BLOCKS = 96,	    /* of 32 handshakes; pages that nobody used cost
			    * nothing */
};

static struct {
	pthread_mutex_t lock;
	uint8_t *start, *end; /* NULL: there are none */
	void *free;	      /* the first of a list: each holds the next */
	unsigned fresh;	      /* blocks that were never used */
} pool = {.lock = PTHREAD_MUTEX_INITIALIZER};

static bool is_block(const void *p)
{
	return pool.start && (const uint8_t *)p >= pool.start &&
	       (const uint8_t *)p < pool.end;
}

static void *take_block(void)
{
	void *p;

	(void)pthread_mutex_lock(&pool.lock);
	p = pool.free;
	if (p)
		memcpy(&pool.free, p, sizeof(pool.free));
	else if (pool.start && pool.fresh < BLOCKS)
		p = pool.start + (size_t)BLOCK * pool.fresh++;
	(void)pthread_mutex_unlock(&pool.lock);

	return p;
}

static void leave_block(void *p)
{
	(void)pthread_mutex_lock(&pool.lock);
	memcpy(p, &pool.free, sizeof(pool.free));
	pool.free = p;
	(void)pthread_mutex_unlock(&pool.lock);
}

void *sslmem_alloc(size_t size)
{
	void *p = NULL;

	if (size >= BLOCK_LEAST && size <= BLOCK)
		p = take_block();

	return p ? p : malloc(size);
}

void *sslmem_realloc(void *p, size_t size)
{
	void *to;

	if (!is_block(p))
		return realloc(p, size);
	if (size && size <= BLOCK)
		return p;
	to = size ? malloc(size) : NULL;
	if (to)
		memcpy(to, p, BLOCK);
	if (to || !size)
		leave_block(p);

	return to;
}

void sslmem_free(void *p)
{
	if (is_block(p))
		leave_block(p);
	else
		free(p);
}

static void *on_alloc(size_t size, const char *file, int line)
{
	(void)file;
	(void)line;

	return sslmem_alloc(size);
}

static void *on_realloc(void *p, size_t size, const char *file, int line)
{
	(void)file;
	(void)line;

	return sslmem_realloc(p, size);
}

static void on_free(void *p, const char *file, int line)
{
	(void)file;
	(void)line;
	sslmem_free(p);
}

bool sslmem_init(void)
{
	void *p = mmap(NULL, (size_t)BLOCK * BLOCKS, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return false;
	if (!CRYPTO_set_mem_functions(on_alloc, on_realloc, on_free)) {
		(void)munmap(p, (size_t)BLOCK * BLOCKS);
		return false;
	}
	pool.start = p;
	pool.end = pool.start + (size_t)BLOCK * BLOCKS;

	return true;
}
