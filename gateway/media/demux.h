/* demux.h: a second socket on the port of libnice's, and a program in the
 * kernel that sorts what arrives between the two (RFC 7983 7). */
#ifndef MEDIA_DEMUX_H
#define MEDIA_DEMUX_H

#include <stdint.h>
#include <sys/socket.h>

/* fd: libnice's UDP socket, which must have been bound before and must be
 * closed after the new one.  STUN and TURN channel data stay with it, the rest
 * comes to *newp.  Never connect() either: a connected socket wins over the
 * group, and consent would die.  errno of the kernel that refuses. */
int demux_open(int *newp, int fd, unsigned dscp);

/* From now on the group's fd of ours also gets Binding requests of remote, and
 * answers to requests whose number begins with id: consent is its business
 * (RFC 7675).  What else STUN brings stays with libnice.  remote NULL: all of
 * STUN does, as at first. */
int demux_consent(int fd, uint32_t id, const struct sockaddr_storage *remote);

/* A socket that sends as the one above does, from base (its address and port)
 * to remote, and gets nothing of what remote sends: the kernel looks up the
 * route once, not for each packet.  EAFNOSUPPORT (not IPv4), EADDRNOTAVAIL
 * (the route has another source address), errno. */
int demux_sender(int *fdp, const struct sockaddr_storage *base,
		 const struct sockaddr_storage *remote, unsigned dscp);

/* What the program answers for a datagram that begins with this byte: 0 for
 * libnice, 1 for us.  The same table, for tests. */
int demux_choose(unsigned char first);

#endif
