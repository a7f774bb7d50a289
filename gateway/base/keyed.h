/* keyed.h: hashes of what strangers send, for tables: under a key drawn once
 * per process, so that nobody can choose texts that share a bucket. */
#ifndef BASE_KEYED_H
#define BASE_KEYED_H

#include "base/compat.h"

uint32_t keyed_str(const char *s);
uint32_t keyed_pl(const struct pl *pl);

/* SipHash-2-4 itself, for tests. */
uint64_t keyed_siphash(const uint64_t key[2], const void *data, size_t len);

#endif
