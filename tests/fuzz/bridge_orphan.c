/* bridge_orphan.c: what a note of a call may hold. */
#include <assert.h>
#include <string.h>
#include "base/compat.h"
#include "bridge/orphan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *value;
	struct orphan *o;

	if (orphan_decode(&o, data, size))
		return 0;

	value = orphan_get("name", 0, o);
	assert(value && !strpbrk(value, "\r\n"));
	for (unsigned i = 0; (value = orphan_get("x.peer", i, o)); i++)
		assert(strlen(value) < size);
	mem_deref(o);

	return 0;
}
