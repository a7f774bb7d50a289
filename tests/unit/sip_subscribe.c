/* sip_subscribe.c: what a subscription costs, and memory refused. */
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include "suite.h"
#include "refused.h"
#include "sip/subscribe.c"
#undef mem_zalloc
#undef mbuf_alloc
#undef str_dup
#undef pl_strdup
#undef re_sdprintf
#include "bridge/presence_priv.h"
#define peer script_peer /* bridge/leg.h has another */
#include "tests/unit/sip_peer.h"

enum { MANY = 1000, PAIR_MAX = 2048 };

static struct sipstack *stack;
static struct subscribers *all;
static struct peer peer;
static struct subscribe_end last;
static unsigned ends, notes;

static void notify_h(struct subscription *sub, bool pending,
		     const struct pl *body, void *arg)
{
	(void)sub;
	(void)pending;
	(void)body;
	(void)arg;
	++notes;
}

static void silent_h(struct subscription *sub, void *arg)
{
	(void)sub;
	(void)arg;
}

static void ended_h(struct subscription *sub, const struct subscribe_end *end,
		    void *arg)
{
	(void)sub;
	(void)arg;
	last = *end;
	++ends;
}

static const struct subscribe_handlers handlers = {notify_h, silent_h,
						   silent_h, ended_h};

static struct setup su;

static void setup(void)
{
	ck_assert_int_eq(libre_init(), 0);
	peer_open(&peer, "127.0.0.1", NULL);
	setup_init(&su);
	setup_trunk(&su, 0, &peer.addr, "");
	ck_assert_int_eq(sipstack_alloc(&stack, &su.conf), 0);
	ck_assert_int_eq(subscribers_alloc(&all, stack), 0);
}

static void teardown(void)
{
	subscribers_close(all);
	mem_deref(stack);
	mem_deref(all);
	mem_deref(peer.us);
	libre_close();
}

static struct subscription *start(void)
{
	const struct subscribe_conf conf = {
	    .trunk = sipstack_trunk(stack, "pbx"),
	    .uri = "sip:600@pbx.example.net",
	    .from_uri = "sip:alice@pbx.example.net",
	    .package = &subscribe_presence,
	    .expires = 3600,
	    .answer = 32,
	};
	struct subscription *sub = NULL;
	int err = subscription_start(&sub, all, &conf, &handlers, NULL);

	ck_assert(!err == (sub != NULL));
	return sub;
}

static const char ok[] =
    "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK1\r\n"
    "From: <sip:alice@pbx.example.net>;tag=abcdefghijkl\r\n"
    "To: <sip:600@pbx.example.net>;tag=0123456789abcdef\r\n"
    "Call-ID: abcdefghijklmnopqrstuvwx\r\nCSeq: 1 SUBSCRIBE\r\n"
    "Record-Route: <sip:192.0.2.20:5060;lr>\r\n"
    "Contact: <sip:192.0.2.20:5060>\r\nExpires: 3600\r\n"
    "Content-Length: 0\r\n\r\n";

/* As it is when it has been accepted, with the pair that it is for. */
START_TEST(memory_of_one)
{
	struct subscription *v[MANY];
	char *strings[MANY][3];
	struct mbuf *mb = mbuf_alloc(sizeof(ok));
	struct sip_msg *msg;
	size_t before, each;

	(void)mbuf_write_str(mb, ok);
	mb->pos = 0;
	ck_assert_int_eq(sip_msg_decode(&msg, mb), 0);
	before = mallinfo2().uordblks;
	for (unsigned i = 0; i < MANY; i++) {
		v[i] = start();
		(void)str_dup(&v[i]->contact,
			      "sip:abcdefgh@192.0.2.10:5060;i=01234567");
		ck_assert_int_eq(
		    sipdlg_alloc(&v[i]->dlg, v[i]->uri, msg, &v[i]->hop), 0);
		(void)str_dup(&strings[i][0], "alice@example.com");
		(void)str_dup(&strings[i][1], "600@sip.example.com");
		strings[i][2] = mem_zalloc(sizeof(struct pair), NULL);
	}
	each = (mallinfo2().uordblks - before) / MANY;
	printf("a subscription and its pair: %zu bytes\n", each);
	ck_assert_uint_le(each, PAIR_MAX);

	for (unsigned i = 0; i < MANY; i++) {
		mem_deref(v[i]);
		for (unsigned k = 0; k < 3; k++)
			mem_deref(strings[i][k]);
	}
	mem_deref(msg);
	mem_deref(mb);
	ck_assert_uint_eq(subscribers_count(all), 0);
}
END_TEST

START_TEST(memory_refused)
{
	struct subscription *sub = NULL;

	for (unsigned n = 0; !sub; n++) {
		ck_assert_uint_lt(n, 10);
		refuse_after = n;
		sub = start();
		refuse_after = UINT_MAX;
		ck_assert_uint_eq(subscribers_count(all), sub != NULL);
	}
	mem_deref(sub);

	/* and when the request is made */
	for (unsigned n = 0; n < 2; n++) {
		ends = 0;
		sub = start();
		refuse_after = n;
		loop_run(20);
		refuse_after = UINT_MAX;
		ck_assert_uint_eq(ends, n < 1);
		if (ends)
			ck_assert_uint_eq(last.code, 503);
		mem_deref(sub);
	}
}
END_TEST

START_TEST(bad_uris)
{
	struct subscribe_conf conf = {
	    .trunk = sipstack_trunk(stack, "pbx"),
	    .uri = "sip:6>\r\n00@x",
	    .from_uri = "sip:alice@x",
	    .package = &subscribe_presence,
	};
	struct subscription *sub;

	ck_assert_int_eq(subscription_start(&sub, all, &conf, &handlers, NULL),
			 EBADMSG);
	conf.uri = "sip:600@x";
	conf.from_uri = "sip:a>@x";
	ck_assert_int_eq(subscription_start(&sub, all, &conf, &handlers, NULL),
			 EBADMSG);
	subscription_leave(NULL);
	subscription_refresh(NULL);
	subscription_drop(NULL);
	ck_assert_uint_eq(subscription_left(NULL), 0);
}
END_TEST

static void answer_489(struct peer *p, const struct sa *src, const char *text)
{
	peer_answer(p, src, text,
		    strncmp(text, "SUBSCRIBE", 9) ? "200 OK" : "489 Bad Event",
		    "Retry-After: 7 (soon)\r\n");
}

static bool has_ended(void)
{
	return ends > 0;
}

START_TEST(refused)
{
	struct subscription *sub;

	peer.h = answer_489;
	ends = 0;
	sub = start();
	ck_assert(loop_until(has_ended, 2000));
	ck_assert_uint_eq(last.code, 489);
	ck_assert_uint_eq(last.retry_after, 7);
	ck_assert(last.heard);
	subscription_drop(sub);
	ck_assert_uint_eq(subscribers_count(all), 0);
}
END_TEST

/* Left before its answer: taken back as soon as that comes. */
START_TEST(left_early)
{
	struct subscription *sub = start();

	ends = 0;
	loop_run(20);
	subscription_drop(sub);
	ck_assert_uint_eq(subscribers_count(all), 1);
	peer.h = answer_489;
	loop_run(1200);
	ck_assert_uint_eq(subscribers_count(all), 0);
	ck_assert_uint_eq(ends, 0);
}
END_TEST

/* ---- when they are asked again ---- */

enum {
	CROWD = 200000,
	HOUR = 3600, /* s */
};

static struct subscription *crowd;
static unsigned planned[3 * HOUR]; /* by second, from the first grant */

/* Where each one's timer stands; from: s that have passed for it before. */
static void plan_count(const unsigned *from, unsigned *to)
{
	memset(planned, 0, sizeof(planned));
	for (unsigned i = 0; i < CROWD; i++) {
		const uint64_t s = tmr_get_expire(&crowd[i].tmr) / 1000;

		to[i] = (from ? from[i] : 0) + (unsigned)s;
		ck_assert_uint_lt(to[i], ARRAY_SIZE(planned));
		planned[to[i]]++;
	}
	for (unsigned s = 0; s < ARRAY_SIZE(planned); s++)
		ck_assert_uint_le(planned[s], 3 * CROWD / HOUR);
}

/* All that a gateway has are granted in one moment, as fast as no restart can
 * be: no second of the next two rounds has three times the mean. */
START_TEST(no_storm_of_timers)
{
	unsigned *first = calloc(CROWD, sizeof(*first));
	unsigned *second = calloc(CROWD, sizeof(*second));

	crowd = calloc(CROWD, sizeof(*crowd));
	ck_assert(crowd && first && second);
	for (unsigned i = 0; i < CROWD; i++) {
		crowd[i].state = SUBSCRIBE_ACTIVE;
		subscribe_granted(&crowd[i], HOUR);
	}
	plan_count(NULL, first);
	for (unsigned i = 0; i < CROWD; i++) { /* it is time; and granted */
		tmr_cancel(&crowd[i].tmr);
		due_timeout(&crowd[i]);
		crowd[i].refreshed = true;
		subscribe_granted(&crowd[i], HOUR);
	}
	plan_count(first, second);
	for (unsigned i = 0; i < CROWD; i++)
		tmr_cancel(&crowd[i].tmr);
	free(crowd);
	free(first);
	free(second);
}
END_TEST

/* The NOTIFY says once more what the answer said; another time counts. */
START_TEST(granted_twice)
{
	struct subscription *sub = calloc(1, sizeof(*sub));
	uint64_t at;

	ck_assert_ptr_nonnull(sub);
	sub->state = SUBSCRIBE_ACTIVE;
	subscribe_granted(sub, HOUR);
	at = sub->tmr.jfs;
	subscribe_granted(sub, HOUR);
	ck_assert_uint_eq(sub->tmr.jfs, at);
	ck_assert_uint_ge(subscription_left(sub), (HOUR - 60) * 1000);

	subscribe_granted(sub, 1200);
	ck_assert_uint_le(subscription_left(sub), 1200 * 1000);
	ck_assert_uint_le(tmr_get_expire(&sub->tmr), 1140 * 1000);
	due_timeout(sub); /* it waits for its end: the same is news */
	subscribe_granted(sub, 1200);
	ck_assert(sub->tmr.th == due_timeout);
	tmr_cancel(&sub->tmr);
	free(sub);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("subscribe");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, memory_of_one);
	tcase_add_test(tc, memory_refused);
	tcase_add_test(tc, bad_uris);
	tcase_add_test(tc, refused);
	tcase_add_test(tc, left_early);
	tcase_add_test(tc, no_storm_of_timers);
	tcase_add_test(tc, granted_twice);

	return suite_run("sip_subscribe", tc);
}
