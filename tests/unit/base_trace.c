/* base_trace.c: order, room and blanked secrets of the trace. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/compat.h"
#include "base/trace.h"

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
    {"Authorization: Basic dXNlcjpwdw==\r\n", "Authorization: Basic ***\r\n"},
    {"Proxy-Authorization: Basic dXNlcjpwdw==\r\n",
     "Proxy-Authorization: Basic ***\r\n"},
    {"Subject: response=\"42\"\r\n", "Subject: response=\"42\"\r\n"},
    {"Reason: x\r\n\r\nresponse=1", "Reason: x\r\n\r\nresponse=1"},
    {"inline:", "inline:"},
    {"inline:x", "inline:*"},
    {"<password", "<password"},
    {"", ""},
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

START_TEST(oldest_go_first)
{
	size_t size = 100000;
	char *text = calloc(1, size);

	memset(text, 'x', size);
	trace_add(TRACE_SIP, false, "old", "old", 3);
	for (int i = 0; i < 100; i++)
		trace_add(TRACE_SIP, false, "p", text, size);
	trace_walk(NULL, 0, add_up, NULL);
	ck_assert_uint_le(total, TRACE_SIZE);
	ck_assert_uint_ge(total, TRACE_SIZE - 2 * size);
	ck_assert_uint_eq(count, total / size);

	/* one message never takes it all */
	count = 0;
	total = 0;
	free(text);
	text = calloc(1, 2 * TRACE_SIZE);
	trace_add(TRACE_SIP, false, "p", text, (size_t)2 * TRACE_SIZE);
	trace_walk(NULL, 0, add_up, NULL);
	ck_assert_uint_gt(count, 1);
	ck_assert_uint_le(total, TRACE_SIZE);
	free(text);
	trace_close();
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
	Suite *s = suite_create("base_trace");
	TCase *tc = tcase_create("trace");
	SRunner *sr;
	int failed;

	tcase_add_loop_test(tc, blanked, 0, (int)ARRAY_SIZE(blanks));
	tcase_add_test(tc, walk_in_order);
	tcase_add_test(tc, oldest_go_first);
	tcase_add_test(tc, bad_arguments);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);

	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
