/* chatpriv.h: what the files of the chat know of each other. */
#ifndef BRIDGE_CHATPRIV_H
#define BRIDGE_CHATPRIV_H

#include "bridge/cache.h"
#include "bridge/chat.h"
#include "bridge/chatwords.h"
#include "sip/message.h"
#include "xmpp/pace.h"

enum {
	CHAT_TOKEN = 24,	    /* of a Call-ID; with the NUL */
	CHAT_TAG = 12,		    /* of From */
	CHAT_REFUSED = 24 * 3600,   /* s a 415 is believed; D21 */
	CHAT_COMPOSING = 90 * 1000, /* ms; refresh, protocol I */
	CHAT_AWAY_RETRY = 30,	    /* s; protocol A, "while down" */
};

#define CHAT_TOO_LONG "the message is too long for SIP, send it in pieces"

struct chatportal { /* a component */
	struct le le;
	struct chat *chat; /* not referenced */
	struct component *c;
	struct list held; /* struct chatheld, for a server that is away */
};

enum chatfate { FATE_DONE, FATE_FAILED, FATE_AGAIN };

enum chatkind { CHAT_TEXT, CHAT_IMDN, CHAT_STATE };

struct chatmsg { /* one on its way to SIP; mem_ref object */
	struct le le;
	enum chatkind kind;
	struct chatportal *portal; /* not referenced: lives with the chat */
	char *from, *to;	   /* JIDs as the sender wrote them */
	char *user, *contact;	   /* the same, bare and prepared */
	char *id, *type;	   /* of the stanza; NULL: none */
	char *uri, *as;		   /* Request-URI, From */
	struct siptrunk *trunk;	   /* not referenced */
	struct chatwords words;
	char *doc;	   /* CHAT_IMDN: for whom, CHAT_STATE: the document */
	char *msgid;	   /* imdn.Message-ID that it has or would have */
	int slot;	   /* of the journal, or JOURNAL_NONE */
	size_t at;	   /* of words.body: where this part begins */
	size_t len;	   /* of it */
	unsigned part, of; /* 1 of 1 */
	bool bare;	   /* not in CPIM, whatever the peer can do */
	bool wrapped;	   /* the try under way is in CPIM */
	char callid[CHAT_TOKEN], tag[CHAT_TAG]; /* where no thread has them */
	uint32_t cseq;				/* last used */
	uint64_t deadline;			/* ms */
};

struct chatpeer { /* what a contact's phone has shown */
	struct cached item;
	bool cpim, composing;
	uint64_t no_cpim, no_composing; /* ms: not before */
};

struct chattalk { /* of a user with a contact */
	struct cached item;
	struct chatportal *portal; /* not referenced */
	char *user, *contact;
	bool named;	   /* the user was told the contact's name */
	bool sent_active;  /* the last isComposing to SIP */
	uint64_t sent_at;  /* ms */
	struct tmr typing; /* runs: the user was told that it composes */
};

struct chatthread { /* a Call-ID that stands for a thread (D16) */
	struct cached item;
	char *thread, *callid;
	char tag[CHAT_TAG];
	uint32_t cseq;
};

struct chatsent { /* a message to SIP that may be reported on */
	struct cached item;
	char *from, *id;
	bool received, displayed;
};

struct chatgot { /* a message from SIP that reports are wanted of */
	struct cached item;
	char *msgid;
	unsigned wants; /* of enum cpim_want, not satisfied yet */
};

struct chat {
	struct chat_conf conf;
	struct messages *messages;
	struct pace *pace; /* by bare JID */
	struct list portals;
	struct hash *queues; /* by target */
	struct list queuelist;
	struct cache *peers, *talks, *threads, *sent, *got, *out;
	struct chat_stats stats;
	size_t waiting_bytes;  /* of stats.waiting */
	size_t held_bytes;     /* of stats.held */
	struct chatkeep *keep; /* NULL: without a store */
	bool closing, closed;
};

/* chat.c: <message/> from contact/sip. */
struct stanza *chat_message(const char *contact, const char *to,
			    const char *type, const char *id);
struct chatpeer *chat_peer(struct chat *chat, const char *contact, bool make);
struct chattalk *chat_talk(struct chatportal *p, const char *user,
			   const char *contact);

/* chatout.c: XMPP -> SIP */
bool chatout_stanza(struct component *c, const struct stanza *st, void *arg);
/* The sender gets an error about it, once. text: for people. */
void chatout_fail(const struct chatmsg *m, enum stanza_cond cond,
		  const char *text, const char *address);
/* Another way for what waits: trunk, Request-URI, From as of now. */
enum stanza_cond chatout_reroute(struct chatmsg *m);
/* What became of it; FATE_AGAIN: bare it may pass. */
enum chatfate chatout_done(struct chatmsg *m, const struct message_result *r);
/* A document for a contact, in the name of a user. */
int chatout_report(struct chatportal *p, const char *user, const char *contact,
		   enum chatkind kind, char *doc);

/* chatwire.c: a message on its way, and what goes into the request */
int chatmsg_alloc(struct chatmsg **mp, struct chatportal *p,
		  enum chatkind kind, const char *from, const char *to);
/* len bytes of the body of another, from at. */
int chatmsg_part(struct chatmsg **mp, const struct chatmsg *whole, size_t at,
		 size_t len);
int chatwire_send(struct message **mp, struct chat *chat, struct chatmsg *m,
		  message_h *h, void *arg);
/* The CSeq that the last try ended with. */
void chatwire_used(struct chat *chat, struct chatmsg *m, uint32_t cseq);
/* The thread that a Call-ID of ours stands for, or NULL. */
const char *chatwire_thread(struct chat *chat, const char *user,
			    const char *contact, const struct pl *callid);
struct chatsent *chatwire_sent(struct chat *chat, const char *user,
			       const char *contact, const char *msgid);

/* chatloop.c: what comes back to us from SIP (B.5, D12) */
int chatloop_note(struct chat *chat, const struct chatmsg *m);
/* Is it one of ours, or of one who says to be a user of ours? */
bool chatloop_is(struct chat *chat, const struct message_in *in);

/* chatkeep.c: what waits, noted for a process after this one */
struct chatlost { /* one of a process before this one; a mem_ref object */
	struct le le;
	int slot;		    /* of our own journal; JOURNAL_NONE */
	int64_t at;		    /* s since 1970 */
	const char *to, *from, *id; /* into text */
	char text[];
};
/* EBADMSG, ENOMEM. */
int chatkeep_decode(struct chatlost **lp, const uint8_t *p, size_t len);
void chatkeep_note(struct chatmsg *m);
/* It is dealt with. */
void chatkeep_drop(struct chatmsg *m);
/* The server is there: senders of messages of another process are told. */
void chatkeep_tell(struct chatportal *p);

/* chatqueue.c: one MESSAGE at a time to each target (RFC 3428 8) */
/* Takes over the reference.  ENOBUFS: as many wait for this address as may;
 * ENOSPC: for all together. */
int chatqueue_add(struct chat *chat, struct chatmsg *m);
/* Other rules and trunks hold: what waits goes by them, or back to who wrote
 * it. */
void chatqueue_renew(struct chat *chat);
void chatqueue_close(struct chat *chat, const char *why);

/* chatin.c: SIP -> XMPP */
void chatin_request(const struct message_in *in, struct message_reply *r,
		    void *arg);

/* chatreport.c: receipts, markers, chat states <-> IMDN, isComposing (D.2) */
/* What a stanza reports, sent on. */
void chatreport_out(struct chatportal *p, const struct chatwords *w,
		    const char *user, const char *contact);
/* A text goes to the contact: who wrote it is no longer composing. */
void chatreport_wrote(struct chatportal *p, const char *user,
		      const char *contact);
/* A message from SIP of which reports are wanted (enum cpim_want). */
int chatreport_expect(struct chat *chat, const char *user, const char *contact,
		      const char *id, const struct pl *msgid, unsigned wants);
/* Documents from SIP.  EBADMSG; errno of component_send(). */
int chatreport_imdn(struct chatportal *p, const char *user,
		    const char *contact, const struct pl *xml);
int chatreport_composing(struct chatportal *p, const char *user,
			 const char *contact, const struct pl *xml);
/* An error came back for a message of ours. */
void chatreport_bounced(struct chatportal *p, const char *user,
			const char *contact, const char *id,
			enum stanza_cond cond);

#endif
