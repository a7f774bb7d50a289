/* hepsend.c: what the trace keeps, on its way to a collector.
 *
 * Messages are read from the ring a moment after they were added: only then is
 * it known which call the first of them belongs to.  Reports name their call,
 * are not kept, and go at once. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "admin/hep.h"
#include "base/log.h"
#include "bridge/call.h"
#include "sip/scan.h"

enum {
	EVERY = 50,	       /* ms */
	SOON = 1,	       /* ms; when there was more than .. */
	BATCH = 128,	       /* .. so many messages */
	SAY_EVERY = 60 * 1000, /* ms */
	KNOWN = 512,	       /* keys whose call is remembered */
};

struct known {
	char key[80];
	char id[CALL_ID_SIZE];
};

struct hep {
	int fd;
	struct sa to;
	uint32_t agent;
	uint64_t pos;	     /* of the last entry that was looked at */
	uint64_t lost, said; /* copies; ms when that was logged */
	int why;	     /* errno of the last */
	struct tmr timer;
	struct mbuf *mb;
	struct known known[KNOWN];
};

static void destructor(void *arg)
{
	struct hep *h = arg;

	trace_watch(NULL, NULL);
	tmr_cancel(&h->timer);
	mem_deref(h->mb);
	if (h->fd >= 0)
		(void)close(h->fd);
}

/* Requests that only calls have; what else is of a call comes after one. */
static bool begins_call(const struct trace_entry *e)
{
	static const char *const methods[] = {"INVITE", "ACK",	  "BYE",
					      "CANCEL", "UPDATE", "PRACK"};
	struct sipscan scan;
	struct pl met;

	if (e->kind != TRACE_SIP)
		return true;
	if (sipscan_decode(&scan, e->text, e->len))
		return false;
	met = scan.method;
	if (!scan.req &&
	    re_regex(scan.first[SCAN_CSEQ].p, scan.first[SCAN_CSEQ].l,
		     "[0-9]+[ \t]+[A-Z]+", NULL, NULL, &met))
		return false;

	for (size_t i = 0; i < ARRAY_SIZE(methods); i++) {
		if (!pl_strcmp(&met, methods[i]))
			return true;
	}

	return false;
}

/* One id for all that is of a call; else what links it to its like.  Calls are
 * looked through for a key that is new, only where it may be one's, and from
 * the newest on: it is that one's. */
static const char *correlation(struct hep *h, const struct trace_entry *e)
{
	const char *key = e->key;
	struct known *k = &h->known[hash_joaat_str(key) % KNOWN];
	struct call_keys keys;

	if (!key[0] || strlen(key) >= sizeof(k->key))
		return key;
	if (!strcmp(k->key, key))
		return k->id;
	if (!begins_call(e) || calls_keys_of(key, &keys))
		return key;

	str_ncpy(k->key, key, sizeof(k->key));
	call_id_print(k->id, keys.begun, keys.name);

	return k->id;
}

static void send_entry(struct hep *h, const struct trace_entry *e)
{
	int err;

	mbuf_rewind(h->mb);
	err = hep_encode(h->mb, e, h->agent, correlation(h, e));
	if (err == ENOTSUP)
		return;
	if (!err && send(h->fd, h->mb->buf, h->mb->end,
			 MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		err = errno;
	if (err) {
		h->why = err;
		h->lost++;
	}
}

static void on_entry(const struct trace_entry *e, void *arg)
{
	if (e->kind == TRACE_RTCP)
		send_entry(arg, e);
}

static void tell_lost(struct hep *h)
{
	const uint64_t now = tmr_jiffies();

	if (!h->lost || (h->said && now - h->said < SAY_EVERY))
		return;
	log_warning("log: the collector %J did not take %llu copies: %m\n",
		    &h->to, h->lost, h->why);
	h->lost = 0;
	h->said = now;
}

static void flush(void *arg)
{
	struct hep *h = arg;
	struct trace_entry e;
	unsigned n = 0;

	while (n < BATCH && trace_after(&e, h->pos)) {
		h->pos = e.pos;
		send_entry(h, &e);
		n++;
	}
	tell_lost(h);

	tmr_start(&h->timer, n == BATCH ? SOON : EVERY, flush, h);
}

static int hep_connect(struct hep *h)
{
	h->fd = socket(sa_af(&h->to),
		       SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (h->fd < 0 || connect(h->fd, &h->to.u.sa, h->to.len))
		return errno;

	return 0;
}

int hep_apply(struct hep **hp, const struct config *c, struct engine *e)
{
	struct hep *h;
	int err;

	engine_set_copies(e, sa_isset(&c->log_hep, SA_ALL));
	if (*hp && sa_cmp(&(*hp)->to, &c->log_hep, SA_ALL)) {
		(*hp)->agent = c->log_hep_id;
		return 0;
	}
	*hp = mem_deref(*hp);
	if (!sa_isset(&c->log_hep, SA_ALL))
		return 0;

	h = mem_zalloc(sizeof(*h), destructor);
	if (!h)
		return ENOMEM;
	h->to = c->log_hep;
	h->agent = c->log_hep_id;
	h->pos = trace_last();
	h->fd = -1;
	h->mb = mbuf_alloc(4096);
	err = h->mb ? hep_connect(h) : ENOMEM;
	if (err) {
		log_error("log: no copies to the collector %J: %m\n", &h->to,
			  err);
		mem_deref(h);
		return err;
	}
	log_info("log: copies of messages go to the collector %J\n", &h->to);
	tmr_start(&h->timer, EVERY, flush, h);
	trace_watch(on_entry, h);
	*hp = h;

	return 0;
}
