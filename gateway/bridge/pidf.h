/* pidf.h: presence documents: PIDF (RFC 3863) with RPID (RFC 4480) and
 * dialog-info (RFC 4235), to and from what XMPP says (protocol C.3, D15). */
#ifndef BRIDGE_PIDF_H
#define BRIDGE_PIDF_H

#include "base/compat.h"

enum pidf_show { /* RFC 6121 4.7.2.1, the less reachable the higher */
		 PIDF_SHOW_NONE,
		 PIDF_SHOW_CHAT,
		 PIDF_SHOW_AWAY,
		 PIDF_SHOW_XA,
		 PIDF_SHOW_DND,
		 PIDF_SHOW_MAX,
};
const char *pidf_show_name(enum pidf_show show); /* "" for none */
enum pidf_show pidf_show_find(const char *name); /* unknown: none */

struct pidf_status { /* what one side shows; strings are mem_ref'd */
	bool open;
	bool phone; /* on the phone */
	enum pidf_show show;
	int priority; /* -128..127 */
	char *text;   /* NULL: none */
	char *lang;   /* of text; NULL: none */
};
void pidf_status_clear(struct pidf_status *st);
bool pidf_status_equal(const struct pidf_status *a,
		       const struct pidf_status *b);

/* The best tuple of a document: open before closed, then by priority.
 * EBADMSG, ENOMEM. */
int pidf_decode(struct pidf_status *st, const char *text, size_t len);

struct pidf_tuple {
	const char *id; /* without "ID-" */
	const struct pidf_status *status;
};
struct pidf_document {
	const char *entity; /* "alice@example.com", without a scheme */
	const struct pidf_tuple *tuples;
	size_t tuplec; /* 0: one that is closed */
	bool phone;
};
int pidf_encode(struct mbuf *mb, const struct pidf_document *doc);

/* <priority/> <-> q in thousandths; negative ones have none. */
unsigned pidf_q(int priority);
int pidf_priority(unsigned q);

enum { DIALOGINFO_MAX = 8 };
struct dialoginfo { /* which calls a phone has; zeroed at first */
	uint32_t version;
	bool known;
	uint32_t ids[DIALOGINFO_MAX]; /* hashed */
	unsigned idc;
};
/* EBADMSG; ENOENT: documents were lost, ask for the full state. */
int dialoginfo_decode(struct dialoginfo *di, const char *text, size_t len);
bool dialoginfo_busy(const struct dialoginfo *di);

#endif
