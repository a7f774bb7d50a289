/* register.h: the registration of one trunk or line (RFC 3261 10), kept
 * alive. */
#ifndef SIP_REGISTER_H
#define SIP_REGISTER_H

#include "sip/stack.h"

struct binding; /* mem_ref object */

enum binding_state {
	BINDING_TRYING, /* the first answer is open */
	BINDING_BOUND,
	BINDING_WAITING,   /* failed, tries again by itself */
	BINDING_FORBIDDEN, /* 403: an hour of silence */
	BINDING_CLOSED,
};

/* Starts at once.  The user part of Contact is the trunk's user name, or the
 * line's token. */
int binding_alloc(struct binding **bp, struct siptrunk *trunk);
/* Waits for its turn among the lines instead; after binding_alloc(). */
void binding_pace(struct binding *b);
/* After each final result, from the loop; h NULL: no more. */
void binding_listen(struct binding *b, sipline_h *h, void *arg);
void binding_event(const struct binding *b, struct sipline_event *ev);
/* Takes the registration back (Expires: 0), without waiting for the answer.*/
void binding_close(struct binding *b);
/* Registers again now: the public address has changed. */
void binding_refresh(struct binding *b);
enum binding_state binding_state(const struct binding *b);
const char *binding_state_name(enum binding_state st);
uint64_t binding_due(const struct binding *b);	/* ms until it acts again */
unsigned binding_code(const struct binding *b); /* last final response */
/* Does the registrar keep to the way that the registration came (RFC 5626)? */
bool binding_outbound(const struct binding *b);

/* ms until the next attempt. Pure, for tests: RFC 3261 10.2.4, 5626 4.5. */
uint64_t binding_refresh_after(unsigned expires);
uint64_t binding_backoff(unsigned failures, uint64_t random);

#endif
