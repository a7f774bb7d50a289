/* verify.c: is a device still there that the server pushed (X0356)?  A server
 * need not push that a session was cut: ejabberd 23.01 tells it those whom the
 * user showed itself to, and no others.  So the device is asked (X0030). */
#include "xmpp/service_int.h"

#include <errno.h>
#include <string.h>

/* What a server answers for a resource that is not there (RFC 6121 8.5.3.2.3),
 * or no longer; but a strict one answers so for whoever hides from us, too
 * (8.5.3.1). */
static bool says_gone(const struct stanza *reply)
{
	switch (stanza_error_cond(reply)) {
	case COND_SERVICE_UNAVAILABLE:
	case COND_RECIPIENT_UNAVAILABLE:
	case COND_ITEM_NOT_FOUND:
	case COND_GONE:
		return true;
	default:
		return false;
	}
}

static void answered(int err, const struct stanza *reply, void *arg)
{
	struct online *o = arg;
	struct user *u = o->user;
	const bool gone = err == EPROTO && says_gone(reply);

	o->iq = NULL;
	/* who sleeps answers later, unless it said good-bye to somebody */
	if ((gone && (o->reached || o->doubted)) ||
	    (err == ETIMEDOUT && o->doubted)) {
		service_device_gone(o);
		service_user_drop(u);
		return;
	}

	o->doubted = false;
	if (!err || err == EPROTO) {
		u->seen = tmr_jiffies();
		o->reached |= !gone;
	}
}

bool service_device_is_pushed(const struct online *o)
{
	const struct service *s = o->user->s;

	return o->pushed && o->generation == s->generation &&
	       service_granted(s, o->user->bare) & SERVICE_GRANT_PRESENCE;
}

bool service_device_verify(struct online *o, const char *contact)
{
	struct service *s = o->user->s;
	struct stanza *iq;

	/* one answer is good for all contacts of its user */
	if (o->iq || (o->asked && !o->doubted &&
		      tmr_jiffies() < o->asked + SERVICE_ASK_WAIT))
		return true;

	iq = stanza_new("iq", NS_COMPONENT);
	(void)stanza_attr_set(iq, "type", "get");
	(void)stanza_attr_setf(iq, "from", "%s%s", contact,
			       strchr(contact, '@') ? "/" SERVICE_RESOURCE
						    : "");
	(void)stanza_attr_setf(iq, "to", "%s/%s", o->user->bare, o->resource);
	(void)stanza_add(iq, "query", NS_DISCO_INFO);
	o->asked = tmr_jiffies();
	if (stanza_ok(iq))
		(void)component_iq_send(&o->iq, s->c, iq, answered, o);
	stanza_free(iq);

	return o->iq != NULL;
}
