/* sip_guard.c: RFC 4475's kinds of message against the scanner and guard. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "sip/gate.h"
#include "sip/guard.h"
#include "suite.h"

static const struct config_limits limits = {
    .sip_headers = 256,
    .sip_vias = 70,
    .sip_uri_bytes = 2048,
    .sip_udp_bytes = 16384,
    .sip_source_rate = 100,
    .sip_source_burst = 100,
};

static char *slurp(const char *file, size_t *len)
{
	FILE *f = fopen(file, "rb");
	char *text;

	ck_assert_ptr_nonnull(f);
	text = calloc(1, 1 << 20);
	*len = fread(text, 1, (1 << 20) - 1, f);
	(void)fclose(f);
	return text;
}

/* LF -> CRLF, \xNN -> byte. */
static size_t unfold(char *out, const char *in, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		unsigned byte;

		if (in[i] == '\n') {
			out[n++] = '\r';
			out[n++] = '\n';
		} else if (in[i] == '\\' && in[i + 1] == 'x' &&
			   sscanf(in + i + 2, "%2x", &byte) == 1) {
			out[n++] = (char)byte;
			i += 3;
		} else {
			out[n++] = in[i];
		}
	}

	return n;
}

static const char *judge(char *want, const char *msg, size_t len)
{
	struct gate *gate = NULL;
	struct guard_verdict v;
	struct sipscan s;
	struct sa src;
	enum gate_verdict g;

	(void)sa_set_str(&src, "192.0.2.1", 5060);
	ck_assert_int_eq(gate_alloc(&gate, &limits), 0);
	g = gate_judge(gate, &src, (const uint8_t *)msg, len, true, 1);
	mem_deref(gate);
	if (g != GATE_PASS)
		return "gate";
	if (sipscan_decode(&s, msg, len))
		return "junk";
	guard_judge(&v, &s, &limits, false);
	if (v.drop)
		return "drop";
	if (!v.code)
		return "pass";
	(void)sprintf(want, "%u", v.code);
	return want;
}

START_TEST(torture)
{
	size_t len;
	char *text = slurp("tests/data/torture.txt", &len), *p, *next;
	unsigned count = 0, wrong = 0;

	for (p = strstr(text, "=== "); p; p = next) {
		char *eol = strchr(p, '\n'), want[16], buf[16], msg[8192];
		const char *got;
		size_t n;

		next = strstr(eol, "\n=== ");
		next = next ? next + 1 : NULL;
		ck_assert_int_eq(sscanf(p + 4, "%15s", want), 1);
		n = unfold(msg, eol + 1,
			   next ? (size_t)(next - eol) - 1 : strlen(eol + 1));
		got = judge(buf, msg, n);
		if (strcmp(got, want)) {
			(void)fprintf(stderr, "%.*s: got %s\n", (int)(eol - p),
				      p, got);
			++wrong;
		}
		++count;
	}
	ck_assert_uint_gt(count, 60);
	ck_assert_uint_eq(wrong, 0);
	free(text);
}
END_TEST

static size_t request(char *buf, size_t size, const char *extra)
{
	return (size_t)snprintf(buf, size,
				"INVITE sip:a@gw SIP/2.0\r\n"
				"Via: SIP/2.0/UDP h;rport;branch=z9hG4bKx\r\n"
				"From: <sip:b@h>;tag=1\r\nTo: <sip:a@gw>\r\n"
				"Call-ID: c\r\nCSeq: 1 INVITE\r\n"
				"Contact: <sip:b@h>\r\n%sContent-Length: 0"
				"\r\n\r\n",
				extra);
}

START_TEST(limits_hold)
{
	char *extra = calloc(1, 100000), *msg = calloc(1, 120000), buf[16];
	const char *const line[] = {"X: y\r\n", "Via: SIP/2.0/UDP h\r\n"};
	const unsigned most[] = {256 - 7, 69};
	size_t n;

	for (unsigned k = 0; k < 2; k++) {
		extra[0] = '\0';
		for (unsigned i = 0; i < most[k]; i++)
			strcat(extra, line[k]);
		n = request(msg, 120000, extra);
		ck_assert_str_eq(judge(buf, msg, n), "pass");
		strcat(extra, line[k]);
		n = request(msg, 120000, extra);
		ck_assert_str_eq(judge(buf, msg, n), "400");
	}

	for (unsigned k = 0; k < 2; k++) {
		memset(extra, 0, 100000);
		memset(extra, 'u', 2048 - strlen("sip:@gw") + k);
		n = request(msg, 120000, "");
		(void)snprintf(msg, 120000,
			       "INVITE sip:%s@gw SIP/2.0\r\n"
			       "Via: SIP/2.0/UDP h;branch=z9hG4bKx\r\n"
			       "From: <sip:b@h>;tag=1\r\nTo: <sip:a@gw>\r\n"
			       "Call-ID: c\r\nCSeq: 1 INVITE\r\n"
			       "Contact: <sip:b@h>\r\n\r\n",
			       extra);
		ck_assert_str_eq(judge(buf, msg, strlen(msg)),
				 k ? "414" : "pass");
	}
	free(extra);
	free(msg);
}
END_TEST

START_TEST(stream_needs_length)
{
	static const char msg[] = "OPTIONS sip:a@gw SIP/2.0\r\n"
				  "Via: SIP/2.0/TCP h;branch=z9hG4bKx\r\n"
				  "From: <sip:b@h>;tag=1\r\nTo: <sip:a@gw>\r\n"
				  "Call-ID: c\r\nCSeq: 1 OPTIONS\r\n\r\n";
	struct guard_verdict v;
	struct sipscan s;

	ck_assert_int_eq(sipscan_decode(&s, msg, sizeof(msg) - 1), 0);
	guard_judge(&v, &s, &limits, true);
	ck_assert_uint_eq(v.code, 400);
	guard_judge(&v, &s, &limits, false);
	ck_assert_uint_eq(v.code, 0);
}
END_TEST

/* A request of these header lines; the reason phrase that it gets. */
static const char *phrase(const char *method, const char *headers)
{
	static char msg[2048];
	struct guard_verdict v;
	struct sipscan s;

	(void)snprintf(msg, sizeof(msg),
		       "%s sip:a@gw SIP/2.0\r\n"
		       "Via: SIP/2.0/UDP h;branch=z9hG4bKx\r\n%s\r\n",
		       method, headers);
	ck_assert_int_eq(sipscan_decode(&s, msg, strlen(msg)), 0);
	guard_judge(&v, &s, &limits, false);
	ck_assert(!v.code == !v.phrase);
	return v.code ? v.phrase : "";
}

/* RFC 3261 8.1.1, 20: what must be there, and what but once. */
START_TEST(singles)
{
	static const struct {
		const char *name, *line;
		bool needed;
	} v[] = {
	    {"From", "From: <sip:b@h>;tag=1\r\n", true},
	    {"To", "To: <sip:a@gw>\r\n", true},
	    {"Call-ID", "Call-ID: c\r\n", true},
	    {"CSeq", "CSeq: 1 OPTIONS\r\n", true},
	    {"Max-Forwards", "Max-Forwards: 70\r\n", false},
	    {"Max-Breadth", "Max-Breadth: 60\r\n", false},
	    {"Content-Length", "Content-Length: 0\r\n", false},
	    {"Content-Type", "Content-Type: a/b\r\n", false},
	};
	char lines[512], want[64];

	for (size_t i = 0; i < ARRAY_SIZE(v); i++) {
		for (unsigned times = 0; times < 3; times++) {
			lines[0] = '\0';
			for (size_t k = 0; k < ARRAY_SIZE(v); k++) {
				for (unsigned n = k == i ? times : 1; n; n--)
					(void)strcat(lines, v[k].line);
			}
			(void)snprintf(want, sizeof(want), "%s%s",
				       times > 1    ? "More Than One "
				       : times == 0 ? "Missing "
						    : "",
				       v[i].name);
			if (times == 1 || (!times && !v[i].needed))
				want[0] = '\0';
			ck_assert_str_eq(phrase("OPTIONS", lines), want);
		}
	}
}
END_TEST

/* Known, and therefore only wrong about its CSeq: the methods of RFC 3261,
 * 3262, 3311, 3428, 3515, 3903, 6086 and 6665. */
START_TEST(methods)
{
	static const char *const known[] = {
	    "INVITE", "ACK",	   "CANCEL", "BYE",	"OPTIONS",
	    "PRACK",  "REGISTER",  "UPDATE", "MESSAGE", "REFER",
	    "INFO",   "SUBSCRIBE", "NOTIFY", "PUBLISH"};
	static const char lines[] = "From: <sip:b@h>;tag=1\r\n"
				    "To: <sip:a@gw>\r\nCall-ID: c\r\n"
				    "CSeq: 1 OTHER\r\n";

	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		struct pl pl;

		pl_set_str(&pl, known[i]);
		ck_assert(guard_knows_method(&pl));
		ck_assert_str_eq(phrase(known[i], lines),
				 "CSeq Method Mismatch");
	}
	ck_assert_str_eq(phrase("FLY", lines), "Not Implemented");
}
END_TEST

/* RFC 3261 16.3, RFC 5393 5. */
START_TEST(hops)
{
	static const struct {
		const char *line, *want;
	} v[] = {
	    {"Max-Forwards: 1", ""},
	    {"Max-Forwards: 0", "Too Many Hops"},
	    {"Max-Forwards: 256", "Bad Max-Forwards"},
	    {"Max-Forwards: many", "Bad Max-Forwards"},
	    {"Max-Breadth: 1", ""},
	    {"Max-Breadth: 0", "Max-Breadth Exceeded"},
	    {"Max-Breadth: 256", "Bad Max-Breadth"},
	    {"Max-Breadth: -1", "Bad Max-Breadth"},
	};
	char lines[256];

	for (size_t i = 0; i < ARRAY_SIZE(v); i++) {
		(void)snprintf(lines, sizeof(lines),
			       "From: <sip:b@h>;tag=1\r\nTo: <sip:a@gw>\r\n"
			       "Call-ID: c\r\nCSeq: 1 INVITE\r\n"
			       "Contact: <sip:b@h>\r\n%s\r\n",
			       v[i].line);
		ck_assert_str_eq(phrase("INVITE", lines), v[i].want);
	}
}
END_TEST

/* RFC 3261 7.3.3, 20: each name in full, in any case, and compact. */
START_TEST(header_names)
{
	static const struct {
		const char *name;
		enum sipscan_id id;
	} v[] = {
	    {"Via", SCAN_VIA},
	    {"v", SCAN_VIA},
	    {"From", SCAN_FROM},
	    {"f", SCAN_FROM},
	    {"To", SCAN_TO},
	    {"t", SCAN_TO},
	    {"Call-ID", SCAN_CALL_ID},
	    {"i", SCAN_CALL_ID},
	    {"CSeq", SCAN_CSEQ},
	    {"Max-Forwards", SCAN_MAX_FORWARDS},
	    {"Content-Length", SCAN_CONTENT_LENGTH},
	    {"l", SCAN_CONTENT_LENGTH},
	    {"Content-Type", SCAN_CONTENT_TYPE},
	    {"c", SCAN_CONTENT_TYPE},
	    {"Contact", SCAN_CONTACT},
	    {"m", SCAN_CONTACT},
	    {"Require", SCAN_REQUIRE},
	    {"Proxy-Require", SCAN_PROXY_REQUIRE},
	    {"Route", SCAN_ROUTE},
	    {"cONTACT", SCAN_CONTACT},
	    {"Subject", SCAN_IDS},
	    {"s", SCAN_IDS},
	};
	char msg[256];

	for (size_t i = 0; i < ARRAY_SIZE(v); i++) {
		struct sipscan s;

		(void)snprintf(msg, sizeof(msg),
			       "OPTIONS sip:a@gw SIP/2.0\r\n%s: x y\r\n\r\n",
			       v[i].name);
		ck_assert_int_eq(sipscan_decode(&s, msg, strlen(msg)), 0);
		ck_assert(!s.bad);
		for (int id = 0; id < SCAN_IDS; id++)
			ck_assert_uint_eq(s.count[id], id == (int)v[i].id);
		if (v[i].id < SCAN_IDS)
			ck_assert(!pl_strcmp(&s.first[v[i].id], "x y"));
	}
}
END_TEST

/* The response goes to the source and carries what RFC 3581 asks for. */
START_TEST(reply)
{
	static const char want[] =
	    "SIP/2.0 420 Bad Extension\r\n"
	    "Via: SIP/2.0/UDP h;rport=5099;received=192.0.2.7;"
	    "branch=z9hG4bKx\r\n"
	    "From: <sip:b@h>;tag=1\r\n"
	    "To: <sip:a@gw>;tag=tt\r\n"
	    "Call-ID: c\r\nCSeq: 1 INVITE\r\nServer: stoxd\r\n"
	    "Unsupported: foo, bar\r\nContent-Length: 0\r\n\r\n";
	struct mbuf *mb = mbuf_alloc(64);
	struct guard_verdict v;
	struct sipscan s;
	struct sa src;
	char msg[1024];
	size_t n;

	(void)sa_set_str(&src, "192.0.2.7", 5099);
	n = request(msg, sizeof(msg), "Require: foo, timer,\r\n\tbar\r\n");
	ck_assert_int_eq(sipscan_decode(&s, msg, n), 0);
	guard_judge(&v, &s, &limits, false);
	ck_assert_int_eq(guard_reply_print(mb, &s, &v, &src, "tt", "stoxd"),
			 0);
	ck_assert_uint_eq(mb->end, sizeof(want) - 1);
	ck_assert(!memcmp(mb->buf, want, mb->end));
	mem_deref(mb);
}
END_TEST

/* An option tag of any length: named, or left out where it does not fit. */
START_TEST(long_option)
{
	struct guard_verdict v;
	struct sipscan s;
	char msg[1024], line[512], want[512];
	size_t n, named = 0;

	for (int len = 200; len < 300; len++) {
		(void)snprintf(line, sizeof(line), "Require: foo, %0*d\r\n",
			       len, 0);
		(void)snprintf(want, sizeof(want),
			       "Unsupported: foo, %0*d\r\n", len, 0);
		n = request(msg, sizeof(msg), line);
		ck_assert_int_eq(sipscan_decode(&s, msg, n), 0);
		guard_judge(&v, &s, &limits, false);
		ck_assert_uint_eq(v.code, 420);
		if (!strcmp(v.header, want))
			++named;
		else
			ck_assert_str_eq(v.header, "Unsupported: foo\r\n");

		(void)snprintf(line, sizeof(line), "Require: %0*d\r\n", len,
			       0);
		n = request(msg, sizeof(msg), line);
		ck_assert_int_eq(sipscan_decode(&s, msg, n), 0);
		guard_judge(&v, &s, &limits, false);
		ck_assert_uint_eq(v.code, 420);
		ck_assert_uint_lt(strlen(v.header), sizeof(v.header));
	}
	ck_assert_uint_gt(named, 10);
}
END_TEST

static const struct {
	const char *text;
	unsigned want; /* of 3600 at most; 0: none */
} waits[] = {
    {"120", 120},
    {"18000;duration=3600", 3600},
    {"120 (I'm in a meeting)", 120},
    {"3600", 3600},
    {"3601", 3600},
    {"99999999999999999999999999", 3600},
    {"0", 0},
    {"", 0},
    {"-5", 0},
    {"soon", 0},
};

/* Who says "in five hours" is not asked again at once. */
/* Parameters are read as libre reads them but for quotes, which stay; the Call-ID wherever it stands. */
START_TEST(params)
{
	static const char *const values[] = {
	    "<sip:a@b>;tag=1", "<sip:a@b>; TAG = 1 ;x",
	    "a;tags=2;tag=3",  "a;tag=;tag=4",
	    "a;tag",	       "a;xtag=1",
	    ";tag=",	       "",
	    ";;tag=5;tag=6",   "a;\r\n tag=7",
	    "a;tag=8\tz",      ";tag=a=b",
	    "tag=1",
	};
	static const struct {
		const char *text, *id;
	} messages[] = {
	    {"OPTIONS sip:a SIP/2.0\r\ni: x@y \r\n\r\n", "x@y"},
	    {"INFO sip:a SIP/2.0\r\nCall-ID:1\r\nCall-ID: 2\r\n\r\n", "1"},
	    {"SIP/2.0 200 OK\r\nCSeq: 1 A\r\ncall-id: z\r\n\r\n", "z"},
	    {"ACK sip:a SIP/2.0\r\nCSeq: 1 A\r\n\r\nCall-ID: 1\r\n", ""},
	    {"Call-ID: 1\r\n\r\n", ""},
	    {"", ""},
	};

	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		struct pl value, a = PL_INIT, b = PL_INIT;
		bool there;

		pl_set_str(&value, values[i]);
		there = !msg_param_decode(&value, "tag", &a);
		ck_assert_msg(sipscan_param(&b, &value, "tag") == there, "%s",
			      values[i]);
		ck_assert_msg(a.p == b.p && a.l == b.l, "%s: %.*s, %.*s",
			      values[i], (int)a.l, a.p, (int)b.l, b.p);
	}
	for (size_t i = 0; i < ARRAY_SIZE(messages); i++) {
		const struct pl id = sipscan_call_id(messages[i].text,
						     strlen(messages[i].text));

		ck_assert_msg(!pl_strcmp(&id, messages[i].id), "%s",
			      messages[i].text);
	}
}
END_TEST

START_TEST(retry_after)
{
	struct mbuf *mb = mbuf_alloc(512);
	struct sip_msg *msg;

	(void)mbuf_printf(mb,
			  "SIP/2.0 503 x\r\nVia: SIP/2.0/UDP h;branch="
			  "z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\n"
			  "To: <sip:a@b>;tag=2\r\nCall-ID: 1\r\n"
			  "CSeq: 1 INVITE\r\nRetry-After: %s\r\n"
			  "Content-Length: 0\r\n\r\n",
			  waits[_i].text);
	mb->pos = 0;
	ck_assert_int_eq(sip_msg_decode(&msg, mb), 0);
	ck_assert_uint_eq(sipscan_retry_after(msg, 3600), waits[_i].want);
	mem_deref(msg);
	mem_deref(mb);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("guard");

	tcase_add_test(tc, torture);
	tcase_add_test(tc, params);
	tcase_add_test(tc, limits_hold);
	tcase_add_test(tc, stream_needs_length);
	tcase_add_test(tc, singles);
	tcase_add_test(tc, methods);
	tcase_add_test(tc, hops);
	tcase_add_test(tc, header_names);
	tcase_add_test(tc, reply);
	tcase_add_test(tc, long_option);
	tcase_add_loop_test(tc, retry_after, 0, ARRAY_SIZE(waits));

	return suite_run("sip_guard", tc);
}
