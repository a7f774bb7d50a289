/* trace.h: what went over the wires, in order, for people.
 *
 * One ring for the whole process, the oldest dropped first; messages with the
 * same key (a Call-ID, a Jingle sid, a call's name) are linked, so that those
 * of one call are found without a look at all others.  With [log] trace = yes
 * each message is also logged.  Signalling thread only. */
#ifndef BASE_TRACE_H
#define BASE_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/compat.h"

enum {
	TRACE_SIZE = 16 << 20, /* bytes, unless trace_resize() says other */
	TRACE_SIZE_MIN = 1 << 20,
	TRACE_KEYS_MAX = 8, /* that one question may name */
	TRACE_KEY_MAX = 79, /* bytes of a key that count: as many as calls keep
			     * of a Call-ID */
};

enum trace_kind {
	TRACE_XMPP,
	TRACE_SIP,
	TRACE_MEDIA, /* what became of a call's media, in words */
	TRACE_RTCP,  /* a report as JSON, for collectors: never kept */
};

enum trace_way { TRACE_UDP, TRACE_TCP, TRACE_TLS };

struct trace_message { /* on its way in */
	enum trace_kind kind;
	bool tx;
	enum trace_way way;
	const struct sa *local, *remote; /* NULL: not known */
	const char *peer; /* who, for people; NULL: as remote says */
	struct pl key;	  /* what links it to others; empty: nothing */
	const char *text;
	size_t len;
};

struct trace_entry {
	uint64_t at;  /* us, CLOCK_REALTIME */
	uint64_t pos; /* grows from entry to entry */
	enum trace_kind kind;
	enum trace_way way;
	bool tx;
	bool cut;		 /* the message was longer */
	struct sa local, remote; /* unset: not known */
	const char *peer;	 /* "127.0.0.1:5060", "xmpp.test" */
	const char *key;	 /* "": none */
	const char *text;
	size_t len;
};

const char *trace_kind_name(enum trace_kind kind);
const char *trace_way_name(enum trace_way way);

typedef void(trace_h)(const struct trace_entry *entry, void *arg);

/* What was kept is lost when the size becomes another. 0: nothing is kept. */
void trace_resize(size_t bytes);
size_t trace_size(void);
void trace_set_logged(bool logged);

/* Secrets are blanked before: XMPP handshakes, digest responses, SDES keys. */
void trace_message(const struct trace_message *m);
/* The same without addresses and key. */
void trace_add(enum trace_kind kind, bool tx, const char *peer,
	       const char *text, size_t len);
/* A line of TRACE_MEDIA; key: the call's name. */
void trace_note(const char *key, const char *fmt, ...);

/* Calls h for each entry, oldest first, that contains one of the n needles;
 * all entries when n is 0.  Looks at every byte that is kept. */
void trace_walk(const char *const *needles, size_t n, trace_h *h, void *arg);
/* Calls h for each entry, oldest first, that has one of the n keys. ENOMEM. */
int trace_chain(const char *const *keys, size_t n, trace_h *h, void *arg);
/* The entry after the one at pos or, where that is gone, the oldest; false:
 * there is none. */
bool trace_after(struct trace_entry *e, uint64_t pos);
uint64_t trace_last(void); /* position of the newest */
/* When what was dropped last had come, us; 0: nothing was. All that came
 * before it is gone, too. */
uint64_t trace_dropped(void);
/* Entries looked at by trace_chain() since the start, for tests. */
uint64_t trace_steps(void);

/* A live observer; NULL ends it. */
void trace_watch(trace_h *h, void *arg);

void trace_close(void);

#endif
