/* load_loop.c: epoll, sockets, and what /proc says of a process. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>
#include "load.h"

enum { EVENTS = 256, RECEIVE_BUFFER = 1 << 20 };

static int ep = -1;

uint64_t load_now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);

	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

int load_watch(struct input *s, int fd, void (*h)(void *arg), void *arg)
{
	struct epoll_event ev = {.events = EPOLLIN, .data.ptr = s};

	if (ep < 0)
		ep = epoll_create1(EPOLL_CLOEXEC);
	s->h = h;
	s->arg = arg;

	return epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev) ? errno : 0;
}

void load_turn(int ms)
{
	struct epoll_event ev[EVENTS];
	struct input *s;
	int i, n;

	n = epoll_wait(ep, ev, EVENTS, ms);
	for (i = 0; i < n; i++) {
		s = ev[i].data.ptr;
		s->h(s->arg);
	}
}

int load_socket(struct end *e, struct call *c, struct in_addr addr,
		void (*h)(void *arg))
{
	socklen_t len = sizeof(e->local);
	int size = RECEIVE_BUFFER;

	e->call = c;
	e->local.sin_family = AF_INET;
	e->local.sin_addr = addr;
	e->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (e->fd < 0)
		return errno;
	(void)setsockopt(e->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	if (bind(e->fd, (struct sockaddr *)&e->local, len) ||
	    getsockname(e->fd, (struct sockaddr *)&e->local, &len))
		return errno;

	return load_watch(&e->source, e->fd, h, e);
}

static bool read_file(pid_t pid, const char *name, char *buf, size_t size)
{
	char path[64];
	size_t n;
	FILE *f;

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	f = fopen(path, "r");
	if (!f)
		return false;
	n = fread(buf, 1, size - 1, f);
	buf[n] = '\0';
	(void)fclose(f);

	return n > 0;
}

/* proc(5): utime and stime are fields 14 and 15; the name, field 2, may hold
 * anything but ends with the last bracket. */
double load_cpu(pid_t pid)
{
	unsigned long ticks = 0;
	char buf[1024], *p;
	int field;

	if (!read_file(pid, "stat", buf, sizeof(buf)))
		return 0;
	p = strrchr(buf, ')');
	for (field = 2; p && field < 15; field++) {
		p = strchr(p + 1, ' ');
		if (p && field >= 13)
			ticks += strtoul(p, NULL, 10);
	}

	return (double)ticks / (double)sysconf(_SC_CLK_TCK);
}

long load_rss(pid_t pid)
{
	char buf[4096], *p;

	if (!read_file(pid, "status", buf, sizeof(buf)))
		return 0;
	p = strstr(buf, "VmRSS:");

	return p ? strtol(p + 6, NULL, 10) : 0;
}
