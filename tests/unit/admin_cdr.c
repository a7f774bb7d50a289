/* admin_cdr.c: call records: what a line says, files that turn over, fail and
 * fill up, and calls that a crash ended. */
#include <errno.h>
#include <limits.h>
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

/* Of strings, by this thread, that still succeed. */
static _Thread_local unsigned copies = UINT_MAX;

char *strdup(const char *s)
{
	const size_t n = strlen(s) + 1;
	char *p = copies ? malloc(n) : NULL;

	if (copies && copies != UINT_MAX)
		--copies;

	return p ? memcpy(p, s, n) : NULL;
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

/* stoxd(8), CALL RECORDS: texts, whole numbers, and estimates with two
 * places. */
static const struct {
	const char *name, *type, *csv;
} columns[] = {
    {"id", "text", "5000-7"},
    {"start", "text", "1970-01-01T00:00:05.000Z"},
    {"end", "text", "1970-01-01T00:00:15.000Z"},
    {"direction", "text", "xmpp-sip"},
    {"outcome", "text", "answered"},
    {"user", "text", "\"xmpp:alice@example.com\""},
    {"user_sip", "text", "\"'=as\""},
    {"peer", "text", "\"'=uri\""},
    {"peer_jid", "text", "\"xmpp:=jid\""},
    {"peer_name", "text", "\"'=name\""},
    {"trunk", "text", "\"'=trunk\""},
    {"route", "text", "\"'=rule\""},
    {"diverted_by", "text", "\"'=diverted\""},
    {"ringing_ms", "integer", "120"},
    {"answer_ms", "integer", "1000"},
    {"media_ms", "integer", "3000"},
    {"duration_ms", "integer", "9000"},
    {"ended_by", "text", "xmpp"},
    {"sip_code", "integer", "200"},
    {"q850", "integer", "16"},
    {"jingle_reason", "text", "success"},
    {"cause", "text", "\"'=words\""},
    {"codec", "text", "\"'=codec\""},
    {"xmpp_packets", "integer", "90"},
    {"xmpp_lost", "integer", "10"},
    {"xmpp_jitter_ms", "integer", "3"},
    {"xmpp_rtt_ms", "integer", "40"},
    {"xmpp_mos", "real", "#"},
    {"xmpp_sent", "integer", "50"},
    {"sip_packets", "integer", "100"},
    {"sip_lost", "integer", "0"},
    {"sip_jitter_ms", "integer", "4"},
    {"sip_rtt_ms", "integer", "20"},
    {"sip_mos", "real", "#"},
    {"sip_sent", "integer", "60"},
};

static void column_type(sqlite3 *sq, const char *name, const char *want)
{
	sqlite3_stmt *stmt;
	char sql[80];

	(void)snprintf(sql, sizeof(sql), "SELECT typeof(%s) FROM call", name);
	ck_assert_int_eq(SQLITE_OK,
			 sqlite3_prepare_v2(sq, sql, -1, &stmt, NULL));
	ck_assert_int_eq(SQLITE_ROW, sqlite3_step(stmt));
	ck_assert_msg(
	    !strcmp((const char *)sqlite3_column_text(stmt, 0), want),
	    "%s is %s", name, sqlite3_column_text(stmt, 0));
	(void)sqlite3_finalize(stmt);
}

START_TEST(every_column)
{
	struct peer other = {.jid = (char[]){"=jid"},
			     .uri = (char[]){"=uri"},
			     .name = (char[]){"=name"}};
	const struct media_stat v[] = {
	    {.ice = true,
	     .first_us = 3000000,
	     .count = {.rx_packets = 90,
		       .rx_lost = 10,
		       .tx_packets = 50,
		       .jitter_us = 3000,
		       .rtt_us = 40000}},
	    {.first_us = 2000000,
	     .count = {.rx_packets = 100,
		       .tx_packets = 60,
		       .jitter_us = 4000,
		       .rtt_us = 20000}},
	};
	struct ending why = {.reason = REASON_SUCCESS, .text = "=words"};
	struct call_end end = {.name = "7",
			       .x = &x,
			       .s = &other,
			       .as = "=as",
			       .trunk = "=trunk",
			       .rule = "=rule",
			       .codec = "=codec",
			       .diverted = "=diverted",
			       .from_xmpp = true,
			       .answered = true,
			       .by = CALL_BY_XMPP,
			       .why = &why,
			       .at = 5000,
			       .ringing = 120,
			       .talking = 1000,
			       .lasted = 10000,
			       .media = true};
	sqlite3 *sq;
	char *at;

	conf.csv = csv;
	conf.sqlite = db;
	ck_assert_int_eq(0, cdr_alloc(&cdr, &conf));
	call_id_print(end.id, end.at, end.name);
	call_end_judge(&end);
	cdr_ended(&end, cdr);
	cdr_media("7", v, 2, cdr);
	cdr = mem_deref(cdr);

	slurp(csv);
	at = strchr(text, '\n') + 1;
	ck_assert_int_eq(SQLITE_OK, sqlite3_open(db, &sq));
	for (size_t i = 0; i < ARRAY_SIZE(columns); i++) {
		const char *want = columns[i].csv;
		const char *cell = strsep(&at, ",\n");

		ck_assert_str_eq(cdr_columns[i].name, columns[i].name);
		column_type(sq, columns[i].name, columns[i].type);
		if (strcmp(want, "#"))
			ck_assert_str_eq(cell, want);
		else
			ck_assert_msg(strlen(cell) == 4 && cell[1] == '.',
				      "%s", cell);
	}
	(void)sqlite3_close(sq);
	ck_assert_str_eq(at, "");
	ck_assert_uint_eq(ARRAY_SIZE(columns), CDR_FIELDS);
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

/* A name that cannot be kept: no thread, which would write elsewhere. */
START_TEST(no_memory_for_names)
{
	struct cdr_status st;

	conf.csv = csv;
	conf.sqlite = db;
	for (unsigned n = 0; n < 4; n++) {
		copies = n;
		ck_assert_int_eq(ENOMEM, cdr_alloc(&cdr, &conf));
		copies = UINT_MAX;
		ck_assert_ptr_null(cdr);
	}
	copies = 4; /* both names for each of two files */
	ck_assert_int_eq(0, cdr_alloc(&cdr, &conf));
	copies = UINT_MAX;
	cdr_status(cdr, &st);
	ck_assert_uint_eq(st.filec, 2);
	end_call("7f3a0c11", 1000, "", false);
	cdr = mem_deref(cdr);
	ck_assert_uint_eq(lines(csv), 2);
	ck_assert_uint_eq(rows(), 1);
}
END_TEST

/* Once, whether the gateway of before wrote it or not. */
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

/* All records, once there are n of them. */
static json_t *all_of(size_t n)
{
	const struct cdr_filter all = {0};
	json_t *j = NULL;

	for (unsigned i = 0; i < 1000 && json_array_size(j) < n; i++) {
		usleep(i ? 10000 : 0);
		json_decref(j);
		j = cdr_json(cdr, &all, 100000);
	}
	ck_assert_uint_eq(json_array_size(j), n);

	return j;
}

/* A restart forgets no record that a file has: those of this process, then
 * those of before, the newest first, each once. */
static void restart(bool csv_file)
{
	const uint64_t now = (uint64_t)time(NULL), old = now - 3 * 86400;
	static const char *const names[] = {"again", "new", "old2", "old1"};
	char id[CALL_ID_SIZE];
	json_t *a, *b;
	char *before;

	conf.csv = csv_file ? csv : NULL;
	conf.sqlite = csv_file ? NULL : db;
	conf.rotate_days = 2;
	ck_assert_int_eq(0, cdr_alloc(&cdr, &conf));
	end_call("old1", 1000 * old, "", false);
	end_call("old2", 1000 * (old + 1), "=1+1, \"so\"", false);
	a = all_of(2);
	before = json_dumps(a, JSON_SORT_KEYS);
	json_decref(a);
	cdr = mem_deref(cdr);

	ck_assert_int_eq(0, cdr_alloc(&cdr, &conf));
	a = all_of(2);
	b = json_loads(before, 0, NULL);
	ck_assert(json_equal(a, b));
	json_decref(a);
	json_decref(b);
	free(before);
	end_call("new", 1000 * now, "", false);
	cdr = mem_deref(cdr);

	ck_assert_int_eq(0, cdr_alloc(&cdr, &conf));
	end_call("again", 1000 * (now + 1), "", false);
	json_decref(all_of(4));
	/* as if it had been written before it was read */
	end_call("new", 1000 * now, "", false);
	a = all_of(4);
	call_id_print(id, 1000 * (now + 1), names[0]);
	for (size_t i = 1; i < 4; i++)
		ck_assert_ptr_nonnull(
		    strstr(json_string_value(json_object_get(
			       json_array_get(a, i == 1 ? 0 : i), "id")),
			   names[i]));
	ck_assert_str_eq(
	    json_string_value(json_object_get(json_array_get(a, 1), "id")),
	    id);
	json_decref(a);
}

START_TEST(after_a_restart)
{
	restart(_i == 0);
}
END_TEST

/* More than are kept: from the end, of as many files as that takes. */
START_TEST(bounded_after_a_restart)
{
	const struct cdr_filter all = {0};
	char want[CALL_ID_SIZE];
	json_t *j;

	conf.csv = csv;
	conf.rotate = 1; /* MB */
	ck_assert_int_eq(0, cdr_alloc(&cdr, &conf));
	for (unsigned i = 0; i < 6000; i++)
		end_call("x", 1000 + i, "", false);
	cdr = mem_deref(cdr);

	ck_assert_int_eq(0, cdr_alloc(&cdr, &conf));
	j = all_of(CDR_RECENT_MAX);
	for (unsigned i = 0; i < CDR_RECENT_MAX; i++) {
		call_id_print(want, 6999 - i, "x");
		ck_assert_str_eq(json_string_value(json_object_get(
				     json_array_get(j, i), "id")),
				 want);
	}
	json_decref(j);
	j = cdr_json(cdr, &all, 7);
	ck_assert_uint_eq(json_array_size(j), 7);
	json_decref(j);
}
END_TEST

/* What others wrote into the file is no record, and nothing worse. */
START_TEST(lines_that_are_none)
{
	static const char *const bad[] = {"",
					  ",",
					  "\"",
					  "a",
					  "\"a\"b,",
					  "1,2026-11-22T16:23:53.007Z",
					  "1,yesterday",
					  "1,2026-11-22T16:23:53Z,"};
	struct cdr_record *r;
	char buf[CDR_FIELDS * 4], *commas;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		str_ncpy(buf, bad[i], sizeof(buf));
		ck_assert_ptr_null(cdr_record_decode(buf));
	}

	/* as many fields as there are, no more and no fewer */
	for (unsigned n = CDR_FIELDS - 2; n <= CDR_FIELDS; n++) {
		buf[0] = '1';
		commas = memset(buf + 1, ',', n);
		commas[n] = '\0';
		r = cdr_record_decode(buf);
		ck_assert_int_eq(r != NULL, n == CDR_FIELDS - 1);
		free(r);
	}

	/* what is never quoted by us holds nothing that would have to be */
	(void)snprintf(buf, sizeof(buf), "1,,,\"\"\"\",%*s", CDR_FIELDS - 5,
		       "");
	for (commas = buf; *commas; commas++)
		*commas = *commas == ' ' ? ',' : *commas;
	ck_assert_ptr_null(cdr_record_decode(buf));
}
END_TEST

static int insert(const char *sql)
{
	sqlite3 *d;
	int rc = sqlite3_open(db, &d);

	if (rc == SQLITE_OK)
		rc = sqlite3_exec(d, sql, NULL, NULL, NULL);
	(void)sqlite3_close(d);

	return rc;
}

/* The same of a table: who has no name is no record, and what is of another
 * kind than its column says is taken for what it can be. */
START_TEST(rows_that_are_none)
{
	const struct cdr_filter since = {.since = 1}, user = {.jid = "a@b"};
	json_t *j;

	conf.sqlite = db;
	ck_assert_int_eq(0, cdr_alloc(&cdr, &conf));
	end_call("x", 1000ull * AT, "", false);
	cdr = mem_deref(cdr);
	ck_assert_int_eq(SQLITE_OK,
			 insert("INSERT INTO call (id) VALUES (''), (NULL),"
				" (x''), (x'00'), (x'ff'), (' ')"));
	ck_assert_int_eq(
	    SQLITE_OK,
	    insert("INSERT INTO call (id, start, end, user, q850, xmpp_mos) "
		   "VALUES ('odd', 7, x'ff', 'xmpp:' || x'80', 'many',"
		   " 1e300)"));

	ck_assert_int_eq(0, cdr_alloc(&cdr, &conf));
	end_call("y", 1000ull * (AT + 1), "", false);
	j = all_of(5);
	json_decref(j);
	j = cdr_json(cdr, &user, 100);
	ck_assert_uint_eq(json_array_size(j), 0);
	json_decref(j);
	json_decref(cdr_json(cdr, &since, 100));
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
	tcase_add_test(tc, every_column);
	tcase_add_test(tc, turns_over);
	tcase_add_test(tc, turns_over_by_age);
	tcase_add_test(tc, well_again);
	tcase_add_test(tc, expires);
	tcase_add_test(tc, bounded);
	tcase_add_loop_test(tc, after_a_restart, 0, 2);
	tcase_add_test(tc, bounded_after_a_restart);
	tcase_add_test(tc, lines_that_are_none);
	tcase_add_test(tc, rows_that_are_none);
	tcase_add_test(tc, hung_disk);
	tcase_add_test(tc, no_memory_for_names);
	tcase_add_test(tc, crash);
	tcase_add_test(tc, found);
	tcase_add_test(tc, manual);

	return suite_run("admin_cdr", tc);
}
