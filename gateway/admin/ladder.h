/* ladder.h: the messages of a call as a time line: XMPP to the left, SIP to
 * the right, what became of the media between. */
#ifndef ADMIN_LADDER_H
#define ADMIN_LADDER_H

#include "base/trace.h"

enum { LADDER_LABEL_MAX = 80 };

/* What a message is, in a few words of ASCII: "INVITE (SDP)",
 * "session-accept". */
void ladder_label(char label[LADDER_LABEL_MAX], const struct trace_entry *e);

/* The line above the first one: what the lanes are. */
int ladder_head_print(struct re_printf *pf, void *unused);

struct ladder_row {
	const struct trace_entry *e;
	uint64_t start; /* us; the time of the first */
};
int ladder_row_print(struct re_printf *pf, const struct ladder_row *row);

#endif
