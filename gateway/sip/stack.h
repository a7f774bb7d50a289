/* stack.h: SIP listeners, trunks and the gates in front of them (design.md
 * section 6).  One struct sip per listen address and per TLS trunk. */
#ifndef SIP_STACK_H
#define SIP_STACK_H

#include "base/compat.h"
#include "base/config.h"

struct sipstack;
struct siptrunk; /* a trunk at work; lives as long as the stack */

/* A request that both gates let through.  The handler answers it. */
typedef void(sipstack_request_h)(struct siptrunk *trunk, struct sip *sip,
				 const struct sip_msg *msg, void *arg);

/* Opens the listeners, gates, trunks (REGISTER, OPTIONS).  EADDRINUSE and the
 * like with a log line that names the listener.  mem_ref object; its
 * destructor closes at once, sipstack_close unregisters first. */
int sipstack_alloc(struct sipstack **sp, const struct config *conf);
void sipstack_close(struct sipstack *s);

/* Out-of-dialog (initial) requests by method: "INVITE".  Methods with a
 * handler here, and ACK, CANCEL, BYE, OPTIONS, PRACK, UPDATE, INFO of
 * invite.c, make up Allow; in-dialog requests that no dialog took get 481. */
int sipstack_listen(struct sipstack *s, const char *method,
		    sipstack_request_h *h, void *arg);
/* For a dialog that is sent what it does not handle itself: false if nobody
 * handles this method outside of dialogs either. */
bool sipstack_take(struct sipstack *s, struct siptrunk *trunk, struct sip *sip,
		   const struct sip_msg *msg);
/* In-dialog requests and responses: the INVITE session registers here and is
 * asked for every message from a trunk, on any of the stack's struct sip. */
int sipstack_listen_dialog(struct sipstack *s, bool req, sip_msg_h *h,
			   void *arg);

/* The name server's client; NULL: there is none. */
struct dnsc *sipstack_dns(const struct sipstack *s);
struct siptrunk *sipstack_trunk(const struct sipstack *s, const char *name);
const struct config_trunk *siptrunk_conf(const struct siptrunk *t);
/* The configuration of a trunk or line, also of one that is not in the file
 * any more; NULL: there never was one. */
const struct config_trunk *sipstack_conf(const struct sipstack *s,
					 const char *name);
bool siptrunk_up(const struct siptrunk *t); /* a target answers OPTIONS */
const char *siptrunk_status(const struct siptrunk *t); /* for people */

/* Where a new request of ours goes: the n-th target (0: first choice) in the
 * order of RFC 3263 and health.  ENOENT: there is no n-th.  For numeric URIs
 * there is one.  EAGAIN: still resolving, *h is called when done. */
struct siptarget {
	struct sip *sip;
	struct sa addr;
	enum sip_transp tp;
	struct uri route;     /* give to sip_requestf / as sip_dialog route */
	char route_text[256]; /* "<sip:1.2.3.4:5060;transport=tcp;lr>" */
	struct sa laddr;      /* what we advertise: public if configured */
};
typedef void(siptarget_h)(int err, void *arg);
int siptrunk_target(struct siptarget *t, struct siptrunk *trunk, unsigned n,
		    siptarget_h *h, void *arg);
/* Tells the health watcher how a target did (silence, 503, transport). */
void siptrunk_target_failed(struct siptrunk *trunk, const struct sa *addr);

/* Registers again, it and the lines of its registrar each in their turn: who
 * forgets one thing forgets another. NULL is fine. */
void siptrunk_renew(struct siptrunk *t);

/* Forgets a waiting h(arg): call it before arg goes away. */
void siptrunk_target_cancel(struct siptrunk *trunk, void *arg);
/* A request too large for UDP: turns t into the same target by TCP (trunk
 * option tcp = yes).  ENOTSUP: the trunk does not want it. */
int siptrunk_target_tcp(struct siptarget *t, struct siptrunk *trunk);
/* The send handler (sip_send_h) of every sip_requestf and sip_drequestf of
 * ours: puts the public address into Via and remembers where answers will
 * come from.  arg is not used: the request's own goes through. */
int sipstack_send(enum sip_transp tp, const struct sa *src,
		  const struct sa *dst, struct mbuf *mb, void *arg);

/* A connection may be dead without either side knowing (a NAT that forgot it,
 * a peer that closed TLS alone).  Drops the trunk's private connections, so
 * that the next request opens one.  False: its way out is shared, or UDP. */
bool siptrunk_reconnect(struct siptrunk *trunk,
			const struct siptarget *target);

/* "Contact" URI of ours for a dialog on this target, with tag of instance:
 * "sip:TOKEN@addr:port;transport=tcp;i=TAG" (no brackets). mem_ref string.
 * Where the trunk's registrar keeps to the way of the registration ";ob" asks it
 * to do so in the dialog (RFC 5626 4.3); trunk NULL: that is not asked. */
int siptrunk_contact(char **cp, const struct siptrunk *trunk,
		     const struct siptarget *t, const char *token);
/* The same for a request that came in on sip: through the address it came to.*/
int sipstack_contact(char **cp, const struct sipstack *s, struct sip *sip,
		     const struct sip_msg *msg, const char *token);

/* Rewrites the address in a Contact of ours after sipstack_set_public. */
int sipstack_contact_renew(char **cp, const struct sipstack *s,
			   const struct sip *sip);

/* Header lines common to our requests and responses: User-Agent aside (libre
 * prints it).  Each is a whole line: "Allow: ..\r\n", "Supported: ..\r\n". */
const char *sipstack_agent(const struct sipstack *s); /* of requests */
const char *sipstack_allow(const struct sipstack *s);
const char *sipstack_supported(const struct sipstack *s);

/* ---- lines: accounts of users at their registrars ----
 *
 * A line is a trunk like others to those who call through it.  Lines of one
 * registrar share its targets, ways out and health.  Requests for a line are
 * known by their Request-URI, the line's Contact. */

enum sipline_state { /* what a line's registrar said last */
		     SIPLINE_TRYING,
		     SIPLINE_UP,
		     SIPLINE_REFUSED, /* 401, 403, 404, 407: by the user */
		     SIPLINE_FAILED,  /* no answer or another code */
};
struct sipline_event {
	enum sipline_state state;
	unsigned code;	  /* last final response; 0: none */
	const char *text; /* static: what is wrong */
};
typedef void(sipline_h)(const struct sipline_event *ev, void *arg);

/* conf is referenced and says who: name (of no other trunk or line), uri,
 * outbound_proxy, username, password; auth_user NULL: username; token: user
 * part of Contact, of no other line.  strict: addresses of private networks are
 * not for it.  Lives as long as the stack, sends nothing. */
int sipline_alloc(struct siptrunk **lp, struct sipstack *s,
		  struct config_trunk *conf, const char *auth_user,
		  const char *token, bool strict);
/* Registers: at once, or (paced) when its turn comes.  h is called after each
 * final result, never from within. Again: with a new password. */
int sipline_start(struct siptrunk *line, bool paced, sipline_h *h, void *arg);
/* Who hears of it from now on; h NULL: nobody. */
void sipline_listen(struct siptrunk *line, sipline_h *h, void *arg);
/* Takes the registration back; no h after this. */
void sipline_stop(struct siptrunk *line);
int sipline_password(struct siptrunk *line, const char *auth_user,
		     const char *password);
void sipline_event(const struct siptrunk *line, struct sipline_event *ev);
bool siptrunk_is_line(const struct siptrunk *t);
unsigned sipstack_lines(const struct sipstack *s); /* that are started */

/* The host part of From for calls of ours through this trunk: domain of the
 * trunk's uri. */
int siptrunk_aor(char **uriprint, const struct siptrunk *trunk,
		 const char *user);

/* The public address (and port, if not 0) has changed, for one family: from
 * now on in Via and Contact; registrations are renewed at once. */
void sipstack_set_public(struct sipstack *s, const struct sa *addr);

/* OPTIONS are answered 503 with Retry-After, s; 0: 200 as ever. */
void sipstack_drain(struct sipstack *s, unsigned retry_after);

#endif
