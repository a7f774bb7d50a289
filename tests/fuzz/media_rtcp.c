/* media_rtcp.c: RTCP across with an identical map: what comes out goes in
 * again unchanged. */
#include <stdlib.h>
#include <string.h>
#include "media/report.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void track(struct track *t, uint32_t ssrc)
{
	memset(t, 0, sizeof(*t));
	t->started = true;
	t->in_ssrc = t->out_ssrc = ssrc;
	t->clock = 8000;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t one[REPORT_MAX], two[REPORT_MAX], *copy;
	struct track fwd, rev;
	struct report_map map = {&fwd, &rev, "0123456789abcdef", true, 1};
	size_t n, m;

	if (size > 2048 || !size)
		return 0;
	track(&fwd, 0x61616161);
	track(&rev, 0x62626262);
	copy = malloc(size); /* exact, so that one byte beyond is seen */
	if (!copy)
		return 0;
	memcpy(copy, data, size);
	if (!report_translate(one, &n, copy, size, &map) && n) {
		if (report_check(one, n))
			abort();
		free(copy);
		copy = malloc(n);
		if (!copy)
			return 0;
		memcpy(copy, one, n);
		if (report_translate(two, &m, copy, n, &map) || m != n ||
		    memcmp(one, two, n))
			abort();
	}
	free(copy);

	return 0;
}
