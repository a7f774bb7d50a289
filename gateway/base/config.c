/* config.c: a configuration from its text: parse, check, and take over. */
#include "base/config.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config_int.h"

static_assert(offsetof(struct config_xmpp, name) == 0, "name is first");
static_assert(offsetof(struct config_trunk, name) == 0, "name is first");

/* Sections that may stand several times become arrays, in their order. */
static int sections_move(void **arrayp, size_t *np,
			 const struct config_parser *p,
			 const struct config_kind *kind)
{
	struct le *le;
	char *array;
	size_t n = 0;

	LIST_FOREACH (&p->sections, le) {
		const struct config_section *s = le->data;

		n += s->kind == kind;
	}
	if (!n)
		return 0;

	array = mem_zalloc(n * kind->size, NULL);
	if (!array)
		return ENOMEM;
	*arrayp = array;
	*np = n;

	LIST_FOREACH (&p->sections, le) {
		struct config_section *s = le->data;

		if (s->kind != kind)
			continue;
		memcpy(array, s->base, kind->size);
		*(char **)(void *)array = mem_ref(s->name);
		array += kind->size;
		mem_deref(s->base);
		s->owned = false;
	}

	return 0;
}

static void lines_clear(struct config_route *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		mem_deref(v[i].name);
		mem_deref(v[i].text);
	}
	mem_deref(v);
}

static void config_destructor(void *arg)
{
	struct config *c = arg;
	size_t i;

	for (i = 0; i < config_kindc; i++) {
		const struct config_kind *kind = &config_kinds[i];

		if (!kind->size)
			config_section_clear(kind, (char *)c + kind->offset);
	}
	for (i = 0; i < c->xmppc; i++) {
		config_section_clear(config_kind_find("xmpp"), &c->xmpp[i]);
		mem_deref(c->xmpp[i].name);
	}
	for (i = 0; i < c->trunkc; i++) {
		config_section_clear(config_kind_find("trunk"), &c->trunk[i]);
		mem_deref(c->trunk[i].name);
	}
	for (i = 0; i < c->planc; i++) {
		config_section_clear(config_kind_find("plan"), &c->plan[i]);
		mem_deref(c->plan[i].name);
	}
	lines_clear(c->route, c->routec);
	lines_clear(c->class, c->classc);
	lines_clear(c->emergency, c->emergencyc);
	lines_clear(c->users, c->userc);
	lines_clear(c->phonebook, c->phonebookc);
	config_written_clear(c);
	mem_deref(c->first);
	mem_deref(c->xmpp);
	mem_deref(c->trunk);
	mem_deref(c->plan);
	mem_deref(c->file);
	mem_deref(c->dir);
}

/* c->file absolute, c->dir its directory without a closing slash. */
static int names_set(struct config *c, const char *name)
{
	char *cwd, *slash;
	int err;

	if (name[0] == '/') {
		err = str_dup(&c->file, name);
	} else {
		cwd = getcwd(NULL, 0);
		err = re_sdprintf(&c->file, "%s/%s", cwd ? cwd : "", name);
		free(cwd);
	}
	if (err || str_dup(&c->dir, c->file))
		return ENOMEM;

	slash = strrchr(c->dir, '/');
	slash[slash == c->dir ? 1 : 0] = '\0';

	return 0;
}

static int singles_add(struct config_parser *p)
{
	size_t i;

	for (i = 0; i < config_kindc && !p->err; i++) {
		if (!config_kinds[i].size)
			(void)config_section_add(p, &config_kinds[i], NULL, 0);
	}

	return p->err;
}

static int parser_run(struct config_parser *p)
{
	size_t i;
	int err;

	err = names_set(p->c, p->name);
	if (!err)
		err = singles_add(p);
	if (err)
		return err;

	config_lines_read(p);
	p->checking = true;
	if (!p->err)
		config_check(p);
	if (p->err)
		return p->err;

	err = sections_move((void **)&p->c->xmpp, &p->c->xmppc, p,
			    config_kind_find("xmpp"));
	if (err)
		return err;

	for (i = 0; i < p->c->xmppc; i++) {
		struct config_xmpp *x = &p->c->xmpp[i];

		if (!x->name) /* plain [xmpp] */
			x->name = mem_ref(x->component);
	}

	err = sections_move((void **)&p->c->plan, &p->c->planc, p,
			    config_kind_find("plan"));
	if (err)
		return err;

	err = sections_move((void **)&p->c->trunk, &p->c->trunkc, p,
			    config_kind_find("trunk"));
	if (!err)
		config_late_check(p);

	return err ? err : p->err;
}

int config_parse(struct config **cp, const char *name, const char *text,
		 size_t len, struct re_printf *pf)
{
	struct config_parser p = {.name = name, .text = text};
	int err;

	if (!cp || !name || (!text && len))
		return EINVAL;

	p.end = text + len;
	p.c = mem_zalloc(sizeof(*p.c), config_destructor);
	p.problems =
	    mem_zalloc(CONFIG_PROBLEMS_MAX * sizeof(*p.problems), NULL);
	err = p.c && p.problems ? parser_run(&p) : ENOMEM;
	if (p.problems && config_problems_print(pf, &p) && !err)
		err = EBADMSG;

	list_flush(&p.sections);
	mem_deref(p.problems);
	if (!err)
		err = config_view_alloc(cp, p.c);
	mem_deref(p.c);

	return err;
}

static void trunk_destructor(void *arg)
{
	struct config_trunk *t = arg;

	config_section_clear(config_kind_find("trunk"), t);
	mem_deref(t->name);
}

/* Lists are shared, each element with a reference of its own. */
static int trunk_like(struct config_trunk *t, const struct config_trunk *like)
{
	char **codecs =
	    mem_zalloc(MAX(like->codecc, 1u) * sizeof(*codecs), NULL);

	if (!codecs)
		return ENOMEM;
	for (size_t i = 0; i < like->codecc; i++)
		codecs[i] = mem_ref(like->codecs[i]);
	for (size_t i = 0; i < t->codecc; i++)
		mem_deref(t->codecs[i]);
	mem_deref(t->codecs);
	t->codecs = codecs;
	t->codecc = like->codecc;

	mem_deref(t->numbers.international);
	t->numbers.international = mem_ref(like->numbers.international);
	t->numbers.national = mem_ref(like->numbers.national);
	t->numbers.country = mem_ref(like->numbers.country);
	t->numbers.short_digits = like->numbers.short_digits;
	t->accept_from = mem_ref(like->accept_from);
	t->accept_fromc = like->accept_fromc;
	t->media_from = mem_ref(like->media_from);
	t->media_fromc = like->media_fromc;
	t->media = like->media;
	t->sdes_over_plain = like->sdes_over_plain;
	t->listen = like->listen;
	t->tcp = like->tcp;
	t->tls_ca = mem_ref(like->tls_ca);
	t->dtmf = like->dtmf;
	t->early_media = like->early_media;
	t->latch = like->latch;
	t->ring_timeout = like->ring_timeout;
	t->decline_code = like->decline_code;
	t->presence = like->presence;
	t->strict = like->strict;
	t->closed_xa = like->closed_xa;
	t->blf = like->blf;

	return 0;
}

int config_trunk_alloc(struct config_trunk **tp,
		       const struct config_trunk *like)
{
	const struct config_kind *kind = config_kind_find("trunk");
	char root[] = "/";
	struct config c = {.dir = root};
	struct config_parser p = {.c = &c};
	struct config_section *s;
	struct config_trunk *t;
	int err = 0;

	t = mem_zalloc(sizeof(*t), trunk_destructor);
	s = config_section_add(&p, kind, NULL, 0);
	if (t && s && !p.err) {
		memcpy(t, s->base, sizeof(*t));
		s->base = mem_deref(s->base);
		s->owned = false;
		t->addressing = CONFIG_ADDR_TRUNK;
		if ((int)t->media == CONFIG_AUTO)
			t->media = CONFIG_AVP;
		err = like ? trunk_like(t, like) : 0;
	} else {
		err = ENOMEM;
	}

	list_flush(&p.sections);
	if (err)
		mem_deref(t);
	else
		*tp = t;

	return err;
}
