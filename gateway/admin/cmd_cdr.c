/* cmd_cdr.c: the last calls. */
#include <string.h>
#include <time.h>
#include "admin/cdr.h"
#include "admin/run.h"

enum { LAST = 20, HOUR = 3600, MINUTE = 60 };

/* "1:02:03", for people; the record has ms. */
static void add_duration(json_t *j)
{
	const json_int_t ms =
	    json_integer_value(json_object_get(j, "duration_ms"));
	const unsigned s = (unsigned)(ms / 1000);
	char buf[32];

	(void)re_snprintf(buf, sizeof(buf), "%u:%02u:%02u", s / HOUR,
			  s % HOUR / MINUTE, s % MINUTE);
	(void)json_object_set_new(j, "duration", json_string(buf));
}

/* What a user calls "alice@example.com" is what records are searched for. */
void cmd_cdr(struct command_run *r)
{
	const char *since = command_arg(r, "since");
	const uint64_t now = (uint64_t)time(NULL);
	const uint64_t ago = since ? command_span(since) : now;
	const struct cdr_filter f = {
	    .since = ago < now ? (now - ago) * 1000 : 0,
	    .jid = command_arg(r, "jid"),
	    .number = command_arg(r, "number"),
	};
	json_t *rows, *j;
	size_t i;

	rows = cdr_json(command_gateway(r)->cdr, &f,
			command_arg_count(r, "last", LAST));
	json_array_foreach(rows, i, j) add_duration(j);
	command_rows(r, rows);
}
