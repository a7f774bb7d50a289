/* metrics_now.c: what is as it is now, beside what was counted. */
#include "admin/metrics_now.h"
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>
#include "admin/cdr.h"
#include "bridge/shed.h"

enum { MILLION = 1000000 };

static bool count_call(const struct call_info *info, void *arg)
{
	uint64_t(*active)[METRICS_STAGES] = arg;
	const unsigned stage = info->active_ms			 ? 2
			       : !strcmp(info->state, "ringing") ? 1
								 : 0;

	++active[info->from_xmpp][stage];

	return false;
}

static void see_media(struct metrics_now *n, const struct gateway *gw)
{
	struct media_totals t;

	if (!gw->engine)
		return;

	n->workers = engine_workers(gw->engine);
	for (unsigned x = 0; x < 2; x++) {
		engine_totals(gw->engine, x, &t);
		n->packets_rx[x] = t.rx_packets;
		n->packets_tx[x] = t.tx_packets;
		n->bytes_rx[x] = t.rx_bytes;
		n->bytes_tx[x] = t.tx_bytes;
		n->lost[x] = t.rx_lost;
		n->bad[0] += t.rx_auth_fail + t.rx_replay;
		n->bad[1] += t.rx_unknown_source;
		n->bad[2] += t.rx_bad;
	}
}

static void see_load(struct metrics_now *n, const struct gateway *gw)
{
	struct shed_info i;

	shed_info(gw->shed, &i);
	n->room = gw->policy ? policy_room(gw->policy) : 0;
	n->setup = i.starting;
	n->setup_max = i.starting_max;
	n->shedding = i.shedding;
	n->signalling_us = i.signalling;
	n->media_us = i.media;
	n->ports = i.ports;
	n->ports_max = i.ports_max;
	n->call_fds = i.fds;
	n->call_fds_max = i.fds_max;
}

static void see_peers(struct metrics_now *n, const struct gateway *gw)
{
	const struct config *c = gw->config;

	for (size_t i = 0; gw->portals && i < c->xmppc; i++) {
		++n->links;
		n->links_up += component_up(gw->portals[i].component);
		n->queue_bytes += component_queued(gw->portals[i].component);
	}
	for (size_t i = 0; gw->stack && i < c->trunkc; i++) {
		const struct siptrunk *t =
		    sipstack_trunk(gw->stack, c->trunk[i].name);

		++n->trunks;
		n->trunks_up += t && siptrunk_up(t);
	}
}

static void see_people(struct metrics_now *n, const struct gateway *gw)
{
	struct presence_stats p = {0};
	struct accounts_stat a = {0};
	struct chat_stats s = {0};

	if (gw->chat)
		chat_stats(&s, gw->chat);
	if (gw->presence)
		presence_stats(&p, gw->presence);
	if (gw->accounts)
		accounts_stat(gw->accounts, &a);
	n->messages[0] = s.sent;
	n->messages[1] = s.failed;
	n->messages[2] = s.received;
	n->messages[3] = s.refused;
	n->waiting = s.waiting;
	n->held = s.held;
	n->pairs = p.pairs;
	n->subscribed = p.subscribed;
	n->synthetic = p.synthetic;
	n->watchers = p.watchers;
	n->subscribing = p.waiting;
	n->accounts = a.accounts;
	n->registered = a.up;
	n->contacts = a.contacts;
}

static void see_files(struct metrics_now *n, const struct gateway *gw)
{
	struct cdr_status c;
	struct store_status s;

	store_status(gw->store, &s);
	n->store_up = gw->store != NULL;
	n->store_waiting = s.waiting;
	n->store_written = s.written;
	n->store_trouble = s.trouble != NULL;

	cdr_status(gw->cdr, &c);
	n->records = c.records;
	n->pending = c.pending;
	for (unsigned i = 0; i < c.filec; i++) {
		const struct cdr_file *f = &c.files[i];
		const unsigned at = !strcmp(f->name, "sqlite");

		n->written[at] = f->written;
		n->dropped[at] = f->dropped;
		n->failures[at] = f->failures;
		n->behind[at] = f->waiting;
		n->trouble[at] = f->trouble != NULL;
	}
}

static uint64_t micros(const struct timeval *tv)
{
	return (uint64_t)tv->tv_sec * MILLION + (uint64_t)tv->tv_usec;
}

static uint64_t resident(void)
{
	unsigned long all, pages = 0;
	FILE *f = fopen("/proc/self/statm", "re");

	if (!f)
		return 0;
	if (fscanf(f, "%lu %lu", &all, &pages) != 2)
		pages = 0;
	(void)fclose(f);

	return (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static uint64_t descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	uint64_t n = 0;

	while (d && readdir(d))
		++n;
	if (d)
		(void)closedir(d);

	return n > 3 ? n - 3 : 0; /* ".", "..", and its own */
}

static void see_process(struct metrics_now *n, const struct gateway *gw)
{
	static uint64_t started;
	struct rusage ru;
	struct rlimit rl;

	n->resident = resident();
	n->fds = descriptors();
	if (!getrlimit(RLIMIT_NOFILE, &rl))
		n->fds_max = rl.rlim_cur;
	if (!getrusage(RUSAGE_SELF, &ru))
		n->cpu_us = micros(&ru.ru_utime) + micros(&ru.ru_stime);
	n->up_ms = tmr_jiffies() - gw->started;
	/* reckoned once: two clocks rounded make it another each time, which
	 * is taken for a restart */
	if (!started)
		started = (uint64_t)time(NULL) - n->up_ms / 1000;
	n->started = started;
}

void metrics_now(struct metrics_now *n, const struct gateway *gw)
{
	memset(n, 0, sizeof(*n));
	(void)calls_apply(NULL, count_call, n->active);
	see_load(n, gw);
	see_media(n, gw);
	see_peers(n, gw);
	see_people(n, gw);
	see_files(n, gw);
	see_process(n, gw);
}
