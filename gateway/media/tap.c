/* tap.c: copies of packets in clear for who looks on: of one call's SIP side
 * for a time, and of RTCP for a collector.
 *
 * The packet path asks one byte of the flow, which is 0 where nobody does. */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "media/engine.h"

enum {
	TAP_RTCP = 1,
	TAP_ALL = 2,
	SECOND = 1000000,   /* us */
	EACH_SECOND = 2000, /* copies of a call at most */
};

void tap_renew(struct flow *f)
{
	const struct relay *r = f->relay;

	f->tap = 0;
	if (atomic_load_explicit(&r->w->copies, memory_order_relaxed))
		f->tap |= TAP_RTCP;
	if (!f->ice && r->tap_until > r->w->now)
		f->tap |= TAP_ALL;
}

void tap_set(struct relay *r, unsigned ms)
{
	unsigned i;

	r->tap_until = ms ? r->w->now + (uint64_t)ms * 1000 : 0;
	for (i = 0; i < MEDIA_FLOW_MAX; i++) {
		if (r->flows[i])
			tap_renew(r->flows[i]);
	}
}

static bool may_copy(struct flow *f, bool rtcp)
{
	struct relay *r = f->relay;

	if (f->tap & TAP_ALL && r->tap_until <= r->w->now)
		tap_renew(f);
	if (!(f->tap & TAP_ALL) && !(rtcp && f->tap & TAP_RTCP))
		return false;
	if (r->w->now - r->tap_since >= SECOND) {
		r->tap_since = r->w->now;
		r->tap_count = 0;
	}

	return ++r->tap_count <= EACH_SECOND;
}

static void set_addresses(struct media_packet *mp, const struct flow *f,
			  const struct sockaddr_storage *src)
{
	const struct rtp_part *r = &f->r;
	const struct sockaddr_storage *to = NULL;
	const unsigned socket = !f->ice && mp->rtcp && !r->mux;
	socklen_t len = sizeof(mp->local);

	if (f->ice) {
		mp->local = f->i.pair.base;
		to = &f->i.pair.remote;
	} else {
		(void)getsockname(r->fds[socket],
				  (struct sockaddr *)&mp->local, &len);
		to = latch_dest(&r->latch[socket]);
	}
	if (!mp->tx && src)
		to = src;
	if (to)
		mp->remote = *to;
}

void tap_packet(struct flow *f, bool tx, bool rtcp, const uint8_t *p,
		size_t len, const struct sockaddr_storage *src)
{
	struct relay *r = f->relay;
	struct timespec now;
	struct event *e;

	if (!may_copy(f, rtcp) || r->gone)
		return;
	e = calloc(1, sizeof(*e) + len);
	if (!e)
		return;
	e->id = r->id;
	e->ev.type = MEDIA_PACKET;
	e->ev.flow = f->index;
	e->ev.why = e->why;
	e->ev.packet = &e->packet;
	(void)clock_gettime(CLOCK_REALTIME, &now);
	e->packet.at =
	    (uint64_t)now.tv_sec * SECOND + (uint64_t)now.tv_nsec / 1000;
	e->packet.tx = tx;
	e->packet.rtcp = rtcp;
	e->packet.p = memcpy(e + 1, p, len);
	e->packet.len = len;
	set_addresses(&e->packet, f, src);
	worker_told(r->w, engine_post(r->w->engine, e));
}
