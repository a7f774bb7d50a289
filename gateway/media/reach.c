/* reach.c: which addresses of a peer ICE may try. */
#include "media/reach.h"

#include <ifaddrs.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include "media/ss.h"

static unsigned count_bits(const struct sockaddr *mask)
{
	const unsigned char *p;
	unsigned n = 0, i, len = mask->sa_family == AF_INET6 ? 16 : 4;

	if (mask->sa_family == AF_INET6)
		p = ((const struct sockaddr_in6 *)(const void *)mask)
			->sin6_addr.s6_addr;
	else
		p = (const unsigned char *)&(
			(const struct sockaddr_in *)(const void *)mask)
			->sin_addr;
	for (i = 0; i < 8 * len && p[i / 8] & 0x80 >> i % 8; i++)
		n++;

	return n;
}

void reach_link(struct media_net *net, const struct sockaddr_storage *addr)
{
	struct sockaddr_storage ss;
	struct ifaddrs *list = NULL, *i;

	ss_to_desc(&net->addr, addr);
	net->prefix = addr->ss_family == AF_INET6 ? 128 : 32;
	if (!addr->ss_family || getifaddrs(&list))
		return;
	for (i = list; i; i = i->ifa_next) {
		if (!i->ifa_addr || !i->ifa_netmask ||
		    i->ifa_addr->sa_family != addr->ss_family)
			continue;
		memset(&ss, 0, sizeof(ss));
		memcpy(&ss, i->ifa_addr,
		       addr->ss_family == AF_INET6
			   ? sizeof(struct sockaddr_in6)
			   : sizeof(struct sockaddr_in));
		/* Some masks come without a family. */
		i->ifa_netmask->sa_family = addr->ss_family;
		if (ss_ip_equal(&ss, addr))
			net->prefix = count_bits(i->ifa_netmask);
	}
	freeifaddrs(list);
}

static bool is_link_local(const struct sockaddr_storage *ss)
{
	const struct sockaddr_in6 *sin6 = (const void *)ss;
	const struct sockaddr_in *sin = (const void *)ss;

	if (ss->ss_family == AF_INET6)
		return IN6_IS_ADDR_LINKLOCAL(&sin6->sin6_addr);

	return ntohl(sin->sin_addr.s_addr) >> 16 == 0xa9fe; /* RFC 3927 */
}

bool reach_allows(const struct media_net *nets, unsigned n,
		  const struct sockaddr_storage *ss)
{
	bool loopback = ss_is_loopback(ss);
	struct sockaddr_storage net;
	unsigned i;

	if (!loopback && !ss_is_private(ss) && !is_link_local(ss))
		return true;
	for (i = 0; i < n; i++) {
		if (ss_in_net(ss, &nets[i].addr, nets[i].prefix) ||
		    (loopback && ss_from_desc(&net, &nets[i].addr) &&
		     ss_is_loopback(&net)))
			return true;
	}

	return false;
}
