/* register.c: in-band registration with the gateway (X0077). */
#include "xmpp/register.h"
#include <errno.h>
#include <string.h>
#include "base/text.h"
#include "xmpp/jid.h"

struct registry {
	struct component *c; /* not referenced: it outlives us */
	struct register_handlers h;
};

/* ---- the form (D51) ---- */

static const struct field {
	const char *var, *type, *label;
	bool required;
	size_t offset;
} fields[] = {
    {"username", "text-single", "User name of the SIP account", true,
     offsetof(struct register_values, username)},
    {"password", "text-private", "Password", true,
     offsetof(struct register_values, password)},
    {"domain", "text-single", "SIP domain", false,
     offsetof(struct register_values, domain)},
    {"outbound_proxy", "text-single", "Outbound proxy", false,
     offsetof(struct register_values, proxy)},
    {"auth_username", "text-single",
     "User name for authentication, if it is another", false,
     offsetof(struct register_values, auth)},
    {"transport", "list-single", "Transport", false,
     offsetof(struct register_values, transport)},
    {"display_name", "text-single", "Name that others see", false,
     offsetof(struct register_values, name)},
};

static const char *const transports[] = {"auto", "udp", "tcp", "tls"};

static const char **value_at(const struct field *f, struct register_values *v)
{
	return (const char **)(void *)((char *)v + f->offset);
}

static void options_add(struct stanza *e, const struct register_form *f,
			const struct field *field)
{
	if (!strcmp(field->var, "transport")) {
		for (size_t i = 0; i < ARRAY_SIZE(transports); i++)
			form_option_add(e, NULL, transports[i]);
	} else if (!strcmp(field->var, "domain")) {
		for (size_t i = 0; i < f->providerc; i++)
			form_option_add(e, NULL, f->providers[i]);
	}
}

struct stanza *register_form_add(struct stanza *parent,
				 const struct register_form *form)
{
	struct register_values v = form->v;
	struct stanza *x;

	x = form_add(parent, "form", form->title, form->instructions,
		     NS_REGISTER);
	v.password = NULL;
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		const bool list =
		    form->providerc && !strcmp(fields[i].var, "domain");
		const char *value = *value_at(&fields[i], &v);
		struct stanza *e;

		if (!value && !strcmp(fields[i].var, "transport"))
			value = transports[0];
		if (!value && list)
			value = form->providers[0];
		e = form_field_add(x, list ? "list-single" : fields[i].type,
				   fields[i].var, fields[i].label, value,
				   fields[i].required);
		options_add(e, form, &fields[i]);
	}
	(void)form_field_add(x, "boolean", "privacy",
			     "Hide my identity from those whom I call",
			     v.privacy ? "1" : "0", false);

	return x;
}

static const char *none_if_empty(const char *s)
{
	return s && *s ? s : NULL;
}

void register_form_read(struct register_values *v, const struct form *f)
{
	memset(v, 0, sizeof(*v));
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		*value_at(&fields[i], v) =
		    none_if_empty(form_value(f, fields[i].var));
	v->privacy = form_bool(f, "privacy", false);
}

/* ---- requests ---- */

static enum stanza_cond sender(char **userp, const struct registry *r,
			       const struct stanza *iq)
{
	const char *from = stanza_attr(iq, "from");

	if (jid_bare(userp, from))
		return COND_JID_MALFORMED;

	return component_serves(r->c, *userp) ? COND_NONE : COND_FORBIDDEN;
}

static void text_add(struct stanza *q, const char *name, const char *text)
{
	(void)stanza_text_add(stanza_add(q, name, NULL), text);
}

static void get_answer(struct registry *r, const struct stanza *iq,
		       const char *user)
{
	struct register_form form;
	bool registered = false;
	enum stanza_cond cond;
	struct stanza *a, *q;

	memset(&form, 0, sizeof(form));
	cond = r->h.get(user, &form, &registered, r->h.arg);
	if (cond) {
		component_reply(r->c,
				stanza_error(iq, cond, NULL, NULL, NULL));
		return;
	}

	a = stanza_result(iq);
	q = stanza_add(a, "query", NS_REGISTER);
	if (registered)
		(void)stanza_add(q, "registered", NULL);
	text_add(q, "instructions",
		 form.instructions ? form.instructions : "");
	if (form.title) { /* else there is nothing to fill in */
		text_add(q, "username",
			 form.v.username ? form.v.username : "");
		text_add(q, "password", "");
		(void)register_form_add(q, &form);
	}
	component_reply(r->c, a);
}

static bool iq_get(struct component *c, const struct stanza *iq, void *arg)
{
	struct registry *r = arg;
	char *user = NULL;
	enum stanza_cond cond;

	if (!component_is_addressee(r->c, iq))
		return false;

	cond = sender(&user, r, iq);
	if (cond)
		component_reply(c, stanza_error(iq, cond, NULL, NULL, NULL));
	else
		get_answer(r, iq, user);
	mem_deref(user);

	return true;
}

/* One line, as the values of forms are. */
static void name_read(char **name, const struct stanza *e)
{
	char *raw = NULL;
	struct pl pl;

	if (stanza_text(&raw, e))
		return;

	pl_set_str(&pl, raw);
	(void)text_clean(name, &pl, FORM_VALUE_MAX);
	mem_deref(raw);
}

/* X0077 5: fields of the form win over plain ones. */
static void plain_read(struct register_values *v, char *texts[2],
		       const struct stanza *q)
{
	const struct stanza *e = stanza_child(q, "username", NS_REGISTER);

	if (e)
		name_read(&texts[0], e);
	e = stanza_child(q, "password", NS_REGISTER);
	if (e)
		(void)stanza_text(&texts[1], e);
	if (!v->username)
		v->username = none_if_empty(texts[0]);
	if (!v->password)
		v->password = none_if_empty(texts[1]);
}

static void set_read(struct registry *r, const char *user,
		     const struct stanza *q, struct pending *p)
{
	const struct stanza *x = stanza_child(q, "x", NS_FORMS);
	struct register_values v;
	char *texts[2] = {NULL, NULL};
	struct form *f = NULL;

	memset(&v, 0, sizeof(v));
	if (stanza_child(q, "remove", NS_REGISTER)) {
		r->h.remove(user, p, r->h.arg);
		return;
	}
	if (x && form_decode(&f, x)) {
		pending_error(p, COND_BAD_REQUEST, NULL, NULL, NULL);
		return;
	}

	if (f)
		register_form_read(&v, f);
	plain_read(&v, texts, q);
	if (f && !strcmp(f->type, "cancel"))
		pending_reply(p, stanza_result(pending_iq(p)));
	else if (f && strcmp(f->type, "submit"))
		pending_error(p, COND_BAD_REQUEST, NULL, NULL, NULL);
	else
		r->h.set(user, &v, p, r->h.arg);

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		if (texts[i])
			explicit_bzero(texts[i], strlen(texts[i]));
		mem_deref(texts[i]);
	}
	mem_deref(f);
}

static bool iq_set(struct component *c, const struct stanza *iq, void *arg)
{
	const struct stanza *q = stanza_child(iq, "query", NS_REGISTER);
	struct registry *r = arg;
	enum stanza_cond cond;
	struct pending *p;
	char *user = NULL;

	if (!component_is_addressee(r->c, iq))
		return false;

	cond = q ? sender(&user, r, iq) : COND_BAD_REQUEST;
	if (cond) {
		component_reply(c, stanza_error(iq, cond, NULL, NULL, NULL));
	} else if (pending_alloc(&p, c, iq)) {
		component_reply(c, stanza_error(iq, COND_RESOURCE_CONSTRAINT,
						NULL, NULL, NULL));
	} else {
		set_read(r, user, q, p);
		mem_deref(p);
	}
	mem_deref(user);

	return true;
}

static void destructor(void *arg)
{
	struct registry *r = arg;

	component_unlisten(r->c, r);
}

int registry_alloc(struct registry **rp, struct component *c,
		   const struct register_handlers *h)
{
	struct registry *r;
	int err;

	r = mem_zalloc(sizeof(*r), destructor);
	if (!r)
		return ENOMEM;

	r->c = c;
	r->h = *h;
	err = component_listen(c, COMPONENT_IQ_GET, NS_REGISTER, iq_get, r);
	if (!err)
		err = component_listen(c, COMPONENT_IQ_SET, NS_REGISTER,
				       iq_set, r);
	if (err)
		mem_deref(r);
	else
		*rp = r;

	return err;
}
