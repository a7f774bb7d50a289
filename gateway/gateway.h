/* gateway.h: the map of the whole: what main() makes, in this order. */
#ifndef GATEWAY_H
#define GATEWAY_H

#include "base/config.h"
#include "bridge/account.h"
#include "bridge/call.h"
#include "bridge/chat.h"
#include "bridge/presence.h"
#include "sip/sipleg.h"
#include "sip/stack.h"
#include "xmpp/component.h"
#include "xmpp/service.h"

struct portal { /* one component: its connection, its face, its calls */
	struct component *component;
	struct service *service;
	struct jingle *jingle;
	struct gateway *gw;		/* not referenced */
	const struct config_xmpp *conf; /* not referenced */
};

struct gateway {
	struct config *config;
	struct route *route;
	struct engine *engine; /* the media threads */
	struct policy *policy;
	struct shed *shed;
	struct sipstack *stack;
	struct sipcalls *sipcalls;
	struct chat *chat;
	struct presence *presence;
	struct store *store;   /* NULL: nothing is kept */
	struct secret *secret; /* of the store's passwords */
	struct accounts *accounts;
	struct portal *portals; /* config->xmppc of them */
	struct control *control;
	struct remote *remote; /* commands of admins by XMPP */
	struct cdr *cdr;
	struct web *web;   /* NULL: [admin] http is not set */
	struct hep *hep;   /* NULL: no collector */
	struct life *life; /* reload, drain, the end */
	uint64_t started;  /* ms */
};

#endif
