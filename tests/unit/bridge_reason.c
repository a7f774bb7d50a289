/* bridge_reason.c: every row of the tables against tests/data. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "bridge/reason.h"
#include "suite.h"

enum { LINE = 256, WORDS = 10, CODES = 701 };

struct row {
	char line[LINE];
	char *v[WORDS];
	unsigned n;
};

/* Next row of words that is no comment; false at the end. */
static bool next_row(FILE *f, struct row *row)
{
	do {
		char *save = NULL, *w;

		if (!fgets(row->line, sizeof(row->line), f))
			return false;
		row->n = 0;
		if (row->line[0] == '#')
			continue;
		w = strtok_r(row->line, " \n", &save);
		for (; w && row->n < WORDS; w = strtok_r(NULL, " \n", &save))
			row->v[row->n++] = w;
	} while (!row->n);

	return true;
}

static FILE *open_data(const char *name)
{
	FILE *f = fopen(name, "r");

	ck_assert_msg(f != NULL, "%s is missing", name);

	return f;
}

static unsigned num(const char *s)
{
	return (unsigned)strtoul(s, NULL, 10);
}

static enum reason by_name(const char *name)
{
	enum reason r = reason_find(name, strlen(name));

	ck_assert_msg(r != REASON_NONE, "unknown reason %s", name);
	ck_assert_str_eq(reason_name(r), name);

	return r;
}

/* Rows of "CODE NAME" or "FIRST-LAST NAME" into a name for each code; a range
 * is for what no other row has. */
static void read_codes(const char *file, char name[CODES][32])
{
	FILE *f = open_data(file);
	struct row row;

	memset(name, 0, CODES * sizeof(name[0]));
	while (next_row(f, &row)) {
		const char *dash = strchr(row.v[0], '-');
		unsigned last = num(dash ? dash + 1 : row.v[0]);

		for (unsigned c = num(row.v[0]); c <= last; c++) {
			if (name[c][0])
				continue;
			ck_assert_uint_lt(strlen(row.v[1]), sizeof(name[c]));
			(void)strcpy(name[c], row.v[1]);
		}
	}
	fclose(f);
}

START_TEST(to_sip)
{
	FILE *f = open_data("tests/data/reason_to_sip.txt");
	struct reason_sip out;
	struct row row;
	unsigned rows = 0;

	while (next_row(f, &row)) {
		struct ending end = {0};

		end.reject = !strcmp(row.v[0], "-reject");
		if (!strcmp(row.v[0], "-away")) {
			end.reason = REASON_CONNECTIVITY_ERROR;
			end.away = true;
		} else if (row.v[0][0] != '-') {
			end.reason = by_name(row.v[0]);
		}

		reason_to_sip(&out, &end, REASON_UAS);
		ck_assert_msg(out.code == num(row.v[1]), "%s: %u", row.v[0],
			      out.code);
		ck_assert_msg(out.q850 == num(row.v[2]), "%s: cause %u",
			      row.v[0], out.q850);
		ck_assert_uint_eq(out.warning, num(row.v[4]));
		ck_assert_str_eq(out.phrase, reason_phrase(out.code));

		reason_to_sip(&out, &end, REASON_ACTIVE);
		ck_assert_msg(out.q850 == num(row.v[3]), "%s: bye %u",
			      row.v[0], out.q850);
		ck_assert_uint_eq(out.code, 0);

		reason_to_sip(&out, &end, REASON_UAC);
		ck_assert_uint_eq(out.code, 0);
		++rows;
	}

	ck_assert_uint_eq(rows, REASON_MAX + 2); /* -reject, -away */
	fclose(f);
}
END_TEST

START_TEST(to_sip_own_codes)
{
	struct ending end = {.reason = REASON_GENERAL_ERROR, .sip_code = 503};
	struct reason_sip out;

	reason_to_sip(&out, &end, REASON_UAS);
	ck_assert_uint_eq(out.code, 503);
	ck_assert_uint_eq(out.q850, 41);

	end = (struct ending){.reason = REASON_DECLINE, .decline_code = 486};
	reason_to_sip(&out, &end, REASON_UAS);
	ck_assert_uint_eq(out.code, 486);
	ck_assert_str_eq(out.phrase, "Busy Here");
	ck_assert_uint_eq(out.q850, 21);

	end = (struct ending){.reason = REASON_TIMEOUT, .q850 = 20};
	reason_to_sip(&out, &end, REASON_UAS);
	ck_assert_uint_eq(out.code, 480);
	ck_assert_uint_eq(out.q850, 20);
}
END_TEST

START_TEST(from_code)
{
	char want[CODES][32];

	read_codes("tests/data/reason_from_code.txt", want);
	for (unsigned c = 200; c < CODES; c++) {
		struct ending end = {.sip_code = c};
		const char *name = reason_name(reason_to_jingle(&end, false));

		ck_assert_msg(!strcmp(name, want[c][0] ? want[c] : "cancel"),
			      "%u: %s", c, name);
		name = reason_name(reason_to_jingle(&end, true));
		ck_assert_msg(!strcmp(name, want[c][0] ? want[c] : "success"),
			      "%u in a call: %s", c, name);
	}
}
END_TEST

/* What people read: each reason has words, no two the same. */
START_TEST(words)
{
	for (unsigned r = REASON_NONE; r < REASON_MAX; r++) {
		ck_assert_uint_gt(strlen(reason_words(r)), 8);
		for (unsigned o = REASON_NONE; o < r; o++)
			ck_assert_str_ne(reason_words(r), reason_words(o));
	}
	ck_assert_str_eq(reason_name(REASON_NONE), "");
	ck_assert_str_eq(reason_words(REASON_MAX), "");
}
END_TEST

START_TEST(from_cause)
{
	FILE *f = open_data("tests/data/reason_from_cause.txt");
	struct row row;

	while (next_row(f, &row)) {
		/* the cause wins over the code */
		struct ending end = {.q850 = num(row.v[0]), .sip_code = 480};

		ck_assert_msg(reason_to_jingle(&end, true) ==
				  by_name(row.v[1]),
			      "%s", row.v[0]);
		ck_assert_msg(reason_to_jingle(&end, false) ==
				  by_name(row.v[2]),
			      "%s", row.v[0]);
	}
	fclose(f);
}
END_TEST

START_TEST(bye_without_reason)
{
	struct ending end = {0};

	ck_assert_int_eq(reason_to_jingle(&end, true), REASON_SUCCESS);
	ck_assert_int_eq(reason_to_jingle(&end, false), REASON_CANCEL);
	end.reason = REASON_MEDIA_ERROR; /* the gateway's own word counts */
	end.sip_code = 486;
	ck_assert_int_eq(reason_to_jingle(&end, true), REASON_MEDIA_ERROR);
}
END_TEST

START_TEST(codes)
{
	FILE *f = open_data("tests/data/reason_q850.txt");
	bool seen[CODES] = {false};
	char line[LINE];

	while (fgets(line, sizeof(line), f)) {
		unsigned code, cause;
		int at;

		if (line[0] == '#')
			continue;
		line[strcspn(line, "\n")] = '\0';
		ck_assert_int_eq(sscanf(line, "%u %u %n", &code, &cause, &at),
				 2);
		ck_assert_msg(reason_q850(code) == cause, "%u", code);
		ck_assert_str_eq(reason_phrase(code), line + at);
		seen[code] = true;
	}
	fclose(f);

	for (unsigned c = 300; c < CODES; c++) {
		if (seen[c])
			continue;
		ck_assert_msg(reason_q850(c) == 127, "%u", c);
		ck_assert_str_eq(reason_phrase(c),
				 c < 600 ? "Failure" : "Global Failure");
	}
}
END_TEST

START_TEST(conditions)
{
	FILE *f = open_data("tests/data/cond_types.txt");
	struct row row;
	unsigned rows = 0;

	while (next_row(f, &row)) {
		bool none = !strcmp(row.v[0], "-");
		enum stanza_cond c = cond_find(row.v[0], strlen(row.v[0]));

		ck_assert_msg((c == COND_NONE) == none, "%s", row.v[0]);
		ck_assert_str_eq(cond_name(c), none ? "" : row.v[0]);
		ck_assert_str_eq(cond_type(c), row.v[1]);
		++rows;
	}

	ck_assert_uint_eq(rows, COND_MAX);
	fclose(f);
}
END_TEST

/* Of "301/410" the one for an error without an address; what a 302 without
 * one becomes is for those who answer. */
START_TEST(conditions_to_sip)
{
	FILE *f = open_data("tests/data/cond_to_sip.txt");
	struct row row;
	unsigned rows = 0;

	while (next_row(f, &row)) {
		const enum stanza_cond c =
		    cond_find(row.v[0], strlen(row.v[0]));

		ck_assert_msg(c != COND_NONE, "%s", row.v[0]);
		for (unsigned i = 0; i < 2; i++) {
			const char *slash = strchr(row.v[1 + i], '/');
			const unsigned code = cond_to_sip(c, !i);

			if (c == COND_REDIRECT || !slash)
				ck_assert_uint_eq(code, num(row.v[1 + i]));
			else
				ck_assert_uint_eq(code, num(slash + 1));
			ck_assert_uint_lt(code, 600);
		}
		++rows;
	}
	fclose(f);
	ck_assert_uint_eq(rows, COND_MAX - 1);
	for (unsigned i = 0; i < 2; i++) { /* an error that names none */
		ck_assert_uint_eq(cond_to_sip(COND_NONE, i), 500);
		ck_assert_uint_eq(cond_to_sip(COND_MAX, i), 500);
	}
}
END_TEST

START_TEST(from_sip)
{
	char want[CODES][32];

	read_codes("tests/data/cond_from_sip.txt", want);
	for (unsigned c = 200; c < CODES; c++) {
		const char *name = cond_name(cond_from_sip(c));

		ck_assert_msg(!strcmp(name, want[c][0]
						? want[c]
						: "undefined-condition"),
			      "%u: %s", c, name);
	}
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("tables");

	tcase_add_test(tc, to_sip);
	tcase_add_test(tc, to_sip_own_codes);
	tcase_add_test(tc, from_code);
	tcase_add_test(tc, from_cause);
	tcase_add_test(tc, bye_without_reason);
	tcase_add_test(tc, words);
	tcase_add_test(tc, codes);
	tcase_add_test(tc, conditions);
	tcase_add_test(tc, conditions_to_sip);
	tcase_add_test(tc, from_sip);

	return suite_run("bridge_reason", tc);
}
