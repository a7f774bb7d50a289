/* webreply.c: answers: headers, failures in words, the page's files. */
#include <stdlib.h>
#include <string.h>
#include "admin/web_priv.h"

/* Those that every response has. */
static void headers_add(struct MHD_Response *r)
{
	static const struct {
		const char *name, *value;
	} v[] = {
	    {"Content-Security-Policy",
	     "default-src 'none'; script-src 'self'; style-src 'self'; "
	     "img-src 'self'; connect-src 'self'; base-uri 'none'; "
	     "form-action 'none'; frame-ancestors 'none'; "
	     "require-trusted-types-for 'script'; trusted-types 'none'"},
	    {"X-Content-Type-Options", "nosniff"},
	    {"X-Frame-Options", "DENY"},
	    {"Referrer-Policy", "no-referrer"},
	    {"Cross-Origin-Opener-Policy", "same-origin"},
	    {"Cross-Origin-Resource-Policy", "same-origin"},
	    {"Permissions-Policy", "camera=(), geolocation=(), microphone=()"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(v); i++)
		(void)MHD_add_response_header(r, v[i].name, v[i].value);
}

enum MHD_Result web_send(struct webask *a, unsigned status,
			 struct MHD_Response *r)
{
	enum MHD_Result ok = MHD_NO;

	if (r) {
		headers_add(r);
		ok = MHD_queue_response(a->connection, status, r);
		MHD_destroy_response(r);
	}

	return ok;
}

static struct MHD_Response *copied(const char *type, const void *text,
				   size_t len)
{
	static const char none[1] = "";
	struct MHD_Response *r;

	/* it is copied, not written to */
	r = MHD_create_response_from_buffer(
	    len, (void *)(uintptr_t)(text ? text : none),
	    MHD_RESPMEM_MUST_COPY);
	if (r) {
		(void)MHD_add_response_header(r, "Content-Type", type);
		(void)MHD_add_response_header(r, "Cache-Control", "no-store");
	}

	return r;
}

enum MHD_Result web_reply(struct webask *a, unsigned status, const char *type,
			  const void *text, size_t len)
{
	return web_send(a, status, copied(type, text, len));
}

enum MHD_Result web_reply_text(struct webask *a, unsigned status,
			       const char *type, const char *text)
{
	return web_reply(a, status, type, text, strlen(text));
}

static struct MHD_Response *failure(const char *fmt, va_list ap)
{
	struct MHD_Response *r;
	char *why = NULL, *text;
	json_t *j;

	if (re_vsdprintf(&why, fmt, ap))
		return NULL;
	j = json_pack("{s:s}", "error", why);
	text = j ? json_dumps(j, JSON_COMPACT) : NULL;
	r = text ? copied("application/json", text, strlen(text)) : NULL;
	free(text);
	json_decref(j);
	mem_deref(why);

	return r;
}

enum MHD_Result web_fail(struct webask *a, unsigned status, const char *fmt,
			 ...)
{
	struct MHD_Response *r;
	va_list ap;

	va_start(ap, fmt);
	r = failure(fmt, ap);
	va_end(ap);

	return web_send(a, status, r);
}

enum MHD_Result web_fail_method(struct webask *a, const char *allow)
{
	struct MHD_Response *r =
	    copied("application/json",
		   "{\"error\":\"this is not asked with that method\"}", 46);

	if (r)
		(void)MHD_add_response_header(r, "Allow", allow);

	return web_send(a, MHD_HTTP_METHOD_NOT_ALLOWED, r);
}

/* RFC 6750 3 */
enum MHD_Result web_fail_token(struct webask *a, bool wrong)
{
	static const char text[] = "{\"error\":\"a token is needed\"}",
			  bad[] = "{\"error\":\"this token is not known\"}";
	struct MHD_Response *r = copied("application/json", wrong ? bad : text,
					strlen(wrong ? bad : text));

	if (r)
		(void)MHD_add_response_header(
		    r, "WWW-Authenticate",
		    wrong ? "Bearer realm=\"stoxd\", error=\"invalid_token\""
			  : "Bearer realm=\"stoxd\"");

	return web_send(a, MHD_HTTP_UNAUTHORIZED, r);
}

/* ---- the page ---- */

const char *web_header(const struct webask *a, const char *name)
{
	return MHD_lookup_connection_value(a->connection, MHD_HEADER_KIND,
					   name);
}

enum MHD_Result web_file(struct webask *a, const char *name)
{
	struct MHD_Response *r;
	const struct webfile *f = NULL;
	const char *known;

	for (size_t i = 0; i < web_filec; i++) {
		if (!strcmp(web_files[i].name, name))
			f = &web_files[i];
	}
	if (!f)
		return web_fail(a, MHD_HTTP_NOT_FOUND,
				"there is no such page");
	if (!webreq_accepts_gzip(web_header(a, "Accept-Encoding")))
		return web_fail(a, MHD_HTTP_NOT_ACCEPTABLE,
				"this is there compressed by gzip only: send "
				"Accept-Encoding: gzip (curl --compressed)");

	known = web_header(a, "If-None-Match");
	if (known && !strcmp(known, f->etag))
		r = MHD_create_response_from_buffer(0, NULL,
						    MHD_RESPMEM_PERSISTENT);
	else
		r = MHD_create_response_from_buffer(f->size,
						    (void *)(uintptr_t)f->data,
						    MHD_RESPMEM_PERSISTENT);
	if (r) {
		(void)MHD_add_response_header(r, "Content-Type", f->type);
		(void)MHD_add_response_header(r, "Content-Encoding", "gzip");
		(void)MHD_add_response_header(r, "Vary", "Accept-Encoding");
		(void)MHD_add_response_header(r, "ETag", f->etag);
		(void)MHD_add_response_header(r, "Cache-Control", "no-cache");
	}

	return web_send(a,
			known && !strcmp(known, f->etag)
			    ? MHD_HTTP_NOT_MODIFIED
			    : MHD_HTTP_OK,
			r);
}
