/* chatwords.h: what a <message/> says that SIP has words for, and what a SIP
 * body says that XMPP has (protocol D.1, D.2, G.4).  Pure. */
#ifndef BRIDGE_CHATWORDS_H
#define BRIDGE_CHATWORDS_H

#include "base/compat.h"
#include "base/config.h"
#include "xmpp/stanza.h"

#define NS_RECEIPTS   "urn:xmpp:receipts"
#define NS_MARKERS    "urn:xmpp:chat-markers:0"
#define NS_CHATSTATES "http://jabber.org/protocol/chatstates"
#define NS_DELAY      "urn:xmpp:delay"
#define NS_HINTS      "urn:xmpp:hints"
#define NS_NICK	      "http://jabber.org/protocol/nick"
#define NS_SID	      "urn:xmpp:sid:0"
#define NS_STYLING    "urn:xmpp:styling:0"

enum chat_state { /* X0085 */
		  STATE_NONE,
		  STATE_ACTIVE,
		  STATE_COMPOSING,
		  STATE_PAUSED,
		  STATE_INACTIVE,
		  STATE_GONE,
};

struct chatwords {		 /* strings are mem_ref'd; NULL: none */
	enum stanza_cond refuse; /* COND_NONE: it may pass */
	const char *why;	 /* in words, with refuse */
	char *body, *subject, *thread, *lang, *nick;
	char *received, *displayed; /* ids that these speak of */
	bool receipt, markable;	    /* wanted */
	enum chat_state state;
};

/* now: s of CLOCK_REALTIME.  ENOMEM. */
int chatwords_decode(struct chatwords *w, const struct stanza *message,
		     const struct config_chat *conf, int64_t now);
void chatwords_clear(struct chatwords *w);

/* X0085 -> RFC 3994: 1 active, 0 idle, -1 nothing. */
int chatwords_composing(enum chat_state state);

/* Seconds since 1970 of "2026-11-22T13:00:00Z" (X0082, RFC 3339). EBADMSG. */
int chatwords_time(int64_t *t, const struct pl *text);
/* The same in print, argument const int64_t *. */
int chatwords_time_print(struct re_printf *pf, const int64_t *t);

/* text/html -> text: markup gone, character references resolved; "" if
 * nothing is left (D20). */
int chatwords_flatten(char **textp, const struct pl *html);
/* A text of this charset as UTF-8 with plain line ends.  ENOTSUP: charset;
 * EBADMSG: it is not what it says. */
int chatwords_text(char **textp, const struct pl *body,
		   const struct pl *charset);
/* The first tag of Content-Language, or NULL. */
int chatwords_lang(char **langp, const struct pl *value);
/* How many bytes of the first len of a text make a part of at most room:
 * whole characters, up to a space where there is one. */
size_t chatwords_part(const char *text, size_t len, size_t room);

#endif
