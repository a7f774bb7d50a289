/* cdr_sink.c: a file of call records and the thread that writes it. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include "admin/cdr_int.h"
#include "base/log.h"
#include "base/now.h"

enum {
	BATCH_MAX = 256,
	RETRY_MIN = 100,    /* ms */
	RETRY_MAX = 5000,   /* ms */
	IDLE = 3600 * 1000, /* ms; then files look for what is too old */
};

/* The thread outlives its owner where a disk does not answer: calloc'ed, and
 * freed by the last of the two. */
struct cdr_sink {
	const struct cdr_sink_ops *ops;
	struct config_records conf; /* strings are ours */
	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	/* under the mutex */
	struct cdr_record *first, **last;
	size_t waiting, bytes;
	uint64_t written, dropped, failures;
	const char *trouble;
	struct cdr_record *past; /* of before this process */
	bool stop, reopen, losing, over;
	/* of the thread */
	bool open, recalled;
	void *state;
};

void cdr_records_free(struct cdr_record *r)
{
	struct cdr_record *next;

	for (; r; r = next) {
		next = r->next;
		free(r);
	}
}

/* ---- the thread ---- */

static struct cdr_record *batch_take(struct cdr_sink *s)
{
	struct cdr_record *first = s->first, **p = &s->first;

	for (unsigned i = 0; i < BATCH_MAX && *p; i++)
		p = &(*p)->next;

	s->first = *p;
	if (!*p)
		s->last = &s->first;
	*p = NULL;

	return first;
}

static void close_file(struct cdr_sink *s)
{
	if (s->open)
		s->ops->close(s->state);
	s->open = false;
}

static const char *write_batch(struct cdr_sink *s, bool reopen,
			       const struct cdr_record *list)
{
	const char *why = NULL;

	if (reopen)
		close_file(s);
	if (!s->open)
		why = s->ops->open(s->state, &s->conf);
	s->open = s->open || !why;
	if (!why)
		why = s->ops->write(s->state, list);
	if (why)
		close_file(s);

	return why;
}

/* With the mutex held. */
static void trouble_set(struct cdr_sink *s, const char *why)
{
	s->failures += why != NULL;
	if (why && !s->trouble)
		log_error("records: %s: %s: records wait until it can be "
			  "written\n",
			  s->ops->name, why);
	else if (!why && s->trouble)
		log_info("records: %s: can be written again\n", s->ops->name);
	s->trouble = why;
}

static void batch_done(struct cdr_sink *s, const struct cdr_record *list)
{
	for (; list; list = list->next) {
		--s->waiting;
		s->bytes -= list->size;
		++s->written;
	}
	if (s->losing && s->waiting < CDR_WAITING_MAX / 2) {
		log_warning("records: %s: takes records again, %llu were "
			    "lost\n",
			    s->ops->name, (unsigned long long)s->dropped);
		s->losing = false;
	}
}

static void pause_for(struct cdr_sink *s, unsigned ms)
{
	const struct timespec ts = now_after(ms);

	while (!s->stop && !s->reopen &&
	       !pthread_cond_timedwait(&s->cond, &s->mutex, &ts))
		;
}

/* A file in trouble is tried again, with nothing to write too: it shall be
 * known to be well before the next call. */
static void wait_for_work(struct cdr_sink *s)
{
	const struct timespec ts = now_after(IDLE);

	while (!s->first && !s->stop && !s->reopen && !s->trouble &&
	       !pthread_cond_timedwait(&s->cond, &s->mutex, &ts))
		;
}

/* Once, when the file is open first. */
static void recall(struct cdr_sink *s)
{
	struct cdr_list l = {NULL, NULL, 0};

	if (s->recalled || !s->open)
		return;

	s->recalled = true;
	if (s->ops->recall)
		s->ops->recall(s->state, &l, CDR_RECENT_MAX);
	(void)pthread_mutex_lock(&s->mutex);
	s->past = l.first;
	(void)pthread_mutex_unlock(&s->mutex);
}

/* With the mutex held: one turn; false: it is over. */
static bool turn(struct cdr_sink *s, struct cdr_record **batch, unsigned *wait)
{
	const char *why;
	bool reopen;

	if (!*batch) {
		wait_for_work(s);
		*batch = batch_take(s);
	}
	if (!*batch && s->stop)
		return false;

	reopen = s->reopen;
	s->reopen = false;
	(void)pthread_mutex_unlock(&s->mutex);
	why = write_batch(s, reopen, *batch);
	recall(s);
	(void)pthread_mutex_lock(&s->mutex);

	trouble_set(s, why);
	if (!why) {
		batch_done(s, *batch);
		cdr_records_free(*batch);
		*batch = NULL;
		*wait = RETRY_MIN;
	} else if (s->stop) {
		log_error("records: %s: %zu records are lost: %s\n",
			  s->ops->name, s->waiting, why);
		return false;
	} else {
		pause_for(s, *wait);
		*wait = MIN(*wait * 2, RETRY_MAX);
	}

	return true;
}

static void *writer(void *arg)
{
	struct cdr_sink *s = arg;
	struct cdr_record *batch = NULL;
	unsigned wait = RETRY_MIN;

	(void)pthread_mutex_lock(&s->mutex);
	s->reopen = true; /* opens it: mistakes are told at the start */
	while (turn(s, &batch, &wait))
		;
	(void)pthread_mutex_unlock(&s->mutex);
	cdr_records_free(batch);
	close_file(s);

	(void)pthread_mutex_lock(&s->mutex);
	s->over = true;
	(void)pthread_cond_signal(&s->cond);
	(void)pthread_mutex_unlock(&s->mutex);

	return NULL;
}

/* ---- the signalling thread ---- */

void cdr_sink_put(struct cdr_sink *s, struct cdr_record *r)
{
	bool full, began = false;

	(void)pthread_mutex_lock(&s->mutex);
	full = s->waiting >= CDR_WAITING_MAX ||
	       s->bytes + r->size > CDR_WAITING_BYTES;
	if (full) {
		began = !s->losing;
		s->losing = true;
		++s->dropped;
	} else {
		*s->last = r;
		s->last = &r->next;
		++s->waiting;
		s->bytes += r->size;
		(void)pthread_cond_signal(&s->cond);
	}
	(void)pthread_mutex_unlock(&s->mutex);

	if (began)
		log_error("records: %s: %u records wait already: new ones are "
			  "lost\n",
			  s->ops->name, (unsigned)CDR_WAITING_MAX);
	if (full)
		free(r);
}

void cdr_sink_reopen(struct cdr_sink *s)
{
	(void)pthread_mutex_lock(&s->mutex);
	s->reopen = true;
	(void)pthread_cond_signal(&s->cond);
	(void)pthread_mutex_unlock(&s->mutex);
}

struct cdr_record *cdr_sink_recalled(struct cdr_sink *s)
{
	struct cdr_record *past;

	(void)pthread_mutex_lock(&s->mutex);
	past = s->past;
	s->past = NULL;
	(void)pthread_mutex_unlock(&s->mutex);

	return past;
}

void cdr_sink_status(struct cdr_sink *s, struct cdr_file *f)
{
	f->name = s->ops->name;
	(void)pthread_mutex_lock(&s->mutex);
	f->written = s->written;
	f->dropped = s->dropped;
	f->failures = s->failures;
	f->waiting = s->waiting;
	f->trouble = s->trouble;
	(void)pthread_mutex_unlock(&s->mutex);
}

static void sink_free(struct cdr_sink *s)
{
	cdr_records_free(s->first);
	cdr_records_free(s->past);
	(void)pthread_cond_destroy(&s->cond);
	(void)pthread_mutex_destroy(&s->mutex);
	free(s->state);
	free(s->conf.csv);
	free(s->conf.sqlite);
	free(s);
}

/* A disk that hangs holds nobody up: its thread ends with the process. */
void cdr_sink_stop(struct cdr_sink *s, unsigned ms)
{
	const struct timespec ts = now_after(ms);
	bool over;

	(void)pthread_mutex_lock(&s->mutex);
	s->stop = true;
	(void)pthread_cond_signal(&s->cond);
	while (!s->over && !pthread_cond_timedwait(&s->cond, &s->mutex, &ts))
		;
	over = s->over;
	if (!over)
		log_error("records: %s: the disk does not answer: %zu records "
			  "are lost\n",
			  s->ops->name, s->waiting);
	(void)pthread_mutex_unlock(&s->mutex);

	if (over) {
		(void)pthread_join(s->thread, NULL);
		sink_free(s);
	} else {
		(void)pthread_detach(s->thread);
	}
}

int cdr_sink_start(struct cdr_sink **sp, const struct cdr_sink_ops *ops,
		   const struct config_records *conf)
{
	pthread_condattr_t attr;
	sigset_t all, old;
	struct cdr_sink *s;
	int err = ENOMEM;

	s = calloc(1, sizeof(*s));
	if (!s)
		return ENOMEM;

	s->ops = ops;
	s->conf = *conf;
	s->conf.csv = conf->csv ? strdup(conf->csv) : NULL;
	s->conf.sqlite = conf->sqlite ? strdup(conf->sqlite) : NULL;
	s->last = &s->first;
	s->state = calloc(1, ops->size);
	(void)pthread_mutex_init(&s->mutex, NULL);
	(void)pthread_condattr_init(&attr);
	(void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&s->cond, &attr);
	(void)pthread_condattr_destroy(&attr);

	/* signals are for the signalling thread */
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	if (s->state && !conf->csv == !s->conf.csv &&
	    !conf->sqlite == !s->conf.sqlite)
		err = pthread_create(&s->thread, NULL, writer, s);
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (err)
		sink_free(s);
	else
		*sp = s;

	return err;
}
