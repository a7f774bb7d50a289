/* bridge_enum.c: numbers in the DNS: tests/data/enum.txt, row by row. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "bridge/enum.h"
#include "suite.h"

enum { FIELDS = 4 };

static void row_judge(char *const f[FIELDS])
{
	const bool refused = !strcmp(f[3], "-");
	char name[256], *uri = NULL;

	if (!strcmp(f[0], "name")) {
		ck_assert_msg(enum_name(name, sizeof(name), f[1], f[2]) ==
				  (refused ? EBADMSG : 0),
			      "%s", f[1]);
		if (!refused)
			ck_assert_str_eq(name, f[3]);
	} else if (!strcmp(f[0], "serves")) {
		ck_assert_msg(enum_serves(f[1], f[2]) == !strcmp(f[3], "yes"),
			      "%s %s", f[1], f[2]);
	} else {
		ck_assert_str_eq(f[0], "rule");
		ck_assert_msg(enum_rewrite(&uri, f[2], f[1]) ==
				  (refused ? EBADMSG : 0),
			      "%s: %s", f[2], uri);
		if (!refused)
			ck_assert_str_eq(uri, f[3]);
		mem_deref(uri);
	}
}

START_TEST(rows)
{
	FILE *file = fopen("tests/data/enum.txt", "r");
	char line[512], *field[FIELDS], *at;
	unsigned n = 0;

	ck_assert_ptr_nonnull(file);
	while (fgets(line, sizeof(line), file)) {
		if (line[0] == '#')
			continue;
		line[strcspn(line, "\n")] = '\0';
		at = line;
		for (unsigned i = 0; i < FIELDS; i++)
			ck_assert_ptr_nonnull(field[i] = strsep(&at, " "));
		row_judge(field);
		++n;
	}
	ck_assert_uint_gt(n, 40);
	(void)fclose(file);
}
END_TEST

/* Bytes at each edge: 255 are the most, of a rule and of an address. */
START_TEST(lengths)
{
	char rule[512], *uri = NULL, name[16];

	(void)snprintf(rule, sizeof(rule), "!^.*$!sip:%0*d@example.net!", 228,
		       0);
	ck_assert_int_eq(enum_rewrite(&uri, rule, "+49"), 0);
	mem_deref(uri);
	(void)snprintf(rule, sizeof(rule), "!^.*$!sip:%0*d@example.net!", 240,
		       0);
	ck_assert_int_eq(enum_rewrite(&uri, rule, "+49"), EBADMSG);
	(void)snprintf(rule, sizeof(rule), "!^(.*)$!sip:%s@example.net!",
		       "\\1\\1\\1\\1\\1\\1\\1\\1\\1\\1\\1\\1\\1\\1\\1\\1\\1");
	ck_assert_int_eq(enum_rewrite(&uri, rule, "+49301234567890"), EBADMSG);
	ck_assert_int_eq(enum_rewrite(&uri, rule, "+4930123"), 0);
	mem_deref(uri);

	/* "9.4." and the zone, and a NUL */
	ck_assert_int_eq(enum_name(name, 14, "+49", "e164.arpa"), 0);
	ck_assert_int_eq(enum_name(name, 13, "+49", "e164.arpa"), EBADMSG);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("all");

	tcase_add_test(tc, rows);
	tcase_add_test(tc, lengths);

	return suite_run("bridge_enum", tc);
}
