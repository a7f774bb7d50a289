/* notifier.h: subscriptions of others to what we know (RFC 6665 4.2, RFC 3856
 * 6): dialogs, their times, and NOTIFYs that are not too many.  Who may see
 * what is said elsewhere.  Signalling thread only. */
#ifndef SIP_NOTIFIER_H
#define SIP_NOTIFIER_H

#include "bridge/leg.h"
#include "sip/stack.h"

struct notifier; /* all watchers of a stack; a mem_ref object */
struct watcher;	 /* one of them; a mem_ref object */

struct notifier_request {
	struct siptrunk *trunk;
	const struct peer *caller; /* who watches */
	const char *uri;	   /* whom: the Request-URI */
	bool fetch;		   /* once, Expires 0 */
};

enum watcher_gone {
	WATCHER_LEFT,	 /* Expires 0 */
	WATCHER_EXPIRED, /* not renewed in time */
	WATCHER_LOST,	 /* takes no NOTIFY any more */
};

struct notifier_handlers {
	/* A new one, pending.  0 and *wargp, or the code to refuse with; it is
	 * held by the notifier until gone() or watcher_end(). */
	unsigned (*subscribe)(struct watcher *w,
			      const struct notifier_request *rq, void **wargp,
			      void *arg);
	/* The document for it as it is now; closed: its last.  Nothing printed:
	 * nothing is known. */
	int (*print)(struct mbuf *mb, bool closed, void *warg);
	void (*gone)(struct watcher *w, enum watcher_gone why, void *warg);
};

int notifier_alloc(struct notifier **np, struct sipstack *stack,
		   const struct config_presence *conf,
		   const struct notifier_handlers *h, void *arg);
/* Forgets all without a word: before the last reference goes. */
void notifier_close(struct notifier *n);
unsigned notifier_count(const struct notifier *n);

/* From pending to active; a NOTIFY goes out at once. */
void watcher_accept(struct watcher *w);
/* Something is new: a NOTIFY, not more often than the spacing. */
void watcher_changed(struct watcher *w);
/* NOTIFY terminated;reason=..; body: with the document.  gone() is not
 * called. */
void watcher_end(struct watcher *w, const char *reason, bool body);

/* Expires that is granted for what was asked: s. Pure. */
unsigned notifier_expires(uint64_t asked, const struct config_presence *conf);

#endif
