/* outqueue.c: bytes that wait for a socket. */
#include "xmpp/outqueue.h"

#include <errno.h>
#include <string.h>

#include "base/compat.h"

enum { GROWTH = 16 * 1024 }; /* bytes, at least */

void outqueue_clear(struct outqueue *q)
{
	q->buf = mem_deref(q->buf);
	q->pos = q->end = q->size = 0;
}

int outqueue_add(struct outqueue *q, const void *buf, size_t len)
{
	size_t held = q->end - q->pos, size;
	uint8_t *p;

	if (q->size - q->end < len && q->pos) {
		memmove(q->buf, q->buf + q->pos, held);
		q->pos = 0;
		q->end = held;
	}

	if (q->size - q->end < len) {
		size = held + len + held / 2 + GROWTH;
		p = q->buf ? mem_realloc(q->buf, size) : mem_alloc(size, NULL);
		if (!p)
			return ENOMEM;

		q->buf = p;
		q->size = size;
	}

	memcpy(q->buf + q->end, buf, len);
	q->end += len;

	return 0;
}
