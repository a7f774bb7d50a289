/* route.c: SIP -> XMPP: whom an address rings, and as whom. */
#include <errno.h>
#include <string.h>
#include <strings.h>
#include "base/log.h"
#include "base/text.h"
#include "bridge/address.h"
#include "bridge/number.h"
#include "bridge/rules.h"
#include "bridge/users.h"
#include "xmpp/jid.h"

const char *route_domain(const char *jid)
{
	const char *at = strchr(jid, '@');

	return at ? at + 1 : jid;
}

const struct config_xmpp *route_component(const struct config *c,
					  const char *domain)
{
	for (size_t i = 0; i < c->xmppc; i++) {
		if (!strcmp(c->xmpp[i].component, domain))
			return &c->xmpp[i];
	}

	return NULL;
}

static const struct config_xmpp *serving(const struct config *c,
					 const char *domain)
{
	for (size_t i = 0; i < c->xmppc; i++) {
		if (config_serves(&c->xmpp[i], domain))
			return &c->xmpp[i];
	}

	return NULL;
}

const struct config_trunk *route_labelled(const struct config *c,
					  const char *user)
{
	const char *at = strrchr(user, '@');

	for (size_t i = 0; at && at != user && i < c->trunkc; i++) {
		const struct config_trunk *t = &c->trunk[i];

		if (t->label && t->addressing == CONFIG_ADDR_TRUNK &&
		    !str_casecmp(at + 1, t->label))
			return t;
	}

	return NULL;
}

/* The bare JID whose local part stands for these bytes (XEP-0106). */
static int local_jid(char **jidp, const char *user, size_t len,
		     const char *domain)
{
	char *local = NULL, *text = NULL;
	struct jid jid;
	int err;

	err = jid_escape(&local, user, len);
	if (!err)
		err = re_sdprintf(&text, "%s@%s", local, domain);
	if (!err)
		err = jid_decode(&jid, text, strlen(text));
	if (!err) {
		err = jid_text_bare(jidp, &jid);
		jid_clear(&jid);
	}
	mem_deref(local);
	mem_deref(text);

	return err;
}

/* "1001" of a trunk with a label is 1001\40LABEL, and nobody else. */
static int labelled_jid(char **jidp, const char *user, const char *label,
			const char *domain)
{
	char *text;
	int err;

	err = re_sdprintf(&text, "%s@%s", user, label);
	if (err)
		return err;

	err = local_jid(jidp, text, strlen(text), domain);
	mem_deref(text);

	return err;
}

/* Host and port of the trunk's uri: what stands after its user. */
int route_trunk_host(char **hp, const struct config_trunk *t)
{
	struct pl host;
	const char *s = strchr(t->uri, ':');
	const char *at = strchr(t->uri, '@');

	host.p = at ? at + 1 : s ? s + 1 : t->uri;
	host.l = strcspn(host.p, ";?>");

	return pl_strdup(hp, &host);
}

/* JID of an XMPP user that a SIP user part names: a whole address, or the
 * local part of one at domain. */
static int user_jid(char **jidp, const char *user, const char *domain)
{
	const char *at = strrchr(user, '@');

	return local_jid(jidp, user, at ? (size_t)(at - user) : strlen(user),
			 at ? at + 1 : domain);
}

static unsigned default_in(const struct route *r,
			   const struct config_trunk *trunk,
			   const struct address *a, char **jidp)
{
	const char *domain =
	    r->conf->xmpp[0].domainc ? r->conf->xmpp[0].domains[0] : "";

	if (trunk->addressing == CONFIG_ADDR_DOMAIN)
		domain = a->host ? a->host : "";
	else if (trunk->addressing == CONFIG_ADDR_ESCAPED &&
		 !strchr(a->user, '@'))
		return 404;
	if (!*domain)
		return 404;

	return user_jid(jidp, a->user, domain) ? 404 : 0;
}

/* A number of the world in the trunk's words; false: it is none, or the trunk
 * has no country. */
static bool placed(struct number *n, const struct config_trunk *trunk,
		   const char *user)
{
	return trunk->numbers.country &&
	       !number_decode(n, &trunk->numbers, user) &&
	       n->kind == NUMBER_GLOBAL;
}

/* *user: as it came, or as the number that it is, whichever matches. */
static bool user_matches(const char *pattern, const char **user,
			 const struct number *n)
{
	if (rule_glob(pattern, *user))
		return true;
	if (n->kind != NUMBER_GLOBAL || !rule_glob(pattern, n->text))
		return false;

	*user = n->text;

	return true;
}

/* The first that is about this address; user: as that one reads it. */
static const struct rule *rule_in(const struct route *r,
				  const struct config_trunk *trunk,
				  const char **user, const struct number *n)
{
	struct le *le;

	LIST_FOREACH (&r->rules, le) {
		const struct rule *rule = le->data;
		const char *as = *user;

		if (rule->inbound && rule_glob(rule->from, trunk->name) &&
		    user_matches(rule->to, &as, n)) {
			*user = as;
			return rule;
		}
	}

	return NULL;
}

static void place_in(struct number *n, const struct config_trunk *trunk,
		     const struct address *a)
{
	if (!placed(n, trunk, a->user))
		n->kind = NUMBER_NAME;
}

static unsigned rules_in(const struct route *r,
			 const struct config_trunk *trunk,
			 const struct address *a, char **jidp)
{
	const struct rule *rule;
	const char *s, *user = a->user;
	char *text = NULL;
	struct number n;
	struct pl star;
	struct jid jid;
	int err;

	place_in(&n, trunk, a);
	rule = rule_in(r, trunk, &user, &n);
	if (!rule || rule->deny)
		return 403;

	rule_glob_star(&star, rule->to, user);
	s = strchr(rule->via, '*');
	if (s)
		err = re_sdprintf(&text, "%b%r%s", rule->via + 5,
				  (size_t)(s - rule->via - 5), &star, s + 1);
	else
		err = str_dup(&text, rule->via + 5);
	if (!err)
		err = jid_decode(&jid, text, strlen(text));
	mem_deref(text);
	if (err)
		return 404;
	err = jid_text_bare(jidp, &jid);
	jid_clear(&jid);

	return err ? 500 : 0;
}

static int caller_jid(char **jidp, const char *uri,
		      const struct config_trunk *trunk, const char *domain)
{
	struct number n = {.kind = NUMBER_NAME};
	struct address a;
	bool anonymous = true;
	int err = ENOENT;

	if (uri && !address_decode(&a, uri)) {
		anonymous = a.host && !strcmp(a.host, "anonymous.invalid");
		if (!anonymous && !placed(&n, trunk, a.user))
			n.kind = NUMBER_NAME;
		if (!anonymous && n.kind != NUMBER_GLOBAL && trunk->label &&
		    trunk->addressing == CONFIG_ADDR_TRUNK)
			err = labelled_jid(jidp, a.user, trunk->label, domain);
		address_clear(&a);
	}
	if (n.kind == NUMBER_GLOBAL)
		return re_sdprintf(jidp, "%s@%s", n.text, domain);
	if (!err)
		return 0;

	/* D10 */
	if (anonymous ||
	    route_uri_to_jid(jidp, uri, trunk->addressing, domain))
		return re_sdprintf(jidp, "anonymous@%s", domain);

	return 0;
}

static unsigned decode_target(struct address *a, const char *ruri,
			      const struct config_trunk *trunk)
{
	char *host = NULL;
	unsigned code = 0;

	switch (address_decode(a, ruri)) {
	case 0:
		break;
	case EACCES:
		return 480; /* sips:, D4 */
	default:
		return 404;
	}

	/* a local number of somebody else's plan, D9 */
	if (a->host && !strncasecmp(ruri, "tel:", 4)) {
		if (route_trunk_host(&host, trunk) ||
		    strncmp(host, a->host, strlen(a->host)))
			code = 404;
		mem_deref(host);
	}

	if (code)
		address_clear(a);

	return code;
}

void route_accounts_set(struct route *r, const struct route_accounts *h,
			void *arg)
{
	r->accounts = h;
	r->accounts_arg = arg;
}

bool route_dnd(const struct route *r, const char *user)
{
	return r->accounts && r->accounts->dnd(user, r->accounts_arg);
}

/* The operator's table knows better than a rule's or the default's words. */
static bool table_in(const struct route *r, const struct config_trunk *trunk,
		     const char *user, char **jidp)
{
	struct number n;
	char *jid = NULL;

	if (!users_jid(&jid, r->users, user) ||
	    (placed(&n, trunk, user) && n.kind == NUMBER_GLOBAL &&
	     !users_jid(&jid, r->users, n.text))) {
		mem_deref(*jidp);
		*jidp = jid;
		return true;
	}

	return false;
}

/* Through a user's account: it can only be for that user. */
static unsigned owner_in(const struct route *r, const struct route_owner *o,
			 char **jidp, const struct config_xmpp **component)
{
	if (!o->user)
		return 404;

	*component = route_component(r->conf, o->gateway);
	if (!*component)
		return 404;

	return str_dup(jidp, o->user) ? 500 : 0;
}

/* Others than the provider's own are known by their whole address. */
static int owner_caller(char **jidp, const char *uri,
			const struct route_owner *o,
			const struct config_trunk *trunk, const char *gateway)
{
	struct address a;
	bool own = true;

	if (uri && !address_decode(&a, uri)) {
		own = !a.host || !str_casecmp(a.host, o->domain) ||
		      a.user[strspn(a.user, "+0123456789*#")] == '\0' ||
		      !strcmp(a.host, "anonymous.invalid");
		address_clear(&a);
	}
	if (own)
		return caller_jid(jidp, uri, trunk, gateway);

	return route_uri_to_jid(jidp, uri, CONFIG_ADDR_ESCAPED, gateway);
}

const char *route_in_rule(const struct route *r,
			  const struct config_trunk *trunk, const char *ruri)
{
	const struct rule *rule;
	struct route_owner owner;
	struct address a;
	const char *user;
	struct number n;

	if (r->accounts && r->accounts->in(trunk, &owner, r->accounts_arg))
		return NULL;
	if (decode_target(&a, ruri, trunk))
		return NULL;

	user = a.user;
	place_in(&n, trunk, &a);
	rule = rule_in(r, trunk, &user, &n);
	address_clear(&a);

	return rule ? rule->conf->name : NULL;
}

unsigned route_in(const struct route *r, const struct config_trunk *trunk,
		  const char *ruri, const struct peer *caller,
		  struct peer *from, struct peer *to,
		  const struct config_xmpp **component)
{
	struct route_owner owner;
	struct address a;
	bool own;
	unsigned code;
	int err;

	memset(from, 0, sizeof(*from));
	memset(to, 0, sizeof(*to));
	code = decode_target(&a, ruri, trunk);
	if (code)
		return code;

	own = r->accounts && r->accounts->in(trunk, &owner, r->accounts_arg);
	if (own)
		code = owner_in(r, &owner, &to->jid, component);
	else if (list_isempty(&r->rules))
		code = default_in(r, trunk, &a, &to->jid);
	else
		code = rules_in(r, trunk, &a, &to->jid);
	if (!own && (!code || code == 404) &&
	    table_in(r, trunk, a.user, &to->jid))
		code = 0;
	if (code)
		goto out;

	if (!own)
		*component = serving(r->conf, route_domain(to->jid));
	if (!*component) {
		code = 404;
		goto out;
	}

	err = str_dup(&to->uri, ruri);
	if (!err && own)
		err = owner_caller(&from->jid, caller->uri, &owner, trunk,
				   (*component)->component);
	else if (!err)
		err = caller_jid(&from->jid, caller->uri, trunk,
				 (*component)->component);
	if (!err && caller->uri)
		err = str_dup(&from->uri, caller->uri);
	if (!err && caller->name)
		err = str_dup(&from->name, caller->name);
	if (err)
		code = 500;

out:
	address_clear(&a);
	if (code) {
		peer_clear(from);
		peer_clear(to);
	}

	return code;
}

int route_prompt(const struct route *r, const struct config_xmpp *component,
		 char **jidp, const char *text)
{
	enum config_addressing mode = CONFIG_ADDR_ESCAPED;
	struct pl pl, trimmed;
	const struct config_trunk *labelled;
	char *uri = NULL;
	int err;

	if (r->conf->trunkc)
		mode = r->conf->trunk[0].addressing;
	else if (!strchr(text, '@')) /* the user's own account knows where */
		mode = CONFIG_ADDR_TRUNK;

	pl_set_str(&pl, text);
	if (re_regex(pl.p, pl.l, "[^ \t\r\n]+", &trimmed))
		return EBADMSG;

	err = pl_strdup(&uri, &trimmed);
	if (err)
		return err;
	labelled = route_labelled(r->conf, uri);
	if (labelled) {
		*strrchr(uri, '@') = '\0';
		err = labelled_jid(jidp, uri, labelled->label,
				   component->component);
		mem_deref(uri);
		return err;
	}
	uri = mem_deref(uri);

	if (!strncasecmp(trimmed.p, "sips:", 5))
		return EBADMSG; /* D4 */
	if (!strncasecmp(trimmed.p, "sip:", 4) ||
	    !strncasecmp(trimmed.p, "tel:", 4))
		err = pl_strdup(&uri, &trimmed);
	else if (pl_strchr(&trimmed, '@'))
		err = re_sdprintf(&uri, "sip:%r", &trimmed);
	else if (pl_strchr(&trimmed, '+') == trimmed.p)
		err = re_sdprintf(&uri, "tel:%r", &trimmed);
	else
		err = re_sdprintf(&uri, "sip:%r@%s", &trimmed,
				  component->component);
	if (err)
		return err;

	err = route_uri_to_jid(jidp, uri, mode, component->component);
	mem_deref(uri);

	return err;
}

void peer_clear(struct peer *p)
{
	p->jid = mem_deref(p->jid);
	p->uri = mem_deref(p->uri);
	p->name = mem_deref(p->name);
}

int peer_copy(struct peer *to, const struct peer *from)
{
	int err = 0;

	memset(to, 0, sizeof(*to));
	if (from->jid)
		err |= str_dup(&to->jid, from->jid);
	if (from->uri)
		err |= str_dup(&to->uri, from->uri);
	if (from->name)
		err |= str_dup(&to->name, from->name);
	if (err)
		peer_clear(to);

	return err;
}

int route_print(struct re_printf *pf, const struct route *r)
{
	const struct config *c = r->conf;

	if (!list_isempty(&r->rules))
		return re_hprintf(
		    pf, "calls: denied, but for %u rule%s in [route]\n",
		    list_count(&r->rules),
		    list_count(&r->rules) == 1 ? "" : "s");
	if (c->trunkc == 1)
		return re_hprintf(pf,
				  "calls: users of domains may call through "
				  "trunk %s, and accept_from may ring them\n",
				  c->trunk[0].name);

	return re_hprintf(
	    pf, "calls: none to SIP: %zu trunks and no [route]\n", c->trunkc);
}
