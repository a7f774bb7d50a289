/* former.c: where a trunk was before its configuration changed. */
#include "sip/former.h"
#include "sip/stack_priv.h"

enum {
	FORMER_MAX = 64,      /* a trunk; the oldest is forgotten */
	FORMER_AFTER = 60000, /* ms, for the goodbyes of the last call */
};

struct former {
	struct le le; /* of siptrunk->formers */
	struct sa addr[TARGETS_MAX];
	size_t n;
	struct config_net *accept_from, *media_from; /* referenced */
	size_t accept_fromc, media_fromc;
	struct digest *digest; /* referenced */
	uint64_t until;	       /* ms */
};

static void destructor(void *arg)
{
	struct former *f = arg;

	list_unlink(&f->le);
	mem_deref(f->accept_from);
	mem_deref(f->media_from);
	mem_deref(f->digest);
}

static bool holds(const struct former *f)
{
	return f->until > tmr_jiffies();
}

static bool is_target(const struct former *f, const struct sa *sa)
{
	for (size_t i = 0; i < f->n; i++) {
		if (sa_cmp(&f->addr[i], sa, SA_ADDR))
			return true;
	}

	return false;
}

static bool is_source(const struct former *f, const struct sa *sa, bool phones)
{
	return is_target(f, sa) ||
	       config_net_has(f->accept_from, f->accept_fromc, sa) ||
	       (phones && config_net_has(f->media_from, f->media_fromc, sa));
}

static bool same_nets(const struct config_net *a, size_t an,
		      const struct config_net *b, size_t bn)
{
	size_t i = 0;

	while (i < an && an == bn && a[i].prefix == b[i].prefix &&
	       sa_cmp(&a[i].addr, &b[i].addr, SA_ALL))
		++i;

	return an == bn && i == an;
}

static bool same(const struct former *a, const struct former *b)
{
	size_t i = 0;

	while (i < a->n && a->n == b->n &&
	       sa_cmp(&a->addr[i], &b->addr[i], SA_ALL))
		++i;

	return a->n == b->n && i == a->n &&
	       same_nets(a->accept_from, a->accept_fromc, b->accept_from,
			 b->accept_fromc) &&
	       same_nets(a->media_from, a->media_fromc, b->media_from,
			 b->media_fromc);
}

/* Back and forth between two places is no more than two. */
static void forget(struct siptrunk *t, const struct former *like)
{
	struct le *le = list_head(&t->formers);

	while (le) {
		struct former *f = le->data;

		le = le->next;
		if (!holds(f) || same(f, like))
			mem_deref(f);
	}
	if (list_count(&t->formers) >= FORMER_MAX)
		mem_deref(list_ledata(list_head(&t->formers)));
}

int former_add(struct siptrunk *t)
{
	const struct config_trunk *conf = t->conf;
	struct former *f;

	f = mem_zalloc(sizeof(*f), destructor);
	if (!f)
		return ENOMEM;

	for (; f->n < targets_count(t->targets); f->n++)
		f->addr[f->n] = targets_at(t->targets, f->n)->addr;
	f->accept_from = mem_ref(conf->accept_from);
	f->accept_fromc = conf->accept_fromc;
	f->media_from = mem_ref(conf->media_from);
	f->media_fromc = conf->media_fromc;
	f->digest = mem_ref(t->digest);
	f->until = tmr_jiffies() + FORMER_AFTER +
		   (uint64_t)t->stack->conf->limits.call_max * 1000;
	forget(t, f);
	list_append(&t->formers, &f->le, f);

	return 0;
}

bool former_has(const struct siptrunk *t, const struct sa *sa, bool phones)
{
	struct le *le;

	LIST_FOREACH (&t->formers, le) {
		const struct former *f = le->data;

		if (holds(f) && is_source(f, sa, phones))
			return true;
	}

	return false;
}

struct digest *former_digest(const struct siptrunk *t, const struct sa *sa)
{
	struct le *le;

	LIST_FOREACH (&t->formers, le) {
		const struct former *f = le->data;

		if (holds(f) && is_source(f, sa, false))
			return f->digest;
	}

	return NULL;
}

bool former_named(const struct siptrunk *t, const struct sa *sa)
{
	struct le *le;

	LIST_FOREACH (&t->formers, le) {
		const struct former *f = le->data;

		if (holds(f) &&
		    (config_net_has(f->accept_from, f->accept_fromc, sa) ||
		     config_net_has(f->media_from, f->media_fromc, sa)))
			return true;
	}

	return false;
}
