/* hostile.h: strings that end, open or escape something in one of the
 * languages, or are no text at all. */
#ifndef UNIT_HOSTILE_H
#define UNIT_HOSTILE_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include "base/compat.h"
#include "base/text.h"

enum { STRINGS = 100000, PIECES = 6, LINE = 256 };

static const char *const pieces[] = {
    "\r\n",
    "\n",
    "\r",
    "\r\n\r\n",
    "\r\n ",
    "\t",
    "\"",
    "\\",
    "\\\"",
    "'",
    "<",
    ">",
    "&",
    "&#10;",
    "&lt;",
    ";",
    ",",
    "=",
    "@",
    ":",
    "/",
    "?",
    "%",
    "%0d%0a",
    "%00",
    "%40",
    "\\40",
    "\\20",
    "]]>",
    "<![CDATA[",
    "<!--",
    "-->",
    "<?x ?>",
    "</body>",
    "</message>",
    "</stream:stream>",
    "<!DOCTYPE x>",
    "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKx",
    "Content-Length: 0",
    "Route: <sip:192.0.2.1>",
    ";tag=x",
    ">;tag=x",
    "sip:x@192.0.2.1",
    "SIP/2.0 200 OK",
    "\x01",
    "\x08",
    "\x0b",
    "\x1b[31m",
    "\x7f",
    "\xc2\x85",
    "\xc0\x80",
    "\xff",
    "\xed\xa0\x80",
    "\xf4\x90\x80\x80",
    "\xe2\x80\xae",
    "\xe2\x80\xa8",
    "\xe2\x81\xa6",
    "\xef\xbf\xbe",
    "\xef\xbb\xbf",
    "\xf0\x9f\x98\x80",
    "\xc3\xa9",
    " ",
    "a",
    "B",
    "0",
    "+49",
    ".",
    "%s%n",
};

static uint64_t state = 88172645463325252ULL;

static inline uint64_t chance(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;

	return state;
}

static inline void draw(char s[LINE])
{
	const unsigned n = 1 + (unsigned)(chance() % PIECES);

	s[0] = '\0';
	for (unsigned i = 0; i < n; i++)
		strcat(s, pieces[chance() % ARRAY_SIZE(pieces)]);
}

/* One line of SIP, whatever it holds. */
static inline bool is_line(const char *s, size_t len)
{
	uint32_t cp;

	for (size_t i = 0, n; i < len; i += n) {
		n = text_utf8_decode(&cp, s + i, len - i);
		if (!n || text_is_control(cp))
			return false;
	}

	return true;
}

#endif
