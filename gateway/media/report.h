/* report.h: RTCP carried over from one side to the other (RFC 3550 6, 3611,
 * 4585, 5104), and reports of our own.
 *
 * What is said about our SSRCs becomes about the ones that they stand for;
 * sequence numbers and timestamps follow.  NTP times pass unchanged, so that
 * LSR and DLSR measure end to end.  CNAMEs are ours; what cannot be mapped is
 * left out.  Output is always a full compound packet. */
#ifndef MEDIA_REPORT_H
#define MEDIA_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "media/track.h"

enum {
	REPORT_INTERVAL = 5000000, /* us; RFC 3550 6.2 minimum */
	REPORT_MAX = 1200,	   /* bytes of a compound of ours */
};

struct report_map {
	struct track *fwd; /* packets that go the way of this RTCP */
	struct track *rev; /* packets that it reports on */
	const char *cname; /* at most 32 characters */
	bool video;	   /* picture feedback passes */
	uint64_t now;	   /* us, CLOCK_MONOTONIC */
};

/* Structure only: is this a compound packet with sane lengths? EBADMSG. */
int report_check(const uint8_t *p, size_t len);
/* Writes what of in concerns the two tracks into out (REPORT_MAX bytes);
 * *outlen 0: nothing does.  Notes SRs and round trips in the tracks.  EBADMSG
 * as report_check. */
int report_translate(uint8_t *out, size_t *outlen, const uint8_t *in,
		     size_t len, const struct report_map *map);
/* SR or RR and SDES from our own counters, to the one who receives fwd.
 * ntp: 64 bits of NTP time. */
size_t report_make(uint8_t *out, const struct report_map *map, uint64_t ntp);
uint64_t report_ntp(void); /* now, CLOCK_REALTIME */

#endif
