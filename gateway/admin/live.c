/* live.c: what changes by the second. */
#include "admin/live.h"

#include <string.h>
#include "admin/life.h"
#include "admin/rows.h"
#include "admin/run.h"
#include "admin/status.h"
#include "base/now.h"

struct walk {
	json_t *calls;
	struct quality *q;
	bool point;
	unsigned skip; /* the oldest, of too many */
};

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
		row_bool(j, "up", st->up);
		row_text(j, "way", way_of(st));
		row_text(j, "pair", st->pair);
		row_text(j, "srtp",
			 st->suite ? crypto_suite_name(st->suite) : "");
		row_number(j, "rx", st->count.rx_packets);
		row_number(j, "tx", st->count.tx_packets);
		row_number(j, "lost", st->count.rx_lost);
		break;
	}
	row_number(j, "loss", q->loss);
	row_number(j, "jitter", q->jitter);
	row_number(j, "rtt", q->rtt);

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
	row_text(j, "id", info->name);
	row_text(j, "state", info->state);
	row_text(j, "from", info->from_xmpp ? "xmpp" : "sip");
	row_text(j, "jid", info->x->jid);
	row_text(j, "uri", info->s->uri ? info->s->uri : info->s->jid);
	row_text(j, "name", info->from_xmpp ? info->x->name : info->s->name);
	row_text(j, "trunk", info->trunk);
	row_text(j, "codec", info->codec);
	row_number(j, "age_ms", info->age_ms);
	row_number(j, "active_ms", info->active_ms);
	row_number(j, "mos", now.mos);
	json_object_set_new(j, "xmpp", side_json(info, true, &now.x));
	json_object_set_new(j, "sip", side_json(info, false, &now.s));
	json_array_append_new(w->calls, j);

	return false;
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

	row_number(j, "now", now_wall_ms());
	row_bool(j, "open", life_state(gw->life) == LIFE_OPEN);
	json_object_set_new(j, "status", status_json(gw));
	json_object_set_new(j, "calls", w.calls);
	row_number(j, "total", total);
	row_bool(j, "point", point);

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
