/* address.h: a SIP or tel URI taken apart (protocol B.1, B.2). */
#ifndef BRIDGE_ADDRESS_H
#define BRIDGE_ADDRESS_H

#include "base/compat.h"

struct address {
	char *user; /* percent-decoded UTF-8, mem_ref */
	char *host; /* without port and brackets; tel: the phone-context, or
		     * NULL for a global number */
	bool tel;   /* a telephone number: tel: or user=phone */
};

/* sip:, tel:, im:, pres:.  EBADMSG; EACCES for sips: (D4).  Text that is not a
 * URI is EBADMSG. */
int address_decode(struct address *a, const char *uri);
void address_clear(struct address *a);
/* "sip:user@host" and params, which are taken as they are like host. */
int address_join(char **urip, const char *user, const char *host,
		 const char *params);
/* "sip:user@host", with user=phone for a number of the world.  host is taken
 * as it is. */
int address_print(char **urip, const char *user, const char *host);

#endif
