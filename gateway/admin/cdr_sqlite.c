/* cdr_sqlite.c: call records as a table of an SQLite database. */
#include <math.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include "admin/cdr_int.h"
#include "base/store_int.h"

enum {
	BUSY_WAIT = 200, /* ms that SQLite itself waits for a lock */
	VERSION_NOW = 1,
	DAY = 86400, /* s */
	HOUR = 3600, /* s between looks for old records */
};

struct db {
	sqlite3 *db;
	sqlite3_stmt *insert, *expire;
	unsigned keep_days; /* 0: for ever */
	time_t swept;
};

static const char *const types[] = {
    [CDR_TEXT] = "TEXT",   [CDR_WORDS] = "TEXT", [CDR_TIME] = "TEXT",
    [CDR_INT] = "INTEGER", [CDR_CENTI] = "REAL",
};

/* From the table of fields alone: nothing of outside is in it. */
static int schema_print(struct mbuf *mb)
{
	int err = mbuf_write_str(mb, "CREATE TABLE IF NOT EXISTS call (");

	for (size_t i = 0; i < CDR_FIELDS && !err; i++) {
		err = mbuf_write_str(mb, i ? ", " : "");
		err |= mbuf_write_str(mb, cdr_columns[i].name);
		err |= mbuf_write_str(mb, " ");
		err |= mbuf_write_str(mb, types[cdr_columns[i].kind]);
		err |= mbuf_write_str(mb, i == CDR_ID ? " PRIMARY KEY" : "");
	}
	err |= mbuf_write_str(mb, ");"
				  "CREATE INDEX IF NOT EXISTS call_start ON "
				  "call (start);"
				  "PRAGMA user_version = 1");
	err |= mbuf_write_u8(mb, 0);

	return err;
}

/* Again with the same id, it is the same record. */
static int insert_print(struct mbuf *mb)
{
	int err = mbuf_write_str(mb, "INSERT OR IGNORE INTO call VALUES (?");

	for (size_t i = 1; i < CDR_FIELDS && !err; i++)
		err = mbuf_write_str(mb, ", ?");
	err |= mbuf_write_str(mb, ")");
	err |= mbuf_write_u8(mb, 0);

	return err;
}

static int version_of(sqlite3 *db)
{
	sqlite3_stmt *st = NULL;
	int v = -1;

	if (sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &st, NULL) ==
		SQLITE_OK &&
	    sqlite3_step(st) == SQLITE_ROW)
		v = sqlite3_column_int(st, 0);
	(void)sqlite3_finalize(st);

	return v;
}

static int prepare(struct db *d)
{
	struct mbuf *schema = mbuf_alloc(2048), *insert = mbuf_alloc(512);
	int rc = SQLITE_NOMEM;

	if (!schema || !insert || schema_print(schema) || insert_print(insert))
		goto out;

	rc = sqlite3_exec(d->db,
			  "PRAGMA journal_mode = WAL;"
			  "PRAGMA synchronous = NORMAL;"
			  "PRAGMA trusted_schema = OFF",
			  NULL, NULL, NULL);
	if (rc == SQLITE_OK && version_of(d->db) > VERSION_NOW)
		rc = SQLITE_MISMATCH;
	if (rc == SQLITE_OK)
		rc =
		    sqlite3_exec(d->db, (char *)schema->buf, NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_prepare_v2(d->db, (char *)insert->buf, -1,
					&d->insert, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_prepare_v2(d->db,
					"DELETE FROM call WHERE start < ?1",
					-1, &d->expire, NULL);

out:
	mem_deref(schema);
	mem_deref(insert);

	return rc;
}

static void db_close(void *state)
{
	struct db *d = state;

	(void)sqlite3_finalize(d->insert);
	(void)sqlite3_finalize(d->expire);
	(void)sqlite3_close(d->db);
	memset(d, 0, sizeof(*d));
}

static const char *db_open(void *state, const struct config_records *conf)
{
	struct db *d = state;
	int rc;

	memset(d, 0, sizeof(*d));
	d->keep_days = conf->keep_days;
	rc = sqlite3_open_v2(conf->sqlite, &d->db,
			     SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE |
				 SQLITE_OPEN_NOMUTEX,
			     NULL);
	if (rc == SQLITE_OK) {
		(void)chmod(conf->sqlite, 0640);
		(void)sqlite3_busy_timeout(d->db, BUSY_WAIT);
		rc = prepare(d);
	}
	if (rc == SQLITE_OK)
		return NULL;

	db_close(d);

	return store_code_text(rc);
}

static int bind_field(sqlite3_stmt *st, int at, const struct cdr_record *r,
		      size_t i)
{
	char buf[CDR_TIME_SIZE];

	switch (cdr_columns[i].kind) {
	case CDR_TEXT:
	case CDR_WORDS:
		return sqlite3_bind_text(st, at, r->text[i], -1,
					 SQLITE_STATIC);
	default:
		break;
	}

	if (r->v[i] == CDR_NONE)
		return sqlite3_bind_null(st, at);
	if (cdr_columns[i].kind == CDR_CENTI)
		return sqlite3_bind_double(st, at, (double)r->v[i] / 100);
	if (cdr_columns[i].kind == CDR_INT)
		return sqlite3_bind_int64(st, at, r->v[i]);

	cdr_time_print(buf, r->v[i]);

	return sqlite3_bind_text(st, at, buf, -1, SQLITE_TRANSIENT);
}

static int run(sqlite3_stmt *st)
{
	int rc = sqlite3_step(st);

	(void)sqlite3_reset(st);
	(void)sqlite3_clear_bindings(st);

	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int insert(struct db *d, const struct cdr_record *r)
{
	int rc = SQLITE_OK;

	for (size_t i = 0; i < CDR_FIELDS && rc == SQLITE_OK; i++)
		rc = bind_field(d->insert, (int)i + 1, r, i);

	return rc == SQLITE_OK ? run(d->insert) : rc;
}

static int expire(struct db *d)
{
	const time_t now = time(NULL);
	char before[CDR_TIME_SIZE];
	int rc;

	if (!d->keep_days || now - d->swept < HOUR)
		return SQLITE_OK;

	d->swept = now;
	cdr_time_print(before,
		       1000 * ((int64_t)now - (int64_t)d->keep_days * DAY));
	rc = sqlite3_bind_text(d->expire, 1, before, -1, SQLITE_TRANSIENT);

	return rc == SQLITE_OK ? run(d->expire) : rc;
}

/* One transaction: all of them, or none. */
static const char *db_write(void *state, const struct cdr_record *list)
{
	struct db *d = state;
	int rc;

	rc = sqlite3_exec(d->db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
	for (; list && rc == SQLITE_OK; list = list->next)
		rc = insert(d, list);
	if (rc == SQLITE_OK)
		rc = expire(d);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(d->db, "COMMIT", NULL, NULL, NULL);
	if (rc != SQLITE_OK && !sqlite3_get_autocommit(d->db))
		(void)sqlite3_exec(d->db, "ROLLBACK", NULL, NULL, NULL);

	return rc == SQLITE_OK ? NULL : store_code_text(rc);
}

static const char *text_of(sqlite3_stmt *st, int at)
{
	return (const char *)sqlite3_column_text(st, at);
}

/* The row, until the next step. */
static void draft_fill(struct cdr_draft *d, sqlite3_stmt *st)
{
	cdr_draft_init(d);
	for (int i = 0; i < CDR_FIELDS; i++) {
		if (sqlite3_column_type(st, i) == SQLITE_NULL)
			continue;
		switch (cdr_columns[i].kind) {
		case CDR_TEXT:
		case CDR_WORDS:
			d->text[i] = text_of(st, i);
			break;
		case CDR_TIME:
			if (!text_of(st, i) || /* no memory */
			    !cdr_time_decode(&d->v[i], text_of(st, i)))
				d->v[i] = CDR_NONE;
			break;
		case CDR_INT:
			d->v[i] = sqlite3_column_int64(st, i);
			break;
		case CDR_CENTI:
			d->v[i] = llround(sqlite3_column_double(st, i) * 100);
			break;
		}
	}
}

static void db_recall(void *state, struct cdr_list *l, unsigned most)
{
	struct db *d = state;
	struct cdr_draft draft;
	struct cdr_record *r;
	sqlite3_stmt *st = NULL;

	if (sqlite3_prepare_v2(d->db,
			       "SELECT * FROM call ORDER BY start DESC "
			       "LIMIT ?1",
			       -1, &st, NULL) != SQLITE_OK ||
	    sqlite3_column_count(st) != CDR_FIELDS ||
	    sqlite3_bind_int64(st, 1, most) != SQLITE_OK)
		goto out;

	while (sqlite3_step(st) == SQLITE_ROW) {
		draft_fill(&draft, st);
		r = draft.text[CDR_ID] && *draft.text[CDR_ID]
			? cdr_record_new(&draft)
			: NULL;
		if (r)
			cdr_list_add(l, r);
	}

out:
	(void)sqlite3_finalize(st);
}

const struct cdr_sink_ops cdr_sqlite = {
    .name = "sqlite",
    .size = sizeof(struct db),
    .open = db_open,
    .write = db_write,
    .recall = db_recall,
    .close = db_close,
};
