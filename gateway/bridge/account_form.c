/* account_form.c: registration with the gateway (X0077, X0100 4.1, 4.3). */
#include <errno.h>
#include <string.h>
#include "bridge/account_priv.h"

static const char instructions[] =
    "Your SIP account.  It is tried at once; its password is kept encrypted.";
static const char managed[] =
    "The operator of this gateway has set up your number; there is nothing to "
    "fill in.";

static void form_fill(struct register_form *form, const struct accounts *a,
		      const struct account *acc)
{
	const struct config_account *c = &a->conf.config->account;
	bool any = false;

	for (size_t i = 0; i < c->providerc; i++)
		any |= !strcmp(c->providers[i], "*");
	form->title = "SIP account";
	form->instructions = instructions;
	if (!any) {
		form->providers = c->providers;
		form->providerc = c->providerc;
	}
	if (!acc)
		return;

	form->v.username = acc->username;
	form->v.domain = acc->domain;
	form->v.proxy = acc->proxy;
	form->v.auth = acc->auth;
	form->v.transport = acc->transport;
	form->v.name = acc->name;
	form->v.privacy = acc->privacy;
}

void account_form_fill(struct register_form *form, const struct accounts *a,
		       const struct account *acc)
{
	memset(form, 0, sizeof(*form));
	form_fill(form, a, acc);
}

static enum stanza_cond get(const char *user, struct register_form *form,
			    bool *registered, void *arg)
{
	const struct portal_face *f = arg;
	const struct owner *o = owner_find(f->a, user);
	const struct account *acc =
	    o ? account_nth(o, component_domain(f->c), 0) : NULL;

	if (!accounts_on(f->a)) { /* D51 */
		form->instructions = managed;
		*registered = true;
		return COND_NONE;
	}

	form_fill(form, f->a, acc);
	*registered = acc != NULL;

	return COND_NONE;
}

static void done(enum stanza_cond cond, const char *text, struct account *acc,
		 void *arg)
{
	struct pending *p = arg;

	if (cond) {
		pending_error(p, cond, NULL, NULL, text);
		return;
	}

	pending_reply(p, stanza_result(pending_iq(p)));
	account_welcome(acc);
}

/* X0077 5: an unchanged password need not be typed again. */
static const char *password_of(const struct register_values *v,
			       const struct account *old)
{
	return v->password ? v->password : old ? old->password : NULL;
}

enum stanza_cond account_set(struct portal_face *f, const char *user,
			     struct account *old,
			     const struct register_values *v,
			     account_done_h *h, void *arg, const char **why)
{
	const char *gateway = component_domain(f->c);
	struct register_values w = *v;
	struct account *acc;
	struct owner *o;
	int err;

	*why = NULL;
	if (!accounts_on(f->a))
		return COND_NOT_ALLOWED;
	if (owner_get(&o, f->a, user))
		return COND_RESOURCE_CONSTRAINT;
	if (!old && list_count(&o->accounts) + account_trials(o) >=
			f->a->conf.config->account.per_user) {
		*why = "you have as many accounts as are allowed";
		return COND_NOT_ALLOWED;
	}

	w.password = password_of(v, old);
	err = account_alloc(&acc, o, gateway, &w, why);
	if (!err)
		err = account_try(acc, old, h, arg);
	switch (err) {
	case 0:
		return COND_NONE;
	case EINVAL:
		return *why ? COND_NOT_ACCEPTABLE : COND_BAD_REQUEST;
	case EEXIST:
		*why = "you have this account already";
		return COND_CONFLICT;
	case ENOSPC:
		*why = "too many different accounts were tried";
		return COND_RESOURCE_CONSTRAINT;
	case EBUSY:
		*why = "an account is being tried already; wait a moment";
		return COND_RESOURCE_CONSTRAINT;
	default:
		return COND_INTERNAL_SERVER_ERROR;
	}
}

static void set(const char *user, const struct register_values *v,
		struct pending *p, void *arg)
{
	struct portal_face *f = arg;
	const struct owner *o = owner_find(f->a, user);
	struct account *old =
	    o ? account_nth(o, component_domain(f->c), 0) : NULL;
	enum stanza_cond cond;
	const char *why;

	cond = account_set(f, user, old, v, done, p, &why);
	if (cond)
		pending_error(p, cond, NULL, NULL, why);
}

/* X0100 4.3: all accounts at this gateway. */
static void remove_all(const char *user, struct pending *p, void *arg)
{
	struct portal_face *f = arg;
	const struct owner *o = owner_find(f->a, user);
	struct account *acc;

	if (!o || !account_nth(o, component_domain(f->c), 0)) {
		pending_error(p, COND_REGISTRATION_REQUIRED, NULL, NULL, NULL);
		return;
	}

	while ((acc = account_nth(o, component_domain(f->c), 0)))
		account_remove(acc);
	pending_reply(p, stanza_result(pending_iq(p)));
	account_goodbye(user, f);
}

int account_registry(struct portal_face *f)
{
	const struct register_handlers h = {get, set, remove_all, f};

	return registry_alloc(&f->registry, f->c, &h);
}
