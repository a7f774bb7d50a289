/* sip_target.c: RFC 3263 against a scripted name server, health, failover. */
#include "sip_peer.h"
#include <stdio.h>
#include <unistd.h>
#include "sip/target.h"
#include "suite.h"

/* What the name server knows. */
struct record {
	const char *name;
	uint16_t type;
	int64_t ttl;
	const char *text;   /* address, or target of SRV and NAPTR */
	uint16_t pri, port; /* SRV; order of NAPTR */
	const char *service;
};

static const struct record *zone;
static size_t zonec;
static struct udp_sock *server;
static struct dnsc *dnsc;
static struct targets *ts;
static unsigned changes;
static int last_err;
static const char *refused;

static void fill(struct dnsrr *rr, const struct record *r)
{
	struct sa addr;

	rr->type = r->type;
	rr->dnsclass = DNS_CLASS_IN;
	rr->ttl = r->ttl;
	(void)str_dup(&rr->name, r->name);
	switch (r->type) {
	case DNS_TYPE_A:
		(void)sa_set_str(&addr, r->text, 0);
		rr->rdata.a.addr = sa_in(&addr);
		break;
	case DNS_TYPE_AAAA:
		(void)sa_set_str(&addr, r->text, 0);
		sa_in6(&addr, rr->rdata.aaaa.addr);
		break;
	case DNS_TYPE_SRV:
		rr->rdata.srv.pri = r->pri;
		rr->rdata.srv.port = r->port;
		(void)str_dup(&rr->rdata.srv.target, r->text);
		break;
	default:
		rr->rdata.naptr.order = r->pri;
		(void)str_dup(&rr->rdata.naptr.flags, "s");
		(void)str_dup(&rr->rdata.naptr.services, r->service);
		(void)str_dup(&rr->rdata.naptr.regexp, "");
		(void)str_dup(&rr->rdata.naptr.replace, r->text);
		break;
	}
}

static void name_server(const struct sa *src, struct mbuf *mb, void *arg)
{
	struct mbuf *out = mbuf_alloc(1024), *body = mbuf_alloc(1024);
	struct dnshdr hdr;
	char *name = NULL;
	uint16_t type;
	(void)arg;

	ck_assert_int_eq(dns_hdr_decode(mb, &hdr), 0);
	ck_assert_int_eq(dns_dname_decode(mb, &name, 0), 0);
	type = ntohs(mbuf_read_u16(mb));

	hdr.qr = true;
	hdr.nans = 0;
	(void)dns_dname_encode(body, name, NULL, 0, false);
	(void)mbuf_write_u16(body, htons(type));
	(void)mbuf_write_u16(body, htons(DNS_CLASS_IN));
	for (size_t i = 0; i < zonec; i++) {
		struct dnsrr *rr;

		if (zone[i].type != type || str_casecmp(zone[i].name, name))
			continue;
		rr = dns_rr_alloc();
		fill(rr, &zone[i]);
		(void)dns_rr_encode(body, rr, 0, NULL, 0);
		mem_deref(rr);
		++hdr.nans;
	}
	if (!hdr.nans)
		hdr.rcode = DNS_RCODE_NAME_ERR;
	(void)dns_hdr_encode(out, &hdr);
	(void)mbuf_write_mem(out, body->buf, body->end);
	out->pos = 0;
	(void)udp_send(server, src, out);
	mem_deref(out);
	mem_deref(body);
	mem_deref(name);
}

static bool allow(const struct sa *addr, void *arg)
{
	char text[64];
	(void)arg;

	(void)re_snprintf(text, sizeof(text), "%j", addr);
	return !refused || strcmp(text, refused) != 0;
}

static void changed(int err, void *arg)
{
	(void)arg;
	last_err = err;
	++changes;
}

static bool is_done(void)
{
	return changes > 0;
}

static void look_up(const char *uri, const struct record *z, size_t n)
{
	struct sa addr;

	ck_assert_int_eq(libre_init(), 0);
	(void)alarm(40);
	zone = z;
	zonec = n;
	(void)sa_set_str(&addr, "127.0.0.1", 0);
	ck_assert_int_eq(udp_listen(&server, &addr, name_server, NULL), 0);
	(void)udp_local_get(server, &addr);
	ck_assert_int_eq(dnsc_alloc(&dnsc, NULL, &addr, 1), 0);
	ck_assert_int_eq(targets_alloc(&ts, dnsc, uri, allow, changed, NULL),
			 0);
	ck_assert(targets_busy(ts));
	ck_assert(loop_until(is_done, 5000));
	ck_assert(!targets_busy(ts));
}

static void stop(void)
{
	ts = mem_deref(ts);
	dnsc = mem_deref(dnsc);
	server = mem_deref(server);
	libre_close();
}

static void expect(const char *const *want, size_t n)
{
	char text[80];

	ck_assert_uint_eq(targets_count(ts), n);
	for (size_t i = 0; i < n; i++) {
		const struct target *t = targets_nth(ts, i);

		(void)re_snprintf(text, sizeof(text), "%s %J",
				  sip_transp_name(t->tp), &t->addr);
		ck_assert_str_eq(text, want[i]);
	}
	ck_assert_ptr_null(targets_nth(ts, n));
}

#define EXPECT(...)                                                           \
	do {                                                                  \
		static const char *const want[] = {__VA_ARGS__};              \
		expect(want, ARRAY_SIZE(want));                               \
	} while (0)

static const struct record full[] = {
    {"pbx.test", DNS_TYPE_NAPTR, 60, "_sip._udp.pbx.test", 90, 0, "SIP+D2U"},
    {"pbx.test", DNS_TYPE_NAPTR, 60, "_sip._tcp.pbx.test", 50, 0, "SIP+D2T"},
    {"pbx.test", DNS_TYPE_NAPTR, 60, "_sips._tcp.pbx.test", 10, 0, "SIPS+D2T"},
    {"_sip._tcp.pbx.test", DNS_TYPE_SRV, 60, "b.test", 20, 5071, NULL},
    {"_sip._tcp.pbx.test", DNS_TYPE_SRV, 60, "a.test", 10, 5070, NULL},
    {"_sip._udp.pbx.test", DNS_TYPE_SRV, 60, "a.test", 10, 5072, NULL},
    {"_sips._tcp.pbx.test", DNS_TYPE_SRV, 60, "a.test", 10, 5061, NULL},
    {"a.test", DNS_TYPE_A, 60, "192.0.2.1", 0, 0, NULL},
    {"a.test", DNS_TYPE_AAAA, 60, "2001:db8::1", 0, 0, NULL},
    {"b.test", DNS_TYPE_A, 60, "192.0.2.2", 0, 0, NULL},
    {"plain.test", DNS_TYPE_A, 60, "192.0.2.3", 0, 0, NULL},
    {"_sip._tcp.srvonly.test", DNS_TYPE_SRV, 60, "b.test", 1, 5090, NULL},
    {"_sip._udp.gone.test", DNS_TYPE_SRV, 60, ".", 1, 5090, NULL},
    {"_sip._udp.udp.test", DNS_TYPE_SRV, 60, "b.test", 1, 5091, NULL},
    {"far.test", DNS_TYPE_NAPTR, 60, "_x.far.test", 1, 0, "SIP+D2U"},
    {"_x.far.test", DNS_TYPE_SRV, 60, "b.test", 1, 5092, NULL},
};

START_TEST(naptr_srv_address)
{
	look_up("sip:pbx.test", full, ARRAY_SIZE(full));
	EXPECT("TCP 192.0.2.1:5070", "TCP [2001:db8::1]:5070",
	       "TCP 192.0.2.2:5071");
	stop();
}
END_TEST

START_TEST(naptr_of_udp)
{
	look_up("sip:far.test", full, ARRAY_SIZE(full));
	EXPECT("UDP 192.0.2.2:5092");
	stop();
	changes = 0;
	look_up("sip:udp.test", full, ARRAY_SIZE(full));
	EXPECT("UDP 192.0.2.2:5091");
	stop();
}
END_TEST

START_TEST(transport_given)
{
	look_up("sip:pbx.test;transport=tls", full, ARRAY_SIZE(full));
	EXPECT("TLS 192.0.2.1:5061", "TLS [2001:db8::1]:5061");
	stop();
}
END_TEST

START_TEST(port_given)
{
	look_up("sip:b.test:5099", full, ARRAY_SIZE(full));
	EXPECT("UDP 192.0.2.2:5099");
	stop();
}
END_TEST

START_TEST(srv_without_naptr)
{
	look_up("sip:srvonly.test", full, ARRAY_SIZE(full));
	EXPECT("TCP 192.0.2.2:5090");
	stop();
}
END_TEST

START_TEST(address_alone)
{
	look_up("sip:plain.test", full, ARRAY_SIZE(full));
	EXPECT("UDP 192.0.2.3:5060");
	stop();
}
END_TEST

START_TEST(nothing)
{
	look_up("sip:nowhere.test", full, ARRAY_SIZE(full));
	ck_assert_int_ne(last_err, 0);
	ck_assert_uint_eq(targets_count(ts), 0);
	stop();
}
END_TEST

/* hardening 1, CVE-2020-26262: what a name leads to is checked. */
START_TEST(cve_2020_26262_refused_address)
{
	refused = "192.0.2.1";
	look_up("sip:pbx.test", full, ARRAY_SIZE(full));
	EXPECT("TCP [2001:db8::1]:5070", "TCP 192.0.2.2:5071");
	stop();
}
END_TEST

START_TEST(failed_come_last)
{
	look_up("sip:pbx.test", full, ARRAY_SIZE(full));
	targets_nth(ts, 0)->failed = true;
	EXPECT("TCP [2001:db8::1]:5070", "TCP 192.0.2.2:5071",
	       "TCP 192.0.2.1:5070");
	targets_nth(ts, 2)->failed = false;
	EXPECT("TCP 192.0.2.1:5070", "TCP [2001:db8::1]:5070",
	       "TCP 192.0.2.2:5071");
	stop();
}
END_TEST

START_TEST(numeric_is_known_at_once)
{
	ck_assert_int_eq(libre_init(), 0);
	ck_assert_int_eq(
	    targets_alloc(&ts, NULL, "sip:[2001:db8::5]", NULL, changed, NULL),
	    0);
	ck_assert(!targets_busy(ts));
	EXPECT("UDP [2001:db8::5]:5060");
	ts = mem_deref(ts);
	ck_assert_int_eq(targets_alloc(&ts, NULL,
				       "sip:192.0.2.1;transport=tls", NULL,
				       changed, NULL),
			 0);
	EXPECT("TLS 192.0.2.1:5061");
	ts = mem_deref(ts);
	ck_assert_int_eq(targets_alloc(&ts, NULL, "sip:x;transport=ws", NULL,
				       changed, NULL),
			 EPROTONOSUPPORT);
	ck_assert_int_eq(
	    targets_alloc(&ts, NULL, "nonsense", NULL, changed, NULL),
	    EBADMSG);
	libre_close();
}
END_TEST

/* ---- a trunk of two: silence moves to the other ---- */

static struct setup st;
static struct sipstack *stack;
static struct peer one;

static void answer(struct peer *p, const struct sa *src, const char *text)
{
	if (strncmp(text, "SIP/2.0", 7))
		peer_answer(p, src, text, "200 OK", "");
}

static bool is_up(void)
{
	return siptrunk_up(sipstack_trunk(stack, "pbx"));
}

START_TEST(failed_target_is_healed_by_options)
{
	struct siptrunk *trunk;

	ck_assert_int_eq(libre_init(), 0);
	setup_init(&st);
	peer_open(&one, "127.0.0.1", answer);
	setup_trunk(&st, 0, &one.addr, "");
	ck_assert_int_eq(sipstack_alloc(&stack, &st.conf), 0);
	trunk = sipstack_trunk(stack, "pbx");
	ck_assert_str_eq(siptrunk_status(trunk),
			 "down, 0 of 1 targets answer");
	ck_assert(loop_until(is_up, 2000));
	siptrunk_target_failed(trunk, &one.addr);
	ck_assert(!siptrunk_up(trunk));
	stack = mem_deref(stack);
	mem_deref(one.us);
	libre_close();
}
END_TEST

static void woken(int err, void *arg)
{
	*(int *)arg = err ? err : -1;
}

static int taken_back;

/* Whom the names wake may end another who waits for them. */
static void woken_cancels(int err, void *arg)
{
	(void)err;
	siptrunk_target_cancel(arg, &taken_back);
}

START_TEST(waits_for_names)
{
	struct siptarget t;
	struct siptrunk *trunk;
	int got = 0, cancelled = 0;

	ck_assert_int_eq(libre_init(), 0);
	setup_init(&st);
	peer_open(&one, "127.0.0.1", answer);
	(void)re_snprintf(st.uri[0], sizeof(st.uri[0]), "sip:localhost:%u",
			  sa_port(&one.addr));
	st.trunk[0].uri = st.uri[0];
	ck_assert_int_eq(sipstack_alloc(&stack, &st.conf), 0);
	trunk = sipstack_trunk(stack, "pbx");
	ck_assert_int_eq(siptrunk_target(&t, trunk, 0, woken, &got), EAGAIN);
	ck_assert_int_eq(siptrunk_target(&t, trunk, 0, woken, &cancelled),
			 EAGAIN);
	siptrunk_target_cancel(trunk, &cancelled);
	ck_assert_int_eq(siptrunk_target(&t, trunk, 0, woken_cancels, trunk),
			 EAGAIN);
	ck_assert_int_eq(siptrunk_target(&t, trunk, 0, woken, &taken_back),
			 EAGAIN);
	loop_run(100);
	ck_assert_int_eq(got, -1);
	ck_assert_int_eq(cancelled, 0);
	ck_assert_int_eq(taken_back, 0);
	ck_assert_int_eq(siptrunk_target(&t, trunk, 0, NULL, NULL), 0);
	ck_assert(sa_cmp(&t.addr, &one.addr, SA_ALL));
	stack = mem_deref(stack);
	mem_deref(one.us);
	libre_close();
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("target");

	tcase_set_timeout(tc, 20);
	tcase_add_test(tc, naptr_srv_address);
	tcase_add_test(tc, naptr_of_udp);
	tcase_add_test(tc, transport_given);
	tcase_add_test(tc, port_given);
	tcase_add_test(tc, srv_without_naptr);
	tcase_add_test(tc, address_alone);
	tcase_add_test(tc, nothing);
	tcase_add_test(tc, cve_2020_26262_refused_address);
	tcase_add_test(tc, failed_come_last);
	tcase_add_test(tc, numeric_is_known_at_once);
	tcase_add_test(tc, failed_target_is_healed_by_options);
	tcase_add_test(tc, waits_for_names);

	return suite_run("sip_target", tc);
}
