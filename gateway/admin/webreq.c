/* webreq.c: what an HTTP request says, judged before anything acts on it. */
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <string.h>
#include <strings.h>
#include "admin/webreq.h"
#include "base/compat.h"
#include "base/text.h"

/* Deliberate bugs, one a number, that fuzzing must find. */
#ifndef PLANT
#define PLANT 0
#endif

/* RFC 3986 2.1 */
static bool word_decode(char **outp, const char *s, size_t len)
{
	char *out = *outp;

	for (size_t i = 0; i < len; i++) {
		int hi, lo;

		if (s[i] != '%') {
			*out++ = s[i];
			continue;
		}
		if (i + 2 >= len && PLANT != 1)
			return false;
		hi = text_hex(s[i + 1]);
		lo = text_hex(s[i + 2]);
		if (hi < 0 || lo < 0)
			return false;
		*out++ = (char)(hi << 4 | lo);
		i += 2;
	}
	*outp = out;

	return true;
}

static bool word_is_fine(const char *s, size_t len)
{
	uint32_t cp;
	size_t n;

	if (!len || (len == 1 && s[0] == '.') ||
	    (len == 2 && s[0] == '.' && s[1] == '.'))
		return false;

	for (; len; s += n, len -= n) {
		n = text_utf8_decode(&cp, s, len);
		if (!n || (text_is_control(cp) && PLANT != 2))
			return false;
	}

	return true;
}

/* The words between separators, from *s to the first character of ends. */
static int words_decode(struct webreq_path *path, size_t *n, char **out,
			const char **s, const char *separator,
			const char *ends)
{
	char stops[8];

	(void)re_snprintf(stops, sizeof(stops), "%s%s", separator, ends);
	for (;;) {
		const size_t len = strcspn(*s, stops);
		char *const word = *out;

		if (path->wordc + path->queryc == WEBREQ_WORDS_MAX)
			return E2BIG;
		if (!word_decode(out, *s, len) ||
		    !word_is_fine(word, (size_t)(*out - word)))
			return EBADMSG;
		*(*out)++ = '\0';
		path->wordv[path->wordc + path->queryc] = word;
		++*n;
		*s += len;
		if (**s != *separator)
			return 0;
		++*s;
	}
}

int webreq_path_decode(struct webreq_path *path, const char *target)
{
	char *out = path->buf;
	const char *s = target;
	int err = 0;

	path->wordc = path->queryc = 0;
	if (strlen(target) > WEBREQ_URI_MAX)
		return E2BIG;
	if (*s++ != '/')
		return EBADMSG;

	if (*s && *s != '?')
		err = words_decode(path, &path->wordc, &out, &s, "/", "?#");
	if (!err && *s == '?' && *++s)
		err = words_decode(path, &path->queryc, &out, &s, "&", "#");

	return err ? err : *s ? EBADMSG : 0;
}

/* ---- tokens ---- */

/* RFC 6750 2.1: b64token */
static size_t token_length(const char *s)
{
	size_t n = strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuv"
			     "wxyz0123456789-._~+/");

	return n ? n + strspn(s + n, "=") : 0;
}

bool webreq_token_is_valid(const char *token)
{
	const size_t n = strlen(token);

	return n >= WEBREQ_TOKEN_MIN && n <= WEBREQ_TOKEN_MAX &&
	       token_length(token) == n;
}

/* Digests are of one length: how long the token is does not show either. */
static bool token_is(const unsigned char said[SHA256_DIGEST_LENGTH],
		     const char *token)
{
	unsigned char md[SHA256_DIGEST_LENGTH];

	if (!token)
		return false;

	SHA256((const unsigned char *)token, strlen(token), md);

	return !CRYPTO_memcmp(said, md, sizeof(md));
}

struct webreq_scope webreq_token(const char *auth, const char *read_token,
				 const char *write_token)
{
	unsigned char md[SHA256_DIGEST_LENGTH];
	struct webreq_scope scope = {false, false};
	bool read;

	if (!auth || strncasecmp(auth, "Bearer ", 7))
		return scope;
	auth += 7;
	auth += strspn(auth, " ");
	if (!webreq_token_is_valid(auth))
		return scope;

	SHA256((const unsigned char *)auth, strlen(auth), md);
	read = token_is(md, read_token);
	scope.write = token_is(md, write_token);
	scope.read = read | scope.write;
	if (PLANT == 3)
		scope.write = scope.read;

	return scope;
}

/* ---- where it comes from ---- */

/* "host", "host:port", "[::1]:port" -> host without brackets. */
static bool host_split(struct pl *host, const char *s)
{
	const char *end;

	if (*s == '[') {
		host->p = ++s;
		end = strchr(s, ']');
		if (!end)
			return false;
		host->l = (size_t)(end - s);
		++end;
	} else {
		end = s + strcspn(s, ":");
		host->p = s;
		host->l = (size_t)(end - s);
	}

	if (*end == ':') {
		const size_t n = strspn(++end, "0123456789");

		if (!n || n > 5)
			return false;
		end += n;
	}

	return !*end && host->l && host->l < 256;
}

/* RFC 1123 2.1 */
static bool host_is_name(const struct pl *host)
{
	for (size_t i = 0; i < host->l; i++) {
		if (!strchr("abcdefghijklmnopqrstuvwxyz"
			    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.",
			    host->p[i]))
			return false;
	}

	return true;
}

bool webreq_host_is_ours(const char *host, bool named)
{
	struct pl pl;
	struct sa sa;

	if (!host || !host_split(&pl, host))
		return false;
	if (!sa_set(&sa, &pl, 0))
		return true;
	if (host[0] == '[')
		return false;
	if (!pl_strcasecmp(&pl, "localhost"))
		return true;

	return named && host_is_name(&pl);
}

bool webreq_origin_is_ours(const char *origin, const char *host)
{
	if (!origin)
		return true;
	if (!host)
		return false;
	if (!strncasecmp(origin, "http://", 7))
		origin += 7;
	else if (!strncasecmp(origin, "https://", 8))
		origin += 8;
	else
		return false;

	return !strcasecmp(origin, host);
}

/* ";q=0", with as many zeros as it likes (RFC 9110 12.4.2) */
static bool weight_is_zero(const struct pl *params)
{
	struct pl q;

	return !re_regex(params->p, params->l, "q=[0-9.]+", &q) &&
	       strspn(q.p, "0.") >= q.l;
}

bool webreq_accepts_gzip(const char *accept)
{
	const char *s = accept ? accept : "";

	while (*s) {
		const char *const end = s + strcspn(s, ",");
		struct pl name, params;

		s += strspn(s, " \t");
		name.p = s;
		name.l = strcspn(s, " \t,;");
		params.p = name.p + name.l;
		params.l = (size_t)(end - params.p);
		if (!pl_strcasecmp(&name, "gzip") ||
		    !pl_strcasecmp(&name, "*"))
			return !weight_is_zero(&params);
		s = *end ? end + 1 : end;
	}

	return false;
}
