/* decode_value.c: values of headers of the usual shape; all else libre reads. */
#include <string.h>
#include "sip/decode_priv.h"

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Nothing that is quoted, which libre reads by rules of its own. */
static bool is_bare(const char *s, const char *end)
{
	return !memchr(s, '"', (size_t)(end - s)) &&
	       !memchr(s, '\\', (size_t)(end - s));
}

/* "host" or "host:port"; false: not as simple as that */
static bool host_take(struct pl *host, unsigned *port, const struct pl *pl)
{
	const char *s = pl->p, *const end = s + pl->l;

	*port = 0;
	while (s < end && *s != ':' && *s != '[')
		s++;
	*host = decode_slice(pl->p, s);
	if (!host->l || s == end)
		return host->l > 0;
	if (*s++ != ':' || s == end || end - s > 5)
		return false;
	for (; s < end && is_digit(*s); s++)
		*port = *port * 10 + (unsigned)(*s - '0');

	return s == end;
}

static int family_of(const struct pl *host)
{
	struct sa sa;

	/* a name begins with a letter; an IPv6 address has colons */
	if (!is_digit(*host->p) || sa_set(&sa, host, 0))
		return AF_UNSPEC;

	return sa_af(&sa);
}

/* "sip:user@host:port;params?headers", user and port if any */
static bool uri_take(struct uri *u, const struct pl *pl)
{
	const char *s = pl->p, *const end = s + pl->l, *from;
	struct pl hostport;
	unsigned port;

	while (s < end && ((*s >= 'a' && *s <= 'z')))
		s++;
	if (s == pl->p || s == end || *s != ':')
		return false;
	memset(u, 0, sizeof(*u));
	u->scheme = decode_slice(pl->p, s);
	from = ++s;
	while (s < end && *s != '@' && *s != ':')
		s++;
	if (s < end && *s == '@') {
		u->user = decode_slice(from, s);
		u->password = decode_slice(s, s);
		from = ++s;
	} else if (s < end && memchr(s, '@', (size_t)(end - s))) {
		return false;
	} else {
		s = from;
	}
	while (s < end && *s != ';' && *s != '?' && *s != '/' && *s != ' ' &&
	       *s != '@')
		s++;
	if (s < end && *s != ';' && *s != '?')
		return false;
	hostport = decode_slice(from, s);
	if (!host_take(&u->host, &port, &hostport))
		return false;
	u->port = (uint16_t)port;
	u->af = family_of(&u->host);
	u->path = decode_slice(s, s);
	from = s;
	while (s < end && *s != '?')
		s++;
	if (memchr(from, '@', (size_t)(end - from)))
		return false;
	u->params = decode_slice(from, s);
	u->headers = decode_slice(s, end);

	return true;
}

int decode_uri(struct uri *u, const struct pl *pl)
{
	return uri_take(u, pl) ? 0 : uri_decode(u, pl);
}

/* "SIP/2.0/UDP host:port;params" */
static bool via_take(struct sip_via *via, const struct pl *val)
{
	static const char head[] = "SIP/2.0/";
	static const struct {
		const char *name;
		enum sip_transp tp;
	} transports[] = {{"UDP", SIP_TRANSP_UDP},
			  {"TCP", SIP_TRANSP_TCP},
			  {"TLS", SIP_TRANSP_TLS}};
	const char *s = val->p, *const end = s + val->l, *from;
	struct pl name, host;
	unsigned port;

	if (val->l < sizeof(head) || memcmp(s, head, sizeof(head) - 1) != 0 ||
	    !is_bare(s, end) || memchr(s, '\t', val->l))
		return false;
	from = s += sizeof(head) - 1;
	while (s < end && *s >= 'A' && *s <= 'Z')
		s++;
	name = decode_slice(from, s);
	if (!name.l || s == end || *s != ' ')
		return false;
	from = ++s;
	while (s < end && *s != ';' && *s != ' ')
		s++;
	if (s == from || s == end || *s != ';')
		return false;
	via->sentby = decode_slice(from, s);
	via->params = decode_slice(s, end);
	via->tp = SIP_TRANSP_NONE;
	for (size_t i = 0; i < ARRAY_SIZE(transports); i++) {
		if (!pl_strcmp(&name, transports[i].name))
			via->tp = transports[i].tp;
	}
	if (!host_take(&host, &port, &via->sentby) ||
	    !sipscan_param(&via->branch, &via->params, "branch"))
		return false;
	sa_init(&via->addr, AF_INET);
	if (is_digit(*host.p))
		(void)sa_set(&via->addr, &host, 0);
	if (host.l < via->sentby.l)
		sa_set_port(&via->addr, (uint16_t)port);
	via->val = *val;

	return true;
}

/* "<uri>params", perhaps after a quoted name. */
static bool address_take(struct sip_addr *a, const struct pl *val)
{
	const char *s = val->p, *const end = s + val->l, *from;

	memset(a, 0, sizeof(*a));
	if (s < end && *s == '"') {
		from = ++s;
		while (s < end && *s != '"' && *s != '\\')
			s++;
		if (s == end || *s != '"' || s == from)
			return false;
		a->dname = decode_slice(from, s);
		for (s++; s < end && is_space(*s); s++)
			;
	}
	if (s == end || *s != '<')
		return false;
	from = ++s;
	while (s < end && *s != '>' && *s != '"')
		s++;
	if (s == end || *s != '>' || s == from)
		return false;
	a->auri = decode_slice(from, s++);
	if (!is_bare(s, end) || memchr(s, '<', (size_t)(end - s)))
		return false;
	if (s < end)
		a->params = decode_slice(s, end);

	return uri_take(&a->uri, &a->auri);
}

int decode_address(struct sip_taddr *a, const struct pl *val)
{
	struct sip_addr *plain = (struct sip_addr *)(void *)a;
	int err = 0;

	if (address_take(plain, val)) {
		(void)sipscan_param(&a->tag, &a->params, "tag");
	} else {
		err = sip_addr_decode(plain, val);
		if (!err)
			(void)msg_param_decode(&a->params, "tag", &a->tag);
	}
	if (!err)
		a->val = *val;

	return err;
}

int decode_cseq(struct sip_cseq *cseq, const struct pl *val)
{
	const char *s = val->p, *const end = s + val->l;
	const char *digits = s, *from;
	uint32_t n = 0;

	for (; s < end && is_digit(*s); s++)
		n = n * 10 + (uint32_t)(*s - '0');
	from = s;
	while (s < end && is_space(*s))
		s++;
	if (from == digits || from - digits > 9 || s == from || s == end)
		return sip_cseq_decode(cseq, val);
	cseq->num = n;
	from = s;
	while (s < end && !is_space(*s))
		s++;
	cseq->met = decode_slice(from, s);

	return 0;
}

int decode_type(struct msg_ctype *t, const struct pl *val)
{
	const char *s = val->p, *const end = s + val->l;
	struct msg_ctype u;

	while (s < end && !is_space(*s) && *s != ';' && *s != '/')
		s++;
	u.type = decode_slice(val->p, s);
	if (!u.type.l || s == end || *s != '/')
		return msg_ctype_decode(t, val);
	u.subtype.p = ++s;
	while (s < end && !is_space(*s) && *s != ';')
		s++;
	u.subtype.l = (size_t)(s - u.subtype.p);
	if (!u.subtype.l)
		return msg_ctype_decode(t, val);
	u.params = decode_slice(s, end);
	*t = u;

	return 0;
}

int decode_via(struct sip_via *via, const struct pl *val)
{
	if (via_take(via, val))
		return 0;
	memset(via, 0, sizeof(*via));

	return sip_via_decode(via, val);
}
