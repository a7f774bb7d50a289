/* base_trace.c: order, room, chains and blanked secrets of the trace. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/compat.h"
#include "base/trace.h"
#include "suite.h"

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define SHADOWED /* a shadow of what is touched is resident, too */
#endif
#endif

static char seen[8192];
static unsigned count;
static struct trace_entry last;

static void keep(const struct trace_entry *e, void *arg)
{
	(void)arg;
	count++;
	last = *e;
	(void)re_snprintf(seen, sizeof(seen), "%b", e->text, e->len);
}

static const struct {
	const char *in, *out;
} blanks[] = {
    {"<handshake>c9ef44935713</handshake>", "<handshake>***</handshake>"},
    {"<handshake/>", "<handshake/>"},
    {"<handshake xmlns='x'>ab", "<handshake xmlns='x'>**"},
    {"<password>hunter2</password>x", "<password>***</password>x"},
    {"<field var='password' type='text-private'><value>a/b</value></field>",
     "<field var='password' type='text-private'><value>***</value></field>"},
    {"<field var=\"password\"><value>ab</value></field><field/>",
     "<field var=\"password\"><value>**</value></field><field/>"},
    {"<service password='p1234' username='u'/>",
     "<service password='***' username='u'/>"},
    {"<service password=\"p1234\"/>", "<service password=\"***\"/>"},
    {"<crypto tag='1' key-params='inline:abcdef|2^20'/>",
     "<crypto tag='1' key-params='***'/>"},
    {"<crypto key-params=\"inline:abcdef\" tag='1'/>",
     "<crypto key-params=\"***\" tag='1'/>"},
    {"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVC|2^20|1:32\r\n",
     "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:***|2^20|1:32\r\n"},
    {"a=crypto:1 X inline:abcd;inline:efgh\r\n",
     "a=crypto:1 X inline:***;inline:***\r\n"},
    {"Authorization: Digest username=\"a\", response=\"0123456789\", "
     "nc=1\r\nX: y",
     "Authorization: Digest username=\"a\", response=***, nc=1\r\nX: y"},
    {"INVITE x\r\nproxy-authorization: Digest a=b,\r\n response=0123\r\n\r\n",
     "INVITE x\r\nproxy-authorization: Digest a=b,\r\n response=***\r\n"
     "\r\n"},
    {"Authorization : Digest a=b, response = \"0123\", nc=1\r\n",
     "Authorization : Digest a=b, response = ***, nc=1\r\n"},
    {"Authentication-Info: rspauth=\"0123\", nc=1\r\n",
     "Authentication-Info: rspauth=***, nc=1\r\n"},
    {"Authorization: Basic dXNlcjpwdw==\r\n", "Authorization: Basic ***\r\n"},
    {"Proxy-Authorization: Basic dXNlcjpwdw==\r\n",
     "Proxy-Authorization: Basic ***\r\n"},
    {"Subject: response=\"42\"\r\n", "Subject: response=\"42\"\r\n"},
    {"Reason: x\r\n\r\nresponse=1", "Reason: x\r\n\r\nresponse=1"},
    {"inline:", "inline:"},
    {"inline:x", "inline:*"},
    {"<password", "<password"},
    {"", ""},
    /* whatever the case, and at either end of the text */
    {"<HandShake>abcd", "<HandShake>***"},
    {"<PASSWORD>abcd", "<PASSWORD>***"},
    {"PASSWORD='abcd'", "PASSWORD='***'"},
    {"VAR='PASSWORD'><value>abcd<", "VAR='PASSWORD'><value>***<"},
    {"KEY-PARAMS='abcd'", "KEY-PARAMS='***'"},
    {"INLINE:abcd|", "INLINE:***|"},
    {"authorization: Digest Response=abcd",
     "authorization: Digest Response=***"},
    {"A: b\r\nPROXY-AUTHORIZATION : Basic abcd\r\n",
     "A: b\r\nPROXY-AUTHORIZATION : Basic ***\r\n"},
    {"\r\nAuthentication-Info: RSPAUTH=abcd,x",
     "\r\nAuthentication-Info: RSPAUTH=***,x"},
};

START_TEST(blanked)
{
	trace_watch(keep, NULL);
	trace_add(TRACE_SIP, true, "127.0.0.1:5060", blanks[_i].in,
		  strlen(blanks[_i].in));
	ck_assert_uint_eq(count, 1);
	ck_assert_str_eq(seen, blanks[_i].out);
	ck_assert_str_eq(last.peer, "127.0.0.1:5060");
	ck_assert(last.tx && last.kind == TRACE_SIP);
	trace_close();
}
END_TEST

START_TEST(walk_in_order)
{
	const char *needle[] = {"id-2", "id-3"};

	trace_add(TRACE_XMPP, false, "a", "id-1", 4);
	trace_add(TRACE_SIP, false, NULL, "xx id-2 xx", 10);
	trace_add(TRACE_SIP, false, "c", "id-3", 4);

	trace_walk(NULL, 0, keep, NULL);
	ck_assert_uint_eq(count, 3);
	ck_assert_str_eq(trace_kind_name(last.kind), "sip");
	ck_assert_str_eq(trace_kind_name(TRACE_XMPP), "xmpp");
	ck_assert_str_eq(seen, "id-3");

	count = 0;
	trace_walk(needle, 1, keep, NULL);
	ck_assert_uint_eq(count, 1);
	ck_assert_str_eq(seen, "xx id-2 xx");
	ck_assert_str_eq(last.peer, "");

	count = 0;
	trace_walk(needle, 2, keep, NULL);
	ck_assert_uint_eq(count, 2);

	trace_close();
	count = 0;
	trace_walk(NULL, 0, keep, NULL);
	ck_assert_uint_eq(count, 0);
}
END_TEST

static size_t total;

static void add_up(const struct trace_entry *e, void *arg)
{
	(void)arg;
	total += e->len;
	count++;
}

enum { SIZE = TRACE_SIZE_MIN };

START_TEST(oldest_go_first)
{
	size_t size = 10000;
	char *text = calloc(1, size);

	memset(text, 'x', size);
	trace_resize(SIZE);
	trace_add(TRACE_SIP, false, "old", "old", 3);
	ck_assert_uint_eq(trace_dropped(), 0);
	for (int i = 0; i < 1000; i++)
		trace_add(TRACE_SIP, false, "p", text, size);
	trace_walk(NULL, 0, add_up, NULL);
	ck_assert_uint_le(total, SIZE);
	ck_assert_uint_ge(total, SIZE - SIZE / 16);
	ck_assert_uint_eq(count, total / size);
	ck_assert_uint_gt(trace_dropped(), 0);

	/* one message never takes it all */
	count = 0;
	total = 0;
	free(text);
	text = calloc(1, 2 * SIZE);
	trace_add(TRACE_SIP, false, "p", text, (size_t)2 * SIZE);
	trace_walk(NULL, 0, keep, NULL);
	ck_assert_uint_gt(count, 1);
	ck_assert(last.cut && last.len <= SIZE / 8);
	free(text);
	trace_close();
}
END_TEST

/* Sizes that end everywhere in the ring: nothing is lost but the oldest, in
 * order, and each is found by its key. */
static uint64_t last_at, last_pos;
static unsigned expected;

static void in_order(const struct trace_entry *e, void *arg)
{
	const unsigned *first = arg;
	unsigned n = (unsigned)strtoul(e->text, NULL, 10);

	if (!count)
		expected = first ? *first : n;
	ck_assert_uint_eq(n, expected);
	ck_assert_uint_eq(strlen(e->text), e->len);
	ck_assert(e->pos > last_pos && e->at >= last_at);
	last_pos = e->pos;
	last_at = e->at;
	expected++;
	count++;
}

static void add_keyed(const char *key, const char *text, size_t len)
{
	struct trace_message m = {.kind = TRACE_SIP, .text = text};

	m.len = len;
	pl_set_str(&m.key, key);
	trace_message(&m);
}

START_TEST(wraps)
{
	char text[3000], key[32];
	const char *keys[] = {key};
	unsigned i, n = 6000, seed = 1, oldest;

	trace_resize(SIZE);
	for (i = 0; i < n; i++) {
		size_t len;

		seed = seed * 1103515245u + 12345u;
		len = 10 + seed / 65536 % 2900;
		memset(text, ' ', len);
		text[snprintf(text, 16, "%u", i)] = ' ';
		(void)snprintf(key, sizeof(key), "key-%u", i);
		add_keyed(key, text, len);
		if (i % 97)
			continue;
		/* those before it, and the newest */
		count = 0;
		last_pos = last_at = 0;
		trace_walk(NULL, 0, in_order, NULL);
		ck_assert_uint_eq(expected, i + 1);
		ck_assert_uint_ge(count, i < 300 ? i + 1 : 250);
	}

	count = 0;
	last_pos = last_at = 0;
	trace_walk(NULL, 0, in_order, NULL);
	oldest = n - count;
	for (i = 0; i < n; i++) {
		count = 0;
		last_pos = last_at = 0;
		(void)snprintf(key, sizeof(key), "key-%u", i);
		ck_assert_int_eq(trace_chain(keys, 1, in_order, &i), 0);
		ck_assert_uint_eq(count, i >= oldest);
	}
	trace_close();
}
END_TEST

/* Reports are for who looks on, and take no place from messages. */
START_TEST(reports_pass)
{
	struct trace_message m = {.kind = TRACE_RTCP, .text = "{}", .len = 2};
	struct trace_entry e;

	pl_set_str(&m.key, "5f0c2a91");
	trace_message(&m); /* nobody does */
	count = 0;
	trace_watch(keep, NULL);
	trace_message(&m);
	ck_assert_uint_eq(count, 1);
	ck_assert_str_eq(seen, "{}");
	ck_assert(!trace_after(&e, 0));
	trace_close();
}
END_TEST

/* Of a key, what a call keeps of it counts. */
START_TEST(long_keys)
{
	char key[300], kept[TRACE_KEY_MAX + 1];
	const char *keys[] = {kept};

	memset(key, 'k', sizeof(key) - 1);
	key[sizeof(key) - 1] = '\0';
	str_ncpy(kept, key, sizeof(kept));
	count = 0;
	add_keyed(key, "x", 1);
	ck_assert_int_eq(trace_chain(keys, 1, keep, NULL), 0);
	ck_assert_uint_eq(count, 1);
	ck_assert_str_eq(last.key, kept);
	trace_close();
}
END_TEST

START_TEST(cursor)
{
	struct trace_entry e;
	uint64_t at;
	char text[16];

	trace_resize(SIZE);
	ck_assert(!trace_after(&e, 0));
	for (int i = 0; i < 3; i++)
		trace_add(TRACE_SIP, false, "p", i ? "b" : "a", 1);
	ck_assert(trace_after(&e, 0));
	ck_assert_str_eq(e.text, "a");
	ck_assert(trace_after(&e, e.pos) && trace_after(&e, e.pos));
	at = e.pos;
	ck_assert_uint_eq(trace_last(), at);
	ck_assert(!trace_after(&e, at));
	/* its place is dropped meanwhile: the oldest that is left */
	for (int i = 0; i < 20000; i++) {
		(void)snprintf(text, sizeof(text), "%d", i);
		trace_add(TRACE_SIP, false, "p", text, strlen(text));
	}
	ck_assert(trace_after(&e, at));
	ck_assert_int_gt(atoi(e.text), 0);
	/* another ring goes on behind it */
	at = trace_last();
	trace_resize(2 * SIZE);
	ck_assert(!trace_after(&e, at));
	trace_add(TRACE_SIP, false, "p", "new", 3);
	ck_assert(trace_after(&e, at) && e.pos > at);
	ck_assert_str_eq(e.text, "new");
	/* also where it was off meanwhile; what it had counts as dropped */
	at = e.at;
	trace_resize(0);
	ck_assert_uint_eq(trace_dropped(), at);
	at = e.pos;
	trace_resize(SIZE);
	ck_assert_uint_ge(trace_last(), at);
	trace_add(TRACE_SIP, false, "p", "newer", 5);
	ck_assert(trace_after(&e, at) && e.pos > at);
	trace_close();
}
END_TEST

/* A call's messages are found by a walk over few others. */
START_TEST(thousand_calls)
{
	enum { CALLS = 1000, EACH = 12 };
	char key[3][32], text[700];
	const char *keys[] = {key[0], key[1], key[2], key[0]};
	uint64_t steps;

	memset(text, 'x', sizeof(text));
	for (int n = 0; n < EACH; n++) {
		for (int c = 0; c < CALLS; c++) {
			text[snprintf(text, 32, "%d of %d", n, c)] = ' ';
			(void)snprintf(key[0], sizeof(key[0]), "%d-%d", n % 3,
				       c);
			add_keyed(key[0], text, sizeof(text));
		}
	}
	steps = trace_steps();
	for (int c = 0; c < CALLS; c++) {
		for (int k = 0; k < 3; k++)
			(void)snprintf(key[k], sizeof(key[0]), "%d-%d", k, c);
		count = 0;
		last_pos = last_at = 0;
		ck_assert_int_eq(trace_chain(keys, 4, in_order, NULL), 0);
		ck_assert_uint_eq(count, EACH);
	}
	steps = (trace_steps() - steps) / CALLS;
	ck_assert_msg(steps < CALLS * EACH / 20, "%lu", (unsigned long)steps);
	trace_close();
}
END_TEST

#ifndef SHADOWED
static size_t resident(void)
{
	unsigned long pages = 0, all;
	FILE *f = fopen("/proc/self/statm", "r");

	ck_assert_ptr_nonnull(f);
	ck_assert_int_eq(fscanf(f, "%lu %lu", &all, &pages), 2);
	(void)fclose(f);

	return pages * (size_t)sysconf(_SC_PAGESIZE);
}

/* Whatever comes, it takes its size and no more; off, it takes nothing. */
START_TEST(memory_is_bounded)
{
	char text[900], key[32];
	size_t before;

	memset(text, 'y', sizeof(text));
	trace_resize(0);
	before = resident();
	for (int i = 0; i < 20000; i++)
		add_keyed("k", text, sizeof(text));
	ck_assert_uint_lt(resident(), before + 4 * SIZE);
	trace_walk(NULL, 0, keep, NULL);
	ck_assert_uint_eq(count, 0);

	trace_resize(4 * SIZE);
	for (int i = 0; i < 20000; i++) {
		(void)snprintf(key, sizeof(key), "%d", i);
		add_keyed(key, text, sizeof(text));
	}
	ck_assert_uint_lt(resident(), before + 9 * SIZE);
	trace_close();
	ck_assert_uint_lt(resident(), before + 4 * SIZE);
}
END_TEST
#endif

START_TEST(notes)
{
	const char *keys[] = {"5f0c2a91", NULL, ""};
	char big[2000];

	trace_note("5f0c2a91", "%s: media up%s", "XMPP", ", by relay");
	trace_note("other", "not this");
	ck_assert_int_eq(trace_chain(keys, 3, keep, NULL), 0);
	ck_assert_uint_eq(count, 1);
	ck_assert_str_eq(seen, "XMPP: media up, by relay");
	ck_assert_str_eq(trace_kind_name(last.kind), "media");
	ck_assert_str_eq(last.key, "5f0c2a91");
	memset(big, 'z', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	trace_note("5f0c2a91", "%s", big);
	ck_assert_int_eq(trace_chain(keys, 1, keep, NULL), 0);
	ck_assert_uint_lt(last.len, 600);
	trace_close();
}
END_TEST

/* stoxctl(1), trace: what --json says of an entry. */
START_TEST(names)
{
	ck_assert_str_eq(trace_kind_name(TRACE_XMPP), "xmpp");
	ck_assert_str_eq(trace_kind_name(TRACE_SIP), "sip");
	ck_assert_str_eq(trace_kind_name(TRACE_MEDIA), "media");
	ck_assert_str_eq(trace_kind_name(TRACE_RTCP), "rtcp");
	ck_assert_str_eq(trace_way_name(TRACE_UDP), "UDP");
	ck_assert_str_eq(trace_way_name(TRACE_TCP), "TCP");
	ck_assert_str_eq(trace_way_name(TRACE_TLS), "TLS");
}
END_TEST

START_TEST(bad_arguments)
{
	trace_watch(keep, NULL);
	trace_add(TRACE_SIP, false, "p", NULL, 3);
	trace_add((enum trace_kind)77, false, "p", "x", 1);
	trace_walk(NULL, 2, keep, NULL);
	trace_walk(NULL, 0, NULL, NULL);
	ck_assert_uint_eq(count, 0);
	trace_watch(NULL, NULL);
	trace_add(TRACE_SIP, false, "p", "x", 1);
	ck_assert_uint_eq(count, 0);
	trace_close();
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("trace");

	tcase_add_loop_test(tc, blanked, 0, (int)ARRAY_SIZE(blanks));
	tcase_add_test(tc, walk_in_order);
	tcase_add_test(tc, oldest_go_first);
	tcase_add_test(tc, wraps);
	tcase_add_test(tc, long_keys);
	tcase_add_test(tc, reports_pass);
	tcase_add_test(tc, cursor);
	tcase_add_test(tc, thousand_calls);
#ifndef SHADOWED
	tcase_add_test(tc, memory_is_bounded);
#endif
	tcase_add_test(tc, notes);
	tcase_add_test(tc, names);
	tcase_add_test(tc, bad_arguments);

	return suite_run("base_trace", tc);
}
