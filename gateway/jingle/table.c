/* table.c: sessions by sid and peer, and the memory of ended ones (E.4). */
#include "jingle/session.h"

#include <string.h>

#include "base/keyed.h"

enum { BUCKETS = 256 };

struct tomb {
	struct le le, le_sid;
	struct jingle *j; /* not referenced */
	uint64_t until;	  /* ms */
	char *sid, *user;
};

/* Whom a leg is between. */
struct pair {
	const char *user, *contact;
	unsigned states; /* mask */
};

struct place { /* a sid, and a user or a peer */
	const char *sid, *who;
	unsigned branch; /* found */
};

static uint32_t pair_hash(const char *user, const char *contact)
{
	return keyed_str(user) ^ keyed_str(contact) * 31;
}

int jingle_tables_alloc(struct jingle *j)
{
	int err;

	list_init(&j->legs);
	list_init(&j->tombs);
	err = hash_alloc(&j->sids, BUCKETS);
	if (!err)
		err = hash_alloc(&j->pairs, BUCKETS);
	if (!err)
		err = hash_alloc(&j->graves, BUCKETS);

	return err;
}

void jingle_tables_free(struct jingle *j)
{
	list_flush(&j->tombs);
	j->graves = mem_deref(j->graves);
	j->pairs = mem_deref(j->pairs);
	j->sids = mem_deref(j->sids);
}

void jleg_link(struct jleg *l)
{
	struct jingle *j = l->j;

	if (l->le.list)
		return;

	list_append(&j->legs, &l->le, mem_ref(l));
	hash_append(j->sids, keyed_str(l->sid), &l->le_sid, l);
	hash_append(j->pairs, pair_hash(l->user, l->contact), &l->le_pair, l);
	j->unsettled += l->st != JLEG_ACTIVE;
}

void jleg_unlink(struct jleg *l)
{
	if (!l->le.list)
		return;

	l->j->unsettled -= l->st != JLEG_ACTIVE;
	hash_unlink(&l->le_sid);
	hash_unlink(&l->le_pair);
	list_unlink(&l->le);
}

static void tomb_destroy(void *arg)
{
	struct tomb *t = arg;

	if (t->le.list)
		t->j->tombc--;
	list_unlink(&t->le);
	hash_unlink(&t->le_sid);
	mem_deref(t->sid);
	mem_deref(t->user);
}

static void tombs_expire(struct jingle *j, unsigned most)
{
	uint64_t now = tmr_jiffies();
	struct le *le;

	while ((le = list_head(&j->tombs)) != NULL) {
		struct tomb *t = le->data;

		if (t->until > now && j->tombc <= most)
			break;
		mem_deref(t);
	}
}

/* Without memory nothing is remembered: a late stanza is then refused as of
 * an unknown session, which is what a tombstone says as well. */
void jingle_tomb_add(struct jingle *j, const char *sid, const char *user)
{
	struct tomb *t;

	tombs_expire(j, JLEG_TOMBS_MAX - 1);

	t = mem_zalloc(sizeof(*t), tomb_destroy);
	if (!t)
		return;
	if (str_dup(&t->sid, sid) || str_dup(&t->user, user)) {
		mem_deref(t);
		return;
	}

	t->j = j;
	t->until = tmr_jiffies() + JLEG_TOMBSTONE;
	list_append(&j->tombs, &t->le, t);
	hash_append(j->graves, keyed_str(sid), &t->le_sid, t);
	j->tombc++;
}

static bool is_tomb(struct le *le, void *arg)
{
	const struct tomb *t = le->data;
	const struct place *at = arg;

	return !strcmp(t->sid, at->sid) && !strcmp(t->user, at->who);
}

bool jingle_tomb_find(struct jingle *j, const char *sid, const char *user)
{
	struct place at = {sid, user, 0};

	tombs_expire(j, JLEG_TOMBS_MAX);

	return hash_lookup(j->graves, keyed_str(sid), is_tomb, &at) != NULL;
}

static bool is_branch(struct le *le, void *arg)
{
	const struct jleg *l = le->data;
	struct place *at = arg;
	unsigned i;

	if (strcmp(l->sid, at->sid))
		return false;
	for (i = 0; i < l->branchc; i++) {
		const struct branch *b = &l->br[i];

		if (b->st != BRANCH_SENT || strcmp(b->peer, at->who))
			continue;
		at->branch = i;
		return true;
	}

	return false;
}

struct jleg *jingle_find(const struct jingle *j, const char *sid,
			 const char *peer, unsigned *branch)
{
	struct place at = {sid, peer, 0};
	struct jleg *l;

	l = list_ledata(hash_lookup(j->sids, keyed_str(sid), is_branch, &at));
	if (l)
		*branch = at.branch;

	return l;
}

static bool is_pair(struct le *le, void *arg)
{
	const struct jleg *l = le->data;
	const struct pair *p = arg;

	return (1u << l->st & p->states) && !strcmp(l->user, p->user) &&
	       !strcmp(l->contact, p->contact);
}

struct jleg *jingle_find_pair(const struct jingle *j, const char *user,
			      const char *contact, unsigned states)
{
	struct pair p = {user, contact, states};

	return list_ledata(
	    hash_lookup(j->pairs, pair_hash(user, contact), is_pair, &p));
}

struct jleg *jingle_find_id(const struct jingle *j, const char *id,
			    const char *user, const char *contact)
{
	struct pair p = {user, contact, ~0u};
	struct le *le;

	LIST_FOREACH (hash_list(j->sids, keyed_str(id)), le) {
		struct jleg *l = le->data;

		if (!strcmp(l->sid, id) && is_pair(le, &p))
			return l;
	}

	return NULL;
}

bool jingle_is_full(const struct jingle *j)
{
	return j->half_open && j->unsettled >= j->half_open;
}
