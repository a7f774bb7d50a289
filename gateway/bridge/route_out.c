/* route_out.c: XMPP -> SIP: who may call whom, through which trunk, and as
 * what the telephone sees both. */
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include "base/text.h"
#include "bridge/acl.h"
#include "bridge/address.h"
#include "bridge/rules.h"
#include "bridge/users.h"
#include "xmpp/jid.h"

enum { STEP_MAX = 512 }; /* bytes of a step in words */

struct reading { /* what a trunk makes of what was dialled */
	struct number n;
	const char *rest; /* without the prefix that hides the caller */
	bool hidden, bad;
};

struct asking { /* a decision on its way */
	const struct route *r;
	const struct route_ask *ask;
	struct route_choice *c;
	const struct config_xmpp *component;
	const struct rule *rule;
	const struct config_trunk *only; /* named by the address; or NULL */
	char *bare, *user, *dialled;	 /* user NULL: could anyone? */
	char *plain;			 /* bare without the trunk's label */
	struct reading reading;
	bool line; /* all is said by the user's own account */
};

static void step(const struct asking *a, const char *fmt, ...)
{
	char text[STEP_MAX];
	va_list ap;

	if (!a->ask->step)
		return;

	va_start(ap, fmt);
	(void)re_vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	a->ask->step(text, a->ask->arg);
}

static enum stanza_cond refuse(struct asking *a, enum stanza_cond cond,
			       const char *why)
{
	if (why != a->c->why)
		str_ncpy(a->c->why, why, sizeof(a->c->why));
	step(a, "refused: %s", why);

	return cond;
}

/* The caller's address on the trunk. */
static int caller_uri(struct asking *a, const char *fixed)
{
	const struct config_trunk *t = a->c->trunk;
	char *host = NULL, *user = NULL, **asp = &a->c->as;
	struct jid jid;
	int err;

	err = jid_decode(&jid, a->user, strlen(a->user));
	if (err)
		return err;

	err = route_trunk_host(&host, t);
	if (!err)
		err = jid_unescape(&user, jid.local, strlen(jid.local));
	if (err)
		goto out;

	if (fixed && strchr(fixed, '@'))
		err = text_join(asp, "sip:", fixed, NULL);
	else if (fixed)
		err = address_join(asp, fixed, host, "");
	else if (t->reg && t->username)
		err = address_join(asp, t->username, host, "");
	else if (t->addressing == CONFIG_ADDR_DOMAIN)
		err = address_join(asp, user, jid.domain, "");
	else if (t->addressing == CONFIG_ADDR_ESCAPED)
		err = re_sdprintf(asp, "sip:%H%%40%s@%s", text_print_sip_user,
				  user, jid.domain, a->component->component);
	else
		err = address_join(asp, user, host, "");

out:
	mem_deref(host);
	mem_deref(user);
	jid_clear(&jid);

	return err;
}

/* Text that rules see: the unescaped local part. */
static int dialled(char **dp, const char *bare)
{
	const char *at = strchr(bare, '@');

	return at ? jid_unescape(dp, bare, (size_t)(at - bare)) : EBADMSG;
}

static void read_as(struct reading *rd, const struct config_trunk *t,
		    const struct config_plan *plan, const char *text)
{
	const size_t len = t->privacy_prefix ? strlen(t->privacy_prefix) : 0;
	const struct config_numbers *rules =
	    plan && plan->numbers.country ? &plan->numbers : &t->numbers;
	char user[NUMBER_MAX];
	const char *at;

	rd->rest = text;
	rd->hidden =
	    len && !strncmp(text, t->privacy_prefix, len) && text[len];
	if (rd->hidden)
		rd->rest += len;

	text = rd->rest;
	at = t->addressing == CONFIG_ADDR_ESCAPED ? strrchr(text, '@') : NULL;
	if (at && (size_t)(at - text) < sizeof(user)) {
		memcpy(user, text, (size_t)(at - text));
		user[at - text] = '\0';
		text = user;
	}
	rd->bad = number_decode(&rd->n, rules, text) != 0;
	if (rd->bad)
		rd->n.kind = NUMBER_LOCAL;
}

static bool reading_matches(const struct asking *a, const char *pattern,
			    const struct config_trunk *t)
{
	struct reading rd;

	read_as(&rd, t, a->c->plan, a->dialled);

	return rule_glob(pattern, rd.rest) ||
	       (rd.n.kind == NUMBER_GLOBAL && rule_glob(pattern, rd.n.text));
}

/* What is denied is denied however a trunk would have it dialled. */
static bool rule_matches(const struct asking *a, const struct rule *rule)
{
	const struct config *conf = a->r->conf;

	if (a->user && !rule_jid_matches(rule->from, a->user))
		return false;
	if (rule_glob(rule->to, a->dialled))
		return true;
	if (!rule->deny)
		return reading_matches(a, rule->to,
				       config_trunk_find(conf, rule->via));

	for (size_t i = 0; i < conf->trunkc; i++) {
		if (reading_matches(a, rule->to, &conf->trunk[i]))
			return true;
	}

	return false;
}

static enum stanza_cond by_rules(struct asking *a)
{
	struct le *le;

	LIST_FOREACH (&a->r->rules, le) {
		const struct rule *rule = le->data;

		if (rule->inbound)
			continue;
		if (!rule_matches(a, rule)) {
			step(a, "rule %s: does not match", rule->conf->name);
			continue;
		}
		if (a->only && !rule->deny &&
		    strcmp(rule->via, a->only->name)) {
			step(a, "rule %s: another trunk than %s",
			     rule->conf->name, a->only->name);
			continue;
		}
		if (rule->deny) {
			step(a, "rule %s: denies", rule->conf->name);
			return refuse(a, COND_FORBIDDEN,
				      "you may not call this address");
		}
		a->rule = rule;
		a->c->rule = rule->conf->name;
		a->c->trunk = config_trunk_find(a->r->conf, rule->via);
		step(a, "rule %s: trunk %s", rule->conf->name, rule->via);
		return COND_NONE;
	}

	return refuse(a, COND_FORBIDDEN, "you may not call this address");
}

/* The user's own account, which is its own affair: no rule, no limit on
 * destinations. */
static bool own_line(struct asking *a)
{
	const struct route_accounts *h = a->r->accounts;
	struct route_line line;

	if (!h || !a->user || a->only ||
	    !h->out(a->user, a->component->component, a->dialled, &line,
		    a->r->accounts_arg))
		return false;

	a->line = true;
	a->c->trunk = line.trunk;
	a->c->name = line.name;
	a->c->privacy = line.privacy;
	a->c->to.uri = line.uri;
	a->c->to.jid = mem_ref(a->bare);
	a->c->as = line.as;
	step(a, "the user's own account: calls %s as %s", line.uri, line.as);

	return true;
}

static enum stanza_cond pick_trunk(struct asking *a)
{
	const struct config *conf = a->r->conf;

	a->c->trunk = acl_emergency(a->r->acl, a->dialled);
	if (a->c->trunk) {
		a->c->emergency = true;
		step(a, "emergency number: trunk %s, nothing else is asked",
		     a->c->trunk->name);
		return COND_NONE;
	}
	if (own_line(a))
		return COND_NONE;
	if (!list_isempty(&a->r->rules))
		return by_rules(a);
	if (!conf->trunkc)
		return refuse(a, COND_ITEM_NOT_FOUND, "no such address");
	if (conf->trunkc != 1) {
		step(a, "no rules, and %zu trunks: [route] must say which",
		     conf->trunkc);
		return refuse(a, COND_FORBIDDEN,
			      "you may not call this address");
	}

	a->c->trunk = &conf->trunk[0];
	step(a, "no rules: the only trunk, %s", a->c->trunk->name);

	return COND_NONE;
}

static enum stanza_cond judge(struct asking *a)
{
	const struct config_trunk *t = a->c->trunk;
	const struct number *n = &a->reading.n;
	char *why = a->c->why;

	read_as(&a->reading, t, a->c->plan, a->dialled);
	if (a->c->emergency)
		return COND_NONE;

	if (a->reading.hidden)
		step(a, "prefix %s: the caller is hidden", t->privacy_prefix);
	step(a, "%s is %s%s%s", a->reading.rest, number_kind_name(n->kind),
	     n->kind == NUMBER_GLOBAL ? ", " : "",
	     n->kind == NUMBER_GLOBAL ? n->text : "");
	if (a->user && !acl_may_use(a->r->acl, t, a->c->plan, a->user, why))
		return refuse(a, COND_FORBIDDEN, why);
	if (!acl_may_dial(a->r->acl, &t->dests, n, why) ||
	    (a->c->plan &&
	     !acl_may_dial(a->r->acl, &a->c->plan->dests, n, why)))
		return refuse(a, COND_FORBIDDEN, why);
	step(a, "user and destination are allowed");

	return COND_NONE;
}

/* RFC 3966: "tel:" says nothing of a host, which only a number of the world can
 * do without. */
static int number_uri(char **urip, const struct config_trunk *t,
		      const char *text, const char *host)
{
	if (t->tel && text[0] == '+' &&
	    !text[1 + strspn(text + 1, "0123456789")])
		return re_sdprintf(urip, "tel:%s", text);

	return address_print(urip, text, host);
}

/* Numbers leave as the trunk wants them; what needs no change has none. */
static enum stanza_cond target(struct asking *a)
{
	const struct config_trunk *t = a->c->trunk;
	const struct reading *rd = &a->reading;
	const bool plain = t->dial == CONFIG_DIAL_UNCHANGED && !t->strip &&
			   !t->add && !rd->hidden && !t->tel;
	char text[NUMBER_MAX], *host = NULL;
	int err;

	err = route_trunk_host(&host, t);
	if (err)
		return COND_INTERNAL_SERVER_ERROR;

	if (a->c->emergency) { /* whatever addresses look like otherwise */
		err = address_print(&a->c->to.uri, rd->n.dialled, host);
	} else if (plain || t->addressing != CONFIG_ADDR_TRUNK ||
		   rd->n.kind == NUMBER_NAME) {
		err = route_jid_to_uri(&a->c->to.uri,
				       a->plain ? a->plain : a->bare,
				       t->addressing, host);
	} else if (rd->bad) {
		err = EBADMSG;
	} else {
		/* unchanged but for the prefixes */
		struct number n = rd->n;

		if (t->dial == CONFIG_DIAL_UNCHANGED)
			memcpy(n.text, n.dialled, sizeof(n.text));
		err = number_encode(text, &n, &t->numbers, t->dial, t->strip,
				    t->add)
			  ? EBADMSG
			  : number_uri(&a->c->to.uri, t, text, host);
	}
	mem_deref(host);
	if (err == EBADMSG && t->addressing == CONFIG_ADDR_ESCAPED)
		step(a,
		     "trunk %s has no addressing = trunk: an address without "
		     "a SIP domain is none there",
		     t->name);
	if (err == EBADMSG)
		return refuse(a, COND_ITEM_NOT_FOUND, "no such number");
	if (err)
		return COND_INTERNAL_SERVER_ERROR;

	a->c->to.jid = mem_ref(a->bare);
	step(a, "calls %s", a->c->to.uri);
	if (t->enum_zone && t->addressing == CONFIG_ADDR_TRUNK &&
	    rd->n.kind == NUMBER_GLOBAL && !a->c->emergency) {
		memcpy(a->c->lookup, rd->n.text, sizeof(a->c->lookup));
		step(a, "or what ENUM has for %s in %s", rd->n.text,
		     t->enum_zone);
	}

	return COND_NONE;
}

/* What the called side is told of the caller. */
static enum stanza_cond caller(struct asking *a)
{
	const struct config_trunk *t = a->c->trunk;
	const struct config_plan *p = a->c->plan;
	const char *fixed = a->rule ? a->rule->as : NULL;
	char *number = NULL;
	int err;

	if (!a->user)
		return COND_NONE;

	if (!fixed && p)
		fixed = p->caller_id;
	if (!fixed && !users_number(&number, a->r->users, a->user))
		fixed = number;
	if (!fixed)
		fixed = t->caller_id;
	a->c->name = p && p->caller_name ? p->caller_name : t->caller_name;
	a->c->privacy = !a->c->emergency &&
			(t->privacy || (p && p->privacy) || a->reading.hidden);
	err = caller_uri(a, fixed);
	mem_deref(number);
	if (err)
		return COND_INTERNAL_SERVER_ERROR;

	step(a, "as %s%s%s%s", a->c->as, a->c->name ? ", name " : "",
	     a->c->name ? a->c->name : "", a->c->privacy ? ", hidden" : "");

	return COND_NONE;
}

static const struct config_xmpp *home_of(const struct config *c,
					 const char *domain)
{
	for (size_t i = 0; i < c->xmppc; i++) {
		if (config_serves(&c->xmpp[i], domain))
			return &c->xmpp[i];
	}

	return NULL;
}

void route_access(const struct route *r, const char *jid, route_step_h *h,
		  void *arg)
{
	const struct route_ask ask = {.step = h, .arg = arg};
	struct asking a = {.r = r, .ask = &ask};
	const struct config_plan *plan;
	char why[ACL_WHY];

	if (jid_bare(&a.bare, jid)) {
		step(&a, "%s is no JID", jid);
		return;
	}

	a.component = home_of(r->conf, route_domain(a.bare));
	plan = acl_plan(r->acl, a.bare);
	step(&a, "%s: %s%s%s%s", a.bare,
	     a.component ? "served by " : "of no domain that is served",
	     a.component ? a.component->component : "", plan ? ", plan " : "",
	     plan ? plan->name : "");
	for (size_t i = 0; a.component && i < r->conf->trunkc; i++) {
		const struct config_trunk *t = &r->conf->trunk[i];

		step(&a, "trunk %s: %s", t->name,
		     acl_may_use(r->acl, t, plan, a.bare, why) ? "may be used"
							       : why);
	}
	mem_deref(a.bare);
}

/* "1001@berlin" is 1001, on the trunk that is called berlin. */
static int label_cut(struct asking *a)
{
	char *local = NULL;
	int err;

	*strrchr(a->dialled, '@') = '\0';
	err = jid_escape(&local, a->dialled, strlen(a->dialled));
	if (!err)
		err = re_sdprintf(&a->plain, "%s@%s", local,
				  a->component->component);
	mem_deref(local);
	step(a, "%s of trunk %s", a->dialled, a->only->name);

	return err;
}

static enum stanza_cond open_asking(struct asking *a)
{
	const char *domain;

	if (jid_bare(&a->bare, a->ask->to))
		return refuse(a, COND_JID_MALFORMED, "no such address");

	a->component = route_component(a->r->conf, route_domain(a->bare));
	if (!a->component || dialled(&a->dialled, a->bare))
		return refuse(a, COND_ITEM_NOT_FOUND, "no such address");
	a->only = route_labelled(a->r->conf, a->dialled);
	if (a->only && label_cut(a))
		return refuse(a, COND_ITEM_NOT_FOUND, "no such address");
	if (!a->ask->from)
		return COND_NONE;

	if (jid_bare(&a->user, a->ask->from))
		return refuse(a, COND_JID_MALFORMED, "no such user");
	domain = route_domain(a->user);
	if (!config_serves(a->component, domain))
		return refuse(a, COND_FORBIDDEN,
			      "your domain may not use this gateway");
	a->c->plan = acl_plan(a->r->acl, a->user);
	step(a, "%s is a user of %s%s%s", a->user, domain,
	     a->c->plan ? ", plan " : "", a->c->plan ? a->c->plan->name : "");

	return COND_NONE;
}

enum stanza_cond route_choose(const struct route *r,
			      const struct route_ask *ask,
			      struct route_choice *c)
{
	struct asking a = {.r = r, .ask = ask, .c = c};
	enum stanza_cond cond;

	memset(c, 0, sizeof(*c));
	cond = open_asking(&a);
	if (!cond)
		cond = pick_trunk(&a);
	if (!cond && !a.line)
		cond = judge(&a);
	if (!cond && !a.line)
		cond = target(&a);
	if (!cond && !a.line)
		cond = caller(&a);
	if (cond) {
		c->as = mem_deref(c->as);
		peer_clear(&c->to);
	}
	mem_deref(a.bare);
	mem_deref(a.user);
	mem_deref(a.dialled);
	mem_deref(a.plain);

	return cond;
}

int route_lookup(struct enum_query **qp, const struct route_choice *c,
		 struct dnsc *dnsc, enum_found_h *h, void *arg)
{
	char *host = NULL;
	int err;

	err = route_trunk_host(&host, c->trunk);
	if (!err)
		err = enum_ask(qp, dnsc, c->lookup, c->trunk->enum_zone, host,
			       h, arg);
	mem_deref(host);

	return err;
}

void route_choice_clear(struct route_choice *c)
{
	c->as = mem_deref(c->as);
	peer_clear(&c->to);
}

enum stanza_cond route_out(const struct route *r, const char *from,
			   const char *to_jid, struct peer *to,
			   const struct config_trunk **trunk, char **as)
{
	const struct route_ask ask = {.from = from, .to = to_jid};
	struct route_choice c;
	enum stanza_cond cond;

	cond = route_choose(r, &ask, &c);
	*to = c.to;
	*as = c.as;
	if (!cond)
		*trunk = c.trunk;

	return cond;
}
