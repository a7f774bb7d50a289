/* refuse.h: one line of the log for each SIP request that is refused, fit for
 * programs that lock sources out (conf/fail2ban).
 *
 *   sip: refused 192.0.2.7 port 5060 UDP INVITE 403 call trunk pbx
 *
 * The address is the socket's, never the message's; the method is one that we
 * know, or "-"; nothing else of the request is in the line, so that none can
 * forge it.  Code 0: it was dropped without an answer; trunk "-": a stranger. */
#ifndef SIP_REFUSE_H
#define SIP_REFUSE_H

#include "base/compat.h"

struct siptrunk;

enum refuse_why {
	REFUSE_STRANGER,
	REFUSE_FLOOD,
	REFUSE_SIZE,
	REFUSE_JUNK,
	REFUSE_CONNECTIONS,
	REFUSE_RULES, /* malformed: guard.h */
	REFUSE_METHOD,
	REFUSE_DIALOG, /* of none that is known */
	REFUSE_CALL,
	REFUSE_MESSAGE,
	REFUSE_WATCHER,
	REFUSE_WHYS,
};

struct refusal {
	const struct sa *src;
	enum sip_transp tp;
	const struct pl *method; /* NULL: none was read */
	unsigned code;
	enum refuse_why why;
	const struct siptrunk *trunk; /* NULL: a stranger */
};

const char *refuse_why_name(enum refuse_why why); /* "stranger" */

/* At most 20 lines a second of each why; those left out are counted. */
void refuse_log(const struct refusal *r);
/* The same for a parsed request that is answered. */
void refuse_msg(const struct sip_msg *msg, const struct siptrunk *trunk,
		enum refuse_why why, unsigned code);

#endif
