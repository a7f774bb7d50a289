/* engine.c: the workers, the calls that they have, what comes back. */
#include <errno.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>
#include "base/log.h"
#include "media/demux.h"
#include "media/engine.h"
#include "media/keydec.h"
#include "media/lookup.h"
#include "media/media_priv.h"
#include "media/nicemem.h"
#include "media/ports.h"

enum {
	WORKER_MAX = 64,
	FD_RESERVE = 256, /* design: descriptors that calls may not have */
	SLOTS_STEP = 64,
	PACK_CALLS = 256, /* that one worker gets before others do */
	PACK_BUSY = 300,  /* per mille of its time, ditto */
	CALL_FDS = 7,	  /* with one address */
	CALL_PORTS = 3,	  /* ICE, RTP, RTCP */
	STUN = 0,	  /* in lookup */
	TURN = 1,
	CERT_LIFE = 25 * 86400, /* s; a certificate is valid for 30 days */
};

struct engine {
	struct engine_conf conf;
	struct agent_conf agent;
	pthread_mutex_t lock; /* of agent: workers copy it a flow */
	char *turn_user, *turn_pass;
	struct identity *identity;
	uint64_t identity_at; /* s */
	struct lookup *lookup;
	struct media_net links[2];
	struct worker *workers[WORKER_MAX];
	unsigned load[WORKER_MAX]; /* calls */
	bool waiting[WORKER_MAX];  /* for engine_flush */
	void (*soon)(void *arg);
	void *soon_arg;
	unsigned workerc;
	struct cmdq events;
	struct slot {
		struct media *m; /* NULL: free */
		uint32_t generation;
	} * slots;
	uint32_t slotc;
	unsigned ports, fds; /* that calls have */
	unsigned fd_max, fd_base;
	uint64_t told_lag; /* us */
};

struct cmdq *engine_post(struct engine *e, struct event *ev)
{
	return cmdq_put(&e->events, &ev->item) ? &e->events : NULL;
}

void engine_agent_conf(struct engine *e, struct agent_conf *conf)
{
	(void)pthread_mutex_lock(&e->lock);
	*conf = e->agent;
	(void)pthread_mutex_unlock(&e->lock);
	lookup_get(e->lookup, STUN, conf->stun_host);
	lookup_get(e->lookup, TURN, conf->turn_host);
}

void engine_set_public(struct engine *e, const struct sockaddr_storage *pub)
{
	bool v6 = pub->ss_family == AF_INET6;

	(void)pthread_mutex_lock(&e->lock);
	*(v6 ? &e->agent.public6 : &e->agent.public4) = *pub;
	(void)pthread_mutex_unlock(&e->lock);
	*(v6 ? &e->conf.public6 : &e->conf.public4) = *pub;
}

const struct engine_conf *engine_conf(const struct engine *e)
{
	return &e->conf;
}

const struct media_net *engine_links(const struct engine *e, unsigned *n)
{
	*n = sizeof(e->links) / sizeof(e->links[0]);

	return e->links;
}

static uint64_t now_s(void)
{
	struct timespec ts;

	/* A machine that sleeps lets its certificates grow old. */
	(void)clock_gettime(CLOCK_BOOTTIME, &ts);

	return (uint64_t)ts.tv_sec;
}

struct identity *engine_identity(struct engine *e)
{
	uint64_t life = e->conf.cert_life ? e->conf.cert_life : CERT_LIFE;
	struct identity *id;

	if (now_s() - e->identity_at < life)
		return identity_ref(e->identity);
	if (identity_alloc(&id)) {
		log_error("media: no new certificate, the old one stays\n");
		return identity_ref(e->identity);
	}
	/* Running calls keep theirs. */
	identity_free(e->identity);
	e->identity = id;
	e->identity_at = now_s();
	log_info("media: new DTLS certificate\n");

	return identity_ref(e->identity);
}

int engine_fd(const struct engine *e)
{
	return e->events.fd;
}

const struct fingerprint *engine_fingerprint(const struct engine *e)
{
	return identity_fingerprint(e->identity);
}

/* ---- what is left ---- */

void engine_use(struct engine *e, int ports, int fds)
{
	e->ports += (unsigned)ports;
	e->fds += (unsigned)fds;
}

void engine_used(const struct engine *e, struct engine_use *use)
{
	use->ports = e->ports;
	use->ports_max = 2 * ports_count(e->conf.port_min, e->conf.port_max);
	use->fds = e->fds;
	use->fds_max = e->fd_max > e->fd_base ? e->fd_max - e->fd_base : 0;
}

unsigned engine_room(const struct engine *e)
{
	unsigned families =
	    !!e->conf.addr4.ss_family + !!e->conf.addr6.ss_family;
	unsigned a, b, each = CALL_FDS + (families > 1 ? 2 : 0);
	struct engine_use u;

	engine_used(e, &u);
	a = u.ports_max > u.ports ? (u.ports_max - u.ports) / CALL_PORTS : 0;
	b = u.fds_max > u.fds ? (u.fds_max - u.fds) / each : 0;

	return a < b ? a : b;
}

uint64_t engine_lag(struct engine *e)
{
	uint64_t worst = 0, us;
	unsigned i;

	for (i = 0; i < e->workerc; i++) {
		us = atomic_exchange(&e->workers[i]->behind, 0);
		worst = us > worst ? us : worst;
		us = cmdq_age(&e->workers[i]->commands);
		worst = us > worst ? us : worst;
	}

	return worst;
}

bool engine_answers(struct engine *e)
{
	bool all = true;

	for (unsigned i = 0; i < e->workerc; i++)
		all &= worker_answers(e->workers[i]);

	return all;
}

void engine_set_copies(struct engine *e, bool on)
{
	unsigned i;

	for (i = 0; i < e->workerc; i++)
		atomic_store(&e->workers[i]->copies, on);
}

unsigned engine_workers(const struct engine *e)
{
	return e->workerc;
}

void engine_totals(const struct engine *e, bool ice, struct media_totals *t)
{
	uint64_t sum[WORKER_TOTALS] = {0};
	unsigned i, k;

	_Static_assert(sizeof(sum) == sizeof(*t), "a total is missing");
	for (i = 0; i < e->workerc; i++) {
		for (k = 0; k < WORKER_TOTALS; k++)
			sum[k] += atomic_load_explicit(
			    &e->workers[i]->totals[ice][k],
			    memory_order_relaxed);
	}
	memcpy(t, sum, sizeof(*t));
}

uint64_t engine_told_lag(struct engine *e)
{
	uint64_t us = e->told_lag;

	e->told_lag = 0;

	return us;
}

static void count_descriptors(struct engine *e)
{
	struct rlimit rl;

	e->fd_base = FD_RESERVE;
	if (getrlimit(RLIMIT_NOFILE, &rl))
		e->fd_max = 1024;
	else if (rl.rlim_cur == RLIM_INFINITY || rl.rlim_cur > 65536)
		e->fd_max = 65536; /* design: no more than libre's table */
	else
		e->fd_max = (unsigned)rl.rlim_cur;
}

/* ---- starting ---- */

static int copy_string(char **dp, const char *s)
{
	*dp = s ? strdup(s) : NULL;

	return s && !*dp ? ENOMEM : 0;
}

/* libnice gets numbers only: it would resolve names on its own.  A name that
 * cannot be resolved is an inconvenience, no reason not to start. */
static int start_lookup(struct engine *e, const struct engine_conf *c)
{
	const char *const names[] = {
	    [STUN] = c->stun_host, [TURN] = c->turn_host};
	int family = AF_UNSPEC;

	if (!c->addr6.ss_family)
		family = AF_INET;
	else if (!c->addr4.ss_family)
		family = AF_INET6;

	return lookup_start(&e->lookup, names, family);
}

static int init_agent_conf(struct engine *e, const struct engine_conf *c)
{
	struct agent_conf *a = &e->agent;
	int err;

	a->addr4 = c->addr4;
	a->addr6 = c->addr6;
	a->public4 = c->public4;
	a->public6 = c->public6;
	a->port_min = c->port_min;
	a->port_max = c->port_max;
	a->stun_port = c->stun_port ? c->stun_port : 3478; /* RFC 8489 18.6 */
	a->turn_port = c->turn_port ? c->turn_port : 3478;
	a->turn_tcp = c->turn_tcp;
	a->dscp = c->dscp;
	a->relay_only = c->relay_only;
	/* Where a pair may be libnice's own. */
	a->consent = c->turn_host || c->relay_only || e->conf.one_socket;
	reach_link(&e->links[0], &c->addr4);
	reach_link(&e->links[1], &c->addr6);
	err = start_lookup(e, c);
	if (err)
		return err;
	err = copy_string(&e->turn_user, c->turn_user);
	if (!err)
		err = copy_string(&e->turn_pass, c->turn_pass);
	a->turn_user = e->turn_user;
	a->turn_pass = e->turn_pass;

	return err;
}

/* Where it is refused, libnice has to do what our sockets would. */
static void try_demux(struct engine *e, int fd)
{
	int mine, err;

	err = demux_open(&mine, fd, e->conf.dscp);
	if (!err) {
		(void)close(mine);
		return;
	}
	log_warning("media: no second socket on a port: %m: packets of "
		    "clients cost more\n",
		    err);
	e->conf.one_socket = true;
}

static int check_address(struct engine *e, const struct engine_conf *c,
			 const struct sockaddr_storage *ss)
{
	char text[SS_TEXT_SIZE];
	uint16_t port;
	int err, fds[2];

	if (!ss->ss_family)
		return 0;
	err = ports_open(fds, &port, ss, c->port_min, c->port_max, c->dscp);
	if (err) {
		log_error("media: cannot use %s, ports %u to %u: %m%s\n",
			  ss_print_ip(text, ss), c->port_min, c->port_max, err,
			  err == EADDRNOTAVAIL
			      ? ": address in [media] must be this machine's"
			      : "");
		return err == ENFILE ? ENFILE : EADDRNOTAVAIL;
	}
	try_demux(e, fds[0]);
	(void)close(fds[0]);
	(void)close(fds[1]);

	return 0;
}

static void set_defaults(struct engine_conf *c)
{
	if (!c->datagram_in || c->datagram_in > WORKER_DATAGRAM)
		c->datagram_in = 1600;
	if (!c->datagram_out || c->datagram_out > WORKER_DATAGRAM)
		c->datagram_out = 1500;
	/* The engine's copies of names are resolved; nobody reads these. */
	c->stun_host = c->turn_host = c->turn_user = c->turn_pass = NULL;
}

static unsigned cores(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	return n < 1 ? 1 : (unsigned)n;
}

static int start_workers(struct engine *e)
{
	unsigned want = e->conf.workers ? e->conf.workers : cores();
	int err = 0;

	if (want > WORKER_MAX)
		want = WORKER_MAX;
	while (!err && e->workerc < want) {
		err = worker_start(&e->workers[e->workerc], e, command_run);
		if (!err)
			e->workerc++;
	}

	return err;
}

static int engine_init(struct engine *e, const struct engine_conf *conf)
{
	int err;

	err = cmdq_init(&e->events);
	if (err)
		return err;
	err = check_address(e, conf, &conf->addr4);
	if (err)
		return err;
	err = check_address(e, conf, &conf->addr6);
	if (err)
		return err;
	err = crypt_init();
	if (err)
		return err;
	err = identity_alloc(&e->identity);
	if (err)
		return err;
	e->identity_at = now_s();
	err = init_agent_conf(e, conf);
	if (err)
		return err;

	return start_workers(e);
}

int engine_start(struct engine **ep, const struct engine_conf *conf)
{
	struct engine *e;
	int err;

	if (!conf->addr4.ss_family && !conf->addr6.ss_family)
		return EADDRNOTAVAIL;
	e = calloc(1, sizeof(*e));
	if (!e)
		return ENOMEM;
	(void)nicemem_start();
	(void)keydec_start();
	(void)pthread_mutex_init(&e->lock, NULL);
	e->conf = *conf;
	set_defaults(&e->conf);
	count_descriptors(e);
	e->events.fd = -1;
	err = engine_init(e, conf);
	if (err)
		engine_stop(e);
	else
		*ep = e;

	return err;
}

static void drop_events(struct engine *e)
{
	struct cmdq_item *item, *next;

	for (item = cmdq_take(&e->events, NULL); item; item = next) {
		next = item->next;
		free(item);
	}
}

void engine_stop(struct engine *e)
{
	uint32_t i;

	if (!e)
		return;
	for (i = 0; i < e->slotc; i++) {
		if (e->slots[i].m)
			media_close(e->slots[i].m);
	}
	for (i = 0; i < e->workerc; i++)
		worker_stop(e->workers[i]);
	if (e->events.fd >= 0) {
		drop_events(e);
		cmdq_close(&e->events);
	}
	lookup_stop(e->lookup);
	identity_free(e->identity);
	free(e->turn_user);
	if (e->turn_pass)
		OPENSSL_cleanse(e->turn_pass, strlen(e->turn_pass));
	free(e->turn_pass);
	free(e->slots);
	free(e);
}

/* ---- calls ---- */

static int find_slot(struct engine *e, uint32_t *at)
{
	struct slot *slots;
	uint32_t i;

	for (i = 0; i < e->slotc; i++) {
		if (!e->slots[i].m) {
			*at = i;
			return 0;
		}
	}
	slots = realloc(e->slots, (i + SLOTS_STEP) * sizeof(*slots));
	if (!slots)
		return ENOMEM;
	memset(slots + i, 0, SLOTS_STEP * sizeof(*slots));
	e->slots = slots;
	e->slotc = i + SLOTS_STEP;
	*at = i;

	return 0;
}

/* Packets that one thread finds together cost less than those for which
 * several wake up: a call goes where others are, while that worker has
 * time, and then to the one with the fewest. */
static unsigned choose_worker(const struct engine *e)
{
	unsigned i, best = 0;

	for (i = 0; i < e->workerc; i++) {
		if (!e->load[i] ||
		    (e->load[i] < PACK_CALLS &&
		     atomic_load(&e->workers[i]->busy) < PACK_BUSY))
			return i;
		if (e->load[i] < e->load[best])
			best = i;
	}

	return best;
}

int engine_add(struct engine *e, struct media *m, uint64_t *id,
	       unsigned *worker)
{
	unsigned best;
	uint32_t at;
	int err;

	err = find_slot(e, &at);
	if (err)
		return err;
	e->slots[at].m = m;
	e->slots[at].generation++;
	*id = (uint64_t)e->slots[at].generation << 32 | at;
	best = choose_worker(e);
	e->load[best]++;
	*worker = best;

	return 0;
}

void engine_remove(struct engine *e, uint64_t id, unsigned worker)
{
	e->slots[(uint32_t)id].m = NULL;
	e->load[worker]--;
}

void engine_command(struct engine *e, unsigned worker, struct command *c)
{
	if (!e->soon) {
		cmdq_push(&e->workers[worker]->commands, &c->item);
	} else if (cmdq_put(&e->workers[worker]->commands, &c->item)) {
		e->waiting[worker] = true;
		e->soon(e->soon_arg);
	}
}

void engine_on_soon(struct engine *e, void (*h)(void *arg), void *arg)
{
	engine_flush(e);
	e->soon = h;
	e->soon_arg = arg;
}

void engine_flush(struct engine *e)
{
	unsigned i;

	for (i = 0; i < e->workerc; i++) {
		if (e->waiting[i])
			cmdq_wake(&e->workers[i]->commands);
		e->waiting[i] = false;
	}
}

static struct media *find(const struct engine *e, uint64_t id)
{
	uint32_t i = (uint32_t)id;

	if (i >= e->slotc || e->slots[i].generation != id >> 32)
		return NULL;

	return e->slots[i].m;
}

void engine_dispatch(struct engine *e)
{
	struct cmdq_item *item, *next;
	struct event *ev;
	struct media *m;
	uint64_t waited;

	item = cmdq_take(&e->events, &waited);
	if (waited > e->told_lag)
		e->told_lag = waited;
	for (; item; item = next) {
		next = item->next;
		ev = (struct event *)item;
		/* A handler may have closed it, or another call. */
		m = find(e, ev->id);
		if (ev->ev.type == MEDIA_FINAL)
			e->conf.final(ev->ev.why, ev->ev.stats, ev->ev.statc,
				      e->conf.final_arg);
		else if (m)
			media_handle(m, &ev->ev);
		free(ev);
	}
}
