/* rules.h: the lines of [route], compiled; for route.c. */
#ifndef BRIDGE_RULES_H
#define BRIDGE_RULES_H

#include "bridge/route.h"

struct rule {
	struct le le;
	char *from, *to, *via, *as; /* from is a trunk's name if inbound */
	bool inbound, deny;
	const struct config_route *conf;
};

struct route {
	const struct config *conf; /* not referenced, but for */
	void *held;		   /* who owns it, where somebody does */
	struct list rules;
	struct acl *acl;		       /* referenced */
	struct users *users;		       /* referenced */
	const struct route_accounts *accounts; /* NULL: none */
	void *accounts_arg;
};

/* route.c */
const char *route_domain(const char *jid);
const struct config_xmpp *route_component(const struct config *c,
					  const char *domain);
/* The trunk whose label stands behind the '@' of "1001@berlin"; NULL: none. */
const struct config_trunk *route_labelled(const struct config *c,
					  const char *user);
/* Host and port of the trunk's uri. */
int route_trunk_host(char **hp, const struct config_trunk *t);

/* '*' matches any run, also an empty one; bounded in steps. */
bool rule_glob(const char *pat, const char *s);
/* What the one '*' of a pattern stood for in text that matched; all of the
 * text when there is none or more than one. */
void rule_glob_star(struct pl *star, const char *pat, const char *s);
/* "example.com" stands for everybody there. */
bool rule_jid_matches(const char *pattern, const char *bare);

#endif
