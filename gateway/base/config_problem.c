/* config_problem.c: everything that is wrong with a file, told in one go. */
#include "config_int.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

enum { GOT_MAX = 60 }; /* bytes of offending text that are shown */

static int problem_text(char **textp, const struct config_parser *p, int line,
			const char *got, const char *mean, const char *msg)
{
	const struct config_where where = {p, line};
	char at[16] = "", more[4] = "", *tail = NULL;
	struct pl pl;
	int err;

	if (line)
		(void)re_snprintf(at, sizeof(at), ":%d", line);
	if (mean)
		err = re_sdprintf(&tail, "; did you mean %s?  See %H", mean,
				  config_manual_print, &where);
	else
		err = re_sdprintf(&tail, "; see %H", config_manual_print,
				  &where);
	if (err)
		return err;

	if (got) {
		uint32_t cp;
		size_t n;

		pl_set_str(&pl, got);
		for (n = 0; n < pl.l && n < GOT_MAX;) {
			size_t k = text_utf8_decode(&cp, pl.p + n, pl.l - n);

			n += k ? k : 1;
		}
		if (n < pl.l)
			(void)re_snprintf(more, sizeof(more), "..");
		pl.l = n;
		err = re_sdprintf(textp, "%s%s: %s, got \"%H%s\"%s", p->name,
				  at, msg, text_print_log, &pl, more, tail);
	} else {
		err = re_sdprintf(textp, "%s%s: %s%s", p->name, at, msg, tail);
	}
	mem_deref(tail);

	return err;
}

void config_problem(struct config_parser *p, int line, const char *got,
		    const char *mean, const char *fmt, ...)
{
	struct config_problem *pr;
	char *msg = NULL;
	va_list ap;
	int err;

	if (p->err)
		return;
	if (p->problemc >= CONFIG_PROBLEMS_MAX && PLANT != 3) {
		p->problemc++;
		return;
	}

	va_start(ap, fmt);
	err = re_vsdprintf(&msg, fmt, ap);
	va_end(ap);

	pr = &p->problems[p->problemc];
	if (!err)
		err = problem_text(&pr->text, p, line, got, mean, msg);
	mem_deref(msg);
	if (err) {
		p->err = err;
		return;
	}

	pr->line = line;
	pr->order = p->problemc++;
}

static int words_print(struct re_printf *pf, const struct config_word *w)
{
	const char *sep = " ";
	int err = 0;

	for (; w && w->name; w++) {
		if (w->value == CONFIG_LATER)
			continue;
		err |= re_hprintf(pf, "%s%s", sep, w->name);
		sep = ", ";
	}

	return err;
}

void config_value_problem(struct config_value *v, const char *got,
			  const char *why)
{
	struct config_parser *p = v->p;
	const struct config_key *key = v->key;

	if (v->err) {
		p->err = v->err;
		return;
	}
	if (!why[0])
		return;

	if (key->type == &config_type_number) {
		config_problem(p, p->line, got, NULL, "%s %s (%u to %u)",
			       key->name, why, key->min, key->max);
		return;
	}

	config_problem(p, p->line, key->type->secret ? NULL : got, v->mean,
		       "%s %s%H", key->name, why, words_print, key->words);
}

const char *config_value_bad(struct config_value *v, const struct pl *elem,
			     const char *why)
{
	char *got = NULL;

	if (!v->err && pl_strdup(&got, elem))
		v->err = ENOMEM;
	config_value_problem(v, got, why);
	v->mean = NULL;
	mem_deref(got);

	return "";
}

static int problem_compare(const void *a, const void *b)
{
	const struct config_problem *x = a, *y = b;

	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;

	return x->order < y->order ? -1 : x->order > y->order;
}

int config_problems_print(struct re_printf *pf, struct config_parser *p)
{
	size_t n = p->problemc < CONFIG_PROBLEMS_MAX ? p->problemc
						     : CONFIG_PROBLEMS_MAX;
	size_t i;

	if (n)
		qsort(p->problems, n, sizeof(*p->problems), problem_compare);

	for (i = 0; i < n; i++) {
		if (pf)
			(void)re_hprintf(pf, "%s\n", p->problems[i].text);
		mem_deref(p->problems[i].text);
	}
	if (pf && p->problemc > n) {
		(void)re_hprintf(pf, "%s: and %zu more\n", p->name,
				 p->problemc - n);
	}

	return n ? EBADMSG : 0;
}
