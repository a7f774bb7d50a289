/* stanza.h: a namespace-aware XML element tree with limits.
 *
 * A root owns an arena; freeing the root frees all.  No recursion anywhere, so
 * that depth cannot hurt.  Prefixes are gone after parsing: names are compared
 * with their namespaces. */
#ifndef XMPP_STANZA_H
#define XMPP_STANZA_H

#include <stdbool.h>
#include <stddef.h>
#include "bridge/reason.h"

#define NS_COMPONENT "jabber:component:accept"

struct pl;
struct re_printf;

struct attr {
	const char *name, *ns; /* ns "" for the usual case */
	const char *value;
	struct attr *next;
};

struct stanza { /* an element, or text (name NULL) */
	const char *name, *ns;
	const char *text; /* of a text node */
	struct attr *attrs;
	struct stanza *parent, *child, *last, *next;
	struct stanza_arena *arena;
};

/* Building.  Functions that return a pointer return NULL when out of memory,
 * and accept NULL as parent, giving NULL: check the last, or stanza_ok(). */
struct stanza *stanza_new(const char *name, const char *ns);
void stanza_free(struct stanza *root); /* NULL is fine; a root only */
struct stanza *stanza_add(struct stanza *parent, const char *name,
			  const char *ns); /* ns NULL: the parent's */
struct stanza *stanza_text_add(struct stanza *parent, const char *text);
struct stanza *stanza_textn_add(struct stanza *parent, const char *text,
				size_t len);
/* value NULL: no attribute.  Value is copied. Illegal XML characters are
 * replaced when printed. */
int stanza_attr_set(struct stanza *e, const char *name, const char *value);
int stanza_attr_setf(struct stanza *e, const char *name, const char *fmt,
		     ...); /* re_printf format */
/* Bytes of memory that the whole stanza takes. */
size_t stanza_bytes(const struct stanza *root);
bool stanza_ok(const struct stanza *root); /* no allocation failed */
/* Deep copy of src under parent (parent NULL: a new root). */
struct stanza *stanza_copy(struct stanza *parent, const struct stanza *src);

/* The same with slices and any namespace, for the parser. parent NULL: a new
 * root. */
struct stanza *stanza_addn(struct stanza *parent, const struct pl *name,
			   const struct pl *ns);
int stanza_attr_setn(struct stanza *e, const struct pl *name,
		     const struct pl *ns, const char *value);

/* Reading. */
const char *stanza_attr(const struct stanza *e, const char *name); /*or NULL*/
bool stanza_is(const struct stanza *e, const char *name, const char *ns);
/* First child element with this name and namespace; either may be NULL: any.*/
struct stanza *stanza_child(const struct stanza *e, const char *name,
			    const char *ns);
/* Next sibling of e with this name and namespace. */
struct stanza *stanza_next(const struct stanza *e, const char *name,
			   const char *ns);
/* Text of all direct text children, trimmed of white space. mem_ref string in
 * *tp, "" if none. ENOMEM. */
int stanza_text(char **tp, const struct stanza *e);

/* Printer for %H: elements in the parent's namespace print no xmlns, the root
 * prints none if its namespace is NS_COMPONENT. */
int stanza_print(struct re_printf *pf, const struct stanza *e);

/* Replies to an incoming stanza: from and to swapped, id kept.  Roots. */
struct stanza *stanza_result(const struct stanza *iq);
/* app/app_ns: an application condition (may be NULL); text may be NULL. */
struct stanza *stanza_error(const struct stanza *st, enum stanza_cond cond,
			    const char *app, const char *app_ns,
			    const char *text);
/* Reads <error/> of a stanza of type error: COND_NONE if there is none. */
enum stanza_cond stanza_error_cond(const struct stanza *st);

#endif
