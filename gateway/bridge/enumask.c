/* enumask.c: asks the DNS where a number leads (RFC 6116 3). */
#include <errno.h>
#include <string.h>
#include "base/log.h"
#include "bridge/enum.h"

enum {
	WAIT = 2 * 1000, /* ms; the caller hears nothing meanwhile */
	RECORDS_MAX = 16,
	NAME_SIZE = 256, /* RFC 1035 2.3.4 */
};

struct enum_query {
	struct tmr tmr;
	struct dns_query *query; /* referenced */
	char *number, *except, *uri;
	unsigned records;
	enum_found_h *h;
	void *arg;
};

static void destructor(void *arg)
{
	struct enum_query *q = arg;

	tmr_cancel(&q->tmr);
	mem_deref(q->query);
	mem_deref(q->number);
	mem_deref(q->except);
	mem_deref(q->uri);
}

static void finish(void *arg)
{
	struct enum_query *q = mem_ref(arg);

	q->query = mem_deref(q->query);
	q->h(q->uri, q->arg);
	mem_deref(q);
}

/* "sip:USER@HOST:PORT" -> HOST */
static bool leads_to(const char *uri, const char *host)
{
	const char *at = strrchr(uri, '@');
	const size_t n = strcspn(host, ":");

	return at && strcspn(at + 1, ":") == n &&
	       !strncasecmp(at + 1, host, n);
}

static bool take(struct dnsrr *rr, void *arg)
{
	struct enum_query *q = arg;
	const char *rule = rr->rdata.naptr.regexp;

	if (++q->records > RECORDS_MAX)
		return true;
	if (!rule ||
	    !enum_serves(rr->rdata.naptr.flags, rr->rdata.naptr.services) ||
	    enum_rewrite(&q->uri, rule, q->number))
		return false;
	if (leads_to(q->uri, q->except)) {
		log_warning("enum: %s is said to be %s, at the trunk's own "
			    "host: not believed\n",
			    q->number, q->uri);
		q->uri = mem_deref(q->uri);
		return false;
	}

	return true;
}

static void answer(int err, const struct dnshdr *hdr, struct list *ansl,
		   struct list *authl, struct list *addl, void *arg)
{
	struct enum_query *q = arg;
	(void)hdr;
	(void)authl;
	(void)addl;

	if (!err && ansl) {
		dns_rrlist_sort(ansl, DNS_TYPE_NAPTR, 0);
		(void)dns_rrlist_apply(ansl, NULL, DNS_TYPE_NAPTR,
				       DNS_CLASS_IN, false, take, q);
	}

	tmr_start(&q->tmr, 0, finish, q);
}

int enum_ask(struct enum_query **qp, struct dnsc *dnsc, const char *number,
	     const char *zone, const char *except, enum_found_h *h, void *arg)
{
	struct enum_query *q;
	char name[NAME_SIZE];
	int err;

	err = enum_name(name, sizeof(name), number, zone);
	if (err)
		return err;

	q = mem_zalloc(sizeof(*q), destructor);
	if (!q)
		return ENOMEM;

	q->h = h;
	q->arg = arg;
	err = str_dup(&q->number, number);
	if (!err)
		err = str_dup(&q->except, except);
	if (!err)
		err = dnsc ? dnsc_query(&q->query, dnsc, name, DNS_TYPE_NAPTR,
					DNS_CLASS_IN, true, answer, q)
			   : ENOTCONN;
	if (err) {
		mem_deref(q);
		return err;
	}

	tmr_start(&q->tmr, WAIT, finish, q);
	*qp = q;

	return 0;
}
