/* config_net.c: types of values that are addresses and ports. */
#include "config_int.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

/* Decimal, at most max. */
static bool number_of(const struct pl *pl, unsigned max, unsigned *np)
{
	size_t i;

	if (!pl->l || pl->l > 5)
		return false;
	for (i = 0; i < pl->l; i++) {
		if (!isdigit((unsigned char)pl->p[i]))
			return false;
	}
	*np = pl_u32(pl);

	return *np <= max;
}

bool config_port_is_valid(const struct pl *hostport)
{
	const char *colon = pl_strrchr(hostport, ':');
	struct pl num;
	unsigned port;

	if (!colon)
		return false;

	num.p = colon + 1;
	num.l = (size_t)(hostport->p + hostport->l - num.p);

	return number_of(&num, 65535, &port) && port;
}

/* A numeric address, IPv6 with or without brackets. */
static bool address_of(const struct pl *pl, struct sa *sa)
{
	struct pl host = *pl;

	if (host.l > 2 && host.p[0] == '[' && host.p[host.l - 1] == ']') {
		host.p++;
		host.l -= 2;
		if (!pl_strchr(&host, ':'))
			return false;
	}

	return host.l < INET6_ADDRSTRLEN && 0 == sa_set(sa, &host, 0);
}

/* ---- networks ---- */

static unsigned bits_of(const struct sa *sa)
{
	return sa_af(sa) == AF_INET6 ? 128 : 32;
}

/* IPv4 mapped into IPv6 is the IPv4 address that it stands for. */
static void bytes_of(const struct sa *sa, uint8_t ip[16], int *af)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	uint32_t v4;

	memset(ip, 0, 16);
	*af = sa_af(sa);
	if (*af == AF_INET6) {
		sa_in6(sa, ip);
		if (memcmp(ip, mapped, sizeof(mapped)))
			return;
		memmove(ip, ip + 12, 4);
		*af = AF_INET;
		return;
	}

	v4 = htonl(sa_in(sa));
	memcpy(ip, &v4, sizeof(v4));
}

static bool net_has(const struct config_net *net, const struct sa *sa)
{
	uint8_t a[16], b[16];
	unsigned bits = net->prefix;
	int af, bf;

	bytes_of(&net->addr, a, &af);
	bytes_of(sa, b, &bf);
	if (af != bf)
		return false;

	if (memcmp(a, b, bits / 8))
		return false;
	if (bits % 8 == 0)
		return true;

	return 0 == ((a[bits / 8] ^ b[bits / 8]) >> (8 - bits % 8));
}

bool config_net_has(const struct config_net *v, size_t n, const struct sa *a)
{
	size_t i;

	if (!v || !a || (sa_af(a) != AF_INET && sa_af(a) != AF_INET6))
		return false;

	for (i = 0; i < n; i++) {
		if (net_has(&v[i], a))
			return true;
	}

	return false;
}

int config_net_print(struct re_printf *pf, const struct config_net *n)
{
	int err = re_hprintf(pf, "%j", &n->addr);

	if (n->prefix != bits_of(&n->addr))
		err |= re_hprintf(pf, "/%u", n->prefix);

	return err;
}

bool config_sa_is_private(const struct sa *sa)
{
	uint8_t ip[16];
	int af;

	bytes_of(sa, ip, &af);
	if (af == AF_INET6)
		return (ip[0] & 0xfe) == 0xfc; /* RFC 4193 3.1 */

	return ip[0] == 10 || (ip[0] == 172 && (ip[1] & 0xf0) == 16) ||
	       (ip[0] == 192 && ip[1] == 168); /* RFC 1918 3 */
}

/* Bits beyond the prefix must be clear: "10.0.0.1/8" is more likely a slip
 * than a wish to let sixteen million addresses in. */
static bool net_is_clean(const struct config_net *net)
{
	uint8_t ip[16];
	unsigned i;
	int af;

	bytes_of(&net->addr, ip, &af);
	for (i = net->prefix; i < bits_of(&net->addr); i++) {
		if (ip[i / 8] & 0x80 >> i % 8)
			return false;
	}

	return true;
}

static const char *net_decode(struct config_net *net, const struct pl *elem)
{
	const char *slash = pl_strchr(elem, '/');
	struct pl addr = *elem, bits;

	if (slash) {
		addr.l = (size_t)(slash - elem->p);
		bits.p = slash + 1;
		bits.l = elem->l - addr.l - 1;
	}

	if (!address_of(&addr, &net->addr))
		return "is not an address or network";
	net->prefix = bits_of(&net->addr);
	if (!slash)
		return NULL;
	if (!number_of(&bits, bits_of(&net->addr), &net->prefix))
		return "has a bad prefix length";

	return net_is_clean(net) ? NULL : "has bits beyond its prefix length";
}

static void nets_clear(const struct config_key *key, void *base)
{
	struct config_net **field = config_field(base, key->offset);

	*field = mem_deref(*field);
	*(size_t *)config_field(base, key->offset2) = 0;
}

static const char *nets_decode(struct config_value *v, void *base)
{
	const char *why = NULL;
	struct config_net *nets;
	struct pl elem, rest;
	size_t n = 0;

	nets_clear(v->key, base);
	if (0 == strcmp(v->key->dflt, "auto") && !strcmp(v->text, "auto"))
		return NULL;

	nets = mem_zalloc(CONFIG_LIST_MAX * sizeof(*nets), NULL);
	if (!nets) {
		v->err = ENOMEM;
		return "out of memory";
	}

	pl_set_str(&rest, v->text);
	while (n < CONFIG_LIST_MAX && config_list_next(&elem, &rest)) {
		const char *bad = net_decode(&nets[n++], &elem);

		if (bad)
			why = config_value_bad(v, &elem, bad);
	}
	if (config_list_next(&elem, &rest))
		why = "has too many elements";
	if (why) {
		mem_deref(nets);
		return why;
	}

	*(struct config_net **)config_field(base, v->key->offset) = nets;
	*(size_t *)config_field(base, v->key->offset2) = n;

	return NULL;
}

static int nets_print(struct re_printf *pf, const struct config_key *key,
		      const void *base)
{
	struct config_net *const *field = config_field_in(base, key->offset);
	const size_t *n = config_field_in(base, key->offset2);
	size_t i;
	int err = 0;

	for (i = 0; i < *n; i++) {
		err |= re_hprintf(pf, "%s%H", i ? ", " : "", config_net_print,
				  &(*field)[i]);
	}

	return err;
}

const struct config_type config_type_nets = {nets_decode, nets_print,
					     nets_clear, false};

/* ---- one address a family ---- */

static const char *addrs_decode(struct config_value *v, void *base)
{
	struct sa *sa4 = config_field(base, v->key->offset);
	struct sa *sa6 = config_field(base, v->key->offset2);
	const char *why = NULL;
	struct pl elem, rest;

	sa_init(sa4, AF_UNSPEC);
	sa_init(sa6, AF_UNSPEC);
	if (0 == strcmp(v->key->dflt, "auto") && !strcmp(v->text, "auto"))
		return NULL;

	pl_set_str(&rest, v->text);
	while (config_list_next(&elem, &rest)) {
		struct sa sa, *to;

		if (!address_of(&elem, &sa) || sa_is_any(&sa)) {
			why = config_value_bad(v, &elem, "is not an address");
			continue;
		}

		to = sa_af(&sa) == AF_INET6 ? sa6 : sa4;
		if (sa_af(to) != AF_UNSPEC)
			why = config_value_bad(v, &elem,
					       "takes one address a family");
		*to = sa;
	}

	return why;
}

static int addrs_print(struct re_printf *pf, const struct config_key *key,
		       const void *base)
{
	const struct sa *sa4 = config_field_in(base, key->offset);
	const struct sa *sa6 = config_field_in(base, key->offset2);
	int err = 0;

	if (sa_isset(sa4, SA_ADDR))
		err |= re_hprintf(pf, "%j", sa4);
	if (sa_isset(sa6, SA_ADDR)) {
		err |= re_hprintf(pf, "%s%j",
				  sa_isset(sa4, SA_ADDR) ? ", " : "", sa6);
	}

	return err;
}

static void addrs_clear(const struct config_key *key, void *base)
{
	sa_init(config_field(base, key->offset), AF_UNSPEC);
	sa_init(config_field(base, key->offset2), AF_UNSPEC);
}

const struct config_type config_type_addrs = {addrs_decode, addrs_print,
					      addrs_clear, false};

/* ---- ports ---- */

static const char *ports_decode(struct config_value *v, void *base)
{
	const char *dash = strchr(v->text, '-');
	struct pl from, to;
	unsigned lo, hi;

	if (!dash)
		return "must be FIRST-LAST";

	from.p = v->text;
	from.l = (size_t)(dash - v->text);
	pl_set_str(&to, dash + 1);
	while (from.l && from.p[from.l - 1] == ' ')
		from.l--;
	while (to.l && *to.p == ' ')
		pl_advance(&to, 1);

	if (!number_of(&from, 65535, &lo) || !number_of(&to, 65535, &hi) ||
	    lo < 1024)
		return "must be two ports from 1024 to 65535";
	if (hi < lo + 1)
		return "holds no pair of ports";

	*(uint16_t *)config_field(base, v->key->offset) = (uint16_t)lo;
	*(uint16_t *)config_field(base, v->key->offset2) = (uint16_t)hi;

	return NULL;
}

static int ports_print(struct re_printf *pf, const struct config_key *key,
		       const void *base)
{
	const uint16_t *lo = config_field_in(base, key->offset);
	const uint16_t *hi = config_field_in(base, key->offset2);

	return re_hprintf(pf, "%u-%u", *lo, *hi);
}

const struct config_type config_type_ports = {ports_decode, ports_print, NULL,
					      false};

/* ---- hosts ---- */

/* A name, an IPv4 address, or an IPv6 address in brackets; port 0: none. */
static bool hostport_split(const struct pl *text, struct pl *host,
			   unsigned *port)
{
	const char *colon;
	struct pl num;
	struct sa sa;
	size_t i;

	*host = *text;
	*port = 0;

	colon = pl_strrchr(text, ':');
	if (colon && (!text->l || text->p[text->l - 1] != ']')) {
		host->l = (size_t)(colon - text->p);
		num.p = colon + 1;
		num.l = text->l - host->l - 1;
		if (!number_of(&num, 65535, port) || !*port)
			return false;
	}

	if (host->l && host->p[0] == '[')
		return address_of(host, &sa);

	for (i = 0; i < host->l; i++) {
		unsigned char c = (unsigned char)host->p[i];

		if (!isalnum(c) && !strchr("-._", c))
			return false;
	}

	return host->l && host->l < 256;
}

static const char *server_decode(struct config_value *v, void *base)
{
	uint16_t *portp = config_field(base, v->key->offset2);
	const char *why;
	struct pl text, host;
	unsigned port;

	pl_set_str(&text, v->text);
	if (!hostport_split(&text, &host, &port))
		return "is not HOST:PORT";

	if (host.p[0] == '[') {
		host.p++;
		host.l -= 2;
	}

	why = config_string_set(v, config_field(base, v->key->offset), host.p,
				host.l);
	*portp = port ? (uint16_t)port : 5347; /* Prosody's default */

	return why;
}

static int server_print(struct re_printf *pf, const struct config_key *key,
			const void *base)
{
	char *const *host = config_field_in(base, key->offset);
	const uint16_t *port = config_field_in(base, key->offset2);

	if (!*host)
		return 0;

	return strchr(*host, ':') ? re_hprintf(pf, "[%s]:%u", *host, *port)
				  : re_hprintf(pf, "%s:%u", *host, *port);
}

const struct config_type config_type_server = {server_decode, server_print,
					       config_text_clear, false};

static const char *hostport_decode(struct config_value *v, void *base)
{
	struct pl text, host;
	unsigned port;

	pl_set_str(&text, v->text);
	if (!hostport_split(&text, &host, &port))
		return "is not HOST:PORT";

	return config_string_set(v, config_field(base, v->key->offset),
				 v->text, text.l);
}

const struct config_type config_type_hostport = {
    hostport_decode, config_text_print, config_text_clear, false};

/* As other programs have it: turn:host or turn:user:password@host (RFC 7065);
 * but "turn:secret@host" is a user of that name. */
static bool is_turn_uri(const char *text, const char *at)
{
	const char *colon = strchr(text, ':');
	const struct pl scheme = {text, colon ? (size_t)(colon - text) : 0};

	if (pl_strcasecmp(&scheme, "turn") && pl_strcasecmp(&scheme, "turns"))
		return false;

	return !at || memchr(colon + 1, ':', (size_t)(at - colon - 1));
}

/* user:password@host:port[;transport=udp|tcp|tls]: a password may hold an
 * '@', a host may not. */
static const char *turn_decode(struct config_value *v, void *base)
{
	const char *at = strrchr(v->text, '@'), *colon, *semi;
	struct pl host, text;
	unsigned port;

	colon = strchr(v->text, ':');
	if (is_turn_uri(v->text, at))
		return "takes no \"turn:\"; the form is "
		       "USER:PASSWORD@HOST:PORT"
		       "[;transport=udp|tcp|tls]";
	if (!at || !colon || colon > at || colon == v->text)
		return "is not USER:PASSWORD@HOST:PORT";

	semi = strchr(at, ';');
	if (semi && strcasecmp(semi, ";transport=udp") &&
	    strcasecmp(semi, ";transport=tcp") &&
	    strcasecmp(semi, ";transport=tls"))
		return "has an unknown parameter; transport=udp, tcp or tls";

	text.p = at + 1;
	text.l = semi ? (size_t)(semi - text.p) : strlen(text.p);
	if (!hostport_split(&text, &host, &port))
		return "is not USER:PASSWORD@HOST:PORT";

	return config_type_text.decode(v, base);
}

static int turn_print(struct re_printf *pf, const struct config_key *key,
		      const void *base)
{
	char *const *field = config_field_in(base, key->offset);
	const char *at, *colon;

	if (!*field)
		return 0;

	at = strrchr(*field, '@');
	colon = strchr(*field, ':');
	if (!at || !colon)
		return 0;

	return re_hprintf(pf, "%b:(set)%s", *field, (size_t)(colon - *field),
			  at);
}

const struct config_type config_type_turn = {turn_decode, turn_print,
					     config_text_clear, true};
