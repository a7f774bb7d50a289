/* reason.h: why something ended, in the words of each protocol (protocol
 * E.5, B.3, B.4): one table, no logic anywhere else. */
#ifndef BRIDGE_REASON_H
#define BRIDGE_REASON_H

#include <stdbool.h>
#include <stddef.h>

enum reason {		   /* XEP-0166 7.4 */
	      REASON_NONE, /* none was given */
	      REASON_ALTERNATIVE_SESSION,
	      REASON_BUSY,
	      REASON_CANCEL,
	      REASON_CONNECTIVITY_ERROR,
	      REASON_DECLINE,
	      REASON_EXPIRED,
	      REASON_FAILED_APPLICATION,
	      REASON_FAILED_TRANSPORT,
	      REASON_GENERAL_ERROR,
	      REASON_GONE,
	      REASON_INCOMPATIBLE_PARAMETERS,
	      REASON_MEDIA_ERROR,
	      REASON_SECURITY_ERROR,
	      REASON_SUCCESS,
	      REASON_TIMEOUT,
	      REASON_UNSUPPORTED_APPLICATIONS,
	      REASON_UNSUPPORTED_TRANSPORTS,
	      REASON_MAX,
};

/* A value.  The leg that ends fills what its protocol said; the other leg
 * derives what its own protocol says from it. */
struct ending {
	enum reason reason;    /* REASON_NONE when only SIP spoke */
	unsigned sip_code;     /* 0: none; 3xx..6xx final response */
	unsigned q850;	       /* 0: none; from a Reason header */
	bool reject;	       /* it was a JMI <reject/> */
	bool full;	       /* the gateway itself has no room or time */
	bool away;	       /* its device is known to be off: SIP's row */
	unsigned decline_code; /* of the trunk; 0: 603 */
	unsigned retry_after;  /* s, 0: none */
	char redirect[128];    /* bare JID that 301, 302 point to; "": none */
	const char *migrated;  /* sid that takes over; during the call only */
	char text[128];	       /* for people, UTF-8, no controls; may be "" */
};

enum reason_phase {
	REASON_UAC,    /* our INVITE is unanswered: CANCEL, no code */
	REASON_UAS,    /* their INVITE is unanswered: a final response */
	REASON_ACTIVE, /* BYE */
};

struct reason_sip {
	unsigned code;	    /* UAS only */
	const char *phrase; /* of code */
	unsigned q850;	    /* 0: no Reason header */
	unsigned warning;   /* 0: no Warning header; 302, 304, 399 .. */
};

/* XMPP (or the gateway's own) ending -> SIP. */
void reason_to_sip(struct reason_sip *out, const struct ending *end,
		   enum reason_phase phase);
/* SIP ending -> Jingle; answered: false before session-accept. */
enum reason reason_to_jingle(const struct ending *end, bool answered);

const char *reason_name(enum reason r); /* "busy"; "" for none */
enum reason reason_find(const char *name, size_t len); /* NONE: unknown */
const char *reason_words(enum reason r); /* "the other side is busy" */

/* SIP code -> Q.850 when only a code is known (RFC 3398 8.2.6.1). */
unsigned reason_q850(unsigned sip_code);
const char *reason_phrase(unsigned sip_code);

/* Stanza errors, RFC 6120 8.3.3. */
enum stanza_cond {
	COND_NONE,
	COND_BAD_REQUEST,
	COND_CONFLICT,
	COND_FEATURE_NOT_IMPLEMENTED,
	COND_FORBIDDEN,
	COND_GONE,
	COND_INTERNAL_SERVER_ERROR,
	COND_ITEM_NOT_FOUND,
	COND_JID_MALFORMED,
	COND_NOT_ACCEPTABLE,
	COND_NOT_ALLOWED,
	COND_NOT_AUTHORIZED,
	COND_POLICY_VIOLATION,
	COND_RECIPIENT_UNAVAILABLE,
	COND_REDIRECT,
	COND_REGISTRATION_REQUIRED,
	COND_REMOTE_SERVER_NOT_FOUND,
	COND_REMOTE_SERVER_TIMEOUT,
	COND_RESOURCE_CONSTRAINT,
	COND_SERVICE_UNAVAILABLE,
	COND_SUBSCRIPTION_REQUIRED,
	COND_UNDEFINED_CONDITION,
	COND_UNEXPECTED_REQUEST,
	COND_MAX,
};
const char *cond_name(enum stanza_cond c);
const char *cond_type(enum stanza_cond c); /* "cancel", "modify" .. */
enum stanza_cond cond_find(const char *name, size_t len);
/* B.3 for INVITE; full: the error is of a full JID. */
unsigned cond_to_sip(enum stanza_cond c, bool full);
enum stanza_cond cond_from_sip(unsigned code); /* B.4 */

#endif
