/* subscribe_priv.h: what the two halves of subscriptions of ours share:
 * subscribe.c asks, subscribe_recv.c hears. */
#ifndef SIP_SUBSCRIBE_PRIV_H
#define SIP_SUBSCRIBE_PRIV_H

#include "sip/invite_priv.h"
#include "sip/subscribe.h"
#include "sip/udptx.h"

enum subscribe_state {
	SUBSCRIBE_ASKING,   /* no final response, no NOTIFY */
	SUBSCRIBE_ACCEPTED, /* 2xx, no NOTIFY yet */
	SUBSCRIBE_PENDING,
	SUBSCRIBE_ACTIVE,
	SUBSCRIBE_LEAVING, /* Expires 0 is out, or will be */
	SUBSCRIBE_ENDED,
};

struct subscribers {
	struct hash *ht;
	struct sipstack *stack; /* not referenced */
	unsigned n;
	bool closing;
};

struct subscription {
	struct le he;		 /* of all->ht */
	struct subscribers *all; /* not referenced; NULL: forgotten */
	struct siptrunk *trunk;	 /* not referenced: as long as the stack */
	const struct subscribe_package *package;
	const struct subscribe_handlers *h; /* NULL: nobody listens */
	void *arg;
	union {
		struct udptx *udp;
		struct sip_request *stream;
		void *any; /* NULL: none is open */
	} req;
	struct sipdlg *dlg; /* NULL: none yet */
	const char *uri;    /* in text .. */
	const char *local;  /* .. too; From value with tag */
	char *contact;
	struct hop hop;
	struct tmr tmr;	  /* due, then its end */
	struct tmr tmr_n; /* silence, then Timer N */
	char callid[25], ltag[13];
	uint32_t lseq, asked; /* the digest's serial of the last one */
	unsigned expires;     /* s, asked for */
	unsigned answer;      /* s */
	uint64_t until;	      /* ms; what was granted ends */
	uint8_t state, nth, tries;
	bool heard, fetch, orphan;
	bool left;	   /* Expires 0 is out */
	bool refreshed;	   /* at least once */
	uint32_t again[2]; /* keyed hashes of the last NOTIFYs' branches */
	char text[];
};

/* subscribe.c */
void subscribe_enter(struct subscription *sub, enum subscribe_state st);
/* Tells the owner once, then nobody. */
void subscribe_close(struct subscription *sub,
		     const struct subscribe_end *end);
/* 2 s: then the next target, or the owner is told */
void subscribe_listen(struct subscription *sub);
void subscribe_n_timeout(void *arg);
int subscribe_send(struct subscription *sub);
/* Lasts s seconds from now, at most. */
void subscribe_granted(struct subscription *sub, unsigned s);

/* subscribe_recv.c */
void subscribe_response(int err, const struct sip_msg *msg, void *arg);
bool subscribe_notify(const struct sip_msg *msg, void *arg);

#endif
