/* trace_blank.c: secrets in messages, blanked before they are kept. */
#include <stddef.h>
#include <string.h>
#include <strings.h>
#include "base/trace_int.h"

/* Deliberate bugs, one a number, that fuzzing must find. */
#ifndef PLANT
#define PLANT 0
#endif

#define WORD(text) text, sizeof(text) - 1

/* Where a secret begins, and what ends it.  A header is looked for only at
 * the start of a line, its parameters to the end of that line. */
static const struct secret {
	const char *header; /* NULL: anywhere */
	size_t headerlen;
	const char *begin;
	size_t beginlen;
	const char *stop; /* characters that end it */
	const char *skip; /* it begins after these, one after the other */
} secrets[] = {
    {NULL, 0, WORD("<handshake"), "<", ">"},	     /* XEP-0114 3 */
    {NULL, 0, WORD("<password"), "<", ">"},	     /* XEP-0077, 0215 */
    {NULL, 0, WORD("var='password'"), "<", ">>"},    /* XEP-0004 3.2 */
    {NULL, 0, WORD("var=\"password\""), "<", ">>"},  /* field, value */
    {NULL, 0, WORD("password='"), "'", ""},	     /* XEP-0215 3.1 */
    {NULL, 0, WORD("password=\""), "\"", ""},	     /* ditto */
    {NULL, 0, WORD("key-params='"), "'", ""},	     /* XEP-0167 7 */
    {NULL, 0, WORD("key-params=\""), "\"", ""},	     /* ditto */
    {NULL, 0, WORD("inline:"), " \t\r\n;|\"'<", ""}, /* RFC 4568 6.1 */
    {WORD("Authorization"), WORD("response"), ", \t\r\n",
     "="}, /* RFC 3261 22.4 */
    {WORD("Proxy-Authorization"), WORD("response"), ", \t\r\n", "="},
    {WORD("Authentication-Info"), WORD("rspauth"), ", \t\r\n",
     "="}, /* RFC 3261 20.6 */
    {WORD("Authorization"), WORD("Basic "), ", \t\r\n", ""},
    {WORD("Proxy-Authorization"), WORD("Basic "), ", \t\r\n", ""},
};

/* First letters of the above with those that may follow: nearly every byte
 * begins none and costs one look, nearly all others two. */
static const char *const may_begin[256] = {
    ['<'] = "hHpP", ['p'] = "aA", ['P'] = "aA",	  ['k'] = "eE",	  ['K'] = "eE",
    ['i'] = "nN",   ['I'] = "nN", ['r'] = "eEsS", ['R'] = "eEsS", ['b'] = "aA",
    ['B'] = "aA",   ['v'] = "aA", ['V'] = "aA",
};

static bool begins(const char *s, const char *end)
{
	const char *next = may_begin[(uint8_t)*s];

	if (!next || s + 1 == end)
		return false;
	for (; *next; next++) {
		if (s[1] == *next)
			return true;
	}

	return false;
}

static bool starts_with(const char *s, const char *end, const char *word,
			size_t n)
{
	return (size_t)(end - s) >= n && (*s | 0x20) == (*word | 0x20) &&
	       0 == strncasecmp(s, word, n);
}

static const char *space_end(const char *s, const char *end)
{
	while (s < end && (*s == ' ' || *s == '\t'))
		s++;

	return s;
}

/* There may be space around the colon, and around "=" (RFC 3261 25.1, HCOLON
 * and EQUAL). */
static bool is_header(const char *s, const char *end, const char *name,
		      size_t len)
{
	if (!starts_with(s, end, name, len))
		return false;
	s = space_end(s + len, end);

	return s < end && *s == ':';
}

/* End of the header line at s, continuation lines included (RFC 3261 7.3.1).
 */
static const char *header_end(const char *s, const char *end)
{
	for (; (s = memchr(s, '\n', (size_t)(end - s))); s++) {
		if (s + 1 == end || (s[1] != ' ' && s[1] != '\t'))
			return s;
	}

	return end;
}

/* The secret that begins at s: its first byte and its end. */
static bool secret_at(const char **from, const char **to, const char *s,
		      const char *end, const char *line, const char *line_end)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(secrets); i++) {
		const struct secret *sec = &secrets[i];
		const char *p;

		if (!starts_with(s, end, sec->begin, sec->beginlen))
			continue;
		if (sec->header &&
		    !is_header(line, line_end, sec->header, sec->headerlen))
			continue;

		p = s + sec->beginlen;
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

/* A letter of words of the table, with the one that stands beside it there
 * and where they all begin. */
static bool hints(const char *text, const char *end, char letter,
		  ptrdiff_t beside, char next, ptrdiff_t back,
		  const char *around, size_t n)
{
	const char *s = text;

	if ((size_t)(end - text) < n)
		return false;

	s += back;
	while (s < end && (s = memchr(s, letter, (size_t)(end - s)))) {
		if ((size_t)(end - s) + (size_t)back >= n &&
		    (s[beside] | 0x20) == next &&
		    !strncasecmp(s - back, around, n))
			return true;
		s++;
	}

	return false;
}

/* A header is known by its first two letters. */
static bool header_hints(const char *text, const char *end)
{
	for (const char *s = text; s && end - s > 2;
	     s = memchr(s, '\n', (size_t)(end - s))) {
		char a, b;

		s += *s == '\n';
		if (end - s <= 2)
			break;
		a = (char)(s[0] | 0x20);
		b = (char)(s[1] | 0x20);
		if ((a == 'a' && b == 'u') || (a == 'p' && b == 'r'))
			return true;
	}

	return false;
}

/* Most messages hold nothing that a secret could begin with: a look for one
 * rare part of each word costs a tenth of a look at each byte. */
static bool may_hold(const char *text, const char *end)
{
	return hints(text, end, 'w', -1, 's', 4, "password", 8) ||
	       hints(text, end, 'W', -1, 's', 4, "password", 8) ||
	       hints(text, end, 'k', 1, 'e', 0, "key-params", 10) ||
	       hints(text, end, 'K', 1, 'e', 0, "key-params", 10) ||
	       hints(text, end, 'k', -1, 'a', 7, "handshake", 9) ||
	       hints(text, end, 'K', -1, 'a', 7, "handshake", 9) ||
	       hints(text, end, ':', -1, 'e', 6, "inline:", 7) ||
	       header_hints(text, end);
}

/* Copies text with each secret as at most three stars: never longer. */
size_t trace_blank(char *d, const char *text, size_t len)
{
	const char *s = text, *end = text + len, *from, *to;
	const char *line = text, *line_end = header_end(text, end);
	const char *run = text; /* to be copied as it is */
	char *start = d;

	if (!may_hold(text, end)) {
		memcpy(d, text, len);
		return len;
	}

	while (s < end) {
		if (s > line_end) {
			line = s;
			line_end = header_end(s, end);
		}

		if (!begins(s, end) ||
		    !secret_at(&from, &to, s, end, line, line_end)) {
			s++;
			continue;
		}

		memcpy(d, run, (size_t)(from - run));
		d += from - run;
		for (s = from; (s < to || PLANT == 3) && s < from + 3; s++)
			*d++ = '*';
		run = s = to;
	}
	memcpy(d, run, (size_t)(end - run));

	return (size_t)(d + (end - run) - start);
}
