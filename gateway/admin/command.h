/* command.h: asks the gateway for what a command of the table says. */
#ifndef ADMIN_COMMAND_H
#define ADMIN_COMMAND_H

#include "admin/table.h"
#include "gateway.h"

struct command_run; /* a request being answered; mem_deref stops it */

/* err: 0, or why not: text is a line for people then, with its newline, and
 * EINVAL means that it was asked in a wrong way. */
typedef void(command_output_h)(int err, const char *text, size_t len,
			       bool last, void *arg);

struct command_ask {
	const struct command *command;
	const char *const *argv; /* COMMAND_ARGS_MAX, by index; NULL: not given
				  */
	bool json;
	const char *who; /* for the log */
};

/* The answer comes through h in one or more pieces, perhaps from within; the
 * last with last set, after which *rp does nothing more.  h may mem_deref *rp.
 * ENOMEM. */
int command_start(struct command_run **rp, const struct gateway *gw,
		  const struct command_ask *ask, command_output_h *h,
		  void *arg);
/* The same from a line: words without the newline, "json" first for JSON, what
 * is not a printable character of ASCII, and %, as %XX. */
int command_line(struct command_run **rp, const struct gateway *gw,
		 const char *line, const char *who, command_output_h *h,
		 void *arg);
/* Its answer tells of something wrong; r may be NULL. */
bool command_alarms(const struct command_run *r);

#endif
