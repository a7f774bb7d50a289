/* store_schema.c: the tables of the store, version by version, and all SQL
 * that reads and writes them.  A step that was ever released never changes. */
#include "base/store_int.h"

/* "readable" is the oldest version whose program can work with the file: new
 * tables and columns with defaults leave it as it is. */
static const char *const migrations[] = {
    "CREATE TABLE meta (readable INTEGER NOT NULL);"
    "INSERT INTO meta VALUES (1);"
    "CREATE TABLE account ("
    " id INTEGER PRIMARY KEY,"
    " jid TEXT NOT NULL,"
    " gateway TEXT NOT NULL,"
    " token TEXT NOT NULL UNIQUE,"
    " domain TEXT NOT NULL,"
    " username TEXT NOT NULL,"
    " auth TEXT,"
    " proxy TEXT,"
    " transport TEXT NOT NULL,"
    " name TEXT,"
    " secret BLOB NOT NULL);"
    "PRAGMA user_version = 1",

    "CREATE TABLE pair ("
    " user TEXT NOT NULL,"
    " contact TEXT NOT NULL,"
    " flags INTEGER NOT NULL,"
    " PRIMARY KEY (user, contact)) WITHOUT ROWID;"
    "PRAGMA user_version = 2",

    "ALTER TABLE account ADD COLUMN privacy INTEGER NOT NULL DEFAULT 0;"
    "CREATE TABLE contact ("
    " user TEXT NOT NULL,"
    " contact TEXT NOT NULL,"
    " name TEXT,"
    " seen INTEGER NOT NULL,"
    " PRIMARY KEY (user, contact)) WITHOUT ROWID;"
    "CREATE TABLE user ("
    " user TEXT PRIMARY KEY,"
    " dnd INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;"
    "PRAGMA user_version = 3",

    /* what a user has called: at is a part of the day, of all time */
    "CREATE TABLE usage ("
    " user TEXT NOT NULL,"
    " at INTEGER NOT NULL,"
    " calls INTEGER NOT NULL,"
    " ms INTEGER NOT NULL,"
    " PRIMARY KEY (user, at)) WITHOUT ROWID;"
    "CREATE TABLE publication ("
    " account INTEGER PRIMARY KEY,"
    " etag TEXT NOT NULL,"
    " until INTEGER NOT NULL);"
    "PRAGMA user_version = 4",
};
const int store_version = sizeof(migrations) / sizeof(migrations[0]);

const char *const store_queries[STORE_QUERIES] = {
    [STORE_ACCOUNTS] =
	"SELECT id, jid, gateway, token, domain, username, auth, proxy, "
	"transport, name, secret, privacy, etag, until FROM account "
	"LEFT JOIN publication ON account = id ORDER BY id",
    [STORE_PAIRS] = "SELECT user, contact, flags FROM pair",
    [STORE_CONTACTS] = "SELECT user, contact, name, seen FROM contact",
    [STORE_USERS] = "SELECT user, dnd FROM user",
    [STORE_USAGE] = "SELECT user, at, calls, ms FROM usage",
};

const char *const store_changes[STORE_CHANGES] = {
    [STORE_ACCOUNT_PUT] =
	"INSERT OR REPLACE INTO account (id, jid, gateway, token, domain, "
	"username, auth, proxy, transport, name, secret, privacy) "
	"VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
    [STORE_ACCOUNT_DELETE] = "DELETE FROM account WHERE id = ?1",
    [STORE_PAIR_PUT] = "INSERT OR REPLACE INTO pair (user, contact, flags) "
		       "VALUES (?1, ?2, ?3)",
    [STORE_PAIR_DELETE] = "DELETE FROM pair WHERE user = ?1 AND contact = ?2",
    [STORE_CONTACT_PUT] = "INSERT OR REPLACE INTO contact (user, contact, "
			  "name, seen) VALUES (?1, ?2, ?3, ?4)",
    [STORE_CONTACT_DELETE] =
	"DELETE FROM contact WHERE user = ?1 AND contact = ?2",
    [STORE_USER_PUT] = "INSERT OR REPLACE INTO user (user, dnd) "
		       "VALUES (?1, ?2)",
    [STORE_USAGE_PUT] = "INSERT OR REPLACE INTO usage (user, at, calls, ms) "
			"VALUES (?1, ?2, ?3, ?4)",
    [STORE_USAGE_TRIM] = "DELETE FROM usage WHERE at < ?1 OR at > ?2",
    [STORE_PUBLICATION_PUT] = "INSERT OR REPLACE INTO publication (account, "
			      "etag, until) VALUES (?1, ?2, ?3)",
    [STORE_PUBLICATION_DELETE] = "DELETE FROM publication WHERE account = ?1",
};

static int version_of(sqlite3 *db, int *version)
{
	sqlite3_stmt *st = NULL;
	int rc;

	rc = sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &st, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(st);
	if (rc == SQLITE_ROW) {
		*version = sqlite3_column_int(st, 0);
		rc = SQLITE_OK;
	}
	(void)sqlite3_finalize(st);

	return rc;
}

/* A file of a newer program that says that we may go on with it. */
static int newer_check(sqlite3 *db, int upto)
{
	sqlite3_stmt *st = NULL;
	int rc;

	rc =
	    sqlite3_prepare_v2(db, "SELECT readable FROM meta", -1, &st, NULL);
	if (rc == SQLITE_OK && sqlite3_step(st) == SQLITE_ROW &&
	    sqlite3_column_int(st, 0) <= upto)
		rc = SQLITE_OK;
	else
		rc = SQLITE_MISMATCH;
	(void)sqlite3_finalize(st);

	return rc;
}

/* Each step is a transaction: a crash leaves a whole version. */
static int step_up(sqlite3 *db, int version)
{
	int rc;

	rc = sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(db, migrations[version], NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
	if (rc != SQLITE_OK && !sqlite3_get_autocommit(db))
		(void)sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);

	return rc;
}

int store_migrate(sqlite3 *db, int upto)
{
	int version = 0, rc;

	rc = version_of(db, &version);
	if (rc == SQLITE_OK && version > upto)
		return newer_check(db, upto);

	for (; rc == SQLITE_OK && version < upto; version++)
		rc = step_up(db, version);

	return rc;
}
