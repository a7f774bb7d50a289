/* jid.h: XMPP addresses (RFC 7622 by way of RFC 6122's stringprep, D6) and
 * XEP-0106 escaping. */
#ifndef XMPP_JID_H
#define XMPP_JID_H

#include <stdbool.h>
#include <stddef.h>

enum { JID_PART_MAX = 1023, JID_SIZE = 3 * JID_PART_MAX + 3 };

struct pl;
struct re_printf;

struct jid { /* prepared parts, "" when absent; domain is never "" */
	char *local, *domain, *resource;
};

/* The one function that makes JIDs comparable: nodeprep, nameprep,
 * resourceprep (libidn).  Parts are mem_ref strings in *j; free with
 * jid_clear.  EBADMSG: jid-malformed.  ENOMEM. */
int jid_decode(struct jid *j, const char *s, size_t len);
void jid_clear(struct jid *j);

int jid_print(struct re_printf *pf, const struct jid *j); /* full */
int jid_print_bare(struct re_printf *pf, const struct jid *j);
bool jid_equal(const struct jid *a, const struct jid *b);
bool jid_equal_bare(const struct jid *a, const struct jid *b);

/* Is it one that is prepared as it stands?  Its parts are slices of it.  False
 * says nothing. */
bool jid_is_usual(struct pl *bare, struct pl *domain, const char *jid);
/* As jid_print_bare(), to a mem_ref string. */
int jid_text_bare(char **tp, const struct jid *j);
/* "a@b/c" -> mem_ref "a@b", prepared.  EBADMSG, ENOMEM. */
int jid_bare(char **bp, const char *jid);
/* Prepares a domain alone. */
int jid_domain(char **dp, const char *domain);

/* XEP-0106 4.2: text of a local part -> escaped (also '\' where it would read
 * as an escape).  EBADMSG if it begins or ends with a space, is empty or not
 * UTF-8. 4.3: exactly the ten sequences back, nothing else. mem_ref strings. */
int jid_escape(char **dp, const char *s, size_t len);
int jid_unescape(char **dp, const char *s, size_t len);

#endif
