/* users.h: which numbers users have, as the operator says ([users], D8). */
#ifndef BRIDGE_USERS_H
#define BRIDGE_USERS_H

#include "base/config.h"

struct users; /* mem_ref object */

/* Lines "JID = NUMBERS" in their order: the first that matches counts.  One '*'
 * in a JID and in its number stands for the same text.  "default = JID" takes
 * numbers that no line has.  EBADMSG; problems are printed with pf. */
int users_alloc(struct users **up, const struct config *conf,
		struct re_printf *pf);

/* The number that a user (bare JID) calls from.  ENOENT: none. */
int users_number(char **np, const struct users *u, const char *user);
/* The user (bare JID) whom a number reaches.  ENOENT: nobody. */
int users_jid(char **jp, const struct users *u, const char *number);

#endif
