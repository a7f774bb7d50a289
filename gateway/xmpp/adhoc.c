/* adhoc.c: ad-hoc commands of the gateway (X0050). */
#include "xmpp/adhoc.h"
#include <errno.h>
#include <string.h>
#include "base/id.h"
#include "base/keyed.h"
#include "xmpp/jid.h"

#define NS_INFO	 "http://jabber.org/protocol/disco#info"
#define NS_ITEMS "http://jabber.org/protocol/disco#items"

enum {
	SESSIONS_MAX = 4096,
	SESSIONS_OF_USER = 8,
	LASTS = 10 * 60 * 1000, /* ms without a step */
	ID_SIZE = 17,
	BUCKETS = 256,
	SETS = 2,
};

struct adhoc {
	struct component *c; /* not referenced: it outlives us */
	struct adhoc_handlers sets[SETS];
	struct hash *sessions;
	unsigned sessionc;
};

struct adhoc_session {
	struct le he;
	struct adhoc *adhoc; /* not referenced; NULL: it is over */
	const struct adhoc_command *command;
	const struct adhoc_handlers *set; /* that it is of */
	char id[ID_SIZE];
	char *full, *user;
	unsigned step;
	struct pending *p; /* the step that is not answered yet */
	void *data;
	struct tmr tmr;
};

/* ---- sessions ---- */

static void session_leave(struct adhoc_session *s)
{
	tmr_cancel(&s->tmr);
	if (!s->adhoc)
		return;

	s->adhoc->sessionc--;
	s->adhoc = NULL;
	hash_unlink(&s->he);
	mem_deref(s); /* the table's reference */
}

static void session_destructor(void *arg)
{
	struct adhoc_session *s = arg;

	tmr_cancel(&s->tmr);
	hash_unlink(&s->he);
	mem_deref(s->p);
	mem_deref(s->data);
	mem_deref(s->full);
	mem_deref(s->user);
}

static void expired(void *arg)
{
	session_leave(arg);
}

struct find {
	const char *full, *id;
	unsigned n;
};

static bool is_session(struct le *le, void *arg)
{
	const struct adhoc_session *s = le->data;
	const struct find *f = arg;

	return !strcmp(s->full, f->full) && !strcmp(s->id, f->id);
}

static bool count_user(struct le *le, void *arg)
{
	const struct adhoc_session *s = le->data;
	struct find *f = arg;

	f->n += !strcmp(s->user, f->full);

	return false;
}

static struct adhoc_session *session_find(const struct adhoc *a,
					  const char *full, const char *id)
{
	struct find f = {full, id, 0};

	return list_ledata(
	    hash_lookup(a->sessions, keyed_str(id), is_session, &f));
}

struct found { /* a command that the user may */
	const struct adhoc_command *command;
	const struct adhoc_handlers *set;
};

static int session_alloc(struct adhoc_session **sp, struct adhoc *a,
			 const struct found *found, const char *full,
			 const char *user)
{
	struct find f = {user, NULL, 0};
	struct adhoc_session *s;
	int err;

	if (a->sessionc >= SESSIONS_MAX)
		return ENOBUFS;
	(void)hash_apply(a->sessions, count_user, &f);
	if (f.n >= SESSIONS_OF_USER)
		return ENOBUFS;

	s = mem_zalloc(sizeof(*s), session_destructor);
	if (!s)
		return ENOMEM;

	s->command = found->command;
	s->set = found->set;
	id_token(s->id, sizeof(s->id));
	err = str_dup(&s->full, full);
	if (!err)
		err = str_dup(&s->user, user);
	if (err) {
		mem_deref(s);
		return err;
	}

	s->adhoc = a;
	a->sessionc++;
	hash_append(a->sessions, keyed_str(s->id), &s->he, s);
	*sp = s;

	return 0;
}

const struct adhoc_command *adhoc_command(const struct adhoc_session *s)
{
	return s->command;
}

const char *adhoc_user(const struct adhoc_session *s)
{
	return s->user;
}

unsigned adhoc_step(const struct adhoc_session *s)
{
	return s->step;
}

void adhoc_keep(struct adhoc_session *s, void *data)
{
	mem_ref(data);
	mem_deref(s->data);
	s->data = data;
}

void *adhoc_kept(const struct adhoc_session *s)
{
	return s->data;
}

/* ---- answers ---- */

static struct stanza *answer_new(struct adhoc_session *s, const char *status,
				 struct stanza **cp)
{
	struct stanza *r, *c;

	*cp = NULL;
	if (!s->p)
		return NULL;

	r = stanza_result(pending_iq(s->p));
	c = stanza_add(r, "command", NS_COMMANDS);
	(void)stanza_attr_set(c, "node", s->command->node);
	(void)stanza_attr_set(c, "sessionid", s->id);
	(void)stanza_attr_set(c, "status", status);
	*cp = c;

	return r;
}

struct stanza *adhoc_ask(struct adhoc_session *s, struct stanza **cp)
{
	struct stanza *r = answer_new(s, "executing", cp);
	struct stanza *actions = stanza_add(*cp, "actions", NULL);

	(void)stanza_attr_set(actions, "execute", "complete");
	(void)stanza_add(actions, "complete", NULL);

	return r;
}

struct stanza *adhoc_show(struct adhoc_session *s, struct stanza **cp)
{
	struct stanza *r = answer_new(s, "completed", cp);

	session_leave(s);

	return r;
}

void adhoc_send(struct adhoc_session *s, struct stanza *answer)
{
	struct pending *p = s->p;

	s->p = NULL;
	s->step++;
	if (p)
		pending_reply(p, answer);
	else
		stanza_free(answer);
	mem_deref(p);
}

void adhoc_note(struct adhoc_session *s, const char *type, const char *text)
{
	struct stanza *c, *r, *note;

	mem_ref(s);
	r = adhoc_show(s, &c);
	note = stanza_add(c, "note", NULL);
	(void)stanza_attr_set(note, "type", type);
	(void)stanza_text_add(note, text);
	adhoc_send(s, r);
	mem_deref(s);
}

static void fail(struct adhoc_session *s, enum stanza_cond cond,
		 const char *app, const char *text)
{
	struct pending *p = s->p;

	s->p = NULL;
	if (p)
		pending_error(p, cond, app, app ? NS_COMMANDS : NULL, text);
	mem_deref(p);
	session_leave(s);
}

void adhoc_error(struct adhoc_session *s, enum stanza_cond cond,
		 const char *text)
{
	mem_ref(s);
	fail(s, cond, NULL, text);
	mem_deref(s);
}

/* ---- requests ---- */

/* Bits of a set, and whether the user has to do with it at all. */
static bool may_use(const struct adhoc *a, const struct adhoc_handlers *h,
		    const char *user, unsigned *bits)
{
	*bits = h->commandc ? h->may(user, h->arg) : 0;

	return component_serves(a->c, user) || (h->strangers && *bits);
}

/* false: there is none that the user may; *exists: but there is for others. */
static bool command_find(struct found *found, const struct adhoc *a,
			 const char *node, const char *user, bool *exists)
{
	*exists = false;
	for (size_t k = 0; node && k < SETS; k++) {
		const struct adhoc_handlers *h = &a->sets[k];
		unsigned bits;
		const bool may = may_use(a, h, user, &bits);

		for (size_t i = 0; i < h->commandc; i++) {
			const struct adhoc_command *c = &h->commands[i];

			if (strcmp(c->node, node) != 0)
				continue;
			*exists |= h->strangers;
			if (!may || (c->need & bits) != c->need)
				continue;
			*found = (struct found){c, h};
			return true;
		}
	}

	return false;
}

static void refuse(struct adhoc *a, const struct stanza *iq,
		   enum stanza_cond cond, const char *app)
{
	component_reply(
	    a->c, stanza_error(iq, cond, app, app ? NS_COMMANDS : NULL, NULL));
}

static void step_take(struct adhoc_session *s, const struct stanza *iq,
		      const struct stanza *command)
{
	const struct stanza *x = stanza_child(command, "x", NS_FORMS);
	struct adhoc *a = s->adhoc;
	struct form *f = NULL;

	if (s->p) { /* one step at a time */
		refuse(a, iq, COND_UNEXPECTED_REQUEST, NULL);
		return;
	}
	if (pending_alloc(&s->p, a->c, iq)) {
		refuse(a, iq, COND_RESOURCE_CONSTRAINT, NULL);
		return;
	}

	tmr_start(&s->tmr, LASTS, expired, s);
	if (x && form_decode(&f, x))
		fail(s, COND_BAD_REQUEST, "bad-payload", NULL);
	else if (f && !strcmp(f->type, "cancel"))
		adhoc_note(s, "info", "Nothing was changed.");
	else if (s->step && !f)
		fail(s, COND_BAD_REQUEST, "bad-payload", NULL);
	else
		s->command->step(s, s->step ? f : NULL, s->set->arg);
	mem_deref(f);
}

static void cancel(struct adhoc_session *s, const struct stanza *iq)
{
	struct stanza *r = stanza_result(iq);
	struct stanza *c = stanza_add(r, "command", NS_COMMANDS);

	(void)stanza_attr_set(c, "node", s->command->node);
	(void)stanza_attr_set(c, "sessionid", s->id);
	(void)stanza_attr_set(c, "status", "canceled");
	component_reply(s->adhoc->c, r);
	session_leave(s);
}

static void execute(struct adhoc *a, const struct stanza *iq, const char *full,
		    const char *user)
{
	const struct stanza *e = stanza_child(iq, "command", NS_COMMANDS);
	const char *action = stanza_attr(e, "action");
	const char *id = stanza_attr(e, "sessionid");
	struct adhoc_session *s;
	struct found found;
	bool exists;

	action = action ? action : "execute";
	if (!command_find(&found, a, stanza_attr(e, "node"), user, &exists)) {
		refuse(a, iq,
		       exists || !component_serves(a->c, user)
			   ? COND_FORBIDDEN
			   : COND_ITEM_NOT_FOUND,
		       NULL);
	} else if (id) {
		s = session_find(a, full, id);
		if (!s || s->command != found.command)
			refuse(a, iq, COND_BAD_REQUEST, "bad-sessionid");
		else if (!strcmp(action, "cancel"))
			cancel(s, iq);
		else if (strcmp(action, "execute") && strcmp(action, "next") &&
			 strcmp(action, "complete"))
			refuse(a, iq, COND_BAD_REQUEST, "bad-action");
		else {
			mem_ref(s);
			step_take(s, iq, e);
			mem_deref(s);
		}
	} else if (strcmp(action, "execute")) {
		refuse(a, iq, COND_BAD_REQUEST, "bad-action");
	} else if (session_alloc(&s, a, &found, full, user)) {
		refuse(a, iq, COND_RESOURCE_CONSTRAINT, NULL);
	} else {
		mem_ref(s);
		step_take(s, iq, e);
		mem_deref(s);
	}
}

static bool iq_set(struct component *c, const struct stanza *iq, void *arg)
{
	const char *from = stanza_attr(iq, "from");
	struct adhoc *a = arg;
	char *user = NULL;
	(void)c;

	if (!component_is_addressee(a->c, iq) ||
	    !stanza_child(iq, "command", NS_COMMANDS))
		return false;

	if (jid_bare(&user, from))
		refuse(a, iq, COND_JID_MALFORMED, NULL);
	else
		execute(a, iq, from, user);
	mem_deref(user);

	return true;
}

/* ---- disco ---- */

static void items_add(struct stanza *q, const struct adhoc *a,
		      const struct adhoc_handlers *h, const char *user)
{
	unsigned bits;

	if (!may_use(a, h, user, &bits))
		return;

	for (size_t i = 0; i < h->commandc; i++) {
		const struct adhoc_command *c = &h->commands[i];
		struct stanza *e;

		if ((c->need & bits) != c->need)
			continue;
		e = stanza_add(q, "item", NULL);
		(void)stanza_attr_set(e, "jid", component_domain(a->c));
		(void)stanza_attr_set(e, "node", c->node);
		(void)stanza_attr_set(e, "name", c->name);
	}
}

static void items_answer(struct adhoc *a, const struct stanza *iq,
			 const char *user)
{
	struct stanza *r = stanza_result(iq);
	struct stanza *q = stanza_add(r, "query", NS_ITEMS);

	(void)stanza_attr_set(q, "node", NS_COMMANDS);
	for (size_t k = 0; k < SETS; k++)
		items_add(q, a, &a->sets[k], user);
	component_reply(a->c, r);
}

static void info_answer(struct adhoc *a, const struct stanza *iq,
			const char *node, const char *name)
{
	const bool list = !strcmp(node, NS_COMMANDS);
	struct stanza *r = stanza_result(iq);
	struct stanza *q = stanza_add(r, "query", NS_INFO), *e;

	(void)stanza_attr_set(q, "node", node);
	e = stanza_add(q, "identity", NULL);
	(void)stanza_attr_set(e, "category", "automation");
	(void)stanza_attr_set(e, "type",
			      list ? "command-list" : "command-node");
	(void)stanza_attr_set(e, "name", name);
	if (!list) {
		(void)stanza_attr_set(stanza_add(q, "feature", NULL), "var",
				      NS_COMMANDS);
		(void)stanza_attr_set(stanza_add(q, "feature", NULL), "var",
				      NS_FORMS);
	}
	component_reply(a->c, r);
}

static bool is_anyone(const struct adhoc *a, const char *user)
{
	unsigned bits;

	for (size_t k = 0; k < SETS; k++) {
		if (may_use(a, &a->sets[k], user, &bits))
			return true;
	}

	return false;
}

/* Nodes of ours alone; the rest is the service's. */
static bool disco(struct adhoc *a, const struct stanza *iq, const char *ns)
{
	const char *node = stanza_attr(stanza_child(iq, "query", ns), "node");
	struct found found = {NULL, NULL};
	bool list, exists, mine = true;
	char *user = NULL;

	if (!node || !component_is_addressee(a->c, iq) ||
	    jid_bare(&user, stanza_attr(iq, "from")))
		return false;

	list = !strcmp(node, NS_COMMANDS);
	if (list && !is_anyone(a, user))
		refuse(a, iq, COND_FORBIDDEN, NULL);
	else if (!list && (!command_find(&found, a, node, user, &exists) ||
			   strcmp(ns, NS_INFO) != 0))
		mine = false;
	else if (!strcmp(ns, NS_INFO))
		info_answer(a, iq, node,
			    list ? "Commands" : found.command->name);
	else
		items_answer(a, iq, user);
	mem_deref(user);

	return mine;
}

static bool iq_info(struct component *c, const struct stanza *iq, void *arg)
{
	(void)c;

	return disco(arg, iq, NS_INFO);
}

static bool iq_items(struct component *c, const struct stanza *iq, void *arg)
{
	(void)c;

	return disco(arg, iq, NS_ITEMS);
}

static bool session_flush(struct le *le, void *arg)
{
	struct adhoc_session *s = le->data;
	(void)arg;

	tmr_cancel(&s->tmr);
	s->adhoc = NULL;

	return false;
}

static void destructor(void *arg)
{
	struct adhoc *a = arg;

	component_unlisten(a->c, a);
	if (a->sessions)
		(void)hash_apply(a->sessions, session_flush, NULL);
	hash_flush(a->sessions);
	mem_deref(a->sessions);
}

void adhoc_extend(struct adhoc *a, const struct adhoc_handlers *h)
{
	static const struct adhoc_handlers none;

	a->sets[1] = h ? *h : none;
}

int adhoc_alloc(struct adhoc **ap, struct component *c,
		const struct adhoc_handlers *h)
{
	struct adhoc *a;
	int err;

	a = mem_zalloc(sizeof(*a), destructor);
	if (!a)
		return ENOMEM;

	a->c = c;
	a->sets[0] = *h;
	err = hash_alloc(&a->sessions, BUCKETS);
	if (!err)
		err = component_listen(c, COMPONENT_IQ_SET, NS_COMMANDS,
				       iq_set, a);
	if (!err)
		err =
		    component_listen(c, COMPONENT_IQ_GET, NS_INFO, iq_info, a);
	if (!err)
		err = component_listen(c, COMPONENT_IQ_GET, NS_ITEMS, iq_items,
				       a);
	if (err)
		mem_deref(a);
	else
		*ap = a;

	return err;
}
