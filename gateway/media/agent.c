/* agent.c: full ICE with consent for one flow, by libnice. */
#include "media/agent.h"

#include <errno.h>
#include <gio/gio.h>
#include <nice/agent.h>
#include <nice/nice.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include "media/nicecand.h"
#include "media/nicepool.h"
#include "media/ss.h"
#include "media/told.h"

enum {
	FD_MAX = 24,	   /* of one context */
	TURNS_MAX = 64,	   /* dispatches in a row before others get a turn */
	REMOTES_MAX = 16,  /* peer-reflexive ones between two settlements */
	IDLE = 5000,	   /* ms; libnice's own */
	LOOSE_LEAST = 200, /* ms; what is further off may be late */
	IDLE_READY = 50,   /* ms, libnice's least; nothing is missing then */
};

struct agent {
	struct grave grave; /* first */
	struct worker *w;
	const struct agent_ops *ops;
	void *arg;
	NiceAgent *nice;
	GMainContext *ctx;
	guint stream;
	struct watch watch;
	struct wtimer timer;
	GPollFD fds[FD_MAX];
	gint fdc, wake; /* wake: by which other threads would interrupt us */

	struct told told;
	struct desc_addr remotes[REMOTES_MAX];
	unsigned remotec;
	bool gathering, local_changed, pair_changed, failed;
	bool readable; /* one of fds may have something */
	bool was_up, up_changed, ready, lost, closing, closed;
	bool rest; /* timers that are far off need not run */
};

static void turn(void *arg);

/* Everything is settled from the loop, so that no callback of ours runs while
 * its caller is in the middle of something. */
static void soon(struct agent *a)
{
	worker_timer(a->w, &a->timer, 0, turn, a);
}

/* ---- signals of libnice: notes only ---- */

static void on_state(NiceAgent *nice, guint stream, guint comp, guint state,
		     gpointer arg)
{
	struct agent *a = arg;

	(void)nice;
	(void)stream;
	(void)comp;
	if (state == NICE_COMPONENT_STATE_FAILED && a->was_up) {
		a->was_up = false;
		a->lost = true;
		a->up_changed = false;
	} else if (state == NICE_COMPONENT_STATE_CONNECTED ||
		   state == NICE_COMPONENT_STATE_READY) {
		a->was_up = true;
		a->up_changed = true;
		a->ready = state == NICE_COMPONENT_STATE_READY;
	}
}

static void on_pair(NiceAgent *nice, guint stream, guint comp,
		    NiceCandidate *l, NiceCandidate *r, gpointer arg)
{
	struct agent *a = arg;

	(void)nice;
	(void)stream;
	(void)comp;
	(void)l;
	(void)r;
	a->pair_changed = true;
}

static void on_local(NiceAgent *nice, NiceCandidate *c, gpointer arg)
{
	struct agent *a = arg;

	(void)nice;
	(void)c;
	a->local_changed = true;
}

static void on_gathered(NiceAgent *nice, guint stream, gpointer arg)
{
	struct agent *a = arg;

	(void)nice;
	(void)stream;
	a->local_changed = true;
	a->gathering = false;
}

static void on_remote(NiceAgent *nice, NiceCandidate *c, gpointer arg)
{
	struct agent *a = arg;

	(void)nice;
	if (a->remotec < REMOTES_MAX)
		nicecand_address(&a->remotes[a->remotec++], &c->addr);
}

static void on_data(NiceAgent *nice, guint stream, guint comp, guint len,
		    gchar *buf, gpointer arg)
{
	struct agent *a = arg;

	(void)nice;
	(void)stream;
	(void)comp;
	if (a->closing || len > WORKER_DATAGRAM)
		return;
	/* Into a buffer with room behind it, which is free between batches. */
	memcpy(a->w->rx[0].data, buf, len);
	a->ops->data(a->arg, (uint8_t *)a->w->rx[0].data, len);
}

/* ---- the context on the worker's epoll set ---- */

static uint32_t to_epoll(gushort events)
{
	return (events & G_IO_IN ? EPOLLIN : 0u) |
	       (events & G_IO_OUT ? EPOLLOUT : 0u) |
	       (events & G_IO_PRI ? EPOLLPRI : 0u);
}

static void on_ready(void *arg, uint32_t events)
{
	struct agent *a = arg;

	(void)events;
	a->readable = true;
	turn(a);
}

static const GPollFD *find_fd(const GPollFD *list, gint n, gint fd)
{
	gint i;

	for (i = 0; i < n; i++) {
		if (list[i].fd == fd)
			return &list[i];
	}

	return NULL;
}

static void sync_fds(struct agent *a, const GPollFD *now, gint n)
{
	const GPollFD *old;
	gint i;

	for (i = 0; i < a->fdc; i++) {
		if (!find_fd(now, n, a->fds[i].fd))
			worker_unwatch(a->w, a->fds[i].fd);
	}
	for (i = 0; i < n; i++) {
		old = find_fd(a->fds, a->fdc, now[i].fd);
		/* While gathering, sockets come and go, and a new one may have
		 * the number of an old one: add again, which harms nothing. */
		if (old && old->events == now[i].events && !a->gathering)
			continue;
		(void)worker_watch(a->w, &a->watch, now[i].fd,
				   to_epoll(now[i].events), on_ready, a);
	}
	memcpy(a->fds, now, sizeof(*now) * (size_t)n);
	a->fdc = n;
}

/* When to come again. */
static void plan(struct agent *a, const GPollFD *fds, gint n, gint ms)
{
	sync_fds(a, fds, n);
	/* libnice rounds what is left of its timers down and would spin
	 * through the last millisecond of each: all are one late. */
	if (ms >= LOOSE_LEAST && a->rest)
		wtimer_cancel(&a->w->timers, &a->timer);
	else if (ms >= LOOSE_LEAST && a->ready)
		worker_timer_loose(a->w, &a->timer, (uint64_t)(ms + 1) * 1000,
				   turn, a);
	else if (ms >= 0)
		worker_timer(a->w, &a->timer, (uint64_t)(ms + 1) * 1000, turn,
			     a);
	else
		wtimer_cancel(&a->w->timers, &a->timer);
}

/* Other threads have a say only while names may be looked up. */
static gint query(struct agent *a, gint prio, gint *ms, GPollFD *fds)
{
	return nicepool_query(a->ctx, a->gathering ? -1 : a->wake, prio, ms,
			      fds, FD_MAX);
}

/* What g_main_context_iteration does, with one look less at the sources: the
 * last one says when to come again, and a timer needs none at the sockets. */
static void iterate(struct agent *a)
{
	GPollFD fds[FD_MAX];
	gint n, k, ms = -1, prio = 0;
	gboolean due;
	int i;

	for (i = 0; i < TURNS_MAX && !a->closed; i++) {
		due = g_main_context_prepare(a->ctx, &prio);
		n = query(a, prio, &ms, fds);
		if (i && !due && ms) {
			plan(a, fds, n, ms);
			return;
		}
		for (k = 0; k < n; k++)
			fds[k].revents = 0;
		if (a->readable || a->gathering)
			(void)g_poll(fds, (guint)n, 0);
		a->readable = false;
		if (g_main_context_check(a->ctx, prio, fds, n))
			g_main_context_dispatch(a->ctx);
	}
	if (a->closed)
		return;
	(void)g_main_context_prepare(a->ctx, &prio);
	n = query(a, G_MAXINT, &ms, fds);
	plan(a, fds, n, 0);
}

/* ---- what happened, told in order ---- */

static void add_local(struct agent *a, const NiceCandidate *nc)
{
	struct candidate c;

	if (nc->transport != NICE_CANDIDATE_TRANSPORT_UDP)
		return;
	nicecand_read(&c, nc);
	told_add(&a->told, &c);
}

static void settle_local(struct agent *a)
{
	unsigned first = a->told.n;
	GSList *list, *l;

	a->local_changed = false;
	list = nice_agent_get_local_candidates(a->nice, a->stream, 1);
	for (l = list; l; l = l->next)
		add_local(a, l->data);
	g_slist_free_full(list, (GDestroyNotify)nice_candidate_free);
	if (a->told.n > first)
		a->ops->local(a->arg, a->told.list, first, a->told.n - first);
}

static void settle_pair(struct agent *a)
{
	struct agent_pair p = {0};
	NiceCandidate *l, *r;

	a->pair_changed = false;
	if (!nice_agent_get_selected_pair(a->nice, a->stream, 1, &l, &r))
		return;
	nice_address_copy_to_sockaddr(&l->base_addr,
				      (struct sockaddr *)&p.base);
	nice_address_copy_to_sockaddr(&r->addr, (struct sockaddr *)&p.remote);
	p.local_type = nicecand_type(l);
	p.remote_type = nicecand_type(r);
	a->ops->pair(a->arg, &p);
}

static void settle(struct agent *a)
{
	unsigned i, n = a->remotec;

	a->remotec = 0;
	for (i = 0; i < n && !a->closing; i++)
		a->ops->remote(a->arg, &a->remotes[i]);
	if (a->failed && !a->closing) {
		a->failed = false;
		a->ops->local(a->arg, NULL, 0, 0);
	}
	if (a->local_changed && !a->closing)
		settle_local(a);
	if (a->pair_changed && !a->closing)
		settle_pair(a);
	if (a->lost && !a->closing) {
		a->lost = false;
		a->ops->lost(a->arg);
	}
	if (a->up_changed && !a->closing) {
		a->up_changed = false;
		/* It wakes up 50 times a second until it was idle so long. */
		if (a->ready)
			g_object_set(a->nice, "idle-timeout", IDLE_READY,
				     NULL);
		a->ops->up(a->arg);
	}
}

static void finish(struct agent *a)
{
	gint i;

	wtimer_cancel(&a->w->timers, &a->timer);
	for (i = 0; i < a->fdc; i++)
		worker_unwatch(a->w, a->fds[i].fd);
	a->watch.h = NULL;
	nicepool_leave(a->ctx);
	if (!--a->w->agents)
		nicepool_clear();
	told_clear(&a->told);
	worker_bury(a->w, &a->grave);
}

static void turn(void *arg)
{
	struct agent *a = arg;

	iterate(a);
	if (a->closed) {
		finish(a);
		return;
	}
	/* What settling asks for comes in the next turn, at once: soon(). */
	settle(a);
}

/* ---- its life ---- */

static void on_closed(GObject *obj, GAsyncResult *res, gpointer arg)
{
	struct agent *a = arg;

	(void)obj;
	(void)res;
	g_object_unref(a->nice);
	a->nice = NULL;
	a->closed = true;
}

/* libnice's refreshes and sockets are only gone when close_async says so. */
void agent_close(struct agent *a)
{
	if (!a || a->closing)
		return;
	a->closing = true;
	a->rest = false;
	(void)g_signal_handlers_disconnect_by_data(a->nice, a);
	(void)nice_agent_attach_recv(a->nice, a->stream, 1, a->ctx, NULL,
				     NULL);
	/* The answer comes in the context that is the thread's default now. */
	g_main_context_push_thread_default(a->ctx);
	nice_agent_close_async(a->nice, on_closed, a);
	g_main_context_pop_thread_default(a->ctx);
	soon(a);
}

static bool add_address(NiceAgent *nice, const struct sockaddr_storage *ss)
{
	NiceAddress na;

	if (!ss->ss_family)
		return true;
	nice_address_init(&na);
	nice_address_set_from_sockaddr(&na, (const struct sockaddr *)ss);
	nice_address_set_port(&na, 0);

	return nice_agent_add_local_address(nice, &na);
}

static void connect_signals(struct agent *a)
{
	static const struct {
		const char *name;
		GCallback h;
	} signals[] = {
	    {"component-state-changed", G_CALLBACK(on_state)},
	    {"new-selected-pair-full", G_CALLBACK(on_pair)},
	    {"new-candidate-full", G_CALLBACK(on_local)},
	    {"candidate-gathering-done", G_CALLBACK(on_gathered)},
	    {"new-remote-candidate-full", G_CALLBACK(on_remote)},
	};
	size_t i;

	for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		(void)g_signal_connect(a->nice, signals[i].name, signals[i].h,
				       a);
}

static int gather(struct agent *a, const struct agent_conf *c)
{
	if (!add_address(a->nice, &c->addr4) ||
	    !add_address(a->nice, &c->addr6))
		return EADDRNOTAVAIL;
	nicepool_component(true);
	a->stream = nice_agent_add_stream(a->nice, 1);
	nicepool_component(false);
	if (!a->stream)
		return ENOMEM;
	nice_agent_set_port_range(a->nice, a->stream, 1, c->port_min,
				  c->port_max);
	nice_agent_set_stream_tos(a->nice, a->stream, (gint)(c->dscp << 2));
	if (c->turn_host[0])
		(void)nice_agent_set_relay_info(
		    a->nice, a->stream, 1, c->turn_host, c->turn_port,
		    c->turn_user ? c->turn_user : "",
		    c->turn_pass ? c->turn_pass : "",
		    c->turn_tcp ? NICE_RELAY_TYPE_TURN_TCP
				: NICE_RELAY_TYPE_TURN_UDP);
	(void)nice_agent_attach_recv(a->nice, a->stream, 1, a->ctx, on_data,
				     a);
	a->gathering = true;
	a->local_changed = true;
	if (!nice_agent_gather_candidates(a->nice, a->stream))
		a->failed = true;

	return 0;
}

int agent_alloc(struct agent **ap, struct worker *w,
		const struct agent_conf *conf, bool controlling,
		const struct agent_ops *ops, void *arg)
{
	struct agent *a = calloc(1, sizeof(*a));
	int err;

	if (!a)
		return ENOMEM;
	a->w = w;
	told_public(&a->told, conf);
	a->ops = ops;
	a->arg = arg;
	a->ctx = nicepool_take();
	a->wake = nicepool_wake(a->ctx);
	/* Trickle: without it libnice gives up when the first candidates of
	 * the peer do not answer; how long to wait is the flow's business. */
	a->nice = nice_agent_new_full(
	    a->ctx, NICE_COMPATIBILITY_RFC5245,
	    NICE_AGENT_OPTION_REGULAR_NOMINATION |
		NICE_AGENT_OPTION_ICE_TRICKLE |
		(conf->consent ? NICE_AGENT_OPTION_CONSENT_FRESHNESS : 0));
	g_object_set(a->nice, "controlling-mode", controlling, "upnp", FALSE,
		     "ice-tcp", FALSE, "force-relay", conf->relay_only, NULL);
	if (conf->stun_host[0])
		g_object_set(a->nice, "stun-server", conf->stun_host,
			     "stun-server-port", (guint)conf->stun_port, NULL);
	connect_signals(a);
	w->agents++;
	err = gather(a, conf);
	soon(a);
	if (err)
		agent_close(a);
	else
		*ap = a;

	return err;
}

unsigned agent_sockets(struct agent *a, int fds[AGENT_SOCKET_MAX])
{
	GPtrArray *list = nice_agent_get_sockets(a->nice, a->stream, 1);
	GSocket *s;
	guint i;
	unsigned n = 0;

	for (i = 0; list && i < list->len && n < AGENT_SOCKET_MAX; i++) {
		s = g_ptr_array_index(list, i);
		if (g_socket_get_socket_type(s) == G_SOCKET_TYPE_DATAGRAM)
			fds[n++] = g_socket_get_fd(s);
	}
	if (list)
		g_ptr_array_unref(list);

	return n;
}

int agent_credentials(struct agent *a, char **ufrag, char **pwd)
{
	if (!nice_agent_get_local_credentials(a->nice, a->stream, ufrag, pwd))
		return ENOMEM;

	return 0;
}

void agent_free_text(char *s)
{
	g_free(s);
}

int agent_set_remote(struct agent *a, const char *ufrag, const char *pwd)
{
	soon(a);
	if (!nice_agent_set_remote_credentials(a->nice, a->stream, ufrag, pwd))
		return EINVAL;

	return 0;
}

int agent_add_remote(struct agent *a, const struct candidate *c)
{
	NiceCandidate *nc;
	GSList list = {0};
	int n;

	nc = nicecand_make(c, a->stream);
	if (!nc)
		return EINVAL;
	list.data = nc;
	n = nice_agent_set_remote_candidates(a->nice, a->stream, 1, &list);
	nice_candidate_free(nc);
	soon(a);

	return n < 0 ? EINVAL : 0;
}

int agent_restart(struct agent *a, const struct agent_conf *conf)
{
	told_public(&a->told, conf);
	if (!nice_agent_restart_stream(a->nice, a->stream))
		return EPROTO;
	told_restart(&a->told);
	a->local_changed = true;
	a->lost = a->up_changed = false;
	g_object_set(a->nice, "idle-timeout", IDLE, NULL);
	soon(a);

	return 0;
}

void agent_rest(struct agent *a, bool rest)
{
	if (!a || a->rest == rest)
		return;
	a->rest = rest;
	if (!rest)
		soon(a);
}

void agent_ask(struct agent *a)
{
	g_object_set(a->nice, "keepalive-conncheck", TRUE, NULL);
}

bool agent_is_controlling(struct agent *a)
{
	gboolean is;

	g_object_get(a->nice, "controlling-mode", &is, NULL);

	return is;
}

int agent_send(struct agent *a, const uint8_t *p, size_t len)
{
	gint n = nice_agent_send(a->nice, a->stream, 1, (guint)len,
				 (const gchar *)p);

	return n < 0 ? EAGAIN : 0;
}

/* libnice has had RFC 7675 5.1's 30 s since 0.1.22 (Debian 13). */
uint64_t agent_patience(void)
{
	return NICE_CHECK_VERSION(0, 1, 22) ? 30000000 : 10000000;
}
