/* web.h: the live page and the HTTP API, on libmicrohttpd in the loop of the
 * signalling thread. */
#ifndef ADMIN_WEB_H
#define ADMIN_WEB_H

#include "gateway.h"

struct web; /* mem_ref object */

/* Listens on [admin] http; problems are logged. */
int web_alloc(struct web **wp, const struct gateway *gw);
/* A call is over.  w may be NULL. */
void web_call_ended(struct web *w, const struct call_end *end);

#endif
