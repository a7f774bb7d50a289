/* total.c: what all calls of a worker counted together.
 *
 * Looked at by the signalling thread at any time: each number is whole, and
 * the packet path knows nothing of it. */
#include <string.h>
#include "media/relay.h"

static uint64_t lost(const struct flow *f)
{
	const struct relay *r = f->relay;
	uint64_t n = 0;
	unsigned i;

	for (i = 0; i < MEDIA_STREAM_MAX; i++) {
		const struct stream *s = r->streams[i];

		if (s &&
		    (f->ice ? s->conf.x_flow : s->conf.s_flow) == f->index)
			n += track_lost(f->ice ? &s->xs : &s->sx);
	}

	return n;
}

void total_flow(struct flow *f)
{
	_Atomic uint64_t *to = f->relay->w->totals[f->ice];
	const struct media_count *c = &f->count;
	const struct media_totals now = {
	    c->rx_packets, c->rx_bytes,
	    c->tx_packets, c->tx_bytes,
	    lost(f),	   c->rx_auth_fail,
	    c->rx_replay,  c->rx_unknown_source,
	    c->rx_bad,	   c->tx_drop,
	};
	uint64_t v[WORKER_TOTALS];
	unsigned i;

	_Static_assert(sizeof(v) == sizeof(now), "a total is missing");
	memcpy(v, &now, sizeof(v));
	for (i = 0; i < WORKER_TOTALS; i++) {
		/* a packet that was only late is lost no more */
		if (v[i] <= f->totalled[i])
			continue;
		atomic_store_explicit(
		    &to[i],
		    atomic_load_explicit(&to[i], memory_order_relaxed) + v[i] -
			f->totalled[i],
		    memory_order_relaxed);
		f->totalled[i] = v[i];
	}
}
