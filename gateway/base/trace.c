/* trace.c: the ring that keeps what went over the wires.
 *
 * An entry's position counts all bytes that were ever written: it says where
 * in the ring the entry lies and, by comparing it with the oldest one's,
 * whether it still is there.  So links to what was dropped need no care. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include "base/log.h"
#include "base/now.h"
#include "base/trace_int.h"

enum {
	TEXT_PART = 8,	  /* one message may take this part of the ring */
	LOG_PIECE = 3000, /* bytes of a line that fit the log */
	PEER_MAX = 255,	  /* bytes kept of who it was */
	KEY_MAX = TRACE_KEY_MAX,
	NOTE_MAX = 512, /* bytes of a line in words */
	ENTRY_ALIGN = 16,
	BUCKET_PART = 4096, /* bytes of the ring for each bucket of keys */
};

struct entry {
	uint64_t at;
	uint64_t next; /* position of the one after it */
	uint64_t hash; /* of its key, 0: none */
	uint64_t prev; /* the one before it in its bucket; 0: none */
	struct sa local, remote;
	uint32_t len;
	uint8_t kind, way, peerlen, keylen;
	bool tx, cut;
	char data[]; /* text, NUL, peer, NUL, key, NUL */
};

static struct {
	uint8_t *mem; /* NULL: nothing came yet, or nothing is kept */
	size_t size;  /* bytes of it that are for entries */
	size_t want;  /* bytes of all of it; 0: nothing is kept */
	bool sized;
	uint64_t *buckets; /* newest entry each; behind the entries */
	size_t bucketc;
	uint64_t seed;
	uint64_t head, first, last; /* positions; first == head: empty */
	uint64_t past;		    /* of rings before this one */
	uint64_t dropped;	    /* us */
	uint64_t steps;
	trace_h *watch;
	void *watch_arg;
	bool logged;
} ring;

static const char *const kind_names[] = {[TRACE_XMPP] = "xmpp",
					 [TRACE_SIP] = "sip",
					 [TRACE_MEDIA] = "media",
					 [TRACE_RTCP] = "rtcp"};
static const char *const way_names[] = {
    [TRACE_UDP] = "UDP", [TRACE_TCP] = "TCP", [TRACE_TLS] = "TLS"};

const char *trace_kind_name(enum trace_kind kind)
{
	return kind_names[kind];
}

const char *trace_way_name(enum trace_way way)
{
	return way_names[way];
}

static size_t want(void)
{
	return ring.sized ? ring.want : TRACE_SIZE;
}

size_t trace_size(void)
{
	return want();
}

static struct entry *entry_at(uint64_t pos)
{
	return (struct entry *)(void *)(ring.mem + pos % ring.size);
}

static void ring_free(void)
{
	if (!ring.mem)
		return; /* positions of rings before it are still past */

	if (ring.first < ring.head)
		ring.dropped = entry_at(ring.last)->at;
	(void)munmap(ring.mem, ring.want);
	ring.mem = NULL;
	ring.past = ring.head;
	ring.head = ring.first = ring.last = 0;
}

void trace_resize(size_t bytes)
{
	if (bytes && bytes < TRACE_SIZE_MIN)
		bytes = TRACE_SIZE_MIN;
	if (bytes != want())
		ring_free();
	ring.want = bytes;
	ring.sized = true;
}

/* Its pages are taken as they are written, and stand apart from what calls
 * keep: as shared memory of nobody else. */
static bool ring_open(void)
{
	size_t bytes = want();
	void *p;

	if (ring.mem || !bytes)
		return ring.mem;

	p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return false;

	ring.mem = p;
	ring.want = bytes;
	ring.sized = true;
	ring.bucketc = bytes / BUCKET_PART;
	ring.size = bytes - ring.bucketc * sizeof(*ring.buckets);
	ring.size -= ring.size % ENTRY_ALIGN;
	ring.buckets = (uint64_t *)(void *)(ring.mem + ring.size);
	/* none is 0, and none comes twice */
	ring.head = (ring.past / ring.size + 1) * ring.size;
	ring.first = ring.last = ring.head;
	if (getrandom(&ring.seed, sizeof(ring.seed), GRND_NONBLOCK) < 0)
		ring.seed = (uint64_t)(uintptr_t)p;

	return true;
}

static bool is_kept(uint64_t pos)
{
	return pos >= ring.first && pos < ring.head;
}

/* Keyed: who chooses Call-IDs cannot choose where they go. */
static uint64_t key_hash(const char *key, size_t len)
{
	uint64_t h = ring.seed ^ 0x9e3779b97f4a7c15u;

	for (size_t i = 0; i < len; i++) {
		h = (h ^ (uint8_t)key[i]) * 0xff51afd7ed558ccdu;
		h ^= h >> 32;
	}

	return h ? h : 1;
}

static const char *entry_peer(const struct entry *e)
{
	return e->data + e->len + 1;
}

static const char *entry_key(const struct entry *e)
{
	return entry_peer(e) + e->peerlen + 1;
}

static void entry_show(struct trace_entry *t, uint64_t pos)
{
	const struct entry *e = entry_at(pos);

	t->at = e->at;
	t->pos = pos;
	t->kind = (enum trace_kind)e->kind;
	t->way = (enum trace_way)e->way;
	t->tx = e->tx;
	t->cut = e->cut;
	t->local = e->local;
	t->remote = e->remote;
	t->peer = entry_peer(e);
	t->key = entry_key(e);
	t->text = e->data;
	t->len = e->len;
}

/* The oldest go until there is room up to this position. */
static void ring_clear(uint64_t to)
{
	while (ring.first < ring.head && to - ring.first > ring.size) {
		const struct entry *e = entry_at(ring.first);

		ring.dropped = e->at;
		ring.first = e->next;
	}
}

/* Room for one entry in one piece: behind the newest or, where it does not fit
 * there, at the start. */
static struct entry *ring_reserve(size_t size)
{
	const size_t at = (size_t)(ring.head % ring.size);

	if (at + size > ring.size) {
		const uint64_t start = ring.head + (ring.size - at);

		ring_clear(start);
		if (ring.first < ring.head)
			entry_at(ring.last)->next = start;
		else
			ring.first = start;
		ring.head = start;
	}
	ring_clear(ring.head + size);

	return entry_at(ring.head);
}

static char *put(char *d, const char *s, size_t len)
{
	memcpy(d, s, len);
	d[len] = '\0';

	return d + len + 1;
}

static void entry_link(struct entry *e, const struct pl *key)
{
	uint64_t *bucket;

	e->hash = e->prev = 0;
	if (!e->keylen)
		return;

	e->hash = key_hash(key->p, e->keylen);
	bucket = &ring.buckets[e->hash % ring.bucketc];
	e->prev = *bucket;
	*bucket = ring.head;
}

static size_t at_most(size_t n, size_t max)
{
	return n < max ? n : max;
}

static void entry_write(const struct trace_message *m, const char *peer)
{
	const size_t most = ring.size / TEXT_PART;
	const size_t peerlen = at_most(strlen(peer), PEER_MAX);
	const size_t keylen = at_most(m->key.l, KEY_MAX);
	size_t len = at_most(m->len, most), size;
	struct entry *e;
	char *d;

	size = sizeof(*e) + len + peerlen + keylen + 3 + ENTRY_ALIGN;
	e = ring_reserve(size - size % ENTRY_ALIGN);
	e->at = now_us(CLOCK_REALTIME);
	e->kind = (uint8_t)m->kind;
	e->way = (uint8_t)m->way;
	e->tx = m->tx;
	e->cut = len < m->len;
	sa_init(&e->local, AF_UNSPEC);
	sa_init(&e->remote, AF_UNSPEC);
	if (m->local)
		e->local = *m->local;
	if (m->remote)
		e->remote = *m->remote;
	len = trace_blank(e->data, m->text, len);
	e->len = (uint32_t)len;
	e->peerlen = (uint8_t)peerlen;
	e->keylen = (uint8_t)keylen;
	d = put(e->data + len, "", 0);
	d = put(d, peer, peerlen);
	(void)put(d, m->key.p ? m->key.p : "", keylen);

	/* blanked, it may have become shorter */
	size = sizeof(*e) + len + peerlen + keylen + 3 + ENTRY_ALIGN - 1;
	entry_link(e, &m->key);
	ring.last = ring.head;
	ring.head += size - size % ENTRY_ALIGN;
	e->next = ring.head;
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

/* Reports come as long as a call lasts, and would push its messages out. */
static void report_pass(const struct trace_message *m)
{
	struct trace_entry t = {.at = now_us(CLOCK_REALTIME),
				.kind = m->kind,
				.way = m->way,
				.tx = m->tx,
				.peer = "",
				.text = m->text,
				.len = m->len};
	char key[TRACE_KEY_MAX + 1] = "";

	if (!ring.watch)
		return;

	sa_init(&t.local, AF_UNSPEC);
	sa_init(&t.remote, AF_UNSPEC);
	if (m->local)
		t.local = *m->local;
	if (m->remote)
		t.remote = *m->remote;
	if (m->key.p)
		(void)put(key, m->key.p, at_most(m->key.l, TRACE_KEY_MAX));
	t.key = key;
	ring.watch(&t, ring.watch_arg);
}

/* Mostly it is the same few peers: what inet_ntop() said is kept. */
static const char *address_text(const struct sa *sa)
{
	static struct {
		struct sa sa;
		char text[64];
	} last;

	if (!last.text[0] || !sa_cmp(&last.sa, sa, SA_ALL)) {
		last.sa = *sa;
		if (re_snprintf(last.text, sizeof(last.text), "%J", sa) < 0)
			last.text[0] = '\0';
	}

	return last.text;
}

void trace_message(const struct trace_message *m)
{
	const char *peer = m->peer;
	struct trace_entry t;

	if (!m->text || (unsigned)m->kind >= ARRAY_SIZE(kind_names))
		return;
	if (m->kind == TRACE_RTCP) {
		report_pass(m);
		return;
	}
	if (!ring_open())
		return;

	if (!peer && m->remote)
		peer = address_text(m->remote);
	entry_write(m, peer ? peer : "");

	entry_show(&t, ring.last);
	if (ring.logged && t.kind <= TRACE_SIP)
		entry_log(&t);
	if (ring.watch)
		ring.watch(&t, ring.watch_arg);
}

void trace_add(enum trace_kind kind, bool tx, const char *peer,
	       const char *text, size_t len)
{
	const struct trace_message m = {
	    .kind = kind, .tx = tx, .peer = peer, .text = text, .len = len};

	trace_message(&m);
}

void trace_note(const char *key, const char *fmt, ...)
{
	struct trace_message m = {.kind = TRACE_MEDIA, .peer = ""};
	char text[NOTE_MAX] = "";
	va_list ap;

	va_start(ap, fmt);
	(void)re_vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);

	text[sizeof(text) - 1] = '\0';
	pl_set_str(&m.key, key);
	m.text = text;
	m.len = strlen(text);
	trace_message(&m);
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
	struct trace_entry t;
	uint64_t pos;

	if (!h || (n && !needles) || !ring.mem)
		return;

	for (pos = ring.first; is_kept(pos); pos = entry_at(pos)->next) {
		entry_show(&t, pos);
		if (entry_has(&t, needles, n))
			h(&t, arg);
	}
}

struct found {
	uint64_t *v; /* positions; malloc'd */
	size_t n, room;
};

static int found_add(struct found *f, uint64_t pos)
{
	if (f->n == f->room) {
		size_t room = f->room ? 2 * f->room : 64;
		uint64_t *v = realloc(f->v, room * sizeof(*v));

		if (!v)
			return ENOMEM;
		f->v = v;
		f->room = room;
	}
	f->v[f->n++] = pos;

	return 0;
}

static int find_key(struct found *f, const char *key)
{
	const size_t len = at_most(strlen(key), KEY_MAX);
	const uint64_t hash = key_hash(key, len);
	uint64_t pos = ring.buckets[hash % ring.bucketc];
	int err = 0;

	for (; is_kept(pos) && !err; pos = entry_at(pos)->prev) {
		const struct entry *e = entry_at(pos);

		ring.steps++;
		if (e->hash == hash && e->keylen == len &&
		    !memcmp(entry_key(e), key, len))
			err = found_add(f, pos);
	}

	return err;
}

static int by_position(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

int trace_chain(const char *const *keys, size_t n, trace_h *h, void *arg)
{
	struct found f = {NULL, 0, 0};
	struct trace_entry t;
	int err = 0;

	for (size_t i = 0; i < n && ring.mem && !err; i++) {
		if (keys[i] && keys[i][0])
			err = find_key(&f, keys[i]);
	}
	if (f.n)
		qsort(f.v, f.n, sizeof(*f.v), by_position);
	for (size_t i = 0; i < f.n && !err; i++) {
		if (i && f.v[i] == f.v[i - 1])
			continue; /* one key named twice */
		entry_show(&t, f.v[i]);
		h(&t, arg);
	}
	free(f.v);

	return err;
}

bool trace_after(struct trace_entry *t, uint64_t pos)
{
	uint64_t next = ring.first;

	if (!ring.mem)
		return false;
	if (is_kept(pos))
		next = entry_at(pos)->next;
	if (!is_kept(next))
		return false;
	entry_show(t, next);

	return true;
}

uint64_t trace_last(void)
{
	return ring.mem && ring.first < ring.head ? ring.last : ring.past;
}

uint64_t trace_dropped(void)
{
	return ring.dropped;
}

uint64_t trace_steps(void)
{
	return ring.steps;
}

void trace_watch(trace_h *h, void *arg)
{
	ring.watch = h;
	ring.watch_arg = arg;
}

void trace_close(void)
{
	ring_free();
	memset(&ring, 0, sizeof(ring));
}
