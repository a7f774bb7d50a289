/* table.h: hash tables that grow with what is in them. */
#ifndef BASE_TABLE_H
#define BASE_TABLE_H

#include "base/compat.h"

/* What data is filed under. */
typedef uint32_t(table_key_h)(const void *data);

/* Before one more is put to the n in *hp: makes the table larger where it has
 * become too small, without memory for that not.  Not while it is walked
 * through; what shares a bucket keeps its order. */
void table_grow(struct hash **hp, unsigned n, table_key_h *key);

#endif
