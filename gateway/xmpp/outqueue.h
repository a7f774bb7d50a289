/* outqueue.h: bytes that wait for a socket. */
#ifndef XMPP_OUTQUEUE_H
#define XMPP_OUTQUEUE_H

#include <stddef.h>
#include <stdint.h>

struct outqueue { /* zeroed: empty; bytes from pos to end wait */
	uint8_t *buf;
	size_t pos, end, size;
};

void outqueue_clear(struct outqueue *q);
int outqueue_add(struct outqueue *q, const void *buf, size_t len);

#endif
