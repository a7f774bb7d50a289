/* drain.c: no new calls, those that run go on. */
#include "bridge/drain.h"
#include "bridge/callpriv.h"

static bool draining;

void drain_set(bool on)
{
	draining = on;
}

bool drain_is_on(void)
{
	return draining;
}

void drain_refuse(struct ending *why)
{
	ending_set(why, REASON_GENERAL_ERROR, 503,
		   "the gateway takes no new calls now, try again soon");
	why->retry_after = DRAIN_RETRY;
	why->full = true;
}
