/* dtmf.h: digits as RFC 4733 events, made and understood.  No clock, no
 * sockets: dtmf_next says what to send now and when to ask again. */
#ifndef MEDIA_DTMF_H
#define MEDIA_DTMF_H

#include <stdbool.h>
#include <stdint.h>

enum {
	DTMF_QUEUE = 32,      /* digits */
	DTMF_MIN = 40,	      /* ms; RFC 7874 3 */
	DTMF_MAX = 8000,      /* ms; ditto */
	DTMF_GAP = 50,	      /* ms between digits; XEP-0181 callers */
	DTMF_STEP = 20,	      /* ms between packets of one digit */
	DTMF_VOLUME = 10,     /* -dBm0 */
	DTMF_END_PACKETS = 3, /* RFC 4733 2.5.1.4 */
};

struct dtmf {
	struct {
		uint8_t event;
		uint16_t ms;
	} queue[DTMF_QUEUE];
	unsigned head, count;
	bool busy;     /* a digit is being sent */
	unsigned done; /* ms of it so far */
	unsigned ends; /* end packets so far */
};

struct dtmf_packet {
	uint8_t payload[4];
	bool first; /* marker; a new timestamp begins */
	bool end;
};

/* 0-9 * # A-D (a-d too) -> 0..15; -1: no such digit. */
int dtmf_event(char digit);
/* ms is clamped; ENOSPC when the queue is full, EINVAL. */
int dtmf_push(struct dtmf *d, char digit, unsigned ms);
/* True: *p is to be sent.  *wait: ms until the next call, 0: none needed
 * until the next push. */
bool dtmf_next(struct dtmf *d, uint32_t clock, struct dtmf_packet *p,
	       unsigned *wait);

/* The other way: events from packets. */
struct dtmf_rx {
	bool open; /* an event is going on */
	uint32_t ts;
	uint8_t event;
	uint32_t before; /* of its earlier segments (RFC 4733 2.5.1.3) */
	uint16_t duration;
	bool any; /* ts is valid */
};
/* Digit that ended, 0: none.  *ms: how long it was. */
char dtmf_receive(struct dtmf_rx *rx, uint32_t ts, const uint8_t *payload,
		  uint32_t clock, unsigned *ms);

/* No more of it will come: the digit that was going on, 0: none. */
char dtmf_lost(struct dtmf_rx *rx, uint32_t clock, unsigned *ms);

#endif
