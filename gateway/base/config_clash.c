/* config_clash.c: keys that contradict each other, each of which is right by
 * itself.  What has no effect is an error: whoever wrote it relies on it. */
#include "config_int.h"

#include <stdlib.h>
#include <string.h>

static bool section_is(const struct config_section *s, const char *kind)
{
	return 0 == strcmp(s->kind->name, kind);
}

/* Where a key was set to something, 0: nowhere. */
static int line_of(const struct config_section *s, const char *name)
{
	const struct config_key *key = config_key_find(s->kind, name);
	int line = key ? s->lines[key - s->kind->keys] : 0;

	return line > 0 ? line : 0;
}

/* ---- keys that have no effect ---- */

static bool is_plain(const void *base)
{
	return !((const struct config_xmpp *)base)->tls;
}

static bool is_both(const void *base)
{
	const struct config_xmpp *x = base;

	return x->tls && x->allow_plain;
}

static bool is_trunk_plain(const void *base)
{
	return !((const struct config_trunk *)base)->tls;
}

static bool is_trunk_anonymous(const void *base)
{
	return !((const struct config_trunk *)base)->username;
}

static bool is_unencrypted(const void *base)
{
	const struct config_trunk *t = base;

	return t->sdes_over_plain && t->media == CONFIG_AVP;
}

static bool is_blf_alone(const void *base)
{
	const struct config_trunk *t = base;

	return t->blf && t->presence != CONFIG_PRESENCE_YES;
}

static bool is_strict_alone(const void *base)
{
	const struct config_trunk *t = base;

	return t->strict && t->presence != CONFIG_PRESENCE_YES;
}

static bool is_nowhere(const void *base)
{
	return !((const struct config_trunk *)base)->numbers.country;
}

static bool is_national_nowhere(const void *base)
{
	const struct config_trunk *t = base;

	return t->dial == CONFIG_DIAL_NATIONAL && !t->numbers.country;
}

static bool is_pathless(const void *base)
{
	return !((const struct config_store *)base)->path;
}

static const struct useless {
	const char *kind, *key;
	bool (*is)(const void *base);
	const char *why;
} useless[] = {
    {"xmpp", "tls_ca", is_plain, "has no effect without \"tls = yes\""},
    {"xmpp", "tls_name", is_plain, "has no effect without \"tls = yes\""},
    {"xmpp", "allow_plain", is_both, "and \"tls = yes\" contradict"},
    {"trunk", "tls_ca", is_trunk_plain,
     "has no effect: uri has no transport=tls"},
    {"trunk", "tls_name", is_trunk_plain,
     "has no effect: uri has no transport=tls"},
    {"trunk", "tls_cert", is_trunk_plain,
     "has no effect: uri has no transport=tls"},
    {"trunk", "tls_key", is_trunk_plain,
     "has no effect: uri has no transport=tls"},
    {"trunk", "auth_realm", is_trunk_anonymous, "needs username"},
    {"trunk", "sdes_over_plain", is_unencrypted,
     "encrypts nothing: media is avp; set \"media = sdes\" or osrtp"},
    {"trunk", "blf", is_blf_alone, "needs \"presence = yes\""},
    {"trunk", "no_presence", is_strict_alone, "needs \"presence = yes\""},
    {"trunk", "national", is_nowhere, "needs country"},
    {"trunk", "dial", is_national_nowhere, "needs country"},
    {"store", "key_file", is_pathless, "needs path"},
};

static void useless_check(struct config_parser *p,
			  const struct config_section *s)
{
	for (size_t i = 0; i < ARRAY_SIZE(useless); i++) {
		const struct useless *u = &useless[i];
		const int line = line_of(s, u->key);

		if (line && section_is(s, u->kind) && u->is(s->base))
			config_problem(p, line, NULL, NULL, "%s %s", u->key,
				       u->why);
	}
}

/* ---- numbers against each other ---- */

static const struct order {
	const char *kind, *less, *more; /* less is at most more */
	bool none;			/* where 0 means none */
} orders[] = {
    {"limits", "reconnect_min", "reconnect_max", false},
    {"limits", "rtp_warn", "rtp_timeout", false},
    {"limits", "calls_per_hour", "calls_per_day", true},
    {"limits", "minutes_per_hour", "minutes_per_day", true},
    {"limits", "calls_per_trunk", "calls", true},
    {"plan", "calls_per_hour", "calls_per_day", true},
    {"plan", "minutes_per_hour", "minutes_per_day", true},
};

static unsigned number_in(const struct config_section *s, const char *name)
{
	const struct config_key *key = config_key_find(s->kind, name);

	return *(const unsigned *)(const void *)((const char *)s->base +
						 key->offset);
}

static void order_check(struct config_parser *p,
			const struct config_section *s)
{
	for (size_t i = 0; i < ARRAY_SIZE(orders); i++) {
		const struct order *o = &orders[i];
		int less, more;

		if (!section_is(s, o->kind))
			continue;
		less = line_of(s, o->less);
		more = line_of(s, o->more);
		if ((o->none && !number_in(s, o->more)) ||
		    number_in(s, o->less) <= number_in(s, o->more))
			continue;
		config_problem(p, less ? less : more, NULL, NULL,
			       "%s is above %s, %u and %u", o->less, o->more,
			       number_in(s, o->less), number_in(s, o->more));
	}
}

/* ---- lists ---- */

static void dests_check(struct config_parser *p,
			const struct config_section *s,
			const struct config_dests *d)
{
	for (size_t i = 0; i < d->allowc; i++) {
		for (size_t j = 0; j < d->denyc; j++) {
			if (strcmp(d->allow[i], d->deny[j]))
				continue;
			config_problem(p, line_of(s, "deny"), d->deny[j], NULL,
				       "deny and allow have the same");
		}
	}
}

static bool domain_is_served(const struct config_parser *p, const char *domain)
{
	struct le *le;
	bool any = false;

	LIST_FOREACH (&p->sections, le) {
		const struct config_section *s = le->data;

		if (!section_is(s, "xmpp"))
			continue;
		if (config_serves(s->base, domain))
			return true;
		any = any || ((const struct config_xmpp *)s->base)->domainc;
	}

	return !any; /* that is told already */
}

/* Nobody of another domain reaches the gateway. */
static void people_check(struct config_parser *p,
			 const struct config_section *s, const char *key,
			 char *const *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const char *at = strchr(v[i], '@');
		const char *domain = at ? at + 1 : v[i];

		if (!strchr(domain, '*') && !domain_is_served(p, domain))
			config_problem(p, line_of(s, key), v[i], NULL,
				       "%s is of no domain in [xmpp] domains",
				       key);
	}
}

static void admins_check(struct config_parser *p,
			 const struct config_section *s)
{
	for (size_t i = 0; i < p->c->adminc; i++) {
		if (!strchr(p->c->admins[i], '@') ||
		    strchr(p->c->admins[i], '/'))
			config_problem(
			    p, line_of(s, "admins"), p->c->admins[i], NULL,
			    "admins must be bare JIDs, NAME@DOMAIN");
	}
}

/* ---- sections against each other ---- */

/* XEP-0114: a domain is a server's users' or a component, not both. */
static void component_check(struct config_parser *p,
			    const struct config_section *s)
{
	const struct config_xmpp *x = s->base;
	struct le *le;

	LIST_FOREACH (&p->sections, le) {
		const struct config_section *o = le->data;
		const struct config_xmpp *ox = o->base;

		if (o == s || !section_is(o, "xmpp") || !ox->component ||
		    !config_serves(x, ox->component))
			continue;
		config_problem(p, line_of(s, "domains"), ox->component, NULL,
			       "domains has the component of line %d",
			       line_of(o, "component"));
	}
}

static void ports_check(struct config_parser *p,
			const struct config_section *media)
{
	const struct config_media *m = media->base;
	const int line = line_of(media, "ports");
	struct le *le;

	LIST_FOREACH (&p->sections, le) {
		const struct config_section *s = le->data;

		if (!section_is(s, "sip"))
			continue;
		for (size_t i = 0; i < p->c->sip.listenc; i++) {
			const struct config_listen *l = &p->c->sip.listen[i];
			const uint16_t port = sa_port(&l->addr);

			if (l->transport != CONFIG_UDP || port < m->port_min ||
			    port > m->port_max)
				continue;
			config_problem(p, line ? line : line_of(s, "listen"),
				       l->text, NULL,
				       "[media] ports, %u-%u, has the port of "
				       "[sip] listen",
				       m->port_min, m->port_max);
			break;
		}
	}
}

void config_clash_check(struct config_parser *p)
{
	struct le *le;

	LIST_FOREACH (&p->sections, le) {
		const struct config_section *s = le->data;
		const struct config_trunk *t = s->base;
		const struct config_plan *plan = s->base;

		useless_check(p, s);
		order_check(p, s);
		if (section_is(s, "xmpp")) {
			component_check(p, s);
		} else if (section_is(s, "trunk")) {
			dests_check(p, s, &t->dests);
			people_check(p, s, "users", t->may, t->mayc);
		} else if (section_is(s, "plan")) {
			dests_check(p, s, &plan->dests);
			people_check(p, s, "who", plan->who, plan->whoc);
		} else if (section_is(s, "admin")) {
			admins_check(p, s);
		} else if (section_is(s, "media")) {
			ports_check(p, s);
		}
	}
}
