/* pcapng.c: messages and packets as a file that Wireshark opens. */
#include "admin/pcapng.h"
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

enum {				   /* draft-ietf-opsawg-pcapng */
       BLOCK_SECTION = 0x0a0d0d0a, /* 4.1 */
       BLOCK_INTERFACE = 1,	   /* 4.2 */
       BLOCK_PACKET = 6,	   /* 4.3, enhanced */
       ORDER_MAGIC = 0x1a2b3c4d,
       OPTION_COMMENT = 1, /* 3.5 */
       OPTION_NAME = 2,	   /* 4.2, if_name */
       OPTION_FLAGS = 2,   /* 4.3, epb_flags */
       OPTION_PROGRAM = 4, /* 4.1, shb_userappl */
       FLAG_IN = 1,
       FLAG_OUT = 2,

       LINK_RAW = 101, /* tcpdump.org's list: IP, its version says which */
       LINK_PDU = 252, /* Wireshark's exported PDU */
};

enum { PORT_IP, PORT_PDU }; /* interfaces, as they are written */

enum { /* Wireshark's epan/exported_pdu.h */
       TAG_DISSECTOR = 12,
       TAG_IPV4_SRC = 20,
       TAG_IPV4_DST = 21,
       TAG_IPV6_SRC = 22,
       TAG_IPV6_DST = 23,
       TAG_PORT_TYPE = 24,
       TAG_SRC_PORT = 25,
       TAG_DST_PORT = 26,
       PORT_TYPE_TCP = 2,
};

enum {
	IPV4_HEADER = 20, /* RFC 791 3.1 */
	IPV6_HEADER = 40, /* RFC 8200 3 */
	UDP_HEADER = 8,	  /* RFC 768 */
	UDP_MOST = 65535 - IPV4_HEADER - UDP_HEADER,
	COMMENT_MAX = 1000, /* bytes */
	HOPS = 64,
};

static int put_pad(struct mbuf *mb, size_t len)
{
	int err = 0;

	for (; len % 4 && !err; len++)
		err = mbuf_write_u8(mb, 0);

	return err;
}

static int put_option(struct mbuf *mb, uint16_t code, const void *p,
		      size_t len)
{
	int err = mbuf_write_u16(mb, code);

	err |= mbuf_write_u16(mb, (uint16_t)len);
	err |= mbuf_write_mem(mb, p, len);

	return err | put_pad(mb, len);
}

/* A block is its length, at both ends, around what it holds. */
static int block_open(struct mbuf *mb, uint32_t type, size_t *start)
{
	*start = mb->pos;

	return mbuf_write_u32(mb, type) | mbuf_write_u32(mb, 0);
}

static int block_close(struct mbuf *mb, size_t start)
{
	const size_t len = mb->pos - start + 4;
	const size_t end = mb->pos + 4;
	int err = mbuf_write_u32(mb, (uint32_t)len);

	if (err)
		return err;
	mb->pos = start + 4;
	err = mbuf_write_u32(mb, (uint32_t)len);
	mb->pos = end;

	return err;
}

static int put_interface(struct mbuf *mb, uint16_t link, const char *name)
{
	size_t start;
	int err = block_open(mb, BLOCK_INTERFACE, &start);

	err |= mbuf_write_u16(mb, link);
	err |= mbuf_write_u16(mb, 0);
	err |= mbuf_write_u32(mb, 0); /* no length is cut */
	err |= put_option(mb, OPTION_NAME, name, strlen(name));
	err |= mbuf_write_u32(mb, 0);

	return err ? err : block_close(mb, start);
}

int pcapng_begin(struct mbuf *mb)
{
	static const char program[] = "stoxd " VERSION;
	size_t start;
	int err = block_open(mb, BLOCK_SECTION, &start);

	err |= mbuf_write_u32(mb, ORDER_MAGIC);
	err |= mbuf_write_u16(mb, 1); /* version 1.0 */
	err |= mbuf_write_u16(mb, 0);
	err |= mbuf_write_u64(mb, UINT64_MAX); /* length not told */
	err |= put_option(mb, OPTION_PROGRAM, program, sizeof(program) - 1);
	err |= mbuf_write_u32(mb, 0);
	if (err)
		return err;

	err = block_close(mb, start);
	err |= put_interface(mb, LINK_RAW, "UDP");
	err |= put_interface(mb, LINK_PDU, "TCP and TLS");

	return err;
}

static int packet_open(struct mbuf *mb, uint32_t port, uint64_t at,
		       size_t *start)
{
	int err = block_open(mb, BLOCK_PACKET, start);

	err |= mbuf_write_u32(mb, port);
	err |= mbuf_write_u32(mb, (uint32_t)(at >> 32));
	err |= mbuf_write_u32(mb, (uint32_t)at);
	err |= mbuf_write_u32(mb, 0); /* both lengths: packet_close */
	err |= mbuf_write_u32(mb, 0);

	return err;
}

enum { PACKET_HEAD = 28 /* bytes before its data */ };

static int packet_close(struct mbuf *mb, size_t start, bool tx,
			const char *comment)
{
	const size_t len = mb->pos - start - PACKET_HEAD, end = mb->pos;
	const uint32_t flags = tx ? FLAG_OUT : FLAG_IN;
	size_t n = comment ? strlen(comment) : 0;
	int err;

	mb->pos = start + PACKET_HEAD - 8;
	err = mbuf_write_u32(mb, (uint32_t)len);
	err |= mbuf_write_u32(mb, (uint32_t)len);
	mb->pos = end;
	err |= put_pad(mb, len);
	err |= put_option(mb, OPTION_FLAGS, &flags, sizeof(flags));
	if (n > COMMENT_MAX)
		n = COMMENT_MAX;
	if (n)
		err |= put_option(mb, OPTION_COMMENT, comment, n);
	err |= mbuf_write_u32(mb, 0);

	return err ? err : block_close(mb, start);
}

/* ---- IP ---- */

/* RFC 1071 */
static uint32_t sum(uint32_t s, const uint8_t *p, size_t len)
{
	for (; len > 1; len -= 2, p += 2)
		s += (uint32_t)(p[0] << 8 | p[1]);
	if (len)
		s += (uint32_t)p[0] << 8;

	return s;
}

static uint16_t fold(uint32_t s)
{
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);

	return (uint16_t)~s;
}

static void put16(uint8_t *p, size_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

/* Header of IP for len bytes; the sum over its addresses, for UDP. */
static size_t make_ip(uint8_t *h, const struct sa *src, const struct sa *dst,
		      size_t len, uint32_t *s)
{
	uint32_t v4;

	if (sa_af(src) == AF_INET6) {
		memset(h, 0, IPV6_HEADER);
		h[0] = 0x60;
		put16(h + 4, len);
		h[6] = IPPROTO_UDP;
		h[7] = HOPS;
		sa_in6(src, h + 8);
		sa_in6(dst, h + 24);
		*s = sum(0, h + 8, 32);

		return IPV6_HEADER;
	}

	memset(h, 0, IPV4_HEADER);
	h[0] = 0x45;
	put16(h + 2, IPV4_HEADER + len);
	h[6] = 0x40; /* not to be fragmented */
	h[8] = HOPS;
	h[9] = IPPROTO_UDP;
	v4 = htonl(sa_in(src));
	memcpy(h + 12, &v4, 4);
	v4 = htonl(sa_in(dst));
	memcpy(h + 16, &v4, 4);
	*s = sum(0, h + 12, 8);
	put16(h + 10, fold(sum(0, h, IPV4_HEADER)));

	return IPV4_HEADER;
}

int pcapng_udp(struct mbuf *mb, const struct pcapng_packet *pk)
{
	const size_t len = pk->len < UDP_MOST ? pk->len : UDP_MOST;
	uint8_t ip[IPV6_HEADER], udp[UDP_HEADER];
	size_t start, iplen;
	uint32_t s;
	uint16_t check;
	int err;

	if (!sa_isset(pk->src, SA_ALL) || !sa_isset(pk->dst, SA_ALL) ||
	    sa_af(pk->src) != sa_af(pk->dst))
		return EINVAL;

	iplen = make_ip(ip, pk->src, pk->dst, UDP_HEADER + len, &s);
	memset(udp, 0, sizeof(udp));
	put16(udp, sa_port(pk->src));
	put16(udp + 2, sa_port(pk->dst));
	put16(udp + 4, UDP_HEADER + len);
	s += IPPROTO_UDP + (uint32_t)(UDP_HEADER + len);
	check = fold(sum(sum(s, udp, sizeof(udp)), pk->p, len));
	put16(udp + 6, check ? check : 0xffff);

	err = packet_open(mb, PORT_IP, pk->at, &start);
	err |= mbuf_write_mem(mb, ip, iplen);
	err |= mbuf_write_mem(mb, udp, sizeof(udp));
	err |= mbuf_write_mem(mb, pk->p, len);

	return err ? err : packet_close(mb, start, pk->tx, pk->comment);
}

/* ---- exported PDU ---- */

static int put_tag(struct mbuf *mb, uint16_t tag, const void *p, size_t len)
{
	int err = mbuf_write_u16(mb, htons(tag));

	err |= mbuf_write_u16(mb, htons((uint16_t)((len + 3) / 4 * 4)));
	err |= mbuf_write_mem(mb, p, len);

	return err | put_pad(mb, len);
}

static int put_tag32(struct mbuf *mb, uint16_t tag, uint32_t v)
{
	v = htonl(v);

	return put_tag(mb, tag, &v, sizeof(v));
}

static int put_address(struct mbuf *mb, const struct sa *sa, bool src)
{
	uint8_t ip[16];
	int err = 0;

	if (!sa_isset(sa, SA_ADDR))
		return 0;
	if (sa_af(sa) == AF_INET6) {
		sa_in6(sa, ip);
		err = put_tag(mb, src ? TAG_IPV6_SRC : TAG_IPV6_DST, ip,
			      sizeof(ip));
	} else {
		err = put_tag32(mb, src ? TAG_IPV4_SRC : TAG_IPV4_DST,
				sa_in(sa));
	}

	return err |
	       put_tag32(mb, src ? TAG_SRC_PORT : TAG_DST_PORT, sa_port(sa));
}

static int put_pdu(struct mbuf *mb, const struct trace_entry *e,
		   const char *comment)
{
	const char *name = e->kind == TRACE_SIP ? "sip" : "xmpp";
	size_t start;
	int err;

	err = packet_open(mb, PORT_PDU, e->at, &start);
	err |= put_tag(mb, TAG_DISSECTOR, name, strlen(name));
	err |= put_address(mb, e->tx ? &e->local : &e->remote, true);
	err |= put_address(mb, e->tx ? &e->remote : &e->local, false);
	err |= put_tag32(mb, TAG_PORT_TYPE, PORT_TYPE_TCP);
	err |= mbuf_write_u32(mb, 0); /* end of tags */
	err |= mbuf_write_mem(mb, (const uint8_t *)e->text, e->len);

	return err ? err : packet_close(mb, start, e->tx, comment);
}

int pcapng_message(struct mbuf *mb, const struct trace_entry *e,
		   const char *comment)
{
	const struct pcapng_packet pk = {
	    .at = e->at,
	    .tx = e->tx,
	    .src = e->tx ? &e->local : &e->remote,
	    .dst = e->tx ? &e->remote : &e->local,
	    .p = (const uint8_t *)e->text,
	    .len = e->len,
	    .comment = comment,
	};

	if (e->kind == TRACE_SIP && e->way == TRACE_UDP) {
		int err = pcapng_udp(mb, &pk);

		if (err != EINVAL)
			return err;
	}
	if (e->kind == TRACE_SIP || e->kind == TRACE_XMPP)
		return put_pdu(mb, e, comment);

	return 0;
}
