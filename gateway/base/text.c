/* text.c: UTF-8, and escaping for each of the languages that we print. */
#include "base/text.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "base/compat.h"

/* Deliberate bugs, one a number, that fuzzing must find. */
#ifndef PLANT
#define PLANT 0
#endif

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

/* RFC 3629 4: the first byte says how many follow, and bounds the second. */
static const struct lead {
	uint8_t first, last;
	uint8_t len;
	uint8_t min, max; /* of the second byte */
} leads[] = {
    {0x00, 0x7f, 1, 0x00, 0x00}, {0xc2, 0xdf, 2, 0x80, 0xbf},
    {0xe0, 0xe0, 3, 0xa0, 0xbf}, {0xe1, 0xec, 3, 0x80, 0xbf},
    {0xed, 0xed, 3, 0x80, 0x9f}, {0xee, 0xef, 3, 0x80, 0xbf},
    {0xf0, 0xf0, 4, 0x90, 0xbf}, {0xf1, 0xf3, 4, 0x80, 0xbf},
    {0xf4, 0xf4, 4, 0x80, 0x8f},
};

static const struct lead *lead_find(uint8_t c)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(leads); i++) {
		if (c >= leads[i].first && c <= leads[i].last)
			return &leads[i];
	}

	return NULL;
}

size_t text_utf8_decode(uint32_t *cp, const char *s, size_t len)
{
	/* payload bits of the first byte, by length */
	static const uint8_t mask[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
	const struct lead *lead;
	uint32_t v;
	size_t i;

	if (len && !(s[0] & 0x80)) { /* nearly all that ever comes */
		*cp = (uint8_t)s[0];
		return 1;
	}

	lead = len ? lead_find((uint8_t)s[0]) : NULL;
	if (!lead || (lead->len > len && PLANT != 1))
		return 0;

	v = (uint8_t)s[0] & mask[lead->len];

	for (i = 1; i < lead->len; i++) {
		uint8_t c = (uint8_t)s[i];

		if (c < (i == 1 ? lead->min : 0x80) ||
		    c > (i == 1 ? lead->max : 0xbf))
			return 0;

		v = v << 6 | (c & 0x3f);
	}

	*cp = v;

	return lead->len;
}

bool text_is_utf8(const char *s, size_t len)
{
	uint32_t cp;
	size_t n;

	for (; len; s += n, len -= n) {
		for (; len && !(*s & 0x80); s++, len--)
			;
		if (!len)
			break;
		n = text_utf8_decode(&cp, s, len);
		if (!n)
			return false;
	}

	return true;
}

char *text_put(char **at, const char *s)
{
	const size_t size = strlen(s) + 1;
	char *p = memcpy(*at, s, size);

	*at += size;

	return p;
}

int text_join(char **dp, ...)
{
	size_t len = 0;
	const char *s;
	va_list ap;
	char *d;

	va_start(ap, dp);
	while ((s = va_arg(ap, const char *)) != NULL)
		len += strlen(s);
	va_end(ap);

	d = mem_alloc(len + 1, NULL);
	if (!d)
		return ENOMEM;

	*dp = d;
	va_start(ap, dp);
	while ((s = va_arg(ap, const char *)) != NULL)
		d = stpcpy(d, s);
	va_end(ap);
	*d = '\0';

	return 0;
}

int text_hex(char c)
{
	return isxdigit((unsigned char)c) ? ch_hex(c) : -1;
}

bool text_is_control(uint32_t cp)
{
	return cp < 0x20 || (cp >= 0x7f && cp < 0xa0);
}

/* Ends a line (U+2028, U+2029) or reverses what stands beside it (UAX 9:
 * embeddings, overrides, isolates): names must not do that to their reader. */
static bool is_unruly(uint32_t cp)
{
	return text_is_control(cp) || (cp >= 0x2028 && cp <= 0x202e) ||
	       (cp >= 0x2066 && cp <= 0x2069);
}

/* What a language prints instead of one character; NULL: the character itself.
 * buf is room for it.  bad: this byte is not UTF-8, cp is its value. */
typedef const char *(escape_h)(char buf[16], uint32_t cp, bool bad);

#define BIT(c) ((uint64_t)1 << ((c)&63))

/* Which no language prints otherwise. */
static bool is_plain(char c)
{
	static const uint64_t plain[4] = {
	    ~(uint64_t)0 << ' ' & ~BIT('"') & ~BIT('&') & ~BIT('\'') &
		~BIT('<') & ~BIT('>'),
	    ~BIT('\\') & ~BIT(0x7f),
	};

	return plain[(uint8_t)c >> 6] & BIT(c);
}

/* Runs of harmless characters go out in one piece: most text is only that. */
static int escape_print(struct re_printf *pf, const struct pl *text,
			escape_h *eh)
{
	const char *s, *end, *run;
	int err = 0;

	if (!text || !text->p)
		return 0;

	run = s = text->p;
	end = s + text->l;

	while (!err) {
		const char *esc;
		uint32_t cp;
		char buf[16];
		size_t n;

		while (s < end && is_plain(*s))
			s++;
		if (s == end)
			break;

		cp = (uint8_t)*s;
		n = text_utf8_decode(&cp, s, (size_t)(end - s));
		esc = eh(buf, cp, n == 0);
		n = n ? n : 1;

		if (esc) {
			err = pf->vph(run, (size_t)(s - run), pf->arg);
			if (!err)
				err = pf->vph(esc, strlen(esc), pf->arg);
			run = s + n;
		}

		s += n;
	}

	return err ? err : pf->vph(run, (size_t)(end - run), pf->arg);
}

/* XML 1.0 2.2: Char */
static bool xml_is_char(uint32_t cp)
{
	return cp == '\t' || cp == '\n' || cp == '\r' ||
	       (cp >= 0x20 && cp != 0xfffe && cp != 0xffff);
}

static const char *xml_escape(char buf[16], uint32_t cp, bool bad)
{
	(void)buf;

	if (bad || !xml_is_char(cp))
		return REPLACEMENT;

	switch (cp) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	case '\'':
		return "&apos;";
	case '\t':
		return "&#9;";
	case '\n':
		return "&#10;";
	case '\r':
		return "&#13;";
	default:
		return NULL;
	}
}

int text_print_xml(struct re_printf *pf, const struct pl *text)
{
	return escape_print(pf, text, xml_escape);
}

static const char *phrase_escape(char buf[16], uint32_t cp, bool bad)
{
	(void)buf;

	if (bad)
		return "?";

	return is_unruly(cp) ? " " : NULL;
}

static const char *quoted_escape(char buf[16], uint32_t cp, bool bad)
{
	if (cp == '\\')
		return "\\\\";
	if (cp == '"')
		return "\\\"";

	return phrase_escape(buf, cp, bad);
}

int text_print_sip_quoted(struct re_printf *pf, const struct pl *text)
{
	return escape_print(pf, text, quoted_escape);
}

int text_print_sip(struct re_printf *pf, const struct pl *text)
{
	return escape_print(pf, text, phrase_escape);
}

static const char *json_escape(char buf[16], uint32_t cp, bool bad)
{
	if (bad)
		return REPLACEMENT;

	switch (cp) {
	case '"':
		return "\\\"";
	case '\\':
		return "\\\\";
	case '\n':
		return "\\n";
	case '\r':
		return "\\r";
	case '\t':
		return "\\t";
	default:
		break;
	}

	if (!text_is_control(cp))
		return NULL;

	(void)re_snprintf(buf, 16, "\\u%04x", cp);

	return buf;
}

int text_print_json(struct re_printf *pf, const struct pl *text)
{
	return escape_print(pf, text, json_escape);
}

/* Bytes that are no UTF-8 too: journald hides a whole line that has one. */
static const char *log_escape(char buf[16], uint32_t cp, bool bad)
{
	if (!bad && !text_is_control(cp))
		return NULL;

	if (!bad && cp >= 0x80) /* C1 is two bytes */
		(void)re_snprintf(buf, 16, "\\xc2\\x%02x", cp);
	else
		(void)re_snprintf(buf, 16, "\\x%02x", cp);

	return buf;
}

int text_print_log(struct re_printf *pf, const struct pl *text)
{
	return escape_print(pf, text, log_escape);
}

int text_clean(char **dp, const struct pl *src, size_t max)
{
	size_t len = 0, i, n;
	char *d;

	if (!dp || !src || (!src->p && src->l))
		return EINVAL;

	d = mem_alloc((src->l < max ? src->l : max) + 1, NULL);
	if (!d)
		return ENOMEM;

	for (i = 0; i < src->l; i += n) {
		uint32_t cp;
		size_t add;

		n = text_utf8_decode(&cp, src->p + i, src->l - i);
		if (!n) {
			n = 1;
			continue;
		}

		add = is_unruly(cp) ? 1 : n;
		if (add > max - len && PLANT != 2)
			break;

		memcpy(d + len, is_unruly(cp) ? " " : src->p + i, add);
		len += add;
	}

	d[len] = '\0';
	*dp = d;

	return 0;
}

/* RFC 3261 25.1: user = unreserved / escaped / user-unreserved.  How many
 * characters of it need no escape. */
static size_t user_span(const char *user)
{
	return strspn(user, "0123456789abcdefghijklmnopqrstuvwxyz"
			    "ABCDEFGHIJKLMNOPQRSTUVWXYZ-_.!~*'()&=+$,;?/");
}

bool text_is_sip_user(const char *user)
{
	return !user[user_span(user)];
}

int text_print_sip_user(struct re_printf *pf, const char *user)
{
	int err = 0;

	while (*user && !err) {
		const size_t n = user_span(user);

		if (n)
			err = pf->vph(user, n, pf->arg);
		user += n;
		if (*user && !err)
			err = re_hprintf(pf, "%%%02X", (unsigned char)*user++);
	}

	return err;
}
