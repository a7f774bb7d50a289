/* stoxctl_help.c: help from the table. */
#include "admin/stoxctl.h"
#include <string.h>

const struct command ctl_own[] = {
    {.name = "top",
     .help = "status and calls, live; up and down scroll, q ends"},
    {.name = "completion",
     .help = "print the completion of a shell",
     .args = {{"shell", COMMAND_CHOICE, COMMAND_MUST, "Shell",
	       "bash zsh fish"}}},
    {.name = "help",
     .help = "this list, or what a command takes",
     .args = {{"command", COMMAND_WORD, COMMAND_MAY, "Command", NULL}}},
};
const size_t ctl_ownc = sizeof(ctl_own) / sizeof(ctl_own[0]);

static const char *const type_words[] = {
    [COMMAND_WORD] = "any text",
    [COMMAND_CALL] = "a call, as \"stoxctl calls\" shows it",
    [COMMAND_JID] = "an XMPP address",
    [COMMAND_NUMBER] = "a number as people type it",
    [COMMAND_ADDRESS] = "an IPv4 or IPv6 address",
    [COMMAND_COUNT] = "a number above 0",
    [COMMAND_SPAN] = "a time: 30s, 10m, 2h, 1d",
};

static void line(FILE *f, const struct command *c)
{
	char usage[256];

	command_usage(usage, sizeof(usage), c);
	fprintf(f, "  %-28s", usage);
	if (strlen(usage) > 27)
		fprintf(f, "\n  %-28s", "");
	fprintf(f, " %s\n", c->help);
}

static void list(FILE *f)
{
	for (size_t i = 0; i < command_count; i++)
		line(f, &command_table[i]);
	for (size_t i = 0; i < ctl_ownc; i++)
		line(f, &ctl_own[i]);
}

void ctl_usage(FILE *f)
{
	fputs("usage: stoxctl [-s SOCKET] [--json] COMMAND\n"
	      "\"stoxctl help\" lists the commands.\n",
	      f);
}

static void describe(const struct command *c)
{
	char usage[256];

	command_usage(usage, sizeof(usage), c);
	printf("usage: stoxctl %s\n%s\n", usage, c->help);
	for (size_t i = 0; i < command_argc(c); i++) {
		const struct command_arg *a = &c->args[i];
		char name[80];

		(void)snprintf(name, sizeof(name), "%s%s", a->name,
			       a->place == COMMAND_NAMED ? "=" : "");
		printf("  %-10s %s: ", name, a->label);
		if (a->choices)
			printf("one of: %s\n", a->choices);
		else
			printf("%s\n", type_words[a->type]);
	}
	if (c->scope == COMMAND_WRITE)
		puts("It changes the gateway; HTTP wants the write token for "
		     "it.");
	if (c->output == COMMAND_LINES)
		puts("With --json: an object a line.");
	else if (c->output == COMMAND_FILE)
		puts("Prints a file: send it somewhere with > or |.");
	else if (c->output == COMMAND_PLAIN)
		puts("There is no JSON of it.");
}

/* "call" is help on all commands that begin with it. */
static size_t describe_group(const char *word)
{
	size_t n = 0;

	for (size_t i = 0; i < command_count; i++) {
		const char *name = command_table[i].name;
		const size_t len = strlen(word);

		if (!strncmp(name, word, len) && name[len] == ' ') {
			line(stdout, &command_table[i]);
			n++;
		}
	}

	return n;
}

static const struct command *own(const char *word)
{
	for (size_t i = 0; i < ctl_ownc; i++) {
		if (!strcmp(ctl_own[i].name, word))
			return &ctl_own[i];
	}

	return NULL;
}

int ctl_help(FILE *f, const char *const *wordv, size_t wordc)
{
	const struct command *c;
	const char *near;
	size_t used;

	if (!wordc) {
		fputs("usage: stoxctl [-s SOCKET] [--json] COMMAND\n", f);
		list(f);
		fputs("  -s SOCKET  [admin] socket of the configuration, "
		      "default $STOXD_SOCKET\n"
		      "             or /run/stoxd/stoxd.sock\n"
		      "  --json     for programs\n",
		      f);
		return 0;
	}

	c = command_find(wordv, wordc, &used);
	if (!c && wordc == 1)
		c = own(wordv[0]);
	if (c) {
		describe(c);
		return 0;
	}
	if (wordc == 1 && describe_group(wordv[0]))
		return 0;

	near = command_near(wordv, wordc);
	fprintf(stderr, "stoxctl: %s: no such command", wordv[0]);
	if (near)
		fprintf(stderr, "; did you mean \"%s\"?", near);
	fputc('\n', stderr);

	return EXIT_USAGE;
}
