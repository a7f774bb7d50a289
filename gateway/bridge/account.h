/* account.h: SIP accounts that users bring along (protocol G.3, D51..D53):
 * registration by form or command, their lines, what is kept of them. */
#ifndef BRIDGE_ACCOUNT_H
#define BRIDGE_ACCOUNT_H

#include "base/secret.h"
#include "base/store.h"
#include "bridge/call.h"
#include "bridge/chat.h"
#include "bridge/presence.h"
#include "bridge/route.h"
#include "sip/stack.h"
#include "xmpp/component.h"
#include "xmpp/service.h"

struct accounts; /* mem_ref object */
struct adhoc;

struct accounts_conf { /* none of these is referenced; all outlive it */
	const struct config *config;
	struct route *route;
	struct sipstack *stack;
	struct chat *chat;   /* says what there is to say; NULL: nobody does */
	struct store *store; /* NULL: no accounts, nothing is kept */
	const struct secret *secret; /* NULL: ditto */
};

int accounts_alloc(struct accounts **ap, const struct accounts_conf *conf);
/* A component's users; before its service, whose queries it extends. */
int accounts_component(struct accounts *a, struct component *c);
/* Its face, once that is there. */
int accounts_service(struct accounts *a, struct component *c,
		     struct service *service);
/* A component's ad-hoc commands, for more of them; NULL: no such component. */
struct adhoc *accounts_commands(const struct accounts *a, const char *domain);
/* What the store has; registers all, each in its turn. */
int accounts_load(struct accounts *a);

/* A call has ended, for who likes to be told (missed_calls). */
void accounts_call_ended(struct accounts *a, const struct call_end *end);
/* A user has to do with a contact; name may be NULL. */
void accounts_contact(struct accounts *a, const char *user,
		      const char *contact, const char *name);

/* A user shows itself to the gateway (contact: its domain), or is gone (OFFLINE:
 * contact is NULL); is in a call, or no longer. */
void accounts_presence_event(struct accounts *a, enum service_event ev,
			     const char *user, const char *contact,
			     const struct stanza *st);
void accounts_busy(struct accounts *a, const char *user, bool busy);
/* [account] of the configuration has changed. */
void accounts_renew(struct accounts *a);
/* Says goodbye; before the stack unregisters. */
void accounts_stop(struct accounts *a);

/* The rows that presence remembers; NULL without a store. */
const struct presence_store *accounts_presence(struct accounts *a);

struct account_info { /* strings live as long as the call of h */
	const char *user, *gateway;
	const char *account, *state; /* "bob@example.net", "registered" */
	bool up;
	unsigned messages; /* new voice messages */
};
typedef bool(account_info_h)(const struct account_info *info, void *arg);
/* Stops at the first true.  user NULL: all. */
void accounts_apply(const struct accounts *a, const char *user,
		    account_info_h *h, void *arg);

struct accounts_stat {
	unsigned accounts, up, users, contacts;
};
void accounts_stat(const struct accounts *a, struct accounts_stat *st);

#endif
