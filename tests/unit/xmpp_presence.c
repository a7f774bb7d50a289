/* xmpp_presence.c: subscriptions, presence and devices. */
#include "tests/unit/service_fake.h"

static void answer_iq(int err, const char *text)
{
	struct component_iq *q = asked;
	struct stanza *st = text ? parse(text) : NULL;

	ck_assert_ptr_nonnull(q);
	flush();
	*q->qp = NULL;
	q->h(err, st, q->arg);
	mem_deref(q);
	stanza_free(st);
}

static unsigned count(const char *part)
{
	unsigned n = 0;

	for (size_t i = 0; i < sentc; i++)
		n += strstr(sent[i], part) != NULL;
	return n;
}

static const char *sent_with(const char *part)
{
	for (size_t i = 0; i < sentc; i++) {
		if (strstr(sent[i], part))
			return sent[i];
	}
	ck_abort_msg("nothing sent with %s", part);
	return NULL;
}

static void presence(const char *type, const char *from, const char *to,
		     const char *children)
{
	char text[1024];

	(void)re_snprintf(text, sizeof(text),
			  "<presence%s%s%s from='%s' to='%s'>%s</presence>",
			  *type ? " type='" : "", type, *type ? "'" : "", from,
			  to, children);
	ck_assert(receive(text) || refuse_after != UINT_MAX);
}

static void available(const char *from, const char *to, const char *ver)
{
	char c[256];

	(void)re_snprintf(c, sizeof(c),
			  "<c xmlns='http://jabber.org/protocol/caps' "
			  "hash='sha-1' node='http://x.example' ver='%s'/>",
			  ver);
	presence("", from, to, c);
}

/* ---- subscriptions ---- */

START_TEST(subscribe)
{
	presence("subscribe", "alice@xmpp.test", "600@sip.xmpp.test", "");
	ck_assert_uint_eq(sentc, 3);
	has(sent[0], "type='subscribed'");
	has(sent[0], "from='600@sip.xmpp.test'");
	has(sent[0], "to='alice@xmpp.test'");
	has(sent[1], "from='600@sip.xmpp.test/sip'");
	has(sent[1], "ver='5GAK1803ghyaYflWanPbNfPKwoA='");
	ck_assert_ptr_null(strstr(sent[1], "type="));
	has(sent[2], "type='subscribe'");

	presence("subscribe", "alice@xmpp.test", "nobody@sip.xmpp.test", "");
	ck_assert_uint_eq(sentc, 2);
	has(sent_with("type='error'"), "<item-not-found");
	has(sent_with("type='unsubscribed'"), "nobody@sip.xmpp.test");

	presence("subscribe", "alice@xmpp.test", "sip.xmpp.test", "");
	ck_assert_uint_eq(sentc, 2);
	has(sent[0], "type='subscribed'");
	has(sent[1], service_ver(TARGET_GATEWAY));
	has(sent[1], "from='sip.xmpp.test'");

	presence("subscribe", "eve@evil.test", "sip.xmpp.test", "");
	ck_assert_uint_eq(count("type='unsubscribed'"), 1);
	ck_assert_uint_eq(count("type='subscribed'"), 0);
}
END_TEST

START_TEST(subscribe_back_once)
{
	presence("subscribe", "alice@xmpp.test", "600@sip.xmpp.test", "");
	ck_assert_uint_eq(count("type='subscribe'"), 1);
	presence("subscribe", "alice@xmpp.test", "600@sip.xmpp.test", "");
	ck_assert_uint_eq(count("type='subscribed'"), 1);
	ck_assert_uint_eq(count("type='subscribe'"), 0);
	presence("unsubscribed", "alice@xmpp.test", "600@sip.xmpp.test", "");
	presence("subscribe", "alice@xmpp.test", "600@sip.xmpp.test", "");
	ck_assert_uint_eq(count("type='subscribe'"), 1);
}
END_TEST

/* At the end all who saw one of us are told, once. */
START_TEST(goodbye)
{
	service_goodbye(NULL);
	presence("subscribe", "alice@xmpp.test", "600@sip.xmpp.test", "");
	presence("subscribe", "alice@xmpp.test", "sip.xmpp.test", "");
	available("bob@xmpp.test/x", "601@sip.xmpp.test", "1");
	service_show(s, "602@sip.xmpp.test", "carol@xmpp.test");
	service_show(s, "600@sip.xmpp.test", "alice@xmpp.test");
	flush();
	service_goodbye(s);
	ck_assert_uint_eq(sentc, 4);
	ck_assert_uint_eq(count("type='unavailable'"), 4);
	has(sent_with("from='600@sip.xmpp.test/sip'"), "to='alice@xmpp.test'");
	has(sent_with("from='sip.xmpp.test'"), "to='alice@xmpp.test'");
	has(sent_with("from='601@sip.xmpp.test/sip'"), "to='bob@xmpp.test'");
	has(sent_with("from='602@sip.xmpp.test/sip'"), "to='carol@xmpp.test'");
}
END_TEST

/* Subscribed since an earlier life: asked as soon as the link is up. */
START_TEST(remembered)
{
	service_remember(s, "600@sip.xmpp.test", "alice@xmpp.test");
	ck_assert(!service_online(s, "alice@xmpp.test"));
	ck_assert_uint_eq(service_seen(s, "alice@xmpp.test"), UINT64_MAX);
	state_h(NULL, true, state_arg);
	flush();
	sync_timeout(s);
	has(sent_with("type='probe'"), "from='600@sip.xmpp.test'");
	available("alice@xmpp.test/a", "600@sip.xmpp.test", "v1");
	ck_assert(service_online(s, "alice@xmpp.test"));
	ck_assert_uint_lt(service_seen(s, "alice@xmpp.test"), 1000);
}
END_TEST

START_TEST(unsubscribe)
{
	presence("subscribe", "alice@xmpp.test", "600@sip.xmpp.test", "");
	presence("unsubscribe", "alice@xmpp.test", "600@sip.xmpp.test", "");
	ck_assert_uint_eq(count("type='unsubscribed'"), 1);
	ck_assert_uint_eq(count("type='unavailable'"), 1);
	ck_assert_uint_eq(count("type='unsubscribe'"), 1);
	ck_assert_uint_eq(s->userc, 0);
	ck_assert_uint_eq(s->watchc, 0);
	/* the second time there is nothing to mirror: no endless thanks */
	presence("unsubscribe", "alice@xmpp.test", "600@sip.xmpp.test", "");
	ck_assert_uint_eq(count("type='unsubscribe'"), 0);
	presence("unsubscribed", "alice@xmpp.test", "600@sip.xmpp.test", "");
	ck_assert_uint_eq(sentc, 0);
	presence("subscribed", "alice@xmpp.test", "600@sip.xmpp.test", "");
	ck_assert_uint_eq(sentc, 0);
}
END_TEST

START_TEST(probe)
{
	presence("probe", "alice@xmpp.test", "600@sip.xmpp.test", "");
	ck_assert_uint_eq(sentc, 1);
	has(sent[0], "from='600@sip.xmpp.test/sip'");
	has(sent[0], "<c xmlns=");
	presence("probe", "alice@xmpp.test", "nobody@sip.xmpp.test", "");
	has(sent[0], "type='unsubscribed'");
	presence("probe", "alice@xmpp.test", "sip.xmpp.test", "");
	has(sent[0], "from='sip.xmpp.test'");
	presence("error", "alice@xmpp.test", "600@sip.xmpp.test", "");
	ck_assert_uint_eq(sentc, 0);
	presence("nonsense", "alice@xmpp.test", "600@sip.xmpp.test", "");
	ck_assert_uint_eq(sentc, 0);
}
END_TEST

START_TEST(room_refused)
{
	presence("", "alice@xmpp.test/a", "600@sip.xmpp.test/nick",
		 "<x xmlns='http://jabber.org/protocol/muc'/>");
	has(sent[0], "<service-unavailable");
	ck_assert_uint_eq(s->userc, 0);
}
END_TEST

/* ---- devices ---- */

static void answer_features(const char *list)
{
	char text[2048];

	(void)re_snprintf(text, sizeof(text),
			  "<iq type='result' id='x' from='%s' to='y'>"
			  "<query xmlns='" NS_DISCO_INFO "'>%s</query></iq>",
			  asked->to, list);
	answer_iq(0, text);
}

static void ver_of(char *ver, const char *list)
{
	char text[2048];
	struct stanza *q;

	(void)re_snprintf(text, sizeof(text), QUERY("%s"), list);
	q = parse(text);
	ck_assert_int_eq(service_ver_make(ver, q), 0);
	stanza_free(q);
}

START_TEST(device_known)
{
	char ver[SERVICE_VER_SIZE];
	struct device v[4];

	ver_of(ver, CALLABLE PHONE_FEATURE("urn:xmpp:jingle-message:0"));
	available("Alice@xmpp.test/Phone", "600@sip.xmpp.test", ver);
	ck_assert_uint_eq(asks, 1);
	has(sent_with("<iq"), "from='600@sip.xmpp.test/sip'");
	has(sent_with("<iq"), "to='alice@xmpp.test/Phone'");
	has(sent_with("<iq"), "node='http://x.example#");
	/* it is told that the contact is there */
	has(sent_with("<presence"), "from='600@sip.xmpp.test/sip'");

	ck_assert_uint_eq(service_devices(s, "alice@xmpp.test", v, 4), 1);
	ck_assert_str_eq(v[0].resource, "Phone");
	ck_assert(!v[0].known && !v[0].call && !v[0].jmi);
	answer_features(CALLABLE PHONE_FEATURE("urn:xmpp:jingle-message:0"));
	ck_assert_uint_eq(service_devices(s, "ALICE@xmpp.test", v, 4), 1);
	ck_assert(v[0].known && v[0].call && v[0].jmi);

	/* the same software elsewhere is known at once */
	available("bob@xmpp.test/x", "600@sip.xmpp.test", ver);
	ck_assert_uint_eq(asks, 1);
	service_devices(s, "bob@xmpp.test", v, 4);
	ck_assert(v[0].known && v[0].call);
	ck_assert(service_device_online(s, "BOB@xmpp.test/x"));
	ck_assert(!service_device_online(s, "bob@xmpp.test/y"));
	ck_assert(!service_device_online(s, "carol@xmpp.test/x"));
	ck_assert(!service_device_online(s, "\xff"));

	/* no second greeting for the next presence */
	available("bob@xmpp.test/x", "600@sip.xmpp.test", ver);
	ck_assert_uint_eq(sentc, 0);

	presence("unavailable", "bob@xmpp.test/x", "600@sip.xmpp.test", "");
	ck_assert_uint_eq(service_devices(s, "bob@xmpp.test", v, 4), 0);
	ck_assert(!service_device_online(s, "bob@xmpp.test/x"));
	ck_assert_uint_eq(s->userc, 1);
	presence("unavailable", "alice@xmpp.test", "600@sip.xmpp.test", "");
	ck_assert_uint_eq(s->userc, 0);
	ck_assert_uint_eq(s->watchc, 0);
	ck_assert_uint_eq(service_devices(s, "\xff", v, 4), 0);
}
END_TEST

START_TEST(device_priorities)
{
	struct device v[4];

	presence("", "a@xmpp.test/low", "600@sip.xmpp.test",
		 "<priority>-5</priority>");
	presence("", "a@xmpp.test/high", "600@sip.xmpp.test",
		 "<priority>9</priority>");
	presence("", "a@xmpp.test/bad", "600@sip.xmpp.test",
		 "<priority>999999999999999999999</priority>");
	ck_assert_uint_eq(service_devices(s, "a@xmpp.test", v, 4), 3);
	ck_assert_str_eq(v[0].resource, "high");
	ck_assert_str_eq(v[1].resource, "bad");
	ck_assert_str_eq(v[2].resource, "low");
	ck_assert_int_eq(v[2].priority, -5);
	presence("", "a@xmpp.test/low", "600@sip.xmpp.test",
		 "<priority>10</priority>");
	ck_assert_uint_eq(service_devices(s, "a@xmpp.test", v, 1), 1);
	ck_assert_str_eq(v[0].resource, "low");
}
END_TEST

/* A client that lies about its ver speaks for itself only. */
START_TEST(caps_poisoning)
{
	char ver[SERVICE_VER_SIZE];
	struct device v[2];

	ver_of(ver, CALLABLE);
	available("eve@xmpp.test/x", "600@sip.xmpp.test", ver);
	answer_features(PHONE_FEATURE("urn:xmpp:jingle-message:0"));
	service_devices(s, "eve@xmpp.test", v, 2);
	ck_assert(v[0].known && v[0].jmi && !v[0].call);
	available("alice@xmpp.test/x", "600@sip.xmpp.test", ver);
	service_devices(s, "alice@xmpp.test", v, 2);
	ck_assert(!v[0].known);
	/* asked again when the wait is over */
	ck_assert_uint_eq(asks, 1);
	((struct caps *)s->capslist.head->data)->again = 0;
	available("alice@xmpp.test/x", "600@sip.xmpp.test", ver);
	ck_assert_uint_eq(asks, 2);
	answer_features(CALLABLE);
	service_devices(s, "alice@xmpp.test", v, 2);
	ck_assert(v[0].known && v[0].call && !v[0].jmi);
	service_devices(s, "eve@xmpp.test", v, 2);
	ck_assert(!v[0].call);
}
END_TEST

START_TEST(caps_other_hash)
{
	static const char c[] =
	    "<c xmlns='http://jabber.org/protocol/caps' hash='sha-256' "
	    "node='n' ver='v'/>";
	struct device v[2];

	presence("", "a@xmpp.test/x", "600@sip.xmpp.test", c);
	presence("", "a@xmpp.test/x", "601@sip.xmpp.test", c);
	ck_assert_uint_eq(asks, 1);
	answer_features(CALLABLE);
	presence("", "a@xmpp.test/x", "600@sip.xmpp.test", c);
	ck_assert_uint_eq(asks, 1);
	service_devices(s, "a@xmpp.test", v, 2);
	ck_assert(v[0].known && v[0].call);
	/* it holds for that device only */
	presence("", "b@xmpp.test/x", "600@sip.xmpp.test", c);
	ck_assert_uint_eq(asks, 2);
	presence("unavailable", "b@xmpp.test/x", "600@sip.xmpp.test", "");
	ck_assert_ptr_null(asked);
	ck_assert_uint_eq(s->asking, 0);
}
END_TEST

START_TEST(caps_no_answer)
{
	struct device v[2];

	available("a@xmpp.test/x", "600@sip.xmpp.test", "zzz");
	answer_iq(ETIMEDOUT, NULL);
	ck_assert_uint_eq(s->asking, 0);
	available("a@xmpp.test/x", "600@sip.xmpp.test", "zzz");
	ck_assert_uint_eq(asks, 1);
	ck_assert_uint_eq(service_devices(s, "a@xmpp.test", v, 2), 1);
	ck_assert(!v[0].known);
	is_refusing = true;
	available("b@xmpp.test/x", "600@sip.xmpp.test", "yyy");
	ck_assert_uint_eq(s->asking, 0);
	is_refusing = false;
}
END_TEST

START_TEST(bounds)
{
	struct device v[64];
	char from[64], to[64], ver[32];

	for (unsigned i = 0; i < 40; i++) {
		(void)re_snprintf(from, sizeof(from), "a@xmpp.test/%u", i);
		presence("", from, "600@sip.xmpp.test", "");
	}
	ck_assert_uint_eq(service_devices(s, "a@xmpp.test", v, 64), 32);
	for (unsigned i = 0; i < 520; i++) {
		(void)re_snprintf(to, sizeof(to), "%u@sip.xmpp.test", i);
		presence("probe", "a@xmpp.test", to, "");
		ck_assert_uint_eq(sentc, 1);
	}
	ck_assert_uint_eq(service_user_find(s, "a@xmpp.test")->watchc, 500);
	fake_limits.subscriptions_per_jid = 501;
	presence("probe", "a@xmpp.test", "600@sip.xmpp.test", "");
	presence("probe", "a@xmpp.test", "601@sip.xmpp.test", "");
	ck_assert_uint_eq(service_user_find(s, "a@xmpp.test")->watchc, 501);
	s->watchc = SERVICE_WATCHES_MAX;
	presence("probe", "b@xmpp.test", "1@sip.xmpp.test", "");
	ck_assert_uint_eq(s->watchc, SERVICE_WATCHES_MAX);
	s->watchc = 501;
	s->userc = SERVICE_USERS_MAX;
	presence("", "c@xmpp.test/x", "1@sip.xmpp.test", "");
	ck_assert_uint_eq(service_devices(s, "c@xmpp.test", v, 64), 0);
	s->userc = 2;
	/* a flood of vers: few requests, and the cache is bounded */
	for (unsigned i = 0; i < 4200; i++) {
		(void)re_snprintf(ver, sizeof(ver), "v%u", i);
		available("a@xmpp.test/1", "1@sip.xmpp.test", ver);
		if (asked)
			answer_iq(EPROTO, NULL);
	}
	ck_assert_uint_eq(s->capsc, SERVICE_CAPS_MAX);
	ck_assert_uint_eq(list_count(&s->capslist), SERVICE_CAPS_MAX);
}
END_TEST

START_TEST(strangers_ignored)
{
	struct device v[2];

	presence("", "eve@evil.test/x", "600@sip.xmpp.test", "");
	ck_assert_uint_eq(sentc, 0);
	ck_assert_uint_eq(service_devices(s, "eve@evil.test", v, 2), 0);
	presence("", "gw.xmpp.test", "600@sip.xmpp.test", "");
	ck_assert_uint_eq(s->userc, 0);
}
END_TEST

/* ---- reconnect ---- */

START_TEST(reconnect)
{
	struct device v[2];

	presence("subscribe", "alice@xmpp.test", "600@sip.xmpp.test", "");
	presence("", "alice@xmpp.test/a", "600@sip.xmpp.test", "");
	presence("", "bob@xmpp.test/b", "600@sip.xmpp.test", "");
	state_h(NULL, false, state_arg);
	ck_assert_uint_eq(service_devices(s, "alice@xmpp.test", v, 2), 1);
	flush();
	state_h(NULL, true, state_arg);
	ck_assert_uint_eq(sentc, 0);
	ck_assert(tmr_isrunning(&s->tmr_sync));
	sync_timeout(s);
	ck_assert_uint_eq(count("type='probe'"), 2);
	has(sent_with("to='alice@xmpp.test' type='probe'"),
	    "from='600@sip.xmpp.test'");
	ck_assert_uint_eq(count("<c xmlns="), 1);
	ck_assert(tmr_isrunning(&s->tmr_stale));
	/* who answers stays, who does not goes */
	presence("", "alice@xmpp.test/a", "600@sip.xmpp.test", "");
	stale_timeout(s);
	ck_assert_uint_eq(service_devices(s, "alice@xmpp.test", v, 2), 1);
	ck_assert_uint_eq(service_devices(s, "bob@xmpp.test", v, 2), 0);
	ck_assert_uint_eq(s->userc, 1);
}
END_TEST

START_TEST(reconnect_rate)
{
	char from[64];

	for (unsigned i = 0; i < 200; i++) {
		(void)re_snprintf(from, sizeof(from), "u%u@xmpp.test/x", i);
		presence("", from, "600@sip.xmpp.test", "");
	}
	flush();
	state_h(NULL, true, state_arg);
	sync_timeout(s);
	ck_assert_uint_le(sentc, SERVICE_SYNC_BURST);
	ck_assert(tmr_isrunning(&s->tmr_sync));
	for (unsigned i = 0; i < 20; i++)
		sync_timeout(s);
	ck_assert_uint_eq(count("type='probe'"), 200);
}
END_TEST

static unsigned heard; /* a bit each, of events with a stanza */

static bool hear(enum service_event ev, const char *user, const char *contact,
		 const struct stanza *st, void *arg)
{
	(void)arg;
	if (!st)
		return false;
	ck_assert_str_eq(user, "alice@xmpp.test");
	ck_assert_str_eq(contact, "600@sip.xmpp.test");
	heard |= 1u << ev;

	return true;
}

/* RFC 6121 4.7.1: each type is one event, and no other is any. */
START_TEST(told_by_type)
{
	static const struct {
		const char *type;
		unsigned events;
	} v[] = {
	    {"subscribe", 1u << SERVICE_SUBSCRIBE},
	    {"subscribed", 1u << SERVICE_SUBSCRIBED},
	    {"probe", 1u << SERVICE_PROBE},
	    {"", 1u << SERVICE_AVAILABLE},
	    {"unavailable", 1u << SERVICE_UNAVAILABLE},
	    {"unsubscribe", 1u << SERVICE_UNSUBSCRIBE},
	    {"unsubscribed", 1u << SERVICE_UNSUBSCRIBED},
	    {"error", 1u << SERVICE_ERROR},
	    {"available", 0},
	};

	s->h.presence = hear;
	for (size_t i = 0; i < ARRAY_SIZE(v); i++) {
		heard = 0;
		presence(v[i].type, "alice@xmpp.test/a", "600@sip.xmpp.test",
			 "");
		ck_assert_msg(heard == v[i].events, "\"%s\": %x", v[i].type,
			      heard);
	}
}
END_TEST

/* ---- for a call ---- */

START_TEST(shown)
{
	struct shown *x;

	service_show(s, "600@sip.xmpp.test", "alice@xmpp.test");
	has(sent_with("<presence"), "from='600@sip.xmpp.test/sip'");
	has(sent[0], "to='alice@xmpp.test'");
	has(sent[0], "<c xmlns=");
	service_show(s, "600@sip.xmpp.test", "alice@xmpp.test");
	ck_assert_uint_eq(s->shownc, 1);
	x = s->shown.head->data;
	service_hide(s, "600@sip.xmpp.test", "alice@xmpp.test");
	ck_assert(!tmr_isrunning(&x->tmr));
	service_hide(s, "600@sip.xmpp.test", "alice@xmpp.test");
	ck_assert(tmr_isrunning(&x->tmr));
	service_show(s, "600@sip.xmpp.test/sip", "alice@xmpp.test/a");
	ck_assert(!tmr_isrunning(&x->tmr));
	service_hide(s, "600@sip.xmpp.test", "alice@xmpp.test");
	flush();
	tmr_cancel(&x->tmr);
	hide_timeout(x);
	has(sent_with("type='unavailable'"), "600@sip.xmpp.test/sip");
	ck_assert_uint_eq(s->shownc, 0);
	service_hide(s, "600@sip.xmpp.test", "alice@xmpp.test");
	service_hide(s, "\xff", "alice@xmpp.test");

	/* a subscriber goes on seeing it */
	presence("subscribe", "alice@xmpp.test", "600@sip.xmpp.test", "");
	service_show(s, "600@sip.xmpp.test", "alice@xmpp.test");
	flush();
	hide_timeout(s->shown.head->data);
	ck_assert_uint_eq(sentc, 0);
	service_show(s, "600@sip.xmpp.test", "bob@xmpp.test");
}
END_TEST

/* Memory refused at each allocation of the service in turn: it says less, or
 * an error, and goes on. */
static void a_day(void)
{
	char ver[SERVICE_VER_SIZE] = "x";
	struct device v[2];

	presence("subscribe", "alice@xmpp.test", "600@sip.xmpp.test", "");
	(void)service_devices(s, "alice@xmpp.test", v, 2);
	available("alice@xmpp.test/a", "600@sip.xmpp.test", ver);
	if (asked)
		answer_features(CALLABLE);
	flush();
	(void)receive("<iq type='get' id='1' from='alice@xmpp.test/a' "
		      "to='600@sip.xmpp.test'><vCard xmlns='vcard-temp'/>"
		      "</iq>");
	service_show(s, "600@sip.xmpp.test", "alice@xmpp.test");
	service_hide(s, "600@sip.xmpp.test", "alice@xmpp.test");
	sync_timeout(s);
	presence("unavailable", "alice@xmpp.test/a", "600@sip.xmpp.test", "");
	presence("unsubscribe", "alice@xmpp.test", "600@sip.xmpp.test", "");
}

START_TEST(memory_refused)
{
	const struct service_handlers h = {contact_h, prompt_h, NULL, NULL};
	unsigned n;

	for (n = 0; n < 1000; n++) {
		struct component *fake = (struct component *)&conf;

		s = mem_deref(s);
		flush();
		listenerc = 0;
		refuse_after = n;
		if (!service_alloc(&s, fake, &h))
			a_day();
		if (refuse_after)
			break;
	}
	refuse_after = UINT_MAX;
	ck_assert_uint_gt(n, 25);
	ck_assert_uint_lt(n, 1000);
	ck_assert_uint_eq(s->userc, 0);
}
END_TEST

/* X0356: what the server pushes tells who is there, and is no leave of the
 * user's to ask it, nor to show it the gateway. */
START_TEST(pushed)
{
	const struct user *u;

	presence("", "alice@xmpp.test/a", "600@sip.xmpp.test", "");
	flush();
	ck_assert_int_eq(service_grant(s, "xmpp.test", SERVICE_GRANT_PRESENCE),
			 0);
	ck_assert(!service_knows(s, "alice@xmpp.test"));
	presence("", "alice@xmpp.test/a", "sip.xmpp.test", "");
	ck_assert_uint_eq(count("<presence"), 0);
	ck_assert(service_knows(s, "alice@xmpp.test"));
	ck_assert(!service_knows(s, "bob@xmpp.test"));
	u = service_user_find(s, "alice@xmpp.test");
	ck_assert_str_eq(u->via, "600@sip.xmpp.test");
	/* what it shows to a contact says no less */
	presence("", "alice@xmpp.test/a", "600@sip.xmpp.test", "");
	ck_assert(service_knows(s, "alice@xmpp.test"));

	presence("subscribe", "bob@xmpp.test", "sip.xmpp.test", "");
	flush();
	((struct watch *)service_user_find(s, "bob@xmpp.test")
	     ->watches.head->data)
	    ->greeted = 0;
	presence("", "bob@xmpp.test/b", "sip.xmpp.test", "");
	ck_assert_uint_eq(count("<presence"),
			  1); /* who asked to see it does */

	/* who never had to do with the gateway leaves room for who has */
	s->userc += SERVICE_PUSHED_MAX;
	presence("", "carol@xmpp.test/c", "sip.xmpp.test", "");
	ck_assert_ptr_null(service_user_find(s, "carol@xmpp.test"));
	presence("", "alice@xmpp.test/2", "sip.xmpp.test", "");
	s->userc -= SERVICE_PUSHED_MAX;
	presence("", "carol@xmpp.test/c", "sip.xmpp.test", "");
	ck_assert_ptr_nonnull(service_user_find(s, "carol@xmpp.test"));
	presence("unavailable", "alice@xmpp.test/2", "sip.xmpp.test", "");

	presence("unavailable", "alice@xmpp.test/a", "sip.xmpp.test", "");
	ck_assert(!service_knows(s, "alice@xmpp.test"));
	ck_assert(!service_online(s, "alice@xmpp.test"));

	/* a connection later it has to be said again */
	state_h(NULL, true, state_arg);
	ck_assert(!service_knows(s, "bob@xmpp.test"));
	presence("", "bob@xmpp.test/b", "sip.xmpp.test", "");
	ck_assert(service_knows(s, "bob@xmpp.test"));
	ck_assert_int_eq(service_grant(s, "xmpp.test", 0), 0);
	ck_assert(!service_knows(s, "bob@xmpp.test"));
}
END_TEST

static void answer_error(const char *cond)
{
	char text[256];

	(void)re_snprintf(
	    text, sizeof(text),
	    "<iq type='error' from='alice@xmpp.test/a' "
	    "to='600@sip.xmpp.test/sip'><error type='cancel'><%s xmlns="
	    "'urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>",
	    cond);
	answer_iq(EPROTO, text);
}

/* It is pushed, and does not say what it can do. */
static void arrives(const char *full)
{
	presence("", full, "sip.xmpp.test", "");
	if (asked)
		answer_iq(ETIMEDOUT, NULL);
	asks = 0;
}

static void long_ago(struct user *u)
{
	struct le *le;

	LIST_FOREACH (&u->devices, le)
		((struct online *)le->data)->asked = 0;
}

/* A server may push who came and not who was cut off: the device is asked. */
START_TEST(verified)
{
	static const char alice[] = "alice@xmpp.test";
	static const char contact[] = "600@sip.xmpp.test";
	struct user *u;

	ck_assert_int_eq(service_grant(s, "xmpp.test", SERVICE_GRANT_PRESENCE),
			 0);
	arrives("alice@xmpp.test/a");

	/* it hides from a contact, and is there */
	presence("unavailable", "alice@xmpp.test/a", contact, "");
	ck_assert_uint_eq(asks, 1);
	has(sent_with("<iq"), "to='alice@xmpp.test/a'");
	has(sent_with("<iq"), "from='600@sip.xmpp.test/sip'");
	has(sent_with("<iq"), "disco#info");
	presence("unavailable", "alice@xmpp.test/a", contact, "");
	ck_assert_uint_eq(asks, 1);
	u = service_user_find(s, alice);
	u->seen = 1;
	answer_error("feature-not-implemented");
	ck_assert(service_knows(s, alice));
	ck_assert_uint_gt(u->seen, 1);

	/* who is asked unasked for may sleep, and the link may fail */
	long_ago(u);
	service_ask(s, contact, alice);
	ck_assert_uint_eq(asks, 2);
	answer_iq(ETIMEDOUT, NULL);
	ck_assert(service_knows(s, alice));
	service_ask(s, contact, alice); /* so soon again */
	ck_assert_uint_eq(asks, 2);
	long_ago(u);
	service_ask(s, contact, alice);
	answer_iq(ENOTCONN, NULL);
	ck_assert(service_knows(s, alice));
	ck_assert_uint_eq(count("type='probe'"), 0);
	long_ago(u);
	service_ask(s, "sip.xmpp.test", alice);
	has(sent_with("<iq"), "from='sip.xmpp.test'");
	answer_iq(0, "<iq type='result'/>");
	ck_assert(service_knows(s, alice));

	/* no answer after a good-bye */
	presence("unavailable", "alice@xmpp.test/a", contact, "");
	answer_iq(ETIMEDOUT, NULL);
	ck_assert_ptr_null(service_user_find(s, alice));

	arrives("alice@xmpp.test/a");
	arrives("alice@xmpp.test/b");
	u = service_user_find(s, alice);
	for (unsigned i = 0; i < 4; i++) {
		long_ago(u);
		service_ask(s, contact, alice);
		/* the last that was asked: b.  Once a server lets nobody be
		 * asked who hides: that says nothing */
		ck_assert_uint_eq(u->devicec, 2);
		answer_error(i == 1   ? "item-not-found"
			     : i == 2 ? "feature-not-implemented"
				      : "service-unavailable");
	}
	ck_assert_uint_eq(service_user_find(s, alice)->devicec, 1);
	ck_assert(service_device_online(s, "alice@xmpp.test/a"));

	/* where nobody can be asked it has gone, as its presence says */
	arrives("alice@xmpp.test/c");
	is_refusing = true;
	presence("unavailable", "alice@xmpp.test/c", contact, "");
	is_refusing = false;
	ck_assert(!service_device_online(s, "alice@xmpp.test/c"));
	/* an earlier connection's word is none, and not pushed neither */
	arrives("alice@xmpp.test/d");
	ck_assert_int_eq(service_grant(s, "xmpp.test", 0), 0);
	presence("unavailable", "alice@xmpp.test/d", contact, "");
	ck_assert(!service_device_online(s, "alice@xmpp.test/d"));
}
END_TEST

/* X0157, and a ver for it that is made once. */
START_TEST(addresses)
{
	static char text[] = "mailto:a@xmpp.test";
	static char *admins[] = {text};
	char bare[SERVICE_VER_SIZE];

	str_ncpy(bare, service_ver(TARGET_GATEWAY), sizeof(bare));
	ck_assert_str_eq(service_own_ver(s, TARGET_GATEWAY), bare);
	conf.admins = admins;
	conf.adminc = 1;
	ck_assert_str_ne(service_own_ver(s, TARGET_GATEWAY), bare);
	ck_assert_str_ne(service_own_ver(s, TARGET_GATEWAY), "");
	ck_assert_ptr_eq(service_own_ver(s, TARGET_GATEWAY), s->ver);
	ck_assert_str_eq(service_own_ver(s, TARGET_PHONE),
			 service_ver(TARGET_PHONE));
	*s->ver = '\0';
	conf.adminc = 0;
	conf.sms = true;
	ck_assert_str_ne(service_own_ver(s, TARGET_GATEWAY), bare);
	conf.sms = false;
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("service");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, subscribe);
	tcase_add_test(tc, subscribe_back_once);
	tcase_add_test(tc, goodbye);
	tcase_add_test(tc, remembered);
	tcase_add_test(tc, unsubscribe);
	tcase_add_test(tc, probe);
	tcase_add_test(tc, room_refused);
	tcase_add_test(tc, device_known);
	tcase_add_test(tc, device_priorities);
	tcase_add_test(tc, caps_poisoning);
	tcase_add_test(tc, caps_other_hash);
	tcase_add_test(tc, caps_no_answer);
	tcase_add_test(tc, bounds);
	tcase_add_test(tc, strangers_ignored);
	tcase_add_test(tc, reconnect);
	tcase_add_test(tc, reconnect_rate);
	tcase_add_test(tc, told_by_type);
	tcase_add_test(tc, shown);
	tcase_add_test(tc, pushed);
	tcase_add_test(tc, verified);
	tcase_add_test(tc, addresses);
	tcase_add_test(tc, memory_refused);

	return suite_run("xmpp_presence", tc);
}
