/* notifier_priv.h: what the two halves of the notifier share: notifier.c takes
 * SUBSCRIBEs, notify.c sends NOTIFYs. */
#ifndef SIP_NOTIFIER_PRIV_H
#define SIP_NOTIFIER_PRIV_H

#include "sip/invite_priv.h"
#include "sip/notifier.h"

struct notifier {
	struct hash *ht;
	struct sipstack *stack;		    /* not referenced */
	const struct config_presence *conf; /* not referenced */
	const struct notifier_handlers *h;
	void *arg;
	unsigned count;
};

struct watcher {
	struct le he;	    /* of notifier->ht, which holds a reference */
	struct notifier *n; /* not referenced; NULL: forgotten */
	struct siptrunk *trunk;
	void *warg;
	struct sip_request *req; /* the NOTIFY that is open */
	struct sipdlg *dlg;
	char *callid, *local, *contact;
	char *event; /* "presence", or "presence;id=7" */
	char ltag[17];
	struct tmr tmr_end, tmr_next;
	uint64_t until;	   /* ms; the end of what was granted */
	uint64_t last;	   /* ms; of the last NOTIFY; 0: none */
	const char *final; /* reason of the last NOTIFY; NULL: none yet */
	uint8_t tries;
	uint32_t asked; /* the digest's serial of the last NOTIFY */
	bool active, dirty, fetch, body, ended;
};

/* notifier.c */
/* Tells the owner, and forgets it. */
void notifier_lose(struct watcher *w, enum watcher_gone why);
void notifier_unlink(struct watcher *w);

/* notify.c */
/* Now, whatever the spacing; what is open is followed by another one. */
void notifier_notify(struct watcher *w);

#endif
