/* web_priv.h: what the files of the HTTP server share among themselves. */
#ifndef ADMIN_WEB_PRIV_H
#define ADMIN_WEB_PRIV_H

#include <microhttpd.h>
#include <jansson.h>
#include "admin/command.h"
#include "admin/webreq.h"
#include "gateway.h"

enum { WEB_BODY_MAX = 4096 }; /* bytes that a request may bring */

struct web;
struct webfeed;

struct webask { /* a request; a mem_ref object */
	struct le le;
	struct web *web;		   /* not referenced */
	struct MHD_Connection *connection; /* not referenced */
	struct webreq_path path;
	int err; /* of the path */
	bool judged, post, suspended;
	struct webreq_scope may;
	char *body;
	size_t len; /* of body, also beyond WEB_BODY_MAX */
	const struct command *command;
	struct command_run *run;
	struct mbuf *out; /* its answer */
	unsigned status;  /* of it; 0: it is not finished */
};

/* webreply.c: a handler answers by one of these, or suspends. */
enum MHD_Result web_reply(struct webask *a, unsigned status, const char *type,
			  const void *text, size_t len);
enum MHD_Result web_reply_text(struct webask *a, unsigned status,
			       const char *type, const char *text);
/* {"error": ..} in words. */
enum MHD_Result web_fail(struct webask *a, unsigned status, const char *fmt,
			 ...);
enum MHD_Result web_fail_method(struct webask *a, const char *allow);
enum MHD_Result web_fail_token(struct webask *a, bool wrong);
/* A file of the page. */
enum MHD_Result web_file(struct webask *a, const char *name);
/* A header of the request, or NULL. */
const char *web_header(const struct webask *a, const char *name);
/* Sends r and releases it; NULL: out of memory. */
enum MHD_Result web_send(struct webask *a, unsigned status,
			 struct MHD_Response *r);
const struct gateway *web_gateway(const struct web *w);
/* Its response may take as long as it likes. */
void web_no_time(struct MHD_Connection *c);
/* Suspends it: its command takes its time, unless nobody waits any more. */
void web_wait(struct webask *a);
/* Lets connections that were resumed go on. */
void web_wake(struct web *w);

/* webapi.c: /api/v1/... */
enum MHD_Result webapi_get(struct webask *a);
enum MHD_Result webapi_post(struct webask *a);
/* After it was suspended. */
enum MHD_Result webapi_finish(struct webask *a);

/* Answers a suspended one without its command. */
void webapi_give_up(struct webask *a);

/* webfeed.c: /api/v1/events */
int webfeed_alloc(struct webfeed **fp, struct web *w);
enum MHD_Result webfeed_join(struct webfeed *f, struct webask *a);
void webfeed_call_ended(struct webfeed *f, const struct call_end *end);
/* Ends all streams; their connections may be closed then. */
void webfeed_close(struct webfeed *f);

/* The page's files, compressed: made from page/ when the gateway is built. */
struct webfile {
	const char *name, *type, *etag;
	const unsigned char *data; /* gzip */
	size_t size;
};
extern const struct webfile web_files[];
extern const size_t web_filec;

#endif
