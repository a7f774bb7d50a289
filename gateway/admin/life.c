/* life.c: from ready to the end. */
#include "admin/life.h"
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>
#include "admin/cdr.h"
#include "admin/reload.h"
#include "admin/rows.h"
#include "admin/run.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/supervisor.h"
#include "bridge/drain.h"

enum {
	TICK = 200,	   /* ms; is the last call over? */
	GOODBYE = 500,	   /* ms that BYE and terminate have to leave */
	READY_WAIT = 5000, /* ms for the XMPP servers; then ready without */
	STATUS_EVERY = 25, /* ticks */
};

struct life {
	struct gateway *gw; /* not referenced */
	enum life_state state;
	int fd; /* of SIGHUP; -1: none */
	bool ready;
	bool signalled; /* the end was asked for by a signal */
	unsigned ticks;
	uint64_t since; /* ms */
	struct tmr tick, limit, goodbye, watchdog;
};

static const char *const names[] = {
    [LIFE_OPEN] = "open",
    [LIFE_DRAINED] = "drained",
    [LIFE_LEAVING] = "leaving",
    [LIFE_CLOSING] = "closing",
};

static const char busy[] = "takes no new calls now";

static void destructor(void *arg)
{
	struct life *l = arg;

	tmr_cancel(&l->tick);
	tmr_cancel(&l->limit);
	tmr_cancel(&l->goodbye);
	tmr_cancel(&l->watchdog);
	if (l->fd >= 0) {
		loop_fd_remove(l->fd);
		(void)close(l->fd);
	}
	drain_set(false);
	supervisor_close();
}

const char *life_state_name(enum life_state st)
{
	return names[st];
}

enum life_state life_state(const struct life *l)
{
	return l ? l->state : LIFE_OPEN;
}

/* ---- the service manager ---- */

static unsigned links_up(const struct gateway *gw)
{
	unsigned n = 0;

	for (size_t i = 0; i < gw->config->xmppc; i++)
		n += component_up(gw->portals[i].component);

	return n;
}

static void tell_status(const struct life *l)
{
	const struct gateway *gw = l->gw;
	unsigned up = 0;

	for (size_t i = 0; i < gw->config->trunkc; i++)
		up += siptrunk_up(
		    sipstack_trunk(gw->stack, gw->config->trunk[i].name));
	supervisor_tell("STATUS=%s%u calls, %u of %zu XMPP links, %u of %zu "
			"trunks answer",
			l->state == LIFE_OPEN ? "" : "takes no new calls, ",
			calls_count(), links_up(gw), gw->config->xmppc, up,
			gw->config->trunkc);
}

/* A server that is away is no reason to hold up what comes after us. */
static void tell_ready(struct life *l)
{
	const bool up = links_up(l->gw) == l->gw->config->xmppc;

	if (l->ready || (!up && tmr_jiffies() - l->since < READY_WAIT))
		return;

	l->ready = true;
	supervisor_tell("READY=1");
	tell_status(l);
}

/* Fed from the loop, as long as every media worker answered since the last
 * time: a thread that hangs is as good as a process that does. */
static void feed(void *arg)
{
	struct life *l = arg;
	const unsigned ms = supervisor_watchdog();

	if (!engine_answers(l->gw->engine))
		log_warning("media: a worker does not answer: the watchdog is "
			    "not fed\n");
	else
		supervisor_tell("WATCHDOG=1");
	tmr_start(&l->watchdog, ms / 4 ? ms / 4 : 1, feed, l);
}

/* ---- the end ---- */

static void stop_loop(void *arg)
{
	(void)arg;
	re_cancel();
}

static void goodbye(struct life *l)
{
	struct gateway *gw = l->gw;
	struct ending why;

	log_info("main: ending %u calls\n", calls_count());
	l->state = LIFE_CLOSING;
	tmr_cancel(&l->tick);
	tmr_cancel(&l->limit);
	supervisor_tell("STOPPING=1\nSTATUS=ending %u calls", calls_count());
	memset(&why, 0, sizeof(why));
	why.reason = REASON_GONE;
	str_ncpy(why.text, "the gateway is being stopped", sizeof(why.text));
	calls_stop(&why);
	chat_close(gw->chat);
	presence_stop(gw->presence);
	accounts_stop(gw->accounts);
	for (size_t i = 0; gw->portals && i < gw->config->xmppc; i++)
		service_goodbye(gw->portals[i].service);
	sipstack_close(gw->stack);
	tmr_start(&l->goodbye, GOODBYE, stop_loop, NULL);
}

static void limit(void *arg)
{
	struct life *l = arg;

	log_warning("main: calls had %u s to end, %u have not\n",
		    l->gw->config->limits.drain_wait, calls_count());
	goodbye(l);
}

static void tick(void *arg)
{
	struct life *l = arg;

	tell_ready(l);
	if (l->state == LIFE_LEAVING && !calls_count()) {
		goodbye(l);
		return;
	}
	if (++l->ticks % STATUS_EVERY == 0 && l->ready) {
		tell_status(l);
		if (l->signalled) /* or TimeoutStopSec would end it */
			supervisor_tell("EXTEND_TIMEOUT_USEC=%u000",
					3 * STATUS_EVERY * TICK);
	}
	if (l->state == LIFE_LEAVING || supervisor_is_there())
		tmr_start(&l->tick, TICK, tick, l);
}

/* ---- drain ---- */

static void show(struct life *l, bool on)
{
	const struct gateway *gw = l->gw;

	drain_set(on);
	sipstack_drain(gw->stack, on ? DRAIN_RETRY : 0);
	for (size_t i = 0; i < gw->config->xmppc; i++)
		service_busy(gw->portals[i].service, on ? busy : NULL);
	tell_status(l);
}

/* No new calls; leave: exit when the last call is over, or after [limits]
 * drain_wait, when those that are left end politely. */
static void drain(struct life *l, bool leave)
{
	const unsigned wait = l->gw->config->limits.drain_wait;

	if (l->state >= LIFE_LEAVING)
		return;

	l->state = leave ? LIFE_LEAVING : LIFE_DRAINED;
	log_info("main: no new calls; %u go on%s\n", calls_count(),
		 leave ? ", then the end" : "");
	show(l, true);
	if (!leave)
		return;

	tmr_start(&l->limit, (uint64_t)wait * 1000, limit, l);
	tmr_start(&l->tick, calls_count() ? TICK : 0, tick, l);
}

/* EBUSY: a signal has asked for the end. */
static int undrain(struct life *l)
{
	if (l->signalled || l->state == LIFE_CLOSING)
		return EBUSY;
	if (l->state == LIFE_OPEN)
		return 0;

	l->state = LIFE_OPEN;
	tmr_cancel(&l->limit);
	log_info("main: new calls are taken again\n");
	show(l, false);

	return 0;
}

void life_signal(struct life *l, int sig)
{
	log_info("main: signal %d, %u calls\n", sig, calls_count());
	l->signalled = true;
	if (l->state == LIFE_CLOSING)
		re_cancel();
	else if (l->state == LIFE_LEAVING || !calls_count() ||
		 !l->gw->config->limits.drain_wait)
		goodbye(l);
	else
		drain(l, true);
}

/* ---- reload ---- */

static int reload(struct life *l, struct re_printf *pf)
{
	int err;

	if (l->state == LIFE_CLOSING)
		return EBUSY;

	supervisor_reloading();
	err = gateway_reload(l->gw, pf);
	if (l->ready)
		supervisor_tell("READY=1");
	tell_status(l);

	return err;
}

static void hup_handler(int flags, void *arg)
{
	struct signalfd_siginfo si;
	struct life *l = arg;

	(void)flags;
	while (read(l->fd, &si, sizeof(si)) == (ssize_t)sizeof(si))
		;
	cdr_reopen(l->gw->cdr); /* their files may have been moved away */
	(void)reload(l, NULL);
}

static void hup_set(sigset_t *set)
{
	(void)sigemptyset(set);
	(void)sigaddset(set, SIGHUP);
}

void life_signals(void)
{
	sigset_t set;

	hup_set(&set);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
}

int life_alloc(struct life **lp, struct gateway *gw)
{
	struct life *l = mem_zalloc(sizeof(*l), destructor);
	sigset_t set;
	int err;

	if (!l)
		return ENOMEM;

	l->gw = gw;
	l->since = tmr_jiffies();
	hup_set(&set);
	l->fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	err = l->fd < 0 ? errno : loop_fd_add(l->fd, FD_READ, hup_handler, l);
	if (err) {
		mem_deref(l);
		return err;
	}

	supervisor_open();
	if (supervisor_is_there())
		tmr_start(&l->tick, 0, tick, l);
	if (supervisor_watchdog())
		tmr_start(&l->watchdog, 0, feed, l);
	*lp = l;

	return 0;
}

/* ---- commands ---- */

static int text_print(const char *p, size_t size, void *arg)
{
	return mbuf_write_mem(arg, (const uint8_t *)p, size);
}

void cmd_reload(struct command_run *r)
{
	struct mbuf *mb = mbuf_alloc(256);
	struct re_printf pf = {text_print, mb};
	int err;

	err = mb ? reload(command_gateway(r)->life, &pf) : ENOMEM;
	if (err) {
		const size_t len = mb && mb->end ? mb->end - 1 : 0;

		command_fail(r, err, "%b%sthe configuration stays as it was",
			     len ? mb->buf : NULL, len, len ? "\n" : "");
	} else if (command_wants_json(r)) {
		command_json(r, json_pack("{s:b}", "reloaded", 1));
	} else {
		(void)mbuf_printf(command_text(r), "reloaded\n");
		command_done(r);
	}
	mem_deref(mb);
}

static void answer_state(struct command_run *r)
{
	const struct life *l = command_gateway(r)->life;
	static const char *const means[] = {
	    [LIFE_OPEN] = "new calls are taken",
	    [LIFE_DRAINED] = "no new calls until \"undrain\"",
	    [LIFE_LEAVING] = "exits after the last or [limits] drain_wait",
	    [LIFE_CLOSING] = "exits now",
	};
	const char *name = life_state_name(l->state);

	if (command_wants_json(r)) {
		json_t *j = json_object();

		row_text(j, "state", name);
		row_number(j, "calls", calls_count());
		command_json(r, j);
		return;
	}

	(void)mbuf_printf(command_text(r), "%s, %u calls; %s\n", name,
			  calls_count(), means[l->state]);
	command_done(r);
}

void cmd_drain(struct command_run *r)
{
	log_info("main: drain, by %s\n", command_who(r));
	drain(command_gateway(r)->life, !command_arg(r, "then"));
	answer_state(r);
}

void cmd_undrain(struct command_run *r)
{
	log_info("main: undrain, by %s\n", command_who(r));
	if (undrain(command_gateway(r)->life))
		command_fail(r, EBUSY, "it is stopped by a signal");
	else
		answer_state(r);
}
