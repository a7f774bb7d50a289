/* acl.h: who may use which trunk, and where calls may go.  Lists of the
 * configuration and of the files that it names, read once. */
#ifndef BRIDGE_ACL_H
#define BRIDGE_ACL_H

#include "base/config.h"
#include "bridge/number.h"

struct acl; /* mem_ref object */

/* [class]: NAME = PREFIX, PREFIX ..; "@NAME" in allow and deny stands for
 * them, "@short" for short numbers and "@name" for what is no number.
 * [emergency]: NUMBER = TRUNK.  EBADMSG; problems are printed with pf. */
int acl_alloc(struct acl **ap, const struct config *conf,
	      struct re_printf *pf);

/* The first plan that names the user (bare JID); NULL: none. */
const struct config_plan *acl_plan(const struct acl *a, const char *bare);
/* The trunk of an emergency number; NULL: it is none. */
const struct config_trunk *acl_emergency(const struct acl *a,
					 const char *dialled);

enum { ACL_WHY = 128 }; /* bytes */

/* May the user call through it?  why: in words for the user when not. */
bool acl_may_use(const struct acl *a, const struct config_trunk *trunk,
		 const struct config_plan *plan, const char *bare, char *why);
/* May calls go there?  What a "+" in deny might mean and nobody can tell is
 * refused: a number of unknown place. */
bool acl_may_dial(const struct acl *a, const struct config_dests *dests,
		  const struct number *n, char *why);

#endif
