/* keyed.c: SipHash-2-4 (Aumasson, Bernstein: "SipHash: a fast short-input
 * PRF", 2012) under a secret key. */
#include "base/keyed.h"
#include <pthread.h>
#include <string.h>
#include "base/id.h"

static pthread_once_t key_once = PTHREAD_ONCE_INIT;
static uint64_t process_key[2];

static void key_draw(void)
{
	process_key[0] = id_random();
	process_key[1] = id_random();
}

static inline uint64_t rotl(uint64_t x, unsigned n)
{
	return x << n | x >> (64 - n);
}

static inline void rounds(uint64_t v[4], unsigned n)
{
	while (n--) {
		v[0] += v[1];
		v[2] += v[3];
		v[1] = rotl(v[1], 13) ^ v[0];
		v[3] = rotl(v[3], 16) ^ v[2];
		v[0] = rotl(v[0], 32);
		v[2] += v[1];
		v[0] += v[3];
		v[1] = rotl(v[1], 17) ^ v[2];
		v[3] = rotl(v[3], 21) ^ v[0];
		v[2] = rotl(v[2], 32);
	}
}

static uint64_t word(const uint8_t *p, size_t n)
{
	uint64_t w = 0;

	while (n--)
		w = w << 8 | p[n];

	return w;
}

static void absorb(uint64_t v[4], uint64_t w)
{
	v[3] ^= w;
	rounds(v, 2);
	v[0] ^= w;
}

uint64_t keyed_siphash(const uint64_t key[2], const void *data, size_t len)
{
	uint64_t v[4] = {
	    key[0] ^ 0x736f6d6570736575ULL, key[1] ^ 0x646f72616e646f6dULL,
	    key[0] ^ 0x6c7967656e657261ULL, key[1] ^ 0x7465646279746573ULL};
	const uint8_t *p = data;
	size_t left = len;

	for (; left >= 8; left -= 8, p += 8)
		absorb(v, word(p, 8));
	absorb(v, word(p, left) | (uint64_t)len << 56);
	v[2] ^= 0xff;
	rounds(v, 4);

	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

static uint32_t hash(const void *data, size_t len)
{
	(void)pthread_once(&key_once, key_draw);

	return (uint32_t)keyed_siphash(process_key, data, len);
}

uint32_t keyed_str(const char *s)
{
	return hash(s, strlen(s));
}

uint32_t keyed_pl(const struct pl *pl)
{
	return hash(pl->p, pl->l);
}
