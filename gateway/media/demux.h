/* demux.h: a second socket on the port of libnice's, and a program in the
 * kernel that sorts what arrives between the two (RFC 7983 7). */
#ifndef MEDIA_DEMUX_H
#define MEDIA_DEMUX_H

/* fd: libnice's UDP socket, which must have been bound before and must be
 * closed after the new one.  STUN and TURN channel data stay with it, the rest
 * comes to *newp.  Never connect() either: a connected socket wins over the
 * group, and consent would die.  errno of the kernel that refuses. */
int demux_open(int *newp, int fd, unsigned dscp);

/* What the program answers for a datagram that begins with this byte: 0 for
 * libnice, 1 for us.  The same table, for tests. */
int demux_choose(unsigned char first);

#endif
