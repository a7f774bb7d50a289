/* trace.c: what went over the wires, kept for people, secrets blanked. */
#include "base/trace.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/compat.h"
#include "base/log.h"

/* Deliberate bugs, one a number, that fuzzing must find. */
#ifndef PLANT
#define PLANT 0
#endif

enum {
	ENTRY_TEXT_MAX = TRACE_SIZE / 8, /* bytes kept of one message */
	LOG_PIECE = 3000,		 /* bytes of a line that fit the log */
};

struct entry {
	struct trace_entry e;
	struct entry *next;
	size_t size; /* of all of it */
	char data[]; /* text, NUL, peer, NUL */
};

static struct {
	struct entry *first, *last;
	size_t size;
	trace_h *watch;
	void *watch_arg;
	bool logged;
} ring;

static const char *const kind_names[] = {"xmpp", "sip", "media", "call"};

/* Where a secret begins, and what ends it.  A header is looked for only at
 * the start of a line, its parameters to the end of that line. */
static const struct secret {
	const char *header; /* NULL: anywhere */
	const char *begin;
	const char *stop; /* characters that end it */
	char skip;	  /* it begins after this one, 0: at once */
} secrets[] = {
    {NULL, "<handshake", "<", '>'},		    /* XEP-0114 3 */
    {NULL, "<password", "<", '>'},		    /* XEP-0077, 0215 */
    {NULL, "password='", "'", 0},		    /* XEP-0215 3.1 */
    {NULL, "password=\"", "\"", 0},		    /* ditto */
    {NULL, "key-params='", "'", 0},		    /* XEP-0167 7 */
    {NULL, "key-params=\"", "\"", 0},		    /* ditto */
    {NULL, "inline:", " \t\r\n;|\"'<", 0},	    /* RFC 4568 6.1 */
    {"Authorization:", "response=", ", \t\r\n", 0}, /* RFC 3261 22.4 */
    {"Proxy-Authorization:", "response=", ", \t\r\n", 0},
    {"Authorization:", "Basic ", ", \t\r\n", 0},
    {"Proxy-Authorization:", "Basic ", ", \t\r\n", 0},
};

/* First letters of the above: nearly every byte is none and costs one look. */
static const bool may_begin[256] = {
    ['<'] = true, ['p'] = true, ['P'] = true, ['k'] = true,
    ['K'] = true, ['i'] = true, ['I'] = true, ['r'] = true,
    ['R'] = true, ['b'] = true, ['B'] = true,
};

static bool starts_with(const char *s, const char *end, const char *word)
{
	size_t n = strlen(word);

	return (size_t)(end - s) >= n && 0 == strncasecmp(s, word, n);
}

/* End of the header line at s, continuation lines included (RFC 3261 7.3.1).
 */
static const char *header_end(const char *s, const char *end)
{
	for (; s < end; s++) {
		if (*s == '\n' &&
		    (s + 1 == end || (s[1] != ' ' && s[1] != '\t')))
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

		if (!starts_with(s, end, sec->begin))
			continue;
		if (sec->header && !starts_with(line, line_end, sec->header))
			continue;

		p = s + strlen(sec->begin);
		while (sec->skip && p < end && *p++ != sec->skip)
			;
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
static size_t blank_copy(char *d, const char *text, size_t len)
{
	const char *s = text, *end = text + len, *from, *to;
	const char *line = text, *line_end = header_end(text, end);
	char *start = d;

	while (s < end) {
		if (s > line_end) {
			line = s;
			line_end = header_end(s, end);
		}

		if (!may_begin[(uint8_t)*s] ||
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

static void ring_drop(void)
{
	struct entry *e = ring.first;

	ring.first = e->next;
	if (!ring.first)
		ring.last = NULL;
	ring.size -= e->size;
	free(e);
}

static void ring_add(struct entry *e)
{
	while (ring.first && ring.size + e->size > TRACE_SIZE)
		ring_drop();

	if (ring.last)
		ring.last->next = e;
	else
		ring.first = e;
	ring.last = e;
	ring.size += e->size;
}

/* A line of the message is a line of the log, long ones in pieces. */
static void entry_log(const struct trace_entry *e)
{
	const char *s = e->text, *end = s + e->len;

	while (s < end) {
		const char *nl = memchr(s, '\n', (size_t)(end - s));
		struct pl pl = {s, (size_t)((nl ? nl : end) - s)};

		s += pl.l + (nl ? 1 : 0);
		if (nl && pl.l && pl.p[pl.l - 1] == '\r')
			pl.l--;
		if (pl.l > LOG_PIECE) {
			pl.l = LOG_PIECE;
			s = pl.p + pl.l;
		}
		log_info("trace: %s %s %s | %r\n", kind_names[e->kind],
			 e->tx ? ">" : "<", e->peer, &pl);
	}
}

void trace_set_logged(bool logged)
{
	ring.logged = logged;
}

void trace_add(enum trace_kind kind, bool tx, const char *peer,
	       const char *text, size_t len)
{
	size_t peerlen = peer ? strlen(peer) : 0;
	struct timespec now;
	struct entry *e;

	if (!text || (unsigned)kind >= ARRAY_SIZE(kind_names))
		return;
	if (len > ENTRY_TEXT_MAX)
		len = ENTRY_TEXT_MAX;

	e = malloc(sizeof(*e) + len + peerlen + 2);
	if (!e)
		return;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	e->e.at =
	    (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
	e->e.kind = kind;
	e->e.tx = tx;
	e->e.text = e->data;
	e->e.len = blank_copy(e->data, text, len);
	e->data[e->e.len] = '\0';
	e->e.peer = e->data + e->e.len + 1;
	memcpy(e->data + e->e.len + 1, peer ? peer : "", peerlen + 1);
	e->next = NULL;
	e->size = sizeof(*e) + len + peerlen + 2;

	ring_add(e);

	if (ring.logged)
		entry_log(&e->e);
	if (ring.watch)
		ring.watch(&e->e, ring.watch_arg);
}

static bool entry_has(const struct trace_entry *e, const char *const *needles,
		      size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (!needles[i] || !needles[i][0])
			continue;
		if (memmem(e->text, e->len, needles[i], strlen(needles[i])))
			return true;
	}

	return n == 0;
}

void trace_walk(const char *const *needles, size_t n, trace_h *h, void *arg)
{
	const struct entry *e;

	if (!h || (n && !needles))
		return;

	for (e = ring.first; e; e = e->next) {
		if (entry_has(&e->e, needles, n))
			h(&e->e, arg);
	}
}

void trace_watch(trace_h *h, void *arg)
{
	ring.watch = h;
	ring.watch_arg = arg;
}

void trace_close(void)
{
	while (ring.first)
		ring_drop();

	memset(&ring, 0, sizeof(ring));
}
