/* media_binding.c: checks of consent: the examples of RFC 5769, our own, and
 * what is refused. */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include "media/binding.h"
#include "media/packet.h"
#include "suite.h"

static const char pwd[] = "VOkJxbRl1RmTxUk/WvJxBt";

/* RFC 5769 2.1 */
static const uint8_t request[] = {
    0x00, 0x01, 0x00, 0x58, 0x21, 0x12, 0xa4, 0x42, 0xb7, 0xe7, 0xa7, 0x01,
    0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae, 0x80, 0x22, 0x00, 0x10,
    0x53, 0x54, 0x55, 0x4e, 0x20, 0x74, 0x65, 0x73, 0x74, 0x20, 0x63, 0x6c,
    0x69, 0x65, 0x6e, 0x74, 0x00, 0x24, 0x00, 0x04, 0x6e, 0x00, 0x01, 0xff,
    0x80, 0x29, 0x00, 0x08, 0x93, 0x2f, 0xf9, 0xb1, 0x51, 0x26, 0x3b, 0x36,
    0x00, 0x06, 0x00, 0x09, 0x65, 0x76, 0x74, 0x6a, 0x3a, 0x68, 0x36, 0x76,
    0x59, 0x20, 0x20, 0x20, 0x00, 0x08, 0x00, 0x14, 0x9a, 0xea, 0xa7, 0x0c,
    0xbf, 0xd8, 0xcb, 0x56, 0x78, 0x1e, 0xf2, 0xb5, 0xb2, 0xd3, 0xf2, 0x49,
    0xc1, 0xb5, 0x71, 0xa2, 0x80, 0x28, 0x00, 0x04, 0xe5, 0x7a, 0x3b, 0xcf};
/* 2.2 */
static const uint8_t response[] = {
    0x01, 0x01, 0x00, 0x3c, 0x21, 0x12, 0xa4, 0x42, 0xb7, 0xe7, 0xa7, 0x01,
    0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae, 0x80, 0x22, 0x00, 0x0b,
    0x74, 0x65, 0x73, 0x74, 0x20, 0x76, 0x65, 0x63, 0x74, 0x6f, 0x72, 0x20,
    0x00, 0x20, 0x00, 0x08, 0x00, 0x01, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43,
    0x00, 0x08, 0x00, 0x14, 0x2b, 0x91, 0xf5, 0x99, 0xfd, 0x9e, 0x90, 0xc3,
    0x8c, 0x74, 0x89, 0xf9, 0x2a, 0xf9, 0xba, 0x53, 0xf0, 0x6b, 0xe7, 0xd7,
    0x80, 0x28, 0x00, 0x04, 0xc0, 0x7d, 0x4c, 0x96};

static struct evp_hmac key;

static void setup(void)
{
	evp_hmac_key(&key, (const uint8_t *)pwd, strlen(pwd));
}

START_TEST(test_request)
{
	uint8_t p[sizeof(request)];
	struct binding b;
	size_t i;

	ck_assert_int_eq(binding_decode(&b, request, sizeof(request)), 0);
	ck_assert_int_eq(b.type, BINDING_REQUEST);
	ck_assert(b.userlen == 9 && !memcmp(b.user, "evtj:h6vY", 9));
	ck_assert(binding_is_authentic(&b, &key));
	/* each bit before the end of the proof matters */
	for (i = 8; i < sizeof(request) - 8; i++) {
		memcpy(p, request, sizeof(p));
		p[i] ^= 1;
		ck_assert(binding_decode(&b, p, sizeof(p)) ||
			  !binding_is_authentic(&b, &key));
	}
}
END_TEST

START_TEST(test_response)
{
	struct binding b;

	ck_assert_int_eq(binding_decode(&b, response, sizeof(response)), 0);
	ck_assert_int_eq(b.type, BINDING_SUCCESS);
	ck_assert_uint_eq(packet_u32(b.id), 0xb7e7a701);
	ck_assert(binding_is_authentic(&b, &key));
}
END_TEST

/* What is made ends with the right check sum, too: the same as the example's
 * but for the name of the software. */
START_TEST(test_answer)
{
	struct sockaddr_storage ss = {0};
	struct sockaddr_in *in = (struct sockaddr_in *)&ss;
	uint8_t p[BINDING_MAX];
	struct binding b;
	size_t n;

	in->sin_family = AF_INET;
	in->sin_port = htons(32853);
	ck_assert_int_eq(inet_pton(AF_INET, "192.0.2.1", &in->sin_addr), 1);
	n = binding_answer(p, request + 8, &ss, &key);
	ck_assert_uint_eq(n, 20 + 12 + 24 + 8);
	ck_assert(!memcmp(p + 20, response + 36, 12));
	ck_assert_int_eq(binding_decode(&b, p, n), 0);
	ck_assert(binding_is_authentic(&b, &key));
	ck_assert_uint_eq(packet_u32(p + n - 8), 0x80280004);
}
END_TEST

START_TEST(test_answer_v6)
{
	struct sockaddr_storage ss = {0};
	struct sockaddr_in6 *in = (struct sockaddr_in6 *)&ss;
	/* RFC 5769 2.3 */
	static const uint8_t want[] = {0x00, 0x20, 0x00, 0x14, 0x00, 0x02,
				       0xa1, 0x47, 0x01, 0x13, 0xa9, 0xfa,
				       0xa5, 0xd3, 0xf1, 0x79, 0xbc, 0x25,
				       0xf4, 0xb5, 0xbe, 0xd2, 0xb9, 0xd9};
	uint8_t p[BINDING_MAX];

	in->sin6_family = AF_INET6;
	in->sin6_port = htons(32853);
	ck_assert_int_eq(inet_pton(AF_INET6,
				   "2001:db8:1234:5678:11:2233:4455:6677",
				   &in->sin6_addr),
			 1);
	ck_assert_uint_eq(binding_answer(p, request + 8, &ss, &key),
			  20 + 24 + 24 + 8);
	ck_assert(!memcmp(p + 20, want, sizeof(want)));
}
END_TEST

/* CRC-32 of the whole, as the example has it. */
START_TEST(test_ask)
{
	struct binding_check c = {.theirs = "evtj",
				  .ours = "h6vY",
				  .tie = 0x932ff9b151263b36,
				  .controlling = true};
	char longest[257];
	uint8_t p[BINDING_MAX];
	struct binding b;
	size_t n;

	memcpy(c.id, request + 8, sizeof(c.id));
	n = binding_ask(p, &c, &key);
	ck_assert_int_eq(binding_decode(&b, p, n), 0);
	ck_assert_int_eq(b.type, BINDING_REQUEST);
	ck_assert(!memcmp(b.user, "evtj:h6vY", 9) && b.userlen == 9);
	ck_assert(binding_is_authentic(&b, &key));
	ck_assert_uint_eq(packet_u32(p + n - 8 - 24 - 4), 0x00250000);
	c.controlling = false;
	ck_assert_uint_eq(binding_ask(p, &c, &key), n - 4);
	memset(longest, 'u', 256);
	longest[256] = '\0';
	c.theirs = c.ours = longest;
	n = binding_ask(p, &c, &key);
	ck_assert_uint_le(n, sizeof(p));
	ck_assert_int_eq(binding_decode(&b, p, n), 0);
	ck_assert_uint_eq(b.userlen, 513);
}
END_TEST

/* RFC 2202 3, test case 6: a key that is longer than a block. */
START_TEST(test_long_key)
{
	static const uint8_t want[] = {
	    0xaa, 0x4a, 0xe5, 0xe1, 0x52, 0x72, 0xd0, 0x0e, 0x95, 0x70,
	    0x56, 0x37, 0xce, 0x8a, 0x3b, 0x55, 0xed, 0x40, 0x21, 0x12};
	static const char text[] =
	    "Test Using Larger Than Block-Size Key - Hash Key First";
	uint8_t k[80], md[EVP_SHA1_LEN];

	memset(k, 0xaa, sizeof(k));
	evp_hmac_key(&key, k, sizeof(k));
	evp_hmac(&key, (const uint8_t *)text, strlen(text), md);
	ck_assert(!memcmp(md, want, sizeof(md)));
}
END_TEST

static const struct {
	const char *what;
	size_t at;
	uint8_t value;
	int err;
} wrong[] = {
    {"an indication", 1, 0x11, EBADMSG},
    {"another method", 1, 0x03, EBADMSG},
    {"no cookie", 4, 0x20, EBADMSG},
    {"another length", 3, 0x54, EBADMSG},
    {"an attribute that is too long", 23, 0xff, EBADMSG},
    {"an attribute that must be known", 40, 0x01, ENOTSUP},
    {"a proof of another length", 79, 0x10, EBADMSG},
};

START_TEST(test_refused)
{
	uint8_t p[sizeof(request)], large[BINDING_MAX + 4] = {0};
	struct binding b;

	memcpy(p, request, sizeof(p));
	p[wrong[_i].at] = wrong[_i].value;
	ck_assert_msg(binding_decode(&b, p, sizeof(p)) == wrong[_i].err, "%s",
		      wrong[_i].what);
	ck_assert_int_eq(binding_decode(&b, request, sizeof(p) - 4), EBADMSG);
	ck_assert_int_eq(binding_decode(&b, request, 19), EBADMSG);
	memcpy(large, request, 20);
	packet_put16(large + 2, sizeof(large) - 20);
	ck_assert_int_eq(binding_decode(&b, large, sizeof(large)), EBADMSG);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("all");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, test_request);
	tcase_add_test(tc, test_response);
	tcase_add_test(tc, test_answer);
	tcase_add_test(tc, test_answer_v6);
	tcase_add_test(tc, test_ask);
	tcase_add_test(tc, test_long_key);
	tcase_add_loop_test(tc, test_refused, 0,
			    sizeof(wrong) / sizeof(wrong[0]));

	return suite_run("media_binding", tc);
}
