/* jingle.h: Jingle, its RTP application and ICE transport, and JMI as values;
 * XML <-> desc (XEP-0166, 0167, 0176, 0293, 0294, 0320, 0338, 0339, 0353;
 * protocol E.7). */
#ifndef JINGLE_JINGLE_H
#define JINGLE_JINGLE_H

#include "bridge/reason.h"
#include "sdp/desc.h"
#include "xmpp/stanza.h"

#define NS_JINGLE	 "urn:xmpp:jingle:1"
#define NS_JINGLE_ERRORS "urn:xmpp:jingle:errors:1"
#define NS_JINGLE_RTP	 "urn:xmpp:jingle:apps:rtp:1"
#define NS_JINGLE_INFO	 "urn:xmpp:jingle:apps:rtp:info:1"
#define NS_JINGLE_ICE	 "urn:xmpp:jingle:transports:ice-udp:1"
#define NS_JINGLE_DTLS	 "urn:xmpp:jingle:apps:dtls:0"
#define NS_JINGLE_FB	 "urn:xmpp:jingle:apps:rtp:rtcp-fb:0"
#define NS_JINGLE_HDREXT "urn:xmpp:jingle:apps:rtp:rtp-hdrext:0"
#define NS_JINGLE_GROUP	 "urn:xmpp:jingle:apps:grouping:0"
#define NS_JINGLE_SSMA	 "urn:xmpp:jingle:apps:rtp:ssma:0"
#define NS_JINGLE_DTMF	 "urn:xmpp:jingle:dtmf:0"
#define NS_JMI		 "urn:xmpp:jingle-message:0"

enum jingle_action {
	JINGLE_CONTENT_ACCEPT,
	JINGLE_CONTENT_ADD,
	JINGLE_CONTENT_MODIFY,
	JINGLE_CONTENT_REJECT,
	JINGLE_CONTENT_REMOVE,
	JINGLE_DESCRIPTION_INFO,
	JINGLE_SECURITY_INFO,
	JINGLE_SESSION_ACCEPT,
	JINGLE_SESSION_INFO,
	JINGLE_SESSION_INITIATE,
	JINGLE_SESSION_TERMINATE,
	JINGLE_TRANSPORT_ACCEPT,
	JINGLE_TRANSPORT_INFO,
	JINGLE_TRANSPORT_REJECT,
	JINGLE_TRANSPORT_REPLACE,
	JINGLE_ACTION_UNKNOWN,
};
const char *jingle_action_name(enum jingle_action a);
enum jingle_action jingle_action_find(const char *name);

/* <jingle/> -> desc of the sender.  sender_is_initiator: whose view 'senders'
 * is translated to.  Contents that are not RTP over ice-udp become
 * DESC_OTHER media.  Application fingerprints, groups, sources, all of E.7.
 * EBADMSG malformed, E2BIG over a limit of desc.h, ENOMEM. */
int jingle_decode(struct desc **dp, const struct stanza *jingle,
		  bool sender_is_initiator);
/* Adds contents and groups of desc to a <jingle/>. sender_is_initiator as
 * above; with_description: false for transport-info (transports only).
 * only: index of the one media to write, -1: all. */
int jingle_encode(struct stanza *jingle, const struct desc *d,
		  bool sender_is_initiator, bool with_description, int only);

/* <reason/> -> value, text included; and back. */
void jingle_reason_decode(struct ending *end, const struct stanza *parent);
int jingle_reason_encode(struct stanza *parent, enum reason reason,
			 const struct ending *end);

enum jmi_kind {
	JMI_PROPOSE,
	JMI_RINGING,
	JMI_PROCEED,
	JMI_REJECT,
	JMI_RETRACT,
	JMI_FINISH,
	JMI_ACCEPT,
	JMI_UNKNOWN,
};
/* The element's name; kind is a known one. */
const char *jmi_kind_name(enum jmi_kind kind);
struct jmi { /* points into the stanza that it was read from */
	enum jmi_kind kind;
	const char *id;
	bool audio, video, other; /* propose */
	bool tie_break;		  /* retract, reject */
	struct ending why;	  /* reject, retract, finish */
	const char *migrated;	  /* finish: id of the new session; or NULL */
	bool receipt;		  /* the message asks for an X0184 receipt */
	const char *message_id;	  /* id of the message, or NULL */
};
/* ENOENT: no JMI element in this message; EBADMSG: one without id. */
int jmi_decode(struct jmi *j, const struct stanza *message);

#endif
