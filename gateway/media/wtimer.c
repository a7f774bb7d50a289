/* wtimer.c: timers of one worker: an intrusive pairing heap. */
#include "media/wtimer.h"

#include <stddef.h>
#include <time.h>

uint64_t wtimer_now(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);

	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static struct wtimer *meld(struct wtimer *a, struct wtimer *b)
{
	struct wtimer *t;

	if (!a)
		return b;
	if (!b)
		return a;
	if (b->due < a->due) {
		t = a;
		a = b;
		b = t;
	}
	b->prev = a;
	b->next = a->child;
	if (a->child)
		a->child->prev = b;
	a->child = b;
	a->next = a->prev = NULL;

	return a;
}

/* Melds siblings two by two, then the pairs from the last to the first. */
static struct wtimer *pair(struct wtimer *list)
{
	struct wtimer *pairs = NULL, *root = NULL, *a, *b, *rest;

	while (list) {
		a = list;
		b = a->next;
		rest = b ? b->next : NULL;
		a->next = a->prev = NULL;
		if (b)
			b->next = b->prev = NULL;
		a = meld(a, b);
		a->next = pairs;
		pairs = a;
		list = rest;
	}
	while (pairs) {
		rest = pairs->next;
		pairs->next = NULL;
		root = meld(root, pairs);
		pairs = rest;
	}

	return root;
}

void wtimer_cancel(struct wtimers *ts, struct wtimer *t)
{
	struct wtimer *sub;

	if (!t->running)
		return;
	sub = pair(t->child);
	if (ts->root == t) {
		ts->root = sub;
	} else {
		if (t->prev->child == t)
			t->prev->child = t->next;
		else
			t->prev->next = t->next;
		if (t->next)
			t->next->prev = t->prev;
		ts->root = meld(ts->root, sub);
	}
	t->child = t->next = t->prev = NULL;
	t->running = false;
}

void wtimer_start(struct wtimers *ts, struct wtimer *t, uint64_t due,
		  wtimer_h *h, void *arg)
{
	wtimer_cancel(ts, t);
	t->due = due;
	t->h = h;
	t->arg = arg;
	t->running = true;
	ts->root = meld(ts->root, t);
}

uint64_t wtimer_run(struct wtimers *ts, uint64_t now)
{
	struct wtimer *t;

	while ((t = ts->root) && t->due <= now) {
		wtimer_cancel(ts, t);
		t->h(t->arg);
	}

	return ts->root ? ts->root->due : UINT64_MAX;
}
