/* text.h: text from one side made harmless for the other. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

struct re_printf;
struct pl;

/* Is it UTF-8 (no surrogates, no overlong forms, at most U+10FFFF)? */
bool text_is_utf8(const char *s, size_t len);

/* Printers for %H, argument const struct pl *.  Never fail on bad input:
 * what is not allowed becomes U+FFFD (xml) or a space (sip). */

/* XML 1.0 character data or attribute value: & < > " ' as entities, other
 * than XML Chars replaced (XML 1.0 2.2). */
int text_print_xml(struct re_printf *pf, const struct pl *text);

/* Contents of a SIP quoted-string (RFC 3261 25.1): \ and " escaped, control
 * characters become a space, invalid UTF-8 becomes '?'. No quotes around. */
int text_print_sip_quoted(struct re_printf *pf, const struct pl *text);

/* A SIP Reason-Phrase / header text: control characters become spaces. */
int text_print_sip(struct re_printf *pf, const struct pl *text);

/* JSON string contents without the quotes (RFC 8259 7). */
int text_print_json(struct re_printf *pf, const struct pl *text);

/* Log: as log.h escapes. */
int text_print_log(struct re_printf *pf, const struct pl *text);

/* Copies at most max bytes of well-formed UTF-8 without control characters,
 * never cutting a character; *dp is a mem_ref string.  EINVAL, ENOMEM. */
int text_clean(char **dp, const struct pl *src, size_t max);

#endif
