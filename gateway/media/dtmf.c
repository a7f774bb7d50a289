/* dtmf.c: digits as RFC 4733 events, made and understood. */
#include "media/dtmf.h"

#include <errno.h>
#include <string.h>
#include "media/packet.h"

enum { SEGMENT_MIN = 0x8000 }; /* units; a shorter event is never cut */

static const char digits[] = "0123456789*#ABCD"; /* RFC 4733 3.2 table 3 */

int dtmf_event(char digit)
{
	const char *p;

	if (digit >= 'a' && digit <= 'd')
		digit = (char)(digit - 'a' + 'A');
	p = digit ? strchr(digits, digit) : NULL;

	return p ? (int)(p - digits) : -1;
}

/* 0: none */
static char digit_of(unsigned event)
{
	return event < sizeof(digits) - 1 ? digits[event] : 0;
}

int dtmf_push(struct dtmf *d, char digit, unsigned ms)
{
	int event = dtmf_event(digit);
	unsigned at;

	if (event < 0)
		return EINVAL;
	if (d->count == DTMF_QUEUE)
		return ENOSPC;
	if (ms < DTMF_MIN)
		ms = DTMF_MIN;
	if (ms > DTMF_MAX)
		ms = DTMF_MAX;
	at = (d->head + d->count++) % DTMF_QUEUE;
	d->queue[at].event = (uint8_t)event;
	d->queue[at].ms = (uint16_t)ms;

	return 0;
}

/* RFC 4733 2.5.2.1: the duration may not pass 0xffff timestamp units in one
 * segment; what is longer stays there, which every receiver takes as held. */
static uint16_t duration(unsigned ms, uint32_t clock)
{
	uint64_t n = (uint64_t)ms * clock / 1000;

	return n > 0xffff ? 0xffff : (uint16_t)n;
}

bool dtmf_next(struct dtmf *d, uint32_t clock, struct dtmf_packet *p,
	       unsigned *wait)
{
	unsigned total;

	*wait = 0;
	if (!d->count)
		return false;
	memset(p, 0, sizeof(*p));
	total = d->queue[d->head].ms;
	p->first = !d->busy;
	d->busy = true;
	if (!d->ends) {
		d->done += DTMF_STEP;
		if (d->done > total)
			d->done = total;
	}
	p->end = d->done == total;
	p->payload[0] = d->queue[d->head].event;
	p->payload[1] = (uint8_t)((p->end ? 0x80 : 0) | DTMF_VOLUME);
	packet_put16(p->payload + 2, duration(d->done, clock));
	*wait = DTMF_STEP;
	if (p->end && ++d->ends == DTMF_END_PACKETS) {
		d->head = (d->head + 1) % DTMF_QUEUE;
		d->count--;
		d->busy = false;
		d->done = d->ends = 0;
		*wait = d->count ? DTMF_GAP : 0;
	}

	return true;
}

static char close_event(struct dtmf_rx *rx, uint32_t clock, unsigned *ms)
{
	rx->open = false;
	*ms = clock ? (unsigned)(((uint64_t)rx->before + rx->duration) * 1000 /
				 clock)
		    : 0;

	return digit_of(rx->event);
}

/* RFC 4733 2.5.1.3: an event that is longer than the field can say goes on
 * under a timestamp as much later. */
static bool is_segment(const struct dtmf_rx *rx, uint32_t ts, uint8_t event)
{
	uint32_t later = ts - rx->ts;

	return rx->open && event == rx->event && rx->duration >= SEGMENT_MIN &&
	       later >= rx->duration && later <= 0xffff;
}

char dtmf_lost(struct dtmf_rx *rx, uint32_t clock, unsigned *ms)
{
	return rx->open ? close_event(rx, clock, ms) : 0;
}

char dtmf_receive(struct dtmf_rx *rx, uint32_t ts, const uint8_t *payload,
		  uint32_t clock, unsigned *ms)
{
	char digit = 0;

	if (rx->any && ts == rx->ts && !rx->open)
		return 0; /* a repeated end */
	if (rx->any && ts != rx->ts) {
		if ((int32_t)(ts - rx->ts) < 0)
			return 0; /* late */
		if (is_segment(rx, ts, payload[0])) {
			rx->before += ts - rx->ts;
		} else {
			/* All three end packets of the last one were lost. */
			if (rx->open)
				digit = close_event(rx, clock, ms);
			rx->before = 0;
		}
	}
	if (!rx->any || ts != rx->ts || packet_u16(payload + 2) > rx->duration)
		rx->duration = packet_u16(payload + 2);
	rx->any = rx->open = true;
	rx->ts = ts;
	rx->event = payload[0];
	if (payload[1] & 0x80 && !digit)
		return close_event(rx, clock, ms);

	return digit;
}
