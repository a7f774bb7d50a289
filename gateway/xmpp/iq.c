/* iq.c: requests of ours that wait for their answer (RFC 6120 8.2.3). */
#include "xmpp/iq.h"

#include <errno.h>
#include <string.h>

#include "base/keyed.h"
#include "xmpp/jid.h"
#include "xmpp/stanzacount.h"

enum { BUCKETS = 256 };

struct iqtable {
	struct hash *hash;
};

struct component_iq {
	struct le he;
	struct tmr tmr;
	char id[IQ_ID_SIZE];
	struct jid to;
	bool server;		  /* to is the server */
	struct component_iq **qp; /* the asker's pointer, or NULL */
	component_iq_h *h;
	void *arg;
};

static void iq_destructor(void *arg)
{
	struct component_iq *q = arg;

	hash_unlink(&q->he);
	tmr_cancel(&q->tmr);
	jid_clear(&q->to);
}

/* The request is gone when its handler runs: what it does with its pointer,
 * and with the object around that, is its own affair. */
static void iq_complete(struct component_iq *q, int err,
			const struct stanza *reply)
{
	component_iq_h *h = q->h;
	void *arg = q->arg;

	if (q->qp && *q->qp == q)
		*q->qp = NULL;

	mem_deref(q);
	h(err, reply, arg);
}

static void iq_timeout(void *arg)
{
	++stanza_counts.iq_timeouts;
	iq_complete(arg, ETIMEDOUT, NULL);
}

static bool id_equal(struct le *le, void *arg)
{
	const struct component_iq *q = le->data;

	return !strcmp(q->id, arg);
}

static struct component_iq *iq_find(const struct iqtable *t, const char *id)
{
	char key[IQ_ID_SIZE];
	struct le *le;

	if (!id || strlen(id) >= sizeof(key))
		return NULL;

	str_ncpy(key, id, sizeof(key));
	le = hash_lookup(t->hash, keyed_str(key), id_equal, key);

	return le ? le->data : NULL;
}

static bool any(struct le *le, void *arg)
{
	(void)le;
	(void)arg;

	return true;
}

static void iq_forget(struct component_iq *q)
{
	if (q && q->qp && *q->qp == q)
		*q->qp = NULL;

	mem_deref(q);
}

/* The askers' pointers must not outlive their requests. */
static void iqtable_destructor(void *arg)
{
	struct iqtable *t = arg;
	struct le *le;

	while (t->hash && (le = hash_apply(t->hash, any, NULL)))
		iq_forget(le->data);

	mem_deref(t->hash);
}

int iqtable_alloc(struct iqtable **tp)
{
	struct iqtable *t;
	int err;

	t = mem_zalloc(sizeof(*t), iqtable_destructor);
	if (!t)
		return ENOMEM;

	err = hash_alloc(&t->hash, BUCKETS);
	if (err)
		mem_deref(t);
	else
		*tp = t;

	return err;
}

int iqtable_add(struct component_iq **qp, struct iqtable *t, const char *id,
		const char *to, const char *server, unsigned wait,
		component_iq_h *h, void *arg)
{
	struct component_iq *q;
	int err;

	if (!t || !id || !to || !h || strlen(id) >= IQ_ID_SIZE)
		return EINVAL;

	q = mem_zalloc(sizeof(*q), iq_destructor);
	if (!q)
		return ENOMEM;

	tmr_init(&q->tmr);
	str_ncpy(q->id, id, sizeof(q->id));
	q->h = h;
	q->arg = arg;

	err = jid_decode(&q->to, to, strlen(to));
	if (err) {
		mem_deref(q);
		return err;
	}

	q->server = server && !*q->to.local && !*q->to.resource &&
		    !strcmp(q->to.domain, server);

	hash_append(t->hash, keyed_str(q->id), &q->he, q);
	tmr_start(&q->tmr, wait, iq_timeout, q);

	q->qp = qp;
	if (qp)
		*qp = q;

	return 0;
}

void iqtable_remove(struct iqtable *t, const char *id)
{
	iq_forget(iq_find(t, id));
}

static bool is_from(const struct component_iq *q, const char *from)
{
	struct jid j;
	bool equal;

	if (!from)
		return q->server;
	if (jid_decode(&j, from, strlen(from)))
		return false;

	equal = jid_equal(&j, &q->to);
	jid_clear(&j);

	return equal;
}

void iqtable_answer(struct iqtable *t, const struct stanza *iq)
{
	struct component_iq *q = iq_find(t, stanza_attr(iq, "id"));
	const char *type = stanza_attr(iq, "type");

	/* an answer from somebody else is forged: the true one may follow */
	if (!q || !type || !is_from(q, stanza_attr(iq, "from")))
		return;

	iq_complete(q, strcmp(type, "error") ? 0 : EPROTO, iq);
}

void iqtable_fail(struct iqtable *t, int err)
{
	struct le *le;

	/* handlers may cancel others: always the first that is left */
	while (t && (le = hash_apply(t->hash, any, NULL)))
		iq_complete(le->data, err, NULL);
}
