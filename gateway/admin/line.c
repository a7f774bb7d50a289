/* line.c: a request as the control socket takes it. */
#include "admin/line.h"
#include <ctype.h>
#include <errno.h>
#include <string.h>
#include "base/compat.h"

#ifndef PLANT
#define PLANT 0
#endif

enum { SAID_MAX = 100 /* bytes of a word that is repeated */ };

static void line_destructor(void *arg)
{
	struct line *l = arg;

	for (size_t i = 0; i < l->n; i++)
		mem_deref(l->v[i]);
}

void line_clean(char *word)
{
	for (; *word; word++) {
		if ((unsigned char)*word < ' ' || *word == 0x7f)
			*word = '?';
	}
}

/* %XX in place; EBADMSG: none, or a zero. */
static int word_decode(char *word)
{
	char *to = word;

	for (; *word; word++) {
		if (*word != '%') {
			*to++ = *word;
			continue;
		}
		if (PLANT != 2 && (!isxdigit((unsigned char)word[1]) ||
				   !isxdigit((unsigned char)word[2])))
			return EBADMSG;
		*to = (char)(ch_hex(word[1]) << 4 | ch_hex(word[2]));
		if (!*to++ && PLANT != 3)
			return EBADMSG;
		word += 2;
	}
	*to = '\0';

	return 0;
}

static int line_split(struct line *l, const char *text)
{
	struct pl rest, word;
	int err;

	pl_set_str(&rest, text);
	while (!re_regex(rest.p, rest.l, "[^ ]+", &word)) {
		pl_advance(&rest, word.p + word.l - rest.p);
		if (!l->n && !l->json && !pl_strcmp(&word, "json")) {
			l->json = true;
			continue;
		}
		if (l->n == LINE_WORDS_MAX && PLANT != 1)
			return E2BIG;
		err = pl_strdup(&l->v[l->n], &word);
		if (err)
			return err;
		err = word_decode(l->v[l->n++]);
		if (err)
			return err;
	}

	return 0;
}

/* The second words of the commands that begin with this one. */
static size_t group_say(char *buf, size_t size, const char *word)
{
	const size_t len = strlen(word);
	size_t n = 0;

	(void)re_snprintf(buf, size, "%s: with one of", word);
	for (size_t i = 0; i < command_count; i++) {
		const char *name = command_table[i].name;
		const size_t at = strlen(buf);

		if (strncmp(name, word, len) || name[len] != ' ')
			continue;
		(void)re_snprintf(buf + at, size - at, "%s %s", n++ ? "," : "",
				  name + len + 1);
	}

	return n;
}

static void unknown(struct line *l)
{
	const char *near = command_near((const char *const *)l->v, l->n);
	const size_t size = sizeof(l->why);

	if (!l->n) {
		str_ncpy(l->why, "no command; \"help\" lists them", size);
		return;
	}

	line_clean(l->v[0]);
	if (strlen(l->v[0]) > SAID_MAX)
		str_ncpy(l->why, "no such command", size);
	else if (l->n == 1 && group_say(l->why, size, l->v[0]) > 1)
		return;
	else if (near)
		(void)re_snprintf(l->why, size,
				  "%s: no such command; did you mean \"%s\"?",
				  l->v[0], near);
	else
		(void)re_snprintf(l->why, size,
				  "%s: no such command; \"help\" lists them",
				  l->v[0]);
}

static void find(struct line *l)
{
	const char *const *v = (const char *const *)l->v;
	const struct command *c;
	char usage[256];
	size_t used;

	c = command_find(v, l->n, &used);
	if (!c) {
		unknown(l);
	} else if (command_fill(l->argv, c, v + used, l->n - used)) {
		command_usage(usage, sizeof(usage), c);
		(void)re_snprintf(l->why, sizeof(l->why), "usage: %s", usage);
	} else {
		l->command = c;
	}
}

int line_parse(struct line **lp, const char *text)
{
	struct line *l = mem_zalloc(sizeof(*l), line_destructor);
	int err;

	if (!l)
		return ENOMEM;

	err = line_split(l, text);
	if (err == ENOMEM) {
		mem_deref(l);
		return err;
	}

	if (err == E2BIG)
		str_ncpy(l->why, "too many words", sizeof(l->why));
	else if (err)
		str_ncpy(l->why, "a percent sign is written %25",
			 sizeof(l->why));
	else
		find(l);
	*lp = l;

	return 0;
}
