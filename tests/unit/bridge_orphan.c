/* bridge_orphan.c: notes of calls whose process has died. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "base/compat.h"
#include "base/journal.h"
#include "bridge/callpriv.h"
#include "bridge/orphan.h"
#include "suite.h"

static int decode(struct orphan **op, const char *text, size_t len)
{
	return orphan_decode(op, (const uint8_t *)text, len);
}

START_TEST(notes)
{
	static const char text[] = "name=7f3a\ntrunk=pbx\nx.peer=a@b/c\n"
				   "x.peer=a@b/d\ns.to=\"A = B\" <sip:a>\n"
				   "empty=\n";
	struct orphan *o;

	ck_assert_int_eq(decode(&o, text, sizeof(text) - 1), 0);
	ck_assert_str_eq(orphan_get("name", 0, o), "7f3a");
	ck_assert_str_eq(orphan_get("x.peer", 1, o), "a@b/d");
	ck_assert_str_eq(orphan_get("s.to", 0, o), "\"A = B\" <sip:a>");
	ck_assert_str_eq(orphan_get("empty", 0, o), "");
	ck_assert_ptr_null(orphan_get("x.peer", 2, o));
	ck_assert_ptr_null(orphan_get("peer", 0, o));
	mem_deref(o);
}
END_TEST

START_TEST(hostile)
{
	static const char *const bad[] = {
	    "",
	    "trunk=pbx\n", /* no name */
	    "name=x",	   /* no end */
	    "name\n",
	    "=x\nname=y\n",
	    "name=x\rVia: y\n",
	    "name=x\x01\n",
	    "name=\xff\xfe\n",
	    "name=x\n\n",
	    "name=x\nthiskeyisfartoolong=y\n",
	};
	static const char nul[] = "name=x\n\0more=y\n";
	char big[JOURNAL_RECORD + 10], many[1024] = "";
	struct orphan *o;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		ck_assert_int_eq(decode(&o, bad[i], strlen(bad[i])), EBADMSG);
	ck_assert_int_eq(decode(&o, nul, sizeof(nul) - 1), EBADMSG);
	memset(big, 'x', sizeof(big));
	memcpy(big, "name=", 5);
	big[sizeof(big) - 1] = '\n';
	ck_assert_int_eq(decode(&o, big, sizeof(big)), EBADMSG);
	for (int i = 0; i < 65; i++)
		strcat(many, "name=x\n");
	ck_assert_int_eq(decode(&o, many, strlen(many)), EBADMSG);
}
END_TEST

/* ---- what is noted of a call ---- */

static const char *from_peer; /* what the SIP side says */
static size_t routes;
static struct orphan *found;

static void sip_farewell(const struct leg *leg, leg_note_h *h, void *arg)
{
	char route[256];

	(void)leg;
	memset(route, 'r', sizeof(route));
	route[sizeof(route) - 1] = '\0';
	h("callid", "abc", arg);
	h("to", from_peer, arg);
	for (size_t i = 0; i < routes; i++)
		h("route", route, arg);
}

static void xmpp_farewell(const struct leg *leg, leg_note_h *h, void *arg)
{
	(void)leg;
	h("sid", "s1", arg);
}

static void found_h(const uint8_t *p, size_t len, uint64_t alive, void *arg)
{
	(void)alive;
	(void)arg;
	ck_assert_int_eq(orphan_decode(&found, p, len), 0);
}

/* As the next process would read it. */
static void note_and_read(void)
{
	static const struct leg_ops x = {.farewell = xmpp_farewell};
	static const struct leg_ops s = {.farewell = sip_farewell};
	static char name[] = "pbx", jid[] = "alice@x.test";
	const struct config_trunk trunk = {.name = name};
	struct leg xleg = {.ops = &x}, sleg = {.ops = &s};
	struct call call;
	char path[64];

	memset(&call, 0, sizeof(call));
	call.slot = JOURNAL_NONE;
	call.trunk = &trunk;
	call.xp.jid = jid;
	call.x = &xleg;
	call.s = &sleg;
	str_ncpy(call.name, "7f3a", sizeof(call.name));
	ck_assert_int_eq(libre_init(), 0);
	(void)snprintf(path, sizeof(path), "/tmp/orphan-test-%d",
		       (int)getpid());
	ck_assert_int_eq(orphans_open(path, 64, NULL, NULL), 0);
	orphan_note(&call);
	ck_assert_int_eq(journal_read(path, found_h, NULL), 0);
	orphan_forget(&call);
	orphans_close();
	ck_assert_int_ne(access(path, F_OK), 0);
	ck_assert_ptr_nonnull(found);
	ck_assert_str_eq(orphan_get("name", 0, found), "7f3a");
	ck_assert_str_eq(orphan_get("user", 0, found), "alice@x.test");
	ck_assert_str_eq(orphan_get("x.sid", 0, found), "s1");
}

/* What a peer says does not hide the call from who looks after a crash. */
START_TEST(peers_words)
{
	static const char *const odd[] = {"\"a\tb\" <sip:a@b>;tag=1",
					  "\"\xff\" <sip:a@b>;tag=1",
					  "\"\x7f\" <sip:a@b>;tag=1", ""};

	from_peer = odd[_i];
	note_and_read();
	ck_assert_str_eq(orphan_get("s.callid", 0, found), "abc");
	if (*from_peer)
		ck_assert_ptr_null(orphan_get("s.to", 0, found));
	mem_deref(found);
}
END_TEST

START_TEST(peers_many_words)
{
	from_peer = "<sip:a@b>;tag=1";
	routes = 16;
	note_and_read();
	ck_assert_ptr_null(orphan_get("s.callid", 0, found));
	mem_deref(found);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("orphan");

	tcase_add_test(t, notes);
	tcase_add_test(t, hostile);
	tcase_add_loop_test(t, peers_words, 0, 4);
	tcase_add_test(t, peers_many_words);

	return suite_run("orphan", t);
}
