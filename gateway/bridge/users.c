/* users.c: which numbers users have, as the operator says. */
#include "bridge/users.h"
#include <errno.h>
#include <string.h>
#include "bridge/rules.h"
#include "xmpp/jid.h"

enum { NUMBERS_MAX = 64 }; /* of a line */

struct line {
	struct le le;
	char *jid; /* pattern, prepared where it has no '*' */
	char *numbers[NUMBERS_MAX];
	size_t numberc;
};

struct users {
	struct list lines;
	char *dflt; /* NULL: none */
};

static void line_destructor(void *arg)
{
	struct line *l = arg;

	list_unlink(&l->le);
	mem_deref(l->jid);
	for (size_t i = 0; i < l->numberc; i++)
		mem_deref(l->numbers[i]);
}

static void destructor(void *arg)
{
	struct users *u = arg;

	list_flush(&u->lines);
	mem_deref(u->dflt);
}

static int problem(struct re_printf *pf, const struct config *conf,
		   const struct config_route *cr, const char *what)
{
	(void)re_hprintf(pf,
			 "%s:%d: [users] %s: %s, got \"%s\"; write \"JID = "
			 "NUMBERS\" or \"default = JID\"\n",
			 conf->file, cr->line, cr->name, what, cr->text);

	return EBADMSG;
}

static unsigned stars(const char *s)
{
	unsigned n = 0;

	for (; *s; s++)
		n += *s == '*';

	return n;
}

/* Where users are: one of the domains that are served. */
static bool is_served(const struct config *conf, const char *jid)
{
	const char *at = strchr(jid, '@');

	if (conf->xmppc && !conf->xmpp->domainc)
		return true; /* that is told already */
	for (size_t i = 0; at && i < conf->xmppc; i++) {
		if (config_serves(&conf->xmpp[i], at + 1))
			return true;
	}

	return false;
}

static const char *jid_read(char **jp, const struct config *conf,
			    const char *text)
{
	if (strchr(text, '*'))
		return str_dup(jp, text) ? "no memory is left" : NULL;
	if (!strchr(text, '@') || jid_bare(jp, text))
		return "is no bare JID";

	return is_served(conf, *jp) ? NULL : "is of no domain in \"domains\"";
}

static const char *numbers_read(struct line *l, const char *text)
{
	struct pl rest, w;

	pl_set_str(&rest, text);
	while (!re_regex(rest.p, rest.l, "[^, \t]+", &w)) {
		if (l->numberc >= NUMBERS_MAX)
			return "has more than 64 numbers";
		if (pl_strdup(&l->numbers[l->numberc], &w))
			return "no memory is left";
		pl_advance(&rest, w.p + w.l - rest.p);
		if (stars(l->numbers[l->numberc++]) != stars(l->jid))
			return "needs one * in the JID and in each number, or "
			       "none";
	}

	return l->numberc ? NULL : "has no number";
}

static int line_add(struct users *u, const struct config *conf,
		    const struct config_route *cr, struct re_printf *pf)
{
	const char *why;
	struct line *l;

	if (!strcmp(cr->name, "default")) {
		why = jid_read(&u->dflt, conf, cr->text);
		if (!why && strchr(u->dflt, '*'))
			why = "must be one user";
		return why ? problem(pf, conf, cr, why) : 0;
	}

	l = mem_zalloc(sizeof(*l), line_destructor);
	if (!l)
		return ENOMEM;

	list_append(&u->lines, &l->le, l);
	why = jid_read(&l->jid, conf, cr->name);
	if (!why && stars(l->jid) > 1)
		why = "has more than one *";
	if (!why)
		why = numbers_read(l, cr->text);

	return why ? problem(pf, conf, cr, why) : 0;
}

int users_alloc(struct users **up, const struct config *conf,
		struct re_printf *pf)
{
	struct users *u = mem_zalloc(sizeof(*u), destructor);
	int err = 0;

	if (!u)
		return ENOMEM;

	for (size_t i = 0; i < conf->userc && err != ENOMEM; i++) {
		int e = line_add(u, conf, &conf->users[i], pf);

		err = e ? e : err;
	}
	if (err)
		mem_deref(u);
	else
		*up = u;

	return err;
}

/* The pattern with what the star of another stood for in text. */
static int transfer(char **dp, const char *to, const char *from,
		    const char *text)
{
	const char *s = strchr(to, '*');
	struct pl star;

	if (!s)
		return str_dup(dp, to);

	rule_glob_star(&star, from, text);

	return re_sdprintf(dp, "%b%r%s", to, (size_t)(s - to), &star, s + 1);
}

int users_number(char **np, const struct users *u, const char *user)
{
	struct le *le;

	for (le = u ? u->lines.head : NULL; le; le = le->next) {
		const struct line *l = le->data;

		if (rule_glob(l->jid, user))
			return transfer(np, l->numbers[0], l->jid, user);
	}

	return ENOENT;
}

static int bare(char **jp, char *text)
{
	int err = jid_bare(jp, text);

	mem_deref(text);

	return err ? ENOENT : 0;
}

int users_jid(char **jp, const struct users *u, const char *number)
{
	char *text = NULL;
	struct le *le;

	for (le = u ? u->lines.head : NULL; le; le = le->next) {
		const struct line *l = le->data;

		for (size_t i = 0; i < l->numberc; i++) {
			if (!rule_glob(l->numbers[i], number))
				continue;
			if (transfer(&text, l->jid, l->numbers[i], number))
				return ENOMEM;
			if (!bare(jp, text)) /* '*' may be nothing */
				return 0;
		}
	}
	if (!u || !u->dflt || number[strspn(number, "+0123456789*#")])
		return ENOENT;

	return str_dup(jp, u->dflt);
}
