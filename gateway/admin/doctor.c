/* doctor.c: runs the probes, and the command of that name. */
#include "admin/doctor.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "admin/rows.h"
#include "admin/run.h"
#include "base/text.h"

enum {
	PROBES_MAX = 8000, /* 1024 sections, a few each */
	CLOCK_WARN = 10,   /* s */
	CLOCK_FAIL = 120,  /* s; certificates and TURN's log-in look at it */
};

struct probe {
	struct le le;
	struct doctor *d; /* not referenced */
	const char *name;
	char *subject, *seen;
	const char *remedy; /* static */
	const char *late;   /* the remedy where nothing is said */
	enum probe_state state;
	uint64_t since; /* ms */
	uint64_t wait;
	struct tmr tmr;
	void *data; /* referenced */
};

struct doctor {
	struct list probes;
	unsigned open;
	bool over; /* h was called: answers that come now are too late */
	struct tmr tmr;
	doctor_h *h;
	void *arg;
};

/* One that is open is never shown. */
static const char *const state_names[] = {
    [PROBE_OK] = "ok", [PROBE_WARNING] = "warning", [PROBE_FAILED] = "failed"};

static unsigned running; /* one at a time: trunks are no targets */

static void probe_destructor(void *arg)
{
	struct probe *p = arg;

	tmr_cancel(&p->tmr);
	list_unlink(&p->le);
	mem_deref(p->data);
	mem_deref(p->subject);
	mem_deref(p->seen);
}

static void destructor(void *arg)
{
	struct doctor *d = arg;

	--running;
	tmr_cancel(&d->tmr);
	list_flush(&d->probes);
}

int doctor_probe(struct probe **pp, struct doctor *d, const char *name,
		 const char *fmt, ...)
{
	struct probe *p;
	va_list ap;
	int err;

	if (d->over || list_count(&d->probes) >= PROBES_MAX)
		return E2BIG;
	p = mem_zalloc(sizeof(*p), probe_destructor);
	if (!p)
		return ENOMEM;

	va_start(ap, fmt);
	err = re_vsdprintf(&p->subject, fmt, ap);
	va_end(ap);
	if (err) {
		mem_deref(p);
		return err;
	}

	p->d = d;
	p->name = name;
	p->remedy = "";
	p->since = tmr_jiffies();
	list_append(&d->probes, &p->le, p);
	++d->open;
	*pp = p;

	return 0;
}

static void over_h(void *arg)
{
	struct doctor *d = arg;

	d->over = true;
	d->h(d, d->arg);
}

void probe_say(struct probe *p, enum probe_state state, const char *remedy,
	       const char *fmt, ...)
{
	struct doctor *d = p->d;
	va_list ap;

	if (p->state != PROBE_OPEN)
		return;

	tmr_cancel(&p->tmr);
	va_start(ap, fmt);
	(void)re_vsdprintf(&p->seen, fmt, ap);
	va_end(ap);
	p->state = state;
	p->remedy = state == PROBE_OK ? "" : remedy;
	if (!--d->open)
		tmr_start(&d->tmr, 0, over_h, d);
}

static void late_h(void *arg)
{
	struct probe *p = arg;

	probe_say(p, PROBE_FAILED, p->late, "no answer within %u s",
		  (unsigned)(p->wait / 1000));
}

void probe_wait(struct probe *p, uint64_t ms, const char *remedy)
{
	if (p->state != PROBE_OPEN)
		return;

	p->late = remedy;
	p->wait = ms;
	tmr_start(&p->tmr, ms, late_h, p);
}

void probe_keep(struct probe *p, void *data)
{
	mem_deref(p->data);
	p->data = data;
}

struct doctor *probe_doctor(const struct probe *p)
{
	return p->d;
}

uint64_t probe_age(const struct probe *p)
{
	return tmr_jiffies() - p->since;
}

void doctor_clock(struct doctor *d, const char *whose, time_t now)
{
	const long long off = (long long)now - (long long)time(NULL);
	struct probe *p;

	if (doctor_probe(&p, d, "clock", "%s", whose))
		return;

	probe_say(p,
		  llabs(off) > CLOCK_FAIL   ? PROBE_FAILED
		  : llabs(off) > CLOCK_WARN ? PROBE_WARNING
					    : PROBE_OK,
		  "Let a time service set the clock of the machine that is "
		  "wrong (timedatectl set-ntp true).",
		  off ? "its clock is %lld s %s ours" : "its clock is as ours",
		  llabs(off), off > 0 ? "ahead of" : "behind");
}

/* EBUSY: one is under way. */
static int start(struct doctor **dp, const struct gateway *gw, doctor_h *h,
		 void *arg)
{
	static doctor_probes_h *const all[] = {
	    doctor_xmpp, doctor_sip, doctor_net, doctor_local, doctor_disk};
	struct doctor *d;
	int err = 0;

	if (running)
		return EBUSY;
	d = mem_zalloc(sizeof(*d), destructor);
	if (!d)
		return ENOMEM;

	++running;
	d->open = 1; /* until all probes are made */
	d->h = h;
	d->arg = arg;
	for (size_t i = 0; i < ARRAY_SIZE(all) && !err; i++)
		err = all[i](d, gw);
	if (err) {
		mem_deref(d);
		return err;
	}
	if (!--d->open)
		tmr_start(&d->tmr, 0, over_h, d);

	*dp = d;

	return 0;
}

static json_t *rows_of(const struct doctor *d)
{
	json_t *v = json_array();
	struct le *le;

	LIST_FOREACH (&d->probes, le) {
		const struct probe *p = le->data;
		json_t *o = json_object();

		row_text(o, "probe", p->name);
		row_text(o, "subject", p->subject);
		row_text(o, "state", state_names[p->state]);
		row_text(o, "seen", p->seen);
		row_text(o, "remedy", p->remedy);
		json_array_append_new(v, o);
	}

	return v;
}

static int doctor_print(struct re_printf *pf, const struct doctor *d)
{
	unsigned n[ARRAY_SIZE(state_names)] = {0};
	struct le *le;
	int err = 0;

	LIST_FOREACH (&d->probes, le) {
		const struct probe *p = le->data;
		struct pl seen = PL("out of memory");

		if (p->seen)
			pl_set_str(&seen, p->seen);
		++n[p->state];
		err |= re_hprintf(pf, "%-7s  %-9s %-22s %H\n",
				  state_names[p->state], p->name, p->subject,
				  text_print_log, &seen);
		if (*p->remedy)
			err |= re_hprintf(pf, "         -> %s\n", p->remedy);
	}

	return err | re_hprintf(pf, "%u ok, %u warning%s, %u failed\n",
				n[PROBE_OK], n[PROBE_WARNING],
				n[PROBE_WARNING] == 1 ? "" : "s",
				n[PROBE_FAILED]);
}

/* ---- the command ---- */

static bool found_trouble(const struct doctor *d)
{
	struct le *le;

	LIST_FOREACH (&d->probes, le) {
		const struct probe *p = le->data;

		if (p->state == PROBE_FAILED)
			return true;
	}

	return false;
}

static void done_h(const struct doctor *d, void *arg)
{
	struct command_run *r = arg;

	if (found_trouble(d))
		command_alarm(r);
	if (command_wants_json(r)) {
		command_json(r, rows_of(d));
		return;
	}

	(void)mbuf_printf(command_text(r), "%H", doctor_print, d);
	command_done(r);
}

void cmd_doctor(struct command_run *r)
{
	struct doctor *d;
	const int err = start(&d, command_gateway(r), done_h, r);

	if (err == EBUSY) {
		command_fail(r, EBUSY, "another doctor is at work");
	} else if (err) {
		command_fail(r, err, "out of memory");
	} else {
		command_keep(r, d);
		mem_deref(d);
	}
}
