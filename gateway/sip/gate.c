/* gate.c: what is refused before anything is parsed: floods, sizes, junk. */
#include "sip/gate.h"
#include <string.h>
#include "base/id.h"
#include "sip/sipcount.h"

enum {
	GATE_SETS = 1024,     /* power of 2 */
	GATE_WAYS = 4,	      /* sources a set; the idlest makes room */
	GATE_STRANGERS = 500, /* messages/s of all strangers together */
	TOKEN_MAX = 64,	      /* bytes looked at for the method */
	MILLI = 1000,	      /* a token is counted in thousandths */
};

struct bucket {
	uint8_t key[16];
	uint64_t at;	 /* ms, last refill */
	uint64_t tokens; /* thousandths */
	bool used;
};

struct gate {
	struct bucket set[GATE_SETS][GATE_WAYS];
	struct bucket strangers;
	uint64_t seed;
	unsigned rate, burst;	     /* a source; 0: no limit */
	size_t size_max, stream_max; /* bytes of a datagram, a message */
};

static const char *const verdict_names[GATE_VERDICTS] = {
    [GATE_PASS] = "passed",	  [GATE_KEEPALIVE] = "keepalive",
    [GATE_STUN] = "stun",	  [GATE_SIZE] = "size",
    [GATE_JUNK] = "junk",	  [GATE_RATE] = "rate",
    [GATE_STRANGER] = "stranger", [GATE_RULES] = "rules",
    [GATE_CONNS] = "connections",
};

void gate_limits(struct gate *g, const struct config_limits *limits)
{
	g->rate = limits->sip_source_rate;
	g->burst = limits->sip_source_burst;
	g->size_max = limits->sip_udp_bytes;
	g->stream_max = limits->sip_tcp_bytes;
}

int gate_alloc(struct gate **gp, const struct config_limits *limits)
{
	struct gate *g;

	if (!gp || !limits)
		return EINVAL;

	g = mem_zalloc(sizeof(*g), NULL);
	if (!g)
		return ENOMEM;

	g->seed = id_random();
	gate_limits(g, limits);
	*gp = g;
	return 0;
}

/* An IPv6 source is its /64: the rest is free to choose for one host. */
static void source_key(uint8_t key[16], const struct sa *src)
{
	memset(key, 0, 16);
	if (sa_af(src) == AF_INET6) {
		sa_in6(src, key);
		memset(key + 8, 0, 8);
		key[15] = 6;
	} else {
		const uint32_t a = sa_in(src);

		memcpy(key, &a, sizeof(a));
		key[15] = 4;
	}
}

/* Keyed, so that a peer cannot aim at one set (splitmix64's finaliser). */
static uint64_t key_hash(uint64_t seed, const uint8_t key[16])
{
	uint64_t w[2], h = seed;

	memcpy(w, key, sizeof(w));
	for (unsigned i = 0; i < 2; i++) {
		h ^= w[i];
		h = (h ^ (h >> 30)) * 0xbf58476d1ce4e5b9ULL;
		h = (h ^ (h >> 27)) * 0x94d049bb133111ebULL;
		h ^= h >> 31;
	}

	return h;
}

static struct bucket *bucket_of(struct gate *g, const struct sa *src,
				uint64_t now)
{
	struct bucket *set, *old;
	uint8_t key[16];

	source_key(key, src);
	set = g->set[key_hash(g->seed, key) & (GATE_SETS - 1)];
	old = &set[0];

	for (unsigned i = 0; i < GATE_WAYS; i++) {
		if (set[i].used && !memcmp(set[i].key, key, sizeof(key)))
			return &set[i];
		if (!set[i].used || (old->used && set[i].at < old->at))
			old = &set[i];
	}

	memcpy(old->key, key, sizeof(key));
	old->used = true;
	old->at = now;
	old->tokens = (uint64_t)g->burst * MILLI;
	return old;
}

static bool bucket_take(struct bucket *b, unsigned rate, unsigned burst,
			uint64_t now)
{
	const uint64_t full = (uint64_t)burst * MILLI;
	const uint64_t gone = now > b->at ? now - b->at : 0;

	/* rate tokens/s are rate thousandths/ms; an hour fills any bucket */
	b->tokens += MIN(gone, 3600000u) * rate;
	b->tokens = MIN(b->tokens, full);
	b->at = MAX(now, b->at);

	if (b->tokens < MILLI)
		return false;

	b->tokens -= MILLI;
	return true;
}

/* Requests that belong to something that we already pay for, and answers to
 * our own: never held back for a trunk. */
static bool is_paid(const uint8_t *p, size_t len)
{
	static const char *const free_of_charge[] = {
	    "SIP/2.0 ", "ACK ", "BYE ", "CANCEL ", "PRACK ", "UPDATE ",
	};

	for (size_t i = 0; i < ARRAY_SIZE(free_of_charge); i++) {
		const size_t n = strlen(free_of_charge[i]);

		if (len > n && !memcmp(p, free_of_charge[i], n))
			return false;
	}

	return true;
}

static bool may_come(struct gate *g, const struct sa *src, const uint8_t *p,
		     size_t len, bool known, uint64_t now)
{
	if (!g->rate || !g->burst)
		return true;
	if (known && !is_paid(p, len))
		return true;
	if (!bucket_take(bucket_of(g, src, now), g->rate, g->burst, now))
		return false;

	/* spoofed sources are many: together they get a bucket as well */
	return known ||
	       bucket_take(&g->strangers, GATE_STRANGERS, GATE_STRANGERS, now);
}

/* "TOKEN SP" or "SIP/2.0 SP": RFC 3261 7.1, 7.2. */
static bool looks_like_sip(const uint8_t *p, size_t len)
{
	static const char marks[] = "-.!%*_+`'~";

	if (len > 4 && !memcmp(p, "SIP/", 4))
		return true;

	for (size_t i = 0; i < MIN(len, TOKEN_MAX); i++) {
		const uint8_t c = p[i];

		if (c == ' ')
			return i > 0;
		if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
		      (c >= '0' && c <= '9') || (c && strchr(marks, c))))
			return false;
	}

	return false;
}

static bool is_keepalive(const uint8_t *p, size_t len)
{
	if (len > 4)
		return false;

	for (size_t i = 0; i < len; i++) {
		if (p[i] != '\r' && p[i] != '\n' && p[i])
			return false;
	}

	return true;
}

static enum gate_verdict judge(struct gate *g, const struct sa *src,
			       const uint8_t *p, size_t len, bool known,
			       uint64_t now)
{
	if (is_keepalive(p, len))
		return GATE_KEEPALIVE;
	if (p[0] <= 3)
		return GATE_STUN;
	if (len > g->size_max)
		return GATE_SIZE;
	if (!looks_like_sip(p, len))
		return GATE_JUNK;
	if (!may_come(g, src, p, len, known, now))
		return GATE_RATE;

	return GATE_PASS;
}

enum gate_verdict gate_judge(struct gate *g, const struct sa *src,
			     const uint8_t *p, size_t len, bool known,
			     uint64_t now)
{
	const enum gate_verdict v = judge(g, src, p, len, known, now);

	++sip_counts.gate[v];
	return v;
}

enum gate_verdict gate_judge_stream(struct gate *g, const struct sa *src,
				    const uint8_t *p, size_t len, bool known,
				    uint64_t now)
{
	enum gate_verdict v = GATE_PASS;

	if (g->stream_max && len > g->stream_max)
		v = GATE_SIZE;
	else if (!may_come(g, src, p, len, known, now))
		v = GATE_RATE;

	++sip_counts.gate[v];
	return v;
}

const char *gate_verdict_name(enum gate_verdict v)
{
	return (unsigned)v < GATE_VERDICTS ? verdict_names[v] : "";
}
