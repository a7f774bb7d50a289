/* account_priv.h: what the files of accounts share. */
#ifndef BRIDGE_ACCOUNT_PRIV_H
#define BRIDGE_ACCOUNT_PRIV_H

#include "bridge/account.h"
#include "base/id.h"
#include "sip/mwi.h"
#include "sip/subscribe.h"
#include "xmpp/adhoc.h"
#include "xmpp/register.h"

enum {
	OWNER_BUCKETS = 4096, /* power of two */
	OWNERS_MAX = 200000,
	SLOTS_MAX = 16,		/* lines that one user may ever use up */
	TRIALS_MAX = 256,	/* at once */
	CONTACTS_OF_USER = 500, /* remembered; the oldest go */
	STORE_WAIT = 5 * 1000,	/* ms; then the user is told that it waits */
	ACCOUNT_TOKEN = 17,
	ACCOUNT_TEXT_MAX = 255, /* bytes of a user name, a domain */
};

struct owner;
struct account;

struct slot { /* a line; what calls through it may point to it for long */
	struct le le;	     /* of owner->slots */
	struct le he;	     /* of accounts->slots, by conf's address */
	struct owner *owner; /* not referenced: slots are never freed before */
	struct config_trunk *conf; /* referenced */
	struct siptrunk *line;	   /* not referenced: the stack's */
	char token[ACCOUNT_TOKEN];
	struct account *account; /* who has it now; not referenced */
};

struct account {
	struct le le; /* of owner->accounts, oldest first */
	struct owner *owner;
	struct slot *slot; /* not referenced */
	int64_t id;
	char *gateway; /* domain of the component */
	char *domain, *username, *auth, *proxy, *transport, *name;
	char *password; /* of secret_dup() */
	bool privacy;
	bool stored;
	struct subscription *mwi;
	struct tmr tmr_mwi;
	struct publication *pub; /* NULL: none is wanted */
	struct tmr tmr_publish;
	struct tmr tmr_away; /* its user is offline: registered no longer */
	bool away;	     /* for that it is not registered */
	unsigned messages;   /* new ones, as last told */
};

struct contact {      /* whom a user has to do with */
	struct le le; /* of owner->contacts, newest first */
	char *name;
	int64_t seen; /* s since 1970 */
	char jid[];
};

struct owner { /* a user who has accounts, contacts or wishes */
	struct le he;
	struct accounts *a; /* not referenced */
	char *jid;
	struct list accounts, slots, contacts;
	struct list resources; /* what the user shows the gateway, show.h */
	unsigned calls;	       /* through the gateway, now */
	unsigned contactc;
	bool dnd;
	bool allowed; /* the gateway to see it, by the user itself */
};

struct portal_face { /* a component */
	struct le le;
	struct accounts *a;	 /* not referenced */
	struct component *c;	 /* referenced */
	struct service *service; /* referenced; NULL: not yet */
	struct registry *registry;
	struct adhoc *adhoc;
};

/* What becomes of a trial: text is for the user, static or of the call. */
typedef void(account_done_h)(enum stanza_cond cond, const char *text,
			     struct account *acc, void *arg);

struct accounts {
	struct accounts_conf conf;
	struct hash *owners, *slots;
	struct list faces, trials;
	unsigned accountc, ownerc, contactc;
	int64_t last_id;
	unsigned last_line;
	struct subscribers *subscribers;
	struct mwi_listener listener;
	struct presence_store presence;
};

/* account.c */
struct owner *owner_find(const struct accounts *a, const char *jid);
int owner_get(struct owner **op, struct accounts *a, const char *jid);
bool accounts_on(const struct accounts *a); /* may users have any? */
/* n-th account of a user at a component; gateway NULL: any. */
struct account *account_nth(const struct owner *o, const char *gateway,
			    unsigned n);
struct account *account_by_id(const struct owner *o, int64_t id);
int account_print(struct re_printf *pf, const struct account *acc);
/* What its registrar said, in words. */
int account_print_state(struct re_printf *pf, const struct account *acc);
/* Values of a form, checked; *why says what is wrong with them (EINVAL). */
int account_alloc(struct account **ap, struct owner *o, const char *gateway,
		  const struct register_values *v, const char **why);
/* Does [account] name the host, rather than allow any? */
bool account_is_named(const struct accounts *a, const char *host);
/* Its line: one of the user's that was there before, or a new one.  ENOSPC:
 * the user has used up too many. */
int account_line(struct account *acc, const char *token);
/* Takes or leaves its place among the user's. */
void account_add(struct account *acc);
void account_drop(struct account *acc);
/* h(arg) once it is safe. */
int account_save(struct account *acc, store_done_h *h, void *arg);
int account_forget(struct account *acc);
/* The user lets the gateway see its presence, or does not. */
void owner_allow(struct owner *o, const char *gateway, bool allowed);
void owner_save(const struct owner *o);

/* account_try.c: registers at once; h is called once, later.  old: what it
 * shall replace, or NULL.  Takes acc over. EBUSY: too many at once. */
int account_try(struct account *acc, struct account *old, account_done_h *h,
		void *arg);
/* Asks the registrar of an account again. */
int account_test(struct account *acc, account_done_h *h, void *arg);
/* Takes back its registration, forgets it, says goodbye. */
void account_remove(struct account *acc);

void account_trials_close(struct accounts *a);
/* Accounts that a user is trying and does not have yet. */
unsigned account_trials(const struct owner *o);

/* account_form.c, account_command.c */
void account_form_fill(struct register_form *form, const struct accounts *a,
		       const struct account *acc);
/* COND_NONE: h is called later; else how to refuse, *why in words or NULL. */
enum stanza_cond account_set(struct portal_face *f, const char *user,
			     struct account *old,
			     const struct register_values *v,
			     account_done_h *h, void *arg, const char **why);
int account_registry(struct portal_face *f);
int account_adhoc(struct portal_face *f);

/* account_route.c */
extern const struct route_accounts account_routes;
/* The account that a line belongs to now; NULL: none. */
struct account *account_of_line(const struct accounts *a,
				const struct config_trunk *conf);

/* account_tell.c */
struct portal_face *face_find(const struct accounts *a, const char *domain);
/* A message of the gateway to a user; type "chat" or "headline". */
void account_say(struct accounts *a, const char *gateway, const char *from,
		 const char *user, const char *type, const char *fmt, ...);
/* Registered: presence, subscription, contacts to suggest. */
void account_welcome(struct account *acc);
void account_goodbye(const char *user, struct portal_face *f);

/* account_mwi.c */
int account_mwi_listen(struct accounts *a);
void account_mwi_start(struct account *acc);
void account_mwi_stop(struct account *acc);

/* account_publish.c; etag: of an earlier life, or NULL */
void account_publish_start(struct account *acc, const char *etag);
/* Takes it back; before its registration ends. */
void account_publish_stop(struct account *acc);

/* account_attend.c: who is registered while its user is online alone (D52). */
int account_attend(
    struct account *acc); /* of the store: registers it, or not */
void account_attend_event(struct owner *o, enum service_event ev);
void account_attend_stop(struct account *acc);

/* account_find.c */
void account_suggest(struct portal_face *f, const char *user);
int account_contacts_load(struct accounts *a);
int account_search(struct portal_face *f);

#endif
