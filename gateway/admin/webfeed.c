/* webfeed.c: /api/v1/events: what changes, as server-sent events. */
#include <errno.h>
#include <openssl/sha.h>
#include <string.h>
#include <sys/socket.h>
#include "admin/history.h"
#include "admin/live.h"
#include "admin/rows.h"
#include "admin/web_priv.h"
#include "base/now.h"
#include "base/log.h"

enum {
	TICK = 1000, /* ms */
	CLIENTS_MAX = 16,
	QUEUE_MAX = 512 << 10, /* bytes that a slow reader may leave */
	KERNEL = 64 << 10,     /* bytes of them that the kernel keeps beside */
	BLOCK = 16 << 10,      /* bytes to the library at once */
};

struct webfeed {
	struct web *web; /* not referenced */
	struct list readers;
	struct tmr timer;
	struct quality *quality;
	struct history *history;
	uint8_t tokens[2][SHA256_DIGEST_LENGTH]; /* that the readers showed */
	uint64_t ticks;
	bool ended;  /* the history is another since it was last told */
	bool closed; /* no more events */
};

struct reader {
	struct le le;
	const struct webfeed *feed;	   /* not referenced */
	struct MHD_Connection *connection; /* not referenced */
	int fd;
	struct mbuf *queue; /* pos: what was sent */
	bool suspended, dead;
};

/* ---- readers ---- */

static void reader_destructor(void *arg)
{
	struct reader *r = arg;

	list_unlink(&r->le);
	mem_deref(r->queue);
}

static void reader_free(void *arg)
{
	mem_deref(arg);
}

static void reader_go_on(struct reader *r)
{
	if (!r->suspended)
		return;

	r->suspended = false;
	MHD_resume_connection(r->connection);
	web_wake(r->feed->web);
}

/* The library asks for bytes. */
static ssize_t reader_take(void *arg, uint64_t pos, char *buf, size_t max)
{
	struct reader *r = arg;
	size_t n = mbuf_get_left(r->queue);

	(void)pos;
	if (r->dead || r->feed->closed)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	if (!n) {
		r->suspended = true;
		MHD_suspend_connection(r->connection);
		return 0;
	}

	n = n < max ? n : max;
	memcpy(buf, mbuf_buf(r->queue), n);
	mbuf_advance(r->queue, (ssize_t)n);
	if (!mbuf_get_left(r->queue))
		r->queue->pos = r->queue->end = 0;

	return (ssize_t)n;
}

/* Its connection ends; whoever may begins anew. */
static void reader_drop(struct reader *r, const char *why)
{
	log_debug("http: a reader of events %s\n", why);
	r->dead = true;
	(void)shutdown(r->fd, SHUT_RDWR);
	reader_go_on(r);
}

/* A reader that is always a little behind never empties it: what was sent gives
 * its place back. */
static int queue_write(struct mbuf *mb, const char *event, const char *data)
{
	const size_t left = mbuf_get_left(mb);
	int err;

	if (mb->pos)
		memmove(mb->buf, mbuf_buf(mb), left);
	mb->pos = mb->end = left;
	err = mbuf_printf(mb, "event: %s\ndata: %s\n\n", event, data);
	mb->pos = 0;

	return err;
}

static void reader_tell(struct reader *r, const char *event, const char *data)
{
	const size_t left = mbuf_get_left(r->queue);

	if (r->dead)
		return;

	/* one event may be of any length */
	if ((left && left + strlen(data) > QUEUE_MAX) ||
	    queue_write(r->queue, event, data))
		reader_drop(r, "is too slow");
	else
		reader_go_on(r);
}

/* ---- events ---- */

static void tell_all(struct webfeed *f, const char *event, const char *data)
{
	struct le *le = list_head(&f->readers);

	while (le) {
		struct reader *r = le->data;

		le = le->next;
		reader_tell(r, event, data);
	}
}

/* j is released; to be freed, or NULL. */
static char *text_of(json_t *j)
{
	char *text =
	    j ? json_dumps(j, JSON_COMPACT | JSON_PRESERVE_ORDER) : NULL;

	json_decref(j);

	return text;
}

static uint64_t messages(const struct gateway *gw)
{
	struct chat_stats s;

	chat_stats(&s, gw->chat);

	return s.sent + s.received;
}

static void tokens_get(uint8_t md[2][SHA256_DIGEST_LENGTH],
		       const struct config *c)
{
	const char *const v[] = {c->read_token, c->write_token};

	for (size_t i = 0; i < 2; i++) {
		const char *token = v[i] ? v[i] : "";

		SHA256((const uint8_t *)token, strlen(token), md[i]);
	}
}

/* A token that was changed by a reload opens nothing any more. */
static void tokens_look(struct webfeed *f)
{
	uint8_t now[2][SHA256_DIGEST_LENGTH];
	struct le *le;

	tokens_get(now, web_gateway(f->web)->config);
	if (!memcmp(now, f->tokens, sizeof(now)))
		return;

	memcpy(f->tokens, now, sizeof(now));
	LIST_FOREACH (&f->readers, le) {
		reader_drop(le->data, "has to show the new token");
	}
}

static void tick(void *arg)
{
	struct webfeed *f = arg;
	const struct gateway *gw = web_gateway(f->web);
	const uint64_t now = now_wall_ms();
	const bool point = ++f->ticks % QUALITY_EVERY == 0;
	const bool read = !list_isempty(&f->readers);
	json_t *j = read || point ? live_json(gw, f->quality, point) : NULL;
	char *text;

	tmr_start(&f->timer, TICK, tick, f);
	tokens_look(f);
	history_sample(f->history, now, &call_counts, calls_count(),
		       messages(gw));
	if (read || (f->ticks + 1) % QUALITY_EVERY == 0)
		live_refresh(); /* for the next time */

	text = text_of(j);
	if (text && read)
		tell_all(f, "live", text);
	free(text);

	if (read && (f->ended || point)) {
		text = text_of(history_json(f->history, now));
		if (text)
			tell_all(f, "history", text);
		free(text);
		f->ended = false;
	}
}

/* What there is when somebody begins to read. */
static int hello(struct reader *r, struct webfeed *f, bool write)
{
	json_t *j = json_object();
	char *text;
	int err;

	row_bool(j, "write", write);
	row_number(j, "every", QUALITY_EVERY); /* s of a point */
	json_object_set_new(j, "curves", live_curves_json(f->quality));
	json_object_set_new(j, "history",
			    history_json(f->history, now_wall_ms()));
	json_object_set_new(j, "live",
			    live_json(web_gateway(f->web), f->quality, false));
	text = text_of(j);
	err = text ? queue_write(r->queue, "hello", text) : ENOMEM;
	free(text);

	return err;
}

static int reader_alloc(struct reader **rp, struct webfeed *f,
			struct webask *a)
{
	const union MHD_ConnectionInfo *i = MHD_get_connection_info(
	    a->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct reader *r = mem_zalloc(sizeof(*r), reader_destructor);
	int err;

	if (!r)
		return ENOMEM;

	r->feed = f;
	r->connection = a->connection;
	r->fd = i ? i->connect_fd : -1;
	(void)setsockopt(r->fd, SOL_SOCKET, SO_SNDBUF, &(int){KERNEL},
			 sizeof(int));
	r->queue = mbuf_alloc(4096);
	err = r->queue ? hello(r, f, a->may.write) : ENOMEM;
	if (err)
		mem_deref(r);
	else
		*rp = r;

	return err;
}

enum MHD_Result webfeed_join(struct webfeed *f, struct webask *a)
{
	struct MHD_Response *resp;
	struct reader *r;

	if (list_count(&f->readers) >= CLIENTS_MAX)
		return web_fail(a, MHD_HTTP_SERVICE_UNAVAILABLE,
				"%u already read events", CLIENTS_MAX);
	if (reader_alloc(&r, f, a))
		return web_fail(a, MHD_HTTP_SERVICE_UNAVAILABLE,
				"out of memory");

	resp = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK,
						 reader_take, r, reader_free);
	if (!resp) {
		mem_deref(r);
		return MHD_NO;
	}

	list_append(&f->readers, &r->le, r);
	(void)MHD_add_response_header(resp, "Content-Type",
				      "text/event-stream");
	(void)MHD_add_response_header(resp, "Cache-Control", "no-store");
	(void)MHD_set_connection_option(a->connection,
					MHD_CONNECTION_OPTION_TIMEOUT, 0U);
	web_no_time(a->connection);

	return web_send(a, MHD_HTTP_OK, resp);
}

void webfeed_call_ended(struct webfeed *f, const struct call_end *end)
{
	history_call_ended(f->history, now_wall_ms(), end);
	f->ended = true;
}

void webfeed_close(struct webfeed *f)
{
	struct le *le;

	if (!f)
		return;

	f->closed = true;
	tmr_cancel(&f->timer);
	LIST_FOREACH (&f->readers, le) {
		reader_go_on(le->data);
	}
}

static void feed_destructor(void *arg)
{
	struct webfeed *f = arg;

	tmr_cancel(&f->timer);
	mem_deref(f->quality);
	mem_deref(f->history);
}

int webfeed_alloc(struct webfeed **fp, struct web *w)
{
	struct webfeed *f = mem_zalloc(sizeof(*f), feed_destructor);
	int err;

	if (!f)
		return ENOMEM;

	f->web = w;
	tokens_get(f->tokens, web_gateway(w)->config);
	err = quality_alloc(&f->quality);
	if (!err)
		err = history_alloc(&f->history);
	if (err) {
		mem_deref(f);
		return err;
	}
	tmr_start(&f->timer, TICK, tick, f);
	*fp = f;

	return 0;
}
