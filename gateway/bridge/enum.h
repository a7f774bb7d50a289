/* enum.h: numbers of the world looked up in the DNS (ENUM, RFC 6116). */
#ifndef BRIDGE_ENUM_H
#define BRIDGE_ENUM_H

#include "base/compat.h"

/* "+4930" in "e164.arpa": "0.3.9.4.e164.arpa" (RFC 6116 3.2). EBADMSG: no
 * number of the world, or no room. */
int enum_name(char *name, size_t size, const char *number, const char *zone);

/* A rule of a record, "!^.*$!sip:bob@example.net!", on a number: "sip:USER@HOST"
 * or "sip:USER@HOST:PORT" without anything behind it.  Expressions are a prefix
 * of digits and then anything; others, other schemes, and hosts that are
 * addresses are EBADMSG. */
int enum_rewrite(char **urip, const char *rule, const char *number);
/* Is it a record with a rule for SIP (RFC 3764)? */
bool enum_serves(const char *flags, const char *services);

struct enum_query; /* mem_ref object; without it nothing is asked any more */

/* uri NULL: none was found in time.  Called once, never from within. */
typedef void(enum_found_h)(const char *uri, void *arg);
/* except: a host where no result may lead, as the trunk's own: who has a number
 * could send calls to another one there. */
int enum_ask(struct enum_query **qp, struct dnsc *dnsc, const char *number,
	     const char *zone, const char *except, enum_found_h *h, void *arg);

#endif
