/* base_config.c: what a configuration means, and what is said of a bad one. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "said.h"

#define XMPP                                                                  \
	"[xmpp]\ncomponent = sip.x.test\nsecret = hush-hush\n"                \
	"domains = x.test\n"
#define TRUNK "[trunk pbx]\nuri = sip:10.1.2.3\n"

static int parse(struct config **cp, const char *text)
{
	said_clear();

	return config_parse(cp, "t.conf", text, strlen(text), &pf);
}

static struct config *good(const char *text)
{
	struct config *c = NULL;
	int err = parse(&c, text);

	ck_assert_msg(err == 0, "%s", said);
	ck_assert_str_eq(said, "");

	return c;
}

/* ---- tests/data/config_errors.txt ---- */

static struct block {
	char name[80];
	char in[8192], out[4096];
} blocks[100];
static int blockc;

static void append(char *to, size_t size, const char *s)
{
	size_t n = strlen(to);

	if (n + strlen(s) >= size)
		abort();
	strcpy(to + n, s);
}

static void line_add(struct block *b, const char *line)
{
	static char big[4102];

	memset(big, 'x', 4100);
	big[4100] = '\n';

	if (!strcmp(line, "%xmpp\n"))
		append(b->in, sizeof(b->in), XMPP);
	else if (!strcmp(line, "%trunk\n"))
		append(b->in, sizeof(b->in), TRUNK);
	else if (!strcmp(line, "%long\n"))
		append(b->in, sizeof(b->in), big);
	else
		append(b->in, sizeof(b->in), line);
}

static void blocks_read(void)
{
	FILE *f = fopen("tests/data/config_errors.txt", "r");
	struct block *b = NULL;
	bool out = false;
	char line[1024];

	if (!f)
		abort();
	while (fgets(line, sizeof(line), f)) {
		if (!strncmp(line, "=== ", 4)) {
			b = &blocks[blockc++];
			(void)snprintf(b->name, sizeof(b->name), "%.79s",
				       line + 4);
			out = false;
		} else if (!strcmp(line, "---\n")) {
			out = true;
		} else if (b && out) {
			append(b->out, sizeof(b->out), line);
		} else if (b) {
			line_add(b, line);
		}
	}
	(void)fclose(f);
}

START_TEST(errors)
{
	const struct block *b = &blocks[_i];
	struct config *c = NULL;
	int err = parse(&c, b->in);

	ck_assert_msg(!strcmp(said, b->out), "%sgot\n%sexpected\n%s", b->name,
		      said, b->out);
	ck_assert_int_eq(err, b->out[0] ? EBADMSG : 0);
	ck_assert_int_eq(c != NULL, err == 0);
	mem_deref(c);
}
END_TEST

/* ---- what it means ---- */

static const char sample[] =
    "[xmpp]\n"
    "component = sip.xmpp.test\n"
    "server = 127.0.0.1:5347\n"
    "secret = lab-secret\n"
    "domains = xmpp.test\n"
    "\n"
    "[sip]\n"
    "listen = udp:127.0.0.1:5070, tcp:127.0.0.1:5070\n"
    "\n"
    "[trunk pbx]\n"
    "uri = sip:127.0.0.1:5060\n"
    "username = gw\n"
    "password = gwpass\n"
    "accept_from = 127.0.0.1\n"
    "\n"
    "[media]\n"
    "address = 127.0.1.1\n"
    "\n"
    "[admin]\n"
    "socket = stoxd.sock\n";

static bool has(const struct config_net *v, size_t n, const char *addr)
{
	struct sa sa;

	ck_assert_int_eq(0, sa_set_str(&sa, addr, 5060));

	return config_net_has(v, n, &sa);
}

START_TEST(sample_means)
{
	struct config *c = good(sample);
	const struct config_trunk *t = config_trunk_find(c, "pbx");
	char sock[4096], *s;
	struct sa sa;

	ck_assert_uint_eq(c->xmppc, 1);
	ck_assert_str_eq(c->xmpp->component, "sip.xmpp.test");
	ck_assert_str_eq(c->xmpp->name, "sip.xmpp.test");
	ck_assert_str_eq(c->xmpp->server, "127.0.0.1");
	ck_assert_uint_eq(c->xmpp->port, 5347);
	ck_assert_str_eq(c->xmpp->secret, "lab-secret");
	ck_assert_uint_eq(c->xmpp->domainc, 1);
	ck_assert_str_eq(c->xmpp->domains[0], "xmpp.test");
	ck_assert(!c->xmpp->tls && !c->xmpp->allow_plain);
	ck_assert_int_eq(c->xmpp->line, 1);

	ck_assert_uint_eq(c->sip.listenc, 2);
	ck_assert_int_eq(c->sip.listen[0].transport, CONFIG_UDP);
	ck_assert_int_eq(c->sip.listen[1].transport, CONFIG_TCP);
	(void)sa_set_str(&sa, "127.0.0.1", 5070);
	ck_assert(sa_cmp(&sa, &c->sip.listen[1].addr, SA_ALL));
	ck_assert_str_eq(c->sip.listen[0].text, "udp:127.0.0.1:5070");

	ck_assert_ptr_nonnull(t);
	ck_assert_ptr_null(config_trunk_find(c, "pb"));
	ck_assert_str_eq(t->uri, "sip:127.0.0.1:5060");
	ck_assert_str_eq(t->username, "gw");
	ck_assert_str_eq(t->password, "gwpass");
	ck_assert_int_eq(t->addressing, CONFIG_ADDR_TRUNK);
	ck_assert_int_eq(t->media, CONFIG_AVP);
	ck_assert(!t->tls && !t->reg && !t->trusted);
	ck_assert_uint_eq(t->ring_timeout, 180);
	ck_assert_uint_eq(t->decline_code, 603);
	ck_assert_uint_eq(t->codecc, 4);
	ck_assert_str_eq(t->codecs[3], "pcma");
	ck_assert(has(t->accept_from, t->accept_fromc, "127.0.0.1"));
	ck_assert(!has(t->accept_from, t->accept_fromc, "127.0.0.2"));
	ck_assert(has(t->media_from, t->media_fromc, "127.0.99.1"));
	ck_assert(!has(t->media_from, t->media_fromc, "127.1.0.1"));

	(void)sa_set_str(&sa, "127.0.1.1", 0);
	ck_assert(sa_cmp(&sa, &c->media.addr4, SA_ADDR));
	ck_assert(!sa_isset(&c->media.addr6, SA_ADDR));
	ck_assert_uint_eq(c->media.port_min, 10000);
	ck_assert_uint_eq(c->media.port_max, 19999);
	ck_assert_uint_eq(c->media.dscp_audio, 46);
	ck_assert_uint_eq(c->media.dscp_sip, 24);
	ck_assert_ptr_null(c->media.stun);

	s = getcwd(NULL, 0);
	(void)snprintf(sock, sizeof(sock), "%s/stoxd.sock", s);
	free(s);
	ck_assert_str_eq(c->admin_socket, sock);
	ck_assert_int_eq(c->log_level, 1);

	s = shown(c);
	ck_assert_ptr_nonnull(strstr(
	    s, "# access: no [route]; users of xmpp.test may call through "
	       "trunk pbx, calls from 127.0.0.1 may ring them\n"));
	ck_assert_ptr_null(strstr(s, "lab-secret"));
	ck_assert_ptr_null(strstr(s, "gwpass"));
	mem_deref(s);
	mem_deref(c);
}
END_TEST

/* Quotes are part of a value: told, since they are seldom meant. */
START_TEST(quoted_secrets)
{
	struct config *c = good("[xmpp]\ncomponent = sip.x.test\n"
				"secret = \"hush\"\ndomains = x.test\n"
				"[trunk pbx]\nuri = sip:10.0.0.1\n"
				"username = u\npassword = 'hush'\n");
	char *s = shown(c);

	ck_assert_ptr_nonnull(strstr(
	    s, "# note: the secret of sip.x.test stands in quotes, which are "
	       "part of it\n# note: the password of pbx stands in quotes"));
	ck_assert_ptr_null(strstr(s, "hush"));
	mem_deref(s);
	mem_deref(c);

	c = good("[xmpp]\ncomponent = sip.x.test\nsecret = \"\n"
		 "domains = x.test\n");
	s = shown(c);
	ck_assert_ptr_null(strstr(s, "# note"));
	mem_deref(s);
	mem_deref(c);
}
END_TEST

/* hardening: the defaults of the limits, one by one */
START_TEST(limit_defaults)
{
	struct config *c = good(XMPP);
	const struct config_limits *l = &c->limits;

	ck_assert_uint_eq(l->stanza_bytes, 256 * 1024);
	ck_assert_uint_eq(l->stanza_depth, 32);
	ck_assert_uint_eq(l->stanza_attrs, 64);
	ck_assert_uint_eq(l->stanza_children, 4096);
	ck_assert_uint_eq(l->sip_tcp_bytes, 64 * 1024);
	ck_assert_uint_eq(l->sip_udp_bytes, 16 * 1024);
	ck_assert_uint_eq(l->sip_headers, 256);
	ck_assert_uint_eq(l->sip_vias, 70);
	ck_assert_uint_eq(l->sip_uri_bytes, 2048);
	ck_assert_uint_eq(l->sdp_bytes, 32 * 1024);
	ck_assert_uint_eq(l->candidates, 64);
	ck_assert_uint_eq(l->codecs, 64);
	ck_assert_uint_eq(l->calls, 0);
	ck_assert_uint_eq(l->calls_per_jid, 4);
	ck_assert_uint_eq(l->calls_per_trunk, 0);
	ck_assert_uint_eq(l->setup_burst, 5);
	ck_assert_uint_eq(l->setup_refill_ms, 2000);
	ck_assert_uint_eq(l->setup_per_minute, 20);
	ck_assert_uint_eq(l->half_open, 256);
	ck_assert_uint_eq(l->tcp_per_source, 16);
	ck_assert_uint_eq(l->subscriptions_per_jid, 500);
	ck_assert_uint_eq(l->message_rate, 5);
	ck_assert_uint_eq(l->message_burst, 30);
	ck_assert_uint_eq(l->sip_source_rate, 10);
	ck_assert_uint_eq(l->sip_source_burst, 60);
	ck_assert_uint_eq(l->xmpp_queue_bytes, 8 << 20);
	ck_assert_uint_eq(l->tcp_queue_bytes, 8 << 20);
	ck_assert_uint_eq(l->reconnect_min, 1);
	ck_assert_uint_eq(l->reconnect_max, 30);
	ck_assert_uint_eq(l->reconnect_conflict, 30);
	ck_assert_uint_eq(l->xmpp_ping, 30);
	ck_assert_uint_eq(l->xmpp_ping_timeout, 15);
	ck_assert_uint_eq(l->xmpp_tcp_timeout, 15);
	ck_assert_uint_eq(l->iq_timeout, 15);
	ck_assert_uint_eq(l->datagram_in, 1600);
	ck_assert_uint_eq(l->datagram_out, 1500);
	ck_assert_uint_eq(l->rtp_timeout, 60);
	ck_assert_uint_eq(l->rtp_warn, 10);
	ck_assert_uint_eq(l->call_max, 4 * 3600);
	mem_deref(c);
}
END_TEST

/* Addressing and access by number of trunks and rules (protocol D8). */
START_TEST(addressing_default)
{
	static const struct {
		const char *more;
		enum config_addressing addressing;
		const char *access;
	} rows[] = {
	    {"", CONFIG_ADDR_TRUNK, "# access: no [route];"},
	    {"[route]\n", CONFIG_ADDR_TRUNK, "# access: no [route];"},
	    {"[route]\nr = from * to * via pbx\n", CONFIG_ADDR_ESCAPED,
	     "# access: 1 rule of [route]; what none of them allows is"},
	    {"[trunk b]\nuri = sip:10.0.0.9\n", CONFIG_ADDR_ESCAPED,
	     "# access: 2 trunks and no [route]; every call is refused"},
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		char text[512], *s;
		struct config *c;

		(void)snprintf(text, sizeof(text), "%s%s%s", XMPP, TRUNK,
			       rows[i].more);
		c = good(text);
		s = shown(c);
		ck_assert_int_eq(c->trunk->addressing, rows[i].addressing);
		ck_assert_ptr_nonnull(strstr(s, rows[i].access));
		mem_deref(s);
		mem_deref(c);
	}
}
END_TEST

/* Default of media and media_from by the trunk's uri. */
static const struct {
	const char *uri;
	enum config_srtp media;
	const char *in, *out; /* of media_from; NULL: nothing is */
} uris[] = {
    {"sip:10.1.2.3", CONFIG_AVP, "10.1.255.1", "10.2.0.1"},
    {"sip:172.31.2.3:5080", CONFIG_AVP, "172.31.0.1", "172.30.0.1"},
    {"sip:192.168.7.1;transport=tcp", CONFIG_AVP, "192.168.8.1", "192.0.0.1"},
    {"sip:203.0.113.5", CONFIG_AVP, "203.0.113.5", "203.0.113.6"},
    {"sip:172.32.2.3", CONFIG_AVP, "172.32.2.3", "172.32.2.4"},
    {"sip:203.0.113.5;transport=tls", CONFIG_OSRTP, "203.0.113.5", "::1"},
    {"sip:[::1]:5060", CONFIG_AVP, "::1", "::2"},
    {"sip:[fd00::1:2]", CONFIG_AVP, "fd00::9", "fd00:0:0:1::9"},
    {"sip:[2001:db8::5]", CONFIG_AVP, "2001:db8::5", "2001:db8::6"},
    {"sip:pbx.example.com;transport=TLS", CONFIG_OSRTP, NULL, "10.0.0.1"},
};

START_TEST(trunk_defaults)
{
	const struct config_trunk *t;
	char text[512];
	struct config *c;

	(void)snprintf(text, sizeof(text), "%s[trunk x]\nuri = %s\n", XMPP,
		       uris[_i].uri);
	c = good(text);
	t = c->trunk;
	ck_assert_int_eq(t->media, uris[_i].media);
	ck_assert_int_eq(t->tls, uris[_i].media == CONFIG_OSRTP);
	if (uris[_i].in)
		ck_assert(has(t->media_from, t->media_fromc, uris[_i].in));
	else
		ck_assert_uint_eq(t->media_fromc, 0);
	ck_assert(!has(t->media_from, t->media_fromc, uris[_i].out));
	mem_deref(c);
}
END_TEST

static char beside[64]; /* another line of the section */

/* A configuration with "key = value" in that section. */
static int with_key(struct config **cp, const char *section, const char *key,
		    const char *value)
{
	static const struct {
		const char *section, *must;
	} named[] = {{"trunk", "uri = sip:10.1.2.3\n"}, {"plan", "who = *\n"}};
	const char *must = NULL;
	char text[1024];

	for (size_t i = 0; i < ARRAY_SIZE(named); i++) {
		if (!strcmp(section, named[i].section))
			must = named[i].must;
	}
	(void)snprintf(text, sizeof(text), "%s[%s%s]\n%s%s\n%s = %s\n", XMPP,
		       section, must ? " t" : "", must ? must : "", beside,
		       key, value);

	return parse(cp, text);
}

static void key_is(const char *section, const char *key, const char *value,
		   const char *want)
{
	struct config *c = NULL;
	char line[256];
	char *s;

	ck_assert_msg(!with_key(&c, section, key, value), "%s", said);
	s = shown(c);
	(void)snprintf(line, sizeof(line), "\n%s = %s\n", key, want);
	ck_assert_msg(strstr(s, line), "%s = %s: not%s in\n%s", key, value,
		      line, s);
	mem_deref(s);
	mem_deref(c);
}

static void key_refused(const char *section, const char *key,
			const char *value)
{
	struct config *c = NULL;

	ck_assert_msg(with_key(&c, section, key, value) == EBADMSG,
		      "%s = %s is taken", key, value);
	mem_deref(c);
}

START_TEST(words)
{
	FILE *f = fopen("tests/data/config_words.txt", "r");
	char line[256], more[64];

	ck_assert_ptr_nonnull(f);
	while (fgets(line, sizeof(line), f)) {
		char *save = NULL, *section, *key, *want, *w;

		section = strtok_r(line, " \n", &save);
		key = strtok_r(NULL, " \n", &save);
		want = strtok_r(NULL, " \n", &save);
		if (!want || section[0] == '#')
			continue;
		while ((w = strtok_r(NULL, " \n", &save)) != NULL) {
			(void)strcpy(
			    beside,
			    !strcmp(w, "sdes")	     ? "sdes_over_plain = yes"
			    : !strcmp(w, "national") ? "country = 49"
			    : !strncmp(w, "tls:", 4)
				? "certificate = Makefile\nkey = Makefile"
				: "");
			key_is(section, key, w, strcmp(want, "=") ? want : w);
			(void)snprintf(more, sizeof(more), "%s~", w);
			key_refused(section, key, more);
		}
	}
	(void)fclose(f);
}
END_TEST

/* Words that stand for numbers: enum log_level, a code of SIP. */
START_TEST(numbers_of_words)
{
	static const char *const v[] = {"603", "486", "480"};
	static const char *const levels[] = {"debug", "info", "warning",
					     "error"};

	for (size_t i = 0; i < ARRAY_SIZE(v); i++) {
		struct config *c = NULL;

		ck_assert_int_eq(with_key(&c, "trunk", "decline_code", v[i]),
				 0);
		ck_assert_int_eq((int)c->trunk->decline_code, atoi(v[i]));
		mem_deref(c);
	}
	for (size_t i = 0; i < ARRAY_SIZE(levels); i++) {
		struct config *c = NULL;

		ck_assert_int_eq(with_key(&c, "log", "level", levels[i]), 0);
		ck_assert_int_eq((int)c->log_level, (int)i);
		mem_deref(c);
	}
}
END_TEST

/* Which sections have a name. */
START_TEST(section_names)
{
	static const struct {
		const char *head;
		bool good;
	} v[] = {
	    {"[sip]", true},	  {"[sip x]", false},	{"[route]", true},
	    {"[route x]", false}, {"[media]", true},	{"[media x]", false},
	    {"[admin]", true},	  {"[admin x]", false}, {"[log]", true},
	    {"[log x]", false},	  {"[limits]", true},	{"[limits x]", false},
	    {"[trunk]", false},
	};
	char text[256];

	for (size_t i = 0; i < ARRAY_SIZE(v); i++) {
		struct config *c = NULL;

		(void)snprintf(text, sizeof(text), "%s%s\n", XMPP, v[i].head);
		ck_assert_msg(!parse(&c, text) == v[i].good, "%s: %s",
			      v[i].head, said);
		mem_deref(c);
	}
}
END_TEST

START_TEST(synonyms)
{
	FILE *f = fopen("tests/data/config_near.txt", "r");
	char line[128], section[32], theirs[32], ours[32];
	unsigned n = 0;

	ck_assert_ptr_nonnull(f);
	while (fgets(line, sizeof(line), f)) {
		const struct config_kind *kind = config_kinds;
		const char *key;

		if (line[0] == '#')
			continue;
		ck_assert_int_eq(
		    sscanf(line, "%31s %31s %31s", section, theirs, ours), 3);
		while (strcmp(kind->name, section))
			kind++;
		ck_assert_ptr_nonnull(config_key_find(kind, ours));
		key = config_key_synonym(kind, theirs);
		ck_assert_msg(key && !strcmp(key, ours), "%s", line);
		n++;
	}
	ck_assert_uint_eq(n, 16);
	(void)fclose(f);
}
END_TEST

START_TEST(ranges)
{
	FILE *f = fopen("tests/data/config_ranges.txt", "r");
	char line[256], section[32], key[64];
	unsigned lo, dflt, hi, n = 0;

	ck_assert_ptr_nonnull(f);
	while (fgets(line, sizeof(line), f)) {
		const struct config_kind *kind = config_kinds;
		char v[16], said_range[64];

		if (line[0] == '#')
			continue;
		beside[0] = '\0';
		ck_assert_int_ge(sscanf(line, "%31s %63s %u %u %u %63s",
					section, key, &lo, &dflt, &hi, beside),
				 5);
		while (strcmp(kind->name, section))
			kind++;
		ck_assert_ptr_nonnull(config_key_find(kind, key));
		ck_assert_uint_eq(atoi(config_key_find(kind, key)->dflt),
				  dflt);
		(void)snprintf(v, sizeof(v), "%u", lo);
		key_is(section, key, v, v);
		(void)snprintf(v, sizeof(v), "%u", hi);
		key_is(section, key, v, v);
		(void)snprintf(v, sizeof(v), "%u", hi + 1);
		key_refused(section, key, v);
		(void)snprintf(said_range, sizeof(said_range), "%u to %u", lo,
			       hi);
		ck_assert_msg(strstr(said, said_range), "%s: no %s", said,
			      said_range);
		if (lo) {
			(void)snprintf(v, sizeof(v), "%u", lo - 1);
			key_refused(section, key, v);
		}
		n++;
	}
	ck_assert_uint_ge(n, 40);
	(void)fclose(f);
}
END_TEST

/* Everything set; printed, read again, printed the same. */
START_TEST(round_trip)
{
	static const char full[] =
	    "\xef\xbb\xbf# BOM and CRLF\r\n"
	    "[xmpp]\r\ncomponent = SIP.B\xc3\xbc"
	    "cher.test\r\n"
	    "server = [::1]:8888\r\nsecret = a;b#c \"d\" =e\r\n"
	    "tls = on\r\ntls_name = x.test\r\n"
	    "domains = a.test b.test,c.test\r\n"
	    "[xmpp two]\ncomponent = sip2.x.test\nserver = far.test\n"
	    "allow_plain = yes\nsecret = s\ndomains = x.test\n"
	    "[sip]\nlisten = tcp:[::1]:5060, udp:127.0.0.1:5060\n"
	    "public_address = 192.0.2.1, 2001:db8::1\nuser_agent = me 1.0\n"
	    "[trunk a]\nuri = sip:pbx.test:5099;transport=udp\n"
	    "username = u\npassword = p;w\nauth_realm = r\nregister = yes\n"
	    "outbound_proxy = sip:10.0.0.9;transport=udp\n"
	    "accept_from = 10.0.0.0/8, 192.0.2.1 2001:db8::/32\n"
	    "trusted = 1\ncodecs = PCMA,PCMU\nmedia = osrtp\n"
	    "sdes_over_plain = true\nmedia_from = 0.0.0.0/0\n"
	    "listen = UDP:127.0.0.1:5060\ntcp = yes\ndtmf = info\n"
	    "early_media = connect\nlatch = any\nring_timeout = 60\n"
	    "decline_code = 486\naddressing = domain\n"
	    "[route]\nout = from *@a.test to +49* via a\n"
	    "in: from trunk:a to * via xmpp:*@a.test\n"
	    "[media]\naddress = 192.0.2.7, [2001:db8::7]\n"
	    "public_address = 192.0.2.8\nports = 30000 - 30999\n"
	    "workers = 2\nstun = stun.test:3478\n"
	    "turn = u:p@ss@turn.test:3478;transport=tcp\ndscp = 47\n"
	    "dscp_sip = af41\n"
	    "[admin]\nsocket = /run/x.sock\n[log]\nlevel = DEBUG\n"
	    "trace = yes\n[limits]\ncalls = 7\n";
	struct config *c = good(full), *d;
	char *a = shown(c), *b;

	ck_assert_str_eq(c->xmpp[0].component, "sip.b\xc3\xbc"
					       "cher.test");
	ck_assert_str_eq(c->xmpp[0].secret, "a;b#c \"d\" =e");
	ck_assert_uint_eq(c->xmpp[0].domainc, 3);
	ck_assert_str_eq(c->xmpp[1].name, "two");
	ck_assert_uint_eq(c->xmpp[1].port, 5347);
	ck_assert_str_eq(c->trunk[0].password, "p;w");
	ck_assert_ptr_eq(c->trunk[0].listen, &c->sip.listen[1]);
	ck_assert_uint_eq(c->routec, 2);
	ck_assert_str_eq(c->route[1].name, "in");
	ck_assert_str_eq(c->route[1].text,
			 "from trunk:a to * via xmpp:*@a.test");
	ck_assert_str_eq(c->media.turn, "u:p@ss@turn.test:3478;transport=tcp");
	ck_assert_uint_eq(c->media.dscp_sip, 34);
	ck_assert_ptr_nonnull(
	    strstr(a, "turn = u:(set)@turn.test:3478;transport=tcp\n"));
	ck_assert_ptr_null(strstr(a, "p@ss"));
	ck_assert_ptr_null(strstr(a, "p;w"));

	d = good(a);
	b = shown(d);
	ck_assert_str_eq(a, b);
	mem_deref(a);
	mem_deref(b);
	mem_deref(c);
	mem_deref(d);
}
END_TEST

START_TEST(any_address_is_expanded)
{
	struct config *c = good(XMPP "[sip]\nlisten = udp:0.0.0.0:5999\n" TRUNK
				     "listen = udp:0.0.0.0:5999\n");
	size_t i;

	ck_assert_uint_gt(c->sip.listenc, 0);
	for (i = 0; i < c->sip.listenc; i++) {
		ck_assert(!sa_is_any(&c->sip.listen[i].addr));
		ck_assert_uint_eq(sa_port(&c->sip.listen[i].addr), 5999);
		ck_assert_str_eq(c->sip.listen[i].text, "udp:0.0.0.0:5999");
	}
	ck_assert_ptr_eq(c->trunk->listen, c->sip.listen);
	mem_deref(c);
}
END_TEST

START_TEST(networks)
{
	struct config *c =
	    good(XMPP TRUNK "accept_from = 10.0.0.128/25, 2001:db8::/33, "
			    "192.0.2.1, ::ffff:198.51.100.1\n");
	const struct config_net *v = c->trunk->accept_from;
	size_t n = c->trunk->accept_fromc;

	ck_assert_uint_eq(n, 4);
	ck_assert(has(v, n, "10.0.0.255"));
	ck_assert(!has(v, n, "10.0.0.127"));
	ck_assert(has(v, n, "2001:db8:7fff::1"));
	ck_assert(!has(v, n, "2001:db8:8000::1"));
	ck_assert(has(v, n, "::ffff:192.0.2.1"));
	ck_assert(!has(v, n, "192.0.2.2"));
	ck_assert(!config_net_has(v, n, NULL));
	ck_assert(!config_net_has(NULL, 0, &v[0].addr));
	mem_deref(c);
}
END_TEST

START_TEST(hostile_bytes)
{
	static const struct {
		const char *s;
		size_t len;
		const char *said;
	} rows[] = {
	    {"a\0b=c\n", 6, "t.conf:1: line holds a control character"},
	    {"\n\x1b[2J\n", 6, "t.conf:2: line holds a control character"},
	    {"x\ry = z", 7, "t.conf:1: line holds a control character"},
	    {"\xff = 1", 5, "t.conf:1: line is not UTF-8"},
	    {"\r", 1, ""},
	    {"#\xc2\x9b", 3, ""},
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct config *c = NULL;
		char want[256];

		saidlen = 0;
		(void)config_parse(&c, "t.conf", rows[i].s, rows[i].len, &pf);
		(void)snprintf(want, sizeof(want),
			       "t.conf: has no [xmpp] section; see "
			       "stoxd.conf(5)\n%s%s",
			       rows[i].said,
			       *rows[i].said ? "; see stoxd.conf(5)\n" : "");
		if (i == 4) /* a lone CR is no line end */
			continue;
		ck_assert_str_eq(said, want);
	}
}
END_TEST

START_TEST(many_problems_are_counted)
{
	char *text = calloc(1, 1 << 16);
	struct config *c = NULL;
	const char *s;
	int n = 0;

	for (int i = 0; i < 300; i++)
		strcat(text, "x\n");
	ck_assert_int_eq(EBADMSG, parse(&c, text));
	for (s = said; (s = strchr(s, '\n')); s++)
		n++;
	ck_assert_int_eq(n, CONFIG_PROBLEMS_MAX + 1);
	ck_assert_ptr_nonnull(strstr(said, "\nt.conf: and 101 more\n"));
	free(text);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("config");

	blocks_read();
	tcase_add_loop_test(tc, errors, 0, blockc);
	tcase_add_test(tc, sample_means);
	tcase_add_test(tc, quoted_secrets);
	tcase_add_test(tc, limit_defaults);
	tcase_add_test(tc, addressing_default);
	tcase_add_loop_test(tc, trunk_defaults, 0, (int)ARRAY_SIZE(uris));
	tcase_add_test(tc, words);
	tcase_add_test(tc, numbers_of_words);
	tcase_add_test(tc, section_names);
	tcase_add_test(tc, synonyms);
	tcase_add_test(tc, ranges);
	tcase_add_test(tc, round_trip);
	tcase_add_test(tc, any_address_is_expanded);
	tcase_add_test(tc, networks);
	tcase_add_test(tc, hostile_bytes);
	tcase_add_test(tc, many_problems_are_counted);

	return suite_run("base_config", tc);
}
