/* hep.c: a message as a datagram of HEPv3. */
#include "admin/hep.h"
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

enum { /* types of chunks, vendor 0 */
       CHUNK_FAMILY = 0x0001,
       CHUNK_TRANSPORT = 0x0002,
       CHUNK_IPV4_SRC = 0x0003,
       CHUNK_IPV4_DST = 0x0004,
       CHUNK_IPV6_SRC = 0x0005,
       CHUNK_IPV6_DST = 0x0006,
       CHUNK_PORT_SRC = 0x0007,
       CHUNK_PORT_DST = 0x0008,
       CHUNK_SECONDS = 0x0009,
       CHUNK_MICROSECONDS = 0x000a,
       CHUNK_PROTOCOL = 0x000b,
       CHUNK_AGENT = 0x000c,
       CHUNK_PAYLOAD = 0x000f,
       CHUNK_CORRELATION = 0x0011,
};

enum {
	HEAD = 6, /* bytes of a chunk before its value, and of all */
	PAYLOAD_MOST = 64000, /* bytes; all of it must fit a datagram */
	CORRELATION_MOST = 255,
};

/* Types of protocols. */
static const uint8_t protocols[] = {
    [TRACE_SIP] = 0x01, [TRACE_XMPP] = 0x02, [TRACE_RTCP] = 0x05, /* as JSON */
};

static int put16(struct mbuf *mb, uint16_t v)
{
	return mbuf_write_u16(mb, htons(v));
}

static int put_chunk(struct mbuf *mb, uint16_t type, const void *p, size_t len)
{
	int err = put16(mb, 0); /* vendor */

	err |= put16(mb, type);
	err |= put16(mb, (uint16_t)(HEAD + len));

	return err | mbuf_write_mem(mb, p, len);
}

static int put_chunk8(struct mbuf *mb, uint16_t type, uint8_t v)
{
	return put_chunk(mb, type, &v, sizeof(v));
}

static int put_chunk16(struct mbuf *mb, uint16_t type, uint16_t v)
{
	v = htons(v);

	return put_chunk(mb, type, &v, sizeof(v));
}

static int put_chunk32(struct mbuf *mb, uint16_t type, uint32_t v)
{
	v = htonl(v);

	return put_chunk(mb, type, &v, sizeof(v));
}

static int put_address(struct mbuf *mb, const struct sa *sa, bool v6, bool src)
{
	uint8_t ip[16] = {0};
	int err;

	if (v6) {
		if (sa_af(sa) == AF_INET6)
			sa_in6(sa, ip);
		err = put_chunk(mb, src ? CHUNK_IPV6_SRC : CHUNK_IPV6_DST, ip,
				sizeof(ip));
	} else {
		err = put_chunk32(mb, src ? CHUNK_IPV4_SRC : CHUNK_IPV4_DST,
				  sa_af(sa) == AF_INET ? sa_in(sa) : 0);
	}

	return err | put_chunk16(mb, src ? CHUNK_PORT_SRC : CHUNK_PORT_DST,
				 sa_isset(sa, SA_ADDR) ? sa_port(sa) : 0);
}

int hep_encode(struct mbuf *mb, const struct trace_entry *e, uint32_t agent,
	       const char *correlation)
{
	const struct sa *src = e->tx ? &e->local : &e->remote;
	const struct sa *dst = e->tx ? &e->remote : &e->local;
	const bool v6 = sa_af(src) == AF_INET6 || sa_af(dst) == AF_INET6;
	const size_t start = mb->pos;
	size_t end, n = strlen(correlation);
	int err;

	if ((size_t)e->kind >= ARRAY_SIZE(protocols) || !protocols[e->kind])
		return ENOTSUP;

	err = mbuf_write_mem(mb, (const uint8_t *)"HEP3", 4);
	err |= put16(mb, 0); /* its length, below */
	err |= put_chunk8(mb, CHUNK_FAMILY, v6 ? AF_INET6 : AF_INET);
	err |= put_chunk8(mb, CHUNK_TRANSPORT,
			  e->way == TRACE_UDP ? IPPROTO_UDP : IPPROTO_TCP);
	err |= put_address(mb, src, v6, true);
	err |= put_address(mb, dst, v6, false);
	err |= put_chunk32(mb, CHUNK_SECONDS, (uint32_t)(e->at / 1000000));
	err |=
	    put_chunk32(mb, CHUNK_MICROSECONDS, (uint32_t)(e->at % 1000000));
	err |= put_chunk8(mb, CHUNK_PROTOCOL, protocols[e->kind]);
	err |= put_chunk32(mb, CHUNK_AGENT, agent);
	n = n > CORRELATION_MOST ? CORRELATION_MOST : n;
	if (n)
		err |= put_chunk(mb, CHUNK_CORRELATION, correlation, n);
	err |= put_chunk(mb, CHUNK_PAYLOAD, e->text,
			 e->len < PAYLOAD_MOST ? e->len : PAYLOAD_MOST);
	if (err)
		return err;

	end = mb->pos;
	mb->pos = start + 4;
	err = put16(mb, (uint16_t)(end - start));
	mb->pos = end;

	return err;
}
