/* xmpp_forms.c: data forms of any bytes: what was read, written, reads the
 * same, and stays within its limits. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "base/compat.h"
#include "xmpp/forms.h"
#include "xmpp/xmldoc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void same(const struct form *a, const struct form *b)
{
	if (strcmp(a->type, b->type) || a->fieldc != b->fieldc)
		abort();

	for (size_t i = 0; i < a->fieldc; i++) {
		const struct form_field *x = &a->fields[i], *y = &b->fields[i];

		if (strcmp(x->var, y->var) || x->valuec != y->valuec ||
		    x->valuec > FORM_VALUES_MAX)
			abort();
		for (size_t j = 0; j < x->valuec; j++) {
			if (strcmp(x->values[j], y->values[j]) ||
			    strlen(x->values[j]) > FORM_VALUE_MAX)
				abort();
		}
	}
}

/* The same fields as a form to fill in. */
static struct stanza *shown(struct stanza *parent, const struct form *f)
{
	struct stanza *x = form_add(parent, "form", "t", "i", "urn:x");

	for (size_t i = 0; i < f->fieldc; i++) {
		const char *var = f->fields[i].var;
		struct stanza *e;

		e = form_field_add(x, "list-single", var, NULL,
				   form_value(f, var), true);
		form_option_add(e, NULL, var);
		form_column_add(x, NULL, var, var);
		if (form_bool(f, var, true) && !form_bool(f, var, false) &&
		    form_bool(f, var, true) == form_bool(f, var, false))
			abort();
	}

	return x;
}

static void forms(const struct stanza *root)
{
	struct stanza *parent = stanza_new("iq", NS_COMPONENT);
	struct form *f, *g;
	int err;

	if (form_decode(&f, root)) {
		stanza_free(parent);
		return;
	}

	/* white space around a value may go, once */
	err = form_decode(&g, form_encode(parent, f));
	if (!err) {
		struct form *h;

		if (form_decode(&h, form_encode(parent, g)))
			abort();
		same(g, h);
		mem_deref(h);
		mem_deref(g);
	} else {
		abort();
	}
	if (!shown(parent, f))
		abort();
	mem_deref(f);
	stanza_free(parent);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct stanza *root;

	if (!xmldoc_decode(&root, (const char *)data, size)) {
		forms(root);
		stanza_free(root);
	}

	return 0;
}
