/* media_latch.c: the rules of latching, row by row. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include "media/latch.h"
#include "media/ss.h"
#include "suite.h"

static struct sockaddr_storage addr(const char *ip, uint16_t port)
{
	struct sockaddr_storage ss;
	struct sockaddr_in *sin = (struct sockaddr_in *)&ss;

	memset(&ss, 0, sizeof(ss));
	if (!ip)
		return ss;
	sin->sin_family = AF_INET;
	sin->sin_port = htons(port);
	ck_assert_int_eq(inet_pton(AF_INET, ip, &sin->sin_addr), 1);

	return ss;
}

#define SDP "192.0.2.1"
#define SIG "198.51.100.7"
#define BAD "203.0.113.9"

static const struct {
	enum latch_mode mode;
	const char *src;
	uint16_t port;
	bool allowed;
} rows[] = {
    {LATCH_RESTRICTED, SDP, 4000, true},
    {LATCH_RESTRICTED, SDP, 5, true},
    {LATCH_RESTRICTED, SIG, 4000, true},
    {LATCH_RESTRICTED, SIG, 9, true},
    {LATCH_RESTRICTED, BAD, 4000, false},
    {LATCH_OFF, SDP, 4000, true},
    {LATCH_OFF, SIG, 4000, false},
    {LATCH_OFF, BAD, 4000, false},
    {LATCH_ANY, BAD, 1, true},
};

START_TEST(test_first)
{
	struct latch l = {.mode = rows[_i].mode};
	struct sockaddr_storage sdp = addr(SDP, 4000), sig = addr(SIG, 5060);
	struct sockaddr_storage src = addr(rows[_i].src, rows[_i].port);

	ck_assert(!latch_allows(&l, &src)); /* nothing is known yet */
	ck_assert_ptr_null(latch_dest(&l));
	ck_assert(latch_set(&l, &sdp, &sig));
	ck_assert(ss_equal(latch_dest(&l), &sdp));
	ck_assert_int_eq(latch_allows(&l, &src), rows[_i].allowed);
}
END_TEST

START_TEST(test_lock)
{
	struct latch l = {.mode = LATCH_RESTRICTED};
	struct sockaddr_storage sdp = addr(SDP, 4000), sig = addr(SIG, 5060);
	struct sockaddr_storage nat = addr(SIG, 61000), bad = addr(SIG, 62000);
	unsigned i;

	(void)latch_set(&l, &sdp, &sig);
	ck_assert(latch_learn(&l, &nat));
	ck_assert(ss_equal(latch_dest(&l), &nat));
	ck_assert(latch_allows(&l, &nat));
	ck_assert(!latch_allows(&l, &bad)); /* same host, another port */
	ck_assert(latch_allows(&l, &sdp));  /* on probation still */
	for (i = 1; i < LATCH_PROBATION; i++) {
		ck_assert(!latch_is_final(&l));
		ck_assert(!latch_learn(&l, &nat));
	}
	ck_assert(latch_is_final(&l));
	ck_assert(!latch_allows(&l, &sdp));
	/* the same SDP again changes nothing, another address unlocks */
	ck_assert(!latch_set(&l, &sdp, &sig));
	ck_assert(l.locked);
	ss_set_port(&sdp, 4002);
	ck_assert(latch_set(&l, &sdp, &sig));
	ck_assert(!l.locked && ss_equal(latch_dest(&l), &sdp));
}
END_TEST

START_TEST(test_sdp_wins)
{
	struct latch l = {.mode = LATCH_ANY};
	struct sockaddr_storage sdp = addr(SDP, 4000), none = addr(NULL, 0);
	struct sockaddr_storage bad = addr(BAD, 1);

	(void)latch_set(&l, &sdp, &none);
	ck_assert(latch_learn(&l, &bad));
	ck_assert(latch_learn(&l, &sdp));
	ck_assert(latch_is_final(&l));
	ck_assert(!latch_allows(&l, &bad));
}
END_TEST

/* Phones behind a PBX that signals for them. */
START_TEST(test_networks)
{
	struct latch l = {.mode = LATCH_RESTRICTED};
	struct sockaddr_storage sdp = addr(SDP, 4000), none = addr(NULL, 0);
	struct sockaddr_storage in = addr("203.0.113.62", 9);
	struct sockaddr_storage out = addr("203.0.113.64", 9), net;

	net = addr("203.0.113.32", 0);
	ss_to_desc(&l.nets[0].addr, &net);
	l.nets[0].prefix = 27;
	l.netc = 1;
	(void)latch_set(&l, &sdp, &none);
	ck_assert(latch_allows(&l, &in));
	ck_assert(!latch_allows(&l, &out));
	l.nets[0].prefix = 24;
	ck_assert(latch_allows(&l, &out));
	l.nets[0].prefix = 33; /* nonsense matches nothing */
	ck_assert(!latch_allows(&l, &in));
	l.nets[0].prefix = 0;
	ck_assert(latch_allows(&l, &out));
}
END_TEST

START_TEST(test_off)
{
	struct latch l = {.mode = LATCH_OFF};
	struct sockaddr_storage sdp = addr(SDP, 4000), none = addr(NULL, 0);
	struct sockaddr_storage src = addr(SDP, 5);

	(void)latch_set(&l, &sdp, &none);
	ck_assert(!latch_learn(&l, &src));
	ck_assert(ss_equal(latch_dest(&l), &sdp));
	ck_assert(!latch_is_final(&l));
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("all");

	tcase_add_loop_test(tc, test_first, 0, sizeof(rows) / sizeof(rows[0]));
	tcase_add_test(tc, test_lock);
	tcase_add_test(tc, test_sdp_wins);
	tcase_add_test(tc, test_networks);
	tcase_add_test(tc, test_off);

	return suite_run("media_latch", tc);
}
