/* cpim.h: message/cpim (RFC 3862) with the headers of IMDN (RFC 5438).  Pure;
 * slices point into what was given. */
#ifndef SIP_CPIM_H
#define SIP_CPIM_H

#include "base/compat.h"

enum cpim_want { /* RFC 5438 6.2: imdn.Disposition-Notification */
		 CPIM_POSITIVE = 1,
		 CPIM_NEGATIVE = 2,
		 CPIM_PROCESSING = 4,
		 CPIM_DISPLAY = 8,
};

struct cpim {		      /* .l 0: not there */
	struct pl from, to;   /* URIs, without brackets */
	struct pl datetime;   /* as written, RFC 3339 */
	struct pl subject;    /* escapes left in: cpim_text() */
	struct pl message_id; /* imdn.Message-ID */
	unsigned wants;	      /* of enum cpim_want */
	/* of the content */
	struct pl type; /* "text/plain" */
	struct pl charset, encoding, disposition, lang;
	struct pl body;
};

/* EBADMSG; ENOTSUP: it requires what we do not know (RFC 3862 2.3.5). */
int cpim_decode(struct cpim *c, const struct pl *text);
/* A header value with its escapes resolved (RFC 3862 3.2), controls as spaces;
 * a mem_ref string. */
int cpim_text(char **textp, const struct pl *value);
/* Prints all of it, body last.  subject: plain text here.  EBADMSG: a URI, id
 * or type that could break out of its line. */
int cpim_print(struct re_printf *pf, const struct cpim *c);
/* May it stand as imdn.Message-ID? (a token, RFC 5438 6.3) */
bool cpim_is_token(const struct pl *text);

#endif
