/* sip_same.h: does our decoder of SIP messages say what libre's says? */
#ifndef SIP_SAME_H
#define SIP_SAME_H

#include <string.h>
#include "sip/decode.h"

static bool same_pl(const struct pl *a, const struct pl *b)
{
	return a->l == b->l && (!a->l || a->p == b->p);
}

static bool same_uri(const struct uri *a, const struct uri *b)
{
	return same_pl(&a->scheme, &b->scheme) &&
	       same_pl(&a->user, &b->user) &&
	       same_pl(&a->password, &b->password) &&
	       same_pl(&a->host, &b->host) && a->af == b->af &&
	       a->port == b->port && same_pl(&a->path, &b->path) &&
	       same_pl(&a->params, &b->params) &&
	       same_pl(&a->headers, &b->headers);
}

static bool same_addr(const struct sip_taddr *a, const struct sip_taddr *b)
{
	return same_pl(&a->dname, &b->dname) && same_pl(&a->auri, &b->auri) &&
	       same_uri(&a->uri, &b->uri) && same_pl(&a->params, &b->params) &&
	       same_pl(&a->tag, &b->tag) && same_pl(&a->val, &b->val) &&
	       !a->dname.p == !b->dname.p && !a->params.p == !b->params.p;
}

static bool same_via(const struct sip_via *a, const struct sip_via *b)
{
	return same_pl(&a->sentby, &b->sentby) &&
	       (sa_cmp(&a->addr, &b->addr, SA_ALL) ||
		(!sa_af(&a->addr) && !sa_af(&b->addr))) &&
	       same_pl(&a->params, &b->params) &&
	       same_pl(&a->branch, &b->branch) && same_pl(&a->val, &b->val) &&
	       a->tp == b->tp;
}

static bool same_header(const struct sip_hdr *a, const struct sip_hdr *b)
{
	return a && b && same_pl(&a->name, &b->name) &&
	       same_pl(&a->val, &b->val) && a->id == b->id;
}

static bool same_list(const struct list *a, const struct list *b)
{
	struct le *x = list_head(a), *y = list_head(b);

	for (; x && y; x = x->next, y = y->next) {
		if (!same_header(x->data, y->data))
			return false;
	}

	return !x && !y;
}

static bool same_headers(const struct sip_msg *a, const struct sip_msg *b)
{
	for (uint32_t i = 0; i < 32; i++) {
		if (!same_list(hash_list(a->hdrht, i), hash_list(b->hdrht, i)))
			return false;
	}

	return same_list(&a->hdrl, &b->hdrl);
}

static bool same_msg(const struct sip_msg *a, const struct sip_msg *b)
{
	return a->req == b->req && a->scode == b->scode &&
	       same_pl(&a->ver, &b->ver) && same_pl(&a->met, &b->met) &&
	       same_pl(&a->ruri, &b->ruri) && same_uri(&a->uri, &b->uri) &&
	       same_pl(&a->reason, &b->reason) && same_via(&a->via, &b->via) &&
	       same_addr(&a->to, &b->to) && same_addr(&a->from, &b->from) &&
	       a->cseq.num == b->cseq.num &&
	       same_pl(&a->cseq.met, &b->cseq.met) &&
	       same_pl(&a->ctyp.type, &b->ctyp.type) &&
	       same_pl(&a->ctyp.subtype, &b->ctyp.subtype) &&
	       same_pl(&a->ctyp.params, &b->ctyp.params) &&
	       same_pl(&a->callid, &b->callid) &&
	       same_pl(&a->maxfwd, &b->maxfwd) &&
	       same_pl(&a->expires, &b->expires) &&
	       same_pl(&a->clen, &b->clen) && same_headers(a, b);
}

/* 1: decoded, and as libre does; 0: left to libre; -1: they differ */
static int same_decoded(const char *text, size_t len)
{
	struct mbuf *mb = mbuf_alloc(len + 1);
	struct sip_msg *ours = NULL, *theirs = NULL;
	int err, said, same = 0;
	size_t pos;

	(void)mbuf_write_mem(mb, (const uint8_t *)text, len);
	mb->pos = 0;
	err = decode_msg(&ours, mb);
	pos = mb->pos;
	if (err != EAGAIN && err != ENOMEM) {
		mb->pos = 0;
		said = sip_msg_decode(&theirs, mb);
		same =
		    !err == !said &&
			    (err || (pos == mb->pos && same_msg(ours, theirs)))
			? 1
			: -1;
	}
	mem_deref(ours);
	mem_deref(theirs);
	mem_deref(mb);

	return same;
}

#endif
