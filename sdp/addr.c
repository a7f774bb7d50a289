/* addr.c: numeric addresses. */
#include "sdp/desc.h"
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

int desc_addr_decode(struct desc_addr *a, const char *s, size_t len)
{
	char text[INET6_ADDRSTRLEN];
	struct desc_addr out = {.family = 4};

	if (!a || !s)
		return EINVAL;
	if (!len || len >= sizeof(text) || memchr(s, 0, len))
		return EBADMSG;
	memcpy(text, s, len);
	text[len] = '\0';
	if (inet_pton(AF_INET, text, out.ip) != 1) {
		if (inet_pton(AF_INET6, text, out.ip) != 1)
			return EBADMSG;
		out.family = 6;
	}
	out.port = a->port;
	*a = out;
	return 0;
}

int desc_addr_encode(char *buf, size_t size, const struct desc_addr *a)
{
	if (!buf || !a || (a->family != 4 && a->family != 6))
		return EINVAL;
	if (!inet_ntop(a->family == 4 ? AF_INET : AF_INET6, a->ip, buf,
		       (socklen_t)size))
		return E2BIG;
	return 0;
}

bool desc_addr_equal(const struct desc_addr *a, const struct desc_addr *b)
{
	if (a->family != b->family)
		return false;
	return !a->family || (a->port == b->port &&
			      !memcmp(a->ip, b->ip, a->family == 4 ? 4 : 16));
}
