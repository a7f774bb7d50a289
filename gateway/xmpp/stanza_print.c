/* stanza_print.c: a stanza as XML. */
#include "xmpp/stanza.h"

#include <errno.h>
#include <string.h>

#include "base/compat.h"
#include "base/text.h"

#define NS_XML "http://www.w3.org/XML/1998/namespace"

static int put(struct re_printf *pf, const char *s)
{
	return pf->vph(s, strlen(s), pf->arg);
}

static int text_print(struct re_printf *pf, const char *text)
{
	struct pl pl;

	pl_set_str(&pl, text);

	return text_print_xml(pf, &pl);
}

static int attr_print(struct re_printf *pf, const char *prefix,
		      const char *name, const char *value)
{
	int err;

	err = put(pf, " ");
	err |= put(pf, prefix);
	err |= put(pf, name);
	err |= put(pf, "='");
	err |= text_print(pf, value);
	err |= put(pf, "'");

	return err;
}

/* A namespaced attribute brings a prefix of its own; nothing that we speak
 * uses them but xml:lang. */
static int attr_ns_print(struct re_printf *pf, const struct attr *a,
			 unsigned n)
{
	char name[16], prefix[16];
	int err;

	if (!strcmp(a->ns, NS_XML))
		return attr_print(pf, "xml:", a->name, a->value);

	(void)re_snprintf(name, sizeof(name), "a%u", n);
	(void)re_snprintf(prefix, sizeof(prefix), "a%u:", n);

	err = attr_print(pf, "xmlns:", name, a->ns);
	err |= attr_print(pf, prefix, a->name, a->value);

	return err;
}

static int open_print(struct re_printf *pf, const struct stanza *e,
		      const char *outer)
{
	const struct attr *a;
	unsigned n = 0;
	int err;

	err = put(pf, "<");
	err |= put(pf, e->name);

	if (strcmp(e->ns, outer) != 0)
		err |= attr_print(pf, "", "xmlns", e->ns);

	for (a = e->attrs; a && !err; a = a->next, n++) {
		err = *a->ns ? attr_ns_print(pf, a, n)
			     : attr_print(pf, "", a->name, a->value);
	}

	err |= put(pf, e->child ? ">" : "/>");

	return err;
}

int stanza_print(struct re_printf *pf, const struct stanza *root)
{
	const struct stanza *e = root;
	int err = 0;

	if (!pf || !root)
		return 0;

	while (!err) {
		if (e->name)
			err = open_print(
			    pf, e, e == root ? NS_COMPONENT : e->parent->ns);
		else
			err = text_print(pf, e->text);

		if (e->name && e->child) {
			e = e->child;
			continue;
		}

		while (e != root && !e->next && !err) {
			e = e->parent;
			err = put(pf, "</");
			err |= put(pf, e->name);
			err |= put(pf, ">");
		}

		if (e == root)
			break;

		e = e->next;
	}

	return err;
}
