/* ss.c: socket addresses, and desc_addr to and from them. */
#include "media/ss.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

static const struct sockaddr_in *in4(const struct sockaddr_storage *ss)
{
	return (const struct sockaddr_in *)ss;
}

static const struct sockaddr_in6 *in6(const struct sockaddr_storage *ss)
{
	return (const struct sockaddr_in6 *)ss;
}

socklen_t ss_len(const struct sockaddr_storage *ss)
{
	return ss->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6)
					 : sizeof(struct sockaddr_in);
}

bool ss_from_desc(struct sockaddr_storage *ss, const struct desc_addr *a)
{
	struct sockaddr_in *s4 = (struct sockaddr_in *)ss;
	struct sockaddr_in6 *s6 = (struct sockaddr_in6 *)ss;

	memset(ss, 0, sizeof(*ss));
	if (a->family == 4) {
		s4->sin_family = AF_INET;
		s4->sin_port = htons(a->port);
		memcpy(&s4->sin_addr, a->ip, 4);
	} else if (a->family == 6) {
		s6->sin6_family = AF_INET6;
		s6->sin6_port = htons(a->port);
		memcpy(&s6->sin6_addr, a->ip, 16);
	}

	return ss->ss_family != AF_UNSPEC;
}

void ss_to_desc(struct desc_addr *a, const struct sockaddr_storage *ss)
{
	memset(a, 0, sizeof(*a));
	if (ss->ss_family == AF_INET) {
		a->family = 4;
		memcpy(a->ip, &in4(ss)->sin_addr, 4);
	} else if (ss->ss_family == AF_INET6) {
		a->family = 6;
		memcpy(a->ip, &in6(ss)->sin6_addr, 16);
	}
	a->port = ss_port(ss);
}

bool ss_ip_equal(const struct sockaddr_storage *a,
		 const struct sockaddr_storage *b)
{
	if (a->ss_family != b->ss_family)
		return false;
	if (a->ss_family == AF_INET)
		return in4(a)->sin_addr.s_addr == in4(b)->sin_addr.s_addr;
	if (a->ss_family == AF_INET6)
		return !memcmp(&in6(a)->sin6_addr, &in6(b)->sin6_addr, 16);

	return false;
}

bool ss_equal(const struct sockaddr_storage *a,
	      const struct sockaddr_storage *b)
{
	return ss_ip_equal(a, b) && ss_port(a) == ss_port(b);
}

uint16_t ss_port(const struct sockaddr_storage *ss)
{
	if (ss->ss_family == AF_INET)
		return ntohs(in4(ss)->sin_port);
	if (ss->ss_family == AF_INET6)
		return ntohs(in6(ss)->sin6_port);

	return 0;
}

void ss_set_port(struct sockaddr_storage *ss, uint16_t port)
{
	if (ss->ss_family == AF_INET)
		((struct sockaddr_in *)ss)->sin_port = htons(port);
	else if (ss->ss_family == AF_INET6)
		((struct sockaddr_in6 *)ss)->sin6_port = htons(port);
}

bool ss_is_loopback(const struct sockaddr_storage *ss)
{
	if (ss->ss_family == AF_INET)
		return ntohl(in4(ss)->sin_addr.s_addr) >> 24 == 127;

	return ss->ss_family == AF_INET6 &&
	       IN6_IS_ADDR_LOOPBACK(&in6(ss)->sin6_addr);
}

bool ss_in_net(const struct sockaddr_storage *ss, const struct desc_addr *net,
	       unsigned prefix)
{
	unsigned bytes = prefix / 8, bits = prefix % 8;
	struct desc_addr a;

	ss_to_desc(&a, ss);
	if (!a.family || a.family != net->family ||
	    prefix > (a.family == 4 ? 32 : 128) ||
	    memcmp(a.ip, net->ip, bytes))
		return false;

	return !bits || (a.ip[bytes] ^ net->ip[bytes]) >> (8 - bits) == 0;
}

bool ss_is_private(const struct sockaddr_storage *ss)
{
	uint32_t ip;

	if (ss->ss_family == AF_INET6)
		return (in6(ss)->sin6_addr.s6_addr[0] & 0xfe) == 0xfc;
	if (ss->ss_family != AF_INET)
		return false;
	ip = ntohl(in4(ss)->sin_addr.s_addr);

	return ip >> 24 == 10 || ip >> 20 == 0xac1 || ip >> 16 == 0xc0a8;
}

bool ss_is_unicast(const struct sockaddr_storage *ss)
{
	const struct in6_addr *ip6 = &in6(ss)->sin6_addr;
	uint32_t ip;

	if (!ss_port(ss))
		return false;
	if (ss->ss_family == AF_INET6)
		return !IN6_IS_ADDR_UNSPECIFIED(ip6) &&
		       !IN6_IS_ADDR_MULTICAST(ip6) &&
		       !IN6_IS_ADDR_V4MAPPED(ip6);
	ip = ntohl(in4(ss)->sin_addr.s_addr);

	return ip >> 24 != 0 && ip >> 28 < 0xe;
}

const char *ss_print_ip(char buf[SS_TEXT_SIZE],
			const struct sockaddr_storage *ss)
{
	const void *ip = &in4(ss)->sin_addr;

	if (ss->ss_family == AF_INET6)
		ip = &in6(ss)->sin6_addr;
	if (!inet_ntop(ss->ss_family, ip, buf, SS_TEXT_SIZE))
		memcpy(buf, "-", 2);

	return buf;
}

const char *ss_print(char buf[SS_TEXT_SIZE], const struct sockaddr_storage *ss)
{
	char ip[SS_TEXT_SIZE];
	bool v6 = ss->ss_family == AF_INET6;

	if (ss->ss_family == AF_UNSPEC)
		memcpy(buf, "-", 2);
	else
		(void)snprintf(buf, SS_TEXT_SIZE, "%s%.45s%s:%u",
			       v6 ? "[" : "", ss_print_ip(ip, ss),
			       v6 ? "]" : "", ss_port(ss));

	return buf;
}
