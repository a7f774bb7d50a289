/* bridge_chatkeep.c: what a note of a message may hold. */
#include <assert.h>
#include <string.h>
#include "bridge/chatpriv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct chatlost *l;

	if (chatkeep_decode(&l, data, size))
		return 0;

	assert(!strchr(l->to, '\n') && !strchr(l->from, '\n'));
	assert(l->from == l->to + strlen(l->to) + 1);
	assert(l->id + strlen(l->id) == l->text + size);
	mem_deref(l);

	return 0;
}
