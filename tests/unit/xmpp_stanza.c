/* xmpp_stanza.c: building, reading and printing stanzas. */
#include <stdlib.h>
#include <string.h>

#include "base/compat.h"
#include "xmpp/stanza.h"
#include "suite.h"

static void prints(const struct stanza *e, const char *expected)
{
	char *s = NULL;

	ck_assert(stanza_ok(e));
	ck_assert_int_eq(0, re_sdprintf(&s, "%H", stanza_print, e));
	ck_assert_str_eq(expected, s);
	mem_deref(s);
}

static struct stanza *request(void)
{
	struct stanza *iq = stanza_new("iq", NS_COMPONENT);
	struct stanza *q;

	stanza_attr_set(iq, "type", "get");
	stanza_attr_set(iq, "id", "1");
	stanza_attr_set(iq, "from", "a@b/c");
	stanza_attr_set(iq, "to", "gw");
	q = stanza_add(iq, "query", "urn:q");
	stanza_attr_setf(q, "node", "%s#%d", "n", 7);
	stanza_text_add(stanza_add(q, "x", NULL), "t");
	stanza_add(q, "y", "urn:y");

	return iq;
}

START_TEST(test_print)
{
	struct stanza *iq = request();

	prints(iq, "<iq type='get' id='1' from='a@b/c' to='gw'>"
		   "<query xmlns='urn:q' node='n#7'><x>t</x>"
		   "<y xmlns='urn:y'/></query></iq>");
	stanza_free(iq);

	/* forwarded stanzas are the client's; back in ours it says so */
	iq = stanza_new("message", "jabber:client");
	stanza_add(iq, "a", NS_COMPONENT);
	stanza_add(iq, "b", "");
	prints(iq, "<message xmlns='jabber:client'>"
		   "<a xmlns='jabber:component:accept'/><b xmlns=''/>"
		   "</message>");
	stanza_free(iq);
}
END_TEST

START_TEST(test_escape)
{
	struct stanza *m = stanza_new("message", NS_COMPONENT);

	stanza_attr_set(m, "to", "'\"<>&\n");
	stanza_text_add(m, "</message>&\x01\xff\r");
	prints(m, "<message to='&apos;&quot;&lt;&gt;&amp;&#10;'>"
		  "&lt;/message&gt;&amp;\xef\xbf\xbd\xef\xbf\xbd&#13;"
		  "</message>");
	stanza_free(m);
}
END_TEST

START_TEST(test_attr)
{
	struct stanza *e = stanza_new("e", "n");

	ck_assert_ptr_null(stanza_attr(e, "a"));
	ck_assert_int_eq(0, stanza_attr_set(e, "a", "1"));
	ck_assert_int_eq(0, stanza_attr_set(e, "b", "2"));
	ck_assert_int_eq(0, stanza_attr_set(e, "a", "3"));
	ck_assert_str_eq("3", stanza_attr(e, "a"));
	ck_assert_int_eq(0, stanza_attr_set(e, "a", NULL));
	ck_assert_ptr_null(stanza_attr(e, "a"));
	ck_assert_str_eq("2", stanza_attr(e, "b"));
	ck_assert_int_ne(0, stanza_attr_set(e, "xmlns", "evil"));
	ck_assert_int_ne(0, stanza_attr_set(NULL, "a", "1"));
	stanza_free(e);
}
END_TEST

START_TEST(test_find)
{
	struct stanza *iq = request(), *q, *x;

	q = stanza_child(iq, NULL, "urn:q");
	ck_assert(stanza_is(q, "query", "urn:q"));
	ck_assert_ptr_eq(q, stanza_child(iq, "query", NULL));
	ck_assert_ptr_null(stanza_child(iq, "query", NS_COMPONENT));
	ck_assert_ptr_null(stanza_next(q, NULL, NULL));
	x = stanza_child(q, NULL, NULL);
	ck_assert(stanza_is(x, "x", "urn:q"));
	ck_assert(stanza_is(stanza_next(x, NULL, NULL), "y", "urn:y"));
	ck_assert_ptr_null(stanza_child(NULL, NULL, NULL));
	ck_assert_ptr_null(stanza_next(NULL, NULL, NULL));
	ck_assert(!stanza_is(NULL, NULL, NULL));
	stanza_free(iq);
}
END_TEST

START_TEST(test_text)
{
	struct stanza *e = stanza_new("e", "n");
	char *t = NULL;

	ck_assert_int_eq(0, stanza_text(&t, e));
	ck_assert_str_eq("", t);
	mem_deref(t);

	stanza_text_add(e, " \n a ");
	stanza_text_add(stanza_add(e, "x", NULL), "no");
	stanza_textn_add(e, "bcdef", 2);
	stanza_text_add(e, "\t");
	ck_assert_int_eq(0, stanza_text(&t, e));
	ck_assert_str_eq("a bc", t);
	mem_deref(t);
	stanza_free(e);
}
END_TEST

START_TEST(test_null_parents)
{
	struct stanza *e = stanza_add(NULL, "a", "b");

	ck_assert_ptr_null(e);
	ck_assert_ptr_null(stanza_text_add(e, "x"));
	ck_assert(!stanza_ok(e));
	ck_assert_ptr_null(stanza_result(NULL));
	ck_assert_ptr_null(stanza_copy(NULL, NULL));
	stanza_free(NULL);
}
END_TEST

START_TEST(test_copy)
{
	struct stanza *iq = request(), *c = stanza_copy(NULL, iq), *w;
	char *a = NULL;

	ck_assert_int_eq(0, re_sdprintf(&a, "%H", stanza_print, iq));
	stanza_free(iq);
	prints(c, a);
	mem_deref(a);

	/* a part of it into another tree */
	w = stanza_new("w", "urn:q");
	stanza_copy(w, stanza_child(c, "query", NULL));
	stanza_copy(w, stanza_child(c, "query", NULL));
	stanza_free(c);
	prints(w, "<w xmlns='urn:q'>"
		  "<query node='n#7'><x>t</x><y xmlns='urn:y'/></query>"
		  "<query node='n#7'><x>t</x><y xmlns='urn:y'/></query>"
		  "</w>");
	stanza_free(w);
}
END_TEST

START_TEST(test_deep)
{
	struct stanza *root = stanza_new("a", "n"), *e = root, *c;
	char *s = NULL;
	int i;

	for (i = 0; i < 200000; i++)
		e = stanza_add(e, "a", NULL);

	c = stanza_copy(NULL, root);
	ck_assert(stanza_ok(c));
	ck_assert_int_eq(0, re_sdprintf(&s, "%H", stanza_print, c));
	ck_assert_uint_eq(200000 * 7 + 4 + 10, strlen(s));
	mem_deref(s);
	stanza_free(c);
	stanza_free(root);
}
END_TEST

START_TEST(test_reply)
{
	struct stanza *iq = request(), *r;

	r = stanza_result(iq);
	prints(r, "<iq type='result' id='1' from='gw' to='a@b/c'/>");
	stanza_free(r);

	r = stanza_error(iq, COND_CONFLICT, "tie-break",
			 "urn:xmpp:jingle:errors:1", "no & no");
	prints(r,
	       "<iq type='error' id='1' from='gw' to='a@b/c'>"
	       "<error type='cancel'>"
	       "<conflict xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>"
	       "<text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>no &amp; no"
	       "</text><tie-break xmlns='urn:xmpp:jingle:errors:1'/>"
	       "</error></iq>");
	ck_assert_int_eq(COND_CONFLICT, stanza_error_cond(r));
	stanza_free(r);

	ck_assert_int_eq(COND_NONE, stanza_error_cond(iq));
	stanza_add(iq, "error", NULL);
	ck_assert_int_eq(COND_UNDEFINED_CONDITION, stanza_error_cond(iq));
	stanza_free(iq);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("stanza");

	tcase_add_test(tc, test_print);
	tcase_add_test(tc, test_escape);
	tcase_add_test(tc, test_attr);
	tcase_add_test(tc, test_find);
	tcase_add_test(tc, test_text);
	tcase_add_test(tc, test_null_parents);
	tcase_add_test(tc, test_copy);
	tcase_add_test(tc, test_deep);
	tcase_add_test(tc, test_reply);

	return suite_run("xmpp_stanza", tc);
}
