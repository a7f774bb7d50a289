/* main.c: options, what is made in which order, and the loop. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sysexits.h>
#include "admin/aftermath.h"
#include "admin/cdr.h"
#include "admin/control.h"
#include "admin/hep.h"
#include "admin/init.h"
#include "admin/life.h"
#include "admin/reload.h"
#include "admin/remote.h"
#include "admin/web.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/slack.h"
#include "base/spare.h"
#include "base/sslmem.h"
#include "base/trace.h"
#include "gateway.h"
#define DEBUG_MODULE "stoxd"
#define DEBUG_LEVEL  5
#include <re_dbg.h>

#define DEFAULT_CONFIG "/etc/stoxd/stoxd.conf"

enum {
	FDS_MAX = 65536, /* fd_setsize zeroes a table of this size */
};

/* libre's own words, of which it has few: a failed TLS handshake's cause. */
static void libre_says(int level, const char *p, size_t len, void *arg)
{
	(void)level;
	(void)arg;

	while (len && (p[len - 1] == '\n' || p[len - 1] == '\r'))
		--len;
	if (len)
		log_info("libre: %b\n", p, len);
}

/* As many descriptors as we may have: a call costs six. */
static int raise_limits(void)
{
	struct rlimit rl;
	int max = 1024;

	if (!getrlimit(RLIMIT_NOFILE, &rl)) {
		rl.rlim_cur = rl.rlim_max;
		if (rl.rlim_cur > FDS_MAX)
			rl.rlim_cur = FDS_MAX;
		(void)setrlimit(RLIMIT_NOFILE, &rl);
		max = (int)rl.rlim_cur;
	}

	return fd_setsize(max);
}

static int print_mbuf(const char *p, size_t size, void *arg)
{
	return mbuf_write_mem(arg, (const uint8_t *)p, size);
}

static int print_stdout(const char *p, size_t size, void *arg)
{
	(void)arg;

	return fwrite(p, 1, size, stdout) == size ? 0 : EIO;
}

static void addr_set(struct sockaddr_storage *ss, const struct sa *sa)
{
	if (sa_isset(sa, SA_ADDR))
		memcpy(ss, &sa->u.sa, sa->len);
}

/* "[user:password@]host[:port][;transport=tcp]" */
static void server_split(char *text, const char **user, const char **pass,
			 const char **host, uint16_t *port, bool *tcp)
{
	char *at = strrchr(text, '@'), *p = text;

	if (at) {
		*at = '\0';
		*user = text;
		p = strchr(text, ':');
		if (p) {
			*p = '\0';
			*pass = p + 1;
		}
		p = at + 1;
	}

	*host = p;
	*port = 3478; /* RFC 8489 8.1 */
	p = strchr(p, ';');
	if (p) {
		*tcp = !strcmp(p, ";transport=tcp");
		*p = '\0';
	}
	p = strrchr(*host, ':');
	if (p && !strchr(p, ']')) {
		*p = '\0';
		*port = (uint16_t)atoi(p + 1);
	}
}

static int start_engine(struct gateway *gw)
{
	const struct config_media *m = &gw->config->media;
	const struct config_limits *l = &gw->config->limits;
	struct engine_conf conf;
	char *stun = NULL, *turn = NULL;
	const char *none;
	bool tcp;
	int err = 0;

	memset(&conf, 0, sizeof(conf));
	conf.workers = m->workers;
	conf.port_min = m->port_min;
	conf.port_max = m->port_max;
	addr_set(&conf.addr4, &m->addr4);
	addr_set(&conf.addr6, &m->addr6);
	addr_set(&conf.public4, &m->public4);
	addr_set(&conf.public6, &m->public6);
	conf.dscp = m->dscp_audio;
	conf.rtp_timeout = l->rtp_timeout;
	conf.rtp_warn = l->rtp_warn;
	conf.datagram_in = l->datagram_in;
	conf.datagram_out = l->datagram_out;
	conf.final = cdr_media;
	conf.final_arg = gw->cdr;
	if (m->stun) {
		err |= str_dup(&stun, m->stun);
		if (stun)
			server_split(stun, &none, &none, &conf.stun_host,
				     &conf.stun_port, &tcp);
	}
	if (m->turn) {
		err |= str_dup(&turn, m->turn);
		if (turn)
			server_split(turn, &conf.turn_user, &conf.turn_pass,
				     &conf.turn_host, &conf.turn_port,
				     &conf.turn_tcp);
	}

	if (!err)
		err = engine_start(&gw->engine, &conf);
	mem_deref(stun);
	mem_deref(turn);

	return err;
}

static void engine_handler(int flags, void *arg)
{
	struct gateway *gw = arg;

	(void)flags;
	engine_dispatch(gw->engine);
}

static enum stanza_cond contact_handler(const char *user, const char *contact,
					char **namep, void *arg)
{
	struct portal *p = arg;
	const struct config_trunk *trunk;
	enum stanza_cond cond;
	struct peer to;
	char *as;

	(void)namep;
	cond = route_out(p->gw->route, user, contact, &to, &trunk, &as);
	peer_clear(&to);
	mem_deref(as);

	return cond;
}

static int prompt_handler(char **jidp, const char *text, void *arg)
{
	struct portal *p = arg;

	return route_prompt(p->gw->route, p->conf, jidp, text);
}

static bool presence_handler(enum service_event ev, const char *user,
			     const char *contact, const struct stanza *st,
			     void *arg)
{
	struct portal *p = arg;

	if (!contact || !strchr(contact, '@'))
		accounts_presence_event(p->gw->accounts, ev, user, contact,
					st);

	return presence_event(p->gw->presence, ev, user, contact, st);
}

static int start_portal(struct gateway *gw, struct portal *p,
			const struct config_xmpp *conf)
{
	struct service_handlers h = {contact_handler, prompt_handler,
				     presence_handler, p};
	int err;

	p->gw = gw;
	p->conf = conf;
	err = component_alloc(&p->component, conf, &gw->config->limits);
	if (!err) /* before the service: some queries are about accounts */
		err = accounts_component(gw->accounts, p->component);
	if (!err)
		err = service_alloc(&p->service, p->component, &h);
	if (!err)
		err = accounts_service(gw->accounts, p->component, p->service);
	if (!err)
		err = jingle_alloc(&p->jingle, p->component, p->service,
				   &gw->config->limits);
	if (!err)
		err = calls_component(conf->component, p->jingle);
	if (!err)
		err = presence_component(gw->presence, conf->component,
					 p->service);
	if (!err) /* after the calls: it takes what is left */
		err = chat_component(gw->chat, p->component);

	return err;
}

static void busy_handler(const char *user, const char *contact, bool busy,
			 void *arg)
{
	struct gateway *gw = arg;

	presence_call(gw->presence, user, contact, busy);
	accounts_busy(gw->accounts, user, busy);
}

static void ended_handler(const struct call_end *end, void *arg)
{
	struct gateway *gw = arg;

	accounts_call_ended(gw->accounts, end);
}

static void record_handler(const struct call_end *end, void *arg)
{
	struct gateway *gw = arg;

	cdr_ended(end, gw->cdr);
	web_call_ended(gw->web, end);
}

static int start_calls(struct gateway *gw)
{
	struct calls_conf conf;
	int err;

	err = policy_alloc(&gw->policy, &gw->config->limits,
			   engine_room(gw->engine));
	if (err)
		return err;

	err =
	    shed_alloc(&gw->shed, &gw->config->limits, gw->policy, gw->engine);
	if (!err)
		err = sipstack_alloc(&gw->stack, gw->config);
	if (!err)
		err = sipcalls_alloc(&gw->sipcalls, gw->stack,
				     &gw->config->limits);
	if (err)
		return err;

	memset(&conf, 0, sizeof(conf));
	conf.config = gw->config;
	conf.engine = gw->engine;
	conf.route = gw->route;
	conf.policy = gw->policy;
	conf.shed = gw->shed;
	conf.stack = gw->stack;
	conf.sip = gw->sipcalls;
	conf.busy = busy_handler;
	conf.ended = ended_handler;
	conf.record = record_handler;
	conf.record_arg = gw;
	conf.busy_arg = gw;

	return calls_start(&conf);
}

static int start_chat(struct gateway *gw)
{
	const struct chat_conf conf = {gw->config, gw->route, gw->stack};

	return chat_alloc(&gw->chat, &conf);
}

static int start_presence(struct gateway *gw)
{
	const struct presence_conf conf = {gw->config, gw->route, gw->stack,
					   accounts_presence(gw->accounts)};

	return presence_alloc(&gw->presence, &conf);
}

/* Calls go on without it: what cannot be kept is said, and done without. */
static void open_store(struct gateway *gw)
{
	const struct config_store *c = &gw->config->store;
	char *file = NULL;
	int err;

	if (!c->path)
		return;

	err = store_open(&gw->store, c->path);
	if (!err)
		err = c->key_file ? str_dup(&file, c->key_file)
				  : re_sdprintf(&file, "%s.key", c->path);
	if (!err)
		err = secret_alloc(&gw->secret, file);
	mem_deref(file);
	if (err)
		log_error("store: %s\n",
			  gw->store ? "accounts of users are not available"
				    : "nothing is kept, and what was kept is "
				      "not known");
}

static int start_accounts(struct gateway *gw)
{
	const struct accounts_conf conf = {gw->config, gw->route, gw->stack,
					   gw->chat,   gw->store, gw->secret};

	return accounts_alloc(&gw->accounts, &conf);
}

static int load_store(struct gateway *gw)
{
	int err;

	err = accounts_load(gw->accounts);
	if (!err)
		err = presence_load(gw->presence);
	if (!err && gw->store)
		err = policy_keep(gw->policy, gw->store);
	if (!err && gw->store)
		err = store_start(gw->store);

	return err;
}

static int start(struct gateway *gw)
{
	const struct config *c = gw->config;
	int err;

	gw->started = tmr_jiffies();
	err = cdr_alloc(&gw->cdr, &c->records);
	if (!err)
		err = start_engine(gw);
	if (err) {
		log_error("media: cannot start: %m\n", err);
		return err;
	}

	err = loop_fd_add(engine_fd(gw->engine), FD_READ, engine_handler, gw);
	if (!err)
		err = start_calls(gw);
	if (!err)
		err = start_chat(gw);
	open_store(gw);
	if (!err) /* before presence, which takes the other NOTIFYs */
		err = start_accounts(gw);
	if (!err)
		err = start_presence(gw);
	if (err)
		return err;

	gw->portals = mem_zalloc(c->xmppc * sizeof(*gw->portals), NULL);
	if (!gw->portals)
		return ENOMEM;

	for (size_t i = 0; i < c->xmppc && !err; i++)
		err = start_portal(gw, &gw->portals[i], &c->xmpp[i]);
	if (!err)
		err = load_store(gw);
	if (!err)
		err = remote_alloc(&gw->remote, gw);
	if (!err && c->admin_socket)
		err = control_alloc(&gw->control, c->admin_socket, gw);
	if (!err)
		(void)hep_apply(&gw->hep, c, gw->engine);
	if (!err && sa_isset(&c->admin_http, SA_PORT))
		err = web_alloc(&gw->web, gw);
	if (!err)
		err = aftermath_open(gw);
	if (!err)
		err = life_alloc(&gw->life, gw);
	if (!err)
		log_info("main: stoxd %s is up, room for %u calls\n", VERSION,
			 policy_room(gw->policy));

	return err;
}

static struct gateway *the_gateway; /* for the signal handler only */

static void signal_handler(int sig)
{
	life_signal(the_gateway->life, sig);
}

static void stop(struct gateway *gw)
{
	const struct ending why = {.reason = REASON_GONE};

	gw->life = mem_deref(gw->life);
	calls_stop(&why); /* where no signal did: it holds the portals */
	aftermath_close();
	gw->chat = mem_deref(gw->chat);
	gw->control = mem_deref(gw->control);
	gw->hep = mem_deref(gw->hep);
	gw->remote = mem_deref(gw->remote);
	gw->web = mem_deref(gw->web);
	gw->presence = mem_deref(gw->presence);
	gw->accounts = mem_deref(gw->accounts);
	for (size_t i = 0; gw->portals && i < gw->config->xmppc; i++) {
		mem_deref(gw->portals[i].jingle);
		mem_deref(gw->portals[i].service);
		mem_deref(gw->portals[i].component);
	}
	mem_deref(gw->portals);
	mem_deref(gw->sipcalls);
	mem_deref(gw->stack);
	mem_deref(gw->shed); /* before what it watches */
	if (gw->engine) {
		loop_fd_remove(engine_fd(gw->engine));
		engine_stop(gw->engine);
	}
	mem_deref(gw->cdr); /* writes what still waits */
	mem_deref(gw->policy);
	mem_deref(gw->route);
	mem_deref(gw->store); /* writes what still waits */
	mem_deref(gw->secret);
	mem_deref(gw->config);
	trace_close();
	slack_close();
	spare_close();
}

static int run(struct gateway *gw)
{
	int err;

	config_log_apply(gw->config);
	the_gateway = gw;
	(void)spare_open();
	err = start(gw);
	if (!err)
		err = re_main(signal_handler);

	return err == EINTR ? 0 : err;
}

static int usage(FILE *f)
{
	fputs(
	    "usage: stoxd [-c FILE] [--check]\n"
	    "       stoxd init [OPTION]...\n"
	    "  -c FILE    configuration, default " DEFAULT_CONFIG "\n"
	    "  --check    report every problem of it, print what holds, exit\n"
	    "  --version  print the version, exit\n"
	    "  init       write a first configuration (stoxd init --help)\n"
	    "Runs in the foreground and logs to standard error.\n",
	    f);

	return f == stderr ? 2 : 0;
}

static int check(const struct gateway *gw)
{
	struct re_printf out = {print_stdout, NULL};

	(void)config_print(&out, gw->config);

	return fflush(stdout) ? 1 : 0;
}

static int load(struct gateway *gw, const char *file, bool only_check)
{
	struct mbuf *mb = mbuf_alloc(512);
	struct re_printf problems = {print_mbuf, mb};
	int err;

	if (!mb)
		return ENOMEM;

	config_late_set(route_check);
	err = config_load(&gw->config, file, &problems);
	if (!err)
		err = route_alloc(&gw->route, gw->config, &problems);
	if (only_check)
		(void)fwrite(mb->buf, 1, mb->end, stderr);
	else
		reload_problems(mb, "main");
	mem_deref(mb);

	return err;
}

static int load_and_run(const char *file, bool only_check)
{
	struct gateway gw;
	int err, status = 1;

	memset(&gw, 0, sizeof(gw));
	err = load(&gw, file, only_check);
	if (err && err != ENOMEM && !only_check)
		status = EX_CONFIG; /* to start it again would not help */
	if (!err)
		err = only_check ? check(&gw) : run(&gw);
	if (err && !only_check)
		log_error("main: not started\n");
	stop(&gw);

	return err ? status : 0;
}

int main(int argc, char *argv[])
{
	static const struct option options[] = {
	    {"config", required_argument, NULL, 'c'},
	    {"check", no_argument, NULL, 'C'},
	    {"help", no_argument, NULL, 'h'},
	    {"version", no_argument, NULL, 'V'},
	    {NULL, 0, NULL, 0},
	};
	const char *file = DEFAULT_CONFIG;
	bool only_check = false;
	int opt, err;

	if (argc > 1 && !strcmp(argv[1], "init"))
		return init_main(argc - 1, argv + 1);

	while ((opt = getopt_long(argc, argv, "c:hV", options, NULL)) != -1) {
		switch (opt) {
		case 'c':
			file = optarg;
			break;
		case 'C':
			only_check = true;
			break;
		case 'V':
			puts("stoxd " VERSION);
			return 0;
		case 'h':
			return usage(stdout);
		default:
			return usage(stderr);
		}
	}
	if (optind != argc) {
		fprintf(stderr, "stoxd: %s is neither an option nor init\n",
			argv[optind]);
		return usage(stderr);
	}

	(void)signal(SIGPIPE, SIG_IGN);
	log_set_format(LOG_FORMAT_TEXT); /* journald's, before [log] is read */
	life_signals();
	(void)sslmem_init();
	dbg_init(DBG_WARNING, DBG_NONE);
	dbg_handler_set(libre_says, NULL);
	err = libre_init();
	if (!err)
		err = raise_limits();
	if (err) {
		fprintf(stderr, "stoxd: cannot start: %s\n", strerror(err));
		return 1;
	}

	err = load_and_run(file, only_check);
	libre_close();

	return err;
}
