/* acl.c: lists of users and of destinations. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "bridge/acl.h"
#include "bridge/rules.h"

enum {
	LINES_MAX = 100000,   /* of a users_file */
	LINE_MAX_SIZE = 1024, /* bytes */
};

struct people { /* of a trunk's users_file */
	struct le le;
	const struct config_trunk *trunk; /* not referenced */
	struct list names;		  /* of struct name */
};

struct name {
	struct le le;
	char text[];
};

struct acl {
	const struct config *conf; /* not referenced */
	struct list people;
};

static void name_destructor(void *arg)
{
	struct name *n = arg;

	list_unlink(&n->le);
}

static void people_destructor(void *arg)
{
	struct people *p = arg;

	list_unlink(&p->le);
	list_flush(&p->names);
}

static void acl_destructor(void *arg)
{
	struct acl *a = arg;

	list_flush(&a->people);
}

static int name_add(struct people *p, const char *text, size_t len)
{
	struct name *n = mem_zalloc(sizeof(*n) + len + 1, name_destructor);

	if (!n)
		return ENOMEM;

	memcpy(n->text, text, len);
	list_append(&p->names, &n->le, n);

	return 0;
}

/* A user or domain a line, '#' begins a comment. */
static int lines_read(struct people *p, FILE *f)
{
	char line[LINE_MAX_SIZE];
	unsigned n = 0;
	int err = 0;

	while (!err && fgets(line, sizeof(line), f)) {
		const char *s = line + strspn(line, " \t");
		size_t len = strcspn(s, " \t\r\n#");

		if (++n > LINES_MAX || (!strchr(line, '\n') && !feof(f)))
			return E2BIG;
		if (len)
			err = name_add(p, s, len);
	}

	return err ? err : ferror(f) ? EIO : 0;
}

static int people_read(struct acl *a, const struct config_trunk *t,
		       struct re_printf *pf)
{
	struct people *p;
	FILE *f;
	int err;

	p = mem_zalloc(sizeof(*p), people_destructor);
	if (!p)
		return ENOMEM;
	p->trunk = t;
	list_append(&a->people, &p->le, p);

	f = fopen(t->may_file, "re");
	err = f ? lines_read(p, f) : errno;
	if (f)
		(void)fclose(f);
	if (err)
		(void)re_hprintf(pf, "%s:%d: [trunk %s] users_file %s: %m\n",
				 a->conf->file, t->line, t->name, t->may_file,
				 err);

	return err ? EBADMSG : 0;
}

static const struct config_route *class_find(const struct config *c,
					     const char *name)
{
	for (size_t i = 0; i < c->classc; i++) {
		if (!strcmp(c->class[i].name, name))
			return &c->class[i];
	}

	return NULL;
}

static bool list_next(struct pl *elem, struct pl *rest)
{
	if (re_regex(rest->p, rest->l, "[^, \t]+", elem))
		return false;

	pl_advance(rest, elem->p + elem->l - rest->p);

	return true;
}

static int class_check(const struct config *c, const struct config_route *cl,
		       struct re_printf *pf)
{
	static const char ok[] = "+0123456789*#";
	struct pl rest, elem;
	int err = 0;

	pl_set_str(&rest, cl->text);
	while (list_next(&elem, &rest)) {
		size_t i = *elem.p == '+';

		while (i < elem.l && strchr(ok + 1, elem.p[i]))
			++i;
		if (i == elem.l && elem.p[i - 1] != '+')
			continue;
		(void)re_hprintf(pf,
				 "%s:%d: [class] %s: \"%r\" is no prefix of "
				 "numbers\n",
				 c->file, cl->line, cl->name, &elem);
		err = EBADMSG;
	}

	return err;
}

static int dests_check(const struct config *c, const char *what,
		       const char *name, int line, char *const *v, size_t n,
		       struct re_printf *pf)
{
	int err = 0;

	for (size_t i = 0; i < n; i++) {
		if (v[i][0] != '@' || !strcmp(v[i], "@short") ||
		    !strcmp(v[i], "@name") || class_find(c, v[i] + 1))
			continue;
		(void)re_hprintf(pf,
				 "%s:%d: [%s %s]: no class \"%s\" in "
				 "[class]\n",
				 c->file, line, what, name, v[i] + 1);
		err = EBADMSG;
	}

	return err;
}

static int emergency_check(const struct config *c,
			   const struct config_route *e, struct re_printf *pf)
{
	if (e->name[strspn(e->name, "0123456789*#+")]) {
		(void)re_hprintf(pf,
				 "%s:%d: [emergency]: \"%s\" is no "
				 "number\n",
				 c->file, e->line, e->name);
		return EBADMSG;
	}
	if (!config_trunk_find(c, e->text)) {
		(void)re_hprintf(pf,
				 "%s:%d: [emergency] %s: no such trunk, got "
				 "\"%s\"; write \"NUMBER = TRUNK\"\n",
				 c->file, e->line, e->name, e->text);
		return EBADMSG;
	}

	return 0;
}

static int plan_check(const struct config *c, const struct config_plan *p,
		      struct re_printf *pf)
{
	int err = 0;

	for (size_t i = 0; i < p->trunkc; i++) {
		if (config_trunk_find(c, p->trunks[i]))
			continue;
		(void)re_hprintf(pf,
				 "%s:%d: [plan %s]: no such trunk, got "
				 "\"%s\"\n",
				 c->file, p->line, p->name, p->trunks[i]);
		err = EBADMSG;
	}
	err |= dests_check(c, "plan", p->name, p->line, p->dests.allow,
			   p->dests.allowc, pf);
	err |= dests_check(c, "plan", p->name, p->line, p->dests.deny,
			   p->dests.denyc, pf);

	return err;
}

int acl_alloc(struct acl **ap, const struct config *conf, struct re_printf *pf)
{
	struct acl *a;
	int err = 0;

	a = mem_zalloc(sizeof(*a), acl_destructor);
	if (!a)
		return ENOMEM;

	a->conf = conf;
	for (size_t i = 0; i < conf->classc; i++)
		err |= class_check(conf, &conf->class[i], pf);
	for (size_t i = 0; i < conf->emergencyc; i++)
		err |= emergency_check(conf, &conf->emergency[i], pf);
	for (size_t i = 0; i < conf->planc; i++)
		err |= plan_check(conf, &conf->plan[i], pf);
	for (size_t i = 0; i < conf->trunkc; i++) {
		const struct config_trunk *t = &conf->trunk[i];

		err |= dests_check(conf, "trunk", t->name, t->line,
				   t->dests.allow, t->dests.allowc, pf);
		err |= dests_check(conf, "trunk", t->name, t->line,
				   t->dests.deny, t->dests.denyc, pf);
		if (t->may_file)
			err |= people_read(a, t, pf);
	}

	if (err)
		mem_deref(a);
	else
		*ap = a;

	return err ? EBADMSG : 0;
}

static bool names_have(char *const *v, size_t n, const char *bare)
{
	for (size_t i = 0; i < n; i++) {
		if (rule_jid_matches(v[i], bare))
			return true;
	}

	return false;
}

const struct config_plan *acl_plan(const struct acl *a, const char *bare)
{
	for (size_t i = 0; bare && i < a->conf->planc; i++) {
		const struct config_plan *p = &a->conf->plan[i];

		if (names_have(p->who, p->whoc, bare))
			return p;
	}

	return NULL;
}

const struct config_trunk *acl_emergency(const struct acl *a,
					 const char *dialled)
{
	/* "112" and "11-2", whatever the trunks make of numbers */
	static const struct config_numbers none = {.short_digits = 15};
	struct number n;

	if (!a->conf->emergencyc || number_decode(&n, &none, dialled))
		return NULL;

	for (size_t i = 0; i < a->conf->emergencyc; i++) {
		const struct config_route *e = &a->conf->emergency[i];

		if (!strcmp(e->name, n.text))
			return config_trunk_find(a->conf, e->text);
	}

	return NULL;
}

static bool in_file(const struct acl *a, const struct config_trunk *t,
		    const char *bare)
{
	struct le *le, *ne;

	LIST_FOREACH (&a->people, le) {
		const struct people *p = le->data;

		if (p->trunk != t)
			continue;
		LIST_FOREACH (&p->names, ne) {
			const struct name *n = ne->data;

			if (rule_jid_matches(n->text, bare))
				return true;
		}
	}

	return false;
}

bool acl_may_use(const struct acl *a, const struct config_trunk *trunk,
		 const struct config_plan *plan, const char *bare, char *why)
{
	bool ok = !plan || !plan->trunkc;

	for (size_t i = 0; !ok && i < plan->trunkc; i++)
		ok = trunk->name && !strcmp(plan->trunks[i], trunk->name);
	if (ok && (trunk->mayc || trunk->may_file))
		ok = names_have(trunk->may, trunk->mayc, bare) ||
		     in_file(a, trunk, bare);
	if (!ok)
		(void)re_snprintf(why, ACL_WHY, "you may not use trunk %s",
				  trunk->name ? trunk->name : "");

	return ok;
}

static bool prefix_matches(const struct pl *prefix, const struct number *n)
{
	if (prefix->l == 1 && *prefix->p == '*')
		return true;

	return n->kind != NUMBER_NAME &&
	       (!strncmp(n->text, prefix->p, prefix->l) ||
		!strncmp(n->dialled, prefix->p, prefix->l));
}

static bool has_plus(const struct acl *a, const char *entry)
{
	const struct config_route *cl;

	if (*entry != '@')
		return *entry == '+';

	cl = class_find(a->conf, entry + 1);

	return cl && strchr(cl->text, '+');
}

static bool entry_matches(const struct acl *a, const char *entry,
			  const struct number *n)
{
	const struct config_route *cl;
	struct pl rest, elem;

	if (*entry != '@') {
		pl_set_str(&elem, entry);
		return prefix_matches(&elem, n);
	}
	cl = class_find(a->conf, entry + 1);
	if (!cl)
		return !strcmp(entry, "@short") ? n->kind == NUMBER_SHORT
						: n->kind == NUMBER_NAME;

	pl_set_str(&rest, cl->text);
	while (list_next(&elem, &rest)) {
		if (prefix_matches(&elem, n))
			return true;
	}

	return false;
}

bool acl_may_dial(const struct acl *a, const struct config_dests *d,
		  const struct number *n, char *why)
{
	bool plus = false;

	for (size_t i = 0; i < d->denyc; i++) {
		plus |= has_plus(a, d->deny[i]);
		if (!entry_matches(a, d->deny[i], n))
			continue;
		(void)re_snprintf(why, ACL_WHY,
				  "calls to %s numbers are not allowed",
				  d->deny[i] + (d->deny[i][0] == '@'));
		return false;
	}
	if (plus && n->kind == NUMBER_LOCAL) {
		(void)re_snprintf(why, ACL_WHY,
				  "dial this number with + and the country");
		return false;
	}
	if (!d->allowc)
		return true;

	for (size_t i = 0; i < d->allowc; i++) {
		if (entry_matches(a, d->allow[i], n))
			return true;
	}
	(void)re_snprintf(why, ACL_WHY,
			  "this number is not among those that "
			  "you may call");

	return false;
}
