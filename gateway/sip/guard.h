/* guard.h: judges a scanned SIP message by the rules of RFC 3261 and the
 * torture tests of RFC 4475.  Pure: no socket, no state, no clock. */
#ifndef SIP_GUARD_H
#define SIP_GUARD_H

#include "base/config.h"
#include "sip/scan.h"

enum guard_why {
	GUARD_OK,
	GUARD_START_LINE,
	GUARD_VERSION,
	GUARD_HEADER,
	GUARD_MISSING,
	GUARD_TWICE,
	GUARD_LIMIT,
	GUARD_CSEQ,
	GUARD_VIA,
	GUARD_ADDRESS,
	GUARD_URI,
	GUARD_HOPS,
	GUARD_REQUIRE,
	GUARD_LENGTH,
	GUARD_RESPONSE,
	GUARD_WHYS,
};

struct guard_verdict {
	enum guard_why why;
	unsigned code;	    /* 0: pass; else the response; drop rules */
	bool drop;	    /* say nothing */
	const char *phrase; /* reason phrase of code */
	char header[256];   /* "Unsupported: foo\r\n" or "" */
};

/* stream: the transport is TCP or TLS, where Content-Length must be there. */
void guard_judge(struct guard_verdict *v, const struct sipscan *s,
		 const struct config_limits *limits, bool stream);

/* Option tags that we understand, for Supported and Require. */
extern const char *const guard_options[]; /* NULL at the end */

/* Is method one that RFC 3261 or its extensions define? (405, else 501) */
bool guard_knows_method(const struct pl *method);
const char *guard_why_name(enum guard_why why);

/* A stateless response to the source (RFC 3261 8.2.6.2, 18.2.2, 3581), from
 * slices: works for messages that libre cannot decode. tag: of To. */
int guard_reply_print(struct mbuf *mb, const struct sipscan *s,
		      const struct guard_verdict *v, const struct sa *src,
		      const char *tag, const char *server);

#endif
