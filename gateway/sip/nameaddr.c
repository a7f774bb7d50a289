/* nameaddr.c: From, P-Asserted-Identity, Contact and Reason values as text. */
#include "sip/nameaddr.h"
#include <string.h>
#include "base/text.h"
#include "sip/scan.h"

#ifndef PLANT
#define PLANT 0 /* 1..3: a bug on purpose, for the fuzzer to find */
#endif

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void trim(struct pl *pl)
{
	while (pl->l && is_space(pl->p[0]))
		pl_advance(pl, 1);
	while (pl->l && is_space(pl->p[pl->l - 1]))
		--pl->l;
}

/* Length of a quoted-string with both quotes; 0: it never ends. */
static size_t quoted_len(const struct pl *pl)
{
	size_t i;

	for (i = 1; i < pl->l; i++) {
#if PLANT == 1
		if (pl->p[i] == '\\' && pl->p[i + 2])
			i++;
#else
		if (pl->p[i] == '\\')
			i++;
#endif
		else if (pl->p[i] == '"')
			return i + 1;
	}

	return 0;
}

static int uri_check(const struct pl *uri)
{
	const char *colon;

	if (!uri->l || uri->l > NAMEADDR_URI_MAX)
		return EBADMSG;

	for (size_t i = 0; i < uri->l; i++) {
		unsigned char c = (unsigned char)uri->p[i];

		if (c <= ' ' || c == 0x7f || c == '<' || c == '>' || c == '"')
			return EBADMSG;
	}

	/* scheme ":" (RFC 3986 3.1) */
	colon = memchr(uri->p, ':', uri->l);

	return colon && colon != uri->p ? 0 : EBADMSG;
}

/* rest starts behind the display name, at '<'. */
static int bracket_decode(struct nameaddr *na, const struct pl *rest)
{
	const char *end = memchr(rest->p, '>', rest->l);

	if (!end)
		return EBADMSG;

	na->uri.p = rest->p + 1;
	na->uri.l = (size_t)(end - na->uri.p);
	na->params.p = end + 1;
	na->params.l = rest->l - na->uri.l - 2;
	trim(&na->uri);
	trim(&na->params);

	if (na->params.l && na->params.p[0] != ';')
		return EBADMSG;

	return uri_check(&na->uri);
}

/* addr-spec: parameters belong to the header, not to the URI (RFC 3261 20) */
static int bare_decode(struct nameaddr *na, const struct pl *val)
{
	const char *semi = memchr(val->p, ';', val->l);

	na->uri = *val;
	if (semi) {
		na->uri.l = (size_t)(semi - val->p);
		na->params.p = semi;
		na->params.l = val->l - na->uri.l;
	}
	trim(&na->uri);

	return uri_check(&na->uri);
}

int nameaddr_decode(struct nameaddr *na, const struct pl *val)
{
	struct pl rest;
	const char *open;
	size_t n;

	if (!na || !val || !val->p)
		return EINVAL;

	memset(na, 0, sizeof(*na));
	rest = *val;
	trim(&rest);
	if (!rest.l)
		return EBADMSG;

	if (rest.p[0] == '"') {
		n = quoted_len(&rest);
		if (!n)
			return EBADMSG;
		na->quoted = true;
		na->name.p = rest.p + 1;
		na->name.l = n - 2;
		pl_advance(&rest, (ssize_t)n);
		trim(&rest);
		if (!rest.l || rest.p[0] != '<')
			return EBADMSG;
		return bracket_decode(na, &rest);
	}

	open = memchr(rest.p, '<', rest.l);
	if (!open)
		return bare_decode(na, &rest);

	na->name.p = rest.p;
	na->name.l = (size_t)(open - rest.p);
	trim(&na->name);
	pl_advance(&rest, open - rest.p);

	return bracket_decode(na, &rest);
}

int nameaddr_name(char **namep, const struct nameaddr *na)
{
	char buf[NAMEADDR_NAME_MAX * 4], *clean = NULL;
	struct pl pl = {buf, 0};
	int err;

	if (!namep || !na)
		return EINVAL;

	*namep = NULL;
	if (!na->name.l)
		return 0;

	for (size_t i = 0; i < na->name.l; i++) {
		char c = na->name.p[i];

#if PLANT != 2
		if (pl.l >= sizeof(buf))
			break;
#endif
		if (na->quoted && c == '\\' && i + 1 < na->name.l)
			c = na->name.p[++i];
		buf[pl.l++] = c;
	}

	err = text_clean(&clean, &pl, NAMEADDR_NAME_MAX);
	if (err || !clean)
		return err;

	pl_set_str(&pl, clean);
	trim(&pl);
	if (pl.l)
		err = pl_strdup(namep, &pl);
	mem_deref(clean);

	return err;
}

/* Walks ";name=value" items; values may be quoted. */
static bool param_next(struct pl *params, struct pl *name, struct pl *val)
{
	size_t i = 0, end;

	while (params->l && (params->p[0] == ';' || is_space(params->p[0])))
		pl_advance(params, 1);
	if (!params->l)
		return false;

	while (i < params->l && params->p[i] != ';' && params->p[i] != '=')
		i++;
	name->p = params->p;
	name->l = i;
	*val = pl_null;

	if (i < params->l && params->p[i] == '=') {
		i++;
		while (i < params->l && is_space(params->p[i]))
			i++;
		val->p = params->p + i;
		if (i < params->l && params->p[i] == '"') {
			struct pl q = {params->p + i, params->l - i};

			end = quoted_len(&q);
#if PLANT == 3
			val->p++;
			val->l = end - 2;
			i += end;
#else
			if (!end)
				return false;
			val->p++;
			val->l = end - 2;
			i += end;
#endif
		} else {
			end = i;
			while (end < params->l && params->p[end] != ';')
				end++;
			val->l = end - i;
			trim(val);
			i = end;
		}
	}

	trim(name);
	while (i < params->l && params->p[i] != ';')
		i++;
	pl_advance(params, (ssize_t)i);

	return true;
}

static bool param_get(const struct pl *params, const char *name,
		      struct pl *val)
{
	struct pl rest = *params, n, v;

	while (param_next(&rest, &n, &v)) {
		if (!pl_strcasecmp(&n, name)) {
			*val = v;
			return true;
		}
	}

	return false;
}

bool nameaddr_param(const struct nameaddr *na, const char *name,
		    struct pl *val)
{
	return na && name && val && param_get(&na->params, name, val);
}

unsigned nameaddr_q(const struct nameaddr *na)
{
	unsigned q = 0, scale = 100;
	struct pl val;

	if (!nameaddr_param(na, "q", &val) || !val.l)
		return 1000;
	if (val.p[0] == '1')
		return 1000;
	if (val.p[0] != '0' || val.l < 2 || val.p[1] != '.')
		return 0;

	for (size_t i = 2; i < val.l && scale; i++, scale /= 10) {
		if (val.p[i] < '0' || val.p[i] > '9')
			break;
		q += (unsigned)(val.p[i] - '0') * scale;
	}

	return q;
}

bool nameaddr_next(struct pl *list, struct pl *item)
{
	bool quote = false, angle = false;
	size_t i;

	if (!list || !item)
		return false;

	trim(list);
	while (list->l && (list->p[0] == ',' || is_space(list->p[0])))
		pl_advance(list, 1);
	if (!list->l)
		return false;

	for (i = 0; i < list->l; i++) {
		char c = list->p[i];

		if (quote && c == '\\')
			i++;
		else if (c == '"' && !angle)
			quote = !quote;
		else if (c == '<' && !quote)
			angle = true;
		else if (c == '>' && !quote)
			angle = false;
		else if (c == ',' && !quote && !angle)
			break;
	}
	if (i > list->l)
		i = list->l;

	item->p = list->p;
	item->l = i;
	trim(item);
	pl_advance(list, (ssize_t)i);

	return true;
}

bool nameaddr_uri_safe(const char *uri)
{
	struct pl pl;

	if (!uri)
		return false;
	pl_set_str(&pl, uri);

	return !uri_check(&pl);
}

int nameaddr_print(struct re_printf *pf, const struct nameaddr_out *na)
{
	struct pl name;

	if (!na || !nameaddr_uri_safe(na->uri))
		return EBADMSG;
	if (!na->name)
		return re_hprintf(pf, "<%s>", na->uri);

	pl_set_str(&name, na->name);

	return re_hprintf(pf, "\"%H\" <%s>", text_print_sip_quoted, &name,
			  na->uri);
}

int reasonhdr_decode(struct reasonhdr *rh, const struct pl *val)
{
	const char *semi;
	struct pl rest, cause;

	if (!rh || !val || !val->p)
		return EINVAL;

	memset(rh, 0, sizeof(*rh));
	rest = *val;
	trim(&rest);
	rh->proto = rest;

	semi = memchr(rest.p, ';', rest.l);
	if (semi) {
		rh->proto.l = (size_t)(semi - rest.p);
		pl_advance(&rest, semi - rest.p);
		if (param_get(&rest, "cause", &cause) && cause.l <= 3)
			rh->cause = pl_u32(&cause);
		(void)param_get(&rest, "text", &rh->text);
	}
	trim(&rh->proto);

	return rh->proto.l ? 0 : EBADMSG;
}

/* Directions are those of the media lines in their order, and sound is the
 * first of ours; what stands beside them ("gated") is none. */
static bool early_direction(const struct pl *value, void *arg)
{
	static const struct {
		const char *name;
		bool heard;
	} v[] = {
	    {"sendrecv", true},
	    {"sendonly", true},
	    {"recvonly", false},
	    {"inactive", false},
	};
	bool *heard = arg;

	for (size_t i = 0; i < ARRAY_SIZE(v); i++) {
		if (pl_strcasecmp(value, v[i].name))
			continue;
		*heard = v[i].heard;
		return true;
	}

	return false;
}

int earlyhdr_decode(bool *heard, const struct pl *val)
{
	if (!heard || !val || !val->p)
		return EINVAL;

	return sipscan_values(val, early_direction, heard) ? 0 : ENOENT;
}
