/* xmpp_jid.c: addresses and XEP-0106. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <stringprep.h>

#include "base/compat.h"
#include "xmpp/jid.h"
#include "suite.h"

static char *decoded(const char *s)
{
	struct jid j;
	char *t = NULL;

	if (jid_decode(&j, s, strlen(s)))
		return NULL;

	ck_assert_int_eq(0, re_sdprintf(&t, "%H", jid_print, &j));
	jid_clear(&j);

	return t;
}

static const struct {
	const char *in, *out; /* out NULL: jid-malformed */
} jids[] = {
    {"Alice@Example.COM/Phone", "alice@example.com/Phone"},
    {"example.com", "example.com"},
    {"example.com.", "example.com"},
    {"example.com/a@b/c", "example.com/a@b/c"},
    {"a@b", "a@b"},
    {"a@b/ c ", "a@b/ c "},
    {"bob\\40Example.net@gw.example.com/sip",
     "bob\\40example.net@gw.example.com/sip"},
    {"Stra\xc3\x9f"
     "e@x.de",
     "strasse@x.de"},
    {"\xce\xa3@x", "\xcf\x83@x"},
    {"A\xcc\x8a@x", "\xc3\xa5@x"}, /* NFKC composes */
    {"a@B\xc3\x9c"
     "CHER.de",
     "a@b\xc3\xbc"
     "cher.de"},
    {"a@192.0.2.1", "a@192.0.2.1"},
    {"a@[2001:DB8::1]/r", "a@[2001:db8::1]/r"},
    {"a@x/\xe2\x84\xab", "a@x/\xc3\x85"},
    {"", NULL},
    {"@b", NULL},
    {"a@", NULL},
    {"a@b/", NULL},
    {"/r", NULL},
    {"a@/r", NULL},
    {"a@b@c", NULL},
    {"a b@c", NULL},
    {"a\"b@c", NULL},
    {"a&b@c", NULL},
    {"a'b@c", NULL},
    {"a:b@c", NULL},
    {"a<b@c", NULL},
    {"a>b@c", NULL},
    {"a\xef\xbc\xa0"
     "b@c",
     NULL}, /* fullwidth @ */
    {"a@b c", NULL},
    {"a@b..c", NULL},
    {"a@.b", NULL},
    {"a@b:5222", NULL},
    {"a@\xe2\x84\x80", NULL}, /* becomes a/c */
    {"a@[::1", NULL},
    {"a@[]", NULL},
    {"a@b/\x01", NULL},
    {"a\x7f@b", NULL},
    {"a@b\n", NULL},
    {"a\xff@b", NULL},
    {"a\xc0\x80@b", NULL},
    {"a\xed\xa0\x80@b", NULL},
    {"a\xe2\x80\xae@b", NULL}, /* right-to-left override */
    {"\xc2\xad@b", NULL},      /* soft hyphen maps to nothing */
};

START_TEST(test_decode)
{
	char *t = decoded(jids[_i].in);

	if (jids[_i].out)
		ck_assert_str_eq(jids[_i].out, t ? t : "(malformed)");
	else
		ck_assert_ptr_null(t);

	mem_deref(t);
}
END_TEST

START_TEST(test_length)
{
	struct jid j;
	char s[JID_SIZE + 10];
	size_t l = JID_PART_MAX;
	size_t over;

	for (over = 0; over < 3; over++) {
		memset(s, 'a', sizeof(s));
		s[l + (over == 0)] = '@';
		s[2 * l + 1 + (over <= 1)] = '/';
		s[3 * l + 2 + 1] = '\0';

		/* each part in turn is one byte too long */
		ck_assert_int_eq(EBADMSG, jid_decode(&j, s, strlen(s)));
	}

	memset(s, 'a', sizeof(s));
	s[l] = '@';
	s[2 * l + 1] = '/';
	ck_assert_int_eq(0, jid_decode(&j, s, 3 * l + 2));
	ck_assert_uint_eq(l, strlen(j.local));
	ck_assert_uint_eq(l, strlen(j.domain));
	ck_assert_uint_eq(l, strlen(j.resource));
	jid_clear(&j);

	ck_assert_int_eq(EBADMSG, jid_decode(&j, "a\0b@c", 5));
	ck_assert_int_eq(EBADMSG, jid_decode(&j, s, JID_SIZE));
}
END_TEST

START_TEST(test_equal)
{
	struct jid a, b, c;
	char *bare = NULL, *domain = NULL;

	ck_assert_int_eq(0, jid_decode(&a, "A@B/r", 5));
	ck_assert_int_eq(0, jid_decode(&b, "a@b/r", 5));
	ck_assert_int_eq(0, jid_decode(&c, "a@b/R", 5));
	ck_assert(jid_equal(&a, &b));
	ck_assert(!jid_equal(&a, &c));
	ck_assert(jid_equal_bare(&a, &c));
	jid_clear(&a);
	jid_clear(&b);
	jid_clear(&c);

	ck_assert_int_eq(0, jid_bare(&bare, "A@B/x/y@z"));
	ck_assert_str_eq("a@b", bare);
	mem_deref(bare);
	ck_assert_int_eq(EBADMSG, jid_bare(&bare, "a@"));

	ck_assert_int_eq(0, jid_domain(&domain, "X.Org."));
	ck_assert_str_eq("x.org", domain);
	mem_deref(domain);
	ck_assert_int_eq(EBADMSG, jid_domain(&domain, "a@b"));
	ck_assert_int_eq(EBADMSG, jid_domain(&domain, "."));
}
END_TEST

static void space_mark(char *s)
{
	char *p;

	while ((p = strstr(s, "\\s"))) {
		*p = ' ';
		memmove(p + 1, p + 2, strlen(p + 2) + 1);
	}
}

static void vector_check(const char *plain, const char *escaped,
			 const char *prepared)
{
	char *e = NULL, *u = NULL, *full = NULL, *jid;

	ck_assert_int_eq(0, jid_escape(&e, plain, strlen(plain)));
	ck_assert_str_eq(escaped, e);

	/* what the server makes of it must still say the same, case aside */
	ck_assert_int_eq(0, re_sdprintf(&full, "%s@x", e));
	jid = decoded(full);
	ck_assert_ptr_nonnull(jid);
	jid[strlen(jid) - 2] = '\0';
	ck_assert_str_eq(strcmp(prepared, "-") ? prepared : escaped, jid);

	ck_assert_int_eq(0, jid_unescape(&u, jid, strlen(jid)));
	ck_assert_int_eq(0, strcasecmp(plain, u));

	mem_deref(e);
	mem_deref(u);
	mem_deref(jid);
	mem_deref(full);
}

START_TEST(test_escape_vectors)
{
	FILE *f = fopen("tests/data/jid_escape.txt", "r");
	char line[256];
	int n = 0;

	ck_assert_ptr_nonnull(f);

	while (fgets(line, sizeof(line), f)) {
		char *tab, *tab2, *e = NULL;

		line[strcspn(line, "\n")] = '\0';
		if ((line[0] == '#' && line[1] == ' ') || !line[0])
			continue;

		n++;
		if (line[0] == '!') {
			space_mark(line);
			ck_assert_int_eq(
			    EBADMSG,
			    jid_escape(&e, line + 1, strlen(line + 1)));
			continue;
		}

		tab = strchr(line, '\t');
		ck_assert_ptr_nonnull(tab);
		tab2 = strchr(tab + 1, '\t');
		ck_assert_ptr_nonnull(tab2);
		*tab = *tab2 = '\0';
		vector_check(line, tab + 1, tab2 + 1);
	}

	fclose(f);
	ck_assert_int_gt(n, 30);
}
END_TEST

START_TEST(test_escape_refuses)
{
	char *e = NULL;

	ck_assert_int_eq(EBADMSG, jid_escape(&e, "", 0));
	ck_assert_int_eq(EBADMSG, jid_escape(&e, "a\xff", 2));
	ck_assert_int_eq(EBADMSG, jid_escape(&e, "a\0b", 3));
	ck_assert_ptr_null(e);
}
END_TEST

START_TEST(test_unescape_exact)
{
	/* exactly ten sequences, lower case, nothing decoded twice */
	static const char *const v[][2] = {
	    {"a\\2Fb", "a\\2Fb"}, {"a\\5c40", "a\\40"},
	    {"\\20\\22", " \""},  {"\\2", "\\2"},
	    {"\\", "\\"},	  {"\\25", "\\25"},
	    {"%40", "%40"},	  {"", ""},
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(v); i++) {
		char *u = NULL;

		ck_assert_int_eq(0,
				 jid_unescape(&u, v[i][0], strlen(v[i][0])));
		ck_assert_str_eq(v[i][1], u);
		mem_deref(u);
	}
}
END_TEST

/* What is not given to stringprep is what it would have left alone. */
START_TEST(test_ascii)
{
	static const struct {
		const char *fmt;
		const Stringprep_profile *profile;
	} parts[] = {{"a%cz@x.test/r", stringprep_xmpp_nodeprep},
		     {"a@b%cz.test/r", stringprep_nameprep},
		     {"a@x.test/a%cz", stringprep_xmpp_resourceprep}};
	char part[16], in[64], *out;
	const char *at;

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		for (int c = 1; c < 128; c++) {
			if (strchr("@/", c)) /* they divide an address */
				continue;
			(void)re_snprintf(in, sizeof(in), parts[i].fmt, c);
			(void)re_snprintf(part, sizeof(part), "%s%cz",
					  i == 1 ? "b" : "a", c);
			out = decoded(in);
			if (stringprep(part, sizeof(part), 0,
				       parts[i].profile)) {
				ck_assert_msg(!out, "%s", in);
				continue;
			}
			at = out ? strstr(out, part) : NULL;
			/* a domain has fewer characters than nameprep */
			ck_assert_msg(at || (i == 1 && !out), "%s", in);
			mem_deref(out);
		}
	}
}
END_TEST

/* What is taken as it stands is what preparing it would give. */
START_TEST(test_usual)
{
	static const char some[] = "abz09-._+@/ AZ[]:%\xc3\xa4\x7f";
	struct pl bare, domain;
	unsigned usual = 0;
	struct jid j;
	char s[12];

	srand(1);
	for (unsigned i = 0; i < 200000; i++) {
		const size_t n = 1 + (size_t)rand() % (sizeof(s) - 1);
		char *out;

		for (size_t k = 0; k < n; k++)
			s[k] = some[(size_t)rand() % (sizeof(some) - 1)];
		s[n] = '\0';
		if (!jid_is_usual(&bare, &domain, s))
			continue;
		usual++;
		out = decoded(s);
		ck_assert_msg(out && !strcmp(out, s), "%s", s);
		mem_deref(out);
		ck_assert_int_eq(jid_decode(&j, s, n), 0);
		ck_assert_int_eq(pl_strcmp(&domain, j.domain), 0);
		ck_assert_int_eq(jid_text_bare(&out, &j), 0);
		ck_assert_int_eq(pl_strcmp(&bare, out), 0);
		mem_deref(out);
		jid_clear(&j);
	}
	ck_assert_uint_gt(usual, 1000);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("jid");

	tcase_add_loop_test(tc, test_decode, 0, ARRAY_SIZE(jids));
	tcase_add_test(tc, test_length);
	tcase_add_test(tc, test_ascii);
	tcase_add_test(tc, test_usual);
	tcase_add_test(tc, test_equal);
	tcase_add_test(tc, test_escape_vectors);
	tcase_add_test(tc, test_escape_refuses);
	tcase_add_test(tc, test_unescape_exact);

	return suite_run("xmpp_jid", tc);
}
