/* cmd_trace.c: the messages of both sides, in order. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "admin/ladder.h"
#include "admin/rows.h"
#include "admin/run.h"
#include "base/text.h"
#include "base/trace.h"
#include "bridge/call.h"

/* bytes: no way out takes more, and the trace may be of gigabytes */
enum { TEXT_MAX = 32 << 20 };

/* What peers wrote goes to a terminal: its lines, and no commands. */
static int lines_print(struct re_printf *pf, const struct pl *text)
{
	struct pl rest = *text;
	int err = 0;

	while (rest.l && !err) {
		const char *nl = pl_strchr(&rest, '\n');
		struct pl line = {rest.p, nl ? (size_t)(nl - rest.p) : rest.l};

		pl_advance(&rest, (ssize_t)(line.l + (nl ? 1 : 0)));
		if (nl && line.l && line.p[line.l - 1] == '\r')
			--line.l;
		err = re_hprintf(pf, "%H\n", text_print_log, &line);
	}

	return err;
}

static void put_address(json_t *j, const char *key, const struct sa *sa)
{
	char text[64];

	if (sa_isset(sa, SA_ADDR) &&
	    re_snprintf(text, sizeof(text), "%J", sa) > 0)
		row_text(j, key, text);
}

/* What is not UTF-8 is not JSON: its bytes above 0x7f become "?". */
static json_t *text_json(const char *text, size_t len)
{
	json_t *j = json_stringn(text, len);
	char *copy;

	if (j)
		return j;
	copy = malloc(len + 1);
	if (!copy)
		return command_string("");
	for (size_t i = 0; i < len; i++)
		copy[i] = (uint8_t)text[i] < 0x80 ? text[i] : '?';
	j = json_stringn(copy, len);
	free(copy);

	return j ? j : command_string("");
}

static json_t *entry_json(const struct trace_entry *e)
{
	char label[LADDER_LABEL_MAX];
	json_t *j = json_object();

	ladder_label(label, e);
	row_number(j, "at_ms", e->at / 1000);
	row_text(j, "kind", trace_kind_name(e->kind));
	row_text(j, "what", label);
	if (e->kind != TRACE_MEDIA) {
		row_bool(j, "sent", e->tx);
		row_text(j, "peer", e->peer);
		row_text(j, "way", trace_way_name(e->way));
		put_address(j, "local", &e->local);
		put_address(j, "remote", &e->remote);
		if (e->cut)
			json_object_set_new(j, "cut", json_true());
	}
	json_object_set_new(j, "text", text_json(e->text, e->len));

	return j;
}

static void put_line(struct command_run *r, json_t *j)
{
	char *text = json_dumps(j, JSON_COMPACT | JSON_PRESERVE_ORDER);

	if (text)
		(void)mbuf_printf(command_text(r), "%s\n", text);
	free(text);
	json_decref(j);
}

static void put_message(const struct trace_entry *e, void *arg)
{
	const struct pl pl = {e->text, e->len};
	struct command_run *r = arg;

	if (command_text(r)->end > TEXT_MAX)
		return;
	if (command_wants_json(r)) {
		put_line(r, entry_json(e));
		return;
	}

	(void)mbuf_printf(command_text(r), "%llu.%03llu %s %s %s\n%H\n",
			  e->at / 1000000, e->at / 1000 % 1000,
			  trace_kind_name(e->kind),
			  e->kind == TRACE_MEDIA ? "*"
			  : e->tx		 ? ">"
						 : "<",
			  e->peer, lines_print, &pl);
}

struct drawing {
	struct command_run *r;
	uint64_t start; /* us */
};

static void put_row(const struct trace_entry *e, void *arg)
{
	struct drawing *d = arg;
	struct ladder_row row = {e, 0};

	if (!d->start) {
		d->start = e->at;
		(void)mbuf_printf(command_text(d->r), "%H", ladder_head_print,
				  NULL);
	}
	row.start = d->start;
	(void)mbuf_printf(command_text(d->r), "%H", ladder_row_print, &row);
}

/* What came before its first kept message is gone, where the newest of what
 * was dropped is younger than the call. */
static bool has_lost_its_head(const struct call_keys *k)
{
	return k->begun && k->begun * 1000 <= trace_dropped() + 1000;
}

static void say_lost(struct command_run *r, const char *id)
{
	json_t *j;

	if (!command_wants_json(r)) {
		(void)mbuf_printf(
		    command_text(r),
		    "the first messages of call %s are gone: the trace keeps "
		    "the newest %zu MB, see trace_memory in [log]\n",
		    id, trace_size() >> 20);
		return;
	}

	j = json_object();
	row_text(j, "kind", "gone");
	row_text(j, "text", "the first messages are gone");
	put_line(r, j);
}

static const char *why_nothing(const struct call_keys *k)
{
	if (!trace_size())
		return "the trace is off, see trace_memory in [log]";

	return has_lost_its_head(k) ? "its messages are gone: the trace keeps "
				      "the newest, see trace_memory in [log]"
				    : "no message of it is kept";
}

/* Also after its end. */
void cmd_call_trace(struct command_run *r)
{
	const char *id = command_arg(r, "id"), *how = command_arg(r, "how");
	const char *keys[1 + CALL_KEYS_MAX];
	struct drawing d = {r, 0};
	struct call_keys k;
	size_t before;
	int err;

	if (calls_keys(id, &k)) {
		command_fail(r, ENOENT, "no call %s", id);
		return;
	}

	keys[0] = k.name;
	for (unsigned i = 0; i < CALL_KEYS_MAX; i++)
		keys[1 + i] = k.ids[i];
	if (has_lost_its_head(&k))
		say_lost(r, id);
	before = command_text(r)->end;
	if (command_wants_json(r) || (how && !strcmp(how, "full")))
		err = trace_chain(keys, ARRAY_SIZE(keys), put_message, r);
	else
		err = trace_chain(keys, ARRAY_SIZE(keys), put_row, &d);

	if (err)
		command_fail(r, err, "out of memory");
	else if (command_text(r)->end == before)
		command_fail(r, ENOENT, "call %s: %s", id, why_nothing(&k));
	else
		command_done(r);
}

void cmd_trace(struct command_run *r)
{
	const char *text = command_arg(r, "text");

	trace_walk(&text, text ? 1 : 0, put_message, r);
	if (text && !command_text(r)->end)
		command_fail(r, ENOENT, "no message of %s is kept", text);
	else
		command_done(r);
}
