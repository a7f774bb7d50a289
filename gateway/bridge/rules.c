/* rules.c: the lines of [route]: read, and matched. */
#include <errno.h>
#include <string.h>
#include "bridge/acl.h"
#include "bridge/users.h"
#include "bridge/rules.h"

enum { STEPS_MAX = 100000 }; /* of glob matching, so that '*'s cannot hurt */

static void rule_destructor(void *arg)
{
	struct rule *r = arg;

	list_unlink(&r->le);
	mem_deref(r->from);
	mem_deref(r->to);
	mem_deref(r->via);
	mem_deref(r->as);
}

static void route_destructor(void *arg)
{
	struct route *r = arg;

	list_flush(&r->rules);
	mem_deref(r->acl);
	mem_deref(r->users);
	mem_deref(r->held);
}

/* '*' matches any run, also an empty one. */
bool rule_glob(const char *pat, const char *s)
{
	const char *mark = NULL, *from = NULL;
	unsigned steps = 0;

	while (*s) {
		if (++steps > STEPS_MAX)
			return false;
		if (*pat == '*') {
			mark = ++pat;
			from = s;
		} else if (*pat == *s) {
			++pat;
			++s;
		} else if (mark) {
			pat = mark;
			s = ++from;
		} else {
			return false;
		}
	}

	while (*pat == '*')
		++pat;

	return !*pat;
}

/* What the first '*' of a pattern stood for in text that matched. */
void rule_glob_star(struct pl *star, const char *pat, const char *s)
{
	const char *p = strchr(pat, '*');
	size_t head, tail, len = strlen(s);

	pl_set_str(star, s);
	if (!p)
		return;

	head = (size_t)(p - pat);
	tail = strlen(p + 1);
	if (!strchr(p + 1, '*') && head + tail <= len) {
		star->p += head;
		star->l -= head + tail;
	}
}

/* "example.com" stands for everybody there. */
bool rule_jid_matches(const char *pattern, const char *bare)
{
	const char *at = strchr(bare, '@');

	if (!strchr(pattern, '@') && strcmp(pattern, "*"))
		return rule_glob(pattern, at ? at + 1 : bare);

	return rule_glob(pattern, bare);
}

static int problem(struct re_printf *pf, const struct config *conf,
		   const struct config_route *cr, const char *what)
{
	(void)re_hprintf(
	    pf,
	    "%s:%d: [route] %s: %s, got \"%s\"; write \"from WHO "
	    "to WHOM via TRUNK\", \"from trunk:TRUNK to NUMBER via "
	    "xmpp:JID\" or \"from WHO to WHOM deny\"\n",
	    conf->file, cr->line, cr->name, what, cr->text);

	return EBADMSG;
}

static int word(char **dp, struct pl *rest)
{
	struct pl w;

	if (re_regex(rest->p, rest->l, "[^ \t]+", &w))
		return ENOENT;

	pl_advance(rest, w.p + w.l - rest->p);

	return pl_strdup(dp, &w);
}

static bool keyword(struct pl *rest, const char *want)
{
	struct pl save = *rest;
	char *w = NULL;
	bool ok = !word(&w, rest) && !strcmp(w, want);

	mem_deref(w);
	if (!ok)
		*rest = save;

	return ok;
}

static int compile(struct rule *r, const struct config *conf,
		   const struct config_route *cr, struct re_printf *pf)
{
	struct pl rest;
	char *end = NULL;

	r->conf = cr;
	pl_set_str(&rest, cr->text);
	if (!keyword(&rest, "from") || word(&r->from, &rest))
		return problem(pf, conf, cr, "expected \"from WHO\"");
	if (!keyword(&rest, "to") || word(&r->to, &rest))
		return problem(pf, conf, cr, "expected \"to WHOM\"");

	if (keyword(&rest, "deny"))
		r->deny = true;
	else if (!keyword(&rest, "via") || word(&r->via, &rest))
		return problem(pf, conf, cr, "expected \"via\" or \"deny\"");
	if (keyword(&rest, "as") && word(&r->as, &rest))
		return problem(pf, conf, cr, "expected \"as USER\"");
	if (!word(&end, &rest)) {
		mem_deref(end);
		return problem(pf, conf, cr, "too many words");
	}

	if (!strncmp(r->from, "trunk:", 6)) {
		r->inbound = true;
		memmove(r->from, r->from + 6, strlen(r->from + 6) + 1);
		if (strcmp(r->from, "*") && !config_trunk_find(conf, r->from))
			return problem(pf, conf, cr, "no such trunk");
		if (!r->deny && strncmp(r->via, "xmpp:", 5))
			return problem(pf, conf, cr, "expected \"xmpp:JID\"");
		if (!r->deny && strchr(r->via, '*') != strrchr(r->via, '*'))
			return problem(pf, conf, cr, "one '*' at most in via");
	} else if (!r->deny && !config_trunk_find(conf, r->via)) {
		return problem(pf, conf, cr, "no such trunk");
	}

	return 0;
}

int route_alloc(struct route **rp, const struct config *conf,
		struct re_printf *pf)
{
	struct route *r;
	int err = 0;

	r = mem_zalloc(sizeof(*r), route_destructor);
	if (!r)
		return ENOMEM;

	/* not what is in force, which will change */
	r->held = config_hold(conf);
	if (r->held)
		conf = r->held;
	r->conf = conf;
	err = acl_alloc(&r->acl, conf, pf);
	if (err != ENOMEM) {
		int e = users_alloc(&r->users, conf, pf);

		err = e ? e : err;
	}
	for (size_t i = 0; err != ENOMEM && i < conf->routec; i++) {
		struct rule *rule = mem_zalloc(sizeof(*rule), rule_destructor);

		if (!rule) {
			err = ENOMEM;
			break;
		}
		list_append(&r->rules, &rule->le, rule);
		if (compile(rule, conf, &conf->route[i], pf))
			err = EBADMSG;
	}

	if (err)
		mem_deref(r);
	else
		*rp = r;

	return err;
}

static void swap(void *ap, void *bp)
{
	void **a = ap, **b = bp, *c = *a;

	*a = *b;
	*b = c;
}

void route_replace(struct route *r, struct route *next)
{
	struct le *le;

	list_flush(&r->rules);
	while ((le = list_head(&next->rules))) {
		list_unlink(le);
		list_append(&r->rules, le, le->data);
	}
	swap(&r->acl, &next->acl);
	swap(&r->users, &next->users);
	swap(&r->held, &next->held);
	r->conf = next->conf;
	mem_deref(next);
}

int route_check(const struct config *conf, struct re_printf *pf)
{
	struct route *r = NULL;
	int err = route_alloc(&r, conf, pf);

	mem_deref(r);

	return err;
}
