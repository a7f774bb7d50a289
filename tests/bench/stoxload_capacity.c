/* stoxload_capacity.c: how many calls a second are carried, and what becomes
 * of running calls when more than that come. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include "stoxload.h"

enum {
	RATE_MAX = 3000,   /* a second */
	NARROW = 3,	   /* halvings of the interval */
	SETTLE = 1,	   /* s */
	DRAIN_MAX = 15,	   /* s until what was begun has an end */
	OWN_MAX = 85,	   /* percent of a core */
	BEHIND_MAX = 1000, /* ms */
};

#define IN_TIME 0.9 /* of a trial's calls must have begun */

struct trial {
	unsigned attempted, answered, failed;
	double lost;   /* percent, of the calls that were up before */
	double own;    /* percent of a core that the load itself took */
	double behind; /* ms that a packet waited for the load at worst */
};

struct capacity {
	double rate, over;
	struct trial alone, last, overload, after;
	struct hist told;
};

static bool none_in_setup(struct result *r)
{
	(void)r;

	return !load.setting_up;
}

static double lost_percent(const struct tally *t)
{
	return t->sent
		   ? 100.0 * (double)(t->sent - t->received) / (double)t->sent
		   : 0;
}

/* Calls begin at that rate, 0: none, while packets of the others count. */
static void try_rate(const char *name, double rate, struct trial *t)
{
	unsigned attempted = load.attempted, answered = load.answered,
		 failed = load.failed;

	double own = load_own_cpu(), began = (double)load_now();

	memset(&load.tally, 0, sizeof(load.tally));
	load.counting = true;
	load.behind = 0;
	if (rate > 0)
		call_churn(rate);
	load_phase(name, load.opt.duration, NULL, NULL);
	call_unpace();
	load.counting = false;
	t->behind = (double)load.behind / 1e6;
	t->own = 1e8 * (load_own_cpu() - own) / ((double)load_now() - began);
	load_phase("draining", SETTLE, NULL, NULL);
	t->lost = lost_percent(&load.tally);
	load_phase("draining", DRAIN_MAX, none_in_setup, NULL);
	t->attempted = load.attempted - attempted;
	t->answered = load.answered - answered;
	t->failed = load.failed - failed;
}

/* They began in time, and each was answered. */
static bool is_carried(const struct trial *t, double rate)
{
	return t->attempted >= IN_TIME * rate * load.opt.duration &&
	       t->answered == t->attempted && !t->failed;
}

/* Twice, if need be: the machine may have had something else to do. */
static bool carries(const char *name, double rate, struct trial *t)
{
	unsigned i;

	for (i = 0; i < 2; i++) {
		try_rate(name, rate, t);
		if (is_carried(t, rate))
			return true;
	}

	return false;
}

/* The highest rate that was carried; 0: not even the first. */
static double find_rate(struct trial *t)
{
	double low = 0, high = load.opt.rate, middle;
	unsigned i;

	for (; high <= RATE_MAX; high *= 2) {
		if (!carries("doubling", high, t))
			break;
		low = high;
	}
	for (i = 0; i < NARROW && low > 0 && high <= RATE_MAX; i++) {
		middle = (low + high) / 2;
		if (carries("narrowing", middle, t))
			low = middle;
		else
			high = middle;
	}

	return low;
}

static json_t *trial_json(const struct trial *t)
{
	return json_pack("{s:i,s:i,s:i,s:f,s:f,s:f}", "attempted",
			 (int)t->attempted, "answered", (int)t->answered,
			 "failed", (int)t->failed, "lost_percent", t->lost,
			 "own_core_percent", t->own, "own_behind_ms",
			 t->behind);
}

/* Else the load measured itself: who reads late answers ICE late, too. */
static bool is_valid(const struct trial *t)
{
	return t->own <= OWN_MAX && t->behind <= BEHIND_MAX;
}

static bool all_valid(const struct capacity *c)
{
	return is_valid(&c->alone) && is_valid(&c->overload) &&
	       is_valid(&c->after);
}

static void print_json(const struct capacity *c)
{
	json_t *o =
	    json_pack("{s:b,s:f,s:f,s:o,s:o,s:o,s:{s:f,s:f,s:I},s:o}", "valid",
		      all_valid(c), "rate", c->rate, "overload_rate", c->over,
		      "alone", trial_json(&c->alone), "overload",
		      trial_json(&c->overload), "after", trial_json(&c->after),
		      "told_ms", "p50", hist_at(&c->told, 0.5) / 1000, "p99",
		      hist_at(&c->told, 0.99) / 1000, "n",
		      (json_int_t)c->told.n, "reasons", report_causes());

	if (o)
		(void)json_dumpf(o, stdout,
				 JSON_COMPACT | JSON_REAL_PRECISION(7));
	(void)printf("\n");
	json_decref(o);
}

static void print(const struct capacity *c)
{
	unsigned i;

	(void)printf("%.0f calls a second are carried with %u calls up\n",
		     c->rate, load.opt.calls);
	(void)printf("at %.0f: %u attempted, %u answered, %u failed; told "
		     "after %.0f ms (p50), %.0f ms (p99)\n",
		     c->over, c->overload.attempted, c->overload.answered,
		     c->overload.failed, hist_at(&c->told, 0.5) / 1000,
		     hist_at(&c->told, 0.99) / 1000);
	for (i = 0; i < load.causec; i++)
		(void)printf("  %u times: %s\n", load.causes[i].n,
			     load.causes[i].text);
	(void)printf("loss on the calls that were up: %.3f %% alone, %.3f %% "
		     "under that load, %.3f %% after it\n",
		     c->alone.lost, c->overload.lost, c->after.lost);
	if (!all_valid(c))
		(void)printf("stoxload had no time: the run is not valid\n");
}

/* With opt.calls up. */
void capacity_run(void)
{
	static struct capacity c;

	try_rate("alone", 0, &c.alone);
	c.rate = find_rate(&c.last);
	c.over = 1.5 * (c.rate > 0 ? c.rate : load.opt.rate);
	load.causec = 0;
	memset(&load.told, 0, sizeof(load.told));
	try_rate("overload", c.over, &c.overload);
	c.told = load.told;
	try_rate("after", 0, &c.after);
	report_progress_end();
	if (load_is_over())
		return;
	if (load.opt.json)
		print_json(&c);
	else
		print(&c);
}
