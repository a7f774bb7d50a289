/* bridge_users.c: the operator's table of users and their numbers. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "bridge/users.h"
#include "suite.h"

enum { LINES = 32 };

static char *domains[] = {(char[]){"example.com"}, (char[]){"example.org"}};
static struct config_xmpp xmpp = {.domains = domains, .domainc = 2};
static struct config_route lines[LINES];
static struct config conf = {
    .file = (char[]){"t.conf"}, .xmpp = &xmpp, .xmppc = 1, .users = lines};
static char said[4096];

static int say(const char *p, size_t size, void *arg)
{
	(void)arg;
	strncat(said, p, size);

	return 0;
}

static struct re_printf pf = {say, NULL};

static void line(const char *jid, const char *numbers)
{
	struct config_route *r = &lines[conf.userc++];

	ck_assert_uint_le(conf.userc, LINES);
	ck_assert_int_eq(0, str_dup(&r->name, jid));
	ck_assert_int_eq(0, str_dup(&r->text, numbers));
	r->line = (int)conf.userc;
}

static void forget(void)
{
	while (conf.userc) {
		struct config_route *r = &lines[--conf.userc];

		r->name = mem_deref(r->name);
		r->text = mem_deref(r->text);
	}
}

static void check(const char *kind, const char *from, const char *to,
		  const struct users *u)
{
	const bool none = !strcmp(to, "-");
	char *got = NULL;
	int err;

	err = !strcmp(kind, "number") ? users_number(&got, u, from)
				      : users_jid(&got, u, from);
	ck_assert_msg(err == (none ? ENOENT : 0), "%s %s: %d", kind, from,
		      err);
	ck_assert_msg(none || !strcmp(got, to), "%s %s: %s, not %s", kind,
		      from, got, to);
	mem_deref(got);
}

START_TEST(table)
{
	FILE *f = fopen("tests/data/users.txt", "r");
	char text[200], kind[16], a[64], b[64];
	struct users *u = NULL;
	unsigned n = 0;

	ck_assert_ptr_nonnull(f);
	while (fgets(text, sizeof(text), f)) {
		if (*text == '#' ||
		    sscanf(text, "%15s %63s %63s", kind, a, b) != 3)
			continue;
		n++;
		if (!strcmp(kind, "line")) {
			line(a, b);
			continue;
		}
		if (!u)
			ck_assert_int_eq(0, users_alloc(&u, &conf, &pf));
		check(kind, a, b, u);
	}
	(void)fclose(f);
	ck_assert_uint_gt(n, 15);
	ck_assert_str_eq(said, "");
	mem_deref(u);
	forget();
}
END_TEST

START_TEST(problems)
{
	static const struct {
		const char *jid, *numbers, *what;
	} rows[] = {
	    {"alice", "1", "is no bare JID"},
	    {"alice@example.edu", "1", "is of no domain"},
	    {"alice@example.com", "", "has no number"},
	    {"alice@example.com", "3*", "needs one *"},
	    {"*@example.com", "3", "needs one *"},
	    {"*@*", "*", "more than one *"},
	    {"default", "*@example.com", "must be one user"},
	    {"default", "nobody", "is no bare JID"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct users *u;

		said[0] = '\0';
		forget();
		line(rows[i].jid, rows[i].numbers);
		ck_assert_int_eq(EBADMSG, users_alloc(&u, &conf, &pf));
		ck_assert_msg(strstr(said, rows[i].what), "%s: %s",
			      rows[i].jid, said);
		ck_assert(!strncmp(said, "t.conf:1: [users]", 17));
	}
	forget();
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("all");

	tcase_add_test(tc, table);
	tcase_add_test(tc, problems);

	return suite_run("users", tc);
}
