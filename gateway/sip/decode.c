/* decode.c: a message of the usual shape, as libre would decode it.
 *
 * libre takes a message apart by regular expressions, with memory of its own
 * for each header: more than half of what a short message costs.  Here is the
 * same for messages without folded lines and with plain addresses; all else
 * is left to libre, whole or the part that is odd, so that there is one
 * opinion on what a message says (sip_decode: test_same). */
#include "sip/decode.h"
#include <string.h>
#include "base/id.h"

enum {
	HEADERS = 40, /* values of headers, of one message */
	BUCKETS = 32, /* power of 2 */
	SPARE = 32,   /* decoded messages kept for the next */
};

struct decoded { /* a mem_ref object, which libre knows as its first part */
	struct sip_msg msg;
	struct sip_hdr hdr[HEADERS];
	unsigned hdrc;
	struct decoded *next; /* spare */
};

static struct {
	struct decoded *first;
	unsigned n;
} spare;

/* ---- the object ---- */

static void forget(struct decoded *d)
{
	for (unsigned i = 0; i < d->hdrc; i++)
		hash_unlink(&d->hdr[i].he);
	d->hdrc = 0;
	d->msg.sock = mem_deref(d->msg.sock);
	d->msg.mb = mem_deref(d->msg.mb);
}

/* libre lets a destructor take a reference, and the object live. */
static void destructor(void *arg)
{
	struct decoded *d = arg;

	forget(d);
	if (spare.n >= SPARE) {
		d->msg.hdrht = mem_deref(d->msg.hdrht);
		return;
	}
	d->next = spare.first;
	spare.first = mem_ref(d);
	spare.n++;
}

static struct decoded *take(void)
{
	struct decoded *d = spare.first;
	struct hash *ht = NULL;

	if (d) {
		spare.first = d->next;
		spare.n--;
		ht = d->msg.hdrht;
	} else {
		d = mem_alloc(sizeof(*d), destructor);
		if (!d)
			return NULL;
	}
	memset(&d->msg, 0, sizeof(d->msg));
	d->msg.hdrht = ht;
	d->hdrc = 0;
	if (!ht && hash_alloc(&d->msg.hdrht, BUCKETS))
		d = mem_deref(d);

	return d;
}

void decode_close(void)
{
	while (spare.first) {
		struct decoded *d = spare.first;

		spare.first = d->next;
		spare.n = SPARE; /* it is not kept again */
		mem_deref(d);
	}
	spare.n = 0;
}

/* ---- values ---- */

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static struct pl slice(const char *from, const char *to)
{
	return (struct pl){from, (size_t)(to - from)};
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
	*host = slice(pl->p, s);
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

/* "sip:user@host:port;params?headers" */
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
	u->scheme = slice(pl->p, s);
	from = ++s;
	while (s < end && *s != '@' && *s != ':')
		s++;
	if (s == end || *s != '@')
		return false;
	u->user = slice(from, s);
	u->password = slice(s, s);
	from = ++s;
	while (s < end && *s != ';' && *s != '?' && *s != '/' && *s != ' ' &&
	       *s != '@')
		s++;
	if (s < end && *s != ';' && *s != '?')
		return false;
	hostport = slice(from, s);
	if (!host_take(&u->host, &port, &hostport))
		return false;
	u->port = (uint16_t)port;
	u->af = family_of(&u->host);
	u->path = slice(s, s);
	from = s;
	while (s < end && *s != '?')
		s++;
	if (memchr(from, '@', (size_t)(end - from)))
		return false;
	u->params = slice(from, s);
	u->headers = slice(s, end);

	return true;
}

static int uri_read(struct uri *u, const struct pl *pl)
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
	name = slice(from, s);
	if (!name.l || s == end || *s != ' ')
		return false;
	from = ++s;
	while (s < end && *s != ';' && *s != ' ')
		s++;
	if (s == from || s == end || *s != ';')
		return false;
	via->sentby = slice(from, s);
	via->params = slice(s, end);
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
		a->dname = slice(from, s);
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
	a->auri = slice(from, s++);
	if (!is_bare(s, end) || memchr(s, '<', (size_t)(end - s)))
		return false;
	if (s < end)
		a->params = slice(s, end);

	return uri_take(&a->uri, &a->auri);
}

static int address_read(struct sip_taddr *a, const struct pl *val)
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

static int cseq_read(struct sip_cseq *cseq, const struct pl *val)
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
	cseq->met = slice(from, s);

	return 0;
}

static int type_read(struct msg_ctype *t, const struct pl *val)
{
	const char *s = val->p, *const end = s + val->l;
	struct msg_ctype u;

	while (s < end && !is_space(*s) && *s != ';' && *s != '/')
		s++;
	u.type = slice(val->p, s);
	if (!u.type.l || s == end || *s != '/')
		return msg_ctype_decode(t, val);
	u.subtype.p = ++s;
	while (s < end && !is_space(*s) && *s != ';')
		s++;
	u.subtype.l = (size_t)(s - u.subtype.p);
	if (!u.subtype.l)
		return msg_ctype_decode(t, val);
	u.params = slice(s, end);
	*t = u;

	return 0;
}

/* ---- headers ---- */

#define NAME(text) text, sizeof(text) - 1

/* How most of them are spelled; the rest is hashed as libre does it. */
static const struct {
	const char *name;
	size_t len;
	enum sip_hdrid id;
} usual[] = {
    {NAME("Via"), SIP_HDR_VIA},
    {NAME("To"), SIP_HDR_TO},
    {NAME("From"), SIP_HDR_FROM},
    {NAME("CSeq"), SIP_HDR_CSEQ},
    {NAME("Call-ID"), SIP_HDR_CALL_ID},
    {NAME("Contact"), SIP_HDR_CONTACT},
    {NAME("Expires"), SIP_HDR_EXPIRES},
    {NAME("Event"), SIP_HDR_EVENT},
    {NAME("Max-Forwards"), SIP_HDR_MAX_FORWARDS},
    {NAME("Content-Type"), SIP_HDR_CONTENT_TYPE},
    {NAME("Content-Length"), SIP_HDR_CONTENT_LENGTH},
    {NAME("User-Agent"), SIP_HDR_USER_AGENT},
    {NAME("Server"), SIP_HDR_SERVER},
    {NAME("Subscription-State"), SIP_HDR_SUBSCRIPTION_STATE},
};

/* What a comma means: only in these is it known here. */
static const enum sip_hdrid single[] = {
    SIP_HDR_TO,		  SIP_HDR_FROM,		SIP_HDR_CSEQ,
    SIP_HDR_CALL_ID,	  SIP_HDR_EXPIRES,	SIP_HDR_EVENT,
    SIP_HDR_MAX_FORWARDS, SIP_HDR_CONTENT_TYPE, SIP_HDR_CONTENT_LENGTH,
    SIP_HDR_USER_AGENT,	  SIP_HDR_SERVER,	SIP_HDR_SUBSCRIPTION_STATE,
    SIP_HDR_SUBJECT,	  SIP_HDR_DATE,
};
static const enum sip_hdrid lists[] = {
    SIP_HDR_ALLOW,  SIP_HDR_ALLOW_EVENTS,    SIP_HDR_SUPPORTED,
    SIP_HDR_ACCEPT, SIP_HDR_ACCEPT_ENCODING, SIP_HDR_ACCEPT_LANGUAGE,
};

static bool is_among(enum sip_hdrid id, const enum sip_hdrid *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (v[i] == id)
			return true;
	}

	return false;
}

/* False: a name of one letter, which libre shall read. */
static bool id_of(enum sip_hdrid *id, const struct pl *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(usual); i++) {
		if (name->l == usual[i].len &&
		    !memcmp(name->p, usual[i].name, name->l)) {
			*id = usual[i].id;
			return true;
		}
	}
	if (name->l < 2)
		return false;
	*id = (name->p[0] | 0x20) == 'x' && name->p[1] == '-'
		  ? SIP_HDR_NONE
		  : (enum sip_hdrid)(hash_joaat_ci(name->p, name->l) & 0xfff);

	return true;
}

static int value_read(struct sip_msg *msg, enum sip_hdrid id,
		      const struct pl *val)
{
	switch (id) {
	case SIP_HDR_VIA:
		if (pl_isset(&msg->via.sentby) || via_take(&msg->via, val))
			return 0;
		memset(&msg->via, 0, sizeof(msg->via));
		return sip_via_decode(&msg->via, val);
	case SIP_HDR_TO:
		return address_read(&msg->to, val);
	case SIP_HDR_FROM:
		return address_read(&msg->from, val);
	case SIP_HDR_CALL_ID:
		msg->callid = *val;
		return 0;
	case SIP_HDR_CSEQ:
		return cseq_read(&msg->cseq, val);
	case SIP_HDR_MAX_FORWARDS:
		msg->maxfwd = *val;
		return 0;
	case SIP_HDR_CONTENT_TYPE:
		return type_read(&msg->ctyp, val);
	case SIP_HDR_CONTENT_LENGTH:
		msg->clen = *val;
		return 0;
	case SIP_HDR_EXPIRES:
		msg->expires = *val;
		return 0;
	default:
		return 0;
	}
}

static struct sip_hdr *header_new(struct decoded *d, const struct pl *name,
				  enum sip_hdrid id, struct pl val)
{
	struct sip_hdr *hdr;

	if (d->hdrc == HEADERS)
		return NULL;

	hdr = &d->hdr[d->hdrc++];
	memset(hdr, 0, sizeof(*hdr));
	hdr->name = *name;
	hdr->val = val;
	hdr->id = id;

	return hdr;
}

/* Each value can be found, and the line be printed. */
static int list_add(struct decoded *d, const struct pl *name,
		    enum sip_hdrid id, const struct pl *val)
{
	const char *s = val->p, *const end = s + val->l;
	struct sip_hdr *hdr;

	if (!is_among(id, lists, ARRAY_SIZE(lists)) || memchr(s, '"', val->l))
		return EAGAIN;

	for (const char *comma; s < end; s = comma + 1) {
		struct pl one;

		comma = memchr(s, ',', (size_t)(end - s));
		comma = comma ? comma : end;
		one = slice(s, comma);
		sipscan_trim(&one);
		hdr = one.l && comma + 1 != end ? header_new(d, name, id, one)
						: NULL;
		if (!hdr)
			return EAGAIN;
		hash_append(d->msg.hdrht, id, &hdr->he, hdr);
	}
	hdr = header_new(d, name, id, *val);
	if (!hdr)
		return EAGAIN;
	list_append(&d->msg.hdrl, &hdr->le, hdr);

	return 0;
}

/* EAGAIN: libre shall do it all. */
static int header_add(struct decoded *d, const char *line, const char *end)
{
	const char *colon = memchr(line, ':', (size_t)(end - line));
	struct pl name, val;
	struct sip_hdr *hdr;
	enum sip_hdrid id;

	if (!colon)
		return EAGAIN;
	name = slice(line, colon);
	val = slice(colon + 1, end);
	sipscan_trim(&name);
	sipscan_trim(&val);
	if (!name.l || !val.l || name.p != line || !id_of(&id, &name))
		return EAGAIN;
	if (memchr(val.p, ',', val.l) &&
	    !is_among(id, single, ARRAY_SIZE(single)))
		return list_add(d, &name, id, &val);

	hdr = header_new(d, &name, id, val);
	if (!hdr)
		return EAGAIN;
	hash_append(d->msg.hdrht, id, &hdr->he, hdr);
	list_append(&d->msg.hdrl, &hdr->le, hdr);

	return value_read(&d->msg, id, &val);
}

/* ---- the message ---- */

/* The end of a line without its CR LF; NULL: it ends otherwise, or nowhere. */
static const char *line_end(const char *s, const char *end)
{
	const char *lf = memchr(s, '\n', (size_t)(end - s));

	if (!lf || lf == s || lf[-1] != '\r' ||
	    memchr(s, '\r', (size_t)(lf - 1 - s)))
		return NULL;

	return lf - 1;
}

static int start_read(struct sip_msg *msg, const char *s, const char *end)
{
	const char *a = memchr(s, ' ', (size_t)(end - s)), *b;
	struct pl x, y, z;

	if (!a || a == s)
		return EAGAIN;
	b = memchr(a + 1, ' ', (size_t)(end - a - 1));
	if (!b || b == a + 1 || memchr(s, '\t', (size_t)(end - s)))
		return EAGAIN;

	x = slice(s, a);
	y = slice(a + 1, b);
	z = slice(b + 1, end);
	msg->req = !pl_strcmp(&z, "SIP/2.0");
	if (msg->req) {
		msg->met = x;
		msg->ruri = y;
		msg->ver = z;
		return uri_read(&msg->uri, &y) ? EBADMSG : 0;
	}
	msg->ver = x;
	msg->scode = (uint16_t)pl_u32(&y);
	msg->reason = z;

	return msg->scode ? 0 : EBADMSG;
}

static int head_read(struct decoded *d, struct mbuf *mb, size_t *pos)
{
	const char *const from = (const char *)mbuf_buf(mb);
	const char *const end = from + mbuf_get_left(mb);
	const char *s = from, *e = line_end(s, end);
	int err;

	err = e ? start_read(&d->msg, s, e) : EAGAIN;
	while (!err) {
		s = e + 2;
		e = s < end ? line_end(s, end) : NULL;
		if (!e || *s == ' ' || *s == '\t')
			return EAGAIN;
		if (e == s)
			break;
		err = header_add(d, s, e);
	}
	*pos = mb->pos + (size_t)(s + 2 - from);

	return err;
}

int decode_msg(struct sip_msg **msgp, struct mbuf *mb)
{
	struct decoded *d = take();
	size_t pos;
	int err;

	if (!d)
		return ENOMEM;

	d->msg.mb = mem_ref(mb);
	d->msg.tag = id_random();
	err = head_read(d, mb, &pos);
	if (err) {
		mem_deref(d);
		return err;
	}
	mb->pos = pos;
	*msgp = &d->msg;

	return 0;
}
