/* metrics.c: prints the table of series as OpenMetrics 1.0. */
#include "admin/metrics.h"
#include <stdio.h>
#include <string.h>
#include "admin/metrics_int.h"
#include "admin/run.h"

struct sample { /* of one series */
	const char *name, *suffix;
	const char *a, *b; /* labels, or NULL */
	char le[32];	   /* of a histogram's bucket; "": none */
};

static const char *const type_names[] = {
    [METRICS_COUNTER] = "counter",
    [METRICS_GAUGE] = "gauge",
    [METRICS_HISTOGRAM] = "histogram",
    [METRICS_INFO] = "info",
};
static const char *const suffixes[] = {
    [METRICS_COUNTER] = "_total",
    [METRICS_GAUGE] = "",
    [METRICS_HISTOGRAM] = "",
    [METRICS_INFO] = "_info",
};

/* 12340 with a scale of 1000: "12.34"; a bound is never without a point. */
static void scaled_print(char *buf, size_t size, uint64_t v, unsigned scale,
			 bool bound)
{
	const unsigned by = scale ? scale : 1;
	unsigned rest = (unsigned)(v % by), unit = by;
	int n;

	n = snprintf(buf, size, "%llu%s", (unsigned long long)v / by,
		     rest || bound ? "." : "");
	if (!rest && bound)
		(void)snprintf(buf + n, size - (size_t)n, "0");
	for (; rest; rest %= unit) {
		unit /= 10;
		n += snprintf(buf + n, size - (size_t)n, "%u", rest / unit);
	}
}

static int sample_print(struct re_printf *pf, const struct sample *s,
			const char *value)
{
	const bool any = s->a || s->b || s->le[0];
	int err;

	err =
	    re_hprintf(pf, "%s%s%s%s%s%s", s->name, s->suffix, any ? "{" : "",
		       s->a ? s->a : "", s->b ? "," : "", s->b ? s->b : "");
	if (!err && s->le[0])
		err = re_hprintf(pf, "%sle=\"%s\"", s->a ? "," : "", s->le);

	return err ? err : re_hprintf(pf, "%s %s\n", any ? "}" : "", value);
}

static int number_print(struct re_printf *pf, const struct sample *s,
			uint64_t v, unsigned scale)
{
	char buf[48];

	scaled_print(buf, sizeof(buf), v, scale, false);

	return sample_print(pf, s, buf);
}

static int histogram_print(struct re_printf *pf, const struct sample *like,
			   const struct histogram *h, unsigned scale)
{
	const unsigned n = histogram_bounds(h);
	struct sample s = *like;
	uint64_t sum = 0;
	int err = 0;

	s.suffix = "_bucket";
	for (unsigned i = 0; i < n && !err; i++) {
		sum += h->n[i];
		scaled_print(s.le, sizeof(s.le), h->bounds[i], scale, true);
		err = number_print(pf, &s, sum, 0);
	}
	str_ncpy(s.le, "+Inf", sizeof(s.le));
	if (!err)
		err = number_print(pf, &s, h->count, 0);
	s.le[0] = '\0';
	s.suffix = "_count";
	if (!err)
		err = number_print(pf, &s, h->count, 0);
	s.suffix = "_sum";

	return err ? err : number_print(pf, &s, h->sum, scale);
}

static int series_print(struct re_printf *pf, const struct metrics_family *f,
			const void *base, size_t at, const struct sample *s)
{
	if (f->type == METRICS_HISTOGRAM)
		return histogram_print(
		    pf, s, (const struct histogram *)base + at, f->scale);

	return number_print(pf, s, ((const uint64_t *)base)[at], f->scale);
}

static int row_print(struct re_printf *pf, const struct metrics_family *f,
		     const void *base, size_t row, struct sample *s)
{
	int err = 0;

	if (!f->labels2)
		return series_print(pf, f, base, row, s);

	for (size_t i = 0; f->labels2[i] && !err; i++) {
		s->b = f->labels2[i];
		err = series_print(pf, f, base, row * f->stride + i, s);
	}

	return err;
}

/* The older text has a family called as its series are, and no units. */
static int head_print(struct re_printf *pf, const struct metrics_family *f,
		      bool open)
{
	const char *suffix = open ? "" : suffixes[f->type];
	const char *type = type_names[f->type];
	int err;

	if (!open && f->type == METRICS_INFO)
		type = type_names[METRICS_GAUGE];
	err = re_hprintf(pf, "# HELP %s%s %s\n# TYPE %s%s %s\n", f->name,
			 suffix, f->help, f->name, suffix, type);
	if (!err && open && f->unit)
		err = re_hprintf(pf, "# UNIT %s %s\n", f->name, f->unit);

	return err;
}

static int family_print(struct re_printf *pf, const struct metrics_family *f,
			const struct metrics_now *now, bool open)
{
	const void *base =
	    f->now ? (const char *)now + f->offset : (const char *)f->at;
	struct sample s = {.name = f->name, .suffix = suffixes[f->type]};
	int err = head_print(pf, f, open);

	if (!f->labels)
		return err ? err : series_print(pf, f, base, 0, &s);

	for (size_t i = 0; f->labels[i] && !err; i++) {
		s.a = f->labels[i];
		err = row_print(pf, f, base, i, &s);
	}

	return err;
}

static int all_print(struct re_printf *pf, const struct gateway *gw, bool open)
{
	struct metrics_now now;
	int err = 0;

	metrics_now(&now, gw);
	for (size_t i = 0; i < metrics_familyc && !err; i++)
		err = family_print(pf, &metrics_families[i], &now, open);

	return err || !open ? err : re_hprintf(pf, "# EOF\n");
}

int metrics_print(struct re_printf *pf, const struct gateway *gw)
{
	return all_print(pf, gw, true);
}

int metrics_print_text(struct re_printf *pf, const struct gateway *gw)
{
	return all_print(pf, gw, false);
}

void cmd_metrics(struct command_run *r)
{
	const char *format = command_arg(r, "format");

	(void)mbuf_printf(command_text(r), "%H",
			  format && !strcmp(format, "prometheus")
			      ? metrics_print_text
			      : metrics_print,
			  command_gateway(r));
	command_done(r);
}
