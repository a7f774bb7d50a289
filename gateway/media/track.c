/* track.c: the packets of one stream, one way. */
#include "media/track.h"

#include <errno.h>
#include <string.h>

enum { NO_BAD = 0x10000, AHEAD_MAX = 60 }; /* s of silence that count */

void track_init(struct track *t, uint32_t out_ssrc, uint32_t seed)
{
	memset(t, 0, sizeof(*t));
	t->out_ssrc = out_ssrc;
	/* Not in the upper half: SRTP's first ROC must not be guessed wrong
	 * when the first packets overtake each other (RFC 3711 3.3.1). */
	t->out_seq = (uint16_t)(1 + (seed & 0x3fff));
	t->out_ts = seed * 2654435761u;
	t->in_bad = NO_BAD;
}

uint32_t track_now(const struct track *t, uint32_t clock, uint64_t now)
{
	uint64_t us = now - t->out_at;

	if (!t->sent)
		return t->out_ts;
	if (us > AHEAD_MAX * 1000000ull)
		us = AHEAD_MAX * 1000000ull;

	return t->out_ts + (uint32_t)(us * clock / 1000000);
}

static void begin(struct track *t, const struct packet *pk, uint32_t clock,
		  uint64_t now)
{
	if (t->started)
		t->lost = track_lost(t);
	t->started = true;
	t->in_ssrc = pk->ssrc;
	t->in_max = pk->seq;
	t->in_base = pk->seq;
	t->in_cycles = 0;
	t->in_packets = t->in_packets_prior = t->expected_prior = 0;
	t->in_bad = NO_BAD;
	t->jitter = 0;
	t->transit = 0;
	t->sr_at = 0;
	t->clock = clock;
	t->rebase = true;
	t->event = false;
	t->in_at = now;
}

/* The packet goes right behind the last that left, in number and in time. */
static void splice(struct track *t, const struct packet *pk, uint32_t clock,
		   uint64_t now)
{
	t->seq_add = (uint16_t)(t->out_seq + 1 - pk->seq);
	t->ts_add = track_now(t, clock, now) - pk->ts;
	t->in_min = pk->seq;
	t->rebase = false;
}

/* RFC 3550 A.1: a jump is believed when a second packet follows it. */
static int check_seq(struct track *t, const struct packet *pk, uint32_t clock,
		     uint64_t now)
{
	uint16_t ahead = (uint16_t)(pk->seq - t->in_max);

	if (ahead < TRACK_DROPOUT) {
		if (pk->seq < t->in_max)
			t->in_cycles += 0x10000;
		t->in_max = pk->seq;
		t->in_bad = NO_BAD;
		return 0;
	}
	if ((uint16_t)-ahead <= TRACK_MISORDER)
		return 0;
	if (pk->seq != t->in_bad) {
		t->in_bad = (uint16_t)(pk->seq + 1);
		return EALREADY;
	}
	begin(t, pk, clock, now);

	return 0;
}

/* RFC 3550 A.8 */
static void measure(struct track *t, const struct packet *pk, uint64_t now)
{
	uint32_t arrival = (uint32_t)(now * (t->clock / 100) / 10000);
	uint32_t transit = arrival - pk->ts;
	int32_t d = (int32_t)(transit - t->transit);

	t->in_at = now;
	if (t->in_packets++ && t->transit) {
		if (d < 0)
			d = -d;
		/* A pause or a wrap is not jitter. */
		if ((uint32_t)d < t->clock)
			t->jitter += (uint32_t)d - ((t->jitter + 8) >> 4);
	}
	t->transit = transit;
	t->total++;
}

int track_map(struct track *t, struct packet *pk, uint32_t clock, uint64_t now)
{
	int err;

	if (!t->started || pk->ssrc != t->in_ssrc) {
		begin(t, pk, clock, now);
	} else {
		err = check_seq(t, pk, clock, now);
		if (err)
			return err;
	}
	/* RFC 4733 2.5.1.3: an event's packets share one timestamp, so that
	 * they would count as jitter. */
	if (clock == t->clock && !t->event)
		measure(t, pk, now);
	else
		t->in_packets++, t->total++, t->in_at = now;
	if (t->rebase)
		splice(t, pk, clock, now);
	else if ((int16_t)(pk->seq - t->in_min) < 0 &&
		 (uint16_t)(t->in_min - pk->seq) <= TRACK_MISORDER)
		return EALREADY;
	/* in_min follows, so that a wrap never makes it look recent */
	if ((uint16_t)(pk->seq - t->in_min) > 2 * TRACK_MISORDER)
		t->in_min = (uint16_t)(pk->seq - TRACK_MISORDER);
	pk->seq = (uint16_t)(pk->seq + t->seq_add);
	pk->ts += t->ts_add;
	pk->ssrc = t->out_ssrc;

	return 0;
}

void track_sent(struct track *t, const struct packet *pk, uint32_t clock,
		uint64_t len, uint64_t now)
{
	if (!t->sent || (int16_t)(pk->seq - t->out_seq) > 0) {
		/* out_at is when out_ts began: events and pictures send it
		 * more than once. */
		if (!t->sent || pk->ts != t->out_ts)
			t->out_at = now;
		t->out_seq = pk->seq;
		t->out_ts = pk->ts;
		t->out_clock = clock;
	}
	t->sent = true;
	t->out_packets++;
	t->out_octets += (uint32_t)len;
}

static uint32_t scale(uint32_t v, uint32_t in, uint32_t out)
{
	return in ? (uint32_t)((uint64_t)v * out / in) : v;
}

void track_event(struct track *t, struct packet *pk, uint32_t in_ts,
		 uint8_t *payload, uint32_t in, uint32_t out, uint64_t now)
{
	uint32_t ms;

	if (in == out) {
		t->event = true;
		return;
	}
	/* With two clocks the timestamps of events and of sound are not one
	 * scale: an event begins where the sound is now, a later segment of it
	 * (RFC 4733 2.5.1.3) as much later as it says. */
	if (!t->event || (pk->marker && in_ts != t->event_in)) {
		t->event_in = in_ts;
		t->event_out = track_now(t, out, now);
		t->event = true;
	}
	pk->ts = t->event_out + scale(in_ts - t->event_in, in, out);
	ms = scale(packet_u16(payload + 2), in, out);
	packet_put16(payload + 2, ms > 0xffff ? 0xffff : (uint16_t)ms);
}

uint32_t track_ext_seq(const struct track *t)
{
	return t->in_cycles + t->in_max;
}

uint64_t track_lost(const struct track *t)
{
	uint32_t expected = track_ext_seq(t) - t->in_base + 1;

	if (!t->started || expected <= t->in_packets)
		return t->lost;

	return t->lost + expected - t->in_packets;
}

uint32_t track_jitter_us(const struct track *t)
{
	if (!t->clock)
		return 0;

	return (uint32_t)((uint64_t)(t->jitter >> 4) * 1000000 / t->clock);
}
