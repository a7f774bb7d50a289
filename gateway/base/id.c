/* id.c: identifiers that an outsider cannot guess. */
#include "base/id.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

static pthread_once_t tag_once = PTHREAD_ONCE_INIT;
static char tag[ID_TAG_SIZE];

/* The kernel's generator fails only where there is none; a gateway whose ids
 * can be guessed must not run. */
static void random_fill(uint8_t *buf, size_t len)
{
	while (len) {
		ssize_t n = getrandom(buf, len, 0);

		if (n < 0 && errno != EINTR)
			abort();
		if (n > 0) {
			buf += n;
			len -= (size_t)n;
		}
	}
}

uint64_t id_random(void)
{
	uint64_t v;

	random_fill((uint8_t *)&v, sizeof(v));

	return v;
}

static void tag_draw(void)
{
	(void)snprintf(tag, sizeof(tag), "%08x", (uint32_t)id_random());
}

const char *id_tag(void)
{
	(void)pthread_once(&tag_once, tag_draw);

	return tag;
}

void id_uuid(char buf[ID_UUID_SIZE])
{
	uint64_t a = id_random(), b = id_random();

	/* RFC 9562 5.4: version 4, variant 10 */
	(void)snprintf(buf, ID_UUID_SIZE, "%s-%04x-4%03x-%04x-%012llx",
		       id_tag(), (unsigned)(a & 0xffff),
		       (unsigned)(a >> 16 & 0xfff),
		       (unsigned)(a >> 32 & 0x3fff) | 0x8000,
		       (unsigned long long)(b & 0xffffffffffffULL));
}

void id_token(char *buf, size_t len)
{
	static const char set[] = "abcdefghijklmnopqrstuvwxyz0123456789";
	uint8_t drawn[48]; /* a call of the kernel costs more than its bytes */
	size_t i = 0, left = 0;

	if (!len)
		return;

	while (i < len - 1) {
		unsigned n = i ? 36 : 26;
		uint8_t c;

		if (!left) {
			left = sizeof(drawn);
			random_fill(drawn, left);
		}
		c = drawn[--left];
		if (c < 256 / n * n) /* each character equally likely */
			buf[i++] = set[c % n];
	}

	buf[i] = '\0';
}
