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
	bool trusted; /* identities in P-Asserted-Identity are believed */
	int line;
};

/* [route]: one rule a line, "NAME = from PATTERN to PATTERN via TARGET".
 * Tried in the order written; see bridge/route.h for what they mean. */
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

/* hardening.md section 3; one key each in [limits], same names. */
struct config_limits {
	unsigned stanza_bytes, stanza_depth, stanza_attrs, stanza_children;
	unsigned sip_tcp_bytes, sip_udp_bytes, sip_headers, sip_vias;
	unsigned sip_uri_bytes;
	unsigned sdp_bytes, candidates, codecs;
	unsigned calls; /* 0: from descriptors and ports */
	unsigned calls_per_jid, calls_per_trunk; /* 0: no limit */
	unsigned setup_burst, setup_refill_ms, setup_per_minute;
	unsigned half_open, tcp_per_source;
	unsigned subscriptions_per_jid;
	unsigned message_rate, message_burst; /* per JID: messages/s, bucket */
	unsigned sip_source_rate, sip_source_burst; /* requests/s, bucket */
	unsigned xmpp_queue_bytes, tcp_queue_bytes; /* high-water marks */
	unsigned reconnect_min, reconnect_max, reconnect_conflict; /* s */
	unsigned xmpp_ping, xmpp_ping_timeout, iq_timeout;	   /* s */
	unsigned xmpp_tcp_timeout;	    /* s; TCP_USER_TIMEOUT */
	unsigned datagram_in, datagram_out; /* bytes */
	unsigned rtp_timeout, rtp_warn;	    /* s */
	unsigned call_max;		    /* s */
};

struct config {
	char *file, *dir;
	struct config_xmpp *xmpp;
	size_t xmppc;
	struct config_sip sip;
	struct config_trunk *trunk;
	size_t trunkc;
	struct config_route *route;
	size_t routec;
	struct config_media media;
	char *admin_socket; /* absolute */
	int log_level;	    /* enum log_level */
	bool log_trace;
	struct config_limits limits;
};

/* Reads and checks FILE; problems are printed with pf, one a line.  *cp is a
 * mem_ref object.  EBADMSG when there was any, ENOENT, ENOMEM. */
int config_load(struct config **cp, const char *file, struct re_printf *pf);

/* The same from memory, for tests and fuzzing; name stands for the file. */
int config_parse(struct config **cp, const char *name, const char *text,
		 size_t len, struct re_printf *pf);

/* What holds, a line each, secrets left out (stoxd --check). */
int config_print(struct re_printf *pf, const struct config *c);

const struct config_trunk *config_trunk_find(const struct config *c,
					     const char *name);
bool config_net_has(const struct config_net *v, size_t n, const struct sa *a);

#endif
