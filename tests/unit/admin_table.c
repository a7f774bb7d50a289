/* admin_table.c: the table of commands, and what is read by it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/line.h"
#include "admin/remote.h"
#include "admin/rows.h"
#include "admin/table.h"
#include "base/compat.h"
#include "suite.h"

static const char *const types[] = {"word",    "call",	"jid",	"number",
				    "address", "count", "span", "choice"};
static const char *const places[] = {"must", "may", "named"};
static const char *const outputs[] = {"json", "lines", "plain", "file"};

__attribute__((format(printf, 3, 4))) static void put(char *buf, size_t size,
						      const char *fmt, ...)
{
	const size_t n = strlen(buf);
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(buf + n, size - n, fmt, ap);
	va_end(ap);
}

/* As tests/data/command_table.txt has it. */
static void row_print(char *buf, size_t size, const struct command *c)
{
	buf[0] = '\0';
	put(buf, size, "%s: %s, %s\n  %s\n", c->name,
	    c->scope == COMMAND_WRITE ? "write" : "read", outputs[c->output],
	    c->help);
	for (size_t i = 0; i < command_argc(c); i++) {
		const struct command_arg *a = &c->args[i];

		put(buf, size, "  %s: %s, %s, %s%s%s\n", a->name,
		    types[a->type], places[a->place], a->label,
		    a->choices ? ": " : "", a->choices ? a->choices : "");
	}
	for (size_t i = 0; i < COMMAND_COLUMNS_MAX && c->columns[i].key; i++)
		put(buf, size, "  | %s = %s\n", c->columns[i].key,
		    c->columns[i].title);
	if (c->none)
		put(buf, size, "  none: %s\n", c->none);
}

START_TEST(rows)
{
	FILE *f = fopen("tests/data/command_table.txt", "r");
	char line[256], want[4096] = "", got[4096];
	size_t n = 0;

	ck_assert_ptr_nonnull(f);
	while (n < command_count) {
		const bool more = fgets(line, sizeof(line), f);

		if (more && line[0] == '#')
			continue;
		if (more && line[0] == ' ') {
			put(want, sizeof(want), "%s", line);
			continue;
		}
		if (want[0]) {
			row_print(got, sizeof(got), &command_table[n++]);
			ck_assert_str_eq(got, want);
		}
		(void)snprintf(want, sizeof(want), "%s", more ? line : "");
		if (!more)
			break;
	}
	ck_assert_uint_eq(n, command_count);
	ck_assert_str_eq(want, "");
	(void)fclose(f);
}
END_TEST

/* None is a name without a function, and what follows an optional argument is
 * optional. */
START_TEST(rows_are_whole)
{
	for (size_t i = 0; i < command_count; i++) {
		const struct command *c = &command_table[i];
		bool may = false;

		ck_assert_msg(c->run != NULL, "%s", c->name);
		ck_assert(c->help && c->help[0]);
		ck_assert_ptr_eq(command_named(c->name), c);
		for (size_t k = 0; k < command_argc(c); k++) {
			const struct command_arg *a = &c->args[k];

			may |= a->place == COMMAND_MAY;
			ck_assert(a->place != COMMAND_MUST || !may);
			ck_assert((a->type == COMMAND_CHOICE) ==
				  (a->choices != NULL));
			ck_assert(a->label && a->label[0]);
			for (size_t m = 0; m < k; m++)
				ck_assert_str_ne(a->name, c->args[m].name);
		}
		for (size_t k = 0; k < i; k++)
			ck_assert_str_ne(command_table[k].name, c->name);
	}
	ck_assert_ptr_null(command_named("call"));
	ck_assert_ptr_null(command_named(""));
}
END_TEST

START_TEST(usage)
{
	static const struct command c = {
	    .name = "try it",
	    .args = {{"id", COMMAND_CALL, COMMAND_MUST, "x", NULL},
		     {"how", COMMAND_CHOICE, COMMAND_MUST, "x", "a bc"},
		     {"rest", COMMAND_WORD, COMMAND_MAY, "x", NULL},
		     {"for", COMMAND_SPAN, COMMAND_NAMED, "x", NULL},
		     {"on", COMMAND_CHOICE, COMMAND_NAMED, "x", "d e"}}};
	char buf[128], small[10];

	command_usage(buf, sizeof(buf), &c);
	ck_assert_str_eq(buf, "try it ID a|bc [REST] [for=FOR] [on=d|e]");
	command_usage(small, sizeof(small), &c);
	ck_assert_str_eq(small, "try it ID");
}
END_TEST

/* words, with blanks between: by the index of their args, or an error */
static void fill(const struct command *c, const char *words, int err,
		 const char *want)
{
	const char *argv[COMMAND_ARGS_MAX], *wordv[8];
	char copy[128], got[256] = "", *rest, *w;
	size_t n = 0;

	(void)snprintf(copy, sizeof(copy), "%s", words);
	for (w = strtok_r(copy, " ", &rest); w; w = strtok_r(NULL, " ", &rest))
		wordv[n++] = w;
	ck_assert_msg(command_fill(argv, c, wordv, n) == err, "%s", words);
	for (size_t i = 0; !err && i < command_argc(c); i++)
		put(got, sizeof(got), "%s%s", i ? "," : "",
		    argv[i] ? argv[i] : "-");
	if (!err)
		ck_assert_str_eq(got, want);
}

START_TEST(fills)
{
	static const struct command c = {
	    .name = "x",
	    .args = {{"a", COMMAND_WORD, COMMAND_MUST, "x", NULL},
		     {"n", COMMAND_COUNT, COMMAND_NAMED, "x", NULL},
		     {"b", COMMAND_WORD, COMMAND_MAY, "x", NULL},
		     {"s", COMMAND_SPAN, COMMAND_NAMED, "x", NULL}}};

	fill(&c, "1", 0, "1,-,-,-");
	fill(&c, "1 2", 0, "1,-,2,-");
	fill(&c, "n=3 1 s=4 2", 0, "1,3,2,4");
	fill(&c, "1 n=", 0, "1,,-,-");
	fill(&c, "b=1", 0, "b=1,-,-,-");
	fill(&c, "nn=1 =", 0, "nn=1,-,=,-");
	fill(&c, "1 2 3", EINVAL, NULL);
	fill(&c, "1 n=1 n=2", EINVAL, NULL);
	fill(&c, "n=1", EINVAL, NULL);
	fill(&c, "", EINVAL, NULL);
}
END_TEST

static const char *judge(enum command_type type, const char *value)
{
	const struct command c = {
	    .name = "x",
	    .args = {{"a", type, COMMAND_MAY, "x",
		      type == COMMAND_CHOICE ? "on off" : NULL}}};
	const char *argv[COMMAND_ARGS_MAX] = {value};
	size_t which = 9;
	const char *why = command_judge(&c, argv, &which);

	ck_assert(!why == (which == 9));

	return why;
}

START_TEST(judges)
{
	static const struct {
		enum command_type type;
		const char *good, *bad;
	} v[] = {
	    {COMMAND_WORD, "any=thing", ""},
	    {COMMAND_CALL, "7f3a", ""},
	    {COMMAND_ADDRESS, "192.0.2.1", "192.0.2"},
	    {COMMAND_ADDRESS, "2001:db8::1", "[2001:db8::1]"},
	    {COMMAND_COUNT, "1", "0"},
	    {COMMAND_COUNT, "999999999", "1000000000"},
	    {COMMAND_COUNT, "007", "-7"},
	    {COMMAND_COUNT, "12", "12x"},
	    {COMMAND_SPAN, "30s", "30"},
	    {COMMAND_SPAN, "10m", "m"},
	    {COMMAND_SPAN, "2h", "2hh"},
	    {COMMAND_SPAN, "99999d", "100000d"},
	    {COMMAND_SPAN, "1d", "0d"},
	    {COMMAND_CHOICE, "on", "o"},
	    {COMMAND_CHOICE, "off", "on off"},
	};
	char text[COMMAND_TEXT_MAX + 2];

	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		ck_assert_msg(!judge(v[i].type, v[i].good), "%s", v[i].good);
		ck_assert_msg(judge(v[i].type, v[i].bad) != NULL, "%s",
			      v[i].bad);
	}
	ck_assert_ptr_null(judge(COMMAND_WORD, NULL));
	memset(text, 'x', sizeof(text));
	text[COMMAND_TEXT_MAX] = '\0';
	ck_assert_ptr_null(judge(COMMAND_WORD, text));
	text[COMMAND_TEXT_MAX] = 'x';
	text[COMMAND_TEXT_MAX + 1] = '\0';
	ck_assert_ptr_nonnull(judge(COMMAND_WORD, text));
	ck_assert_str_eq(judge(COMMAND_CHOICE, "x"), "on off");
}
END_TEST

START_TEST(spans)
{
	ck_assert_uint_eq(command_span("45s"), 45);
	ck_assert_uint_eq(command_span("3m"), 180);
	ck_assert_uint_eq(command_span("2h"), 7200);
	ck_assert_uint_eq(command_span("99999d"), 99999UL * 86400);
	ck_assert_uint_eq(command_span(""), 0);
	ck_assert_uint_eq(command_span("5w"), 0);
}
END_TEST

START_TEST(choices)
{
	const struct command_arg a = {"a", COMMAND_CHOICE, COMMAND_MUST, "x",
				      "one two"},
				 none = {.name = "b"};
	const char *p;

	ck_assert_uint_eq(command_choice(&a, 0, &p), 3);
	ck_assert(!strncmp(p, "one", 3));
	ck_assert_uint_eq(command_choice(&a, 1, &p), 3);
	ck_assert(!strncmp(p, "two", 3));
	ck_assert_uint_eq(command_choice(&a, 2, &p), 0);
	ck_assert_uint_eq(command_choice(&none, 0, &p), 0);
}
END_TEST

START_TEST(nears)
{
	static const struct {
		const char *words[3], *want;
	} v[] = {
	    {{"stats"}, "status"},
	    {{"hangup", "7"}, "call hangup"},
	    {{"cal", "hangup"}, "call hangup"},
	    {{"call", "shw"}, "call show"},
	    {{"trunk"}, "trunks"},
	    {{"route", "try"}, "route test"},
	    {{"frobnicate"}, NULL},
	    {{"stauts", "now"}, "status"},
	};

	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		const char *near;
		size_t n = 0;

		while (n < 3 && v[i].words[n])
			n++;
		near = command_near(v[i].words, n);
		if (v[i].want)
			ck_assert_msg(near && !strcmp(near, v[i].want), "%s",
				      v[i].words[0]);
		else
			ck_assert_ptr_null(near);
	}
	ck_assert_ptr_null(command_near(NULL, 0));
}
END_TEST

START_TEST(nodes)
{
	char node[REMOTE_NODE_MAX];
	struct command c = {.name = "call hangup"};

	ck_assert(remote_node(node, &c));
	ck_assert_str_eq(node, "stoxd:call-hangup");
	c.output = COMMAND_FILE;
	ck_assert(!remote_node(node, &c));
}
END_TEST

/* More words than places, and words of every byte. */
START_TEST(lines)
{
	struct line *l;
	char text[2048] = "";

	ck_assert_int_eq(line_parse(&l, "  json   call   show  a%20b%25 "), 0);
	ck_assert(l->json);
	ck_assert_str_eq(l->command->name, "call show");
	ck_assert_str_eq(l->argv[0], "a b%");
	mem_deref(l);

	ck_assert_int_eq(line_parse(&l, "call json"), 0);
	ck_assert(!l->json && !l->command);
	mem_deref(l);

	for (unsigned i = 0; i < LINE_WORDS_MAX + 1; i++)
		put(text, sizeof(text), "w ");
	ck_assert_int_eq(line_parse(&l, text), 0);
	ck_assert_str_eq(l->why, "too many words");
	mem_deref(l);

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	ck_assert_int_eq(line_parse(&l, text), 0);
	ck_assert_str_eq(l->why, "no such command");
	mem_deref(l);

	for (const char *bad = "%,%0,%g0,%0g,%00"; *bad;) {
		char word[8] = "";
		const size_t n = strcspn(bad, ",");

		memcpy(word, bad, n);
		ck_assert_int_eq(line_parse(&l, word), 0);
		ck_assert_str_eq(l->why, "a percent sign is written %25");
		mem_deref(l);
		bad += n + (bad[n] == ',');
	}

	ck_assert_int_eq(line_parse(&l, "%1b[31m"), 0);
	ck_assert_str_eq(l->why, "?[31m: no such command; \"help\" lists "
				 "them");
	mem_deref(l);
}
END_TEST

/* What is longer than a cell is cut, between characters; it is not gone. */
START_TEST(cells_are_cut)
{
	char text[2 * ROWS_CELL_MAX + 8] = "x", cell[ROWS_CELL_MAX];
	json_t *row;

	for (size_t i = 0; i < ROWS_CELL_MAX; i++)
		strcat(text, "\xc3\xa4");
	for (size_t skip = 0; skip < 2; skip++) {
		const size_t len = ROWS_CELL_MAX - 1 - skip;

		row = json_pack("{s:s}", "key", text + skip);
		ck_assert_ptr_nonnull(row);
		rows_cell(cell, sizeof(cell), row, "key");
		ck_assert_uint_eq(strlen(cell), len);
		ck_assert_int_eq(memcmp(cell, text + skip, len), 0);
		json_decref(row);
	}

	row = json_pack("{s:s}", "key", "\x1b[31m");
	rows_cell(cell, sizeof(cell), row, "key");
	ck_assert_str_eq(cell, "\\x1b[31m");
	json_decref(row);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("table");

	tcase_add_test(tc, rows);
	tcase_add_test(tc, rows_are_whole);
	tcase_add_test(tc, usage);
	tcase_add_test(tc, fills);
	tcase_add_test(tc, judges);
	tcase_add_test(tc, spans);
	tcase_add_test(tc, choices);
	tcase_add_test(tc, nears);
	tcase_add_test(tc, nodes);
	tcase_add_test(tc, lines);
	tcase_add_test(tc, cells_are_cut);

	return suite_run("admin table", tc);
}
