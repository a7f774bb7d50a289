/* refused.h: memory refused to the modules that a test includes behind it. */
#ifndef UNIT_REFUSED_H
#define UNIT_REFUSED_H

#include <errno.h>
#include <limits.h>
#include "base/compat.h"

/* Allocations that still succeed. */
static unsigned refuse_after = UINT_MAX;

static bool is_refused(void)
{
	if (refuse_after == UINT_MAX)
		return false;
	return !refuse_after || !refuse_after--;
}

#define mem_zalloc(...)	 (is_refused() ? NULL : (mem_zalloc)(__VA_ARGS__))
#define mbuf_alloc(...)	 (is_refused() ? NULL : (mbuf_alloc)(__VA_ARGS__))
#define str_dup(...)	 (is_refused() ? ENOMEM : (str_dup)(__VA_ARGS__))
#define pl_strdup(...)	 (is_refused() ? ENOMEM : (pl_strdup)(__VA_ARGS__))
#define re_sdprintf(...) (is_refused() ? ENOMEM : (re_sdprintf)(__VA_ARGS__))

#endif
