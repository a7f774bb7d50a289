/* bridge_route.c: addresses and rules. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "bridge/route.h"
#include "suite.h"

static int discard(const char *p, size_t size, void *arg)
{
	size_t *n = arg;

	(void)p;
	*n += size;

	return 0;
}

static enum config_addressing mode_of(const char *s)
{
	if (!strcmp(s, "escaped"))
		return CONFIG_ADDR_ESCAPED;
	if (!strcmp(s, "trunk"))
		return CONFIG_ADDR_TRUNK;

	return CONFIG_ADDR_DOMAIN;
}

static void expect(int err, char *got, const char *want, const char *from)
{
	if (!strcmp(want, "!"))
		ck_assert_msg(err != 0, "%s gave %s", from, got);
	else
		ck_assert_msg(!err && !strcmp(got, want),
			      "%s: err %d, got %s, want %s", from, err, got,
			      want);
	mem_deref(got);
}

START_TEST(addresses)
{
	FILE *f = fopen("tests/data/addresses.txt", "r");
	char line[512], mode[16], dir[2], uri[200], jid[200];
	unsigned rows = 0;

	ck_assert(f != NULL);
	while (fgets(line, sizeof(line), f)) {
		char *got = NULL;
		int err;

		if (line[0] == '#')
			continue;
		ck_assert_int_eq(
		    sscanf(line, "%15s %1s %199s %199s", mode, dir, uri, jid),
		    4);
		if (dir[0] != '<') {
			err = route_uri_to_jid(&got, uri, mode_of(mode),
					       "gw.example.com");
			expect(err, got, jid, uri);
		}
		got = NULL;
		if (dir[0] != '>') {
			err = route_jid_to_uri(&got, jid, mode_of(mode),
					       "pbx.example.net");
			expect(err, got, uri, jid);
		}
		++rows;
	}
	ck_assert_uint_gt(rows, 30);
	fclose(f);
}
END_TEST

/* Every byte of ASCII in a user part comes back from the other side. */
START_TEST(odd_characters)
{
	for (unsigned c = 0x21; c < 0x7f; c++) {
		char uri[64], *jid = NULL, *back = NULL, *again = NULL;

		if (c >= 'A' && c <= 'Z')
			continue; /* JIDs have no case, D6 */
		snprintf(uri, sizeof(uri), "sip:a%%%02Xz@pbx.example.net", c);
		ck_assert_int_eq(route_uri_to_jid(&jid, uri, CONFIG_ADDR_TRUNK,
						  "gw.example.com"),
				 0);
		ck_assert_int_eq(route_jid_to_uri(&back, jid,
						  CONFIG_ADDR_TRUNK,
						  "pbx.example.net"),
				 0);
		ck_assert_int_eq(route_uri_to_jid(&again, back,
						  CONFIG_ADDR_TRUNK,
						  "gw.example.com"),
				 0);
		ck_assert_msg(!strcmp(jid, again), "0x%02x: %s %s", c, jid,
			      again);
		mem_deref(jid);
		mem_deref(back);
		mem_deref(again);
	}
}
END_TEST

static char domain1[] = "example.com", domain2[] = "example.org";
static char *domains[] = {domain1, domain2};
static struct config_xmpp xmpp = {
    .name = (char[]){""},
    .component = (char[]){"gw.example.com"},
    .domains = domains,
    .domainc = 2,
};
static struct config_trunk trunks[2] = {
    {.name = (char[]){"pbx"},
     .uri = (char[]){"sip:pbx.example.net:5080"},
     .addressing = CONFIG_ADDR_TRUNK},
    {.name = (char[]){"pstn"},
     .uri = (char[]){"sip:pstn.example.net;transport=tls"},
     .addressing = CONFIG_ADDR_TRUNK},
};
static struct config conf = {
    .file = (char[]){"test.conf"},
    .xmpp = &xmpp,
    .xmppc = 1,
    .trunk = trunks,
    .trunkc = 1,
};

static struct route *make(size_t n, struct config_route *rules, bool ok)
{
	size_t printed = 0;
	struct re_printf pf = {discard, &printed};
	struct route *r = NULL;

	conf.route = rules;
	conf.routec = n;
	ck_assert(ok == !route_alloc(&r, &conf, &pf));
	ck_assert(ok == !printed);

	return r;
}

static enum stanza_cond out(struct route *r, const char *from, const char *to,
			    const char *uri, const char *as_uri)
{
	const struct config_trunk *t;
	enum stanza_cond cond;
	struct peer peer;
	char *as = NULL;

	cond = route_out(r, from, to, &peer, &t, &as);
	if (!cond && uri)
		ck_assert_str_eq(peer.uri, uri);
	if (!cond && as_uri)
		ck_assert_str_eq(as, as_uri);
	if (cond)
		ck_assert(!peer.uri && !peer.jid && !as);
	peer_clear(&peer);
	mem_deref(as);

	return cond;
}

START_TEST(default_policy)
{
	struct route *r = make(0, NULL, true);

	ck_assert_int_eq(out(r, "alice@example.com/phone",
			     "600@gw.example.com/sip",
			     "sip:600@pbx.example.net:5080",
			     "sip:alice@pbx.example.net:5080"),
			 COND_NONE);
	ck_assert_int_eq(out(r, "eve@example.edu", "600@gw.example.com", 0, 0),
			 COND_FORBIDDEN);
	ck_assert_int_eq(out(r, "alice@example.com", "gw.example.com", 0, 0),
			 COND_ITEM_NOT_FOUND);
	ck_assert_int_eq(out(r, "alice@example.com", "600@else.where", 0, 0),
			 COND_ITEM_NOT_FOUND);
	mem_deref(r);

	conf.trunkc = 2; /* which of the two?  Nobody said */
	r = make(0, NULL, true);
	ck_assert_int_eq(
	    out(r, "alice@example.com", "600@gw.example.com", 0, 0),
	    COND_FORBIDDEN);
	conf.trunkc = 1;
	mem_deref(r);
}
END_TEST

static unsigned in(struct route *r, unsigned trunk, const char *ruri,
		   const char *caller, const char *from, const char *to)
{
	const struct config_xmpp *component;
	struct peer who = {.uri = NULL}, f, t;
	unsigned code;

	str_dup(&who.uri, caller);
	code = route_in(r, &trunks[trunk], ruri, &who, &f, &t, &component);
	if (!code) {
		ck_assert_str_eq(f.jid, from);
		ck_assert_str_eq(t.jid, to);
		ck_assert_ptr_eq(component, &xmpp);
	}
	peer_clear(&who);
	peer_clear(&f);
	peer_clear(&t);

	return code;
}

START_TEST(default_inbound)
{
	struct route *r = make(0, NULL, true);

	ck_assert_uint_eq(in(r, 0, "sip:alice@10.0.0.1", "sip:600@pbx",
			     "600@gw.example.com", "alice@example.com"),
			  0);
	ck_assert_uint_eq(in(r, 0, "sip:al%40example.org@x", "sip:1@pbx",
			     "1@gw.example.com", "al@example.org"),
			  0);
	ck_assert_uint_eq(in(r, 0, "sip:al%40example.edu@x", "sip:1@p", 0, 0),
			  404);
	ck_assert_uint_eq(in(r, 0, "sips:alice@x", "sip:1@p", 0, 0), 480);
	ck_assert_uint_eq(in(r, 0, "sip:x", "sip:1@p", 0, 0), 404);
	ck_assert_uint_eq(in(r, 0, "sip:alice@x",
			     "sip:anonymous@anonymous.invalid",
			     "anonymous@gw.example.com", "alice@example.com"),
			  0);
	ck_assert_uint_eq(in(r, 0, "sip:alice@x", "garbage",
			     "anonymous@gw.example.com", "alice@example.com"),
			  0);
	mem_deref(r);
}
END_TEST

#define RULE(s)                                                               \
	{                                                                     \
		.text = (char[]){s}, .name = (char[]){"r"}, .line = 7         \
	}

START_TEST(rules_outbound)
{
	struct config_route rules[] = {
	    RULE("from * to 00* deny"),
	    RULE("from alice@example.com to 0* via pstn as +4930123"),
	    RULE("from example.org to * via pbx"),
	};
	struct route *r;

	conf.trunkc = 2;
	r = make(3, rules, true);
	ck_assert_int_eq(
	    out(r, "alice@example.com", "001@gw.example.com", 0, 0),
	    COND_FORBIDDEN);
	ck_assert_int_eq(out(r, "alice@example.com", "0301@gw.example.com",
			     "sip:0301@pstn.example.net",
			     "sip:+4930123@pstn.example.net"),
			 COND_NONE);
	ck_assert_int_eq(
	    out(r, "bob@example.com", "0301@gw.example.com", 0, 0),
	    COND_FORBIDDEN);
	ck_assert_int_eq(out(r, "bob@example.org", "7@gw.example.com",
			     "sip:7@pbx.example.net:5080", NULL),
			 COND_NONE);
	conf.trunkc = 1;
	mem_deref(r);
}
END_TEST

START_TEST(rules_inbound)
{
	struct config_route rules[] = {
	    RULE("from trunk:pstn to 900* deny"),
	    RULE("from trunk:pstn to +4930* via xmpp:ext*@example.com"),
	    RULE("from trunk:* to 1 via xmpp:alice@example.org"),
	};
	struct route *r;

	conf.trunkc = 2;
	r = make(3, rules, true);
	ck_assert_uint_eq(in(r, 1, "sip:9001@x", "sip:1@p", 0, 0), 403);
	ck_assert_uint_eq(in(r, 1, "tel:+49-30-77", "sip:1@p",
			     "1@gw.example.com", "ext77@example.com"),
			  0);
	ck_assert_uint_eq(in(r, 0, "sip:1@x", "sip:2@p", "2@gw.example.com",
			     "alice@example.org"),
			  0);
	ck_assert_uint_eq(in(r, 0, "sip:alice@x", "sip:2@p", 0, 0), 403);
	conf.trunkc = 1;
	mem_deref(r);
}
END_TEST

START_TEST(bad_rules)
{
	static const char *const bad[] = {
	    "",
	    "from",
	    "from a",
	    "from a to",
	    "from a to b",
	    "to b via pbx",
	    "from a to b via nowhere",
	    "from a to b via pbx as",
	    "from a to b via pbx as c d",
	    "from trunk:nowhere to b deny",
	    "from trunk:pbx to b via pbx",
	    "from trunk:pbx to * via xmpp:*@*.org",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char text[64];
		struct config_route rule = {.text = text,
					    .name = (char[]){"r"}};

		snprintf(text, sizeof(text), "%s", bad[i]);
		make(1, &rule, false);
	}
}
END_TEST

START_TEST(star_storm)
{
	struct config_route rules[] = {RULE("from * to *a*a*a*a*a*b via pbx")};
	struct route *r = make(1, rules, true);
	char jid[1100];

	memset(jid, 'a', 1000);
	strcpy(jid + 1000, "@gw.example.com");
	ck_assert_int_eq(out(r, "alice@example.com", jid, 0, 0),
			 COND_FORBIDDEN);
	mem_deref(r);
}
END_TEST

START_TEST(prompt)
{
	static const struct {
		const char *text, *jid;
	} v[] = {
	    {"600", "600@gw.example.com"},
	    {" +1-555-0100 ", "+15550100@gw.example.com"},
	    {"sip:bob@example.net", "bob@gw.example.com"},
	    {"tel:+15550100", "+15550100@gw.example.com"},
	    {"bob@example.net", "bob@gw.example.com"},
	    {"", NULL},
	    {"sips:bob@example.net", NULL},
	};
	struct route *r = make(0, NULL, true);

	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		char *jid = NULL;
		int err = route_prompt(r, &xmpp, &jid, v[i].text);

		expect(err, jid, v[i].jid ? v[i].jid : "!", v[i].text);
	}
	mem_deref(r);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("route");

	tcase_add_test(tc, addresses);
	tcase_add_test(tc, odd_characters);
	tcase_add_test(tc, default_policy);
	tcase_add_test(tc, default_inbound);
	tcase_add_test(tc, rules_outbound);
	tcase_add_test(tc, rules_inbound);
	tcase_add_test(tc, bad_rules);
	tcase_add_test(tc, star_storm);
	tcase_add_test(tc, prompt);

	return suite_run("bridge_route", tc);
}
