/* config_live.c: the configuration in force, and another that takes its place.
 */
#include "config_int.h"

#include <errno.h>
#include <string.h>

struct config_written { /* a fixed key, as it stands in the file */
	const struct config_kind *kind;
	char *name; /* of the section, or NULL */
	const struct config_key *key;
	char *text;
	int line;
};

int config_written_add(struct config *c, const struct config_section *s,
		       const struct config_key *key, const char *text,
		       int line)
{
	struct config_written *w;

	w = mem_reallocarray(c->written, c->writtenc + 1, sizeof(*w), NULL);
	if (!w)
		return ENOMEM;

	c->written = w;
	w += c->writtenc;
	memset(w, 0, sizeof(*w));
	w->kind = s->kind;
	w->name = mem_ref(s->name);
	w->key = key;
	w->line = line;
	c->writtenc++;

	return str_dup(&w->text, text);
}

void config_written_clear(struct config *c)
{
	for (size_t i = 0; i < c->writtenc; i++) {
		mem_deref(c->written[i].name);
		mem_deref(c->written[i].text);
	}
	c->written = mem_deref(c->written);
	c->writtenc = 0;
}

static void view_destructor(void *arg)
{
	struct config *c = arg;

	mem_deref(c->owner);
}

int config_view_alloc(struct config **vp, struct config *c)
{
	struct config *v = mem_zalloc(sizeof(*v), view_destructor);

	if (!v)
		return ENOMEM;

	*v = *c;
	v->first = NULL;
	v->owner = mem_ref(c);
	*vp = v;

	return 0;
}

void *config_hold(const struct config *c)
{
	return c ? mem_ref(c->owner) : NULL;
}

/* ---- what cannot change ---- */

static bool same_name(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

static const struct config_written *written_find(
    const struct config *c, const struct config_written *like)
{
	for (size_t i = 0; i < c->writtenc; i++) {
		const struct config_written *w = &c->written[i];

		if (w->key == like->key && w->kind == like->kind &&
		    same_name(w->name, like->name))
			return w;
	}

	return NULL;
}

/* A key that is not in the file holds by its default. */
static const char *text_of(const struct config *c,
			   const struct config_written *like)
{
	const struct config_written *w = written_find(c, like);

	return w ? w->text : like->key->dflt;
}

static void tell(const struct config *next, const struct config_written *w,
		 int line, struct re_printf *pf)
{
	if (line)
		(void)re_hprintf(pf, "%s:%d: ", next->file, line);
	else
		(void)re_hprintf(pf, "%s: ", next->file);
	(void)re_hprintf(pf,
			 "[%s%s%s] %s differs from what runs; it needs a "
			 "restart\n",
			 w->kind->name, w->name ? " " : "",
			 w->name ? w->name : "", w->key->name);
}

static bool components_differ(int *linep, const struct config *c,
			      const struct config *next)
{
	size_t i = 0;

	while (i < c->xmppc && i < next->xmppc &&
	       !strcmp(c->xmpp[i].component, next->xmpp[i].component))
		i++;
	if (i == c->xmppc && i == next->xmppc)
		return false;

	/* where one is missing at the end: the last that is there */
	*linep = next->xmpp[i < next->xmppc ? i : next->xmppc - 1].line;

	return true;
}

int config_fixed_check(const struct config *c, const struct config *next,
		       struct re_printf *pf)
{
	int line, err = 0;

	if (components_differ(&line, c, next)) {
		(void)re_hprintf(pf,
				 "%s:%d: the components of [xmpp] differ from "
				 "what runs; they need a restart\n",
				 next->file, line);
		return EBADMSG;
	}

	for (size_t i = 0; i < next->writtenc; i++) {
		const struct config_written *w = &next->written[i];

		if (strcmp(w->text, text_of(c, w))) {
			tell(next, w, w->line, pf);
			err = EBADMSG;
		}
	}
	for (size_t i = 0; i < c->writtenc; i++) {
		const struct config_written *w = &c->written[i];

		if (!written_find(next, w) && strcmp(w->text, w->key->dflt)) {
			tell(next, w, 0, pf);
			err = EBADMSG;
		}
	}

	return err;
}

/* ---- taking over ---- */

/* Addresses that "auto" and 0.0.0.0 stood for at the start still hold, and
 * sockets are known by their entry. */
static void carry(const struct config *c, struct config *next)
{
	struct config *owner = next->owner;

	config_type_listen.clear(
	    config_key_find(config_kind_find("sip"), "listen"), &owner->sip);
	next->sip.listen = c->sip.listen;
	next->sip.listenc = c->sip.listenc;
	owner->first = mem_ref(c->owner->first ? c->owner->first : c->owner);
	for (size_t i = 0; i < next->trunkc; i++) {
		struct config_trunk *t = &next->trunk[i];

		t->listen = t->listen_text ? config_listen_find(&next->sip,
								t->listen_text)
					   : NULL;
	}
	next->media.addr4 = owner->media.addr4 = c->media.addr4;
	next->media.addr6 = owner->media.addr6 = c->media.addr6;
}

void config_replace(struct config *c, struct config *next)
{
	struct config *old = c->owner;

	carry(c, next);
	*c = *next;
	next->owner = old;
	mem_deref(next);
}
