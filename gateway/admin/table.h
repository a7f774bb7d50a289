/* table.h: the one table of commands.  The control socket, HTTP, ad-hoc
 * commands, help, usage and completion are made from it.
 *
 * Plain C: stoxctl is linked with it, without the functions (run is NULL). */
#ifndef ADMIN_TABLE_H
#define ADMIN_TABLE_H

#include <stddef.h>

enum {
	COMMAND_ARGS_MAX = 6,
	COMMAND_COLUMNS_MAX = 10,
	COMMAND_TEXT_MAX = 1023, /* bytes of an argument */
};

enum command_scope { COMMAND_READ, COMMAND_WRITE };

enum command_type {
	COMMAND_WORD,	 /* any text */
	COMMAND_CALL,	 /* a call's id as "calls" shows it */
	COMMAND_JID,	 /* an XMPP address */
	COMMAND_NUMBER,	 /* a number as people type it, or a SIP user */
	COMMAND_ADDRESS, /* IPv4 or IPv6 */
	COMMAND_COUNT,	 /* a whole number, 1 to 999999999 */
	COMMAND_SPAN,	 /* a time: 30s, 10m, 2h, 1d */
	COMMAND_CHOICE,	 /* one of choices */
};

enum command_place {
	COMMAND_MUST,  /* in its place among the words */
	COMMAND_MAY,   /* ditto, or nothing; only after all that must */
	COMMAND_NAMED, /* name=value, anywhere, or nothing */
};

struct command_arg {
	const char *name;
	enum command_type type;
	enum command_place place;
	const char *label;   /* what it is, in a few words */
	const char *choices; /* with spaces between; NULL: no choice */
};

/* A result that is an array of objects is a table for people. */
struct command_column {
	const char *key; /* in the object; "xmpp.jid": in an object of it */
	const char *title;
};

enum command_output {
	COMMAND_JSON,  /* text, or one JSON document */
	COMMAND_LINES, /* text, or a JSON object a line */
	COMMAND_PLAIN, /* text only */
	COMMAND_FILE,  /* bytes only */
};

struct command_run;
typedef void(command_h)(struct command_run *r);

struct command {
	const char *name; /* words with one space between */
	const char *help; /* one line */
	enum command_scope scope;
	enum command_output output;
	struct command_arg args[COMMAND_ARGS_MAX]; /* name NULL ends */
	struct command_column columns[COMMAND_COLUMNS_MAX]; /* key NULL ends */
	const char *none; /* what people read in place of an empty table */
	command_h *run;
};

extern const struct command command_table[];
extern const size_t command_count;

/* By its name as it stands in the table, or NULL. */
const struct command *command_named(const char *name);
/* The command whose words the wordv of wordc begin with, and how many; NULL:
 * none. */
const struct command *command_find(const char *const *wordv, size_t wordc,
				   size_t *used);
/* The name that the words may have meant, or NULL. */
const char *command_near(const char *const *wordv, size_t wordc);
size_t command_argc(const struct command *c);
/* "call show ID"; cut to size. */
void command_usage(char *buf, size_t size, const struct command *c);

/* Puts words after the command's name into argv, which has COMMAND_ARGS_MAX
 * places, by the index of their args; those that are not given are NULL.  The
 * words are not copied.  EINVAL: too few, too many, or one twice. */
int command_fill(const char **argv, const struct command *c,
		 const char *const *wordv, size_t wordc);
/* Judges types: NULL, or what the arg may be, in words; *which: its index. */
const char *command_judge(const struct command *c, const char *const *argv,
			  size_t *which);
/* The i-th choice: its length, 0 after the last. */
size_t command_choice(const struct command_arg *a, size_t i, const char **p);
/* A COMMAND_SPAN in seconds, 0 when it is none. */
unsigned long command_span(const char *text);

#endif
