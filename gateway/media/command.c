/* command.c: what the signalling thread asks of a worker. */
#include <errno.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "media/engine.h"

/* Relays by the slot in their id; a slot is used again with another
 * generation, which tells late commands from new ones. */
static struct relay **slot(struct worker *w, uint64_t id)
{
	size_t i = (uint32_t)id, n;
	struct relay **list = w->slots;

	if (i >= w->slotc) {
		n = i + 64;
		list = realloc(w->slots, n * sizeof(*list));
		if (!list)
			return NULL;
		memset(list + w->slotc, 0, (n - w->slotc) * sizeof(*list));
		w->slots = list;
		w->slotc = n;
	}

	return &list[i];
}

static struct relay *find(struct worker *w, uint64_t id)
{
	struct relay **list = w->slots;
	size_t i = (uint32_t)id;

	if (i >= w->slotc || !list[i] || list[i]->id != id)
		return NULL;

	return list[i];
}

static struct flow *find_flow(struct relay *r, const struct command *c,
			      bool ice)
{
	struct flow *f = flow_find(r, c->index);

	return f && f->ice == ice ? f : NULL;
}

static void open_relay(struct worker *w, struct command *c)
{
	struct relay **at = slot(w, c->id);

	if (!at) {
		log_error("call %s: no memory in the worker\n",
			  c->relay->name);
		return; /* freed with the command */
	}
	*at = c->relay;
	c->relay = NULL;
	relay_start(*at, w);
}

static void close_relay(struct relay *r, struct command *c)
{
	*slot(r->w, c->id) = NULL;
	relay_close(r);
}

static void start_flow(struct relay *r, struct command *c)
{
	struct flow *f = c->flow;
	struct agent_conf conf;
	int err;

	c->flow = NULL;
	f->relay = r;
	r->flows[c->index] = f;
	if (f->ice) {
		engine_agent_conf(r->w->engine, &conf);
		err = iceflow_start(f, &conf);
	} else {
		err = rtpflow_start(f);
	}
	if (err)
		flow_fail(f, true, false,
			  err == ENOMEM ? "no memory" : "no local address");
}

static void end_flow(struct relay *r, struct command *c)
{
	struct flow *f = flow_find(r, c->index);

	if (f)
		flow_close(f);
}

static void remote_ice(struct relay *r, struct command *c)
{
	struct flow *f = find_flow(r, c, true);

	if (f && f->i.agent)
		iceflow_remote(f, c->ice);
}

static void remote_rtp(struct relay *r, struct command *c)
{
	struct flow *f = find_flow(r, c, false);

	if (f)
		rtpflow_remote(f, c->rtp);
}

static void restart(struct relay *r, struct command *c)
{
	struct flow *f = find_flow(r, c, true);

	if (f && f->i.agent)
		iceflow_restart(f);
}

static void set_stream(struct relay *r, struct command *c)
{
	relay_stream(r, c->index, c->stream);
	c->stream = NULL;
}

static void send_digit(struct relay *r, struct command *c)
{
	relay_dtmf(r, c->index, c->dtmf.to, c->dtmf.digit, c->dtmf.ms);
}

static void tell_stats(struct relay *r, struct command *c)
{
	(void)c;
	relay_stats(r);
}

static void tap(struct relay *r, struct command *c)
{
	tap_set(r, c->index);
}

static void free_owned(struct command *c)
{
	switch (c->type) {
	case COMMAND_OPEN:
		free(c->relay);
		break;
	case COMMAND_FLOW:
		if (c->flow && !c->flow->ice)
			rtpflow_close(c->flow);
		else if (c->flow)
			identity_free(c->flow->i.identity);
		free(c->flow);
		break;
	case COMMAND_REMOTE_ICE:
		free(c->ice);
		break;
	case COMMAND_REMOTE_RTP:
		if (c->rtp)
			OPENSSL_cleanse(c->rtp, sizeof(*c->rtp));
		free(c->rtp);
		break;
	case COMMAND_STREAM:
		free(c->stream);
		break;
	default:
		break;
	}
}

static void (*const handlers[])(struct relay *r, struct command *c) = {
    [COMMAND_CLOSE] = close_relay,     [COMMAND_FLOW] = start_flow,
    [COMMAND_FLOW_END] = end_flow,     [COMMAND_REMOTE_ICE] = remote_ice,
    [COMMAND_REMOTE_RTP] = remote_rtp, [COMMAND_RESTART] = restart,
    [COMMAND_STREAM] = set_stream,     [COMMAND_DTMF] = send_digit,
    [COMMAND_STATS] = tell_stats,      [COMMAND_TAP] = tap,
};

void command_run(struct worker *w, struct cmdq_item *item)
{
	struct command *c = (struct command *)item;
	struct relay *r;

	if (c->type == COMMAND_OPEN) {
		open_relay(w, c);
	} else {
		r = find(w, c->id);
		if (r)
			handlers[c->type](r, c);
	}
	free_owned(c);
	free(c);
}
