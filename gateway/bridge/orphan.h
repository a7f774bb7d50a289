/* orphan.h: calls that outlive their process on both sides: noted while they
 * run, told of the end by the next process. */
#ifndef BRIDGE_ORPHAN_H
#define BRIDGE_ORPHAN_H

#include "bridge/leg.h"

struct call;

struct orphan_info { /* as noted; strings may be NULL */
	const char *name, *trunk, *user, *as, *peer, *peer_jid;
	bool from_xmpp;
	uint64_t begun;	  /* ms, CLOCK_REALTIME */
	uint64_t talking; /* ms after that it was answered; 0: never */
	uint64_t alive;	  /* ms, CLOCK_REALTIME: its process was alive */
};
typedef void(orphan_h)(const struct orphan_info *info, void *arg);

/* Reads what a process before this one has left in the file, calls h for each
 * of its calls, and begins to tell both sides, each as soon as it can be
 * reached; notes the calls of this process there from now on, as many as room
 * says.  After calls_start(). */
int orphans_open(const char *path, unsigned room, orphan_h *h, void *arg);
/* After the last call. */
void orphans_close(void);

/* The call has changed; it is over. */
void orphan_note(struct call *call);
void orphan_forget(struct call *call);

/* Its notes as bytes. */
struct orphan; /* mem_ref object */
int orphan_decode(struct orphan **op, const uint8_t *p, size_t len);
const char *orphan_get(const char *key, unsigned n, const void *orphan);

#endif
