/* keypad.c: digits: events of our own to either side, and those of a side that
 * end here. */
#include <string.h>
#include "base/log.h"
#include "media/packet.h"
#include "media/relay.h"

enum {
	HEAD = 48,		  /* bytes: RTP header with a MID at most */
	EVENT_LOST = 1000 * 1000, /* us without a packet: its end was lost */
};

static const char *const names[] = {"SIP", "XMPP"}; /* by enum media_side */

/* ---- sent ---- */

static const struct media_pt *event_pt(const struct stream *s, bool to_x)
{
	const struct track *t = to_x ? &s->sx : &s->xs;
	const struct media_pt *m, *any = NULL;
	unsigned i;

	for (i = 0; i < s->conf.ptc; i++) {
		m = &s->conf.pts[i];
		if (!m->event || (to_x ? m->x : m->s) == MEDIA_PT_NONE)
			continue;
		/* RFC 7874 3: the clock of the sound that it interrupts */
		if ((to_x ? m->x_clock : m->s_clock) == t->out_clock)
			return m;
		any = any ? any : m;
	}

	return any;
}

static void send_digit(struct keypad *k, const struct media_pt *m,
		       const struct dtmf_packet *d)
{
	uint32_t buf[(HEAD + 16 + CRYPT_TRAILER) / 4];
	struct stream *s = k->stream;
	bool to_x = k->to == MEDIA_TO_X;
	struct track *t = to_x ? &s->sx : &s->xs;
	uint32_t clock = to_x ? m->x_clock : m->s_clock;
	uint8_t *payload = (uint8_t *)buf + HEAD, *start;
	uint64_t now = s->relay->w->now;
	struct packet pk = {0};
	struct flow *to;

	to = flow_find(s->relay, to_x ? s->conf.x_flow : s->conf.s_flow);
	if (d->first)
		k->ts = track_now(t, clock, now);
	pk.pt = to_x ? m->x : m->s;
	pk.marker = d->first;
	pk.seq = (uint16_t)(t->out_seq + 1);
	pk.ts = k->ts;
	pk.ssrc = t->out_ssrc;
	memcpy(payload, d->payload, sizeof(d->payload));
	start = forward_header(s, &pk, payload, to_x);
	track_sent(t, &pk, clock, sizeof(d->payload), now);
	t->rebase = true; /* sound goes on behind it */
	if (to)
		forward_send(to, start,
			     (size_t)(payload - start) + sizeof(d->payload),
			     false);
}

static void keypad_turn(void *arg)
{
	struct keypad *k = arg;
	const struct media_pt *m = event_pt(k->stream, k->to == MEDIA_TO_X);
	struct dtmf_packet d;
	unsigned wait;

	if (!m) {
		memset(&k->queue, 0, sizeof(k->queue));
		return;
	}
	if (dtmf_next(&k->queue, k->to == MEDIA_TO_X ? m->x_clock : m->s_clock,
		      &d, &wait))
		send_digit(k, m, &d);
	if (!wait)
		return;
	/* By the clock that we keep, so that lateness does not add up. */
	k->at += wait * 1000ull;
	wtimer_start(&k->stream->relay->w->timers, &k->timer, k->at,
		     keypad_turn, k);
}

void keypad_push(struct stream *s, enum media_side to, char digit, unsigned ms)
{
	struct relay *r = s->relay;
	struct keypad *k = &s->keypads[to];

	k->stream = s;
	k->to = to;
	relay_forget(r);
	if (dtmf_push(&k->queue, digit, ms)) {
		log_warning("call %s: stream %u: a digit was dropped\n",
			    r->name, s->index);
		return;
	}
	log_info("call %s: stream %u: digit of %u ms towards %s\n", r->name,
		 s->index, ms, names[to]);
	if (k->timer.running)
		return;
	/* A push right behind the last digit still keeps the gap. */
	if (k->at + DTMF_GAP * 1000 > r->w->now)
		k->at += DTMF_GAP * 1000;
	else
		k->at = r->w->now;
	wtimer_start(&r->w->timers, &k->timer, k->at, keypad_turn, k);
}

void keypad_close(struct stream *s)
{
	unsigned i;

	for (i = 0; i < 2; i++)
		wtimer_cancel(&s->relay->w->timers, &s->keypads[i].timer);
}

/* ---- received ---- */

static void tell(struct stream *s, enum media_side to, char digit, unsigned ms)
{
	struct media_event ev = {.type = MEDIA_EVENT_DTMF};

	if (!digit)
		return;
	ev.digit = digit;
	ev.ms = ms;
	ev.stream = s->index;
	ev.from_x = to == MEDIA_TO_S;
	ev.flow = ev.from_x ? s->conf.x_flow : s->conf.s_flow;
	relay_event(s->relay, &ev);
}

void keypad_event(struct stream *s, enum media_side to,
		  const struct packet *pk, const uint8_t *payload,
		  uint32_t clock)
{
	unsigned ms = 0;
	char digit;

	if (pk->payload < PACKET_EVENT_LEN)
		return;
	digit = dtmf_receive(&s->dtmf_rx[to], pk->ts, payload, clock, &ms);
	s->dtmf_rx_at[to] = s->relay->w->now;
	s->dtmf_rx_clock[to] = clock;
	tell(s, to, digit, ms);
}

void keypad_tick(struct stream *s)
{
	unsigned i, ms = 0;
	char digit;

	for (i = 0; i < 2; i++) {
		if (!s->dtmf_rx[i].open ||
		    s->relay->w->now - s->dtmf_rx_at[i] < EVENT_LOST)
			continue;
		digit = dtmf_lost(&s->dtmf_rx[i], s->dtmf_rx_clock[i], &ms);
		tell(s, i ? MEDIA_TO_X : MEDIA_TO_S, digit, ms);
	}
}
