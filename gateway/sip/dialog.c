/* dialog.c: dialogs of the INVITE session and the requests inside them. */
#include "sip/invite_priv.h"
#include <string.h>
#include "base/log.h"
#include "base/text.h"
#include "sip/decode_priv.h"
#include "sip/digest.h"
#include "sip/former.h"
#include "sip/nameaddr.h"

static void destructor(void *arg)
{
	struct sipdlg *dlg = arg;

	list_unlink(&dlg->le);
	mem_deref(dlg->remote);
	mem_deref(dlg->target);
	mem_deref(dlg->routes);
	mem_deref(dlg->next);
	mem_deref(dlg->answer);
}

static int contact_find(struct pl *uri, const struct sip_msg *msg)
{
	const struct sip_hdr *hdr = sip_msg_hdr(msg, SIP_HDR_CONTACT);
	struct nameaddr na;
	struct uri decoded;

	if (!hdr)
		return ENOENT;
	if (nameaddr_decode(&na, &hdr->val) || decode_uri(&decoded, &na.uri))
		return EBADMSG;

	*uri = na.uri;

	return 0;
}

static int contact_get(char **uri, const struct sip_msg *msg)
{
	struct pl pl;
	int err = contact_find(&pl, msg);

	return err ? err : pl_strdup(uri, &pl);
}

struct routes {
	struct mbuf *mb;
	struct pl first;
	unsigned n;
	int err;
};

static bool route_add(const struct sip_hdr *hdr, const struct sip_msg *msg,
		      void *arg)
{
	struct routes *r = arg;
	struct nameaddr na;
	(void)msg;

	if (r->n++ >= ROUTE_MAX) {
		r->err = E2BIG;
		return true;
	}
	r->err = nameaddr_decode(&na, &hdr->val);
	if (!r->err)
		r->err = mbuf_printf(r->mb, "Route: <%r>%H\r\n", &na.uri,
				     text_print_sip, &na.params);
	if (!r->first.p)
		r->first = na.uri;

	return r->err != 0;
}

/* Most dialogs have none, and share it. */
static int routes_none(char **routes)
{
	static char *none;
	int err = none ? 0 : str_dup(&none, "");

	*routes = mem_ref(none);

	return err;
}

/* Both in one piece of memory, which is remote's. */
static int remote_set(struct sipdlg *dlg, const struct pl *value,
		      const struct pl *tag)
{
	size_t len = 0;
	int err;

	if (!tag->p)
		return EINVAL;

	err = re_sdprintf(&dlg->remote, "%H%c%r", text_print_sip, value, '\0',
			  tag);
	if (!err)
		len = strlen(dlg->remote);
	dlg->rtag = err ? NULL : dlg->remote + len + 1;

	return err;
}

/* RFC 3261 12.1.1, 12.1.2: reversed in a response, as it is in a request */
static int routes_get(struct sipdlg *dlg, const struct sip_msg *msg)
{
	struct routes r = {NULL, PL_INIT, 0, 0};

	if (!sip_msg_hdr(msg, SIP_HDR_RECORD_ROUTE))
		return routes_none(&dlg->routes);

	r.mb = mbuf_alloc(256);
	if (!r.mb)
		return ENOMEM;

	(void)sip_msg_hdr_apply(msg, msg->req, SIP_HDR_RECORD_ROUTE, route_add,
				&r);
	r.mb->pos = 0;
	if (!r.err && r.mb->end)
		r.err = mbuf_strdup(r.mb, &dlg->routes, r.mb->end);
	else if (!r.err)
		r.err = routes_none(&dlg->routes);
	if (!r.err && r.first.p)
		r.err = pl_strdup(&dlg->next, &r.first);

	mem_deref(r.mb);

	return r.err;
}

int sipdlg_alloc(struct sipdlg **dp, const char *ruri,
		 const struct sip_msg *msg, const struct hop *hop)
{
	const struct sip_taddr *them;
	struct sipdlg *dlg;
	int err;

	if (!dp || !msg || !hop)
		return EINVAL;

	dlg = mem_zalloc(sizeof(*dlg), destructor);
	if (!dlg)
		return ENOMEM;

	them = msg->req ? &msg->from : &msg->to;
	dlg->hop = *hop;
	dlg->rseq = msg->req ? msg->cseq.num : 0;
	dlg->rseq_set = msg->req;
	dlg->lseq = msg->req ? (uint32_t)rand_u16() + 1 : msg->cseq.num;
	dlg->inviteseq = msg->cseq.num;

	err = remote_set(dlg, &them->val, &them->tag);
	if (err)
		goto out;

	err = contact_get(&dlg->target, msg);
	if (err && err != ENOMEM && !msg->req) /* sloppy 18x: as it was sent */
		err = str_dup(&dlg->target, ruri);
	if (err)
		goto out;

	err = routes_get(dlg, msg);

out:
	if (err)
		mem_deref(dlg);
	else
		*dp = dlg;

	return err;
}

static int restore_parts(struct sipdlg *dlg, const char *remote)
{
	struct pl pl, tag;
	int err;

	pl_set_str(&pl, remote);
	if (msg_param_decode(&pl, "tag", &tag))
		return EBADMSG;
	err = remote_set(dlg, &pl, &tag);
	pl_set_str(&pl, dlg->routes);
	if (!err && !re_regex(pl.p, pl.l, "<[^>]+>", &tag))
		err = pl_strdup(&dlg->next, &tag);

	return err;
}

int sipdlg_restore(struct sipdlg **dp, const char *remote, const char *target,
		   const char *routes, uint32_t lseq, const struct hop *hop)
{
	struct sipdlg *dlg;
	int err;

	dlg = mem_zalloc(sizeof(*dlg), destructor);
	if (!dlg)
		return ENOMEM;

	dlg->hop = *hop;
	dlg->lseq = lseq;
	err = str_dup(&dlg->target, target);
	err |= str_dup(&dlg->routes, routes);
	if (!err)
		err = restore_parts(dlg, remote);
	if (err)
		mem_deref(dlg);
	else
		*dp = dlg;

	return err;
}

void sipdlg_retarget(struct sipdlg *dlg, const struct sip_msg *msg)
{
	char *uri = NULL;
	struct pl pl;

	if (!dlg || contact_find(&pl, msg) ||
	    (dlg->target && !pl_strcmp(&pl, dlg->target)) ||
	    pl_strdup(&uri, &pl))
		return;

	mem_deref(dlg->target);
	dlg->target = uri;
}

struct sipdlg *sipdlg_find(const struct list *l, const struct pl *rtag)
{
	struct le *le;

	LIST_FOREACH (l, le) {
		struct sipdlg *dlg = le->data;

		if (!pl_strcmp(rtag, dlg->rtag ? dlg->rtag : ""))
			return dlg;
	}

	return NULL;
}

/* RFC 3261 12.2.2: a lower CSeq is 500; an equal one that is no
 * retransmission (those end in the transaction layer) as well. */
unsigned sipdlg_order(struct sipdlg *dlg, const struct sip_msg *msg)
{
	if (dlg->rseq_set && msg->cseq.num <= dlg->rseq)
		return 500;

	dlg->rseq = msg->cseq.num;
	dlg->rseq_set = true;

	return 0;
}

/* RFC 3927, 4291 and friends: nothing that a peer may send us to. */
static bool addr_is_special(const struct sa *sa)
{
	uint32_t ip;

	if (sa_is_loopback(sa) || sa_is_linklocal(sa) || sa_is_any(sa))
		return true;
	if (sa_af(sa) != AF_INET)
		return false;

	ip = sa_in(sa);

	return (ip >> 24) == 0 || (ip >> 24) == 127 || (ip >> 28) >= 0xe ||
	       (ip >> 24) == 10 || (ip >> 20) == 0xac1 || (ip >> 16) == 0xc0a8;
}

/* A Contact or Route may lead to the peer itself, to what the trunk's
 * configuration names, or to a public address. */
static bool addr_is_allowed(const struct siptrunk *trunk,
			    const struct hop *hop, const struct sa *sa)
{
	const struct config_trunk *conf = siptrunk_conf(trunk);

	if (sa_cmp(sa, &hop->addr, SA_ADDR))
		return true;
	if (conf && config_net_has(conf->accept_from, conf->accept_fromc, sa))
		return true;
	if (conf && config_net_has(conf->media_from, conf->media_fromc, sa))
		return true;
	if (trunk && former_named(trunk, sa))
		return true;

	return !addr_is_special(sa);
}

static enum sip_transp uri_transport(const struct uri *uri,
				     const struct hop *hop)
{
	struct pl tp;

	/* encrypted signalling stays so whatever a Contact forgets to say */
	if (hop->tp == SIP_TRANSP_TLS)
		return hop->tp;
	if (!uri->params.l || msg_param_decode(&uri->params, "transport", &tp))
		return hop->tp;
	if (!pl_strcasecmp(&tp, "tcp"))
		return SIP_TRANSP_TCP;
	if (!pl_strcasecmp(&tp, "udp"))
		return SIP_TRANSP_UDP;

	return hop->tp;
}

/* Where a request of this dialog goes: the first route, else the remote
 * target, where these are numeric and allowed; else where the peer spoke
 * from (names would be resolved without our checks). */
void sipdlg_hop(struct hop *to, const struct siptrunk *trunk,
		const struct sipdlg *dlg)
{
	struct hop hop = dlg->hop;
	struct sa sa, laddr;
	struct uri uri;
	struct pl pl;

	*to = hop;
	pl_set_str(&pl, dlg->next ? dlg->next : dlg->target);
	if (decode_uri(&uri, &pl) || pl_strcasecmp(&uri.scheme, "sip"))
		return;

	hop.tp = uri_transport(&uri, &dlg->hop);
	if (sa_set(&sa, &uri.host, sip_transp_port(hop.tp, uri.port)))
		return;
	if (sa_af(&sa) != sa_af(&hop.addr) ||
	    !addr_is_allowed(trunk, &hop, &sa))
		return;
	if (sip_transp_laddr(hop.sip, &laddr, hop.tp, &sa))
		return;

	hop.addr = sa;
	*to = hop;
}

void sipdlg_hop_near(struct hop *to, struct siptrunk *trunk,
		     const struct sipdlg *dlg)
{
	sipdlg_hop(to, trunk, dlg);
	if (!siptrunk_is_peer(trunk, &to->addr, true))
		*to = dlg->hop;
}

int invite_hop_print(struct re_printf *pf, const struct hop *hop)
{
	static const char *const names[] = {"udp", "tcp", "tls"};
	const char *tp = names[hop->tp == SIP_TRANSP_TCP   ? 1
			       : hop->tp == SIP_TRANSP_TLS ? 2
							   : 0];

	return re_hprintf(pf, "sip:%J;transport=%s", &hop->addr, tp);
}

static void tx_destructor(void *arg)
{
	struct invite_tx *tx = arg;

	list_unlink(&tx->le);
}

static void tx_response(int err, const struct sip_msg *msg, void *arg)
{
	struct invite_tx *tx = arg;
	struct invite *inv = tx->inv;

	if (!err && msg && msg->scode < 200)
		return;

	list_unlink(&tx->le);
	if (inv && tx->h) {
		mem_ref(inv);
		tx->h(inv, err, msg);
		mem_deref(inv);
	}
	mem_deref(tx);
}

static int headers_print(struct mbuf *mb, const struct invite *inv,
			 const struct sipdlg *dlg, const char *met,
			 uint32_t cseq)
{
	return mbuf_printf(mb,
			   "Max-Forwards: 70\r\n"
			   "%sTo: %s\r\nFrom: %s\r\nCall-ID: %s\r\n"
			   "CSeq: %u %s\r\n%s",
			   dlg->routes, dlg->remote, inv->local, inv->callid,
			   cseq, met, sipstack_agent(inv->all->stack));
}

static int request_send(struct invite *inv, struct sipdlg *dlg,
			const char *met, struct mbuf *mb, struct invite_tx *tx)
{
	struct uri route;
	char *uri = NULL;
	struct hop hop;
	struct pl pl;
	int err;

	sipdlg_hop(&hop, inv->trunk, dlg);

	err = re_sdprintf(&uri, "%H", invite_hop_print, &hop);
	if (err)
		return err;

	pl_set_str(&pl, uri);
	err = uri_decode(&route, &pl);
	if (!err) {
		mb->pos = 0;
		err = sip_request(tx ? &tx->req : NULL, hop.sip, tx != NULL,
				  met, -1, dlg->target, -1, &route, mb, 0,
				  sipstack_send, tx ? tx_response : NULL, tx);
	}

	mem_deref(uri);

	return err;
}

int sipdlg_request(struct invite *inv, struct sipdlg *dlg, const char *met,
		   uint32_t cseq, invite_tx_h *h, const char *fmt, ...)
{
	struct invite_tx *tx;
	struct mbuf *mb;
	va_list ap;
	int err;

	tx = mem_zalloc(sizeof(*tx), tx_destructor);
	mb = mbuf_alloc(1024);
	if (!tx || !mb) {
		err = ENOMEM;
		goto out;
	}

	err = headers_print(mb, inv, dlg, met, cseq ? cseq : ++dlg->lseq);
	if (err)
		goto out;

	va_start(ap, fmt);
	err = mbuf_vprintf(mb, fmt, ap);
	va_end(ap);
	if (err)
		goto out;

	tx->h = h;
	tx->inv = inv;
	list_append(&inv->txs, &tx->le, tx);

	err = request_send(inv, dlg, met, mb, tx);

out:
	if (err)
		mem_deref(tx);
	mem_deref(mb);

	return err;
}

int sipdlg_ack(struct invite *inv, struct sipdlg *dlg)
{
	struct mbuf *mb;
	int err;

	mb = mbuf_alloc(512);
	if (!mb)
		return ENOMEM;

	err = headers_print(mb, inv, dlg, "ACK", dlg->inviteseq);
	if (!err)
		err = mbuf_write_str(mb, "Content-Length: 0\r\n\r\n");
	if (!err) /* stateless to a numeric address: sent when this returns */
		err = request_send(inv, dlg, "ACK", mb, NULL);
	if (err)
		log_warning("sip: %s: no ACK sent (%m)\n", inv->callid, err);

	mem_deref(mb);

	return err;
}
