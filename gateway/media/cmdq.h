/* cmdq.h: a queue of values between two threads, with a descriptor that is
 * readable while something waits.  The lock is held for a few instructions;
 * the packet path never touches it. */
#ifndef MEDIA_CMDQ_H
#define MEDIA_CMDQ_H

#include <pthread.h>

struct cmdq_item { /* first member of what is queued */
	struct cmdq_item *next;
};

struct cmdq {
	pthread_mutex_t lock;
	struct cmdq_item *head, **tail;
	int fd; /* eventfd */
};

int cmdq_init(struct cmdq *q); /* errno */
void cmdq_close(struct cmdq *q);
void cmdq_push(struct cmdq *q, struct cmdq_item *item);
/* Everything that waits, oldest first; clears the descriptor. */
struct cmdq_item *cmdq_take(struct cmdq *q);

#endif
