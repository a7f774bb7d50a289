/* sip_decode.c: SIP messages of the usual shape, decoded as libre does. */
#include <stdlib.h>
#include "sip_same.h"
#include "suite.h"

static const char *const messages[] = {
    "MESSAGE sip:u7@127.0.0.1:5070 SIP/2.0\r\n"
    "Via: SIP/2.0/UDP 127.0.0.1:5060;rport;branch=z9hG4bKb1\r\n"
    "Via: SIP/2.0/TCP proxy.example.com;branch=z9hG4bKb2;received=10.0.0.1\r\n"
    "Max-Forwards: 70\r\nFrom: \"Bob\" <sip:600@127.0.0.1:5060>;tag=b1\r\n"
    "To: <sip:u7@127.0.0.1:5070;transport=udp>\r\nCall-ID: a@b\r\n"
    "CSeq: 1 MESSAGE\r\nContent-Type: text/plain; charset=UTF-8\r\n"
    "Subject: one, two\r\nUser-Agent: a phone (1.0, beta)\r\n"
    "Date: Mon, 23 Nov 2026 00:00:00 GMT\r\n"
    "Content-Length: 2\r\n\r\nhi",

    "SIP/2.0 200 OK\r\n"
    "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK776;rport=5060\r\n"
    "Record-Route: <sip:192.0.2.9;lr>\r\n"
    "From: <sip:a@example.com>;tag=1\r\nTo: <sip:b@example.com>;tag=2\r\n"
    "Call-ID: x\r\nCSeq: 4711 INVITE\r\nContact: <sip:b@192.0.2.4:5061>\r\n"
    "Allow: INVITE, ACK ,BYE,CANCEL\r\nSupported: timer\r\n"
    "Expires: 3600\r\nServer: pbx\r\nContent-Length: 0\r\n\r\n",

    "NOTIFY sip:TOKEN@192.0.2.1;i=1 SIP/2.0\r\n"
    "Via: SIP/2.0/TLS 192.0.2.2:5061;branch=z9hG4bKx\r\n"
    "From: <sip:600@pbx.example.com>;tag=t\r\n"
    "To: <sip:alice@192.0.2.1>;tag=u\r\nCall-ID: y\r\nCSeq: 1 NOTIFY\r\n"
    "Event: presence\r\nSubscription-State: active;expires=3600\r\n"
    "X-Odd: 1\r\nAllow-Events: presence\r\nContent-Length: 0\r\n\r\n",

    "OPTIONS sip:127.0.0.1:5070 SIP/2.0\r\n"
    "Via: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK1\r\n"
    "From: <sip:pbx.example.com;transport=udp?x=y>;tag=1\r\n"
    "To: <sip:127.0.0.1>\r\nCall-ID: z\r\nCSeq: 1 OPTIONS\r\n"
    "Contact: <sip:192.0.2.4:5061;ob>\r\nContent-Length: 0\r\n\r\n",
};

START_TEST(test_same)
{
	for (size_t i = 0; i < ARRAY_SIZE(messages); i++)
		ck_assert_int_eq(
		    same_decoded(messages[i], strlen(messages[i])), 1);
}
END_TEST

/* What seems wrong may go on in the next line: libre shall say. */
START_TEST(test_folded)
{
	static const char text[] =
	    "OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP b;\r\n"
	    " branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\n"
	    "To: <sip:a@b>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\n"
	    "Content-Length: 0\r\n\r\n";

	ck_assert_int_eq(same_decoded(text, sizeof(text) - 1), 0);
}
END_TEST

/* One to three bytes are others, gone, or there twice. */
static size_t spoil(char *d, const char *s, size_t len)
{
	static const char odd[] = " \t\r\n:;,@<>\"\\?/=[]%0aZ+";

	memcpy(d, s, len);
	for (int n = 1 + rand() % 3; n; n--) {
		const size_t at = (size_t)rand() % len;

		switch (rand() % 3) {
		case 0:
			d[at] = odd[(size_t)rand() % (sizeof(odd) - 1)];
			break;
		case 1:
			memmove(d + at, d + at + 1, len - at - 1);
			len--;
			break;
		default:
			memmove(d + at + 1, d + at, len - at);
			len++;
			break;
		}
	}

	return len;
}

START_TEST(test_spoiled)
{
	unsigned taken = 0;
	char text[2048];

	srand(1);
	for (unsigned i = 0; i < 30000; i++) {
		const char *m = messages[i % ARRAY_SIZE(messages)];
		const size_t len = spoil(text, m, strlen(m));
		const int same = same_decoded(text, len);

		ck_assert_msg(same >= 0, "%.*s", (int)len, text);
		taken += same == 1;
	}
	ck_assert_uint_gt(taken, 10000);
}
END_TEST

/* What one message held is not seen in the next that has its memory. */
START_TEST(test_again)
{
	struct mbuf *mb = mbuf_alloc(1024);
	struct sip_msg *msg, *first;

	for (size_t i = 0; i < 2; i++) {
		mbuf_rewind(mb);
		(void)mbuf_write_str(mb, messages[i]);
		mb->pos = 0;
		ck_assert_int_eq(decode_msg(&msg, mb), 0);
		if (i)
			ck_assert_ptr_eq(msg, first);
		first = msg;
		ck_assert(!sip_msg_hdr(msg, SIP_HDR_CONTACT) == !i);
		ck_assert(!msg->expires.l == !i);
		mem_deref(msg);
	}
	ck_assert_uint_eq(mem_nrefs(mb), 1);
	mem_deref(mb);
	decode_close();
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("decode");

	tcase_set_timeout(tc, 30);
	tcase_add_test(tc, test_same);
	tcase_add_test(tc, test_folded);
	tcase_add_test(tc, test_spoiled);
	tcase_add_test(tc, test_again);

	return suite_run("sip_decode", tc);
}
