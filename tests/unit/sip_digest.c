/* sip_digest.c: digest sums against published vectors, challenges, choice. */
#include <string.h>
#include "sip/digest.h"
#include "suite.h"

/* RFC 2617 3.5; RFC 7616 3.9.1. The SHA-512-256 sum was computed with the
 * inputs of 3.9.1 (the RFC's own example uses userhash, which we do not). */
static const struct {
	struct digest_input in;
	const char *sum;
} vectors[] = {
    {{DIGEST_MD5, "Mufasa", "testrealm@host.com", "Circle Of Life", "GET",
      "/dir/index.html", "dcd98b7102dd2f0e8b11d0f600bfb0c093", "0a4f113b", 1},
     "6629fae49393a05397450978507c4ef1"},
    {{DIGEST_MD5, "Mufasa", "http-auth@example.org", "Circle of Life", "GET",
      "/dir/index.html", "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
      "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", 1},
     "8ca523f5e9506fed4657c9700eebdbec"},
    {{DIGEST_SHA256, "Mufasa", "http-auth@example.org", "Circle of Life",
      "GET", "/dir/index.html", "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
      "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", 1},
     "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"},
    {{DIGEST_SHA512_256, "Mufasa", "http-auth@example.org", "Circle of Life",
      "GET", "/dir/index.html", "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
      "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", 1},
     "430d05014cecc49cab6fbe03176d41a1da86cbfe24a16580e22aaad928d960d0"},
};

START_TEST(sums)
{
	char out[DIGEST_HEX];

	ck_assert_int_eq(digest_compute(out, &vectors[_i].in), 0);
	ck_assert_str_eq(out, vectors[_i].sum);
}
END_TEST

static struct sip_msg *response(unsigned code, const char *headers)
{
	struct mbuf *mb = mbuf_alloc(1024);
	struct sip_msg *msg = NULL;

	(void)mbuf_printf(mb,
			  "SIP/2.0 %u No\r\n"
			  "Via: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKa\r\n"
			  "From: <sip:a@b>;tag=1\r\nTo: <sip:a@b>;tag=2\r\n"
			  "Call-ID: x\r\nCSeq: 1 REGISTER\r\n%s"
			  "Content-Length: 0\r\n\r\n",
			  code, headers);
	mb->pos = 0;
	ck_assert_int_eq(sip_msg_decode(&msg, mb), 0);
	mem_deref(mb);
	return msg;
}

static int challenge(struct digest *d, unsigned code, const char *headers)
{
	struct sip_msg *msg = response(code, headers);
	const int err = digest_challenge(d, msg, digest_serial(d));

	mem_deref(msg);
	return err;
}

static struct digest *credentials(const char *realm)
{
	struct digest *d = NULL;

	ck_assert_int_eq(digest_alloc(&d, "gw", "gwpass", realm), 0);
	return d;
}

static char *printed(struct digest *d)
{
	const struct digest_request rq = {d, "REGISTER", "sip:b"};
	char *text = NULL;

	ck_assert_int_eq(re_sdprintf(&text, "%H", digest_print, &rq), 0);
	return text;
}

#define WWW   "WWW-Authenticate: Digest realm=\"b\", nonce="
#define PROXY "Proxy-Authenticate: Digest realm=\"b\", nonce="

START_TEST(prints_nothing_unchallenged)
{
	struct digest *d = credentials(NULL);
	char *text = printed(d);

	ck_assert_str_eq(text, "");
	mem_deref(text);
	mem_deref(d);
}
END_TEST

START_TEST(answers)
{
	struct digest *d = credentials("b");
	char *text;

	ck_assert_int_eq(challenge(d, 401,
				   WWW
				   "\"n1\", qop=\"auth-int,auth\", "
				   "opaque=\"o p\", algorithm=SHA-256\r\n"),
			 0);
	text = printed(d);
	ck_assert_ptr_nonnull(strstr(text, "Authorization: Digest "
					   "username=\"gw\", realm=\"b\""));
	ck_assert_ptr_nonnull(strstr(text, "nonce=\"n1\""));
	ck_assert_ptr_nonnull(strstr(text, "algorithm=SHA-256"));
	ck_assert_ptr_nonnull(strstr(text, "opaque=\"o p\""));
	ck_assert_ptr_nonnull(strstr(text, "qop=auth,"));
	ck_assert_ptr_nonnull(strstr(text, "nc=00000001"));
	mem_deref(text);
	text = printed(d);
	ck_assert_ptr_nonnull(strstr(text, "nc=00000002"));
	mem_deref(text);
	mem_deref(d);
}
END_TEST

START_TEST(proxy_and_server_both)
{
	struct digest *d = credentials(NULL);
	char *text;

	ck_assert_int_eq(challenge(d, 407, PROXY "\"p\", qop=\"auth\"\r\n"),
			 0);
	ck_assert_int_eq(challenge(d, 401, WWW "\"w\", qop=\"auth\"\r\n"), 0);
	text = printed(d);
	ck_assert_ptr_nonnull(strstr(text, "Proxy-Authorization: Digest"));
	ck_assert(!strncmp(text, "Authorization: Digest", 21));
	mem_deref(text);
	mem_deref(d);
}
END_TEST

START_TEST(wrong_password_and_stale)
{
	struct digest *d = credentials(NULL);
	char *text;

	ck_assert_int_eq(challenge(d, 401, WWW "\"a\", qop=\"auth\"\r\n"), 0);
	text = printed(d);
	mem_deref(text);
	ck_assert_int_eq(challenge(d, 401, WWW "\"a\", qop=\"auth\"\r\n"),
			 EACCES);
	ck_assert_int_eq(
	    challenge(d, 401, WWW "\"b\", qop=\"auth\", stale=TRUE\r\n"), 0);
	/* a new nonce each time is no way around: the credit ends */
	ck_assert_int_eq(challenge(d, 401, WWW "\"c\", qop=\"auth\"\r\n"),
			 EACCES);
	digest_reset(d);
	ck_assert_int_eq(challenge(d, 401, WWW "\"d\", qop=\"auth\"\r\n"), 0);
	mem_deref(d);
}
END_TEST

/* Two that left before the first challenge came: both are answered, and the
 * second time round both were wrong. */
START_TEST(one_nonce_for_two_requests)
{
	static const char nonce[] = PROXY "\"a\", qop=\"auth\"\r\n";
	struct digest *d = credentials(NULL);
	struct sip_msg *msg = response(407, nonce);
	const uint32_t first = digest_serial(d);
	uint32_t again;

	ck_assert_int_eq(digest_challenge(d, msg, first), 0);
	again = digest_serial(d);
	mem_deref(printed(d));
	ck_assert_int_eq(digest_challenge(d, msg, first), 0);
	mem_deref(printed(d));
	ck_assert_int_eq(digest_challenge(d, msg, again), EACCES);
	ck_assert_uint_eq(digest_serial(d), again);
	mem_deref(msg);
	mem_deref(d);
}
END_TEST

START_TEST(strongest_first)
{
	struct digest *d = credentials(NULL);
	char *text;

	ck_assert_int_eq(
	    challenge(d, 401,
		      WWW "\"m\", qop=\"auth\", algorithm=MD5\r\n" WWW
			  "\"s5\", qop=\"auth\", algorithm=SHA-512-256\r\n" WWW
			  "\"s2\", qop=\"auth\", algorithm=SHA-256\r\n" WWW
			  "\"x\", qop=\"auth\", algorithm=SHA-3\r\n"),
	    0);
	text = printed(d);
	ck_assert_ptr_nonnull(strstr(text, "nonce=\"s5\""));
	mem_deref(text);

	/* never weaker afterwards */
	digest_reset(d);
	ck_assert_int_eq(challenge(d, 401, WWW "\"m2\", qop=\"auth\"\r\n"),
			 ENOTSUP);
	ck_assert_int_eq(
	    challenge(d, 401,
		      WWW "\"s6\", qop=\"auth\", algorithm=SHA-256\r\n"),
	    ENOTSUP);
	mem_deref(d);
}
END_TEST

/* hardening 1, CVE-2021-41158: credentials go to their own realm only. */
START_TEST(cve_2021_41158_foreign_realm)
{
	struct digest *d = credentials("mine");

	ck_assert_int_eq(challenge(d, 401, WWW "\"a\", qop=\"auth\"\r\n"),
			 EACCES);
	mem_deref(d);

	d = credentials(NULL); /* the first realm holds from then on */
	ck_assert_int_eq(challenge(d, 401, WWW "\"a\", qop=\"auth\"\r\n"), 0);
	ck_assert_int_eq(
	    challenge(d, 401,
		      "WWW-Authenticate: Digest realm=\"other\", nonce=\"z\", "
		      "qop=\"auth\"\r\n"),
	    EACCES);
	mem_deref(d);
}
END_TEST

START_TEST(refused)
{
	static const char *const bad[] = {
	    WWW "\"a\"\r\n",
	    WWW "\"a\", qop=\"auth-int\"\r\n",
	    WWW "\"a\", qop=\"auth\", algorithm=MD5-sess\r\n",
	    "WWW-Authenticate: Basic realm=\"b\"\r\n",
	    "WWW-Authenticate: Digest\r\n",
	    "WWW-Authenticate: Digest realm=\"b\", qop=\"auth\"\r\n",
	    "WWW-Authenticate: Digest realm=\"b, nonce=x, qop=auth\r\n",
	    WWW "\"x\r\n y\", qop=\"auth\"\r\n",
	    WWW "x\"y, qop=\"auth\"\r\n", /* would end our quotes */
	    WWW "\"x\\\ty\", qop=\"auth\"\r\n",
	    WWW "\"x\\\n y\", qop=\"auth\"\r\n",
	    "",
	};
	struct digest *d = credentials(NULL);

	ck_assert_int_eq(challenge(d, 401, bad[_i]), ENOTSUP);
	ck_assert_int_eq(challenge(d, 403, bad[_i]), EINVAL);
	mem_deref(d);
}
END_TEST

START_TEST(quotes_are_kept_inside)
{
	struct digest *d = NULL;
	char *text;

	ck_assert_int_eq(digest_alloc(&d, "a\"b\\", "p", NULL), 0);
	ck_assert_int_eq(challenge(d, 401,
				   "WWW-Authenticate: Digest "
				   "realm=\"x\\\"y\", nonce=\"n\", "
				   "qop=\"auth\"\r\n"),
			 0);
	text = printed(d);
	ck_assert_ptr_nonnull(strstr(text, "username=\"a\\\"b\\\\\""));
	ck_assert_ptr_nonnull(strstr(text, "realm=\"x\\\"y\""));
	mem_deref(text);
	mem_deref(d);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("digest");

	tcase_add_loop_test(tc, sums, 0, ARRAY_SIZE(vectors));
	tcase_add_test(tc, prints_nothing_unchallenged);
	tcase_add_test(tc, answers);
	tcase_add_test(tc, proxy_and_server_both);
	tcase_add_test(tc, wrong_password_and_stale);
	tcase_add_test(tc, one_nonce_for_two_requests);
	tcase_add_test(tc, strongest_first);
	tcase_add_test(tc, cve_2021_41158_foreign_realm);
	tcase_add_loop_test(tc, refused, 0, 12);
	tcase_add_test(tc, quotes_are_kept_inside);

	return suite_run("sip_digest", tc);
}
