/* quality.c: how calls sound, from the counters of their media. */
#include "admin/quality.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include <strings.h>

struct counted { /* of one side, when last looked at */
	uint64_t packets, lost;
	unsigned loss; /* per mille */
};

struct track {
	char name[16]; /* "": free */
	bool seen;
	struct counted x, s;
	struct quality_point points[QUALITY_POINTS];
	unsigned n; /* of all time */
};

struct quality {
	struct track tracks[QUALITY_CALLS];
	size_t next; /* where the call after the last one is, most likely */
};

/* ITU-T G.113 table I.1, I.4 (packet loss concealment); opus, G.722 and others
 * that it does not have by their like. */
static const struct {
	const char *codec;
	double ie, bpl;
} impairments[] = {
    {"opus/", 0, 20},  {"pcmu/", 0, 25.1}, {"pcma/", 0, 25.1},
    {"g722/", 0, 15},  {"g729/", 11, 19},  {"gsm/", 20, 10},
    {"ilbc/", 11, 32}, {"amr/", 5, 10},	   {"", 5, 15},
};

unsigned quality_mos(const char *codec, unsigned loss, unsigned jitter,
		     unsigned rtt)
{
	/* half the way, a buffer of twice the jitter, one packet, a codec */
	const double delay = rtt / 2.0 + 2.0 * jitter + 30, ppl = loss / 10.0;
	double r = 93.2, mos;
	size_t i = 0;

	while (impairments[i].codec[0] &&
	       strncasecmp(impairments[i].codec, codec,
			   strlen(impairments[i].codec)))
		i++;

	r -= 0.024 * delay; /* G.107, as commonly shortened */
	if (delay > 177.3)
		r -= 0.11 * (delay - 177.3);
	r -= impairments[i].ie +
	     (95 - impairments[i].ie) * ppl / (ppl + impairments[i].bpl);
	if (r < 0)
		r = 0;

	mos = 1 + 0.035 * r + r * (r - 60) * (100 - r) * 7e-6; /* annex B */

	return mos < 1 ? 10 : (unsigned)lround(mos * 10);
}

/* What is lost shows in steps: half of it is of the last second. */
static void count(struct counted *was, const struct media_count *c)
{
	const uint64_t lost =
	    c->rx_lost > was->lost ? c->rx_lost - was->lost : 0;
	const uint64_t came =
	    c->rx_packets > was->packets ? c->rx_packets - was->packets : 0;

	if (lost + came)
		was->loss =
		    (was->loss + (unsigned)(1000 * lost / (lost + came))) / 2;
	was->packets = c->rx_packets;
	was->lost = c->rx_lost;
}

static void side(struct quality_side *q, struct counted *was,
		 const struct media_count *c)
{
	count(was, c);
	q->loss = was->loss;
	q->jitter = (c->jitter_us + 500) / 1000;
	q->rtt = (c->rtt_us + 500) / 1000;
}

static unsigned more(unsigned a, unsigned b)
{
	return a > b ? a : b;
}

static void keep(struct track *t, const struct quality_now *now)
{
	struct quality_point *p = &t->points[t->n++ % QUALITY_POINTS];
	const unsigned rtt = now->x.rtt + now->s.rtt;
	const unsigned jitter = more(now->x.jitter, now->s.jitter);

	p->mos = (uint8_t)now->mos;
	p->loss = (uint16_t)more(now->x.loss, now->s.loss);
	p->jitter = (uint16_t)(jitter > 9999 ? 9999 : jitter);
	p->rtt = (uint16_t)(rtt > 9999 ? 9999 : rtt);
}

static struct track *find(struct quality *q, const char *name)
{
	struct track *unused = NULL;

	for (size_t i = 0; i < QUALITY_CALLS; i++) {
		const size_t k = (q->next + i) % QUALITY_CALLS;
		struct track *t = &q->tracks[k];

		if (!strcmp(t->name, name)) {
			q->next = k + 1;
			return t;
		}
		if (!unused && !t->name[0])
			unused = t;
	}
	if (unused) {
		memset(unused, 0, sizeof(*unused));
		str_ncpy(unused->name, name, sizeof(unused->name));
	}

	return unused;
}

void quality_begin(struct quality *q)
{
	for (size_t i = 0; i < QUALITY_CALLS; i++)
		q->tracks[i].seen = false;
	q->next = 0;
}

bool quality_add(struct quality *q, const struct call_info *info, bool point,
		 struct quality_now *now)
{
	struct track *t = find(q, info->name);
	bool came = false;

	memset(now, 0, sizeof(*now));
	if (!t)
		return false;

	t->seen = true;
	for (unsigned i = 0; i < info->statc; i++) {
		const struct media_stat *st = &info->stats[i];

		came |= st->count.rx_packets != 0;
		side(st->ice ? &now->x : &now->s, st->ice ? &t->x : &t->s,
		     &st->count);
	}
	if (came && info->active_ms)
		now->mos =
		    quality_mos(info->codec, more(now->x.loss, now->s.loss),
				more(now->x.jitter, now->s.jitter),
				now->x.rtt + now->s.rtt);
	if (point)
		keep(t, now);

	return true;
}

void quality_end(struct quality *q)
{
	for (size_t i = 0; i < QUALITY_CALLS; i++) {
		if (!q->tracks[i].seen)
			q->tracks[i].name[0] = '\0';
	}
}

void quality_walk(const struct quality *q, quality_h *h, void *arg)
{
	struct quality_point v[QUALITY_POINTS];

	for (size_t i = 0; i < QUALITY_CALLS; i++) {
		const struct track *t = &q->tracks[i];
		const unsigned n =
		    t->n < QUALITY_POINTS ? t->n : QUALITY_POINTS;

		if (!t->name[0])
			continue;
		for (unsigned k = 0; k < n; k++)
			v[k] = t->points[(t->n - n + k) % QUALITY_POINTS];
		h(t->name, v, n, arg);
	}
}

int quality_alloc(struct quality **qp)
{
	*qp = mem_zalloc(sizeof(**qp), NULL);

	return *qp ? 0 : ENOMEM;
}
