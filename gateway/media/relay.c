/* relay.c: one call in its worker. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include "base/log.h"
#include "media/engine.h"

void relay_start(struct relay *r, struct worker *w)
{
	r->w = w;
	tick_start(r);
}

/* What went wrong with packets, and nothing about what did not. */
static void log_faults(char *text, size_t size, const struct media_count *c)
{
	const struct {
		const char *name;
		uint64_t n;
	} faults[] = {
	    {"lost", c->rx_lost},
	    {"not authentic", c->rx_auth_fail},
	    {"repeated", c->rx_replay},
	    {"of unknown source", c->rx_unknown_source},
	    {"bad", c->rx_bad},
	    {"not sent", c->tx_drop},
	};
	size_t i, len = 0;

	text[0] = '\0';
	for (i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		if (faults[i].n && len < size)
			len += (size_t)snprintf(
			    text + len, size - len, ", %llu %s",
			    (unsigned long long)faults[i].n, faults[i].name);
	}
}

static void log_flow(const struct relay *r, const struct media_stat *st)
{
	const struct media_count *c = &st->count;
	char faults[256], rtt[48] = "";

	if (!c->rx_packets && !c->tx_packets && !st->up)
		return;
	log_faults(faults, sizeof(faults), c);
	if (c->rtt_us)
		(void)snprintf(rtt, sizeof(rtt), ", round trip %u.%u ms",
			       c->rtt_us / 1000, c->rtt_us % 1000 / 100);
	log_info(
	    "call %s: flow %u (%s %s): in %llu packets, %llu bytes; out "
	    "%llu packets, %llu bytes%s; jitter %u.%u ms%s\n",
	    r->name, st->flow, st->ice ? "xmpp" : "sip", st->pair,
	    (unsigned long long)c->rx_packets, (unsigned long long)c->rx_bytes,
	    (unsigned long long)c->tx_packets, (unsigned long long)c->tx_bytes,
	    faults, c->jitter_us / 1000, c->jitter_us % 1000 / 100, rtt);
}

static void close_stream(struct relay *r, unsigned i)
{
	if (!r->streams[i])
		return;
	keypad_close(r->streams[i]);
	free(r->streams[i]);
	r->streams[i] = NULL;
}

void relay_forget(struct relay *r)
{
	unsigned i;

	for (i = 0; i < MEDIA_FLOW_MAX; i++) {
		if (r->flows[i])
			r->flows[i]->last = NULL;
	}
	for (i = 0; i < MEDIA_STREAM_MAX; i++) {
		if (r->streams[i])
			r->streams[i]->xs_way.to = r->streams[i]->sx_way.to =
			    NULL;
	}
}

static void tell_final(struct relay *r, const struct media_stat *stats,
		       unsigned n)
{
	const struct media_event ev = {
	    .type = MEDIA_FINAL, .why = r->name, .stats = stats, .statc = n};

	if (r->conf->final)
		relay_event(r, &ev);
}

static unsigned collect(const struct relay *r, struct media_stat *stats);

void relay_close(struct relay *r)
{
	struct media_stat stats[MEDIA_FLOW_MAX];
	unsigned i, n;

	if (r->gone)
		return;
	n = collect(r, stats);
	for (i = 0; i < n; i++)
		log_flow(r, &stats[i]);
	tell_final(r, stats, n);
	r->gone = true;
	for (i = 0; i < MEDIA_FLOW_MAX; i++) {
		if (r->flows[i])
			flow_close(r->flows[i]);
	}
	for (i = 0; i < MEDIA_STREAM_MAX; i++)
		close_stream(r, i);
	wtimer_cancel(&r->w->timers, &r->tick);
	worker_bury(r->w, &r->grave);
}

static void make_maps(struct stream *s)
{
	const struct media_pt *m;
	unsigned i;

	memset(s->x_map, 0, sizeof(s->x_map));
	memset(s->s_map, 0, sizeof(s->s_map));
	if (s->conf.ptc > MEDIA_PT_MAX)
		s->conf.ptc = MEDIA_PT_MAX;
	for (i = 0; i < s->conf.ptc; i++) {
		m = &s->conf.pts[i];
		if (m->x < 128 && !s->x_map[m->x])
			s->x_map[m->x] = (uint8_t)(i + 1);
		if (m->s < 128 && !s->s_map[m->s])
			s->s_map[m->s] = (uint8_t)(i + 1);
	}
}

static uint32_t draw(struct relay *r)
{
	uint32_t v;

	if (getrandom(&v, sizeof(v), GRND_NONBLOCK) == sizeof(v))
		return v;
	r->seed = r->seed * 1664525u + 1013904223u;

	return r->seed;
}

void relay_stream(struct relay *r, unsigned index, struct stream *spare)
{
	struct stream *s = r->streams[index];

	if (s) {
		s->conf = spare->conf;
		free(spare);
	} else {
		s = r->streams[index] = spare;
		s->relay = r;
		s->index = index;
	}
	/* Another SSRC of ours is another track; the packets of one that
	 * stays go on in order. */
	if (!s->set_at || s->xs.out_ssrc != s->conf.ssrc_s)
		track_init(&s->xs, s->conf.ssrc_s, draw(r));
	if (!s->set_at || s->sx.out_ssrc != s->conf.ssrc_x)
		track_init(&s->sx, s->conf.ssrc_x, draw(r));
	s->set_at = r->w->now;
	s->x_silent = s->s_silent = false;
	make_maps(s);
	relay_forget(r);
}

void relay_dtmf(struct relay *r, unsigned stream, enum media_side to,
		char digit, unsigned ms)
{
	struct stream *s =
	    stream < MEDIA_STREAM_MAX ? r->streams[stream] : NULL;

	if (s)
		keypad_push(s, to, digit, ms);
}

/* ---- counters ---- */

static void add_tracks(const struct relay *r, struct media_stat *st)
{
	const struct track *in, *out;
	const struct stream *s;
	unsigned i;

	for (i = 0; i < MEDIA_STREAM_MAX; i++) {
		s = r->streams[i];
		if (!s ||
		    (st->ice ? s->conf.x_flow : s->conf.s_flow) != st->flow)
			continue;
		in = st->ice ? &s->xs : &s->sx;
		out = st->ice ? &s->sx : &s->xs;
		st->count.rx_lost += track_lost(in);
		if (track_jitter_us(in) > st->count.jitter_us)
			st->count.jitter_us = track_jitter_us(in);
		if (out->rtt_us)
			st->count.rtt_us = out->rtt_us;
	}
}

static void print_pair(const struct flow *f, char *buf, size_t size)
{
	static const char *const types[] = {"host", "srflx", "prflx", "relay"};
	char a[SS_TEXT_SIZE], b[SS_TEXT_SIZE];
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);

	if (f->ice && f->i.paired) {
		(void)snprintf(buf, size, "%s %s - %s %s",
			       ss_print(a, &f->i.pair.base),
			       types[f->i.pair.local_type],
			       ss_print(b, &f->i.pair.remote),
			       types[f->i.pair.remote_type]);
	} else if (!f->ice &&
		   !getsockname(f->r.fds[0], (struct sockaddr *)&ss, &len)) {
		(void)snprintf(buf, size, "%s - %s", ss_print(a, &ss),
			       flow_peer(f, b));
	} else {
		(void)snprintf(buf, size, "-");
	}
}

static unsigned collect(const struct relay *r, struct media_stat *stats)
{
	const struct flow *f;
	unsigned i, n = 0;

	memset(stats, 0, MEDIA_FLOW_MAX * sizeof(*stats));
	for (i = 0; i < MEDIA_FLOW_MAX; i++) {
		f = r->flows[i];
		if (!f)
			continue;
		stats[n].flow = i;
		stats[n].ice = f->ice;
		stats[n].up = f->state == FLOW_UP;
		stats[n].suite = crypt_suite(f->crypt);
		stats[n].count = f->count;
		stats[n].first_us = f->first_at;
		print_pair(f, stats[n].pair, sizeof(stats[n].pair));
		add_tracks(r, &stats[n]);
		n++;
	}

	return n;
}

void relay_stats(struct relay *r)
{
	struct media_stat stats[MEDIA_FLOW_MAX];
	struct media_event ev = {.type = MEDIA_STATS};

	ev.statc = collect(r, stats);
	ev.stats = stats;
	relay_event(r, &ev);
}
