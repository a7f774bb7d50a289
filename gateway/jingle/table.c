/* table.c: sessions by sid and peer, and the memory of ended ones (E.4). */
#include "jingle/session.h"

#include <string.h>

struct tomb {
	struct le le;
	uint64_t until; /* ms */
	char *sid, *user;
};

static void tomb_destroy(void *arg)
{
	struct tomb *t = arg;

	list_unlink(&t->le);
	mem_deref(t->sid);
	mem_deref(t->user);
}

static void tombs_expire(struct jingle *j)
{
	uint64_t now = tmr_jiffies();
	struct le *le;

	while ((le = list_head(&j->tombs)) != NULL) {
		struct tomb *t = le->data;

		if (t->until > now && list_count(&j->tombs) < JLEG_TOMBS_MAX)
			break;
		mem_deref(t);
	}
}

/* Without memory nothing is remembered: a late stanza is then refused as of
 * an unknown session, which is what a tombstone says as well. */
void jingle_tomb_add(struct jingle *j, const char *sid, const char *user)
{
	struct tomb *t;

	tombs_expire(j);

	t = mem_zalloc(sizeof(*t), tomb_destroy);
	if (!t)
		return;
	if (str_dup(&t->sid, sid) || str_dup(&t->user, user)) {
		mem_deref(t);
		return;
	}

	t->until = tmr_jiffies() + JLEG_TOMBSTONE;
	list_append(&j->tombs, &t->le, t);
}

bool jingle_tomb_find(struct jingle *j, const char *sid, const char *user)
{
	struct le *le;

	tombs_expire(j);

	LIST_FOREACH (&j->tombs, le) {
		const struct tomb *t = le->data;

		if (!strcmp(t->sid, sid) && !strcmp(t->user, user))
			return true;
	}

	return false;
}

struct jleg *jingle_find(const struct jingle *j, const char *sid,
			 const char *peer, unsigned *branch)
{
	struct le *le;
	unsigned i;

	LIST_FOREACH (&j->legs, le) {
		struct jleg *l = le->data;

		if (strcmp(l->sid, sid))
			continue;
		for (i = 0; i < l->branchc; i++) {
			const struct branch *b = &l->br[i];

			if (b->st != BRANCH_SENT || strcmp(b->peer, peer))
				continue;
			*branch = i;
			return l;
		}
	}

	return NULL;
}

struct jleg *jingle_find_id(const struct jingle *j, const char *id,
			    const char *user, const char *contact)
{
	struct le *le;

	LIST_FOREACH (&j->legs, le) {
		struct jleg *l = le->data;

		if (!strcmp(l->sid, id) && !strcmp(l->user, user) &&
		    !strcmp(l->contact, contact))
			return l;
	}

	return NULL;
}

struct jleg *jingle_find_pair(const struct jingle *j, const char *user,
			      const char *contact, unsigned states)
{
	struct le *le;

	LIST_FOREACH (&j->legs, le) {
		struct jleg *l = le->data;

		if ((1u << l->st & states) && !strcmp(l->user, user) &&
		    !strcmp(l->contact, contact))
			return l;
	}

	return NULL;
}

bool jingle_is_full(const struct jingle *j)
{
	struct le *le;
	unsigned n = 0;

	LIST_FOREACH (&j->legs, le) {
		const struct jleg *l = le->data;

		n += l->st != JLEG_ACTIVE;
	}

	return j->half_open && n >= j->half_open;
}
