/* media_rtcpjson.c: RTCP reports as JSON. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "media/packet.h"
#include "media/rtcpjson.h"
#include "suite.h"

static char buf[RTCPJSON_MAX];

static json_t *encode(const uint8_t *p, size_t len)
{
	const size_t n = rtcpjson_encode(buf, p, len);
	json_t *j = n ? json_loadb(buf, n, 0, NULL) : NULL;

	ck_assert(!n || j);

	return j;
}

static long long number(const json_t *j, const char *key)
{
	const json_t *v = json_object_get(j, key);

	ck_assert_msg(json_is_integer(v), "%s in %s", key, buf);

	return json_integer_value(v);
}

static size_t make(uint8_t *p, unsigned type, unsigned blocks)
{
	size_t n = type == 200 ? 28 : 8;

	memset(p, 0, n + 24 * blocks);
	p[0] = (uint8_t)(0x80 | blocks);
	p[1] = (uint8_t)type;
	packet_put32(p + 4, 0xfedcba98);
	if (type == 200) {
		packet_put32(p + 8, 3900000000u);
		packet_put32(p + 12, 0x80000000);
		packet_put32(p + 16, 160);
		packet_put32(p + 20, 50);
		packet_put32(p + 24, 8000);
	}
	for (unsigned i = 0; i < blocks; i++, n += 24) {
		packet_put32(p + n, 100 + i);
		packet_put32(p + n + 4, 10u << 24 | 0xfffffb);
		packet_put32(p + n + 8, 70000);
		packet_put32(p + n + 12, 12);
		packet_put32(p + n + 16, 1);
		packet_put32(p + n + 20, 2);
	}
	packet_put16(p + 2, (uint16_t)(n / 4 - 1));

	return n;
}

START_TEST(sender)
{
	uint8_t p[1024];
	json_t *j = encode(p, make(p, 200, 1)), *v;

	ck_assert_ptr_nonnull(j);
	ck_assert_int_eq(number(j, "ssrc"), 0xfedcba98);
	ck_assert_int_eq(number(j, "type"), 200);
	v = json_object_get(j, "sender_information");
	ck_assert_int_eq(number(v, "ntp_timestamp_sec"), 3900000000);
	ck_assert_int_eq(number(v, "ntp_timestamp_usec"), 500000);
	ck_assert_int_eq(number(v, "rtp_timestamp"), 160);
	ck_assert_int_eq(number(v, "packets"), 50);
	ck_assert_int_eq(number(v, "octets"), 8000);
	v = json_array_get(json_object_get(j, "report_blocks"), 0);
	ck_assert_int_eq(number(v, "source_ssrc"), 100);
	ck_assert_int_eq(number(v, "fraction_lost"), 10);
	ck_assert_int_eq(number(v, "packets_lost"), -5);
	ck_assert_int_eq(number(v, "highest_seq_no"), 70000);
	ck_assert_int_eq(number(v, "ia_jitter"), 12);
	ck_assert_int_eq(number(v, "lsr"), 1);
	ck_assert_int_eq(number(v, "dlsr"), 2);
	json_decref(j);
}
END_TEST

/* Counts and lengths that lie: what is there is told, and nothing else. */
START_TEST(lengths)
{
	uint8_t p[1024];
	size_t all = make(p, 200 + (unsigned)_i, 31), most = 0;

	for (size_t n = 0; n <= all; n++) {
		json_t *j = encode(p, n);
		size_t blocks;

		ck_assert_int_eq(j != NULL, n >= (_i ? 8 : 28));
		if (!j)
			continue;
		blocks = json_array_size(json_object_get(j, "report_blocks"));
		ck_assert_int_eq(number(j, "report_count"), (int)blocks);
		ck_assert_uint_le(blocks, (n - (_i ? 8 : 28)) / 24);
		most = blocks > most ? blocks : most;
		json_decref(j);
	}
	ck_assert_uint_gt(most, 1);
	p[1] = 203;
	ck_assert_ptr_null(encode(p, all));
	p[0] = 0x40;
	p[1] = 200;
	ck_assert_ptr_null(encode(p, all));
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("json");

	tcase_add_test(tc, sender);
	tcase_add_loop_test(tc, lengths, 0, 2);

	return suite_run("media_rtcpjson", tc);
}
