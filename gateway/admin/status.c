/* status.c: what "status" says of the whole gateway. */
#include "admin/status.h"

#include "admin/kept.h"
#include "admin/life.h"
#include "admin/load.h"
#include "admin/rows.h"
#include "bridge/call.h"
#include "bridge/chat.h"

json_t *status_messages_json(const struct gateway *gw)
{
	struct chat_stats s;
	json_t *j = json_object();

	chat_stats(&s, gw->chat);
	row_number(j, "sent", s.sent);
	row_number(j, "failed", s.failed);
	row_number(j, "received", s.received);
	row_number(j, "refused", s.refused);
	row_number(j, "waiting", s.waiting);
	row_number(j, "held", s.held);

	return j;
}

static json_t *presence_json(const struct gateway *gw)
{
	struct presence_stats s;

	presence_stats(&s, gw->presence);

	return json_pack("{s:i, s:i, s:i, s:i, s:i}", "pairs", (int)s.pairs,
			 "subscribed", (int)s.subscribed, "synthetic",
			 (int)s.synthetic, "watchers", (int)s.watchers,
			 "waiting", (int)s.waiting);
}

json_t *status_trunks_json(const struct gateway *gw)
{
	json_t *ts = json_array();

	for (size_t i = 0; i < gw->config->trunkc; i++) {
		const char *name = gw->config->trunk[i].name;
		struct siptrunk *t = sipstack_trunk(gw->stack, name);
		json_t *o = json_object();

		row_text(o, "trunk", name);
		row_bool(o, "up", siptrunk_up(t));
		row_text(o, "status", siptrunk_status(t));
		json_array_append_new(ts, o);
	}
	return ts;
}

json_t *status_json(const struct gateway *gw)
{
	json_t *j = json_object(), *xs = json_array();
	uint64_t up = (tmr_jiffies() - gw->started) / 1000;

	row_text(j, "version", VERSION);
	row_number(j, "uptime_s", up);
	row_text(j, "state", life_state_name(life_state(gw->life)));
	row_number(j, "calls", calls_count());
	row_number(j, "room", policy_room(gw->policy));
	json_object_set_new(j, "load", load_json(gw));
	json_object_set_new(j, "messages", status_messages_json(gw));
	json_object_set_new(j, "store", kept_store_json(gw));
	json_object_set_new(j, "accounts", kept_accounts_json(gw));
	json_object_set_new(j, "presence", presence_json(gw));

	for (size_t i = 0; i < gw->config->xmppc; i++) {
		const struct component *c = gw->portals[i].component;
		json_t *x = json_object();

		row_text(x, "component", component_domain(c));
		row_bool(x, "up", component_up(c));
		row_text(x, "status", component_status(c));
		json_array_append_new(xs, x);
	}
	json_object_set_new(j, "xmpp", xs);

	json_object_set_new(j, "trunks", status_trunks_json(gw));

	return j;
}

void status_messages_print(struct mbuf *mb, const struct gateway *gw)
{
	struct chat_stats s;

	chat_stats(&s, gw->chat);
	(void)mbuf_printf(mb,
			  "messages: %llu to SIP, %llu not delivered, %u "
			  "waiting; %llu from SIP, %llu refused\n",
			  (unsigned long long)s.sent,
			  (unsigned long long)s.failed, s.waiting,
			  (unsigned long long)s.received,
			  (unsigned long long)s.refused);
}

void status_print(struct mbuf *mb, const struct gateway *gw, const json_t *j)
{
	const json_t *e;
	size_t i;

	(void)mbuf_printf(
	    mb, "stoxd %s, up %lld s, %lld of %lld calls\n", VERSION,
	    (long long)json_integer_value(json_object_get(j, "uptime_s")),
	    (long long)json_integer_value(json_object_get(j, "calls")),
	    (long long)json_integer_value(json_object_get(j, "room")));
	json_array_foreach(json_object_get(j, "xmpp"), i, e)(void)
	    mbuf_printf(mb, "xmpp %-24s %s\n",
			json_string_value(json_object_get(e, "component")),
			json_string_value(json_object_get(e, "status")));
	json_array_foreach(json_object_get(j, "trunks"), i, e)(void)
	    mbuf_printf(mb, "sip  %-24s %s\n",
			json_string_value(json_object_get(e, "trunk")),
			json_string_value(json_object_get(e, "status")));
	(void)mbuf_printf(mb, "%H", load_print, gw);
	status_messages_print(mb, gw);
	kept_print(mb, gw);
	(void)mbuf_printf(mb, "%H%H", presence_print, gw->presence,
			  route_print, gw->route);
}
