/* media_net.c: STUN, TURN, IPv6, addresses behind NAT, packets by libnice's
 * sockets, names of servers, networks of peers; all on loopback. */
#include "media_pair.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include "suite.h"

/* ---- a STUN server that says everybody is 192.0.2.77 ---- */

struct stun {
	int fd;
	uint16_t port;
	unsigned asked;
};

static void stun_answer(struct stun *s)
{
	static const uint8_t mapped[4] = {192, 0, 2, 77};
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	uint8_t in[512], out[32] = {1, 1, 0, 12}; /* RFC 8489 5, 14.2 */
	ssize_t n;

	n = recvfrom(s->fd, in, sizeof(in), MSG_DONTWAIT,
		     (struct sockaddr *)&from, &len);
	if (n < 20 || in[0] || in[1] != 1)
		return;
	s->asked++;
	memcpy(out + 4, in + 4, 16);
	out[21] = 1; /* MAPPED-ADDRESS: it asks by RFC 3489 */
	out[23] = 8;
	out[25] = 1;
	packet_put16(out + 26, ntohs(from.sin_port));
	memcpy(out + 28, mapped, 4);
	(void)sendto(s->fd, out, sizeof(out), 0, (struct sockaddr *)&from,
		     len);
}

START_TEST(test_srflx)
{
	struct side a = {0}, b = {0};
	struct engine_conf conf;
	struct stun stun = {0};
	char port[] = "127.0.0.1";
	uint64_t t0;
	unsigned i, host = 0, srflx = 0;

	stun.fd = open_socket(&stun.port);
	default_conf(&conf, 10, 60);
	conf.stun_host = port;
	conf.stun_port = stun.port;
	ck_assert_int_eq(engine_start(&engine, &conf), 0);
	open_pair(&a, &b);
	/* Host candidates do not wait for the server. */
	for (t0 = now_ms(); now_ms() < t0 + 4000 && !a.connected;)
		wait_for(NULL, 10);
	ck_assert(a.connected && !a.told_late);
	for (t0 = now_ms(); now_ms() < t0 + 3000 && !a.told_late;) {
		stun_answer(&stun);
		wait_for(NULL, 10);
	}
	ck_assert_uint_gt(stun.asked, 0);
	ck_assert(a.told_late);
	for (i = 0; i < a.candc; i++) {
		host += a.cands[i].type == CANDIDATE_HOST;
		if (a.cands[i].type != CANDIDATE_SRFLX)
			continue;
		srflx++;
		ck_assert_uint_eq(a.cands[i].addr.ip[3], 77);
		ck_assert_uint_eq(a.cands[i].rel.ip[0], 127);
		ck_assert_uint_eq(a.cands[i].rel.port, a.cands[0].addr.port);
	}
	ck_assert_uint_eq(host, 1); /* told once */
	ck_assert_uint_eq(srflx, 1);
	exchange(&a, &b, 5);
	close_pair(&a, &b);
	(void)close(stun.fd);
}
END_TEST

/* ---- coturn ---- */

static pid_t turn;
static uint16_t turn_port;

static bool is_open(uint16_t port)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
				 .sin_port = htons(port)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	bool ok;

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ok = !connect(fd, (struct sockaddr *)&to, sizeof(to));
	(void)close(fd);

	return ok;
}

static bool start_turn(void)
{
	char db[64], listen_port[32];
	unsigned i;

	if (access("/usr/bin/turnserver", X_OK))
		return false;
	(void)close(open_socket(&turn_port));
	(void)snprintf(db, sizeof(db), "--userdb=/tmp/stoxd-turn-%d",
		       (int)getpid());
	(void)snprintf(listen_port, sizeof(listen_port), "--listening-port=%u",
		       turn_port);
	turn = fork();
	if (!turn) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (!freopen("/dev/null", "w", stdout))
			_exit(126);
		(void)execl("/usr/bin/turnserver", "turnserver", "-n",
			    "--listening-ip=127.0.0.1", "--relay-ip=127.0.0.1",
			    listen_port, "--min-port=34800",
			    "--max-port=34899", "--no-tls", "--no-dtls",
			    "--no-cli", "--allow-loopback-peers",
			    "--realm=turn.test", "--lt-cred-mech",
			    "--user=gw:turnpass", "--log-file=stdout",
			    "--pidfile=/dev/null", db, (char *)NULL);
		_exit(127);
	}
	for (i = 0; i < 100 && !is_open(turn_port); i++)
		(void)usleep(50000);
	ck_assert_msg(i < 100, "coturn does not answer");

	return true;
}

static void stop_turn(void)
{
	char db[64];

	(void)kill(turn, SIGTERM);
	(void)waitpid(turn, NULL, 0);
	(void)snprintf(db, sizeof(db), "/tmp/stoxd-turn-%d", (int)getpid());
	(void)unlink(db);
}

static void turn_conf(struct engine_conf *conf, bool tcp)
{
	static const char host[] = "127.0.0.1", user[] = "gw",
			  pass[] = "turnpass";

	default_conf(conf, 10, 60);
	conf->turn_host = host;
	conf->turn_user = user;
	conf->turn_pass = pass;
	conf->turn_port = turn_port;
	conf->turn_tcp = tcp;
	conf->relay_only = true;
}

static void relayed_call(bool tcp)
{
	struct side a = {0}, b = {0};
	struct engine_conf conf;
	unsigned i;

	if (!start_turn())
		return;
	turn_conf(&conf, tcp);
	ck_assert_int_eq(engine_start(&engine, &conf), 0);
	default_conf(&conf, 10, 60);
	ck_assert_int_eq(engine_start(&engine_b, &conf), 0);
	connect_pair(&a, &b);
	ck_assert(a.relay && !b.relay);
	for (i = 0; i < a.candc; i++)
		ck_assert_int_eq(a.cands[i].type, CANDIDATE_RELAY);
	exchange(&a, &b, 50);
	ck_assert_int_eq(media_stats(a.m), 0);
	wait_for(NULL, 300);
	ck_assert_ptr_nonnull(strstr(a.stats[0].pair, "relay"));
	ck_assert_int_eq(a.stats[0].suite, SUITE_AEAD_AES_128_GCM);
	ck_assert_uint_ge(a.stats[0].count.tx_packets, 50);
	ck_assert_uint_eq(a.stats[0].count.tx_drop, 0);
	/* The allocation is refreshed and the consent kept. */
	wait_for(NULL, 1000);
	exchange(&a, &b, 5);
	close_pair(&a, &b);
	stop_turn();
}

START_TEST(test_turn_udp)
{
	relayed_call(false);
}
END_TEST

START_TEST(test_turn_tcp)
{
	relayed_call(true);
}
END_TEST

/* Both by relay: everything goes by libnice. */
START_TEST(test_turn_both)
{
	struct side a = {0}, b = {0};
	struct engine_conf conf;

	if (!start_turn())
		return;
	turn_conf(&conf, false);
	ck_assert_int_eq(engine_start(&engine, &conf), 0);
	connect_pair(&a, &b);
	ck_assert(a.relay && b.relay);
	exchange(&a, &b, 20);
	close_pair(&a, &b);
	stop_turn();
}
END_TEST

/* A wrong password: no candidate, said in words, and in time. */
START_TEST(test_turn_refused)
{
	struct side a = {0}, b = {0};
	struct engine_conf conf;

	if (!start_turn())
		return;
	turn_conf(&conf, false);
	conf.turn_pass = "wrong";
	ck_assert_int_eq(engine_start(&engine, &conf), 0);
	default_conf(&conf, 10, 60);
	ck_assert_int_eq(engine_start(&engine_b, &conf), 0);
	open_pair(&a, &b);
	ck_assert(wait_for(&a.failed, 20000));
	ck_assert(a.connectivity);
	ck_assert_msg(strstr(a.why, "candidate"), "%s", a.why);
	close_pair(&a, &b);
	stop_turn();
}
END_TEST

/* ---- addresses ---- */

START_TEST(test_ipv6)
{
	struct side a = {0}, b = {0};
	struct engine_conf conf;
	struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *)&conf.addr6;
	struct media_rtp_conf rc = {.family = AF_INET6};
	struct transport local;
	unsigned f, i;

	default_conf(&conf, 10, 60);
	memset(&conf.addr4, 0, sizeof(conf.addr4));
	sin6->sin6_family = AF_INET6;
	sin6->sin6_addr = in6addr_loopback;
	ck_assert_int_eq(engine_start(&engine, &conf), 0);
	ck_assert_int_eq(media_open(&a.m, engine, "six6", handle, &a), 0);
	ck_assert_int_eq(media_flow_rtp(a.m, &f, &rc, &local), 0);
	ck_assert_uint_eq(local.addr.family, 6);
	ck_assert_uint_eq(local.addr.ip[15], 1);
	ck_assert_int_eq(media_flow_ice(a.m, &a.x, true), 0);
	ck_assert_int_eq(media_open(&b.m, engine, "seve", handle, &b), 0);
	ck_assert_int_eq(media_flow_ice(b.m, &b.x, false), 0);
	a.other = &b;
	b.other = &a;
	b.setup = DESC_SETUP_ACTIVE;
	a.setup = DESC_SETUP_ACTPASS;
	ck_assert_msg(wait_for(&a.connected, 8000), "%s", a.why);
	ck_assert(wait_for(&b.connected, 4000));
	for (i = 0; i < a.candc; i++)
		ck_assert_uint_eq(a.cands[i].addr.family, 6);
	ck_assert_int_eq(media_stats(a.m), 0);
	wait_for(NULL, 200);
	for (i = 0; i < a.statc; i++) {
		if (a.stats[i].ice)
			ck_assert_ptr_nonnull(
			    strstr(a.stats[i].pair, "[::1]"));
	}
	media_close(a.m);
	media_close(b.m);
	engine_stop(engine);
}
END_TEST

/* Both families: two sockets, two candidates, media on the chosen one. */
START_TEST(test_two_families)
{
	struct side a = {0}, b = {0};
	struct engine_conf conf;
	struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *)&conf.addr6;

	default_conf(&conf, 10, 60);
	sin6->sin6_family = AF_INET6;
	sin6->sin6_addr = in6addr_loopback;
	ck_assert_int_eq(engine_start(&engine, &conf), 0);
	connect_pair(&a, &b);
	ck_assert_uint_eq(a.candidates, 2);
	exchange(&a, &b, 10);
	close_pair(&a, &b);
}
END_TEST

/* 1:1 NAT: the address that is bound never shows. */
START_TEST(test_public_address)
{
	struct side a = {.hold_back = true};
	struct media_rtp_conf rc = {.family = AF_INET};
	struct engine_conf conf;
	struct stun stun = {0};
	struct transport local;
	uint64_t t0;
	unsigned f, i;

	stun.fd = open_socket(&stun.port);
	default_conf(&conf, 10, 60);
	set_v4(&conf.public4, "198.51.100.9");
	conf.stun_host = "127.0.0.1";
	conf.stun_port = stun.port;
	ck_assert_int_eq(engine_start(&engine, &conf), 0);
	ck_assert_int_eq(media_open(&a.m, engine, "natn", handle, &a), 0);
	ck_assert_int_eq(media_flow_rtp(a.m, &f, &rc, &local), 0);
	ck_assert_uint_eq(local.addr.ip[0], 198);
	ck_assert_uint_eq(local.rtcp.ip[0], 198);
	ck_assert_int_eq(media_flow_ice(a.m, &a.x, true), 0);
	for (t0 = now_ms(); now_ms() < t0 + 3000 && !a.told_late;) {
		stun_answer(&stun);
		wait_for(NULL, 10);
	}
	ck_assert_uint_ge(a.candc, 2);
	for (i = 0; i < a.candc; i++) {
		ck_assert_uint_ne(a.cands[i].addr.ip[0], 127);
		ck_assert_uint_ne(a.cands[i].rel.ip[0], 127);
	}
	media_close(a.m);
	engine_stop(engine);
	(void)close(stun.fd);
}
END_TEST

/* How many have the port that a told of. */
static unsigned sockets_of(const struct side *a)
{
	FILE *f = fopen("/proc/self/net/udp", "re");
	char line[256], want[32];
	unsigned n = 0;

	ck_assert_ptr_nonnull(f);
	(void)snprintf(want, sizeof(want), ": 0100007F:%04X ",
		       a->cands[0].addr.port);
	while (fgets(line, sizeof(line), f))
		n += strstr(line, want) != NULL;
	(void)fclose(f);

	return n;
}

/* A kernel that refuses the second socket: libnice receives and sends. */
START_TEST(test_one_socket)
{
	struct side a = {0}, b = {0};
	struct engine_conf conf;

	default_conf(&conf, 10, 60);
	conf.one_socket = true;
	ck_assert_int_eq(engine_start(&engine, &conf), 0);
	default_conf(&conf, 10, 60);
	ck_assert_int_eq(engine_start(&engine_b, &conf), 0);
	connect_pair(&a, &b);
	ck_assert_uint_eq(sockets_of(&a), 1);
	ck_assert_uint_eq(sockets_of(&b), 2);
	exchange(&a, &b, 50);
	ck_assert_int_eq(media_restart(a.m, a.x), 0);
	wait_for(NULL, 1500);
	ck_assert_uint_eq(b.restarts, 1);
	exchange(&a, &b, 10);
	close_pair(&a, &b);
}
END_TEST

/* From now on the kernel refuses that option of sockets, to this process. */
static void refuse_option(int option)
{
	struct sock_filter f[] = {
	    BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
		     offsetof(struct seccomp_data, nr)),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_setsockopt, 0, 5),
	    BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
		     offsetof(struct seccomp_data, args[1])),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SOL_SOCKET, 0, 3),
	    BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
		     offsetof(struct seccomp_data, args[2])),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)option, 0, 1),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = {sizeof(f) / sizeof(f[0]), f};
	int on = 1, err, fd = socket(AF_INET, SOCK_DGRAM, 0);

	ck_assert_int_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	err = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
			   SECCOMP_FILTER_FLAG_TSYNC, &prog);
	ck_assert_int_eq(err, 0);
	ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, option, &on, sizeof(on)),
			 -1);
	ck_assert_int_eq(errno, EPERM);
	(void)close(fd);
}

static const struct refusal {
	int option;
	bool late; /* when the engine has found that it may */
} refusals[] = {
    {SO_REUSEPORT, false},
    {SO_REUSEPORT, true},
    {SO_ATTACH_REUSEPORT_CBPF, false},
    {SO_ATTACH_REUSEPORT_CBPF, true},
};

/* The same by what a kernel says, at the start or for a later call. */
START_TEST(test_refused_option)
{
	const struct refusal *r = &refusals[_i];
	struct side a = {0}, b = {0};
	struct engine_conf conf;

	if (!r->late)
		refuse_option(r->option);
	default_conf(&conf, 10, 60);
	ck_assert_int_eq(engine_start(&engine, &conf), 0);
	if (r->late)
		refuse_option(r->option);
	connect_pair(&a, &b);
	ck_assert_uint_eq(sockets_of(&a), 1);
	exchange(&a, &b, 20);
	close_pair(&a, &b);
}
END_TEST

/* ---- whom ICE may try ---- */

static void try_candidate(const struct media_net *net, const char *want)
{
	struct transport t = {.ufrag = "abcd",
			      .pwd = "abcdefghijklmnopqrstuv",
			      .setup = DESC_SETUP_ACTIVE};
	struct candidate c = {.component = 1, .priority = 1};
	struct side a = {.hold_back = true};

	start_engine(1, 60);
	ck_assert_int_eq(media_open(&a.m, engine, "nets", handle, &a), 0);
	ck_assert_int_eq(media_allow(a.m, net, net ? 1 : 0), 0);
	ck_assert_int_eq(media_flow_ice(a.m, &a.x, true), 0);
	set_stream(&a, true);
	c.addr.family = 4;
	memcpy(c.addr.ip, "\x0a\x09\x08\x07", 4);
	c.addr.port = 9;
	t.candidates = &c;
	t.candidatec = 1;
	ck_assert_int_eq(media_remote_ice(a.m, a.x, &t), 0);
	ck_assert(wait_for(&a.x_silent, 5000));
	ck_assert_msg(strstr(a.x_why, "no candidate pair"), "%s", a.x_why);
	ck_assert_msg(strstr(a.x_why, want), "%s", a.x_why);
	media_close(a.m);
	engine_stop(engine);
}

START_TEST(test_private_refused)
{
	try_candidate(NULL, "0 of the peer's, 1 refused");
}
END_TEST

START_TEST(test_private_allowed)
{
	struct media_net net = {.addr = {.family = 4}, .prefix = 16};

	memcpy(net.addr.ip, "\x0a\x09\x00\x00", 4);
	try_candidate(&net, "1 of the peer's, 0 refused");
}
END_TEST

/* ---- names ---- */

START_TEST(test_names)
{
	struct side a = {.hold_back = true};
	struct engine_conf conf;
	struct stun stun = {0};
	uint64_t t0 = now_ms();

	stun.fd = open_socket(&stun.port);
	default_conf(&conf, 10, 60);
	conf.stun_host = "localhost";
	conf.stun_port = stun.port;
	conf.turn_host = "turn.nonesuch.invalid";
	ck_assert_int_eq(engine_start(&engine, &conf), 0);
	ck_assert_uint_lt(now_ms() - t0, 4000); /* a resolver waits for 5 s */
	wait_for(NULL, 500);
	ck_assert_int_eq(media_open(&a.m, engine, "name", handle, &a), 0);
	ck_assert_int_eq(media_flow_ice(a.m, &a.x, true), 0);
	for (t0 = now_ms(); now_ms() < t0 + 3000 && !a.told_late;) {
		stun_answer(&stun);
		wait_for(NULL, 10);
	}
	ck_assert(a.told_late); /* by the name that resolves */
	media_close(a.m);
	t0 = now_ms();
	engine_stop(engine);
	ck_assert_uint_lt(now_ms() - t0, 1500);
	(void)close(stun.fd);
}
END_TEST

/* A new certificate from time to time; running calls keep theirs. */
START_TEST(test_new_certificate)
{
	struct side a = {0}, b = {0}, c = {0}, d = {0};
	struct engine_conf conf;

	default_conf(&conf, 10, 60);
	conf.cert_life = 1;
	ck_assert_int_eq(engine_start(&engine, &conf), 0);
	connect_pair(&a, &b);
	wait_for(NULL, 1100);
	connect_pair(&c, &d);
	ck_assert(memcmp(a.print.md, c.print.md, 32));
	ck_assert(!memcmp(engine_fingerprint(engine)->md, c.print.md, 32));
	exchange(&a, &b, 5);
	exchange(&c, &d, 5);
	media_close(c.m);
	media_close(d.m);
	close_pair(&a, &b);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("net");

	tcase_set_timeout(tc, 40);
	tcase_add_test(tc, test_srflx);
	tcase_add_test(tc, test_turn_udp);
	tcase_add_test(tc, test_turn_tcp);
	tcase_add_test(tc, test_turn_both);
	tcase_add_test(tc, test_ipv6);
	tcase_add_test(tc, test_two_families);
	tcase_add_test(tc, test_public_address);
	tcase_add_test(tc, test_one_socket);
	tcase_add_loop_test(tc, test_refused_option, 0,
			    sizeof(refusals) / sizeof(refusals[0]));
	tcase_add_test(tc, test_names);
	tcase_add_test(tc, test_new_certificate);
	tcase_add_test(tc, test_private_refused);
	tcase_add_test(tc, test_private_allowed);
	tcase_add_test(tc, test_turn_refused);

	return suite_run("media_net", tc);
}
