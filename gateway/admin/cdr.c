/* cdr.c: call records: from the end of a call to the queues of the files. */
#include "admin/cdr.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "admin/cdr_int.h"
#include "base/log.h"

enum {
	MEDIA_WAIT = 2000, /* ms for a worker to tell of its counters */
	STOP_WAIT = 5000,  /* ms for the files to be written at the end */
	NAMES = 1024,	   /* of calls that wait; a power of two */
};

struct waiting { /* for the counters of its media */
	struct le le;
	struct cdr *c; /* not referenced */
	struct cdr_record *r;
	char name[16];
	uint64_t begun; /* ms, CLOCK_MONOTONIC */
	struct tmr timer;
};

struct cdr {
	struct hash *waiting;
	unsigned pending;
	struct cdr_record *recent[CDR_RECENT_MAX]; /* a ring */
	struct cdr_record *past; /* of before this process, the newest first */
	uint64_t records;
	struct cdr_sink *sinks[2];
	unsigned sinkc;
};

#define MILLISECONDS                                                          \
	{                                                                     \
		.bounds = {                                                   \
			2,                                                    \
			5,                                                    \
			10,                                                   \
			20,                                                   \
			30,                                                   \
			50,                                                   \
			75,                                                   \
			100,                                                  \
			150,                                                  \
			250,                                                  \
			500,                                                  \
			1000                                                  \
		}                                                             \
	}
#define PER_MILLE                                                             \
	{                                                                     \
		.bounds = { 1, 5, 10, 20, 50, 100, 200, 500 }                 \
	}
#define SCORES                                                                \
	{                                                                     \
		.bounds = {                                                   \
			150,                                                  \
			200,                                                  \
			250,                                                  \
			300,                                                  \
			340,                                                  \
			360,                                                  \
			380,                                                  \
			400,                                                  \
			420,                                                  \
			441                                                   \
		}                                                             \
	}
struct cdr_quality cdr_quality = {
    .jitter = {MILLISECONDS, MILLISECONDS},
    .rtt = {MILLISECONDS, MILLISECONDS},
    .loss = {PER_MILLE, PER_MILLE},
    .mos = {SCORES, SCORES},
    .sound = {.bounds = {100, 250, 500, 1000, 2000, 5000, 10000, 20000, 40000,
			 60000}},
};

/* To memory, and to each file. */
static void publish(struct cdr *c, struct cdr_record *r)
{
	struct cdr_record **at = &c->recent[c->records++ % CDR_RECENT_MAX];

	for (unsigned i = 0; i < c->sinkc; i++) {
		struct cdr_record *copy = cdr_record_copy(r);

		if (copy)
			cdr_sink_put(c->sinks[i], copy);
		else
			log_error("records: out of memory, %s is lost\n",
				  r->text[CDR_ID]);
	}
	free(*at);
	*at = r;
}

static void waiting_destructor(void *arg)
{
	struct waiting *w = arg;

	tmr_cancel(&w->timer);
	hash_unlink(&w->le);
	--w->c->pending;
	if (w->r)
		publish(w->c, w->r);
}

static void media_missing(void *arg)
{
	mem_deref(arg);
}

static bool flush(struct le *le, void *arg)
{
	(void)arg;
	mem_deref(le->data);

	return false;
}

static void stop_sinks(struct cdr *c)
{
	while (c->sinkc)
		cdr_sink_stop(c->sinks[--c->sinkc], STOP_WAIT);
}

static void cdr_destructor(void *arg)
{
	struct cdr *c = arg;

	if (c->waiting)
		(void)hash_apply(c->waiting, flush, NULL);
	mem_deref(c->waiting);
	stop_sinks(c);
	cdr_records_free(c->past);
	for (unsigned i = 0; i < CDR_RECENT_MAX; i++)
		free(c->recent[i]);
}

static int start_sinks(struct cdr *c, const struct config_records *conf)
{
	int err = 0;

	if (conf->csv) {
		err = cdr_sink_start(&c->sinks[c->sinkc], &cdr_csv, conf);
		c->sinkc += !err;
	}
	if (!err && conf->sqlite) {
		err = cdr_sink_start(&c->sinks[c->sinkc], &cdr_sqlite, conf);
		c->sinkc += !err;
	}

	return err;
}

int cdr_alloc(struct cdr **cp, const struct config_records *conf)
{
	struct cdr *c;
	int err;

	c = mem_zalloc(sizeof(*c), cdr_destructor);
	if (!c)
		return ENOMEM;

	err = hash_alloc(&c->waiting, NAMES);
	if (!err)
		err = start_sinks(c, conf);
	if (err)
		mem_deref(c);
	else
		*cp = c;

	return err;
}

void cdr_reopen(struct cdr *c)
{
	for (unsigned i = 0; c && i < c->sinkc; i++)
		cdr_sink_reopen(c->sinks[i]);
}

/* ---- what a record says ---- */

/* "xmpp:" makes of an address an URI, and "sip:" is one. */
static const char *xmpp_uri(char **up, const char *jid)
{
	*up = NULL;
	if (jid && !re_sdprintf(up, "xmpp:%s", jid))
		return *up;

	return NULL;
}

static int64_t or_none(uint64_t v)
{
	return v ? (int64_t)v : CDR_NONE;
}

static void draft_times(struct cdr_draft *d, const struct call_end *end)
{
	d->v[CDR_START] = (int64_t)end->at;
	d->v[CDR_END] = (int64_t)(end->at + end->lasted);
	d->v[CDR_RINGING] = or_none(end->ringing);
	d->v[CDR_DURATION] = 0;
	if (end->answered) {
		d->v[CDR_ANSWER] = (int64_t)end->talking;
		d->v[CDR_DURATION] = (int64_t)(end->lasted - end->talking);
	}
}

static const char *const who[] = {
    [CALL_BY_GATEWAY] = "gateway",
    [CALL_BY_XMPP] = "xmpp",
    [CALL_BY_SIP] = "sip",
};

static struct cdr_record *record_of(const struct call_end *end)
{
	struct cdr_record *r;
	struct cdr_draft d;
	char *user, *peer;

	cdr_draft_init(&d);
	draft_times(&d, end);
	d.text[CDR_ID] = end->id;
	d.text[CDR_DIRECTION] = end->from_xmpp ? "xmpp-sip" : "sip-xmpp";
	d.text[CDR_OUTCOME] = call_outcome_name(end->outcome);
	d.text[CDR_USER] = xmpp_uri(&user, end->x->jid);
	d.text[CDR_USER_SIP] = end->as;
	d.text[CDR_PEER] = end->s->uri;
	d.text[CDR_PEER_JID] = xmpp_uri(&peer, end->s->jid);
	d.text[CDR_PEER_NAME] = end->s->name;
	d.text[CDR_TRUNK] = end->trunk;
	d.text[CDR_ROUTE] = end->rule;
	d.text[CDR_DIVERTED] = end->diverted;
	d.text[CDR_ENDED_BY] = who[end->by];
	d.text[CDR_REASON] = reason_name(end->reason);
	d.text[CDR_CAUSE] = call_end_words(end);
	d.text[CDR_CODEC] = end->codec;
	d.v[CDR_SIP_CODE] = or_none(end->sip_code);
	d.v[CDR_Q850] = or_none(end->q850);
	r = cdr_record_new(&d);
	mem_deref(user);
	mem_deref(peer);

	return r;
}

void cdr_ended(const struct call_end *end, void *arg)
{
	struct waiting *w = NULL;
	struct cdr *c = arg;
	struct cdr_record *r;

	if (!c)
		return;

	r = record_of(end);
	if (!r) {
		log_error("call %s: no memory for its record\n", end->name);
		return;
	}
	if (end->media)
		w = mem_zalloc(sizeof(*w), waiting_destructor);
	if (!w) {
		publish(c, r);
		return;
	}

	w->c = c;
	w->r = r;
	w->begun = end->begun;
	str_ncpy(w->name, end->name, sizeof(w->name));
	hash_append(c->waiting, hash_joaat_str(w->name), &w->le, w);
	++c->pending;
	tmr_start(&w->timer, MEDIA_WAIT, media_missing, w);
}

/* ---- its media ---- */

static void add(struct media_count *sum, const struct media_count *c)
{
	sum->rx_packets += c->rx_packets;
	sum->tx_packets += c->tx_packets;
	sum->rx_lost += c->rx_lost;
	sum->jitter_us = MAX(sum->jitter_us, c->jitter_us);
	sum->rtt_us = c->rtt_us ? c->rtt_us : sum->rtt_us;
}

static void count_quality(bool x, const char *codec,
			  const struct media_count *c)
{
	if (!c->rx_packets)
		return;

	histogram_add(&cdr_quality.jitter[x], c->jitter_us / 1000);
	histogram_add(&cdr_quality.loss[x], cdr_loss(c));
	histogram_add(&cdr_quality.mos[x], cdr_mos(codec, c));
	if (c->rtt_us)
		histogram_add(&cdr_quality.rtt[x], c->rtt_us / 1000);
}

static void take_media(struct waiting *w, const struct media_stat *stats,
		       unsigned n)
{
	uint64_t first[2] = {0, 0}, both;
	struct media_count sum[2];

	memset(sum, 0, sizeof(sum));
	for (unsigned i = 0; i < n; i++) {
		const struct media_stat *s = &stats[i];
		uint64_t *f = &first[s->ice];

		add(&sum[s->ice], &s->count);
		if (s->first_us && (!*f || s->first_us < *f))
			*f = s->first_us;
	}

	for (unsigned x = 0; x < 2; x++) {
		cdr_record_media(w->r, x, &sum[x]);
		count_quality(x, w->r->text[CDR_CODEC], &sum[x]);
	}
	if (!first[0] || !first[1])
		return;

	both = MAX(first[0], first[1]) / 1000;
	both = both > w->begun ? both - w->begun : 0;
	w->r->v[CDR_MEDIA] = (int64_t)both;
	histogram_add(&cdr_quality.sound, both);
}

static bool is_name(struct le *le, void *arg)
{
	const struct waiting *w = le->data;

	return !strcmp(w->name, arg);
}

void cdr_media(const char *name, const struct media_stat *stats, unsigned n,
	       void *arg)
{
	struct cdr *c = arg;
	struct waiting *w;
	char key[16];

	if (!c)
		return;

	str_ncpy(key, name, sizeof(key));
	w = list_ledata(
	    hash_lookup(c->waiting, hash_joaat_str(key), is_name, key));
	if (!w)
		return;

	take_media(w, stats, n);
	mem_deref(w);
}

/* ---- after a crash ---- */

int cdr_crashed(struct cdr *c, const struct cdr_crash *crash)
{
	struct cdr_record *r;
	struct cdr_draft d;
	char id[CALL_ID_SIZE], *user, *peer;

	if (!c || !crash->name)
		return EINVAL;

	call_id_print(id, crash->at, crash->name);
	cdr_draft_init(&d);
	d.text[CDR_ID] = id;
	d.text[CDR_DIRECTION] = crash->from_xmpp ? "xmpp-sip" : "sip-xmpp";
	d.text[CDR_OUTCOME] = call_outcome_name(OUTCOME_CRASH);
	d.text[CDR_USER] = xmpp_uri(&user, crash->user);
	d.text[CDR_USER_SIP] = crash->as;
	d.text[CDR_PEER] = crash->peer;
	d.text[CDR_PEER_JID] = xmpp_uri(&peer, crash->peer_jid);
	d.text[CDR_TRUNK] = crash->trunk;
	d.text[CDR_ENDED_BY] = who[CALL_BY_GATEWAY];
	d.text[CDR_CAUSE] = call_outcome_name(OUTCOME_CRASH);
	d.v[CDR_START] = (int64_t)crash->at;
	d.v[CDR_END] = (int64_t)MAX(crash->ended, crash->at);
	d.v[CDR_DURATION] = 0;
	if (crash->talking) {
		d.v[CDR_ANSWER] = (int64_t)crash->talking;
		d.v[CDR_DURATION] =
		    d.v[CDR_END] - d.v[CDR_START] - (int64_t)crash->talking;
		d.v[CDR_DURATION] = MAX(d.v[CDR_DURATION], 0);
	}
	r = cdr_record_new(&d);
	mem_deref(user);
	mem_deref(peer);
	if (!r)
		return ENOMEM;

	r->again = true;
	publish(c, r);

	return 0;
}

/* ---- for admin ---- */

static const struct cdr_record *recent(const struct cdr *c, uint64_t i)
{
	if (i >= MIN(c->records, CDR_RECENT_MAX))
		return NULL;

	return c->recent[(c->records - 1 - i) % CDR_RECENT_MAX];
}

/* Written again after a crash, or before the file was read. */
static bool is_recent(const struct cdr *c, const struct cdr_record *r)
{
	const struct cdr_record *x;

	for (uint64_t i = 0; (x = recent(c, i)); i++) {
		if (!strcmp(x->text[CDR_ID], r->text[CDR_ID]))
			return true;
	}

	return false;
}

/* By the last of the files: they have the same. */
static void past_take(struct cdr *c)
{
	if (!c->past && c->sinkc)
		c->past = cdr_sink_recalled(c->sinks[c->sinkc - 1]);
}

static void add_match(json_t *list, const struct cdr_record *r,
		      const struct cdr_filter *f)
{
	if (cdr_record_matches(r, f))
		(void)json_array_append_new(list, cdr_record_json(r));
}

json_t *cdr_json(struct cdr *c, const struct cdr_filter *f, unsigned max)
{
	json_t *list = json_array();
	const struct cdr_record *r;

	if (!c || !list)
		return list;

	past_take(c);
	for (uint64_t i = 0; json_array_size(list) < max && (r = recent(c, i));
	     i++)
		add_match(list, r, f);
	for (r = c->past; r && json_array_size(list) < max; r = r->next) {
		if (!is_recent(c, r))
			add_match(list, r, f);
	}

	return list;
}

void cdr_status(const struct cdr *c, struct cdr_status *st)
{
	memset(st, 0, sizeof(*st));
	if (!c)
		return;

	st->records = c->records;
	st->pending = c->pending;
	st->filec = c->sinkc;
	for (unsigned i = 0; i < c->sinkc; i++) {
		cdr_sink_status(c->sinks[i], &st->files[i]);
		if (st->files[i].trouble)
			st->trouble = st->files[i].trouble;
	}
}
