/* init.c: "stoxd init": options, questions, and what is made of the answers. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "admin/init.h"
#include "init_int.h"

#define DEFAULT_OUT "/etc/stoxd"

enum {
	TRIES = 5, /* that an answer on a terminal has */
	OPTION_PASSWORD_FILE = 1000,
	OPTION_FORCE,
	OPTION_HELP,
};

/* ---- what an answer may look like ---- */

static const char *kind_bad(const char *s, const struct init_kind *table)
{
	static char why[100];
	size_t n = 0;

	if (init_kind_find(table, s))
		return NULL;

	n = (size_t)re_snprintf(why, sizeof(why), "must be one of");
	for (; table->name; table++)
		n += (size_t)re_snprintf(why + n, sizeof(why) - n, " %s",
					 table->name);

	return why;
}

static const char *server_bad(const char *s)
{
	return kind_bad(s, init_servers);
}

static const char *pbx_bad(const char *s)
{
	return kind_bad(s, init_pbxes);
}

/* It goes into files of six languages: nothing that any of them could take
 * for more than a name.  Names beyond ASCII are left to the last check. */
static const char *name_bad(const char *s)
{
	for (; *s; s++) {
		if (!((*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') ||
		      (*s >= '0' && *s <= '9') || (*s & 0x80) ||
		      strchr(".-", *s)))
			return "must be a domain";
	}

	return NULL;
}

static bool is_port(const char *s)
{
	const unsigned long n = strtoul(s, NULL, 10);

	return n && n <= UINT16_MAX && !s[strspn(s, "0123456789")];
}

static const char *address_bad(const char *s)
{
	const char *colon = strrchr(s, ':');

	if (colon && (strchr(s, ':') == colon || colon[-1] == ']') &&
	    !is_port(colon + 1))
		return "must end with a port, 1 to 65535";
	if (s[strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
			"0123456789.:-[]")])
		return "must be HOST or HOST:PORT";

	return NULL;
}

static const char *uri_bad(const char *s)
{
	size_t n = strcspn(s, ";");
	char host[INIT_VALUE_MAX];

	if (s[n] && strcmp(s + n, ";transport=udp") &&
	    strcmp(s + n, ";transport=tcp") && strcmp(s + n, ";transport=tls"))
		return "may end with ;transport=udp, tcp or tls";

	(void)re_snprintf(host, sizeof(host), "%b", s, n);

	return address_bad(host) ? "must be HOST, HOST:PORT or "
				   "HOST:PORT;transport=tls"
				 : NULL;
}

static const char *numeric_bad(const char *s)
{
	struct sa sa;

	return sa_set_str(&sa, s, 0) ? "must be an IPv4 or IPv6 address"
				     : NULL;
}

static const char *nets_bad(const char *s)
{
	if (s[strspn(s, "abcdefABCDEF0123456789.:/, ")])
		return "must be networks, such as 192.0.2.0/24";

	return NULL;
}

static const char *text_bad(const char *s)
{
	for (const char *p = s; *p; p++) {
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			return "must not hold control characters";
	}

	return NULL;
}

/* ---- the questions ---- */

enum need { ALWAYS, ELSE_DEFAULT, NEVER, OF_TRUNK, OF_PROXY };

static const struct question {
	const char *option, *arg, *ask, *help;
	size_t offset;
	const char *(*bad)(const char *s); /* what is wrong, or NULL */
	enum need need;
	bool hidden;
} questions[] = {
#define AT(f) offsetof(struct init_answers, f)
    {"server", "KIND", "XMPP server (prosody, ejabberd, mongooseim)",
     "prosody, ejabberd or mongooseim", AT(server), server_bad, ALWAYS, false},
    {"pbx", "KIND", "PBX (asterisk, freeswitch, kamailio, or trunk)",
     "asterisk, freeswitch, kamailio, or trunk: a provider", AT(pbx), pbx_bad,
     ALWAYS, false},
    {"domain", "NAME", "Domain of your XMPP users", "domain of the XMPP users",
     AT(domain), name_bad, ALWAYS, false},
    {"component", "NAME", "Domain for the gateway, another one",
     "the gateway's own domain, default sip.DOMAIN", AT(component), name_bad,
     ELSE_DEFAULT, false},
    {"server-address", "HOST:PORT", "Where the XMPP server hears components",
     "where the XMPP server hears components, default this machine",
     AT(server_address), address_bad, ELSE_DEFAULT, false},
    {"pbx-address", "HOST[:PORT]", "Address of the PBX or provider",
     "the PBX or provider; may end with ;transport=tls", AT(pbx_address),
     uri_bad, ALWAYS, false},
    {"address", "ADDRESS", "This machine's address, as the PBX sees it",
     "this machine, as the PBX sees it", AT(address), numeric_bad,
     ELSE_DEFAULT, false},
    {"public-address", "ADDRESS", NULL, "behind NAT: the address outside",
     AT(public_address), numeric_bad, NEVER, false},
    {"phones", "NETWORK,..", "Networks of the telephones",
     "networks of the telephones, where the PBX does not carry their sound",
     AT(phones), nets_bad, OF_PROXY, false},
    {"username", "NAME", "User name there, empty for none",
     "user name at the provider", AT(username), text_bad, OF_TRUNK, false},
    {NULL, NULL, "Password there", NULL, AT(password), text_bad, OF_TRUNK,
     true},
    {"out", "DIR", "Directory to write to",
     "directory to write to, default " DEFAULT_OUT, AT(out), text_bad,
     ELSE_DEFAULT, false},
};

enum { QUESTIONS = sizeof(questions) / sizeof(questions[0]) };

static char **answer_of(struct init_answers *a, const struct question *q)
{
	return (char **)(void *)((char *)a + q->offset);
}

static void answers_clear(struct init_answers *a)
{
	if (a->password)
		explicit_bzero(a->password, strlen(a->password));
	for (size_t i = 0; i < QUESTIONS; i++) {
		char **p = answer_of(a, &questions[i]);

		*p = mem_deref(*p);
	}
}

static bool is_wanted(const struct init_answers *a, const struct question *q)
{
	switch (q->need) {
	case NEVER:
		return false;
	case OF_TRUNK:
		return a->pbx && !strcmp(a->pbx, "trunk") &&
		       (!q->hidden || a->username);
	case OF_PROXY:
		return a->pbx && !strcmp(a->pbx, "kamailio");
	default:
		return true;
	}
}

/* Our address on the way there; nothing is sent. */
static int source_address(struct sa *sa, const struct sa *to)
{
	int fd = socket(sa_af(to), SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int err = 0;

	if (fd < 0)
		return errno;

	sa->len = sizeof(sa->u);
	if (connect(fd, &to->u.sa, to->len) ||
	    getsockname(fd, &sa->u.sa, &sa->len))
		err = errno;
	(void)close(fd);

	return err;
}

/* As the PBX, or else the world, sees it. */
static void local_address(struct sa *sa, const char *pbx)
{
	struct sa to;

	if (!pbx || (sa_decode(&to, pbx, strcspn(pbx, ";")) &&
		     sa_set_str(&to, pbx, 5060)))
		(void)sa_set_str(&to, "198.51.100.1", 5060);
	if (!sa_port(&to))
		sa_set_port(&to, 5060);
	if (source_address(sa, &to))
		(void)sa_set_str(sa, "127.0.0.1", 0);
}

/* What is taken where nothing is said; "": there is none.  buf holds it. */
static const char *default_of(const struct init_answers *a,
			      const struct question *q, char *buf, size_t size)
{
	const struct init_kind *k = init_kind_find(init_servers, a->server);
	struct sa sa;

	buf[0] = '\0';
	if (q->offset == AT(component) && a->domain) {
		(void)re_snprintf(buf, size, "sip.%s", a->domain);
	} else if (q->offset == AT(server_address) && k) {
		str_ncpy(buf, k->address, size);
	} else if (q->offset == AT(address)) {
		local_address(&sa, a->pbx_address);
		(void)re_snprintf(buf, size, "%j", &sa);
	} else if (q->offset == AT(out)) {
		str_ncpy(buf, DEFAULT_OUT, size);
	}

	return buf;
}

static int ask(struct init_answers *a, const struct question *q)
{
	char buf[INIT_VALUE_MAX], **p = answer_of(a, q);
	const char *why;
	int err;

	for (unsigned i = 0; i < TRIES; i++) {
		const char *dflt = default_of(a, q, buf, sizeof(buf));

		err = init_ask(p, q->ask, *dflt ? dflt : NULL, q->hidden);
		if (err)
			return err;
		if (!*p && q->need != ALWAYS && !q->hidden)
			return 0;
		why = *p ? q->bad(*p) : "is needed";
		if (!why)
			return 0;
		printf("  %s\n", why);
		*p = mem_deref(*p);
	}

	return EINVAL;
}

/* What is missing: asked for, made up, or complained about. */
static int complete(struct init_answers *a)
{
	const bool asks = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
	char buf[INIT_VALUE_MAX];
	bool missing = false;
	int err = 0;

	for (size_t i = 0; i < QUESTIONS && !err; i++) {
		const struct question *q = &questions[i];
		char **p = answer_of(a, q);
		const char *dflt;

		if (*p || !is_wanted(a, q))
			continue;
		if (asks) {
			err = ask(a, q);
			continue;
		}
		dflt = default_of(a, q, buf, sizeof(buf));
		if (*dflt)
			err = str_dup(p, dflt);
		else if (q->need == ALWAYS || q->hidden) {
			fprintf(stderr, "stoxd: init needs --%s\n",
				q->hidden ? "password-file" : q->option);
			missing = true;
		}
	}

	return err ? err : missing ? EINVAL : 0;
}

static int judge(struct init_answers *a)
{
	int err = 0;

	for (size_t i = 0; i < QUESTIONS; i++) {
		const struct question *q = &questions[i];
		const char *s = *answer_of(a, q);
		const char *why = s ? *s ? q->bad(s) : "is empty" : NULL;

		if (!why)
			continue;
		fprintf(stderr, "stoxd: --%s %s, not \"%s\"\n",
			q->hidden ? "password-file" : q->option, why,
			q->hidden ? "..." : s);
		err = EINVAL;
	}

	return err;
}

/* ---- options ---- */

static int usage(FILE *f)
{
	fputs("usage: stoxd init [OPTION]...\n"
	      "Writes a configuration, and what belongs into that of the XMPP "
	      "server and\n"
	      "of the PBX.  On a terminal it asks for what no option says.\n",
	      f);
	for (size_t i = 0; i < QUESTIONS; i++) {
		const struct question *q = &questions[i];

		if (q->option)
			fprintf(f, "  --%s %s\n        %s\n", q->option,
				q->arg, q->help);
	}
	fputs("  --password-file FILE\n"
	      "        the password at the provider, first line of a file\n"
	      "  --force\n        replace files that exist\n",
	      f);

	return f == stderr ? 2 : 0;
}

static int password_read(char **sp, const char *path)
{
	char buf[INIT_VALUE_MAX];
	FILE *f = fopen(path, "re");
	int err = 0;

	if (!f) {
		err = errno;
	} else {
		if (!fgets(buf, sizeof(buf), f))
			err = ENODATA;
		(void)fclose(f);
	}
	if (!err) {
		buf[strcspn(buf, "\r\n")] = '\0';
		mem_deref(*sp);
		err = str_dup(sp, buf);
	}
	explicit_bzero(buf, sizeof(buf));
	if (err)
		fprintf(stderr, "stoxd: %s: %s\n", path, strerror(err));

	return err;
}

/* -1: go on; else the exit status. */
static int options_read(struct init_answers *a, int argc, char *argv[])
{
	struct option v[QUESTIONS + 4];
	size_t n = 0;
	int opt;

	memset(v, 0, sizeof(v));
	for (size_t i = 0; i < QUESTIONS; i++) {
		if (!questions[i].option)
			continue;
		v[n].name = questions[i].option;
		v[n].has_arg = required_argument;
		v[n++].val = (int)i + 1;
	}
	v[n++] = (struct option){"password-file", required_argument, NULL,
				 OPTION_PASSWORD_FILE};
	v[n++] = (struct option){"force", no_argument, NULL, OPTION_FORCE};
	v[n++] = (struct option){"help", no_argument, NULL, OPTION_HELP};

	while ((opt = getopt_long(argc, argv, "", v, NULL)) != -1) {
		if (opt == OPTION_FORCE) {
			a->force = true;
		} else if (opt == OPTION_HELP) {
			return usage(stdout);
		} else if (opt == OPTION_PASSWORD_FILE) {
			if (password_read(&a->password, optarg))
				return 1;
		} else if (opt >= 1 && opt <= QUESTIONS) {
			char **p = answer_of(a, &questions[opt - 1]);

			mem_deref(*p);
			*p = NULL;
			if (str_dup(p, optarg))
				return 1;
		} else {
			return usage(stderr);
		}
	}

	if (optind == argc)
		return -1;

	fprintf(stderr, "stoxd init: %s is no option\n", argv[optind]);

	return usage(stderr);
}

int init_main(int argc, char *argv[])
{
	static char name[] = "stoxd init";
	struct init_answers a;
	int status, err;

	memset(&a, 0, sizeof(a));
	argv[0] = name;
	status = options_read(&a, argc, argv);
	if (status >= 0) {
		answers_clear(&a);
		return status;
	}

	err = judge(&a);
	if (!err)
		err = complete(&a);
	if (!err && !a.username && a.password)
		a.password = mem_deref(a.password);
	if (!err)
		err = init_make(&a);
	answers_clear(&a);
	if (err == ENODATA)
		fputs("stoxd: no answer, nothing written\n", stderr);

	return err ? 1 : 0;
}
