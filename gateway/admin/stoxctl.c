/* stoxctl.c: asks a running stoxd over its control socket. */
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define DEFAULT_SOCKET "/run/stoxd/stoxd.sock"

enum { REQUEST_MAX = 511 }; /* bytes, with the newline */

static int usage(FILE *f)
{
	fputs("usage: stoxctl [-s SOCKET] [--json] COMMAND\n"
	      "  status      connections, trunks, number of calls\n"
	      "  calls       one line a call\n"
	      "  call ID     one call with its media counters\n"
	      "  hangup ID   end a call\n"
	      "  address IP  our public address is another now: registers\n"
	      "              again, running calls follow\n"
	      "  trace [ID]  SIP and XMPP messages in order\n"
	      "  -s SOCKET   [admin] socket of the configuration, default\n"
	      "              $STOXD_SOCKET or " DEFAULT_SOCKET "\n",
	      f);

	return f == stderr ? 2 : 0;
}

static int dial(const char *path)
{
	struct sockaddr_un sun;
	int fd;

	memset(&sun, 0, sizeof(sun));
	sun.sun_family = AF_UNIX;
	if (strlen(path) >= sizeof(sun.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(sun.sun_path, path, strlen(path));

	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&sun, sizeof(sun))) {
		(void)close(fd);
		fd = -1;
	}

	return fd;
}

static bool build(char *buf, size_t size, bool json, char *const *words)
{
	size_t n = json ? 5 : 0;

	memcpy(buf, "json ", 5);
	for (; *words; words++) {
		size_t len = strlen(*words);

		if (n + len + 2 > size || strpbrk(*words, " \n"))
			return false;
		memcpy(buf + n, *words, len);
		n += len;
		buf[n++] = ' ';
	}
	buf[n ? n - 1 : 0] = '\n';
	buf[n] = '\0';

	return n > 0;
}

static bool send_all(int fd, const char *s)
{
	size_t left = strlen(s);

	while (left) {
		ssize_t n = send(fd, s, left, MSG_NOSIGNAL);

		if (n <= 0)
			return false;
		s += n;
		left -= (size_t)n;
	}

	return true;
}

/* "0\n" or "1\n", then text: to stdout or stderr.  The exit code. */
static int print_answer(int fd)
{
	char buf[4096];
	FILE *out = NULL;
	size_t skip = 2;
	ssize_t n;
	int code = 1;

	while ((n = read(fd, buf, sizeof(buf))) > 0) {
		size_t off = skip < (size_t)n ? skip : (size_t)n;

		if (!out) {
			code = buf[0] == '0' ? 0 : 1;
			out = code ? stderr : stdout;
		}
		fwrite(buf + off, 1, (size_t)n - off, out);
		skip -= off;
	}

	if (!out)
		fputs("stoxctl: no answer\n", stderr);

	return fflush(stdout) ? 1 : code;
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
	char request[REQUEST_MAX + 1];
	bool json = false;
	int opt, fd, code;

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
			return usage(stdout);
		default:
			return usage(stderr);
		}
	}

	if (optind == argc ||
	    !build(request, sizeof(request), json, argv + optind))
		return usage(stderr);
	if (!path)
		path = DEFAULT_SOCKET;

	fd = dial(path);
	if (fd < 0) {
		fprintf(stderr,
			"stoxctl: %s: %s; is stoxd running, and is this its "
			"[admin] socket?\n",
			path, strerror(errno));
		return 1;
	}

	code = send_all(fd, request) ? print_answer(fd) : 1;
	(void)close(fd);

	return code;
}
