/* sdp_candidate.c: candidate and crypto lines -> value -> line -> value. */
#include "sdp/desc.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void candidate(const char *s, size_t len)
{
	struct candidate a, b;
	char buf[512];

	if (candidate_decode(&a, s, len))
		return;
	if (candidate_encode(buf, sizeof(buf), &a) ||
	    candidate_decode(&b, buf, strlen(buf)) ||
	    strcmp(a.foundation, b.foundation) != 0 ||
	    a.component != b.component || a.tcp != b.tcp ||
	    a.priority != b.priority || a.type != b.type ||
	    a.generation != b.generation ||
	    !desc_addr_equal(&a.addr, &b.addr) ||
	    !desc_addr_equal(&a.rel, &b.rel))
		abort();
}

static void crypto(const char *s, size_t len)
{
	struct crypto a, b;
	char buf[128];

	if (crypto_decode(&a, s, len))
		return;
	if (crypto_encode(buf, sizeof(buf), &a) ||
	    crypto_decode(&b, buf, strlen(buf)) || a.tag != b.tag ||
	    a.suite != b.suite || a.keylen != b.keylen ||
	    memcmp(a.key, b.key, a.keylen) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	candidate((const char *)data, size);
	crypto((const char *)data, size);
	return 0;
}
