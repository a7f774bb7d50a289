/* stanzacount.c: what went over the components' streams. */
#include "xmpp/stanzacount.h"
#include <string.h>

struct stanza_counts stanza_counts;

void stanzacount(bool tx, const struct stanza *st)
{
	static const char *const kinds[STANZACOUNT_KINDS] = {
	    [STANZACOUNT_MESSAGE] = "message",
	    [STANZACOUNT_PRESENCE] = "presence",
	    [STANZACOUNT_IQ] = "iq",
	};
	const char *type = stanza_attr(st, "type");

	for (unsigned i = 0; i < STANZACOUNT_KINDS; i++) {
		if (!strcmp(st->name, kinds[i]))
			++stanza_counts.stanzas[tx][i];
	}
	stanza_counts.errors[tx] += type && !strcmp(type, "error");
}
