/* store_int.h: the schema, for store.c and its tests. */
#ifndef BASE_STORE_INT_H
#define BASE_STORE_INT_H

#include <pthread.h>
#include <sqlite3.h>
#include "base/compat.h"
#include "base/store.h"

/* A change on its way; malloc'ed, for it crosses threads. */
struct change {
	struct change *next;
	enum store_change what;
	int err;
	store_done_h *h;
	void *arg; /* referenced; touched by the signalling thread alone */
	size_t n;
	struct store_value v[STORE_VALUES_MAX];
	char bytes[];
};

struct queue {
	struct change *first, **last;
};

struct store {
	char *path;
	sqlite3 *db;
	bool read_only; /* the way in which it is open */
	sqlite3_stmt *stmt[STORE_CHANGES];

	pthread_t thread;
	bool running;
	int fd; /* eventfd: done is not empty */
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	/* under the mutex */
	struct queue in, done;
	size_t waiting;
	uint64_t written;
	bool stop;
	const char *trouble;
};

/* store_open.c: SQLite codes as errno and in words; what passes by itself, or
 * by the operator, is worth another try. */
int store_code_errno(int rc);
const char *store_code_text(int rc);
bool store_passes(int rc);
void store_db_close(struct store *s);
int store_db_open_rw(struct store *s);
/* At start: read-only where nothing else is possible. */
int store_db_open(struct store *s);

extern const int store_version;
extern const char *const store_queries[STORE_QUERIES];
extern const char *const store_changes[STORE_CHANGES];

/* Steps from the database's version to upto; an SQLite code. */
int store_migrate(sqlite3 *db, int upto);

#endif
