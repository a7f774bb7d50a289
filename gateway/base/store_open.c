/* store_open.c: opening the database, and what SQLite says. */
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/log.h"
#include "base/store_int.h"

enum {
	BUSY_WAIT = 200, /* ms that SQLite itself waits for a lock */
	OPEN_TRIES = 10, /* at start, of BUSY_WAIT each */
};

static const struct {
	int rc, err;
	const char *text;
} codes[] = {
    {SQLITE_BUSY, EBUSY, "the database is locked"},
    {SQLITE_LOCKED, EBUSY, "the database is locked"},
    {SQLITE_FULL, ENOSPC, "the disk is full"},
    {SQLITE_READONLY, EACCES, "the database is read-only"},
    {SQLITE_CANTOPEN, EACCES, "the database cannot be opened"},
    {SQLITE_PERM, EACCES, "the database may not be opened"},
    {SQLITE_IOERR, EIO, "the disk reports an error"},
    {SQLITE_PROTOCOL, EBUSY, "the database is locked"},
    {SQLITE_NOMEM, ENOMEM, "out of memory"},
    {SQLITE_NOTADB, EBADMSG, "the file is not a database"},
    {SQLITE_CORRUPT, EBADMSG, "the database is damaged"},
    {SQLITE_MISMATCH, ENOTSUP, "the database is of a newer version"},
};

int store_code_errno(int rc)
{
	for (size_t i = 0; i < ARRAY_SIZE(codes); i++) {
		if (codes[i].rc == (rc & 0xff))
			return codes[i].err;
	}

	return rc ? EINVAL : 0;
}

const char *store_code_text(int rc)
{
	for (size_t i = 0; i < ARRAY_SIZE(codes); i++) {
		if (codes[i].rc == (rc & 0xff))
			return codes[i].text;
	}

	return "the database refuses";
}

/* What passes by itself, or by the operator: worth another try. */
bool store_passes(int rc)
{
	return rc != SQLITE_OK && store_code_errno(rc) != EINVAL;
}

/* ---- opening ---- */

static void statements_close(struct store *s)
{
	for (size_t i = 0; i < STORE_CHANGES; i++) {
		(void)sqlite3_finalize(s->stmt[i]);
		s->stmt[i] = NULL;
	}
}

void store_db_close(struct store *s)
{
	statements_close(s);
	(void)sqlite3_close(s->db);
	s->db = NULL;
}

static int db_settings(sqlite3 *db)
{
	static const char settings[] =
	    "PRAGMA journal_mode = WAL;"
	    "PRAGMA synchronous = FULL;" /* what was told is on the disk */
	    "PRAGMA trusted_schema = OFF;"
	    "PRAGMA cell_size_check = ON";
	int rc;

	rc = sqlite3_exec(db, settings, NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = store_migrate(db, store_version);

	return rc;
}

int store_db_open_rw(struct store *s)
{
	const mode_t old = umask(077); /* subscriptions are nobody's business*/
	int rc;

	rc = sqlite3_open_v2(s->path, &s->db,
			     SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE |
				 SQLITE_OPEN_NOMUTEX,
			     NULL);
	(void)umask(old);
	if (rc == SQLITE_OK) {
		(void)sqlite3_busy_timeout(s->db, BUSY_WAIT);
		rc = db_settings(s->db);
	}
	s->read_only = false;
	if (rc != SQLITE_OK)
		store_db_close(s);
	/* which files beside it could not be made is no help to anybody */
	if ((rc & 0xff) == SQLITE_CANTOPEN && !access(s->path, F_OK) &&
	    access(s->path, W_OK))
		rc = SQLITE_READONLY;

	return rc;
}

/* A log that a killed process left holds what it had told its users: what is
 * older must not be taken for all. */
static bool has_log(const struct store *s)
{
	char *path = NULL;
	struct stat st;
	bool has;

	if (re_sdprintf(&path, "%s-wal", s->path))
		return true;

	has = !stat(path, &st) && st.st_size > 0;
	mem_deref(path);

	return has;
}

/* Without its log file, which a disk that takes no writes cannot have. */
static int db_open_ro(struct store *s)
{
	char *uri = NULL;
	int rc, version = 0;

	if (has_log(s))
		return SQLITE_READONLY;
	if (re_sdprintf(&uri, "file:%s?immutable=1", s->path))
		return SQLITE_NOMEM;

	rc = sqlite3_open_v2(uri, &s->db,
			     SQLITE_OPEN_READONLY | SQLITE_OPEN_URI |
				 SQLITE_OPEN_NOMUTEX,
			     NULL);
	mem_deref(uri);
	if (rc == SQLITE_OK) { /* an older one cannot be brought up */
		sqlite3_stmt *st = NULL;

		rc = sqlite3_prepare_v2(s->db, "PRAGMA user_version", -1, &st,
					NULL);
		if (rc == SQLITE_OK && sqlite3_step(st) == SQLITE_ROW)
			version = sqlite3_column_int(st, 0);
		(void)sqlite3_finalize(st);
		if (rc == SQLITE_OK && version != store_version)
			rc = SQLITE_READONLY;
	}
	s->read_only = true;
	if (rc != SQLITE_OK)
		store_db_close(s);

	return rc;
}

int store_db_open(struct store *s)
{
	int rc = SQLITE_BUSY;

	for (unsigned i = 0; i < OPEN_TRIES && store_code_errno(rc) == EBUSY;
	     i++)
		rc = store_db_open_rw(s);
	if (store_code_errno(rc) == EACCES || store_code_errno(rc) == ENOSPC) {
		int ro = db_open_ro(s);

		if (ro == SQLITE_OK) {
			log_error("store: %s: %s: changes wait until it can "
				  "be written\n",
				  s->path, store_code_text(rc));
			s->trouble = store_code_text(rc);
			return 0;
		}
	}
	if (rc != SQLITE_OK)
		log_error("store: %s: %s\n", s->path, store_code_text(rc));

	return store_code_errno(rc);
}
