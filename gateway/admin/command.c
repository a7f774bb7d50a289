/* command.c: runs commands of the table. */
#include "admin/command.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "admin/line.h"
#include "admin/rows.h"
#include "admin/run.h"
#include "base/log.h"

struct command_run {
	const struct gateway *gw;
	const struct command *c;
	command_output_h *h;
	void *arg;
	bool json;
	char *argv[COMMAND_ARGS_MAX];
	char *who;
	struct mbuf *mb;
	struct tmr timer;
	command_h *later;
	void *kept;
	bool more; /* rows than are shown */
	bool alarm;
};

static void run_destructor(void *arg)
{
	struct command_run *r = arg;

	tmr_cancel(&r->timer);
	mem_deref(r->kept);
	mem_deref(r->mb);
	mem_deref(r->who);
	for (unsigned i = 0; i < COMMAND_ARGS_MAX; i++)
		mem_deref(r->argv[i]);
}

const struct gateway *command_gateway(const struct command_run *r)
{
	return r->gw;
}

const char *command_arg(const struct command_run *r, const char *name)
{
	for (size_t i = 0; i < command_argc(r->c); i++) {
		if (!strcmp(r->c->args[i].name, name))
			return r->argv[i];
	}

	return NULL;
}

unsigned command_arg_count(const struct command_run *r, const char *name,
			   unsigned dflt)
{
	const char *v = command_arg(r, name);
	struct pl pl;

	if (!v)
		return dflt;
	pl_set_str(&pl, v);

	return pl_u32(&pl);
}

bool command_wants_json(const struct command_run *r)
{
	return r->json;
}

const char *command_who(const struct command_run *r)
{
	return r->who;
}

struct mbuf *command_text(struct command_run *r)
{
	return r->mb;
}

void command_keep(struct command_run *r, void *data)
{
	void *old = r->kept;

	r->kept = mem_ref(data);
	mem_deref(old);
}

void *command_kept(const struct command_run *r)
{
	return r->kept;
}

static void now(void *arg)
{
	struct command_run *r = arg;

	r->later(r);
}

void command_later(struct command_run *r, uint64_t ms, command_h *h)
{
	r->later = h;
	tmr_start(&r->timer, ms, now, r);
}

bool command_part(struct command_run *r)
{
	bool gone;

	if (!r->mb->end)
		return true;

	mem_ref(r);
	r->h(0, (const char *)r->mb->buf, r->mb->end, false, r->arg);
	gone = mem_nrefs(r) == 1;
	r->mb->pos = r->mb->end = 0;
	mem_deref(r);

	return !gone;
}

/* ---- the ends ---- */

void command_done(struct command_run *r)
{
	r->h(0, (const char *)r->mb->buf, r->mb->end, true, r->arg);
}

void command_fail(struct command_run *r, int err, const char *fmt, ...)
{
	va_list ap;

	r->mb->pos = r->mb->end = 0;
	va_start(ap, fmt);
	(void)mbuf_vprintf(r->mb, fmt, ap);
	va_end(ap);
	(void)mbuf_write_u8(r->mb, '\n');
	r->h(err, (const char *)r->mb->buf, r->mb->end, true, r->arg);
}

void command_json(struct command_run *r, json_t *j)
{
	char *text =
	    j ? json_dumps(j, JSON_INDENT(1) | JSON_PRESERVE_ORDER) : NULL;
	int err = text ? mbuf_printf(r->mb, "%s\n", text) : ENOMEM;

	free(text);
	json_decref(j);
	if (err)
		command_fail(r, err, "out of memory");
	else
		command_done(r);
}

json_t *command_string(const char *s)
{
	json_t *j = json_string(s ? s : "");

	return j ? j : json_string("");
}

void command_more(struct command_run *r)
{
	r->more = true;
}

void command_alarm(struct command_run *r)
{
	r->alarm = true;
}

bool command_alarms(const struct command_run *r)
{
	return r && r->alarm;
}

void command_rows(struct command_run *r, json_t *rows)
{
	int err;

	if (r->json || !rows) {
		command_json(r, rows);
		return;
	}

	err = rows_print(r->mb, r->c, rows);
	if (!err && r->more)
		err = mbuf_write_str(r->mb, "there are more\n");
	json_decref(rows);
	if (err)
		command_fail(r, err, "out of memory");
	else
		command_done(r);
}

/* ---- asking ---- */

static int run_alloc(struct command_run **rp, const struct gateway *gw,
		     const char *who, command_output_h *h, void *arg)
{
	struct command_run *r = mem_zalloc(sizeof(*r), run_destructor);

	if (!r)
		return ENOMEM;

	r->gw = gw;
	r->h = h;
	r->arg = arg;
	r->mb = mbuf_alloc(1024);
	if (!r->mb || str_dup(&r->who, who)) {
		mem_deref(r);
		return ENOMEM;
	}

	*rp = r;

	return 0;
}

static void wrong(struct command_run *r, size_t which, const char *why)
{
	const struct command_arg *a = &r->c->args[which];

	if (a->type == COMMAND_CHOICE && why == a->choices)
		command_fail(r, EINVAL, "%s: not one of: %s", r->argv[which],
			     why);
	else
		command_fail(r, EINVAL, "%s: %s",
			     *r->argv[which] ? r->argv[which] : a->name, why);
}

static int args_print(struct re_printf *pf, const struct command_run *r)
{
	int err = 0;

	for (size_t i = 0; i < command_argc(r->c) && !err; i++) {
		if (r->argv[i])
			err = re_hprintf(pf, " %s", r->argv[i]);
	}

	return err;
}

/* argv is the run's own from here on. */
static void run(struct command_run *r)
{
	const char *const *argv = (const char *const *)r->argv;
	const char *why;
	size_t which;

	for (size_t i = 0; i < COMMAND_ARGS_MAX; i++) {
		if (r->argv[i])
			line_clean(r->argv[i]);
	}

	why = command_judge(r->c, argv, &which);
	if (why) {
		wrong(r, which, why);
		return;
	}
	if (r->json && r->c->output >= COMMAND_PLAIN) {
		command_fail(r, EINVAL, "%s: has no JSON", r->c->name);
		return;
	}

	if (r->c->scope == COMMAND_WRITE)
		log_info("admin: %s: %s%H\n", r->who, r->c->name, args_print,
			 r);
	r->c->run(r);
}

int command_start(struct command_run **rp, const struct gateway *gw,
		  const struct command_ask *ask, command_output_h *h,
		  void *arg)
{
	struct command_run *r;
	int err;

	err = run_alloc(&r, gw, ask->who, h, arg);
	if (err)
		return err;

	r->c = ask->command;
	r->json = ask->json;
	for (size_t i = 0; i < command_argc(r->c) && !err; i++) {
		if (ask->argv[i])
			err = str_dup(&r->argv[i], ask->argv[i]);
	}
	if (err) {
		mem_deref(r);
		return err;
	}

	*rp = r;
	mem_ref(r);
	run(r);
	mem_deref(r);

	return 0;
}

int command_line(struct command_run **rp, const struct gateway *gw,
		 const char *text, const char *who, command_output_h *h,
		 void *arg)
{
	struct command_run *r = NULL;
	struct line *l;
	int err;

	err = line_parse(&l, text);
	if (err)
		return err;
	err = run_alloc(&r, gw, who, h, arg);
	for (size_t i = 0; !err && l->command && i < command_argc(l->command);
	     i++) {
		if (l->argv[i])
			err = str_dup(&r->argv[i], l->argv[i]);
	}
	if (err) {
		mem_deref(r);
		mem_deref(l);
		return err;
	}

	r->c = l->command;
	r->json = l->json;
	*rp = r;
	mem_ref(r);
	if (r->c)
		run(r);
	else
		command_fail(r, EINVAL, "%s", l->why);
	mem_deref(r);
	mem_deref(l);

	return 0;
}
