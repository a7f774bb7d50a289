/* txrun.h: datagrams that leave by one socket, in one call. */
#ifndef MEDIA_TXRUN_H
#define MEDIA_TXRUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct media_count;

enum { TXRUN_MAX = 16 };

struct tx { /* a datagram that waits for the end of its batch */
	int fd;
	socklen_t tolen; /* 0: the socket is connected */
	const struct sockaddr *to;
	const uint8_t *p;
	size_t len;
	struct media_count *count;
	bool *singly; /* set: the way there takes no segments; not owned */
};

/* Each is counted as sent or dropped. */
void txrun_one(const struct tx *t);
/* n, at most TXRUN_MAX, to one peer by one socket, in order; those of one
 * length go to the kernel as one, which parts them as late as it can.  What
 * cannot be sent does not hold up the rest. */
void txrun_send(const struct tx *t, unsigned n);

#endif
