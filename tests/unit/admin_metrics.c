/* admin_metrics.c: the table of series and how it is printed. */
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include "admin/cdr_int.h"
#include "admin/metrics_int.h"
#include "sip/sipcount.h"
#include "xmpp/stanzacount.h"
#include "suite.h"

static struct config config = {.file = (char[]){"t"}};
static struct gateway gw = {.config = &config};

static void setup(void)
{
	ck_assert_int_eq(0, libre_init());
}

static void teardown(void)
{
	gw.cdr = mem_deref(gw.cdr);
	libre_close();
}

static char *printed(re_printf_h *h)
{
	char *s = NULL;

	ck_assert_int_eq(0, re_sdprintf(&s, "%H", h, &gw));

	return s;
}

static unsigned lines(const char *s)
{
	unsigned n = 0;

	for (; *s; s++)
		n += *s == '\n';

	return n;
}

static int print_open(struct re_printf *pf, void *arg)
{
	return metrics_print(pf, arg);
}

static int print_text(struct re_printf *pf, void *arg)
{
	return metrics_print_text(pf, arg);
}

static unsigned count(const char *const *labels)
{
	unsigned n = 0;

	while (labels && labels[n])
		++n;

	return n;
}

/* The lists of labels stand beside the enumerations whose arrays they are of.
 */
START_TEST(labels)
{
	static const struct {
		const char *family;
		unsigned n, n2;
	} want[] = {
	    {"stoxd_calls_ended", 2, OUTCOME_CRASH},
	    {"stoxd_calls_active", 2, METRICS_STAGES},
	    {"stoxd_sip_received_requests", SIPCOUNT_METHODS, 0},
	    {"stoxd_sip_sent_requests", SIPCOUNT_METHODS - 1, 0},
	    {"stoxd_sip_sent_responses", SIPCOUNT_CLASSES, 0},
	    {"stoxd_sip_gate_messages", GATE_VERDICTS, 0},
	    {"stoxd_sip_refused_requests", REFUSE_WHYS, 0},
	    {"stoxd_xmpp_sent_stanzas", STANZACOUNT_KINDS, 0},
	};
	unsigned found = 0;

	for (size_t i = 0; i < metrics_familyc; i++) {
		const struct metrics_family *f = &metrics_families[i];

		/* no row of two lists reaches into the next */
		ck_assert_uint_ge(f->stride, count(f->labels2));
		for (size_t k = 0; k < ARRAY_SIZE(want); k++) {
			if (strcmp(f->name, want[k].family) != 0)
				continue;
			ck_assert_uint_eq(count(f->labels), want[k].n);
			ck_assert_uint_eq(count(f->labels2), want[k].n2);
			++found;
		}
	}
	ck_assert_uint_eq(found, ARRAY_SIZE(want));
	ck_assert_uint_ge(metrics_familyc, 60);
}
END_TEST

static const char *const *labels_of(const char *family, bool second)
{
	for (size_t i = 0; i < metrics_familyc; i++) {
		if (!strcmp(metrics_families[i].name, family))
			return second ? metrics_families[i].labels2
				      : metrics_families[i].labels;
	}
	ck_abort_msg("%s", family);

	return NULL;
}

static void label_is(const char *const *list, unsigned at, const char *value)
{
	char want[64];

	(void)re_snprintf(want, sizeof(want), "=\"%s\"", value);
	ck_assert_msg(strstr(list[at], want) != NULL, "%s is not %s", list[at],
		      want);
}

START_TEST(label_names)
{
	const char *const *v;

	v = labels_of("stoxd_calls_ended", true);
	for (unsigned i = 0; i < OUTCOME_CRASH; i++)
		label_is(v, i, call_outcome_name(i));
	v = labels_of("stoxd_sip_sent_requests", false);
	for (unsigned i = 0; i < SIPCOUNT_METHODS - 1; i++)
		label_is(v, i, sipcount_method(i));
	v = labels_of("stoxd_sip_gate_messages", false);
	for (unsigned i = 0; i < GATE_VERDICTS; i++)
		label_is(v, i, gate_verdict_name(i));
	v = labels_of("stoxd_sip_refused_requests", false);
	for (unsigned i = 0; i < REFUSE_WHYS; i++)
		label_is(v, i, refuse_why_name(i));
}
END_TEST

static char *file_text(const char *path)
{
	enum { MOST = 1 << 17 };
	FILE *f = fopen(path, "r");
	char *s = calloc(1, MOST);
	size_t n = f && s ? fread(s, 1, MOST - 1, f) : 0;

	ck_assert_msg(n > 0 && n < MOST - 1, "%s", path);
	(void)fclose(f);

	return s;
}

/* Is there a line that begins with these n bytes and then ends or goes on with
 * a space? */
static bool has_line(const char *text, const char *line, size_t n)
{
	while (text) {
		if (!strncmp(text, line, n) && strchr(" \n", text[n]))
			return true;
		text = strchr(text, '\n');
		text += text != NULL;
	}

	return false;
}

/* What has a line of its own in tests/data/metrics.txt. */
static bool is_listed(const char *series, size_t n)
{
	const size_t name = strcspn(series, "{ ");

	return n && series[0] != '#' &&
	       !(name > 7 && !strncmp(series + name - 7, "_bucket", 7)) &&
	       !(name > 4 && !strncmp(series + name - 4, "_sum", 4));
}

/* tests/data/metrics.txt: these series, by these names and labels. */
START_TEST(series)
{
	char *want = file_text("tests/data/metrics.txt"), *line;
	char *s = printed(print_open);
	unsigned n = 0, is = 0;

	for (line = want; *line;
	     line += strcspn(line, "\n"), line += !!*line) {
		const size_t len = strcspn(line, " \n");

		if (!is_listed(line, len))
			continue;
		ck_assert_msg(has_line(s, line, len), "no %.*s", (int)len,
			      line);
		++n;
	}
	ck_assert_uint_ge(n, 190);
	for (line = s; *line; line += strcspn(line, "\n"), line += !!*line) {
		const size_t len = strcspn(line, " \n");

		if (!is_listed(line, len))
			continue;
		ck_assert_msg(has_line(want, line, len), "%.*s is new",
			      (int)len, line);
		++is;
	}
	ck_assert_uint_eq(is, n);
	mem_deref(s);
	free(want);
}
END_TEST

/* docs/metrics.md: type, names of labels and words of each family. */
START_TEST(families)
{
	static const char *const units[] = {"seconds", "bytes", "ratio"};
	char *doc = file_text("docs/metrics.md"), *s = printed(print_open);
	char name[64], type[16], names[64], words[128], want[256], *line;
	unsigned n = 0;

	for (line = doc; (line = strstr(line, "\n| `")) != NULL; n++) {
		char *first;

		names[0] = '\0';
		if (sscanf(++line,
			   "| `%63[a-z0-9_]` | %15[a-z] | %63[a-z, ]| "
			   "%127[^|\n]",
			   name, type, names, words) != 4)
			ck_assert_int_eq(
			    sscanf(line,
				   "| `%63[a-z0-9_]` | %15[a-z] |  | "
				   "%127[^|\n]",
				   name, type, words),
			    3);
		(void)re_snprintf(want, sizeof(want), "# TYPE %s %s\n", name,
				  type);
		ck_assert_msg(strstr(s, want) != NULL, "%s", want);
		while (*words && words[strlen(words) - 1] == ' ')
			words[strlen(words) - 1] = '\0';
		(void)re_snprintf(want, sizeof(want), "# HELP %s %s\n", name,
				  words);
		first = strstr(s, want);
		ck_assert_msg(first != NULL, "%s", want);
		/* OpenMetrics 4.4: a name ends in its unit */
		for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
			const char *end = strrchr(name, '_');

			if (strcmp(end + 1, units[i]))
				continue;
			(void)re_snprintf(want, sizeof(want), "# UNIT %s %s\n",
					  name, units[i]);
			ck_assert_msg(strstr(s, want) != NULL, "%s", want);
		}
		names[strcspn(names, ", ")] = '\0';
		if (!names[0])
			continue;
		(void)re_snprintf(want, sizeof(want), "{%s=\"", names);
		first = strchr(first, '{');
		ck_assert_msg(first && !strncmp(first, want, strlen(want)),
			      "%s: %.40s", name, first);
	}
	ck_assert_uint_eq(n, metrics_familyc);
	mem_deref(s);
	free(doc);
}
END_TEST

START_TEST(numbers)
{
	char *s;

	histogram_add(&call_counts.ringing[1], 50);
	histogram_add(&call_counts.ringing[1], 51);
	histogram_add(&call_counts.ringing[1], 500000);
	sipcount_message(true, "INVITE sip:a SIP/2.0\r\n", 22);
	sipcount_message(false, "INVITED sip:a SIP/2.0\r\n", 23);
	sipcount_message(false, "SIP/2.0 404 Not Found\r\n", 23);
	sipcount_message(false, "SIP/2.0 999 What\r\n", 18);
	s = printed(print_open);
#define HAS(line) ck_assert_msg(strstr(s, line) != NULL, "%s", line)
	HAS("\nstoxd_call_ringing_seconds_bucket{direction=\"xmpp-sip\","
	    "le=\"0.05\"} 1\n");
	HAS("\nstoxd_call_ringing_seconds_bucket{direction=\"xmpp-sip\","
	    "le=\"0.1\"} 2\n");
	HAS("\nstoxd_call_ringing_seconds_bucket{direction=\"xmpp-sip\","
	    "le=\"180.0\"} 2\n");
	HAS("\nstoxd_call_ringing_seconds_bucket{direction=\"xmpp-sip\","
	    "le=\"+Inf\"} 3\n");
	HAS("\nstoxd_call_ringing_seconds_sum{direction=\"xmpp-sip\"} "
	    "500.101\n");
	HAS("\nstoxd_sip_sent_requests_total{method=\"INVITE\"} 1\n");
	HAS("\nstoxd_sip_received_requests_total{method=\"other\"} 1\n");
	HAS("\nstoxd_sip_received_responses_total{class=\"4xx\"} 1\n");
	HAS("# TYPE stoxd_calls_started counter\n");
	ck_assert_str_eq(s + strlen(s) - 6, "# EOF\n");
	mem_deref(s);

	s = printed(print_text);
	HAS("# TYPE stoxd_calls_started_total counter\n");
	HAS("# TYPE stoxd_build_info gauge\n");
	HAS("# TYPE stoxd_calls_active gauge\n");
	HAS("# TYPE stoxd_call_duration_seconds histogram\n");
	ck_assert_ptr_null(strstr(s, "# EOF"));
	mem_deref(s);
}
END_TEST

/* Whoever calls and writes: neither series nor memory are more. */
START_TEST(a_million_users)
{
	enum { USERS = 1000000, WARM = 2000, SPARE = 1 << 20 };
	const struct config_records none = {0};
	char jid[64], uri[64], sip[96];
	struct peer x = {.jid = jid}, s = {.jid = uri, .uri = uri};
	struct ending why = {.reason = REASON_DECLINE};
	struct call_end end = {.name = "1",
			       .x = &x,
			       .s = &s,
			       .trunk = "pbx",
			       .rule = "",
			       .codec = "",
			       .why = &why,
			       .from_xmpp = true,
			       .refused = true};
	unsigned before, n;
	size_t used = 0;
	char *text;

	ck_assert_int_eq(0, cdr_alloc(&gw.cdr, &none));
	text = printed(print_open);
	before = lines(text);
	mem_deref(text);
	for (unsigned i = 0; i < USERS; i++) {
		if (i == WARM)
			used = mallinfo2().uordblks;
		(void)re_snprintf(jid, sizeof(jid), "u%07u@example.com", i);
		(void)re_snprintf(uri, sizeof(uri), "sip:+49%010u@x", i);
		n = (unsigned)re_snprintf(sip, sizeof(sip), "M%07u %s SIP/2.0",
					  i, uri);
		sipcount_message(false, sip, n);
		call_end_judge(&end);
		cdr_ended(&end, gw.cdr);
	}
	ck_assert_uint_le(mallinfo2().uordblks, used + SPARE);
	text = printed(print_open);
	ck_assert_uint_eq(lines(text), before);
	ck_assert_ptr_null(strstr(text, "example.com"));
	mem_deref(text);
}
END_TEST

/* A folder that is not there: the queues fill to their bound. */
START_TEST(lost_records)
{
	const struct config_records conf = {
	    .csv = (char[]){"/nonexistent/calls.csv"},
	    .sqlite = (char[]){"/nonexistent/calls.db"}};
	struct ending why = {.reason = REASON_DECLINE};
	struct peer x = {0};
	struct call_end end = {.name = "1",
			       .x = &x,
			       .s = &x,
			       .trunk = "",
			       .rule = "",
			       .codec = "",
			       .why = &why,
			       .refused = true};
	char *s;

	ck_assert_int_eq(0, cdr_alloc(&gw.cdr, &conf));
	for (unsigned i = 0; i < CDR_WAITING_MAX + 3; i++)
		cdr_ended(&end, gw.cdr);
	s = printed(print_open);
	HAS("\nstoxd_records_lost_total{file=\"csv\"} 3\n");
	HAS("\nstoxd_records_lost_total{file=\"sqlite\"} 3\n");
	mem_deref(s);
}
END_TEST

/* What a look from outside may miss, for it is soon over. */
START_TEST(waiting_records)
{
	const struct config_records conf = {
	    .csv = (char[]){"/nonexistent/calls.csv"},
	    .sqlite = (char[]){"/nonexistent/calls.db"}};
	struct ending why = {.reason = REASON_DECLINE};
	struct peer x = {0};
	struct call_end end = {.name = "1",
			       .x = &x,
			       .s = &x,
			       .trunk = "",
			       .rule = "",
			       .codec = "",
			       .why = &why};
	char *s;

	ck_assert_int_eq(0, cdr_alloc(&gw.cdr, &conf));
	cdr_ended(&end, gw.cdr);
	end.name = "2";
	end.media = true;
	cdr_ended(&end, gw.cdr);
	s = printed(print_open);
	HAS("\nstoxd_records_waiting{file=\"csv\"} 1\n");
	HAS("\nstoxd_records_waiting{file=\"sqlite\"} 1\n");
	HAS("\nstoxd_records_pending 1\n");
	mem_deref(s);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("metrics");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, labels);
	tcase_add_test(tc, label_names);
	tcase_add_test(tc, series);
	tcase_add_test(tc, families);
	tcase_add_test(tc, numbers);
	tcase_add_test(tc, a_million_users);
	tcase_add_test(tc, lost_records);
	tcase_add_test(tc, waiting_records);

	return suite_run("admin_metrics", tc);
}
