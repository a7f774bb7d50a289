/* config_listen.c: listen addresses, and the addresses of this machine. */
#include "config_int.h"

#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <string.h>
#include <strings.h>

static const char *const names[] = {
    [CONFIG_UDP] = "udp:",
    [CONFIG_TCP] = "tcp:",
    [CONFIG_TLS] = "tls:",
};

/* "udp:127.0.0.1:5070", "tls:[::1]:5061" */
static const char *listen_parse(struct config_listen *l, const struct pl *text)
{
	unsigned i;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		if (text->l > 4 && 0 == strncasecmp(text->p, names[i], 4))
			break;
	}
	if (i == ARRAY_SIZE(names))
		return "must begin with udp:, tcp: or tls:";

	l->transport = (enum config_transport)i;
	if (!config_port_is_valid(text) ||
	    sa_decode(&l->addr, text->p + 4, text->l - 4) ||
	    !sa_isset(&l->addr, SA_PORT))
		return "is not TRANSPORT:ADDRESS:PORT, the address in "
		       "numbers";

	return NULL;
}

static void listens_free(struct config_listen *v, size_t n)
{
	while (n)
		mem_deref(v[--n].text);
	mem_deref(v);
}

static void listen_clear(const struct config_key *key, void *base)
{
	struct config_sip *sip = base;

	(void)key;
	listens_free(sip->listen, sip->listenc);
	sip->listen = NULL;
	sip->listenc = 0;
}

static bool listen_has(const struct config_listen *v, size_t n,
		       const struct config_listen *l)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (v[i].transport == l->transport &&
		    sa_cmp(&v[i].addr, &l->addr, SA_ALL))
			return true;
	}

	return false;
}

/* l[n] becomes what elem says. */
static const char *listen_add(struct config_value *v, struct config_listen *l,
			      size_t n, const struct pl *elem)
{
	const char *why = listen_parse(&l[n], elem);

	if (why)
		return why;
	if (listen_has(l, n, &l[n]))
		return "names this address twice";

	return config_string_set(v, &l[n].text, elem->p, elem->l);
}

static const char *listen_decode(struct config_value *v, void *base)
{
	struct config_sip *sip = base;
	struct config_listen *list;
	const char *why = NULL;
	struct pl elem, rest;
	size_t n = 0;

	list = mem_zalloc(CONFIG_LIST_MAX * sizeof(*list), NULL);
	if (!list) {
		v->err = ENOMEM;
		return "out of memory";
	}

	pl_set_str(&rest, v->text);
	while (n < CONFIG_LIST_MAX && config_list_next(&elem, &rest)) {
		const char *bad = listen_add(v, list, n++, &elem);

		if (bad)
			why = config_value_bad(v, &elem, bad);
	}
	if (config_list_next(&elem, &rest))
		why = "has too many elements";
	else if (!n)
		why = "has no element";
	if (why) {
		listens_free(list, n);
		return why;
	}

	listen_clear(v->key, base);
	sip->listen = list;
	sip->listenc = n;

	return NULL;
}

static int listen_print(struct re_printf *pf, const struct config_key *key,
			const void *base)
{
	const struct config_sip *sip = base;
	size_t i;
	int err = 0;

	(void)key;

	for (i = 0; i < sip->listenc; i++) {
		const struct config_listen *l = &sip->listen[i];

		err |= re_hprintf(pf, "%s%s%J", i ? ", " : "",
				  names[l->transport], &l->addr);
	}

	return err;
}

const struct config_type config_type_listen = {listen_decode, listen_print,
					       listen_clear, false};

/* ---- one of them, named by a trunk ---- */

static const char *ref_decode(struct config_value *v, void *base)
{
	struct config_trunk *trunk = base;
	struct config_listen l;
	const char *why;
	struct pl text;

	pl_set_str(&text, v->text);
	why = listen_parse(&l, &text);

	return why ? why
		   : config_string_set(v, &trunk->listen_text, v->text,
				       text.l);
}

static int ref_print(struct re_printf *pf, const struct config_key *key,
		     const void *base)
{
	const struct config_trunk *trunk = base;

	(void)key;

	if (!trunk->listen)
		return 0;

	return re_hprintf(pf, "%s%J", names[trunk->listen->transport],
			  &trunk->listen->addr);
}

static void ref_clear(const struct config_key *key, void *base)
{
	struct config_trunk *trunk = base;

	(void)key;
	trunk->listen_text = mem_deref(trunk->listen_text);
}

const struct config_type config_type_listen_ref = {ref_decode, ref_print,
						   ref_clear, false};

const struct config_listen *config_listen_find(const struct config_sip *sip,
					       const char *text)
{
	struct config_listen l;
	struct pl pl;
	size_t i;

	pl_set_str(&pl, text);
	if (listen_parse(&l, &pl))
		return NULL;

	for (i = 0; i < sip->listenc; i++) {
		const struct config_listen *have = &sip->listen[i];

		if (have->transport == l.transport &&
		    sa_cmp(&have->addr, &l.addr, SA_ALL))
			return have;
		if (0 == strcasecmp(have->text, text)) /* "udp:0.0.0.0:.." */
			return have;
	}

	return NULL;
}

/* ---- this machine ---- */

/* Link-local IPv6 addresses need a scope that SIP cannot carry. */
static bool interface_address(const struct ifaddrs *ifa, int af, struct sa *sa)
{
	if (!ifa->ifa_addr || !(ifa->ifa_flags & IFF_UP) ||
	    sa_set_sa(sa, ifa->ifa_addr))
		return false;

	return (af == AF_UNSPEC || sa_af(sa) == af) && !sa_is_linklocal(sa);
}

int config_local_address(struct sa *sa, int af)
{
	struct ifaddrs *list, *ifa;
	int err = ENOENT;

	if (getifaddrs(&list))
		return errno;

	for (ifa = list; ifa && err; ifa = ifa->ifa_next) {
		if (interface_address(ifa, af, sa) && !sa_is_loopback(sa))
			err = 0;
	}
	freeifaddrs(list);
	if (!err)
		sa_set_port(sa, 0);

	return err;
}

static int expand_one(struct config_listen *to, size_t *n,
		      const struct config_listen *l,
		      const struct ifaddrs *list)
{
	const struct ifaddrs *ifa;

	if (!sa_is_any(&l->addr)) {
		if (*n == CONFIG_LIST_MAX)
			return E2BIG;
		to[*n] = *l;
		to[(*n)++].text = mem_ref(l->text);
		return 0;
	}

	for (ifa = list; ifa; ifa = ifa->ifa_next) {
		struct config_listen one = *l;

		if (!interface_address(ifa, sa_af(&l->addr), &one.addr))
			continue;
		sa_set_port(&one.addr, sa_port(&l->addr));
		if (listen_has(to, *n, &one))
			continue;
		if (*n == CONFIG_LIST_MAX)
			return E2BIG;
		to[*n] = one;
		to[(*n)++].text = mem_ref(l->text);
	}

	return 0;
}

int config_listen_expand(struct config_sip *sip)
{
	struct config_listen *to;
	struct ifaddrs *list;
	size_t i, n = 0;
	int err = 0;

	to = mem_zalloc(CONFIG_LIST_MAX * sizeof(*to), NULL);
	if (!to)
		return ENOMEM;
	if (getifaddrs(&list)) {
		err = errno;
		mem_deref(to);
		return err;
	}

	for (i = 0; i < sip->listenc && !err; i++)
		err = expand_one(to, &n, &sip->listen[i], list);
	freeifaddrs(list);
	if (err) {
		listens_free(to, n);
		return err;
	}

	listens_free(sip->listen, sip->listenc);
	sip->listen = to;
	sip->listenc = n;

	return 0;
}
