/* guard.c: judges a scanned SIP message (RFC 3261 8.2, 16.3; RFC 4475). */
#include "sip/guard.h"
#include <string.h>

#ifndef PLANT
#define PLANT 0
#endif

enum {
	CSEQ_MAX = 0x7fffffff, /* RFC 3261 8.1.1.5: below 2**31 */
	HOPS_MAX = 255,	       /* RFC 3261 20.22, RFC 5393 5.3.3 */
	LENGTH_MAX = 0x7fffffff,
};

const char *const guard_options[] = {"timer", "100rel", NULL};

static const char *const methods[] = {
    "INVITE", "ACK",  "CANCEL",	   "BYE",    "OPTIONS", "REGISTER", "PRACK",
    "UPDATE", "INFO", "SUBSCRIBE", "NOTIFY", "MESSAGE", "REFER",    "PUBLISH",
};

static const char *const why_names[GUARD_WHYS] = {
    [GUARD_OK] = "ok",
    [GUARD_START_LINE] = "start line",
    [GUARD_VERSION] = "version",
    [GUARD_HEADER] = "header",
    [GUARD_MISSING] = "header missing",
    [GUARD_TWICE] = "header twice",
    [GUARD_LIMIT] = "limit",
    [GUARD_CSEQ] = "CSeq",
    [GUARD_VIA] = "Via",
    [GUARD_ADDRESS] = "address",
    [GUARD_URI] = "Request-URI",
    [GUARD_HOPS] = "Max-Forwards",
    [GUARD_REQUIRE] = "Require",
    [GUARD_LENGTH] = "Content-Length",
    [GUARD_RESPONSE] = "response",
};

const char *guard_why_name(enum guard_why why)
{
	return why < GUARD_WHYS ? why_names[why] : "?";
}

bool guard_knows_method(const struct pl *method)
{
	for (size_t i = 0; i < ARRAY_SIZE(methods); i++) {
		if (!pl_strcmp(method, methods[i]))
			return true;
	}

	return false;
}

static bool is(const struct sipscan *s, const char *method)
{
	return !pl_strcmp(&s->method, method);
}

static bool refuse(struct guard_verdict *v, enum guard_why why, unsigned code,
		   const char *phrase)
{
	v->why = why;
	v->code = code;
	v->phrase = phrase;
	return false;
}

static bool drop(struct guard_verdict *v, enum guard_why why)
{
	v->why = why;
	v->drop = true;
	return false;
}

/* Every header whose second occurrence contradicts the first. */
static const struct {
	enum sipscan_id id;
	const char *missing; /* phrase; NULL: may be absent */
	const char *twice;
} singles[] = {
    {SCAN_FROM, "Missing From", "More Than One From"},
    {SCAN_TO, "Missing To", "More Than One To"},
    {SCAN_CALL_ID, "Missing Call-ID", "More Than One Call-ID"},
    {SCAN_CSEQ, "Missing CSeq", "More Than One CSeq"},
    {SCAN_MAX_FORWARDS, NULL, "More Than One Max-Forwards"},
    {SCAN_MAX_BREADTH, NULL, "More Than One Max-Breadth"},
    {SCAN_CONTENT_LENGTH, NULL, "More Than One Content-Length"},
    {SCAN_CONTENT_TYPE, NULL, "More Than One Content-Type"},
};

static bool judge_singles(struct guard_verdict *v, const struct sipscan *s)
{
	for (size_t i = 0; i < ARRAY_SIZE(singles); i++) {
		const unsigned n = s->count[singles[i].id];

		if (singles[i].missing && (!n || !s->first[singles[i].id].l))
			return refuse(v, GUARD_MISSING, 400,
				      singles[i].missing);
		if (n > 1)
			return refuse(v, GUARD_TWICE, 400, singles[i].twice);
	}

	return true;
}

static bool judge_limits(struct guard_verdict *v, const struct sipscan *s,
			 const struct config_limits *limits)
{
	if (s->headers > limits->sip_headers)
		return refuse(v, GUARD_LIMIT, 400, "Too Many Headers");
	if (s->count[SCAN_VIA] > MIN(limits->sip_vias, SIPSCAN_VIAS))
		return refuse(v, GUARD_LIMIT, 400, "Too Many Via");
	if (s->uri.l > limits->sip_uri_bytes)
		return refuse(v, GUARD_LIMIT, 414, "Request-URI Too Long");

	return true;
}

/* CSeq = 1*DIGIT LWS Method (RFC 3261 20.16). */
static bool judge_cseq(struct guard_verdict *v, const struct sipscan *s)
{
	struct pl num = s->first[SCAN_CSEQ], met;
	uint64_t n;

	met = num;
	while (met.l && *met.p >= '0' && *met.p <= '9') {
		++met.p;
		--met.l;
	}
	num.l -= met.l;
	sipscan_trim(&met);

	if (!sipscan_number(&num, CSEQ_MAX, &n) || !sipscan_is_token(&met))
		return refuse(v, GUARD_CSEQ, 400, "Bad CSeq");

	if (!s->req || !pl_cmp(&met, &s->method))
		return true;

	/* RFC 4475 3.1.2.17, 3.1.2.18 */
	if (guard_knows_method(&s->method))
		return refuse(v, GUARD_CSEQ, 400, "CSeq Method Mismatch");
	return refuse(v, GUARD_CSEQ, 501, "Not Implemented");
}

/* "SIP/2.0/UDP host..": as nearly all are written. */
static bool is_usual_via(const struct pl *via)
{
	static const char head[] = "SIP/2.0/";
	const char *p = via->p + sizeof(head) - 1, *const end =
						       via->p + via->l;
	const char *from = p;

	if (via->l < sizeof(head) || memcmp(via->p, head, sizeof(head) - 1))
		return false;
	while (p < end && *p >= 'A' && *p <= 'Z')
		p++;

	return p > from && end - p > 1 && *p == ' ' && p[1] != ' ';
}

/* via-parm of the top-most Via; a branch after the cookie is ours to demand
 * since transactions are found by it (RFC 3261 8.1.1.7, RFC 4475 3.2.1). */
static bool judge_via(struct guard_verdict *v, const struct sipscan *s)
{
	const struct pl *via = &s->via[0];
	struct pl branch, proto, rest;

	if (!s->count[SCAN_VIA])
		return drop(v, GUARD_VIA); /* whom would we answer? */

	if (!is_usual_via(via) &&
	    re_regex(via->p, via->l,
		     "SIP[ \t\r\n]*/[ \t\r\n]*2.0[ \t\r\n]*/"
		     "[ \t\r\n]*[A-Za-z0-9\\-]+[ \t\r\n]+[^]+",
		     NULL, NULL, NULL, NULL, &proto, NULL, &rest))
		return refuse(v, GUARD_VIA, 400, "Bad Via");

	if (!sipscan_param(&branch, via, "branch") ||
	    !pl_strcasecmp(&branch, "z9hG4bK"))
		return refuse(v, GUARD_VIA, 400, "Missing Via Branch");

	return true;
}

/* After the quoted display name: what RFC 4475 breaks in From, To, Contact:
 * an open quote, open brackets, spaces inside the address. */
static bool address_is_sane(const struct pl *a)
{
	const char *p = a->p, *end = p + a->l, *lt, *gt;
	struct pl uri, name;

	if (p < end && *p == '"') {
		for (++p; p < end && *p != '"'; p++) {
			if (*p == '\\')
				++p;
		}
		if (p >= end)
			return false;
		++p;
		name = (struct pl){p, 0};
	} else {
		name = (struct pl){p, 0};
	}

	lt = memchr(p, '<', (size_t)(end - p));
	if (!lt) {
		if (p != a->p)
			return false; /* a display name needs brackets */
		uri = (struct pl){p, (size_t)(end - p)};
		gt = memchr(p, ';', uri.l);
		uri.l = gt ? (size_t)(gt - p) : uri.l;
		sipscan_trim(&uri);
	} else {
		name.l = (size_t)(lt - name.p);
		if (memchr(name.p, ',', name.l) || memchr(name.p, '"', name.l))
			return false;
		gt = memchr(lt, '>', (size_t)(end - lt));
		if (!gt)
			return false;
		uri = (struct pl){lt + 1, (size_t)(gt - lt) - 1};
	}

	for (size_t i = 0; i < uri.l; i++) {
		if ((unsigned char)uri.p[i] <= ' ' || uri.p[i] == '<')
			return false;
	}

	return memchr(uri.p, ':', uri.l) != NULL;
}

static bool judge_addresses(struct guard_verdict *v, const struct sipscan *s)
{
	struct pl tag;

	if (!address_is_sane(&s->first[SCAN_FROM]))
		return refuse(v, GUARD_ADDRESS, 400, "Bad From");
	if (!address_is_sane(&s->first[SCAN_TO]))
		return refuse(v, GUARD_ADDRESS, 400, "Bad To");
	if (!sipscan_param(&tag, &s->first[SCAN_FROM], "tag"))
		return refuse(v, GUARD_MISSING, 400, "Missing From Tag");

	if (is(s, "INVITE")) {
		if (!s->count[SCAN_CONTACT])
			return refuse(v, GUARD_MISSING, 400,
				      "Missing Contact");
		if (!address_is_sane(&s->first[SCAN_CONTACT]))
			return refuse(v, GUARD_ADDRESS, 400, "Bad Contact");
	}

	return true;
}

static bool judge_uri(struct guard_verdict *v, const struct sipscan *s)
{
	const char *colon = memchr(s->uri.p, ':', s->uri.l);
	struct pl scheme;

	if (s->spaced || !colon || memchr(s->uri.p, ' ', s->uri.l) ||
	    memchr(s->uri.p, '<', s->uri.l) || memchr(s->uri.p, '>', s->uri.l))
		return refuse(v, GUARD_URI, 400, "Bad Request-URI");

	scheme = (struct pl){s->uri.p, (size_t)(colon - s->uri.p)};
	if (!sipscan_is_token(&scheme))
		return refuse(v, GUARD_URI, 400, "Bad Request-URI");

	if (!pl_strcasecmp(&scheme, "sips")) {
		strcpy(v->header, "Warning: 380 stoxd "
				  "\"SIPS Not Allowed\"\r\n"); /* RFC 5630 */
		return refuse(v, GUARD_URI, 480, "Temporarily Unavailable");
	}
	if (pl_strcasecmp(&scheme, "sip") && pl_strcasecmp(&scheme, "tel"))
		return refuse(v, GUARD_URI, 416, "Unsupported URI Scheme");
	if (memchr(s->uri.p, '?', s->uri.l)) /* RFC 3261 19.1.1, table 1 */
		return refuse(v, GUARD_URI, 400, "Headers In Request-URI");

	return true;
}

/* Further requests that one may become: one behind the other, at once. */
static const struct {
	enum sipscan_id id;
	unsigned code;
	const char *bad, *none;
} hops[] = {
    {SCAN_MAX_FORWARDS, 483, "Bad Max-Forwards", "Too Many Hops"},
    {SCAN_MAX_BREADTH, 440, "Bad Max-Breadth", "Max-Breadth Exceeded"},
};

/* RFC 3261 16.3, RFC 5393 5: only what would open something new is stopped;
 * requests of a dialog end here anyway, and OPTIONS is answered (16.3 3). */
static bool judge_hops(struct guard_verdict *v, const struct sipscan *s)
{
	struct pl tag;
	const bool ends_here = is(s, "OPTIONS") || is(s, "ACK") ||
			       is(s, "CANCEL") ||
			       sipscan_param(&tag, &s->first[SCAN_TO], "tag");

	for (size_t i = 0; i < ARRAY_SIZE(hops); i++) {
		uint64_t n;

		if (!s->count[hops[i].id])
			continue;
		if (!sipscan_number(&s->first[hops[i].id], HOPS_MAX, &n))
			return refuse(v, GUARD_HOPS, 400, hops[i].bad);
		if (!n && !ends_here)
			return refuse(v, GUARD_HOPS, hops[i].code,
				      hops[i].none);
	}

	return true;
}

static bool add_unsupported(const struct pl *value, void *arg)
{
	struct guard_verdict *v = arg;
	const size_t used = strlen(v->header);
	/* the name or a comma before it, the end of the line behind it */
	const size_t room = sizeof("Unsupported: \r\n");

	for (size_t i = 0; guard_options[i]; i++) {
		if (!pl_strcasecmp(value, guard_options[i]))
			return false;
	}
	v->code = 420; /* also where it cannot be named */
	if (!sipscan_is_token(value) ||
	    (value->l + room > sizeof(v->header) - used && PLANT != 1))
		return false;

	(void)re_snprintf(v->header + used, sizeof(v->header) - used,
			  used ? ", %r" : "Unsupported: %r", value);
	return false;
}

static bool judge_require(struct guard_verdict *v, const struct sipscan *s)
{
	if (is(s, "ACK") || is(s, "CANCEL"))
		return true; /* RFC 3261 8.2.2.3 */

	v->header[0] = '\0';
	(void)sipscan_each(s, SCAN_REQUIRE, add_unsupported, v);
	(void)sipscan_each(s, SCAN_PROXY_REQUIRE, add_unsupported, v);
	if (!v->code)
		return true;

	if (v->header[0])
		strcat(v->header, "\r\n");
	return refuse(v, GUARD_REQUIRE, 420, "Bad Extension");
}

static bool judge_length(struct guard_verdict *v, const struct sipscan *s,
			 bool stream)
{
	uint64_t n;

	if (!s->ended)
		return refuse(v, GUARD_LENGTH, 400, "No End Of Headers");
	if (!s->count[SCAN_CONTENT_LENGTH])
		return stream ? refuse(v, GUARD_LENGTH, 400,
				       "Missing Content-Length")
			      : true;
	if (!sipscan_number(&s->first[SCAN_CONTENT_LENGTH], LENGTH_MAX, &n))
		return refuse(v, GUARD_LENGTH, 400, "Bad Content-Length");
	if (n > s->body.l && PLANT != 3) /* RFC 3261 18.3 */
		return refuse(v, GUARD_LENGTH, 400, "Content-Length Mismatch");

	return true;
}

static bool judge_response(struct guard_verdict *v, const struct sipscan *s,
			   const struct config_limits *limits)
{
	static const enum sipscan_id needed[] = {SCAN_FROM, SCAN_TO,
						 SCAN_CALL_ID, SCAN_CSEQ};
	uint64_t n;

	if (s->code < 100 || s->code > 699 || s->bad || !s->ended)
		return drop(v, GUARD_RESPONSE);
	if (s->headers > limits->sip_headers)
		return drop(v, GUARD_LIMIT);
	/* RFC 3261 18.1.2: ours is the only Via that may be left */
	if (s->count[SCAN_VIA] != 1)
		return drop(v, GUARD_RESPONSE);
	for (size_t i = 0; i < ARRAY_SIZE(needed); i++) {
		if (s->count[needed[i]] != 1 || !s->first[needed[i]].l)
			return drop(v, GUARD_RESPONSE);
	}
	if (s->count[SCAN_CONTENT_LENGTH] &&
	    (!sipscan_number(&s->first[SCAN_CONTENT_LENGTH], LENGTH_MAX, &n) ||
	     n > s->body.l))
		return drop(v, GUARD_RESPONSE);
	if (!judge_cseq(v, s) || !judge_via(v, s))
		return drop(v, GUARD_RESPONSE);

	return true;
}

static bool judge_request(struct guard_verdict *v, const struct sipscan *s,
			  const struct config_limits *limits, bool stream)
{
	if (!judge_via(v, s))
		return false;
	if (pl_strcasecmp(&s->version, "SIP/2.0"))
		return refuse(v, GUARD_VERSION, 505, "Version Not Supported");
	if (!sipscan_is_token(&s->method))
		return refuse(v, GUARD_START_LINE, 400, "Bad Method");
	if (s->bad)
		return refuse(v, GUARD_HEADER, 400, "Bad Header");

	return judge_limits(v, s, limits) && judge_singles(v, s) &&
	       judge_cseq(v, s) && judge_uri(v, s) && judge_addresses(v, s) &&
	       judge_length(v, s, stream) && judge_hops(v, s) &&
	       judge_require(v, s);
}

void guard_judge(struct guard_verdict *v, const struct sipscan *s,
		 const struct config_limits *limits, bool stream)
{
	memset(v, 0, sizeof(*v));

	if (s->req)
		(void)judge_request(v, s, limits, stream);
	else
		(void)judge_response(v, s, limits);

	/* RFC 3261 17.1.1.3: an ACK is never answered */
	if (v->code && s->req && is(s, "ACK"))
		v->drop = true;
}

/* Folded lines become one; nothing else may end a line early. */
static int print_value(struct mbuf *mb, const struct pl *p)
{
	int err = 0;

	for (size_t i = 0; i < p->l && !err; i++) {
		const char c = p->p[i];

		err = mbuf_write_u8(mb, (unsigned char)c < 0x20 ? ' '
								: (uint8_t)c);
	}

	return err;
}

static int print_header(struct mbuf *mb, const char *name, const struct pl *p)
{
	int err;

	if (!p->l)
		return 0;

	err = mbuf_printf(mb, "%s: ", name);
	err |= print_value(mb, p);
	return err;
}

int guard_reply_print(struct mbuf *mb, const struct sipscan *s,
		      const struct guard_verdict *v, const struct sa *src,
		      const char *tag, const char *server)
{
#if PLANT == 2 /* there may be more than were kept */
	const unsigned vias = s->count[SCAN_VIA];
#else
	const unsigned vias = MIN(s->count[SCAN_VIA], SIPSCAN_VIAS);
#endif
	struct pl old, end;
	int err;

	err = mbuf_printf(mb, "SIP/2.0 %u %s\r\n", v->code, v->phrase);

	for (unsigned i = 0; i < vias; i++) {
		struct pl via = s->via[i];

		if (!i && !msg_param_exists(&via, "rport", &end) &&
		    msg_param_decode(&via, "rport", &old)) {
			/* RFC 3581 4: an empty rport is filled in place */
			const struct pl head = {
			    via.p, (size_t)(end.p + end.l - via.p)};

			err |= print_header(mb, "Via", &head);
			err |= mbuf_printf(mb, "=%u;received=%j", sa_port(src),
					   src);
			pl_advance(&via, (ssize_t)head.l);
			err |= print_value(mb, &via);
		} else {
			err |= print_header(mb, "Via", &via);
			if (!i)
				err |= mbuf_printf(mb, ";received=%j", src);
		}
		err |= mbuf_write_str(mb, "\r\n");
	}

	err |= print_header(mb, "From", &s->first[SCAN_FROM]);
	err |= mbuf_write_str(mb, s->first[SCAN_FROM].l ? "\r\n" : "");
	err |= print_header(mb, "To", &s->first[SCAN_TO]);
	if (s->first[SCAN_TO].l &&
	    msg_param_decode(&s->first[SCAN_TO], "tag", &old))
		err |= mbuf_printf(mb, ";tag=%s", tag);
	err |= mbuf_write_str(mb, s->first[SCAN_TO].l ? "\r\n" : "");
	err |= print_header(mb, "Call-ID", &s->first[SCAN_CALL_ID]);
	err |= mbuf_write_str(mb, s->first[SCAN_CALL_ID].l ? "\r\n" : "");
	err |= print_header(mb, "CSeq", &s->first[SCAN_CSEQ]);
	err |= mbuf_write_str(mb, s->first[SCAN_CSEQ].l ? "\r\n" : "");
	if (server)
		err |= mbuf_printf(mb, "Server: %s\r\n", server);
	err |= mbuf_printf(mb, "%sContent-Length: 0\r\n\r\n", v->header);

	return err;
}
