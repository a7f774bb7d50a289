/* wheel.h: timers in a hierarchy of wheels: adding and removing one costs the
 * same however many there are.
 *
 * Level 0 has a slot for each of the next 64 ticks, level 1 for each 64 of
 * them, and so on up to all of 64 bits; a slot whose time has come is spread
 * over the levels below.  Nothing here allocates, fails or locks.  What a tick
 * is, is the user's business. */
#ifndef BASE_WHEEL_H
#define BASE_WHEEL_H

#include <stdbool.h>
#include <stdint.h>

enum {
	WHEEL_BITS = 6, /* of a time, that choose a slot of one level */
	WHEEL_SLOTS = 1 << WHEEL_BITS,
	WHEEL_LEVELS = 64 / WHEEL_BITS + 1,
};

struct wheel_link {
	struct wheel_link *next, *prev;
};

struct wheel_node {		/* zeroed: in no wheel */
	struct wheel_link link; /* first */
	uint64_t due;
};

struct wheel {	     /* zeroed: empty */
	uint64_t at; /* all before this tick was taken */
	struct wheel_link ready;
	/* A bit for each slot; where it is clear the slot means nothing. */
	uint64_t used[WHEEL_LEVELS];
	struct wheel_link slots[WHEEL_LEVELS][WHEEL_SLOTS];
};

/* n is in no wheel.  What is overdue comes after what was overdue before. */
void wheel_add(struct wheel *w, struct wheel_node *n, uint64_t due);
/* From whatever wheel it is in; none: nothing happens. */
void wheel_remove(struct wheel_node *n);
static inline bool wheel_has(const struct wheel_node *n)
{
	return n->link.next != 0;
}
/* Both; n may be in w or in none.  True: among what is due at the same time it
 * keeps the place that it was added at. */
bool wheel_move(struct wheel *w, struct wheel_node *n, uint64_t due);

/* Removes and returns the first of what is due at now; NULL: nothing is.  The
 * times come in order, equal ones as they were added.  now never falls. */
struct wheel_node *wheel_take(struct wheel *w, uint64_t now);
/* When to call wheel_take; never late, and early only where many are due soon
 * after each other.  UINT64_MAX: never. */
uint64_t wheel_next(struct wheel *w);

#endif
