/* number.h: what digits mean (ITU-T E.164, RFC 3966), without any state. */
#ifndef BRIDGE_NUMBER_H
#define BRIDGE_NUMBER_H

#include "base/config.h"

enum {
	NUMBER_MAX = 64,    /* bytes, with the NUL */
	NUMBER_DIGITS = 15, /* ITU-T E.164 6.2.1 */
};

enum number_kind {
	NUMBER_NAME,   /* no number: "bob" */
	NUMBER_SHORT,  /* a short code or an extension */
	NUMBER_LOCAL,  /* a number, but nobody said of where */
	NUMBER_GLOBAL, /* "+49.." */
};

struct number {
	enum number_kind kind;
	char text[NUMBER_MAX];	  /* without separators; "" for a name */
	char dialled[NUMBER_MAX]; /* the same before its place was found */
};

/* Reads what somebody dialled, or an address of SIP.  EBADMSG: begins as a
 * number and is none: too long, or +0. */
int number_decode(struct number *n, const struct config_numbers *rules,
		  const char *dialled);

/* A number of the world as this place dials it; others as they are.  text: of
 * NUMBER_MAX bytes.  EOVERFLOW. */
int number_encode(char *text, const struct number *n,
		  const struct config_numbers *rules, enum config_dial dial,
		  const char *strip, const char *add);

const char *number_kind_name(enum number_kind kind);

#endif
