/* resolve.c: host name -> addresses, without stopping the loop.
 *
 * The thread touches only its question; that belongs to nobody else until the
 * answer arrives, so cancelling is forgetting. */
#include "xmpp/resolve.h"

#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <string.h>

enum { STACK_SIZE = 256 * 1024 }; /* bytes; getaddrinfo needs some 100 kB */

struct question {
	struct mqueue *mq;
	char *host;
	uint16_t port;

	struct resolve *asker; /* loop's thread only; NULL: cancelled */

	int err;
	struct sa addrv[RESOLVE_MAX];
	size_t n;
};

struct resolve {
	struct question *q; /* NULL once answered */
	resolve_h *h;
	void *arg;
};

static void question_destructor(void *arg)
{
	struct question *q = arg;

	mem_deref(q->mq);
	mem_deref(q->host);
}

static void resolve_destructor(void *arg)
{
	struct resolve *r = arg;

	if (r->q)
		r->q->asker = NULL;
}

static void question_answered(int id, void *data, void *arg)
{
	struct question *q = arg;
	struct resolve *r = q->asker;

	(void)id;
	(void)data;

	if (r) {
		r->q = NULL;
		r->h(q->err, q->addrv, q->n, r->arg);
	}

	mem_deref(q);
}

static int errno_of(int eai)
{
	switch (eai) {
	case EAI_NONAME:
	case EAI_NODATA:
		return ENOENT;
	case EAI_MEMORY:
		return ENOMEM;
	default:
		return EAGAIN;
	}
}

static void *question_ask(void *arg)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
				       .ai_flags = AI_ADDRCONFIG};
	struct addrinfo *res = NULL, *ai;
	struct question *q = arg;
	int eai;

	eai = getaddrinfo(q->host, NULL, &hints, &res);
	if (eai)
		q->err = errno_of(eai);

	for (ai = res; ai && q->n < RESOLVE_MAX; ai = ai->ai_next) {
		if (sa_set_sa(&q->addrv[q->n], ai->ai_addr))
			continue;
		sa_set_port(&q->addrv[q->n++], q->port);
	}

	if (res)
		freeaddrinfo(res);
	if (!q->err && !q->n)
		q->err = ENOENT;

	/* fails only when the pipe is full, and this is its one message */
	(void)mqueue_push(q->mq, 0, NULL);

	return NULL;
}

static int thread_start(struct question *q)
{
	pthread_attr_t attr;
	pthread_t thread;
	int err;

	err = pthread_attr_init(&attr);
	if (err)
		return err;

	(void)pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	(void)pthread_attr_setstacksize(&attr, STACK_SIZE);

	err = pthread_create(&thread, &attr, question_ask, q);
	(void)pthread_attr_destroy(&attr);

	return err;
}

int resolve_start(struct resolve **rp, const char *host, uint16_t port,
		  resolve_h *h, void *arg)
{
	struct resolve *r;
	struct question *q;
	int err;

	if (!rp || !host || !h)
		return EINVAL;

	r = mem_zalloc(sizeof(*r), resolve_destructor);
	q = mem_zalloc(sizeof(*q), question_destructor);
	if (!r || !q) {
		err = ENOMEM;
		goto out;
	}

	r->h = h;
	r->arg = arg;
	q->asker = r;
	q->port = port;

	err = str_dup(&q->host, host);
	if (err)
		goto out;

	err = mqueue_alloc(&q->mq, question_answered, q);
	if (err)
		goto out;

	err = thread_start(q);
	if (err)
		goto out;

	r->q = q;
	*rp = r;

	return 0;

out:
	mem_deref(q);
	mem_deref(r);

	return err;
}
