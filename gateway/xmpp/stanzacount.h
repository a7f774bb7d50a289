/* stanzacount.h: what went over the components' streams since the start. */
#ifndef XMPP_STANZACOUNT_H
#define XMPP_STANZACOUNT_H

#include <stdint.h>

#include "xmpp/stanza.h"

enum {
	STANZACOUNT_MESSAGE,
	STANZACOUNT_PRESENCE,
	STANZACOUNT_IQ,
	STANZACOUNT_KINDS
};

struct stanza_counts { /* [0]: received, [1]: sent */
	uint64_t stanzas[2][STANZACOUNT_KINDS];
	uint64_t errors[2]; /* of those, type='error' */
	uint64_t unsent;    /* the link was down, or its queue full */
	uint64_t connects, losses, iq_timeouts;
};
extern struct stanza_counts stanza_counts;

void stanzacount(bool tx, const struct stanza *st);

#endif
