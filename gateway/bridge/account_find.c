/* account_find.c: contacts that the gateway knows of: searched (X0055) and
 * suggested (X0144, X0356). */
#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <time.h>
#include "base/id.h"
#include "base/log.h"
#include "base/text.h"
#include "bridge/account_priv.h"
#include "xmpp/jid.h"

#define NS_SEARCH      "jabber:iq:search"
#define NS_ROSTERX     "http://jabber.org/protocol/rosterx"
#define NS_ROSTER      "jabber:iq:roster"
#define NS_PRIVILEGE   "urn:xmpp:privilege:2"
#define NS_PRIVILEGE_1 "urn:xmpp:privilege:1"

enum {
	FOUND_MAX = 100,
	SUGGEST_MAX = 150, /* X0144 3: of one message (G.3) */
};

/* ---- what is known ---- */

/* The first name is kept behind the address, a later one by itself. */
static void name_drop(struct contact *c)
{
	if (c->name != c->jid + strlen(c->jid) + 1)
		mem_deref(c->name);
	c->name = NULL;
}

static void contact_destructor(void *arg)
{
	struct contact *c = arg;

	list_unlink(&c->le);
	name_drop(c);
}

static struct contact *contact_find(const struct owner *o, const char *jid)
{
	struct le *le;

	LIST_FOREACH (&o->contacts, le) {
		struct contact *c = le->data;

		if (!strcmp(c->jid, jid))
			return c;
	}

	return NULL;
}

static void contact_save(const struct owner *o, const struct contact *c)
{
	const struct store_value v[] = {store_text(o->jid), store_text(c->jid),
					store_text(c->name),
					store_int(c->seen)};

	if (o->a->conf.store && store_put(o->a->conf.store, STORE_CONTACT_PUT,
					  v, ARRAY_SIZE(v), NULL, NULL))
		log_debug("account: contact %s of %s is not kept\n", c->jid,
			  o->jid);
}

static void contact_forget(struct owner *o, struct contact *c)
{
	const struct store_value v[] = {store_text(o->jid),
					store_text(c->jid)};

	if (o->a->conf.store)
		(void)store_put(o->a->conf.store, STORE_CONTACT_DELETE, v,
				ARRAY_SIZE(v), NULL, NULL);
	o->contactc--;
	o->a->contactc--;
	mem_deref(c);
}

static int contact_add(struct contact **cp, struct owner *o, const char *jid,
		       const char *name, int64_t seen)
{
	const size_t room = strlen(jid) + (name ? strlen(name) : 0) + 2;
	struct contact *c = mem_alloc(sizeof(*c) + room, contact_destructor);
	char *at;

	if (!c)
		return ENOMEM;
	memset(c, 0, sizeof(*c));
	at = c->jid;
	(void)text_put(&at, jid);
	c->name = name ? text_put(&at, name) : NULL;
	c->seen = seen;
	list_prepend(&o->contacts, &c->le, c);
	o->contactc++;
	o->a->contactc++;
	*cp = c;

	return 0;
}

void accounts_contact(struct accounts *a, const char *user,
		      const char *contact, const char *name)
{
	const int64_t now = (int64_t)time(NULL);
	struct contact *c;
	struct owner *o;

	if (!a || !a->conf.store || !strchr(contact, '@') ||
	    !strncmp(contact, "anonymous@", 10) || owner_get(&o, a, user))
		return;

	c = contact_find(o, contact);
	if (c) {
		const bool same = !name || (c->name && !strcmp(c->name, name));

		list_unlink(&c->le);
		list_prepend(&o->contacts, &c->le, c);
		if (same && now - c->seen < 24 * 3600)
			return;
		c->seen = now;
		if (!same) {
			name_drop(c);
			(void)str_dup(&c->name, name);
		}
	} else if (contact_add(&c, o, contact, name, now)) {
		return;
	}
	contact_save(o, c);
	if (o->contactc > CONTACTS_OF_USER)
		contact_forget(o, o->contacts.tail->data);
}

struct contact_rows {
	struct accounts *a;
	struct owner *last; /* rows of one user come together */
};

static void contact_row(const struct store_value *v, size_t n, void *arg)
{
	struct contact_rows *rows = arg;
	struct contact *c;
	struct owner *o = rows->last;

	if (n < 4 || v[0].kind != STORE_TEXT || v[1].kind != STORE_TEXT)
		return;
	if ((!o || strcmp(o->jid, v[0].p) != 0) &&
	    owner_get(&o, rows->a, v[0].p))
		return;
	rows->last = o;
	if (o->contactc >= CONTACTS_OF_USER)
		return;

	(void)contact_add(&c, o, v[1].p,
			  v[2].kind == STORE_TEXT ? v[2].p : NULL, v[3].n);
}

int account_contacts_load(struct accounts *a)
{
	struct contact_rows rows = {.a = a};

	return store_load(a->conf.store, STORE_CONTACTS, contact_row, &rows);
}

/* ---- search (D53) ---- */

static const char *const fields[] = {"first", "last", "nick", "email"};

static bool has_text(const char *s, const char *part)
{
	const size_t n = strlen(part);

	for (; s && *s; s++) {
		if (!strncasecmp(s, part, n))
			return true;
	}

	return false;
}

/* Each word that was given must be in the name, or in the address. */
static bool matches(const char *name, const char *address,
		    char *const want[ARRAY_SIZE(fields)])
{
	bool any = false;

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		const bool is_address = !strcmp(fields[i], "email");

		if (!want[i] || !*want[i])
			continue;
		any = true;
		if (!has_text(is_address ? address : name, want[i]) &&
		    !(is_address ? false : has_text(address, want[i])))
			return false;
	}

	return any;
}

struct found {
	struct stanza *query, *x;
	bool form;
	unsigned n;
	char *const *want;
};

static void found_add(struct found *f, const char *jid, const char *name,
		      const char *address)
{
	struct stanza *item;

	if (f->n++ >= FOUND_MAX)
		return;

	item = f->form ? stanza_add(f->x, "item", NS_FORMS)
		       : stanza_add(f->query, "item", NULL);
	if (f->form) {
		(void)form_field_add(item, NULL, "jid", NULL, jid, false);
		(void)form_field_add(item, NULL, "nick", NULL,
				     name ? name : address, false);
		(void)form_field_add(item, NULL, "email", NULL, address,
				     false);
		return;
	}

	(void)stanza_attr_set(item, "jid", jid);
	(void)stanza_text_add(stanza_add(item, "first", NULL), "");
	(void)stanza_text_add(stanza_add(item, "last", NULL), "");
	(void)stanza_text_add(stanza_add(item, "nick", NULL),
			      name ? name : address);
	(void)stanza_text_add(stanza_add(item, "email", NULL), address);
}

static void search_contacts(struct found *f, const struct owner *o,
			    const char *gateway)
{
	struct le *le;

	for (le = o ? o->contacts.head : NULL; le; le = le->next) {
		const struct contact *c = le->data;
		const char *at = strchr(c->jid, '@');
		char *address = NULL;

		if (strcmp(at + 1, gateway) ||
		    jid_unescape(&address, c->jid, (size_t)(at - c->jid)))
			continue;
		if (matches(c->name, address, f->want))
			found_add(f, c->jid, c->name, address);
		mem_deref(address);
	}
}

/* "600 = Reception" */
static int phonebook_jid(char **jp, const struct config_route *line,
			 const char *gateway)
{
	char *local = NULL;
	int err;

	err = jid_escape(&local, line->name, strlen(line->name));
	if (!err)
		err = re_sdprintf(jp, "%s@%s", local, gateway);
	mem_deref(local);

	return err;
}

static void search_phonebook(struct found *f, const struct config *config,
			     const char *gateway)
{
	for (size_t i = 0; i < config->phonebookc; i++) {
		const struct config_route *line = &config->phonebook[i];
		char *jid = NULL;

		if (!matches(line->text, line->name, f->want) ||
		    phonebook_jid(&jid, line, gateway))
			continue;
		found_add(f, jid, line->text, line->name);
		mem_deref(jid);
	}
}

static void want_read(char *want[ARRAY_SIZE(fields)], const struct form *form,
		      const struct stanza *q)
{
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		const struct stanza *e = stanza_child(q, fields[i], NS_SEARCH);
		const char *v = form_value(form, fields[i]);

		if (v)
			(void)str_dup(&want[i], v);
		else if (e)
			(void)stanza_text(&want[i], e);
	}
}

static void search(struct portal_face *f, const struct stanza *iq,
		   const char *user)
{
	const struct stanza *q = stanza_child(iq, "query", NS_SEARCH);
	const struct stanza *x = stanza_child(q, "x", NS_FORMS);
	const char *gateway = component_domain(f->c);
	char *want[ARRAY_SIZE(fields)] = {NULL, NULL, NULL, NULL};
	struct found found = {.form = x != NULL, .want = want};
	struct form *form = NULL;
	struct stanza *r;

	if (x && form_decode(&form, x)) {
		component_reply(f->c, stanza_error(iq, COND_BAD_REQUEST, NULL,
						   NULL, NULL));
		return;
	}

	want_read(want, form, q);
	r = stanza_result(iq);
	found.query = stanza_add(r, "query", NS_SEARCH);
	if (x) {
		found.x =
		    form_add(found.query, "result", NULL, NULL, NS_SEARCH);
		form_column_add(found.x, "jid-single", "jid", "JID");
		form_column_add(found.x, "text-single", "nick", "Name");
		form_column_add(found.x, "text-single", "email", "Address");
	}
	search_phonebook(&found, f->a->conf.config, gateway);
	search_contacts(&found, owner_find(f->a, user), gateway);
	component_reply(f->c, r);
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		mem_deref(want[i]);
	mem_deref(form);
}

static void search_form(struct portal_face *f, const struct stanza *iq)
{
	static const char words[] = "Fill in at least one field.";
	static const char *const labels[] = {"Name", "Name", "Name",
					     "Number or SIP address"};
	struct stanza *r = stanza_result(iq), *q, *x;

	q = stanza_add(r, "query", NS_SEARCH);
	(void)stanza_text_add(stanza_add(q, "instructions", NULL), words);
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		(void)stanza_add(q, fields[i], NULL);
	x = form_add(q, "form", "Search", words, NS_SEARCH);
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		(void)form_field_add(x, "text-single", fields[i], labels[i],
				     NULL, false);
	component_reply(f->c, r);
}

static bool iq_search(struct component *c, const struct stanza *iq, void *arg)
{
	const char *type = stanza_attr(iq, "type");
	struct portal_face *f = arg;
	char *user = NULL;

	if (!component_is_addressee(c, iq) ||
	    !stanza_child(iq, "query", NS_SEARCH))
		return false;

	if (jid_bare(&user, stanza_attr(iq, "from")) ||
	    !component_serves(c, user))
		component_reply(
		    c, stanza_error(iq, COND_FORBIDDEN, NULL, NULL, NULL));
	else if (!strcmp(type, "get"))
		search_form(f, iq);
	else
		search(f, iq, user);
	mem_deref(user);

	return true;
}

/* ---- suggestions ---- */

static void item_add(struct stanza *x, const struct config_route *line,
		     const char *gateway, bool rosterx)
{
	struct stanza *item;
	char *jid = NULL;

	if (phonebook_jid(&jid, line, gateway))
		return;

	item = stanza_add(x, "item", NULL);
	if (rosterx)
		(void)stanza_attr_set(item, "action", "add");
	(void)stanza_attr_set(item, "jid", jid);
	(void)stanza_attr_set(item, "name", line->text);
	(void)stanza_text_add(stanza_add(item, "group", NULL), "SIP");
	mem_deref(jid);
}

static void answered(int err, const struct stanza *reply, void *arg)
{
	(void)reply;
	(void)arg;
	if (err)
		log_debug("account: a roster was not set: %m\n", err);
}

/* X0356 4: one roster set a contact, as RFC 6121 2.1.5 wants it. */
static void roster_push(struct portal_face *f, const char *user)
{
	const struct config *config = f->a->conf.config;

	for (size_t i = 0; i < MIN(config->phonebookc, SUGGEST_MAX); i++) {
		struct stanza *iq = stanza_new("iq", NS_COMPONENT);

		(void)stanza_attr_set(iq, "type", "set");
		(void)stanza_attr_set(iq, "to", user);
		item_add(stanza_add(iq, "query", NS_ROSTER),
			 &config->phonebook[i], component_domain(f->c), false);
		(void)component_iq_send(NULL, f->c, iq, answered, NULL);
		stanza_free(iq);
	}
}

void account_suggest(struct portal_face *f, const char *user)
{
	const struct config *config = f->a->conf.config;
	const char *gateway = component_domain(f->c);
	struct stanza *st, *x;
	char id[ACCOUNT_TOKEN];

	if (!config->phonebookc)
		return;
	if (service_granted(f->service, user) & SERVICE_GRANT_ROSTER) {
		roster_push(f, user);
		return;
	}

	id_token(id, sizeof(id));
	st = stanza_new("message", NS_COMPONENT);
	(void)stanza_attr_set(st, "from", gateway);
	(void)stanza_attr_set(st, "to", user);
	(void)stanza_attr_set(st, "id", id);
	x = stanza_add(st, "x", NS_ROSTERX);
	for (size_t i = 0; i < MIN(config->phonebookc, SUGGEST_MAX); i++)
		item_add(x, &config->phonebook[i], gateway, true);
	if (stanza_ok(st))
		(void)component_send(f->c, st, COMPONENT_NORMAL);
	stanza_free(st);
}

/* ---- X0356 ---- */

static const struct {
	const char *access, *type;
	unsigned grant;
} perms[] = {
    {"roster", "both", SERVICE_GRANT_ROSTER},
    {"roster", "set", SERVICE_GRANT_ROSTER},
    {"presence", "managed_entity", SERVICE_GRANT_PRESENCE},
    {"presence", "roster", SERVICE_GRANT_PRESENCE},
};

/* Only a server of users grants, and what is theirs. */
static bool message(struct component *c, const struct stanza *st, void *arg)
{
	const struct stanza *p, *e;
	struct portal_face *f = arg;
	unsigned granted = 0;

	p = stanza_child(st, "privilege", NS_PRIVILEGE);
	if (!p)
		p = stanza_child(st, "privilege", NS_PRIVILEGE_1);
	if (!p)
		return false;
	if (!config_serves(component_conf(f->c), stanza_attr(st, "from")))
		return true;

	for (e = stanza_child(p, "perm", NULL); e;
	     e = stanza_next(e, "perm", NULL)) {
		const char *access = stanza_attr(e, "access");
		const char *type = stanza_attr(e, "type");

		for (size_t i = 0; access && type && i < ARRAY_SIZE(perms);
		     i++) {
			if (!strcmp(access, perms[i].access) &&
			    !strcmp(type, perms[i].type))
				granted |= perms[i].grant;
		}
	}
	if (f->service &&
	    service_grant(f->service, stanza_attr(st, "from"), granted))
		log_warning("xmpp: a privilege is not used: no memory\n");
	log_info("xmpp: %s: %s grants%s%s\n", component_domain(c),
		 stanza_attr(st, "from"),
		 granted & SERVICE_GRANT_ROSTER ? " rosters" : "",
		 granted & SERVICE_GRANT_PRESENCE ? " presence" : "");

	return true;
}

static void state(struct component *c, bool up, void *arg)
{
	struct portal_face *f = arg;
	(void)c;

	if (up) /* it grants anew after each handshake */
		return;

	if (f->service)
		service_grant_none(f->service);
}

int account_search(struct portal_face *f)
{
	int err;

	err =
	    component_listen(f->c, COMPONENT_IQ_GET, NS_SEARCH, iq_search, f);
	if (!err)
		err = component_listen(f->c, COMPONENT_IQ_SET, NS_SEARCH,
				       iq_search, f);
	if (!err)
		err = component_listen(f->c, COMPONENT_MESSAGE, NULL, message,
				       f);
	if (!err)
		err = component_listen_state(f->c, state, f);

	return err;
}
