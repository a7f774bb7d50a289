/* stoxload.c: a load of calls on a gateway, and what it did with them.
 *
 *	stoxload [OPTION]... [-- COMMAND...]
 *
 * docs/stoxload.1 says what each option does. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include "stoxload.h"

enum {
	SECOND = 1000000, /* us */
	READY = 10,	  /* s until the component is there */
	PIECE = 20000,	  /* us between two looks at how far it is */
	PATIENCE = 40,	  /* s beyond what a phase should take */
	SETTLE = 1,	  /* s */
	DRAIN = 400000,	  /* us */
	PROGRESS = 500000,
	PING = 300000,
};

struct load load;
static bool interrupted, gone; /* gone: the process under test */

static void on_signal(int sig)
{
	(void)sig;
	interrupted = true;
}

static void span_begin(struct span *s)
{
	s->wall = -(double)load_now() / SECOND;
	s->cpu = load.opt.pid ? -load_cpu(load.opt.pid) : 0;
	s->own = -load_own_cpu();
}

static void span_end(struct span *s)
{
	s->wall += (double)load_now() / SECOND;
	s->cpu += load.opt.pid ? load_cpu(load.opt.pid) : 0;
	s->own += load_own_cpu();
}

static long rss(void)
{
	return load.opt.pid ? load_rss(load.opt.pid) : 0;
}

/* It ends with us, not before: what was measured until then says nothing. */
static void look_after_process(void)
{
	const char *name = load.opt.command ? load.opt.command[0] : "process";
	const pid_t pid = load.opt.pid;
	int status = 0;

	if (pid <= 0 ||
	    (load.opt.command ? waitpid(pid, &status, WNOHANG) != pid
			      : !kill(pid, 0) || errno != ESRCH))
		return;
	load.opt.pid = 0;
	gone = interrupted = true;
	report_progress_end();
	if (!load.opt.command)
		(void)fprintf(stderr, "stoxload: process %d has ended\n",
			      (int)pid);
	else if (WIFSIGNALED(status))
		(void)fprintf(stderr, "stoxload: %s was ended by signal %d\n",
			      name, WTERMSIG(status));
	else
		(void)fprintf(stderr, "stoxload: %s ended with status %d\n",
			      name, WEXITSTATUS(status));
}

bool load_is_over(void)
{
	return interrupted;
}

/* Runs until done() or for so many seconds. */
void load_phase(const char *name, double seconds,
		bool (*done)(struct result *r), struct result *r)
{
	uint64_t until = load_now() + (uint64_t)(seconds * SECOND), shown = 0;
	uint64_t now;

	while ((now = load_now()) < until && !interrupted &&
	       !(done && done(r))) {
		if (now > shown + PROGRESS) {
			report_progress(name);
			shown = now;
		}
		load_run(now + PIECE < until ? now + PIECE : until,
			 &interrupted);
		look_after_process();
	}
}

/* Behind a server of its own the gateway may come later than we. */
static bool is_reached(void)
{
	static uint64_t asked;

	if (xmpp_is_up() && load_now() > asked + PING) {
		asked = load_now();
		jingle_ping();
	}

	return load.reached;
}

static bool is_ready(struct result *r)
{
	(void)r;
	if (load.opt.attach)
		return is_reached();

	return load.opt.ng.sin_port ? ng_is_up() : xmpp_is_up();
}

/* Ready, or never going to be. */
static bool is_decided(struct result *r)
{
	return (load.opt.attach && !xmpp_is_open()) || is_ready(r);
}

static void say_nobody(void)
{
	const struct options *o = &load.opt;
	const struct sockaddr_in *a = o->ng.sin_port ? &o->ng : &o->xmpp;
	char ip[INET_ADDRSTRLEN];
	const char *what =
	    o->ng.sin_port ? "nobody speaks the ng protocol there"
	    : !o->attach   ? "no gateway has come; --print-config prints "
			     "what it needs to know"
	    : xmpp_is_up() ? "the gateway does not answer through this server"
	    : xmpp_is_open() ? "the server does not take us"
			     : "the server has closed the connection";

	if (!interrupted)
		(void)fprintf(stderr, "stoxload: %s:%u: %s\n",
			      inet_ntop(AF_INET, &a->sin_addr, ip, sizeof(ip)),
			      ntohs(a->sin_port), what);
}

/* Those that are to be loaded, or nobody. */
static bool wait_for_them(struct result *r)
{
	load_phase("waiting", READY, is_decided, r);
	report_progress_end();
	if (!interrupted && is_ready(r))
		return true;
	say_nobody();

	return false;
}

static bool all_begun(struct result *r)
{
	if (load.opt.mark && !r->rss_mark && load.up >= load.opt.mark) {
		r->rss_mark = rss();
		r->marked = load.up;
	}
	/* Where calls end by themselves, the first to end shows that the
	 * number is reached. */
	if (load.opt.hold > 0)
		return load.ended > 0 || load.up >= load.opt.calls;

	return load.attempted >= load.wanted && !load.setting_up;
}

static bool all_over(struct result *r)
{
	(void)r;

	return !load.up && !load.setting_up;
}

static void tear_down(struct result *r)
{
	double rate = load.opt.rate;
	unsigned i, n = 0, step = rate < 100 ? 1 : (unsigned)(rate / 100);

	call_unpace();
	for (i = 0; i < load.slots && !interrupted; i++) {
		if (load.calls[i].state != CALL_UP)
			continue;
		call_stop(&load.calls[i]);
		if (++n % step == 0)
			load_run(load_now() + (uint64_t)(SECOND / rate * step),
				 &interrupted);
	}
	load_phase("ending", PATIENCE, all_over, r);
}

static void set_up(struct result *r)
{
	double ramp = 3 * load.opt.calls / load.opt.rate + PATIENCE;
	unsigned before = load.answered;

	load.wanted = load.attempted + load.opt.calls;
	memset(&r->setup, 0, sizeof(r->setup));
	span_begin(&r->setup);
	call_pace();
	load_phase("setting up", ramp, all_begun, r);
	span_end(&r->setup);
	r->set_up = load.answered - before;
	load_phase("settling", SETTLE, NULL, r);
	r->rss_all = r->rss_all ? r->rss_all : rss();
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
static void count_silence(struct result *r)
{
	uint64_t from[2], to[2];

	if (!getenv("COUNTS"))
		return;
	load.silent = true;
	load_phase("silent", SETTLE, NULL, r);
	read_counts(from);
	load_phase("silent", load.opt.duration, NULL, r);
	read_counts(to);
	load.silent = false;
	r->silent = to[1] - from[1];
}

static void measure(struct result *r)
{
	uint64_t asked[2];

	memset(&load.tally, 0, sizeof(load.tally));
	memset(&r->media, 0, sizeof(r->media));
	load.counting = true;
	read_counts(asked);
	span_begin(&r->media);
	load_phase("measuring", load.opt.duration, NULL, r);
	span_end(&r->media);
	read_counts(r->asked);
	r->asked[0] -= asked[0];
	r->asked[1] -= asked[1];
	load.counting = false;
	load_run(load_now() + DRAIN, &interrupted);
	count_silence(r);
}

static void round_of_calls(struct result *r)
{
	set_up(r);
	if (load.opt.capacity)
		capacity_run();
	else
		measure(r);
	memset(&r->end, 0, sizeof(r->end));
	span_begin(&r->end);
	tear_down(r);
	load_run(load_now() + DRAIN, NULL);
	span_end(&r->end);
	load_phase("settling", load.opt.settle, NULL, r);
	r->rss_end = rss();
	r->rss_first = r->rss_first ? r->rss_first : r->rss_end;
	report_progress_end();
}

/* ---- the process under test ---- */

static int start_command(void)
{
	if (!load.opt.command)
		return 0;
	load.opt.pid = fork();
	if (load.opt.pid < 0)
		return errno;
	if (!load.opt.pid) {
		/* Its output is no result, and it does not survive us. */
		(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
		(void)dup2(STDERR_FILENO, STDOUT_FILENO);
		(void)execvp(load.opt.command[0], load.opt.command);
		perror(load.opt.command[0]);
		_exit(127);
	}

	return 0;
}

static void end_command(void)
{
	uint64_t until = load_now() + 5 * SECOND;
	int status;

	if (!load.opt.command || load.opt.pid <= 0)
		return;
	(void)kill(load.opt.pid, SIGTERM);
	while (waitpid(load.opt.pid, &status, WNOHANG) == 0) {
		if (load_now() > until)
			(void)kill(load.opt.pid, SIGKILL);
		load_run(load_now() + PIECE, NULL);
	}
}

/* The address of which option it is that cannot be had. */
static int opened(int err, const char *option, const struct sockaddr_in *a)
{
	char ip[INET_ADDRSTRLEN];

	if (err)
		(void)fprintf(stderr, "stoxload: --%s %s:%u: %s\n", option,
			      inet_ntop(AF_INET, &a->sin_addr, ip, sizeof(ip)),
			      ntohs(a->sin_port), strerror(err));

	return err;
}

static int open_xmpp(void)
{
	int err = opened(xmpp_open(), load.opt.attach ? "attach" : "listen",
			 &load.opt.xmpp);

	if (err == EADDRINUSE)
		(void)fprintf(stderr, "--attach makes use of a server that is "
				      "there already\n");

	return err;
}

static int open_all(void)
{
	const struct options *o = &load.opt;
	struct sockaddr_in media = {.sin_addr = o->address};
	int err;

	err = call_init();
	err = err ? err : load_ice_init();
	if (err) {
		(void)fprintf(stderr, "stoxload: %s\n", strerror(err));
		return err;
	}
	err = opened(load_rtp_init(), "address", &media);
	if (o->ng.sin_port)
		return err ? err : opened(ng_open(), "ng", &o->ng);
	err = err ? err : opened(phone_open(), "sip", &o->sip);

	return err ? err : open_xmpp();
}

/* Until it is told to end, or the stream is. */
static int be_echo(void)
{
	int err = opened(echo_open(), "sip", &load.opt.sip);

	load.opt.attach = true;
	if (err || open_xmpp())
		return 1;
	while (!interrupted && xmpp_is_open())
		load_run(load_now() + SECOND, &interrupted);

	return 0;
}

static void prepare(void)
{
	struct sigaction sa = {.sa_handler = on_signal};
	struct rlimit lim;

	if (!getrlimit(RLIMIT_NOFILE, &lim)) {
		lim.rlim_cur = lim.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &lim);
	}
	(void)signal(SIGPIPE, SIG_IGN);
	(void)sigaction(SIGINT, &sa, NULL);
	(void)sigaction(SIGTERM, &sa, NULL);
	/* Waking 50 us late would show in every delay. */
	(void)prctl(PR_SET_TIMERSLACK, 1);
	srandom((unsigned)load_wall());
}

int main(int argc, char **argv)
{
	struct result r = {0};
	int err = options_read(argc, argv);
	unsigned i;

	if (err)
		return err < 0 ? 0 : err;
	prepare();
	if (load.opt.echo)
		return be_echo();
	if (open_all())
		return 1;
	err = start_command();
	if (err) {
		(void)fprintf(stderr, "stoxload: %s: %s\n",
			      load.opt.command[0], strerror(err));
		return 1;
	}
	err = !wait_for_them(&r);
	r.rss_start = rss();
	for (i = 0; !err && i < load.opt.rounds && !interrupted; i++)
		round_of_calls(&r);
	end_command();
	if (err || gone)
		return 1;
	if (load.opt.capacity)
		return 0;
	if (load.opt.json)
		report_json(&r);
	else
		report_table(&r);

	return load.attempted && load.answered == load.attempted &&
		       load.ended == load.answered && !load.tally.wrong
		   ? 0
		   : 1;
}
