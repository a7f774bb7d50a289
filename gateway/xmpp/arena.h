/* arena.h: memory of one stanza: taken in chunks, freed at once, counted. */
#ifndef XMPP_ARENA_H
#define XMPP_ARENA_H

#include <stdbool.h>
#include <stddef.h>

enum { ARENA_RECENT = 16 };

struct arena_chunk;

struct stanza_arena {
	struct arena_chunk *chunks; /* newest first */
	size_t held;		    /* bytes taken from the system */
	size_t budget;		    /* bytes that may be held; 0: any number */
	bool failed;		    /* a request was refused */
	bool over;		    /* ... because of the budget */
	const char *recent[ARENA_RECENT]; /* names that come again */
	unsigned next;
};

struct stanza_arena *arena_new(void); /* NULL: out of memory */
void arena_free(struct stanza_arena *a);

/* Aligned, not cleared; NULL over budget or out of memory. */
void *arena_take(struct stanza_arena *a, size_t size);
char *arena_copy(struct stanza_arena *a, const char *s, size_t len);
/* The same text gives the same copy if it was seen lately. */
const char *arena_name(struct stanza_arena *a, const char *s, size_t len);

#endif
