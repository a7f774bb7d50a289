/* decision.h: what would become of a call, without one. */
#ifndef ADMIN_DECISION_H
#define ADMIN_DECISION_H

#include <jansson.h>
#include "bridge/route.h"
#include "gateway.h"

/* Would this user's call to this number (as it is typed) be made?  "allowed",
 * "uri", "as", "why" and "steps", by the code that decides real calls.  NULL:
 * it cannot be asked; else *c is to be cleared. */
json_t *decision_route(const struct gateway *gw, const char *number,
		       const char *jid, struct route_choice *c);
/* What the user may use, and what the limits leave: "steps". */
json_t *decision_acl(const struct gateway *gw, const char *jid);

/* The steps, a line each. */
int decision_print(struct re_printf *pf, const json_t *decision);

#endif
