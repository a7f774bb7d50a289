/* mwi.h: waiting messages (RFC 3842): their document, and NOTIFYs that come
 * unasked to a line. */
#ifndef SIP_MWI_H
#define SIP_MWI_H

#include "sip/stack.h"
#include "sip/subscribe.h"

extern const struct subscribe_package mwi_package;

struct mwi { /* of voice messages; of all where these are not named */
	bool waiting;
	unsigned fresh, old; /* saturated; 0, 0 where only waiting is known */
};

/* Text of application/simple-message-summary.  EBADMSG. */
int mwi_decode(struct mwi *m, const struct pl *text);

typedef void(mwi_h)(const struct config_trunk *line, const struct mwi *m,
		    void *arg);
struct mwi_listener {
	mwi_h *h;
	void *arg;
};
/* Takes NOTIFYs outside of dialogs.  Before subscribers_alloc(), which would
 * refuse them all.  l outlives the stack's last message. */
int mwi_listen(struct sipstack *stack, struct mwi_listener *l);

#endif
