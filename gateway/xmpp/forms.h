/* forms.h: data forms (X0004), as they come in and as they go out. */
#ifndef XMPP_FORMS_H
#define XMPP_FORMS_H

#include <stdbool.h>
#include <stddef.h>
#include "xmpp/stanza.h"

#define NS_FORMS "jabber:x:data"

enum {
	FORM_FIELDS_MAX = 64,
	FORM_VALUES_MAX = 16,  /* of a field */
	FORM_VALUE_MAX = 1023, /* bytes */
};

struct form_field {
	char *var;
	char **values; /* valuec of them, clean of control characters */
	size_t valuec;
};

struct form {	    /* a mem_ref object */
	char *type; /* "submit", "cancel" .. */
	struct form_field *fields;
	size_t fieldc;
};

/* x: the <x/>.  Fields without var are left out, of two with the same var the
 * first counts.  EBADMSG: no form, or an unknown type; E2BIG: a limit;
 * ENOMEM. */
int form_decode(struct form **fp, const struct stanza *x);
/* The first value; NULL: there is no such field, or it has none. */
const char *form_value(const struct form *f, const char *var);
/* X0004 3.3: "1" and "true", "0" and "false"; dflt for everything else. */
bool form_bool(const struct form *f, const char *var, bool dflt);
/* Adds the same <x/> to a parent. */
struct stanza *form_encode(struct stanza *parent, const struct form *f);

/* ---- going out; all return NULL when out of memory, as stanza.h does ---- */

/* <x type='form'/> or of another type.  Texts may be NULL. */
struct stanza *form_add(struct stanza *parent, const char *type,
			const char *title, const char *instructions,
			const char *form_type);
/* type: "text-single", "text-private", "boolean", "list-single", "fixed",
 * "hidden", "jid-single", or NULL in results.  value may be NULL. */
struct stanza *form_field_add(struct stanza *x, const char *type,
			      const char *var, const char *label,
			      const char *value, bool required);
/* value: of the option; label NULL: the same. */
void form_option_add(struct stanza *field, const char *label,
		     const char *value);
/* Of a table (X0004 3.4): a column before the rows, then <item/>s. */
void form_column_add(struct stanza *x, const char *type, const char *var,
		     const char *label);

#endif
