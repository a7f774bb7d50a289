/* admin_cdr.c: call records: what a line says, files that turn over, fail and
 * fill up, and calls that a crash ended. */
#include <errno.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include "admin/cdr_int.h"
#include "base/log.h"
#include "suite.h"

static time_t ahead; /* of the wall, s */

int clock_gettime(clockid_t id, struct timespec *now)
{
	const long err = syscall(SYS_clock_gettime, id, now);

	if (!err && id == CLOCK_REALTIME)
		now->tv_sec += ahead;

	return (int)err;
}

static char dir[] = "/tmp/stoxd-cdr-XXXXXX";
static char csv[64], db[64];
static struct config_records conf;
static struct cdr *cdr;

static void setup(void)
{
	ck_assert_int_eq(0, libre_init());
	ck_assert_ptr_nonnull(mkdtemp(dir));
	(void)snprintf(csv, sizeof(csv), "%s/calls.csv", dir);
	(void)snprintf(db, sizeof(db), "%s/calls.db", dir);
	memset(&conf, 0, sizeof(conf));
	conf.keep = 3;
	log_set_level(LOG_LEVEL_ERROR);
}

static void teardown(void)
{
	char cmd[96];

	cdr = mem_deref(cdr);
	(void)snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	ck_assert_int_eq(0, system(cmd));
	libre_close();
}

static struct peer x = {.jid = (char[]){"alice@example.com"}};
static struct peer s = {.jid = (char[]){"600@sip.example.com"},
			.uri = (char[]){"sip:600@pbx.example.net"}};

static void end_call(const char *name, uint64_t at, const char *words,
		     bool media)
{
	struct ending why = {.reason = REASON_BUSY, .sip_code = 486};
	struct call_end end = {.name = name,
			       .x = &x,
			       .s = &s,
			       .as = "sip:alice@pbx.example.net",
			       .trunk = "pbx",
			       .rule = "",
			       .codec = "PCMU/8000",
			       .from_xmpp = true,
			       .by = CALL_BY_SIP,
			       .why = &why,
			       .at = at,
			       .ringing = 120,
			       .lasted = 2500,
			       .media = media};

	str_ncpy(why.text, words, sizeof(why.text));
	call_id_print(end.id, at, name);
	call_end_judge(&end);
	cdr_ended(&end, cdr);
}

static char text[1 << 16];

static const char *slurp(const char *path)
{
	FILE *f = fopen(path, "r");
	size_t n = f ? fread(text, 1, sizeof(text) - 1, f) : 0;

	text[n] = '\0';
	if (f)
		(void)fclose(f);

	return text;
}

static unsigned lines(const char *path)
{
	unsigned n = 0;

	for (const char *p = slurp(path); *p; p++)
		n += *p == '\n';

	return n;
}

enum { AT = 1795364633 }; /* s; 2026-11-22T16:23:53Z */

START_TEST(line)
{
	char want[4096];

	conf.csv = csv;
	ck_assert_int_eq(0, cdr_alloc(&cdr, &conf));
	end_call("7f3a0c11", 1000ull * AT + 7, "=1+1, \"so\"\r\nthere", false);
	cdr = mem_deref(cdr);

	slurp(csv);
	(void)snprintf(
	    want, sizeof(want),
	    "%u007-7f3a0c11,2026-11-22T16:23:53.007Z,2026-11-22T16:23:55.507Z,"
	    "xmpp-sip,busy,\"xmpp:alice@example.com\","
	    "\"sip:alice@pbx.example.net\",\"sip:600@pbx.example.net\","
	    "\"xmpp:600@sip.example.com\",,\"pbx\",,,120,,,0,sip,486,17,busy,"
	    "\"'=1+1, \"\"so\"\"  there\",\"PCMU/8000\",,,,,,,,,,,,\n",
	    AT);
	ck_assert_str_eq(strchr(text, '\n') + 1, want);
	ck_assert_int_eq(0, strncmp(text, "id,start,end,direction,", 23));
}
END_TEST

START_TEST(media)
{
	const struct media_stat v[] = {
	    {.ice = true,
	     .first_us = 3000000,
	     .count = {.rx_packets = 90, .rx_lost = 10, .tx_packets = 50}},
	    {.first_us = 2000000,
	     .count = {.rx_packets = 100, .jitter_us = 4500, .rtt_us = 20500}},
	};
	const uint64_t before = cdr_quality.sound.count;

	conf.csv = csv;
	ck_assert_int_eq(0, cdr_alloc(&cdr, &conf));
	end_call("1", 1, "", true);
	end_call("2", 2, "", true);
	cdr_media("2", v, 2, cdr);
	cdr_media("2", v, 2, cdr); /* it has its counters */
	cdr_media("3", v, 2, cdr); /* unknown */
	cdr = mem_deref(cdr);	   /* the other one has none, and a record */

	ck_assert_uint_eq(lines(csv), 3);
	ck_assert_ptr_nonnull(strstr(text, ",90,10,0,,"));
	ck_assert_ptr_nonnull(strstr(text, ",100,0,4,20,4.40"));
	ck_assert_ptr_nonnull(strstr(text, ",120,,3000,0,sip,"));
	ck_assert_uint_eq(cdr_quality.sound.count, before + 1);
	/* a tenth is lost: between the bounds of 50 and 100 per mille */
	ck_assert_uint_eq(cdr_quality.loss[1].n[5], 1);
	ck_assert_uint_eq(cdr_quality.loss[0].n[0], 1);
}
END_TEST

/* FILE, FILE.1 .. as many as are kept; none is lost on the way. */
START_TEST(turns_over)
{
	struct stat st;
	char name[80];

	conf.csv = csv;
	conf.rotate = 1; /* MB */
	conf.keep = 2;
	ck_assert_int_eq(0, cdr_alloc(&cdr, &conf));
	for (unsigned i = 0; i < 12000; i++)
		end_call("x", 1000 + i, "", false);
	cdr = mem_deref(cdr);

	for (unsigned i = 0; i < 3; i++) {
		(void)snprintf(name, sizeof(name), i ? "%s.%u" : "%s", csv, i);
		ck_assert_int_eq(0, stat(name, &st));
		ck_assert_int_le(st.st_size, 1 << 20);
		slurp(name);
		ck_assert_int_eq(0, strncmp(text, "id,start,", 9));
	}
	(void)snprintf(name, sizeof(name), "%s.3", csv);
	ck_assert_int_eq(-1, stat(name, &st));
}
END_TEST

/* By the age of its first record, also when it was opened since. */
START_TEST(turns_over_by_age)
{
	const uint64_t now = (uint64_t)time(NULL), before = now - 3 * 86400;
	char name[80];

	conf.csv = csv;
	conf.rotate_days = 2;
	ck_assert_int_eq(0, cdr_alloc(&cdr, &conf));
	for (unsigned i = 0; i < 10; i++)
		end_call("old", 1000 * (before + i), "", false);
	cdr = mem_deref(cdr);
	ck_assert_uint_eq(lines(csv), 11);

	ck_assert_int_eq(0, cdr_alloc(&cdr, &conf));
	end_call("new", 1000 * now, "", false);
	cdr = mem_deref(cdr);
	ck_assert_uint_eq(lines(csv), 2);
	ck_assert_ptr_nonnull(strstr(text, "-new,"));
	(void)snprintf(name, sizeof(name), "%s.1", csv);
	ck_assert_uint_eq(lines(name), 11);

	ck_assert_int_eq(0, cdr_alloc(&cdr, &conf));
	end_call("new", 1000 * now, "", false);
	cdr = mem_deref(cdr);
	ck_assert_uint_eq(lines(csv), 3);
}
END_TEST

/* Tried again without a call: nobody waits for one to see that all is well. */
START_TEST(well_again)
{
	struct cdr_status st;
	char name[160];

	(void)snprintf(name, sizeof(name), "%s/later", dir);
	(void)snprintf(csv, sizeof(csv), "%s/later/calls.csv", dir);
	conf.csv = csv;
	ck_assert_int_eq(0, cdr_alloc(&cdr, &conf));
	do {
		usleep(10000);
		cdr_status(cdr, &st);
	} while (!st.trouble);
	ck_assert_int_eq(0, mkdir(name, 0700));
	for (unsigned i = 0; i < 1000 && st.trouble; i++) {
		usleep(10000);
		cdr_status(cdr, &st);
	}
	ck_assert_ptr_null(st.trouble);
}
END_TEST

static unsigned rows(void)
{
	sqlite3_stmt *stmt = NULL;
	sqlite3 *sq = NULL;
	unsigned n;

	ck_assert_int_eq(SQLITE_OK, sqlite3_open(db, &sq));
	ck_assert_int_eq(SQLITE_OK,
			 sqlite3_prepare_v2(sq, "SELECT count(*) FROM call",
					    -1, &stmt, NULL));
	ck_assert_int_eq(SQLITE_ROW, sqlite3_step(stmt));
	n = (unsigned)sqlite3_column_int(stmt, 0);
	(void)sqlite3_finalize(stmt);
	(void)sqlite3_close(sq);

	return n;
}

/* Old rows go, also where no call comes any more. */
START_TEST(expires)
{
	conf.sqlite = db;
	ck_assert_int_eq(0, cdr_alloc(&cdr, &conf));
	end_call("old", 1000ull * 86400, "", false);
	end_call("new", 1000ull * (uint64_t)time(NULL), "", false);
	cdr = mem_deref(cdr);
	ck_assert_uint_eq(rows(), 2);

	conf.keep_days = 30;
	ck_assert_int_eq(0, cdr_alloc(&cdr, &conf));
	for (unsigned i = 0; i < 1000 && rows() != 1; i++)
		usleep(10000);
	ck_assert_uint_eq(rows(), 1);
	cdr = mem_deref(cdr);
}
END_TEST

/* The folder does not exist: records wait, at most so many, the rest is
 * counted; then it does. */
START_TEST(bounded)
{
	struct cdr_status st;
	char name[160];

	(void)snprintf(name, sizeof(name), "%s/later", dir);
	(void)snprintf(csv, sizeof(csv), "%s/later/calls.csv", dir);
	conf.csv = csv;
	conf.rotate = 0;
	ck_assert_int_eq(0, cdr_alloc(&cdr, &conf));
	for (unsigned i = 0; i < CDR_WAITING_MAX + 100; i++)
		end_call("x", i, "", false);
	cdr_status(cdr, &st);
	ck_assert_uint_eq(st.filec, 1);
	ck_assert_uint_eq(st.files[0].waiting, CDR_WAITING_MAX);
	ck_assert_uint_eq(st.files[0].dropped, 100);
	ck_assert_uint_eq(st.records, CDR_WAITING_MAX + 100);
	for (unsigned i = 0; i < 100 && !st.files[0].failures; i++) {
		usleep(20000);
		cdr_status(cdr, &st);
	}
	ck_assert_str_eq(st.trouble, "its folder does not exist");

	ck_assert_int_eq(0, mkdir(name, 0700));
	/* a slow machine needs more than the end would wait for */
	for (unsigned i = 0; i < 1000 && st.files[0].waiting; i++) {
		usleep(20000);
		cdr_status(cdr, &st);
	}
	cdr = mem_deref(cdr);
	(void)snprintf(name, sizeof(name), "test $(wc -l <%s) = %u", csv,
		       CDR_WAITING_MAX + 1u);
	ck_assert_int_eq(0, system(name));
}
END_TEST

static void crashed(const char *name)
{
	const struct cdr_crash c = {.name = name,
				    .at = 5000,
				    .talking = 1000,
				    .ended = 9000,
				    .user = "alice@example.com",
				    .peer = "sip:600@pbx.example.net",
				    .trunk = "pbx"};

	ck_assert_int_eq(0, cdr_crashed(cdr, &c));
}

/* Once, whether the gateway of before wrote it or not. */
static atomic_bool hangs;

static const char *hung_open(void *state, const struct config_records *c)
{
	(void)state;
	(void)c;
	hangs = true;
	while (pause())
		;

	return NULL;
}

/* A clock that is set meanwhile makes nobody wait longer for a dead disk. */
START_TEST(hung_disk)
{
	static const struct cdr_sink_ops ops = {
	    .name = "hung", .size = 1, .open = hung_open};
	struct cdr_sink *sink;
	uint64_t begun;

	ck_assert_int_eq(0, cdr_sink_start(&sink, &ops, &conf));
	while (!hangs)
		usleep(1000);
	begun = tmr_jiffies();
	ahead = 3600;
	cdr_sink_stop(sink, 200);
	ck_assert_uint_ge(tmr_jiffies(), begun + 200);
	ck_assert_uint_lt(tmr_jiffies(), begun + 10000);
}
END_TEST

START_TEST(crash)
{
	conf.csv = csv;
	conf.sqlite = db;
	ck_assert_int_eq(0, cdr_alloc(&cdr, &conf));
	end_call("11111111", 5000, "", false);
	cdr = mem_deref(cdr);
	ck_assert_uint_eq(lines(csv), 2);

	ck_assert_int_eq(0, cdr_alloc(&cdr, &conf));
	crashed("11111111");
	crashed("22222222");
	cdr = mem_deref(cdr);
	ck_assert_int_eq(0, cdr_alloc(&cdr, &conf));
	crashed("22222222");
	cdr = mem_deref(cdr);

	ck_assert_uint_eq(lines(csv), 3);
	ck_assert_ptr_nonnull(
	    strstr(text, "\n5000-22222222,1970-01-01T00:00:05.000Z,"
			 "1970-01-01T00:00:09.000Z,sip-xmpp,crash,"));
	ck_assert_ptr_nonnull(strstr(text, ",,1000,,3000,gateway,"));
	ck_assert_ptr_nonnull(strstr(text, ",\"crash\","));
}
END_TEST

START_TEST(found)
{
	const struct cdr_filter all = {0}, late = {.since = 2000};
	const struct cdr_filter jid = {.jid = "alice@example.com"};
	const struct cdr_filter other = {.jid = "lice@example.com"};
	const struct cdr_filter number = {.number = "600"};
	json_t *j;

	ck_assert_int_eq(0, cdr_alloc(&cdr, &conf));
	for (unsigned i = 0; i < CDR_RECENT_MAX + 5; i++)
		end_call("x", 1001 + i, "", false);

	j = cdr_json(cdr, &all, 100000);
	ck_assert_uint_eq(json_array_size(j), CDR_RECENT_MAX);
	json_decref(j);
	j = cdr_json(cdr, &late, 100000);
	ck_assert_uint_eq(json_array_size(j), 0);
	json_decref(j);
	j = cdr_json(cdr, &jid, 7);
	ck_assert_uint_eq(json_array_size(j), 7);
	ck_assert_str_eq(
	    json_string_value(json_object_get(json_array_get(j, 0), "id")),
	    "1505-x");
	json_decref(j);
	j = cdr_json(cdr, &other, 7);
	ck_assert_uint_eq(json_array_size(j), 0);
	json_decref(j);
	j = cdr_json(cdr, &number, 7);
	ck_assert_uint_eq(json_array_size(j), 7);
	json_decref(j);
}
END_TEST

/* stoxd(8) has all columns, in order. */
START_TEST(manual)
{
	const char *at = slurp("docs/stoxd.8");

	at = strstr(at, ".Sh CALL RECORDS");
	ck_assert_ptr_nonnull(at);
	for (size_t i = 0; i < CDR_FIELDS; i++) {
		const char *name = cdr_columns[i].name;

		at = strstr(at, name);
		ck_assert_msg(at != NULL, "%s", name);
		at += strlen(name);
	}
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("cdr");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, line);
	tcase_add_test(tc, media);
	tcase_add_test(tc, turns_over);
	tcase_add_test(tc, turns_over_by_age);
	tcase_add_test(tc, well_again);
	tcase_add_test(tc, expires);
	tcase_add_test(tc, bounded);
	tcase_add_test(tc, hung_disk);
	tcase_add_test(tc, crash);
	tcase_add_test(tc, found);
	tcase_add_test(tc, manual);

	return suite_run("admin_cdr", tc);
}
