/* stoxload_options.c: what is asked for, and a configuration of the gateway
 * that fits. */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "stoxload.h"

enum option_kind { WORD, NUMBER, SECONDS, FLAG, ADDRESS, HOSTPORT, CHOICE };

struct option_row {
	const char *name, *arg, *help;
	enum option_kind kind;
	void *to;
	const char *const *words;
	double min, max;
};

static const char *const directions[] = {"x2s", "s2x", "both", NULL},
			 *const cadences[] = {"random", "burst", NULL},
			 *const medias[] = {"pcmu",  "opus", "video",
					    "mixed", "none", NULL},
			 *const suites[] = {"none", "gcm", "", "cm80", NULL};
static bool print_config, help;
static unsigned pid;
static struct sockaddr_in attach, listener;

static const struct option_row rows[] = {
    {"calls", "N", "calls at one time (100)", NUMBER, &load.opt.calls, NULL, 1,
     LOAD_CALLS_MAX},
    {"rate", "N", "calls begun a second (20)", SECONDS, &load.opt.rate, NULL,
     0.01, 10000},
    {"hold", "S",
     "seconds that a call lasts, then another begins (0: to the "
     "end)",
     SECONDS, &load.opt.hold, NULL, 0, 86400},
    {"duration", "S", "seconds of measuring (10)", SECONDS, &load.opt.duration,
     NULL, 0, 86400},
    {"direction", "D", "x2s, s2x or both (both)", CHOICE, &load.opt.direction,
     directions, 0, 0},
    {"media", "M", "pcmu, opus, video, mixed or none (pcmu)", CHOICE,
     &load.opt.media, medias, 0, 0},
    {"pps", "N", "packets a second each way (50)", SECONDS, &load.opt.pps,
     NULL, 0.1, 1000},
    {"cadence", "C", "random or burst: 20 packets leave together (random)",
     CHOICE, &load.opt.cadence, cadences, 0, 0},
    {"srtp", "S", "cm80 or gcm, of the clients (cm80)", CHOICE,
     &load.opt.suite, suites, 0, 0},
    {"sdes", "S", "cm80, gcm or none, of the telephones (none)", CHOICE,
     &load.opt.sdes, suites, 0, 0},
    {"at-once", "N", "calls in set-up at one time (0: as they come)", NUMBER,
     &load.opt.at_once, NULL, 0, LOAD_CALLS_MAX},
    {"rounds", "N", "all of it so many times (1)", NUMBER, &load.opt.rounds,
     NULL, 1, 1000},
    {"settle", "S", "s after each round until memory is looked at (0)",
     SECONDS, &load.opt.settle, NULL, 0, 600},
    {"on-hold", NULL, "put each call on hold, without media", FLAG,
     &load.opt.on_hold, NULL, 0, 0},
    {"mark", "N", "look at memory when N calls are up, too", NUMBER,
     &load.opt.mark, NULL, 0, LOAD_CALLS_MAX},
    {"capacity", NULL, "find the set-up rate that is carried, and overload",
     FLAG, &load.opt.capacity, NULL, 0, 0},
    {"pid", "PID", "process under test, for its CPU and memory", NUMBER, &pid,
     NULL, 1, 1 << 30},
    {"address", "A", "of our media (127.0.0.1)", ADDRESS, &load.opt.address,
     NULL, 0, 0},
    {"sip", "A:P", "where the telephones are (127.0.0.1:5060)", HOSTPORT,
     &load.opt.sip, NULL, 0, 0},
    {"gateway", "A:P", "where the gateway takes SIP (127.0.0.1:5070)",
     HOSTPORT, &load.opt.gateway, NULL, 0, 0},
    {"listen", "A:P", "where the component is taken (127.0.0.1:5347)",
     HOSTPORT, &listener, NULL, 0, 0},
    {"ng", "A:P", "no gateway but a relay with the ng protocol", HOSTPORT,
     &load.opt.ng, NULL, 0, 0},
    {"echo", NULL, "be the echo that a gateway is compared with", FLAG,
     &load.opt.echo, NULL, 0, 0},
    {"probe", NULL, "the delay of an echo instead of calls", FLAG,
     &load.opt.probe, NULL, 0, 0},
    {"attach", "A:P", "be a component of this server instead of a server",
     HOSTPORT, &attach, NULL, 0, 0},
    {"component", "D", "the gateway's domain (sip.xmpp.test)", WORD,
     &load.opt.component, NULL, 0, 0},
    {"domain", "D", "the users' domain (xmpp.test)", WORD, &load.opt.domain,
     NULL, 0, 0},
    {"secret", "S", "of the component (lab-secret)", WORD, &load.opt.secret,
     NULL, 0, 0},
    {"json", NULL, "results as JSON", FLAG, &load.opt.json, NULL, 0, 0},
    {"print-config", NULL, "print a stoxd.conf that fits, and end", FLAG,
     &print_config, NULL, 0, 0},
    {"help", NULL, "this list", FLAG, &help, NULL, 0, 0},
};

enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

static int usage(void)
{
	size_t i;

	(void)printf("usage: stoxload [OPTION]... [-- COMMAND...]\n"
		     "COMMAND is started and is the process under test.\n");
	for (i = 0; i < ROWS; i++)
		(void)printf("  --%-13s %-4s %s\n", rows[i].name,
			     rows[i].arg ? rows[i].arg : "", rows[i].help);

	return -1;
}

static int read_number(const struct option_row *r, const char *s)
{
	char *end;
	double v = strtod(s, &end);

	if (end == s || *end || !(v >= r->min && v <= r->max) ||
	    (r->kind == NUMBER && v != (unsigned)v))
		return -1;
	if (r->kind == NUMBER)
		*(unsigned *)r->to = (unsigned)v;
	else
		*(double *)r->to = v;

	return 0;
}

static int read_choice(const struct option_row *r, const char *s)
{
	int i;

	for (i = 0; r->words[i]; i++) {
		if (*s && !strcmp(r->words[i], s)) {
			*(int *)r->to = i;
			return 0;
		}
	}

	return -1;
}

static int read_hostport(struct sockaddr_in *a, const char *s)
{
	const char *colon = strrchr(s, ':');
	char ip[INET_ADDRSTRLEN];
	int port = colon ? atoi(colon + 1) : 0;

	if (port < 1 || port > 65535 || colon - s >= INET_ADDRSTRLEN)
		return -1;
	(void)snprintf(ip, sizeof(ip), "%.*s", (int)(colon - s), s);
	a->sin_family = AF_INET;
	a->sin_port = htons((uint16_t)port);

	return inet_pton(AF_INET, ip, &a->sin_addr) == 1 ? 0 : -1;
}

static int read_value(const struct option_row *r, const char *s)
{
	switch (r->kind) {
	case WORD:
		*(const char **)r->to = s;
		return 0;
	case FLAG:
		*(bool *)r->to = true;
		return 0;
	case ADDRESS:
		return inet_pton(AF_INET, s, r->to) == 1 ? 0 : -1;
	case HOSTPORT:
		return read_hostport(r->to, s);
	case CHOICE:
		return read_choice(r, s);
	default:
		return read_number(r, s);
	}
}

/* Says what it takes. */
static int refuse(const struct option_row *r, const char *s)
{
	const char *between = "";
	int i;

	(void)fprintf(stderr, "stoxload: --%s takes ", r->name);
	switch (r->kind) {
	case ADDRESS:
		(void)fprintf(stderr, "an IPv4 address");
		break;
	case HOSTPORT:
		(void)fprintf(stderr, "an IPv4 address, a colon and a port");
		break;
	case CHOICE:
		for (i = 0; r->words[i]; i++) {
			if (!*r->words[i])
				continue;
			(void)fprintf(stderr, "%s%s", between, r->words[i]);
			between = " or ";
		}
		break;
	default:
		(void)fprintf(stderr, "%s from %.10g to %.10g",
			      r->kind == NUMBER ? "a whole number"
						: "a number",
			      r->min, r->max);
	}
	(void)fprintf(stderr, ", not \"%s\"\n", s);

	return 2;
}

/* Each is good, but together? */
static int judge(void)
{
	const struct options *o = &load.opt;
	const char *why = NULL;

	if (pid && kill((pid_t)pid, 0) && errno == ESRCH)
		why = "--pid: there is no such process";
	else if (pid && o->command)
		why = "--pid is not for a command that is started";
	else if (o->capacity && o->calls + LOAD_FURTHER > LOAD_CALLS_MAX)
		why = "--capacity has room for 16000 --calls";
	else if (o->ng.sin_port && (o->attach || o->capacity || o->on_hold))
		why = "--ng is a relay of media, without calls";
	if (!why)
		return 0;
	(void)fprintf(stderr, "stoxload: %s\n", why);

	return 2;
}

static void set_defaults(void)
{
	struct options *o = &load.opt;

	o->calls = 100;
	o->rate = 20;
	o->rounds = 1;
	o->duration = 10;
	o->direction = LOAD_BOTH;
	o->suite = SUITE_CM128_SHA1_80;
	o->address.s_addr = htonl(INADDR_LOOPBACK);
	o->domain = "xmpp.test";
	o->component = "sip.xmpp.test";
	o->secret = "lab-secret";
	(void)read_hostport(&o->sip, "127.0.0.1:5060");
	(void)read_hostport(&o->gateway, "127.0.0.1:5070");
	(void)read_hostport(&o->xmpp, "127.0.0.1:5347");
}

/* Many calls at once, of one machine: what limits keep out is wanted here. */
void options_print_config(void)
{
	const struct options *o = &load.opt;
	char xmpp[INET_ADDRSTRLEN], gw[INET_ADDRSTRLEN], sip[INET_ADDRSTRLEN],
	    media[INET_ADDRSTRLEN];

	(void)inet_ntop(AF_INET, &listener.sin_addr, xmpp, sizeof(xmpp));
	(void)inet_ntop(AF_INET, &o->gateway.sin_addr, gw, sizeof(gw));
	(void)inet_ntop(AF_INET, &o->sip.sin_addr, sip, sizeof(sip));
	(void)inet_ntop(AF_INET, &o->address, media, sizeof(media));
	(void)printf(
	    "[xmpp]\ncomponent = %s\nserver = %s:%u\nsecret = %s\n"
	    "domains = %s\n\n[sip]\nlisten = udp:%s:%u\n\n"
	    "[trunk load]\nuri = sip:%s:%u\naccept_from = %s\n"
	    "codecs = opus, pcmu\n%s\n[media]\naddress = %s\n"
	    "ports = 10000-29999\n\n[admin]\nsocket = stoxload.sock\n\n"
	    "[limits]\nhalf_open = 100000\nsetup_burst = 10000\n"
	    "setup_per_minute = 100000\ncalls_per_jid = 10000\n"
	    "sip_source_rate = 100000\nsip_source_burst = 100000\n"
	    "drain_wait = 0\n",
	    o->component, xmpp, ntohs(listener.sin_port), o->secret, o->domain,
	    gw, ntohs(o->gateway.sin_port), sip, ntohs(o->sip.sin_port), sip,
	    o->sdes ? "media = sdes\nsdes_over_plain = yes\n" : "", media);
}

int options_read(int argc, char **argv)
{
	struct option list[ROWS + 1];
	int i, n;

	memset(list, 0, sizeof(list));
	for (i = 0; i < ROWS; i++) {
		list[i].name = rows[i].name;
		list[i].has_arg =
		    rows[i].arg ? required_argument : no_argument;
		list[i].val = 256 + i;
	}
	set_defaults();
	while ((n = getopt_long(argc, argv, "+", list, NULL)) != -1) {
		if (n < 256) {
			(void)fprintf(stderr, "\"stoxload --help\" lists the "
					      "options\n");
			return 2;
		}
		if (read_value(&rows[n - 256], optarg))
			return refuse(&rows[n - 256], optarg);
	}
	load.opt.pid = (pid_t)pid;
	load.opt.command = optind < argc ? argv + optind : NULL;
	if (!listener.sin_port && attach.sin_port)
		listener = attach;
	else if (!listener.sin_port)
		listener = load.opt.xmpp;
	load.opt.attach = attach.sin_port != 0;
	load.opt.xmpp = load.opt.attach ? attach : listener;
	load.opt.progress = isatty(STDERR_FILENO);
	if (help)
		return usage();
	if (print_config) {
		options_print_config();
		return -1;
	}

	return judge();
}
