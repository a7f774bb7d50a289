/* account_tell.c: what the gateway tells its users by itself: welcome, missed
 * and failed calls. */
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>
#include "base/id.h"
#include "base/log.h"
#include "base/text.h"
#include "bridge/account_priv.h"
#include "bridge/chat.h"
#include "xmpp/jid.h"

enum { TIME_SIZE = 32, ID_SIZE = 17 };

struct portal_face *face_find(const struct accounts *a, const char *domain)
{
	struct le *le;

	LIST_FOREACH (&a->faces, le) {
		struct portal_face *f = le->data;

		if (!strcmp(component_domain(f->c), domain))
			return f;
	}

	return NULL;
}

void account_say(struct accounts *a, const char *gateway, const char *from,
		 const char *user, const char *type, const char *fmt, ...)
{
	struct chatportal *p =
	    a->conf.chat ? chat_portal(a->conf.chat, gateway) : NULL;
	char *text = NULL, id[ID_SIZE];
	struct stanza *st;
	va_list ap;
	int err;

	if (!p)
		return;

	va_start(ap, fmt);
	err = re_vsdprintf(&text, fmt, ap);
	va_end(ap);
	if (err)
		return;

	id_token(id, sizeof(id));
	st = stanza_new("message", NS_COMPONENT);
	(void)stanza_attr_set(st, "from", from);
	(void)stanza_attr_set(st, "to", user);
	(void)stanza_attr_set(st, "type", type);
	(void)stanza_attr_set(st, "id", id);
	(void)stanza_text_add(stanza_add(st, "body", NULL), text);
	(void)chat_stanza_send(p, st, true);
	mem_deref(text);
}

/* X0100 4.1: both see each other from now on. */
void account_welcome(struct account *acc)
{
	struct accounts *a = acc->owner->a;
	struct portal_face *f = face_find(a, acc->gateway);

	if (!f || !f->service)
		return;

	service_presence_type(f->service, acc->gateway, acc->owner->jid,
			      "subscribe");
	account_suggest(f, acc->owner->jid);
}

void account_goodbye(const char *user, struct portal_face *f)
{
	const char *gateway = component_domain(f->c);
	struct owner *o = owner_find(f->a, user);
	struct le *le;

	if (o)
		owner_allow(o, gateway, false);
	if (!f->service)
		return;

	for (le = o ? o->contacts.head : NULL; le; le = le->next) {
		const struct contact *c = le->data;

		service_revoke(f->service, c->jid, user, true);
	}
	service_presence_type(f->service, gateway, user, "unsubscribe");
	service_revoke(f->service, gateway, user, false);
}

/* ---- calls ---- */

static void time_print(char out[TIME_SIZE])
{
	const time_t now = time(NULL);
	struct tm tm;

	out[0] = '\0';
	if (localtime_r(&now, &tm))
		(void)strftime(out, TIME_SIZE, "%Y-%m-%d %H:%M", &tm);
}

static bool is_wanted(const struct accounts *a, const char *user)
{
	const struct owner *o = owner_find(a, user);

	switch (a->conf.config->account.missed) {
	case CONFIG_MISSED_ALL:
		return true;
	case CONFIG_MISSED_ACCOUNTS:
		return o && !list_isempty(&o->accounts);
	default:
		return false;
	}
}

/* Who called, as a person would read it: the user part, unescaped. */
static int number_of(char **np, const char *contact)
{
	const size_t n = strcspn(contact, "@");

	return jid_unescape(np, contact, n);
}

static void say_missed(struct accounts *a, const struct call_end *end,
		       const char *user, const char *contact,
		       const char *number)
{
	const char *name =
	    end->s->name && strcmp(end->s->name, number) ? end->s->name : NULL;
	char when[TIME_SIZE];

	time_print(when);
	account_say(a, strchr(contact, '@') + 1, contact, user, "chat",
		    "Missed call from %s%s%s%s%s%s at %s", name ? name : "",
		    name ? " (" : "", number, name ? ")" : "",
		    end->diverted ? ", diverted by " : "",
		    end->diverted ? end->diverted : "", when);
}

static void say_failed(struct accounts *a, const struct call_end *end,
		       const char *user, const char *contact,
		       const char *number)
{
	char when[TIME_SIZE];

	time_print(when);
	account_say(a, strchr(contact, '@') + 1, contact, user, "chat",
		    "Call to %s failed at %s: %s", number, when,
		    *end->why->text	 ? end->why->text
		    : end->why->sip_code ? reason_phrase(end->why->sip_code)
					 : reason_words(end->why->reason));
}

/* An end that somebody chose, and that the caller saw, is no news. */
static bool is_failure(const struct call_end *end)
{
	const struct ending *why = end->why;

	if (end->by_xmpp)
		return false;

	switch (why->sip_code) {
	case 486:
	case 487:
	case 600:
	case 603:
		return false;
	default:
		return why->reason != REASON_CANCEL &&
		       why->reason != REASON_SUCCESS &&
		       why->reason != REASON_DECLINE &&
		       why->reason != REASON_BUSY;
	}
}

void accounts_call_ended(struct accounts *a, const struct call_end *end)
{
	char *number = NULL, *user = NULL, *contact = NULL;

	if (!a || !end->x->jid || !end->s->jid ||
	    jid_bare(&user, end->x->jid) || jid_bare(&contact, end->s->jid) ||
	    !strchr(contact, '@'))
		goto out;

	accounts_contact(a, user, contact, end->s->name);
	if (end->answered || !is_wanted(a, user) ||
	    number_of(&number, contact))
		goto out;

	/* who declined has seen it */
	if (!end->from_xmpp && !end->by_xmpp)
		say_missed(a, end, user, contact, number);
	else if (end->from_xmpp && is_failure(end))
		say_failed(a, end, user, contact, number);

out:
	mem_deref(number);
	mem_deref(user);
	mem_deref(contact);
}
