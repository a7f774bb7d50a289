/* account_publish.c: what users with accounts show is published at their
 * registrars (RFC 3903, protocol C.3): telephones there see them. */
#include <errno.h>
#include <string.h>
#include <time.h>
#include "base/log.h"
#include "base/text.h"
#include "bridge/account_priv.h"
#include "bridge/show.h"
#include "sip/publish.h"

enum {
	SOON = 1000,	      /* ms; after the registration */
	NOT_YET = 10 * 1000,  /* ms; while the XMPP server is away */
	ANSWERED = 60 * 1000, /* ms; who has not shown itself is not there */
	TUPLES = 4,	      /* resources; what fits into a datagram */
	GOODBYE_MAX = 500,    /* that are taken back when we stop */
};

static void ask_h(void *arg);

static uint64_t spread(const struct accounts *a, uint64_t ms)
{
	const unsigned rate = a->conf.config->account.register_rate;
	const uint64_t over = (uint64_t)a->accountc * 1000 / (rate ? rate : 1);

	return ms + (over ? id_random() % over : 0);
}

static int print_h(struct mbuf *mb, void *arg)
{
	const struct account *acc = arg;
	const struct owner *o = acc->owner;
	struct show show = {
	    .user = o->jid,
	    .resources = &o->resources,
	    .max = TUPLES,
	    .phone = o->calls > 0,
	};
	char *entity = NULL;
	int err;

	err = re_sdprintf(&entity, "%H@%s", text_print_sip_user, acc->username,
			  acc->domain);
	if (err)
		return err;

	show.entity = entity;
	err = show_encode(mb, &show);
	mem_deref(entity);

	return err;
}

/* So that the next life goes on with it, in place of a second one. */
static void kept_h(const char *etag, unsigned s, void *arg)
{
	const struct account *acc = arg;
	const struct store_value v[] = {store_int(acc->id), store_text(etag),
					store_int((int64_t)time(NULL) + s)};

	if (store_put(acc->owner->a->conf.store,
		      etag ? STORE_PUBLICATION_PUT : STORE_PUBLICATION_DELETE,
		      v, etag ? 3 : 1, NULL, NULL))
		log_debug("account: the publication of %H is not kept\n",
			  account_print, acc);
}

static const struct publish_handlers handlers = {print_h, kept_h};

static void update(struct account *acc)
{
	if (show_is_open(&acc->owner->resources))
		publication_show(acc->pub);
	else
		publication_hide(acc->pub);
}

static void answered_h(void *arg)
{
	update(arg);
}

/* Its server tells what the user shows; or, in time, nothing. */
static void ask_h(void *arg)
{
	struct account *acc = arg;
	struct accounts *a = acc->owner->a;
	struct portal_face *f = face_find(a, acc->gateway);

	if (!f || !f->service || !service_up(f->service)) {
		tmr_start(&acc->tmr_publish, spread(a, NOT_YET), ask_h, acc);
		return;
	}

	if (!show_is_open(&acc->owner->resources))
		service_presence_type(f->service, acc->gateway,
				      acc->owner->jid, "probe");
	else
		update(acc);
	tmr_start(&acc->tmr_publish, ANSWERED, answered_h, acc);
}

void account_publish_start(struct account *acc, const char *etag)
{
	struct accounts *a = acc->owner->a;
	struct publish_conf conf = {
	    .trunk = acc->slot->line,
	    .event = "presence",
	    .type = "application/pidf+xml",
	    .etag = etag,
	    .expires = a->conf.config->presence.expires,
	    .spacing = a->conf.config->presence.spacing,
	};
	char *aor = NULL;
	int err;

	if (a->conf.config->account.publish || acc->away)
		tmr_start(&acc->tmr_publish, spread(a, SOON), ask_h, acc);
	if (!a->conf.config->account.publish)
		return;

	err = siptrunk_aor(&aor, acc->slot->line, acc->username);
	if (!err) {
		conf.uri = aor;
		err = publication_alloc(&acc->pub, &conf, &handlers, acc);
	}
	mem_deref(aor);
	if (err)
		log_warning("account: %H shows no presence: %m\n",
			    account_print, acc, err);
}

void account_publish_stop(struct account *acc)
{
	struct publication *pub = acc->pub;

	tmr_cancel(&acc->tmr_publish);
	account_attend_stop(acc);
	acc->pub = NULL;
	if (!pub)
		return;

	kept_h(NULL, 0, acc);
	publication_drop(pub);
}

/* ---- what users do ---- */

static void owner_update(struct owner *o, const char *gateway)
{
	struct le *le;

	LIST_FOREACH (&o->accounts, le) {
		struct account *acc = le->data;

		if (!gateway || !strcmp(acc->gateway, gateway))
			update(acc);
	}
}

/* Presence that the server pushes is not the user's leave to show it on. */
static bool is_shown(struct accounts *a, struct owner *o, const char *gateway)
{
	const struct portal_face *f = face_find(a, gateway);

	if (!f ||
	    !(service_granted(f->service, o->jid) & SERVICE_GRANT_PRESENCE))
		owner_allow(o, gateway, true);

	return o->allowed;
}

static void take_back(struct owner *o, const char *gateway)
{
	owner_allow(o, gateway, false);
	list_flush(&o->resources);
}

void accounts_presence_event(struct accounts *a, enum service_event ev,
			     const char *user, const char *gateway,
			     const struct stanza *st)
{
	struct owner *o = owner_find(a, user);
	const char *from = st ? stanza_attr(st, "from") : NULL;
	const char *slash = from ? strchr(from, '/') : NULL;

	if (!o || list_isempty(&o->accounts))
		return;

	switch (ev) {
	case SERVICE_SUBSCRIBED:
		owner_allow(o, gateway, true);
		break;

	case SERVICE_UNSUBSCRIBED:
		take_back(o, gateway);
		break;

	case SERVICE_AVAILABLE:
		account_attend_event(o, ev);
		if (!is_shown(a, o, gateway))
			return;
		/* fall through */
	case SERVICE_UNAVAILABLE:
		if (slash)
			show_set(&o->resources, slash + 1, st,
				 ev == SERVICE_AVAILABLE);
		else if (ev == SERVICE_UNAVAILABLE)
			list_flush(&o->resources);
		break;

	case SERVICE_OFFLINE:
		account_attend_event(o, ev);
		list_flush(&o->resources);
		break;

	default:
		return;
	}

	owner_update(o, gateway);
}

void accounts_busy(struct accounts *a, const char *user, bool busy)
{
	struct owner *o = owner_find(a, user);

	if (!o || (!busy && !o->calls))
		return;

	o->calls += busy ? 1 : -1;
	if ((busy && o->calls == 1) || !o->calls)
		owner_update(o, NULL);
}

static bool leave(struct le *le, void *arg)
{
	const struct owner *o = le->data;
	struct le *la;
	(void)arg;

	LIST_FOREACH (&o->accounts, la)
		account_publish_stop(la->data);

	return false;
}

/* Of more the next life takes over what is there. */
void accounts_stop(struct accounts *a)
{
	if (a && a->accountc <= GOODBYE_MAX)
		(void)hash_apply(a->owners, leave, NULL);
}
