/* bridge_number.c: numbers, read and dialled, and who may dial them. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "bridge/acl.h"
#include "bridge/number.h"
#include "bridge/route.h"
#include "suite.h"

static char printed[4096];

static int keep(const char *p, size_t size, void *arg)
{
	size_t have = strlen(printed);

	(void)arg;
	if (have + size < sizeof(printed)) {
		memcpy(printed + have, p, size);
		printed[have + size] = '\0';
	}

	return 0;
}

static struct re_printf pf = {keep, NULL};

/* ---- tests/data/numbers.txt ---- */

enum { FIELDS = 9 };

struct row {
	char text[512], *field[FIELDS];
	char *shorts[8];
	struct config_numbers rules;
};

static char *none(char *s)
{
	return strcmp(s, "-") ? s : NULL;
}

static bool row_next(struct row *row, FILE *f)
{
	char *at;

	do {
		if (!fgets(row->text, sizeof(row->text), f))
			return false;
	} while (row->text[0] == '#');

	row->text[strcspn(row->text, "\n")] = '\0';
	at = row->text;
	for (unsigned i = 0; i < FIELDS; i++)
		row->field[i] = strsep(&at, " ");
	memset(&row->rules, 0, sizeof(row->rules));
	row->rules.country = none(row->field[1]);
	row->rules.international = none(row->field[2]);
	row->rules.national = none(row->field[3]);
	row->rules.short_digits = 6;

	return true;
}

static void row_reads(struct row *row)
{
	static const char *const kinds[] = {
	    [NUMBER_NAME] = "name",
	    [NUMBER_SHORT] = "short",
	    [NUMBER_LOCAL] = "local",
	    [NUMBER_GLOBAL] = "global",
	};
	char *list = none(row->field[4]);
	struct number n;
	int err;

	row->rules.shorts = row->shorts;
	while (list)
		row->shorts[row->rules.shortc++] = strsep(&list, ",");

	err = number_decode(&n, &row->rules, row->field[5]);
	if (!strcmp(row->field[6], "bad")) {
		ck_assert_msg(err, "%s was taken", row->field[5]);
		return;
	}
	ck_assert_msg(!err, "%s was not taken", row->field[5]);
	ck_assert_msg(!strcmp(kinds[n.kind], row->field[6]),
		      "%s is %s, not %s", row->field[5], kinds[n.kind],
		      row->field[6]);
	ck_assert_str_eq(n.text, none(row->field[7]) ? row->field[7] : "");
}

static void row_dials(struct row *row)
{
	static const char *const words[] = {"unchanged", "e164", "digits",
					    "international", "national"};
	char text[NUMBER_MAX];
	enum config_dial dial = CONFIG_DIAL_UNCHANGED;
	struct number n;

	for (unsigned i = 0; i < 5; i++) {
		if (!strcmp(words[i], row->field[4]))
			dial = (enum config_dial)i;
	}
	ck_assert_int_ne(dial, CONFIG_DIAL_UNCHANGED);
	ck_assert_int_eq(number_decode(&n, &row->rules, row->field[7]), 0);
	ck_assert_int_eq(number_encode(text, &n, &row->rules, dial,
				       none(row->field[5]),
				       none(row->field[6])),
			 0);
	ck_assert_msg(!strcmp(text, row->field[8]), "%s is dialled %s, not %s",
		      row->field[7], text, row->field[8]);
}

START_TEST(rows)
{
	FILE *f = fopen("tests/data/numbers.txt", "r");
	struct row row;
	unsigned n = 0;

	ck_assert_ptr_nonnull(f);
	while (row_next(&row, f)) {
		if (!strcmp(row.field[0], "read"))
			row_reads(&row);
		else
			row_dials(&row);
		++n;
	}
	ck_assert_uint_gt(n, 45);
	(void)fclose(f);
}
END_TEST

/* What does not fit is refused, not cut. */
START_TEST(too_long)
{
	const struct config_numbers rules = {.short_digits = 0};
	char add[NUMBER_MAX], text[NUMBER_MAX];
	struct number n;

	memset(add, '7', sizeof(add));
	add[sizeof(add) - 1] = '\0';
	ck_assert_int_eq(number_decode(&n, &rules, "1234567"), 0);
	ck_assert_int_eq(
	    number_encode(text, &n, &rules, CONFIG_DIAL_E164, NULL, add),
	    EOVERFLOW);
	add[NUMBER_MAX - 8] = '\0';
	ck_assert_int_eq(
	    number_encode(text, &n, &rules, CONFIG_DIAL_E164, NULL, add), 0);
	ck_assert_uint_eq(strlen(text), NUMBER_MAX - 1);
}
END_TEST

/* ---- decisions ---- */

static const char head[] = "[xmpp]\ncomponent = gw.example.com\nsecret = x\n"
			   "domains = example.com, example.org\n"
			   "[sip]\nlisten = udp:127.0.0.1:5060\n";

struct world {
	struct config *conf;
	struct route *route;
};

static void make(struct world *w, const char *text)
{
	char *all = NULL;
	int err;

	printed[0] = '\0';
	memset(w, 0, sizeof(*w));
	ck_assert_int_eq(re_sdprintf(&all, "%s%s", head, text), 0);
	err = config_parse(&w->conf, "/t.conf", all, strlen(all), &pf);
	if (!err)
		err = route_alloc(&w->route, w->conf, &pf);
	ck_assert_msg(!err, "%s", printed);
	mem_deref(all);
}

static void done(struct world *w)
{
	mem_deref(w->route);
	mem_deref(w->conf);
}

static struct route_choice choice;
static char steps[4096];

static void step(const char *text, void *arg)
{
	(void)arg;
	strncat(steps, text, sizeof(steps) - strlen(steps) - 2);
	strcat(steps, "\n");
}

/* NULL: allowed; otherwise why not. */
static const char *ask(const struct world *w, const char *from,
		       const char *number)
{
	static char to[256];
	struct route_ask a = {.from = from, .to = to, .step = step};

	route_choice_clear(&choice);
	steps[0] = '\0';
	(void)snprintf(to, sizeof(to), "%s@gw.example.com", number);

	return route_choose(w->route, &a, &choice) ? choice.why : NULL;
}

static void allows(const struct world *w, const char *from, const char *number,
		   const char *uri)
{
	const char *why = ask(w, from, number);

	ck_assert_msg(!why, "%s: %s", number, why);
	ck_assert_str_eq(choice.to.uri, uri);
}

static void refuses(const struct world *w, const char *from,
		    const char *number, const char *want)
{
	const char *why = ask(w, from, number);

	ck_assert_msg(why != NULL, "%s was allowed", number);
	ck_assert_str_eq(why, want);
	ck_assert(!choice.to.uri && !choice.to.jid && !choice.as);
	ck_assert_ptr_nonnull(strstr(steps, want));
}

START_TEST(formats)
{
	struct world w;

	make(&w, "[trunk pbx]\nuri = sip:10.0.0.1\ncountry = 49\n"
		 "national = 0\ndial = e164\nprivacy_prefix = *31#\n");
	allows(&w, "alice@example.com", "03012345",
	       "sip:+493012345@10.0.0.1;user=phone");
	ck_assert(!choice.privacy && !choice.emergency && !choice.name);
	ck_assert_str_eq(choice.to.jid, "03012345@gw.example.com");
	ck_assert_ptr_nonnull(strstr(steps, "+493012345"));
	allows(&w, "alice@example.com", "*31#03012345",
	       "sip:+493012345@10.0.0.1;user=phone");
	ck_assert(choice.privacy);
	allows(&w, "alice@example.com", "600", "sip:600@10.0.0.1");
	allows(&w, "alice@example.com", "bob", "sip:bob@10.0.0.1");
	refuses(&w, "alice@example.com", "+4930123456789012345",
		"no such number");
	route_choice_clear(&choice);
	done(&w);
}
END_TEST

START_TEST(identity)
{
	struct world w;

	make(&w, "[trunk pbx]\nuri = sip:10.0.0.1\ncaller_id = +49301000\n"
		 "caller_name = Example Ltd\nprivacy = no\n"
		 "[plan a]\nwho = alice@example.com\ncaller_id = +49301001\n"
		 "privacy = yes\n"
		 "[plan b]\nwho = *@example.com, example.org\n"
		 "caller_name = Desk\ncaller_id = desk@else.example\n");
	allows(&w, "alice@example.com", "600", "sip:600@10.0.0.1");
	ck_assert_str_eq(choice.as, "sip:+49301001@10.0.0.1");
	ck_assert_str_eq(choice.name, "Example Ltd");
	ck_assert(choice.privacy);
	allows(&w, "bob@example.org", "600", "sip:600@10.0.0.1");
	ck_assert_str_eq(choice.as, "sip:desk@else.example");
	ck_assert_str_eq(choice.name, "Desk");
	ck_assert(!choice.privacy);
	ck_assert_str_eq(choice.plan->name, "b");
	route_choice_clear(&choice);
	done(&w);
}
END_TEST

START_TEST(destinations)
{
	struct world w;

	make(&w, "[class]\npremium = +49900, +4911\ncheap = +49, +33\n"
		 "[trunk pbx]\nuri = sip:10.0.0.1\ncountry = 49\n"
		 "national = 0\nallow = @cheap, @short, 0800\n"
		 "deny = @premium\n"
		 "[plan a]\nwho = alice@example.com\ndeny = +33\n");
	allows(&w, "bob@example.com", "0033123456", "sip:0033123456@10.0.0.1");
	refuses(&w, "alice@example.com", "0033123456",
		"calls to +33 numbers are not allowed");
	refuses(&w, "bob@example.com", "+447700900123",
		"this number is not among those that you may call");
	refuses(&w, "bob@example.com", "bob",
		"this number is not among those that you may call");
	allows(&w, "bob@example.com", "600", "sip:600@10.0.0.1");
	/* however it is dialled */
	refuses(&w, "bob@example.com", "09001234567",
		"calls to premium numbers are not allowed");
	refuses(&w, "bob@example.com", "0900-123.4567",
		"calls to premium numbers are not allowed");
	refuses(&w, "bob@example.com", "00499001234567",
		"calls to premium numbers are not allowed");
	refuses(&w, "bob@example.com", "+49(0)9001234567",
		"calls to premium numbers are not allowed");
	refuses(&w, "bob@example.com", "-09001234567",
		"calls to premium numbers are not allowed");
	refuses(&w, "bob@example.com", "*21*09001234567#",
		"dial this number with + and the country");
	refuses(&w, "bob@example.com", "0900x1234567",
		"dial this number with + and the country");
	refuses(&w, "bob@example.com", "+49x900",
		"dial this number with + and the country");
	route_choice_clear(&choice);
	done(&w);
}
END_TEST

/* With the host in the address it is the user part that is dialled. */
START_TEST(escaped_destinations)
{
	struct world w;

	make(&w, "[trunk pbx]\nuri = sip:10.0.0.1\ncountry = 49\n"
		 "national = 0\naddressing = escaped\ndeny = +49900\n");
	refuses(&w, "bob@example.com", "09001234567\\4010.0.0.1",
		"calls to +49900 numbers are not allowed");
	refuses(&w, "bob@example.com", "09001234567%10.0.0.1",
		"dial this number with + and the country");
	allows(&w, "bob@example.com", "03012345\\4010.0.0.1",
	       "sip:03012345@10.0.0.1");
	allows(&w, "bob@example.com", "bob\\40example.net",
	       "sip:bob@example.net");
	route_choice_clear(&choice);
	done(&w);
}
END_TEST

START_TEST(people)
{
	char path[] = "/tmp/numbersXXXXXX", *text = NULL;
	int fd = mkstemp(path);
	struct world w;

	ck_assert_int_ge(fd, 0);
	ck_assert(dprintf(fd, "# who may\ncarol@example.com\n\n"
			      "example.org  # all of them\n") > 0);
	(void)close(fd);
	ck_assert_int_eq(
	    re_sdprintf(&text,
			"[trunk pbx]\nuri = sip:10.0.0.1\n"
			"users = alice@example.com\nusers_file = %s\n"
			"[plan none]\nwho = dave@example.org\ntrunks = pbx\n",
			path),
	    0);
	make(&w, text);
	allows(&w, "alice@example.com/phone", "600", "sip:600@10.0.0.1");
	allows(&w, "carol@example.com", "600", "sip:600@10.0.0.1");
	allows(&w, "dave@example.org", "600", "sip:600@10.0.0.1");
	refuses(&w, "eve@example.com", "600", "you may not use trunk pbx");
	refuses(&w, "alice@example.edu", "600",
		"your domain may not use this gateway");
	mem_deref(text);
	(void)unlink(path);
	route_choice_clear(&choice);
	done(&w);
}
END_TEST

START_TEST(emergency)
{
	struct world w;

	make(&w, "[emergency]\n112 = pstn\n"
		 "[trunk pbx]\nuri = sip:10.0.0.1\ndeny = *\n"
		 "[trunk pstn]\nuri = sip:10.0.0.2\ndeny = *\nadd = 9\n"
		 "users = nobody@example.com\nprivacy = yes\n"
		 "addressing = escaped\n"
		 "[route]\nno = from * to * deny\n");
	allows(&w, "alice@example.com", "112", "sip:112@10.0.0.2");
	ck_assert(choice.emergency && !choice.privacy);
	ck_assert_str_eq(choice.trunk->name, "pstn");
	allows(&w, "alice@example.com", "1-1-2", "sip:112@10.0.0.2");
	refuses(&w, "alice@example.com", "1120",
		"you may not call this address");
	refuses(&w, "eve@example.edu", "112",
		"your domain may not use this gateway");
	route_choice_clear(&choice);
	done(&w);
}
END_TEST

/* A rule sees the number as it was dialled and as what it is. */
START_TEST(rules)
{
	struct world w;

	make(&w, "[trunk pbx]\nuri = sip:10.0.0.1\ncountry = 49\n"
		 "national = 0\naddressing = trunk\n"
		 "[route]\nno = from * to +49900* deny\n"
		 "out = from * to +49* via pbx\n"
		 "in = from trunk:pbx to +4930* via xmpp:u*@example.com\n");
	allows(&w, "alice@example.com", "03012345", "sip:03012345@10.0.0.1");
	refuses(&w, "alice@example.com", "09001234567",
		"you may not call this address");
	refuses(&w, "alice@example.com", "0033123456",
		"you may not call this address");
	route_choice_clear(&choice);
	done(&w);
}
END_TEST

START_TEST(inbound)
{
	const struct config_xmpp *component;
	struct peer from, to, who = {.uri = NULL};
	struct world w;

	make(&w, "[trunk pbx]\nuri = sip:10.0.0.1\ncountry = 49\n"
		 "national = 0\naddressing = trunk\n"
		 "[route]\n"
		 "in = from trunk:pbx to +4930* via xmpp:u*@example.com\n");
	ck_assert_int_eq(str_dup(&who.uri, "sip:004989777@10.0.0.1"), 0);
	ck_assert_uint_eq(route_in(w.route, &w.conf->trunk[0],
				   "sip:03012345@10.0.0.9", &who, &from, &to,
				   &component),
			  0);
	ck_assert_str_eq(to.jid, "u12345@example.com");
	ck_assert_str_eq(from.jid, "+4989777@gw.example.com");
	ck_assert_str_eq(from.uri, "sip:004989777@10.0.0.1");
	peer_clear(&from);
	peer_clear(&to);
	ck_assert_uint_eq(route_in(w.route, &w.conf->trunk[0],
				   "sip:08912345@10.0.0.9", &who, &from, &to,
				   &component),
			  403);
	peer_clear(&who);
	done(&w);
}
END_TEST

static const struct {
	const char *text, *want;
} broken[] = {
    {"[class]\na = +49x\n", "/t.conf:10: [class] a: \"+49x\" is no prefix"},
    {"[class]\na = +\n", "/t.conf:10: [class] a: \"+\" is no prefix"},
    {"[emergency]\n112 = nowhere\n",
     "/t.conf:10: [emergency] 112: no such trunk, got \"nowhere\""},
    {"[emergency]\npolice = pbx\n", "\"police\" is no number"},
    {"[plan a]\nwho = u@example.com\ntrunks = x\n",
     "/t.conf:9: [plan a]: no such trunk, got \"x\""},
    {"[plan a]\nwho = u@example.com\ndeny = @x\n", "no class \"x\""},
    {"[plan a]\nwho = u@example.com\ndeny = bob\n", "is no prefix of numbers"},
    {"[plan a]\nwho = u@example.com\ncountry = +49\n", "must be digits"},
};

START_TEST(mistakes)
{
	struct config *conf = NULL;
	struct route *r = NULL;
	char *all = NULL;

	printed[0] = '\0';
	ck_assert_int_eq(re_sdprintf(&all,
				     "%s[trunk pbx]\nuri = sip:10.0.0.1\n%s",
				     head, broken[_i].text),
			 0);
	if (!config_parse(&conf, "/t.conf", all, strlen(all), &pf))
		ck_assert_int_eq(route_alloc(&r, conf, &pf), EBADMSG);
	ck_assert_msg(strstr(printed, broken[_i].want) != NULL, "%s", printed);
	mem_deref(conf);
	mem_deref(all);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("number");

	tcase_add_test(tc, rows);
	tcase_add_test(tc, too_long);
	tcase_add_test(tc, formats);
	tcase_add_test(tc, identity);
	tcase_add_test(tc, destinations);
	tcase_add_test(tc, escaped_destinations);
	tcase_add_test(tc, people);
	tcase_add_test(tc, emergency);
	tcase_add_test(tc, rules);
	tcase_add_test(tc, inbound);
	tcase_add_loop_test(tc, mistakes, 0,
			    (int)(sizeof(broken) / sizeof(broken[0])));

	return suite_run("bridge_number", tc);
}
