/* register.h: in-band registration with the gateway (X0077, X0100 4.1): the
 * form of a SIP account, and its requests. */
#ifndef XMPP_REGISTER_H
#define XMPP_REGISTER_H

#include "xmpp/forms.h"
#include "xmpp/pending.h"

#define NS_REGISTER "jabber:iq:register"

struct register_values { /* NULL: none was given */
	const char *username, *password, *domain, *proxy, *auth, *transport;
	const char *name;
	bool privacy;
};

/* What the fields of a form are filled with, and where accounts may be. */
struct register_form {
	const char *title, *instructions;
	struct register_values v; /* password is never shown */
	char *const *providers;
	size_t providerc;
};

struct register_handlers {
	/* Fills the form; true: the user has an account.  COND_NONE or how to
	 * refuse. */
	enum stanza_cond (*get)(const char *user, struct register_form *form,
				bool *registered, void *arg);
	/* Answers with pending_reply() or pending_error(), now or later; holds
	 * a reference for that. */
	void (*set)(const char *user, const struct register_values *v,
		    struct pending *p, void *arg);
	void (*remove)(const char *user, struct pending *p, void *arg);
	void *arg;
};

struct registry; /* mem_ref object */

/* Users of other domains than the component's are refused. */
int registry_alloc(struct registry **rp, struct component *c,
		   const struct register_handlers *h);

/* Adds the <x/> that asks for an account. */
struct stanza *register_form_add(struct stanza *parent,
				 const struct register_form *f);
/* Slices of the form: valid as long as it is. */
void register_form_read(struct register_values *v, const struct form *f);

#endif
