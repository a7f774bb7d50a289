/* dispatch.h: which handler gets a stanza, and the answers of those that
 * nobody takes. */
#ifndef XMPP_DISPATCH_H
#define XMPP_DISPATCH_H

#include "xmpp/component.h"

struct dispatch;

int dispatch_alloc(struct dispatch **dp, struct component *c);
void dispatch_limits(struct dispatch *d, const struct config_limits *limits);
int dispatch_listen(struct dispatch *d, enum component_kind kind,
		    const char *ns, component_stanza_h *h, void *arg);
void dispatch_unlisten(struct dispatch *d, const void *arg);

/* A stanza from the server; not IQs of type result or error. */
void dispatch_stanza(struct dispatch *d, const struct stanza *st);

#endif
