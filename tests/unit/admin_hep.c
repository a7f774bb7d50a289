/* admin_hep.c: datagrams of HEPv3: lengths, chunks, what does not fit. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "admin/hep.h"
#include "suite.h"

static struct mbuf *mb;

static void setup(void)
{
	mb = mbuf_alloc(64);
	ck_assert_ptr_nonnull(mb);
}

static void teardown(void)
{
	mem_deref(mb);
}

static unsigned u16(size_t at)
{
	ck_assert_uint_le(at + 2, mb->end);

	return (unsigned)(mb->buf[at] << 8 | mb->buf[at + 1]);
}

/* Chunks follow one another up to the end, none twice; the place of the value
 * of this type, and its length. */
static size_t chunk(unsigned type, size_t *len)
{
	bool seen[64] = {false};
	size_t at = 6, found = 0;

	ck_assert_int_eq(memcmp(mb->buf, "HEP3", 4), 0);
	ck_assert_uint_eq(u16(4), mb->end);
	while (at < mb->end) {
		unsigned t = u16(at + 2);

		ck_assert_uint_eq(u16(at), 0);
		ck_assert_uint_lt(t, 64);
		ck_assert(!seen[t]);
		seen[t] = true;
		if (t == type) {
			found = at + 6;
			*len = u16(at + 4) - 6;
		}
		ck_assert_uint_ge(u16(at + 4), 6);
		at += u16(at + 4);
	}
	ck_assert_uint_eq(at, mb->end);

	return found;
}

static struct trace_entry entry(enum trace_kind kind, const char *text,
				size_t len)
{
	struct trace_entry e = {.kind = kind,
				.text = text,
				.len = len,
				.at = 1700000000123456,
				.tx = true};

	ck_assert_int_eq(sa_set_str(&e.local, "192.0.2.1", 5070), 0);
	ck_assert_int_eq(sa_set_str(&e.remote, "198.51.100.7", 5060), 0);

	return e;
}

START_TEST(every_length)
{
	static char text[70000];
	const size_t more[] = {1500, 9000, 63999, 64000, 64001, 70000};
	size_t len, at;

	memset(text, 'x', sizeof(text));
	for (size_t i = 0; i < 300 + 6; i++) {
		size_t n = i < 300 ? i : more[i - 300];
		struct trace_entry e = entry(TRACE_SIP, text, n);

		mbuf_rewind(mb);
		ck_assert_int_eq(hep_encode(mb, &e, 7, "id"), 0);
		at = chunk(0x0f, &len);
		ck_assert_uint_eq(len, n < 64000 ? n : 64000);
		ck_assert_int_eq(memcmp(mb->buf + at, text, len), 0);
		ck_assert_uint_le(mb->end, 65507);
	}
}
END_TEST

START_TEST(values)
{
	static const struct {
		enum trace_kind kind;
		unsigned protocol;
	} kinds[] = {{TRACE_SIP, 1}, {TRACE_XMPP, 2}, {TRACE_RTCP, 5}};
	struct trace_entry e = entry(kinds[_i].kind, "hello", 5);
	char long_id[400];
	size_t len;
	uint32_t v;

	ck_assert_int_eq(hep_encode(mb, &e, 2001, "5f0c2a91"), 0);
	ck_assert_uint_eq(mb->buf[chunk(0x0b, &len)], kinds[_i].protocol);
	ck_assert_uint_eq(mb->buf[chunk(0x01, &len)], AF_INET);
	ck_assert_uint_eq(mb->buf[chunk(0x02, &len)], IPPROTO_UDP);
	ck_assert_uint_eq(u16(chunk(0x07, &len)), 5070);
	ck_assert_uint_eq(u16(chunk(0x08, &len)), 5060);
	memcpy(&v, mb->buf + chunk(0x03, &len), 4);
	ck_assert_uint_eq(ntohl(v), 0xc0000201);
	memcpy(&v, mb->buf + chunk(0x09, &len), 4);
	ck_assert_uint_eq(ntohl(v), 1700000000);
	memcpy(&v, mb->buf + chunk(0x0a, &len), 4);
	ck_assert_uint_eq(ntohl(v), 123456);
	memcpy(&v, mb->buf + chunk(0x0c, &len), 4);
	ck_assert_uint_eq(ntohl(v), 2001);
	ck_assert_int_eq(memcmp(mb->buf + chunk(0x11, &len), "5f0c2a91", 8),
			 0);
	ck_assert_uint_eq(len, 8);

	/* received by TCP, IPv6, without an id, and with one too long */
	e.tx = false;
	e.way = TRACE_TCP;
	ck_assert_int_eq(sa_set_str(&e.remote, "2001:db8::7", 5060), 0);
	mbuf_rewind(mb);
	ck_assert_int_eq(hep_encode(mb, &e, 1, ""), 0);
	ck_assert_uint_eq(mb->buf[chunk(0x01, &len)], AF_INET6);
	ck_assert_uint_eq(mb->buf[chunk(0x02, &len)], IPPROTO_TCP);
	ck_assert_uint_eq(u16(chunk(0x07, &len)), 5060);
	ck_assert_uint_eq(mb->buf[chunk(0x05, &len) + 15], 7);
	ck_assert_uint_eq(chunk(0x11, &len), 0);
	memset(long_id, 'i', sizeof(long_id) - 1);
	long_id[sizeof(long_id) - 1] = '\0';
	mbuf_rewind(mb);
	ck_assert_int_eq(hep_encode(mb, &e, 1, long_id), 0);
	ck_assert_uint_gt(chunk(0x11, &len), 0);
	ck_assert_uint_eq(len, 255);
}
END_TEST

START_TEST(what_is_no_message)
{
	struct trace_entry e = entry(TRACE_MEDIA, "media up", 8);

	ck_assert_int_eq(hep_encode(mb, &e, 1, "x"), ENOTSUP);
	e = entry(TRACE_XMPP, "<a/>", 4);
	sa_init(&e.local, AF_UNSPEC);
	sa_init(&e.remote, AF_UNSPEC);
	ck_assert_int_eq(hep_encode(mb, &e, 1, "x"), 0);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("hep");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, every_length);
	tcase_add_loop_test(tc, values, 0, 3);
	tcase_add_test(tc, what_is_no_message);

	return suite_run("admin hep", tc);
}
