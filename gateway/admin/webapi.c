/* webapi.c: the commands of the table as an HTTP API.
 *
 * GET /api/v1/call/show/7f3a is "call show 7f3a"; what changes something is
 * POST, its arguments in the path or as a JSON object in the body. */
#include <errno.h>
#include <string.h>
#include <strings.h>
#include "admin/web_priv.h"
#include "base/log.h"

enum {
	PREFIX = 2,	       /* words before the command: "api", "v1" */
	ANSWER_MAX = 32 << 20, /* bytes */
	WORDS_MAX = COMMAND_ARGS_MAX, /* of a body */
};

static const struct {
	int err;
	unsigned status;
} statuses[] = {
    {EINVAL, MHD_HTTP_BAD_REQUEST},
    {ENOENT, MHD_HTTP_NOT_FOUND},
    {EBUSY, MHD_HTTP_CONFLICT},
    {EALREADY, MHD_HTTP_CONFLICT},
    {EPERM, MHD_HTTP_FORBIDDEN},
    {EACCES, MHD_HTTP_FORBIDDEN},
    {ENOTSUP, MHD_HTTP_NOT_IMPLEMENTED},
    {ENOMEM, MHD_HTTP_SERVICE_UNAVAILABLE},
};

static unsigned status_of(int err)
{
	if (!err)
		return MHD_HTTP_OK;
	for (size_t i = 0; i < ARRAY_SIZE(statuses); i++) {
		if (statuses[i].err == err)
			return statuses[i].status;
	}

	return MHD_HTTP_INTERNAL_SERVER_ERROR;
}

static void go_on(struct webask *a)
{
	if (!a->suspended)
		return;

	a->suspended = false;
	MHD_resume_connection(a->connection);
	web_wake(a->web);
}

/* The command's answer, in one or more pieces. */
static void on_output(int err, const char *text, size_t len, bool last,
		      void *arg)
{
	struct webask *a = arg;

	if (!a->out || a->out->end + len > ANSWER_MAX ||
	    mbuf_write_mem(a->out, (const uint8_t *)text, len))
		a->out = mem_deref(a->out);
	if (!last)
		return;

	a->status = a->out ? status_of(err) : status_of(ENOMEM);
	go_on(a);
}

void webapi_give_up(struct webask *a)
{
	if (!a->suspended)
		return;

	a->run = mem_deref(a->run);
	a->out = mem_deref(a->out);
	a->status = MHD_HTTP_SERVICE_UNAVAILABLE;
	go_on(a);
}

static const char *type_of(enum command_output o)
{
	switch (o) {
	case COMMAND_LINES:
		return "application/x-ndjson";
	case COMMAND_PLAIN:
		return "text/plain; charset=utf-8";
	case COMMAND_FILE:
		return "application/octet-stream";
	default:
		return "application/json";
	}
}

enum MHD_Result webapi_finish(struct webask *a)
{
	const struct command *c = a->command;
	const char *text = a->out ? (const char *)a->out->buf : "";
	const size_t len = a->out ? a->out->end : 0;

	if (!a->out)
		return web_fail(a, a->status,
				"the answer is too long, or memory is "
				"short: ask for less");
	if (a->status != MHD_HTTP_OK)
		return web_fail(a, a->status, "%b", text,
				len && text[len - 1] == '\n' ? len - 1 : len);

	return web_reply(a, a->status, type_of(c->output), text, len);
}

static void who_print(char *buf, size_t size, struct webask *a)
{
	const union MHD_ConnectionInfo *i = MHD_get_connection_info(
	    a->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	struct sa sa;

	if (i && i->client_addr && !sa_set_sa(&sa, i->client_addr))
		(void)re_snprintf(buf, size, "http %j", &sa);
	else
		str_ncpy(buf, "http", size);
}

static enum MHD_Result start(struct webask *a, const struct command *c,
			     const char *const *wordv, size_t wordc)
{
	const char *argv[COMMAND_ARGS_MAX];
	char who[64], usage[256];
	struct command_ask ask = {.command = c, .argv = argv, .who = who};
	int err;

	err = command_fill(argv, c, wordv, wordc);
	if (err) {
		command_usage(usage, sizeof(usage), c);
		return web_fail(a, MHD_HTTP_BAD_REQUEST, "usage: %s", usage);
	}

	who_print(who, sizeof(who), a);
	ask.json = c->output == COMMAND_JSON || c->output == COMMAND_LINES;
	a->command = c;
	a->out = mbuf_alloc(1024);
	err = a->out ? command_start(&a->run, web_gateway(a->web), &ask,
				     on_output, a)
		     : ENOMEM;
	if (err)
		return web_fail(a, status_of(err), "%m", err);
	if (a->status)
		return webapi_finish(a);

	web_wait(a);

	return MHD_YES;
}

static const struct command *find(struct webask *a, size_t *used)
{
	if (a->path.wordc <= PREFIX)
		return NULL;

	return command_find(&a->path.wordv[PREFIX], a->path.wordc - PREFIX,
			    used);
}

static enum MHD_Result unknown(struct webask *a)
{
	const char *near = NULL;

	if (a->path.wordc > PREFIX)
		near = command_near(&a->path.wordv[PREFIX],
				    a->path.wordc - PREFIX);

	return near
		   ? web_fail(a, MHD_HTTP_NOT_FOUND,
			      "there is no such command; did you mean \"%s\"?",
			      near)
		   : web_fail(a, MHD_HTTP_NOT_FOUND,
			      "there is no such command");
}

static json_t *command_json_row(const struct command *c)
{
	char usage[256];

	command_usage(usage, sizeof(usage), c);

	return json_pack("{s:s, s:s, s:s, s:s}", "name", c->name, "usage",
			 usage, "help", c->help, "method",
			 c->scope == COMMAND_WRITE ? "POST" : "GET");
}

/* What there is. */
static enum MHD_Result list(struct webask *a)
{
	json_t *rows = json_array();
	enum MHD_Result ok = MHD_NO;
	char *text;

	for (size_t i = 0; i < command_count; i++)
		json_array_append_new(rows,
				      command_json_row(&command_table[i]));
	text = json_dumps(rows, JSON_INDENT(1) | JSON_PRESERVE_ORDER);
	if (text)
		ok = web_reply_text(a, MHD_HTTP_OK, "application/json", text);
	free(text);
	json_decref(rows);

	return ok;
}

enum MHD_Result webapi_get(struct webask *a)
{
	const struct command *c;
	size_t used;

	if (a->path.wordc == PREFIX)
		return list(a);
	c = find(a, &used);
	if (!c)
		return unknown(a);
	if (c->scope != COMMAND_READ)
		return web_fail_method(a, "POST");

	used += PREFIX;

	return start(a, c, &a->path.wordv[used],
		     a->path.wordc + a->path.queryc - used);
}

/* ---- bodies ---- */

struct words {
	char *v[WORDS_MAX];
	size_t n;
};

static void words_clear(struct words *w)
{
	while (w->n)
		mem_deref(w->v[--w->n]);
}

static int word_add(struct words *w, const struct command_arg *arg,
		    const json_t *v)
{
	char number[32];
	const char *s = json_string_value(v);

	if (json_is_integer(v)) {
		(void)re_snprintf(number, sizeof(number), "%lld",
				  (long long)json_integer_value(v));
		s = number;
	}
	if (!s || w->n == WORDS_MAX)
		return EINVAL;

	return arg->place == COMMAND_NAMED
		   ? re_sdprintf(&w->v[w->n++], "%s=%s", arg->name, s)
		   : str_dup(&w->v[w->n++], s);
}

/* {"id": "7f3a"} in the order of the command's arguments. */
static int words_from(struct words *w, const struct command *c,
		      const json_t *body)
{
	size_t known = 0;
	int err = 0;

	for (size_t i = 0; i < command_argc(c) && !err; i++) {
		const json_t *v = json_object_get(body, c->args[i].name);

		if (v) {
			++known;
			err = word_add(w, &c->args[i], v);
		}
	}

	return err ? err : known == json_object_size(body) ? 0 : EINVAL;
}

static bool is_json(struct webask *a)
{
	const char *type = MHD_lookup_connection_value(
	    a->connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_TYPE);

	return type && !strncasecmp(type, "application/json", 16) &&
	       (!type[16] || type[16] == ';' || type[16] == ' ');
}

static enum MHD_Result start_body(struct webask *a, const struct command *c)
{
	struct words w = {.n = 0};
	enum MHD_Result ok;
	json_t *body;
	int err;

	if (!is_json(a))
		return web_fail(a, MHD_HTTP_UNSUPPORTED_MEDIA_TYPE,
				"a body must be JSON, with Content-Type: "
				"application/json");

	body = json_loadb(a->body, a->len, JSON_REJECT_DUPLICATES, NULL);
	err = json_is_object(body) ? words_from(&w, c, body) : EINVAL;
	json_decref(body);
	if (err == EINVAL)
		ok = web_fail(a, MHD_HTTP_BAD_REQUEST,
			      "the body is no object with the arguments of "
			      "%s",
			      c->name);
	else if (err)
		ok = web_fail(a, status_of(err), "%m", err);
	else
		ok = start(a, c, (const char *const *)w.v, w.n);
	words_clear(&w);

	return ok;
}

enum MHD_Result webapi_post(struct webask *a)
{
	const struct command *c;
	size_t used, left;

	c = find(a, &used);
	if (!c)
		return unknown(a);
	if (c->scope != COMMAND_WRITE)
		return web_fail_method(a, "GET, HEAD");
	if (!a->may.write)
		return web_fail(a, MHD_HTTP_FORBIDDEN,
				"this needs the token of write_token_file");

	used += PREFIX;
	left = a->path.wordc + a->path.queryc - used;
	if (!a->len)
		return start(a, c, &a->path.wordv[used], left);
	if (left)
		return web_fail(a, MHD_HTTP_BAD_REQUEST,
				"arguments are in the path or in the body");

	return start_body(a, c);
}
