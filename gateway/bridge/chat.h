/* chat.h: messages between XMPP and SIP, page mode (protocol D.1, D.2, G.4).
 *
 * Each message of an XMPP user has one end: delivered, or an error to its
 * sender.  Each message from SIP has one final response. */
#ifndef BRIDGE_CHAT_H
#define BRIDGE_CHAT_H

#include "base/config.h"
#include "bridge/route.h"
#include "sip/stack.h"
#include "xmpp/component.h"

struct chat;	   /* mem_ref object */
struct chatportal; /* what it has of a component */

struct chat_conf { /* none of these is referenced; all outlive the chat */
	const struct config *config;
	const struct route *route;
	struct sipstack *stack;
};

int chat_alloc(struct chat **cp, const struct chat_conf *conf);
/* A component whose users may write: takes messages to contacts that nobody
 * who listened before took. */
int chat_component(struct chat *chat, struct component *c);
/* Tells senders of what a process before this one had not delivered when it
 * died, as that one noted it in the file; notes what waits from now on.  After
 * the components. */
int chat_keep(struct chat *chat, const char *path);
/* The limits have changed. */
void chat_renew(struct chat *chat);
/* Ends what waits, with an error to each sender. */
void chat_close(struct chat *chat);

/* For what else is written to users in the name of the gateway. */
struct chatportal *chat_portal(const struct chat *chat, const char *domain);
/* Sends and frees; kept for a while where the server is away and keep says
 * so.  errno of component_send(). */
int chat_stanza_send(struct chatportal *p, struct stanza *st, bool keep);

struct chat_stats {
	uint64_t sent;	   /* XMPP to SIP: a 2xx came */
	uint64_t failed;   /* XMPP to SIP: its sender got an error */
	uint64_t received; /* SIP to XMPP: answered 202 */
	uint64_t refused;  /* SIP to XMPP */
	unsigned waiting;  /* XMPP to SIP: in queues now */
	unsigned held;	   /* errors and receipts for a server that is away */
};
void chat_stats(struct chat_stats *s, const struct chat *chat);

#endif
