/* base_text.c: escaping for each language that is printed. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/compat.h"
#include "base/text.h"
#include "suite.h"

#define FFFD "\xef\xbf\xbd"

typedef int(text_print_h)(struct re_printf *pf, const struct pl *pl);

static const struct row {
	text_print_h *print;
	const char *in, *out;
} rows[] = {
    {text_print_xml, "a<b>&\"'", "a&lt;b&gt;&amp;&quot;&apos;"},
    {text_print_xml, "\t\r\n", "&#9;&#13;&#10;"},
    {text_print_xml, "\x01\x1f", FFFD FFFD},
    {text_print_xml, "\xef\xbf\xbe", FFFD},	      /* U+FFFE */
    {text_print_xml, "\xed\xa0\x80", FFFD FFFD FFFD}, /* surrogate */
    {text_print_xml, "\xc3\xbc\xf0\x9f\x93\x9e", "\xc3\xbc\xf0\x9f\x93\x9e"},
    {text_print_xml, "\xc3", FFFD},
    {text_print_xml, "", ""},
    {text_print_sip_quoted, "Bob \"B\" \\ x", "Bob \\\"B\\\" \\\\ x"},
    {text_print_sip_quoted, "a\r\nVia: x", "a  Via: x"},
    {text_print_sip_quoted, "\xff\xc3\xa4\x7f", "?\xc3\xa4 "},
    {text_print_sip_quoted, "\xc2\x9b", " "}, /* C1 */
    {text_print_sip, "Busy \"Here\"\r\nX: y", "Busy \"Here\"  X: y"},
    {text_print_sip, "\xc0\xaf", "??"},
    {text_print_json, "\"\\/\n\r\t\b", "\\\"\\\\/\\n\\r\\t\\u0008"},
    {text_print_json, "\x7f\xc2\x85", "\\u007f\\u0085"},
    {text_print_json, "\xfe", FFFD},
    {text_print_log, "a\nb\x1b[31m\x7f", "a\\x0ab\\x1b[31m\\x7f"},
    {text_print_log, "\xff\xc3\xa4", "\\xff\xc3\xa4"},
    {text_print_log, "\xc2\x9b", "\\xc2\\x9b"},
};

START_TEST(printers)
{
	const struct row *r = &rows[_i];
	char *out = NULL;
	struct pl pl;

	pl_set_str(&pl, r->in);
	ck_assert_int_eq(0, re_sdprintf(&out, "%H", r->print, &pl));
	ck_assert_str_eq(out, r->out);
	mem_deref(out);
}
END_TEST

/* RFC 3629 3, 10 */
static const struct {
	const char *s;
	bool ok;
} utf8[] = {
    {"", true},
    {"abc", true},
    {"\xc2\x80", true},
    {"\xdf\xbf", true},
    {"\xe0\xa0\x80", true},
    {"\xed\x9f\xbf", true},
    {"\xee\x80\x80", true},
    {"\xef\xbf\xbf", true},
    {"\xf0\x90\x80\x80", true},
    {"\xf1\x80\x80\x80", true},
    {"\xf3\xbf\xbf\xbf", true},
    {"\xf4\x8f\xbf\xbf", true},
    {"\x80", false},
    {"\xc0\x80", false},
    {"\xc1\xbf", false},
    {"\xc2", false},
    {"\xc2\x7f", false},
    {"\xc2\xc0", false},
    {"\xe0\x9f\xbf", false},
    {"\xe1\x80", false},
    {"\xe1\x80\x7f", false},
    {"\xed\xa0\x80", false},
    {"\xed\xbf\xbf", false},
    {"\xf0\x8f\xbf\xbf", false},
    {"\xf4\x90\x80\x80", false},
    {"\xf5\x80\x80\x80", false},
    {"\xff", false},
};

START_TEST(utf8_forms)
{
	ck_assert_int_eq(utf8[_i].ok,
			 text_is_utf8(utf8[_i].s, strlen(utf8[_i].s)));
}
END_TEST

START_TEST(utf8_values)
{
	uint32_t cp = 0;

	ck_assert_uint_eq(1, text_utf8_decode(&cp, "\0", 1));
	ck_assert_uint_eq(cp, 0);
	ck_assert_uint_eq(2, text_utf8_decode(&cp, "\xc3\xa4", 2));
	ck_assert_uint_eq(cp, 0xe4);
	ck_assert_uint_eq(3, text_utf8_decode(&cp, "\xe2\x82\xac", 3));
	ck_assert_uint_eq(cp, 0x20ac);
	ck_assert_uint_eq(4, text_utf8_decode(&cp, "\xf0\x9f\x93\x9e", 4));
	ck_assert_uint_eq(cp, 0x1f4de);
	ck_assert_uint_eq(0, text_utf8_decode(&cp, "\xf0\x9f\x93\x9e", 3));
	ck_assert_uint_eq(0, text_utf8_decode(&cp, "", 0));
}
END_TEST

static const struct {
	const char *in;
	size_t max;
	const char *out;
} cleans[] = {
    {"abc", 10, "abc"},
    {"abc", 3, "abc"},
    {"abc", 2, "ab"},
    {"abc", 0, ""},
    {"\xc3\xa4\xc3\xb6", 3, "\xc3\xa4"},
    {"\xc3\xa4\xc3\xb6", 1, ""},
    {"a\r\nb", 10, "a  b"},
    {"a\xff"
     "b\xc3",
     10, "ab"},
    {"a\xc2\x9b"
     "b",
     10, "a b"},
    {"\xf0\x9f\x93\x9e!", 5, "\xf0\x9f\x93\x9e!"},
    {"\xe2\x80\xaeno\xe2\x81\xa6x\xe2\x80\xa8", 20, " no x "},
    {"\xe2\x80\xa7\xe2\x80\xaf\xe2\x81\xa5\xe2\x81\xaa", 20,
     "\xe2\x80\xa7\xe2\x80\xaf\xe2\x81\xa5\xe2\x81\xaa"},
};

START_TEST(clean)
{
	struct pl pl;
	char *out = NULL;

	pl_set_str(&pl, cleans[_i].in);
	ck_assert_int_eq(0, text_clean(&out, &pl, cleans[_i].max));
	ck_assert_str_eq(out, cleans[_i].out);
	mem_deref(out);
}
END_TEST

START_TEST(clean_arguments)
{
	struct pl pl = {NULL, 3};
	char *out = NULL;

	ck_assert_int_eq(EINVAL, text_clean(NULL, &pl, 1));
	ck_assert_int_eq(EINVAL, text_clean(&out, NULL, 1));
	ck_assert_int_eq(EINVAL, text_clean(&out, &pl, 1));
	pl.l = 0;
	ck_assert_int_eq(0, text_clean(&out, &pl, 1));
	ck_assert_str_eq(out, "");
	mem_deref(out);
}
END_TEST

START_TEST(joined)
{
	char *s = NULL;

	ck_assert_int_eq(text_join(&s, "sip:", "", "a", "@b", NULL), 0);
	ck_assert_str_eq(s, "sip:a@b");
	s = mem_deref(s);
	ck_assert_int_eq(text_join(&s, "", NULL), 0);
	ck_assert_str_eq(s, "");
	mem_deref(s);
}
END_TEST

START_TEST(sip_user)
{
	ck_assert(text_is_sip_user("Az09-_.!~*'()&=+$,;?/"));
	ck_assert(text_is_sip_user(""));
	ck_assert(!text_is_sip_user("a@b"));
	ck_assert(!text_is_sip_user("a%40b"));
	ck_assert(!text_is_sip_user("\xc3\xa4"));
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("text");

	tcase_add_loop_test(tc, printers, 0, (int)ARRAY_SIZE(rows));
	tcase_add_loop_test(tc, utf8_forms, 0, (int)ARRAY_SIZE(utf8));
	tcase_add_test(tc, utf8_values);
	tcase_add_loop_test(tc, clean, 0, (int)ARRAY_SIZE(cleans));
	tcase_add_test(tc, clean_arguments);
	tcase_add_test(tc, joined);
	tcase_add_test(tc, sip_user);

	return suite_run("base_text", tc);
}
