/* lookup.h: the addresses behind names of servers, found in the background and
 * looked up again, so that nobody waits for a name server. */
#ifndef MEDIA_LOOKUP_H
#define MEDIA_LOOKUP_H

#include <stddef.h>

enum { LOOKUP_NAMES = 2, LOOKUP_IP_SIZE = 64 };

struct lookup;

/* names[i] may be NULL, or numeric: that one is there at once.  family:
 * AF_INET, AF_INET6 or AF_UNSPEC.  ENOMEM, EAGAIN. */
int lookup_start(struct lookup **lp, const char *const names[LOOKUP_NAMES],
		 int family);
/* Does not wait for a query that is under way. */
void lookup_stop(struct lookup *l);
/* The last that was found, numeric; "" when nothing is known.  Any thread. */
void lookup_get(struct lookup *l, unsigned i, char ip[LOOKUP_IP_SIZE]);

#endif
