/* spare.c: what is done with connections when descriptors have run out. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "base/spare.h"
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/log.h"

enum { PAUSE = 5 }; /* ms, where even the spare one is gone */

typedef int(accept_h)(int fd, struct sockaddr *sa, socklen_t *len, int flags);

static int spare = -1;

int spare_open(void)
{
	if (spare < 0)
		spare = open("/dev/null", O_RDONLY | O_CLOEXEC);

	return spare < 0 ? errno : 0;
}

void spare_close(void)
{
	if (spare >= 0)
		(void)close(spare);
	spare = -1;
}

static int libc_accept4(int fd, struct sockaddr *sa, socklen_t *len, int flags)
{
	static accept_h *next;

	if (!next)
		*(void **)&next = dlsym(RTLD_NEXT, "accept4");
	if (!next) {
		errno = ENOSYS;
		return -1;
	}

	return next(fd, sa, len, flags);
}

static void turn_away(int fd, int why)
{
	int c;

	log_warning("net: a connection is turned away: %m (LimitNOFILE= of "
		    "the unit, or ulimit -n)\n",
		    why);
	if (spare < 0) { /* somebody else took it: at least no haste */
		(void)poll(NULL, 0, PAUSE);
		(void)spare_open();
		return;
	}

	spare_close();
	c = libc_accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (c >= 0)
		(void)close(c);
	(void)spare_open();
}

/* The library's own; exported, so that other libraries find this one. */
__attribute__((visibility("default"))) int accept4(int fd, struct sockaddr *sa,
						   socklen_t *len, int flags)
{
	const int c = libc_accept4(fd, sa, len, flags);
	const int why = errno;

	if (c < 0 && (why == EMFILE || why == ENFILE)) {
		turn_away(fd, why);
		errno = why;
	}

	return c;
}

__attribute__((visibility("default"))) int accept(int fd, struct sockaddr *sa,
						  socklen_t *len)
{
	return accept4(fd, sa, len, 0);
}
