/* media_consent.c: RFC 7675 by ourselves: when a peer is asked, what it is
 * answered, when it is missed, and who else gets STUN meanwhile.  The clock is
 * the test's. */
#include <arpa/inet.h>
#include <poll.h>
#include <unistd.h>
#include "../../gateway/media/consent.c"
#include "suite.h"

enum { SECOND = 1000000 };

/* ---- what consent.c calls ---- */

static bool resting, controls, no_credentials;
static unsigned lost, again;
static struct worker w;

int agent_credentials(struct agent *a, char **ufrag, char **pwd)
{
	(void)a;
	if (no_credentials)
		return ENOMEM;
	*ufrag = strdup("ours");
	*pwd = strdup("password of ours......");

	return 0;
}

void agent_free_text(char *s)
{
	free(s);
}

void agent_rest(struct agent *a, bool rest)
{
	(void)a;
	resting = rest;
}

bool agent_is_controlling(struct agent *a)
{
	(void)a;

	return controls;
}

void iceflow_lost(struct flow *f)
{
	f->i.up = false;
	lost++;
}

void iceflow_again(struct flow *f)
{
	f->i.up = true;
	again++;
}

void flow_say(struct flow *f, const char *fmt, ...)
{
	(void)f;
	(void)fmt;
}

void worker_timer_loose(struct worker *worker, struct wtimer *t, uint64_t us,
			wtimer_h *h, void *arg)
{
	wtimer_start(&worker->timers, t, worker->now + us, h, arg);
}

/* ---- a flow that is up, its two sockets, its peer ---- */

static struct relay relay = {.w = &w};
static struct flow *f;
static int libnice_fd, peer;
static struct evp_hmac key_ours, key_theirs;

static int udp(struct sockaddr_storage *ss)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	struct sockaddr_in *in = (struct sockaddr_in *)ss;
	socklen_t len = sizeof(*ss);

	memset(ss, 0, sizeof(*ss));
	in->sin_family = AF_INET;
	in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)ss, sizeof(*in)), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)ss, &len), 0);

	return fd;
}

static void set_key(struct evp_hmac *k, const char *pwd)
{
	evp_hmac_key(k, (const uint8_t *)pwd, strlen(pwd));
}

static void setup(void)
{
	struct ice_part *i;

	f = calloc(1, sizeof(*f));
	ck_assert_ptr_nonnull(f);
	i = &f->i;
	f->relay = &relay;
	f->ice = true;
	libnice_fd = udp(&i->pair.base);
	peer = udp(&i->pair.remote);
	ck_assert_int_eq(demux_open(&i->pair_fd, libnice_fd, 0), 0);
	i->paired = i->up = true;
	i->consent.mine = true;
	i->consent.fd = -1;
	strcpy(i->ufrag, "theirs");
	strcpy(i->pwd, "password of theirs....");
	set_key(&key_ours, "password of ours......");
	set_key(&key_theirs, i->pwd);
	w.now = 1000 * (uint64_t)SECOND;
	consent_start(f);
}

static void teardown(void)
{
	consent_close(f);
	ck_assert_ptr_null(w.timers.root);
	(void)close(f->i.pair_fd);
	(void)close(libnice_fd);
	(void)close(peer);
	free(f);
}

static void pass(uint64_t us)
{
	uint64_t until = w.now + us;

	while (w.timers.root && w.timers.root->due <= until) {
		w.now = w.timers.root->due;
		(void)wtimer_run(&w.timers, w.now);
	}
	w.now = until;
}

static uint8_t got[BINDING_MAX];

/* What the peer was sent, if anything. */
static bool heard(struct binding *b)
{
	ssize_t n = recv(peer, got, sizeof(got), 0);

	if (n < 0)
		return false;
	ck_assert_int_eq(binding_decode(b, got, (size_t)n), 0);

	return true;
}

static void come(const uint8_t *p, size_t n)
{
	consent_input(f, p, n, &f->i.pair.remote);
}

/* The peer's answer to what it was asked last. */
static void reply(const struct binding *b, const struct evp_hmac *key)
{
	uint8_t p[BINDING_MAX];

	come(p, binding_answer(p, b->id, &f->i.pair.base, key));
}

static void reply_error(const struct binding *b, unsigned code)
{
	uint8_t p[20 + 8 + 24] = {1, 0x11, 0, 32, 0x21, 0x12, 0xa4, 0x42};

	memcpy(p + 8, b->id, BINDING_ID);
	p[21] = 9; /* ERROR-CODE */
	p[23] = 4;
	p[26] = (uint8_t)(code / 100);
	p[27] = (uint8_t)(code % 100);
	p[29] = 8; /* MESSAGE-INTEGRITY */
	p[31] = 20;
	evp_hmac(&key_theirs, p, 28, p + 32);
	come(p, sizeof(p));
}

/* Whom the kernel gives a check of the peer's. */
static bool is_ours(void)
{
	uint8_t p[20] = {0, 1};
	bool ours;

	ck_assert_int_eq(sendto(peer, p, sizeof(p), 0,
				(struct sockaddr *)&f->i.pair.base,
				ss_len(&f->i.pair.base)),
			 sizeof(p));
	ours = recv(f->i.pair_fd, p, sizeof(p), 0) == sizeof(p);
	ck_assert(ours || recv(libnice_fd, p, sizeof(p), 0) == sizeof(p));

	return ours;
}

/* ---- tests ---- */

/* A second after the pair was selected the kernel sorts for us; from 4 to 6 s
 * on the peer is asked, each time by another number. */
START_TEST(test_asks)
{
	uint64_t last = w.now, gap;
	struct binding b;
	unsigned i, odd = 0;

	ck_assert(!is_ours() && !resting);
	pass(1500000);
	ck_assert(is_ours() && resting);
	ck_assert(!heard(&b));
	for (i = 0; i < 50; i++) {
		while (!heard(&b))
			pass(10000);
		ck_assert_int_eq(b.type, BINDING_REQUEST);
		ck_assert(b.userlen == 11 &&
			  !memcmp(b.user, "theirs:ours", 11));
		ck_assert(binding_is_authentic(&b, &key_theirs));
		gap = w.now - last;
		last = w.now;
		ck_assert(gap >= 4 * SECOND - 20000 &&
			  gap <= 6 * SECOND + 20000);
		odd += gap < 4900000 || gap > 5100000;
		reply(&b, &key_theirs);
		ck_assert_uint_eq(f->i.consent.answered_at, w.now);
	}
	ck_assert_uint_gt(odd, 20);
	ck_assert_uint_eq(lost, 0);
}
END_TEST

/* The attribute of the role, and a peer that has the same one. */
START_TEST(test_role)
{
	struct binding b;

	controls = true;
	pass(6 * SECOND);
	ck_assert(heard(&b));
	ck_assert_uint_eq(got[20 + 16 + 8 + 1], 0x2a);
	reply_error(&b, 487);
	pass(6 * SECOND);
	ck_assert(heard(&b));
	ck_assert_uint_eq(got[20 + 16 + 8 + 1], 0x29);
	reply(&b, &key_theirs);
	ck_assert_uint_eq(f->i.consent.answered_at, w.now);
}
END_TEST

START_TEST(test_answers)
{
	struct binding_check c = {.theirs = "ours", .ours = "theirs"};
	uint8_t p[BINDING_MAX];
	struct binding b;
	size_t n;

	pass(2 * SECOND);
	n = binding_ask(p, &c, &key_ours);
	come(p, n);
	ck_assert(heard(&b));
	ck_assert_int_eq(b.type, BINDING_SUCCESS);
	ck_assert(!memcmp(b.id, c.id, BINDING_ID));
	ck_assert(binding_is_authentic(&b, &key_ours));
	/* to whoever does not know our password, nothing */
	n = binding_ask(p, &c, &key_theirs);
	come(p, n);
	c.theirs = "our";
	n = binding_ask(p, &c, &key_ours);
	come(p, n);
	ck_assert_uint_eq(f->count.rx_auth_fail, 2);
	c.theirs = "ours";
	n = binding_ask(p, &c, &key_ours);
	consent_input(f, p, n, &f->i.pair.base);
	ck_assert_uint_eq(f->count.rx_unknown_source, 1);
	come(p, n - 4);
	ck_assert_uint_eq(f->count.rx_bad, 1);
	ck_assert(!heard(&b));
}
END_TEST

/* One that is lost is no matter; three are. */
START_TEST(test_missed)
{
	struct binding b, old;
	uint64_t t0 = w.now;
	unsigned i;

	pass(15 * SECOND - 50000);
	ck_assert_uint_eq(lost, 0);
	for (i = 0; heard(&b); i++)
		old = b;
	ck_assert(i == 2 || i == 3);
	pass(100000);
	ck_assert_uint_eq(lost, 1);
	ck_assert(!f->i.up);
	pass(6 * SECOND);
	ck_assert(heard(&b)); /* it goes on being asked */
	reply(&b, &key_ours); /* by somebody else */
	ck_assert_uint_eq(again, 0);
	reply(&b, &key_theirs);
	ck_assert_uint_eq(again, 1);
	ck_assert(f->i.up);
	reply(&b, &key_theirs); /* twice: is not what was asked */
	ck_assert_uint_eq(f->count.rx_auth_fail, 2);
	ck_assert_uint_lt(t0, f->i.consent.answered_at);
	(void)old;
}
END_TEST

/* After 30 s nothing but new credentials helps. */
START_TEST(test_expired)
{
	struct binding b;

	pass(31 * SECOND);
	ck_assert_uint_eq(lost, 1);
	while (heard(&b))
		;
	ck_assert_ptr_null(w.timers.root);
	ck_assert(!is_ours() && !resting);
	reply(&b, &key_theirs);
	ck_assert_uint_eq(again, 0);
	f->i.up = true;
	strcpy(f->i.pwd, "another of theirs.....");
	set_key(&key_theirs, f->i.pwd);
	consent_start(f);
	pass(6 * SECOND);
	ck_assert(is_ours());
	ck_assert(heard(&b));
	ck_assert(binding_is_authentic(&b, &key_theirs));
}
END_TEST

START_TEST(test_revoked)
{
	struct binding b;

	pass(6 * SECOND);
	ck_assert(heard(&b));
	reply_error(&b, 400);
	ck_assert_uint_eq(lost, 0);
	pass(6 * SECOND);
	ck_assert(heard(&b));
	reply_error(&b, 403);
	ck_assert_uint_eq(lost, 1);
	ck_assert(!is_ours());
	pass(60 * (uint64_t)SECOND);
	ck_assert_uint_eq(lost, 1);
	ck_assert(!heard(&b));
}
END_TEST

/* While ICE begins anew libnice has all of STUN; who does not come is missed
 * all the same. */
START_TEST(test_paused)
{
	struct binding b;

	pass(6 * SECOND);
	ck_assert(heard(&b));
	reply(&b, &key_theirs);
	consent_pause(f);
	ck_assert(!is_ours() && !resting);
	pass(14 * SECOND);
	ck_assert(!heard(&b));
	ck_assert_uint_eq(lost, 0);
	pass(2 * SECOND);
	ck_assert_uint_eq(lost, 1);
	pass(60 * (uint64_t)SECOND);
	ck_assert_uint_eq(lost, 1);
}
END_TEST

/* Memory may be short at the moment: later, then. */
START_TEST(test_later)
{
	struct binding b;

	no_credentials = true;
	pass(7 * SECOND);
	ck_assert(!is_ours() && !heard(&b));
	no_credentials = false;
	pass(7 * SECOND);
	ck_assert(is_ours() && heard(&b));
	ck_assert_uint_eq(lost, 0);
}
END_TEST

/* A pair that is libnice's is none of ours. */
START_TEST(test_not_ours)
{
	consent_pause(f);
	f->i.consent.mine = false;
	consent_close(f);
	consent_start(f);
	ck_assert_ptr_null(w.timers.root);
	ck_assert_uint_eq(consent_patience(), 15 * SECOND);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("all");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_asks);
	tcase_add_test(tc, test_role);
	tcase_add_test(tc, test_answers);
	tcase_add_test(tc, test_missed);
	tcase_add_test(tc, test_expired);
	tcase_add_test(tc, test_revoked);
	tcase_add_test(tc, test_paused);
	tcase_add_test(tc, test_later);
	tcase_add_test(tc, test_not_ours);

	return suite_run("media_consent", tc);
}
