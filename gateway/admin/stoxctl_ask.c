/* stoxctl_ask.c: a request to the control socket. */
#include "admin/stoxctl.h"
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* As command_line() reads it back. */
static size_t put_word(char *to, size_t room, const char *word)
{
	static const char hex[] = "0123456789ABCDEF";
	size_t n = 0;

	for (; *word; word++) {
		const unsigned char c = (unsigned char)*word;
		const bool plain = c > ' ' && c < 0x7f && c != '%';

		if (n + 3 > room)
			return 0;
		if (plain) {
			to[n++] = *word;
			continue;
		}
		to[n++] = '%';
		to[n++] = hex[c >> 4];
		to[n++] = hex[c & 15];
	}

	return n;
}

bool ctl_request(char *buf, size_t size, bool json, const char *const *wordv,
		 size_t wordc)
{
	size_t n = 0;

	if (json) {
		memcpy(buf, "json ", 5);
		n = 5;
	}
	for (size_t i = 0; i < wordc; i++) {
		const size_t len = put_word(buf + n, size - n - 2, wordv[i]);

		if (!len)
			return false;
		n += len;
		buf[n++] = i + 1 < wordc ? ' ' : '\n';
		if (n + 2 >= size)
			return false;
	}
	buf[n] = '\0';

	return n > 0;
}

static int dial(const char *path)
{
	struct sockaddr_un sun;
	int fd, err;

	memset(&sun, 0, sizeof(sun));
	sun.sun_family = AF_UNIX;
	if (strlen(path) >= sizeof(sun.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(sun.sun_path, path, strlen(path));

	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&sun, sizeof(sun))) {
		err = errno;
		(void)close(fd);
		errno = err;
		fd = -1;
	}

	return fd;
}

int ctl_ask(const char *path, const char *request)
{
	const int fd = dial(path);
	size_t left = strlen(request);

	while (fd >= 0 && left) {
		ssize_t n = send(fd, request, left, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			const int err = errno;

			(void)close(fd);
			errno = err;
			return -1;
		}
		request += n;
		left -= (size_t)n;
	}

	return fd;
}

const char *ctl_cause(int err)
{
	static const struct {
		int err;
		const char *text;
	} causes[] = {
	    {ENOENT, "there is no such socket; is stoxd running, and is this "
		     "its [admin] socket?"},
	    {ECONNREFUSED, "nobody listens there; is stoxd running?  The "
			   "socket is left from one that died"},
	    {EACCES, "you may not use it; it is for the user that stoxd runs "
		     "as, its socket_group, and root"},
	    {EAGAIN, "stoxd is busy with other clients; try again"},
	    {EPIPE, "stoxd is busy with other clients; try again"},
	    {ECONNRESET, "stoxd is busy with other clients; try again"},
	};

	for (size_t i = 0; i < sizeof(causes) / sizeof(causes[0]); i++) {
		if (causes[i].err == err)
			return causes[i].text;
	}

	return strerror(err);
}
