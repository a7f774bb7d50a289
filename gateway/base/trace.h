/* trace.h: what went over the wires, in order, for people.
 *
 * A ring of the newest TRACE_SIZE bytes of text; with [log] trace = yes each
 * message is also logged.  Signalling thread only. */
#ifndef BASE_TRACE_H
#define BASE_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TRACE_SIZE = 4 << 20 }; /* bytes */

enum trace_kind { TRACE_XMPP, TRACE_SIP };

struct trace_entry {
	uint64_t at; /* ms, CLOCK_REALTIME */
	enum trace_kind kind;
	bool tx;
	const char *peer; /* "127.0.0.1:5060", "xmpp.test" */
	const char *text;
	size_t len;
};

const char *trace_kind_name(enum trace_kind kind);

typedef void(trace_h)(const struct trace_entry *entry, void *arg);

void trace_set_logged(bool logged);

/* Secrets are blanked before: XMPP handshakes, digest responses, SDES keys. */
void trace_add(enum trace_kind kind, bool tx, const char *peer,
	       const char *text, size_t len);

/* Calls h for each entry, oldest first, that contains one of the n needles
 * (Call-ID, Jingle sid, JMI id ..); all entries when n is 0. */
void trace_walk(const char *const *needles, size_t n, trace_h *h, void *arg);

/* A live observer (stoxctl trace); NULL ends it. */
void trace_watch(trace_h *h, void *arg);

void trace_close(void);

#endif
