/* sip_renew.c: a trunk that goes and comes again. */
#include "sip_peer.h"
#include <errno.h>
#include <stdio.h>
#include <unistd.h>
#include "sip/former.h"
#include "sip/renew.h"
#include "sip/stack_priv.h"
#include "suite.h"

#define HEAD                                                                  \
	"[xmpp]\ncomponent = sip.x.test\nsecret = hush\ndomains = x.test\n"   \
	"[sip]\nlisten = udp:127.0.0.1:%u\n"                                  \
	"[trunk pbx]\nuri = sip:127.0.0.1:9\n"
#define TWO   "[trunk two]\nuri = sip:192.0.2.3\n"
#define MOVED "[trunk two]\nuri = sip:192.0.2.4\n"

static struct config *conf;
static struct sipstack *stack;
static unsigned port;

static int say(const char *p, size_t size, void *arg)
{
	(void)arg;

	return fwrite(p, 1, size, stderr) == size ? 0 : EIO;
}

static struct re_printf pf = {say, NULL};

static struct config *parse(const char *trunks)
{
	struct config *c;
	char text[1024];

	ck_assert_int_gt(
	    re_snprintf(text, sizeof(text), HEAD "%s", port, trunks), 0);
	ck_assert_int_eq(config_parse(&c, "t.conf", text, strlen(text), &pf),
			 0);

	return c;
}

/* As gateway_reload() does it; the rest of the renewal is the caller's. */
static struct siprenewal *reload(const char *trunks)
{
	struct config *next = parse(trunks);
	struct siprenewal *r;
	void *old = config_hold(conf);

	ck_assert_int_eq(siprenewal_alloc(&r, stack, next, &pf), 0);
	config_replace(conf, next);
	siprenewal_apply(r);
	mem_deref(old);

	return r;
}

static void start(const char *trunks)
{
	struct udp_sock *us;
	struct sa sa;

	ck_assert_int_eq(libre_init(), 0);
	(void)alarm(50);
	ck_assert_int_eq(sa_set_str(&sa, "127.0.0.1", 0), 0);
	ck_assert_int_eq(udp_listen(&us, &sa, NULL, NULL), 0);
	ck_assert_int_eq(udp_local_get(us, &sa), 0);
	port = sa_port(&sa);
	mem_deref(us);
	conf = parse(trunks);
	ck_assert_int_eq(sipstack_alloc(&stack, conf), 0);
}

static void stop(void)
{
	stack = mem_deref(stack);
	conf = mem_deref(conf);
	libre_close();
}

/* Who points to its configuration learns of the next one while the renewal
 * lasts. */
START_TEST(what_was_stays_readable)
{
	const struct config_trunk *was;
	struct siprenewal *r;
	void *held;

	start("");
	mem_deref(reload(TWO));
	held = config_hold(conf);
	was = sipstack_conf(stack, "two");
	mem_deref(reload(""));
	ck_assert_ptr_null(sipstack_trunk(stack, "two"));
	ck_assert_ptr_eq(sipstack_conf(stack, "two"), was);
	ck_assert_uint_eq(mem_nrefs(held), 2);
	r = reload(TWO);
	ck_assert_ptr_ne(sipstack_conf(stack, "two"), was);
	ck_assert_uint_eq(mem_nrefs(held), 2);
	ck_assert_str_eq(was->name, "two");
	mem_deref(r);
	ck_assert_uint_eq(mem_nrefs(held), 1);
	mem_deref(held);
	stop();
}
END_TEST

/* Its old address is good for calls that began there, not because it comes
 * again elsewhere. */
START_TEST(old_address_is_not_trusted_anew)
{
	struct siptrunk *t;
	struct sa was;

	start(TWO);
	ck_assert_int_eq(sa_set_str(&was, "192.0.2.3", 5060), 0);
	t = sipstack_trunk(stack, "two");
	mem_deref(reload(""));
	ck_assert(former_has(t, &was, false));
	list_flush(&t->formers); /* their time is over */
	mem_deref(reload(MOVED));
	ck_assert_ptr_eq(sipstack_trunk(stack, "two"), t);
	ck_assert(!former_has(t, &was, false));
	ck_assert(!siptrunk_is_peer(t, &was, true));
	mem_deref(reload(TWO));
	ck_assert(siptrunk_is_peer(t, &was, false));
	stop();
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("renew");

	tcase_set_timeout(tc, 20);
	tcase_add_test(tc, what_was_stays_readable);
	tcase_add_test(tc, old_address_is_not_trusted_anew);

	return suite_run("sip_renew", tc);
}
