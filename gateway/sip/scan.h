/* scan.h: the head of a SIP message cut into lines, before anything of libre
 * looks at it: no allocation, no copies, every field a slice. */
#ifndef SIP_SCAN_H
#define SIP_SCAN_H

#include "base/compat.h"

enum { SIPSCAN_VIAS = 70 }; /* RFC 3261 8.1.1.6: no more hops than that */

enum sipscan_id {
	SCAN_VIA,
	SCAN_FROM,
	SCAN_TO,
	SCAN_CALL_ID,
	SCAN_CSEQ,
	SCAN_MAX_FORWARDS,
	SCAN_MAX_BREADTH,
	SCAN_CONTENT_LENGTH,
	SCAN_CONTENT_TYPE,
	SCAN_CONTACT,
	SCAN_REQUIRE,
	SCAN_PROXY_REQUIRE,
	SCAN_ROUTE,
	SCAN_OTHER,
	SCAN_IDS = SCAN_OTHER,
};

struct sipscan {
	bool req;
	bool spaced;	   /* white space where the start line has none */
	struct pl method;  /* requests */
	struct pl uri;	   /* requests; everything between the outer spaces */
	struct pl version; /* "SIP/2.0" */
	unsigned code;	   /* responses */
	struct pl first[SCAN_IDS];   /* value of the first of each name */
	unsigned count[SCAN_IDS];    /* header lines of that name */
	struct pl via[SIPSCAN_VIAS]; /* Via lines in order */
	unsigned headers;
	bool bad;	/* a header line that is none, a NUL, a bare CR */
	bool ended;	/* the empty line was there */
	struct pl body; /* all that follows it */
};

/* EBADMSG: the start line is not SIP.  What is wrong further down is told by
 * bad and ended, so that there is something to answer with. */
int sipscan_decode(struct sipscan *s, const char *p, size_t len);

/* Calls h for each comma-separated value of every line called name (quotes
 * and angle brackets respected); stops when h returns true. */
typedef bool(sipscan_value_h)(const struct pl *value, void *arg);
bool sipscan_values(const struct pl *line, sipscan_value_h *h, void *arg);
/* The same over all header lines with this id. */
bool sipscan_each(const struct sipscan *s, enum sipscan_id id,
		  sipscan_value_h *h, void *arg);

bool sipscan_is_token(const struct pl *p);
void sipscan_trim(struct pl *p); /* white space at both ends, folds too */
/* 1*DIGIT without sign that fits max, nothing else. */
bool sipscan_number(const struct pl *p, uint64_t max, uint64_t *n);
/* The digits that "120 (comment);duration=.." begins with, no more than max;
 * false: there are none. */
bool sipscan_seconds(const struct pl *p, uint64_t max, uint64_t *n);
/* ";name=value", as libre's msg_param_decode() reads it, but quotes stay. */
bool sipscan_param(struct pl *val, const struct pl *value, const char *name);
/* Of a whole message, for who needs nothing else; l 0: none.  One that is
 * folded ends with its line. */
struct pl sipscan_call_id(const char *p, size_t len);
/* RFC 3261 20.33, no more than max; 0: none. */
unsigned sipscan_retry_after(const struct sip_msg *msg, unsigned max);

#endif
