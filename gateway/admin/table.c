/* table.c: the one table of commands. */
#include "admin/table.h"
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/near.h"

#ifdef COMMAND_NAMES_ONLY /* stoxctl: the daemon has the functions */
#define RUN(f) NULL
#else
#include "admin/commands.h"
#define RUN(f) f
#endif

#define ID                                                                    \
	{                                                                     \
		"id", COMMAND_CALL, COMMAND_MUST, "Call", NULL                \
	}

#define MOST                                                                  \
	{                                                                     \
		"most", COMMAND_COUNT, COMMAND_NAMED, "So many at most", NULL \
	}

const struct command command_table[] = {
    {.name = "status",
     .help = "connections, trunks, number of calls, load",
     .run = RUN(cmd_status)},
    {.name = "calls",
     .help = "the calls, a line each",
     .columns = {{"id", "CALL"},
		 {"state", "STATE"},
		 {"age", "AGE"},
		 {"caller", "FROM"},
		 {"called", "TO"},
		 {"trunk", "TRUNK"},
		 {"codec", "CODEC"}},
     .none = "no calls",
     .run = RUN(cmd_calls)},
    {.name = "call show",
     .help = "one call: both sides, media, counters",
     .args = {ID},
     .run = RUN(cmd_call_show)},
    {.name = "call trace",
     .help = "a call as a ladder: XMPP, SIP and media, in order",
     .output = COMMAND_LINES,
     .args = {ID, {"how", COMMAND_CHOICE, COMMAND_MAY, "How", "ladder full"}},
     .run = RUN(cmd_call_trace)},
    {.name = "call pcap",
     .help = "the messages of a call as a file for Wireshark",
     .output = COMMAND_FILE,
     .args = {ID},
     .run = RUN(cmd_call_pcap)},
    {.name = "call media",
     .help = "the same, and the sound of a live call as it comes, in clear",
     .scope = COMMAND_WRITE,
     .output = COMMAND_FILE,
     .args = {ID, {"time", COMMAND_SPAN, COMMAND_MAY, "For how long", NULL}},
     .run = RUN(cmd_call_media)},
    {.name = "call hangup",
     .help = "end a call",
     .scope = COMMAND_WRITE,
     .args = {ID},
     .run = RUN(cmd_call_hangup)},
    {.name = "trunks",
     .help = "the trunks and how they are",
     .columns = {{"trunk", "TRUNK"}, {"status", "STATUS"}},
     .none = "no trunks",
     .run = RUN(cmd_trunks)},
    {.name = "accounts",
     .help = "SIP accounts of users, and whether they are registered",
     .args = {{"jid", COMMAND_JID, COMMAND_MAY, "User", NULL}, MOST},
     .columns = {{"user", "USER"},
		 {"account", "ACCOUNT"},
		 {"state", "STATE"},
		 {"messages", "VOICE MAIL"}},
     .none = "no accounts",
     .run = RUN(cmd_accounts)},
    {.name = "users",
     .help = "who has called lately, and what the limits counted",
     .args = {{"jid", COMMAND_JID, COMMAND_MAY, "User", NULL}, MOST},
     .columns = {{"user", "USER"},
		 {"calls", "CALLS NOW"},
		 {"calls_hour", "CALLS/HOUR"},
		 {"calls_day", "CALLS/DAY"},
		 {"minutes_hour", "MINUTES/HOUR"},
		 {"minutes_day", "MINUTES/DAY"},
		 {"plan", "PLAN"},
		 {"accounts", "ACCOUNTS"}},
     .none = "no users",
     .run = RUN(cmd_users)},
    {.name = "subscriptions",
     .help = "who sees whose presence",
     .args = {{"jid", COMMAND_JID, COMMAND_MAY, "User", NULL}, MOST},
     .columns = {{"user", "USER"},
		 {"contact", "CONTACT"},
		 {"direction", "SEES"},
		 {"at_phone", "AT THE PHONE"},
		 {"shown", "SHOWN"},
		 {"watchers", "WATCHERS"},
		 {"trunk", "TRUNK"}},
     .none = "no subscriptions",
     .run = RUN(cmd_subscriptions)},
    {.name = "messages",
     .help = "how many messages were delivered, failed, wait",
     .run = RUN(cmd_messages)},
    {.name = "limits",
     .help = "what limits calls, and how much of it is used",
     .run = RUN(cmd_limits)},
    {.name = "route test",
     .help = "what would become of a call of this user to this number",
     .args = {{"number", COMMAND_NUMBER, COMMAND_MUST, "Number", NULL},
	      {"jid", COMMAND_JID, COMMAND_MUST, "User", NULL}},
     .run = RUN(cmd_route_test)},
    {.name = "acl test",
     .help = "what a user may use, and what the limits leave",
     .args = {{"jid", COMMAND_JID, COMMAND_MUST, "User", NULL}},
     .run = RUN(cmd_acl_test)},
    {.name = "address",
     .help = "our public address is another now: running calls follow",
     .scope = COMMAND_WRITE,
     .args = {{"address", COMMAND_ADDRESS, COMMAND_MUST, "Address", NULL}},
     .run = RUN(cmd_address)},
    {.name = "reload",
     .help = "read the configuration again: all of it holds, or nothing",
     .scope = COMMAND_WRITE,
     .run = RUN(cmd_reload)},
    {.name = "drain",
     .help = "take no new calls, and exit after the last (or stay)",
     .scope = COMMAND_WRITE,
     .args = {{"then", COMMAND_CHOICE, COMMAND_MAY, "Then", "stay"}},
     .run = RUN(cmd_drain)},
    {.name = "undrain",
     .help = "take new calls again",
     .scope = COMMAND_WRITE,
     .run = RUN(cmd_undrain)},
    {.name = "trace",
     .help = "XMPP and SIP messages, all or those with a text in them",
     .output = COMMAND_LINES,
     .args = {{"text", COMMAND_WORD, COMMAND_MAY, "Text in them", NULL}},
     .run = RUN(cmd_trace)},
    {.name = "cdr",
     .help = "the last calls: who, when, how they ended, how they sounded",
     .args = {{"since", COMMAND_SPAN, COMMAND_NAMED, "Not older than", NULL},
	      {"jid", COMMAND_JID, COMMAND_NAMED, "User or contact", NULL},
	      {"number", COMMAND_NUMBER, COMMAND_NAMED, "Number", NULL},
	      {"last", COMMAND_COUNT, COMMAND_NAMED, "So many at most", NULL}},
     .columns = {{"start", "START"},
		 {"direction", "DIRECTION"},
		 {"user", "USER"},
		 {"peer", "PEER"},
		 {"outcome", "OUTCOME"},
		 {"duration", "DURATION"},
		 {"cause", "CAUSE"}},
     .none = "no calls",
     .run = RUN(cmd_cdr)},
    {.name = "metrics",
     .help = "all that is counted, as OpenMetrics or as Prometheus has it",
     .output = COMMAND_PLAIN,
     .args = {{"format", COMMAND_CHOICE, COMMAND_MAY, "Format",
	       "openmetrics prometheus"}},
     .run = RUN(cmd_metrics)},
    {.name = "log level",
     .help = "what is logged: of all, or of an area, a call or a user",
     .scope = COMMAND_WRITE,
     .args = {{"level", COMMAND_CHOICE, COMMAND_MUST, "Level",
	       "debug info warning error default"},
	      {"area", COMMAND_WORD, COMMAND_NAMED, "Area, as sip", NULL},
	      {"call", COMMAND_CALL, COMMAND_NAMED, "Call", NULL},
	      {"jid", COMMAND_JID, COMMAND_NAMED, "User", NULL},
	      {"for", COMMAND_SPAN, COMMAND_NAMED, "For how long", NULL}},
     .run = RUN(cmd_log_level)},
    {.name = "log show",
     .help = "the levels that hold",
     .columns = {{"for", "FOR"},
		 {"name", "NAME"},
		 {"level", "LEVEL"},
		 {"seconds_left", "SECONDS LEFT"}},
     .run = RUN(cmd_log_show)},
    {.name = "doctor",
     .help = "look at all that is needed from outside, and say what to do",
     .run = RUN(cmd_doctor)},
    {.name = "version",
     .help = "the version of the gateway and of its libraries",
     .run = RUN(cmd_version)},
};

const size_t command_count = sizeof(command_table) / sizeof(command_table[0]);

const struct command *command_named(const char *name)
{
	for (size_t i = 0; i < command_count; i++) {
		if (!strcmp(command_table[i].name, name))
			return &command_table[i];
	}

	return NULL;
}

/* How many of the words spell the name: all of its words, or 0. */
static size_t words_spell(const char *name, const char *const *wordv,
			  size_t wordc)
{
	size_t n = 0;

	while (*name) {
		const size_t len = strcspn(name, " ");

		if (n == wordc || strlen(wordv[n]) != len ||
		    memcmp(wordv[n], name, len) != 0)
			return 0;
		name += len + (name[len] == ' ');
		++n;
	}

	return n;
}

const struct command *command_find(const char *const *wordv, size_t wordc,
				   size_t *used)
{
	for (size_t i = 0; i < command_count; i++) {
		*used = words_spell(command_table[i].name, wordv, wordc);
		if (*used)
			return &command_table[i];
	}

	return NULL;
}

/* "hangup" means "call hangup": the last word of a name may stand for it. */
static const char *by_last_word(const char *word)
{
	for (size_t i = 0; i < command_count; i++) {
		const char *space = strchr(command_table[i].name, ' ');

		if (space && !strcmp(space + 1, word))
			return command_table[i].name;
	}

	return NULL;
}

const char *command_near(const char *const *wordv, size_t wordc)
{
	char two[64];
	struct nearest n = {.word = two};
	const char *name;

	if (!wordc)
		return NULL;
	name = by_last_word(wordv[0]);
	if (name)
		return name;

	for (size_t words = wordc > 1 ? 2 : 1; !n.best && words; words--) {
		(void)snprintf(two, sizeof(two), "%s%s%s", wordv[0],
			       words > 1 ? " " : "",
			       words > 1 ? wordv[1] : "");
		for (size_t i = 0; i < command_count; i++)
			nearest_try(&n, command_table[i].name);
	}

	return n.best;
}

size_t command_argc(const struct command *c)
{
	size_t n = 0;

	while (n < COMMAND_ARGS_MAX && c->args[n].name)
		n++;

	return n;
}

static void append(char *buf, size_t size, const char *a, const char *b,
		   const char *c)
{
	const size_t n = strlen(buf);

	(void)snprintf(buf + n, size - n, "%s%s%s", a, b, c);
}

static void upper(char *s)
{
	for (; *s; s++) {
		if (*s >= 'a' && *s <= 'z')
			*s = (char)(*s - 'a' + 'A');
	}
}

void command_usage(char *buf, size_t size, const struct command *c)
{
	(void)snprintf(buf, size, "%s", c->name);
	for (size_t i = 0; i < command_argc(c); i++) {
		const struct command_arg *a = &c->args[i];
		char what[128];

		(void)snprintf(what, sizeof(what), "%s", a->name);
		upper(what);
		if (a->choices) {
			(void)snprintf(what, sizeof(what), "%s", a->choices);
			for (char *p = what; *p; p++)
				*p = *p == ' ' ? '|' : *p;
		}
		if (a->place == COMMAND_MUST)
			append(buf, size, " ", what, "");
		else if (a->place == COMMAND_MAY)
			append(buf, size, " [", what, "]");
		else {
			append(buf, size, " [", a->name, "=");
			append(buf, size, "", what, "]");
		}
	}
}

/* ---- arguments ---- */

/* "name=value" of an argument that goes by its name. */
static const char *named_value(const struct command *c, const char *word,
			       size_t *index)
{
	const size_t len = strcspn(word, "=");

	for (size_t i = 0; word[len] && i < command_argc(c); i++) {
		const char *name = c->args[i].name;

		if (c->args[i].place == COMMAND_NAMED && strlen(name) == len &&
		    !memcmp(name, word, len)) {
			*index = i;
			return word + len + 1;
		}
	}

	return NULL;
}

/* The first place that nothing stands in yet; argc: none. */
static size_t free_place(const struct command *c, const char *const *argv)
{
	size_t i = 0;

	while (i < command_argc(c) &&
	       (argv[i] || c->args[i].place == COMMAND_NAMED))
		i++;

	return i;
}

int command_fill(const char **argv, const struct command *c,
		 const char *const *wordv, size_t wordc)
{
	for (size_t i = 0; i < COMMAND_ARGS_MAX; i++)
		argv[i] = NULL;

	for (size_t w = 0; w < wordc; w++) {
		size_t i;
		const char *value = named_value(c, wordv[w], &i);

		if (!value) {
			i = free_place(c, argv);
			value = wordv[w];
		}
		if (i == command_argc(c) || argv[i])
			return EINVAL;
		argv[i] = value;
	}

	for (size_t i = 0; i < command_argc(c); i++) {
		if (c->args[i].place == COMMAND_MUST && !argv[i])
			return EINVAL;
	}

	return 0;
}

size_t command_choice(const struct command_arg *a, size_t i, const char **p)
{
	const char *s = a->choices ? a->choices : "";

	for (; *s; s += strspn(s, " ")) {
		const size_t len = strcspn(s, " ");

		if (!i--) {
			*p = s;
			return len;
		}
		s += len;
	}

	return 0;
}

unsigned long command_span(const char *text)
{
	static const char units[] = "smhd";
	static const unsigned long seconds[] = {1, 60, 3600, 86400};
	enum { DIGITS_MAX = 5 };
	const size_t digits = strspn(text, "0123456789");
	const char *unit;

	if (!digits || digits > DIGITS_MAX || !text[digits])
		return 0;
	unit = strchr(units, text[digits]);
	if (!unit || text[digits + 1])
		return 0;

	return strtoul(text, NULL, 10) * seconds[unit - units];
}

static int is_choice(const struct command_arg *a, const char *v)
{
	const char *p;
	size_t len;

	for (size_t i = 0; (len = command_choice(a, i, &p)); i++) {
		if (strlen(v) == len && !memcmp(v, p, len))
			return 1;
	}

	return 0;
}

static int is_count(const char *v)
{
	enum { DIGITS_MAX = 9 };
	const size_t len = strlen(v);

	return len && len <= DIGITS_MAX && strspn(v, "0123456789") == len &&
	       strspn(v, "0") < len;
}

static int is_address(const char *v)
{
	unsigned char a[16];

	return inet_pton(AF_INET, v, a) == 1 || inet_pton(AF_INET6, v, a) == 1;
}

static const char *arg_judge(const struct command_arg *a, const char *v)
{
	if (!*v)
		return "empty";
	if (strlen(v) > COMMAND_TEXT_MAX)
		return "too long";

	switch (a->type) {
	case COMMAND_ADDRESS:
		return is_address(v) ? NULL : "not an IPv4 or IPv6 address";
	case COMMAND_COUNT:
		return is_count(v) ? NULL : "not a whole number above 0";
	case COMMAND_SPAN:
		return command_span(v) ? NULL
				       : "not a time such as 30s, 10m, 2h, 1d";
	case COMMAND_CHOICE:
		return is_choice(a, v) ? NULL : a->choices;
	case COMMAND_WORD:
	case COMMAND_CALL:
	case COMMAND_JID:
	case COMMAND_NUMBER:
		break;
	}

	return NULL;
}

const char *command_judge(const struct command *c, const char *const *argv,
			  size_t *which)
{
	for (size_t i = 0; i < command_argc(c); i++) {
		const char *why =
		    argv[i] ? arg_judge(&c->args[i], argv[i]) : NULL;

		if (why) {
			*which = i;
			return why;
		}
	}

	return NULL;
}
