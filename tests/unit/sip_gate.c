/* sip_gate.c: what dies before it is parsed. */
#include <stdio.h>
#include <string.h>
#include "sip/gate.h"
#include "sip/sipcount.h"
#include "suite.h"

static const struct config_limits limits = {
    .sip_udp_bytes = 1000,
    .sip_tcp_bytes = 2000,
    .sip_source_rate = 10,
    .sip_source_burst = 60,
};

static struct gate *gate;

static void setup(void)
{
	ck_assert_int_eq(gate_alloc(&gate, &limits), 0);
}

static void teardown(void)
{
	mem_deref(gate);
}

static enum gate_verdict judge(const char *addr, const char *text, bool known,
			       uint64_t now)
{
	struct sa src;

	ck_assert_int_eq(sa_set_str(&src, addr, 5060), 0);
	return gate_judge(gate, &src, (const uint8_t *)text, strlen(text),
			  known, now);
}

START_TEST(kinds)
{
	static const struct {
		const char *text;
		enum gate_verdict want;
	} rows[] = {
	    {"", GATE_KEEPALIVE},
	    {"\r\n", GATE_KEEPALIVE},
	    {"\r\n\r\n", GATE_KEEPALIVE},
	    {"\x01\x01xxxxxxxxxxxxxxxxxx", GATE_STUN},
	    {"\x02", GATE_STUN},
	    {"INVITE sip:a SIP/2.0\r\n", GATE_PASS},
	    {"SIP/2.0 200 OK\r\n", GATE_PASS},
	    {"\r\nINVITE sip:a SIP/2.0\r\n", GATE_JUNK},
	    {"\x16\x03\x01 TLS hello", GATE_JUNK},
	    {" INVITE", GATE_JUNK},
	    {"INVITE", GATE_JUNK},
	    {"INVITE\r\n", GATE_JUNK},
	    {"{\"json\": 1}", GATE_JUNK},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		ck_assert_int_eq(judge("192.0.2.1", rows[i].text, true, 1),
				 rows[i].want);
	ck_assert_uint_eq(sip_counts.gate[GATE_PASS], 2);
	ck_assert_uint_eq(sip_counts.gate[GATE_JUNK], 6);
}
END_TEST

START_TEST(size)
{
	char text[1002];

	memset(text, 'x', sizeof(text));
	memcpy(text, "INVITE ", 7);
	text[1000] = '\0';
	ck_assert_int_eq(judge("192.0.2.1", text, true, 1), GATE_PASS);
	text[1000] = 'x';
	text[1001] = '\0';
	ck_assert_int_eq(judge("192.0.2.1", text, true, 1), GATE_SIZE);
}
END_TEST

START_TEST(size_of_a_stream)
{
	static const uint8_t text[2001] = "INVITE ";
	struct sa src;

	ck_assert_int_eq(sa_set_str(&src, "192.0.2.1", 5060), 0);
	ck_assert_int_eq(gate_judge_stream(gate, &src, text, 2000, true, 1),
			 GATE_PASS);
	ck_assert_int_eq(gate_judge_stream(gate, &src, text, 2001, true, 1),
			 GATE_SIZE);
	ck_assert_uint_eq(sip_counts.gate[GATE_SIZE], 1);
}
END_TEST

/* hardening 1, CVE-2021-41145: a flood costs no memory and ends at once. */
START_TEST(cve_2021_41145_bucket)
{
	unsigned passed = 0;

	for (unsigned i = 0; i < 1000; i++)
		passed += judge("192.0.2.1", "INVITE sip:a SIP/2.0", true,
				1000) == GATE_PASS;
	ck_assert_uint_eq(passed, 60);
	/* another source is not hurt */
	ck_assert_int_eq(
	    judge("192.0.2.2", "INVITE sip:a SIP/2.0", true, 1000), GATE_PASS);
	/* 10 a second come back */
	passed = 0;
	for (unsigned i = 0; i < 100; i++)
		passed += judge("192.0.2.1", "INVITE sip:a SIP/2.0", true,
				2000) == GATE_PASS;
	ck_assert_uint_eq(passed, 10);
	/* what belongs to calls that we have is never held back */
	ck_assert_int_eq(judge("192.0.2.1", "BYE sip:a SIP/2.0", true, 2000),
			 GATE_PASS);
	ck_assert_int_eq(judge("192.0.2.1", "SIP/2.0 200 OK", true, 2000),
			 GATE_PASS);
	/* unless it is a stranger's */
	ck_assert_int_eq(judge("192.0.2.1", "BYE sip:a SIP/2.0", false, 2000),
			 GATE_RATE);
}
END_TEST

START_TEST(ipv6_is_one_source_per_64)
{
	unsigned passed = 0;
	char addr[64];

	for (unsigned i = 0; i < 200; i++) {
		(void)snprintf(addr, sizeof(addr), "2001:db8:1:2::%x", i + 1);
		passed +=
		    judge(addr, "INVITE sip:a SIP/2.0", true, 1) == GATE_PASS;
	}
	ck_assert_uint_eq(passed, 60);
	ck_assert_int_eq(
	    judge("2001:db8:1:3::1", "INVITE sip:a SIP/2.0", true, 1),
	    GATE_PASS);
}
END_TEST

START_TEST(spoofed_sources_share_a_bucket)
{
	unsigned passed = 0;
	char addr[64];

	for (unsigned i = 0; i < 20000; i++) {
		(void)snprintf(addr, sizeof(addr), "10.%u.%u.%u", i >> 16,
			       (i >> 8) & 255, i & 255);
		passed += judge(addr, "OPTIONS sip:a SIP/2.0", false, 1000) ==
			  GATE_PASS;
	}
	ck_assert_uint_le(passed, 1000);
}
END_TEST

/* Methods as the labels of metrics name them (IANA's registry of methods). */
START_TEST(counted_by_method)
{
	static const char *const v[] = {
	    "INVITE",	"ACK",	   "BYE",	"CANCEL", "OPTIONS",
	    "REGISTER", "MESSAGE", "SUBSCRIBE", "NOTIFY", "PUBLISH",
	    "PRACK",	"UPDATE",  "INFO"};
	char line[64];
	unsigned k;

	for (size_t i = 0; i < ARRAY_SIZE(v); i++) {
		for (k = 0; strcmp(sipcount_method(k), v[i]); k++)
			ck_assert_str_ne(sipcount_method(k), "");
		(void)snprintf(line, sizeof(line), "%s sip:a SIP/2.0\r\n",
			       v[i]);
		sipcount_message(false, line, strlen(line));
		ck_assert_uint_eq(sip_counts.requests[false][k], 1);
	}
	sipcount_message(true, "FROB sip:a SIP/2.0\r\n", 20);
	for (k = 0; strcmp(sipcount_method(k), "other"); k++)
		ck_assert_str_ne(sipcount_method(k), "");
	ck_assert_uint_eq(sip_counts.requests[true][k], 1);
	ck_assert_str_eq(sipcount_method(k + 1), "");
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("gate");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, counted_by_method);
	tcase_add_test(tc, kinds);
	tcase_add_test(tc, size);
	tcase_add_test(tc, size_of_a_stream);
	tcase_add_test(tc, cve_2021_41145_bucket);
	tcase_add_test(tc, ipv6_is_one_source_per_64);
	tcase_add_test(tc, spoofed_sources_share_a_bucket);

	return suite_run("sip_gate", tc);
}
