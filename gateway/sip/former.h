/* former.h: where a trunk was before its configuration changed.  Calls that
 * began there end there. */
#ifndef SIP_FORMER_H
#define SIP_FORMER_H

#include "sip/stack.h"

struct siptrunk;

/* Notes where the trunk is now, for as long as a call may last. */
int former_add(struct siptrunk *t);
/* Did the trunk (phones: or one of its telephones) speak from there? */
bool former_has(const struct siptrunk *t, const struct sa *sa, bool phones);
/* Its credentials of that time; NULL: none. */
struct digest *former_digest(const struct siptrunk *t, const struct sa *sa);
/* Was its network named by the configuration of that time? */
bool former_named(const struct siptrunk *t, const struct sa *sa);

#endif
