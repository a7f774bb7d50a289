/* flow.c: one transport in use, whatever its kind. */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

struct flow *flow_alloc(bool ice)
{
	struct flow *f = calloc(
	    1, ice ? offsetof(struct flow, i) + sizeof(struct ice_part)
		   : offsetof(struct flow, r) + sizeof(struct rtp_part));

	if (f)
		f->ice = ice;

	return f;
}

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
	flow_unaim(f);

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

bool flow_aim(struct flow *f)
{
	if (f->aim.len)
		return true;

	return flow_is_open(f) && (f->ice ? iceflow_aim(f) : rtpflow_aim(f));
}

void flow_unaim(struct flow *f)
{
	worker_flush(f->relay->w); /* it points at aim */
	f->aim.len = 0;
	f->singly = false;
	f->settled = false;
}

bool flow_is_aim(const struct flow *f, const struct sockaddr_storage *src)
{
	const struct sockaddr_in *in = (const struct sockaddr_in *)src;

	if (f->aim.len == sizeof(*in))
		return in->sin_family == AF_INET &&
		       in->sin_port == f->aim.in.sin_port &&
		       in->sin_addr.s_addr == f->aim.in.sin_addr.s_addr;

	return f->aim.len && !memcmp(&f->aim.in6, src, f->aim.len);
}

/* Lines of memory, from p on. */
static void prefetch(const void *p, unsigned lines)
{
	const char *at = p;

	for (; lines; lines--, at += 64)
		__builtin_prefetch(at);
}

void flow_warm(const struct watch *wt, unsigned step)
{
	const struct flow *f = wt->arg;
	const struct stream *s = f->last;
	const struct way *w;

	if (!s)
		return;
	w = f->ice ? &s->xs_way : &s->sx_way;
	if (!step) {
		prefetch(f->crypt, f->crypt ? 1 : 0);
		prefetch(f->relay, 1);
		prefetch(w, 3);
	} else if (w->to) {
		prefetch(w->to, 2);
		crypt_warm(f->ice ? f->crypt : w->to->crypt, f->ice);
	}
}

void flow_send(struct flow *f, const uint8_t *p, size_t len, bool rtcp)
{
	struct aim *a = &f->aim;

	if ((f->ice || !rtcp) && flow_aim(f)) {
		const struct tx t = {
		    .fd = a->fd,
		    .tolen = f->connected ? 0 : a->len,
		    .to = &a->sa,
		    .p = p,
		    .len = len,
		    .count = &f->count,
		    .singly = &f->singly,
		};

		worker_send(f->relay->w, &t);
		return;
	}
	if (f->ice)
		iceflow_send(f, p, len);
	else
		rtpflow_send(f, p, len, rtcp);
}

static void first_packet(struct flow *f, const struct sockaddr_storage *src,
			 bool rtcp)
{
	char peer[SS_TEXT_SIZE];

	f->first_at = f->relay->w->now;
	flow_note(f, "first %s packet, from %s", rtcp ? "RTCP" : "RTP",
		  src ? ss_print(peer, src) : "the relay");
}

void flow_authentic(struct flow *f, const struct sockaddr_storage *src,
		    bool rtcp)
{
	if (!f->in_at)
		first_packet(f, src, rtcp);
	f->in_at = f->relay->w->now;
	f->timed_out = false;
	if (!f->ice && (rtcp || !f->settled))
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
	flow_unaim(f);
	total_flow(f);
	relay_forget(f->relay);
	if (f->ice)
		iceflow_close(f);
	else
		rtpflow_close(f);
	crypt_free(f->crypt);
	f->crypt = NULL;
	f->relay->flows[f->index] = NULL;
	worker_bury(f->relay->w, &f->grave);
}
