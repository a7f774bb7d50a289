/* base_reload.c: a configuration that takes another's place. */
#include <errno.h>
#include <string.h>
#include "said.h"

#define XMPP                                                                  \
	"[xmpp]\ncomponent = sip.x.test\nsecret = hush\ndomains = x.test\n"
#define SIP   "[sip]\nlisten = udp:127.0.0.1:5070, tcp:127.0.0.1:5070\n"
#define TRUNK "[trunk pbx]\nuri = sip:10.1.2.3\nlisten = udp:127.0.0.1:5070\n"

static struct config *parse(const char *text)
{
	struct config *c = NULL;

	said_clear();
	ck_assert_msg(!config_parse(&c, "t.conf", text, strlen(text), &pf),
		      "%s", said);

	return c;
}

START_TEST(replaces)
{
	struct config *c = parse(XMPP SIP TRUNK "[limits]\ncalls = 7\n");
	const struct config_limits *limits = &c->limits;
	const struct config_listen *listen = c->trunk[0].listen;
	const struct config_trunk *trunk = &c->trunk[0];
	void *held = config_hold(c);

	ck_assert_ptr_nonnull(listen);
	for (int i = 0; i < 3; i++) {
		struct config *next =
		    parse(XMPP SIP "[trunk two]\nuri = sip:10.9.9.9\n" TRUNK
				   "[limits]\ncalls = 8\n");

		ck_assert_int_eq(config_fixed_check(c, next, &pf), 0);
		config_replace(c, next);
		/* plain sections stay where they are, with what is new */
		ck_assert_ptr_eq(limits, &c->limits);
		ck_assert_uint_eq(limits->calls, 8);
		ck_assert_uint_eq(c->trunkc, 2);
		/* sockets are known by their entry */
		ck_assert_ptr_eq(c->trunk[1].listen, listen);
		ck_assert_ptr_eq(c->sip.listen, listen);
	}
	/* who held it still reads it */
	ck_assert_str_eq(trunk->name, "pbx");
	ck_assert_str_eq(trunk->uri, "sip:10.1.2.3");
	ck_assert_ptr_ne(config_trunk_find(c, "pbx"), trunk);
	mem_deref(held);
	mem_deref(c);
}
END_TEST

static const struct {
	const char *was, *is, *say;
} fixed[] = {
    {XMPP SIP, XMPP "[sip]\nlisten = udp:127.0.0.1:5071\n",
     "t.conf:6: [sip] listen differs from what runs; it needs a restart\n"},
    {XMPP SIP, XMPP,
     "t.conf: [sip] listen differs from what runs; it needs "
     "a restart\n"},
    {XMPP, XMPP "[media]\nworkers = 0\n", ""}, /* as it is by default */
    {XMPP "[media]\nports = 2000-3000\n", XMPP "[media]\nports = 2000-3000\n",
     ""},
    {XMPP "[media]\nports = 2000-3000\n",
     XMPP "[media]\nports = 2000-3001\nworkers = 3\n",
     "t.conf:6: [media] ports differs from what runs; it needs a restart\n"
     "t.conf:7: [media] workers differs from what runs; it needs a "
     "restart\n"},
    {XMPP, "[xmpp]\ncomponent = b.x.test\nsecret = hush\ndomains = x.test\n",
     "t.conf:1: the components of [xmpp] differ from what runs; they need a "
     "restart\n"},
    {XMPP, "[xmpp]\ncomponent = sip.x.test\nsecret = new\ndomains = y.test\n",
     ""},
};

START_TEST(what_cannot_change)
{
	struct config *c = parse(fixed[_i].was), *next;
	char text[sizeof(said)];
	const char *at = said;
	int err;

	next = parse(fixed[_i].is);
	err = config_fixed_check(c, next, &pf);
	/* without the folder before the name */
	text[0] = '\0';
	while (*at) {
		const char *file = strstr(at, "t.conf"),
			   *nl = strchr(at, '\n');

		ck_assert(file && nl);
		strncat(text, file, (size_t)(nl + 1 - file));
		at = nl + 1;
	}
	ck_assert_str_eq(text, fixed[_i].say);
	ck_assert_int_eq(err, fixed[_i].say[0] ? EBADMSG : 0);
	mem_deref(next);
	mem_deref(c);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("reload");

	tcase_add_test(t, replaces);
	tcase_add_loop_test(t, what_cannot_change, 0, (int)ARRAY_SIZE(fixed));

	return suite_run("reload", t);
}
