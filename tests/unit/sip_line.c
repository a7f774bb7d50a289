/* sip_line.c: accounts of users at a scripted registrar: many lines, one way
 * out, evenly in time; requests that are for a line; waiting messages. */
#include "sip_peer.h"
#include <stdio.h>
#include <unistd.h>
#include "sip/mwi.h"
#include "sip/stack_priv.h"
#include "suite.h"

enum { LINES = 1000, RATE = 1000 };

static struct setup st;
static struct sipstack *stack;
static struct peer registrar;
static unsigned registers, options, early;
static char last[PEER_TEXT];
static struct siptrunk *lines[LINES];
static uint64_t started;

static void answer(struct peer *p, const struct sa *src, const char *text)
{
	if (!strncmp(text, "OPTIONS ", 8))
		++options;
	if (!strncmp(text, "REGISTER ", 9)) {
		++registers;
		early += tmr_jiffies() < started + 300;
		(void)snprintf(last, sizeof(last), "%s", text);
		peer_answer(p, src, text,
			    strstr(text, "sip:bad@") ? "403 Forbidden"
						     : "200 OK",
			    "Expires: 3600\r\n");
		return;
	}
	peer_answer(p, src, text, "200 OK", "");
}

static void start(void)
{
	ck_assert_int_eq(libre_init(), 0);
	(void)alarm(50);
	setup_init(&st);
	st.conf.trunkc = 0;
	st.conf.account.register_rate = RATE;
	st.conf.limits.sip_source_rate = 100000;
	st.conf.limits.sip_source_burst = 100000;
	peer_open(&registrar, "127.0.0.1", answer);
	ck_assert_int_eq(sipstack_alloc(&stack, &st.conf), 0);
	started = tmr_jiffies();
}

static void stop(void)
{
	stack = mem_deref(stack);
	registrar.us = mem_deref(registrar.us);
	libre_close();
}

static struct siptrunk *line_at(const char *uri, const char *user, unsigned n)
{
	struct config_trunk *conf;
	struct siptrunk *t;
	char token[24];

	ck_assert_int_eq(0, config_trunk_alloc(&conf, NULL));
	ck_assert_uint_gt(conf->codecc, 0);
	conf->reg = true;
	ck_assert_int_eq(0, re_sdprintf(&conf->name, "account %u", n));
	ck_assert_int_eq(0, str_dup(&conf->username, user));
	ck_assert_int_eq(0, str_dup(&conf->password, "pw"));
	ck_assert_int_eq(0, str_dup(&conf->uri, uri));
	(void)re_snprintf(token, sizeof(token), "tok%u", n);
	ck_assert_int_eq(0,
			 sipline_alloc(&t, stack, conf, NULL, token, false));
	mem_deref(conf);

	return t;
}

static struct siptrunk *line(const char *user, unsigned n)
{
	char uri[64];

	(void)re_snprintf(uri, sizeof(uri), "sip:%J", &registrar.addr);

	return line_at(uri, user, n);
}

static unsigned up(void)
{
	struct sipline_event ev;
	unsigned n = 0;

	for (unsigned i = 0; i < LINES; i++) {
		sipline_event(lines[i], &ev);
		n += ev.state == SIPLINE_UP;
	}

	return n;
}

static bool all_up(void)
{
	return up() == LINES;
}

/* A thousand are not registered at once, nor will they be next time. */
static bool has_begun(void)
{
	return registers > 0;
}

START_TEST(evenly)
{
	unsigned bucket[9] = {0};

	for (unsigned i = 0; i < LINES; i++) {
		char user[16];

		(void)snprintf(user, sizeof(user), "u%u", i);
		lines[i] = line(user, i);
		ck_assert_int_eq(0, sipline_start(lines[i], true, NULL, NULL));
	}
	ck_assert_uint_eq(sipstack_lines(stack), LINES);
	/* each has a turn of its own, however slow the machine is */
	ck_assert(loop_until(has_begun, 20000));
	ck_assert_uint_ge(tmr_jiffies() - started + line_turn(stack),
			  LINES * 1000 / RATE - 2);
	ck_assert(loop_until(all_up, 20000));
	ck_assert_uint_le(early, RATE * 4 / 10);
	ck_assert_uint_le(options, 2); /* one registrar, asked once */

	/* of 3 240 s that refreshes take at most, the first 10 % are free */
	for (unsigned i = 0; i < LINES; i++) {
		const uint64_t due = binding_due(lines[i]->binding) / 1000;

		ck_assert_uint_ge(due, 324 - 20);
		ck_assert_uint_le(due, 3240);
		++bucket[(due - 304) * 9 / 2937];
	}
	for (unsigned i = 0; i < 9; i++)
		ck_assert_msg(bucket[i] > LINES / 9 / 2 &&
				  bucket[i] < LINES / 9 * 3 / 2,
			      "%u of the lines in part %u", bucket[i], i);
}
END_TEST

static struct sipline_event event;
static unsigned events;

static void event_h(const struct sipline_event *ev, void *arg)
{
	(void)arg;
	event = *ev;
	++events;
}

static bool has_event(void)
{
	return events > 0;
}

START_TEST(told)
{
	struct siptrunk *good = line("good", 1), *bad = line("bad", 2);

	ck_assert(siptrunk_is_line(good));
	ck_assert_ptr_eq(good->hop, bad->hop);
	ck_assert_ptr_eq(sipstack_trunk(stack, "account 1"), good);
	ck_assert_int_eq(0, sipline_start(good, false, event_h, NULL));
	ck_assert(loop_until(has_event, 5000));
	ck_assert_int_eq(event.state, SIPLINE_UP);
	ck_assert_ptr_nonnull(strstr(last, "Contact: <sip:tok1@"));
	ck_assert_ptr_nonnull(strstr(last, "To: <sip:good@127.0.0.1>"));

	events = 0;
	ck_assert_int_eq(0, sipline_start(bad, false, event_h, NULL));
	ck_assert(loop_until(has_event, 5000));
	ck_assert_int_eq(event.state, SIPLINE_REFUSED);
	ck_assert_uint_eq(event.code, 403);
	ck_assert_str_eq(event.text, "the registrar forbids it");

	sipline_stop(good);
	sipline_stop(bad);
	sipline_stop(bad);
	ck_assert_uint_eq(sipstack_lines(stack), 0);
	ck_assert_ptr_null(good->hop->options);
}
END_TEST

START_TEST(summaries)
{
	static const struct {
		const char *text;
		int err;
		bool waiting;
		unsigned fresh, old;
	} rows[] = {
	    {"Messages-Waiting: yes\r\n", 0, true, 0, 0},
	    {"Messages-Waiting: no\r\n", 0, false, 0, 0},
	    {"Messages-Waiting: yes\r\nMessage-Account: sip:a@b\r\n"
	     "Voice-Message: 2/8 (0/2)\r\n",
	     0, true, 2, 8},
	    {"messages-waiting : YES\nvoice-message:3\n", 0, true, 3, 0},
	    {"Messages-Waiting: yes\r\nVoice-Message: 99999999999/1\r\n", 0,
	     true, 9999, 1},
	    {"Messages-Waiting: yes\r\nFax-Message: 4/0\r\n"
	     "Voice-Message: 1/0\r\nVoice-Message: 7/0\r\n",
	     0, true, 1, 0},
	    {"Messages-Waiting: yes\r\nVoice-Message: x\r\n", 0, true, 0, 0},
	    {"", EBADMSG, false, 0, 0},
	    {"nonsense", EBADMSG, false, 0, 0},
	    {"Voice-Message: 1/0\r\n", EBADMSG, false, 0, 0},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct pl pl;
		struct mwi m;

		pl_set_str(&pl, rows[i].text);
		ck_assert_msg(mwi_decode(&m, &pl) == rows[i].err, "%zu", i);
		if (rows[i].err)
			continue;
		ck_assert_msg(m.waiting == rows[i].waiting &&
				  m.fresh == rows[i].fresh &&
				  m.old == rows[i].old,
			      "%zu: %d %u %u", i, m.waiting, m.fresh, m.old);
	}
}
END_TEST

/* Whoever waits for a name server that says nothing waits no longer once it
 * is stopped, and once only when it is started again. */
START_TEST(unresolved)
{
	struct peer dns;
	struct siptrunk *t;

	peer_open(&dns, "127.0.0.1", NULL);
	mem_deref(stack->dnsc);
	ck_assert_int_eq(dnsc_alloc(&stack->dnsc, NULL, &dns.addr, 1), 0);
	t = line_at("sip:registrar.test", "alice", 1);
	for (unsigned i = 0; i < 2; i++) {
		ck_assert_int_eq(0, sipline_start(t, false, NULL, NULL));
		loop_run(50);
		ck_assert_uint_eq(list_count(&t->hop->waiters), 1);
	}
	siptrunk_renew(t);
	loop_run(50);
	ck_assert_uint_eq(list_count(&t->hop->waiters), 1);
	binding_close(t->binding);
	ck_assert_uint_eq(list_count(&t->hop->waiters), 0);
	ck_assert_int_eq(0, sipline_start(t, false, NULL, NULL));
	loop_run(50);
	ck_assert_uint_eq(list_count(&t->hop->waiters), 1);
	sipline_stop(t);
	ck_assert_uint_eq(list_count(&t->hop->waiters), 0);
	mem_deref(dns.us);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("all");

	tcase_set_timeout(tc, 40);
	tcase_add_checked_fixture(tc, start, stop);
	tcase_add_test(tc, evenly);
	tcase_add_test(tc, told);
	tcase_add_test(tc, summaries);
	tcase_add_test(tc, unresolved);

	return suite_run("line", tc);
}
