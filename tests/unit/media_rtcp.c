/* media_rtcp.c: RTCP across, row by row of tests/data/media_rtcp.txt, reports
 * of our own, round trips. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "media/packet.h"
#include "media/report.h"
#include "suite.h"

static struct track fwd, rev;
static struct report_map map = {&fwd, &rev, "0123456789abcdef", false,
				1000000000};

static void reset(void)
{
	memset(&fwd, 0, sizeof(fwd));
	memset(&rev, 0, sizeof(rev));
	fwd.started = rev.started = true;
	fwd.in_ssrc = 0xaaaa;
	fwd.out_ssrc = 0xbbbb;
	fwd.ts_add = 0x100;
	fwd.clock = rev.clock = 8000;
	rev.in_ssrc = 0xcccc;
	rev.out_ssrc = 0xdddd;
	rev.seq_add = 0x10;
	rev.in_cycles = 0x10000;
	rev.in_max = 0x20;
}

static size_t from_hex(uint8_t *out, const char *s, const char *end)
{
	size_t n = 0;
	unsigned v;

	while (s < end) {
		if (isspace((unsigned char)*s)) {
			s++;
			continue;
		}
		if (sscanf(s, "%2x", &v) != 1)
			break;
		out[n++] = (uint8_t)v;
		s += 2;
	}

	return n;
}

static void check_row(const char *line)
{
	const char *gt = strchr(line, '>'), *want = gt + 2;
	uint8_t in[256], w[256], out[REPORT_MAX];
	size_t n, wn, len;
	int err;

	reset();
	map.video = !strncmp(line, "video", 5);
	n = from_hex(in, line + 6, gt);
	err = report_translate(out, &len, in, n, &map);
	if (*want == '!') {
		ck_assert_msg(err == EBADMSG, "%s", line);
		return;
	}
	ck_assert_int_eq(err, 0);
	if (*want == '-') {
		ck_assert_msg(!len, "%s", line);
		return;
	}
	wn = from_hex(w, want, want + strlen(want));
	ck_assert_msg(len && memmem(out, len, w, wn), "%s", line);
	ck_assert_int_eq(report_check(out, len), 0);
	ck_assert_msg(out[1] == 200 || out[1] == 201, "%s", line);
	ck_assert_ptr_nonnull(memmem(out, len, "0123456789abcdef", 16));
}

START_TEST(test_table)
{
	FILE *f = fopen("tests/data/media_rtcp.txt", "r");
	char line[512];
	unsigned n = 0;

	ck_assert_ptr_nonnull(f);
	while (fgets(line, sizeof(line), f)) {
		if (line[0] == '#')
			continue;
		line[strcspn(line, "\n")] = '\0';
		check_row(line);
		n++;
	}
	(void)fclose(f);
	ck_assert_uint_eq(n, 34);
}
END_TEST

/* Their SR goes over us; the answer to it gives the round trip. */
START_TEST(test_round_trip)
{
	uint8_t sr[28] = {0x80, 200, 0, 6}, rr[32] = {0x81, 201, 0, 7};
	struct report_map back = {&rev, &fwd, "x", false, 0};
	uint8_t out[REPORT_MAX];
	size_t len;

	reset();
	packet_put32(sr + 4, 0xaaaa);
	packet_put32(sr + 8, 0x12345678);
	packet_put32(sr + 12, 0x9abcdef0);
	map.now = 1000000;
	ck_assert_int_eq(report_translate(out, &len, sr, 28, &map), 0);
	ck_assert_uint_gt(len, 0);
	packet_put32(rr + 8, 0xbbbb);
	packet_put32(rr + 24, 0x56789abc); /* LSR */
	packet_put32(rr + 28, 65536);	   /* 1 s there */
	back.now = 1000000 + 1000000 + 35000;
	ck_assert_int_eq(report_translate(out, &len, rr, 32, &back), 0);
	ck_assert_uint_eq(fwd.rtt_us, 35000);
}
END_TEST

START_TEST(test_own)
{
	uint8_t out[REPORT_MAX];
	struct packet pk = {.seq = 1, .ts = 160, .ssrc = 0xcccc};
	struct track t;
	uint64_t now = 5000000;
	unsigned i;
	size_t n;

	reset();
	track_init(&rev, 0xdddd, 1);
	track_init(&fwd, 0xbbbb, 2);
	map.now = now;
	n = report_make(out, &map, 7);
	ck_assert_uint_eq(out[1], 201); /* nothing sent, nothing received */
	ck_assert_uint_eq(out[0], 0x80);
	ck_assert_int_eq(report_check(out, n), 0);
	/* 100 expected, each tenth lost; then a report */
	for (i = 1; i <= 100; i++, now += 20000) {
		pk.seq = (uint16_t)i;
		pk.ts = i * 160;
		pk.ssrc = 0xcccc;
		if (i % 10 != 5)
			ck_assert_int_eq(track_map(&rev, &pk, 8000, now), 0);
	}
	pk.seq = 77;
	pk.ts = 1000;
	track_sent(&fwd, &pk, 8000, 160, now);
	map.now = now + 1000000;
	n = report_make(out, &map, 0x0102030405060708);
	ck_assert_int_eq(report_check(out, n), 0);
	ck_assert_uint_eq(out[0], 0x81);
	ck_assert_uint_eq(out[1], 200);
	ck_assert_uint_eq(packet_u32(out + 4), 0xbbbb);
	ck_assert_uint_eq(packet_u32(out + 8), 0x01020304);
	ck_assert_uint_eq(packet_u32(out + 16), 1000 + 8000);
	ck_assert_uint_eq(packet_u32(out + 20), 1);
	ck_assert_uint_eq(packet_u32(out + 24), 160);
	ck_assert_uint_eq(packet_u32(out + 28), 0xcccc);
	ck_assert_uint_eq(out[32], 25); /* 10 of 100, in 255ths */
	ck_assert_uint_eq(packet_u32(out + 32) & 0xffffff, 10);
	ck_assert_uint_eq(packet_u32(out + 36), 100);
	ck_assert_uint_lt(packet_u32(out + 40), 2); /* no jitter */
	t = rev;
	(void)report_make(out, &map, 9);
	ck_assert_uint_eq(out[32], 0); /* nothing since */
	ck_assert_uint_eq(track_lost(&t), 10);
}
END_TEST

static void map_one(struct track *t, struct packet *pk, uint16_t seq,
		    uint32_t ts, uint32_t ssrc, uint64_t now)
{
	pk->seq = seq;
	pk->ts = ts;
	pk->ssrc = ssrc;
	ck_assert_int_eq(track_map(t, pk, 8000, now), 0);
	track_sent(t, pk, 8000, 160, now);
}

/* Another source goes on behind the last packet, in number and in time. */
START_TEST(test_splice)
{
	struct packet pk = {0}, old = {0};
	struct track t;
	uint64_t now = 0;
	uint16_t seq;
	uint32_t ts;

	track_init(&t, 5, 3);
	map_one(&t, &pk, 65535, 1000, 1, now);
	seq = pk.seq;
	ts = pk.ts;
	map_one(&t, &pk, 0, 1160, 1, now += 20000); /* wrap */
	ck_assert_uint_eq(pk.seq, (uint16_t)(seq + 1));
	ck_assert_uint_eq(pk.ts, ts + 160);
	ck_assert_uint_eq(track_ext_seq(&t), 0x10000);
	map_one(&t, &pk, 40000, 777777, 2, now += 100000); /* SSRC */
	ck_assert_uint_eq(pk.seq, (uint16_t)(seq + 2));
	ck_assert_uint_eq(pk.ts, ts + 160 + 800);
	ck_assert_uint_eq(pk.ssrc, 5);
	/* a wild jump is believed at the second packet */
	old.seq = 100;
	old.ssrc = 2;
	ck_assert_int_eq(track_map(&t, &old, 8000, now), EALREADY);
	map_one(&t, &pk, 101, 5, 2, now += 20000);
	ck_assert_uint_eq(pk.seq, (uint16_t)(seq + 3));
	/* what was before the splice does not come through */
	old.seq = 99;
	old.ssrc = 2;
	ck_assert_int_eq(track_map(&t, &old, 8000, now), EALREADY);
}
END_TEST

START_TEST(test_event_clock)
{
	uint8_t p[4] = {5, 10, 0x12, 0xc0}; /* 4800 */
	struct packet pk = {.marker = true, .ts = 0};
	struct track t;
	uint32_t ts;

	track_init(&t, 5, 3);
	pk.ts = 999;
	track_event(&t, &pk, 48000, p, 48000, 8000, 0);
	ck_assert_uint_eq(packet_u16(p + 2), 800);
	ts = pk.ts;
	pk.marker = false;
	packet_put16(p + 2, 9600);
	track_event(&t, &pk, 48000, p, 48000, 8000, 40000);
	ck_assert_uint_eq(pk.ts, ts);
	ck_assert_uint_eq(packet_u16(p + 2), 1600);
	/* the next segment of a long one: RFC 4733 2.5.1.3 */
	track_event(&t, &pk, 48000 + 48000, p, 48000, 8000, 1000000);
	ck_assert_uint_eq(pk.ts, ts + 8000);
	/* up: saturates */
	packet_put16(p + 2, 60000);
	track_event(&t, &pk, 48000, p, 8000, 48000, 40000);
	ck_assert_uint_eq(packet_u16(p + 2), 0xffff);
	/* equal clocks: untouched */
	packet_put16(p + 2, 60000);
	pk.ts = 42;
	track_event(&t, &pk, 48000, p, 8000, 8000, 40000);
	ck_assert_uint_eq(packet_u16(p + 2), 60000);
	ck_assert_uint_eq(pk.ts, 42);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("all");

	tcase_add_test(tc, test_table);
	tcase_add_test(tc, test_round_trip);
	tcase_add_test(tc, test_own);
	tcase_add_test(tc, test_splice);
	tcase_add_test(tc, test_event_clock);

	return suite_run("media_rtcp", tc);
}
