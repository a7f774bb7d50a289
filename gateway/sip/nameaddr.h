/* nameaddr.h: From, P-Asserted-Identity, Contact and Reason values as text
 * (RFC 3261 20, 25.1; RFC 3326).  Slices point into what was given. */
#ifndef SIP_NAMEADDR_H
#define SIP_NAMEADDR_H

#include "base/compat.h"

enum {
	NAMEADDR_NAME_MAX = 128, /* bytes of a display name that are kept */
	NAMEADDR_URI_MAX = 2048, /* hardening.md section 3 */
};

struct nameaddr {
	struct pl name;	  /* without quotes; .l 0: none */
	bool quoted;	  /* name holds quoted-pairs */
	struct pl uri;	  /* without angle brackets, %-escapes untouched */
	struct pl params; /* of the header, "" or ";tag=1;q=0.5" */
};

struct reasonhdr {
	struct pl proto; /* "Q.850", "SIP" */
	unsigned cause;	 /* 0: none */
	struct pl text;	 /* without quotes, quoted-pairs left in */
};

/* EBADMSG for what is no name-addr or addr-spec. */
int nameaddr_decode(struct nameaddr *na, const struct pl *val);
/* The display name unescaped and cleaned; NULL when there is none.  A mem_ref
 * string.  ENOMEM. */
int nameaddr_name(char **namep, const struct nameaddr *na);
/* Value of a header parameter; false: absent. */
bool nameaddr_param(const struct nameaddr *na, const char *name,
		    struct pl *val);
/* A q value as thousandths; 1000 without one (RFC 3261 20.10). */
unsigned nameaddr_q(const struct nameaddr *na);
/* Cuts the first item off a comma separated list; false: nothing left. */
bool nameaddr_next(struct pl *list, struct pl *item);
/* Prints "\"name\" <uri>", or "<uri>" when name is NULL.  EBADMSG for a URI
 * that could break out of its brackets. */
struct nameaddr_out {
	const char *name, *uri;
};
int nameaddr_print(struct re_printf *pf, const struct nameaddr_out *na);
/* May the text stand between angle brackets? */
bool nameaddr_uri_safe(const char *uri);

int reasonhdr_decode(struct reasonhdr *rh, const struct pl *val);

/* P-Early-Media of a response (RFC 5009 8): is the sound of the callee's side
 * to be heard?  ENOENT: it names no direction. */
int earlyhdr_decode(bool *heard, const struct pl *val);

#endif
