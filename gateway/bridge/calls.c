/* calls.c: all calls, and what admin sees of them. */
#include <errno.h>
#include <string.h>
#include "base/log.h"
#include "base/slack.h"
#include "bridge/callpriv.h"

struct portal { /* a component that calls may use */
	struct le le;
	char *domain;
	struct jingle *jingle;
};

struct calls_conf calls_conf;
static struct list calls;
static struct list open_calls; /* those of calls without an answer */
static struct list portals;

static struct tmr turn; /* the end of this one */

static const char *const state_names[] = {
    [CALL_NEW] = "new",
    [CALL_OPENING] = "opening",
    [CALL_TRYING] = "trying",
    [CALL_RINGING] = "ringing",
    [CALL_PROCEEDING] = "proceeding",
    [CALL_JOINING] = "joining",
    [CALL_LATE] = "offering",
    [CALL_ACTIVE] = "active",
    [CALL_ENDED] = "ended",
};

void calls_unsettled(void (*h)(struct call *call))
{
	struct le *le;

	LIST_FOREACH (&calls, le) {
		struct call *call = le->data;

		if (call->state < CALL_ACTIVE)
			h(call);
	}
}

const char *call_state_name(enum call_state st)
{
	return state_names[st];
}

static void portal_destructor(void *arg)
{
	struct portal *p = arg;

	list_unlink(&p->le);
	mem_deref(p->domain);
	mem_deref(p->jingle);
}

/* The user's minutes are used up: every call that counts ends. */
static void exhausted(const char *user, void *arg)
{
	struct le *le = list_head(&calls);

	(void)arg;
	while (le) {
		struct call *call = le->data;

		le = le->next;
		if (call->metered && call->answered && call->xp.jid &&
		    !strcmp(call->xp.jid, user))
			call_fail(call, REASON_EXPIRED,
				  "the caller's minutes are used up");
	}
}

static void turn_ends(void *arg)
{
	engine_flush(arg);
}

/* What a turn of the loop has to say to workers wakes each of them once. */
static void on_soon(void *arg)
{
	if (!tmr_isrunning(&turn))
		tmr_start(&turn, 0, turn_ends, arg);
}

int calls_start(const struct calls_conf *conf)
{
	calls_conf = *conf;
	list_init(&calls);
	list_init(&open_calls);
	list_init(&portals);
	if (conf->policy)
		policy_watch(conf->policy, exhausted, NULL);
	if (conf->engine)
		engine_on_soon(conf->engine, on_soon, conf->engine);

	return 0;
}

void calls_stop(const struct ending *why)
{
	while (!list_isempty(&calls))
		call_close(list_ledata(list_head(&calls)), NULL, why);

	list_flush(&portals);
	if (calls_conf.engine)
		engine_on_soon(calls_conf.engine, NULL, NULL);
	tmr_cancel(&turn);
	memset(&calls_conf, 0, sizeof(calls_conf));
}

int calls_component(const char *domain, struct jingle *jingle)
{
	struct portal *p;
	int err;

	p = mem_zalloc(sizeof(*p), portal_destructor);
	if (!p)
		return ENOMEM;

	err = str_dup(&p->domain, domain);
	if (err) {
		mem_deref(p);
		return err;
	}

	p->jingle = mem_ref(jingle);
	list_append(&portals, &p->le, p);

	return 0;
}

struct jingle *calls_jingle(const char *domain)
{
	struct le *le;

	LIST_FOREACH (&portals, le) {
		struct portal *p = le->data;

		if (!strcmp(p->domain, domain))
			return p->jingle;
	}

	return NULL;
}

void calls_add(struct call *call)
{
	list_append(&calls, &call->le, call);
	if (!call->answered)
		list_append(&open_calls, &call->le_open, call);
	slack_add();
}

void calls_remove(struct call *call)
{
	if (!call->le.list)
		return;
	list_unlink(&call->le);
	list_unlink(&call->le_open);
	slack_drop();
}

void calls_answered(struct call *call)
{
	list_unlink(&call->le_open);
}

/* Is there an unanswered call between the same two that the other side
 * started (D12, D30)? */
bool calls_rival(const struct call *call, uint64_t *age)
{
	struct le *le;

	LIST_FOREACH (&open_calls, le) {
		const struct call *c = le->data;

		if (c->by_user == call->by_user || !c->xp.jid || !c->sp.jid ||
		    !call->xp.jid || !call->sp.jid)
			continue;
		if (strcmp(c->xp.jid, call->xp.jid) ||
		    strcmp(c->sp.jid, call->sp.jid))
			continue;

		*age = tmr_jiffies() - c->started;
		return true;
	}

	return false;
}

struct call *calls_find(const char *name)
{
	struct le *le;

	LIST_FOREACH (&calls, le) {
		struct call *c = le->data;

		if (!strcmp(c->name, name))
			return c;
	}

	return NULL;
}

bool calls_each(bool (*h)(const struct call *call, void *arg), void *arg)
{
	struct le *le;

	for (le = list_tail(&calls); le; le = le->prev) {
		if (h(le->data, arg))
			return true;
	}

	return false;
}

void call_codec(const struct call *call, char *text, size_t size)
{
	const struct desc_media *m = callmedia_x_agreed(call);
	const struct codec *c = m ? m->codecs : NULL;

	text[0] = '\0';
	if (c && call->answered)
		(void)re_snprintf(text, size, "%s/%u", c->name, c->clock);
}

static void info_fill(struct call_info *info, const struct call *call,
		      char *codec, size_t size)
{
	uint64_t now = tmr_jiffies();

	memset(info, 0, sizeof(*info));
	call_codec(call, codec, size);
	info->name = call->name;
	info->state = state_names[call->state];
	info->from_xmpp = call->by_user;
	info->x = &call->xp;
	info->s = &call->sp;
	info->trunk = call->trunk->name;
	info->age_ms = now - call->started;
	info->active_ms = call->answered ? now - call->answered : 0;
	info->x_leg = call->x;
	info->s_leg = call->s;
	info->stats = call->stats;
	info->statc = call->statc;
	info->codec = codec;
}

bool calls_apply(const char *name, call_info_h *h, void *arg)
{
	struct call_info info;
	char codec[64];
	struct le *le;

	LIST_FOREACH (&calls, le) {
		const struct call *c = le->data;

		if (name && strcmp(c->name, name))
			continue;
		info_fill(&info, c, codec, sizeof(codec));
		if (h(&info, arg))
			return true;
	}

	return false;
}

int calls_refresh(const char *name)
{
	struct call *call = calls_find(name);

	return call && call->media ? media_stats(call->media) : ENOENT;
}

int calls_hangup(const char *name)
{
	struct call *call = calls_find(name);

	if (!call)
		return ENOENT;

	call_fail(call, REASON_SUCCESS, "ended by the operator");

	return 0;
}

void calls_readdress(void)
{
	struct le *le = list_head(&calls);

	while (le) {
		struct call *call = le->data;

		le = le->next;
		callupdate_readdress(call);
	}
}

unsigned calls_count(void)
{
	return list_count(&calls);
}
