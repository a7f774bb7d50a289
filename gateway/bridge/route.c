/* route.c: who may call whom through which trunk. */
#include <errno.h>
#include <string.h>
#include <strings.h>
#include "base/log.h"
#include "base/text.h"
#include "bridge/address.h"
#include "bridge/rules.h"
#include "xmpp/jid.h"

static const char *domain_of(const char *jid)
{
	const char *at = strchr(jid, '@');

	return at ? at + 1 : jid;
}

static bool serves(const struct config_xmpp *x, const char *domain)
{
	for (size_t i = 0; i < x->domainc; i++) {
		if (!strcmp(x->domains[i], domain))
			return true;
	}

	return false;
}

static const struct config_xmpp *component_of(const struct config *c,
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
		if (serves(&c->xmpp[i], domain))
			return &c->xmpp[i];
	}

	return NULL;
}

/* Host and port of the trunk's uri: what stands after its user. */
static int trunk_host(char **hp, const struct config_trunk *t)
{
	struct pl host;
	const char *s = strchr(t->uri, ':');
	const char *at = strchr(t->uri, '@');

	host.p = at ? at + 1 : s ? s + 1 : t->uri;
	host.l = strcspn(host.p, ";?>");

	return pl_strdup(hp, &host);
}

/* The caller's address on the trunk. */
static int caller_uri(char **asp, const struct config_trunk *t,
		      const struct rule *rule, const char *from,
		      const char *component)
{
	char *host = NULL;
	struct jid jid;
	char *user = NULL;
	int err;

	err = jid_decode(&jid, from, strlen(from));
	if (err)
		return err;

	err = trunk_host(&host, t);
	if (!err)
		err = jid_unescape(&user, jid.local, strlen(jid.local));
	if (err)
		goto out;

	if (rule && rule->as && strchr(rule->as, '@'))
		err = re_sdprintf(asp, "sip:%s", rule->as);
	else if (rule && rule->as)
		err = re_sdprintf(asp, "sip:%H@%s", text_print_sip_user,
				  rule->as, host);
	else if (t->reg && t->username)
		err = re_sdprintf(asp, "sip:%H@%s", text_print_sip_user,
				  t->username, host);
	else if (t->addressing == CONFIG_ADDR_DOMAIN)
		err = re_sdprintf(asp, "sip:%H@%s", text_print_sip_user, user,
				  jid.domain);
	else if (t->addressing == CONFIG_ADDR_ESCAPED)
		err = re_sdprintf(asp, "sip:%H%%40%s@%s", text_print_sip_user,
				  user, jid.domain, component);
	else
		err = re_sdprintf(asp, "sip:%H@%s", text_print_sip_user, user,
				  host);

out:
	mem_deref(host);
	mem_deref(user);
	jid_clear(&jid);

	return err;
}

/* Text that rules see: the unescaped local part. */
static int dialled(char **dp, const char *bare)
{
	struct pl local;
	const char *at = strchr(bare, '@');

	if (!at)
		return EBADMSG;

	local.p = bare;
	local.l = (size_t)(at - bare);

	return jid_unescape(dp, local.p, local.l);
}

static enum stanza_cond pick_out(const struct route *r, const char *from,
				 const char *bare,
				 const struct config_trunk **trunk,
				 const struct rule **rulep)
{
	char *text = NULL;
	struct le *le;

	*rulep = NULL;
	if (list_isempty(&r->rules)) {
		if (r->conf->trunkc != 1)
			return r->conf->trunkc ? COND_FORBIDDEN
					       : COND_ITEM_NOT_FOUND;
		*trunk = &r->conf->trunk[0];
		return COND_NONE;
	}

	if (dialled(&text, bare))
		return COND_ITEM_NOT_FOUND;

	LIST_FOREACH (&r->rules, le) {
		const struct rule *rule = le->data;

		if (rule->inbound ||
		    (from && !rule_jid_matches(rule->from, from)) ||
		    !rule_glob(rule->to, text))
			continue;
		if (!rule->deny)
			*rulep = rule;
		break;
	}

	mem_deref(text);
	if (!*rulep)
		return COND_FORBIDDEN;

	*trunk = config_trunk_find(r->conf, (*rulep)->via);

	return COND_NONE;
}

enum stanza_cond route_out(const struct route *r, const char *from,
			   const char *to_jid, struct peer *to,
			   const struct config_trunk **trunk, char **as)
{
	const struct config_xmpp *component;
	enum stanza_cond cond = COND_INTERNAL_SERVER_ERROR;
	char *bare = NULL, *host = NULL, *user = NULL;
	const struct rule *rule;
	int err;

	memset(to, 0, sizeof(*to));
	*as = NULL;
	if (jid_bare(&bare, to_jid))
		return COND_JID_MALFORMED;

	component = component_of(r->conf, domain_of(bare));
	if (!component || !strchr(bare, '@')) {
		cond = COND_ITEM_NOT_FOUND;
		goto out;
	}

	if (from) {
		if (jid_bare(&user, from)) {
			cond = COND_JID_MALFORMED;
			goto out;
		}
		if (!serves(component, domain_of(user))) {
			cond = COND_FORBIDDEN;
			goto out;
		}
	}

	cond = pick_out(r, user, bare, trunk, &rule);
	if (cond)
		goto out;

	cond = COND_INTERNAL_SERVER_ERROR;
	if (trunk_host(&host, *trunk))
		goto out;

	err = route_jid_to_uri(&to->uri, bare, (*trunk)->addressing, host);
	if (err) {
		cond = err == EBADMSG ? COND_ITEM_NOT_FOUND : cond;
		goto out;
	}

	to->jid = mem_ref(bare);
	if (user)
		err = caller_uri(as, *trunk, rule, user, component->component);
	if (!err)
		cond = COND_NONE;

out:
	if (cond)
		peer_clear(to);
	mem_deref(bare);
	mem_deref(user);
	mem_deref(host);

	return cond;
}

/* JID of an XMPP user that a SIP user part names: a whole address, or the
 * local part of one at domain. */
static int user_jid(char **jidp, const char *user, const char *domain)
{
	const char *at = strrchr(user, '@');
	struct jid jid;
	char *local = NULL, *text = NULL;
	int err;

	err =
	    jid_escape(&local, user, at ? (size_t)(at - user) : strlen(user));
	if (err)
		return err;

	err = re_sdprintf(&text, "%s@%s", local, at ? at + 1 : domain);
	if (!err)
		err = jid_decode(&jid, text, strlen(text));
	if (!err) {
		err = re_sdprintf(jidp, "%H", jid_print_bare, &jid);
		jid_clear(&jid);
	}

	mem_deref(local);
	mem_deref(text);

	return err;
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

static unsigned rules_in(const struct route *r,
			 const struct config_trunk *trunk,
			 const struct address *a, char **jidp)
{
	struct le *le;

	LIST_FOREACH (&r->rules, le) {
		const struct rule *rule = le->data;
		struct pl star;
		struct jid jid;
		char *text = NULL;
		const char *s;
		int err;

		if (!rule->inbound || !rule_glob(rule->from, trunk->name) ||
		    !rule_glob(rule->to, a->user))
			continue;
		if (rule->deny)
			return 403;

		rule_glob_star(&star, rule->to, a->user);
		s = strchr(rule->via, '*');
		if (s)
			err = re_sdprintf(&text, "%b%r%s", rule->via + 5,
					  (size_t)(s - rule->via - 5), &star,
					  s + 1);
		else
			err = str_dup(&text, rule->via + 5);
		if (!err)
			err = jid_decode(&jid, text, strlen(text));
		mem_deref(text);
		if (err)
			return 404;
		err = re_sdprintf(jidp, "%H", jid_print_bare, &jid);
		jid_clear(&jid);

		return err ? 500 : 0;
	}

	return 403;
}

static int caller_jid(char **jidp, const char *uri,
		      const struct config_trunk *trunk, const char *domain)
{
	struct address a;
	bool anonymous = true;

	if (uri && !address_decode(&a, uri)) {
		anonymous = a.host && !strcmp(a.host, "anonymous.invalid");
		address_clear(&a);
	}

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
		if (trunk_host(&host, trunk) ||
		    strncmp(host, a->host, strlen(a->host)))
			code = 404;
		mem_deref(host);
	}

	if (code)
		address_clear(a);

	return code;
}

unsigned route_in(const struct route *r, const struct config_trunk *trunk,
		  const char *ruri, const struct peer *caller,
		  struct peer *from, struct peer *to,
		  const struct config_xmpp **component)
{
	struct address a;
	unsigned code;
	int err;

	memset(from, 0, sizeof(*from));
	memset(to, 0, sizeof(*to));
	code = decode_target(&a, ruri, trunk);
	if (code)
		return code;

	code = list_isempty(&r->rules) ? default_in(r, trunk, &a, &to->jid)
				       : rules_in(r, trunk, &a, &to->jid);
	if (code)
		goto out;

	*component = serving(r->conf, domain_of(to->jid));
	if (!*component) {
		code = 404;
		goto out;
	}

	err = str_dup(&to->uri, ruri);
	if (!err)
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
	char *uri = NULL;
	int err;

	if (r->conf->trunkc)
		mode = r->conf->trunk[0].addressing;

	pl_set_str(&pl, text);
	if (re_regex(pl.p, pl.l, "[^ \t\r\n]+", &trimmed))
		return EBADMSG;

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
