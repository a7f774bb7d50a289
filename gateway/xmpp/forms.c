/* forms.c: data forms (X0004). */
#include "xmpp/forms.h"
#include <errno.h>
#include <string.h>
#include "base/compat.h"
#include "base/text.h"

#ifndef PLANT
#define PLANT 0
#endif

static const char *const types[] = {"form", "submit", "cancel", "result"};

static void destructor(void *arg)
{
	struct form *f = arg;

	for (size_t i = 0; i < f->fieldc; i++) {
		struct form_field *field = &f->fields[i];

		for (size_t j = 0; j < field->valuec; j++)
			mem_deref(field->values[j]);
		mem_deref(field->values);
		mem_deref(field->var);
	}
	mem_deref(f->fields);
	mem_deref(f->type);
}

static size_t count(const struct stanza *e, const char *name)
{
	const struct stanza *c;
	size_t n = 0;

	for (c = stanza_child(e, name, NS_FORMS); c;
	     c = stanza_next(c, name, NS_FORMS))
		n++;

	return n;
}

/* What stands in a value may go to SIP, to a log, or to a database. */
static int value_decode(char **vp, const struct stanza *e)
{
	char *raw = NULL;
	struct pl pl;
	int err;

	err = stanza_text(&raw, e);
	if (err)
		return err;

	pl_set_str(&pl, raw);
	if (pl.l > FORM_VALUE_MAX)
		err = E2BIG;
	else
		err = text_clean(vp, &pl, FORM_VALUE_MAX);
	mem_deref(raw);

	return err;
}

static int field_decode(struct form_field *field, const struct stanza *e)
{
	const size_t n = count(e, "value");
	const struct stanza *v;
	int err;

	if (n > FORM_VALUES_MAX && PLANT != 1)
		return E2BIG;

	err = str_dup(&field->var, stanza_attr(e, "var"));
	if (err || !n)
		return err;

	field->values = mem_zalloc(
	    (PLANT == 2 ? MIN(n, 2u) : n) * sizeof(*field->values), NULL);
	if (!field->values)
		return ENOMEM;

	for (v = stanza_child(e, "value", NS_FORMS); v && !err;
	     v = stanza_next(v, "value", NS_FORMS)) {
		err = value_decode(&field->values[field->valuec], v);
		if (!err)
			field->valuec++;
	}

	return err;
}

static const struct form_field *field_find(const struct form *f,
					   const char *var)
{
	for (size_t i = 0; i < f->fieldc; i++) {
		if (!strcmp(f->fields[i].var, var))
			return &f->fields[i];
	}

	return NULL;
}

static int fields_decode(struct form *f, const struct stanza *x)
{
	const size_t n = count(x, "field");
	const struct stanza *e;
	int err = 0;

	if (n > FORM_FIELDS_MAX)
		return E2BIG;

	f->fields = mem_zalloc((n + 1) * sizeof(*f->fields), NULL);
	if (!f->fields)
		return ENOMEM;

	for (e = stanza_child(x, "field", NS_FORMS); e && !err;
	     e = stanza_next(e, "field", NS_FORMS)) {
		const char *var = stanza_attr(e, "var");

		if (!var || !*var || field_find(f, var))
			continue;
		if (strlen(var) > FORM_VALUE_MAX)
			return E2BIG;
		err = field_decode(&f->fields[f->fieldc++], e);
	}

	return err;
}

int form_decode(struct form **fp, const struct stanza *x)
{
	const char *type = stanza_attr(x, "type");
	struct form *f;
	bool known = false;
	int err;

	if (!fp || !x || !stanza_is(x, "x", NS_FORMS) || !type)
		return EBADMSG;
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		known |= !strcmp(type, types[i]);
	if (!known)
		return EBADMSG;

	f = mem_zalloc(sizeof(*f), destructor);
	if (!f)
		return ENOMEM;

	err = str_dup(&f->type, type);
	if (!err)
		err = fields_decode(f, x);
	if (err)
		mem_deref(f);
	else
		*fp = f;

	return err;
}

const char *form_value(const struct form *f, const char *var)
{
	const struct form_field *field = f ? field_find(f, var) : NULL;

	return field && (field->valuec || PLANT == 3) ? field->values[0]
						      : NULL;
}

bool form_bool(const struct form *f, const char *var, bool dflt)
{
	const char *v = form_value(f, var);

	if (v && (!strcmp(v, "1") || !strcmp(v, "true")))
		return true;
	if (v && (!strcmp(v, "0") || !strcmp(v, "false")))
		return false;

	return dflt;
}

static void text_add(struct stanza *parent, const char *name, const char *text)
{
	if (text)
		(void)stanza_text_add(stanza_add(parent, name, NS_FORMS),
				      text);
}

struct stanza *form_encode(struct stanza *parent, const struct form *f)
{
	struct stanza *x = stanza_add(parent, "x", NS_FORMS);

	(void)stanza_attr_set(x, "type", f->type);
	for (size_t i = 0; i < f->fieldc; i++) {
		struct stanza *e = stanza_add(x, "field", NS_FORMS);

		(void)stanza_attr_set(e, "var", f->fields[i].var);
		for (size_t j = 0; j < f->fields[i].valuec; j++)
			text_add(e, "value", f->fields[i].values[j]);
	}

	return x;
}

struct stanza *form_add(struct stanza *parent, const char *type,
			const char *title, const char *instructions,
			const char *form_type)
{
	struct stanza *x = stanza_add(parent, "x", NS_FORMS);

	(void)stanza_attr_set(x, "type", type);
	text_add(x, "title", title);
	text_add(x, "instructions", instructions);
	if (form_type)
		(void)form_field_add(x, "hidden", "FORM_TYPE", NULL, form_type,
				     false);

	return x;
}

struct stanza *form_field_add(struct stanza *x, const char *type,
			      const char *var, const char *label,
			      const char *value, bool required)
{
	struct stanza *e = stanza_add(x, "field", NS_FORMS);

	(void)stanza_attr_set(e, "type", type);
	(void)stanza_attr_set(e, "var", var);
	(void)stanza_attr_set(e, "label", label);
	text_add(e, "value", value);
	if (required)
		(void)stanza_add(e, "required", NS_FORMS);

	return e;
}

void form_option_add(struct stanza *field, const char *label,
		     const char *value)
{
	struct stanza *o = stanza_add(field, "option", NS_FORMS);

	(void)stanza_attr_set(o, "label", label ? label : value);
	text_add(o, "value", value);
}

void form_column_add(struct stanza *x, const char *type, const char *var,
		     const char *label)
{
	struct stanza *r = stanza_child(x, "reported", NS_FORMS);

	if (!r)
		r = stanza_add(x, "reported", NS_FORMS);
	(void)form_field_add(r, type, var, label, NULL, false);
}
