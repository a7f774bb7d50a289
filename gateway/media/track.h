/* track.h: the packets of one stream, one way: what arrives (RFC 3550 A) and
 * how its numbers become ours.  Values only, nothing allocated, no clock. */
#ifndef MEDIA_TRACK_H
#define MEDIA_TRACK_H

#include <stdbool.h>
#include <stdint.h>
#include "media/packet.h"

enum {
	TRACK_DROPOUT = 3000,  /* RFC 3550 A.1 MAX_DROPOUT */
	TRACK_MISORDER = 1024, /* packets; the replay window of SRTP */
	TRACK_SR_LOG = 4,
};

struct track { /* what each packet changes stands together, at the top */
	/* what arrives */
	bool started;
	bool rebase; /* the next packet is spliced */
	bool sent;   /* something left */
	bool event;  /* an event of RFC 4733 is passing */
	uint32_t in_ssrc;
	uint16_t in_max; /* highest sequence number */
	uint16_t in_min;
	uint32_t in_bad; /* RFC 3550 A.1 bad_seq; > 0xffff: none */
	uint32_t in_cycles, in_packets;
	uint32_t transit, jitter; /* A.8, in timestamp units, times 16 */
	uint32_t clock;
	uint64_t in_at, total; /* us; of all sources so far */

	/* in -> out */
	uint32_t ts_add;
	uint16_t seq_add;

	/* what leaves */
	uint16_t out_seq;
	uint32_t out_ssrc;
	uint32_t out_ts;
	uint32_t out_clock;
	uint32_t out_packets, out_octets;
	uint64_t out_at; /* us */

	uint64_t lost; /* of all sources so far */
	uint32_t in_base, expected_prior, in_packets_prior;
	uint32_t sr_mid;    /* middle bits of the last SR's NTP */
	uint64_t sr_at;	    /* us, when it came; 0: never */
	uint64_t report_at; /* us, when the last RTCP left this way */
	struct {
		uint32_t mid;
		uint64_t at;
	} sr_log[TRACK_SR_LOG];
	unsigned sr_next;
	uint32_t rtt_us; /* to the one who receives this track; 0: unknown */

	uint32_t event_in, event_out; /* timestamps of the event */
};

/* Random sequence number and timestamp (RFC 3550 5.1). */
void track_init(struct track *t, uint32_t out_ssrc, uint32_t seed);

/* Counts an authentic packet and writes the numbers that it gets on the other
 * side into pk.  now: us.  EALREADY: from before the last splice or a wild
 * jump, drop it. */
int track_map(struct track *t, struct packet *pk, uint32_t clock,
	      uint64_t now);
/* Timestamp of something of our own that begins now. */
uint32_t track_now(const struct track *t, uint32_t clock, uint64_t now);
/* Notes what was sent; len: payload bytes. */
void track_sent(struct track *t, const struct packet *pk, uint32_t clock,
		uint64_t len, uint64_t now);
/* The event payload (RFC 4733 2.3) and pk->ts of a packet whose numbers
 * track_map wrote, from clock in to clock out; in_ts as it came. */
void track_event(struct track *t, struct packet *pk, uint32_t in_ts,
		 uint8_t *payload, uint32_t in, uint32_t out, uint64_t now);
/* Extended highest sequence number received (RFC 3550 A.3). */
uint32_t track_ext_seq(const struct track *t);
uint64_t track_lost(const struct track *t); /* never negative */
uint32_t track_jitter_us(const struct track *t);

#endif
