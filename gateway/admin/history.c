/* history.c: the last hour: what became of calls, and why some failed. */
#include "admin/history.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "admin/rows.h"

enum { MINUTE = 60 * 1000, HOUR = 60 * MINUTE }; /* ms */

struct minute {
	uint64_t number; /* of CLOCK_REALTIME; 0: none */
	unsigned answered, missed, failed, peak, messages;
};

struct failure {
	uint64_t at; /* ms; 0: none */
	enum call_outcome outcome;
	unsigned sip_code, q850;
	enum reason reason;
	bool from_xmpp;
	char name[16], trunk[32], text[96];
};

struct history {
	struct minute minutes[HISTORY_MINUTES];
	struct failure failures[HISTORY_FAILURES];
	size_t failurec;			     /* of all time */
	uint64_t answered, missed, failed, messages; /* when last seen */
	bool begun;
};

/* What people did is no fault of anything. */
static bool is_missed(enum call_outcome o)
{
	return o == OUTCOME_BUSY || o == OUTCOME_DECLINED ||
	       o == OUTCOME_CANCELLED || o == OUTCOME_NO_ANSWER;
}

static bool is_fine(enum call_outcome o)
{
	return o == OUTCOME_ANSWERED || o == OUTCOME_STOPPED;
}

static struct minute *minute_at(struct history *h, uint64_t now)
{
	const uint64_t number = now / MINUTE;
	struct minute *m = &h->minutes[number % HISTORY_MINUTES];

	if (m->number != number) {
		memset(m, 0, sizeof(*m));
		m->number = number;
	}

	return m;
}

static unsigned step(uint64_t *was, uint64_t is, bool begun)
{
	const unsigned n = begun && is > *was ? (unsigned)(is - *was) : 0;

	*was = is;

	return n;
}

void history_sample(struct history *h, uint64_t now,
		    const struct call_counts *counts, unsigned calls,
		    uint64_t messages)
{
	uint64_t answered = 0, missed = 0, failed = 0;
	struct minute *m = minute_at(h, now);

	for (unsigned i = 0; i < 2; i++) {
		for (enum call_outcome o = 0; o < OUTCOME_MAX; o++) {
			const uint64_t n = counts->ended[i][o];

			if (is_fine(o))
				answered += n;
			else if (is_missed(o))
				missed += n;
			else
				failed += n;
		}
	}

	m->answered += step(&h->answered, answered, h->begun);
	m->missed += step(&h->missed, missed, h->begun);
	m->failed += step(&h->failed, failed, h->begun);
	m->messages += step(&h->messages, messages, h->begun);
	if (calls > m->peak)
		m->peak = calls;
	h->begun = true;
}

void history_call_ended(struct history *h, uint64_t now,
			const struct call_end *end)
{
	struct failure *f;
	const char *text = end->why->text;

	if (is_fine(end->outcome) || end->outcome == OUTCOME_CANCELLED)
		return;

	f = &h->failures[h->failurec++ % HISTORY_FAILURES];
	memset(f, 0, sizeof(*f));
	f->at = now;
	f->outcome = end->outcome;
	f->sip_code = end->sip_code;
	f->q850 = end->q850;
	f->reason = end->reason;
	f->from_xmpp = end->from_xmpp;
	str_ncpy(f->name, end->name ? end->name : "", sizeof(f->name));
	str_ncpy(f->trunk, end->trunk ? end->trunk : "", sizeof(f->trunk));
	if (strlen(text) < sizeof(f->text)) /* never half a character */
		str_ncpy(f->text, text, sizeof(f->text));
}

/* ---- groups ---- */

struct group {
	const struct failure *last;
	unsigned n;
};

static bool same(const struct failure *a, const struct failure *b)
{
	return a->outcome == b->outcome && a->sip_code == b->sip_code &&
	       a->reason == b->reason && a->from_xmpp == b->from_xmpp &&
	       !strcmp(a->trunk, b->trunk);
}

static int by_count(const void *a, const void *b)
{
	const struct group *x = a, *y = b;

	if (x->n != y->n)
		return x->n < y->n ? 1 : -1;

	return (x->last->at < y->last->at) - (x->last->at > y->last->at);
}

static json_t *group_json(const struct group *g)
{
	const struct failure *f = g->last;
	const char *text = f->text;
	json_t *j = json_object();

	if (!*text)
		text = f->sip_code ? reason_phrase(f->sip_code)
				   : reason_words(f->reason);
	row_text(j, "outcome", call_outcome_name(f->outcome));
	row_bool(j, "missed", is_missed(f->outcome));
	row_text(j, "text", text);
	row_number(j, "sip_code", f->sip_code);
	row_number(j, "q850", f->q850);
	row_text(j, "reason", reason_name(f->reason));
	row_text(j, "from", f->from_xmpp ? "xmpp" : "sip");
	row_text(j, "trunk", f->trunk);
	row_number(j, "count", g->n);
	row_number(j, "last_ms", f->at);
	row_text(j, "last_id", f->name);

	return j;
}

/* Newest first, so that the first of a group is its last. */
static size_t groups_of(struct group *v, const struct history *h, uint64_t now)
{
	size_t n = 0, k;

	for (size_t i = 0; i < h->failurec && i < HISTORY_FAILURES; i++) {
		const struct failure *f =
		    &h->failures[(h->failurec - 1 - i) % HISTORY_FAILURES];

		if (f->at + HOUR < now)
			continue;
		for (k = 0; k < n && !same(v[k].last, f); k++)
			;
		if (k == n) {
			v[n].last = f;
			v[n++].n = 0;
		}
		++v[k].n;
	}
	qsort(v, n, sizeof(*v), by_count);

	return n;
}

static json_t *failures_json(const struct history *h, uint64_t now,
			     size_t *more)
{
	struct group v[HISTORY_FAILURES];
	const size_t n = groups_of(v, h, now);
	json_t *rows = json_array();

	for (size_t i = 0; i < n && i < HISTORY_GROUPS; i++)
		json_array_append_new(rows, group_json(&v[i]));
	*more = n > HISTORY_GROUPS ? n - HISTORY_GROUPS : 0;

	return rows;
}

json_t *history_json(const struct history *h, uint64_t now)
{
	json_t *j = json_object(), *rows = json_array();
	const uint64_t last = now / MINUTE;
	size_t more;

	for (uint64_t k = last - HISTORY_MINUTES + 1; k <= last; k++) {
		const struct minute *m = &h->minutes[k % HISTORY_MINUTES];
		const struct minute none = {.number = k};

		if (m->number != k)
			m = &none;
		json_array_append_new(
		    rows,
		    json_pack("[I, i, i, i, i, i]", (json_int_t)k * 60,
			      (int)m->answered, (int)m->missed, (int)m->failed,
			      (int)m->peak, (int)m->messages));
	}
	json_object_set_new(j, "minutes", rows);
	json_object_set_new(j, "failures", failures_json(h, now, &more));
	row_number(j, "failures_more", more);

	return j;
}

int history_alloc(struct history **hp)
{
	*hp = mem_zalloc(sizeof(**hp), NULL);

	return *hp ? 0 : ENOMEM;
}
