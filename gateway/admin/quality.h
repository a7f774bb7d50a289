/* quality.h: how calls sound, from the counters of their media: loss, jitter,
 * round trip and an estimate of MOS, the last minutes of them.
 *
 * Fixed memory: of more than QUALITY_CALLS calls at once the rest has none. */
#ifndef ADMIN_QUALITY_H
#define ADMIN_QUALITY_H

#include "bridge/call.h"

enum {
	QUALITY_CALLS = 200,
	QUALITY_POINTS = 60,
	QUALITY_EVERY = 5, /* s between two points */
};

struct quality_side {
	unsigned loss;	      /* per mille of what should have come */
	unsigned jitter, rtt; /* ms; rtt 0: unknown */
};

struct quality_now {
	struct quality_side x, s; /* as received from XMPP, from SIP */
	unsigned mos;		  /* tenths; 0: nothing came yet */
};

struct quality_point {
	uint8_t mos; /* tenths */
	uint16_t loss, jitter, rtt;
};

struct quality; /* mem_ref object */

int quality_alloc(struct quality **qp);
/* Once a second for each call, between begin and end, the latter of which
 * forgets calls that were not there; point: keeps a point of the curve.  false:
 * there is no place for this call. */
void quality_begin(struct quality *q);
bool quality_add(struct quality *q, const struct call_info *info, bool point,
		 struct quality_now *now);
void quality_end(struct quality *q);
/* Calls h for each call, its points oldest first. */
typedef void(quality_h)(const char *name, const struct quality_point *v,
			unsigned n, void *arg);
void quality_walk(const struct quality *q, quality_h *h, void *arg);

/* The E-model (ITU-T G.107) with what G.113 says of codecs ("opus/48000"), in
 * tenths, 10 to 45.  loss: per mille; jitter, rtt: ms. */
unsigned quality_mos(const char *codec, unsigned loss, unsigned jitter,
		     unsigned rtt);

#endif
