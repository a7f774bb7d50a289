/* trace_blank.c: secrets in messages, blanked before they are kept. */
#include <ctype.h>
#include <string.h>
#include <strings.h>
#include "base/trace_int.h"

/* Deliberate bugs, one a number, that fuzzing must find. */
#ifndef PLANT
#define PLANT 0
#endif

/* Where a secret begins, and what ends it.  A header is looked for only at
 * the start of a line, its parameters to the end of that line. */
static const struct secret {
	const char *header; /* NULL: anywhere */
	const char *begin;
	const char *stop; /* characters that end it */
	const char *skip; /* it begins after these, one after the other */
} secrets[] = {
    {NULL, "<handshake", "<", ">"},	    /* XEP-0114 3 */
    {NULL, "<password", "<", ">"},	    /* XEP-0077, 0215 */
    {NULL, "var='password'", "<", ">>"},    /* XEP-0004 3.2: field, value */
    {NULL, "var=\"password\"", "<", ">>"},  /* ditto */
    {NULL, "password='", "'", ""},	    /* XEP-0215 3.1 */
    {NULL, "password=\"", "\"", ""},	    /* ditto */
    {NULL, "key-params='", "'", ""},	    /* XEP-0167 7 */
    {NULL, "key-params=\"", "\"", ""},	    /* ditto */
    {NULL, "inline:", " \t\r\n;|\"'<", ""}, /* RFC 4568 6.1 */
    {"Authorization", "response", ", \t\r\n", "="}, /* RFC 3261 22.4 */
    {"Proxy-Authorization", "response", ", \t\r\n", "="},
    {"Authentication-Info", "rspauth", ", \t\r\n", "="}, /* 20.6 */
    {"Authorization", "Basic ", ", \t\r\n", ""},
    {"Proxy-Authorization", "Basic ", ", \t\r\n", ""},
};

/* Which of the above begin with a character: nearly every one begins none. */
static uint16_t beginning[256];

_Static_assert(ARRAY_SIZE(secrets) <= 16, "a bit for each secret");

static void index_once(void)
{
	size_t i;
	uint8_t c;

	if (beginning['<'])
		return;
	for (i = 0; i < ARRAY_SIZE(secrets); i++) {
		c = (uint8_t)secrets[i].begin[0];
		beginning[tolower(c)] |= (uint16_t)(1u << i);
		beginning[toupper(c)] |= (uint16_t)(1u << i);
	}
}

static bool starts_with(const char *s, const char *end, const char *word)
{
	size_t n = strlen(word);

	return (size_t)(end - s) >= n && 0 == strncasecmp(s, word, n);
}

static const char *space_end(const char *s, const char *end)
{
	while (s < end && (*s == ' ' || *s == '\t'))
		s++;

	return s;
}

/* There may be space around the colon, and around "=" (RFC 3261 25.1, HCOLON
 * and EQUAL). */
static bool is_header(const char *s, const char *end, const char *name)
{
	if (!starts_with(s, end, name))
		return false;
	s = space_end(s + strlen(name), end);

	return s < end && *s == ':';
}

/* End of the header line at s, continuation lines included (RFC 3261 7.3.1).
 */
static const char *header_end(const char *s, const char *end)
{
	while (s < end && (s = memchr(s, '\n', (size_t)(end - s)))) {
		if (s + 1 == end || (s[1] != ' ' && s[1] != '\t'))
			return s;
		s++;
	}

	return end;
}

/* The secret that begins at s: its first byte and its end. */
static bool secret_at(const char **from, const char **to, const char *s,
		      const char *end, const char *line, const char *line_end)
{
	unsigned left = beginning[(uint8_t)*s];

	for (; left; left &= left - 1) {
		const struct secret *sec = &secrets[__builtin_ctz(left)];
		const char *p;

		if (!starts_with(s, end, sec->begin))
			continue;
		if (sec->header && !is_header(line, line_end, sec->header))
			continue;

		p = s + strlen(sec->begin);
		for (const char *c = sec->skip; *c; c++) {
			while (p < end && *p++ != *c)
				;
		}
		if (sec->header)
			p = space_end(p, end);
		*from = p;
		if (sec->header && p < end && *p == '"')
			p++;
		while (p < end && !strchr(sec->stop, *p))
			p++;
		*to = p;
		return true;
	}

	return false;
}

/* Copies text with each secret as at most three stars: never longer. */
size_t trace_blank(char *d, const char *text, size_t len)
{
	const char *s = text, *end = text + len, *from, *to;
	const char *line = text, *line_end = header_end(text, end);
	char *start = d;

	index_once();
	while (s < end) {
		if (s > line_end) {
			line = s;
			line_end = header_end(s, end);
		}

		if (!beginning[(uint8_t)*s] ||
		    !secret_at(&from, &to, s, end, line, line_end)) {
			*d++ = *s++;
			continue;
		}

		memcpy(d, s, (size_t)(from - s));
		d += from - s;
		for (s = from; (s < to || PLANT == 3) && s < from + 3; s++)
			*d++ = '*';
		s = to;
	}

	return (size_t)(d - start);
}
