/* decode.c: a message of the usual shape, as libre would decode it.
 *
 * libre takes a message apart by regular expressions, with memory of its own
 * for each header: more than half of what a short message costs.  Here is the
 * same for messages without folded lines and with plain addresses; all else
 * is left to libre, whole or the part that is odd, so that there is one
 * opinion on what a message says (sip_decode: test_same). */
#include <string.h>
#include "base/id.h"
#include "sip/decode_priv.h"

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
		return pl_isset(&msg->via.sentby) ? 0
						  : decode_via(&msg->via, val);
	case SIP_HDR_TO:
		return decode_address(&msg->to, val);
	case SIP_HDR_FROM:
		return decode_address(&msg->from, val);
	case SIP_HDR_CALL_ID:
		msg->callid = *val;
		return 0;
	case SIP_HDR_CSEQ:
		return decode_cseq(&msg->cseq, val);
	case SIP_HDR_MAX_FORWARDS:
		msg->maxfwd = *val;
		return 0;
	case SIP_HDR_CONTENT_TYPE:
		return decode_type(&msg->ctyp, val);
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
		one = decode_slice(s, comma);
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
	name = decode_slice(line, colon);
	val = decode_slice(colon + 1, end);
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

	x = decode_slice(s, a);
	y = decode_slice(a + 1, b);
	z = decode_slice(b + 1, end);
	msg->req = !pl_strcmp(&z, "SIP/2.0");
	if (msg->req) {
		msg->met = x;
		msg->ruri = y;
		msg->ver = z;
		return decode_uri(&msg->uri, &y) ? EBADMSG : 0;
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
	if (err) { /* what is wrong may go on in a folded line */
		mem_deref(d);
		return err == ENOMEM ? err : EAGAIN;
	}
	mb->pos = pos;
	*msgp = &d->msg;

	return 0;
}
