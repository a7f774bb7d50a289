/* target.c: where a SIP URI leads (RFC 3263 4). */
#include "sip/target.h"
#include <string.h>
#include "base/id.h"
#include "base/log.h"

enum {
	HOSTS_MAX = 8,
	NAME_MAX_LEN = 256,
	TTL_MIN = 10,	  /* s */
	TTL_MAX = 3600,	  /* s */
	RETRY_AFTER = 30, /* s, after a search without result */
};

struct host {
	char name[NAME_MAX_LEN];
	uint16_t port;
};

struct targets {
	struct target set[TARGETS_MAX];
	size_t count;
	struct target found[TARGETS_MAX]; /* of the search that goes on */
	size_t foundc;
	struct host host[HOSTS_MAX]; /* of SRV, in order */
	size_t hostc, hostn;
	struct tmr tmr;
	struct dnsc *dnsc; /* referenced */
	struct dns_query *query;
	char *name;
	uint16_t port;	    /* of the URI; 0: none */
	enum sip_transp tp; /* of the URI, or as found */
	bool tp_given, v6, searched;
	int64_t ttl; /* s, least of all records used */
	targets_allow_h *allow;
	targets_h *h;
	void *arg;
};

/* The services that we speak: RFC 3263 4.1; order of trial without NAPTR. */
static const struct {
	enum sip_transp tp;
	const char *naptr, *srv;
} services[] = {
    {SIP_TRANSP_UDP, "SIP+D2U", "_sip._udp."},
    {SIP_TRANSP_TCP, "SIP+D2T", "_sip._tcp."},
    /* TLS needs a verified name: only where the URI asks for it */
    {SIP_TRANSP_TLS, NULL, "_sips._tcp."},
};

static void search_start(void *arg);
static void ask_srv(struct targets *ts, const char *name);
static void ask_address(struct targets *ts);

static void destructor(void *arg)
{
	struct targets *ts = arg;

	tmr_cancel(&ts->tmr);
	mem_deref(ts->query);
	mem_deref(ts->dnsc);
	mem_deref(ts->name);
}

static void search_end(struct targets *ts, int err)
{
	uint64_t wait = RETRY_AFTER;

	ts->searched = true;

	if (!err && ts->foundc) {
		for (size_t i = 0; i < ts->foundc; i++) {
			struct target *new = &ts->found[i];
			const struct target *old =
			    targets_find(ts, &new->addr, SA_ALL);

			if (old && old->tp == new->tp)
				*new = *old;
		}
		memcpy(ts->set, ts->found, sizeof(ts->set));
		ts->count = ts->foundc;
		wait = (uint64_t)MAX(TTL_MIN, MIN(ts->ttl, TTL_MAX));
	} else {
		err = err ? err : ENOENT;
		log_warning("sip: %s: no address found: %m\n", ts->name, err);
	}

	tmr_start(&ts->tmr, wait * 1000, search_start, ts);
	ts->h(ts->count ? 0 : err, ts->arg);
}

static void add_found(struct targets *ts, const struct sa *addr, int64_t ttl)
{
	struct target *t;

	for (size_t i = 0; i < ts->foundc; i++) {
		if (sa_cmp(&ts->found[i].addr, addr, SA_ALL))
			return;
	}
	if (ts->foundc == TARGETS_MAX)
		return;
	if (ts->allow && !ts->allow(addr, ts->arg)) {
		log_warning("sip: %s leads to %J: not allowed\n", ts->name,
			    addr);
		return;
	}

	t = &ts->found[ts->foundc++];
	memset(t, 0, sizeof(*t));
	t->addr = *addr;
	t->tp = ts->tp;
	ts->ttl = MIN(ts->ttl, ttl);
}

static bool take_address(struct dnsrr *rr, void *arg)
{
	struct targets *ts = arg;
	const uint16_t port = ts->host[ts->hostn].port;
	struct sa addr;

	if (rr->type == DNS_TYPE_A)
		sa_set_in(&addr, rr->rdata.a.addr, port);
	else
		sa_set_in6(&addr, rr->rdata.aaaa.addr, port);

	add_found(ts, &addr, rr->ttl);
	return false;
}

static void next_address(struct targets *ts)
{
	if (ts->v6)
		++ts->hostn;
	ts->v6 = !ts->v6;

	if (ts->hostn < ts->hostc)
		ask_address(ts);
	else
		search_end(ts, 0);
}

static void address_h(int err, const struct dnshdr *hdr, struct list *ansl,
		      struct list *authl, struct list *addl, void *arg)
{
	struct targets *ts = arg;
	(void)hdr;
	(void)authl;
	(void)addl;

	if (!err && ansl)
		(void)dns_rrlist_apply2(ansl, NULL, DNS_TYPE_A, DNS_TYPE_AAAA,
					DNS_CLASS_IN, false, take_address, ts);
	next_address(ts);
}

static void ask(struct targets *ts, const char *name, uint16_t type,
		dns_query_h *h)
{
	int err = ENOTCONN;

	ts->query = mem_deref(ts->query);
	if (ts->dnsc)
		err = dnsc_query(&ts->query, ts->dnsc, name, type,
				 DNS_CLASS_IN, true, h, ts);
	if (err)
		search_end(ts, err);
}

static void ask_address(struct targets *ts)
{
	const struct host *host = &ts->host[ts->hostn];
	const bool local = !str_casecmp(host->name, "localhost");
	struct sa addr;

	/* RFC 6761 6.3, and addresses as SRV targets */
	if (!sa_set_str(&addr, host->name, host->port) ||
	    (local && !sa_set_str(&addr, "127.0.0.1", host->port))) {
		add_found(ts, &addr, TTL_MAX);
		ts->v6 = true;
		next_address(ts);
		return;
	}

	ask(ts, host->name, ts->v6 ? DNS_TYPE_AAAA : DNS_TYPE_A, address_h);
}

static void add_host(struct targets *ts, const char *name, uint16_t port)
{
	struct host *host;

	if (ts->hostc == HOSTS_MAX || str_len(name) >= NAME_MAX_LEN)
		return;

	host = &ts->host[ts->hostc++];
	(void)str_ncpy(host->name, name, sizeof(host->name));
	host->port = port;
}

static bool take_srv(struct dnsrr *rr, void *arg)
{
	struct targets *ts = arg;
	const char *target = rr->rdata.srv.target;

	if (target && *target && strcmp(target, ".")) /* RFC 2782: none */
		add_host(ts, target, rr->rdata.srv.port);

	ts->ttl = MIN(ts->ttl, rr->ttl);
	return false;
}

/* The next transport to look for, without a transport in the URI. */
static bool next_service(struct targets *ts)
{
	if (ts->tp_given)
		return false;

	for (size_t i = 0; i + 1 < ARRAY_SIZE(services); i++) {
		if (services[i].tp == ts->tp &&
		    services[i + 1].tp != SIP_TRANSP_TLS) {
			ts->tp = services[i + 1].tp;
			return true;
		}
	}

	return false;
}

static void srv_h(int err, const struct dnshdr *hdr, struct list *ansl,
		  struct list *authl, struct list *addl, void *arg)
{
	struct targets *ts = arg;
	(void)hdr;
	(void)authl;
	(void)addl;

	if (!err && ansl) {
		dns_rrlist_sort(ansl, DNS_TYPE_SRV, (size_t)id_random());
		(void)dns_rrlist_apply(ansl, NULL, DNS_TYPE_SRV, DNS_CLASS_IN,
				       false, take_srv, ts);
	}

	if (!ts->hostc) {
		if (next_service(ts)) {
			ask_srv(ts, NULL);
			return;
		}
		if (!ts->tp_given)
			ts->tp = SIP_TRANSP_UDP;
		add_host(ts, ts->name, sip_transp_port(ts->tp, 0));
	}

	ask_address(ts);
}

/* name NULL: that of the service. */
static void ask_srv(struct targets *ts, const char *name)
{
	char buf[NAME_MAX_LEN + 16];
	const char *prefix = services[0].srv;

	for (size_t i = 0; i < ARRAY_SIZE(services); i++) {
		if (services[i].tp == ts->tp)
			prefix = services[i].srv;
	}

	(void)re_snprintf(buf, sizeof(buf), "%s%s", prefix, ts->name);
	ask(ts, name ? name : buf, DNS_TYPE_SRV, srv_h);
}

static bool take_naptr(struct dnsrr *rr, void *arg)
{
	struct targets *ts = arg;

	for (size_t i = 0; i < ARRAY_SIZE(services); i++) {
		if (services[i].naptr &&
		    !str_casecmp(rr->rdata.naptr.services,
				 services[i].naptr) &&
		    rr->rdata.naptr.replace && *rr->rdata.naptr.replace) {
			ts->tp = services[i].tp;
			ts->ttl = MIN(ts->ttl, rr->ttl);
			return true;
		}
	}

	return false;
}

static void naptr_h(int err, const struct dnshdr *hdr, struct list *ansl,
		    struct list *authl, struct list *addl, void *arg)
{
	struct targets *ts = arg;
	struct dnsrr *rr = NULL;
	char name[NAME_MAX_LEN];
	(void)hdr;
	(void)authl;
	(void)addl;

	ts->tp = SIP_TRANSP_UDP;
	if (!err && ansl) {
		dns_rrlist_sort(ansl, DNS_TYPE_NAPTR, 0);
		rr = dns_rrlist_apply(ansl, NULL, DNS_TYPE_NAPTR, DNS_CLASS_IN,
				      false, take_naptr, ts);
	}
	if (rr)
		(void)str_ncpy(name, rr->rdata.naptr.replace, sizeof(name));

	ask_srv(ts, rr ? name : NULL);
}

static void search_start(void *arg)
{
	struct targets *ts = arg;

	ts->hostc = ts->hostn = ts->foundc = 0;
	ts->v6 = false;
	ts->ttl = TTL_MAX;

	if (!ts->tp_given && !ts->port) {
		if (str_casecmp(ts->name, "localhost")) {
			ask(ts, ts->name, DNS_TYPE_NAPTR, naptr_h);
			return;
		}
		ts->tp = SIP_TRANSP_UDP;
	}
	if (!ts->tp_given)
		ts->tp = SIP_TRANSP_UDP;

	if (ts->port || !str_casecmp(ts->name, "localhost")) {
		add_host(ts, ts->name, sip_transp_port(ts->tp, ts->port));
		ask_address(ts);
		return;
	}

	ask_srv(ts, NULL);
}

static int read_uri(struct targets *ts, const char *text)
{
	struct uri uri;
	struct pl pl, tp;
	int err;

	pl_set_str(&pl, text);
	err = uri_decode(&uri, &pl);
	if (err)
		return EBADMSG;

	ts->port = uri.port;
	ts->tp = SIP_TRANSP_UDP;
	if (!msg_param_decode(&uri.params, "transport", &tp)) {
		ts->tp_given = true;
		if (!pl_strcasecmp(&tp, "tcp"))
			ts->tp = SIP_TRANSP_TCP;
		else if (!pl_strcasecmp(&tp, "tls"))
			ts->tp = SIP_TRANSP_TLS;
		else if (pl_strcasecmp(&tp, "udp"))
			return EPROTONOSUPPORT;
	}

	return pl_strdup(&ts->name, &uri.host);
}

int targets_alloc(struct targets **tsp, struct dnsc *dnsc, const char *uri,
		  targets_allow_h *allow, targets_h *h, void *arg)
{
	struct targets *ts;
	struct sa addr;
	int err;

	if (!tsp || !uri || !h)
		return EINVAL;

	ts = mem_zalloc(sizeof(*ts), destructor);
	if (!ts)
		return ENOMEM;

	ts->dnsc = mem_ref(dnsc);
	ts->allow = allow;
	ts->h = h;
	ts->arg = arg;
	err = read_uri(ts, uri);
	if (err)
		goto out;

	if (!sa_set_str(&addr, ts->name, sip_transp_port(ts->tp, ts->port))) {
		ts->set[0].addr = addr;
		ts->set[0].tp = ts->tp;
		ts->count = 1;
		ts->searched = true;
	} else {
		/* not at once: the caller has no object yet to be told */
		tmr_start(&ts->tmr, 0, search_start, ts);
	}

out:
	if (err)
		mem_deref(ts);
	else
		*tsp = ts;

	return err;
}

void targets_give(struct targets *ts, void *arg)
{
	if (ts)
		ts->arg = arg;
}

size_t targets_count(const struct targets *ts)
{
	return ts ? ts->count : 0;
}

bool targets_busy(const struct targets *ts)
{
	return ts && !ts->searched;
}

struct target *targets_at(struct targets *ts, size_t i)
{
	return ts && i < ts->count ? &ts->set[i] : NULL;
}

struct target *targets_nth(struct targets *ts, size_t n)
{
	if (!ts)
		return NULL;

	for (unsigned failed = 0; failed < 2; failed++) {
		for (size_t i = 0; i < ts->count; i++) {
			if (ts->set[i].failed == (failed == 1) && !n--)
				return &ts->set[i];
		}
	}

	return NULL;
}

struct target *targets_find(struct targets *ts, const struct sa *addr,
			    int flag)
{
	for (size_t i = 0; ts && i < ts->count; i++) {
		if (sa_cmp(&ts->set[i].addr, addr, flag))
			return &ts->set[i];
	}

	return NULL;
}
