/* cmdq.c: a queue of values between two threads. */
#include "media/cmdq.h"

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "media/wtimer.h"

int cmdq_init(struct cmdq *q)
{
	q->head = NULL;
	q->tail = &q->head;
	q->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (q->fd < 0)
		return errno;

	return pthread_mutex_init(&q->lock, NULL);
}

void cmdq_close(struct cmdq *q)
{
	(void)close(q->fd);
	q->fd = -1;
	(void)pthread_mutex_destroy(&q->lock);
}

void cmdq_wake(struct cmdq *q)
{
	uint64_t one = 1;

	if (write(q->fd, &one, sizeof(one)) < 0)
		return; /* full means readable, which is all we want */
}

bool cmdq_put(struct cmdq *q, struct cmdq_item *item)
{
	bool was_empty;

	item->next = NULL;
	(void)pthread_mutex_lock(&q->lock);
	was_empty = !q->head;
	if (was_empty)
		q->first = wtimer_now();
	*q->tail = item;
	q->tail = &item->next;
	(void)pthread_mutex_unlock(&q->lock);

	return was_empty;
}

void cmdq_push(struct cmdq *q, struct cmdq_item *item)
{
	if (cmdq_put(q, item))
		cmdq_wake(q);
}

uint64_t cmdq_age(struct cmdq *q)
{
	uint64_t age;

	(void)pthread_mutex_lock(&q->lock);
	age = q->head ? wtimer_now() - q->first : 0;
	(void)pthread_mutex_unlock(&q->lock);

	return age;
}

struct cmdq_item *cmdq_take(struct cmdq *q, uint64_t *waited)
{
	struct cmdq_item *list;
	uint64_t n;

	/* Clear first: what is pushed after this sets it again. */
	if (waited)
		*waited = 0;
	if (read(q->fd, &n, sizeof(n)) < 0 && errno != EAGAIN)
		return NULL;
	(void)pthread_mutex_lock(&q->lock);
	list = q->head;
	if (waited)
		*waited = list ? wtimer_now() - q->first : 0;
	q->head = NULL;
	q->tail = &q->head;
	(void)pthread_mutex_unlock(&q->lock);

	return list;
}
