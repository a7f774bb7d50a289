/* webreq.h: what an HTTP request says, judged before anything acts on it.
 *
 * Pure functions on strings that anybody may have sent. */
#ifndef ADMIN_WEBREQ_H
#define ADMIN_WEBREQ_H

#include <stdbool.h>
#include <stddef.h>

enum {
	WEBREQ_URI_MAX = 1024, /* bytes, as sent */
	WEBREQ_WORDS_MAX = 12, /* of a path */
	WEBREQ_TOKEN_MIN = 16, /* characters: 64 bits at the very least */
	WEBREQ_TOKEN_MAX = 256,
};

struct webreq_path {
	size_t wordc;  /* of the path */
	size_t queryc; /* "name=value"; they follow those in wordv */
	const char *wordv[WEBREQ_WORDS_MAX]; /* decoded; in buf */
	char buf[WEBREQ_URI_MAX + 1];
};

/* The words of "/a/b%20c?d=e&f=g": "a", "b c" and "d=e", "f=g".  Each is well-formed UTF-8 without
 * control characters, not empty and neither "." nor "..".  EBADMSG: not such a
 * target; E2BIG: too long, or too many words. */
int webreq_path_decode(struct webreq_path *path, const char *target);

/* "Bearer TOKEN" (RFC 6750 2.1): does it name one of the two?  Both are always
 * looked at, in constant time; NULL: none is configured.  auth NULL: no. */
struct webreq_scope {
	bool read, write;
};
struct webreq_scope webreq_token(const char *auth, const char *read_token,
				 const char *write_token);
/* Is it of the length and the characters that a header can carry? */
bool webreq_token_is_valid(const char *token);

/* A page of elsewhere whose name was pointed at us says that name in Host.
 * Addresses and localhost are fine, other names only where named is true: where
 * a token protects what there is. */
bool webreq_host_is_ours(const char *host, bool named);
/* RFC 6454: is it of the very page that we served?  NULL: no browser sent it,
 * or not across origins. */
bool webreq_origin_is_ours(const char *origin, const char *host);
/* Does a list like "gzip, br;q=0.5" accept gzip (RFC 9110 12.5.3)? */
bool webreq_accepts_gzip(const char *accept);

#endif
