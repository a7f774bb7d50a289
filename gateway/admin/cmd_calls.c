/* cmd_calls.c: the calls, one of them, and its end. */
#include <errno.h>
#include <string.h>
#include "admin/rows.h"
#include "admin/run.h"
#include "base/text.h"
#include "bridge/call.h"

enum { REFRESH = 50 }; /* ms that a media worker has to send counters */

static json_t *leg_json(const struct peer *p, const struct leg *leg)
{
	json_t *j = json_object();
	char *text = NULL;

	row_text(j, "jid", p->jid);
	row_text(j, "uri", p->uri);
	if (leg && !re_sdprintf(&text, "%H", leg->ops->print, leg))
		row_text(j, "leg", text);
	mem_deref(text);

	return j;
}

static json_t *stat_json(const struct media_stat *s)
{
	const struct media_count *c = &s->count;
	const struct {
		const char *key;
		uint64_t value;
	} v[] = {
	    {"rx_packets", c->rx_packets},
	    {"rx_bytes", c->rx_bytes},
	    {"tx_packets", c->tx_packets},
	    {"tx_bytes", c->tx_bytes},
	    {"rx_lost", c->rx_lost},
	    {"rx_auth_fail", c->rx_auth_fail},
	    {"rx_replay", c->rx_replay},
	    {"rx_unknown_source", c->rx_unknown_source},
	    {"rx_bad", c->rx_bad},
	    {"tx_drop", c->tx_drop},
	    {"jitter_us", c->jitter_us},
	    {"rtt_us", c->rtt_us},
	};
	json_t *j = json_object();

	row_text(j, "side", s->ice ? "xmpp" : "sip");
	row_bool(j, "up", s->up);
	row_text(j, "srtp", s->suite ? crypto_suite_name(s->suite) : "none");
	row_text(j, "pair", s->pair);
	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++)
		row_number(j, v[i].key, v[i].value);

	return j;
}

static json_t *call_json(const struct call_info *info)
{
	json_t *j = json_object(), *flows = json_array();

	row_text(j, "id", info->name);
	row_text(j, "state", info->state);
	row_text(j, "from", info->from_xmpp ? "xmpp" : "sip");
	row_text(j, "trunk", info->trunk);
	row_number(j, "age_ms", info->age_ms);
	row_number(j, "active_ms", info->active_ms);
	row_text(j, "codec", info->codec);
	json_object_set_new(j, "xmpp", leg_json(info->x, info->x_leg));
	json_object_set_new(j, "sip", leg_json(info->s, info->s_leg));
	for (unsigned i = 0; i < info->statc; i++)
		json_array_append_new(flows, stat_json(&info->stats[i]));
	json_object_set_new(j, "flows", flows);

	return j;
}

/* Who calls whom: on the side that each is on. */
static void add_ends(json_t *j, const struct call_info *info)
{
	const char *user = info->x->jid, *phone = info->s->uri;

	phone = phone ? phone : info->s->jid;
	row_text(j, "caller", info->from_xmpp ? user : phone);
	row_text(j, "called", info->from_xmpp ? phone : user);
}

static void add_age(json_t *j, const struct call_info *info)
{
	const unsigned s = (unsigned)(info->age_ms / 1000);
	char text[32];

	(void)re_snprintf(text, sizeof(text), "%u:%02u:%02u", s / 3600,
			  s / 60 % 60, s % 60);
	row_text(j, "age", text);
}

static bool add_call(const struct call_info *info, void *arg)
{
	json_t *j = call_json(info);

	add_ends(j, info);
	add_age(j, info);
	json_array_append_new(arg, j);

	return false;
}

void cmd_calls(struct command_run *r)
{
	json_t *rows = json_array();

	(void)calls_apply(NULL, add_call, rows);
	command_rows(r, rows);
}

static const char *sub(const json_t *j, const char *a, const char *b)
{
	return json_string_value(json_object_get(json_object_get(j, a), b));
}

static const char *text_of(const json_t *j, const char *key)
{
	const char *s = json_string_value(json_object_get(j, key));

	return s ? s : "";
}

static int call_print(struct mbuf *mb, const json_t *j)
{
	struct pl caller, called;

	pl_set_str(&caller, text_of(j, "caller"));
	pl_set_str(&called, text_of(j, "called"));

	return mbuf_printf(mb, "call %s: %s, %s, %H to %H\n  trunk %s, %s\n",
			   text_of(j, "id"), text_of(j, "state"),
			   text_of(j, "age"), text_print_log, &caller,
			   text_print_log, &called, text_of(j, "trunk"),
			   *text_of(j, "codec") ? text_of(j, "codec")
						: "no codec yet");
}

static void flow_lines(struct mbuf *mb, const json_t *flow)
{
	const char *key;
	json_t *v;

	(void)mbuf_printf(mb, "  media %s %s, srtp %s, %s\n   ",
			  json_string_value(json_object_get(flow, "side")),
			  json_is_true(json_object_get(flow, "up")) ? "up"
								    : "down",
			  json_string_value(json_object_get(flow, "srtp")),
			  json_string_value(json_object_get(flow, "pair")));
	json_object_foreach((json_t *)(uintptr_t)flow, key, v)
	{
		if (json_is_integer(v))
			(void)mbuf_printf(mb, " %s %lld", key,
					  (long long)json_integer_value(v));
	}
	(void)mbuf_write_str(mb, "\n");
}

static void call_text(struct command_run *r, const json_t *j)
{
	struct mbuf *mb = command_text(r);
	const char *leg;
	json_t *e;
	size_t i;

	(void)call_print(mb, j);
	leg = sub(j, "xmpp", "leg");
	(void)mbuf_printf(mb, "  %s\n", leg ? leg : "xmpp: not reached");
	leg = sub(j, "sip", "leg");
	(void)mbuf_printf(mb, "  %s\n", leg ? leg : "sip: not reached");
	json_array_foreach(json_object_get(j, "flows"), i, e)
	    flow_lines(mb, e);
}

static void show_call(struct command_run *r)
{
	const char *id = command_arg(r, "id");
	json_t *rows = json_array(), *j;

	(void)calls_apply(id, add_call, rows);
	j = json_incref(json_array_get(rows, 0));
	json_decref(rows);
	if (!j) {
		command_fail(r, ENOENT,
			     "no call %s goes on; \"cdr\" and \"call trace\" "
			     "know those that have ended",
			     id);
	} else if (command_wants_json(r)) {
		command_json(r, j);
	} else {
		call_text(r, j);
		json_decref(j);
		command_done(r);
	}
}

void cmd_call_show(struct command_run *r)
{
	if (calls_refresh(command_arg(r, "id")))
		show_call(r);
	else
		command_later(r, REFRESH, show_call);
}

void cmd_call_hangup(struct command_run *r)
{
	const char *id = command_arg(r, "id");

	if (calls_hangup(id)) {
		command_fail(r, ENOENT, "no call %s", id);
	} else if (command_wants_json(r)) {
		command_json(r, json_pack("{s:s}", "ended", id));
	} else {
		(void)mbuf_printf(command_text(r), "ended %s\n", id);
		command_done(r);
	}
}
