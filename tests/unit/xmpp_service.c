/* xmpp_service.c: disco, caps vectors, vCard, prompt and the small queries. */
#include "tests/unit/service_fake.h"

static const char *query(const char *to, const char *child)
{
	char text[1024];

	(void)re_snprintf(text, sizeof(text),
			  "<iq type='get' id='q1' from='alice@xmpp.test/a' "
			  "to='%s'>%s</iq>",
			  to, child);
	if (!receive(text))
		return NULL;
	ck_assert_uint_eq(sentc, 1);
	return sent[0];
}

/* ---- disco and caps ---- */

START_TEST(caps_vector)
{
	/* G.2 */
	ck_assert_str_eq(service_caps_ver(), "5GAK1803ghyaYflWanPbNfPKwoA=");
}
END_TEST

static void ver_is(const char *query_text, const char *want)
{
	struct stanza *q = parse(query_text);
	char ver[SERVICE_VER_SIZE] = "";
	int err = service_ver_make(ver, q);

	ck_assert_int_eq(err, want ? 0 : EBADMSG);
	if (want)
		ck_assert_str_eq(ver, want);
	stanza_free(q);
}

START_TEST(ver_vectors)
{
	/* X0115 5.2 */
	ver_is(QUERY("<identity category='client' type='pc' "
		     "name='Exodus 0.9.1'/>" PHONE_FEATURE(NS_CAPS)
			 PHONE_FEATURE(NS_MUC) PHONE_FEATURE(NS_DISCO_INFO)
			     PHONE_FEATURE(NS_DISCO_ITEMS)),
	       "QgayPKawpkPSDYmwT/WM94uAlu0=");
	/* X0115 5.3 */
	ver_is(
	    QUERY("<identity xml:lang='en' category='client' "
		  "name='Psi 0.11' type='pc'/><identity xml:lang='el' "
		  "category='client' name='\xce\xa8 0.11' "
		  "type='pc'/>" PHONE_FEATURE(NS_CAPS) PHONE_FEATURE(
		      NS_DISCO_INFO) PHONE_FEATURE(NS_DISCO_ITEMS)
		      PHONE_FEATURE(
			  NS_MUC) "<x xmlns='jabber:x:data' type='result'>"
				  "<field var='FORM_TYPE' type='hidden'>"
				  "<value>urn:xmpp:dataforms:softwareinfo</"
				  "value></field>"
				  "<field var='ip_version'><value>ipv4</value>"
				  "<value>ipv6</value></field><field var='os'>"
				  "<value>Mac</value></field><field "
				  "var='os_version'>"
				  "<value>10.5.1</value></field><field "
				  "var='software'>"
				  "<value>Psi</value></field>"
				  "<field "
				  "var='software_version'><value>0.11</value>"
				  "</field></x>"),
	    "q07IKJEyjvHSyhy//CH0CxmKi8w=");
	/* 5.4: ill-formed */
	ver_is(QUERY(PHONE_FEATURE("a") PHONE_FEATURE("a")), NULL);
	ver_is(QUERY("<feature/>"), NULL);
	ver_is(QUERY(PHONE_FEATURE("a&lt;b")), NULL);
	ver_is(QUERY("<identity category='a&lt;'/>"), NULL);
}
END_TEST

START_TEST(info_phone)
{
	const char *r = query("600@sip.xmpp.test/sip",
			      "<query xmlns='" NS_DISCO_INFO "'/>");

	has(r, "from='600@sip.xmpp.test/sip'");
	has(r, "to='alice@xmpp.test/a'");
	has(r, "type='result'");
	has(r, "<identity category='client' type='phone' name='SIP'/>");
	has(r, "'urn:xmpp:jingle:apps:rtp:audio'");
	ck_assert_ptr_null(strstr(r, "rtp:video"));
	r = query("600@sip.xmpp.test/sip",
		  "<query xmlns='" NS_DISCO_INFO "' node='https://"
		  "stoxd.example#5GAK1803ghyaYflWanPbNfPKwoA='/>");
	has(r, "node='https://stoxd.example#5GAK");
	has(query("600@sip.xmpp.test/sip",
		  "<query xmlns='" NS_DISCO_INFO "' node='x'/>"),
	    "<item-not-found");
	has(query("nobody@sip.xmpp.test/sip",
		  "<query xmlns='" NS_DISCO_INFO "'/>"),
	    "<item-not-found");
	has(query("600@sip.xmpp.test/desk",
		  "<query xmlns='" NS_DISCO_INFO "'/>"),
	    "<service-unavailable");
}
END_TEST

START_TEST(info_others)
{
	const char *r;
	char node[256];

	r = query("600@sip.xmpp.test", "<query xmlns='" NS_DISCO_INFO "'/>");
	has(r, "category='account' type='registered'");
	has(r, "var='vcard-temp'");
	ck_assert_ptr_null(strstr(r, "jingle"));
	r = query("sip.xmpp.test", "<query xmlns='" NS_DISCO_INFO "'/>");
	has(r, "category='gateway' type='simple'");
	has(r, "type='pstn'");
	has(r, "var='jid\\20escaping'");
	has(r, "var='jabber:iq:register'");
	(void)re_snprintf(node, sizeof(node),
			  "<query xmlns='" NS_DISCO_INFO "' node='%s#%s'/>",
			  service_caps_node, service_ver(TARGET_GATEWAY));
	has(query("sip.xmpp.test", node), "type='simple'");
	r = query("sip.xmpp.test", "<query xmlns='" NS_DISCO_ITEMS "'/>");
	has(r, "type='result'");
	ck_assert_ptr_null(strstr(r, "<item"));
}
END_TEST

/* Each line of the table, and nothing that is in no line. */
START_TEST(info_whole)
{
	static const struct {
		const char *name, *address;
	} v[] = {{"gateway", "sip.xmpp.test"},
		 {"contact", "600@sip.xmpp.test"},
		 {"phone", "600@sip.xmpp.test/sip"}};
	char line[256], want[512];

	for (size_t i = 0; i < SERVICE_COUNT(v); i++) {
		const char *r =
		    query(v[i].address, "<query xmlns='" NS_DISCO_INFO "'/>");
		FILE *f = fopen("tests/data/disco.txt", "r");
		unsigned n = 0;

		ck_assert_ptr_nonnull(f);
		while (fgets(line, sizeof(line), f)) {
			char target[16], what[16], a[128], type[32];
			int at = 0;

			line[strcspn(line, "\n")] = '\0';
			if (sscanf(line, "%15s %15s %127s %31s%n", target,
				   what, a, type, &at) < 3 ||
			    strcmp(target, v[i].name))
				continue;
			if (!strcmp(what, "feature"))
				(void)snprintf(want, sizeof(want),
					       "<feature var='%s'/>", a);
			else
				(void)snprintf(
				    want, sizeof(want),
				    "<identity category='%s' type='%s'%s%s%s>",
				    a, type, line[at] ? " name='" : "",
				    line[at] ? line + at + 1 : "",
				    line[at] ? "'/" : "/");
			has(r, want);
			n++;
		}
		(void)fclose(f);
		for (; (r = strstr(r, " var='")) != NULL; r++)
			n--;
		r = query(v[i].address, "<query xmlns='" NS_DISCO_INFO "'/>");
		for (; (r = strstr(r, "<identity")) != NULL; r++)
			n--;
		ck_assert_uint_eq(n, 0);
	}
}
END_TEST

/* ---- small queries ---- */

START_TEST(small_queries)
{
	const char *r;

	has(query("sip.xmpp.test", "<ping xmlns='urn:xmpp:ping'/>"),
	    "type='result'");
	has(query("600@sip.xmpp.test/sip", "<ping xmlns='urn:xmpp:ping'/>"),
	    "type='result'");
	has(query("sip.xmpp.test", "<query xmlns='jabber:iq:version'/>"),
	    "<name>stoxd</name>");
	r = query("sip.xmpp.test", "<time xmlns='urn:xmpp:time'/>");
	has(r, "<tzo>+00:00</tzo>");
	has(r, "Z</utc>");
	/* G.2: nobody takes these, so they get service-unavailable */
	ck_assert_ptr_null(
	    query("600@sip.xmpp.test/sip", "<time xmlns='urn:xmpp:time'/>"));
	ck_assert_ptr_null(
	    query("600@sip.xmpp.test/sip", "<query xmlns='jabber:iq:last'/>"));
	ck_assert_ptr_null(
	    query("600@sip.xmpp.test/desk", "<ping xmlns='urn:xmpp:ping'/>"));
}
END_TEST

START_TEST(vcards)
{
	static const char child[] = "<vCard xmlns='vcard-temp'/>";
	const char *r = query("600@sip.xmpp.test", child);

	has(r, "<FN>Echo &amp; Test</FN>");
	has(r, "<NICKNAME>Echo &amp; Test</NICKNAME>");
	has(r, "<TEL><VOICE/><NUMBER>600</NUMBER></TEL>");
	r = query("bob\\40example.net@sip.xmpp.test", child);
	has(r, "<FN>bob@example.net</FN>");
	ck_assert_ptr_null(strstr(r, "<TEL"));
	has(query("nobody@sip.xmpp.test", child), "<item-not-found");
	has(query("sip.xmpp.test", child), "<FN>SIP Gateway</FN>");
}
END_TEST

static const char *prompt(const char *from, const char *child)
{
	char text[1024];

	(void)re_snprintf(text, sizeof(text),
			  "<iq type='set' id='p1' from='%s' "
			  "to='sip.xmpp.test'><query xmlns='jabber:iq:gateway'"
			  ">%s</query></iq>",
			  from, child);
	ck_assert(receive(text));
	ck_assert_uint_eq(sentc, 1);
	return sent[0];
}

START_TEST(prompts)
{
	static const char alice[] = "alice@xmpp.test/a";

	has(query("sip.xmpp.test", "<query xmlns='jabber:iq:gateway'/>"),
	    "<prompt>SIP address or phone number</prompt>");
	has(prompt(alice, "<prompt> 600 </prompt>"),
	    "<jid>600@sip.xmpp.test</jid>");
	has(prompt(alice, "<prompt>bad</prompt>"), "<jid-malformed");
	has(prompt(alice, "<prompt>none</prompt>"), "<item-not-found");
	has(prompt(alice, ""), "<bad-request");
	has(prompt("eve@evil.test/x", "<prompt>600</prompt>"), "<forbidden");
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("service");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, caps_vector);
	tcase_add_test(tc, ver_vectors);
	tcase_add_test(tc, info_phone);
	tcase_add_test(tc, info_others);
	tcase_add_test(tc, info_whole);
	tcase_add_test(tc, small_queries);
	tcase_add_test(tc, vcards);
	tcase_add_test(tc, prompts);

	return suite_run("xmpp_service", tc);
}
