/* xmlstream.h: bytes -> stream header and stanzas (expat; RFC 6120 11). */
#ifndef XMPP_XMLSTREAM_H
#define XMPP_XMLSTREAM_H

#include <stddef.h>
#include "xmpp/stanza.h"

struct xmlstream;

struct xmlstream_limits {
	unsigned bytes, depth, attrs, children; /* of one stanza */
};

struct xmlstream_handlers {
	/* <stream:stream>: element without children; valid in the call. */
	void (*open)(const struct stanza *header, void *arg);
	/* One complete child of the stream; the handler owns it. */
	void (*stanza)(struct stanza *st, void *arg);
	void (*close)(void *arg); /* </stream:stream> */
	void *arg;
};

int xmlstream_alloc(struct xmlstream **xp, const struct xmlstream_limits *l,
		    const struct xmlstream_handlers *h);
void xmlstream_free(struct xmlstream *x); /* not from within a handler */

/* EBADMSG: not well-formed, a DTD, PI or comment; E2BIG: over a limit.  *why
 * (static text) says which; afterwards only xmlstream_free makes sense.
 * Handlers run inside; a stanza is delivered as soon as its last byte is in. */
int xmlstream_feed(struct xmlstream *x, const char *buf, size_t len,
		   const char **why);

#endif
