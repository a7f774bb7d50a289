/* chattext.c: texts of SIP bodies, and times (protocol D.1). */
#include <errno.h>
#include <string.h>
#include <time.h>
#include "base/text.h"
#include "bridge/chatwords.h"

#ifndef PLANT
#define PLANT 0
#endif

enum {
	LANG_MAX = 35, /* RFC 5646 4.4.1 */
	CODE_POINT_MAX = 0x10ffff,
};

/* ---- times ---- */

static bool digits(struct pl *p, unsigned n, int *v)
{
	*v = 0;
	if (p->l < n)
		return false;
	for (; n; n--) {
		if (*p->p < '0' || *p->p > '9')
			return false;
		*v = *v * 10 + (*p->p - '0');
		pl_advance(p, 1);
	}

	return true;
}

static bool letter(struct pl *p, const char *set)
{
	if (!p->l || !strchr(set, *p->p) || !*p->p)
		return false;
	pl_advance(p, 1);

	return true;
}

/* "Z" or "+01:00"; s to be subtracted. */
static bool zone(struct pl *p, int *offset)
{
	const bool minus = p->l && *p->p == '-';
	int h, m;

	*offset = 0;
	if (letter(p, "Zz"))
		return !p->l;
	if (!letter(p, "+-") || !digits(p, 2, &h) || !letter(p, ":") ||
	    !digits(p, 2, &m) || p->l || h > 23 || m > 59)
		return false;

	*offset = (h * 60 + m) * (minus ? -60 : 60);

	return true;
}

int chatwords_time(int64_t *t, const struct pl *text)
{
	struct pl p = *text;
	struct tm tm;
	int offset;

	memset(&tm, 0, sizeof(tm));
	if (!digits(&p, 4, &tm.tm_year) || !letter(&p, "-") ||
	    !digits(&p, 2, &tm.tm_mon) || !letter(&p, "-") ||
	    !digits(&p, 2, &tm.tm_mday) || !letter(&p, "Tt") ||
	    !digits(&p, 2, &tm.tm_hour) || !letter(&p, ":") ||
	    !digits(&p, 2, &tm.tm_min) || !letter(&p, ":") ||
	    !digits(&p, 2, &tm.tm_sec))
		return EBADMSG;
	if (letter(&p, ".")) {
		while (letter(&p, "0123456789"))
			;
	}
	if (!zone(&p, &offset) || tm.tm_mon < 1 || tm.tm_mon > 12 ||
	    tm.tm_mday < 1 || tm.tm_mday > 31 || tm.tm_hour > 23 ||
	    tm.tm_min > 59 || tm.tm_sec > 60)
		return EBADMSG;

	tm.tm_year -= 1900;
	--tm.tm_mon;
	*t = (int64_t)timegm(&tm) - offset;

	return 0;
}

int chatwords_time_print(struct re_printf *pf, const int64_t *t)
{
	const time_t at = (time_t)*t;
	char text[32];
	struct tm tm;

	if (!gmtime_r(&at, &tm) ||
	    !strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm))
		return EINVAL;

	return re_hprintf(pf, "%s", text);
}

/* ---- text/plain ---- */

static const char *const utf8_names[] = {"utf-8", "utf8", "us-ascii"};
static const char *const latin1_names[] = {"iso-8859-1", "latin1"};

static bool is_one(const struct pl *name, const char *const *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (!pl_strcasecmp(name, v[i]))
			return true;
	}

	return false;
}

/* Line ends become one character: XMPP knows no other. */
static size_t take_plain(char *d, const struct pl *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->l; i++) {
		if (s->p[i] == '\r' && i + 1 < s->l && s->p[i + 1] == '\n')
			continue;
		d[n++] = s->p[i] == '\r' ? '\n' : s->p[i];
	}

	return n;
}

static size_t take_latin1(char *d, const struct pl *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->l; i++) {
		const unsigned char c = (unsigned char)s->p[i];

		if (c < 0x80) {
			d[n++] = (char)c;
		} else {
			d[n++] = (char)(0xc0 | c >> 6);
			d[n++] = (char)(0x80 | (c & 0x3f));
		}
	}

	return n;
}

int chatwords_text(char **textp, const struct pl *body,
		   const struct pl *charset)
{
	const bool latin1 =
	    is_one(charset, latin1_names, ARRAY_SIZE(latin1_names));
	struct pl made;
	char *text;

	if (charset->l && !latin1 &&
	    !is_one(charset, utf8_names, ARRAY_SIZE(utf8_names)))
		return ENOTSUP;
	if (!latin1 && !text_is_utf8(body->p, body->l))
		return EBADMSG;

#if PLANT == 1
	text = mem_alloc(body->l + 1, NULL);
#else
	text = mem_alloc(body->l * (latin1 ? 2 : 1) + 1, NULL);
#endif
	if (!text)
		return ENOMEM;

	made.p = text;
	made.l = latin1 ? take_latin1(text, body) : body->l;
	if (!latin1 && body->l)
		memcpy(text, body->p, body->l);
	made.l = take_plain(text, &made);
	text[made.l] = '\0';
	/* a NUL ends a C string; in text it stands for nothing */
	for (size_t i = 0; i < made.l; i++) {
		if (!text[i])
			text[i] = ' ';
	}
	*textp = text;

	return 0;
}

int chatwords_lang(char **langp, const struct pl *value)
{
	struct pl tag = *value;

	while (tag.l && (*tag.p == ' ' || *tag.p == '\t'))
		pl_advance(&tag, 1);
	for (size_t i = 0; i < tag.l; i++) {
		const char c = tag.p[i];

		if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
		    (c >= 'A' && c <= 'Z') || c == '-')
			continue;
		if (c != ',' && c != ' ')
			return 0;
		tag.l = i;
	}
	if (!tag.l || tag.l > LANG_MAX)
		return 0;

	return pl_strdup(langp, &tag);
}

size_t chatwords_part(const char *text, size_t len, size_t room)
{
	size_t n, cut;

	if (len <= room)
		return len;

	/* RFC 3629 3: bytes 10xxxxxx go on with a character */
	for (n = room; n && ((unsigned char)text[n] & 0xc0) == 0x80; n--)
		;
	for (cut = n;
	     cut > n / 2 && text[cut - 1] != ' ' && text[cut - 1] != '\n';
	     cut--)
		;

	return cut > n / 2 ? cut : n;
}

/* ---- text/html ---- */

static const struct {
	const char *name;
	uint32_t cp;
} entities[] = {
    {"amp", '&'},  {"lt", '<'},	   {"gt", '>'},
    {"quot", '"'}, {"apos", '\''}, {"nbsp", 0xa0},
};

/* Elements whose text is not for reading. */
static const char *const hidden[] = {"script", "style", "head", "title"};
/* Elements that begin a new line. */
static const char *const breaking[] = {"br", "p", "div", "li", "tr"};

struct flat {
	struct mbuf *mb;
	const char *hide; /* until its end tag */
	bool space;	  /* owed before the next word */
	bool line;	  /* the same of a line end */
	int err;
};

static void put(struct flat *f, const char *s, size_t len)
{
	if (f->err)
		return;
	if (f->mb->end && f->line)
		f->err = mbuf_write_u8(f->mb, '\n');
	else if (f->mb->end && f->space)
		f->err = mbuf_write_u8(f->mb, ' ');
	f->line = f->space = false;
	if (!f->err)
		f->err = mbuf_write_mem(f->mb, (const uint8_t *)s, len);
}

static void put_char(struct flat *f, uint32_t cp)
{
	char s[4];
	size_t n = 0;

	if (cp < 0x20 || cp > CODE_POINT_MAX)
		return;
	if (cp >= 0xd800 && cp < 0xe000 && PLANT != 3)
		return; /* surrogates */

	if (cp < 0x80) {
		s[n++] = (char)cp;
	} else if (cp < 0x800) {
		s[n++] = (char)(0xc0 | cp >> 6);
	} else if (cp < 0x10000) {
		s[n++] = (char)(0xe0 | cp >> 12);
		s[n++] = (char)(0x80 | (cp >> 6 & 0x3f));
	} else {
		s[n++] = (char)(0xf0 | cp >> 18);
		s[n++] = (char)(0x80 | (cp >> 12 & 0x3f));
		s[n++] = (char)(0x80 | (cp >> 6 & 0x3f));
	}
	if (cp >= 0x80)
		s[n++] = (char)(0x80 | (cp & 0x3f));
	put(f, s, n);
}

static bool tag_is(const struct pl *tag, const char *const *v, size_t n)
{
	return is_one(tag, v, n);
}

/* After '<': a tag, a comment, or a sign that stands for itself. */
static void take_tag(struct flat *f, struct pl *p)
{
	struct pl tag = *p;
	const char *gt;
	bool end;

	if (!p->l || strchr(" \t\r\n<=&0123456789", *p->p)) {
		if (!f->hide)
			put(f, "<", 1);
		return;
	}

#if PLANT == 2
	if (!memcmp(p->p, "!--", 3)) {
#else
	if (p->l >= 3 && !memcmp(p->p, "!--", 3)) {
#endif
		gt = memmem(p->p, p->l, "-->", 3);
		pl_advance(p, gt ? gt - p->p + 3 : (ssize_t)p->l);
		return;
	}

	gt = memchr(p->p, '>', p->l);
	pl_advance(p, gt ? gt - p->p + 1 : (ssize_t)p->l);
	end = tag.l && *tag.p == '/';
	if (end)
		pl_advance(&tag, 1);
	for (size_t i = 0; i < tag.l; i++) {
		const char c = (char)(tag.p[i] | 0x20);

		if ((c < 'a' || c > 'z') && (c < '0' || c > '9'))
			tag.l = i;
	}

	if (f->hide) {
		if (end && !pl_strcasecmp(&tag, f->hide))
			f->hide = NULL;
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(hidden) && !end; i++) {
		if (!pl_strcasecmp(&tag, hidden[i]))
			f->hide = hidden[i];
	}
	if (tag_is(&tag, breaking, ARRAY_SIZE(breaking)))
		f->line = true;
}

/* After '&'. */
static void take_reference(struct flat *f, struct pl *p)
{
	const char *semi = memchr(p->p, ';', MIN(p->l, 10u));
	struct pl name = {p->p, semi ? (size_t)(semi - p->p) : 0};

	if (name.l > 1 && *name.p == '#') {
		const bool hex = (name.p[1] | 0x20) == 'x';

		pl_advance(&name, hex ? 2 : 1);
		put_char(f, hex ? pl_x32(&name) : pl_u32(&name));
		pl_advance(p, semi - p->p + 1);
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(entities); i++) {
		if (!pl_strcmp(&name, entities[i].name)) {
			put_char(f, entities[i].cp);
			pl_advance(p, semi - p->p + 1);
			return;
		}
	}

	put(f, "&", 1);
}

static void flatten(struct flat *f, struct pl p)
{
	while (p.l && !f->err) {
		const char c = *p.p;

		pl_advance(&p, 1);
		if (c == '<')
			take_tag(f, &p);
		else if (f->hide)
			continue;
		else if (c == '&')
			take_reference(f, &p);
		else if (c == ' ' || c == '\n' || c == '\r' || c == '\t')
			f->space = true;
		else
			put(f, &c, 1);
	}
}

int chatwords_flatten(char **textp, const struct pl *html)
{
	struct flat f = {.mb = mbuf_alloc(html->l + 1)};

	if (!f.mb)
		return ENOMEM;

	flatten(&f, *html);
	if (!f.err) {
		f.mb->pos = 0;
		f.err = mbuf_strdup(f.mb, textp, f.mb->end);
	}
	mem_deref(f.mb);

	return f.err;
}
