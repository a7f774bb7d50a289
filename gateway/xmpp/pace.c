/* pace.c: token buckets of senders in constant memory.
 *
 * Who falls into the same bucket by chance shares it; the seed keeps anybody
 * from choosing whom to share with. */
#include "xmpp/pace.h"

#include <errno.h>
#include <string.h>

#include "base/compat.h"
#include "base/id.h"

enum {
	PACE_BUCKETS = 4096, /* power of 2 */
	MILLI = 1000,	     /* a token is counted in thousandths */
};

struct pace {
	struct {
		uint64_t at;	/* ms */
		uint64_t spent; /* thousandths */
	} bucket[PACE_BUCKETS];
	uint64_t seed;
	unsigned rate, burst;
};

void pace_set(struct pace *p, unsigned rate, unsigned burst)
{
	p->rate = rate;
	p->burst = burst;
}

int pace_alloc(struct pace **pp, unsigned rate, unsigned burst)
{
	struct pace *p = mem_zalloc(sizeof(*p), NULL);

	if (!p)
		return ENOMEM;

	p->seed = id_random();
	pace_set(p, rate, burst);
	*pp = p;

	return 0;
}

/* FNV-1a over a secret start, and splitmix64's finaliser. */
static uint64_t bare_hash(uint64_t h, const char *from)
{
	for (; *from && *from != '/'; from++)
		h = (h ^ (unsigned char)*from) * 0x100000001b3ULL;
	h = (h ^ (h >> 30)) * 0xbf58476d1ce4e5b9ULL;
	h = (h ^ (h >> 27)) * 0x94d049bb133111ebULL;

	return h ^ (h >> 31);
}

bool pace_take(struct pace *p, const char *from, uint64_t now)
{
	const size_t i = bare_hash(p->seed, from) & (PACE_BUCKETS - 1);
	uint64_t gone, back;

	if (!p->rate || !p->burst)
		return true;

	gone = now > p->bucket[i].at ? now - p->bucket[i].at : 0;
	back = MIN(gone, 3600000u) * p->rate; /* an hour empties any */
	p->bucket[i].spent -= MIN(back, p->bucket[i].spent);
	p->bucket[i].at = MAX(now, p->bucket[i].at);

	if (p->bucket[i].spent + MILLI > (uint64_t)p->burst * MILLI)
		return false;

	p->bucket[i].spent += MILLI;

	return true;
}
