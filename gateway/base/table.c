/* table.c: hash tables that grow with what is in them.
 *
 * libre's have as many buckets as they were made with.  Of a hundred thousand
 * things each that is walked past in a bucket is memory that has left the
 * cache, twice. */
#include "base/table.h"

enum {
	FULL = 2, /* in a bucket, on average */
	MORE = 4, /* times as many buckets, a power of two */
};

static void move(struct hash *to, struct list *from, table_key_h *key)
{
	struct le *le;

	while ((le = list_head(from)) != NULL) {
		void *data = le->data;

		hash_unlink(le);
		hash_append(to, key(data), le, data);
	}
}

void table_grow(struct hash **hp, unsigned n, table_key_h *key)
{
	const uint32_t size = hash_bsize(*hp);
	struct hash *h;

	if (n < size * FULL || size > UINT32_MAX / MORE ||
	    hash_alloc(&h, size * MORE))
		return;

	for (uint32_t i = 0; i < size; i++)
		move(h, hash_list(*hp, i), key);
	mem_deref(*hp);
	*hp = h;
}
