/* scan.c: the head of a SIP message cut into lines (RFC 3261 7.3, 25.1). */
#include "sip/scan.h"
#include <string.h>

#define NAME(text) text, sizeof(text) - 1

static const struct {
	const char *name;
	size_t len;
	char compact; /* RFC 3261 7.3.3; 0: none */
	enum sipscan_id id;
} names[] = {
    {NAME("Via"), 'v', SCAN_VIA},
    {NAME("From"), 'f', SCAN_FROM},
    {NAME("To"), 't', SCAN_TO},
    {NAME("Call-ID"), 'i', SCAN_CALL_ID},
    {NAME("CSeq"), 0, SCAN_CSEQ},
    {NAME("Max-Forwards"), 0, SCAN_MAX_FORWARDS},
    {NAME("Max-Breadth"), 0, SCAN_MAX_BREADTH},
    {NAME("Content-Length"), 'l', SCAN_CONTENT_LENGTH},
    {NAME("Content-Type"), 'c', SCAN_CONTENT_TYPE},
    {NAME("Contact"), 'm', SCAN_CONTACT},
    {NAME("Require"), 0, SCAN_REQUIRE},
    {NAME("Proxy-Require"), 0, SCAN_PROXY_REQUIRE},
    {NAME("Route"), 0, SCAN_ROUTE},
};

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

void sipscan_trim(struct pl *p)
{
	while (p->l && is_space(*p->p)) {
		++p->p;
		--p->l;
	}
	while (p->l && is_space(p->p[p->l - 1]))
		--p->l;
}

bool sipscan_is_token(const struct pl *p)
{
	static const char marks[] = "-.!%*_+`'~"; /* RFC 3261 25.1 */

	for (size_t i = 0; i < p->l; i++) {
		const char c = p->p[i];
		const bool alnum = (c >= '0' && c <= '9') ||
				   (c >= 'a' && c <= 'z') ||
				   (c >= 'A' && c <= 'Z');

		if (!alnum && (!c || !strchr(marks, c)))
			return false;
	}

	return p->l > 0;
}

bool sipscan_number(const struct pl *p, uint64_t max, uint64_t *n)
{
	uint64_t v = 0;

	for (size_t i = 0; i < p->l; i++) {
		if (p->p[i] < '0' || p->p[i] > '9')
			return false;

		v = v * 10 + (uint64_t)(p->p[i] - '0');
		if (v > max)
			return false;
	}

	*n = v;
	return p->l > 0;
}

bool sipscan_seconds(const struct pl *p, uint64_t max, uint64_t *n)
{
	struct pl digits = {p->p, 0};

	while (digits.l < p->l && p->p[digits.l] >= '0' &&
	       p->p[digits.l] <= '9')
		++digits.l;
	if (!digits.l)
		return false;
	if (!sipscan_number(&digits, max, n))
		*n = max;

	return true;
}

static const char *space_end(const char *p, const char *end)
{
	while (p < end && is_space(*p))
		++p;

	return p;
}

bool sipscan_param(struct pl *val, const struct pl *value, const char *name)
{
	const char *p = value->p, *const end = p ? p + value->l : NULL, *from;
	const size_t n = strlen(name);

	while (p < end && (p = memchr(p, ';', (size_t)(end - p)))) {
		p = space_end(p + 1, end);
		if ((size_t)(end - p) <= n || strncasecmp(p, name, n) != 0)
			continue;
		from = space_end(p + n, end);
		if (from == end || *from != '=')
			continue;
		from = space_end(from + 1, end);
		for (p = from; p < end && *p != ';' && !is_space(*p); p++)
			;
		if (p == from)
			continue;
		*val = (struct pl){from, (size_t)(p - from)};
		return true;
	}

	return false;
}

unsigned sipscan_retry_after(const struct sip_msg *msg, unsigned max)
{
	const struct sip_hdr *hdr = sip_msg_hdr(msg, SIP_HDR_RETRY_AFTER);
	uint64_t n;

	return hdr && sipscan_seconds(&hdr->val, max, &n) ? (unsigned)n : 0;
}

/* One line without its end; *len becomes what follows it. */
static bool next_line(const char **p, size_t *len, struct pl *line)
{
	const char *lf = memchr(*p, '\n', *len);

	if (!lf)
		return false;

	line->p = *p;
	line->l = (size_t)(lf - *p);
	if (line->l && line->p[line->l - 1] == '\r')
		--line->l;

	*len -= (size_t)(lf + 1 - *p);
	*p = lf + 1;
	return true;
}

static bool has_control(const struct pl *p)
{
	for (size_t i = 0; i < p->l; i++) {
		const unsigned char c = (unsigned char)p->p[i];

		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return true;
	}

	return false;
}

static int start_line(struct sipscan *s, const struct pl *line)
{
	const char *sp1 = memchr(line->p, ' ', line->l);
	const char *end = line->p + line->l, *sp2 = end;
	uint64_t code;

	if (!sp1 || sp1 == line->p || has_control(line))
		return EBADMSG;

	if (line->l > 8 && !strncasecmp(line->p, "SIP/", 4)) {
		const struct pl num = {sp1 + 1,
				       MIN(3u, (size_t)(end - sp1) - 1)};

		s->version = (struct pl){line->p, (size_t)(sp1 - line->p)};
		if (!sipscan_number(&num, 999, &code))
			return EBADMSG;
		if (sp1 + 4 < end && sp1[4] != ' ')
			return EBADMSG; /* more than three digits */
		s->code = (unsigned)code;
		return 0;
	}

	s->req = true;
	s->method = (struct pl){line->p, (size_t)(sp1 - line->p)};
	while (sp2 > sp1 && is_space(sp2[-1])) {
		--sp2; /* RFC 4475 3.1.2.10: trailing white space */
		s->spaced = true;
	}
	end = sp2;
	while (sp2 > sp1 + 1 && sp2[-1] != ' ')
		--sp2;
	if (sp2 == sp1 + 1)
		return EBADMSG;

	s->version = (struct pl){sp2, (size_t)(end - sp2)};
	s->uri = (struct pl){sp1 + 1, (size_t)(sp2 - sp1) - 2};
	if (strncasecmp(s->version.p, "SIP/", MIN(4u, s->version.l)) ||
	    s->version.l < 5)
		return EBADMSG;

	return 0;
}

static enum sipscan_id header_id(const struct pl *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (name->l == names[i].len &&
		    !strncasecmp(name->p, names[i].name, name->l))
			return names[i].id;
		if (name->l == 1 && names[i].compact &&
		    (name->p[0] | 0x20) == names[i].compact)
			return names[i].id;
	}

	return SCAN_OTHER;
}

static bool split_header(const struct pl *line, struct pl *name,
			 struct pl *value)
{
	const char *colon = memchr(line->p, ':', line->l);

	if (!colon)
		return false;

	*name = (struct pl){line->p, (size_t)(colon - line->p)};
	*value = (struct pl){colon + 1, line->l - name->l - 1};
	sipscan_trim(name);
	sipscan_trim(value);
	return sipscan_is_token(name);
}

static void add_header(struct sipscan *s, const struct pl *line)
{
	struct pl name, value;
	enum sipscan_id id;

	++s->headers;
	if (!split_header(line, &name, &value)) {
		s->bad = true;
		return;
	}

	id = header_id(&name);
	if (id == SCAN_OTHER)
		return;

	if (id == SCAN_VIA && s->count[id] < SIPSCAN_VIAS)
		s->via[s->count[id]] = value;
	if (!s->count[id]++)
		s->first[id] = value;
}

int sipscan_decode(struct sipscan *s, const char *p, size_t len)
{
	struct pl line, header = PL_INIT;
	int err;

	memset(s, 0, sizeof(*s));
	if (!next_line(&p, &len, &line))
		return EBADMSG;

	err = start_line(s, &line);
	if (err)
		return err;

	while (next_line(&p, &len, &line)) {
		s->bad |= has_control(&line);

		if (line.l && header.p && is_space(line.p[0])) {
			header.l = (size_t)(line.p + line.l - header.p);
			continue; /* folded: RFC 3261 7.3.1 */
		}
		if (header.p)
			add_header(s, &header);
		if (!line.l) {
			s->ended = true;
			s->body = (struct pl){p, len};
			return 0;
		}
		header = line;
	}
	if (header.p)
		add_header(s, &header);

	return 0;
}

struct pl sipscan_call_id(const char *p, size_t len)
{
	struct pl line, name, value;

	if (!next_line(&p, &len, &line))
		return pl_null;
	while (next_line(&p, &len, &line) && line.l) {
		const char c = line.p[0];

		if ((c == 'C' || c == 'c' || c == 'I' || c == 'i') &&
		    split_header(&line, &name, &value) &&
		    header_id(&name) == SCAN_CALL_ID)
			return value;
	}

	return pl_null;
}

bool sipscan_values(const struct pl *line, sipscan_value_h *h, void *arg)
{
	const char *p = line->p, *end = line->p + line->l, *start = p;
	bool quoted = false, angle = false;

	for (; p <= end; p++) {
		struct pl value;

		if (p < end) {
			if (quoted && *p == '\\' && p + 1 < end) {
				++p;
				continue;
			}
			if (*p == '"')
				quoted = !quoted;
			if (!quoted && (*p == '<' || *p == '>'))
				angle = *p == '<';
			if (*p != ',' || quoted || angle)
				continue;
		}
		value = (struct pl){start, (size_t)(p - start)};
		start = p + 1;
		sipscan_trim(&value);
		if (value.l && h(&value, arg))
			return true;
	}

	return false;
}

bool sipscan_each(const struct sipscan *s, enum sipscan_id id,
		  sipscan_value_h *h, void *arg)
{
	const char *p, *stop;
	struct pl line, header = PL_INIT, name, value;
	size_t len;

	if (!s->count[id])
		return false;
	if (s->count[id] == 1)
		return sipscan_values(&s->first[id], h, arg);

	p = s->version.p; /* in the start line, or before it in a response */
	stop = s->body.p;
	if (!stop)
		return sipscan_values(&s->first[id], h, arg);

	len = (size_t)(stop - p);
	(void)next_line(&p, &len, &line);
	while (next_line(&p, &len, &line)) {
		if (line.l && header.p && is_space(line.p[0])) {
			header.l = (size_t)(line.p + line.l - header.p);
			continue;
		}
		if (header.p && split_header(&header, &name, &value) &&
		    header_id(&name) == id && sipscan_values(&value, h, arg))
			return true;
		header = line;
	}

	return false;
}
