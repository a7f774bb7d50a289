/* arena.c: memory of one stanza: taken in chunks, freed at once, counted. */
#include "xmpp/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <string.h>

#include "base/compat.h"

enum {
	/* bytes; a message or presence fits one, and malloc hands out again
	 * at once what was freed, which it does up to 1032 */
	CHUNK_MIN = 1000,
	CHUNK_MAX = 16384, /* bytes, unless one string is longer */
};

struct arena_chunk {
	struct arena_chunk *next;
	size_t size, used; /* of data */
	alignas(max_align_t) unsigned char data[];
};

struct stanza_arena *arena_new(void)
{
	return mem_zalloc(sizeof(struct stanza_arena), NULL);
}

void arena_free(struct stanza_arena *a)
{
	struct arena_chunk *c;

	if (!a)
		return;

	while ((c = a->chunks)) {
		a->chunks = c->next;
		mem_deref(c);
	}

	mem_deref(a);
}

/* Chunks grow with the stanza by half, so that what is held and not used stays
 * a small part of what is used. */
static struct arena_chunk *chunk_add(struct stanza_arena *a, size_t need)
{
	const size_t head = sizeof(struct arena_chunk);
	struct arena_chunk *c;
	size_t size = a->held / 2;

	size = size < CHUNK_MIN ? CHUNK_MIN : size;
	size = size > CHUNK_MAX ? CHUNK_MAX : size;
	size = need > size - head ? need + head : size;

	if (a->budget && a->held + size > a->budget) {
		a->over = true;
		return NULL;
	}

	c = mem_alloc(size, NULL);
	if (!c)
		return NULL;

	c->next = a->chunks;
	c->size = size - head;
	c->used = 0;
	a->chunks = c;
	a->held += size;

	return c;
}

void *arena_take(struct stanza_arena *a, size_t size)
{
	const size_t align = alignof(void *);
	struct arena_chunk *c;
	void *p;

	if (!a || size > SIZE_MAX / 2)
		return NULL;

	size = (size + align - 1) & ~(align - 1);

	c = a->chunks;
	if (!c || c->size - c->used < size)
		c = chunk_add(a, size);
	if (!c) {
		a->failed = true;
		return NULL;
	}

	p = c->data + c->used;
	c->used += size;

	return p;
}

char *arena_copy(struct stanza_arena *a, const char *s, size_t len)
{
	char *p;

	p = arena_take(a, len + 1);
	if (!p)
		return NULL;

	if (len)
		memcpy(p, s, len);
	p[len] = '\0';

	return p;
}

const char *arena_name(struct stanza_arena *a, const char *s, size_t len)
{
	const char *p;
	unsigned i;

	if (!a)
		return NULL;
	if (!len)
		return "";

	for (i = 0; i < ARENA_RECENT && a->recent[i]; i++) {
		if (!strncmp(a->recent[i], s, len) && !a->recent[i][len])
			return a->recent[i];
	}

	p = arena_copy(a, s, len);
	if (p) {
		a->recent[a->next] = p;
		a->next = (a->next + 1) % ARENA_RECENT;
	}

	return p;
}
