/* stoxload_report.c: what came out, as a table and as JSON. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include "stoxload.h"

enum {
	CORE_MAX = 85, /* percent; above it the load measures itself */
	LATE_MAX = 1,  /* percent of packets; others had the core */
};

static double per(double a, double b)
{
	return b > 0 ? a / b : 0;
}

double report_own_core(const struct result *r)
{
	return 100 * per(r->media.own, r->media.wall);
}

static bool is_late(void)
{
	return 100 * load.tally.late > LATE_MAX * load.tally.sent;
}

static bool is_valid(const struct result *r)
{
	return report_own_core(r) <= CORE_MAX && !is_late();
}

static double lost_percent(void)
{
	const struct tally *t = &load.tally;

	return 100 * per((double)(t->sent - t->received), (double)t->sent);
}

static json_t *parts(const struct hist *h, double unit)
{
	return json_pack("{s:f,s:f,s:f,s:I}", "p50", hist_at(h, 0.5) / unit,
			 "p95", hist_at(h, 0.95) / unit, "p99",
			 hist_at(h, 0.99) / unit, "n", (json_int_t)h->n);
}

json_t *report_causes(void)
{
	json_t *o = json_object();
	unsigned i;

	for (i = 0; i < load.causec; i++)
		(void)json_object_set_new(o, load.causes[i].text,
					  json_integer(load.causes[i].n));

	return o;
}

static json_t *calls(const struct result *r)
{
	return json_pack("{s:i,s:i,s:i,s:i,s:o,s:o,s:o,s:o,s:f}", "attempted",
			 (int)load.attempted, "answered", (int)load.answered,
			 "failed", (int)load.failed, "ended", (int)load.ended,
			 "reasons", report_causes(), "setup_ms",
			 parts(&load.setup, 1000), "invite_ms",
			 parts(&load.invite, 1000), "proceed_ms",
			 parts(&load.proceed, 1000), "setup_s", r->setup.wall);
}

static json_t *packets(void)
{
	const struct tally *t = &load.tally;

	return json_pack(
	    "{s:I,s:I,s:f,s:I,s:I,s:I,s:o,s:o}", "sent", (json_int_t)t->sent,
	    "received", (json_int_t)t->received, "lost_percent",
	    lost_percent(), "wrong", (json_int_t)t->wrong, "disordered",
	    (json_int_t)t->disordered, "unknown", (json_int_t)t->unknown,
	    "delay_us", parts(&t->delay, 1000), "jitter_us",
	    parts(&t->jitter, 1000));
}

static json_t *process(const struct result *r)
{
	double n = r->set_up;

	return json_pack(
	    "{s:f,s:f,s:f,s:f,s:f,s:f,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I}",
	    "cpu_s", r->media.cpu, "core_percent",
	    100 * per(r->media.cpu, r->media.wall), "packet_us",
	    per(r->media.cpu * 1e6, (double)load.tally.received),
	    "call_us_per_s",
	    per(r->media.cpu * 1e6, r->media.wall * load.opt.calls),
	    "setup_cpu_ms", per(r->setup.cpu * 1e3, n), "end_cpu_ms",
	    per(r->end.cpu * 1e3, n), "rss_start_kb", (json_int_t)r->rss_start,
	    "rss_mark_kb", (json_int_t)r->rss_mark, "marked",
	    (json_int_t)r->marked, "rss_all_kb", (json_int_t)r->rss_all,
	    "rss_first_kb", (json_int_t)r->rss_first, "rss_end_kb",
	    (json_int_t)r->rss_end, "syscalls", (json_int_t)r->asked[0],
	    "allocations", (json_int_t)r->asked[1], "silent_allocations",
	    (json_int_t)r->silent);
}

static json_t *own(const struct result *r)
{
	double n = (double)load.tally.received;

	return json_pack("{s:f,s:f,s:f,s:f,s:I}", "cpu_s", r->media.own,
			 "core_percent", report_own_core(r), "packet_us",
			 per(r->media.own * 1e6, n), "of_process",
			 per(r->media.own, r->media.cpu), "late",
			 (json_int_t)load.tally.late);
}

void report_json(const struct result *r)
{
	json_t *o = json_pack("{s:o,s:o,s:o,s:o,s:b}", "calls", calls(r),
			      "packets", packets(), "process", process(r),
			      "own", own(r), "valid", is_valid(r));

	if (o)
		(void)json_dumpf(o, stdout,
				 JSON_COMPACT | JSON_REAL_PRECISION(7));
	(void)printf("\n");
	json_decref(o);
}

static void line(const char *what, const struct hist *h, double unit)
{
	if (h->n)
		(void)printf("  %-30s %9.2f %9.2f %9.2f\n", what,
			     hist_at(h, 0.5) / unit, hist_at(h, 0.95) / unit,
			     hist_at(h, 0.99) / unit);
}

static void table_process(const struct result *r)
{
	double n = r->set_up;

	(void)printf(
	    "process under test: %.2f s of CPU with all calls up, %.1f %% of "
	    "a core, %.2f us a\n  packet; %.2f ms a set-up, %.2f ms an end; "
	    "resident %ld kB before, %ld with all, %ld after\n",
	    r->media.cpu, 100 * per(r->media.cpu, r->media.wall),
	    per(r->media.cpu * 1e6, (double)load.tally.received),
	    per(r->setup.cpu * 1e3, n), per(r->end.cpu * 1e3, n), r->rss_start,
	    r->rss_all, r->rss_end);
}

void report_table(const struct result *r)
{
	const struct tally *t = &load.tally;
	unsigned i;

	(void)printf("calls: %u attempted, %u answered, %u failed, %u ended\n",
		     load.attempted, load.answered, load.failed, load.ended);
	for (i = 0; i < load.causec; i++)
		(void)printf("  %u times: %s\n", load.causes[i].n,
			     load.causes[i].text);
	(void)printf("packets: %llu sent, %llu received, %.3f %% lost, "
		     "%llu wrong, %llu out of order\n",
		     (unsigned long long)t->sent,
		     (unsigned long long)t->received, lost_percent(),
		     (unsigned long long)t->wrong,
		     (unsigned long long)t->disordered);
	(void)printf("  %-30s %9s %9s %9s\n", "", "p50", "p95", "p99");
	line("set-up, to media both ways, ms", &load.setup, 1000);
	line("to the other side's ring, ms", &load.invite, 1000);
	line("answer to proceed, ms", &load.proceed, 1000);
	line("delay of a packet, us", &t->delay, 1000);
	line("jitter, us", &t->jitter, 1000);
	if (load.opt.pid)
		table_process(r);
	(void)printf("stoxload: %.1f %% of a core, %.2f us a packet, %.2f of "
		     "the process's%s\n",
		     report_own_core(r),
		     per(r->media.own * 1e6, (double)t->received),
		     per(r->media.own, r->media.cpu),
		     is_valid(r) ? ""
		     : is_late() ? "; it had no time to send when it should, "
				   "the run is not valid"
				 : ": too much, the run is not valid");
}

void report_progress(const char *phase)
{
	if (!load.opt.progress)
		return;
	(void)fprintf(stderr,
		      "\r%-10s %u begun, %u up, %u failed, %llu packets\033[K",
		      phase, load.attempted, load.up, load.failed,
		      (unsigned long long)load.tally.received);
}

void report_progress_end(void)
{
	if (load.opt.progress)
		(void)fprintf(stderr, "\r\033[K");
}
