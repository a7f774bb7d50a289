/* ports.c: even/odd pairs of UDP ports out of the configured range. */
#include "media/ports.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <sys/random.h>
#include <unistd.h>
#include "media/ss.h"

static unsigned first_even(uint16_t min)
{
	return (min + 1u) & ~1u;
}

unsigned ports_count(uint16_t min, uint16_t max)
{
	unsigned first = first_even(min);

	return max > first ? (max - first + 1u) / 2 : 0;
}

void ports_mark(int fd, int family, unsigned dscp)
{
	int tos = (int)(dscp << 2);

	if (family == AF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_TCLASS, &tos,
				 sizeof(tos));
	else
		(void)setsockopt(fd, IPPROTO_IP, IP_TOS, &tos, sizeof(tos));
}

static int open_one(int *fdp, const struct sockaddr_storage *bind_to,
		    uint16_t port, unsigned dscp)
{
	struct sockaddr_storage ss = *bind_to;
	int err, fd, on = 1;

	fd =
	    socket(ss.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return errno;
	if (ss.ss_family == AF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on,
				 sizeof(on));
	ports_mark(fd, ss.ss_family, dscp);
	ss_set_port(&ss, port);
	if (bind(fd, (struct sockaddr *)&ss, ss_len(&ss))) {
		err = errno;
		(void)close(fd);
		return err;
	}
	*fdp = fd;

	return 0;
}

static int open_pair(int fds[2], const struct sockaddr_storage *bind_to,
		     uint16_t port, unsigned dscp)
{
	int err;

	err = open_one(&fds[0], bind_to, port, dscp);
	if (err)
		return err;
	err = open_one(&fds[1], bind_to, port + 1u, dscp);
	if (err)
		(void)close(fds[0]);

	return err;
}

int ports_open(int fds[2], uint16_t *port,
	       const struct sockaddr_storage *bind_to, uint16_t min,
	       uint16_t max, unsigned dscp)
{
	unsigned n = ports_count(min, max), i;
	uint32_t start = 0;
	int err;

	/* A guessed port is where an injected packet goes: draw it. */
	if (!n || getrandom(&start, sizeof(start), 0) != sizeof(start))
		return ENFILE;
	for (i = 0; i < n; i++) {
		*port =
		    (uint16_t)(first_even(min) + 2 * ((start % n + i) % n));
		err = open_pair(fds, bind_to, *port, dscp);
		if (err != EADDRINUSE && err != EACCES)
			return err;
	}

	return ENFILE;
}
