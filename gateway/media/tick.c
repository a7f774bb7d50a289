/* tick.c: what a call does each second: silence, time-outs, keepalives and
 * RTCP of its own. */
#include <stdio.h>
#include <string.h>
#include "base/log.h"
#include "media/packet.h"
#include "media/relay.h"
#include "media/report.h"

enum { /* us */
       SECOND = 1000000,
       LATE = 20000, /* that a tick may be and the next one still in time */
};

static uint64_t latest(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* ---- silence ---- */

static void say_silent(struct stream *s, struct flow *f)
{
	struct media_event ev = {.type = MEDIA_SILENT};
	char why[160], peer[SS_TEXT_SIZE];

	if (f->ice && f->state != FLOW_UP)
		iceflow_explain(f, why, sizeof(why));
	else if (f->count.rx_unknown_source && !f->in_at)
		(void)snprintf(why, sizeof(why),
			       "packets come from an unknown address, not "
			       "from %s",
			       flow_peer(f, peer));
	else if (f->count.rx_auth_fail && !f->in_at)
		(void)snprintf(why, sizeof(why),
			       "packets from %s are not authentic",
			       flow_peer(f, peer));
	else
		(void)snprintf(why, sizeof(why), "nothing received from %s",
			       flow_peer(f, peer));
	ev.flow = f->index;
	ev.stream = s->index;
	ev.why = why;
	log_warning("call %s: no %s from the %s side for %u s: %s\n",
		    s->relay->name,
		    s->conf.kind == DESC_VIDEO ? "picture" : "sound",
		    f->ice ? "XMPP" : "SIP", s->relay->conf->rtp_warn, why);
	relay_event(s->relay, &ev);
}

static void check_silence(struct stream *s, struct flow *f,
			  const struct track *t, bool wanted, bool *said)
{
	struct relay *r = s->relay;
	uint64_t since;

	if (!f || !f->armed_at || !wanted || !r->conf->rtp_warn ||
	    f->state == FLOW_SUSPENDED || f->state == FLOW_FAILED) {
		*said = false;
		return;
	}
	since = latest(latest(t->in_at, f->armed_at), s->set_at);
	if (r->w->now - since < (uint64_t)r->conf->rtp_warn * SECOND) {
		*said = false;
		return;
	}
	if (!*said)
		say_silent(s, f);
	*said = true;
}

/* That it is muted explains why nothing comes, not why nothing can. */
static bool may_be_silent(const struct stream *s, const struct flow *x)
{
	return s->conf.x_muted && x && x->state == FLOW_UP;
}

static void check_timeout(struct stream *s, struct flow *f)
{
	struct media_event ev = {.type = MEDIA_TIMEOUT};
	struct relay *r = s->relay;
	char why[96], peer[SS_TEXT_SIZE];
	uint64_t since;

	/* Who is asked not to send may be silent. */
	if (!f || f->ice || !f->armed_at || !s->conf.s_to_x ||
	    !r->conf->rtp_timeout || f->timed_out)
		return;
	since = latest(latest(f->in_at, f->armed_at), s->set_at);
	if (r->w->now - since < (uint64_t)r->conf->rtp_timeout * SECOND)
		return;
	f->timed_out = true;
	(void)snprintf(why, sizeof(why), "no RTP and RTCP from %s for %u s",
		       flow_peer(f, peer), r->conf->rtp_timeout);
	log_warning("call %s: flow %u: %s\n", r->name, f->index, why);
	ev.flow = f->index;
	ev.stream = s->index;
	ev.why = why;
	relay_event(r, &ev);
}

/* ---- packets of our own ---- */

static const struct media_pt *sound_pt(const struct stream *s)
{
	unsigned i;

	for (i = 0; i < s->conf.ptc; i++) {
		if (!s->conf.pts[i].event && s->conf.pts[i].s < 128)
			return &s->conf.pts[i];
	}

	return NULL;
}

/* Opens the way through NATs, so that early sound can come (RFC 6263 4.1). */
static void keep_alive(struct stream *s, struct flow *f)
{
	uint32_t buf[(PACKET_RTP_HEADER + CRYPT_TRAILER) / 4];
	const struct media_pt *m = sound_pt(s);
	struct track *t = &s->xs;
	struct packet pk = {0};

	if (!s->conf.s_keepalive || t->started || !m ||
	    s->keypads[MEDIA_TO_S].queue.count || !flow_is_open(f))
		return;
	pk.pt = m->s;
	pk.seq = (uint16_t)(t->out_seq + 1);
	pk.ts = track_now(t, m->s_clock, s->relay->w->now);
	pk.ssrc = t->out_ssrc;
	packet_write((uint8_t *)buf, &pk, false);
	track_sent(t, &pk, m->s_clock, 0, s->relay->w->now);
	forward_send(f, (uint8_t *)buf, PACKET_RTP_HEADER, false);
}

/* RFC 3550 6.2: where the other side sends no RTCP that could be relayed. */
static void report(struct stream *s, struct flow *to, struct track *fwd,
		   struct track *rev)
{
	uint32_t buf[(REPORT_MAX + CRYPT_TRAILER) / 4];
	struct report_map map = {fwd, rev, s->relay->cname, false,
				 s->relay->w->now};
	size_t n;

	if (!flow_is_open(to) || (!fwd->sent && !rev->started))
		return;
	if (!fwd->report_at)
		fwd->report_at = map.now;
	/* A relayed one sets report_at ahead: it may be late by a half. */
	if (map.now < fwd->report_at + REPORT_INTERVAL)
		return;
	fwd->report_at = map.now;
	n = report_make((uint8_t *)buf, &map, report_ntp());
	forward_send(to, (uint8_t *)buf, n, true);
}

static void tick_stream(struct stream *s)
{
	struct flow *x = flow_find(s->relay, s->conf.x_flow);
	struct flow *f = flow_find(s->relay, s->conf.s_flow);

	if (!s->conf.used)
		return;
	check_silence(s, x, &s->xs, s->conf.x_to_s && !may_be_silent(s, x),
		      &s->x_silent);
	check_silence(s, f, &s->sx, s->conf.s_to_x, &s->s_silent);
	check_timeout(s, f);
	keep_alive(s, f);
	keypad_tick(s);
	report(s, f, &s->xs, &s->sx);
	report(s, x, &s->sx, &s->xs);
}

static void tick(void *arg)
{
	struct relay *r = arg;
	unsigned i;

	worker_timer_loose(r->w, &r->tick, SECOND - LATE, tick, r);
	for (i = 0; i < MEDIA_STREAM_MAX; i++) {
		if (r->streams[i])
			tick_stream(r->streams[i]);
	}
	for (i = 0; i < MEDIA_FLOW_MAX; i++) {
		if (!r->flows[i])
			continue;
		total_flow(r->flows[i]);
		tap_renew(r->flows[i]);
	}
}

void tick_start(struct relay *r)
{
	/* Spread over the second, so that calls do not tick in step. */
	worker_timer_loose(r->w, &r->tick, SECOND / 2 + r->seed % (SECOND / 2),
			   tick, r);
}
