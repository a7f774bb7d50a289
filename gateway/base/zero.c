/* zero.c: large zeroed memory without writing the zeros.
 *
 * libre's tables (descriptors, hash buckets) are as large as a busy gateway
 * needs them, and it zeroes them byte by byte: memory that an idle one would
 * pay for.  Pages given back to the kernel read as zero too, and count from
 * the first write.  libre calls the function here in place of its own (it is
 * exported for that), and so do we. */
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "base/compat.h"

#define EXPORT __attribute__((visibility("default")))

enum {
	LARGE = 32 * 1024, /* bytes from which a system call is worth it */
};

/* Whole pages within the block are its own: malloc's words are outside. */
static void zero(uint8_t *p, size_t size)
{
	const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE) - 1;
	uint8_t *first = p + (-(uintptr_t)p & page);
	uint8_t *last = p + size - ((uintptr_t)(p + size) & page);

	if (madvise(first, (size_t)(last - first), MADV_DONTNEED)) {
		memset(p, 0, size); /* locked in memory, for one */
		return;
	}
	memset(p, 0, (size_t)(first - p));
	memset(last, 0, (size_t)(p + size - last));
}

EXPORT void *mem_zalloc(size_t size, mem_destroy_h *dh)
{
	uint8_t *p = mem_alloc(size, dh);

	if (!p)
		return NULL;
	if (size >= LARGE)
		zero(p, size);
	else
		memset(p, 0, size);

	return p;
}
