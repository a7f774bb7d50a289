/* count.c: preloaded into a relay that is measured: how often it asks for
 * memory and, by the functions of libc that packets and timers need, the
 * kernel.  The counts lie in the file that COUNTS names, which whoever measures
 * reads before and after. */
#include <dlfcn.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

#undef _FORTIFY_SOURCE

struct counts {
	_Atomic uint64_t calls, allocations;
};

static struct counts none;
static struct counts *counts = &none;

/* glibc's own names of what is replaced here */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);

__attribute__((constructor)) static void open_counts(void)
{
	const char *path = getenv("COUNTS");
	int fd = path ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;
	void *p = MAP_FAILED;

	if (fd < 0)
		return;
	if (!ftruncate(fd, sizeof(*counts)))
		p = mmap(NULL, sizeof(*counts), PROT_READ | PROT_WRITE,
			 MAP_SHARED, fd, 0);
	if (p != MAP_FAILED)
		counts = p;
	(void)close(fd);
}

static void count(_Atomic uint64_t *n)
{
	(void)atomic_fetch_add_explicit(n, 1, memory_order_relaxed);
}

EXPORT void *malloc(size_t size)
{
	count(&counts->allocations);

	return __libc_malloc(size);
}

EXPORT void *calloc(size_t n, size_t size)
{
	count(&counts->allocations);

	return __libc_calloc(n, size);
}

EXPORT void *realloc(void *p, size_t size)
{
	count(&counts->allocations);

	return __libc_realloc(p, size);
}

/* Each is counted and does what it did. */
#define COUNTED(type, name, params, args)                                     \
	EXPORT type name params;                                              \
	EXPORT type name params                                               \
	{                                                                     \
		static type(*real) params;                                    \
                                                                              \
		if (!real)                                                    \
			*(void **)&real = dlsym(RTLD_NEXT, #name);            \
		count(&counts->calls);                                        \
		return real args;                                             \
	}

COUNTED(ssize_t, read, (int fd, void *p, size_t n), (fd, p, n))
COUNTED(ssize_t, __read_chk, (int fd, void *p, size_t n, size_t room),
	(fd, p, n, room))
COUNTED(ssize_t, write, (int fd, const void *p, size_t n), (fd, p, n))
COUNTED(ssize_t, recv, (int fd, void *p, size_t n, int flags),
	(fd, p, n, flags))
COUNTED(ssize_t, __recv_chk,
	(int fd, void *p, size_t n, size_t room, int flags),
	(fd, p, n, room, flags))
COUNTED(ssize_t, recvfrom,
	(int fd, void *p, size_t n, int flags, struct sockaddr *sa,
	 socklen_t *len),
	(fd, p, n, flags, sa, len))
COUNTED(ssize_t, __recvfrom_chk,
	(int fd, void *p, size_t n, size_t room, int flags,
	 struct sockaddr *sa, socklen_t *len),
	(fd, p, n, room, flags, sa, len))
COUNTED(ssize_t, recvmsg, (int fd, struct msghdr *m, int flags),
	(fd, m, flags))
COUNTED(int, recvmmsg,
	(int fd, struct mmsghdr *m, unsigned n, int flags,
	 struct timespec *wait),
	(fd, m, n, flags, wait))
COUNTED(ssize_t, send, (int fd, const void *p, size_t n, int flags),
	(fd, p, n, flags))
COUNTED(ssize_t, sendto,
	(int fd, const void *p, size_t n, int flags, const struct sockaddr *sa,
	 socklen_t len),
	(fd, p, n, flags, sa, len))
COUNTED(ssize_t, sendmsg, (int fd, const struct msghdr *m, int flags),
	(fd, m, flags))
COUNTED(int, sendmmsg, (int fd, struct mmsghdr *m, unsigned n, int flags),
	(fd, m, n, flags))
COUNTED(int, epoll_wait, (int fd, struct epoll_event *e, int n, int ms),
	(fd, e, n, ms))
COUNTED(int, epoll_ctl, (int fd, int op, int of, struct epoll_event *e),
	(fd, op, of, e))
COUNTED(int, poll, (struct pollfd * p, nfds_t n, int ms), (p, n, ms))
COUNTED(int, __poll_chk, (struct pollfd * p, nfds_t n, int ms, size_t room),
	(p, n, ms, room))
