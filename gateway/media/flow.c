/* flow.c: one transport in use, whatever its kind. */
#include <stdio.h>
#include <stdlib.h>
#include "base/log.h"
#include "media/relay.h"

static const char *const state_names[] = {
    [FLOW_NEW] = "new",
    [FLOW_CHECKING] = "checking",
    [FLOW_SHAKING] = "DTLS",
    [FLOW_UP] = "up",
    [FLOW_SUSPENDED] = "suspended",
    [FLOW_FAILED] = "failed",
};

struct flow *flow_find(const struct relay *r, unsigned index)
{
	return index < MEDIA_FLOW_MAX ? r->flows[index] : NULL;
}

static void tell(struct flow *f, enum media_event_type type)
{
	struct media_event ev = {.type = type, .flow = f->index};

	ev.relay =
	    f->ice && f->i.paired && f->i.pair.local_type == CANDIDATE_RELAY;
	relay_event(f->relay, &ev);
}

void flow_enter(struct flow *f, enum flow_state st)
{
	enum flow_state old = f->state;
	char peer[SS_TEXT_SIZE];

	if (old == st)
		return;
	log_debug("call %s: flow %u: %s -> %s, peer %s\n", f->relay->name,
		  f->index, state_names[old], state_names[st],
		  flow_peer(f, peer));
	f->state = st;

	switch (st) {
	case FLOW_UP:
		tell(f,
		     old == FLOW_SUSPENDED ? MEDIA_RESUMED : MEDIA_CONNECTED);
		break;
	case FLOW_SUSPENDED:
		tell(f, MEDIA_SUSPENDED);
		break;
	default:
		break;
	}
}

void flow_fail(struct flow *f, bool connectivity, bool security,
	       const char *why)
{
	struct media_event ev = {.type = MEDIA_FAILED, .flow = f->index};

	if (f->state == FLOW_FAILED)
		return;
	log_warning("call %s: flow %u: %s\n", f->relay->name, f->index, why);
	flow_enter(f, FLOW_FAILED);
	ev.connectivity = connectivity;
	ev.security = security;
	ev.why = why;
	relay_event(f->relay, &ev);
}

bool flow_is_open(const struct flow *f)
{
	if (!f || f->gone)
		return false;
	if (f->ice)
		return f->state == FLOW_UP && f->crypt;

	return f->state != FLOW_FAILED && f->armed_at &&
	       (f->crypt || !f->r.encrypted) && latch_dest(&f->r.latch[0]);
}

void flow_send(struct flow *f, const uint8_t *p, size_t len, bool rtcp)
{
	if (f->ice)
		iceflow_send(f, p, len);
	else
		rtpflow_send(f, p, len, rtcp);
}

void flow_authentic(struct flow *f, const struct sockaddr_storage *src,
		    bool rtcp)
{
	f->in_at = f->relay->w->now;
	f->timed_out = false;
	if (!f->ice)
		rtpflow_learn(f, src, rtcp);
}

const char *flow_peer(const struct flow *f, char buf[SS_TEXT_SIZE])
{
	static const struct sockaddr_storage none;
	const struct sockaddr_storage *ss = NULL;

	if (!f->ice)
		ss = latch_dest(&f->r.latch[0]);
	else if (f->i.paired)
		ss = &f->i.pair.remote;

	return ss_print(buf, ss ? ss : &none);
}

void flow_close(struct flow *f)
{
	if (f->gone)
		return;
	f->gone = true;
	if (f->ice)
		iceflow_close(f);
	else
		rtpflow_close(f);
	crypt_free(f->crypt);
	f->crypt = NULL;
	f->relay->flows[f->index] = NULL;
	worker_bury(f->relay->w, &f->grave);
}
