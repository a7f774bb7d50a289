/* consent.c: may we go on sending?  RFC 7675, for a pair whose packets are
 * ours.
 *
 * libnice could ask, too, and does where a pair is its own business (TURN, or
 * no second socket).  But for each check and each answer its agent wakes
 * twice, goes through all its sources and allocates, which is most of what a
 * silent call costs.  So some seconds after a pair was selected the kernel
 * gives us the peer's checks on that pair, and answers to our own; what else
 * STUN brings goes on to libnice, which only hears of what is new. */
#include <errno.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include "base/log.h"
#include "media/binding.h"
#include "media/demux.h"
#include "media/packet.h"
#include "media/relay.h"

enum {			    /* us; RFC 7675 5.1 */
       TAKEN = 1 * 1000000, /* from when on a pair is settled */
       LEAST = 4 * 1000000,
       SPREAD = 2 * 1000000,
       /* Longer than two checks and an answer take: that one is lost says
	* nothing. */
       PATIENCE = 15 * 1000000,
       EXPIRY = 30 * 1000000,
};

enum { /* RFC 8445 7.3.1.1, RFC 7675 5.2 */
       ROLE_CONFLICT = 487,
       FORBIDDEN = 403,
};

uint64_t consent_patience(void)
{
	return PATIENCE;
}

/* For numbers that must not repeat, not for keys. */
static uint32_t draw(struct flow *f)
{
	struct relay *r = f->relay;
	uint32_t v;

	if (getrandom(&v, sizeof(v), GRND_NONBLOCK) == sizeof(v))
		return v;
	r->seed = r->seed * 1664525u + 1013904223u;

	return r->seed;
}

static void plan(struct flow *f);

static void give_back(struct flow *f)
{
	struct consent *c = &f->i.consent;

	if (c->fd >= 0)
		(void)demux_consent(c->fd, 0, NULL);
	c->fd = -1;
	agent_rest(f->i.agent, false);
}

/* The keys are those of now: a restart gives all back first. */
static int take_over(struct flow *f)
{
	struct ice_part *i = &f->i;
	struct consent *c = &i->consent;
	char *ufrag, *pwd;
	int err;

	err = agent_credentials(i->agent, &ufrag, &pwd);
	if (err)
		return err;
	(void)snprintf(c->ufrag, sizeof(c->ufrag), "%s", ufrag);
	evp_hmac_key(&c->ours, (uint8_t *)pwd, strlen(pwd));
	evp_hmac_key(&c->theirs, (uint8_t *)i->pwd, strlen(i->pwd));
	agent_free_text(ufrag);
	agent_free_text(pwd);
	c->controlling = agent_is_controlling(i->agent);
	c->tie = (uint64_t)draw(f) << 32 | draw(f);
	c->id = draw(f);
	err = demux_consent(i->pair_fd, c->id, &i->pair.remote);
	if (err)
		return err;
	c->fd = i->pair_fd;
	agent_rest(i->agent, true);

	return 0;
}

static void send_to_peer(struct flow *f, const uint8_t *p, size_t len)
{
	const struct sockaddr_storage *to = &f->i.pair.remote;

	(void)sendto(f->i.consent.fd, p, len, MSG_DONTWAIT | MSG_NOSIGNAL,
		     (const struct sockaddr *)to, ss_len(to));
}

/* Each with a number of its own: nothing is sent again (RFC 7675 5.1). */
static void ask(struct flow *f)
{
	struct consent *c = &f->i.consent;
	struct binding_check check = {.theirs = f->i.ufrag,
				      .ours = c->ufrag,
				      .tie = c->tie,
				      .controlling = c->controlling};
	uint64_t *number = &c->asked[c->askedc++ % CONSENT_ASKED];
	uint8_t buf[BINDING_MAX];

	*number = (uint64_t)draw(f) << 32 | draw(f);
	packet_put32(check.id, c->id);
	packet_put32(check.id + 4, (uint32_t)(*number >> 32));
	packet_put32(check.id + 8, (uint32_t)*number);
	send_to_peer(f, buf, binding_ask(buf, &check, &c->theirs));
}

static void miss(struct flow *f)
{
	f->i.consent.missed = true;
	iceflow_lost(f);
}

static void on_timer(void *arg)
{
	struct flow *f = arg;
	struct consent *c = &f->i.consent;
	uint64_t now = f->relay->w->now, silent = now - c->answered_at;

	if (silent >= EXPIRY) {
		consent_pause(f);
		return; /* only new credentials bring it back */
	}
	if (!c->paused && c->fd < 0)
		(void)take_over(f); /* or once more in a second */
	if (now >= c->next_at && !c->paused) {
		c->next_at = now + LEAST + draw(f) % SPREAD;
		if (c->fd >= 0)
			ask(f);
	}
	if (silent >= PATIENCE && !c->missed)
		miss(f);
	plan(f);
}

static uint64_t sooner(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static void plan(struct flow *f)
{
	struct consent *c = &f->i.consent;
	struct worker *w = f->relay->w;
	uint64_t at = c->answered_at + (c->missed ? EXPIRY : PATIENCE);

	if (!c->paused && c->fd < 0)
		at = w->now + TAKEN;
	else if (!c->paused)
		at = sooner(at, c->next_at);
	worker_timer_loose(w, &c->timer, at > w->now ? at - w->now : 0,
			   on_timer, f);
}

void consent_start(struct flow *f)
{
	struct consent *c = &f->i.consent;

	if (!c->mine || f->i.pair_fd < 0)
		return;
	if (c->fd >= 0 && c->fd != f->i.pair_fd)
		give_back(f);
	c->missed = c->paused = false;
	c->answered_at = f->relay->w->now;
	c->next_at = c->answered_at + LEAST + draw(f) % SPREAD;
	plan(f);
}

void consent_pause(struct flow *f)
{
	struct consent *c = &f->i.consent;

	give_back(f);
	c->paused = true;
	memset(c->asked, 0, sizeof(c->asked));
	if (c->missed || !c->answered_at)
		wtimer_cancel(&f->relay->w->timers, &c->timer);
	else
		plan(f);
}

void consent_close(struct flow *f)
{
	struct consent *c = &f->i.consent;

	wtimer_cancel(&f->relay->w->timers, &c->timer);
	c->fd = -1;
	OPENSSL_cleanse(&c->ours, sizeof(c->ours));
	OPENSSL_cleanse(&c->theirs, sizeof(c->theirs));
}

/* ---- what comes ---- */

/* RFC 8445 7.3: our fragment, a colon, theirs, which may be new to us. */
static bool is_for_us(const struct consent *c, const struct binding *b)
{
	size_t n = strlen(c->ufrag);

	return b->userlen > n && !memcmp(b->user, c->ufrag, n) &&
	       b->user[n] == ':';
}

static void answer(struct flow *f, const struct binding *b)
{
	struct consent *c = &f->i.consent;
	uint8_t buf[BINDING_MAX];

	if (!b->user || !is_for_us(c, b) ||
	    !binding_is_authentic(b, &c->ours)) {
		f->count.rx_auth_fail++;
		return;
	}
	send_to_peer(f, buf,
		     binding_answer(buf, b->id, &f->i.pair.remote, &c->ours));
}

static bool is_asked(struct consent *c, const uint8_t *id)
{
	uint64_t number =
	    (uint64_t)packet_u32(id + 4) << 32 | packet_u32(id + 8);
	unsigned i;

	for (i = 0; i < CONSENT_ASKED; i++) {
		if (number && c->asked[i] == number) {
			c->asked[i] = 0;
			return true;
		}
	}

	return false;
}

/* RFC 7675 5.2: it is taken back, for good. */
static void revoked(struct flow *f)
{
	bool told = f->i.consent.missed;

	flow_say(f, "consent taken back by the peer");
	f->i.consent.missed = true;
	consent_pause(f);
	if (!told)
		iceflow_lost(f);
}

static void answered(struct flow *f, const struct binding *b)
{
	struct consent *c = &f->i.consent;

	if (packet_u32(b->id) != c->id ||
	    !binding_is_authentic(b, &c->theirs) || !is_asked(c, b->id)) {
		f->count.rx_auth_fail++;
		return;
	}
	if (b->type == BINDING_ERROR) {
		if (b->error == FORBIDDEN)
			revoked(f);
		else if (b->error == ROLE_CONFLICT)
			c->controlling = !c->controlling;
		return;
	}
	c->answered_at = f->relay->w->now;
	if (c->missed) {
		c->missed = false;
		iceflow_again(f);
	}
}

void consent_input(struct flow *f, const uint8_t *p, size_t len,
		   const struct sockaddr_storage *src)
{
	struct consent *c = &f->i.consent;
	struct binding b;

	if (c->fd < 0 || !ss_equal(src, &f->i.pair.remote)) {
		f->count.rx_unknown_source++;
		return;
	}
	if (binding_decode(&b, p, len)) {
		f->count.rx_bad++;
		return;
	}
	if (b.type == BINDING_REQUEST)
		answer(f, &b);
	else
		answered(f, &b);
}
