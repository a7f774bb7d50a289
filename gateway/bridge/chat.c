/* chat.c: messages between XMPP and SIP: the object and what it remembers. */
#include <errno.h>
#include <string.h>
#include "base/log.h"
#include "bridge/chatpriv.h"

enum {
	QUEUES = 1024,	  /* buckets */
	PEERS_MAX = 8192, /* powers of two */
	TALKS_MAX = 8192,
	REPORTS_MAX = 16384,
	OUT_MAX = 4096,
	LOOP_WINDOW = 2 * 1000,	     /* ms; D12 */
	HELD_MAX = 4096,	     /* stanzas for a server that is away */
	HELD_FOR = 3600 * 1000,	     /* ms */
	KEPT_FOR = 24 * 3600 * 1000, /* ms; D21 */
	TALK_FOR = 7 * 24 * 3600 * 1000,
};

struct chatheld {
	struct le le;
	struct stanza *st;
	size_t bytes;
	uint64_t until; /* ms */
};

static void held_destructor(void *arg)
{
	struct chatheld *held = arg;

	list_unlink(&held->le);
	stanza_free(held->st);
}

static void drop_oldest(struct chatportal *p)
{
	struct chatheld *held = list_ledata(p->held.head);

	p->chat->held_bytes -= held->bytes;
	--p->chat->stats.held;
	mem_deref(held);
}

static void portal_destructor(void *arg)
{
	struct chatportal *p = arg;

	component_unlisten(p->c, p);
	while (!list_isempty(&p->held))
		drop_oldest(p);
	list_unlink(&p->le);
	mem_deref(p->c);
}

static void destructor(void *arg)
{
	struct chat *chat = arg;

	chat_close(chat);
	mem_deref(chat->messages);
	mem_deref(chat->queues);
	mem_deref(chat->talks);
	mem_deref(chat->peers);
	mem_deref(chat->threads);
	mem_deref(chat->sent);
	mem_deref(chat->got);
	mem_deref(chat->out);
	mem_deref(chat->pace);
	mem_deref(chat->keep);
	list_flush(&chat->portals);
}

struct chatportal *chat_portal(const struct chat *chat, const char *domain)
{
	struct le *le;

	LIST_FOREACH (&chat->portals, le) {
		struct chatportal *p = le->data;

		if (!strcmp(component_conf(p->c)->component, domain))
			return p;
	}

	return NULL;
}

/* ---- stanzas ---- */

/* Its receiver shall know, though not now. */
static void hold(struct chatportal *p, struct stanza *st)
{
	const size_t most = p->chat->conf.config->limits.waiting_bytes;
	struct chatheld *held = mem_zalloc(sizeof(*held), held_destructor);

	if (!held) {
		stanza_free(st);
		return;
	}

	held->bytes = stanza_bytes(st);
	while (!list_isempty(&p->held) &&
	       (list_count(&p->held) >= HELD_MAX ||
		p->chat->held_bytes + held->bytes > most)) {
		log_debug("chat: too much waits for %s: the oldest goes\n",
			  component_domain(p->c));
		drop_oldest(p);
	}
	held->st = st;
	p->chat->held_bytes += held->bytes;
	held->until = tmr_jiffies() + HELD_FOR;
	list_append(&p->held, &held->le, held);
	++p->chat->stats.held;
}

int chat_stanza_send(struct chatportal *p, struct stanza *st, bool keep)
{
	int err = ENOMEM;

	if (st && stanza_ok(st))
		err = component_send(p->c, st, COMPONENT_NORMAL);
	if (keep && (err == ENOTCONN || err == ENOBUFS)) {
		hold(p, st);
		return 0;
	}
	stanza_free(st);

	return err;
}

static void state_h(struct component *c, bool up, void *arg)
{
	struct chatportal *p = arg;
	struct chatheld *held;
	(void)c;

	if (up)
		chatkeep_tell(p);
	while (up && (held = list_ledata(p->held.head))) {
		if (held->until > tmr_jiffies() &&
		    component_send(p->c, held->st, COMPONENT_NORMAL))
			break;
		drop_oldest(p);
	}
}

struct stanza *chat_message(const char *contact, const char *to,
			    const char *type, const char *id)
{
	struct stanza *st = stanza_new("message", NS_COMPONENT);

	(void)stanza_attr_setf(st, "from", "%s/sip", contact); /* D7 */
	(void)stanza_attr_set(st, "to", to);
	(void)stanza_attr_set(st, "type", type);
	(void)stanza_attr_set(st, "id", id);

	return st;
}

/* ---- what is remembered ---- */

static void peer_destructor(void *arg)
{
	struct chatpeer *peer = arg;

	cached_destruct(&peer->item);
}

struct chatpeer *chat_peer(struct chat *chat, const char *contact, bool make)
{
	struct chatpeer *peer = cache_find(chat->peers, contact);

	if (peer || !make)
		return peer;

	peer = mem_zalloc(sizeof(*peer), peer_destructor);
	if (!peer || cache_add(chat->peers, &peer->item, contact))
		return NULL;

	return peer;
}

static void talk_destructor(void *arg)
{
	struct chattalk *talk = arg;

	cached_destruct(&talk->item);
	tmr_cancel(&talk->typing);
	mem_deref(talk->user);
	mem_deref(talk->contact);
}

struct chattalk *chat_talk(struct chatportal *p, const char *user,
			   const char *contact)
{
	struct chattalk *talk;
	char *key = NULL;

	if (re_sdprintf(&key, "%s\n%s", user, contact))
		return NULL;

	talk = cache_find(p->chat->talks, key);
	if (talk)
		goto out;

	talk = mem_zalloc(sizeof(*talk), talk_destructor);
	if (!talk)
		goto out;
	talk->portal = p;
	if (str_dup(&talk->user, user) || str_dup(&talk->contact, contact))
		talk = mem_deref(talk);
	else if (cache_add(p->chat->talks, &talk->item, key))
		talk = NULL;

out:
	mem_deref(key);

	return talk;
}

/* ---- the object ---- */

static int caches_alloc(struct chat *chat)
{
	int err;

	err = cache_alloc(&chat->peers, PEERS_MAX, KEPT_FOR);
	if (!err)
		err = cache_alloc(&chat->talks, TALKS_MAX, TALK_FOR);
	if (!err)
		err = cache_alloc(&chat->threads, TALKS_MAX, TALK_FOR);
	if (!err)
		err = cache_alloc(&chat->sent, REPORTS_MAX, TALK_FOR);
	if (!err)
		err = cache_alloc(&chat->got, REPORTS_MAX, TALK_FOR);
	if (!err)
		err = cache_alloc(&chat->out, OUT_MAX, LOOP_WINDOW);

	return err;
}

int chat_alloc(struct chat **cp, const struct chat_conf *conf)
{
	const struct config_limits *limits;
	struct chat *chat;
	int err;

	if (!cp || !conf || !conf->config || !conf->route || !conf->stack)
		return EINVAL;

	chat = mem_zalloc(sizeof(*chat), destructor);
	if (!chat)
		return ENOMEM;

	chat->conf = *conf;
	limits = &conf->config->limits;
	err = hash_alloc(&chat->queues, QUEUES);
	if (!err)
		err = caches_alloc(chat);
	if (!err)
		err = pace_alloc(&chat->pace, limits->message_rate,
				 limits->message_burst);
	if (!err)
		err = messages_alloc(&chat->messages, conf->stack,
				     chatin_request, chat);
	if (err)
		mem_deref(chat);
	else
		*cp = chat;

	return err;
}

int chat_component(struct chat *chat, struct component *c)
{
	struct chatportal *p;
	int err;

	if (!chat || !c)
		return EINVAL;

	p = mem_zalloc(sizeof(*p), portal_destructor);
	if (!p)
		return ENOMEM;

	p->chat = chat;
	p->c = mem_ref(c);
	list_append(&chat->portals, &p->le, p);
	err = component_listen(c, COMPONENT_MESSAGE, NULL, chatout_stanza, p);
	if (!err)
		err = component_listen_state(c, state_h, p);
	if (err)
		mem_deref(p);

	return err;
}

void chat_renew(struct chat *chat)
{
	const struct config_limits *limits = &chat->conf.config->limits;

	pace_set(chat->pace, limits->message_rate, limits->message_burst);
	chatqueue_renew(chat);
}

void chat_close(struct chat *chat)
{
	if (!chat || chat->closed)
		return;

	chat->closing = true;
	if (chat->queues)
		chatqueue_close(chat, "the gateway is being stopped");
	chat->closed = true;
}

void chat_stats(struct chat_stats *s, const struct chat *chat)
{
	if (chat)
		*s = chat->stats;
	else
		memset(s, 0, sizeof(*s));
}
