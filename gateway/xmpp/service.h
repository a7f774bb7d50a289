/* service.h: what the gateway and its SIP contacts are to XMPP clients (G.1,
 * G.2, E.8): disco, caps, ping, version, vCard, address prompt, subscriptions
 * and presence, so that call buttons appear; and which devices users have. */
#ifndef XMPP_SERVICE_H
#define XMPP_SERVICE_H

#include <stdbool.h>
#include "xmpp/component.h"

struct service;

struct service_handlers {
	/* May the user (bare JID) see and call this contact (bare JID)?
	 * COND_NONE: yes; *namep (mem_ref, may stay NULL) its display name. */
	enum stanza_cond (*contact)(const char *user, const char *contact,
				    char **namep, void *arg);
	/* Text of jabber:iq:gateway -> bare JID of a contact, mem_ref.
	 * EBADMSG: not an address. */
	int (*prompt)(char **jidp, const char *text, void *arg);
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
	bool audio, video;
};
/* Online devices of a user as far as their presence reaches us; returns how
 * many were written. 0 also when nothing is known of the user. */
size_t service_devices(const struct service *s, const char *bare,
		       struct device *v, size_t max);

/* Before the first propose to a user who has no presence of ours: directed
 * presence with caps from contact/sip (E.3); undone 60 s after service_hide. */
void service_show(struct service *s, const char *contact, const char *user);
void service_hide(struct service *s, const char *contact, const char *user);

#endif
