/* media_dtmf.c: digits made and understood; the table of digits. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "media/dtmf.h"
#include "media/packet.h"
#include "suite.h"

static void check_row(const char *line)
{
	unsigned event, ms, clock, duration, packets, n = 0, wait, ends = 0;
	struct dtmf d = {0};
	struct dtmf_packet p;
	char digit;

	ck_assert_int_eq(sscanf(line, "%c %u %u %u %u %u", &digit, &event, &ms,
				&clock, &duration, &packets),
			 6);
	ck_assert_int_eq(dtmf_event(digit), (int)event);
	ck_assert_int_eq(dtmf_push(&d, digit, ms), 0);
	do {
		ck_assert(dtmf_next(&d, clock, &p, &wait));
		ck_assert_int_eq(p.first, !n);
		ck_assert_uint_eq(p.payload[0], event);
		ck_assert_int_eq(p.end, p.payload[1] >> 7);
		ends += p.end;
		n++;
	} while (wait);
	ck_assert_uint_eq(ends, 3);
	ck_assert_uint_eq(n, packets);
	ck_assert_uint_eq(packet_u16(p.payload + 2), duration);
	ck_assert(!dtmf_next(&d, clock, &p, &wait));
}

START_TEST(test_table)
{
	FILE *f = fopen("tests/data/media_dtmf.txt", "r");
	char line[128];
	unsigned n = 0;

	ck_assert_ptr_nonnull(f);
	while (fgets(line, sizeof(line), f)) {
		if (strlen(line) < 8 || (line[0] == '#' && line[2] > '9'))
			continue;
		if (!strncmp(line, "# digit", 7) || !strncmp(line, "# cl", 4))
			continue;
		check_row(line);
		n++;
	}
	(void)fclose(f);
	ck_assert_uint_eq(n, 20);
}
END_TEST

START_TEST(test_queue)
{
	struct dtmf d = {0};
	struct dtmf_packet p;
	unsigned i, wait, gaps = 0;

	ck_assert_int_eq(dtmf_push(&d, 'x', 100), EINVAL);
	ck_assert_int_eq(dtmf_push(&d, 0, 100), EINVAL);
	for (i = 0; i < DTMF_QUEUE; i++)
		ck_assert_int_eq(dtmf_push(&d, '1', 40), 0);
	ck_assert_int_eq(dtmf_push(&d, '1', 40), ENOSPC);
	for (i = 0; dtmf_next(&d, 8000, &p, &wait); i++)
		gaps += wait == DTMF_GAP;
	ck_assert_uint_eq(i, DTMF_QUEUE * 4);
	ck_assert_uint_eq(gaps, DTMF_QUEUE - 1);
}
END_TEST

START_TEST(test_receive)
{
	uint8_t p[4] = {11, 10, 0, 160}, e[4] = {11, 0x8a, 3, 0x20};
	struct dtmf_rx rx = {0};
	unsigned ms = 0;

	ck_assert_int_eq(dtmf_receive(&rx, 1000, p, 8000, &ms), 0);
	ck_assert_int_eq(dtmf_receive(&rx, 1000, e, 8000, &ms), '#');
	ck_assert_uint_eq(ms, 100);
	ck_assert_int_eq(dtmf_receive(&rx, 1000, e, 8000, &ms), 0);
	ck_assert_int_eq(dtmf_receive(&rx, 900, e, 8000, &ms), 0); /* late */
	/* ends lost: told when the next begins */
	p[0] = 1;
	ck_assert_int_eq(dtmf_receive(&rx, 3000, p, 8000, &ms), 0);
	p[0] = 2;
	ck_assert_int_eq(dtmf_receive(&rx, 5000, p, 8000, &ms), '1');
	ck_assert_uint_eq(ms, 20);
	/* an event that is no digit */
	e[0] = 200;
	ck_assert_int_eq(dtmf_receive(&rx, 7000, e, 8000, &ms), '2');
	ck_assert_int_eq(dtmf_receive(&rx, 7000, e, 8000, &ms), 0);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("all");

	tcase_add_test(tc, test_table);
	tcase_add_test(tc, test_queue);
	tcase_add_test(tc, test_receive);

	return suite_run("media_dtmf", tc);
}
