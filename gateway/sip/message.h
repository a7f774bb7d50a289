/* message.h: MESSAGE outside any dialog, both ways (RFC 3428). */
#ifndef SIP_MESSAGE_H
#define SIP_MESSAGE_H

#include "bridge/leg.h"
#include "sip/stack.h"

enum {
	MESSAGE_UDP_MAX = 1300,	     /* bytes of a request; RFC 3428 8 */
	MESSAGE_TCP_MAX = 16 * 1024, /* the same by TCP or TLS; D19 */
	MESSAGE_HASH_SIZE = 21,	     /* 20 hex digits and a NUL */
};

/* ---- ours ---- */

struct message; /* one under way; mem_ref object, mem_deref abandons it */

struct message_conf { /* strings are read in the call only */
	const struct sipstack *stack;
	struct siptrunk *trunk;
	const char *uri;		  /* Request-URI and To */
	const char *from_uri, *from_name; /* from_name may be NULL */
	const char *callid, *tag;
	uint32_t cseq;	  /* one more for each challenge that is met */
	const char *type; /* of the content: a whole Content-Type value */
	const char *subject, *lang; /* NULL: none */
	const char *body;
	size_t len;
	bool large; /* more than MESSAGE_UDP_MAX may go by TCP or TLS */
};

struct message_result {
	/* 0: code says it; EMSGSIZE: never sent, room bytes of body would fit;
	 * ETIMEDOUT: sent, and no word; other: no target could be reached. */
	int err;
	unsigned code;
	struct pl phrase;
	unsigned retry_after; /* s; 0: none */
	bool accept;	      /* it has an Accept header, .. */
	bool cpim, composing; /* .. which names these */
	struct pl contact;    /* URI of the first Contact; .l 0: none */
	size_t room;
	uint32_t cseq; /* the last that was used */
};

/* Once, unless abandoned; the message may be mem_deref'd in it. */
typedef void(message_h)(const struct message_result *r, void *arg);

/* Tries one target after the other (2 s of silence, 503, a transport that
 * fails), answers a challenge, and tells h later, never from within.  EBADMSG:
 * a URI that could break out of its brackets.  ENOMEM. */
int message_send(struct message **mp, const struct message_conf *conf,
		 message_h *h, void *arg);

/* ---- theirs ---- */

struct messages; /* takes them; mem_ref object */

struct message_in { /* slices point into the request */
	struct siptrunk *trunk;
	const char *ruri;
	const struct peer *from; /* uri, name */
	bool verified;
	struct pl callid;
	char hash[MESSAGE_HASH_SIZE];	  /* of Call-ID, From tag and CSeq */
	struct pl type, subtype, charset; /* .l 0: none */
	struct pl encoding, lang, subject;
	struct pl body;
};

struct message_reply {
	unsigned code;
	const char *phrase;   /* NULL: that of the code */
	unsigned retry_after; /* s; 0: none */
	const char *headers;  /* whole lines; NULL: none */
};

/* Fills *r; each request comes once, whatever its retransmissions and forks. */
typedef void(message_in_h)(const struct message_in *in,
			   struct message_reply *r, void *arg);

int messages_alloc(struct messages **mp, struct sipstack *s, message_in_h *h,
		   void *arg);

#endif
