/* reload.h: another configuration for a gateway at work. */
#ifndef ADMIN_RELOAD_H
#define ADMIN_RELOAD_H

#include "gateway.h"

/* Reads the file again and puts all of it in force, or nothing: a mistake, or
 * a key that needs a restart, is told to pf with file and line, and logged.
 * Calls that run keep the trunk that they began with.  EBADMSG, ENOENT,
 * ENOMEM. */
int gateway_reload(struct gateway *gw, struct re_printf *pf);

/* A line of the log for each of mb, with area before it. */
void reload_problems(const struct mbuf *mb, const char *area);

#endif
