/* service.h: what the gateway and its SIP contacts are to XMPP clients (G.1,
 * G.2, E.8): disco, caps, ping, version, vCard, address prompt, subscriptions
 * and presence, so that call buttons appear; and which devices users have. */
#ifndef XMPP_SERVICE_H
#define XMPP_SERVICE_H

#include <stdbool.h>
#include <stdint.h>
#include "xmpp/component.h"

struct service;

enum service_event { /* presence of a user for a contact, both bare JIDs; of
		      * AVAILABLE and UNAVAILABLE it may be the gateway, whose
		      * JID is a domain */
		     SERVICE_SUBSCRIBE,
		     SERVICE_UNSUBSCRIBE,
		     SERVICE_SUBSCRIBED,
		     SERVICE_UNSUBSCRIBED,
		     SERVICE_PROBE,
		     SERVICE_AVAILABLE,
		     SERVICE_UNAVAILABLE,
		     SERVICE_ERROR,
		     SERVICE_SYNC,    /* show the contact again */
		     SERVICE_SHOWN,   /* true: it is shown as available */
		     SERVICE_OFFLINE, /* the user's last device went away;
				       * contact is NULL */
};

struct service_handlers {
	/* May the user (bare JID) see and call this contact (bare JID)?
	 * COND_NONE: yes; *namep (mem_ref, may stay NULL) its display name. */
	enum stanza_cond (*contact)(const char *user, const char *contact,
				    char **namep, void *arg);
	/* Text of jabber:iq:gateway -> bare JID of a contact, mem_ref.
	 * EBADMSG: not an address. */
	int (*prompt)(char **jidp, const char *text, void *arg);
	/* NULL: every contact is there.  False: do as if there were none.  st
	 * is the stanza, NULL for the last three. */
	bool (*presence)(enum service_event ev, const char *user,
			 const char *contact, const struct stanza *st,
			 void *arg);
	void *arg;
};

/* mem_ref object; registers its handlers with c. */
int service_alloc(struct service **sp, struct component *c,
		  const struct service_handlers *h);

/* Caps <c/> for every presence of ours (X0115). */
extern const char service_caps_node[];
const char *service_caps_ver(void);

struct device {
	const char *resource; /* valid until the next call */
	int priority;
	bool known; /* its disco#info has been seen */
	bool jmi;   /* urn:xmpp:jingle-message:0 */
	bool call;  /* jingle, rtp:1, ice-udp, dtls */
};
/* Online devices of a user as far as their presence reaches us; returns how
 * many were written. 0 also when nothing is known of the user. */
size_t service_devices(const struct service *s, const char *bare,
		       struct device *v, size_t max);

/* Is this device (full JID) online, as far as we know? */
bool service_device_online(const struct service *s, const char *full);

/* Before the first propose to a user who has no presence of ours: directed
 * presence with caps from contact/sip (E.3); undone 60 s after service_hide. */
void service_show(struct service *s, const char *contact, const char *user);
void service_hide(struct service *s, const char *contact, const char *user);
/* The gateway itself is shown as busy to who watches it; why: static, for
 * people; NULL: it is there as ever. */
void service_busy(struct service *s, const char *why);
/* Nobody is there any more: for all who were shown presence (X0100 8). */
void service_goodbye(struct service *s);

/* What a contact shows. */
struct service_status {
	bool open;
	const char *show; /* "" or "away", "dnd" .. */
	const char *text; /* <status/>; NULL: none */
	const char *lang; /* of text; NULL: none */
	int priority;
};

/* For who handles presence: presence of contact/sip with caps. */
void service_contact_show(struct service *s, const char *contact,
			  const char *user, const struct service_status *st);
/* "subscribed", what it shows, and once a subscription back (D52). */
void service_accept(struct service *s, const char *contact, const char *user,
		    const struct service_status *st);
/* "unsubscribed"; and_theirs: the mirrored one ends too. */
void service_revoke(struct service *s, const char *contact, const char *user,
		    bool and_theirs);
/* The contact that the user asked for does not exist. */
void service_reject(struct service *s, const char *contact, const char *user);
/* Bare presence of a type: "subscribe", "probe". */
void service_presence_type(struct service *s, const char *contact,
			   const char *user, const char *type);
/* The user is subscribed since an earlier life. */
void service_remember(struct service *s, const char *contact,
		      const char *user);
bool service_online(const struct service *s, const char *user);
/* X0356: what the server of a domain grants with its users; 0: nothing any
 * more.  ENOMEM. */
enum service_grant {
	SERVICE_GRANT_ROSTER = 1,
	SERVICE_GRANT_PRESENCE = 2, /* it tells unasked who is there */
};
int service_grant(struct service *s, const char *domain, unsigned bits);
void service_grant_none(struct service *s); /* it grants anew, if at all */
unsigned service_granted(const struct service *s, const char *user);
/* Is the user online, and will its server say when it is not? */
bool service_knows(const struct service *s, const char *user);
/* ms since a presence of the user was seen; UINT64_MAX: never. */
uint64_t service_seen(const struct service *s, const char *user);
/* Asks the devices that the server pushed whether they are there; or, if there
 * are none, the user's server whether it is online, through whoever it shows
 * itself to, else in the name of contact. */
void service_ask(struct service *s, const char *contact, const char *user);
bool service_up(const struct service *s);

#endif
