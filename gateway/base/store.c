/* store.c: the database and the one thread that writes to it. */
#include "base/store.h"
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/log.h"
#include "base/loop.h"
#include "base/now.h"
#include "base/store_int.h"

enum {
	BATCH_MAX = 1000,  /* changes of one transaction */
	RETRY_MIN = 500,   /* ms after trouble, doubled up to RETRY_MAX */
	RETRY_MAX = 10000, /* ms */
};

/* ---- values ---- */

struct store_value store_int(int64_t n)
{
	return (struct store_value){.kind = STORE_INT, .n = n};
}

struct store_value store_text(const char *s)
{
	if (!s)
		return (struct store_value){.kind = STORE_NULL};

	return (struct store_value){
	    .kind = STORE_TEXT, .p = s, .len = strlen(s)};
}

struct store_value store_blob(const void *p, size_t len)
{
	return (struct store_value){.kind = STORE_BLOB, .p = p, .len = len};
}

static int value_bind(sqlite3_stmt *st, int i, const struct store_value *v)
{
	switch (v->kind) {
	case STORE_INT:
		return sqlite3_bind_int64(st, i, v->n);
	case STORE_TEXT:
		return sqlite3_bind_text64(st, i, v->p, v->len, SQLITE_STATIC,
					   SQLITE_UTF8);
	case STORE_BLOB:
		return sqlite3_bind_blob64(st, i, v->p, v->len, SQLITE_STATIC);
	default:
		return sqlite3_bind_null(st, i);
	}
}

static void value_read(struct store_value *v, sqlite3_stmt *st, int i)
{
	memset(v, 0, sizeof(*v));
	switch (sqlite3_column_type(st, i)) {
	case SQLITE_INTEGER:
		v->kind = STORE_INT;
		v->n = sqlite3_column_int64(st, i);
		break;
	case SQLITE_TEXT:
		v->kind = STORE_TEXT;
		v->p = sqlite3_column_text(st, i);
		v->len = (size_t)sqlite3_column_bytes(st, i);
		break;
	case SQLITE_BLOB:
		v->kind = STORE_BLOB;
		v->p = sqlite3_column_blob(st, i);
		v->len = (size_t)sqlite3_column_bytes(st, i);
		break;
	default:
		break;
	}
}

int store_load(struct store *s, enum store_query q, store_row_h *h, void *arg)
{
	struct store_value v[STORE_VALUES_MAX];
	sqlite3_stmt *st = NULL;
	int n, rc;

	if (!s || (size_t)q >= STORE_QUERIES || !h)
		return EINVAL;
	if (s->running)
		return EBUSY;

	rc = sqlite3_prepare_v2(s->db, store_queries[q], -1, &st, NULL);
	if (rc != SQLITE_OK)
		goto out;

	n = MIN(sqlite3_column_count(st), STORE_VALUES_MAX);
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		for (int i = 0; i < n; i++)
			value_read(&v[i], st, i);
		h(v, (size_t)n, arg);
	}
	if (rc == SQLITE_DONE)
		rc = SQLITE_OK;

out:
	(void)sqlite3_finalize(st);
	if (rc != SQLITE_OK)
		log_error("store: %s: %s\n", s->path, store_code_text(rc));

	return store_code_errno(rc);
}

/* ---- the thread ---- */

static int change_write(struct store *s, struct change *c)
{
	sqlite3_stmt *st = s->stmt[c->what];
	int rc = SQLITE_OK;

	if (!st) {
		rc = sqlite3_prepare_v3(s->db, store_changes[c->what], -1,
					SQLITE_PREPARE_PERSISTENT, &st, NULL);
		if (rc != SQLITE_OK)
			return rc;
		s->stmt[c->what] = st;
	}

	for (size_t i = 0; i < c->n && rc == SQLITE_OK; i++)
		rc = value_bind(st, (int)i + 1, &c->v[i]);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(st);
	(void)sqlite3_reset(st);
	(void)sqlite3_clear_bindings(st);

	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* All of a batch or nothing; what is refused for good is marked and left
 * out.  An SQLite code that store_passes(), or SQLITE_OK. */
static int batch_write(struct store *s, struct change *first)
{
	int rc = SQLITE_OK;

	if (!s->db || s->read_only) {
		store_db_close(s);
		rc = store_db_open_rw(s);
		if (rc != SQLITE_OK)
			return rc;
	}

	rc = sqlite3_exec(s->db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
	for (struct change *c = first; c && rc == SQLITE_OK; c = c->next) {
		rc = change_write(s, c);
		c->err = 0;
		if (rc != SQLITE_OK && !store_passes(rc)) {
			log_error("store: a change is refused: %s\n",
				  sqlite3_errmsg(s->db));
			c->err = EINVAL;
			rc = SQLITE_OK;
		}
	}
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(s->db, "COMMIT", NULL, NULL, NULL);
	if (!sqlite3_get_autocommit(s->db))
		(void)sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);

	return rc;
}

/* Called with the mutex held. */
static void trouble_set(struct store *s, const char *text)
{
	if (text && !s->trouble)
		log_error("store: %s: %s: changes wait until it can be "
			  "written\n",
			  s->path, text);
	else if (!text && s->trouble)
		log_info("store: %s: can be written again\n", s->path);
	s->trouble = text;
}

static struct change *batch_take(struct queue *q)
{
	struct change *first = q->first, **p = &q->first;

	for (unsigned i = 0; i < BATCH_MAX && *p; i++)
		p = &(*p)->next;

	q->first = *p;
	if (!*p)
		q->last = &q->first;
	*p = NULL;

	return first;
}

static void queue_add(struct queue *q, struct change *c)
{
	*q->last = c;
	while (*q->last)
		q->last = &(*q->last)->next;
}

/* With the mutex held: for ms, or until there is something to do. */
static void pause_for(struct store *s, unsigned ms)
{
	const struct timespec ts = now_after(ms);

	while (!s->stop && !pthread_cond_timedwait(&s->cond, &s->mutex, &ts))
		;
}

/* With the mutex held: tells the signalling thread. */
static void batch_done(struct store *s, struct change *first)
{
	const uint64_t one = 1;

	for (struct change *c = first; c; c = c->next) {
		s->waiting--;
		s->written++;
	}
	queue_add(&s->done, first);
	if (write(s->fd, &one, sizeof(one)) < 0)
		log_warning("store: %m\n", errno);
}

static void *writer(void *arg)
{
	struct store *s = arg;
	struct change *batch = NULL;
	unsigned wait = RETRY_MIN;
	int rc;

	(void)pthread_mutex_lock(&s->mutex);
	for (;;) {
		while (!batch && !s->in.first && !s->stop)
			(void)pthread_cond_wait(&s->cond, &s->mutex);
		if (!batch)
			batch = batch_take(&s->in);
		if (!batch)
			break; /* to stop, and nothing left */

		(void)pthread_mutex_unlock(&s->mutex);
		rc = batch_write(s, batch);
		(void)pthread_mutex_lock(&s->mutex);

		trouble_set(s, rc == SQLITE_OK ? NULL : store_code_text(rc));
		if (rc == SQLITE_OK) {
			batch_done(s, batch);
			batch = NULL;
			wait = RETRY_MIN;
		} else if (s->stop) {
			log_error("store: %s: %zu changes are lost: %s\n",
				  s->path, s->waiting, store_code_text(rc));
			queue_add(&s->done, batch);
			break;
		} else {
			pause_for(s, wait);
			wait = MIN(wait * 2, RETRY_MAX);
		}
	}
	(void)pthread_mutex_unlock(&s->mutex);

	return NULL;
}

/* ---- the signalling thread ---- */

static void change_free(struct change *c)
{
	mem_deref(c->arg);
	free(c);
}

static void done_handler(int flags, void *arg)
{
	struct store *s = mem_ref(arg);
	struct change *c, *next;
	uint64_t n;
	(void)flags;

	if (read(s->fd, &n, sizeof(n)) < 0 && errno != EAGAIN)
		log_warning("store: %m\n", errno);

	(void)pthread_mutex_lock(&s->mutex);
	c = s->done.first;
	s->done.first = NULL;
	s->done.last = &s->done.first;
	(void)pthread_mutex_unlock(&s->mutex);

	for (; c; c = next) {
		next = c->next;
		if (c->h)
			c->h(c->err, c->arg);
		change_free(c);
	}
	mem_deref(s);
}

static size_t room_of(const struct store_value *v)
{
	return v->kind == STORE_TEXT || v->kind == STORE_BLOB ? v->len + 1 : 0;
}

static struct change *change_alloc(enum store_change what,
				   const struct store_value *v, size_t n)
{
	size_t size = 0;
	struct change *c;
	char *p;

	for (size_t i = 0; i < n; i++)
		size += room_of(&v[i]);
	c = calloc(1, sizeof(*c) + size);
	if (!c)
		return NULL;

	c->what = what;
	c->n = n;
	p = c->bytes;
	for (size_t i = 0; i < n; i++) {
		c->v[i] = v[i];
		if (!room_of(&v[i]))
			continue;
		if (v[i].len)
			memcpy(p, v[i].p, v[i].len);
		c->v[i].p = p;
		p += v[i].len + 1;
	}

	return c;
}

int store_put(struct store *s, enum store_change what,
	      const struct store_value *v, size_t n, store_done_h *h,
	      void *arg)
{
	struct change *c;
	bool full;

	if (!s || (size_t)what >= STORE_CHANGES || n > STORE_VALUES_MAX)
		return EINVAL;

	c = change_alloc(what, v, n);
	if (!c)
		return ENOMEM;
	c->h = h;

	(void)pthread_mutex_lock(&s->mutex);
	full = s->waiting >= STORE_WAITING_MAX;
	if (!full) {
		c->arg = mem_ref(arg);
		s->waiting++;
		queue_add(&s->in, c);
		(void)pthread_cond_signal(&s->cond);
	}
	(void)pthread_mutex_unlock(&s->mutex);

	if (full)
		free(c);

	return full ? ENOBUFS : 0;
}

void store_status(const struct store *s, struct store_status *st)
{
	union {
		const struct store *in;
		struct store *out;
	} u = {.in = s}; /* a lock changes nothing that one could see */

	memset(st, 0, sizeof(*st));
	if (!s)
		return;

	(void)pthread_mutex_lock(&u.out->mutex);
	st->waiting = s->waiting;
	st->written = s->written;
	st->trouble = s->trouble;
	(void)pthread_mutex_unlock(&u.out->mutex);
}

static void queue_flush(struct queue *q)
{
	struct change *c, *next;

	for (c = q->first; c; c = next) {
		next = c->next;
		change_free(c);
	}
	q->first = NULL;
	q->last = &q->first;
}

static void destructor(void *arg)
{
	struct store *s = arg;

	if (s->running) {
		(void)pthread_mutex_lock(&s->mutex);
		s->stop = true;
		(void)pthread_cond_signal(&s->cond);
		(void)pthread_mutex_unlock(&s->mutex);
		(void)pthread_join(s->thread, NULL);
	}
	loop_fd_remove(s->fd);
	if (s->fd >= 0)
		(void)close(s->fd);
	queue_flush(&s->in);
	queue_flush(&s->done);
	if (s->db)
		store_db_close(s);
	(void)pthread_cond_destroy(&s->cond);
	(void)pthread_mutex_destroy(&s->mutex);
	mem_deref(s->path);
}

int store_open(struct store **sp, const char *path)
{
	pthread_condattr_t attr;
	struct store *s;
	int err;

	if (!sp || !path)
		return EINVAL;

	s = mem_zalloc(sizeof(*s), destructor);
	if (!s)
		return ENOMEM;

	(void)pthread_mutex_init(&s->mutex, NULL);
	(void)pthread_condattr_init(&attr);
	(void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&s->cond, &attr);
	(void)pthread_condattr_destroy(&attr);
	s->in.last = &s->in.first;
	s->done.last = &s->done.first;
	s->fd = -1;

	err = str_dup(&s->path, path);
	if (!err)
		err = store_db_open(s);
	if (err)
		mem_deref(s);
	else
		*sp = s;

	return err;
}

int store_start(struct store *s)
{
	sigset_t all, old;
	int err;

	if (!s || s->running)
		return EINVAL;

	s->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (s->fd < 0)
		return errno;
	err = loop_fd_add(s->fd, FD_READ, done_handler, s);
	if (err)
		return err;

	/* signals are for the signalling thread */
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	err = pthread_create(&s->thread, NULL, writer, s);
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	s->running = !err;

	return err;
}
