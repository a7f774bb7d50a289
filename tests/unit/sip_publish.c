/* sip_publish.c: publications against a scripted compositor (RFC 3903). */
#include "sip_peer.h"
#include <stdio.h>
#include <unistd.h>
#include "sip/publish.h"
#include "sip/stack_priv.h"
#include "suite.h"

enum { TURNS = 8 };

static struct setup st;
static struct sipstack *stack;
static struct peer one;
static struct publication *pub;
static unsigned asked, prints;
static char last[TURNS][2048];
static const char *script[TURNS]; /* status and headers, by turn */
static const char *extra[TURNS];
static char kept[64];
static unsigned kept_for;

static void compositor(struct peer *p, const struct sa *src, const char *text)
{
	const unsigned turn = MIN(asked, TURNS - 1u);

	if (strncmp(text, "PUBLISH ", 8)) {
		peer_answer(p, src, text, "200 OK", "");
		return;
	}
	++asked;
	(void)snprintf(last[turn], sizeof(last[turn]), "%s", text);
	if (script[turn])
		peer_answer(p, src, text, script[turn],
			    extra[turn] ? extra[turn] : "");
}

static int print_h(struct mbuf *mb, void *arg)
{
	(void)arg;

	return mbuf_printf(mb, "<state n='%u'/>", ++prints);
}

static void kept_h(const char *etag, unsigned s, void *arg)
{
	(void)arg;
	(void)snprintf(kept, sizeof(kept), "%s", etag ? etag : "");
	kept_for = s;
}

static const struct publish_handlers handlers = {print_h, kept_h};

static void start(const char *etag)
{
	struct publish_conf conf = {
	    .uri = "sip:gw@127.0.0.1",
	    .event = "presence",
	    .type = "application/pidf+xml",
	    .etag = etag,
	    .expires = 3600,
	};

	ck_assert_int_eq(libre_init(), 0);
	(void)alarm(50);
	setup_init(&st);
	st.conf.account.register_rate = 1000;
	peer_open(&one, "127.0.0.1", compositor);
	setup_trunk(&st, 0, &one.addr, "");
	st.trunk[0].username = (char *)(size_t) "gw";
	st.trunk[0].password = (char *)(size_t) "gwpass";
	ck_assert_int_eq(sipstack_alloc(&stack, &st.conf), 0);
	conf.trunk = sipstack_trunk(stack, "pbx");
	ck_assert_int_eq(publication_alloc(&pub, &conf, &handlers, NULL), 0);
	for (unsigned i = 0; i < TURNS; i++) {
		script[i] = "200 OK";
		extra[i] = "SIP-ETag: e1\r\nExpires: 3600\r\n";
	}
}

static void stop(void)
{
	pub = mem_deref(pub);
	stack = mem_deref(stack);
	one.us = mem_deref(one.us);
	libre_close();
}

static bool is_up(void)
{
	return publication_state(pub) == PUBLISH_UP;
}

static bool is_idle(void)
{
	return publication_state(pub) == PUBLISH_IDLE;
}

static bool is_refused(void)
{
	return publication_state(pub) == PUBLISH_REFUSED;
}

static bool is_waiting(void)
{
	return publication_state(pub) == PUBLISH_WAITING;
}

static bool is_second(void)
{
	return asked == 2;
}

/* 4.1: made, changed, taken back. */
START_TEST(its_life)
{
	start(NULL);
	script[0] = "401 Unauthorized";
	extra[0] = "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", "
		   "qop=\"auth\", algorithm=SHA-256\r\n";
	extra[2] = "SIP-ETag: e2\r\nExpires: 1800\r\n";

	loop_run(50);
	ck_assert_uint_eq(asked, 0); /* there is nothing to show yet */
	publication_show(pub);
	ck_assert(loop_until(is_up, 3000));
	ck_assert_uint_eq(asked, 2);
	ck_assert_ptr_nonnull(
	    strstr(last[1], "PUBLISH sip:gw@127.0.0.1 SIP/2.0\r\n"));
	ck_assert_str_eq(peer_header(last[1], "Event"), "presence");
	ck_assert_str_eq(peer_header(last[1], "Expires"), "3600");
	ck_assert_str_eq(peer_header(last[1], "SIP-If-Match"), "");
	ck_assert_str_eq(peer_header(last[1], "Content-Type"),
			 "application/pidf+xml");
	ck_assert_ptr_nonnull(strstr(last[1], "\r\n\r\n<state n='2'/>"));
	ck_assert_ptr_nonnull(strstr(last[1], "Authorization: Digest "));
	ck_assert_str_eq(kept, "e1");
	ck_assert_uint_eq(kept_for, 3600);

	publication_show(pub);
	loop_run(300);
	ck_assert(is_up());
	ck_assert_uint_eq(asked, 3);
	ck_assert_str_eq(peer_header(last[2], "SIP-If-Match"), "e1");
	ck_assert_ptr_nonnull(strstr(last[2], "<state n='3'/>"));
	ck_assert_str_eq(kept, "e2");

	publication_hide(pub);
	ck_assert(loop_until(is_idle, 1000));
	ck_assert_str_eq(peer_header(last[3], "SIP-If-Match"), "e2");
	ck_assert_str_eq(peer_header(last[3], "Expires"), "0");
	ck_assert_str_eq(peer_header(last[3], "Content-Length"), "0");
	ck_assert_str_eq(peer_header(last[3], "Content-Type"), "");
	ck_assert_str_eq(kept, "");
	publication_hide(pub);
	loop_run(100);
	ck_assert_uint_eq(asked, 4);
	stop();
}
END_TEST

/* 4.3: renewed without a body before it ends. */
START_TEST(renewed)
{
	start(NULL);
	extra[0] = "SIP-ETag: e1\r\nExpires: 10\r\n";
	extra[1] = "SIP-ETag: e2\r\nExpires: 3600\r\n";
	publication_show(pub);
	ck_assert(loop_until(is_second, 11000));
	ck_assert_str_eq(peer_header(last[1], "SIP-If-Match"), "e1");
	ck_assert_str_eq(peer_header(last[1], "Content-Length"), "0");
	loop_run(100);
	ck_assert(is_up());
	ck_assert_str_eq(kept, "e2");
	stop();
}
END_TEST

/* 4: what they know no more is made anew; an earlier life's ETag is tried. */
START_TEST(condition_failed)
{
	start("old");
	script[0] = "412 Conditional Request Failed";
	extra[0] = "";
	publication_show(pub);
	ck_assert(loop_until(is_up, 3000));
	ck_assert_uint_eq(asked, 2);
	ck_assert_str_eq(peer_header(last[0], "SIP-If-Match"), "old");
	ck_assert_str_eq(peer_header(last[1], "SIP-If-Match"), "");
	ck_assert_ptr_nonnull(strstr(last[1], "<state"));
	stop();
}
END_TEST

START_TEST(taken_back_of_an_earlier_life)
{
	start("old");
	publication_hide(pub);
	loop_run(200);
	ck_assert(is_idle());
	ck_assert_uint_eq(asked, 1);
	ck_assert_str_eq(peer_header(last[0], "SIP-If-Match"), "old");
	ck_assert_str_eq(peer_header(last[0], "Expires"), "0");
	stop();
}
END_TEST

START_TEST(too_brief)
{
	start(NULL);
	script[0] = "423 Interval Too Brief";
	extra[0] = "Min-Expires: 7200\r\n";
	publication_show(pub);
	ck_assert(loop_until(is_up, 3000));
	ck_assert_str_eq(peer_header(last[1], "Expires"), "7200");
	stop();
}
END_TEST

/* A loop of theirs is not one of ours. */
START_TEST(for_ever)
{
	start(NULL);
	for (unsigned i = 0; i < TURNS; i++) {
		script[i] = "412 Conditional Request Failed";
		extra[i] = "";
	}
	publication_show(pub);
	loop_run(500);
	ck_assert_uint_le(asked, 6);
	ck_assert(is_waiting()); /* and asked again some day */
	stop();
}
END_TEST

/* No such package, no such method: nothing is asked again. */
START_TEST(refused)
{
	static const char *const codes[] = {
	    "489 Bad Event", "405 No", "501 Not Implemented",
	    "403 No",	     "404 No", "415 No"};

	start(NULL);
	script[0] = codes[_i];
	publication_show(pub);
	ck_assert(loop_until(is_refused, 3000));
	publication_show(pub);
	loop_run(100);
	ck_assert_uint_eq(asked, 1);
	stop();
}
END_TEST

START_TEST(passing)
{
	static const char *const codes[] = {"500 No", "503 No", "480 No",
					    "408 No"};

	start(NULL);
	script[0] = codes[_i];
	extra[0] = "Retry-After: 1\r\n";
	publication_show(pub);
	ck_assert(loop_until(is_waiting, 3000));
	ck_assert(loop_until(is_up, 5000));
	ck_assert_uint_eq(asked, 2);
	ck_assert_ptr_nonnull(strstr(last[1], "<state"));
	stop();
}
END_TEST

/* RFC 3903 11.3 makes it a token; nothing else goes back to the wire. */
START_TEST(etags_of_fools)
{
	static const char *const etags[] = {"", "SIP-ETag: \r\n",
					    "SIP-ETag: a b\r\n"};

	start(NULL);
	extra[0] = etags[_i];
	publication_show(pub);
	ck_assert(loop_until(is_waiting, 3000));
	ck_assert_str_eq(kept, "");
	stop();
}
END_TEST

START_TEST(goodbye)
{
	start(NULL);
	publication_show(pub);
	ck_assert(loop_until(is_up, 3000));
	publication_drop(pub);
	pub = NULL;
	loop_run(100);
	ck_assert_uint_eq(asked, 2);
	ck_assert_str_eq(peer_header(last[1], "SIP-If-Match"), "e1");
	ck_assert_str_eq(peer_header(last[1], "Expires"), "0");
	stop();
}
END_TEST

START_TEST(bad_uri)
{
	struct publish_conf conf = {.uri = "sip:a>b@127.0.0.1"};
	struct publication *p;

	start(NULL);
	conf.trunk = sipstack_trunk(stack, "pbx");
	ck_assert_int_eq(publication_alloc(&p, &conf, &handlers, NULL),
			 EBADMSG);
	stop();
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("publish");

	tcase_set_timeout(tc, 20);
	tcase_add_test(tc, its_life);
	tcase_add_test(tc, renewed);
	tcase_add_test(tc, condition_failed);
	tcase_add_test(tc, taken_back_of_an_earlier_life);
	tcase_add_test(tc, too_brief);
	tcase_add_test(tc, for_ever);
	tcase_add_loop_test(tc, refused, 0, 6);
	tcase_add_loop_test(tc, passing, 0, 4);
	tcase_add_loop_test(tc, etags_of_fools, 0, 3);
	tcase_add_test(tc, goodbye);
	tcase_add_test(tc, bad_uri);

	return suite_run("sip_publish", tc);
}
