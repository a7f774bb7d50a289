/* trace.c: what went over the wires, kept for people, secrets blanked. */
#include "base/trace.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
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
	PEER_MAX = 255,			 /* bytes kept of who it was */
	ENTRY_ALIGN = 16,
};

struct entry {
	struct trace_entry e;
	struct entry *next;
	size_t size; /* of all of it */
	char data[]; /* text, NUL, peer, NUL */
};

/* One piece of memory, all of it taken at the first message: entries of their
 * own would lie between what calls keep, and leave holes there. */
static struct {
	uint8_t *mem; /* TRACE_SIZE bytes, or NULL */
	size_t at;    /* where the next entry goes */
	struct entry *first, *last;
	trace_h *watch;
	void *watch_arg;
	bool logged;
} ring;

static const char *const kind_names[] = {"xmpp", "sip"};

const char *trace_kind_name(enum trace_kind kind)
{
	return kind_names[kind];
}

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
    {"Authorization:", "response=", ", \t\r\n", ""}, /* RFC 3261 22.4 */
    {"Proxy-Authorization:", "response=", ", \t\r\n", ""},
    {"Authorization:", "Basic ", ", \t\r\n", ""},
    {"Proxy-Authorization:", "Basic ", ", \t\r\n", ""},
};

/* First letters of the above: nearly every byte is none and costs one look. */
static const bool may_begin[256] = {
    ['<'] = true, ['p'] = true, ['P'] = true, ['k'] = true, ['K'] = true,
    ['i'] = true, ['I'] = true, ['r'] = true, ['R'] = true, ['b'] = true,
    ['B'] = true, ['v'] = true, ['V'] = true,
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
		for (const char *c = sec->skip; *c; c++) {
			while (p < end && *p++ != *c)
				;
		}
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

static bool ring_open(void)
{
	void *p;

	if (ring.mem)
		return true;
	p = mmap(NULL, TRACE_SIZE, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (p == MAP_FAILED)
		return false;
	ring.mem = p;

	return true;
}

/* The oldest that lie in these bytes go. */
static void ring_clear(size_t from, size_t to)
{
	while (ring.first) {
		size_t at = (size_t)((uint8_t *)ring.first - ring.mem);

		if (at < from || at >= to)
			return;
		ring.first = ring.first->next;
	}
	ring.last = NULL;
}

/* A copy of e behind the newest or, where it does not fit, at the start. */
static struct entry *ring_add(const struct entry *e)
{
	size_t size = (e->size + ENTRY_ALIGN - 1) / ENTRY_ALIGN * ENTRY_ALIGN;
	struct entry *to;

	if (ring.at + size > TRACE_SIZE) {
		ring_clear(ring.at, TRACE_SIZE);
		ring.at = 0;
	}
	ring_clear(ring.at, ring.at + size);

	to = (struct entry *)(void *)(ring.mem + ring.at);
	memcpy(to, e, e->size);
	to->e.text = to->data;
	to->e.peer = to->data + to->e.len + 1;
	ring.at += size;

	if (ring.last)
		ring.last->next = to;
	else
		ring.first = to;
	ring.last = to;

	return to;
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
	const struct entry *kept;
	struct timespec now;
	struct entry *e;

	if (!text || (unsigned)kind >= ARRAY_SIZE(kind_names))
		return;
	if (len > ENTRY_TEXT_MAX)
		len = ENTRY_TEXT_MAX;

	if (peerlen > PEER_MAX)
		peerlen = PEER_MAX;
	e = ring_open() ? malloc(sizeof(*e) + len + peerlen + 2) : NULL;
	if (!e)
		return;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	e->e.at =
	    (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
	e->e.kind = kind;
	e->e.tx = tx;
	e->e.len = blank_copy(e->data, text, len);
	e->data[e->e.len] = '\0';
	memcpy(e->data + e->e.len + 1, peer ? peer : "", peerlen);
	e->data[e->e.len + 1 + peerlen] = '\0';
	e->next = NULL;
	e->size = sizeof(*e) + e->e.len + peerlen + 2;

	kept = ring_add(e);
	free(e);

	if (ring.logged)
		entry_log(&kept->e);
	if (ring.watch)
		ring.watch(&kept->e, ring.watch_arg);
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
	if (ring.mem)
		(void)munmap(ring.mem, TRACE_SIZE);

	memset(&ring, 0, sizeof(ring));
}
