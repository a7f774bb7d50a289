/* cmdq.h: a queue of values between two threads, with a descriptor that is
 * readable while something waits.  The lock is held for a few instructions;
 * the packet path never touches it. */
#ifndef MEDIA_CMDQ_H
#define MEDIA_CMDQ_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct cmdq_item { /* first member of what is queued */
	struct cmdq_item *next;
};

struct cmdq {
	pthread_mutex_t lock;
	struct cmdq_item *head, **tail;
	uint64_t first; /* us; when head was pushed */
	int fd;		/* eventfd */
};

int cmdq_init(struct cmdq *q); /* errno */
void cmdq_close(struct cmdq *q);
void cmdq_push(struct cmdq *q, struct cmdq_item *item);
/* The same in two parts, for who has more to say.  True: the other thread is
 * to be woken, by whoever put this item; until then it may not know of it, nor
 * of those that others put behind it. */
bool cmdq_put(struct cmdq *q, struct cmdq_item *item);
void cmdq_wake(struct cmdq *q);
/* Everything that waits, oldest first; clears the descriptor.  *waited, where
 * it is not NULL: us that the oldest did. */
struct cmdq_item *cmdq_take(struct cmdq *q, uint64_t *waited);
/* us that the oldest of what waits has waited; 0: nothing does. */
uint64_t cmdq_age(struct cmdq *q);

#endif
