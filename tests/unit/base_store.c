/* base_store.c: what is kept is kept: over versions, kill -9, and disks that
 * are locked, full or read-only. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/compat.h"
#include "base/log.h"
#include "base/store_int.h"
#include "suite.h"

static char dir[] = "/tmp/stoxd-store-XXXXXX";
static char file[64];
static struct store *store;
static unsigned done, refused;

static void setup(void)
{
	ck_assert_ptr_nonnull(mkdtemp(dir));
	(void)snprintf(file, sizeof(file), "%s/db", dir);
	ck_assert_int_eq(0, libre_init());
	log_set_level(LOG_LEVEL_ERROR);
}

static void teardown(void)
{
	static const char *const ends[] = {"", "-wal", "-shm"};
	char path[80];

	store = mem_deref(store);
	libre_close();
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		(void)snprintf(path, sizeof(path), "%s%s", file, ends[i]);
		(void)unlink(path);
	}
	(void)rmdir(dir);
}

static void stop_loop(void *arg)
{
	(void)arg;
	re_cancel();
}

static void run_for(uint64_t ms)
{
	struct tmr tmr;

	tmr_init(&tmr);
	tmr_start(&tmr, ms, stop_loop, NULL);
	(void)re_main(NULL);
	tmr_cancel(&tmr);
}

static void done_h(int err, void *arg)
{
	(void)arg;
	++done;
	refused += err != 0;
}

static void run_until_done(unsigned n)
{
	for (unsigned i = 0; i < 200 && done < n; i++)
		run_for(25);
	ck_assert_uint_ge(done, n);
}

static int put_pair(const char *user, const char *contact, unsigned flags)
{
	const struct store_value v[] = {store_text(user), store_text(contact),
					store_int(flags)};

	return store_put(store, STORE_PAIR_PUT, v, 3, done_h, NULL);
}

static void open_it(void)
{
	ck_assert_int_eq(0, store_open(&store, file));
}

static unsigned rows;
static char text[256];

static void row_h(const struct store_value *v, size_t n, void *arg)
{
	size_t len = strlen(text);
	(void)arg;

	++rows;
	for (size_t i = 0; i < n && len < sizeof(text) - 40; i++) {
		if (v[i].kind == STORE_INT)
			(void)snprintf(text + len, sizeof(text) - len, "%lld,",
				       (long long)v[i].n);
		else if (v[i].kind == STORE_NULL)
			(void)snprintf(text + len, sizeof(text) - len, "-,");
		else
			(void)snprintf(text + len, sizeof(text) - len, "%.*s,",
				       (int)v[i].len, (const char *)v[i].p);
		len = strlen(text);
	}
}

static unsigned load(enum store_query q)
{
	rows = 0;
	text[0] = '\0';
	ck_assert_int_eq(0, store_load(store, q, row_h, NULL));

	return rows;
}

START_TEST(kept)
{
	static const uint8_t blob[] = {1, 0, 2};
	const struct store_value account[] = {
	    store_int(7),	 store_text("alice@example.com"),
	    store_text("gw"),	 store_text("token"),
	    store_text("d"),	 store_text("u'; DROP TABLE account; --"),
	    store_text(NULL),	 store_text(NULL),
	    store_text("auto"),	 store_text(""),
	    store_blob(blob, 3), store_int(1)};
	const struct store_value id[] = {store_int(7)};
	const struct store_value gone[] = {store_text("a"), store_text("c")};
	const struct store_value contact[] = {store_text("a"), store_text("c"),
					      store_text("Name"),
					      store_int(5)};
	const struct store_value stays[] = {store_text("a"), store_text("d"),
					    store_text(NULL), store_int(6)};
	const struct store_value user[] = {store_text("a"), store_int(1)};
	struct store_status st;
	struct stat sb;

	open_it();
	ck_assert_int_eq(0, stat(file, &sb));
	ck_assert_uint_eq(sb.st_mode & 077, 0);
	ck_assert_int_eq(0, store_start(store));
	ck_assert_int_eq(
	    0, store_put(store, STORE_ACCOUNT_PUT, account, 12, done_h, NULL));
	ck_assert_int_eq(
	    0, store_put(store, STORE_CONTACT_PUT, contact, 4, done_h, NULL));
	ck_assert_int_eq(
	    0, store_put(store, STORE_USER_PUT, user, 2, done_h, NULL));
	ck_assert_int_eq(0, put_pair("a", "b", 1));
	ck_assert_int_eq(0, put_pair("a", "b", 3));
	ck_assert_int_eq(0, put_pair("a", "c", 2));
	ck_assert_int_eq(0, store_put(store, STORE_PAIR_DELETE,
				      (struct store_value[]){store_text("a"),
							     store_text("c")},
				      2, done_h, NULL));
	ck_assert_int_eq(EBUSY, store_load(store, STORE_PAIRS, row_h, NULL));
	run_until_done(7);
	ck_assert_uint_eq(refused, 0);
	store_status(store, &st);
	ck_assert_uint_eq(st.waiting, 0);
	ck_assert_uint_eq(st.written, 7);
	ck_assert_ptr_null(st.trouble);

	store = mem_deref(store);
	open_it();
	ck_assert_uint_eq(load(STORE_PAIRS), 1);
	ck_assert_str_eq(text, "a,b,3,");
	ck_assert_uint_eq(load(STORE_CONTACTS), 1);
	ck_assert_str_eq(text, "a,c,Name,5,");
	ck_assert_uint_eq(load(STORE_USERS), 1);
	ck_assert_str_eq(text, "a,1,");
	ck_assert_uint_eq(load(STORE_ACCOUNTS), 1);
	ck_assert_ptr_nonnull(strstr(text, "u'; DROP TABLE account; --"));

	ck_assert_int_eq(0, store_start(store));
	ck_assert_int_eq(
	    0, store_put(store, STORE_ACCOUNT_DELETE, id, 1, done_h, NULL));
	ck_assert_int_eq(
	    0, store_put(store, STORE_CONTACT_PUT, stays, 4, done_h, NULL));
	ck_assert_int_eq(
	    0, store_put(store, STORE_CONTACT_DELETE, gone, 2, done_h, NULL));
	run_until_done(10);
	ck_assert_uint_eq(refused, 0);
	store = mem_deref(store);
	open_it();
	ck_assert_uint_eq(load(STORE_ACCOUNTS), 0);
	ck_assert_uint_eq(load(STORE_CONTACTS), 1);
	ck_assert_str_eq(text, "a,d,-,6,");
}
END_TEST

/* What users called, and what registrars know their presence by. */
START_TEST(usage_and_publications)
{
	const struct store_value account[] = {
	    store_int(7),     store_text("a@x"), store_text("gw"),
	    store_text("t"),  store_text("d"),	 store_text("u"),
	    store_text(NULL), store_text(NULL),	 store_text("udp"),
	    store_text(NULL), store_blob("", 0), store_int(0)};
	const struct store_value pub[] = {store_int(7), store_text("e1"),
					  store_int(99)};
	const struct store_value trim[] = {store_int(10), store_int(20)};
	const int64_t parts[] = {5, 10, 20, 25};
	struct store_value use[] = {store_text("a@x"), store_int(0),
				    store_int(1), store_int(2)};

	open_it();
	ck_assert_int_eq(0, store_start(store));
	ck_assert_int_eq(
	    0, store_put(store, STORE_ACCOUNT_PUT, account, 12, done_h, NULL));
	ck_assert_int_eq(
	    0, store_put(store, STORE_PUBLICATION_PUT, pub, 3, done_h, NULL));
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		use[1] = store_int(parts[i]);
		ck_assert_int_eq(0, store_put(store, STORE_USAGE_PUT, use, 4,
					      done_h, NULL));
	}
	use[1] = store_int(10);
	use[2] = store_int(3); /* in place of what was there */
	ck_assert_int_eq(
	    0, store_put(store, STORE_USAGE_PUT, use, 4, done_h, NULL));
	ck_assert_int_eq(
	    0, store_put(store, STORE_USAGE_TRIM, trim, 2, done_h, NULL));
	run_until_done(8);
	ck_assert_uint_eq(refused, 0);

	store = mem_deref(store);
	open_it();
	ck_assert_uint_eq(load(STORE_USAGE), 2);
	ck_assert_str_eq(text, "a@x,10,3,2,a@x,20,1,2,");
	ck_assert_uint_eq(load(STORE_ACCOUNTS), 1);
	ck_assert_str_eq(text, "7,a@x,gw,t,d,u,-,-,udp,-,,0,e1,99,");

	ck_assert_int_eq(0, store_start(store));
	ck_assert_int_eq(0, store_put(store, STORE_PUBLICATION_DELETE, pub, 1,
				      done_h, NULL));
	run_until_done(9);
	store = mem_deref(store);
	open_it();
	ck_assert_uint_eq(load(STORE_ACCOUNTS), 1);
	ck_assert_str_eq(text, "7,a@x,gw,t,d,u,-,-,udp,-,,0,-,-,");
}
END_TEST

/* What the database will never take is told and stops nothing else. */
START_TEST(refused_for_good)
{
	const struct store_value v[] = {store_text(NULL), store_text("b"),
					store_int(1)};

	open_it();
	ck_assert_int_eq(0, store_start(store));
	ck_assert_int_eq(0, put_pair("a", "b", 1));
	ck_assert_int_eq(0,
			 store_put(store, STORE_PAIR_PUT, v, 3, done_h, NULL));
	ck_assert_int_eq(0, put_pair("a", "c", 1));
	run_until_done(3);
	ck_assert_uint_eq(refused, 1);
	store = mem_deref(store);
	open_it();
	ck_assert_uint_eq(load(STORE_PAIRS), 2);
}
END_TEST

/* ---- versions ---- */

static const char *const then[] = {
    "",
    ("INSERT INTO account VALUES (1, 'a@x', 'gw', 't', 'd', 'u', NULL, NULL, "
     "'udp', NULL, x'00')"),
    "INSERT INTO pair VALUES ('a@x', 'c@gw', 3)",
    "INSERT INTO contact VALUES ('a@x', 'c@gw', 'C', 9)",
};

START_TEST(from_each_older_version)
{
	sqlite3 *db;

	ck_assert_int_eq(0, sqlite3_open(file, &db));
	for (int v = 1; v <= _i; v++) {
		ck_assert_int_eq(SQLITE_OK, store_migrate(db, v));
		ck_assert_int_eq(SQLITE_OK,
				 sqlite3_exec(db, then[v], 0, 0, 0));
	}
	(void)sqlite3_close(db);

	open_it();
	ck_assert_uint_eq(load(STORE_ACCOUNTS), _i >= 1);
	if (_i >= 1)
		ck_assert_str_eq(text, "1,a@x,gw,t,d,u,-,-,udp,-,,0,-,-,");
	ck_assert_uint_eq(load(STORE_PAIRS), _i >= 2);
	ck_assert_uint_eq(load(STORE_CONTACTS), _i >= 3);
}
END_TEST

START_TEST(newer_versions)
{
	char sql[64];
	sqlite3 *db;

	open_it();
	ck_assert_int_eq(0, store_start(store));
	ck_assert_int_eq(0, put_pair("a", "b", 1));
	run_until_done(1);
	store = mem_deref(store);
	ck_assert_int_eq(0, sqlite3_open(file, &db));
	ck_assert_int_eq(0, sqlite3_exec(db,
					 "ALTER TABLE pair ADD COLUMN more "
					 "TEXT DEFAULT 'x';"
					 "PRAGMA user_version = 99",
					 0, 0, 0));

	open_it(); /* it says that version 1 can work with it */
	ck_assert_uint_eq(load(STORE_PAIRS), 1);
	store = mem_deref(store);

	(void)snprintf(sql, sizeof(sql), "UPDATE meta SET readable = %d",
		       store_version);
	ck_assert_int_eq(0, sqlite3_exec(db, sql, 0, 0, 0));
	open_it(); /* just so */
	ck_assert_uint_eq(load(STORE_PAIRS), 1);
	store = mem_deref(store);

	ck_assert_int_eq(
	    0, sqlite3_exec(db, "UPDATE meta SET readable = readable + 1", 0,
			    0, 0));
	(void)sqlite3_close(db);
	ck_assert_int_eq(ENOTSUP, store_open(&store, file));
	store = NULL;
}
END_TEST

START_TEST(not_a_database)
{
	FILE *f = fopen(file, "w");

	ck_assert_ptr_nonnull(f);
	for (unsigned i = 0; i < 1000; i++)
		(void)fputs("this is no database ", f);
	(void)fclose(f);
	ck_assert_int_eq(EBADMSG, store_open(&store, file));
	ck_assert_int_eq(EACCES, store_open(&store, "/nonexistent/db"));
	store = NULL;
}
END_TEST

/* ---- kill -9 ---- */

struct told {
	int fd;
	unsigned n;
};

static void tell_h(int err, void *arg)
{
	const struct told *t = arg;

	if (!err && write(t->fd, &t->n, sizeof(t->n)) != sizeof(t->n))
		_exit(1);
}

static void put_more(void *arg)
{
	static unsigned n;
	static struct tmr tmr;
	const int fd = *(int *)arg;
	char user[32];

	for (unsigned i = 0; i < 20; i++) {
		struct told *t = mem_zalloc(sizeof(*t), NULL);
		struct store_value v[3];

		t->fd = fd;
		t->n = ++n;
		(void)snprintf(user, sizeof(user), "u%u", n);
		v[0] = store_text(user);
		v[1] = store_text("c");
		v[2] = store_int(n);
		(void)store_put(store, STORE_PAIR_PUT, v, 3, tell_h, t);
		mem_deref(t);
	}
	tmr_start(&tmr, 1, put_more, arg);
}

static void child(int fd)
{
	if (store_open(&store, file) || store_start(store))
		_exit(2);
	put_more(&fd);
	(void)re_main(NULL);
	_exit(3);
}

static unsigned char seen[1 << 20];

static void seen_h(const struct store_value *v, size_t n, void *arg)
{
	(void)arg;
	ck_assert_uint_eq(n, 3);
	seen[v[2].n] = 1;
}

/* Killed at any moment: what was acknowledged is there, and it opens. */
START_TEST(killed)
{
	unsigned total = 0;

	/* on a busy machine none may have come so far */
	for (unsigned round = 0; round < 12 || (!total && round < 100);
	     round++) {
		unsigned told, last = 0;
		int fds[2];
		pid_t pid;

		ck_assert_int_eq(0, pipe(fds));
		pid = fork();
		if (!pid) {
			(void)close(fds[0]);
			child(fds[1]);
		}
		(void)close(fds[1]);
		(void)usleep(20000 + round * 17311 % 150000 +
			     round / 12 * 100000);
		(void)kill(pid, SIGKILL);
		(void)waitpid(pid, NULL, 0);

		open_it();
		memset(seen, 0, sizeof(seen));
		ck_assert_int_eq(0,
				 store_load(store, STORE_PAIRS, seen_h, NULL));
		while (read(fds[0], &told, sizeof(told)) == sizeof(told)) {
			ck_assert_uint_eq(told, last + 1);
			last = told;
			ck_assert_msg(seen[told], "round %u: %u is lost",
				      round, told);
		}
		(void)close(fds[0]);
		store = mem_deref(store);
		total += last;
		(void)unlink(file);
		(void)snprintf(text, sizeof(text), "%s-wal", file);
		(void)unlink(text);
		(void)snprintf(text, sizeof(text), "%s-shm", file);
		(void)unlink(text);
	}
	ck_assert_uint_gt(total, 0);
}
END_TEST

/* ---- disks ---- */

static void wait_trouble(const char *want)
{
	struct store_status st;

	for (unsigned i = 0; i < 200; i++) {
		store_status(store, &st);
		if (st.trouble)
			break;
		run_for(25);
	}
	ck_assert_ptr_nonnull(st.trouble);
	ck_assert_str_eq(st.trouble, want);
	ck_assert_uint_eq(done, 0);
}

START_TEST(locked)
{
	sqlite3 *db;

	open_it();
	ck_assert_int_eq(0, store_start(store));
	ck_assert_int_eq(0, sqlite3_open(file, &db));
	ck_assert_int_eq(0, sqlite3_exec(db, "BEGIN IMMEDIATE", 0, 0, 0));
	ck_assert_int_eq(0, put_pair("a", "b", 1));
	wait_trouble("the database is locked");
	ck_assert_int_eq(0, put_pair("a", "c", 1));
	ck_assert_int_eq(0, sqlite3_exec(db, "COMMIT", 0, 0, 0));
	(void)sqlite3_close(db);
	run_until_done(2);
	ck_assert_uint_eq(refused, 0);
}
END_TEST

/* A file that may not grow is a full disk. */
START_TEST(full)
{
	struct rlimit rl, old;
	char *long_text = calloc(1, 200001);

	(void)signal(SIGXFSZ, SIG_IGN);
	open_it();
	ck_assert_int_eq(0, store_start(store));
	ck_assert_int_eq(0, getrlimit(RLIMIT_FSIZE, &old));
	rl = old;
	rl.rlim_cur = 100000;
	ck_assert_int_eq(0, setrlimit(RLIMIT_FSIZE, &rl));
	memset(long_text, 'x', 200000);
	ck_assert_int_eq(0, put_pair("a", long_text, 1));
	for (unsigned i = 0; i < 40 && !done; i++)
		run_for(25);
	ck_assert_uint_eq(done, 0);
	(void)setrlimit(RLIMIT_FSIZE, &old);
	run_until_done(1);
	ck_assert_uint_eq(refused, 0);
	free(long_text);
	store = mem_deref(store);
	open_it();
	ck_assert_uint_eq(load(STORE_PAIRS), 1);
}
END_TEST

/* root writes everywhere; another user does not. */
START_TEST(read_only)
{
	open_it();
	ck_assert_int_eq(0, store_start(store));
	ck_assert_int_eq(0, put_pair("a", "b", 1));
	run_until_done(1);
	store = mem_deref(store);
	done = 0;

	if (!geteuid()) {
		ck_assert_int_eq(0, chown(dir, 65534, 65534));
		ck_assert_int_eq(0, chown(file, 65534, 65534));
		ck_assert_int_eq(0, seteuid(65534));
	}
	ck_assert_int_eq(0, chmod(file, 0400));
	ck_assert_int_eq(0, chmod(dir, 0500));
	open_it();
	ck_assert_uint_eq(load(STORE_PAIRS), 1);
	ck_assert_int_eq(0, store_start(store));
	ck_assert_int_eq(0, put_pair("a", "c", 1));
	wait_trouble("the database is read-only");

	ck_assert_int_eq(0, chmod(dir, 0700));
	ck_assert_int_eq(0, chmod(file, 0600));
	run_until_done(1);
	ck_assert_uint_eq(refused, 0);
	store = mem_deref(store);
	if (!getuid())
		ck_assert_int_eq(0, seteuid(0));
}
END_TEST

static void leave(void)
{
	open_it();
	if (store_start(store) || put_pair("a", "c", 1))
		_exit(1);
	while (!done)
		run_for(5);
	(void)kill(getpid(), SIGKILL);
}

/* Killed, and then the disk takes no writes: what was acknowledged lies in the
 * log, which nobody can merge now. */
START_TEST(read_only_after_a_crash)
{
	static const char *const ends[] = {"", "-wal", "-shm"};
	char path[80];
	pid_t pid;

	open_it();
	ck_assert_int_eq(0, store_start(store));
	ck_assert_int_eq(0, put_pair("a", "b", 1));
	run_until_done(1);
	store = mem_deref(store);
	done = 0;
	libre_close(); /* the child has a loop of its own */
	pid = fork();
	if (!pid) {
		(void)libre_init();
		leave();
	}
	ck_assert_int_eq(0, libre_init());
	ck_assert_int_eq(pid, waitpid(pid, NULL, 0));
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		(void)snprintf(path, sizeof(path), "%s%s", file, ends[i]);
		if (!geteuid())
			ck_assert_int_eq(0, chown(path, 65534, 65534));
		ck_assert_int_eq(0, chmod(path, 0400));
	}
	if (!geteuid()) {
		ck_assert_int_eq(0, chown(dir, 65534, 65534));
		ck_assert_int_eq(0, chmod(dir, 0500));
		ck_assert_int_eq(0, seteuid(65534));
	} else {
		ck_assert_int_eq(0, chmod(dir, 0500));
	}
	open_it();
	ck_assert_uint_eq(load(STORE_PAIRS), 2);
	store = mem_deref(store);

	/* a log that cannot be read: what is older is not taken for true */
	(void)snprintf(path, sizeof(path), "%s-shm", file);
	ck_assert_int_eq(0, chmod(dir, 0700));
	ck_assert_int_eq(0, unlink(path));
	ck_assert_int_eq(0, chmod(dir, 0500));
	ck_assert_int_eq(EACCES, store_open(&store, file));
	store = NULL;
	ck_assert_int_eq(0, chmod(dir, 0700));
	if (!getuid())
		ck_assert_int_eq(0, seteuid(0));
}
END_TEST

START_TEST(too_many)
{
	sqlite3 *db;
	int err = 0;

	open_it();
	ck_assert_int_eq(0, store_start(store));
	ck_assert_int_eq(0, sqlite3_open(file, &db));
	ck_assert_int_eq(0, sqlite3_exec(db, "BEGIN IMMEDIATE", 0, 0, 0));
	for (unsigned i = 0; i < STORE_WAITING_MAX && !err; i++)
		err = put_pair("a", "b", i);
	ck_assert_int_eq(err, 0);
	ck_assert_int_eq(ENOBUFS, put_pair("a", "b", 1));
	ck_assert_int_eq(0, sqlite3_exec(db, "COMMIT", 0, 0, 0));
	(void)sqlite3_close(db);
	run_until_done(STORE_WAITING_MAX);
	ck_assert_int_eq(0, put_pair("a", "b", 1));
}
END_TEST

/* sqlite.org/rescode.html: what is wrong, and in which words it is told. */
START_TEST(codes_in_words)
{
	static const struct {
		int rc, err;
		const char *text;
	} v[] = {
	    {SQLITE_BUSY, EBUSY, "the database is locked"},
	    {SQLITE_LOCKED, EBUSY, "the database is locked"},
	    {SQLITE_PROTOCOL, EBUSY, "the database is locked"},
	    {SQLITE_FULL, ENOSPC, "the disk is full"},
	    {SQLITE_READONLY, EACCES, "the database is read-only"},
	    {SQLITE_CANTOPEN, EACCES, "the database cannot be opened"},
	    {SQLITE_PERM, EACCES, "the database may not be opened"},
	    {SQLITE_IOERR, EIO, "the disk reports an error"},
	    {SQLITE_IOERR_WRITE, EIO, "the disk reports an error"},
	    {SQLITE_NOMEM, ENOMEM, "out of memory"},
	    {SQLITE_NOTADB, EBADMSG, "the file is not a database"},
	    {SQLITE_CORRUPT, EBADMSG, "the database is damaged"},
	    {SQLITE_MISMATCH, ENOTSUP, "the database is of a newer version"},
	    {SQLITE_CONSTRAINT, EINVAL, "the database refuses"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(v); i++) {
		ck_assert_int_eq(store_code_errno(v[i].rc), v[i].err);
		ck_assert_str_eq(store_code_text(v[i].rc), v[i].text);
		ck_assert_int_eq(store_passes(v[i].rc), v[i].err != EINVAL);
	}
	ck_assert_int_eq(store_code_errno(SQLITE_OK), 0);
	ck_assert(!store_passes(SQLITE_OK));
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("all");

	tcase_set_timeout(tc, 30);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, codes_in_words);
	tcase_add_test(tc, kept);
	tcase_add_test(tc, usage_and_publications);
	tcase_add_test(tc, refused_for_good);
	tcase_add_loop_test(tc, from_each_older_version, 0, 4);
	tcase_add_test(tc, newer_versions);
	tcase_add_test(tc, not_a_database);
	tcase_add_test(tc, killed);
	tcase_add_test(tc, locked);
	tcase_add_test(tc, full);
	tcase_add_test(tc, read_only);
	tcase_add_test(tc, read_only_after_a_crash);
	tcase_add_test(tc, too_many);

	return suite_run("store", tc);
}
