/* stanza.c: a namespace-aware XML element tree with limits. */
#include "xmpp/stanza.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "base/compat.h"
#include "xmpp/arena.h"

#define NS_STANZAS "urn:ietf:params:xml:ns:xmpp-stanzas" /* RFC 6120 8.3.2 */

static struct stanza *node_new(struct stanza_arena *a)
{
	struct stanza *e;

	e = arena_take(a, sizeof(*e));
	if (!e)
		return NULL;

	memset(e, 0, sizeof(*e));
	e->arena = a;

	return e;
}

static void node_link(struct stanza *parent, struct stanza *e)
{
	e->parent = parent;

	if (parent->last)
		parent->last->next = e;
	else
		parent->child = e;

	parent->last = e;
}

static struct stanza *root_new(void)
{
	struct stanza_arena *a = arena_new();
	struct stanza *e = a ? node_new(a) : NULL;

	if (!e)
		arena_free(a);

	return e;
}

struct stanza *stanza_addn(struct stanza *parent, const struct pl *name,
			   const struct pl *ns)
{
	struct stanza *e;

	if (parent && !parent->name)
		return NULL;

	e = parent ? node_new(parent->arena) : root_new();
	if (!e)
		return NULL;

	e->name = arena_name(e->arena, name->p, name->l);
	e->ns = parent && !pl_strcmp(ns, parent->ns)
		    ? parent->ns
		    : arena_name(e->arena, ns->p, ns->l);

	if (!e->name || !e->ns) {
		if (!parent)
			stanza_free(e);
		return NULL;
	}

	if (parent)
		node_link(parent, e);

	return e;
}

struct stanza *stanza_new(const char *name, const char *ns)
{
	struct pl n, s;

	if (!name || !ns)
		return NULL;

	pl_set_str(&n, name);
	pl_set_str(&s, ns);

	return stanza_addn(NULL, &n, &s);
}

void stanza_free(struct stanza *root)
{
	if (root)
		arena_free(root->arena);
}

struct stanza *stanza_add(struct stanza *parent, const char *name,
			  const char *ns)
{
	struct pl n, s;

	if (!parent || !parent->name || !name)
		return NULL;

	pl_set_str(&n, name);
	pl_set_str(&s, ns ? ns : parent->ns);

	return stanza_addn(parent, &n, &s);
}

struct stanza *stanza_text_add(struct stanza *parent, const char *text)
{
	return stanza_textn_add(parent, text, text ? strlen(text) : 0);
}

struct stanza *stanza_textn_add(struct stanza *parent, const char *text,
				size_t len)
{
	struct stanza *e;

	if (!parent || !parent->name || (!text && len))
		return NULL;

	e = node_new(parent->arena);
	if (!e)
		return NULL;

	e->text = arena_copy(e->arena, text, len);
	if (!e->text)
		return NULL;

	node_link(parent, e);

	return e;
}

/* The pointer that points to the attribute, or would point to a new one. */
static struct attr **attr_slot(struct stanza *e, const struct pl *name,
			       const struct pl *ns)
{
	struct attr **ap;

	for (ap = &e->attrs; *ap; ap = &(*ap)->next) {
		if (!pl_strcmp(name, (*ap)->name) && !pl_strcmp(ns, (*ap)->ns))
			break;
	}

	return ap;
}

int stanza_attr_setn(struct stanza *e, const struct pl *name,
		     const struct pl *ns, const char *value)
{
	struct attr **slot, *a;
	const char *copy;

	slot = attr_slot(e, name, ns);

	copy = arena_copy(e->arena, value, strlen(value));
	if (!copy)
		return ENOMEM;

	if (*slot) {
		(*slot)->value = copy;
		return 0;
	}

	a = arena_take(e->arena, sizeof(*a));
	if (!a)
		return ENOMEM;

	a->name = arena_name(e->arena, name->p, name->l);
	a->ns = arena_name(e->arena, ns->p, ns->l);
	a->value = copy;
	a->next = NULL;
	if (!a->name || !a->ns)
		return ENOMEM;

	*slot = a;

	return 0;
}

int stanza_attr_set(struct stanza *e, const char *name, const char *value)
{
	static const struct pl none = PL("");
	struct attr **slot;
	struct pl n;

	if (!e)
		return ENOMEM;
	if (!e->name || !name || !strcmp(name, "xmlns"))
		return EINVAL;

	pl_set_str(&n, name);

	if (value)
		return stanza_attr_setn(e, &n, &none, value);

	slot = attr_slot(e, &n, &none);
	if (*slot)
		*slot = (*slot)->next;

	return 0;
}

int stanza_attr_setf(struct stanza *e, const char *name, const char *fmt, ...)
{
	char *value = NULL;
	va_list ap;
	int err;

	if (!e)
		return ENOMEM;

	va_start(ap, fmt);
	err = re_vsdprintf(&value, fmt, ap);
	va_end(ap);

	if (err)
		e->arena->failed = true;
	else
		err = stanza_attr_set(e, name, value);

	mem_deref(value);

	return err;
}

size_t stanza_bytes(const struct stanza *root)
{
	return root->arena->held;
}

bool stanza_ok(const struct stanza *root)
{
	return root && !root->arena->failed;
}

static bool attrs_copy(struct stanza *to, const struct stanza *from)
{
	const struct attr *a;

	for (a = from->attrs; a; a = a->next) {
		struct pl name, ns;

		pl_set_str(&name, a->name);
		pl_set_str(&ns, a->ns);

		if (stanza_attr_setn(to, &name, &ns, a->value))
			return false;
	}

	return true;
}

/* One node without its children, under parent or as a root. */
static struct stanza *node_copy(struct stanza *parent, const struct stanza *e)
{
	struct stanza *c;

	if (!e->name)
		return stanza_text_add(parent, e->text);

	c = parent ? stanza_add(parent, e->name, e->ns)
		   : stanza_new(e->name, e->ns);
	if (c && !attrs_copy(c, e)) {
		if (!parent)
			stanza_free(c);
		return NULL;
	}

	return c;
}

struct stanza *stanza_copy(struct stanza *parent, const struct stanza *src)
{
	struct stanza *top, *to;
	const struct stanza *e;

	if (!src)
		return NULL;

	top = node_copy(parent, src);
	if (!top)
		return NULL;

	for (e = src->child, to = top; e;) {
		struct stanza *c = node_copy(to, e);

		if (!c)
			goto out;

		if (e->child) {
			e = e->child;
			to = c;
			continue;
		}

		while (!e->next && e->parent != src) {
			e = e->parent;
			to = to->parent;
		}
		e = e->next;
	}

	return top;

out:
	if (!parent)
		stanza_free(top);

	return NULL;
}

const char *stanza_attr(const struct stanza *e, const char *name)
{
	const struct attr *a;

	if (!e || !name)
		return NULL;

	for (a = e->attrs; a; a = a->next) {
		if (!*a->ns && !strcmp(a->name, name))
			return a->value;
	}

	return NULL;
}

bool stanza_is(const struct stanza *e, const char *name, const char *ns)
{
	return e && e->name && (!name || !strcmp(e->name, name)) &&
	       (!ns || !strcmp(e->ns, ns));
}

static struct stanza *node_find(struct stanza *e, const char *name,
				const char *ns)
{
	while (e && !stanza_is(e, name, ns))
		e = e->next;

	return e;
}

struct stanza *stanza_child(const struct stanza *e, const char *name,
			    const char *ns)
{
	return e ? node_find(e->child, name, ns) : NULL;
}

struct stanza *stanza_next(const struct stanza *e, const char *name,
			   const char *ns)
{
	return e ? node_find(e->next, name, ns) : NULL;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

int stanza_text(char **tp, const struct stanza *e)
{
	const struct stanza *c;
	size_t len = 0, skip = 0;
	char *t;

	if (!tp || !e)
		return EINVAL;

	for (c = e->child; c; c = c->next)
		len += c->text ? strlen(c->text) : 0;

	t = mem_alloc(len + 1, NULL);
	if (!t)
		return ENOMEM;

	for (c = e->child, len = 0; c; c = c->next) {
		size_t n = c->text ? strlen(c->text) : 0;

		if (n)
			memcpy(t + len, c->text, n);
		len += n;
	}

	while (len && is_space(t[len - 1]))
		len--;
	while (skip < len && is_space(t[skip]))
		skip++;

	memmove(t, t + skip, len - skip);
	t[len - skip] = '\0';
	*tp = t;

	return 0;
}

static struct stanza *reply_new(const struct stanza *st, const char *type)
{
	struct stanza *r;

	if (!st || !st->name)
		return NULL;

	r = stanza_new(st->name, st->ns);
	(void)stanza_attr_set(r, "type", type);
	(void)stanza_attr_set(r, "id", stanza_attr(st, "id"));
	(void)stanza_attr_set(r, "from", stanza_attr(st, "to"));
	(void)stanza_attr_set(r, "to", stanza_attr(st, "from"));

	return r;
}

static struct stanza *whole(struct stanza *r)
{
	if (stanza_ok(r))
		return r;

	stanza_free(r);

	return NULL;
}

struct stanza *stanza_result(const struct stanza *iq)
{
	return whole(reply_new(iq, "result"));
}

struct stanza *stanza_error(const struct stanza *st, enum stanza_cond cond,
			    const char *app, const char *app_ns,
			    const char *text)
{
	struct stanza *r, *e;

	r = reply_new(st, "error");
	e = stanza_add(r, "error", NULL);
	(void)stanza_attr_set(e, "type", cond_type(cond));
	(void)stanza_add(e, cond_name(cond), NS_STANZAS);

	/* RFC 6120 8.3.2: condition, text, application condition */
	if (text)
		(void)stanza_text_add(stanza_add(e, "text", NS_STANZAS), text);
	if (app)
		(void)stanza_add(e, app, app_ns ? app_ns : "");

	return whole(r);
}

enum stanza_cond stanza_error_cond(const struct stanza *st)
{
	const struct stanza *e, *c;
	enum stanza_cond cond;

	e = st ? stanza_child(st, "error", st->ns) : NULL;
	if (!e)
		return COND_NONE;

	for (c = stanza_child(e, NULL, NS_STANZAS); c;
	     c = stanza_next(c, NULL, NS_STANZAS)) {
		cond = cond_find(c->name, strlen(c->name));
		if (cond != COND_NONE)
			return cond;
	}

	return COND_UNDEFINED_CONDITION;
}
