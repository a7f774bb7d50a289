/* media_flow.c: an ICE flow under an agent that does what it is told, on a
 * clock that the test moves: DTLS that comes early or moves to another pair,
 * consent that goes and comes back. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include "media/iceflow.c"
#include "suite.h"

enum { SECOND = 1000000 };

/* ---- the agent ---- */

static const struct agent_ops *told;
static unsigned restarts, by_agent;

int agent_alloc(struct agent **ap, struct worker *w,
		const struct agent_conf *conf, bool controlling,
		const struct agent_ops *o, void *arg)
{
	(void)w;
	(void)conf;
	(void)controlling;
	(void)arg;
	told = o;
	*ap = (struct agent *)&told;

	return 0;
}

void agent_close(struct agent *a)
{
	(void)a;
}

unsigned agent_sockets(struct agent *a, int fds[AGENT_SOCKET_MAX])
{
	(void)a;
	(void)fds;

	return 0;
}

int agent_credentials(struct agent *a, char **ufrag, char **pwd)
{
	static char text[] = "abcd";

	(void)a;
	*ufrag = *pwd = text;

	return 0;
}

static uint64_t patience = 10000000; /* us, of the library */

uint64_t agent_patience(void)
{
	return patience;
}

void agent_free_text(char *s)
{
	(void)s;
}

int agent_set_remote(struct agent *a, const char *ufrag, const char *pwd)
{
	(void)a;
	(void)ufrag;
	(void)pwd;

	return 0;
}

int agent_add_remote(struct agent *a, const struct candidate *c)
{
	(void)a;
	(void)c;

	return 0;
}

void agent_rest(struct agent *a, bool rest)
{
	(void)a;
	(void)rest;
}

void agent_ask(struct agent *a)
{
	(void)a;
}

bool agent_is_controlling(struct agent *a)
{
	(void)a;

	return false;
}

int agent_restart(struct agent *a, const struct agent_conf *c)
{
	(void)a;
	(void)c;
	restarts++;

	return 0;
}

int agent_send(struct agent *a, const uint8_t *p, size_t len)
{
	(void)a;
	(void)p;
	(void)len;
	by_agent++;

	return 0;
}

/* ---- the flow, and a peer that speaks DTLS ---- */

static struct engine_conf conf = {.datagram_in = 1600, .datagram_out = 1500};
static struct worker w;
static struct relay relay;
static struct flow f;
static struct identity *theirs;
static struct assoc *peer;
static uint8_t flight[8][1600];
static size_t flight_len[8];
static unsigned flights;
static int ours;
static struct {
	int fd;
	struct sockaddr_storage addr;
} at[3]; /* places of the peer: two that it names, one that it does not */

static void on_flight(void *arg, const uint8_t *p, size_t len)
{
	(void)arg;
	ck_assert_uint_lt(flights, 8);
	memcpy(flight[flights], p, len);
	flight_len[flights++] = len;
}

static int open_place(struct sockaddr_storage *addr)
{
	struct sockaddr_in *sin = (struct sockaddr_in *)addr;
	socklen_t len = sizeof(*sin);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	sin->sin_family = AF_INET;
	sin->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)sin, len), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)sin, &len), 0);

	return fd;
}

static struct engine *engine; /* what restarts ask for our addresses */

static void setup(void)
{
	struct engine_conf ec = {.port_min = 40000, .port_max = 40100};
	struct sockaddr_storage addr = {0};
	struct agent_conf ac = {.consent = true};
	unsigned i;

	w.ep = -1;
	w.now = 100ull * SECOND;
	ec.addr4.ss_family = AF_INET;
	((struct sockaddr_in *)&ec.addr4)->sin_addr.s_addr =
	    htonl(INADDR_LOOPBACK);
	ck_assert_int_eq(engine_start(&engine, &ec), 0);
	w.engine = engine;
	relay.w = &w;
	relay.conf = &conf;
	relay.gone = true; /* tells nobody */
	memcpy(relay.name, "test", 5);
	f.relay = &relay;
	f.ice = true;
	ck_assert_int_eq(identity_alloc(&f.i.identity), 0);
	ck_assert_int_eq(identity_alloc(&theirs), 0);
	ck_assert_int_eq(iceflow_start(&f, &ac), 0);
	ours = open_place(&addr);
	for (i = 0; i < 3; i++)
		at[i].fd = open_place(&at[i].addr);
	ck_assert_int_eq(assoc_alloc(&peer, theirs, true, on_flight, NULL), 0);
	(void)assoc_input(peer, NULL, 0);
	ck_assert_uint_eq(flights, 1); /* ClientHello */
}

static void teardown(void)
{
	unsigned i;

	iceflow_close(&f);
	engine_stop(engine);
	crypt_free(f.crypt);
	assoc_free(peer);
	identity_free(theirs);
	for (i = 0; i < 3; i++)
		(void)close(at[i].fd);
	(void)close(ours);
}

/* What the peer says in signalling: it is the DTLS client. */
static void say(void)
{
	struct remote_ice *c;
	struct media_net *net = &f.i.nets[0];
	unsigned i;

	ss_to_desc(&net->addr, &at[0].addr);
	net->prefix = 8;
	f.i.netc = 1;
	c = calloc(1, sizeof(*c) + 2 * sizeof(c->candidates[0]));
	ck_assert_ptr_nonnull(c);
	memcpy(c->ufrag, "efgh", 5);
	memcpy(c->pwd, "ijkl", 5);
	c->credentials = true;
	c->fingerprint = *identity_fingerprint(theirs);
	c->setup = DESC_SETUP_ACTIVE;
	c->candidatec = 2;
	for (i = 0; i < 2; i++)
		ss_to_desc(&c->candidates[i].addr, &at[i].addr);
	iceflow_remote(&f, c);
	free(c);
	ck_assert_int_eq(f.state, FLOW_CHECKING);
}

/* All flights of the peer, from that place of it. */
static void from(unsigned place)
{
	unsigned i, n = flights;

	flights = 0;
	for (i = 0; i < n; i++)
		input(&f, flight[i], flight_len[i], &at[place].addr, ours);
}

/* Datagrams that reached that place go to the peer. */
static unsigned to(unsigned place)
{
	uint8_t buf[2048];
	unsigned n = 0;
	ssize_t len;

	while ((len = recv(at[place].fd, buf, sizeof(buf), MSG_DONTWAIT)) >
	       0) {
		(void)assoc_input(peer, buf, (size_t)len);
		n++;
	}

	return n;
}

/* The pair is chosen last, as by a controlling peer that is slow to do so. */
static void choose(unsigned place)
{
	struct agent_pair p = {.remote = at[place].addr};

	told->pair(&f, &p);
}

static void bring_up(void)
{
	say();
	told->up(&f);
	from(0);
	ck_assert_uint_gt(to(0), 0);
	from(0);
	ck_assert_int_eq(f.state, FLOW_UP);
	choose(0);
}

START_TEST(test_early_flight)
{
	say();
	from(0); /* before ICE is up */
	ck_assert_uint_eq(to(0), 0);
	ck_assert_int_eq(f.state, FLOW_CHECKING);
	told->up(&f);
	ck_assert_uint_gt(to(0), 0); /* answered without a repetition */
	from(0);
	ck_assert_int_eq(f.state, FLOW_UP);
}
END_TEST

/* Of somebody that the peer did not name: never answered. */
START_TEST(test_early_stranger)
{
	say();
	from(2);
	told->up(&f);
	ck_assert_uint_eq(to(2), 0);
	ck_assert_uint_eq(f.count.rx_unknown_source, 1);
	ck_assert_ptr_null(f.i.early);
	(void)assoc_timeout(peer);
}
END_TEST

/* Once ICE is up nothing of a stranger is opened, not even looked into. */
START_TEST(test_stranger)
{
	uint8_t rtp[172] = {0x80}, dtls[64] = {22, 254, 253};

	bring_up();
	input(&f, rtp, sizeof(rtp), &at[2].addr, ours);
	input(&f, dtls, sizeof(dtls), &at[2].addr, ours);
	ck_assert_uint_eq(f.count.rx_unknown_source, 2);
	ck_assert_uint_eq(f.count.rx_auth_fail + f.count.rx_bad, 0);
	input(&f, rtp, sizeof(rtp), &at[1].addr, ours);
	ck_assert_uint_eq(f.count.rx_unknown_source, 2);
	ck_assert_uint_eq(f.count.rx_auth_fail, 1);
}
END_TEST

/* A stranger does not push out the flight of the peer. */
START_TEST(test_early_kept)
{
	uint8_t junk[32] = {22, 0xfe, 0xfd};

	say();
	input(&f, junk, sizeof(junk), &at[2].addr, ours);
	from(0);
	input(&f, junk, sizeof(junk), &at[2].addr, ours);
	told->up(&f);
	ck_assert_uint_gt(to(0), 0);
}
END_TEST

/* DTLS begins on one pair and goes on by another. */
START_TEST(test_pair_moves)
{
	say();
	told->up(&f);
	from(0);
	ck_assert_uint_gt(to(0), 0);
	from(1);
	ck_assert_int_eq(f.state, FLOW_UP);
	ck_assert_uint_eq(to(0), 0);
	ck_assert_uint_gt(to(1), 0); /* the last flight went there */
	ck_assert_uint_eq(f.count.rx_unknown_source, 0);
	choose(1);
	iceflow_send(&f, (const uint8_t *)"x", 1);
	ck_assert_uint_eq(by_agent, 1); /* no socket of ours for that base */
}
END_TEST

static void put(unsigned place, bool arrives)
{
	char c;

	flow_send(&f, (const uint8_t *)"m", 1, false);
	ck_assert_int_eq(recv(at[place].fd, &c, 1, MSG_DONTWAIT),
			 arrives ? 1 : -1);
}

/* Media follows the pair, whatever was made for the one before; without
 * consent nothing leaves. */
START_TEST(test_media_moves)
{
	struct ice_socket *s = &f.i.sockets[0];
	struct agent_pair p = {0};
	socklen_t len = sizeof(p.base);
	int fd;

	bring_up();
	while (to(0))
		;
	s->watch.rx = &receiver;
	s->watch.fd = dup(ours);
	ck_assert_int_eq(getsockname(ours, (struct sockaddr *)&s->local, &len),
			 0);
	f.i.socketc = 1;
	p.base = s->local;
	p.remote = at[0].addr;
	told->pair(&f, &p);
	put(0, true);
	ck_assert(f.connected);
	fd = f.i.send_fd;
	p.remote = at[1].addr;
	told->pair(&f, &p);
	ck_assert_int_eq(fcntl(fd, F_GETFD), -1);
	put(1, true);
	ck_assert_int_eq(to(0), 0);
	ck_assert(f.connected);
	told->lost(&f);
	put(1, false);
	told->up(&f);
	put(1, true);
	p.local_type = CANDIDATE_RELAY;
	told->pair(&f, &p);
	put(1, false);
	ck_assert_uint_eq(by_agent, 1);
	iceflow_close(&f);
	ck_assert_ptr_null(s->watch.rx);
	ck_assert_ptr_null(s->watch.h);
}
END_TEST

/* No second socket: what libnice receives is answered through it. */
START_TEST(test_by_agent)
{
	say();
	told->up(&f);
	choose(0);
	told->data(&f, flight[0], flight_len[0]);
	ck_assert_uint_gt(by_agent, 0);
	ck_assert_int_eq(f.state, FLOW_SHAKING);
	flight[0][0] = 0xff;
	told->data(&f, flight[0], 10);
	ck_assert_uint_eq(f.count.rx_bad, 1);
}
END_TEST

static void lose(void)
{
	unsigned before = by_agent;

	told->lost(&f);
	ck_assert_int_eq(f.state, FLOW_SUSPENDED);
	iceflow_send(&f, (const uint8_t *)"x", 1);
	ck_assert_uint_eq(by_agent, before); /* RFC 7675 5.1 */
	ck_assert(!flow_is_open(&f));
}

/* By transport-info, for as long as one likes. */
START_TEST(test_many_candidates)
{
	struct remote_ice *c;
	unsigned i, k;

	say();
	c = calloc(1, sizeof(*c) + 10 * sizeof(c->candidates[0]));
	ck_assert_ptr_nonnull(c);
	c->candidatec = 10;
	for (i = 0; i < 40; i++) {
		for (k = 0; k < 10; k++) {
			ss_to_desc(&c->candidates[k].addr, &at[0].addr);
			c->candidates[k].addr.port =
			    (uint16_t)(2000 + i * 10 + k);
		}
		iceflow_remote(&f, c);
	}
	free(c);
	ck_assert_uint_eq(f.i.remotec, 64); /* as many as a description */
}
END_TEST

/* An ICE restart from another device: nothing goes to it until it has shown
 * the certificate that it speaks of. */
START_TEST(test_other_fingerprint)
{
	struct remote_ice c = {.credentials = true,
			       .setup = DESC_SETUP_ACTIVE};

	bring_up();
	ck_assert(flow_is_open(&f));
	memcpy(c.ufrag, "new!", 5);
	memcpy(c.pwd, "word", 5);
	c.fingerprint = *identity_fingerprint(theirs);
	c.fingerprint.md[0] ^= 1;
	iceflow_remote(&f, &c);
	ck_assert_int_eq(f.state, FLOW_SHAKING);
	ck_assert(!flow_is_open(&f));
	w.now += 60ull * SECOND;
	(void)wtimer_run(&w.timers, w.now);
	ck_assert_int_eq(f.state, FLOW_FAILED);
}
END_TEST

/* Lost before DTLS was done: nothing is up yet, another pair may come. */
START_TEST(test_lost_while_shaking)
{
	say();
	told->up(&f);
	choose(0);
	ck_assert_int_eq(f.state, FLOW_SHAKING);
	told->lost(&f);
	ck_assert_int_eq(f.state, FLOW_CHECKING);
	ck_assert(!flow_is_open(&f));
	told->up(&f);
	ck_assert_int_eq(f.state, FLOW_SHAKING);
	told->lost(&f);
	w.now += 60ull * SECOND;
	(void)wtimer_run(&w.timers, w.now);
	ck_assert_int_eq(f.state, FLOW_FAILED);
}
END_TEST

START_TEST(test_resumed)
{
	bring_up();
	lose();
	w.now += 19ull * SECOND; /* 29 s after the last answer */
	told->up(&f);
	ck_assert_int_eq(f.state, FLOW_UP);
	(void)wtimer_run(&w.timers, w.now + 120ull * SECOND);
	ck_assert_int_eq(f.state, FLOW_UP); /* no deadline is left */
}
END_TEST

/* Where we ask ourselves: what libnice says of the pair that we miss is of
 * before; another pair was checked just now. */
START_TEST(test_resumed_by_us)
{
	bring_up();
	f.i.consent.mine = f.i.consent.missed = true;
	iceflow_lost(&f);
	ck_assert_int_eq(f.state, FLOW_SUSPENDED);
	w.now += 10ull * SECOND; /* 25 s after the last answer */
	told->up(&f);
	ck_assert_int_eq(f.state, FLOW_SUSPENDED);
	iceflow_again(&f);
	ck_assert_int_eq(f.state, FLOW_UP);
	iceflow_lost(&f);
	choose(1);
	ck_assert_int_eq(f.state, FLOW_UP);
	f.i.consent.missed = true;
	iceflow_lost(&f);
	w.now += 16ull * SECOND;
	iceflow_again(&f);
	ck_assert_int_eq(f.state, FLOW_SUSPENDED);
}
END_TEST

START_TEST(test_resumed_too_late)
{
	bring_up();
	lose();
	w.now += 21ull * SECOND;
	told->up(&f);
	ck_assert_int_eq(f.state, FLOW_SUSPENDED);
	w.now += 10ull * SECOND;
	(void)wtimer_run(&w.timers, w.now);
	ck_assert_int_eq(f.state, FLOW_FAILED);
}
END_TEST

/* RFC 7675 5.1: after 30 s new credentials alone, however long the library
 * waits until it says so. */
START_TEST(test_resumed_by_patience)
{
	static const struct {
		unsigned patience, after; /* s */
		enum flow_state state;
	} v[] = {
	    {10, 0, FLOW_UP},
	    {10, 19, FLOW_UP},
	    {10, 20, FLOW_SUSPENDED},
	    {30, 0, FLOW_SUSPENDED},
	};

	patience = v[_i].patience * SECOND;
	bring_up();
	lose();
	w.now += v[_i].after * SECOND;
	told->up(&f);
	ck_assert_int_eq(f.state, v[_i].state);
}
END_TEST

/* New credentials may resume later than the old ones. */
START_TEST(test_resumed_by_restart)
{
	bring_up();
	lose();
	w.now += 3ull * SECOND;
	iceflow_restart(&f);
	ck_assert_uint_eq(restarts, 1);
	w.now += 22ull * SECOND;
	told->up(&f);
	ck_assert_int_eq(f.state, FLOW_UP);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("flow");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_early_flight);
	tcase_add_test(tc, test_early_stranger);
	tcase_add_test(tc, test_stranger);
	tcase_add_test(tc, test_early_kept);
	tcase_add_test(tc, test_pair_moves);
	tcase_add_test(tc, test_media_moves);
	tcase_add_test(tc, test_by_agent);
	tcase_add_test(tc, test_many_candidates);
	tcase_add_test(tc, test_other_fingerprint);
	tcase_add_test(tc, test_lost_while_shaking);
	tcase_add_test(tc, test_resumed);
	tcase_add_test(tc, test_resumed_by_us);
	tcase_add_test(tc, test_resumed_too_late);
	tcase_add_loop_test(tc, test_resumed_by_patience, 0, 4);
	tcase_add_test(tc, test_resumed_by_restart);

	return suite_run("media_flow", tc);
}
