/* resolve.h: host name -> addresses, without stopping the loop. */
#ifndef XMPP_RESOLVE_H
#define XMPP_RESOLVE_H

#include "base/compat.h"

enum { RESOLVE_MAX = 8 }; /* addresses of one name that are tried */

struct resolve;

/* ENOENT: no such host; EAGAIN: nobody could say; else n addresses. */
typedef void(resolve_h)(int err, const struct sa *addrv, size_t n, void *arg);

/* Looks the name up as the system does (/etc/hosts, then DNS), in a thread
 * that lives as long as the question; h is called later, once, in the loop.
 * mem_deref of *rp before that cancels. */
int resolve_start(struct resolve **rp, const char *host, uint16_t port,
		  resolve_h *h, void *arg);

#endif
