/* remote.h: the table of commands as ad-hoc commands (X0050) of the JIDs in
 * [admin] admins. */
#ifndef ADMIN_REMOTE_H
#define ADMIN_REMOTE_H

#include "admin/table.h"
#include "gateway.h"

struct remote; /* mem_ref object; before the accounts are released */

enum { REMOTE_NODE_MAX = 64 };

/* Once the portals are there. */
int remote_alloc(struct remote **rp, const struct gateway *gw);
/* "stoxd:call-hangup"; false: the command has no node, as its result is a
 * file. */
bool remote_node(char node[REMOTE_NODE_MAX], const struct command *c);

#endif
