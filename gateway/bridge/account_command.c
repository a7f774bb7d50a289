/* account_command.c: what users do by ad-hoc commands (D53). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "bridge/account_priv.h"

#define NS_COMMAND_FORM "urn:stoxd:account"

enum { MAY_ACCOUNTS = 1, ID_TEXT = 24 };

static struct owner *owner_of(const struct portal_face *f,
			      const struct adhoc_session *s)
{
	return owner_find(f->a, adhoc_user(s));
}

static unsigned may(const char *user, void *arg)
{
	const struct portal_face *f = arg;
	(void)user;

	return accounts_on(f->a) ? MAY_ACCOUNTS : 0;
}

/* ---- which account ---- */

static const struct account *only(const struct owner *o, const char *gateway)
{
	return account_nth(o, gateway, 1) ? NULL : account_nth(o, gateway, 0);
}

/* Asks for one of several; the value is its number. */
static void which_ask(struct adhoc_session *s, const struct portal_face *f,
		      const char *title)
{
	const char *gateway = component_domain(f->c);
	const struct owner *o = owner_of(f, s);
	const struct account *acc;
	struct stanza *r, *c, *x, *e;

	if (!o || !account_nth(o, gateway, 0)) {
		adhoc_note(s, "info", "You have no SIP account here.");
		return;
	}

	r = adhoc_ask(s, &c);
	x = form_add(c, "form", title, NULL, NS_COMMAND_FORM);
	e = form_field_add(x, "list-single", "account", "Account", NULL, true);
	for (unsigned n = 0; (acc = account_nth(o, gateway, n)); n++) {
		char id[ID_TEXT], label[2 * ACCOUNT_TEXT_MAX + 2];

		(void)re_snprintf(id, sizeof(id), "%lld", (long long)acc->id);
		(void)re_snprintf(label, sizeof(label), "%H", account_print,
				  acc);
		form_option_add(e, label, id);
	}
	adhoc_send(s, r);
}

static struct account *which(struct adhoc_session *s,
			     const struct portal_face *f,
			     const struct form *form)
{
	const char *v = form_value(form, "account");
	const struct owner *o = owner_of(f, s);
	struct account *acc;

	acc = o && v ? account_by_id(o, strtoll(v, NULL, 10)) : NULL;
	if (!acc || strcmp(acc->gateway, component_domain(f->c))) {
		adhoc_error(s, COND_ITEM_NOT_FOUND,
			    "there is no such account");
		return NULL;
	}

	return acc;
}

/* ---- accounts ---- */

static void list_accounts(struct adhoc_session *s, const struct form *form,
			  void *arg)
{
	const struct portal_face *f = arg;
	const struct owner *o = owner_of(f, s);
	const struct account *acc;
	struct stanza *r, *c, *x;
	(void)form;

	if (!o || !account_nth(o, component_domain(f->c), 0)) {
		adhoc_note(s, "info", "You have no SIP account here.");
		return;
	}

	r = adhoc_show(s, &c);
	x = form_add(c, "result", "SIP accounts", NULL, NULL);
	form_column_add(x, "text-single", "account", "Account");
	form_column_add(x, "text-single", "state", "State");
	for (unsigned n = 0; (acc = account_nth(o, component_domain(f->c), n));
	     n++) {
		struct stanza *item = stanza_add(x, "item", NS_FORMS);
		char text[2 * ACCOUNT_TEXT_MAX + 2];

		(void)re_snprintf(text, sizeof(text), "%H", account_print,
				  acc);
		(void)form_field_add(item, NULL, "account", NULL, text, false);
		(void)re_snprintf(text, sizeof(text), "%H",
				  account_print_state, acc);
		(void)form_field_add(item, NULL, "state", NULL, text, false);
	}
	adhoc_send(s, r);
}

static void tried(enum stanza_cond cond, const char *text, struct account *acc,
		  void *arg)
{
	struct adhoc_session *s = arg;
	char words[300];

	(void)re_snprintf(words, sizeof(words), "%H: %s", account_print, acc,
			  cond ? text : "registered");
	adhoc_note(s, cond ? "error" : "info", words);
	if (!cond)
		account_welcome(acc);
}

static void tested(enum stanza_cond cond, const char *text,
		   struct account *acc, void *arg)
{
	char words[300];

	(void)re_snprintf(words, sizeof(words), "%H: %s", account_print, acc,
			  cond ? text : "registered");
	adhoc_note(arg, cond ? "error" : "info", words);
}

static void account_ask(struct adhoc_session *s, const struct portal_face *f,
			const struct account *acc)
{
	struct register_form form;
	struct stanza *r, *c;

	account_form_fill(&form, f->a, acc);
	r = adhoc_ask(s, &c);
	(void)register_form_add(c, &form);
	adhoc_send(s, r);
}

static void account_take(struct adhoc_session *s, struct portal_face *f,
			 struct account *old, const struct form *form)
{
	struct register_values v;
	enum stanza_cond cond;
	const char *why;

	register_form_read(&v, form);
	cond = account_set(f, adhoc_user(s), old, &v, tried, s, &why);
	if (cond)
		adhoc_error(s, cond, why);
}

static void add_account(struct adhoc_session *s, const struct form *form,
			void *arg)
{
	struct portal_face *f = arg;

	if (!adhoc_step(s))
		account_ask(s, f, NULL);
	else
		account_take(s, f, NULL, form);
}

struct choice { /* which account a command is about */
	int64_t id;
};

static void choose(struct adhoc_session *s, int64_t id)
{
	struct choice *c = mem_zalloc(sizeof(*c), NULL);

	if (!c)
		return;

	c->id = id;
	adhoc_keep(s, c);
	mem_deref(c);
}

static void change_account(struct adhoc_session *s, const struct form *form,
			   void *arg)
{
	const struct choice *c = adhoc_kept(s);
	struct portal_face *f = arg;
	const struct owner *o = owner_of(f, s);
	const struct account *one;
	struct account *acc;

	if (c) {
		acc = o ? account_by_id(o, c->id) : NULL;
		if (acc)
			account_take(s, f, acc, form);
		else
			adhoc_error(s, COND_ITEM_NOT_FOUND,
				    "there is no such account");
		return;
	}

	one = o ? only(o, component_domain(f->c)) : NULL;
	if (!adhoc_step(s) && !one) {
		which_ask(s, f, "Change an account");
		return;
	}
	if (adhoc_step(s))
		one = which(s, f, form);
	if (!one)
		return;
	choose(s, one->id);
	account_ask(s, f, one);
}

static void test_account(struct adhoc_session *s, const struct form *form,
			 void *arg)
{
	struct portal_face *f = arg;
	struct account *acc;

	if (!adhoc_step(s)) {
		which_ask(s, f, "Test an account");
		return;
	}

	acc = which(s, f, form);
	if (acc && account_test(acc, tested, s))
		adhoc_error(s, COND_RESOURCE_CONSTRAINT,
			    "it is being tried already; wait a moment");
}

static void remove_account(struct adhoc_session *s, const struct form *form,
			   void *arg)
{
	struct portal_face *f = arg;
	struct account *acc;

	if (!adhoc_step(s)) {
		which_ask(s, f, "Remove an account");
		return;
	}

	acc = which(s, f, form);
	if (!acc)
		return;

	account_remove(acc);
	adhoc_note(s, "info", "The account is removed.");
}

/* ---- the user's own ---- */

static void status(struct adhoc_session *s, const struct form *form, void *arg)
{
	const struct portal_face *f = arg;
	const struct owner *o = owner_of(f, s);
	const struct account *acc;
	struct mbuf *mb = mbuf_alloc(512);
	unsigned messages = 0;
	char *text = NULL;
	int err = mb ? 0 : ENOMEM;
	(void)form;

	for (unsigned n = 0;
	     !err && o && (acc = account_nth(o, component_domain(f->c), n));
	     n++) {
		messages += acc->messages;
		err = mbuf_printf(mb, "%H: %H\n", account_print, acc,
				  account_print_state, acc);
	}
	if (!err && messages)
		err = mbuf_printf(mb, "%u new voice message%s\n", messages,
				  messages == 1 ? "" : "s");
	if (!err)
		err = mbuf_printf(mb, "%s",
				  o && o->dnd ? "You are not disturbed."
					      : "Calls reach you.");
	if (!err) {
		mb->pos = 0;
		err = mbuf_strdup(mb, &text, mb->end);
	}
	if (err)
		adhoc_error(s, COND_RESOURCE_CONSTRAINT, NULL);
	else
		adhoc_note(s, "info", text);
	mem_deref(text);
	mem_deref(mb);
}

static void bool_ask(struct adhoc_session *s, const char *title,
		     const char *var, const char *label, bool value)
{
	struct stanza *r, *c, *x;

	r = adhoc_ask(s, &c);
	x = form_add(c, "form", title, NULL, NS_COMMAND_FORM);
	(void)form_field_add(x, "boolean", var, label, value ? "1" : "0",
			     false);
	adhoc_send(s, r);
}

static void dnd(struct adhoc_session *s, const struct form *form, void *arg)
{
	struct portal_face *f = arg;
	struct owner *o = owner_of(f, s);

	if (!adhoc_step(s)) {
		bool_ask(s, "Do not disturb", "dnd",
			 "Refuse all calls from SIP", o && o->dnd);
		return;
	}
	if (owner_get(&o, f->a, adhoc_user(s))) {
		adhoc_error(s, COND_RESOURCE_CONSTRAINT, NULL);
		return;
	}

	o->dnd = form_bool(form, "dnd", false);
	owner_save(o);
	adhoc_note(s, "info",
		   o->dnd ? "You are not disturbed." : "Calls reach you.");
}

static bool dial_address(char **contactp, const struct portal_face *f,
			 const char *text)
{
	return text && *text &&
	       !route_prompt(f->a->conf.route, component_conf(f->c), contactp,
			     text);
}

/* For a client that cannot call an address that nobody has as a contact, or a
 * program that calls for its user. */
static void dial(struct adhoc_session *s, const struct form *form, void *arg)
{
	const struct portal_face *f = arg;
	const char *text = form_value(form, "number");
	struct ending why;
	char *contact = NULL, *words = NULL;

	if (!adhoc_step(s)) {
		struct stanza *r, *c, *x;

		r = adhoc_ask(s, &c);
		x = form_add(c, "form", "Call",
			     "Your devices ring; when you have answered, the "
			     "number is called.",
			     NS_COMMAND_FORM);
		(void)form_field_add(x, "text-single", "number",
				     "Number or SIP address", NULL, true);
		adhoc_send(s, r);
		return;
	}
	if (!dial_address(&contact, f, text)) {
		adhoc_error(s, COND_ITEM_NOT_FOUND, "no such address");
		return;
	}

	if (calls_dial(adhoc_user(s), contact, &why)) {
		adhoc_error(s, COND_NOT_ALLOWED, ending_words(&why));
	} else {
		(void)re_sdprintf(
		    &words, "Your devices ring; then %s is called.", text);
		adhoc_note(s, "info", words ? words : "");
	}
	mem_deref(words);
	mem_deref(contact);
}

static void privacy(struct adhoc_session *s, const struct form *form,
		    void *arg)
{
	struct portal_face *f = arg;
	const struct owner *o = owner_of(f, s);
	struct account *acc =
	    o ? account_nth(o, component_domain(f->c), 0) : NULL;

	if (!acc) {
		adhoc_note(s, "info", "You have no SIP account here.");
		return;
	}
	if (!adhoc_step(s)) {
		bool_ask(s, "Privacy", "privacy",
			 "Hide my identity from those whom I call",
			 acc->privacy);
		return;
	}

	for (unsigned n = 0; (acc = account_nth(o, component_domain(f->c), n));
	     n++) {
		acc->privacy = form_bool(form, "privacy", false);
		(void)account_save(acc, NULL, NULL);
	}
	adhoc_note(s, "info",
		   form_bool(form, "privacy", false)
		       ? "Your identity is hidden."
		       : "Your identity is shown.");
}

static const struct adhoc_command commands[] = {
    {"sip:status", "Show my status", status, 0},
    {"sip:dial", "Call a number", dial, 0},
    {"sip:dnd", "Do not disturb", dnd, 0},
    {"sip:accounts", "List my SIP accounts", list_accounts, MAY_ACCOUNTS},
    {"sip:account-add", "Add a SIP account", add_account, MAY_ACCOUNTS},
    {"sip:account-change", "Change a SIP account", change_account,
     MAY_ACCOUNTS},
    {"sip:account-test", "Test a SIP account", test_account, MAY_ACCOUNTS},
    {"sip:account-remove", "Remove a SIP account", remove_account,
     MAY_ACCOUNTS},
    {"sip:privacy", "Hide or show my identity", privacy, MAY_ACCOUNTS},
};

int account_adhoc(struct portal_face *f)
{
	const struct adhoc_handlers h = {commands, ARRAY_SIZE(commands), may,
					 f, false};

	return adhoc_alloc(&f->adhoc, f->c, &h);
}
