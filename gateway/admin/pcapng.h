/* pcapng.h: messages and packets as a file that Wireshark opens
 * (draft-ietf-opsawg-pcapng).
 *
 * What came by UDP is IP, with the true addresses; the rest is what Wireshark
 * calls an exported PDU, which names the dissector and the addresses. */
#ifndef ADMIN_PCAPNG_H
#define ADMIN_PCAPNG_H

#include "base/trace.h"

struct pcapng_packet {
	uint64_t at; /* us, CLOCK_REALTIME */
	bool tx;
	const struct sa *src, *dst; /* one family, with ports */
	const uint8_t *p;	    /* what UDP carried */
	size_t len;
	const char *comment; /* or NULL */
};

/* The blocks that a file begins with.  All: ENOMEM. */
int pcapng_begin(struct mbuf *mb);
/* EINVAL: addresses that are none. */
int pcapng_udp(struct mbuf *mb, const struct pcapng_packet *pk);
/* XMPP and SIP messages; others are left out. */
int pcapng_message(struct mbuf *mb, const struct trace_entry *e,
		   const char *comment);

#endif
