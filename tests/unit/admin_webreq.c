/* admin_webreq.c: what an HTTP request says, and whose it is. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "admin/webapi.c"
#include "admin/webreq.h"
#include "suite.h"

static void expect(const char *target, int err, const char *words)
{
	struct webreq_path p;
	char got[2048] = "";

	ck_assert_msg(webreq_path_decode(&p, target) == err, "%s", target);
	if (err)
		return;
	for (size_t i = 0; i < p.wordc + p.queryc; i++) {
		strcat(got, i == p.wordc ? "?" : i ? "|" : "");
		strcat(got, p.wordv[i]);
	}
	ck_assert_str_eq(got, words);
}

START_TEST(test_path)
{
	expect("/", 0, "");
	expect("/?", 0, "");
	expect("/api/v1/call/show/7f3a", 0, "api|v1|call|show|7f3a");
	expect("/a/b%20c", 0, "a|b c");
	expect("/acl/alice%40x.test%2Fphone", 0, "acl|alice@x.test/phone");
	expect("/a?limit=5&who=b%26c", 0, "a?limit=5|who=b&c");
	expect("/?a=b", 0, "?a=b");
	expect("/a?/..", 0, "a?/..");
	expect("/%C3%A4", 0, "\xc3\xa4");
	expect("/a+b", 0, "a+b");
}
END_TEST

START_TEST(test_path_tricks)
{
	static const char *const bad[] = {
	    "",		"*",	      "a",	  "http://x/", "//",
	    "/a/",	"/a//b",      "/.",	  "/..",       "/a/../b",
	    "/a/./b",	"/%2e%2e/b",  "/.%2E",	  "/a%",       "/a%4",
	    "/a%4g",	"/a%00b",     "/a%0ab",	  "/a%7f",     "/%ff",
	    "/%c0%af",	"/%ed%a0%80", "/a#b",	  "/a?b#c",    "/a?&b",
	    "/a?b&&c",	"/a?%00",     "/a?b=%ff", "/%e2%82",   "/a\tb",
	    "/\x1b[2J", "/a?..",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		expect(bad[i], EBADMSG, NULL);
	expect("/1/2/3/4/5/6/7/8/9/10/11/12", 0, "1|2|3|4|5|6|7|8|9|10|11|12");
	expect("/1/2/3/4/5/6/7/8/9/10/11/12/13", E2BIG, NULL);
	expect("/1/2/3/4/5/6/7/8/9/10/11/12?13", E2BIG, NULL);
}
END_TEST

START_TEST(test_path_long)
{
	char s[WEBREQ_URI_MAX + 2];
	struct webreq_path p;

	memset(s, 'a', sizeof(s));
	s[0] = '/';
	s[WEBREQ_URI_MAX + 1] = '\0';
	ck_assert_int_eq(webreq_path_decode(&p, s), E2BIG);
	s[WEBREQ_URI_MAX] = '\0';
	ck_assert_int_eq(webreq_path_decode(&p, s), 0);
	ck_assert_uint_eq(strlen(p.wordv[0]), WEBREQ_URI_MAX - 1);
}
END_TEST

#define READ  "reader-0123456789"
#define WRITE "writer-0123456789"

static unsigned scope(const char *auth, const char *r, const char *w)
{
	const struct webreq_scope s = webreq_token(auth, r, w);

	return (unsigned)s.read + 2 * (unsigned)s.write;
}

START_TEST(test_token)
{
	ck_assert_uint_eq(scope("Bearer " READ, READ, WRITE), 1);
	ck_assert_uint_eq(scope("bearer  " READ, READ, WRITE), 1);
	ck_assert_uint_eq(scope("Bearer " WRITE, READ, WRITE), 3);
	ck_assert_uint_eq(scope("Bearer " WRITE, NULL, WRITE), 3);
	ck_assert_uint_eq(scope("Bearer " WRITE, READ, NULL), 0);
	ck_assert_uint_eq(scope("Bearer " READ "x", READ, WRITE), 0);
	ck_assert_uint_eq(scope("Bearer reader-012345678", READ, WRITE), 0);
	ck_assert_uint_eq(scope("Bearer " READ " ", READ, WRITE), 0);
	ck_assert_uint_eq(scope("Basic " READ, READ, WRITE), 0);
	ck_assert_uint_eq(scope(READ, READ, WRITE), 0);
	ck_assert_uint_eq(scope("Bearer", READ, WRITE), 0);
	ck_assert_uint_eq(scope("Bearer ", READ, WRITE), 0);
	ck_assert_uint_eq(scope("Bearer ", NULL, NULL), 0);
	ck_assert_uint_eq(scope("", READ, WRITE), 0);
	ck_assert_uint_eq(scope(NULL, READ, WRITE), 0);
}
END_TEST

START_TEST(test_token_form)
{
	char s[WEBREQ_TOKEN_MAX + 2];

	ck_assert(webreq_token_is_valid("abcdefghABCD0189"));
	ck_assert(webreq_token_is_valid("abc-._~+/fghijklmn=="));
	ck_assert(!webreq_token_is_valid("abcdefghABCD018"));
	ck_assert(!webreq_token_is_valid("abcdefgh ABCD0189"));
	ck_assert(!webreq_token_is_valid("abcdefgh=ABCD0189"));
	ck_assert(!webreq_token_is_valid("================"));
	ck_assert(!webreq_token_is_valid("abcdefghABCD018\xc3\xa4"));
	memset(s, 'a', sizeof(s));
	s[WEBREQ_TOKEN_MAX + 1] = '\0';
	ck_assert(!webreq_token_is_valid(s));
	s[WEBREQ_TOKEN_MAX] = '\0';
	ck_assert(webreq_token_is_valid(s));
}
END_TEST

START_TEST(test_host)
{
	static const char *const ours[] =
	    {
		"127.0.0.1",  "127.0.0.1:5080", "192.0.2.7:80",	  "[::1]",
		"[::1]:5080", "localhost",	"LocalHost:5080",
	    },
				 *const named[] = {"gw.example.com",
						   "gw.example.com:8443",
						   "localhost.evil.test",
						   "127.0.0.1.evil.test"},
				 *const bad[] = {
				     "",
				     ":80",
				     "[::1",
				     "[::1]x",
				     "[evil.test]",
				     "localhost:",
				     "localhost:x",
				     "localhost:123456",
				     "a b",
				     "a/b",
				     "a@b",
				     "<b>",
				     "localhost/",
				     "u@localhost",
				     "localhost, evil.test",
				 };

	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++) {
		ck_assert_msg(webreq_host_is_ours(ours[i], false), "%s",
			      ours[i]);
		ck_assert_msg(webreq_host_is_ours(ours[i], true), "%s",
			      ours[i]);
	}
	for (size_t i = 0; i < sizeof(named) / sizeof(named[0]); i++) {
		ck_assert_msg(!webreq_host_is_ours(named[i], false), "%s",
			      named[i]);
		ck_assert_msg(webreq_host_is_ours(named[i], true), "%s",
			      named[i]);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(!webreq_host_is_ours(bad[i], true), "%s",
			      bad[i]);
	ck_assert(!webreq_host_is_ours(NULL, true));
}
END_TEST

START_TEST(test_origin)
{
	ck_assert(webreq_origin_is_ours(NULL, "a:1"));
	ck_assert(webreq_origin_is_ours(NULL, NULL));
	ck_assert(webreq_origin_is_ours("http://a:1", "a:1"));
	ck_assert(webreq_origin_is_ours("https://A:1", "a:1"));
	ck_assert(!webreq_origin_is_ours("http://a:2", "a:1"));
	ck_assert(!webreq_origin_is_ours("http://a:1/", "a:1"));
	ck_assert(!webreq_origin_is_ours("http://b@a:1", "a:1"));
	ck_assert(!webreq_origin_is_ours("null", "a:1"));
	ck_assert(!webreq_origin_is_ours("", "a:1"));
	ck_assert(!webreq_origin_is_ours("ftp://a:1", "a:1"));
	ck_assert(!webreq_origin_is_ours("http://a:1", NULL));
}
END_TEST

START_TEST(test_gzip)
{
	ck_assert(webreq_accepts_gzip("gzip"));
	ck_assert(webreq_accepts_gzip("br, deflate , GZIP;q=0.5"));
	ck_assert(webreq_accepts_gzip("*"));
	ck_assert(webreq_accepts_gzip("gzip;q=0.01"));
	ck_assert(!webreq_accepts_gzip("gzip;q=0"));
	ck_assert(!webreq_accepts_gzip("gzip;q=0.000, br"));
	ck_assert(!webreq_accepts_gzip("br"));
	ck_assert(!webreq_accepts_gzip("xgzip"));
	ck_assert(!webreq_accepts_gzip(""));
	ck_assert(!webreq_accepts_gzip(NULL));
}
END_TEST

/* How a command ended, as RFC 9110 15 has it. */
START_TEST(test_status)
{
	static const struct {
		int err;
		unsigned status;
	} v[] = {
	    {0, 200},	     {EINVAL, 400}, {ENOENT, 404}, {EBUSY, 409},
	    {EALREADY, 409}, {EPERM, 403},  {EACCES, 403}, {ENOTSUP, 501},
	    {ENOMEM, 503},   {EIO, 500},    {EPROTO, 500},
	};

	for (size_t i = 0; i < ARRAY_SIZE(v); i++)
		ck_assert_uint_eq(status_of(v[i].err), v[i].status);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("webreq");

	tcase_add_test(t, test_path);
	tcase_add_test(t, test_path_tricks);
	tcase_add_test(t, test_path_long);
	tcase_add_test(t, test_token);
	tcase_add_test(t, test_token_form);
	tcase_add_test(t, test_host);
	tcase_add_test(t, test_origin);
	tcase_add_test(t, test_gzip);
	tcase_add_test(t, test_status);

	return suite_run("admin_webreq", t);
}
