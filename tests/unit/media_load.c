/* media_load.c: what stoxload says is true: its percentiles, which runs count,
 * and that no changed byte of a packet is taken for the one that was sent. */
#include "tests/bench/stoxload_loop.c"
#include "tests/bench/stoxload_report.c"
#include "tests/bench/stoxload_rtp.c"

#include <jansson.h>
#include "suite.h"

struct load load;
static unsigned heard;

void call_heard(struct call *c)
{
	(void)c;
	heard++;
}

void xmpp_flush(void)
{
}

void load_ice_input(struct call *c, const uint8_t *p, size_t len,
		    const struct sockaddr_in *from)
{
	(void)c;
	(void)p;
	(void)len;
	(void)from;
}

struct call *load_ice_find(const uint8_t *p, size_t len)
{
	(void)p;
	(void)len;

	return NULL;
}

/* What is printed from now on is for said(). */
static FILE *listen_to_stdout(void)
{
	FILE *f = tmpfile();

	ck_assert(f && dup2(fileno(f), STDOUT_FILENO) >= 0);

	return f;
}

static const char *said(FILE *f)
{
	static char buf[8192];
	size_t n;

	(void)fflush(stdout);
	rewind(f);
	n = fread(buf, 1, sizeof(buf) - 1, f);
	buf[n] = '\0';

	return buf;
}

START_TEST(test_percentiles)
{
	static const double parts_of[] = {0.5, 0.95, 0.99, 1};
	static struct hist h;
	double want, got;
	uint64_t v;
	unsigned i;

	ck_assert(hist_at(&h, 0.5) < 1);
	for (v = 1; v <= 100000; v++)
		hist_add(&h, v);
	ck_assert_uint_eq(h.n, 100000);
	for (i = 0; i < 4; i++) {
		want = 100000 * parts_of[i];
		got = hist_at(&h, parts_of[i]);
		ck_assert_msg(got > want * 0.96 && got <= want, "%g is %g",
			      want, got);
	}
	/* ns: a minute is the longest */
	memset(&h, 0, sizeof(h));
	hist_add(&h, 60000000000);
	got = hist_at(&h, 0.5);
	ck_assert(got > 4e9);
}
END_TEST

/* All went well but what n says. */
static void result(struct result *r, double own, unsigned late)
{
	memset(r, 0, sizeof(*r));
	memset(&load, 0, sizeof(load));
	r->media.wall = 10;
	r->media.cpu = 4;
	r->media.own = own;
	r->set_up = 10;
	load.opt.pid = 1;
	load.opt.calls = 10;
	load.tally.sent = load.tally.received = 10000;
	load.tally.late = late;
}

static bool says_valid(double own, unsigned late)
{
	FILE *f = listen_to_stdout();
	struct result r;
	json_t *o;
	bool valid, worded;

	result(&r, own, late);
	report_table(&r);
	worded = !strstr(said(f), "not valid");
	f = listen_to_stdout();
	report_json(&r);
	o = json_loads(said(f), 0, NULL);
	ck_assert_ptr_nonnull(o);
	valid = json_is_true(json_object_get(o, "valid"));
	ck_assert_int_eq(valid, worded);
	json_decref(o);

	return valid;
}

/* More than 85 % of its core, or 1 % of the packets 5 ms late: it measured
 * itself. */
START_TEST(test_valid)
{
	ck_assert(says_valid(8.4, 0));
	ck_assert(!says_valid(8.6, 0));
	ck_assert(says_valid(1, 100));
	ck_assert(!says_valid(1, 101));
}
END_TEST

START_TEST(test_reports)
{
	static const char *const words[] = {
	    "40 attempted, 39 answered, 1 failed, 38 ended",
	    "1 times: SIP 503",
	    "10000 sent, 9990 received, 0.100 % lost, 3 wrong",
	    "set-up, to media both ways, ms",
	    "delay of a packet, us",
	    "jitter, us",
	    "p50       p95       p99",
	    "4.00 s of CPU",
	    "40.0 % of a core",
	    "resident 5000 kB before, 9000 with all, 6000 after",
	    "stoxload: 20.0 % of a core, 200.20 us a packet, 0.50 of the",
	};
	FILE *f = listen_to_stdout();
	struct result r;
	unsigned i;

	result(&r, 2, 0);
	r.rss_start = 5000;
	r.rss_all = 9000;
	r.rss_end = 6000;
	load.tally.received = 9990;
	load.tally.wrong = 3;
	load.attempted = 40;
	load.answered = 39;
	load.failed = 1;
	load.ended = 38;
	load.causec = 1;
	load.causes[0].n = 1;
	memcpy(load.causes[0].text, "SIP 503", 8);
	hist_add(&load.setup, 20000);
	hist_add(&load.tally.delay, 60000);
	hist_add(&load.tally.jitter, 9000);
	report_table(&r);
	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		ck_assert_msg(strstr(said(f), words[i]), "%s in\n%s", words[i],
			      said(f));
}
END_TEST

/* A packet as it was sent by c; its length. */
static size_t sent(struct call *c, struct door *d, uint8_t *p)
{
	size_t len;

	d->n = 0;
	send_one(&c->x);
	ck_assert_uint_eq(d->n, 1);
	len = d->iov[0].iov_len;
	memcpy(p, d->buf[0].data, len);

	return len;
}

START_TEST(test_bytes)
{
	static const enum load_media all[] = {LOAD_PCMU, LOAD_OPUS, LOAD_VIDEO,
					      LOAD_MIXED};
	static struct call c;
	static struct door d;
	uint8_t p[LOAD_DATAGRAM];
	unsigned wrong = 0;
	size_t i, len;

	load.opt.media = all[_i];
	load.opt.calls = 1;
	load.counting = true;
	c.state = CALL_UP;
	c.turn = 5;
	c.x.call = c.s.call = &c;
	c.x.from_x = true;
	c.x.ssrc = 77;
	c.x.group = 2;
	for (i = 0; i < LOAD_SOCKETS; i++)
		xdoor[i] = &d;
	len = sent(&c, &d, p);
	take_rtp(&c, false, p, len, load_wall());
	ck_assert_uint_eq(load.tally.received, 1);
	ck_assert_uint_eq(heard, 1);
	ck_assert_uint_eq(load.tally.delay.n, 1);
	/* whose it is, and each byte of the payload */
	len = sent(&c, &d, p);
	for (i = HEADER; i < len; i++) {
		if (i == HEADER + 4)
			i += 20; /* number, time, whether it counts, turn */
		p[i] ^= 1;
		take_rtp(&c, false, p, len, load_wall());
		p[i] ^= 1;
		ck_assert_uint_eq(load.tally.wrong, ++wrong);
	}
	/* cut short, then as it was; twice is one too many */
	take_rtp(&c, false, p, HEADER + MARKS, load_wall());
	ck_assert_uint_eq(load.tally.wrong, wrong + 1);
	ck_assert_uint_eq(load.tally.received, 1);
	take_rtp(&c, false, p, len, load_wall());
	ck_assert_uint_eq(load.tally.received, 2);
	ck_assert_uint_eq(load.tally.jitter.n, 1);
	take_rtp(&c, false, p, len, load_wall());
	ck_assert_uint_eq(load.tally.disordered, 1);
	/* another payload type than the other side was told */
	len = sent(&c, &d, p);
	p[1] ^= 1;
	take_rtp(&c, false, p, len, load_wall());
	ck_assert_uint_eq(load.tally.wrong, wrong + 2);
}
END_TEST

/* Of video: 1100 bytes and a last of 100 to 1099; or any of 300 to 1200. */
START_TEST(test_sizes)
{
	struct stream s = {0};
	unsigned i, least = 9999, most = 0;
	size_t len;

	load.opt.media = LOAD_VIDEO;
	s.group = 2;
	ck_assert_uint_eq(HEADER + payload_size(&s), 1100);
	s.group = 1;
	for (i = 0; i < 2000; i++) {
		s.number = i;
		len = payload_size(&s);
		ck_assert(len >= 100 && len <= 1099);
	}
	load.opt.media = LOAD_MIXED;
	for (i = 0; i < 2000; i++) {
		s.number = i;
		len = HEADER + payload_size(&s);
		ck_assert(len >= 300 && len <= 1200);
		least = len < least ? (unsigned)len : least;
		most = len > most ? (unsigned)len : most;
	}
	ck_assert(least == 300 && most == 1200);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("all");

	tcase_add_test(tc, test_percentiles);
	tcase_add_test(tc, test_valid);
	tcase_add_test(tc, test_reports);
	tcase_add_loop_test(tc, test_bytes, 0, 4);
	tcase_add_test(tc, test_sizes);

	return suite_run("media_load", tc);
}
