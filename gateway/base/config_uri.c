/* config_uri.c: the type of values that are SIP URIs of a server. */
#include "config_int.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

static const struct config_word transports[] = {
    {"udp", CONFIG_UDP},
    {"tcp", CONFIG_TCP},
    {"tls", CONFIG_TLS},
    {NULL, 0},
};

static bool transport_of(const struct pl *name, enum config_transport *tp)
{
	const struct config_word *w;

	for (w = transports; w->name; w++) {
		if (0 == pl_strcasecmp(name, w->name)) {
			*tp = (enum config_transport)w->value;
			return true;
		}
	}

	return false;
}

/* What libre's grammar lets pass: "sip:2001:db8::1" is to it the host 2001,
 * and a port is taken modulo 65536. */
static const char *host_check(const struct uri *uri)
{
	struct pl port;

	port.p = uri->host.p + uri->host.l;
	port.l = strcspn(port.p, ";?");
	if (port.l && *port.p == ']')
		pl_advance(&port, 1);
	if (port.l && pl_strchr(&port, ':') != pl_strrchr(&port, ':'))
		return "needs its IPv6 address in brackets";
	if (port.l && !config_port_is_valid(&port))
		return "is not sip:HOST:PORT";

	return NULL;
}

const char *config_uri_check(const char *text, struct sa *host,
			     enum config_transport *transport)
{
	struct pl pl, name = PL("transport"), value;
	const char *why;
	struct uri uri;
	uint16_t port;

	*transport = CONFIG_UDP;
	sa_init(host, AF_UNSPEC);
	pl_set_str(&pl, text);

	if (0 == strncasecmp(text, "sips:", 5))
		return "sips: is not used; sip:HOST;transport=tls is";
	if (strncasecmp(text, "sip:", 4) || strpbrk(text, " \t\"<>") ||
	    uri_decode(&uri, &pl) || !uri.host.l)
		return "is not sip:HOST:PORT";
	if (uri.user.l || uri.password.l)
		return "takes no user; it is sip:HOST:PORT";
	if (uri.headers.l)
		return "takes no headers";
	why = host_check(&uri);
	if (why)
		return why;

	if (0 == uri_param_get(&uri.params, &name, &value) &&
	    !transport_of(&value, transport))
		return "has an unknown transport; udp, tcp or tls";

	port = *transport == CONFIG_TLS ? 5061 : 5060; /* RFC 3261 19.1.2 */
	if (sa_set(host, &uri.host, uri.port ? uri.port : port))
		sa_init(host, AF_UNSPEC);

	return NULL;
}

static const char *uri_decode_value(struct config_value *v, void *base)
{
	enum config_transport transport;
	const char *why;
	struct sa host;

	why = config_uri_check(v->text, &host, &transport);
	if (why)
		return why;

	return config_type_text.decode(v, base);
}

const struct config_type config_type_uri = {
    uri_decode_value, config_text_print, config_text_clear, false};
