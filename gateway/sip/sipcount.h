/* sipcount.h: SIP messages, and those that were refused, since the start. */
#ifndef SIP_SIPCOUNT_H
#define SIP_SIPCOUNT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "sip/gate.h"
#include "sip/refuse.h"

enum {
	SIPCOUNT_METHODS = 14, /* the last: any other */
	SIPCOUNT_CLASSES = 6,  /* 1xx .. 6xx */
};

struct sip_counts { /* [0]: received, [1]: sent; retransmissions too */
	uint64_t requests[2][SIPCOUNT_METHODS];
	uint64_t responses[2][SIPCOUNT_CLASSES];
	uint64_t bytes[2];
	uint64_t refused[REFUSE_WHYS];
	uint64_t gate[GATE_VERDICTS]; /* datagrams and streams' messages */
};
extern struct sip_counts sip_counts;

void sipcount_message(bool tx, const char *p, size_t len);
const char *sipcount_method(unsigned i); /* "INVITE"; "other" */

#endif
