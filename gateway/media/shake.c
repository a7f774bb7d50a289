/* shake.c: when DTLS of a flow starts, what it is given, what it leaves. */
#include <errno.h>
#include <stdlib.h>
#include "base/log.h"
#include "media/relay.h"

enum { /* us */
       /* Our last flight may be lost: whoever sent the one before it sends
	 * it again within this time, or never missed ours. */
       LINGER = 30 * 1000000,
       AGAIN = 500 * 1000, /* before a client tries anew */
};

static void on_retransmit(void *arg);
static void begin(void *arg);

static void send_flight(void *arg, const uint8_t *p, size_t len)
{
	iceflow_send(arg, p, len);
}

static void plan(struct flow *f)
{
	uint64_t us = f->i.assoc ? assoc_wait(f->i.assoc) : UINT64_MAX;

	if (us == UINT64_MAX)
		wtimer_cancel(&f->relay->w->timers, &f->i.retransmit);
	else
		worker_timer(f->relay->w, &f->i.retransmit, us, on_retransmit,
			     f);
}

void shake_close(struct flow *f)
{
	struct wtimers *ts = &f->relay->w->timers;

	wtimer_cancel(ts, &f->i.retransmit);
	wtimer_cancel(ts, &f->i.linger);
	assoc_free(f->i.assoc);
	f->i.assoc = NULL;
}

static void on_linger(void *arg)
{
	shake_close(arg);
}

/* Established: the certificate first, then the keys. */
static void finish(struct flow *f)
{
	struct wtimers *ts = &f->relay->w->timers;
	int err;

	if (assoc_verify(f->i.assoc, &f->i.fingerprint)) {
		shake_close(f);
		flow_fail(f, false, true,
			  "the certificate is not the one of the fingerprint");
		return;
	}
	err = assoc_keys(f->i.assoc, &f->crypt);
	if (err) {
		shake_close(f);
		flow_fail(f, false, true,
			  err == ENOTSUP ? "no common SRTP profile"
					 : "no SRTP keys");
		return;
	}
	flow_say(f, "DTLS done as %s, %s",
		 assoc_is_client(f->i.assoc) ? "client" : "server",
		 crypto_suite_name(crypt_suite(f->crypt)));
	wtimer_cancel(ts, &f->i.deadline);
	wtimer_cancel(ts, &f->i.retransmit);
	/* The server's flight is the last of a full handshake. */
	if (assoc_is_client(f->i.assoc)) {
		shake_close(f);
	} else {
		(void)assoc_settle(f->i.assoc);
		worker_timer(f->relay->w, &f->i.linger, LINGER, on_linger, f);
	}
	flow_enter(f, FLOW_UP);
}

/* A bad handshake ends this association and never the call: whoever can send
 * garbage would hang up others' calls.  The deadline ends it. */
static void broken(struct flow *f)
{
	flow_say(f, "DTLS broke off: %s", assoc_error(f->i.assoc));
	shake_close(f);
	worker_timer(f->relay->w, &f->i.retransmit, AGAIN, begin, f);
}

static void judge(struct flow *f, enum assoc_result res)
{
	if (res == ASSOC_BROKEN)
		broken(f);
	else if (res == ASSOC_DONE && !f->crypt)
		finish(f);
	else if (!f->crypt)
		plan(f);
}

static void on_retransmit(void *arg)
{
	struct flow *f = arg;

	if (f->i.assoc)
		judge(f, assoc_timeout(f->i.assoc));
}

/* Roles: RFC 8842 5.3.  The peer that is active is the client. */
static void begin(void *arg)
{
	struct flow *f = arg;
	struct ice_part *i = &f->i;
	bool client = i->setup != DESC_SETUP_ACTIVE;

	if (i->assoc || f->crypt || f->state != FLOW_SHAKING ||
	    i->fingerprint.hash == HASH_NONE)
		return;
	if (assoc_alloc(&i->assoc, i->identity, client, send_flight, f)) {
		flow_fail(f, false, false, "no memory for DTLS");
		return;
	}
	if (client)
		judge(f, assoc_input(i->assoc, NULL, 0));
}

void shake_start(struct flow *f)
{
	begin(f);
}

void shake_input(struct flow *f, const uint8_t *p, size_t len)
{
	f->i.heard = true;
	begin(f);
	if (f->i.assoc)
		judge(f, assoc_input(f->i.assoc, p, len));
	else
		f->count.rx_bad++;
}
