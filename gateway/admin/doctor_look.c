/* doctor_look.c: a look at a file that may take for ever.
 *
 * A thread takes it, for a disk that hangs (NFS) would hold up the loop.  It
 * touches only what it looks at; that belongs to nobody else until it is over,
 * so giving up is forgetting. */
#include <errno.h>
#include <pthread.h>
#include "admin/doctor.h"

enum {
	WAIT = 5000,		 /* ms */
	LOOKS_MAX = 16,		 /* at once; others wait for their turn */
	STACK_SIZE = 128 * 1024, /* bytes */
};

struct look {
	struct le le; /* of those that wait */
	struct mqueue *mq;
	void *data; /* referenced */
	look_h *h;
	look_judge_h *judge;
	const char *remedy;  /* static */
	struct asker *asker; /* the loop's alone; NULL: nobody waits */
};

struct asker { /* kept by its probe */
	struct probe *probe;
	struct look *look; /* NULL once it is over */
};

static unsigned looks;
static struct list waiting;

static void look_destructor(void *arg)
{
	struct look *l = arg;

	list_unlink(&l->le);
	mem_deref(l->mq);
	mem_deref(l->data);
}

static void asker_destructor(void *arg)
{
	struct asker *a = arg;

	if (!a->look)
		return;

	a->look->asker = NULL;
	if (a->look->le.list)
		mem_deref(a->look);
}

static void look_begin(struct look *l);

static void look_over(int id, void *data, void *arg)
{
	struct look *l = arg;

	(void)id;
	(void)data;
	--looks;
	if (l->asker) {
		l->asker->look = NULL;
		l->judge(l->asker->probe, l->data);
	}
	mem_deref(l);
	if (looks < LOOKS_MAX && (l = list_ledata(list_head(&waiting)))) {
		list_unlink(&l->le);
		look_begin(l);
	}
}

static void *look_go(void *arg)
{
	struct look *l = arg;

	l->h(l->data);
	/* fails only when the pipe is full, and this is its one message */
	(void)mqueue_push(l->mq, 0, NULL);

	return NULL;
}

static int look_start(struct look *l)
{
	pthread_attr_t attr;
	pthread_t thread;
	int err;

	err = mqueue_alloc(&l->mq, look_over, l);
	if (!err)
		err = pthread_attr_init(&attr);
	if (err)
		return err;

	(void)pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	(void)pthread_attr_setstacksize(&attr, STACK_SIZE);
	err = pthread_create(&thread, &attr, look_go, l);
	(void)pthread_attr_destroy(&attr);
	if (!err)
		++looks;

	return err;
}

static void look_begin(struct look *l)
{
	const int err = look_start(l);

	if (!err)
		return;

	l->asker->look = NULL;
	probe_say(l->asker->probe, PROBE_FAILED, l->remedy,
		  "cannot be looked at: %m", err);
	mem_deref(l);
}

int probe_look(struct probe *p, look_h *h, look_judge_h *judge, void *data,
	       const char *remedy)
{
	struct asker *a;
	struct look *l;

	a = mem_zalloc(sizeof(*a), asker_destructor);
	if (!a)
		return ENOMEM;
	a->probe = p;
	probe_keep(p, a);
	l = mem_zalloc(sizeof(*l), look_destructor);
	if (!l)
		return ENOMEM;

	l->data = mem_ref(data);
	l->h = h;
	l->judge = judge;
	l->remedy = remedy;
	l->asker = a;
	a->look = l;
	probe_wait(p, WAIT, remedy);
	if (looks < LOOKS_MAX)
		look_begin(l);
	else
		list_append(&waiting, &l->le, l);

	return 0;
}
