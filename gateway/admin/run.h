/* run.h: a command being carried out, for the functions of the table. */
#ifndef ADMIN_RUN_H
#define ADMIN_RUN_H

#include <jansson.h>
#include "admin/commands.h"
#include "gateway.h"

const struct gateway *command_gateway(const struct command_run *r);
/* NULL: it was not given, or the command has no such argument. */
const char *command_arg(const struct command_run *r, const char *name);
/* Of a COMMAND_COUNT; dflt when it was not given. */
unsigned command_arg_count(const struct command_run *r, const char *name,
			   unsigned dflt);
bool command_wants_json(const struct command_run *r);
/* Who asks, for the log: "uid 0", "http", "admin@example.com". */
const char *command_who(const struct command_run *r);

/* The answer is collected here: text, JSON lines or bytes. */
struct mbuf *command_text(struct command_run *r);
/* For work that goes on: held until the run is over or nobody waits for it any
 * more; its destructor ends the work.  Replaces what was kept before. */
void command_keep(struct command_run *r, void *data);
void *command_kept(const struct command_run *r);
/* Calls h(r) once, after ms, unless nobody waits any more. */
void command_later(struct command_run *r, uint64_t ms, command_h *h);

/* Sends what was collected so far.  false: nobody waits any more, r is gone. */
bool command_part(struct command_run *r);

/* The ends.  r may be gone after them. */
void command_done(struct command_run *r);
/* A document for programs, which is released; j NULL: out of memory. */
void command_json(struct command_run *r, json_t *j);
/* An array of objects: JSON, or a table by the command's columns. */
void command_rows(struct command_run *r, json_t *rows);
/* Before it: there are more than these. */
void command_more(struct command_run *r);
/* Before it: the answer tells of something wrong; stoxctl exits with 1. */
void command_alarm(struct command_run *r);
/* In words without a newline.  err, for programs: ENOENT there is no such
 * thing, EINVAL asked in a wrong way, EBUSY not now, others. */
void command_fail(struct command_run *r, int err, const char *fmt, ...);

/* Never NULL but for want of memory; not UTF-8: "". */
json_t *command_string(const char *s);

#endif
