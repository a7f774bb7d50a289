/* scan.c: slices of text. */
#include "sdp/scan.h"
#include <string.h>
#include <strings.h>

static bool is_space(char c)
{
	return c == ' ' || c == '\t';
}

struct scan scan_of(const char *s)
{
	return (struct scan){s, s ? strlen(s) : 0};
}

struct scan scan_trim(struct scan s)
{
	while (s.len && is_space(s.p[0])) {
		s.p++;
		s.len--;
	}
	while (s.len && is_space(s.p[s.len - 1]))
		s.len--;
	return s;
}

struct scan scan_until(struct scan *s, char c)
{
	const char *end = s->len ? memchr(s->p, c, s->len) : NULL;
	struct scan head = *s;

	if (!end) {
		s->p += s->len;
		s->len = 0;
		return head;
	}
	head.len = (size_t)(end - s->p);
	s->p += head.len + 1;
	s->len -= head.len + 1;
	return head;
}

struct scan scan_word(struct scan *s)
{
	struct scan w = scan_trim(*s);
	size_t n = 0;

	while (n < w.len && !is_space(w.p[n]))
		n++;
	s->p = w.p + n;
	s->len = w.len - n;
	w.len = n;
	return w;
}

bool scan_is(struct scan s, const char *text)
{
	return s.len == strlen(text) && !memcmp(s.p, text, s.len);
}

bool scan_is_nocase(struct scan s, const char *text)
{
	return s.len == strlen(text) && !strncasecmp(s.p, text, s.len);
}

static bool is_alnum(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
	       (c >= 'a' && c <= 'z');
}

static bool is_all_of(struct scan s, const char *others)
{
	for (size_t i = 0; i < s.len; i++) {
		if (!is_alnum(s.p[i]) && (!s.p[i] || !strchr(others, s.p[i])))
			return false;
	}
	return s.len > 0;
}

bool scan_is_token(struct scan s)
{
	return is_all_of(s, "!#$%&'*+-.^_`{|}~");
}

bool scan_is_ice_chars(struct scan s)
{
	return is_all_of(s, "+/");
}

bool scan_number(uint64_t *v, struct scan s, uint64_t max)
{
	uint64_t n = 0;

	if (!s.len)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		unsigned digit = (unsigned char)s.p[i] - (unsigned)'0';

		if (digit > 9)
			return false;
		if (n > (max - digit) / 10)
			n = max;
		else
			n = n * 10 + digit;
	}
	*v = n;
	return true;
}

bool scan_u32(uint32_t *v, struct scan s)
{
	uint64_t n;

	if (!scan_number(&n, s, UINT32_MAX))
		return false;
	*v = (uint32_t)n;
	return true;
}

bool scan_port(uint16_t *v, struct scan s)
{
	uint64_t n;

	if (!scan_number(&n, s, UINT32_MAX) || n > UINT16_MAX)
		return false;
	*v = (uint16_t)n;
	return true;
}
