/* store.h: what is kept over a restart, in an SQLite database.
 *
 * All is read at start, before store_start().  From then on one thread owns the
 * database: changes go to it as values, and the signalling thread is told when
 * they are safe.  While the database is locked, full or read-only, changes
 * wait and are tried again; nobody else waits for them. */
#ifndef BASE_STORE_H
#define BASE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	STORE_VALUES_MAX = 16,
	STORE_WAITING_MAX = 65536, /* changes */
};

struct store; /* mem_ref object; its destructor writes what it can */

enum store_kind { STORE_NULL, STORE_INT, STORE_TEXT, STORE_BLOB };

struct store_value {
	enum store_kind kind;
	int64_t n;     /* of an integer */
	const void *p; /* of text and blob; not referenced */
	size_t len;    /* bytes; of text without a NUL, which follows it */
};

/* Rows in the order of these columns; store_schema.c. */
enum store_query {
	STORE_ACCOUNTS, /* id, jid, gateway, token, domain, username, auth,
			 * proxy, transport, name, secret, privacy; etag and
			 * until of its publication, which has changes of its
			 * own */
	STORE_PAIRS,	/* user, contact, flags */
	STORE_CONTACTS, /* user, contact, name, seen */
	STORE_USERS,	/* user, dnd */
	STORE_USAGE,	/* user, at, calls, ms */
	STORE_QUERIES,
};

/* With the values of the same columns, or of the key where it says so. */
enum store_change {
	STORE_ACCOUNT_PUT,
	STORE_ACCOUNT_DELETE, /* id */
	STORE_PAIR_PUT,
	STORE_PAIR_DELETE, /* user, contact */
	STORE_CONTACT_PUT,
	STORE_CONTACT_DELETE, /* user, contact */
	STORE_USER_PUT,
	STORE_USAGE_PUT,
	STORE_USAGE_TRIM, /* all but these: at of the first, of the last */
	STORE_PUBLICATION_PUT,
	STORE_PUBLICATION_DELETE, /* account */
	STORE_CHANGES,
};

/* A row; values are valid during the call. */
typedef void(store_row_h)(const struct store_value *v, size_t n, void *arg);
/* 0: the change is safe, also against kill -9 and loss of power.  EINVAL: the
 * database refused it for ever. */
typedef void(store_done_h)(int err, void *arg);

/* Makes the file, or brings an older one to this version.  EACCES, EBUSY,
 * ENOTSUP (written by a newer version), EBADMSG (not a database), ENOSPC,
 * ENOMEM, EIO; logged. */
int store_open(struct store **sp, const char *path);
/* All rows of a query.  EBUSY once store_start() was called. */
int store_load(struct store *s, enum store_query q, store_row_h *h, void *arg);
int store_start(struct store *s);

/* Copies the values.  h may be NULL; arg is a mem_ref object or NULL, and is
 * referenced until h was called, in the signalling thread.  ENOBUFS: too many
 * changes wait; ENOMEM. */
int store_put(struct store *s, enum store_change change,
	      const struct store_value *v, size_t n, store_done_h *h,
	      void *arg);

struct store_value store_int(int64_t n);
struct store_value store_text(const char *s); /* NULL: NULL */
struct store_value store_blob(const void *p, size_t len);

struct store_status {
	size_t waiting;	     /* changes that are not safe yet */
	uint64_t written;    /* changes since the start */
	const char *trouble; /* NULL: none; static text */
};
void store_status(const struct store *s, struct store_status *st);

#endif
