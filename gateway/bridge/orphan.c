/* orphan.c: calls that outlive their process on both sides.
 *
 * A record is lines of "KEY=VALUE"; keys of a leg begin with "x." or "s.". */
#include "bridge/orphan.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/journal.h"
#include "base/log.h"
#include "base/text.h"
#include "bridge/callpriv.h"

#ifndef PLANT
#define PLANT 0 /* 1..3: a bug on purpose, for the fuzzer to find */
#endif

enum {
	LINES_MAX = 64,
	KEY_MAX = 16,	    /* bytes, with the prefix */
	TICK = 100,	    /* ms */
	NOTE_EVERY = 2,	    /* ticks */
	BURST = 50,	    /* orphans a tick */
	GIVE_UP = 60 * 1000 /* ms; by then ICE and timers have ended them */
};

struct orphan {
	struct le le;
	struct {
		const char *key, *value; /* into text */
	} lines[LINES_MAX];
	unsigned linec;
	int slot;
	bool x_told, s_told;
	char text[]; /* of JOURNAL_RECORD at most */
};

static struct {
	struct journal *j;
	struct list list; /* of orphans that are not told yet */
	struct tmr tick;
	uint64_t since; /* ms */
	unsigned ticks;
	orphan_h *h;
	void *arg;
} all;

/* ---- notes ---- */

static bool is_clean(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (((unsigned char)s[i] < 0x20 && PLANT != 3) || s[i] == 0x7f)
			return false;
	}

	return text_is_utf8(s, len);
}

struct noting {
	struct mbuf *mb;
	char side; /* 'x', 's'; 0: of the call */
	int err;
};

/* What a peer said and reading would refuse is left out: the rest counts. */
static void note_h(const char *key, const char *value, void *arg)
{
	struct noting *n = arg;
	const char side[3] = {n->side, n->side ? '.' : '\0', '\0'};

	if (value && is_clean(value, strlen(value)))
		n->err |= mbuf_printf(n->mb, "%s%s=%s\n", side, key, value);
}

static void note_number(struct noting *n, const char *key, uint64_t v)
{
	char text[24];

	(void)re_snprintf(text, sizeof(text), "%llu", (unsigned long long)v);
	note_h(key, text, n);
}

static void note_leg(struct noting *n, char side, const struct leg *leg)
{
	n->side = side;
	if (leg && leg->ops->farewell)
		leg->ops->farewell(leg, note_h, n);
	n->side = '\0';
}

enum { PARTS = 3 }; /* of a note; each is good without those behind it */

/* ends: where each part does */
static int encode(struct mbuf *mb, const struct call *call, size_t ends[PARTS])
{
	struct noting n = {.mb = mb};

	note_h("name", call->name, &n);
	note_h("trunk", call->trunk->name, &n);
	note_h("user", call->xp.jid, &n);
	note_h("as", call->as, &n);
	note_h("peer", call->sp.uri, &n);
	note_h("peerjid", call->sp.jid, &n);
	note_h("from", call->by_user ? "xmpp" : "sip", &n);
	note_number(&n, "begun", call->begun);
	if (call->answered)
		note_number(&n, "talking", call->answered - call->started + 1);
	ends[0] = mb->end;
	note_leg(&n, 'x', call->x);
	ends[1] = mb->end;
	note_leg(&n, 's', call->s);
	ends[2] = mb->end;

	return n.err;
}

void orphan_note(struct call *call)
{
	struct mbuf *mb = all.j ? mbuf_alloc(1024) : NULL;
	size_t ends[PARTS];
	unsigned n = PARTS;
	int err;

	if (!mb)
		return;

	err = encode(mb, call, ends);
	if (!err) { /* a peer that says much does not hide the call */
		do
			err = journal_put(all.j, &call->slot, mb->buf,
					  ends[--n]);
		while (err == E2BIG && n);
	}
	if (err)
		log_debug("call %s: not noted: %m\n", call->name, err);
	mem_deref(mb);
}

void orphan_forget(struct call *call)
{
	journal_drop(all.j, &call->slot);
}

/* ---- reading ---- */

static void orphan_destructor(void *arg)
{
	struct orphan *o = arg;

	list_unlink(&o->le);
}

static int lines_split(struct orphan *o)
{
	char *p = o->text, *eq, *nl;

	while (*p) {
		nl = strchr(p, '\n');
		eq = strchr(p, '=');
		if (!nl || (!eq && PLANT != 2) || eq > nl ||
		    eq - p > KEY_MAX || eq == p ||
		    (o->linec == LINES_MAX && PLANT != 1))
			return EBADMSG;
		if (!is_clean(p, (size_t)(nl - p)))
			return EBADMSG;
		*eq = *nl = '\0';
		o->lines[o->linec].key = p;
		o->lines[o->linec++].value = eq + 1;
		p = nl + 1;
	}

	return 0;
}

int orphan_decode(struct orphan **op, const uint8_t *p, size_t len)
{
	struct orphan *o;
	int err;

	if (len > JOURNAL_RECORD || memchr(p, '\0', len))
		return EBADMSG;

	o = mem_zalloc(sizeof(*o) + len + 1, orphan_destructor);
	if (!o)
		return ENOMEM;

	memcpy(o->text, p, len);
	o->slot = JOURNAL_NONE;
	err = lines_split(o);
	if (!err && !orphan_get("name", 0, o))
		err = EBADMSG;
	if (err)
		mem_deref(o);
	else
		*op = o;

	return err;
}

const char *orphan_get(const char *key, unsigned n, const void *orphan)
{
	const struct orphan *o = orphan;

	for (unsigned i = 0; i < o->linec; i++) {
		if (!strcmp(o->lines[i].key, key) && !n--)
			return o->lines[i].value;
	}

	return NULL;
}

static const char *side_get(char side, const char *key, unsigned n,
			    const void *arg)
{
	char name[KEY_MAX + 1];

	if (re_snprintf(name, sizeof(name), "%c.%s", side, key) < 0)
		return NULL;

	return orphan_get(name, n, arg);
}

static const char *x_get(const char *key, unsigned n, const void *arg)
{
	return side_get('x', key, n, arg);
}

static const char *s_get(const char *key, unsigned n, const void *arg)
{
	return side_get('s', key, n, arg);
}

static uint64_t number_of(const struct orphan *o, const char *key)
{
	const char *text = orphan_get(key, 0, o);

	return text ? strtoull(text, NULL, 10) : 0;
}

static void tell_of(const struct orphan *o, uint64_t alive)
{
	const char *from = orphan_get("from", 0, o);
	const struct orphan_info info = {
	    .name = orphan_get("name", 0, o),
	    .trunk = orphan_get("trunk", 0, o),
	    .user = orphan_get("user", 0, o),
	    .as = orphan_get("as", 0, o),
	    .peer = orphan_get("peer", 0, o),
	    .peer_jid = orphan_get("peerjid", 0, o),
	    .from_xmpp = from && !strcmp(from, "xmpp"),
	    .begun = number_of(o, "begun"),
	    .talking = number_of(o, "talking"),
	    .alive = alive,
	};

	if (all.h)
		all.h(&info, all.arg);
}

static void record_h(const uint8_t *p, size_t len, uint64_t alive, void *arg)
{
	struct orphan *o;

	(void)arg;
	if (orphan_decode(&o, p, len))
		return;

	list_append(&all.list, &o->le, o);
	tell_of(o, alive);
}

/* ---- telling ---- */

static void why_set(struct ending *why)
{
	ending_set(why, REASON_GONE, 503, "the gateway was restarted");
}

/* Told, or nobody is there to be told. */
static bool tell_x(const struct orphan *o)
{
	const char *domain = x_get("component", 0, o);
	struct jingle *j = domain ? calls_jingle(domain) : NULL;
	struct ending why;
	int err;

	if (!domain)
		return true;

	why_set(&why);
	err = j ? jingleleg_farewell(j, &why, x_get, o) : ENOENT;
	if (err && err != ENOTCONN)
		log_info("call %s: xmpp is not told of the crash: %m\n",
			 orphan_get("name", 0, o), err);

	return err != ENOTCONN;
}

static bool tell_s(const struct orphan *o)
{
	const char *name = orphan_get("trunk", 0, o);
	struct siptrunk *trunk;
	struct ending why;
	int err = ENOENT;

	if (!s_get("callid", 0, o) || !name)
		return true;

	why_set(&why);
	trunk = sipstack_trunk(calls_conf.stack, name);
	if (trunk)
		err = sipleg_farewell(calls_conf.sip, trunk, &why, s_get, o);
	if (err)
		log_info("call %s: sip is not told of the crash: %m\n",
			 orphan_get("name", 0, o), err);

	return true;
}

static void tell_some(void)
{
	struct le *le = list_head(&all.list);
	const bool late = tmr_jiffies() - all.since > GIVE_UP;
	unsigned n = 0;

	while (le && n < BURST) {
		struct orphan *o = le->data;

		le = le->next;
		if (o->s_told && o->x_told)
			continue;
		if (!o->s_told) {
			o->s_told = tell_s(o);
			n++;
		}
		o->x_told = tell_x(o);
		n += o->x_told;
		if (late || (o->x_told && o->s_told)) {
			journal_drop(all.j, &o->slot);
			mem_deref(o);
		}
	}
}

/* Who rings may be asked, or answer, without a word to the call. */
static void tick(void *arg)
{
	(void)arg;
	journal_beat(all.j);
	tell_some();
	if (++all.ticks % NOTE_EVERY == 0)
		calls_unsettled(orphan_note);
	tmr_start(&all.tick, TICK, tick, NULL);
}

/* They stay noted until they are told: this process may die, too. */
static void keep(void)
{
	struct le *le;

	LIST_FOREACH (&all.list, le) {
		struct orphan *o = le->data;
		struct mbuf *mb = mbuf_alloc(1024);
		int err = mb ? 0 : ENOMEM;

		for (unsigned i = 0; i < o->linec && !err; i++)
			err = mbuf_printf(mb, "%s=%s\n", o->lines[i].key,
					  o->lines[i].value);
		if (!err)
			(void)journal_put(all.j, &o->slot, mb->buf, mb->end);
		mem_deref(mb);
	}
}

int orphans_open(const char *path, unsigned room, orphan_h *h, void *arg)
{
	int err;

	memset(&all, 0, sizeof(all));
	all.h = h;
	all.arg = arg;
	all.since = tmr_jiffies();
	err = journal_read(path, record_h, NULL);
	if (err && err != ENOENT)
		log_warning("calls: %s: %m; calls of a process before this "
			    "one are not told\n",
			    path, err);
	if (!list_isempty(&all.list))
		log_warning("calls: a process before this one died with %u "
			    "calls, which end now\n",
			    list_count(&all.list));

	err = journal_alloc(&all.j, path, room);
	if (err)
		log_warning("calls: %s: %m; calls are not noted\n", path, err);
	keep();
	tmr_start(&all.tick, 0, tick, NULL);

	return 0;
}

void orphans_close(void)
{
	tmr_cancel(&all.tick);
	list_flush(&all.list);
	all.j = mem_deref(all.j);
}
