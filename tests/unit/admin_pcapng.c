/* admin_pcapng.c: files for Wireshark: lengths, sums, addresses. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "admin/pcapng.h"
#include "suite.h"

static struct mbuf *mb;

static void setup(void)
{
	mb = mbuf_alloc(1024);
	ck_assert_ptr_nonnull(mb);
	ck_assert_int_eq(pcapng_begin(mb), 0);
}

static void teardown(void)
{
	mem_deref(mb);
}

static uint32_t u32(size_t at)
{
	uint32_t v;

	ck_assert_uint_le(at + 4, mb->end);
	memcpy(&v, mb->buf + at, 4);

	return v;
}

/* Blocks follow one another up to the end; each says its length twice. */
static unsigned walk(size_t *last)
{
	unsigned n = 0;
	size_t at = 0;

	while (at < mb->end) {
		uint32_t len = u32(at + 4);

		ck_assert_uint_ge(len, 12);
		ck_assert_uint_eq(len % 4, 0);
		ck_assert_uint_le(at + len, mb->end);
		ck_assert_uint_eq(u32(at + len - 4), len);
		*last = at;
		at += len;
		n++;
	}
	ck_assert_uint_eq(at, mb->end);

	return n;
}

static uint16_t ones(uint32_t s, const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		s += i % 2 ? p[i] : (uint32_t)p[i] << 8;
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);

	return (uint16_t)s;
}

static const char *const pairs[][2] = {
    {"192.0.2.1", "198.51.100.7"},
    {"2001:db8::1", "2001:db8::2:3"},
};

/* Every length up to a few hundred, and the greatest. */
START_TEST(udp_lengths)
{
	static uint8_t data[70000];
	size_t last, lens[] = {1400, 65507, 65508, 70000};
	struct sa src, dst;
	struct pcapng_packet pk = {.at = 0x0123456789abcdef,
				   .tx = _i,
				   .src = &src,
				   .dst = &dst,
				   .p = data};
	const size_t head = _i ? 40 : 20;

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 7);
	ck_assert_int_eq(sa_set_str(&src, pairs[_i][0], 5060), 0);
	ck_assert_int_eq(sa_set_str(&dst, pairs[_i][1], 40000), 0);
	for (size_t n = 0; n < 304; n++) {
		const uint8_t *p;
		size_t len, cap;

		pk.len = n < 300 ? n : lens[n - 300];
		pk.comment = n % 3 ? "call 5f0c2a91" : NULL;
		mb->pos = mb->end = 0;
		ck_assert_int_eq(pcapng_udp(mb, &pk), 0);
		ck_assert_uint_eq(walk(&last), 1);
		len = pk.len > 65507 ? 65507 : pk.len;
		cap = u32(20);
		ck_assert_uint_eq(cap, u32(24));
		ck_assert_uint_eq(cap, head + 8 + len);
		ck_assert_uint_eq(u32(12), 0x01234567);
		ck_assert_uint_eq(u32(16), 0x89abcdef);
		p = mb->buf + 28;
		ck_assert_int_eq(memcmp(p + head + 8, data, len), 0);
		ck_assert_uint_eq((size_t)(p[head + 4] << 8 | p[head + 5]),
				  8 + len);
		/* RFC 768: over addresses, protocol, length and all of it */
		ck_assert_uint_eq(ones(ones(17 + 8 + (uint32_t)len,
					    p + (_i ? 8 : 12), _i ? 32 : 8),
				       p + head, 8 + len),
				  0xffff);
		if (!_i)
			ck_assert_uint_eq(ones(0, p, head), 0xffff);
	}
}
END_TEST

START_TEST(udp_without_addresses)
{
	struct sa src, dst;
	struct pcapng_packet pk = {.src = &src, .dst = &dst};

	sa_init(&src, AF_UNSPEC);
	ck_assert_int_eq(sa_set_str(&dst, "192.0.2.1", 5060), 0);
	ck_assert_int_eq(pcapng_udp(mb, &pk), EINVAL);
	ck_assert_int_eq(sa_set_str(&src, "2001:db8::1", 5060), 0);
	ck_assert_int_eq(pcapng_udp(mb, &pk), EINVAL);
}
END_TEST

static void write_entry(const struct trace_entry *e, void *arg)
{
	(void)arg;
	ck_assert_int_eq(pcapng_message(mb, e, "call 1"), 0);
}

/* Of each kind, with addresses and without. */
START_TEST(messages)
{
	struct trace_message m = {.text = "x"};
	struct sa a[2][2];
	size_t last;

	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(
		    sa_set_str(&a[i / 2][i % 2], pairs[i / 2][i % 2], 5347),
		    0);
	for (unsigned i = 0; i < 400; i++) {
		m.kind = i % 2 ? TRACE_SIP : TRACE_XMPP;
		m.way = (enum trace_way)(i % 3);
		m.tx = i % 5 < 2;
		m.local = i % 7 ? &a[i % 2][0] : NULL;
		m.remote = i % 7 ? &a[i % 2][1] : NULL;
		m.text = "<message/>";
		m.len = i % 11;
		trace_message(&m);
	}
	trace_note("1", "this is no packet");
	trace_walk(NULL, 0, write_entry, NULL);
	ck_assert_uint_eq(walk(&last), 3 + 400);
	trace_close();
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("pcapng");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, udp_lengths, 0, 2);
	tcase_add_test(tc, udp_without_addresses);
	tcase_add_test(tc, messages);

	return suite_run("admin pcapng", tc);
}
