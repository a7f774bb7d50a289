/* udptx.c: one request over UDP and its answer (RFC 3261 17.1.2).
 *
 * Of libre's transactions this keeps what one without an INVITE needs, and
 * nothing once the answer is there: at a thousand messages a second the ones
 * that libre keeps for 5 s are most of the memory that a message touches.  An
 * answer that comes once more belongs to nothing, and is dropped. */
#include "sip/udptx.h"
#include <string.h>
#include "base/id.h"
#include "base/keyed.h"
#include "sip/stack_priv.h"

enum {
	BUCKETS = 2048, /* power of 2 */
	SPREAD = 128,	/* ms; T1 may be longer (RFC 3261 17.1.1.1) */
};

struct udptx {
	struct le he;
	struct udptx **tp; /* the owner's; NULL once it is over */
	struct sip *sip;   /* not referenced; it is looked for when used */
	struct sa dst;
	struct mbuf *mb;
	struct tmr tmr;
	char branch[UDPTX_BRANCH];
	uint32_t wait;	/* ms; Timer E */
	uint64_t until; /* ms; Timer F */
	bool heard;
	sip_resp_h *h;
	void *arg;
};

static struct hash *open;

static void destructor(void *arg)
{
	struct udptx *tx = arg;

	hash_unlink(&tx->he);
	tmr_cancel(&tx->tmr);
	mem_deref(tx->mb);
}

void udptx_branch(char branch[UDPTX_BRANCH])
{
	static const char digits[] = "0123456789abcdef";
	uint64_t v = id_random();
	char *d = branch + 7;

	memcpy(branch, "z9hG4bK", 7); /* RFC 3261 8.1.1.7 */
	for (int i = 0; i < 16; i++, v >>= 4)
		*d++ = digits[v & 15];
	*d = '\0';
}

bool udptx_ready(const struct sip *sip)
{
	const struct wire *w = wire_by_sip(sip);

	return w && w->us;
}

static void tell(struct udptx *tx, int err, const struct sip_msg *msg)
{
	tx->h(err, msg, tx->arg);
}

static void end(struct udptx *tx, int err, const struct sip_msg *msg)
{
	hash_unlink(&tx->he);
	tmr_cancel(&tx->tmr);
	*tx->tp = NULL; /* as libre does */
	tell(tx, err, msg);
	mem_deref(tx);
}

static int send_it(const struct udptx *tx)
{
	const struct wire *w = wire_by_sip(tx->sip);

	return w ? wire_send(w, &tx->dst, mbuf_buf(tx->mb),
			     mbuf_get_left(tx->mb))
		 : ENOTCONN;
}

static void again(void *arg)
{
	struct udptx *tx = arg;
	const uint64_t now = tmr_jiffies();
	int err;

	if (now >= tx->until) {
		end(tx, ETIMEDOUT, NULL);
		return;
	}

	tx->wait = tx->heard ? SIP_T2 : MIN(2 * tx->wait, SIP_T2);
	tmr_start(&tx->tmr, MIN(tx->wait, tx->until - now), again, tx);
	err = send_it(tx);
	if (err)
		end(tx, err, NULL);
}

int udptx_send(struct udptx **tp, struct sip *sip, const struct sa *dst,
	       const char *branch, struct mbuf *mb, sip_resp_h *h, void *arg)
{
	struct udptx *tx;
	int err = 0;

	if (!tp || !sip || !dst || !branch || !mb || !h)
		return EINVAL;
	if (!open)
		err = hash_alloc(&open, BUCKETS);
	if (err)
		return err;

	tx = mem_zalloc(sizeof(*tx), destructor);
	if (!tx)
		return ENOMEM;

	tx->sip = sip;
	tx->dst = *dst;
	tx->mb = mem_ref(mb);
	tx->h = h;
	tx->arg = arg;
	str_ncpy(tx->branch, branch, sizeof(tx->branch));
	err = send_it(tx);
	if (err) {
		mem_deref(tx);
		return err;
	}

	hash_append(open, keyed_str(tx->branch), &tx->he, tx);
	/* what a burst made the other side lose is lost again in another one */
	tx->wait = SIP_T1 + id_random() % SPREAD;
	tx->until = tmr_jiffies() + 64 * SIP_T1;
	tmr_start(&tx->tmr, tx->wait, again, tx);
	tx->tp = tp;
	*tp = tx;

	return 0;
}

bool udptx_response(const struct sip_msg *msg)
{
	struct le *le;

	if (!open || msg->tp != SIP_TRANSP_UDP)
		return false;

	LIST_FOREACH (hash_list(open, keyed_pl(&msg->via.branch)), le) {
		struct udptx *tx = le->data;

		if (pl_strcmp(&msg->via.branch, tx->branch))
			continue;
		if (msg->scode >= 200) {
			end(tx, 0, msg);
		} else {
			tx->heard = true;
			tell(tx, 0, msg); /* may be its end */
		}
		return true;
	}

	return false;
}
