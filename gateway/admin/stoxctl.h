/* stoxctl.h: the parts of stoxctl.  It speaks to the gateway over the control
 * socket (control.h) and knows the table of commands (table.h). */
#ifndef ADMIN_STOXCTL_H
#define ADMIN_STOXCTL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include "admin/table.h"

enum {
	EXIT_REFUSED = 1, /* the gateway says no */
	EXIT_USAGE = 2,	  /* asked in a wrong way */
	EXIT_NOBODY = 3,  /* no gateway answers */
	CTL_REQUEST = 8192,
};

/* What stoxctl does without the gateway, or around it. */
extern const struct command ctl_own[];
extern const size_t ctl_ownc;

/* A request line of words; false: too long. */
bool ctl_request(char *buf, size_t size, bool json, const char *const *wordv,
		 size_t wordc);
/* A connection that the request was written to, or -1 with errno. */
int ctl_ask(const char *path, const char *request);
/* Why there is none, for people. */
const char *ctl_cause(int err);

/* "help" with the words after it. */
int ctl_help(FILE *f, const char *const *wordv, size_t wordc);
void ctl_usage(FILE *f);
/* "completion" for a shell. */
int ctl_completion(const char *shell);
/* "top": frames until q; one when standard output is no terminal. */
int ctl_top(const char *path);

#endif
