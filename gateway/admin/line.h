/* line.h: a request as the control socket takes it. */
#ifndef ADMIN_LINE_H
#define ADMIN_LINE_H

#include <stdbool.h>
#include "admin/table.h"

enum {
	LINE_WORDS_MAX = 2 * COMMAND_ARGS_MAX,
	LINE_WHY_MAX = 320,
};

struct line { /* a mem_ref object */
	bool json;
	const struct command *command;	    /* NULL: why says what is wrong */
	const char *argv[COMMAND_ARGS_MAX]; /* of v; NULL: not given */
	char *v[LINE_WORDS_MAX];
	size_t n;
	char why[LINE_WHY_MAX];
};

/* Words with blanks between, "json" first for JSON; %XX stands for a byte that
 * is none of printable ASCII, and for %. ENOMEM. */
int line_parse(struct line **lp, const char *text);
/* Answers repeat words of the question, and terminals obey controls. */
void line_clean(char *word);

#endif
