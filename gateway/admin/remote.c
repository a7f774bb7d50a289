/* remote.c: the table of commands as ad-hoc commands (X0050). */
#include "admin/remote.h"
#include <errno.h>
#include <string.h>
#include "admin/command.h"
#include "admin/rows.h"
#include "bridge/call.h"
#include "xmpp/adhoc.h"
#include "xmpp/jid.h"

#define NS_COMMAND_FORM "urn:stoxd:command"

enum {
	MAY_ADMIN = 1,
	OPTIONS_MAX = 100,
	ROWS_MAX = 200,
	TEXT_MAX = 64 << 10,	/* bytes of a result as text */
	STANZA_MAX = 256 << 10, /* bytes of it as XML: servers close the stream
				   of who sends twice as many */
	ESCAPE_MAX = 6,		/* bytes: "&quot;" */
	REPLACED = 3,		/* bytes of what stands for none of UTF-8 */
	ELEMENT_MAX = 64,	/* bytes of tags around a value */
	ANSWER_MAX = 16 << 20,	/* bytes of a result before it is cut */
};

struct remote {
	const struct gateway *gw; /* not referenced */
	struct adhoc_command *commands;
	const struct command **rows; /* of the commands */
	char (*nodes)[REMOTE_NODE_MAX];
	size_t n;
	struct adhoc **faces; /* referenced */
	size_t facec;
	struct list asks;
};

struct ask { /* a command that is carried out */
	struct le le;
	struct adhoc_session *s; /* referenced */
	const struct command *c;
	struct command_run *run;
	struct mbuf *mb;
	int err;
};

static void ask_destructor(void *arg)
{
	struct ask *a = arg;

	list_unlink(&a->le);
	mem_deref(a->run);
	mem_deref(a->mb);
	mem_deref(a->s);
}

bool remote_node(char node[REMOTE_NODE_MAX], const struct command *c)
{
	(void)re_snprintf(node, REMOTE_NODE_MAX, "stoxd:%s", c->name);
	for (char *p = node; *p; p++)
		*p = *p == ' ' ? '-' : *p;

	return c->output != COMMAND_FILE;
}

/* ---- results ---- */

/* How many bytes of text there is room for as XML, a line an element. */
static size_t xml_fits(const char *text, size_t len, size_t *room)
{
	size_t i;

	for (i = 0; i < len; i++) {
		const size_t n = text[i] == '\n'		 ? ELEMENT_MAX
				 : strchr("&<>\"'\t\r", text[i]) ? ESCAPE_MAX
				 : (uint8_t)text[i] < 0x80	 ? 1
								 : REPLACED;

		if (n > *room)
			break;
		*room -= n;
	}

	return i;
}

/* How many of the rows. */
static size_t rows_fit(const struct command *c, const json_t *rows)
{
	size_t room = STANZA_MAX, i;

	for (i = 0; i < ROWS_MAX && i < json_array_size(rows); i++) {
		const json_t *row = json_array_get(rows, i);

		for (size_t k = 0;
		     k < COMMAND_COLUMNS_MAX && c->columns[k].key; k++) {
			char text[ROWS_CELL_MAX];

			rows_cell(text, sizeof(text), row, c->columns[k].key);
			if (room < ELEMENT_MAX)
				return i;
			room -= ELEMENT_MAX;
			if (xml_fits(text, strlen(text), &room) < strlen(text))
				return i;
		}
	}

	return i;
}

static void add_columns(struct stanza *x, const struct command *c)
{
	for (size_t i = 0; i < COMMAND_COLUMNS_MAX && c->columns[i].key; i++)
		form_column_add(x, "text-single", c->columns[i].key,
				c->columns[i].title);
}

static void add_row(struct stanza *x, const struct command *c,
		    const json_t *row)
{
	struct stanza *item = stanza_add(x, "item", NS_FORMS);

	for (size_t i = 0; i < COMMAND_COLUMNS_MAX && c->columns[i].key; i++) {
		char text[ROWS_CELL_MAX];

		rows_cell(text, sizeof(text), row, c->columns[i].key);
		(void)form_field_add(item, NULL, c->columns[i].key, NULL, text,
				     false);
	}
}

/* X0004 3.4 */
static void show_rows(struct adhoc_session *s, const struct command *c,
		      const json_t *rows)
{
	const size_t n = json_array_size(rows), fit = rows_fit(c, rows);
	struct stanza *r, *e, *x;

	r = adhoc_show(s, &e);
	if (n > fit) {
		struct stanza *note = stanza_add(e, "note", NULL);
		char text[64];

		(void)re_snprintf(text, sizeof(text), "%zu more are not shown",
				  n - fit);
		(void)stanza_attr_set(note, "type", "warn");
		(void)stanza_text_add(note, text);
	}
	x = form_add(e, "result", c->help, NULL, NULL);
	add_columns(x, c);
	for (size_t i = 0; i < fit; i++)
		add_row(x, c, json_array_get(rows, i));
	adhoc_send(s, r);
}

static void add_lines(struct stanza *field, const char *text, size_t len)
{
	while (len) {
		const char *nl = memchr(text, '\n', len);
		const size_t n = nl ? (size_t)(nl - text) : len;
		struct stanza *v = stanza_add(field, "value", NS_FORMS);

		(void)stanza_textn_add(v, text, n);
		text += n + (nl ? 1 : 0);
		len -= n + (nl ? 1 : 0);
	}
}

static void show_text(struct adhoc_session *s, const struct command *c,
		      const char *text, size_t len)
{
	struct stanza *r, *e, *x, *field;
	size_t room = STANZA_MAX;
	const size_t fit =
	    xml_fits(text, len < TEXT_MAX ? len : TEXT_MAX, &room);

	r = adhoc_show(s, &e);
	if (fit < len) {
		struct stanza *note = stanza_add(e, "note", NULL);

		(void)stanza_attr_set(note, "type", "warn");
		(void)stanza_text_add(note, "the end is cut off; stoxctl "
					    "shows all");
	}
	x = form_add(e, "result", c->help, NULL, NULL);
	field =
	    form_field_add(x, "text-multi", "result", "Result", NULL, false);
	add_lines(field, text, fit);
	adhoc_send(s, r);
}

static void finish(struct ask *a)
{
	const bool tabular = a->c->columns[0].key != NULL;
	const char *text = (const char *)a->mb->buf;
	size_t len = a->mb->end;
	json_t *rows;

	if (a->err) {
		while (len && text[len - 1] == '\n')
			a->mb->end = --len;
		a->mb->pos = a->mb->end;
		(void)mbuf_write_u8(a->mb, '\0');
		adhoc_note(a->s, "error", (const char *)a->mb->buf);
	} else if (tabular) {
		rows = json_loadb(text, len, 0, NULL);
		if (json_array_size(rows))
			show_rows(a->s, a->c, rows);
		else
			adhoc_note(a->s, "info",
				   a->c->none ? a->c->none : "none");
		json_decref(rows);
	} else if (len) {
		show_text(a->s, a->c, text, len);
	} else {
		adhoc_note(a->s, "info", "done");
	}
}

static void output(int err, const char *text, size_t len, bool last, void *arg)
{
	struct ask *a = arg;

	if (a->mb->end + len > ANSWER_MAX ||
	    mbuf_write_mem(a->mb, (const uint8_t *)text, len)) {
		adhoc_error(a->s, COND_RESOURCE_CONSTRAINT,
			    "the answer is too long");
		mem_deref(a);
		return;
	}
	a->err = err;
	if (!last)
		return;

	finish(a);
	mem_deref(a);
}

/* ---- steps ---- */

static void carry_out(struct adhoc_session *s, struct remote *r,
		      const struct command *c, const char *const *argv)
{
	const struct command_ask what = {
	    .command = c,
	    .argv = argv,
	    .json = c->columns[0].key != NULL,
	    .who = adhoc_user(s),
	};
	struct ask *a = mem_zalloc(sizeof(*a), ask_destructor);

	if (a)
		a->mb = mbuf_alloc(1024);
	if (!a || !a->mb) {
		mem_deref(a);
		adhoc_error(s, COND_RESOURCE_CONSTRAINT, NULL);
		return;
	}

	a->s = mem_ref(s);
	a->c = c;
	list_append(&r->asks, &a->le, a);
	if (command_start(&a->run, r->gw, &what, output, a)) {
		adhoc_error(s, COND_RESOURCE_CONSTRAINT, NULL);
		mem_deref(a);
	}
}

struct choosing {
	struct stanza *field;
	unsigned n;
};

static bool call_option(const struct call_info *info, void *arg)
{
	struct choosing *c = arg;
	char label[200];

	(void)re_snprintf(label, sizeof(label), "%s: %s, %s", info->name,
			  info->x->jid ? info->x->jid : "",
			  info->s->jid ? info->s->jid : "");
	form_option_add(c->field, label[0] ? label : NULL, info->name);

	return ++c->n >= OPTIONS_MAX;
}

/* A list of one's choices; a call of the running ones, where only those can
 * be meant: there may be none. */
static void add_field(struct stanza *x, const struct command *c,
		      const struct command_arg *a)
{
	const bool live = a->type == COMMAND_CALL &&
			  c->scope == COMMAND_WRITE && calls_count();
	const char *type = a->choices || live	    ? "list-single"
			   : a->type == COMMAND_JID ? "jid-single"
						    : "text-single";
	struct choosing ch = {NULL, 0};
	const char *p;
	size_t len;

	ch.field = form_field_add(x, type, a->name, a->label, NULL,
				  a->place == COMMAND_MUST);
	if (live)
		(void)calls_apply(NULL, call_option, &ch);
	for (size_t i = 0; (len = command_choice(a, i, &p)); i++) {
		char word[64];

		(void)re_snprintf(word, sizeof(word), "%b", p, len);
		form_option_add(ch.field, NULL, word);
	}
}

static void ask_form(struct adhoc_session *s, const struct command *c)
{
	struct stanza *r, *e, *x;

	r = adhoc_ask(s, &e);
	x = form_add(e, "form", c->name, c->help, NS_COMMAND_FORM);
	for (size_t i = 0; i < command_argc(c); i++)
		add_field(x, c, &c->args[i]);
	adhoc_send(s, r);
}

static void step(struct adhoc_session *s, const struct form *form, void *arg)
{
	const char *argv[COMMAND_ARGS_MAX] = {NULL};
	struct remote *r = arg;
	const struct command *c = r->rows[adhoc_command(s) - r->commands];
	char text[256], usage[200];

	if (!adhoc_step(s) && command_argc(c)) {
		ask_form(s, c);
		return;
	}

	for (size_t i = 0; i < command_argc(c); i++) {
		const char *v = form_value(form, c->args[i].name);

		argv[i] = v && *v ? v : NULL;
		if (!argv[i] && c->args[i].place == COMMAND_MUST) {
			command_usage(usage, sizeof(usage), c);
			(void)re_snprintf(text, sizeof(text), "usage: %s",
					  usage);
			adhoc_note(s, "error", text);
			return;
		}
	}

	carry_out(s, r, c, argv);
}

static unsigned may(const char *user, void *arg)
{
	const struct remote *r = arg;
	const struct config *c = r->gw->config;

	bool is_one = false;

	for (size_t i = 0; i < c->adminc && !is_one; i++) {
		char *admin = NULL;

		is_one =
		    !jid_bare(&admin, c->admins[i]) && !strcmp(admin, user);
		mem_deref(admin);
	}

	return is_one ? MAY_ADMIN : 0;
}

static void remote_destructor(void *arg)
{
	struct remote *r = arg;

	for (size_t i = 0; i < r->facec; i++) {
		if (r->faces[i])
			adhoc_extend(r->faces[i], NULL);
		mem_deref(r->faces[i]);
	}
	list_flush(&r->asks);
	mem_deref(r->faces);
	mem_deref(r->nodes);
	mem_deref(r->rows);
	mem_deref(r->commands);
}

static int commands_make(struct remote *r)
{
	r->commands = mem_zalloc(command_count * sizeof(*r->commands), NULL);
	r->rows = mem_zalloc(command_count * sizeof(*r->rows), NULL);
	r->nodes = mem_zalloc(command_count * sizeof(*r->nodes), NULL);
	if (!r->commands || !r->rows || !r->nodes)
		return ENOMEM;

	for (size_t i = 0; i < command_count; i++) {
		const struct command *c = &command_table[i];

		if (!remote_node(r->nodes[r->n], c))
			continue;
		r->rows[r->n] = c;
		r->commands[r->n] = (struct adhoc_command){
		    r->nodes[r->n], c->name, step, MAY_ADMIN};
		r->n++;
	}

	return 0;
}

int remote_alloc(struct remote **rp, const struct gateway *gw)
{
	struct adhoc_handlers h = {.may = may, .strangers = true};
	struct remote *r = mem_zalloc(sizeof(*r), remote_destructor);
	int err;

	if (!r)
		return ENOMEM;

	r->gw = gw;
	err = commands_make(r);
	if (!err) {
		r->faces =
		    mem_zalloc(gw->config->xmppc * sizeof(*r->faces), NULL);
		err = r->faces ? 0 : ENOMEM;
	}
	if (err) {
		mem_deref(r);
		return err;
	}

	h.commands = r->commands;
	h.commandc = r->n;
	h.arg = r;
	r->facec = gw->config->xmppc;
	for (size_t i = 0; i < r->facec; i++) {
		r->faces[i] = mem_ref(accounts_commands(
		    gw->accounts, gw->config->xmpp[i].component));
		if (r->faces[i])
			adhoc_extend(r->faces[i], &h);
	}
	*rp = r;

	return 0;
}
