/* sip_cpim.c: message/cpim by the grammar of RFC 3862 and RFC 5438. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "sip/cpim.h"
#include "suite.h"

static int decode(struct cpim *c, const char *text)
{
	static struct pl pl;

	pl_set_str(&pl, text);

	return cpim_decode(c, &pl);
}

static void is(const struct pl *pl, const char *text)
{
	ck_assert_msg(!pl_strcmp(pl, text), "\"%.*s\", not \"%s\"", (int)pl->l,
		      pl->p ? pl->p : "", text);
}

START_TEST(every_header)
{
	struct cpim c;

	ck_assert_int_eq(
	    decode(&c, "From: \"Piglet P.\" <im:piglet@wood.example>\r\n"
		       "To: Donkey <im:donkey@wood.example>\r\n"
		       "To: <im:second@wood.example>\r\n"
		       "cc: <im:third@wood.example>\r\n"
		       "DateTime: 2000-12-13T13:40:00-08:00\r\n"
		       "Subject: fine today\r\n"
		       "Subject:;lang=fr beau temps\r\n"
		       "NS: x <urn:other>\r\n"
		       "NS: imdn <urn:ietf:params:imdn>\r\n"
		       "Require: From, To, cc, DateTime, Subject\r\n"
		       "Require: NS, Require, imdn.Message-ID\r\n"
		       "imdn.Message-ID: 34jk324j\r\n"
		       "imdn.Disposition-Notification: positive-delivery, "
		       "Negative-Delivery;x=y,processing , display\r\n"
		       "x.Other: y\r\n"
		       "\r\n"
		       "content-TYPE: text/plain; charset=\"utf-8\"\r\n"
		       "Content-ID: <1@x>\r\n"
		       "Content-Transfer-Encoding: 8bit\r\n"
		       "Content-Disposition: notification\r\n"
		       "Content-Language: en\r\n"
		       "\r\n"
		       "Hi\r\n\r\nthere"),
	    0);
	is(&c.from, "im:piglet@wood.example");
	is(&c.to, "im:donkey@wood.example");
	is(&c.datetime, "2000-12-13T13:40:00-08:00");
	is(&c.subject, "fine today");
	is(&c.message_id, "34jk324j");
	ck_assert_uint_eq(c.wants, CPIM_POSITIVE | CPIM_NEGATIVE |
				       CPIM_PROCESSING | CPIM_DISPLAY);
	is(&c.type, "text/plain");
	is(&c.charset, "utf-8");
	is(&c.encoding, "8bit");
	is(&c.disposition, "notification");
	is(&c.lang, "en");
	is(&c.body, "Hi\r\n\r\nthere");
}
END_TEST

START_TEST(least)
{
	struct cpim c;

	ck_assert_int_eq(decode(&c, "\r\nContent-Type: text/plain\r\n\r\n"),
			 0);
	is(&c.type, "text/plain");
	ck_assert_uint_eq(c.body.l, 0);
	ck_assert_uint_eq(c.from.l, 0);
	ck_assert_int_eq(decode(&c, "From: <sip:a@b>\n\n"
				    "Content-Type: text/html\n\nx\n"),
			 0);
	is(&c.body, "x\n");
}
END_TEST

START_TEST(name_spaces)
{
	struct cpim c;

	/* the prefix is what NS says, and nothing without it */
	ck_assert_int_eq(decode(&c, "NS: q <urn:ietf:params:imdn>\r\n"
				    "q.Message-ID: a\r\n"
				    "imdn.Message-ID: b\r\n"
				    "r.Message-ID: c\r\n"
				    "qrMessage-ID: d\r\n\r\n"
				    "Content-Type: text/plain\r\n\r\n"),
			 0);
	is(&c.message_id, "a");
	ck_assert_int_eq(decode(&c, "imdn.Message-ID: b\r\n"
				    ".Message-ID: c\r\n"
				    "imdn.Disposition-Notification: display"
				    "\r\n\r\nContent-Type: a/b\r\n\r\n"),
			 0);
	ck_assert_uint_eq(c.message_id.l, 0);
	ck_assert_uint_eq(c.wants, 0);
}
END_TEST

START_TEST(refused)
{
	static const struct {
		const char *text;
		int err;
	} v[] = {
	    {"", EBADMSG},
	    {"\r\n", EBADMSG},
	    {"\r\n\r\n", EBADMSG},
	    {"From: <sip:a@b>\r\n", EBADMSG},
	    {"From: <sip:a@b>\r\n\r\nContent-Type: a/b\r\n", EBADMSG},
	    {"From <sip:a@b>\r\n\r\nContent-Type: a/b\r\n\r\n", EBADMSG},
	    {"From: <sip:a\r\n\r\nContent-Type: a/b\r\n\r\n", EBADMSG},
	    {"NS: urn:x\r\n\r\nContent-Type: a/b\r\n\r\n", EBADMSG},
	    {"NS: <urn:x\r\n\r\nContent-Type: a/b\r\n\r\n", EBADMSG},
	    {"F rom: x\r\n\r\nContent-Type: a/b\r\n\r\n", EBADMSG},
	    {"\r\nContent-ID: <a>\r\n\r\n", EBADMSG},
	    {"Require: Vital\r\n\r\nContent-Type: a/b\r\n\r\n", ENOTSUP},
	    {"Require: imdn.X\r\n\r\nContent-Type: a/b\r\n\r\n", ENOTSUP},
	};
	char *many = NULL;
	struct cpim c;

	for (size_t i = 0; i < ARRAY_SIZE(v); i++)
		ck_assert_msg(decode(&c, v[i].text) == v[i].err, "%s",
			      v[i].text);

	for (unsigned n = 60; n < 70; n++) {
		struct mbuf *mb = mbuf_alloc(1024);

		for (unsigned i = 0; i < n - 1; i++)
			(void)mbuf_write_str(mb, "a.b: c\r\n");
		(void)mbuf_write_str(mb, "\r\nContent-Type: a/b\r\n\r\n");
		mb->pos = 0;
		ck_assert_int_eq(mbuf_strdup(mb, &many, mb->end), 0);
		ck_assert_int_eq(decode(&c, many), n > 64 ? EBADMSG : 0);
		mem_deref(many);
		mem_deref(mb);
	}
}
END_TEST

START_TEST(escapes)
{
	static const struct {
		const char *in, *out;
	} v[] = {
	    {"plain", "plain"},
	    {"a\\\\b\\\"c\\'d", "a\\b\"c'd"},
	    {"\\u0041\\u00e9\\u20AC", "A\xc3\xa9\xe2\x82\xac"},
	    {"a\\b\\t\\n\\rz", "a    z"},
	    {"\\u000a\\u202e", "  "},
	    {"\\ud83d", "\\ud83d"},
	    {"\\u12", "\\u12"},
	    {"\\u12g4", "\\u12g4"},
	    {"\\q\\", "\\q\\"},
	    {"", ""},
	};

	for (size_t i = 0; i < ARRAY_SIZE(v); i++) {
		struct pl pl;
		char *text;

		pl_set_str(&pl, v[i].in);
		ck_assert_int_eq(cpim_text(&text, &pl), 0);
		ck_assert_str_eq(text, v[i].out);
		mem_deref(text);
	}
}
END_TEST

static void plain_set(struct cpim *c)
{
	memset(c, 0, sizeof(*c));
	pl_set_str(&c->from, "sip:a@x.test");
	pl_set_str(&c->to, "sip:b@y.test");
	pl_set_str(&c->type, "text/plain");
	pl_set_str(&c->body, "hi");
}

START_TEST(printed)
{
	struct cpim c;
	char *text;

	plain_set(&c);
	pl_set_str(&c.charset, "UTF-8");
	pl_set_str(&c.datetime, "2026-11-22T13:00:00Z");
	pl_set_str(&c.subject, "a \"b\" 'c' \\d\r\nX: y");
	pl_set_str(&c.message_id, "m1");
	pl_set_str(&c.lang, "en");
	pl_set_str(&c.disposition, "notification");
	c.wants = CPIM_POSITIVE | CPIM_DISPLAY;
	ck_assert_int_eq(re_sdprintf(&text, "%H", cpim_print, &c), 0);
	ck_assert_str_eq(text, "From: <sip:a@x.test>\r\n"
			       "To: <sip:b@y.test>\r\n"
			       "DateTime: 2026-11-22T13:00:00Z\r\n"
			       "Subject: a \\\"b\\\" \\'c\\' \\\\d  X: y\r\n"
			       "NS: imdn <urn:ietf:params:imdn>\r\n"
			       "imdn.Message-ID: m1\r\n"
			       "imdn.Disposition-Notification: "
			       "positive-delivery, display\r\n"
			       "\r\n"
			       "Content-Type: text/plain;charset=UTF-8\r\n"
			       "Content-Disposition: notification\r\n"
			       "Content-Language: en\r\n"
			       "Content-Length: 2\r\n"
			       "\r\n"
			       "hi");
	mem_deref(text);
}
END_TEST

START_TEST(nothing_breaks_out)
{
	static const char *const bad[] = {"a\r\nb", "a b", "a>b", "<a",
					  "a\x7f"};
	struct cpim c;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct pl *const fields[] = {
		    &c.from, &c.to,	     &c.type,	 &c.charset,
		    &c.lang, &c.disposition, &c.datetime};

		for (size_t f = 0; f <= ARRAY_SIZE(fields); f++) {
			char *text = NULL;

			plain_set(&c);
			pl_set_str(f < ARRAY_SIZE(fields) ? fields[f]
							  : &c.message_id,
				   bad[i]);
			ck_assert_int_ne(
			    re_sdprintf(&text, "%H", cpim_print, &c), 0);
			mem_deref(text);
		}
	}

	plain_set(&c);
	c.from.l = 0;
	ck_assert_int_eq(re_sdprintf(&(char *){NULL}, "%H", cpim_print, &c),
			 EBADMSG);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("cpim");

	tcase_add_test(tc, every_header);
	tcase_add_test(tc, least);
	tcase_add_test(tc, name_spaces);
	tcase_add_test(tc, refused);
	tcase_add_test(tc, escapes);
	tcase_add_test(tc, printed);
	tcase_add_test(tc, nothing_breaks_out);

	return suite_run("sip_cpim", tc);
}
