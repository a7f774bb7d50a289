/* chatkeep.c: messages that outlive their process: who wrote one that was still
 * waiting when it died hears so from the next one.  What was written is kept
 * nowhere: the id says which it is.
 *
 * A record is lines: to, from, seconds since 1970, and the id as the rest. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "base/journal.h"
#include "base/log.h"
#include "bridge/chatpriv.h"

#ifndef PLANT
#define PLANT 0 /* 1..3: a bug on purpose, for the fuzzer to find */
#endif

enum {
	SLOTS = 2048,	   /* messages that wait at once and are noted */
	LINES = 3,	   /* before the id */
	AGAIN = 60 * 1000, /* ms; a disk may be full for a while */
};

struct chatkeep {	   /* a mem_ref object */
	struct journal *j; /* NULL: nothing was noted yet */
	char *path;
	struct list lost; /* of another process */
	uint64_t off;	  /* ms: the disk takes no notes until then */
	bool leave;	  /* the next process has to tell */
};

static void lost_destructor(void *arg)
{
	struct chatlost *l = arg;

	list_unlink(&l->le);
}

static void keep_destructor(void *arg)
{
	struct chatkeep *k = arg;

	list_flush(&k->lost);
	if (k->leave)
		journal_leave(k->j);
	mem_deref(k->j);
	mem_deref(k->path);
}

/* ---- another process's ---- */

int chatkeep_decode(struct chatlost **lp, const uint8_t *p, size_t len)
{
	char *line[LINES];
	struct chatlost *l;
	char *at;

	if (!len || (memchr(p, '\0', len) && PLANT != 1))
		return EBADMSG;

	l = mem_zalloc(sizeof(*l) + len + 1, lost_destructor);
	if (!l)
		return ENOMEM;

	memcpy(l->text, p, len);
	l->slot = JOURNAL_NONE;
	at = l->text;
	for (size_t i = 0; i < LINES; i++) {
		line[i] = at;
		at = strchr(at, '\n');
		if (!at && PLANT != 2) {
			mem_deref(l);
			return EBADMSG;
		}
		*at++ = PLANT == 3 ? '\n' : '\0';
	}
	l->to = line[0];
	l->from = line[1];
	l->at = strtoll(line[2], NULL, 10);
	l->id = at;
	*lp = l;

	return 0;
}

/* The component that it was written to. */
static struct chatportal *portal_of(const struct chat *chat,
				    const struct chatlost *l)
{
	const char *at = strchr(l->to, '@');
	const size_t n = at ? strcspn(at + 1, "/") : 0;
	struct le *le;

	LIST_FOREACH (&chat->portals, le) {
		struct chatportal *p = le->data;
		const char *domain = component_domain(p->c);

		if (n && strlen(domain) == n &&
		    !strncasecmp(domain, at + 1, n))
			return p;
	}

	return NULL;
}

static void record_h(const uint8_t *p, size_t len, uint64_t alive, void *arg)
{
	struct chat *chat = arg;
	struct chatlost *l;

	(void)alive;
	if (chatkeep_decode(&l, p, len))
		return;
	if (portal_of(chat, l))
		list_append(&chat->keep->lost, &l->le, l);
	else
		mem_deref(l);
}

static void lost_note(struct chatkeep *k, struct chatlost *l)
{
	char text[JOURNAL_RECORD];
	const int n = re_snprintf(text, sizeof(text), "%s\n%s\n%lld\n%s",
				  l->to, l->from, (long long)l->at, l->id);

	if (n > 0)
		(void)journal_put(k->j, &l->slot, text, (size_t)n);
}

static int tell(struct chatportal *p, const struct chatlost *l)
{
	struct stanza *st = stanza_new("message", NS_COMPONENT), *e;
	char text[160];

	(void)stanza_attr_set(st, "from", l->from);
	(void)stanza_attr_set(st, "to", l->to);
	(void)stanza_attr_set(st, "id", l->id);
	(void)re_snprintf(text, sizeof(text),
			  "the gateway was restarted before it was known "
			  "whether the message of %H was delivered",
			  chatwords_time_print, &l->at);
	e = stanza_error(st, COND_RECIPIENT_UNAVAILABLE, NULL, NULL, text);
	stanza_free(st);

	return chat_stanza_send(p, e, false);
}

void chatkeep_tell(struct chatportal *p)
{
	struct chatkeep *k = p->chat->keep;
	struct le *le = k ? list_head(&k->lost) : NULL;
	bool any = le != NULL;

	while (le) {
		struct chatlost *l = le->data;

		le = le->next;
		if (portal_of(p->chat, l) != p)
			continue;
		if (tell(p, l) == ENOTCONN)
			return;
		++p->chat->stats.failed;
		journal_drop(k->j, &l->slot);
		mem_deref(l);
	}
	if (any && list_isempty(&k->lost) && !k->j)
		(void)unlink(k->path);
}

int chat_keep(struct chat *chat, const char *path)
{
	struct chatkeep *k = mem_zalloc(sizeof(*k), keep_destructor);
	int err;

	if (!k)
		return ENOMEM;

	err = str_dup(&k->path, path);
	if (err) {
		mem_deref(k);
		return err;
	}
	chat->keep = k;
	err = journal_read(path, record_h, chat);
	if (err && err != ENOENT)
		log_warning("chat: %s: %m; messages of a process before this "
			    "one are not told\n",
			    path, err);
	if (!list_isempty(&k->lost))
		log_warning("chat: %u messages waited when the process before "
			    "this one ended: their senders are told\n",
			    list_count(&k->lost));
	else if (!err)
		(void)unlink(path);

	return 0;
}

/* ---- ours ---- */

/* With the first message: most gateways wait for nobody. */
static int open_journal(struct chatkeep *k)
{
	struct le *le;
	int err;

	if (k->j)
		return 0;
	if (tmr_jiffies() < k->off)
		return EIO;

	err = journal_alloc(&k->j, k->path, SLOTS);
	if (err) {
		log_warning("chat: %s: %m; messages that wait are not noted\n",
			    k->path, err);
		k->off = tmr_jiffies() + AGAIN;
		return err;
	}
	LIST_FOREACH (&k->lost, le)
		lost_note(k, le->data);

	return 0;
}

void chatkeep_note(struct chatmsg *m)
{
	struct chatkeep *k = m->portal->chat->keep;
	struct chatlost l = {.slot = JOURNAL_NONE, .at = time(NULL)};

	if (!k || m->kind != CHAT_TEXT || !m->id || open_journal(k))
		return;

	l.to = m->to;
	l.from = m->from;
	l.id = m->id;
	lost_note(k, &l);
	m->slot = l.slot;
}

void chatkeep_drop(struct chatmsg *m)
{
	struct chat *chat = m->portal ? m->portal->chat : NULL;

	if (m->slot == JOURNAL_NONE || !chat->keep)
		return;

	/* its sender could not be told */
	if (chat->closing && !component_up(m->portal->c))
		chat->keep->leave = true;
	else
		journal_drop(chat->keep->j, &m->slot);
}
