/* command.h: what stoxctl can ask: one table, from which help is printed. */
#ifndef ADMIN_COMMAND_H
#define ADMIN_COMMAND_H

#include "gateway.h"

struct command_run; /* a request being answered; mem_deref stops it */

typedef void(command_output_h)(const char *text, size_t len, bool last,
			       void *arg);

/* line: words without the newline, "json" first for JSON.  The answer comes
 * through h in one or more pieces, perhaps from within; the last with last set,
 * after which *rp does nothing more.  h may mem_deref *rp. ENOMEM. */
int command_start(struct command_run **rp, const struct gateway *gw,
		  const char *line, command_output_h *h, void *arg);

#endif
