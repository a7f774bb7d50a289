/* stoxctl.c: asks a running stoxd over its control socket. */
#include "admin/stoxctl.h"
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEFAULT_SOCKET "/run/stoxd/stoxd.sock"

enum {
	PATIENCE = 60 * 1000, /* ms without a byte of the answer */
	READ_SIZE = 16384,    /* bytes */
	PIECE = PIPE_BUF,     /* bytes that a pipe with room takes at once */
	HELD_MAX = 64 << 20,  /* bytes that wait for who reads us */
};

/* The gateway waits for nobody: the answer is taken as it comes, and held for a
 * pager that waits for its user. */
struct answer {
	char *buf;
	size_t pos, end, size; /* from pos to end it is to be written */
	bool over;	       /* the gateway says no more */
	int err;	       /* why it broke off */
};

static int make_room(struct answer *a)
{
	char *buf;

	if (a->pos && a->pos >= a->size / 2) {
		memmove(a->buf, a->buf + a->pos, a->end - a->pos);
		a->end -= a->pos;
		a->pos = 0;
	}
	if (a->size - a->end >= READ_SIZE)
		return 0;

	buf = realloc(a->buf, 2 * a->size + READ_SIZE);
	if (!buf)
		return ENOMEM;
	a->buf = buf;
	a->size = 2 * a->size + READ_SIZE;

	return 0;
}

static void take(struct answer *a, int fd)
{
	ssize_t n = -1;

	a->err = make_room(a);
	if (!a->err) {
		n = read(fd, a->buf + a->end, READ_SIZE);
		a->err = n < 0 && errno != EINTR ? errno : 0;
		a->end += n > 0 ? (size_t)n : 0;
	}
	a->over = !n || a->err;
}

/* Waits for fd to say more, or for out (-1: nothing is for it) to take what
 * there is.  The reason when out cannot. */
static int answer_go_on(struct answer *a, int fd, int out)
{
	const bool full = a->over || a->end - a->pos >= HELD_MAX;
	const bool waits = out >= 0 && a->pos < a->end;
	struct pollfd p[] = {{full ? -1 : fd, POLLIN, 0},
			     {waits ? out : -1, POLLOUT, 0}};
	const int n = poll(p, 2, full ? -1 : PATIENCE);
	ssize_t size;

	if (n <= 0) {
		a->err = !n ? ETIMEDOUT : errno == EINTR ? 0 : errno;
		a->over |= a->err != 0;
		return 0;
	}
	if (p[0].revents)
		take(a, fd);
	if (!p[1].revents)
		return 0;

	size = (ssize_t)(a->end - a->pos);
	size =
	    write(out, a->buf + a->pos, (size_t)(size < PIECE ? size : PIECE));
	if (size < 0)
		return errno == EINTR || errno == EAGAIN ? 0 : errno;
	a->pos += (size_t)size;

	return 0;
}

/* "0\n", or "!\n" for a bad one, and a result to stdout; "1\n", "2\n" and a
 * reason to stderr.  The exit code. */
static int print_answer(int fd)
{
	struct answer a = {.buf = NULL};
	int code = EXIT_NOBODY, out = -1, err = 0;
	bool result;

	while (!err && (!a.over || (out >= 0 && a.pos < a.end))) {
		err = answer_go_on(&a, fd, out);
		if (out >= 0 || a.end < 2)
			continue;
		a.pos = 2;
		code = a.buf[0] == '0'	 ? 0
		       : a.buf[0] == '2' ? EXIT_USAGE
					 : EXIT_REFUSED;
		result = !code || a.buf[0] == '!';
		out = result ? STDOUT_FILENO : STDERR_FILENO;
		if (!result)
			fputs("stoxctl: ", stderr);
	}
	free(a.buf);

	if (a.err && out >= 0) {
		fputs("stoxctl: the answer broke off\n", stderr);
		code = EXIT_NOBODY;
	} else if (out < 0) {
		fputs(a.err ? "stoxctl: stoxd does not answer\n"
			    : "stoxctl: no answer; stoxd is busy with other "
			      "clients, or refused the request\n",
		      stderr);
	}
	if (err && !code)
		fprintf(stderr, "stoxctl: output: %s\n", strerror(err));

	return code ? code : err ? EXIT_REFUSED : 0;
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
