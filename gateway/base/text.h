/* text.h: text from one side made harmless for the other. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct re_printf;
struct pl;

/* Reads one character: its length in bytes and its code point.  0 when s does
 * not begin with a well-formed one (surrogate, overlong, cut off, len 0). */
size_t text_utf8_decode(uint32_t *cp, const char *s, size_t len);

/* Is it UTF-8 (no surrogates, no overlong forms, at most U+10FFFF)? */
bool text_is_utf8(const char *s, size_t len);

/* Puts s with its NUL to *at, which becomes what follows it: several strings
 * in one piece of memory.  Returns where it is. */
char *text_put(char **at, const char *s);

/* All texts up to NULL, one behind the other, as a mem_ref string.  Formats
 * cost ten times as much.  ENOMEM. */
int text_join(char **dp, ...) __attribute__((sentinel));

/* C0, DEL or C1: what a terminal could take for a command. */
bool text_is_control(uint32_t cp);

/* The value of a hexadecimal digit, -1 for what is none. */
int text_hex(char c);

/* Printers for %H, argument const struct pl *.  Never fail on bad input:
 * what is not allowed becomes U+FFFD (xml) or a space (sip). */

/* XML 1.0 character data or attribute value: & < > " ' as entities, tab and
 * line ends as character references (so that attribute value normalisation
 * keeps them), other than XML Chars replaced (XML 1.0 2.2). */
int text_print_xml(struct re_printf *pf, const struct pl *text);

/* Contents of a SIP quoted-string (RFC 3261 25.1): \ and " escaped, control,
 * line and direction characters (UAX 9) become a space, invalid UTF-8 becomes
 * '?'. No quotes around. */
int text_print_sip_quoted(struct re_printf *pf, const struct pl *text);

/* User part of a SIP URI (RFC 3261 25.1), argument const char *: what is not a
 * user character is percent-encoded, byte by byte. */
int text_print_sip_user(struct re_printf *pf, const char *user);

/* Would that leave it as it is? */
bool text_is_sip_user(const char *user);

/* A SIP Reason-Phrase / header text: control, line and direction characters
 * become spaces, invalid UTF-8 becomes '?'. */
int text_print_sip(struct re_printf *pf, const struct pl *text);

/* JSON string contents without the quotes (RFC 8259 7); invalid UTF-8 becomes
 * U+FFFD. */
int text_print_json(struct re_printf *pf, const struct pl *text);

/* Log: as log.h escapes. */
int text_print_log(struct re_printf *pf, const struct pl *text);

/* Copies at most max bytes of well-formed UTF-8 without control, line and
 * direction characters (UAX 9), never cutting a character; *dp is a mem_ref
 * string.  Such a character becomes a space, what is not UTF-8 is left out.
 * EINVAL, ENOMEM. */
int text_clean(char **dp, const struct pl *src, size_t max);

#endif
