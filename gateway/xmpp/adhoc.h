/* adhoc.h: ad-hoc commands of the gateway (X0050): sessions, their steps and
 * their list. */
#ifndef XMPP_ADHOC_H
#define XMPP_ADHOC_H

#include "xmpp/forms.h"
#include "xmpp/pending.h"

#define NS_COMMANDS "http://jabber.org/protocol/commands"

struct adhoc;	      /* mem_ref object */
struct adhoc_session; /* mem_ref object */

/* A step of a command: form is NULL in the first one.  It answers with one of
 * the functions below, now or later; holds a reference for that. */
typedef void(adhoc_step_h)(struct adhoc_session *s, const struct form *form,
			   void *arg);

struct adhoc_command { /* static data */
	const char *node, *name;
	adhoc_step_h *step;
	unsigned need; /* bits that adhoc_handlers.may() has to give */
};

struct adhoc_handlers {
	const struct adhoc_command *commands;
	size_t commandc;
	/* What a user may: bits. 0: none of the commands that need something.
	 */
	unsigned (*may)(const char *user, void *arg);
	void *arg;
	/* They are for whom may() names, of any domain: others are forbidden
	 * what exists. */
	bool strangers;
};

/* Registers before the service: it takes disco of the commands' nodes. */
int adhoc_alloc(struct adhoc **ap, struct component *c,
		const struct adhoc_handlers *h);

/* A second set of commands, listed after the first; h and what it points to
 * outlive a, or the next call; NULL: there is none any more. */
void adhoc_extend(struct adhoc *a, const struct adhoc_handlers *h);

const struct adhoc_command *adhoc_command(const struct adhoc_session *s);
const char *adhoc_user(const struct adhoc_session *s); /* bare JID */
unsigned adhoc_step(const struct adhoc_session *s);    /* 0: the first */
/* Kept between the steps; a mem_ref object, referenced by the session. */
void adhoc_keep(struct adhoc_session *s, void *data);
void *adhoc_kept(const struct adhoc_session *s);

/* A form to fill in: *cp is the <command/> to put it into. */
struct stanza *adhoc_ask(struct adhoc_session *s, struct stanza **cp);
/* A result: *cp takes forms and notes. */
struct stanza *adhoc_show(struct adhoc_session *s, struct stanza **cp);
/* Sends what the two above began. */
void adhoc_send(struct adhoc_session *s, struct stanza *answer);
/* The end, with a note: type "info", "warn", "error". */
void adhoc_note(struct adhoc_session *s, const char *type, const char *text);
void adhoc_error(struct adhoc_session *s, enum stanza_cond cond,
		 const char *text);

#endif
