/* candidate.c: candidate-attribute (RFC 8839 5.1). */
#include "sdp/desc.h"
#include "sdp/scan.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum {
	DISCARD_PORT = 9, /* of an address that is not told; RFC 8839 5.1 */
};

static const char *const types[] = {
    [CANDIDATE_HOST] = "host",
    [CANDIDATE_SRFLX] = "srflx",
    [CANDIDATE_PRFLX] = "prflx",
    [CANDIDATE_RELAY] = "relay",
};

static bool is_unspecified(const struct desc_addr *a)
{
	static const uint8_t zero[16];

	return !memcmp(a->ip, zero, a->family == 4 ? 4 : 16);
}

static int foundation_decode(struct candidate *c, struct scan w)
{
	if (!scan_is_ice_chars(w))
		return EBADMSG;
#if PLANT == 1 /* one more than fits */
	if (w.len > sizeof(c->foundation))
		return EBADMSG;
#else
	if (w.len >= sizeof(c->foundation))
		return EBADMSG;
#endif
	memcpy(c->foundation, w.p, w.len);
	c->foundation[w.len] = '\0';
	return 0;
}

static int component_decode(struct candidate *c, struct scan w)
{
	uint32_t n;

	if (!scan_u32(&n, w) || !n || n > 256)
		return EBADMSG;
	if (n > UINT8_MAX)
		return ENOTSUP;
	c->component = (uint8_t)n;
	return 0;
}

static int protocol_decode(struct candidate *c, struct scan w)
{
	if (!scan_is_token(w))
		return EBADMSG;
	c->tcp = scan_is_nocase(w, "tcp");
	return c->tcp || scan_is_nocase(w, "udp") ? 0 : ENOTSUP;
}

static int type_decode(struct candidate *c, struct scan w)
{
	for (unsigned i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (scan_is_nocase(w, types[i])) {
			c->type = (enum candidate_type)i;
			return 0;
		}
	}
	return scan_is_token(w) ? ENOTSUP : EBADMSG;
}

/* raddr is for people and logs: a name there is no reason to refuse. */
static void rel_decode(struct candidate *c, struct scan addr, struct scan port)
{
	struct desc_addr rel = {0};

	if (!addr.len || desc_addr_decode(&rel, addr.p, addr.len))
		return;
	if (is_unspecified(&rel))
		return;
	if (port.len && !scan_port(&rel.port, port))
		return;
	c->rel = rel;
}

/* *SP name SP value: names that we do not know are skipped. */
static int extensions_decode(struct candidate *c, struct scan s)
{
	struct scan raddr = {0}, rport = {0};

	for (;;) {
		struct scan name = scan_word(&s), value = scan_word(&s);

		if (!name.len)
			break;
#if PLANT == 2 /* a name without a value */
		if (value.p[0] == '\0' && scan_is_nocase(name, "generation"))
			return EBADMSG;
#endif
		if (scan_is_nocase(name, "raddr"))
			raddr = value;
		else if (scan_is_nocase(name, "rport"))
			rport = value;
		else if (scan_is_nocase(name, "generation") &&
			 !scan_u32(&c->generation, value))
			return EBADMSG;
	}
	rel_decode(c, raddr, rport);
	return 0;
}

int candidate_decode(struct candidate *c, const char *s, size_t len)
{
	static const char prefix[] = "candidate:";
	struct scan rest = scan_trim((struct scan){s, len}), addr, typ;
	struct candidate out = {0};
	int err, err_type;

	if (!c || !s)
		return EINVAL;
	if (rest.len > strlen(prefix) &&
	    !strncasecmp(rest.p, prefix, strlen(prefix))) {
		rest.p += strlen(prefix);
		rest.len -= strlen(prefix);
	}
	err = foundation_decode(&out, scan_word(&rest));
	if (!err)
		err = component_decode(&out, scan_word(&rest));
	if (!err)
		err = protocol_decode(&out, scan_word(&rest));
	if (err)
		return err;
	if (!scan_u32(&out.priority, scan_word(&rest)))
		return EBADMSG;
	addr = scan_word(&rest);
	if (!scan_port(&out.addr.port, scan_word(&rest)))
		return EBADMSG;
	typ = scan_word(&rest);
	if (!scan_is_nocase(typ, "typ"))
		return EBADMSG;
	err_type = type_decode(&out, scan_word(&rest));
	if (err_type == EBADMSG)
		return EBADMSG;
	if (desc_addr_decode(&out.addr, addr.p, addr.len))
		return ENOTSUP; /* a name, .local included */
	err = extensions_decode(&out, rest);
	if (err || err_type)
		return err ? err : err_type;
#if PLANT == 3 /* forgets what is not a host */
	if (out.type == CANDIDATE_RELAY)
		out.rel.port++;
#endif
	*c = out;
	return 0;
}

/* RFC 8839 5.1: raddr is there for all but host; "0.0.0.0 9" tells nothing. */
static int rel_encode(char *buf, size_t size, const struct candidate *c)
{
	struct desc_addr rel = c->rel;
	char ip[64];
	int n;

	buf[0] = '\0';
	if (!rel.family) {
		if (c->type == CANDIDATE_HOST)
			return 0;
		rel.family = c->addr.family;
		rel.port = DISCARD_PORT;
	}
	if (desc_addr_encode(ip, sizeof(ip), &rel))
		return EINVAL;
	n = snprintf(buf, size, " raddr %s rport %u", ip, rel.port);
	return n < 0 || (size_t)n >= size ? E2BIG : 0;
}

int candidate_encode(char *buf, size_t size, const struct candidate *c)
{
	char ip[64], rel[96], gen[32] = "";
	int n, err;

	if (!buf || !c || !scan_is_ice_chars(scan_of(c->foundation)) ||
	    (unsigned)c->type >= sizeof(types) / sizeof(types[0]) ||
	    desc_addr_encode(ip, sizeof(ip), &c->addr))
		return EINVAL;
	err = rel_encode(rel, sizeof(rel), c);
	if (err)
		return err;
	if (c->generation)
		(void)snprintf(gen, sizeof(gen), " generation %u",
			       (unsigned)c->generation);
	/* RFC 6544 4.5: the active side has no port of its own to tell. */
	n = snprintf(buf, size, "%s %u %s %u %s %u typ %s%s%s%s",
		     c->foundation, c->component, c->tcp ? "TCP" : "UDP",
		     (unsigned)c->priority, ip, c->addr.port, types[c->type],
		     rel, c->tcp ? " tcptype active" : "", gen);
	return n < 0 || (size_t)n >= size ? E2BIG : 0;
}
