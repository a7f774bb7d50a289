/* bridge_pidf.c: presence documents, in and out (protocol C.3). */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "bridge/pidf.h"
#include "bridge/show.h"
#include "jinglehelp.h"
#include "suite.h"

#define PIDF(x)                                                               \
	"<presence xmlns='urn:ietf:params:xml:ns:pidf' "                      \
	"xmlns:dm='urn:ietf:params:xml:ns:pidf:data-model' "                  \
	"xmlns:r='urn:ietf:params:xml:ns:pidf:rpid' "                         \
	"entity='pres:a@b'>" x "</presence>"
#define TUPLE(status, rest)                                                   \
	"<tuple id='x'><status><basic>" status "</basic></status>" rest       \
	"</tuple>"

static struct pidf_status read_doc(const char *text)
{
	struct pidf_status st;

	ck_assert_int_eq(pidf_decode(&st, text, strlen(text)), 0);
	return st;
}

static void is_bad(const char *text, size_t len)
{
	struct pidf_status st;

	ck_assert_int_eq(pidf_decode(&st, text, len), EBADMSG);
	ck_assert_ptr_null(st.text);
}

/* Next row of two words; false at the end. */
static bool next_row(FILE *f, char a[64], char b[64])
{
	char line[256];

	while (fgets(line, sizeof(line), f)) {
		if (line[0] != '#' && sscanf(line, "%63s %63s", a, b) == 2)
			return true;
	}
	return false;
}

static FILE *open_data(const char *name)
{
	FILE *f = fopen(name, "r");

	ck_assert_msg(f != NULL, "%s is missing", name);
	return f;
}

START_TEST(activities_by_table)
{
	FILE *f = open_data("tests/data/rpid_show.txt");
	char name[64], show[64], doc[1024];
	unsigned rows = 0;

	while (next_row(f, name, show)) {
		const char *want = strcmp(show, "-") ? show : "";
		struct pidf_status st;

		(void)snprintf(doc, sizeof(doc),
			       PIDF(TUPLE("open", "") "<dm:person id='p'>"
						      "<r:activities><r:%s/>"
						      "</r:activities>"
						      "</dm:person>"),
			       name);
		st = read_doc(doc);
		ck_assert_str_eq(pidf_show_name(st.show), want);
		ck_assert_int_eq(st.phone, !strcmp(name, "on-the-phone"));
		pidf_status_clear(&st);
		rows++;
	}
	(void)fclose(f);
	ck_assert_uint_eq(rows, 27);
}
END_TEST

START_TEST(priority_by_table)
{
	FILE *f = open_data("tests/data/pidf_priority.txt");
	char p[64], q[64];

	while (next_row(f, p, q)) {
		int n = atoi(p);

		if (!strcmp(q, "none"))
			continue;
		ck_assert_uint_eq(pidf_q(n), (unsigned)atoi(q));
		ck_assert_int_eq(pidf_priority(pidf_q(n)), n);
	}
	(void)fclose(f);
	ck_assert_int_eq(pidf_priority(5000), 127);
}
END_TEST

START_TEST(best_tuple)
{
	struct pidf_status st = read_doc(PIDF(
	    TUPLE("closed", "<contact priority='1.0'>sip:x</contact>")
		TUPLE("open", "<contact priority='0.3'>sip:a</contact>"
			      "<note xml:lang='de'>Tisch</note>")
		    TUPLE("open", "<contact priority='0.25'>sip:b</contact>"
				  "<note>pocket</note>")));

	ck_assert(st.open);
	ck_assert_int_eq(st.priority, 38);
	ck_assert_str_eq(st.text, "Tisch");
	ck_assert_str_eq(st.lang, "de");
	pidf_status_clear(&st);

	st = read_doc(PIDF(TUPLE("closed", "") TUPLE("closed", "")));
	ck_assert(!st.open);
	st = read_doc(PIDF(""));
	ck_assert(!st.open);
	st = read_doc(PIDF("<tuple id='x'><status/></tuple>"));
	ck_assert(!st.open);
	st = read_doc(PIDF(TUPLE("OPEN", "")));
	ck_assert(!st.open);
}
END_TEST

START_TEST(show_beats_rpid)
{
	struct pidf_status st = read_doc(
	    PIDF("<tuple id='x'><status><basic>open</basic>"
		 "<show xmlns='jabber:client'>chat</show></status></tuple>"
		 "<dm:person id='p'><r:activities><r:busy/></r:activities>"
		 "</dm:person>"));

	ck_assert_int_eq(st.show, PIDF_SHOW_CHAT);
	/* of several activities the least reachable */
	st = read_doc(PIDF(TUPLE("open", "<r:activities><r:away/><r:meeting/>"
					 "<r:vacation/></r:activities>")));
	ck_assert_int_eq(st.show, PIDF_SHOW_DND);
	st = read_doc(
	    PIDF("<tuple id='x'><status><basic>open</basic>"
		 "<show xmlns='jabber:client'>nonsense</show></status>"
		 "</tuple>"));
	ck_assert_int_eq(st.show, PIDF_SHOW_NONE);
}
END_TEST

START_TEST(notes)
{
	struct pidf_status st = read_doc(
	    PIDF(TUPLE("open", "") "<note>of all</note>"
				   "<dm:person id='p'><dm:note>of the person"
				   "</dm:note></dm:person>"));

	ck_assert_str_eq(st.text, "of the person");
	pidf_status_clear(&st);
	st = read_doc(PIDF(TUPLE("open", "") "<note>of &lt;all&gt;</note>"));
	ck_assert_str_eq(st.text, "of <all>");
	pidf_status_clear(&st);
	st = read_doc(
	    PIDF(TUPLE("open", "<note xml:lang='no such!'> </note>")));
	ck_assert_ptr_null(st.text);
	ck_assert_ptr_null(st.lang);
	st = read_doc(
	    PIDF(TUPLE("open", "<note xml:lang='a_b'>line&#10;two</note>")));
	ck_assert_str_eq(st.text, "line two");
	ck_assert_ptr_null(st.lang);
	pidf_status_clear(&st);
}
END_TEST

START_TEST(what_stands_around)
{
	struct pidf_status st =
	    read_doc("\xef\xbb\xbf <?xml version=\"1.0\"?>\n<!-- < & -->" PIDF(
		TUPLE("<!-- -- >- -->op<![CDATA[en]]>", "")) "<!-- x -->\n");

	ck_assert(st.open);
}
END_TEST

START_TEST(malformed)
{
	static const char *const docs[] = {
	    "",
	    " ",
	    "<?xml",
	    "<?xml version='1.0'?>",
	    "x",
	    "<!-- ",
	    "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>",
	    "<presence/>",
	    "<presence xmlns='urn:ietf:params:xml:ns:pidf'>",
	    "<x xmlns='urn:ietf:params:xml:ns:pidf'/>",
	    "<![CDATA[x",
	    "</d>",
	    "<?pi x?><a/>",
	    PIDF("\xff"),
	};
	char deep[4096] = "";

	for (size_t i = 0; i < sizeof(docs) / sizeof(docs[0]); i++)
		is_bad(docs[i], strlen(docs[i]));
	is_bad("\0\0", 2);
	for (unsigned i = 0; i < 100; i++)
		strcat(deep, "<a>");
	is_bad(deep, strlen(deep));
}
END_TEST

static char *print_doc(const struct pidf_document *doc)
{
	struct mbuf *mb = mbuf_alloc(64);
	char *text = NULL;

	ck_assert_int_eq(pidf_encode(mb, doc), 0);
	mb->pos = 0;
	ck_assert_int_eq(mbuf_strdup(mb, &text, mb->end), 0);
	mem_deref(mb);
	return text;
}

static void has(const char *text, const char *part)
{
	ck_assert_msg(strstr(text, part) != NULL, "%s lacks %s", text, part);
}

START_TEST(printed)
{
	char words[] = "a < b & 'c'", lang[] = "en";
	const struct pidf_status desk = {
	    .open = true,
	    .show = PIDF_SHOW_XA,
	    .priority = 5,
	    .text = words,
	    .lang = lang,
	};
	const struct pidf_status bot = {.open = true, .priority = -1};
	const struct pidf_status off = {.show = PIDF_SHOW_DND};
	const struct pidf_tuple tuples[] = {
	    {"one", &desk}, {"two", &bot}, {"three", &off}};
	struct pidf_document doc = {"alice@xmpp.test", tuples, 3, true};
	struct pidf_status st;
	char *text = print_doc(&doc);

	has(text, "<?xml version='1.0' encoding='UTF-8'?>");
	has(text, "entity='pres:alice@xmpp.test'");
	has(text, "<tuple id='ID-one'><status><basic>open</basic>"
		  "<show xmlns='jabber:client'>xa</show></status>"
		  "<contact priority='0.039'>sip:alice@xmpp.test</contact>"
		  "<note xml:lang='en'>a &lt; b &amp; ");
	has(text, "<contact>sip:alice@xmpp.test</contact>");
	has(text, "<tuple id='ID-three'><status><basic>closed</basic>"
		  "</status></tuple>");
	has(text, "<person xmlns='urn:ietf:params:xml:ns:pidf:data-model' ");
	has(text, "<activities xmlns='urn:ietf:params:xml:ns:pidf:rpid'>"
		  "<on-the-phone/><away/></activities>");
	st = read_doc(text);
	ck_assert(st.open && st.phone);
	ck_assert_int_eq(st.show, PIDF_SHOW_XA);
	ck_assert_int_eq(st.priority, 5);
	ck_assert_str_eq(st.text, words);
	ck_assert_str_eq(st.lang, "en");
	pidf_status_clear(&st);
	mem_deref(text);

	doc.tuplec = 0;
	doc.phone = false;
	text = print_doc(&doc);
	has(text, "<basic>closed</basic>");
	ck_assert_ptr_null(strstr(text, "person"));
	mem_deref(text);
}
END_TEST

/* Cuts what begins so, up to the quote that ends it. */
static void cut_all(char *s, const char *what, const char *instead)
{
	const size_t n = strlen(instead);
	char *p = s, *end;

	while ((p = strstr(p, what))) {
		end = strchr(p + strlen(what), '\'');
		ck_assert_ptr_nonnull(end);
		memmove(p + n, end + 1, strlen(end + 1) + 1);
		memcpy(p, instead, n);
		p += n;
	}
}

static void shown(const char *xml, bool phone, const char *want)
{
	struct list resources = LIST_INIT;
	const struct show show = {.user = "alice@xmpp.test",
				  .entity = "alice@example.com",
				  .resources = &resources,
				  .phone = phone};
	struct mbuf *mb = mbuf_alloc(512);
	struct stanza *st = help_parse(xml, strlen(xml));
	char *text, *from, *to;

	ck_assert_msg(st != NULL, "%s", xml);
	show_set(&resources, "desk", st, !stanza_attr(st, "type"));
	ck_assert_int_eq(show_encode(mb, &show), 0);
	(void)mbuf_write_u8(mb, 0);
	text = (char *)mb->buf;
	has(text, " entity='pres:alice@example.com'>");
	cut_all(text, " xmlns='", "");
	cut_all(text, " id='ID-", " id='ID'");
	from = strstr(text, "<tuple");
	to = strstr(text, "</presence>");
	ck_assert(from && to);
	*to = '\0';
	ck_assert_msg(!strcmp(from, want), "%s: %s", xml, from);
	stanza_free(st);
	list_flush(&resources);
	mem_deref(mb);
}

START_TEST(shown_by_table)
{
	FILE *f = fopen("tests/data/show_pidf.txt", "r");
	static const char call[] = "call:";
	unsigned rows = 0;
	char line[1024];

	ck_assert_ptr_nonnull(f);
	while (fgets(line, sizeof(line), f)) {
		char *bar = strstr(line, " | ");
		const bool phone = !strncmp(line, call, sizeof(call) - 1);

		if (*line == '#' || !bar)
			continue;
		*bar = '\0';
		line[strcspn(bar + 3, "\n") + (size_t)(bar + 3 - line)] = '\0';
		shown(line + (phone ? sizeof(call) - 1 : 0), phone, bar + 3);
		rows++;
	}
	(void)fclose(f);
	ck_assert_uint_ge(rows, 17);
}
END_TEST

START_TEST(status_equal)
{
	char a[] = "a", b[] = "b";
	struct pidf_status x = {.open = true, .text = a}, y = x;

	ck_assert(pidf_status_equal(&x, &y));
	y.text = b;
	ck_assert(!pidf_status_equal(&x, &y));
	y.text = NULL;
	ck_assert(!pidf_status_equal(&x, &y));
	y = x;
	y.show = PIDF_SHOW_AWAY;
	ck_assert(!pidf_status_equal(&x, &y));
	y = x;
	y.priority = 1;
	ck_assert(!pidf_status_equal(&x, &y));
	y = x;
	y.open = false;
	ck_assert(!pidf_status_equal(&x, &y));
	y = x;
	y.phone = true;
	ck_assert(!pidf_status_equal(&x, &y));
	y = x;
	y.lang = b;
	ck_assert(!pidf_status_equal(&x, &y));
}
END_TEST

/* ---- dialog-info ---- */

static int feed(struct dialoginfo *di, unsigned version, const char *state,
		const char *dialogs)
{
	char text[2048];

	(void)snprintf(text, sizeof(text),
		       "<dialog-info xmlns='urn:ietf:params:xml:ns:"
		       "dialog-info' version='%u' state='%s' entity='x'>%s"
		       "</dialog-info>",
		       version, state, dialogs);
	return dialoginfo_decode(di, text, strlen(text));
}

#define DIALOG(id, state)                                                     \
	"<dialog id='" id "'><state>" state "</state></dialog>"

START_TEST(calls_of_a_phone)
{
	struct dialoginfo di = {0};

	ck_assert_int_eq(feed(&di, 3, "partial", ""), ENOENT);
	ck_assert_int_eq(feed(&di, 3, "full", DIALOG("a", "early")), 0);
	ck_assert(!dialoginfo_busy(&di));
	ck_assert_int_eq(feed(&di, 4, "partial",
			      DIALOG("a", "confirmed")
				  DIALOG("b", "confirmed")),
			 0);
	ck_assert(dialoginfo_busy(&di));
	ck_assert_int_eq(feed(&di, 5, "partial", DIALOG("a", "terminated")),
			 0);
	ck_assert(dialoginfo_busy(&di));
	ck_assert_int_eq(feed(&di, 7, "partial", ""), ENOENT);
	ck_assert(dialoginfo_busy(&di));
	ck_assert_int_eq(feed(&di, 6, "partial", DIALOG("b", "terminated")),
			 0);
	ck_assert(!dialoginfo_busy(&di));
	ck_assert_int_eq(
	    feed(&di, 9, "full", DIALOG("c", "confirmed") "<dialog id='d'/>"),
	    0);
	ck_assert(dialoginfo_busy(&di));
	ck_assert_int_eq(feed(&di, 10, "full", ""), 0);
	ck_assert(!dialoginfo_busy(&di));
	ck_assert_int_eq(dialoginfo_decode(&di, "<x/>", 4), EBADMSG);
	ck_assert_int_eq(dialoginfo_decode(&di, "x", 1), EBADMSG);
}
END_TEST

START_TEST(more_calls_than_are_kept)
{
	struct dialoginfo di = {0};
	char id[64], all[2048] = "";

	for (unsigned i = 0; i < 2 * DIALOGINFO_MAX; i++) {
		(void)snprintf(id, sizeof(id),
			       "<dialog id='%u'><state>confirmed</state>"
			       "</dialog>",
			       i);
		strcat(all, id);
	}
	ck_assert_int_eq(feed(&di, 0, "full", all), 0);
	ck_assert_uint_eq(di.idc, DIALOGINFO_MAX);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("pidf");

	tcase_add_test(tc, activities_by_table);
	tcase_add_test(tc, priority_by_table);
	tcase_add_test(tc, best_tuple);
	tcase_add_test(tc, show_beats_rpid);
	tcase_add_test(tc, notes);
	tcase_add_test(tc, what_stands_around);
	tcase_add_test(tc, malformed);
	tcase_add_test(tc, printed);
	tcase_add_test(tc, shown_by_table);
	tcase_add_test(tc, status_equal);
	tcase_add_test(tc, calls_of_a_phone);
	tcase_add_test(tc, more_calls_than_are_kept);

	return suite_run("bridge_pidf", tc);
}
