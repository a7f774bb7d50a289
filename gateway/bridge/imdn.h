/* imdn.h: message/imdn+xml (RFC 5438) and application/im-iscomposing+xml
 * (RFC 3994): documents that report on messages and on who is writing one. */
#ifndef BRIDGE_IMDN_H
#define BRIDGE_IMDN_H

#include "base/compat.h"

enum imdn_kind { IMDN_DELIVERY, IMDN_DISPLAY, IMDN_PROCESSING };

enum imdn_status { /* RFC 5438 7.2.1 */
		   IMDN_UNKNOWN,
		   IMDN_DELIVERED,
		   IMDN_FAILED,
		   IMDN_DISPLAYED,
		   IMDN_PROCESSED,
		   IMDN_STORED,
		   IMDN_FORBIDDEN,
		   IMDN_ERROR,
};

struct imdn {
	char *id; /* of the message it is about; mem_ref'd */
	enum imdn_kind kind;
	enum imdn_status status;
};

/* EBADMSG, ENOMEM. */
int imdn_decode(struct imdn *d, const struct pl *xml);
void imdn_clear(struct imdn *d);
/* at: s of CLOCK_REALTIME.  A mem_ref string. */
int imdn_encode(char **xmlp, const struct imdn *d, int64_t at);

struct composing {
	bool active;
	unsigned refresh; /* s; 0: none was given */
};

int composing_decode(struct composing *c, const struct pl *xml);
int composing_encode(char **xmlp, const struct composing *c);

#endif
