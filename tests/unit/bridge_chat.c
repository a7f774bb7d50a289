/* bridge_chat.c: what messages say, row by row of tests/data/chat_*.txt. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../unit/jinglehelp.h"
#include "bridge/cache.h"
#include "bridge/chatwords.h"
#include "suite.h"

enum { LINE = 1024, NOW = 1795352400 /* 2026-11-22T13:00:00Z */ };

struct row {
	char line[LINE];
	char *left, *right; /* around " |" */
};

static bool next_row(FILE *f, struct row *r)
{
	char *bar;

	do {
		if (!fgets(r->line, sizeof(r->line), f))
			return false;
		r->line[strcspn(r->line, "\n")] = '\0';
	} while (r->line[0] == '#' || !(bar = strstr(r->line, " |")));

	*bar = '\0';
	r->left = r->line;
	r->right = bar + 2 + (bar[2] == ' ');

	return true;
}

static FILE *open_data(const char *name)
{
	FILE *f = fopen(name, "r");

	ck_assert_msg(f != NULL, "%s is missing", name);

	return f;
}

static void word(struct mbuf *mb, const char *name, const char *value)
{
	if (value)
		(void)mbuf_printf(mb, "%s%s=%s", mb->end ? " " : "", name,
				  value);
}

/* The words in the order of the data file. */
static char *said(const struct chatwords *w)
{
	struct mbuf *mb = mbuf_alloc(256);
	char *text = NULL, state[8];

	word(mb, "refuse", w->refuse ? cond_name(w->refuse) : NULL);
	word(mb, "body", w->body);
	word(mb, "subject", w->subject);
	word(mb, "thread", w->thread);
	word(mb, "lang", w->lang);
	word(mb, "nick", w->nick);
	word(mb, "received", w->received);
	word(mb, "displayed", w->displayed);
	if (w->receipt)
		(void)mbuf_write_str(mb, " receipt");
	if (w->markable)
		(void)mbuf_write_str(mb, " markable");
	(void)snprintf(state, sizeof(state), "%d", (int)w->state);
	word(mb, "state", w->state ? state : NULL);
	mb->pos = 0;
	ck_assert_int_eq(mbuf_strdup(mb, &text, mb->end), 0);
	mem_deref(mb);

	return text;
}

START_TEST(words)
{
	FILE *f = open_data("tests/data/chat_words.txt");
	static const char mark[] = "reactions:";
	unsigned rows = 0;
	struct row r;

	while (next_row(f, &r)) {
		const bool yes = !strncmp(r.left, mark, sizeof(mark) - 1);
		const struct config_chat conf = {.reactions = yes};
		struct chatwords w;
		struct stanza *st;
		char xml[LINE + 40], *text;

		(void)snprintf(xml, sizeof(xml), "<message>%s</message>",
			       r.left + (yes ? sizeof(mark) - 1 : 0));
		st = help_parse(xml, strlen(xml));
		ck_assert_msg(st != NULL, "%s", xml);
		ck_assert_int_eq(chatwords_decode(&w, st, &conf, NOW), 0);
		text = said(&w);
		ck_assert_msg(!strcmp(text, r.right), "%s: \"%s\"", r.left,
			      text);
		if (w.refuse)
			ck_assert_str_eq(w.why, "unencrypted messages only");
		mem_deref(text);
		chatwords_clear(&w);
		stanza_free(st);
		++rows;
	}

	ck_assert_uint_gt(rows, 40);
	fclose(f);
}
END_TEST

START_TEST(lang_of_stanza)
{
	static const char xml[] =
	    "<message xml:lang='en'><body xml:lang='de'>g</body>"
	    "<body xml:lang='EN'>e</body></message>";
	const struct config_chat conf = {0};
	struct stanza *st = help_parse(xml, strlen(xml));
	struct chatwords w;

	ck_assert_int_eq(chatwords_decode(&w, st, &conf, NOW), 0);
	ck_assert_str_eq(w.body, "e");
	ck_assert_str_eq(w.lang, "EN");
	chatwords_clear(&w);
	stanza_free(st);
}
END_TEST

START_TEST(composing)
{
	FILE *f = open_data("tests/data/chat_composing.txt");
	char line[LINE];
	int state, want;
	unsigned rows = 0;

	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%d %d", &state, &want) != 2)
			continue;
		ck_assert_int_eq(chatwords_composing((enum chat_state)state),
				 want);
		++rows;
	}
	ck_assert_uint_eq(rows, STATE_GONE + 1);
	ck_assert_int_eq(chatwords_composing((enum chat_state)99), -1);
	fclose(f);
}
END_TEST

START_TEST(html)
{
	FILE *f = open_data("tests/data/chat_html.txt");
	struct row r;

	while (next_row(f, &r)) {
		char want[LINE], *text, *p = want;
		struct pl pl;

		for (const char *s = r.right; *s; s++) {
			if (s[0] == '\\' && s[1] == 'n') {
				*p++ = '\n';
				++s;
			} else {
				*p++ = *s;
			}
		}
		*p = '\0';
		pl_set_str(&pl, r.left);
		ck_assert_int_eq(chatwords_flatten(&text, &pl), 0);
		ck_assert_msg(!strcmp(text, want), "%s: \"%s\"", r.left, text);
		mem_deref(text);
	}
	fclose(f);
}
END_TEST

START_TEST(times)
{
	FILE *f = open_data("tests/data/chat_times.txt");
	char line[LINE], text[80], want[40], back[40];

	while (fgets(line, sizeof(line), f)) {
		struct pl pl;
		int64_t t = -1;
		int err;

		if (line[0] == '#' ||
		    sscanf(line, "%79s %39s", text, want) != 2)
			continue;
		pl_set_str(&pl, text);
		err = chatwords_time(&t, &pl);
		ck_assert_msg(err == (want[0] == '-' ? EBADMSG : 0), "%s",
			      text);
		if (err)
			continue;
		ck_assert_msg(t == strtoll(want, NULL, 10), "%s: %lld", text,
			      (long long)t);
		(void)re_snprintf(back, sizeof(back), "%H",
				  chatwords_time_print, &t);
		pl_set_str(&pl, back);
		ck_assert_int_eq(chatwords_time(&t, &pl), 0);
		ck_assert_int_eq(t, strtoll(want, NULL, 10));
	}
	fclose(f);
}
END_TEST

START_TEST(charsets)
{
	static const struct {
		const char *charset, *body, *want;
		int err;
	} v[] = {
	    {"", "\xc3\xa9", "\xc3\xa9", 0},
	    {"UTF-8", "a\r\nb\rc\nd", "a\nb\nc\nd", 0},
	    {"utf8", "x", "x", 0},
	    {"US-ASCII", "x", "x", 0},
	    {"ISO-8859-1", "caf\xe9\r\n", "caf\xc3\xa9\n", 0},
	    {"latin1", "\xff", "\xc3\xbf", 0},
	    {"utf-8", "\xff", NULL, EBADMSG},
	    {"utf-16", "x", NULL, ENOTSUP},
	    {"", "", "", 0},
	};

	for (size_t i = 0; i < ARRAY_SIZE(v); i++) {
		struct pl body, charset;
		char *text = NULL;

		pl_set_str(&body, v[i].body);
		pl_set_str(&charset, v[i].charset);
		ck_assert_int_eq(chatwords_text(&text, &body, &charset),
				 v[i].err);
		if (v[i].want)
			ck_assert_str_eq(text, v[i].want);
		mem_deref(text);
	}
}
END_TEST

START_TEST(langs)
{
	static const struct {
		const char *in, *out;
	} v[] = {
	    {"en", "en"},	{"en-GB, de", "en-GB"},
	    {" de ", "de"},	{"x\ny", NULL},
	    {"", NULL},		{"<b>", NULL},
	    {"en;q=0.5", NULL}, {",", NULL},
	};

	for (size_t i = 0; i < ARRAY_SIZE(v); i++) {
		char *lang = NULL;
		struct pl pl;

		pl_set_str(&pl, v[i].in);
		ck_assert_int_eq(chatwords_lang(&lang, &pl), 0);
		if (v[i].out)
			ck_assert_str_eq(lang, v[i].out);
		else
			ck_assert_ptr_null(lang);
		mem_deref(lang);
	}
}
END_TEST

START_TEST(parts)
{
	static const char text[] = "one two \xc3\xa9\xe2\x82\xac four";
	const size_t len = strlen(text);

	ck_assert_uint_eq(chatwords_part(text, len, len), len);
	ck_assert_uint_eq(chatwords_part(text, len, 9), 8);
	ck_assert_uint_eq(chatwords_part(text, len, 7), 4);
	ck_assert_uint_eq(chatwords_part("abcdefgh", 8, 3), 3);
	ck_assert_uint_eq(chatwords_part("\xc3\xa9\xc3\xa9", 4, 3), 2);
	ck_assert_uint_eq(chatwords_part("\xe2\x82\xac", 3, 2), 0);
	for (size_t room = 4; room < len; room++) {
		size_t at = 0;

		while (at < len) {
			const size_t n =
			    chatwords_part(text + at, len - at, room);

			ck_assert_uint_gt(n, 0);
			ck_assert_uint_le(n, room);
			ck_assert((text[at] & 0xc0) != 0x80);
			at += n;
		}
		ck_assert_uint_eq(at, len);
	}
}
END_TEST

struct thing {
	struct cached item;
	int n;
};

static void thing_destructor(void *arg)
{
	struct thing *t = arg;

	cached_destruct(&t->item);
}

static void put(struct cache *c, const char *key, int n)
{
	struct thing *t = mem_zalloc(sizeof(*t), thing_destructor);

	t->n = n;
	ck_assert_int_eq(cache_add(c, &t->item, key), 0);
}

START_TEST(cache_forgets_the_least_used)
{
	const struct thing *t;
	struct cache *c;

	ck_assert_int_eq(cache_alloc(&c, 4, 1000), 0);
	put(c, "a", 1);
	put(c, "b", 2);
	put(c, "c", 3);
	put(c, "d", 4);
	t = cache_find(c, "a");
	ck_assert_int_eq(t->n, 1);
	put(c, "e", 5);
	ck_assert_ptr_null(cache_find(c, "b"));
	ck_assert_ptr_nonnull(cache_find(c, "a"));
	put(c, "a", 6);
	t = cache_find(c, "a");
	ck_assert_int_eq(t->n, 6);
	ck_assert_uint_eq(cache_count(c), 4);
	mem_deref(c);

	ck_assert_int_eq(cache_alloc(&c, 4, 0), 0);
	put(c, "a", 1);
	sys_msleep(5);
	ck_assert_ptr_null(cache_find(c, "a"));
	mem_deref(c);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("chat");

	tcase_add_test(tc, words);
	tcase_add_test(tc, lang_of_stanza);
	tcase_add_test(tc, composing);
	tcase_add_test(tc, html);
	tcase_add_test(tc, times);
	tcase_add_test(tc, charsets);
	tcase_add_test(tc, langs);
	tcase_add_test(tc, parts);
	tcase_add_test(tc, cache_forgets_the_least_used);

	return suite_run("bridge_chat", tc);
}
