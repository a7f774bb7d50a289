/* tracing.c: stanzas for the trace, linked by the session that they are of. */
#include <sys/socket.h>
#include "base/trace.h"
#include "xmpp/component_int.h"
#include "xmpp/link.h"

/* Whose attribute names the session: XEP-0166 7.2, XEP-0353 3. */
static const struct {
	const char *ns, *attr;
} sessions[] = {
    {"urn:xmpp:jingle:1", "sid"},
    {"urn:xmpp:jingle-message:0", "id"},
};

static const char *session_of(const struct stanza *st)
{
	for (size_t i = 0; i < ARRAY_SIZE(sessions); i++) {
		const struct stanza *e =
		    stanza_child(st, NULL, sessions[i].ns);

		if (e)
			return stanza_attr(e, sessions[i].attr);
	}

	return NULL;
}

static void address_set(struct sa *sa, const struct sockaddr_storage *ss)
{
	if (sa_set_sa(sa, (const struct sockaddr *)ss))
		sa_init(sa, AF_UNSPEC);
}

void component_trace_link(struct component *c)
{
	struct sockaddr_storage ss = {.ss_family = AF_UNSPEC};
	const int fd = xmpplink_fd(c->link);
	socklen_t len = sizeof(ss);

	(void)getsockname(fd, (struct sockaddr *)&ss, &len);
	address_set(&c->local, &ss);
	ss.ss_family = AF_UNSPEC;
	len = sizeof(ss);
	(void)getpeername(fd, (struct sockaddr *)&ss, &len);
	address_set(&c->remote, &ss);
}

void component_trace(struct component *c, bool tx, const struct stanza *st)
{
	const char *key = session_of(st);
	struct trace_message m = {
	    .kind = TRACE_XMPP,
	    .tx = tx,
	    .way = c->conf->tls ? TRACE_TLS : TRACE_TCP,
	    .local = &c->local,
	    .remote = &c->remote,
	    .peer = c->server,
	    .text = (const char *)c->mb->buf,
	    .len = c->mb->end,
	};

	if (key)
		pl_set_str(&m.key, key);
	trace_message(&m);
}
