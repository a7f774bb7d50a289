/* wheel.c: timers in a hierarchy of wheels. */
#include "base/wheel.h"

#include <stddef.h>

enum {
	LOOKS = 8, /* at timers of one slot, to find the first of them */
};

static bool is_empty(const struct wheel_link *head)
{
	return head->next == head;
}

static void append(struct wheel_link *head, struct wheel_node *n)
{
	n->link.next = head;
	n->link.prev = head->prev;
	head->prev->next = &n->link;
	head->prev = &n->link;
}

static struct wheel_node *pop(struct wheel_link *head)
{
	struct wheel_node *n = (struct wheel_node *)head->next;

	wheel_remove(n);

	return n;
}

static void clear(struct wheel_link *head)
{
	head->next = head->prev = head;
}

/* The level is that of the highest bits in which a time differs from now's.
 * So all of a level come before all of the next, and within one the slots are
 * in order. */
static unsigned level_of(const struct wheel *w, uint64_t due)
{
	return (63 - (unsigned)__builtin_clzll(due ^ w->at)) / WHEEL_BITS;
}

static void place(struct wheel *w, struct wheel_node *n)
{
	struct wheel_link *head = &w->ready;
	unsigned level, slot;

	if (n->due > w->at) {
		level = level_of(w, n->due);
		slot = n->due >> (level * WHEEL_BITS) & (WHEEL_SLOTS - 1);
		head = &w->slots[level][slot];
		if (!(w->used[level] >> slot & 1))
			clear(head);
		w->used[level] |= UINT64_C(1) << slot;
	} else if (!head->next) {
		clear(head);
	}
	append(head, n);
}

void wheel_add(struct wheel *w, struct wheel_node *n, uint64_t due)
{
	n->due = due;
	place(w, n);
}

/* A slot that holds something is spread when its time comes, so that until then
 * the level of what is in it stays the same. */
static bool is_same_slot(const struct wheel *w, uint64_t a, uint64_t b)
{
	unsigned level;

	if (a <= w->at || b <= w->at)
		return false;
	level = level_of(w, a);

	return level && level == level_of(w, b) &&
	       a >> (level * WHEEL_BITS) == b >> (level * WHEEL_BITS);
}

/* Its neighbours are others' memory, which has left the cache where there are
 * many. */
bool wheel_move(struct wheel *w, struct wheel_node *n, uint64_t due)
{
	if (wheel_has(n) && is_same_slot(w, n->due, due)) {
		n->due = due;
		return true;
	}
	wheel_remove(n);
	wheel_add(w, n, due);

	return false;
}

/* The slot's bit stays until someone looks: a node does not know its slot. */
void wheel_remove(struct wheel_node *n)
{
	if (!n->link.next)
		return;
	n->link.prev->next = n->link.next;
	n->link.next->prev = n->link.prev;
	n->link.next = n->link.prev = NULL;
}

/* The first slot that holds something, and when it begins. */
static struct wheel_link *first(struct wheel *w, unsigned *level,
				uint64_t *start)
{
	struct wheel_link *head;
	unsigned slot, shift;

	for (*level = 0; *level < WHEEL_LEVELS; ++*level) {
		while (w->used[*level]) {
			slot = (unsigned)__builtin_ctzll(w->used[*level]);
			head = &w->slots[*level][slot];
			if (is_empty(head)) {
				w->used[*level] &= w->used[*level] - 1;
				continue;
			}
			shift = *level * WHEEL_BITS;
			*start =
			    (w->at >> shift & ~(uint64_t)(WHEEL_SLOTS - 1)) |
			    slot;
			*start <<= shift;
			return head;
		}
	}

	return NULL;
}

/* Goes on to the next slot that begins until now, and spreads it. */
static bool advance(struct wheel *w, uint64_t now)
{
	struct wheel_link *head;
	uint64_t start;
	unsigned level;

	head = first(w, &level, &start);
	if (!head || start > now) {
		if (now > w->at)
			w->at = now;
		return false;
	}
	w->at = start;
	while (!is_empty(head))
		place(w, pop(head));

	return true;
}

struct wheel_node *wheel_take(struct wheel *w, uint64_t now)
{
	while (!w->ready.next || is_empty(&w->ready)) {
		if (!advance(w, now))
			return NULL;
	}

	return pop(&w->ready);
}

uint64_t wheel_next(struct wheel *w)
{
	struct wheel_link *head, *l;
	uint64_t start, due = UINT64_MAX;
	unsigned level, looks = 0;

	if (w->ready.next && !is_empty(&w->ready))
		return w->at;
	head = first(w, &level, &start);
	if (!head || !level)
		return head ? start : UINT64_MAX;
	for (l = head->next; l != head; l = l->next) {
		if (looks++ == LOOKS)
			return start;
		if (((struct wheel_node *)l)->due < due)
			due = ((struct wheel_node *)l)->due;
	}

	return due;
}
