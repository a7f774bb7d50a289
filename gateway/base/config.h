/* config.h: the configuration file as a typed table (see conf/stoxd.conf).
 *
 * Sectioned INI read with inih.  Every problem is reported, all at once, as
 * "FILE:LINE: what, the offending text, the nearest known key". */
#ifndef BASE_CONFIG_H
#define BASE_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/compat.h"

enum config_transport { CONFIG_UDP, CONFIG_TCP, CONFIG_TLS };
enum config_srtp { CONFIG_AVP, CONFIG_OSRTP, CONFIG_SDES };
enum config_dtmf { CONFIG_RFC4733, CONFIG_INFO };
enum config_early { CONFIG_EARLY_OFF, CONFIG_EARLY_CONNECT };
enum config_latch {
	CONFIG_LATCH_RESTRICTED,
	CONFIG_LATCH_OFF,
	CONFIG_LATCH_ANY,
};
enum config_addressing {
	CONFIG_ADDR_AUTO, /* resolved to one of the others by config_load() */
	CONFIG_ADDR_ESCAPED,
	CONFIG_ADDR_TRUNK,
	CONFIG_ADDR_DOMAIN,
};

enum config_presence_mode {
	CONFIG_PRESENCE_YES,	   /* SUBSCRIBE, and watchers are served */
	CONFIG_PRESENCE_SYNTHETIC, /* everybody there; watchers are served */
	CONFIG_PRESENCE_NO,	   /* everybody there; nobody is served */
};

enum config_dial { /* how a trunk wants numbers */
		   CONFIG_DIAL_UNCHANGED,
		   CONFIG_DIAL_E164,	      /* +493012345 */
		   CONFIG_DIAL_DIGITS,	      /* 493012345 */
		   CONFIG_DIAL_INTERNATIONAL, /* 00493012345 */
		   CONFIG_DIAL_NATIONAL,      /* 03012345 at home */
};
enum config_pai { CONFIG_PAI_AUTO, CONFIG_PAI_YES, CONFIG_PAI_NO };
enum config_identity { CONFIG_IDENTITY_PAI, CONFIG_IDENTITY_FROM };

/* What digits mean to whoever dials them. */
struct config_numbers {
	char *country;	     /* calling code, "49"; NULL: none */
	char *international; /* prefix, "00" */
	char *national;	     /* prefix, "0"; NULL: none is dialled */
	char **shorts;	     /* short codes, '*' matches any run */
	size_t shortc;
	unsigned short_digits; /* up to so many are an extension */
};

/* Destinations: prefixes, and "@CLASS" of [class]. */
struct config_dests {
	char **allow, **deny;
	size_t allowc, denyc; /* allowc 0: all but deny */
};

struct config_quota { /* of a user, 0: none; of a plan: as in [limits] */
	unsigned calls_per_hour, calls_per_day;
	unsigned minutes_per_hour, minutes_per_day;
};

/* [plan NAME]: what holds for these users; the first that names one counts. */
struct config_plan {
	char *name;
	char **who; /* JIDs, domains, '*' matches any run */
	size_t whoc;
	char **trunks; /* which they may use; none: any */
	size_t trunkc;
	struct config_numbers numbers; /* country NULL: the trunk's */
	struct config_dests dests;
	char *caller_id, *caller_name; /* NULL: the trunk's */
	bool privacy;
	unsigned calls, per_minute; /* 0: as in [limits] */
	struct config_quota quota;
	int line;
};

struct config_net { /* an address or a network */
	struct sa addr;
	unsigned prefix; /* bits */
};

/* [xmpp] or [xmpp NAME], any number: one component connection each. */
struct config_xmpp {
	char *name;
	char *component; /* domain of the gateway, nameprepped */
	char *server;	 /* host of the XMPP server */
	uint16_t port;
	char *secret;	/* from secret or secret_file; never printed */
	bool tls;	/* direct TLS with verification */
	char *tls_ca;	/* file, NULL: the system's */
	char *tls_name; /* name in the certificate, NULL: server */
	bool allow_plain;
	char **domains; /* who may use it; the users' domains */
	size_t domainc;
	char **admins; /* URIs of who runs it (X0157) */
	size_t adminc;
	char **support; /* and of who helps */
	size_t supportc;
	bool sms; /* what is written to numbers goes out as SMS */
	int line;
};

struct config_listen {
	enum config_transport transport;
	struct sa addr; /* never the unspecified address: expanded */
	char *text;	/* as written, "udp:127.0.0.1:5070" */
};

struct config_sip {
	struct config_listen *listen;
	size_t listenc;
	char *cert, *key;	    /* files, for tls: listeners */
	struct sa public4, public6; /* unset: none */
	char *user_agent;
};

struct config_trunk {
	char *name;
	char *uri; /* "sip:host[:port][;transport=..]" */
	char *username, *password, *auth_realm; /* NULL: none */
	bool reg;				/* register = yes */
	char *outbound_proxy;			/* uri, NULL: none */
	struct config_net *accept_from;
	size_t accept_fromc;
	char **codecs; /* lower case: opus, g722, pcmu, pcma .. */
	size_t codecc;
	enum config_srtp media;
	bool sdes_over_plain;
	struct config_net *media_from;
	size_t media_fromc;
	const struct config_listen *listen; /* NULL: chosen by route */
	char *listen_text;		    /* as written, NULL: none */
	bool tcp;			    /* large requests by TCP */
	bool tls;			    /* uri says transport=tls */
	char *tls_ca, *tls_name, *tls_cert, *tls_key;
	enum config_dtmf dtmf;
	enum config_early early_media;
	enum config_latch latch;
	unsigned ring_timeout; /* s */
	unsigned decline_code; /* 603, 486, 480 */
	enum config_addressing addressing;
	bool addressing_auto; /* that is what the file says */
	bool trusted; /* identities in P-Asserted-Identity are believed */
	enum config_presence_mode presence;
	int strict;    /* no_presence: 1: who has none is refused, D14 */
	int closed_xa; /* closed_means: 1: as away for long, D14 */
	bool blf;      /* the dialog package of phones is watched, D47 */
	struct config_numbers numbers;
	struct config_dests dests;
	enum config_dial dial;
	char *strip, *add;    /* of what is dialled; NULL: nothing */
	char *privacy_prefix; /* dialled to hide the caller; NULL: none */
	char *caller_id, *caller_name;
	bool privacy;
	enum config_pai pai;
	enum config_identity identity;
	char *label;	 /* 1001@LABEL is 1001 of this trunk; NULL: none */
	char *enum_zone; /* enum: where numbers are looked up; NULL: not */
	int tel;    /* uri_scheme = tel: numbers of the world are tel: URIs */
	char **may; /* users = who may call through it; none: all */
	size_t mayc;
	char *may_file; /* the same, one a line; NULL: none */
	int line;
};

/* A line of a section without keys of its own: [route], "NAME = from PATTERN
 * to PATTERN via TARGET", see bridge/route.h; [class], "NAME = PREFIXES", and
 * [emergency], "NUMBER = TRUNK", see bridge/acl.h; [users], "JID = NUMBERS", and
 * [phonebook], "NUMBER = NAME", see bridge/users.h.  In the order written. */
struct config_route {
	char *text; /* as written, after the '=' */
	char *name;
	int line;
};

struct config_media {
	struct sa addr4, addr6;	    /* unset: none */
	struct sa public4, public6; /* unset: none */
	uint16_t port_min, port_max;
	unsigned workers; /* 0: one per core */
	char *stun;	  /* "host:port", NULL: none */
	char *turn;	  /* "user:password@host:port[;transport=tcp]" */
	unsigned dscp_audio, dscp_sip;
};

/* [presence]: protocol C and I. */
struct config_presence {
	unsigned expires, expires_min; /* s; of subscriptions, both ways */
	unsigned answer;	       /* s; Timer N of RFC 6665 4.1.2.4 */
	unsigned grace;		       /* s; after a user's last log-out */
	unsigned retry, retry_max;     /* s; after passing failures */
	unsigned giveup;  /* s; after probation without retry-after */
	unsigned spacing; /* s; between two NOTIFYs to a watcher */
	unsigned rate;	  /* SUBSCRIBEs a second, all trunks together */
};

enum config_oversize { /* of a MESSAGE over 1300 bytes (D19) */
		       CONFIG_OVERSIZE_REJECT,
		       CONFIG_OVERSIZE_SPLIT,
		       CONFIG_OVERSIZE_TCP,
};

struct config_chat {
	bool strict_type; /* inbound without type='chat' (RFC 7572 5) */
	enum config_oversize oversize;
	bool reactions; /* as text, else dropped */
	unsigned queue; /* messages that wait for one address */
	unsigned ttl;	/* s */
};

/* [store]: what is kept over a restart. */
struct config_store {
	char *path;	/* of the database; NULL: nothing is kept */
	char *key_file; /* NULL: path with ".key" behind it */
};

/* [records]: of calls. */
struct config_records {
	char *csv, *sqlite; /* files; NULL: none */
	unsigned rotate;    /* MB of a CSV file; 0: any */
	unsigned rotate_days;
	unsigned keep;	    /* older CSV files */
	unsigned keep_days; /* of records in SQLite; 0: for ever */
};

enum config_missed { /* who is told of missed and failed calls */
		     CONFIG_MISSED_ACCOUNTS, /* users with accounts */
		     CONFIG_MISSED_ALL,
		     CONFIG_MISSED_OFF,
};

/* [account]: SIP accounts that users bring along. */
struct config_account {
	char **providers; /* their SIP domains; "*": any; none: no accounts */
	size_t providerc;
	char *like; /* the trunk whose media settings they have */
	unsigned per_user;
	unsigned register_rate; /* REGISTERs a second, all together */
	unsigned register_wait; /* s; for the first answer */
	enum config_missed missed;
	bool mwi;     /* SUBSCRIBE to message-summary */
	bool publish; /* PUBLISH of what the user shows */
	bool stay;    /* registered while the user is offline, too (D52) */
};

/* hardening.md section 3; one key each in [limits], same names. */
struct config_limits {
	unsigned stanza_bytes, stanza_depth, stanza_attrs, stanza_children;
	unsigned sip_tcp_bytes, sip_udp_bytes, sip_headers, sip_vias;
	unsigned sip_uri_bytes;
	unsigned sdp_bytes, candidates, codecs;
	unsigned calls; /* 0: from descriptors and ports */
	unsigned calls_per_jid, calls_per_trunk; /* 0: no limit */
	unsigned setup_burst, setup_refill_ms, setup_per_minute;
	struct config_quota quota;
	unsigned half_open, tcp_per_source;
	unsigned signalling_lag, media_lag; /* ms; 0: no limit */
	unsigned subscriptions_per_jid;
	unsigned message_rate, message_burst; /* per JID: messages/s, bucket */
	unsigned sip_source_rate, sip_source_burst; /* requests/s, bucket */
	unsigned xmpp_queue_bytes, tcp_queue_bytes; /* high-water marks */
	unsigned waiting_bytes; /* of texts that wait for telephones */
	unsigned reconnect_min, reconnect_max, reconnect_conflict; /* s */
	unsigned xmpp_ping, xmpp_ping_timeout, iq_timeout;	   /* s */
	unsigned xmpp_tcp_timeout;	    /* s; TCP_USER_TIMEOUT */
	unsigned datagram_in, datagram_out; /* bytes */
	unsigned rtp_timeout, rtp_warn;	    /* s */
	unsigned call_max;		    /* s */
	unsigned drain_wait;		    /* s; 0: calls end at once */
};

struct config {
	/* Who owns what the fields below point to: a struct config with the
	 * same fields, alive as long as it is held; NULL: this one itself. */
	struct config *owner;
	struct config *first; /* of an owner: the one of the start, or NULL */
	struct config_written *written; /* keys that cannot change */
	size_t writtenc;
	char *file, *dir;
	struct config_xmpp *xmpp;
	size_t xmppc;
	struct config_sip sip;
	struct config_trunk *trunk;
	size_t trunkc;
	struct config_route *route;
	size_t routec;
	struct config_route *users;
	size_t userc;
	struct config_route *phonebook;
	size_t phonebookc;
	struct config_plan *plan;
	size_t planc;
	struct config_route *class;
	size_t classc;
	struct config_route *emergency;
	size_t emergencyc;
	struct config_store store;
	struct config_records records;
	struct config_account account;
	struct config_media media;
	struct config_chat chat;
	char *admin_socket;		/* absolute */
	char *admin_group;		/* may use it, too; NULL: none */
	struct sa admin_http;		/* page and API; not set: none */
	char *read_token, *write_token; /* for them; never printed */
	char **admins; /* bare JIDs that may use commands for admins */
	size_t adminc;
	int log_level; /* enum log_level */
	bool log_trace;
	int log_format;	  /* enum log_format */
	char **log_areas; /* "sip:debug" */
	size_t log_areac;
	unsigned log_trace_memory; /* MB; 0: nothing is kept */
	struct sa log_hep;	   /* collector, by UDP; unset: none */
	unsigned log_hep_id;	   /* who we are, for it */
	struct config_presence presence;
	struct config_limits limits;
};

/* Reads and checks FILE; problems are printed with pf, one a line.  *cp is a
 * mem_ref object.  EBADMSG when there was any, ENOENT, ENOMEM. */
int config_load(struct config **cp, const char *file, struct re_printf *pf);

/* The same from memory, for tests and fuzzing; name stands for the file. */
int config_parse(struct config **cp, const char *name, const char *text,
		 size_t len, struct re_printf *pf);

/* ---- change without a restart ----
 *
 * The struct config that holds is one object for the life of the process, so
 * that pointers to it and into its plain sections stay good.  What it points
 * to (trunks, plans, lists, strings) is that of the file read last, and stays
 * as long as somebody holds it. */

/* A reference to give back with mem_deref(); NULL where nothing is owned. */
void *config_hold(const struct config *c);
/* Tells of each key that differs and cannot change; EBADMSG when there is
 * any. */
int config_fixed_check(const struct config *c, const struct config *next,
		       struct re_printf *pf);
/* c becomes next, whose reference is taken.  Cannot fail. */
void config_replace(struct config *c, struct config *next);

/* Rules that other folders have over a whole file, whose problems are told
 * among the others: h is asked of each file that is read, also of a wrong one,
 * and prints "FILE:LINE: text" lines.  h NULL: none. */
typedef int(config_late_h)(const struct config *c, struct re_printf *pf);
void config_late_set(config_late_h *h);

/* Levels, format and trace are as c says from now on (config_log.c). */
void config_log_apply(const struct config *c);

/* What holds, a line each, secrets left out (stoxd --check). */
int config_print(struct re_printf *pf, const struct config *c);

/* A trunk of an account: settings of like (NULL: the defaults), without its
 * name, addresses and credentials.  *tp is a mem_ref object that frees what is
 * set in it. */
int config_trunk_alloc(struct config_trunk **tp,
		       const struct config_trunk *like);

const struct config_trunk *config_trunk_find(const struct config *c,
					     const char *name);
/* Is it one of the component's `domains`? */
bool config_serves(const struct config_xmpp *x, const char *domain);
bool config_net_has(const struct config_net *v, size_t n, const struct sa *a);

#endif
