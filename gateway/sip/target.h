/* target.h: where a SIP URI leads: NAPTR, SRV, A, AAAA with their time to
 * live (RFC 3263 4), and which of these places are in health. */
#ifndef SIP_TARGET_H
#define SIP_TARGET_H

#include "base/compat.h"

enum { TARGETS_MAX = 16 };

struct target {
	struct sa addr;
	enum sip_transp tp;
	bool up;     /* answered the last time that it was asked */
	bool failed; /* said nothing, 503, or its transport broke */
};

struct targets; /* mem_ref object */

/* May we send there?  Asked for what DNS says, not for written addresses. */
typedef bool(targets_allow_h)(const struct sa *addr, void *arg);
/* The set is known or has changed (0), or could not be found (errno). */
typedef void(targets_h)(int err, void *arg);

/* uri: "sip:host[:port][;transport=udp|tcp|tls]".  A numeric host is known at
 * once and h is not called.  dnsc may be NULL: then names fail.  EBADMSG,
 * EPROTONOSUPPORT, ENOMEM. */
int targets_alloc(struct targets **tsp, struct dnsc *dnsc, const char *uri,
		  targets_allow_h *allow, targets_h *h, void *arg);
/* Whom h and allow are called with from now on. */
void targets_give(struct targets *ts, void *arg);
size_t targets_count(const struct targets *ts);
bool targets_busy(const struct targets *ts); /* the first search goes on */
/* In the order of DNS. NULL: none. */
struct target *targets_at(struct targets *ts, size_t i);
/* In the order to be tried: those that failed come last. NULL: none. */
struct target *targets_nth(struct targets *ts, size_t n);
struct target *targets_find(struct targets *ts, const struct sa *addr,
			    int flag);

#endif
