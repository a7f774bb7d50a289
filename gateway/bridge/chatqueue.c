/* chatqueue.c: what waits for each target, and what is under way (D.1). */
#include <errno.h>
#include <string.h>
#include "base/journal.h"
#include "base/keyed.h"
#include "base/log.h"
#include "bridge/chatpriv.h"

enum {
	WAITING_MAX = 20000,  /* messages, of all */
	RETRY_MIN = 500,      /* ms */
	RETRY_MAX = 8 * 1000, /* ms */
	EXCERPT = 40,	      /* bytes of a text that an error quotes */
	AROUND = 1024,	      /* bytes of memory beside the text, about */
};

struct chatqueue { /* a mem_ref object */
	struct le he, le;
	struct chat *chat; /* not referenced */
	char *key;	   /* trunk and URI */
	struct list msgs;  /* the first is under way, or is next */
	struct message *under_way;
	struct tmr tmr;	       /* deadline of the first, or its next try */
	uint64_t try_at;       /* ms */
	unsigned tries;	       /* of the first, that came to nothing */
	bool stale;	       /* the rules may be others since */
	enum stanza_cond cond; /* why the last try did */
};

static void due_h(void *arg);
static void reroute(struct chatqueue *q);
static void result_h(const struct message_result *r, void *arg);

static void queue_destructor(void *arg)
{
	struct chatqueue *q = arg;

	hash_unlink(&q->he);
	list_unlink(&q->le);
	tmr_cancel(&q->tmr);
	mem_deref(q->under_way);
	list_flush(&q->msgs);
	mem_deref(q->key);
}

static bool is_key(struct le *le, void *arg)
{
	const struct chatqueue *q = le->data;

	return !strcmp(q->key, arg);
}

static struct chatmsg *first(const struct chatqueue *q)
{
	return list_ledata(q->msgs.head);
}

/* What it costs to let it wait; parts of one text share its memory. */
static size_t cost(const struct chatmsg *m)
{
	return AROUND + m->len + (m->doc ? strlen(m->doc) : 0);
}

static void count(struct chat *chat, const struct chatmsg *m, bool more)
{
	chat->stats.waiting += more ? 1 : -1;
	if (more)
		chat->waiting_bytes += cost(m);
	else
		chat->waiting_bytes -= cost(m);
}

static void arm(struct chatqueue *q)
{
	const uint64_t now = tmr_jiffies();
	const struct chatmsg *m = first(q);
	uint64_t at = m->deadline;

	if (!q->under_way && q->try_at < at)
		at = q->try_at;
	tmr_start(&q->tmr, at > now ? at - now : 0, due_h, q);
}

/* The first is dealt with. */
static void drop_first(struct chatqueue *q)
{
	q->under_way = mem_deref(q->under_way);
	count(q->chat, first(q), false);
	mem_deref(first(q));
	q->tries = 0;
	q->try_at = 0;
	q->cond = COND_NONE;
}

/* What was cut from one text ends with the part that could not be sent. */
static void drop_rest(struct chatqueue *q, const struct chatmsg *m)
{
	struct chatmsg *next;
	const unsigned part = m->part, of = m->of;

	drop_first(q);
	for (unsigned i = part; i < of && (next = first(q)); i++)
		drop_first(q);
}

/* Gives way to the loop: a long queue shall not hold up everything else. */
static void go_on(struct chatqueue *q)
{
	if (q->stale && !q->under_way)
		reroute(q);
	if (!first(q))
		mem_deref(q);
	else
		arm(q);
}

static void quote(char *buf, size_t size, const struct chatmsg *m,
		  const char *what)
{
	size_t n = m->words.body ? strlen(m->words.body) : 0;
	const size_t cut = chatwords_part(m->words.body, n, EXCERPT);

	if (n)
		(void)re_snprintf(buf, size, "%s: \"%b%s\"", what,
				  m->words.body, cut, cut < n ? ".." : "");
	else
		(void)re_snprintf(buf, size, "%s", what);
}

static void expire(struct chatqueue *q, const struct chatmsg *m)
{
	char why[80], text[160];

	(void)re_snprintf(why, sizeof(why), "not delivered within %u s",
			  q->chat->conf.config->chat.ttl);
	quote(text, sizeof(text), m, why);
	chatout_fail(m, q->cond ? q->cond : COND_REMOTE_SERVER_TIMEOUT, text,
		     NULL);
}

static void try_first(struct chatqueue *q)
{
	struct chatmsg *m = first(q);
	int err;

	err = chatwire_send(&q->under_way, q->chat, m, result_h, q);
	if (!err)
		return;

	log_warning("chat: %s to %s: %m\n", m->user, m->uri, err);
	chatout_fail(m, COND_INTERNAL_SERVER_ERROR, "not sent", NULL);
	drop_rest(q, m);
}

static void due_h(void *arg)
{
	struct chatqueue *q = arg;
	const uint64_t now = tmr_jiffies();
	struct chatmsg *m;

	while ((m = first(q)) && m->deadline <= now) {
		expire(q, m);
		drop_rest(q, m);
	}
	if (m && !q->under_way && q->try_at <= now)
		try_first(q);

	go_on(q);
}

/* Is it worth trying again within the time that is left? */
static bool passing(struct chatqueue *q, const struct chatmsg *m,
		    const struct message_result *r)
{
	const uint64_t now = tmr_jiffies();
	uint64_t wait;

	if (!r->err && r->code != 503)
		return false;

	wait = MIN((uint64_t)RETRY_MIN << MIN(q->tries, 10u), RETRY_MAX);
	if (r->retry_after)
		wait = (uint64_t)r->retry_after * 1000;
	if (now + wait >= m->deadline && r->retry_after)
		return false;

	++q->tries;
	q->try_at = now + wait;
	q->cond = r->err ? COND_REMOTE_SERVER_TIMEOUT : cond_from_sip(r->code);

	return m->kind == CHAT_TEXT;
}

/* Parts of the first, in its place. */
static int split(struct chatqueue *q, struct chatmsg *m, size_t room)
{
	struct list parts;
	size_t at = 0, total = m->len;
	unsigned n = 0;
	struct le *le;

	list_init(&parts);
	while (at < total) {
		const size_t len = chatwords_part(m->words.body + m->at + at,
						  total - at, room);
		struct chatmsg *part;

		if (!len || chatmsg_part(&part, m, m->at + at, len)) {
			list_flush(&parts);
			return ENOMEM;
		}
		part->part = ++n;
		list_append(&parts, &part->le, part);
		at += len;
	}

	LIST_FOREACH (&parts, le) {
		((struct chatmsg *)le->data)->of = n;
		count(q->chat, le->data, true);
	}
	/* while one of them is left */
	((struct chatmsg *)list_ledata(parts.tail))->slot = m->slot;
	m->slot = JOURNAL_NONE;
	drop_first(q);
	while ((le = parts.tail)) {
		list_unlink(le);
		list_prepend(&q->msgs, le, le->data);
	}

	return 0;
}

static void too_large(struct chatqueue *q, struct chatmsg *m,
		      const struct message_result *r)
{
	enum { ROOM_MIN = 64 }; /* bytes; less is no part of a text */

	if (m->wrapped && m->kind == CHAT_TEXT) {
		m->bare = true;
		return;
	}
	if (q->chat->conf.config->chat.oversize == CONFIG_OVERSIZE_SPLIT &&
	    m->kind == CHAT_TEXT && r->room >= ROOM_MIN && m->of == 1 &&
	    !split(q, m, r->room))
		return;

	chatout_fail(m, COND_POLICY_VIOLATION, CHAT_TOO_LONG, NULL);
	drop_rest(q, m);
}

static void result_h(const struct message_result *r, void *arg)
{
	struct chatqueue *q = arg;
	struct chatmsg *m = first(q);

	/* of r the slices point into what came, not into the message */
	q->under_way = mem_deref(q->under_way);
	chatwire_used(q->chat, m, r->cseq);

	if (r->err == EMSGSIZE) {
		too_large(q, m, r);
	} else if (passing(q, m, r)) {
		log_info("chat: %s to %s: %s, tried again\n", m->user, m->uri,
			 r->err ? strerror(r->err) : "503");
	} else {
		switch (chatout_done(m, r)) {
		case FATE_DONE:
			drop_first(q);
			break;
		case FATE_FAILED:
			drop_rest(q, m);
			break;
		case FATE_AGAIN:
			q->try_at = 0;
			break;
		}
	}

	go_on(q);
}

static struct chatqueue *queue_get(struct chat *chat, const struct chatmsg *m)
{
	struct chatqueue *q;
	char *key = NULL;

	if (re_sdprintf(&key, "%s %s", siptrunk_conf(m->trunk)->name, m->uri))
		return NULL;

	q = list_ledata(
	    hash_lookup(chat->queues, keyed_str(key), is_key, key));
	if (q) {
		mem_deref(key);
		return q;
	}

	q = mem_zalloc(sizeof(*q), queue_destructor);
	if (!q) {
		mem_deref(key);
		return NULL;
	}
	q->chat = chat;
	q->key = key;
	hash_append(chat->queues, keyed_str(key), &q->he, q);
	list_append(&chat->queuelist, &q->le, q);

	return q;
}

int chatqueue_add(struct chat *chat, struct chatmsg *m)
{
	const struct config_chat *conf = &chat->conf.config->chat;
	const size_t most = chat->conf.config->limits.waiting_bytes;
	struct chatqueue *q = queue_get(chat, m);

	int err = 0;

	if (!q)
		err = ENOMEM;
	else if (list_count(&q->msgs) >= conf->queue)
		err = ENOBUFS;
	else if (chat->stats.waiting >= WAITING_MAX ||
		 (most && chat->waiting_bytes + cost(m) > most))
		err = ENOSPC;
	if (err) {
		mem_deref(m);
		if (q && list_isempty(&q->msgs))
			mem_deref(q);
		return err;
	}

	m->deadline = tmr_jiffies() + (uint64_t)conf->ttl * 1000;
	list_append(&q->msgs, &m->le, m);
	count(chat, m, true);
	chatkeep_note(m);
	if (!q->under_way)
		arm(q);

	return 0;
}

/* Where the first goes by the rules that hold now; NULL: its sender knows that
 * it goes nowhere. */
static struct chatqueue *way_of(struct chatqueue *q, struct chatmsg *m)
{
	struct chatqueue *to = NULL;
	char text[160];

	if (chatout_reroute(m)) {
		quote(text, sizeof(text), m,
		      "the gateway has no way to it any more");
		chatout_fail(m, COND_RECIPIENT_UNAVAILABLE, text, NULL);
	} else {
		to = queue_get(q->chat, m);
		if (!to)
			chatout_fail(m, COND_INTERNAL_SERVER_ERROR, "not sent",
				     NULL);
	}

	return to;
}

/* What was under way to where it went before has been waited for. */
static void reroute(struct chatqueue *q)
{
	struct list stay = LIST_INIT;
	struct chatmsg *m;
	struct le *le;

	q->stale = false;
	q->tries = 0;
	q->try_at = 0;
	q->cond = COND_NONE;
	while ((m = first(q))) {
		struct chatqueue *to = way_of(q, m);

		if (!to) {
			drop_rest(q, m);
			continue;
		}
		list_unlink(&m->le);
		list_append(to == q ? &stay : &to->msgs, &m->le, m);
		if (to != q && !to->under_way)
			arm(to);
	}
	while ((le = list_head(&stay))) {
		list_unlink(le);
		list_append(&q->msgs, le, le->data);
	}
}

void chatqueue_renew(struct chat *chat)
{
	struct le *le = list_head(&chat->queuelist);

	while (le) {
		struct chatqueue *q = le->data;

		le = le->next;
		q->stale = true;
		if (!q->under_way)
			go_on(q);
	}
}

void chatqueue_close(struct chat *chat, const char *why)
{
	struct chatqueue *q;

	while ((q = list_ledata(chat->queuelist.head))) {
		const struct chatmsg *m;

		while ((m = first(q))) {
			char text[160];

			quote(text, sizeof(text), m, why);
			chatout_fail(m, COND_RECIPIENT_UNAVAILABLE, text,
				     NULL);
			drop_rest(q, m);
		}
		mem_deref(q);
	}
}
