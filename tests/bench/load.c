/* load.c: sets up calls through a gateway or a relay, speaks on them, counts,
 * and says what that cost.
 *
 *	load [-n CALLS] [-r RATE] [-t SECONDS] [-s cm80|gcm] [-m ADDRESS]
 *	     WAY COMMAND...
 *
 * WAY is "gateway" or "ng"; COMMAND is started and measured.  One line of JSON
 * on standard output. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include "load.h"

enum {
	AT_ONCE = 8,	      /* calls in set-up */
	FEW = 20,	      /* before the first look at memory */
	WARM = 1,	      /* s */
	SETTLE = 200,	      /* ms; for what goes on after the last message */
	LIMIT = 60 * 1000000, /* us for one phase */
};

struct result {
	unsigned up, ended;
	double setup_cpu, setup_wall, relay_cpu, end_cpu;
	long rss_few, rss_all;
	uint64_t counts[2]; /* of count.c: calls of the kernel, of malloc */
	uint64_t silent;    /* of malloc, without packets */
	struct count x, s;
};

static const struct way *const ways[] = {&way_gateway, &way_ng};
static struct load load;

void load_fail(struct call *c, const char *why)
{
	if (c->state == CALL_ENDED || c->state == CALL_FAILED)
		return;
	c->state = CALL_FAILED;
	if (!load.failed)
		load.failed = why;
}

static unsigned count_state(enum call_state st, unsigned first, unsigned end)
{
	unsigned i, n = 0;

	for (i = first; i < end; i++)
		n += load.calls[i].state == st;

	return n;
}

static void turn_all(const struct way *w)
{
	unsigned i;

	load_turn(1);
	for (i = 0; i < load.callc; i++)
		w->turn(&load, &load.calls[i]);
}

static void settle(const struct way *w)
{
	uint64_t end = load_now() + SETTLE * 1000;

	while (load_now() < end)
		turn_all(w);
}

static void set_up(const struct way *w, unsigned first, unsigned end)
{
	uint64_t until = load_now() + LIMIT;
	unsigned next = first;

	while (load_now() < until) {
		while (next < end &&
		       count_state(CALL_SETUP, first, next) < AT_ONCE) {
			load.calls[next].state = CALL_SETUP;
			w->start(&load, &load.calls[next++]);
		}
		if (next == end && !count_state(CALL_SETUP, first, end))
			break;
		turn_all(w);
	}
	settle(w);
}

static void tear_down(const struct way *w)
{
	uint64_t until = load_now() + LIMIT;
	unsigned next = 0, n = load.callc;

	while (load_now() < until) {
		while (next < n && count_state(CALL_ENDING, 0, n) < AT_ONCE) {
			if (load.calls[next].state == CALL_UP)
				w->stop(&load, &load.calls[next]);
			next++;
		}
		if (next == n && !count_state(CALL_ENDING, 0, n))
			break;
		turn_all(w);
	}
	settle(w);
}

static void add(struct count *to, const struct count *c)
{
	to->sent += c->sent;
	to->received += c->received;
	to->wrong += c->wrong;
	to->rtcp += c->rtcp;
}

/* What count.c has counted so far, in the file that COUNTS names; or 0. */
static void read_counts(uint64_t counts[2])
{
	const char *path = getenv("COUNTS");
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	ssize_t n = fd < 0 ? -1 : read(fd, counts, 2 * sizeof(*counts));

	if (n != 2 * (ssize_t)sizeof(*counts))
		counts[0] = counts[1] = 0;
	if (fd >= 0)
		(void)close(fd);
}

/* What the same calls ask for while no packet passes (consent, timers) is none
 * of the packets' doing. */
static void count_silence(const struct way *w, struct result *r)
{
	uint64_t from[2], to[2], end;

	if (!getenv("COUNTS"))
		return;
	settle(w);
	end = load_now() + (uint64_t)(load.seconds * 1e6);
	read_counts(from);
	while (load_now() < end)
		turn_all(w);
	read_counts(to);
	r->silent = to[1] - from[1];
}

static void measure(const struct way *w, struct result *r)
{
	uint64_t counts[2];
	unsigned i, few = load.callc < FEW ? load.callc : FEW;
	double cpu = load_cpu(load.pid);
	uint64_t at = load_now();

	set_up(w, 0, few);
	r->setup_cpu = load_cpu(load.pid) - cpu;
	r->setup_wall = (double)(load_now() - at) / 1e6;
	load_rtp_run(&load, WARM);
	r->rss_few = load_rss(load.pid);
	cpu = load_cpu(load.pid);
	at = load_now();
	set_up(w, few, load.callc);
	r->setup_cpu += load_cpu(load.pid) - cpu;
	r->setup_wall += (double)(load_now() - at) / 1e6;
	load_rtp_run(&load, WARM);
	r->rss_all = load_rss(load.pid);
	r->up = count_state(CALL_UP, 0, load.callc);
	load_rtp_forget(&load);
	read_counts(counts);
	cpu = load_cpu(load.pid);
	load_rtp_run(&load, load.seconds);
	r->relay_cpu = load_cpu(load.pid) - cpu;
	read_counts(r->counts);
	r->counts[0] -= counts[0];
	r->counts[1] -= counts[1];
	count_silence(w, r);
	for (i = 0; i < load.callc; i++) {
		add(&r->x, &load.calls[i].x.count);
		add(&r->s, &load.calls[i].s.count);
	}
	cpu = load_cpu(load.pid);
	tear_down(w);
	r->end_cpu = load_cpu(load.pid) - cpu;
	r->ended = count_state(CALL_ENDED, 0, load.callc);
}

static void print(const struct result *r)
{
	uint64_t sent = r->x.sent + r->s.sent;
	uint64_t received = r->x.received + r->s.received;
	unsigned few = load.callc < FEW ? load.callc : FEW;

	(void)printf(
	    "{\"calls\": %u, \"up\": %u, \"ended\": %u, \"failed\": \"%s\", "
	    "\"sent\": %llu, \"received\": %llu, \"wrong\": %llu, "
	    "\"packet_us\": %.3f, \"setup_ms\": %.3f, \"end_ms\": %.3f, "
	    "\"setup_wall_s\": %.3f, \"rss_kb\": %ld, \"call_kb\": %.2f, "
	    "\"syscalls\": %llu, \"allocations\": %llu, "
	    "\"silent_allocations\": %llu}\n",
	    load.callc, r->up, r->ended, load.failed ? load.failed : "",
	    (unsigned long long)sent, (unsigned long long)received,
	    (unsigned long long)(r->x.wrong + r->s.wrong),
	    received ? r->relay_cpu * 1e6 / (double)received : 0,
	    r->setup_cpu * 1e3 / load.callc, r->end_cpu * 1e3 / load.callc,
	    r->setup_wall, r->rss_all,
	    load.callc > few
		? (double)(r->rss_all - r->rss_few) / (load.callc - few)
		: 0,
	    (unsigned long long)r->counts[0], (unsigned long long)r->counts[1],
	    (unsigned long long)r->silent);
}

static int start_command(void)
{
	load.pid = fork();
	if (load.pid < 0)
		return errno;
	if (!load.pid) {
		/* Its output is no result. */
		(void)dup2(STDERR_FILENO, STDOUT_FILENO);
		(void)execvp(load.command[0], load.command);
		perror(load.command[0]);
		_exit(127);
	}

	return 0;
}

static void end_command(void)
{
	uint64_t until = load_now() + 5 * 1000000;
	int status;

	(void)kill(load.pid, SIGTERM);
	while (waitpid(load.pid, &status, WNOHANG) == 0) {
		if (load_now() > until)
			(void)kill(load.pid, SIGKILL);
		load_turn(20);
	}
}

static void usage(void)
{
	size_t i;

	(void)fprintf(stderr, "usage: load [-n CALLS] [-r RATE] [-t SECONDS] "
			      "[-s cm80|gcm] [-m ADDRESS] WAY COMMAND...\n");
	for (i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		(void)fprintf(stderr, "  %-8s %s\n", ways[i]->name,
			      ways[i]->help);
	exit(2);
}

static const struct way *options(int argc, char **argv)
{
	size_t i;
	int opt;

	load.callc = 200;
	load.rate = 50;
	load.seconds = 5;
	load.suite = SUITE_CM128_SHA1_80;
	load.media.s_addr = htonl(INADDR_LOOPBACK);
	while ((opt = getopt(argc, argv, "+n:r:t:s:m:")) != -1) {
		if (opt == 'n')
			load.callc = (unsigned)atoi(optarg);
		else if (opt == 'r')
			load.rate = (unsigned)atoi(optarg);
		else if (opt == 't')
			load.seconds = atof(optarg);
		else if (opt == 's' && !strcmp(optarg, "gcm"))
			load.suite = SUITE_AEAD_AES_128_GCM;
		else if (opt == 'm')
			(void)inet_pton(AF_INET, optarg, &load.media);
		else if (opt != 's' || strcmp(optarg, "cm80"))
			usage();
	}
	if (argc - optind < 2 || !load.callc || load.callc > LOAD_CALLS_MAX ||
	    !load.rate || load.rate > 1000)
		usage();
	load.command = argv + optind + 1;
	for (i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		if (!strcmp(ways[i]->name, argv[optind]))
			return ways[i];
	}
	usage();

	return NULL;
}

int main(int argc, char **argv)
{
	const struct way *w = options(argc, argv);
	struct result r = {0};
	struct rlimit lim;
	unsigned i;
	int err;

	if (!getrlimit(RLIMIT_NOFILE, &lim)) {
		lim.rlim_cur = lim.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &lim);
	}
	(void)signal(SIGPIPE, SIG_IGN);
	load.calls = calloc(load.callc, sizeof(*load.calls));
	if (!load.calls)
		return 1;
	for (i = 0; i < load.callc; i++)
		load.calls[i].index = i;
	err = w->open(&load);
	err = err ? err : start_command();
	if (!err) {
		err = w->ready(&load);
		if (!err)
			measure(w, &r);
		end_command();
	}
	if (err) {
		(void)fprintf(stderr, "load: %s\n", strerror(err));
		return 1;
	}
	print(&r);

	return r.up == load.callc && r.ended == load.callc ? 0 : 1;
}
