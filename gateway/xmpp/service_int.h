/* service_int.h: what the parts of the service share: service.c (the object,
 * small queries), disco.c, caps.c, devices.c and contact.c. */
#ifndef XMPP_SERVICE_INT_H
#define XMPP_SERVICE_INT_H

#include "base/compat.h"
#include "xmpp/jid.h"
#include "xmpp/service.h"

#define NS_DISCO_INFO  "http://jabber.org/protocol/disco#info"
#define NS_DISCO_ITEMS "http://jabber.org/protocol/disco#items"
#define NS_CAPS	       "http://jabber.org/protocol/caps"
#define NS_PING	       "urn:xmpp:ping"
#define NS_VERSION     "jabber:iq:version"
#define NS_TIME	       "urn:xmpp:time"
#define NS_VCARD       "vcard-temp"
#define NS_GATEWAY     "jabber:iq:gateway"
#define NS_DATA	       "jabber:x:data"
#define NS_MUC	       "http://jabber.org/protocol/muc"

#define SERVICE_COUNT(v) (sizeof(v) / sizeof((v)[0]))

#define SERVICE_NAME	 "SIP Gateway"
#define SERVICE_RESOURCE "sip" /* D7 */

enum {
	SERVICE_USERS_MAX = 50000,
	SERVICE_PUSHED_MAX = SERVICE_USERS_MAX / 2, /* room for the others */
	SERVICE_RESOURCES_MAX = 32,		    /* a user */
	SERVICE_WATCHES_MAX = 200000,
	SERVICE_CAPS_MAX = 4096,
	SERVICE_ASKING_MAX = 128, /* disco#info requests under way */
	SERVICE_SHOWN_MAX = 4096,
	SERVICE_VER_SIZE = 29, /* SHA-1 as base64, and a NUL */

	SERVICE_HIDE_WAIT = 60 * 1000,	/* ms; service.h */
	SERVICE_GREET_WAIT = 60 * 1000, /* ms between unasked answers */
	SERVICE_CAPS_WAIT = 60 * 1000,	/* ms until a failed ver is asked */
	SERVICE_STALE_WAIT = 60 * 1000, /* ms for answers to our probes */
	SERVICE_ASK_WAIT = 5 * 1000,	/* ms between probes of a user */
	SERVICE_SYNC_TICK = 100,	/* ms */
	SERVICE_SYNC_BURST = 50,	/* stanzas a tick */
};

enum feature { /* of a device; a bit mask */
	       FEATURE_JMI = 1,
	       FEATURE_JINGLE = 2,
	       FEATURE_RTP = 4,
	       FEATURE_ICE = 8,
	       FEATURE_DTLS = 16,
	       FEATURE_CALL =
		   FEATURE_JINGLE | FEATURE_RTP | FEATURE_ICE | FEATURE_DTLS,
};

enum target {		      /* what a stanza is for */
	      TARGET_GATEWAY, /* the domain */
	      TARGET_CONTACT, /* a bare JID */
	      TARGET_PHONE,   /* contact/sip */
	      TARGET_OTHER,   /* a resource that nobody has */
};

struct address {
	struct jid from, to;
	char *user, *contact; /* the same, bare; contact: may be the domain */
	enum target target;
};

struct caps {		   /* what a ver stands for; a mem_ref object */
	struct le he, le;  /* of the cache, when in it */
	struct service *s; /* not referenced; NULL once it is gone */
	char *ver;
	bool single; /* for one device only: it cannot be verified */
	bool known;
	unsigned bits;
	struct component_iq *iq;
	char *asked;	/* full JID */
	uint64_t again; /* ms: not before */
};

struct user;

struct online { /* a device */
	struct le le;
	char *resource;
	int priority;
	struct caps *caps; /* referenced; NULL: none told */
	struct user *user; /* not referenced: it owns this */
	struct component_iq *iq;
	unsigned generation;
	bool pushed;	/* the server told the gateway of it */
	uint64_t asked; /* ms: we asked it; 0: never */
	bool reached;	/* it has answered us itself */
	bool doubted;	/* it said good-bye to a contact */
};

struct watch { /* a contact that a user has to do with */
	struct le le;
	struct service *s; /* not referenced */
	uint64_t greeted;  /* ms: presence was sent; 0: never */
	bool subscribed;   /* the user, to the contact */
	bool asked;	   /* the contact, for the user's presence */
	char contact[];	   /* bare */
};

struct user {
	struct le he, le;
	struct service *s;   /* not referenced */
	char *via;	     /* whose presence this user shows itself to */
	struct list devices; /* struct online, highest priority first */
	unsigned devicec;
	struct list watches;
	unsigned watchc;
	unsigned generation;
	uint64_t seen;	/* ms: presence came; 0: never */
	uint64_t asked; /* ms: a probe was sent; 0: never */
	char bare[];
};

struct service {
	struct component *c; /* not referenced: it outlives us */
	struct service_handlers h;
	struct hash *users;
	struct list userlist; /* those of an older generation first */
	unsigned userc, watchc;
	struct hash *caps;
	struct list capslist; /* oldest first; holds a reference each */
	unsigned capsc, asking;
	struct list shown;
	struct hash *shown_ht; /* the same by user and contact */
	unsigned shownc;
	const char *busy; /* static: why the gateway is; NULL: it is not */
	struct list grants;
	char ver[SERVICE_VER_SIZE]; /* of service_own_ver(); "": not yet */
	unsigned generation;	    /* counts connections */
	struct tmr tmr_sync, tmr_stale;
};

/* service.c */
int service_address_decode(struct address *a, const struct stanza *st);
void service_address_clear(struct address *a);
/* May this user use the target? *namep may be NULL. */
enum stanza_cond service_permits(struct service *s, const struct address *a,
				 char **namep);

/* disco.c: <identity/> and <feature/> of a target, and with conf what it adds
 * to the gateway's. */
void service_disco_add(struct stanza *query, enum target target,
		       const struct config_xmpp *conf);
bool service_disco_more(const struct config_xmpp *conf); /* does it? */
bool service_disco_info(struct component *c, const struct stanza *iq,
			void *arg);
bool service_disco_items(struct component *c, const struct stanza *iq,
			 void *arg);

/* caps.c: the ver of a disco#info query (X0115 5.1). EBADMSG: ill-formed, no
 * such value exists. */
int service_ver_make(char ver[SERVICE_VER_SIZE], const struct stanza *query);
const char *service_ver(enum target target);
/* The same with what the component's configuration adds. */
const char *service_own_ver(struct service *s, enum target target);
/* Adds <c/> of the gateway or of a contact. */
void service_caps_put(struct service *s, struct stanza *presence,
		      enum target target);
/* What a presence says; *cp NULL if it says nothing. */
int service_caps_read(struct caps **cp, struct service *s,
		      const struct stanza *presence);
/* Asks full, in the name of from, what its ver means; node of presence. */
void service_caps_ask(struct caps *caps, const struct stanza *presence,
		      const char *from, const char *full);
/* What one device said for itself, without a ver that it could stand for. */
int service_caps_single(struct caps **cp, struct service *s, const char *ver,
			unsigned bits);
void service_caps_close(struct service *s);

/* devices.c */
struct user *service_user_find(const struct service *s, const char *bare);
int service_user_get(struct user **up, struct service *s, const char *bare);
/* Frees the user when nothing is left to know. */
void service_user_drop(struct user *u);
void service_device_update(struct user *u, const struct address *a,
			   const struct stanza *presence);
void service_device_remove(struct user *u, const char *resource);
/* Frees o, not its user. */
void service_device_gone(struct online *o);
/* A contact is shown that the device is away: is that all there is to it?
 * False: yes, to be removed. */
bool service_device_doubt(struct user *u, const char *resource,
			  const char *contact);
/* One device whose ver turned out to be a lie. */
void service_device_own(struct service *s, const char *full, unsigned bits);
struct watch *service_watch_find(const struct user *u, const char *contact);
int service_watch_get(struct watch **wp, struct user *u, const char *contact);
void service_sync(struct service *s, bool up);

/* verify.c: does the server push what it knows of the device? */
bool service_device_is_pushed(const struct online *o);
/* Asks the device, in the name of contact; false if that cannot be.  Who is
 * gone is removed, and its user with it where nothing else is known. */
bool service_device_verify(struct online *o, const char *contact);

/* contact.c */
bool service_presence(struct component *c, const struct stanza *st, void *arg);
/* type NULL: available, with caps. */
void service_presence_send(struct service *s, const char *from, const char *to,
			   const char *type);
/* Presence of a contact, or the gateway, for a user, with caps. */
void service_greet(struct service *s, const char *contact, const char *user);
bool service_upcall(struct service *s, enum service_event ev, const char *user,
		    const char *contact, const struct stanza *st);
void service_shown_close(struct service *s);

#endif
