/* gate.h: what is refused before anything is parsed: floods, sizes, junk.
 *
 * Constant memory whatever the number of sources (hardening 1, "Memory
 * growth by flood").  Nothing here allocates after gate_alloc(). */
#ifndef SIP_GATE_H
#define SIP_GATE_H

#include "base/config.h"

struct gate; /* mem_ref object */

enum gate_verdict {
	GATE_PASS,
	GATE_KEEPALIVE, /* CRLF or nothing at all: RFC 5626 4.4.1 */
	GATE_STUN,	/* RFC 5389 6: first byte 0..3 */
	GATE_SIZE,
	GATE_JUNK, /* does not begin like SIP */
	GATE_RATE,
	GATE_STRANGER, /* no trunk's address: stack.c */
	GATE_RULES,    /* the guard dropped it: stack.c */
	GATE_CONNS,    /* too many TCP connections: stack.c */
	GATE_VERDICTS,
};

int gate_alloc(struct gate **gp, const struct config_limits *limits);

/* They have changed; buckets keep what is in them. */
void gate_limits(struct gate *g, const struct config_limits *limits);

/* Judges one datagram.  known: the source is a trunk's; then only requests
 * that could open something new are paid for from its bucket.  now: ms of a
 * clock that never goes back. */
enum gate_verdict gate_judge(struct gate *g, const struct sa *src,
			     const uint8_t *p, size_t len, bool known,
			     uint64_t now);
/* For a message that came over a stream: only its size and the bucket. */
enum gate_verdict gate_judge_stream(struct gate *g, const struct sa *src,
				    const uint8_t *p, size_t len, bool known,
				    uint64_t now);
const char *gate_verdict_name(enum gate_verdict v); /* "passed" */

#endif
