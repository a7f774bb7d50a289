/* ports.h: even/odd pairs of UDP ports out of the configured range. */
#ifndef MEDIA_PORTS_H
#define MEDIA_PORTS_H

#include <stdint.h>
#include <sys/socket.h>

/* Binds an even port for RTP and the next for RTCP (RFC 3550 11), beginning
 * at a random place, on the address of bind (its port does not matter).
 * fds[0] RTP, fds[1] RTCP, not blocking; *port is the even one.  EMFILE and
 * ENFILE: no descriptor; ENFILE also when no pair is free; EADDRNOTAVAIL. */
int ports_open(int fds[2], uint16_t *port,
	       const struct sockaddr_storage *bind_to, uint16_t min,
	       uint16_t max, unsigned dscp);

/* Pairs in the range. */
unsigned ports_count(uint16_t min, uint16_t max);

/* Marks what the socket sends (RFC 2474). */
void ports_mark(int fd, int family, unsigned dscp);

#endif
