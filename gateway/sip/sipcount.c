/* sipcount.c: SIP messages by method and class. */
#include "sip/sipcount.h"
#include <string.h>

struct sip_counts sip_counts;

/* Those that have an RFC and a meaning here; RFC 3261 7.1: case matters. */
static const char *const methods[SIPCOUNT_METHODS] = {
    "INVITE",	"ACK",	   "BYE",	"CANCEL", "OPTIONS",
    "REGISTER", "MESSAGE", "SUBSCRIBE", "NOTIFY", "PUBLISH",
    "PRACK",	"UPDATE",  "INFO",	"other",
};

const char *sipcount_method(unsigned i)
{
	return i < SIPCOUNT_METHODS ? methods[i] : "";
}

static unsigned method_find(const char *p, size_t len)
{
	for (unsigned i = 0; i < SIPCOUNT_METHODS - 1; i++) {
		const size_t n = strlen(methods[i]);

		if (len > n && p[n] == ' ' && !memcmp(p, methods[i], n))
			return i;
	}

	return SIPCOUNT_METHODS - 1;
}

void sipcount_message(bool tx, const char *p, size_t len)
{
	static const char version[] = "SIP/2.0 ";
	const size_t n = sizeof(version) - 1;

	sip_counts.bytes[tx] += len;
	if (len <= n || memcmp(p, version, n) != 0)
		++sip_counts.requests[tx][method_find(p, len)];
	else if (p[n] >= '1' && p[n] <= '6')
		++sip_counts.responses[tx][p[n] - '1'];
}
