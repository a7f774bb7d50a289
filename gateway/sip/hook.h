/* hook.h: what libre does with a datagram. */
#ifndef SIP_HOOK_H
#define SIP_HOOK_H

#include "base/compat.h"

/* Is it a message that libre takes?  It is kept for libre, which asks next. */
bool hook_decodes(struct mbuf *mb);
void hook_forget(void); /* if it did not ask */

struct hook_receiver {
	udp_recv_h *h;
	void *arg;
};
/* Of the UDP socket that was opened last. */
struct hook_receiver hook_listened(void);

#endif
