/* cache.h: things found by a text, of which the least used are forgotten. */
#ifndef BRIDGE_CACHE_H
#define BRIDGE_CACHE_H

#include "base/compat.h"

struct cache; /* mem_ref object */

struct cached { /* first member of what is kept, a mem_ref object */
	struct le he, le;
	char *key;
	uint64_t used;	  /* ms */
	struct cache *in; /* not referenced */
};

/* max: a power of two; age: ms since the last use, then it counts as gone. */
int cache_alloc(struct cache **cp, unsigned max, uint64_t age);
/* NULL: none. Counts as a use. */
void *cache_find(struct cache *c, const char *key);
/* Takes over the reference, on error too; another of that key is dropped. */
int cache_add(struct cache *c, struct cached *item, const char *key);
/* For the destructor of what is kept. */
void cached_destruct(struct cached *item);
unsigned cache_count(const struct cache *c);

#endif
