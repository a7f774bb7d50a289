/* cpim.c: message/cpim: headers, MIME headers, body (RFC 3862, RFC 5438). */
#include "sip/cpim.h"
#include <string.h>
#include "base/text.h"
#include "sip/nameaddr.h"
#include "sip/scan.h"

#ifndef PLANT
#define PLANT 0
#endif

#define NS_IMDN "urn:ietf:params:imdn" /* RFC 5438 6 */

enum {
	HEADERS_MAX = 64,
	TOKEN_MAX = 128, /* bytes of a Message-ID */
	PREFIX_MAX = 32,
};

struct line {
	struct pl name, params, value;
};

static const struct {
	const char *name;
	unsigned want;
} wants[] = {
    {"positive-delivery", CPIM_POSITIVE},
    {"negative-delivery", CPIM_NEGATIVE},
    {"processing", CPIM_PROCESSING},
    {"display", CPIM_DISPLAY},
};

/* RFC 3862 4: what a receiver must know; it may be required. */
static const char *const known[] = {
    "From", "To", "cc", "DateTime", "Subject", "NS", "Require",
};

bool cpim_is_token(const struct pl *text)
{
	return text->l <= TOKEN_MAX && sipscan_is_token(text);
}

/* The next line without its end; false: there is none. */
static bool next_line(struct pl *rest, struct pl *line)
{
	const char *lf = memchr(rest->p, '\n', rest->l);

	if (!lf)
		return false;

	line->p = rest->p;
	line->l = (size_t)(lf - rest->p);
	pl_advance(rest, lf - rest->p + 1);
#if PLANT == 1
	if (line->p[line->l - 1] == '\r')
#else
	if (line->l && line->p[line->l - 1] == '\r')
#endif
		--line->l;

	return true;
}

/* Header-name ":" *( ";" parameter ) SP value */
static bool split(struct line *h, const struct pl *line)
{
	const char *colon = memchr(line->p, ':', line->l);

	if (!colon)
		return false;

	h->name.p = line->p;
	h->name.l = (size_t)(colon - line->p);
	h->value.p = colon + 1;
	h->value.l = line->l - h->name.l - 1;
	h->params = (struct pl){h->value.p, 0};
	if (h->value.l && *h->value.p == ';') {
		const char *sp = memchr(h->value.p, ' ', h->value.l);

		h->params.l = sp ? (size_t)(sp - h->value.p) : h->value.l;
		pl_advance(&h->value, (ssize_t)h->params.l);
	}
	sipscan_trim(&h->value);

	return sipscan_is_token(&h->name);
}

/* Cuts off the next of a list; they are separated by commas. */
static bool next_word(struct pl *list, struct pl *word)
{
	const char *comma;

	if (!list->l)
		return false;

	comma = memchr(list->p, ',', list->l);
	word->p = list->p;
	word->l = comma ? (size_t)(comma - list->p) : list->l;
	pl_advance(list, (ssize_t)(word->l + (comma ? 1 : 0)));
	comma = memchr(word->p, ';', word->l); /* a parameter */
	if (comma)
		word->l = (size_t)(comma - word->p);
	sipscan_trim(word);

	return true;
}

static bool take_uri(struct pl *uri, const struct pl *value)
{
	struct nameaddr na;

	/* a second To is of no use to us */
	if (nameaddr_decode(&na, value))
		return false;
	if (!uri->l)
		*uri = na.uri;

	return true;
}

/* NS: [prefix SP] <uri> */
static bool take_ns(struct pl *prefix, const struct pl *value)
{
	const char *lt = memchr(value->p, '<', value->l);
	struct pl uri, name;

	if (!lt || value->p[value->l - 1] != '>')
		return false;

	uri.p = lt + 1;
	uri.l = value->l - (size_t)(uri.p - value->p) - 1;
	name.p = value->p;
	name.l = (size_t)(lt - value->p);
	sipscan_trim(&name);
	if (!pl_strcmp(&uri, NS_IMDN) && name.l && name.l <= PREFIX_MAX)
		*prefix = name;

	return true;
}

static void take_wants(struct cpim *c, struct pl list)
{
	struct pl word;

	while (next_word(&list, &word)) {
		for (size_t i = 0; i < ARRAY_SIZE(wants); i++) {
			if (!pl_strcasecmp(&word, wants[i].name))
				c->wants |= wants[i].want;
		}
	}
}

/* What follows "prefix." of the IMDN name space; .l 0: it is no such name. */
static struct pl imdn_name(const struct pl *name, const struct pl *prefix)
{
	struct pl rest = *name;

	if (!prefix->l || name->l <= prefix->l + 1 ||
	    memcmp(name->p, prefix->p, prefix->l) != 0 ||
	    name->p[prefix->l] != '.')
		return pl_null;

	pl_advance(&rest, (ssize_t)prefix->l + 1);

	return rest;
}

static int take_require(struct pl list, const struct pl *prefix)
{
	struct pl word;

	while (next_word(&list, &word)) {
		bool ok = imdn_name(&word, prefix).l > 0;

		for (size_t i = 0; i < ARRAY_SIZE(known) && !ok; i++)
			ok = !pl_strcmp(&word, known[i]);
		if (!ok)
			return ENOTSUP;
	}

	return 0;
}

/* Names are case-sensitive: RFC 3862 2.2. */
static int take_header(struct cpim *c, const struct line *h, struct pl *prefix)
{
	const struct pl imdn = imdn_name(&h->name, prefix);
	bool ok = true;

	if (!pl_strcmp(&h->name, "From"))
		ok = take_uri(&c->from, &h->value);
	else if (!pl_strcmp(&h->name, "To"))
		ok = take_uri(&c->to, &h->value);
	else if (!pl_strcmp(&h->name, "DateTime"))
		c->datetime = h->value;
	else if (!pl_strcmp(&h->name, "Subject") && !c->subject.l)
		c->subject = h->value;
	else if (!pl_strcmp(&h->name, "NS"))
		ok = take_ns(prefix, &h->value);
	else if (!pl_strcmp(&h->name, "Require"))
		return take_require(h->value, prefix);
	else if (!pl_strcmp(&imdn, "Message-ID"))
		c->message_id = h->value;
	else if (!pl_strcmp(&imdn, "Disposition-Notification"))
		take_wants(c, h->value);

	return ok ? 0 : EBADMSG;
}

static void take_type(struct cpim *c, const struct pl *value)
{
	const char *semi = memchr(value->p, ';', value->l);
	struct pl charset;

	c->type = *value;
	if (semi)
		c->type.l = (size_t)(semi - value->p);
	sipscan_trim(&c->type);
	if (msg_param_decode(value, "charset", &charset))
		return;
	if (charset.l > 1 && charset.p[0] == '"') {
		++charset.p;
		charset.l -= 2;
	}
	c->charset = charset;
}

static void take_mime(struct cpim *c, const struct line *h)
{
	if (!pl_strcasecmp(&h->name, "Content-Type"))
		take_type(c, &h->value);
	else if (!pl_strcasecmp(&h->name, "Content-Transfer-Encoding"))
		c->encoding = h->value;
	else if (!pl_strcasecmp(&h->name, "Content-Disposition"))
		c->disposition = h->value;
	else if (!pl_strcasecmp(&h->name, "Content-Language"))
		c->lang = h->value;
}

int cpim_decode(struct cpim *c, const struct pl *text)
{
	struct pl rest = *text, line, prefix = pl_null;
	bool mime = false;
	unsigned n = 0;
	int err;

	memset(c, 0, sizeof(*c));
	while (next_line(&rest, &line)) {
		struct line h;

		if (!line.l && mime) {
			c->body = rest;
			return c->type.l ? 0 : EBADMSG;
		}
		if (!line.l) {
			mime = true;
			continue;
		}
		if (++n > HEADERS_MAX || !split(&h, &line))
			return EBADMSG;
		err = mime ? 0 : take_header(c, &h, &prefix);
		if (err)
			return err;
		if (mime)
			take_mime(c, &h);
	}

	return EBADMSG; /* it ends among the headers */
}

/* ---- escapes: RFC 3862 3.2 ---- */

static const struct {
	char in, out;
} escapes[] = {
    {'\\', '\\'}, {'"', '"'},  {'\'', '\''}, {'b', '\b'},
    {'t', '\t'},  {'n', '\n'}, {'r', '\r'},
};

static int hex4(const struct pl *p, size_t at, uint32_t *cp)
{
	const struct pl hex = {p->p + at, 4};

	for (size_t i = 0; i < hex.l; i++) {
		const char c = (char)(hex.p[i] | 0x20);

		if ((c < '0' || c > '9') && (c < 'a' || c > 'f'))
			return EBADMSG;
	}
	*cp = pl_x32(&hex);

	return 0;
}

/* Bytes that one escape takes after the backslash; 0: it is none. */
static size_t unescape(struct mbuf *mb, const struct pl *p, size_t at)
{
	uint32_t cp;

	if (at >= p->l)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(escapes); i++) {
		if (p->p[at] == escapes[i].in)
			return mbuf_write_u8(mb, (uint8_t)escapes[i].out) ? 0
									  : 1;
	}
#if PLANT == 3
	if (p->p[at] != 'u' || hex4(p, at + 1, &cp))
#else
	if (p->p[at] != 'u' || at + 5 > p->l || hex4(p, at + 1, &cp))
#endif
		return 0;
	if (cp >= 0xd800 && cp < 0xe000)
		return 0;

	if (cp >= 0x800)
		(void)mbuf_write_u8(mb, (uint8_t)(0xe0 | cp >> 12));
	if (cp >= 0x80)
		(void)mbuf_write_u8(mb, (uint8_t)(cp >= 0x800
						      ? 0x80 | (cp >> 6 & 0x3f)
						      : 0xc0 | cp >> 6));
	if (mbuf_write_u8(mb, (uint8_t)(cp >= 0x80 ? 0x80 | (cp & 0x3f) : cp)))
		return 0;

	return 5;
}

int cpim_text(char **textp, const struct pl *value)
{
	struct mbuf *mb = mbuf_alloc(value->l + 1);
	struct pl made;
	int err = 0;

	if (!mb)
		return ENOMEM;

	for (size_t i = 0; i < value->l && !err; i++) {
		const size_t n =
		    value->p[i] == '\\' ? unescape(mb, value, i + 1) : 0;

		if (!n)
			err = mbuf_write_u8(mb, (uint8_t)value->p[i]);
		i += n;
	}
	made.p = (const char *)mb->buf;
	made.l = mb->end;
	if (!err)
		err = text_clean(textp, &made, made.l);
	mem_deref(mb);

	return err;
}

/* ---- out ---- */

/* What may stand within a line as it is. */
static bool is_plain(const struct pl *p)
{
	for (size_t i = 0; i < p->l; i++) {
		if ((unsigned char)p->p[i] <= ' ' || p->p[i] == '<' ||
		    p->p[i] == '>' || p->p[i] == 0x7f)
			return false;
	}

	return true;
}

static int wants_print(struct re_printf *pf, const struct cpim *c)
{
	bool more = false;
	int err = 0;

	for (size_t i = 0; i < ARRAY_SIZE(wants) && !err; i++) {
		if (!(c->wants & wants[i].want))
			continue;
		err = re_hprintf(pf, "%s%s", more ? ", " : "", wants[i].name);
		more = true;
	}

	return err;
}

/* A backslash and both quotes are escaped; controls become spaces. */
static int text_print(struct re_printf *pf, const struct pl *text)
{
	int err = 0;

	for (size_t i = 0; i < text->l && !err; i++) {
		const char c = text->p[i];

		if ((c == '\\' && PLANT != 2) || c == '"' || c == '\'')
			err = re_hprintf(pf, "\\%c", c);
		else
			err = re_hprintf(
			    pf, "%c",
			    (unsigned char)c < ' ' || c == 0x7f ? ' ' : c);
	}

	return err;
}

static int imdn_print(struct re_printf *pf, const struct cpim *c)
{
	int err = 0;

	if (!c->message_id.l)
		return 0;
	if (!cpim_is_token(&c->message_id))
		return EBADMSG;

	err =
	    re_hprintf(pf, "NS: imdn <" NS_IMDN ">\r\nimdn.Message-ID: %r\r\n",
		       &c->message_id);
	if (!err && c->wants)
		err = re_hprintf(pf, "imdn.Disposition-Notification: %H\r\n",
				 wants_print, c);

	return err;
}

static int line_print(struct re_printf *pf, const char *name,
		      const struct pl *value)
{
	return value->l ? re_hprintf(pf, "%s: %r\r\n", name, value) : 0;
}

int cpim_print(struct re_printf *pf, const struct cpim *c)
{
	int err;

	if (!is_plain(&c->from) || !is_plain(&c->to) || !c->from.l ||
	    !c->to.l || !is_plain(&c->datetime) || !is_plain(&c->type) ||
	    !is_plain(&c->charset) || !is_plain(&c->disposition) ||
	    !is_plain(&c->lang))
		return EBADMSG;

	err = re_hprintf(pf, "From: <%r>\r\nTo: <%r>\r\n", &c->from, &c->to);
	if (!err)
		err = line_print(pf, "DateTime", &c->datetime);
	if (!err && c->subject.l)
		err =
		    re_hprintf(pf, "Subject: %H\r\n", text_print, &c->subject);
	if (!err)
		err = imdn_print(pf, c);
	if (!err)
		err = re_hprintf(pf, "\r\nContent-Type: %r%s%r\r\n", &c->type,
				 c->charset.l ? ";charset=" : "", &c->charset);
	if (!err)
		err = line_print(pf, "Content-Disposition", &c->disposition);
	if (!err)
		err = line_print(pf, "Content-Language", &c->lang);
	if (!err)
		err = re_hprintf(pf, "Content-Length: %zu\r\n\r\n%r",
				 c->body.l, &c->body);

	return err;
}
