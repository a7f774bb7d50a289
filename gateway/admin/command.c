/* command.c: the commands of the control socket. */
#include <errno.h>
#include <string.h>
#include "admin/command.h"
#include "admin/decision.h"
#include <jansson.h>
#include "admin/status.h"
#include "base/text.h"
#include "base/trace.h"
#include "bridge/call.h"

enum {
	WORDS_MAX = 4,
	REFRESH = 50, /* ms that a media worker has to send counters */
};

struct command_run {
	const struct gateway *gw;
	command_output_h *h;
	void *arg;
	bool json;
	char *wordv[WORDS_MAX];
	unsigned wordc;
	struct tmr timer;
	struct mbuf *mb;
};

static void run_destructor(void *arg)
{
	struct command_run *r = arg;

	tmr_cancel(&r->timer);
	mem_deref(r->mb);
	for (unsigned i = 0; i < r->wordc; i++)
		mem_deref(r->wordv[i]);
}

static void finish(struct command_run *r)
{
	r->h((const char *)r->mb->buf, r->mb->end, true, r->arg);
}

static void fail(struct command_run *r, const char *fmt, ...)
{
	va_list ap;

	mbuf_rewind(r->mb);
	(void)mbuf_write_str(r->mb, "1\n");
	va_start(ap, fmt);
	(void)mbuf_vprintf(r->mb, fmt, ap);
	va_end(ap);
	finish(r);
}

static void put_json(struct command_run *r, json_t *j)
{
	char *text =
	    j ? json_dumps(j, JSON_INDENT(1) | JSON_PRESERVE_ORDER) : NULL;

	if (text)
		(void)mbuf_printf(r->mb, "%s\n", text);
	free(text);
	json_decref(j);
	finish(r);
}

static json_t *string(const char *s)
{
	json_t *j = json_string(s ? s : "");

	return j ? j : json_string("");
}

static void cmd_status(struct command_run *r)
{
	json_t *j = status_json(r->gw);

	if (r->json) {
		put_json(r, j);
		return;
	}

	status_print(r->mb, r->gw, j);
	json_decref(j);
	finish(r);
}

/* ---- calls ---- */

static json_t *leg_json(const struct peer *p, const struct leg *leg)
{
	json_t *j = json_object();
	char *text = NULL;

	json_object_set_new(j, "jid", string(p->jid));
	json_object_set_new(j, "uri", string(p->uri));
	if (leg && !re_sdprintf(&text, "%H", leg->ops->print, leg))
		json_object_set_new(j, "leg", string(text));
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

	json_object_set_new(j, "side", string(s->ice ? "xmpp" : "sip"));
	json_object_set_new(j, "up", json_boolean(s->up));
	json_object_set_new(
	    j, "srtp",
	    string(s->suite ? crypto_suite_name(s->suite) : "none"));
	json_object_set_new(j, "pair", string(s->pair));
	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++)
		json_object_set_new(j, v[i].key,
				    json_integer((json_int_t)v[i].value));

	return j;
}

static json_t *call_json(const struct call_info *info)
{
	json_t *j = json_object(), *flows = json_array();

	json_object_set_new(j, "id", string(info->name));
	json_object_set_new(j, "state", string(info->state));
	json_object_set_new(j, "from",
			    string(info->from_xmpp ? "xmpp" : "sip"));
	json_object_set_new(j, "trunk", string(info->trunk));
	json_object_set_new(j, "age_ms",
			    json_integer((json_int_t)info->age_ms));
	json_object_set_new(j, "active_ms",
			    json_integer((json_int_t)info->active_ms));
	json_object_set_new(j, "codec", string(info->codec));
	json_object_set_new(j, "xmpp", leg_json(info->x, info->x_leg));
	json_object_set_new(j, "sip", leg_json(info->s, info->s_leg));
	for (unsigned i = 0; i < info->statc; i++)
		json_array_append_new(flows, stat_json(&info->stats[i]));
	json_object_set_new(j, "flows", flows);

	return j;
}

static bool add_call(const struct call_info *info, void *arg)
{
	json_array_append_new(arg, call_json(info));

	return false;
}

static const char *sub(const json_t *j, const char *a, const char *b)
{
	return json_string_value(json_object_get(json_object_get(j, a), b));
}

static void call_line(struct command_run *r, const json_t *j)
{
	const char *from = json_string_value(json_object_get(j, "from"));
	const bool x = from && !strcmp(from, "xmpp"); /* NULL: no memory */

	(void)mbuf_printf(
	    r->mb, "%s  %-10s %5lld s  %s -> %s  %s %s\n",
	    json_string_value(json_object_get(j, "id")),
	    json_string_value(json_object_get(j, "state")),
	    (long long)json_integer_value(json_object_get(j, "age_ms")) / 1000,
	    x ? sub(j, "xmpp", "jid") : sub(j, "sip", "jid"),
	    x ? sub(j, "sip", "uri") : sub(j, "xmpp", "jid"),
	    json_string_value(json_object_get(j, "trunk")),
	    json_string_value(json_object_get(j, "codec")));
}

static void cmd_calls(struct command_run *r)
{
	json_t *v = json_array(), *e;
	size_t i;

	(void)calls_apply(NULL, add_call, v);
	if (r->json) {
		put_json(r, v);
		return;
	}

	json_array_foreach(v, i, e) call_line(r, e);
	if (!json_array_size(v))
		(void)mbuf_write_str(r->mb, "no calls\n");
	json_decref(v);
	finish(r);
}

static void flow_lines(struct command_run *r, const json_t *flow)
{
	const char *key;
	json_t *v;

	(void)mbuf_printf(r->mb, "  media %s %s, srtp %s, %s\n   ",
			  json_string_value(json_object_get(flow, "side")),
			  json_is_true(json_object_get(flow, "up")) ? "up"
								    : "down",
			  json_string_value(json_object_get(flow, "srtp")),
			  json_string_value(json_object_get(flow, "pair")));
	json_object_foreach((json_t *)(uintptr_t)flow, key, v)
	{
		if (json_is_integer(v))
			(void)mbuf_printf(r->mb, " %s %lld", key,
					  (long long)json_integer_value(v));
	}
	(void)mbuf_write_str(r->mb, "\n");
}

static void show_call(void *arg)
{
	struct command_run *r = arg;
	json_t *v = json_array(), *j, *e;
	const char *leg;
	size_t i;

	(void)calls_apply(r->wordv[1], add_call, v);
	j = json_incref(json_array_get(v, 0));
	json_decref(v);
	if (!j) {
		fail(r, "no call %s\n", r->wordv[1]);
		return;
	}
	if (r->json) {
		put_json(r, j);
		return;
	}

	call_line(r, j);
	leg = sub(j, "xmpp", "leg");
	(void)mbuf_printf(r->mb, "  %s\n", leg ? leg : "xmpp: not reached");
	leg = sub(j, "sip", "leg");
	(void)mbuf_printf(r->mb, "  %s\n", leg ? leg : "sip: not reached");
	json_array_foreach(json_object_get(j, "flows"), i, e) flow_lines(r, e);
	json_decref(j);
	finish(r);
}

static void cmd_call(struct command_run *r)
{
	if (calls_refresh(r->wordv[1]))
		show_call(r);
	else
		tmr_start(&r->timer, REFRESH, show_call, r);
}

static void cmd_hangup(struct command_run *r)
{
	if (calls_hangup(r->wordv[1])) {
		fail(r, "no call %s\n", r->wordv[1]);
		return;
	}

	if (r->json) {
		put_json(r, json_pack("{s:s}", "ended", r->wordv[1]));
		return;
	}

	(void)mbuf_printf(r->mb, "ended %s\n", r->wordv[1]);
	finish(r);
}

/* ---- address ---- */

static void cmd_address(struct command_run *r)
{
	struct sockaddr_storage ss;
	struct sa sa;

	if (sa_set_str(&sa, r->wordv[1], 0)) {
		fail(r, "%s: not an IPv4 or IPv6 address\n", r->wordv[1]);
		return;
	}

	memset(&ss, 0, sizeof(ss));
	memcpy(&ss, &sa.u.sa, sa.len);
	engine_set_public(r->gw->engine, &ss);
	sipstack_set_public(r->gw->stack, &sa);
	calls_readdress();

	if (r->json) {
		put_json(r, json_pack("{s:s}", "address", r->wordv[1]));
		return;
	}

	(void)mbuf_printf(r->mb, "public address is %s, %u calls follow\n",
			  r->wordv[1], calls_count());
	finish(r);
}

/* ---- route, acl ---- */

static void tell(struct command_run *r, json_t *decision)
{
	if (r->json) {
		put_json(r, decision);
		return;
	}

	(void)mbuf_printf(r->mb, "%H", decision_print, decision);
	json_decref(decision);
	finish(r);
}

static void cmd_route(struct command_run *r)
{
	json_t *j;

	if (strcmp(r->wordv[1], "test")) {
		fail(r, "route %s: write \"route test NUMBER JID\"\n",
		     r->wordv[1]);
		return;
	}

	j = decision_route(r->gw, r->wordv[2], r->wordv[3]);
	if (j)
		tell(r, j);
	else
		fail(r, "%s: no user's JID, or no component\n", r->wordv[3]);
}

static void cmd_acl(struct command_run *r)
{
	if (strcmp(r->wordv[1], "test"))
		fail(r, "acl %s: write \"acl test JID\"\n", r->wordv[1]);
	else
		tell(r, decision_acl(r->gw, r->wordv[2]));
}

/* ---- trace ---- */

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

static void trace_print(const struct trace_entry *e, void *arg)
{
	const struct pl pl = {e->text, e->len};
	struct command_run *r = arg;
	json_t *j;
	char *text;

	if (!r->json) {
		(void)mbuf_printf(r->mb, "%llu.%03llu %s %s %s\n%H\n",
				  (unsigned long long)e->at / 1000,
				  (unsigned long long)e->at % 1000,
				  trace_kind_name(e->kind), e->tx ? ">" : "<",
				  e->peer, lines_print, &pl);
		return;
	}

	j = json_object();
	json_object_set_new(j, "at_ms", json_integer((json_int_t)e->at));
	json_object_set_new(j, "kind", string(trace_kind_name(e->kind)));
	json_object_set_new(j, "sent", json_boolean(e->tx));
	json_object_set_new(j, "peer", string(e->peer));
	json_object_set_new(j, "text", json_stringn(e->text, e->len));
	text = json_dumps(j, JSON_COMPACT | JSON_PRESERVE_ORDER);
	if (text)
		(void)mbuf_printf(r->mb, "%s\n", text);
	free(text);
	json_decref(j);
}

/* A call's name finds both its legs, also after its end; other words are
 * searched as they are. */
static void cmd_trace(struct command_run *r)
{
	const char *needles[2] = {NULL, NULL};
	char ids[2][80];
	size_t n = 0, start = r->mb->pos;

	if (r->wordc > 1) {
		if (calls_trace_ids(r->wordv[1], ids))
			needles[n++] = r->wordv[1];
		else
			for (unsigned i = 0; i < 2; i++) {
				if (ids[i][0])
					needles[n++] = ids[i];
			}
		if (!n) {
			fail(r, "call %s has no dialog yet\n", r->wordv[1]);
			return;
		}
	}

	trace_walk(needles, n, trace_print, r);
	if (n && r->mb->pos == start) {
		fail(r, "no message of %s, nor with it in its text, is kept\n",
		     r->wordv[1]);
		return;
	}

	finish(r);
}

static const struct command {
	const char *name, *args, *help;
	unsigned min, max; /* arguments */
	void (*run)(struct command_run *r);
} commands[] = {
    {"status", "", "connections, trunks, number of calls", 0, 0, cmd_status},
    {"calls", "", "one line a call", 0, 0, cmd_calls},
    {"call", "ID", "one call with its media counters", 1, 1, cmd_call},
    {"hangup", "ID", "end a call", 1, 1, cmd_hangup},
    {"address", "ADDR", "our public address is another now", 1, 1,
     cmd_address},
    {"route", "test NUMBER JID", "would this call be made, and how", 3, 3,
     cmd_route},
    {"acl", "test JID", "what this user may use, and what is left", 2, 2,
     cmd_acl},
    {"trace", "[ID]",
     "SIP and XMPP messages in order, of a call, or with this text in them", 0,
     1, cmd_trace},
};

static void usage(struct command_run *r)
{
	mbuf_rewind(r->mb);
	(void)mbuf_write_str(r->mb, "1\n");
	if (r->wordc)
		(void)mbuf_printf(r->mb,
				  "%s: no such command, or not with "
				  "%u arguments\n",
				  r->wordv[0], r->wordc - 1);
	(void)mbuf_write_str(r->mb, "commands:\n");
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		(void)mbuf_printf(r->mb, "  %-7s %-4s  %s\n", commands[i].name,
				  commands[i].args, commands[i].help);
	finish(r);
}

static void dispatch(struct command_run *r)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		const struct command *c = &commands[i];

		if (!r->wordc || strcmp(c->name, r->wordv[0]))
			continue;
		if (r->wordc - 1 < c->min || r->wordc - 1 > c->max)
			break;
		c->run(r);
		return;
	}

	usage(r);
}

/* Answers repeat words of the question, and terminals obey controls. */
static void word_clean(char *word)
{
	for (; *word; word++) {
		if ((unsigned char)*word < ' ' || *word == 0x7f)
			*word = '?';
	}
}

static int split(struct command_run *r, const char *line)
{
	struct pl rest, w;
	int err;

	pl_set_str(&rest, line);
	while (r->wordc < WORDS_MAX &&
	       !re_regex(rest.p, rest.l, "[^ ]+", &w)) {
		pl_advance(&rest, w.p + w.l - rest.p);
		if (!r->wordc && !r->json && !pl_strcmp(&w, "json")) {
			r->json = true;
			continue;
		}
		err = pl_strdup(&r->wordv[r->wordc], &w);
		if (err)
			return err;
		word_clean(r->wordv[r->wordc]);
		++r->wordc;
	}

	return 0;
}

int command_start(struct command_run **rp, const struct gateway *gw,
		  const char *line, command_output_h *h, void *arg)
{
	struct command_run *r;
	int err;

	r = mem_zalloc(sizeof(*r), run_destructor);
	if (!r)
		return ENOMEM;

	r->gw = gw;
	r->h = h;
	r->arg = arg;
	r->mb = mbuf_alloc(1024);
	err = r->mb ? split(r, line) : ENOMEM;
	if (!err)
		err = mbuf_write_str(r->mb, "0\n");
	if (err) {
		mem_deref(r);
		return err;
	}

	*rp = r;
	mem_ref(r);
	dispatch(r);
	mem_deref(r);

	return 0;
}
