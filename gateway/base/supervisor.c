/* supervisor.c: what the service manager that started us is told. */
#include "base/supervisor.h"
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "base/now.h"

enum { TEXT_MAX = 512 }; /* bytes of a message */

static struct {
	struct sockaddr_un addr;
	socklen_t len;
	int fd; /* open while addr is set */
	unsigned watchdog;
} to;

static unsigned watchdog_read(void)
{
	const char *usec = getenv("WATCHDOG_USEC");
	const char *pid = getenv("WATCHDOG_PID");
	unsigned long long us;

	if (!usec || (pid && strtoull(pid, NULL, 10) != (unsigned)getpid()))
		return 0;

	us = strtoull(usec, NULL, 10);

	return us / 1000 > 86400000 ? 0 : (unsigned)(us / 1000);
}

/* A path, or with '@' first a name in the abstract space (unix(7)). */
static bool address_set(const char *path)
{
	const size_t len = path ? strlen(path) : 0;

	if (len < 2 || len >= sizeof(to.addr.sun_path) ||
	    (path[0] != '/' && path[0] != '@'))
		return false;

	to.addr.sun_family = AF_UNIX;
	memcpy(to.addr.sun_path, path, len + 1);
	if (path[0] == '@')
		to.addr.sun_path[0] = '\0';
	to.len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);

	return true;
}

void supervisor_open(void)
{
	if (address_set(getenv("NOTIFY_SOCKET"))) {
		to.fd = socket(AF_UNIX,
			       SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		if (to.fd < 0)
			to.len = 0;
		else
			to.watchdog = watchdog_read();
	}
	(void)unsetenv("NOTIFY_SOCKET");
	(void)unsetenv("WATCHDOG_USEC");
	(void)unsetenv("WATCHDOG_PID");
}

bool supervisor_is_there(void)
{
	return to.len != 0;
}

unsigned supervisor_watchdog(void)
{
	return to.watchdog;
}

void supervisor_tell(const char *fmt, ...)
{
	char text[TEXT_MAX];
	va_list ap;
	int n;

	if (!to.len)
		return;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n > 0 && (size_t)n < sizeof(text))
		(void)sendto(to.fd, text, (size_t)n, MSG_NOSIGNAL,
			     (struct sockaddr *)&to.addr, to.len);
}

void supervisor_reloading(void)
{
	supervisor_tell("RELOADING=1\nMONOTONIC_USEC=%llu",
			(unsigned long long)now_us(CLOCK_MONOTONIC));
}

void supervisor_close(void)
{
	if (to.len)
		(void)close(to.fd);
	memset(&to, 0, sizeof(to));
}
