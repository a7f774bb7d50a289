/* bridge_shed.c: when new calls are refused, and when no more. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/log.h"
#include "bridge/shed.h"
#include "media/media.h"
#include "suite.h"

enum { MS = 1000 }; /* us */

static struct policy *policy;
static struct shed *shed;
static struct config_limits limits;
static struct ending why;

static void make(void)
{
	limits.signalling_lag = 250;
	limits.media_lag = 200;
	limits.half_open = 64;
	ck_assert_int_eq(libre_init(), 0);
	ck_assert_int_eq(policy_alloc(&policy, &limits, 100), 0);
	ck_assert_int_eq(shed_alloc(&shed, &limits, policy, NULL), 0);
}

static void done(void)
{
	shed = mem_deref(shed);
	policy = mem_deref(policy);
	libre_close();
}

static void tell(unsigned n, uint64_t signalling, uint64_t media)
{
	while (n--)
		shed_tell(shed, signalling, media);
}

static void refused(int err, const char *word)
{
	memset(&why, 0, sizeof(why));
	ck_assert_int_eq(shed_judge(shed, &why), err);
	ck_assert_uint_eq(why.sip_code, 503);
	ck_assert_uint_gt(why.retry_after, 0);
	ck_assert(why.full);
	ck_assert_msg(strstr(why.text, word) != NULL, "%s", why.text);
}

START_TEST(test_either_thread)
{
	struct shed_info i;

	tell(1, 240 * MS, 190 * MS); /* once is no matter */
	tell(20, 100 * MS, 90 * MS);
	ck_assert_int_eq(shed_judge(shed, &why), 0);
	tell(20, 300 * MS, 0);
	refused(EBUSY, "too busy");
	shed_info(shed, &i);
	ck_assert(i.shedding);
	ck_assert_uint_eq(i.refused, 1);
	ck_assert_uint_ge(i.signalling, 250 * MS);
	tell(40, 0, 0);
	ck_assert_int_eq(shed_judge(shed, &why), 0);
	tell(20, 0, 250 * MS);
	refused(EBUSY, "too busy");
	/* one is well again, the other is not yet */
	tell(20, 0, 120 * MS);
	refused(EBUSY, "too busy");
	tell(40, 0, 0);
	ck_assert_int_eq(shed_judge(shed, &why), 0);
	shed_info(shed, &i);
	ck_assert(!i.shedding);
	ck_assert_uint_eq(i.refused, 3);
}
END_TEST

START_TEST(test_no_limit)
{
	limits.signalling_lag = limits.media_lag = 0;
	mem_deref(shed);
	ck_assert_int_eq(shed_alloc(&shed, &limits, policy, NULL), 0);
	tell(100, 60000 * MS, 60000 * MS);
	ck_assert_int_eq(shed_judge(shed, &why), 0);
}
END_TEST

START_TEST(test_at_once)
{
	struct shed_info i;
	unsigned n;

	for (n = 0; n < 64; n++) {
		ck_assert_int_eq(shed_judge(shed, &why), 0);
		shed_begin(shed);
	}
	refused(EBUSY, "set up");
	shed_end(shed);
	ck_assert_int_eq(shed_judge(shed, &why), 0);
	shed_begin(shed);
	/* so many were too many: half of them, then more by and by */
	tell(20, 300 * MS, 0);
	tell(40, 0, 0);
	shed_info(shed, &i);
	ck_assert_uint_eq(i.starting, 64);
	ck_assert_uint_ge(i.starting_max, 32);
	for (n = 0; n < 64; n++)
		shed_end(shed);
	shed_end(shed);
	tell(100, 0, 0);
	shed_info(shed, &i);
	ck_assert_uint_eq(i.starting, 0);
	ck_assert_uint_eq(i.starting_max, 64);
	tell(20, 300 * MS, 0); /* nothing was begun: a few always may */
	shed_info(shed, &i);
	ck_assert_uint_eq(i.starting_max, 8);
	shed_begin(NULL);
	shed_end(NULL);
}
END_TEST

START_TEST(test_full)
{
	const struct policy_ask ask = {.user = "a@x", .trunk = "t"};
	struct ending ignored;
	unsigned n;

	for (n = 0; n < 100; n++)
		ck_assert_int_eq(policy_ask(policy, &ask, &ignored), 0);
	refused(ENOSPC, "as many calls as it can");
	policy_release(policy, "a@x", "t");
	ck_assert_int_eq(shed_judge(shed, &why), 0);
}
END_TEST

static void ignore(const struct media_event *ev, void *arg)
{
	(void)ev;
	(void)arg;
}

/* Of eight ports a call takes four, and a telephone that rings at several
 * places more: what is left counts, not the calls. */
START_TEST(test_ports)
{
	struct engine_conf conf = {
	    .workers = 1, .port_min = 32000, .port_max = 32007};
	struct sockaddr_in *sin = (struct sockaddr_in *)&conf.addr4;
	struct media_rtp_conf rc = {.family = AF_INET};
	struct transport local;
	struct engine *engine;
	struct shed_info i;
	struct media *m;
	unsigned f, n;

	sin->sin_family = AF_INET;
	sin->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_int_eq(engine_start(&engine, &conf), 0);
	mem_deref(shed);
	ck_assert_int_eq(shed_alloc(&shed, &limits, policy, engine), 0);
	ck_assert_int_eq(media_open(&m, engine, "eeee", ignore, NULL), 0);
	for (n = 0; n < 3; n++) {
		ck_assert_int_eq(shed_judge(shed, &why), 0);
		ck_assert_int_eq(media_flow_rtp(m, &f, &rc, &local), 0);
	}
	refused(ENOSPC, "no port or descriptor");
	shed_info(shed, &i);
	ck_assert_uint_eq(i.ports, 6);
	ck_assert_uint_eq(i.ports_max, 8);
	ck_assert(i.fds >= 6 && i.fds < i.fds_max);
	media_close(m);
	shed = mem_deref(shed);
	engine_stop(engine);
}
END_TEST

/* One line when it begins, one when it ends. */
START_TEST(test_log)
{
	static const char *const words[] = {"refused: signalling is 2",
					    "taken again, 1 were refused"};
	FILE *f = tmpfile();
	char line[256];
	unsigned n = 0;

	ck_assert(f && dup2(fileno(f), STDERR_FILENO) >= 0);
	tell(20, 290 * MS, 0);
	refused(EBUSY, "too busy");
	tell(20, 290 * MS, 290 * MS);
	tell(80, 0, 0);
	rewind(f);
	while (fgets(line, sizeof(line), f)) {
		ck_assert_uint_lt(n, 2);
		ck_assert_msg(strstr(line, words[n++]) != NULL, "%s", line);
	}
	ck_assert_uint_eq(n, 2);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("shed");

	tcase_add_checked_fixture(tc, make, done);
	tcase_add_test(tc, test_either_thread);
	tcase_add_test(tc, test_no_limit);
	tcase_add_test(tc, test_at_once);
	tcase_add_test(tc, test_full);
	tcase_add_test(tc, test_ports);
	tcase_add_test(tc, test_log);

	return suite_run("bridge_shed", tc);
}
