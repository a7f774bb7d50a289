/* base_journal.c: what a file of calls may hold. */
#include <assert.h>
#include "base/compat.h"
#include "base/journal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void note(const uint8_t *p, size_t len, uint64_t alive, void *arg)
{
	unsigned *sum = arg;

	(void)alive;
	assert(len && len <= JOURNAL_RECORD);
	for (size_t i = 0; i < len; i++)
		*sum += p[i];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned sum = 0;

	(void)journal_scan(data, size, note, &sum);

	return 0;
}
