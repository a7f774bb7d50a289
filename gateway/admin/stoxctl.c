/* stoxctl.c: asks a running stoxd over its control socket. */
#include "admin/stoxctl.h"
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEFAULT_SOCKET "/run/stoxd/stoxd.sock"

enum { PATIENCE = 60 * 1000 }; /* ms without a byte of the answer */

/* More of the answer, 0 at its end, -1 with errno. */
static ssize_t receive(int fd, char *buf, size_t size)
{
	struct pollfd p = {fd, POLLIN, 0};
	int n;

	do {
		n = poll(&p, 1, PATIENCE);
	} while (n < 0 && errno == EINTR);
	if (!n)
		errno = ETIMEDOUT;

	return n > 0 ? read(fd, buf, size) : -1;
}

/* "0\n" and a result to stdout, or "1\n", "2\n" and a reason to stderr.  The
 * exit code. */
static int print_answer(int fd)
{
	char buf[16384];
	FILE *out = NULL;
	size_t skip = 2;
	ssize_t n;
	int code = EXIT_NOBODY;

	while ((n = receive(fd, buf, sizeof(buf))) > 0) {
		size_t off = skip < (size_t)n ? skip : (size_t)n;

		if (!out) {
			code = buf[0] == '0'   ? 0
			       : buf[0] == '2' ? EXIT_USAGE
					       : EXIT_REFUSED;
			out = code ? stderr : stdout;
			if (code)
				fputs("stoxctl: ", stderr);
		}
		if (fwrite(buf + off, 1, (size_t)n - off, out) !=
		    (size_t)n - off)
			break;
		skip -= off;
	}

	if (n < 0 && out) {
		fputs("stoxctl: the answer broke off\n", stderr);
		code = EXIT_NOBODY;
	} else if (!out) {
		fputs(n < 0 ? "stoxctl: stoxd does not answer\n"
			    : "stoxctl: no answer; stoxd is busy with other "
			      "clients, or refused the request\n",
		      stderr);
	}

	return code ? code : fflush(stdout) ? EXIT_REFUSED : 0;
}

static int remote(const char *path, bool json, const char *const *wordv,
		  size_t wordc)
{
	char request[CTL_REQUEST];
	int fd, code;

	if (!ctl_request(request, sizeof(request), json, wordv, wordc)) {
		fputs("stoxctl: an argument is empty or too long\n", stderr);
		return EXIT_USAGE;
	}

	fd = ctl_ask(path, request);
	if (fd < 0) {
		fprintf(stderr, "stoxctl: %s: %s\n", path, ctl_cause(errno));
		return EXIT_NOBODY;
	}

	code = print_answer(fd);
	(void)close(fd);

	return code;
}

static int misused(const struct command *c)
{
	char usage[256];

	command_usage(usage, sizeof(usage), c);
	fprintf(stderr, "stoxctl: usage: %s\n", usage);

	return EXIT_USAGE;
}

/* What needs no gateway, or more of it than an answer. */
static int own(const char *path, const struct command *c,
	       const char *const *wordv, size_t wordc)
{
	if (!strcmp(c->name, "help"))
		return ctl_help(stdout, wordv, wordc);
	if (!strcmp(c->name, "completion") && wordc == 1)
		return ctl_completion(wordv[0]);
	if (!strcmp(c->name, "top") && !wordc)
		return ctl_top(path);

	return misused(c);
}

static int run(const char *path, bool json, const char *const *wordv,
	       size_t wordc)
{
	for (size_t i = 0; i < ctl_ownc; i++) {
		if (!strcmp(ctl_own[i].name, wordv[0]))
			return own(path, &ctl_own[i], wordv + 1, wordc - 1);
	}

	return remote(path, json, wordv, wordc);
}

int main(int argc, char *argv[])
{
	static const struct option options[] = {
	    {"socket", required_argument, NULL, 's'},
	    {"json", no_argument, NULL, 'j'},
	    {"help", no_argument, NULL, 'h'},
	    {"version", no_argument, NULL, 'V'},
	    {NULL, 0, NULL, 0},
	};
	const char *path = getenv("STOXD_SOCKET");
	bool json = false;
	int opt;

	while ((opt = getopt_long(argc, argv, "s:jhV", options, NULL)) != -1) {
		switch (opt) {
		case 's':
			path = optarg;
			break;
		case 'j':
			json = true;
			break;
		case 'V':
			puts("stoxctl " VERSION);
			return 0;
		case 'h':
			return ctl_help(stdout, NULL, 0);
		default:
			ctl_usage(stderr);
			return EXIT_USAGE;
		}
	}

	if (optind >= argc) {
		ctl_usage(stderr);
		return EXIT_USAGE;
	}
	if (!path || !*path)
		path = DEFAULT_SOCKET;

	return run(path, json, (const char *const *)argv + optind,
		   (size_t)(argc - optind));
}
