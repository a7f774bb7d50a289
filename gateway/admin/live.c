/* live.c: what changes by the second. */
#include "admin/live.h"

#include <string.h>
#include <time.h>
#include "admin/life.h"
#include "admin/run.h"
#include "admin/status.h"

struct walk {
	json_t *calls;
	struct quality *q;
	bool point;
	unsigned skip; /* the oldest, of too many */
};

static void set_number(json_t *j, const char *key, uint64_t n)
{
	json_object_set_new(j, key, json_integer((json_int_t)n));
}

/* What an operator knows a leg's transport by. */
static const char *way_of(const struct media_stat *st)
{
	if (!st->ice)
		return "rtp";

	return strstr(st->pair, " relay") ? "relay" : "ice";
}

static json_t *side_json(const struct call_info *info, bool ice,
			 const struct quality_side *q)
{
	json_t *j = json_object();

	for (unsigned i = 0; i < info->statc; i++) {
		const struct media_stat *st = &info->stats[i];

		if (st->ice != ice)
			continue;
		json_object_set_new(j, "up", json_boolean(st->up));
		json_object_set_new(j, "way", command_string(way_of(st)));
		json_object_set_new(j, "pair", command_string(st->pair));
		json_object_set_new(
		    j, "srtp",
		    command_string(st->suite ? crypto_suite_name(st->suite)
					     : ""));
		set_number(j, "rx", st->count.rx_packets);
		set_number(j, "tx", st->count.tx_packets);
		set_number(j, "lost", st->count.rx_lost);
		break;
	}
	set_number(j, "loss", q->loss);
	set_number(j, "jitter", q->jitter);
	set_number(j, "rtt", q->rtt);

	return j;
}

static bool call_add(const struct call_info *info, void *arg)
{
	struct walk *w = arg;
	struct quality_now now;
	json_t *j;

	if (w->skip) {
		--w->skip;
		return false;
	}

	(void)quality_add(w->q, info, w->point, &now);
	j = json_object();
	json_object_set_new(j, "id", command_string(info->name));
	json_object_set_new(j, "state", command_string(info->state));
	json_object_set_new(j, "from",
			    command_string(info->from_xmpp ? "xmpp" : "sip"));
	json_object_set_new(j, "jid", command_string(info->x->jid));
	json_object_set_new(
	    j, "uri",
	    command_string(info->s->uri ? info->s->uri : info->s->jid));
	json_object_set_new(
	    j, "name",
	    command_string(info->from_xmpp ? info->x->name : info->s->name));
	json_object_set_new(j, "trunk", command_string(info->trunk));
	json_object_set_new(j, "codec", command_string(info->codec));
	set_number(j, "age_ms", info->age_ms);
	set_number(j, "active_ms", info->active_ms);
	set_number(j, "mos", now.mos);
	json_object_set_new(j, "xmpp", side_json(info, true, &now.x));
	json_object_set_new(j, "sip", side_json(info, false, &now.s));
	json_array_append_new(w->calls, j);

	return false;
}

static uint64_t wall_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_REALTIME, &ts);

	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

json_t *live_json(const struct gateway *gw, struct quality *q, bool point)
{
	const unsigned total = calls_count();
	struct walk w = {json_array(), q, point,
			 total > LIVE_CALLS ? total - LIVE_CALLS : 0};
	json_t *j = json_object();

	quality_begin(q);
	(void)calls_apply(NULL, call_add, &w);
	quality_end(q);

	set_number(j, "now", wall_ms());
	json_object_set_new(j, "open",
			    json_boolean(life_state(gw->life) == LIFE_OPEN));
	json_object_set_new(j, "status", status_json(gw));
	json_object_set_new(j, "calls", w.calls);
	set_number(j, "total", total);
	json_object_set_new(j, "point", json_boolean(point));

	return j;
}

static void curve_add(const char *name, const struct quality_point *v,
		      unsigned n, void *arg)
{
	json_t *j = json_object(), *mos = json_array(), *loss = json_array(),
	       *jitter = json_array(), *rtt = json_array();

	for (unsigned i = 0; i < n; i++) {
		json_array_append_new(mos, json_integer(v[i].mos));
		json_array_append_new(loss, json_integer(v[i].loss));
		json_array_append_new(jitter, json_integer(v[i].jitter));
		json_array_append_new(rtt, json_integer(v[i].rtt));
	}
	json_object_set_new(j, "mos", mos);
	json_object_set_new(j, "loss", loss);
	json_object_set_new(j, "jitter", jitter);
	json_object_set_new(j, "rtt", rtt);
	json_object_set_new(arg, name, j);
}

json_t *live_curves_json(const struct quality *q)
{
	json_t *j = json_object();

	quality_walk(q, curve_add, j);

	return j;
}

static bool refresh(const struct call_info *info, void *arg)
{
	unsigned *skip = arg;

	if (*skip)
		--*skip;
	else
		(void)calls_refresh(info->name);

	return false;
}

void live_refresh(void)
{
	const unsigned total = calls_count();
	unsigned skip = total > LIVE_CALLS ? total - LIVE_CALLS : 0;

	(void)calls_apply(NULL, refresh, &skip);
}
